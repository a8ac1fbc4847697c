//! Documents of Azure Resource Manager: policies, patches of resources, locks, role assignments.

use super::script::{once, put};
use super::{ARM, Draft, Kit, Phase, az, text, word};
use crate::analysis::ControlDocument;
use crate::render::{RenderError, slug};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// *Policy Assignments - Create*, *Policy Definitions - Create Or Update*.
const POLICY: &str = "api-version=2025-03-01";
/// *Role Assignments - Create*.
pub(super) const ROLES: &str = "api-version=2022-04-01";
/// *Management Locks - Create Or Update By Scope*.
const LOCKS: &str = "api-version=2020-05-01";

/// A name of the kit's own: nothing of the tenant's is replaced by mistake. Assignments at a management group have at
/// most 24 characters, elsewhere 64.
fn own_name(of: &str, scope: &str) -> String {
    let longest = if scope.to_lowercase().contains("/managementgroups/") { 24 } else { 64 };
    let name = format!("cutset-{}", slug(of));
    if name.len() <= longest {
        return name;
    }
    let hash: String = Sha256::digest(&name).iter().take(3).map(|byte| format!("{byte:02x}")).collect();
    let start: String = name.chars().take(longest - 7).collect();
    format!("{}-{hash}", start.trim_end_matches('-'))
}

/// The kind of an Azure Policy document, as its id spells it.
fn kind(body: &Value) -> &'static str {
    if body.pointer("/properties/policyDefinitionId").is_some() {
        "policyAssignments"
    } else if body.pointer("/properties/policyDefinitions").is_some() {
        "policySetDefinitions"
    } else {
        "policyDefinitions"
    }
}

/// Where a document of the control's own stands when it is assigned at this scope.
fn placed_at(scope: &str, body: &Value, otherwise: &str) -> (String, String) {
    let name = own_name(text(body, "/name").unwrap_or(otherwise), scope);
    let id = format!("{}/providers/Microsoft.Authorization/{}/{name}", scope.trim_end_matches('/'), kind(body));
    (name, id)
}

pub(super) fn policy(kit: &mut Kit, draft: &Draft<'_>) -> Result<(), RenderError> {
    let body = &draft.document.body;
    let file = format!("{}.json", draft.stem);
    let own = draft.document.targets.iter().find(|t| t.id.to_lowercase().contains("/policyassignments/"));
    if let Some(own) = own {
        // The tenant's own assignment: what it is, what enforces it, what it was.
        let url = format!("{ARM}{}?{POLICY}", own.id);
        let (before, enforce) = (format!("{}.before.json", draft.stem), format!("{}.enforce.json", draft.stem));
        kit.file(&file, &enforced(body, "DoNotEnforce"))?;
        kit.file(&enforce, &enforced(body, "Default"))?;
        kit.file(&before, &own.before)?;
        let back = az("put", &url, Some(&before));
        let (line, undo) = once(&format!("{}.reporting", draft.stem), &az("put", &url, Some(&file)), &back);
        kit.script.act(Phase::Report, vec![line], vec![undo]);
        let (line, undo) = once(&format!("{}.enforced", draft.stem), &az("put", &url, Some(&enforce)), &back);
        kit.script.act(Phase::Enforce, vec![format!("now {line}")], vec![undo]);
        return Ok(());
    }
    // A definition of one's own stands where it is assigned; those of the platform have their ids everywhere.
    let siblings = || draft.control.documents.iter().filter(|d| d.family == "azure-policy");
    let scopes: Vec<String> = siblings().flat_map(|d| d.targets.iter().map(|t| t.id.clone())).collect();
    let mut scopes = if scopes.is_empty() { draft.scopes() } else { scopes };
    scopes.sort();
    scopes.dedup_by(|a, b| a.eq_ignore_ascii_case(b));
    if scopes.is_empty() {
        kit.file(&file, &enforced(body, "DoNotEnforce"))?;
        draft.nowhere(kit);
        return Ok(());
    }
    for (n, scope) in scopes.iter().enumerate() {
        let part = if n == 0 { draft.stem.clone() } else { format!("{}-{}", draft.stem, n + 1) };
        let file = format!("{part}.json");
        let (name, id) = placed_at(scope, body, &draft.control.id);
        let url = format!("{ARM}{id}?{POLICY}");
        let mut placed = body.clone();
        placed["id"] = json!(id);
        placed["name"] = json!(name);
        let (line, undo) = put(&url, &file, &format!("{part}.made"));
        if kind(body) != "policyAssignments" {
            kit.file(&file, &placed)?;
            kit.script.act(Phase::Prepare, vec![line], vec![undo]);
            continue;
        }
        let named = text(body, "/properties/policyDefinitionId").unwrap_or_default();
        let of = |d: &&ControlDocument| text(&d.body, "/id").is_some_and(|id| id.eq_ignore_ascii_case(named));
        if let Some(definition) = siblings().find(of) {
            let (_, id) = placed_at(scope, &definition.body, &draft.control.id);
            placed["properties"]["policyDefinitionId"] = json!(id);
        }
        placed["properties"]["scope"] = json!(scope);
        let enforce = format!("{part}.enforce.json");
        kit.file(&file, &enforced(&placed, "DoNotEnforce"))?;
        kit.file(&enforce, &enforced(&placed, "Default"))?;
        kit.script.act(Phase::Report, vec![line], vec![undo]);
        let (line, _) = put(&url, &enforce, &format!("{part}.made"));
        kit.script.act(Phase::Enforce, vec![format!("now {line}")], Vec::new());
    }
    Ok(())
}

fn enforced(body: &Value, mode: &str) -> Value {
    let mut body = body.clone();
    if let Some(Value::Object(properties)) = body.get_mut("properties")
        && properties.contains_key("policyDefinitionId")
    {
        properties.insert("enforcementMode".to_owned(), json!(mode));
    }
    body
}

/// The newest stable version of the provider's interface that takes a PATCH of this type.
fn version(id: &str) -> &'static str {
    let lower = id.to_lowercase();
    [
        ("/providers/microsoft.storage/", "2025-01-01"),
        ("/providers/microsoft.keyvault/", "2024-11-01"),
        ("/providers/microsoft.compute/disks/", "2025-01-02"),
        ("/providers/microsoft.compute/snapshots/", "2025-01-02"),
        ("/providers/microsoft.compute/", "2025-04-01"),
        ("/providers/microsoft.sql/", "2023-08-01"),
        ("/providers/microsoft.documentdb/", "2025-04-15"),
        ("/providers/microsoft.cognitiveservices/", "2025-06-01"),
        ("/providers/microsoft.web/", "2024-11-01"),
        ("/providers/microsoft.containerregistry/", "2023-07-01"),
    ]
    .iter()
    .find(|(provider, _)| lower.contains(provider))
    .map_or("<api version of this type>", |(_, version)| version)
}

pub(super) fn patch(kit: &mut Kit, draft: &Draft<'_>) -> Result<(), RenderError> {
    let file = format!("{}.json", draft.stem);
    kit.file(&file, &draft.document.body)?;
    let scopes = draft.scopes();
    if scopes.is_empty() {
        draft.nowhere(kit);
    }
    for (n, scope) in scopes.iter().enumerate() {
        let url = format!("{ARM}{scope}?api-version={}", version(scope));
        let line = az("patch", &url, Some(&file));
        match draft.document.targets.get(n) {
            Some(target) => {
                let before = format!("{}.before-{}.json", draft.stem, n + 1);
                kit.file(&before, &target.before)?;
                let mark = format!("{}.patched-{}", draft.stem, n + 1);
                let (line, undo) = once(&mark, &line, &az("patch", &url, Some(&before)));
                kit.script.act(Phase::Enforce, vec![format!("now {line}")], vec![undo]);
            }
            None => {
                let unknown = format!("# what {} held before is not known here", super::plain(scope));
                kit.script.act(Phase::Enforce, vec![format!("now {line}")], vec![unknown]);
            }
        }
    }
    Ok(())
}

pub(super) fn lock(kit: &mut Kit, draft: &Draft<'_>) -> Result<(), RenderError> {
    let file = format!("{}.json", draft.stem);
    let name = own_name(text(&draft.document.body, "/name").unwrap_or(&draft.control.id), "");
    let mut body = draft.document.body.clone();
    body["name"] = json!(name);
    kit.file(&file, &body)?;
    let scopes = draft.scopes();
    if scopes.is_empty() {
        draft.nowhere(kit);
    }
    for (n, scope) in scopes.iter().enumerate() {
        let url = format!("{ARM}{scope}/providers/Microsoft.Authorization/locks/{name}?{LOCKS}");
        let (line, undo) = put(&url, &file, &format!("{}.made-{}", draft.stem, n + 1));
        kit.script.act(Phase::Lock, vec![format!("now {line}")], vec![undo]);
    }
    Ok(())
}

pub(super) fn roles(kit: &mut Kit, draft: &Draft<'_>) -> Result<(), RenderError> {
    let body = &draft.document.body;
    kit.file(&format!("{}.json", draft.stem), body)?;
    for (n, target) in draft.document.targets.iter().enumerate() {
        let before = format!("{}.before-{}.json", draft.stem, n + 1);
        kit.file(&before, &target.before)?;
        let (line, undo) = once(
            &format!("{}.removed-{}", draft.stem, n + 1),
            &format!("az role assignment delete --ids {}", word(&target.id)),
            &az("put", &format!("{ARM}{}?{ROLES}", target.id), Some(&before)),
        );
        kit.script.act(Phase::Enforce, vec![format!("now {line}")], vec![undo]);
    }
    if draft.document.targets.is_empty() {
        for id in
            body.get("remove").and_then(Value::as_array).into_iter().flatten().filter_map(|entry| text(entry, "/id"))
        {
            let line = format!("now az role assignment delete --ids {}", word(id));
            kit.script.act(Phase::Enforce, vec![line], Vec::new());
        }
    }
    for (n, added) in body.get("add").and_then(Value::as_array).into_iter().flatten().enumerate() {
        if let (Some(principal), Some(role), Some(scope)) =
            (text(added, "/principal"), text(added, "/role"), text(added, "/scope"))
        {
            let id = word(&format!("{}.granted-{}", draft.stem, n + 1));
            let line = format!("now grant {} {} {} {id}", word(principal), word(role), word(scope));
            kit.script.act(Phase::Give, vec![line], vec![format!("ungranted {id}")]);
        }
    }
    Ok(())
}
