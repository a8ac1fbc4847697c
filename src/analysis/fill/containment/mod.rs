//! What the attacker still holds at discovery, ranked by what each opens now, and the command that takes it away.
//!
//! Keys, SAS and added credentials come first: no session is behind them, so nothing done to the user stops them.
//! Sources: *Revoke user access in Microsoft Entra ID*, *Manage storage account access keys*, *Grant limited access to
//! Azure Storage resources using shared access signatures*, *Managed identities: token caching* (up to 24 hours).

mod keys;
mod machines;
mod principals;

pub use machines::{is_machine, removed};

use super::super::contract::{Analysis, Containment};
use super::reach::Reach;
use super::{Filling, done, names};
use crate::effect::{Capability, yields};
use crate::model::{Detail, Event, Evidence, Kind, ObjectId, Outcome, ResourceId, Timestamp, json};
use std::collections::{BTreeMap, BTreeSet};

/// What is held, in the order in which it is to be taken away where it opens as much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Held {
    /// Account keys, SAS, secrets, credentials of applications: they need no sign-in.
    Bearer,
    Session,
    Account,
    /// Rights in the directory and ways to sign in again.
    Directory,
    Machine,
    Grant,
    Resource,
}

struct Row {
    held: Held,
    item: Containment,
    /// Key, SAS or secret of this resource.
    of: Option<ResourceId>,
    /// Sessions, credentials and rights of this principal.
    principal: Option<ObjectId>,
}

/// Steps and evidence one thing is held from.
#[derive(Default)]
struct From {
    steps: Vec<String>,
    evidence: Vec<Evidence>,
    last: Option<Timestamp>,
}

impl From {
    fn add(&mut self, step: &str, event: &Event) {
        self.steps.push(step.to_owned());
        self.evidence.push(event.evidence.clone());
        self.last = self.last.max(Some(event.time));
    }
}

#[derive(Default)]
struct Holdings {
    keys: BTreeMap<ResourceId, From>,
    sas: BTreeMap<ResourceId, From>,
    /// Keys that sign SAS in a principal's name.
    delegation: BTreeMap<(ResourceId, ObjectId), From>,
    secrets: BTreeMap<ResourceId, (From, BTreeSet<String>)>,
    sessions: BTreeMap<ObjectId, From>,
    machines: BTreeMap<ResourceId, From>,
    grants: Vec<(ResourceId, Option<ObjectId>, String, From)>,
    /// Who gave themself User Access Administrator at the root.
    elevated: Vec<(ObjectId, From)>,
    made: Vec<(ResourceId, From)>,
    directory: Vec<(String, Event)>,
}

pub fn fill(filling: &Filling<'_>, analysis: &mut Analysis) {
    let reach = Reach::new(filling);
    let held = holdings(filling);
    let mut rows: Vec<Row> = Vec::new();
    for (account, from) in &held.keys {
        rows.push(keys::keys(filling, &reach, account, from));
    }
    for (resource, from) in &held.sas {
        rows.push(keys::sas(filling, &reach, resource, from));
    }
    for ((account, principal), from) in &held.delegation {
        rows.push(keys::delegation(filling, &reach, account, principal, from));
    }
    for (resource, (from, names)) in &held.secrets {
        rows.push(keys::secrets(filling, &reach, resource, from, names));
    }
    for (principal, from) in &held.sessions {
        rows.extend(principals::principal_rows(filling, &reach, principal, from));
    }
    for (step, event) in &held.directory {
        rows.extend(principals::directory(filling, &reach, step, event));
    }
    let made: BTreeSet<&ResourceId> = held.made.iter().map(|(id, _)| id).collect();
    for (machine, from) in held.machines.iter().filter(|(id, _)| !made.contains(id)) {
        rows.push(machines::stopped(filling, &reach, machine, from));
    }
    for (principal, from) in &held.elevated {
        rows.push(machines::elevated(filling, &reach, principal, from));
    }
    for (id, principal, role, from) in &held.grants {
        rows.push(machines::grant(filling, &reach, id, principal.as_ref(), role, from));
    }
    // What was made last hangs on what was made before it.
    for (id, from) in held.made.iter().rev() {
        rows.push(machines::deleted(filling, id, from));
    }
    rows.sort_by_key(|row| {
        let group = match (row.held, row.item.opens.is_empty()) {
            (Held::Bearer | Held::Session | Held::Account | Held::Directory, false) => 0,
            (Held::Bearer | Held::Session | Held::Account | Held::Directory, true) => 1,
            (Held::Machine | Held::Grant | Held::Resource, _) => 2,
        };
        (!row.item.live, group, row.held, std::cmp::Reverse(row.item.opens.len()))
    });
    for (n, row) in rows.iter_mut().enumerate() {
        row.item.rank = u32::try_from(n + 1).unwrap_or(u32::MAX);
    }
    let survivors: Vec<Vec<String>> = rows.iter().map(|row| survive(filling, &reach, row, &rows)).collect();
    analysis.containment = rows
        .into_iter()
        .zip(survivors)
        .map(|(mut row, survivors)| {
            row.item.still_works.extend(survivors);
            row.item
        })
        .collect();
}

fn holdings(filling: &Filling<'_>) -> Holdings {
    let env = &filling.engine.world.env;
    let mut held = Holdings::default();
    for (n, step, event) in done(filling) {
        let mut granted = false;
        for yielded in yields(env, event) {
            match yielded.capability {
                Capability::StorageKey { account } => held.keys.entry(account).or_default().add(&step.id, event),
                Capability::Sas { resource } => held.sas.entry(resource).or_default().add(&step.id, event),
                Capability::Secret { resource } => {
                    let (from, names) = held.secrets.entry(resource).or_default();
                    from.add(&step.id, event);
                    if let Detail::Data(data) = &event.detail {
                        let correlated = &filling.engine.case.correlated;
                        let events = step.events.iter().filter_map(|at| correlated.window_events.get(*at));
                        let of = |event: &Event| match &event.detail {
                            Detail::Data(data) => data.object.as_deref().map(str::to_owned),
                            _ => None,
                        };
                        names.extend(events.filter_map(of).chain(data.object.as_deref().map(str::to_owned)));
                    }
                }
                Capability::Session { principal, .. } => {
                    held.sessions.entry(principal).or_default().add(&step.id, event);
                }
                Capability::Execution { resource } => held.machines.entry(resource).or_default().add(&step.id, event),
                Capability::AzureRole { principal, role, scope: _ } => {
                    if let Detail::Arm(detail) = &event.detail {
                        granted = true;
                        let mut from = From::default();
                        from.add(&step.id, event);
                        let role = names::azure_role(env, &role);
                        held.grants.push((detail.resource.clone(), Some(principal), role, from));
                    }
                }
                Capability::DelegationKey { principal, account } => {
                    held.delegation.entry((account, principal)).or_default().add(&step.id, event);
                }
                // Said with the directory operation that added it.
                Capability::Credential { .. } => {}
            }
        }
        let operation = step.action.to_lowercase();
        match &event.detail {
            Detail::Directory(_) => held.directory.push((step.id.clone(), event.clone())),
            Detail::Arm(_) if operation == "microsoft.authorization/elevateaccess/action" => {
                if let Some(principal) = &event.actor.id {
                    let mut from = From::default();
                    from.add(&step.id, event);
                    held.elevated.push((principal.clone(), from));
                }
            }
            Detail::Arm(detail) if operation == "microsoft.authorization/roleassignments/write" && !granted => {
                let mut from = From::default();
                from.add(&step.id, event);
                held.grants.push((detail.resource.clone(), None, "a role".to_owned(), from));
            }
            Detail::Arm(detail) if operation.ends_with("/write") => {
                let rights = operation.starts_with("microsoft.authorization/")
                    && !operation.starts_with("microsoft.authorization/policyexemptions/")
                    && !operation.starts_with("microsoft.authorization/roledefinitions/");
                let new =
                    filling.engine.maker_of(&detail.resource) == Some(n) && env.resource(&detail.resource).is_none();
                if !rights && (new || operation.starts_with("microsoft.authorization/")) {
                    let mut from = From::default();
                    from.add(&step.id, event);
                    held.made.push((detail.resource.clone(), from));
                }
            }
            Detail::Arm(_) | Detail::Data(_) | Detail::SignIn(_) | Detail::Alert(_) | Detail::Context(_) => {}
        }
    }
    held
}

fn item(action: String, command: String, short: String, from: &From) -> Containment {
    Containment {
        action,
        command,
        short,
        live: true,
        steps: from.steps.clone(),
        evidence: from.evidence.clone(),
        ..Containment::default()
    }
}

/// Successful events between what was taken and discovery, by somebody else than the attacker or by anybody.
fn after<'a>(filling: &'a Filling<'_>, since: Option<Timestamp>, lawful: bool) -> impl Iterator<Item = &'a Event> {
    let correlated = &filling.engine.case.correlated;
    let until = filling.incident.discovered_at.unwrap_or(filling.incident.window.to);
    correlated
        .window_events
        .iter()
        .zip(correlated.memberships.iter().map(Option::is_some).chain(std::iter::repeat(false)))
        .filter(move |(event, attack)| {
            Some(event.time) > since && event.time <= until && event.outcome == Outcome::Success && !(lawful && *attack)
        })
        .map(|(event, _)| event)
}

/// Locks that refuse the action: every lock refuses a deletion, only `ReadOnly` a POST or a change (*Lock your
/// resources to protect your infrastructure*).
fn locked(filling: &Filling<'_>, id: &ResourceId, deletion: bool) -> Vec<String> {
    let env = &filling.engine.world.env;
    env.of(Kind::Locks)
        .filter(|(_, lock)| {
            deletion
                || json::text(&lock.body, "properties.level")
                    .is_some_and(|level| level.eq_ignore_ascii_case("ReadOnly"))
        })
        .filter(|(key, _)| {
            crate::control::extension_scope_of(&ResourceId::new(key)).is_some_and(|scope| scope.contains(id))
        })
        .map(|(key, _)| format!("lock {}", ResourceId::new(key).name()))
        .collect()
}

/// What of the other things held goes on working after this one is gone.
fn survive(filling: &Filling<'_>, reach: &Reach, row: &Row, rows: &[Row]) -> Vec<String> {
    let live = |other: &&Row| other.item.live && other.item.rank != row.item.rank;
    let said = |other: &Row| format!("{} ({})", other.item.capability, other.item.rank);
    let mut found = Vec::new();
    match row.held {
        Held::Session | Held::Account | Held::Directory => {
            found.extend(rows.iter().filter(live).filter(|o| o.held == Held::Bearer).map(said));
            found.extend(rows.iter().filter(live).filter(|o| o.held == Held::Machine).map(said));
        }
        Held::Bearer => {
            if let Some(resource) = &row.of {
                let kind = resource.resource_type().unwrap_or_default();
                let (operation, what) = match kind.to_lowercase().as_str() {
                    "microsoft.compute/disks" | "microsoft.compute/snapshots" => {
                        ("beginGetAccess", "can take another one")
                    }
                    "microsoft.web/sites" | "microsoft.web/sites/slots" => ("publishxml", "can read the new ones"),
                    _ => ("listKeys", "can list the new ones"),
                };
                let again = |other: &&Row| {
                    matches!(other.held, Held::Session | Held::Account)
                        && other
                            .principal
                            .as_ref()
                            .is_some_and(|p| reach.may(p, &format!("{kind}/{operation}/action"), false, resource))
                };
                let mut seen: BTreeSet<&ObjectId> = BTreeSet::new();
                let listers = rows.iter().filter(live).filter(again);
                let once = listers.filter(|o| o.principal.as_ref().is_some_and(|p| seen.insert(p)));
                found.extend(once.map(|o| format!("{}: {what}", said(o))));
            }
        }
        Held::Grant => {
            found.extend(rows.iter().filter(live).filter(|o| o.held == Held::Bearer).map(said));
            let scope = row.of.as_ref().and_then(crate::control::extension_scope_of);
            let root = |o: &&Row| o.item.short == machines::ELEVATED && row.item.short != machines::ELEVATED;
            let above = rows.iter().filter(live).filter(root);
            found.extend(above.map(|o| format!("{}: can grant it again", said(o))));
            // Whoever made the grant may be able to make it again by what they held before.
            for other in rows.iter().filter(live).filter(|o| o.held == Held::Session) {
                if let (Some(principal), Some(scope)) = (&other.principal, &scope)
                    && reach.could_before(filling, principal, "Microsoft.Authorization/roleAssignments/write", scope)
                {
                    found.push(format!("{}: can grant it again, by a role held before the attack", said(other)));
                }
            }
        }
        Held::Machine | Held::Resource => {}
    }
    found
}
