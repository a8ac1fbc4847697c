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
/// stands, of two authentication contexts for a role the first (all else that two sets of rules ask is asked).
fn prevails_over(control: &Control, other: &Control) -> bool {
    let pairs = |family: Family| {
        let mine = control.parts.iter().filter(move |part| part.family == family);
        mine.flat_map(move |mine| {
            other.parts.iter().filter(move |part| part.family == family).map(move |other| (mine, other))
        })
    };
    let same = |a: &String, b: &String| a.eq_ignore_ascii_case(b);
    let patches = || {
        pairs(Family::ResourcePatch).any(|(mine, other)| {
            let types = mine.apply.resource_type.as_ref().zip(other.apply.resource_type.as_ref());
            types.is_some_and(|(a, b)| same(a, b))
                && mine.documents.iter().any(|m| other.documents.iter().any(|o| overwrites(m, o)))
        })
    };
    let contexts_of = |part: &Part| {
        let mut asked = BTreeSet::new();
        part.documents.iter().for_each(|document| contexts(document, &mut asked));
        asked
    };
    let rules = || {
        pairs(Family::Pim).any(|(mine, other)| {
            let (asked, others) = (contexts_of(mine), contexts_of(other));
            let differ = !asked.is_empty() && !others.is_empty() && asked != others;
            differ && mine.apply.pim.roles.iter().any(|role| other.apply.pim.roles.iter().any(|o| same(role, o)))
        })
    };
    (control.id > other.id && patches()) || (control.id < other.id && rules())
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
