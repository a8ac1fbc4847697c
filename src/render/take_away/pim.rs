//! Role-management rules, and the standing assignments that become eligible under them.

use super::script::once;
use super::{ARM, Draft, GRAPH, Kit, Phase, az, text, word};
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
    // Directory roles whose policies no export holds: looked up when it is run, before anybody's role is taken.
    let held = draft.document.eligible.iter().filter(|held| !held.assignment.starts_with('/'));
    let mut roles: Vec<&str> = held.map(|held| held.role.as_str()).collect();
    roles.sort_unstable();
    roles.dedup();
    let unknown = azure.is_empty() && directory.is_empty() && !roles.is_empty();
    for role in roles.iter().filter(|_| unknown) {
        for rule in own.iter().map(graph_rule) {
            let id = text(&rule, "/id").unwrap_or_default();
            let file = format!("{}-{}.json", draft.stem, slug(id));
            kit.file(&file, &rule)?;
            let mark = word(&format!("{}.rule-{}-{}", draft.stem, slug(role), slug(id)));
            let line = format!("now once {mark} rule {} {} {}", word(role), word(id), word(&file));
            kit.script.act(Phase::Prepare, vec![line], Vec::new());
        }
    }
    if unknown {
        let text = "what these rules said before is in no export: note it first";
        kit.script.say(Phase::Prepare, text);
    } else if !azure.is_empty() || directory.is_empty() {
        let file = format!("{}.json", draft.stem);
        kit.file(&file, &json!({ "properties": { "rules": own } }))?;
        for (n, target) in azure.iter().enumerate() {
            let before = format!("{}.before-{}.json", draft.stem, n + 1);
            kit.file(&before, &target.before)?;
            let url = format!("{ARM}{}?{REQUESTS}", target.id);
            let (line, undo) = once(
                &format!("{}.rules-{}", draft.stem, n + 1),
                &az("patch", &url, Some(&file)),
                &az("patch", &url, Some(&before)),
            );
            kit.script.act(Phase::Prepare, vec![format!("now {line}")], vec![undo]);
        }
        if azure.is_empty() {
            let says = format!("# {file} goes to the management policy of each role; these list them:");
            let list = |scope: &String| {
                let scope = scope.trim_end_matches('/');
                let kind = "providers/Microsoft.Authorization/roleManagementPolicyAssignments";
                az("get", &format!("{ARM}{scope}/{kind}?{REQUESTS}"), None)
            };
            let lines = std::iter::once(says).chain(draft.scopes().iter().map(list)).collect();
            kit.script.act(Phase::Prepare, lines, Vec::new());
            if draft.scopes().is_empty() {
                draft.nowhere(kit);
            }
        }
    }
    for target in &directory {
        let policy = format!("{GRAPH}/policies/roleManagementPolicies/{}/rules", target.id);
        let before = target.before.pointer("/properties/rules").and_then(Value::as_array);
        let before: Vec<Value> = before.into_iter().flatten().map(graph_rule).collect();
        for rule in &own {
            let rule = graph_rule(rule);
            let id = text(&rule, "/id").unwrap_or_default().to_owned();
            let file = format!("{}-{}.json", draft.stem, slug(&id));
            kit.file(&file, &rule)?;
            let url = format!("{policy}/{id}");
            let line = az("patch", &url, Some(&file));
            let old = before.iter().find(|rule| text(rule, "/id") == Some(&id));
            let Some(old) = old else {
                kit.script.act(Phase::Prepare, vec![format!("now {line}")], Vec::new());
                continue;
            };
            let old_file = format!("{}.before-{}.json", draft.stem, slug(&id));
            kit.file(&old_file, old)?;
            let mark = format!("{}.rule-{}-{}", draft.stem, slug(&target.id), slug(&id));
            let (line, undo) = once(&mark, &line, &az("patch", &url, Some(&old_file)));
            kit.script.act(Phase::Prepare, vec![format!("now {line}")], vec![undo]);
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

/// Each standing assignment asked for as an eligible one, then taken away: in this order nobody is locked out. Back the
/// other way round: standing again, then eligible no more.
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
        let text = "keep an emergency account standing: leave out its two lines below, and say in PIM who approves";
        kit.script.say(Phase::Enforce, text);
    }
    for (n, held) in draft.document.eligible.iter().enumerate() {
        let number = n + 1;
        let name = |what: &str| format!("{}.{what}-{number}.json", draft.stem);
        let (asked, dropped, back) = (name("eligible"), name("eligible-no-more"), name("standing"));
        let azure = held.assignment.starts_with('/');
        let requests: [String; 2];
        let standing: [String; 2];
        if azure {
            let base = held.scope.trim_end_matches('/');
            let definition = format!("{base}/providers/Microsoft.Authorization/roleDefinitions/{}", held.role);
            let request = |kind: &str| {
                let id = guid(&format!("{kind}{}/{}", draft.control.id, held.assignment));
                format!("{ARM}{base}/providers/Microsoft.Authorization/roleEligibilityScheduleRequests/{id}?{REQUESTS}")
            };
            let body = |kind: &str, why: &str| {
                json!({ "principalId": held.principal, "roleDefinitionId": definition, "requestType": kind,
                    "justification": why })
            };
            let mut ask = body("AdminAssign", ASKED);
            ask["scheduleInfo"] = json!({ "expiration": expiration });
            kit.file(&asked, &json!({ "properties": ask }))?;
            kit.file(&dropped, &json!({ "properties": body("AdminRemove", DROPPED) }))?;
            kit.file(
                &back,
                &json!({ "properties": { "principalId": held.principal, "roleDefinitionId": definition } }),
            )?;
            requests = [az("put", &request(""), Some(&asked)), az("put", &request("remove "), Some(&dropped))];
            standing = [
                format!("az role assignment delete --ids {}", word(&held.assignment)),
                az("put", &format!("{ARM}{}?{}", held.assignment, super::azure::ROLES), Some(&back)),
            ];
        } else {
            let body = |kind: &str, why: &str| {
                json!({ "action": kind, "principalId": held.principal, "roleDefinitionId": held.role,
                    "directoryScopeId": held.scope, "justification": why })
            };
            let mut ask = body("adminAssign", ASKED);
            ask["scheduleInfo"] = json!({ "expiration": graph_expiration(&expiration) });
            kit.file(&asked, &ask)?;
            kit.file(&dropped, &body("adminRemove", DROPPED))?;
            kit.file(
                &back,
                &json!({ "@odata.type": "#microsoft.graph.unifiedRoleAssignment",
                "principalId": held.principal, "roleDefinitionId": held.role, "directoryScopeId": held.scope }),
            )?;
            let url = format!("{GRAPH}/roleManagement/directory/roleEligibilityScheduleRequests");
            requests = [az("post", &url, Some(&asked)), az("post", &url, Some(&dropped))];
            let assignments = format!("{GRAPH}/roleManagement/directory/roleAssignments");
            standing = [
                az("delete", &format!("{assignments}/{}", held.assignment), None),
                az("post", &assignments, Some(&back)),
            ];
        }
        let [ask, drop] = requests;
        let [take, give] = standing;
        let (ask, drop) = once(&format!("{}.asked-{number}", draft.stem), &ask, &drop);
        let (take, give) = once(&format!("{}.taken-{number}", draft.stem), &take, &give);
        let lines = vec![format!("now {ask}"), format!("now {take}")];
        kit.script.act(Phase::Enforce, lines, vec![give, drop]);
    }
    Ok(())
}

const ASKED: &str = "standing assignment made eligible";
const DROPPED: &str = "standing assignment put back";

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
