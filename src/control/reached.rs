//! What a part of a control is put in force on in this environment, and what stands there before: what a deployment
//! needs, and what takes it back.

use super::{azure_policy, lock, pim, rbac, resource_patch};
use crate::model::{Environment, Family, Kind, Part, json};
use serde_json::{Map, Value, json};

/// One object that the part changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Reached {
    /// Resource, scope, role-management policy or role assignment.
    pub id: String,
    /// Merge patch that puts back what the part replaces; for an assignment taken away, the assignment.
    pub before: Value,
}

/// A standing assignment that becomes eligible.
#[derive(Clone, Debug, PartialEq)]
pub struct Eligible {
    pub assignment: String,
    pub principal: String,
    pub role: String,
    pub scope: String,
}

pub fn reached(env: &Environment, part: &Part) -> Vec<Reached> {
    match part.family {
        Family::ConditionalAccess => {
            part.documents.iter().filter_map(|own| standing(env, Kind::ConditionalAccess, own)).collect()
        }
        Family::AzurePolicy => {
            let own: Vec<Reached> =
                part.documents.iter().filter_map(|own| standing(env, Kind::PolicyAssignments, own)).collect();
            if !own.is_empty() {
                return own;
            }
            azure_policy::assigned(env, part)
                .into_iter()
                .map(|scope| Reached { id: scope.spelled().to_owned(), before: Value::Null })
                .collect()
        }
        Family::ResourcePatch => resource_patch::targets(env, part, &None)
            .into_iter()
            .map(|id| {
                let body = env.get(Kind::Resources, id.folded()).map(|document| document.body.as_ref().clone());
                // A part has one patch; where it has several, each is undone by its own keys.
                let mut before = Map::new();
                for patch in &part.documents {
                    if let Value::Object(members) = restore(patch, body.as_ref()) {
                        before.extend(members);
                    }
                }
                Reached { id: id.spelled().to_owned(), before: Value::Object(before) }
            })
            .collect(),
        Family::Lock => lock::targets(env, part, &None)
            .into_iter()
            .map(|id| Reached { id: id.spelled().to_owned(), before: Value::Null })
            .collect(),
        Family::Pim => pim::policies(env, part)
            .into_iter()
            .map(|(id, rules)| Reached { id, before: json!({ "properties": { "rules": rules } }) })
            .collect(),
        Family::Rbac => rbac::removed(env, part)
            .into_iter()
            .map(|(id, body)| Reached {
                id,
                before: json!({ "properties": {
                    "principalId": json::text(&body, "properties.principalId"),
                    "principalType": json::text(&body, "properties.principalType"),
                    "roleDefinitionId": json::text(&body, "properties.roleDefinitionId"),
                } }),
            })
            .collect(),
    }
}

/// The standing assignments that a `pim` part governs.
pub fn eligible(env: &Environment, part: &Part) -> Vec<Eligible> {
    match part.family {
        Family::Pim => pim::governed(env, part),
        Family::ConditionalAccess | Family::AzurePolicy | Family::ResourcePatch | Family::Rbac | Family::Lock => {
            Vec::new()
        }
    }
}

/// The tenant's own document as it stands, where the control's is that one changed.
fn standing(env: &Environment, kind: Kind, document: &Value) -> Option<Reached> {
    let id = json::text(document, "id")?;
    let body = env.get(kind, id)?.body.as_ref().clone();
    Some(Reached { id: id.to_owned(), before: body })
}

/// The merge patch that undoes `patch` on `body`: what stood there, `null` where nothing did.
fn restore(patch: &Value, body: Option<&Value>) -> Value {
    let Value::Object(members) = patch else { return body.cloned().unwrap_or(Value::Null) };
    let mut before = Map::new();
    for (key, change) in members {
        let old = body.and_then(|body| json::get(body, key));
        before.insert(key.clone(), restore(change, old));
    }
    Value::Object(before)
}
