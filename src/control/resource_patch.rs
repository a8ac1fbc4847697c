//! Family `resource-patch`: the body of an ARM PATCH, a merge patch (RFC 7396) on every resource of a type.

use super::{FamilyOf, Undo, View, Write, of_type};
use crate::model::{Document, Environment, Evidence, Family, Kind, Part, ResourceId, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What is read and written when it is put in force.
const TOUCHES: &[Kind] = &[Kind::Resources];

pub(super) const FAMILY: FamilyOf = FamilyOf { family: Family::ResourcePatch, touches: TOUCHES, apply, writes, undo };

/// The resources the part changes.
pub(super) fn targets(env: &Environment, part: &Part, view: &View) -> Vec<ResourceId> {
    let Some(wanted) = part.apply.resource_type.as_deref() else { return Vec::new() };
    let holds = |id: &ResourceId| match &part.apply.filter {
        None => true,
        Some((pointer, equals)) => {
            env.get(Kind::Resources, id.folded()).is_some_and(|d| d.body.pointer(pointer) == Some(equals))
        }
    };
    of_type(env, &[Kind::Resources], wanted, &part.apply.scopes, view).into_iter().filter(holds).collect()
}

fn apply(env: &mut Environment, control: &str, part: &Part, view: &View) {
    for id in targets(env, part, view) {
        let key = id.folded();
        let Some(current) = env.get(Kind::Resources, key) else { continue };
        let mut body = current.body.as_ref().clone();
        for patch in &part.documents {
            json::merge_patch(&mut body, patch);
        }
        let evidence = Evidence::new(format!("control:{control}"), 1, "/0");
        env.insert(Kind::Resources, key, Document { body: Arc::new(body), evidence });
    }
}

fn writes(env: &Environment, part: &Part) -> BTreeSet<Write> {
    targets(env, part, &None).into_iter().map(Write::Property).collect()
}

fn undo(env: &Environment, _control: &str, part: &Part) -> Vec<Undo> {
    targets(env, part, &None)
        .into_iter()
        .filter_map(|id| {
            let operation = format!("{}/write", id.resource_type()?);
            Some(Undo::Arm { operation, scope: id })
        })
        .collect()
}
