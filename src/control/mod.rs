//! Native document → changed environment. A control never decides: it says which documents differ in the world where
//! it is in force, what it writes there, and what would take it away again; the gates say what follows.
//!
//! One family a file, in [`FAMILIES`]. Controls come from a catalogue ([`catalogue`]) or from the snapshot itself
//! ([`found`]).

mod azure_policy;
pub mod catalogue;
mod conditional_access;
pub mod found;
mod lock;
mod pim;
mod rbac;
mod reached;
mod resource_patch;

pub use reached::{Eligible, Reached, eligible, reached};

use crate::model::{Control, Document, Environment, Evidence, Family, Kind, ObjectId, Part, ResourceId, json};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a control's documents change that some gate reads with *negative* sign: putting more of it in force may let a
/// request pass that was refused without it. A candidate whose writes meet such a read is a *switch*.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Write {
    /// Takes this principal out of an active directory role (conditional access `includeRoles` matches active roles
    /// only).
    ActiveDirectoryRole(ObjectId),
    /// A policy on this authentication context (its presence removes PIM's MFA backup).
    AuthenticationContext(String),
    /// Any conditional access policy: replaces security defaults.
    ConditionalAccessPolicies,
    /// Changes request bodies before a later `deny` reads them.
    RequestBodies,
    /// A named location by id.
    NamedLocation(String),
    /// A property of a resource.
    Property(ResourceId),
    /// An additional role assignment.
    RoleAssignments,
}

/// An operation that takes a control away again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Undo {
    /// An ARM operation at a scope (`Microsoft.Authorization/locks/delete`, the resource's own write, ...).
    Arm { operation: String, scope: ResourceId },
    /// A role assignment made again, which a condition on the right to grant may refuse.
    Grant { scope: ResourceId, role: String, principal: ObjectId, kind: Option<String> },
    /// A directory operation (audit log name).
    Directory { operation: String },
}

/// One family of controls.
pub struct FamilyOf {
    pub family: Family,
    /// Kinds of documents that it reads and writes when put in force: families that share none may be put in force in
    /// any order, and apart.
    pub touches: &'static [Kind],
    /// The world in which the part's documents are in force, from `env`.
    pub apply: fn(env: &mut Environment, control: &str, part: &Part, view: &View),
    pub writes: fn(env: &Environment, part: &Part) -> BTreeSet<Write>,
    /// What would take it away again.
    pub undo: fn(env: &Environment, control: &str, part: &Part) -> Vec<Undo>,
}

pub const FAMILIES: &[FamilyOf] = &[
    conditional_access::FAMILY,
    azure_policy::FAMILY,
    resource_patch::FAMILY,
    pim::FAMILY,
    rbac::FAMILY,
    lock::FAMILY,
];

fn family(family: Family) -> &'static FamilyOf {
    let at = FAMILIES.iter().position(|f| f.family == family).unwrap_or_default();
    &FAMILIES[at]
}

/// The resources that anything will be asked about (none: all of them). A control that changes every account of an
/// estate changes those in view alone: what nobody looks at need not be written.
pub type View = Option<BTreeSet<ResourceId>>;

/// The environment with the control in force, as far as the view goes.
pub fn put_in_force(env: &mut Environment, control: &Control, view: &View) {
    for part in &control.parts {
        (family(part.family).apply)(env, &control.id, part, view);
    }
}

/// Families that touch documents of the same kinds, with those kinds; families of different classes never meet.
pub fn classes() -> Vec<(Vec<Family>, Vec<Kind>)> {
    let mut classes: Vec<(Vec<Family>, Vec<Kind>)> = Vec::new();
    for family in FAMILIES {
        match classes.iter_mut().find(|(_, kinds)| family.touches.iter().any(|kind| kinds.contains(kind))) {
            Some((families, kinds)) => {
                families.push(family.family);
                kinds.extend(family.touches.iter().copied().filter(|k| !kinds.contains(k)).collect::<Vec<_>>());
            }
            None => classes.push((vec![family.family], family.touches.to_vec())),
        }
    }
    classes
}

/// As [`put_in_force`], the parts of these families alone.
pub fn put_parts_in_force(env: &mut Environment, control: &Control, families: &[Family], view: &View) {
    for part in control.parts.iter().filter(|part| families.contains(&part.family)) {
        (family(part.family).apply)(env, &control.id, part, view);
    }
}

/// Everything the control writes.
pub fn writes(env: &Environment, control: &Control) -> BTreeSet<Write> {
    control.parts.iter().flat_map(|part| (family(part.family).writes)(env, part)).collect()
}

/// Everything that would take the control away again.
pub fn undo(env: &Environment, control: &Control) -> Vec<Undo> {
    let mut all: Vec<Undo> =
        control.parts.iter().flat_map(|part| (family(part.family).undo)(env, &control.id, part)).collect();
    all.sort();
    all.dedup();
    all
}

/// `"$all"` among the scopes takes every one.
fn all(list: &[String]) -> bool {
    list.iter().any(|entry| entry == "$all")
}

/// Whether a scope is in the list (equal or below an entry).
fn in_scopes(list: &[String], id: &ResourceId) -> bool {
    all(list) || list.iter().any(|scope| ResourceId::new(scope).contains(id))
}

/// How evidence names the documents of controls.
const CONTROL_EVIDENCE: &str = "control:";

/// A document of a control, as evidence names it.
fn document(control: &str, pointer: &str, body: Value) -> Document {
    Document { body: Arc::new(body), evidence: Evidence::new(format!("{CONTROL_EVIDENCE}{control}"), 1, pointer) }
}

/// Ids of a collection by resource type, lower case, and the subscriptions they are in.
struct Placed {
    by_type: BTreeMap<String, Vec<ResourceId>>,
    subscriptions: BTreeSet<ResourceId>,
}

fn placed(env: &Environment, kind: Kind) -> Arc<Placed> {
    env.derived(kind, "placed", |documents| {
        let mut placed = Placed { by_type: BTreeMap::new(), subscriptions: BTreeSet::new() };
        for (key, document) in documents.iter() {
            let id = ResourceId::new(json::text(&document.body, "id").unwrap_or(key));
            placed.subscriptions.extend(id.subscription());
            if let Some(of_type) = id.resource_type() {
                placed.by_type.entry(of_type.to_lowercase()).or_default().push(id);
            }
        }
        placed
    })
}

/// Resources and containers of a type that the view and the scopes hold, in order.
fn of_type(env: &Environment, kinds: &[Kind], wanted: &str, scopes: &[String], view: &View) -> BTreeSet<ResourceId> {
    let wanted = wanted.to_lowercase();
    let mut found = BTreeSet::new();
    for kind in kinds {
        match view {
            // What is above resources is in everybody's view.
            Some(view) if !wanted.starts_with("microsoft.resources/") => {
                let of_type = |id: &&ResourceId| id.resource_type().is_some_and(|t| t.eq_ignore_ascii_case(&wanted));
                let here = |id: &&ResourceId| env.get(*kind, id.folded()).is_some();
                found.extend(view.iter().filter(of_type).filter(here).cloned());
            }
            _ => found.extend(placed(env, *kind).by_type.get(&wanted).into_iter().flatten().cloned()),
        }
    }
    found.retain(|id| in_scopes(scopes, id));
    found
}

fn subscriptions(env: &Environment) -> Vec<ResourceId> {
    let mut found = placed(env, Kind::Containers).subscriptions.clone();
    found.extend(placed(env, Kind::Resources).subscriptions.iter().cloned());
    found.into_iter().collect()
}

/// The scope an ARM extension document sits on: `properties.scope`, else the id before `/providers/<its type>`.
pub fn extension_scope(body: &Value, type_marker: &str) -> Option<ResourceId> {
    if let Some(scope) = json::text(body, "properties.scope") {
        return Some(ResourceId::new(scope));
    }
    let id = json::text(body, "id")?;
    let at = id.to_lowercase().find(&format!("/providers/{}", type_marker.to_lowercase()))?;
    Some(ResourceId::new(if at == 0 { "/" } else { &id[..at] }))
}

/// The scope an extension resource's id sits on.
pub fn extension_scope_of(id: &ResourceId) -> Option<ResourceId> {
    let at = id.folded().rfind("/providers/microsoft.authorization/")?;
    Some(ResourceId::new(if at == 0 { "/" } else { &id.spelled()[..at] }))
}
