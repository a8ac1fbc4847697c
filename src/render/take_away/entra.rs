//! Conditional access policies and the named locations they need.

use super::script::once;
use super::{Draft, GRAPH, Kit, Phase, az, text, word};
use crate::render::RenderError;
use serde_json::{Value, json};

/// What the service sets itself and takes from nobody.
const READ_ONLY: &[&str] = &[
    "id",
    "createdDateTime",
    "modifiedDateTime",
    "deletedDateTime",
    "templateId",
    "partialEnablementStrategy",
    "@odata.context",
    "@odata.type",
];

fn writable(body: &Value, state: Option<&str>) -> Value {
    let mut body = body.clone();
    if let Value::Object(members) = &mut body {
        members.retain(|name, _| !READ_ONLY.contains(&name.as_str()) && !name.contains("@odata."));
        if let Some(state) = state {
            members.insert("state".to_owned(), json!(state));
        }
    }
    body
}

pub(super) fn conditional_access(kit: &mut Kit, draft: &Draft<'_>) -> Result<(), RenderError> {
    let body = &draft.document.body;
    let (file, stem) = (format!("{}.json", draft.stem), &draft.stem);
    if body.get("conditions").is_none() {
        let kind = body.get("@odata.type").cloned();
        let mut location = writable(body, None);
        if let (Some(kind), Value::Object(members)) = (kind, &mut location) {
            members.insert("@odata.type".to_owned(), kind);
        }
        kit.file(&file, &location)?;
        kit.script.say(Phase::Prepare, "a policy names the location by the id that this line keeps beside it");
        create(kit, Phase::Prepare, &format!("{GRAPH}/identity/conditionalAccess/namedLocations"), stem, &file);
        return Ok(());
    }
    kit.file(&file, &writable(body, Some("enabledForReportingButNotEnforced")))?;
    let policies = format!("{GRAPH}/identity/conditionalAccess/policies");
    let own = draft.document.targets.first().filter(|_| text(body, "/id").is_some());
    let Some(own) = own else {
        create(kit, Phase::Report, &policies, stem, &file);
        // Taken back with the policy itself.
        let enforce = format!(
            "now once {} az rest --method patch --url \"{policies}/$(cat {})\" --body '{{\"state\":\"enabled\"}}'",
            word(&format!("{stem}.enforced")),
            word(&format!("{stem}.id"))
        );
        let forget = format!("rm -f -- {}", word(&format!("{stem}.enforced")));
        kit.script.act(Phase::Enforce, vec![enforce], vec![forget]);
        return Ok(());
    };
    // The tenant's own policy is changed where it stands, in what differs and nothing else.
    let (before, enforce) = (format!("{stem}.before.json"), format!("{stem}.enforce.json"));
    let url = format!("{policies}/{}", own.id);
    let (old, new) = (writable(&own.before, None), writable(body, Some("enabled")));
    kit.file(&before, &differing(&old, &new))?;
    kit.file(&enforce, &differing(&new, &old))?;
    let back = az("patch", &url, Some(&before));
    match text(&own.before, "/state") {
        Some("enabledForReportingButNotEnforced") => {
            kit.script.say(Phase::Report, "the policy reports already: read what it reported, then put it in force")
        }
        Some(_) | None => {
            let report = format!("{stem}.report.json");
            kit.file(&report, &differing(&writable(body, Some("enabledForReportingButNotEnforced")), &old))?;
            let (line, undo) = once(&format!("{stem}.reporting"), &az("patch", &url, Some(&report)), &back);
            kit.script.act(Phase::Report, vec![line], vec![undo]);
        }
    }
    let (line, undo) = once(&format!("{stem}.enforced"), &az("patch", &url, Some(&enforce)), &back);
    kit.script.act(Phase::Enforce, vec![format!("now {line}")], vec![undo]);
    Ok(())
}

/// Members of the one that the other has otherwise.
fn differing(of: &Value, from: &Value) -> Value {
    let members = of.as_object().into_iter().flatten();
    Value::Object(
        members.filter(|(name, value)| from.get(name) != Some(value)).map(|(n, v)| (n.clone(), v.clone())).collect(),
    )
}

/// Makes an object and keeps its id, by which it is found again.
fn create(kit: &mut Kit, phase: Phase, url: &str, stem: &str, file: &str) {
    let id = word(&format!("{stem}.id"));
    let line = format!("post {} {} {id}", word(url), word(file));
    kit.script.act(phase, vec![line], vec![format!("unmade {} {id}", word(url))]);
}
