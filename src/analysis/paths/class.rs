//! Principals that every gate treats alike are one class with a witness: a tenant of a hundred thousand has few classes.

use crate::model::{Control, Environment, Fact, Kind, ObjectId, json};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

pub struct Class {
    pub witness: ObjectId,
    /// The others.
    pub alike: Vec<ObjectId>,
}

/// Everybody, in classes: told apart by what they hold (roles, eligibilities, app permissions, objects they own, access
/// policies), the groups that hold something or that a policy names, the policies (the candidates' too) that name them,
/// and what a sign-in is decided by.
pub fn classes(env: &Environment, controls: &[Control]) -> Vec<Class> {
    let mut holds: BTreeMap<ObjectId, BTreeSet<String>> = BTreeMap::new();
    let mut note = |holder: Option<&str>, what: String| {
        if let Some(holder) = holder {
            holds.entry(ObjectId::new(holder)).or_default().insert(what);
        }
    };
    for kind in [Kind::RoleAssignments, Kind::DirectoryRoles, Kind::PimEligibilities, Kind::AppRoleAssignments] {
        for body in env.bodies(kind) {
            let text = |field: &str| json::text(body, field).unwrap_or_default().to_lowercase();
            let holder = json::text(body, "properties.principalId").or_else(|| json::text(body, "principalId"));
            let what = [
                "properties.roleDefinitionId",
                "roleDefinitionId",
                "properties.scope",
                "directoryScopeId",
                "appRoleId",
                "resourceId",
                "properties.condition",
            ]
            .map(text)
            .join("|");
            note(holder, format!("{} {what}", kind.as_str()));
        }
    }
    for body in env.bodies(Kind::Owners) {
        let object = json::text(body, "objectId").unwrap_or_default();
        for owner in json::get(body, "owners").and_then(Value::as_array).into_iter().flatten() {
            note(json::text(owner, "id"), format!("owns {object}"));
        }
    }
    for (key, document) in env.of(Kind::Resources) {
        let policies = json::path(&document.body, "properties.accessPolicies").and_then(Value::as_array);
        for policy in policies.into_iter().flatten() {
            note(json::text(policy, "objectId"), format!("access policy of {key}"));
        }
    }
    let named = named_in_documents(env, controls);
    let bears = |group: &&ObjectId| holds.contains_key(*group) || named.contains_key(group.as_str());
    let mut classes: BTreeMap<Vec<String>, Class> = BTreeMap::new();
    for kind in [Kind::Users, Kind::ServicePrincipals] {
        for (key, document) in env.of(kind) {
            let id = ObjectId::new(key);
            let groups = match env.transitive_groups(&id) {
                Fact::Known(groups) => groups,
                Fact::Unknown | Fact::Absent => BTreeSet::new(),
            };
            let own = holds.get(&id);
            let mut signature: Vec<String> = own.into_iter().flatten().cloned().collect();
            signature.push(kind.as_str().to_owned());
            signature.extend(groups.iter().filter(bears).map(|group| format!("in {group}")));
            let names = ["userPrincipalName", "displayName", "appId"].map(|field| json::text(&document.body, field));
            for name in [Some(id.as_str())].into_iter().chain(names).flatten() {
                let documents = named.get(&name.to_lowercase()).into_iter().flatten();
                signature.extend(documents.map(|at| format!("named {at}")));
            }
            for field in ["userType", "servicePrincipalType", "accountEnabled", "customSecurityAttributes"] {
                signature.push(format!("{field} {:?}", json::get(&document.body, field)));
            }
            let upn = json::text(&document.body, "userPrincipalName").unwrap_or_default();
            signature.push(format!("external {}", upn.to_uppercase().contains("#EXT#")));
            // Another application's permissions and credentials hang on its registration.
            if kind == Kind::ServicePrincipals {
                let owner = json::get(&document.body, "appOwnerOrganizationId");
                signature.push(format!("{owner:?} {}", registered_here(env, &document.body)));
                signature.push(format!("{:?}", crate::effect::single_tenant(env, &id)));
            }
            let registered = env.get(Kind::RegistrationDetails, id.as_str());
            signature.push(format!("{:?}", registered.and_then(|d| json::get(&d.body, "isMfaRegistered"))));
            classes
                .entry(signature)
                .and_modify(|class| class.alike.push(id.clone()))
                .or_insert(Class { witness: id, alike: Vec::new() });
        }
    }
    let mut classes: Vec<Class> = classes.into_values().collect();
    classes.sort_by(|a, b| a.witness.cmp(&b.witness));
    classes
}

fn registered_here(env: &Environment, principal: &Value) -> bool {
    let app = json::text(principal, "appId");
    app.is_some_and(|app| !env.keys_with(Kind::Applications, "appId", app).is_empty())
}

/// Object ids that a conditional-access policy, a deny assignment or a candidate's document names → where.
fn named_in_documents(env: &Environment, controls: &[Control]) -> BTreeMap<String, BTreeSet<String>> {
    let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let kinds = [Kind::ConditionalAccess, Kind::DenyAssignments];
    let own = kinds.into_iter().flat_map(|kind| env.of(kind)).map(|(key, document)| (key, document.body.as_ref()));
    let candidates = controls.iter().flat_map(|c| c.parts.iter().map(move |part| (c.id.as_str(), part)));
    let candidates = candidates.flat_map(|(id, part)| part.documents.iter().map(move |document| (id, document)));
    for control in controls {
        for name in control.parts.iter().flat_map(|part| &part.apply.pim.principals) {
            named.entry(name.to_lowercase()).or_default().insert(format!("{} applies", control.id));
        }
    }
    for (key, body) in own.chain(candidates) {
        ids(body, "", 0, &mut |pointer, id| {
            named.entry(id.to_lowercase()).or_default().insert(format!("{key} {pointer}"));
        });
    }
    named
}

/// Texts of a document with the names of the members above them.
fn ids(value: &Value, pointer: &str, depth: usize, found: &mut dyn FnMut(&str, &str)) {
    match value {
        Value::Object(members) if depth < 32 => {
            members.iter().for_each(|(name, inner)| ids(inner, &format!("{pointer}/{name}"), depth + 1, found));
        }
        Value::Array(items) if depth < 32 => items.iter().for_each(|item| ids(item, pointer, depth + 1, found)),
        Value::String(text) => found(pointer, text),
        Value::Object(_) | Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
