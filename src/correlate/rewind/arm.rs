//! Azure operations, undone. A write tells what it set and not what stood there: whether it made its resource or
//! changed one is read from the response (201: made), from the resource's own word on when it was made, and from
//! earlier records that name it.

use super::super::change::bound_scope;
use super::super::lead::created_at;
use super::super::link::skewed;
use super::super::step::Correlated;
use super::{Rewinding, pointer};
use crate::effect::{Change, changes, named, own_identity};
use crate::model::{ArmDetail, Detail, Event, Evidence, Fact, Kind, ObjectId, ResourceId, Timestamp, json};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Whether the resource of a write was there before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Absent,
    There,
    Unknown,
}

/// Earlier operations on each resource, with the bodies they set.
#[derive(Debug, Default)]
pub struct Writes<'a> {
    by_resource: BTreeMap<&'a str, Vec<Write<'a>>>,
}

#[derive(Debug)]
struct Write<'a> {
    time: Timestamp,
    body: Option<&'a Value>,
    evidence: &'a Evidence,
}

impl<'a> Writes<'a> {
    pub fn of(correlated: &'a Correlated) -> Writes<'a> {
        let mut writes = Writes::default();
        for class in &correlated.baseline.classes {
            for &time in &class.times {
                writes.note(&class.event, time);
            }
        }
        for event in &correlated.window_events {
            writes.note(event, event.time);
        }
        for of_one in writes.by_resource.values_mut() {
            of_one.sort_by(|a, b| (a.time, a.evidence).cmp(&(b.time, b.evidence)));
        }
        writes
    }

    fn note(&mut self, event: &'a Event, time: Timestamp) {
        let Detail::Arm(detail) = &event.detail else { return };
        if event.outcome != crate::model::Outcome::Success {
            return;
        }
        let set = event.action.to_ascii_lowercase().ends_with("/write");
        let body = detail.request_body.known().filter(|_| set);
        self.by_resource.entry(detail.resource.folded()).or_default().push(Write {
            time,
            body,
            evidence: &event.evidence,
        });
    }

    fn before(&self, resource: &ResourceId, time: Timestamp) -> &[Write<'a>] {
        let of_one = self.by_resource.get(resource.folded()).map_or(&[][..], Vec::as_slice);
        of_one.get(..of_one.partition_point(|write| write.time < time)).unwrap_or_default()
    }

    /// The value that the last earlier write which set it gave this place.
    fn old(&self, resource: &ResourceId, time: Timestamp, at: &str) -> Option<(&'a Value, &'a Evidence)> {
        self.before(resource, time)
            .iter()
            .rev()
            .find_map(|write| Some((pointer::get(write.body?, at)?, write.evidence)))
    }

    /// Everything that earlier writes set, the later ones over the earlier.
    fn merged(&self, resource: &ResourceId, time: Timestamp) -> Option<(Value, &'a Evidence)> {
        let mut whole: Option<(Value, &Evidence)> = None;
        for write in self.before(resource, time) {
            if let Some(body) = write.body {
                let (value, evidence) = whole.get_or_insert_with(|| (json!({}), write.evidence));
                json::merge_patch(value, body);
                *evidence = write.evidence;
            }
        }
        whole
    }
}

fn before(event: &Event, detail: &ArmDetail, body: Option<&Value>, writes: &Writes<'_>) -> Before {
    if detail.status == Fact::Known(201) {
        return Before::Absent;
    }
    if let Some(at) = body.and_then(created_at) {
        return if at >= skewed(event.time) { Before::Absent } else { Before::There };
    }
    // DIFFERENCE: a 200 says "updated" only where the provider answers at once; the record of a lasting operation ends
    // in 200 whatever it did, so 200 is believed of authorization objects alone.
    let at_once = detail.resource.folded().contains("/providers/microsoft.authorization/");
    let updated = at_once && detail.status == Fact::Known(200);
    if updated || !writes.before(&detail.resource, event.time).is_empty() { Before::There } else { Before::Unknown }
}

/// The document that this event made, if it stands in the snapshot and nothing says that it was there before.
pub fn made(event: &Event, rewinding: &Rewinding<'_>) -> Option<(Kind, String)> {
    let Detail::Arm(detail) = &event.detail else { return None };
    if !event.action.to_ascii_lowercase().ends_with("/write") {
        return None;
    }
    let (kind, key) = document_of(&detail.resource);
    let body = rewinding.environment.get(kind, &key)?.body.clone();
    match before(event, detail, Some(&body), &rewinding.past) {
        Before::Absent => Some((kind, key)),
        Before::There => None,
        // A role assignment's GUID is chosen for it alone.
        Before::Unknown => (kind == Kind::RoleAssignments).then_some((kind, key)),
    }
}

/// Where the environment keeps the document of a resource id.
fn document_of(resource: &ResourceId) -> (Kind, String) {
    const KINDS: &[(&str, Kind)] = &[
        ("microsoft.authorization/roleassignments", Kind::RoleAssignments),
        ("microsoft.authorization/roledefinitions", Kind::RoleDefinitions),
        ("microsoft.authorization/denyassignments", Kind::DenyAssignments),
        ("microsoft.authorization/locks", Kind::Locks),
        ("microsoft.authorization/policyassignments", Kind::PolicyAssignments),
        ("microsoft.authorization/policydefinitions", Kind::PolicyDefinitions),
        ("microsoft.authorization/policysetdefinitions", Kind::PolicySetDefinitions),
        ("microsoft.authorization/policyexemptions", Kind::Exemptions),
        ("microsoft.insights/diagnosticsettings", Kind::DiagnosticSettings),
        ("microsoft.resources/subscriptions", Kind::Containers),
        ("microsoft.resources/subscriptions/resourcegroups", Kind::Containers),
    ];
    let of_type = resource.resource_type().unwrap_or_default().to_ascii_lowercase();
    let kind = KINDS.iter().find(|(name, _)| *name == of_type).map_or(Kind::Resources, |(_, kind)| *kind);
    (kind, resource.folded().to_owned())
}

pub fn undo(event: &Event, rewinding: &mut Rewinding<'_>) {
    let Detail::Arm(detail) = &event.detail else { return };
    let action = event.action.to_ascii_lowercase();
    if action == "microsoft.authorization/elevateaccess/action" {
        return undo_elevation(event, rewinding);
    }
    match action.as_str() {
        "microsoft.authorization/roleassignmentschedulerequests/write" => {
            return undo_schedule(event, detail, &[Kind::PimInstances, Kind::RoleAssignments], rewinding);
        }
        "microsoft.authorization/roleeligibilityschedulerequests/write" => {
            return undo_schedule(event, detail, &[Kind::PimEligibilities], rewinding);
        }
        text if text.starts_with("microsoft.authorization/rolemanagementpolic") => {
            return rewinding.know_in_part(Kind::PimSettings);
        }
        _ => {}
    }
    let (kind, key) = document_of(&detail.resource);
    if action.ends_with("/write") {
        return undo_write(event, detail, kind, &key, rewinding);
    }
    for change in changes(event).iter().rev() {
        match change {
            Change::Remove { .. } => undo_removal(event, detail, kind, &key, rewinding),
            Change::Rotate { account, .. } => {
                rewinding.forget(Kind::Resources, account.folded(), "/properties/keyCreationTime");
            }
            Change::Insert { .. } | Change::Write { .. } => undo_write(event, detail, kind, &key, rewinding),
            Change::RevokeDelegationKeys { .. }
            | Change::Member { .. }
            | Change::DirectoryRole { .. }
            | Change::Owner { .. } => {}
        }
    }
}

fn undo_write(event: &Event, detail: &ArmDetail, kind: Kind, key: &str, rewinding: &mut Rewinding<'_>) {
    let Some(body) = rewinding.environment.get(kind, key).map(|document| document.body.clone()) else { return };
    match before(event, detail, Some(&body), &rewinding.past) {
        Before::Absent => unmake(detail, kind, key, rewinding),
        Before::Unknown if kind == Kind::RoleAssignments => rewinding.take_out(kind, key),
        // It may be that this write made it: then nothing of it was there.
        Before::Unknown => rewinding.forget(kind, key, ""),
        Before::There => {
            let Fact::Known(set) = &detail.request_body else {
                // What a resource is and where it lies never changes.
                for part in ["/properties", "/tags", "/identity", "/sku", "/kind"] {
                    rewinding.forget(kind, key, part);
                }
                return;
            };
            for at in json::leaves(set) {
                if matches!(at.to_ascii_lowercase().as_str(), "" | "/id" | "/name" | "/type" | "/location") {
                    continue;
                }
                match rewinding.past.old(&detail.resource, event.time, &at) {
                    Some((old, evidence)) => {
                        let (old, evidence) = (old.clone(), evidence.clone());
                        rewinding.restore(kind, key, &at, Some(&old), Some(evidence));
                    }
                    None => rewinding.forget(kind, key, &at),
                }
            }
        }
    }
}

/// The resource was not there, nor what lies below it, nor who ran on it.
fn unmake(detail: &ArmDetail, kind: Kind, key: &str, rewinding: &mut Rewinding<'_>) {
    let document = rewinding.environment.get(kind, key).map(|document| document.body.clone());
    rewinding.take_out(kind, key);
    if !matches!(kind, Kind::Resources | Kind::Containers) {
        return;
    }
    let scope = detail.resource.clone();
    // A system-assigned identity lives and dies with its resource: the snapshot tells it, or what the write sent and
    // got back, or the identity's own names.
    let told = document
        .as_deref()
        .into_iter()
        .chain([&detail.response_body, &detail.request_body].into_iter().filter_map(Fact::known));
    let mut identities: BTreeSet<ObjectId> = told.filter_map(own_identity).collect();
    for below in [Kind::Resources, Kind::Containers, Kind::RoleAssignments, Kind::Locks, Kind::DiagnosticSettings] {
        if below == Kind::Resources {
            let inside = rewinding.environment.of(below).filter(|(key, document)| {
                scope.contains(&ResourceId::new(json::text(&document.body, "id").unwrap_or(key)))
            });
            identities.extend(inside.filter_map(|(_, document)| own_identity(&document.body)));
        }
        rewinding.take_out_where(below, |body| {
            json::text(body, "id").map(ResourceId::new).is_some_and(|id| id != scope && scope.contains(&id))
        });
    }
    let names_it = |body: &Value| named(body).any(|resource| resource == scope || scope.contains(&resource));
    let by_name = rewinding.environment.of(Kind::ServicePrincipals).filter(|(_, document)| names_it(&document.body));
    identities.extend(by_name.map(|(key, _)| ObjectId::new(key)));
    for identity in identities {
        super::directory::undo_creation(Kind::ServicePrincipals, &identity, rewinding);
    }
}

fn undo_removal(event: &Event, detail: &ArmDetail, kind: Kind, key: &str, rewinding: &mut Rewinding<'_>) {
    // 204: there was nothing to remove.
    if detail.status == Fact::Known(204) || rewinding.environment.get(kind, key).is_some() {
        return;
    }
    let own = [&detail.response_body, &detail.request_body]
        .into_iter()
        .find_map(|body| body.known().filter(|body| body.get("properties").is_some()).cloned())
        .map(|body| (body, event.evidence.clone()));
    let told = own.or_else(|| {
        let (body, evidence) = rewinding.past.merged(&detail.resource, event.time)?;
        Some((body, evidence.clone()))
    });
    let identity = json!({ "id": detail.resource.spelled(), "name": detail.resource.name(),
                           "type": detail.resource.resource_type() });
    match told {
        Some((mut body, evidence)) => {
            json::merge_patch(&mut body, &identity);
            if kind == Kind::RoleAssignments && json::text(&body, "properties.scope").is_none() {
                body["properties"]["scope"] = json!(bound_scope(&detail.resource).spelled());
            }
            rewinding.put_back(kind, key, body, &[], Some(evidence));
        }
        None if matches!(kind, Kind::Resources | Kind::Containers) => {
            let unknown = ["/properties", "/tags", "/identity", "/sku", "/kind", "/location"];
            rewinding.put_back(kind, key, identity, &unknown, None);
        }
        None => rewinding.know_in_part(kind),
    }
}

/// "Elevate access" gives the caller User Access Administrator at the root scope (learn.microsoft.com, "Elevate access
/// to manage all Azure subscriptions and management groups").
fn undo_elevation(event: &Event, rewinding: &mut Rewinding<'_>) {
    let Some(actor) = crate::effect::principal_of(&rewinding.environment, &event.actor) else { return };
    let since = skewed(event.time);
    rewinding.take_out_where(Kind::RoleAssignments, |body| {
        let is = |at: &str, wanted: &str| json::text(body, at).is_some_and(|text| text.eq_ignore_ascii_case(wanted));
        let ends =
            |at: &str, wanted: &str| json::text(body, at).is_some_and(|text| text.to_lowercase().ends_with(wanted));
        let standing = created_at(body).is_some_and(|at| at < since);
        is("properties.principalId", actor.as_str())
            && is("properties.scope", "/")
            && ends("properties.roleDefinitionId", "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9")
            && !standing
    });
}

/// A request of PIM makes an instance, and an activation an active assignment besides, under ids of their own: they are
/// told by principal, role, scope and time (learn.microsoft.com, "Role Assignment Schedule Requests - Create").
fn undo_schedule(event: &Event, detail: &ArmDetail, kinds: &[Kind], rewinding: &mut Rewinding<'_>) {
    let told = |at: &str| {
        [&detail.response_body, &detail.request_body].into_iter().find_map(|body| json::text(body.known()?, at))
    };
    let actor = crate::effect::principal_of(&rewinding.environment, &event.actor);
    let principal = told("properties.principalId").map(ObjectId::new).or(actor);
    let role = told("properties.roleDefinitionId").and_then(|id| id.rsplit('/').next()).map(str::to_lowercase);
    let (Some(principal), Some(role)) = (principal, role) else {
        kinds.iter().for_each(|kind| rewinding.know_in_part(*kind));
        return;
    };
    let scope = bound_scope(&detail.resource);
    let since = skewed(event.time);
    for kind in kinds {
        rewinding.take_out_where(*kind, |body| {
            let of = |at: &str| json::text(body, at);
            of("properties.principalId").is_some_and(|id| ObjectId::new(id) == principal)
                && of("properties.roleDefinitionId").is_some_and(|id| id.to_lowercase().ends_with(&role))
                && of("properties.scope").is_none_or(|id| ResourceId::new(id) == scope)
                && created_at(body).is_some_and(|at| at >= since)
        });
    }
}
