//! Conditional access policies and the named locations they need.

use super::{Draft, GRAPH, Kit, az, text, word};
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
        kit.deploy("# a policy names the location by the id that this line returns");
        return create(kit, &format!("{GRAPH}/identity/conditionalAccess/namedLocations"), stem, &file);
    }
    kit.file(&file, &writable(body, Some("enabledForReportingButNotEnforced")))?;
    let policies = format!("{GRAPH}/identity/conditionalAccess/policies");
    let own = draft.document.targets.first().filter(|_| text(body, "/id").is_some());
    let Some(own) = own else {
        create(kit, &policies, stem, &file)?;
        kit.deploy(&format!(
            "now az rest --method patch --url \"{policies}/$(cat {})\" --body '{{\"state\":\"enabled\"}}'",
            word(&format!("{stem}.id"))
        ));
        return Ok(());
    };
    // The tenant's own policy is changed where it stands.
    let (before, enforce) = (format!("{stem}.before.json"), format!("{stem}.enforce.json"));
    let url = format!("{policies}/{}", own.id);
    kit.file(&before, &writable(&own.before, None))?;
    kit.file(&enforce, &writable(body, Some("enabled")))?;
    match text(&own.before, "/state") {
        Some("enabledForReportingButNotEnforced") => {
            kit.deploy("# the policy reports already: read what it reported, then put it in force")
        }
        Some(_) | None => kit.deploy(&az("patch", &url, Some(&file))),
    }
    kit.deploy(&format!("now {}", az("patch", &url, Some(&enforce))));
    kit.revert(&az("patch", &url, Some(&before)));
    Ok(())
}

/// Makes an object and keeps its id, by which it is found again.
fn create(kit: &mut Kit, url: &str, stem: &str, file: &str) -> Result<(), RenderError> {
    let id = word(&format!("{stem}.id"));
    kit.deploy(&format!("{} --query id --output tsv > {id}", az("post", url, Some(file))));
    kit.revert(&format!("if [ -s {id} ]; then az rest --method delete --url \"{url}/$(cat {id})\"; rm -f {id}; fi"));
    Ok(())
}
