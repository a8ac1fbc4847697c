//! Family `conditional-access`: a Graph `conditionalAccessPolicy` and the `namedLocation`s it names. In force means
//! `enabled`, whatever its `state` says.

use super::{FamilyOf, Undo, View, Write, document};
use crate::model::{Environment, Family, Kind, Part, json};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What is read and written when it is put in force.
const TOUCHES: &[Kind] = &[Kind::ConditionalAccess, Kind::NamedLocations];

pub(super) const FAMILY: FamilyOf =
    FamilyOf { family: Family::ConditionalAccess, touches: TOUCHES, apply, writes, undo };

fn is_location(body: &Value) -> bool {
    json::get(body, "conditions").is_none()
}

fn apply(env: &mut Environment, control: &str, part: &Part, _view: &View) {
    for (n, body) in part.documents.iter().enumerate() {
        let mut body = body.clone();
        let id = json::text(&body, "id").map_or_else(|| format!("control:{control}:{n}"), str::to_owned);
        body["id"] = json!(id);
        let kind = if is_location(&body) {
            Kind::NamedLocations
        } else {
            body["state"] = json!("enabled");
            Kind::ConditionalAccess
        };
        env.insert(kind, &id, document(control, &format!("/{n}"), body));
    }
}

fn writes(_env: &Environment, part: &Part) -> BTreeSet<Write> {
    let mut writes = BTreeSet::new();
    for body in &part.documents {
        if is_location(body) {
            writes.extend(json::text(body, "id").map(|id| Write::NamedLocation(id.to_lowercase())));
            continue;
        }
        writes.insert(Write::ConditionalAccessPolicies);
        let contexts = json::path(body, "conditions.applications.includeAuthenticationContextClassReferences");
        for context in contexts.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            writes.insert(Write::AuthenticationContext(context.to_lowercase()));
        }
    }
    writes
}

fn undo(_env: &Environment, _control: &str, _part: &Part) -> Vec<Undo> {
    ["Update conditional access policy", "Delete conditional access policy", "Update named location"]
        .into_iter()
        .map(|operation| Undo::Directory { operation: operation.to_owned() })
        .collect()
}
