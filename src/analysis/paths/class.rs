//! Principals that every gate treats alike are one class with a witness: a tenant of a hundred thousand has few classes.

use crate::model::{Environment, Fact, Kind, ObjectId, json};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

pub struct Class {
    pub witness: ObjectId,
    /// The others.
    pub alike: Vec<ObjectId>,
}

/// Principals that hold something (a role, an eligibility, an app permission, an object they own), in classes.
pub fn classes(env: &Environment) -> Vec<Class> {
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
    let named = named_in_policies(env);
    let mut classes: BTreeMap<Vec<String>, Class> = BTreeMap::new();
    for kind in [Kind::Users, Kind::ServicePrincipals] {
        for (key, document) in env.of(kind) {
            let id = ObjectId::new(key);
            let groups = match env.transitive_groups(&id) {
                Fact::Known(groups) => groups,
                Fact::Unknown | Fact::Absent => BTreeSet::new(),
            };
            let own = holds.get(&id);
            if own.is_none() && !groups.iter().any(|group| holds.contains_key(group)) {
                continue;
            }
            let mut signature: Vec<String> = own.into_iter().flatten().cloned().collect();
            signature.push(kind.as_str().to_owned());
            signature.extend(groups.iter().map(|group| format!("in {group}")));
            signature.extend(named.get(id.as_str()).into_iter().flatten().map(|policy| format!("policy {policy}")));
            for field in ["userType", "servicePrincipalType", "accountEnabled", "customSecurityAttributes"] {
                signature.push(format!("{field} {:?}", json::get(&document.body, field)));
            }
            // Another application's permissions and credentials hang on its registration.
            if kind == Kind::ServicePrincipals {
                let owner = json::get(&document.body, "appOwnerOrganizationId");
                signature.push(format!("{owner:?} {}", registered_here(env, &document.body)));
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
    let Some(app) = json::text(principal, "appId") else { return false };
    env.bodies(Kind::Applications).any(|body| json::text(body, "appId").is_some_and(|id| id.eq_ignore_ascii_case(app)))
}

/// Object ids that a conditional-access policy names itself → where.
fn named_in_policies(env: &Environment) -> BTreeMap<String, BTreeSet<String>> {
    let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (key, document) in env.of(Kind::ConditionalAccess) {
        for field in [
            "conditions.users.includeUsers",
            "conditions.users.excludeUsers",
            "conditions.clientApplications.includeServicePrincipals",
            "conditions.clientApplications.excludeServicePrincipals",
        ] {
            let ids = json::path(&document.body, field).and_then(Value::as_array).into_iter().flatten();
            for id in ids.filter_map(Value::as_str) {
                named.entry(id.to_lowercase()).or_default().insert(format!("{field} {key}"));
            }
        }
    }
    named
}
