//! Family `resource-patch`: the body of an ARM PATCH, a merge patch (RFC 7396) on every resource of a type.

use super::{FamilyOf, Undo, View, Write, in_scopes};
use crate::model::{Document, Environment, Evidence, Family, Kind, Part, ResourceId, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What is read and written when it is put in force.
const TOUCHES: &[Kind] = &[Kind::Resources];

pub(super) const FAMILY: FamilyOf = FamilyOf { family: Family::ResourcePatch, touches: TOUCHES, apply, writes, undo };

/// The resources the part changes.
fn targets(env: &Environment, part: &Part) -> Vec<(ResourceId, String)> {
    let Some(wanted) = part.apply.resource_type.as_deref() else { return Vec::new() };
    env.of(Kind::Resources)
        .filter_map(|(key, document)| {
            let id = ResourceId::new(json::text(&document.body, "id").unwrap_or(key));
            let of_type = id.resource_type().is_some_and(|t| t.eq_ignore_ascii_case(wanted));
            let holds = match &part.apply.filter {
                None => true,
                Some((pointer, equals)) => document.body.pointer(pointer) == Some(equals),
            };
            (of_type && holds && in_scopes(&part.apply.scopes, &id)).then_some((id, key.to_owned()))
        })
        .collect()
}

fn apply(env: &mut Environment, control: &str, part: &Part, view: &View) {
    for (id, key) in targets(env, part) {
        if view.as_ref().is_some_and(|view| !view.contains(&id)) {
            continue;
        }
        let Some(current) = env.get(Kind::Resources, &key) else { continue };
        let mut body = current.body.as_ref().clone();
        for patch in &part.documents {
            json::merge_patch(&mut body, patch);
        }
        let evidence = Evidence::new(format!("control:{control}"), 1, "/0");
        env.insert(Kind::Resources, &key, Document { body: Arc::new(body), evidence });
    }
}

fn writes(env: &Environment, part: &Part) -> BTreeSet<Write> {
    targets(env, part).into_iter().map(|(id, _)| Write::Property(id)).collect()
}

fn undo(env: &Environment, _control: &str, part: &Part) -> Vec<Undo> {
    targets(env, part)
        .into_iter()
        .filter_map(|(id, _)| {
            let operation = format!("{}/write", id.resource_type()?);
            Some(Undo::Arm { operation, scope: id })
        })
        .collect()
}
