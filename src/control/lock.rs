//! Family `lock`: a `Microsoft.Authorization/locks` body put on every resource, group or subscription of a type.

use super::{FamilyOf, Undo, View, Write, document, in_scopes, of_type, subscriptions};
use crate::model::{Environment, Family, Kind, Part, ResourceId, json};
use serde_json::json;
use std::collections::BTreeSet;

/// What is read and written when it is put in force.
const TOUCHES: &[Kind] = &[Kind::Locks];

pub(super) const FAMILY: FamilyOf = FamilyOf { family: Family::Lock, touches: TOUCHES, apply, writes, undo };

pub(super) fn targets(env: &Environment, part: &Part, view: &View) -> Vec<ResourceId> {
    let Some(wanted) = part.apply.resource_type.as_deref() else { return Vec::new() };
    if wanted.eq_ignore_ascii_case("Microsoft.Resources/subscriptions") {
        return subscriptions(env).into_iter().filter(|id| in_scopes(&part.apply.scopes, id)).collect();
    }
    of_type(env, &[Kind::Resources, Kind::Containers], wanted, &part.apply.scopes, view).into_iter().collect()
}

fn lock_id(scope: &ResourceId, control: &str, part: &Part) -> String {
    let name = part.documents.first().and_then(|d| json::text(d, "name")).unwrap_or(control);
    format!("{}/providers/Microsoft.Authorization/locks/{name}", scope.spelled())
}

fn apply(env: &mut Environment, control: &str, part: &Part, view: &View) {
    for scope in targets(env, part, view) {
        for (n, body) in part.documents.iter().enumerate() {
            let id = lock_id(&scope, control, part);
            let mut body = body.clone();
            body["id"] = json!(id);
            body["type"] = json!("Microsoft.Authorization/locks");
            env.insert(Kind::Locks, &id, document(control, &format!("/{n}"), body));
        }
    }
}

fn writes(_env: &Environment, _part: &Part) -> BTreeSet<Write> {
    BTreeSet::new()
}

fn undo(env: &Environment, control: &str, part: &Part) -> Vec<Undo> {
    targets(env, part, &None)
        .into_iter()
        .map(|scope| Undo::Arm {
            operation: "Microsoft.Authorization/locks/delete".to_owned(),
            scope: ResourceId::new(&lock_id(&scope, control, part)),
        })
        .collect()
}
