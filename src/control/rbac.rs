//! Family `rbac`: role assignments removed, replaced or added. `{ "remove": [...], "add": [...] }`, each entry
//! `{ "id" }` or `{ "principal", "role", "scope" }` (role by name or id, principal by object id, UPN or app id).

use super::{FamilyOf, Undo, View, Write, document, extension_scope};
use crate::model::{Environment, Family, Kind, ObjectId, Part, ResourceId, json};
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub(super) const FAMILY: FamilyOf =
    FamilyOf { family: Family::Rbac, touches: super::pim::TOUCHES, apply, writes, undo };

/// Object id of a principal by object id, UPN or app id.
pub(super) fn principal_id(env: &Environment, principal: &str) -> Option<ObjectId> {
    let wanted = ObjectId::new(principal);
    if [Kind::Users, Kind::Groups, Kind::ServicePrincipals].iter().any(|k| env.get(*k, wanted.as_str()).is_some()) {
        return Some(wanted);
    }
    let by = |kind: Kind, field: &str| {
        env.of(kind)
            .find(|(_, d)| json::text(&d.body, field).is_some_and(|v| v.eq_ignore_ascii_case(principal)))
            .map(|(key, _)| ObjectId::new(key))
    };
    by(Kind::Users, "userPrincipalName")
        .or_else(|| by(Kind::ServicePrincipals, "appId"))
        .or_else(|| by(Kind::ServicePrincipals, "displayName"))
        .or_else(|| by(Kind::Groups, "displayName"))
}

fn entries<'a>(part: &'a Part, key: &'a str) -> impl Iterator<Item = &'a Value> {
    part.documents.iter().filter_map(move |d| json::get(d, key)).filter_map(Value::as_array).flatten()
}

/// Ids of the assignments an entry of `remove` names.
fn named(env: &Environment, entry: &Value) -> Vec<String> {
    if let Some(id) = json::text(entry, "id") {
        return vec![id.to_lowercase()];
    }
    let role = json::text(entry, "role").and_then(|r| env.azure_role_guid(r));
    let principal = json::text(entry, "principal").and_then(|p| principal_id(env, p));
    let scope = json::text(entry, "scope").map(ResourceId::new);
    env.of(Kind::RoleAssignments)
        .filter(|(_, d)| {
            let guid = json::text(&d.body, "properties.roleDefinitionId")
                .and_then(|id| id.rsplit('/').next())
                .map(str::to_lowercase);
            let who = json::text(&d.body, "properties.principalId").map(ObjectId::new);
            let at = extension_scope(&d.body, "Microsoft.Authorization/roleAssignments");
            role.is_some() && guid == role && principal.is_some() && who == principal && scope.is_some() && at == scope
        })
        .map(|(key, _)| key.to_owned())
        .collect()
}

/// The assignments that the part takes away.
pub(super) fn removed(env: &Environment, part: &Part) -> Vec<(String, Value)> {
    let ids = entries(part, "remove").flat_map(|entry| named(env, entry));
    ids.filter_map(|id| {
        let body = env.get(Kind::RoleAssignments, &id)?.body.as_ref().clone();
        Some((json::text(&body, "id").unwrap_or(&id).to_owned(), body))
    })
    .collect()
}

fn apply(env: &mut Environment, control: &str, part: &Part, _view: &View) {
    for entry in entries(part, "remove") {
        for id in named(env, entry) {
            env.remove(Kind::RoleAssignments, &id);
        }
    }
    for (n, entry) in entries(part, "add").enumerate() {
        let (Some(role), Some(principal), Some(scope)) =
            (json::text(entry, "role"), json::text(entry, "principal"), json::text(entry, "scope"))
        else {
            continue;
        };
        let (Some(guid), Some(principal)) = (env.azure_role_guid(role), principal_id(env, principal)) else { continue };
        let scope = ResourceId::new(scope);
        let id = format!(
            "{}/providers/Microsoft.Authorization/roleAssignments/control-{control}-{n}",
            scope.spelled().trim_end_matches('/')
        );
        let body = json!({ "id": id, "name": format!("control-{control}-{n}"), "properties": {
            "roleDefinitionId": format!("/providers/Microsoft.Authorization/roleDefinitions/{guid}"),
            "principalId": principal.as_str(), "scope": scope.spelled() } });
        env.insert(Kind::RoleAssignments, &id, document(control, &format!("/add/{n}"), body));
    }
}

fn writes(_env: &Environment, part: &Part) -> BTreeSet<Write> {
    if entries(part, "add").next().is_some() { BTreeSet::from([Write::RoleAssignments]) } else { BTreeSet::new() }
}

fn undo(env: &Environment, _control: &str, part: &Part) -> Vec<Undo> {
    entries(part, "remove")
        .flat_map(|entry| named(env, entry))
        // Given back outright, or by an active assignment through PIM.
        .flat_map(|id| {
            let body = env.get(Kind::RoleAssignments, &id).map(|d| d.body.clone());
            let again = body.and_then(|body| {
                let scope = extension_scope(&body, "Microsoft.Authorization/roleAssignments")?;
                let role = json::text(&body, "properties.roleDefinitionId")?.rsplit('/').next()?.to_lowercase();
                let principal = ObjectId::new(json::text(&body, "properties.principalId")?);
                let kind = json::text(&body, "properties.principalType").map(str::to_owned);
                let operation = "Microsoft.Authorization/roleAssignmentScheduleRequests/write".to_owned();
                Some([Undo::Grant { scope: scope.clone(), role, principal, kind }, Undo::Arm { operation, scope }])
            });
            again.into_iter().flatten()
        })
        .collect()
}
