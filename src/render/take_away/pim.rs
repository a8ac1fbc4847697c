//! Role-management rules, and the standing assignments that become eligible under them.

use super::{ARM, Draft, GRAPH, Kit, az, text, word};
use crate::render::{RenderError, slug};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const REQUESTS: &str = "api-version=2020-10-01";

pub(super) fn rules(kit: &mut Kit, draft: &Draft<'_>) -> Result<(), RenderError> {
    let own = match &draft.document.body {
        Value::Array(rules) => rules.clone(),
        other => other.get("rules").and_then(Value::as_array).cloned().unwrap_or_default(),
    };
    let (azure, directory): (Vec<_>, Vec<_>) = draft.document.targets.iter().partition(|t| t.id.starts_with('/'));
    if !azure.is_empty() || directory.is_empty() {
        let file = format!("{}.json", draft.stem);
        kit.file(&file, &json!({ "properties": { "rules": own } }))?;
        for (n, target) in azure.iter().enumerate() {
            let before = format!("{}.before-{}.json", draft.stem, n + 1);
            kit.file(&before, &target.before)?;
            let url = format!("{ARM}{}?{REQUESTS}", target.id);
            kit.deploy(&format!("now {}", az("patch", &url, Some(&file))));
            kit.revert(&az("patch", &url, Some(&before)));
        }
        if azure.is_empty() {
            kit.deploy(&format!("# {file} goes to the management policy of each role; these list them:"));
            for scope in draft.scopes() {
                let url = format!(
                    "{ARM}{scope}/providers/Microsoft.Authorization/roleManagementPolicyAssignments?{REQUESTS}"
                );
                kit.deploy(&az("get", &url, None));
            }
            if draft.scopes().is_empty() {
                draft.nowhere(kit);
            }
        }
    }
    for target in &directory {
        for rule in &own {
            let rule = graph_rule(rule);
            let id = text(&rule, "/id").unwrap_or_default().to_owned();
            let file = format!("{}-{}.json", draft.stem, slug(&id));
            kit.file(&file, &rule)?;
            let url = format!("{GRAPH}/policies/roleManagementPolicies/{}/rules/{id}", target.id);
            kit.deploy(&format!("now {}", az("patch", &url, Some(&file))));
        }
        for rule in target.before.pointer("/properties/rules").and_then(Value::as_array).into_iter().flatten() {
            let rule = graph_rule(rule);
            let id = text(&rule, "/id").unwrap_or_default().to_owned();
            let file = format!("{}.before-{}.json", draft.stem, slug(&id));
            kit.file(&file, &rule)?;
            kit.revert(&az(
                "patch",
                &format!("{GRAPH}/policies/roleManagementPolicies/{}/rules/{id}", target.id),
                Some(&file),
            ));
        }
    }
    eligible(kit, draft, &own)
}

/// A rule as Microsoft Graph takes it: its type in `@odata.type`.
fn graph_rule(rule: &Value) -> Value {
    let mut rule = rule.clone();
    if let Value::Object(members) = &mut rule
        && let Some(Value::String(kind)) = members.remove("ruleType")
    {
        members.insert("@odata.type".to_owned(), json!(format!("#microsoft.graph.unified{kind}")));
    }
    rule
}

/// Each standing assignment asked for as an eligible one, then taken away: in this order nobody is locked out.
fn eligible(kit: &mut Kit, draft: &Draft<'_>, rules: &[Value]) -> Result<(), RenderError> {
    let longest = rules
        .iter()
        .find(|rule| text(rule, "/id") == Some("Expiration_Admin_Eligibility"))
        .filter(|rule| rule.get("isExpirationRequired") == Some(&json!(true)))
        .and_then(|rule| text(rule, "/maximumDuration"));
    let expiration = match longest {
        Some(longest) => json!({ "type": "AfterDuration", "duration": longest }),
        None => json!({ "type": "NoExpiration" }),
    };
    if !draft.document.eligible.is_empty() {
        kit.deploy("# keep an emergency account standing: leave out its two lines below, and say in PIM who approves");
    }
    for (n, held) in draft.document.eligible.iter().enumerate() {
        let file = format!("{}.eligible-{}.json", draft.stem, n + 1);
        if !held.assignment.starts_with('/') {
            let body = json!({ "action": "adminAssign", "principalId": held.principal, "roleDefinitionId": held.role,
                "directoryScopeId": held.scope, "justification": "standing assignment made eligible",
                "scheduleInfo": { "expiration": graph_expiration(&expiration) } });
            kit.file(&file, &body)?;
            let url = format!("{GRAPH}/roleManagement/directory/roleEligibilityScheduleRequests");
            kit.deploy(&format!("now {}", az("post", &url, Some(&file))));
            let assignment = format!("{GRAPH}/roleManagement/directory/roleAssignments/{}", held.assignment);
            kit.deploy(&format!("now {}", az("delete", &assignment, None)));
            let back = format!("{}.standing-{}.json", draft.stem, n + 1);
            kit.file(&back, &json!({ "principalId": held.principal, "roleDefinitionId": held.role, "directoryScopeId": held.scope }))?;
            kit.revert(&az("post", &format!("{GRAPH}/roleManagement/directory/roleAssignments"), Some(&back)));
            continue;
        }
        let definition = format!(
            "{}/providers/Microsoft.Authorization/roleDefinitions/{}",
            held.scope.trim_end_matches('/'),
            held.role
        );
        let body = json!({ "properties": { "principalId": held.principal, "roleDefinitionId": definition,
            "requestType": "AdminAssign", "justification": "standing assignment made eligible",
            "scheduleInfo": { "expiration": expiration } } });
        kit.file(&file, &body)?;
        let base = held.scope.trim_end_matches('/');
        let request = guid(&format!("{}/{}", draft.control.id, held.assignment));
        let url = format!(
            "{ARM}{base}/providers/Microsoft.Authorization/roleEligibilityScheduleRequests/{request}?{REQUESTS}"
        );
        kit.deploy(&format!("now {}", az("put", &url, Some(&file))));
        kit.deploy(&format!("now az role assignment delete --ids {}", word(&held.assignment)));
        let back = format!("{}.standing-{}.json", draft.stem, n + 1);
        kit.file(&back, &json!({ "properties": { "principalId": held.principal, "roleDefinitionId": definition } }))?;
        kit.revert(&az("put", &format!("{ARM}{}?api-version=2022-04-01", held.assignment), Some(&back)));
    }
    Ok(())
}

/// Graph spells the same with a small letter.
fn graph_expiration(expiration: &Value) -> Value {
    let mut expiration = expiration.clone();
    if let Some(kind) = text(&expiration, "/type").map(|kind| {
        let mut letters = kind.chars();
        letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
    }) {
        expiration["type"] = json!(kind);
    }
    expiration
}

/// The same request has the same name everywhere (RFC 9562, version 8: a hash of our own).
fn guid(name: &str) -> String {
    let hash = Sha256::digest(format!("cutset/request/{name}"));
    let hex: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), &format!("8{}", part(13, 16)), &format!("a{}", part(17, 20)), part(20, 32)].join("-")
}
