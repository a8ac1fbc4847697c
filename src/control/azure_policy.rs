//! Family `azure-policy`: a `policyAssignment` with its definition or initiative. The effect in force is the one the
//! assignment's parameters set; existing resources are not remediated.

use super::{FamilyOf, Undo, View, Write, all, document, extension_scope, subscriptions};
use crate::model::{Environment, Family, Kind, Part, ResourceId, json};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What is read and written when it is put in force.
const TOUCHES: &[Kind] = &[
    Kind::PolicyDefinitions,
    Kind::PolicySetDefinitions,
    Kind::PolicyAssignments,
    Kind::Exemptions,
    Kind::PolicyAliases,
];

pub(super) const FAMILY: FamilyOf = FamilyOf { family: Family::AzurePolicy, touches: TOUCHES, apply, writes, undo };

fn kind(body: &Value) -> Kind {
    if json::path(body, "properties.policyRule").is_some() {
        Kind::PolicyDefinitions
    } else if json::path(body, "properties.policyDefinitions").is_some() {
        Kind::PolicySetDefinitions
    } else {
        Kind::PolicyAssignments
    }
}

/// The scopes an assignment is put on: `apply.scopes`, else the document's own scope, else every subscription.
fn scopes(env: &Environment, part: &Part, body: &Value) -> Vec<ResourceId> {
    if !part.apply.scopes.is_empty() && !all(&part.apply.scopes) {
        return part.apply.scopes.iter().map(|scope| ResourceId::new(scope)).collect();
    }
    if !all(&part.apply.scopes)
        && let Some(own) = extension_scope(body, "Microsoft.Authorization/policyAssignments")
        && own.folded().starts_with('/')
        && own.folded() != "/"
    {
        return vec![own];
    }
    subscriptions(env)
}

/// The scopes that the part's assignments are put on.
pub(super) fn assigned(env: &Environment, part: &Part) -> Vec<ResourceId> {
    let assignments = part.documents.iter().filter(|body| kind(body) == Kind::PolicyAssignments);
    assignments.flat_map(|body| scopes(env, part, body)).collect()
}

fn assignment_id(scope: &ResourceId, name: &str) -> String {
    format!("{}/providers/Microsoft.Authorization/policyAssignments/{name}", scope.spelled().trim_end_matches('/'))
}

fn apply(env: &mut Environment, control: &str, part: &Part, _view: &View) {
    for (n, body) in part.documents.iter().enumerate() {
        let pointer = format!("/{n}");
        match kind(body) {
            Kind::PolicyAssignments => {
                let name = json::text(body, "name").unwrap_or(control).to_owned();
                for scope in scopes(env, part, body) {
                    let mut put = body.clone();
                    let id = assignment_id(&scope, &name);
                    put["id"] = json!(id);
                    put["name"] = json!(name);
                    put["properties"]["scope"] = json!(scope.spelled());
                    put["properties"]["enforcementMode"] = json!("Default");
                    env.insert(Kind::PolicyAssignments, &id, document(control, &pointer, put));
                }
            }
            other => {
                let id = json::text(body, "id").map_or_else(|| format!("control:{control}:{n}"), str::to_owned);
                env.insert(other, &id, document(control, &pointer, body.clone()));
            }
        }
    }
}

fn writes(_env: &Environment, part: &Part) -> BTreeSet<Write> {
    // A definition whose effect may be `modify` or `append` changes the request that a later `deny` reads.
    let text = Value::Array(part.documents.clone()).to_string().to_lowercase();
    let changes = text.contains("\"modify\"") || text.contains("\"append\"");
    if changes { BTreeSet::from([Write::RequestBodies]) } else { BTreeSet::new() }
}

fn undo(env: &Environment, control: &str, part: &Part) -> Vec<Undo> {
    let mut undo = Vec::new();
    for body in part.documents.iter().filter(|body| kind(body) == Kind::PolicyAssignments) {
        let name = json::text(body, "name").unwrap_or(control);
        for scope in scopes(env, part, body) {
            let assignment = ResourceId::new(&assignment_id(&scope, name));
            for operation in ["delete", "write"] {
                undo.push(Undo::Arm {
                    operation: format!("Microsoft.Authorization/policyAssignments/{operation}"),
                    scope: assignment.clone(),
                });
            }
            undo.push(Undo::Arm {
                operation: "Microsoft.Authorization/policyExemptions/write".to_owned(),
                scope: scope.clone(),
            });
        }
    }
    undo
}
