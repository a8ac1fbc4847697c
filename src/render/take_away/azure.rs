//! Documents of Azure Resource Manager: policies, patches of resources, locks, role assignments.

use super::{ARM, Draft, Kit, az, text, word};
use crate::render::{RenderError, slug};
use serde_json::{Value, json};

const POLICY: &str = "api-version=2023-04-01";

pub(super) fn policy(kit: &mut Kit, draft: &Draft<'_>) -> Result<(), RenderError> {
    let body = &draft.document.body;
    let assignment = body.pointer("/properties/policyDefinitionId").is_some();
    let file = format!("{}.json", draft.stem);
    let own = draft.document.targets.iter().find(|t| t.id.to_lowercase().contains("/policyassignments/"));
    if let Some(own) = own {
        // The tenant's own assignment: what it is, what enforces it, what it was.
        let url = format!("{ARM}{}?{POLICY}", own.id);
        let (before, enforce) = (format!("{}.before.json", draft.stem), format!("{}.enforce.json", draft.stem));
        kit.file(&file, &enforced(body, "DoNotEnforce"))?;
        kit.file(&enforce, &enforced(body, "Default"))?;
        kit.file(&before, &own.before)?;
        kit.deploy(&az("put", &url, Some(&file)));
        kit.deploy(&format!("now {}", az("put", &url, Some(&enforce))));
        kit.revert(&az("put", &url, Some(&before)));
        return Ok(());
    }
    let name = slug(text(body, "/name").unwrap_or(&draft.control.id));
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
        let kind = match (assignment, body.pointer("/properties/policyDefinitions").is_some()) {
            (true, _) => "policyAssignments",
            (false, true) => "policySetDefinitions",
            (false, false) => "policyDefinitions",
        };
        let id = format!("{}/providers/Microsoft.Authorization/{kind}/{name}", scope.trim_end_matches('/'));
        let url = format!("{ARM}{id}?{POLICY}");
        if !assignment {
            let mut definition = body.clone();
            definition["id"] = json!(id);
            kit.file(&file, &definition)?;
            kit.deploy(&az("put", &url, Some(&file)));
            kit.revert(&az("delete", &url, None));
            continue;
        }
        let mut placed = body.clone();
        placed["id"] = json!(id);
        let named = text(body, "/properties/policyDefinitionId").unwrap_or_default();
        let here = siblings().find(|d| text(&d.body, "/id").is_some_and(|id| id.eq_ignore_ascii_case(named)));
        if let Some(definition) = here {
            let kind = if definition.body.pointer("/properties/policyDefinitions").is_some() {
                "policySetDefinitions"
            } else {
                "policyDefinitions"
            };
            let name = slug(text(&definition.body, "/name").unwrap_or_default());
            placed["properties"]["policyDefinitionId"] =
                json!(format!("{}/providers/Microsoft.Authorization/{kind}/{name}", scope.trim_end_matches('/')));
        }
        placed["properties"]["scope"] = json!(scope);
        let enforce = format!("{part}.enforce.json");
        kit.file(&file, &enforced(&placed, "DoNotEnforce"))?;
        kit.file(&enforce, &enforced(&placed, "Default"))?;
        kit.deploy(&az("put", &url, Some(&file)));
        kit.deploy(&format!("now {}", az("put", &url, Some(&enforce))));
        // An assignment goes before the definition that it names.
        let line = az("delete", &url, None);
        match kit
            .revert
            .rfind("\n# ")
            .and_then(|at| kit.revert.get(at + 1..).and_then(|rest| rest.find('\n')).map(|end| at + end + 2))
        {
            Some(at) => kit.revert.insert_str(at, &format!("{line}\n")),
            None => kit.revert(&line),
        }
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

/// The version of the provider's interface that takes a PATCH of this type.
fn version(id: &str) -> &'static str {
    let lower = id.to_lowercase();
    [
        ("/providers/microsoft.storage/", "2023-05-01"),
        ("/providers/microsoft.keyvault/", "2023-07-01"),
        ("/providers/microsoft.compute/disks/", "2023-10-02"),
        ("/providers/microsoft.compute/snapshots/", "2023-10-02"),
        ("/providers/microsoft.sql/", "2021-11-01"),
        ("/providers/microsoft.documentdb/", "2024-05-15"),
        ("/providers/microsoft.cognitiveservices/", "2023-05-01"),
        ("/providers/microsoft.web/", "2023-12-01"),
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
        kit.deploy(&format!("now {}", az("patch", &url, Some(&file))));
        match draft.document.targets.get(n) {
            Some(target) => {
                let before = format!("{}.before-{}.json", draft.stem, n + 1);
                kit.file(&before, &target.before)?;
                kit.revert(&az("patch", &url, Some(&before)));
            }
            None => kit.revert(&format!("# what {} held before is not known here", super::plain(scope))),
        }
    }
    Ok(())
}

pub(super) fn lock(kit: &mut Kit, draft: &Draft<'_>) -> Result<(), RenderError> {
    let file = format!("{}.json", draft.stem);
    kit.file(&file, &draft.document.body)?;
    let name = slug(text(&draft.document.body, "/name").unwrap_or(&draft.control.id));
    let scopes = draft.scopes();
    if scopes.is_empty() {
        draft.nowhere(kit);
    }
    for scope in &scopes {
        let url = format!("{ARM}{scope}/providers/Microsoft.Authorization/locks/{name}?api-version=2020-05-01");
        kit.deploy(&format!("now {}", az("put", &url, Some(&file))));
        kit.revert(&az("delete", &url, None));
    }
    Ok(())
}

pub(super) fn roles(kit: &mut Kit, draft: &Draft<'_>) -> Result<(), RenderError> {
    let body = &draft.document.body;
    kit.file(&format!("{}.json", draft.stem), body)?;
    for (n, target) in draft.document.targets.iter().enumerate() {
        let before = format!("{}.before-{}.json", draft.stem, n + 1);
        kit.file(&before, &target.before)?;
        kit.deploy(&format!("now az role assignment delete --ids {}", word(&target.id)));
        kit.revert(&az("put", &format!("{ARM}{}?api-version=2022-04-01", target.id), Some(&before)));
    }
    if draft.document.targets.is_empty() {
        for id in
            body.get("remove").and_then(Value::as_array).into_iter().flatten().filter_map(|entry| text(entry, "/id"))
        {
            kit.deploy(&format!("now az role assignment delete --ids {}", word(id)));
        }
    }
    for added in body.get("add").and_then(Value::as_array).into_iter().flatten() {
        if let (Some(principal), Some(role), Some(scope)) =
            (text(added, "/principal"), text(added, "/role"), text(added, "/scope"))
        {
            let whom = format!("--assignee {} --role {} --scope {}", word(principal), word(role), word(scope));
            kit.deploy(&format!("now az role assignment create {whom}"));
            kit.revert(&format!("az role assignment delete {whom}"));
        }
    }
    Ok(())
}
