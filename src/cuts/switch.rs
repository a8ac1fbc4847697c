//! Where tightening is not monotone: candidates that loosen, and switches (whose writes meet a negative read).

use crate::control::{Write, writes};
use crate::model::{Control, Environment, Fact, Family, Kind, ObjectId, Part, json};
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
    let meets = |control: &Control| writes(env, control).iter().any(|write| reads.contains(write));
    let prevails = |control: &Control| controls.iter().any(|other| prevails_over(control, other));
    controls.iter().enumerate().filter(|(_, control)| meets(control) || prevails(control)).map(|(at, _)| at).collect()
}

/// Two documents for one place: whichever prevails may take away what the other closed, so it is a switch; beside it
/// the other only adds. Controls are put in force in the order of their ids: of two patches of a property the later
/// stands, of two sets of rules for a role the first (what it made eligible is no longer standing for the other).
fn prevails_over(control: &Control, other: &Control) -> bool {
    let pairs = |family: Family| {
        let of = move |c: &Control| c.parts.iter().filter(move |p| p.family == family).cloned().collect::<Vec<Part>>();
        let (mine, theirs) = (of(control), of(other));
        mine.into_iter().flat_map(move |m| theirs.clone().into_iter().map(move |t| (m.clone(), t)))
    };
    let patches = control.id > other.id
        && pairs(Family::ResourcePatch).any(|(mine, theirs)| {
            let same_type = match (&mine.apply.resource_type, &theirs.apply.resource_type) {
                (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
                _ => false,
            };
            same_type && mine.documents.iter().any(|m| theirs.documents.iter().any(|t| overwrites(m, t)))
        });
    let rules = control.id < other.id
        && pairs(Family::Pim).any(|(mine, theirs)| {
            let (mine_roles, their_roles) = (&mine.apply.pim.roles, &theirs.apply.pim.roles);
            let shared = mine_roles.iter().any(|role| their_roles.iter().any(|other| role.eq_ignore_ascii_case(other)));
            shared && mine.documents != theirs.documents
        });
    patches || rules
}

/// Whether a merge patch changes something that another one sets.
fn overwrites(patch: &Value, other: &Value) -> bool {
    match (patch, other) {
        (Value::Object(a), Value::Object(b)) => {
            a.iter().any(|(key, value)| b.get(key).is_some_and(|other| overwrites(value, other)))
        }
        (a, b) => a != b,
    }
}
