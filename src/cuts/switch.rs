//! Where tightening is not monotone: candidates that loosen, and switches (whose writes meet a negative read).

use crate::control::{Write, writes};
use crate::model::{Control, Environment, Fact, Family, Kind, ObjectId, json};
use serde_json::Value;
use std::collections::BTreeSet;

/// The search branches over at most this many switches.
pub const MOST: usize = 6;

/// What some gate reads with negative sign, in the environment or in a candidate's own documents.
fn negative_reads(env: &Environment, controls: &[Control], principals: &BTreeSet<ObjectId>) -> BTreeSet<Write> {
    let mut reads = BTreeSet::new();
    let candidates = || {
        controls
            .iter()
            .flat_map(|c| &c.parts)
            .filter(|p| p.family == Family::ConditionalAccess)
            .flat_map(|p| &p.documents)
    };
    for policy in env.bodies(Kind::ConditionalAccess).chain(candidates()) {
        let roles = json::path(policy, "conditions.users.includeRoles").and_then(Value::as_array);
        if roles.is_some_and(|roles| !roles.is_empty()) {
            reads.extend(principals.iter().cloned().map(Write::ActiveDirectoryRole));
        }
    }
    let rules = controls
        .iter()
        .flat_map(|c| &c.parts)
        .filter(|p| p.family == Family::Pim)
        .flat_map(|p| &p.documents)
        .chain(env.bodies(Kind::PimSettings));
    for document in rules {
        contexts(document, &mut reads);
    }
    match env.tenant.security_defaults {
        Fact::Known(false) => {}
        Fact::Known(true) | Fact::Absent | Fact::Unknown => {
            reads.insert(Write::ConditionalAccessPolicies);
        }
    }
    for (key, _) in env.of(Kind::NamedLocations) {
        reads.insert(Write::NamedLocation(key.to_owned()));
    }
    let denies = controls.iter().flat_map(|c| &c.parts).any(|p| p.family == Family::AzurePolicy)
        || env.of(Kind::PolicyAssignments).next().is_some();
    if denies {
        reads.insert(Write::RequestBodies);
    }
    reads
}

fn contexts(document: &Value, reads: &mut BTreeSet<Write>) {
    match document {
        Value::Array(items) => items.iter().for_each(|item| contexts(item, reads)),
        Value::Object(members) => {
            let enabled = json::get(document, "isEnabled").and_then(Value::as_bool) == Some(true);
            if enabled && let Some(context) = json::text(document, "claimValue") {
                reads.insert(Write::AuthenticationContext(context.to_lowercase()));
            }
            members.values().for_each(|value| contexts(value, reads));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Indices of the candidates whose writes meet a negative read. `principals`: those the attacker acts as, or could
/// come to act as; nobody else's roles are read about.
pub fn switches(env: &Environment, controls: &[Control], principals: &BTreeSet<ObjectId>) -> Vec<usize> {
    let reads = negative_reads(env, controls, principals);
    controls
        .iter()
        .enumerate()
        .filter(|(_, control)| writes(env, control).iter().any(|write| reads.contains(write)))
        .map(|(at, _)| at)
        .collect()
}
