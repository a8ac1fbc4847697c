//! The moments of the window that a latent path may start from: stretches in which nothing that a path could use is
//! taken away. What comes within a stretch only adds to what the attacker could do (a role granted, a lock deleted, a
//! resource made), so its last moment stands for all of them; every other change, and every ending of what the attacker
//! held (a session revoked, a key renewed, a token expired), begins a new one.
//!
//! DIFFERENCE: a path runs within one moment. One that takes something at a moment that history never saw it taken, and
//! waits to use it until another way has opened, is not followed.

use super::engine::Engine;
use crate::causal::World;
use crate::effect::{Capability, Change, yields};
use crate::model::{Environment, Event, Kind, ObjectId, ResourceId, Timestamp, json};
use jiff::SignedDuration;
use std::collections::BTreeSet;

/// One of them.
#[derive(Clone)]
pub struct Stretch {
    /// The change that began it; of the first, the attack's first event.
    pub from: Timestamp,
    /// The change that ended it; none: it lasts to the end of the window.
    pub until: Option<Timestamp>,
    /// How many events of the window had happened when it ended.
    pub events: usize,
    pub world: World,
}

impl Stretch {
    /// Its last moment, when the attacker held the most; `last`: the end of the attack.
    pub fn at(&self, last: Timestamp) -> Timestamp {
        let before = |end: Timestamp| end.checked_sub(SignedDuration::from_nanos(1)).unwrap_or(end);
        self.until.map_or(last, before).max(self.from)
    }
}

/// Access tokens live for 60 to 90 minutes, at random (*Configurable token lifetimes*).
pub const SHORTEST: SignedDuration = SignedDuration::from_mins(60);
pub const LONGEST: SignedDuration = SignedDuration::from_mins(90);

/// What ends stretches, the same in every run: when something the attacker held ended, and where changes count.
#[derive(Clone, Debug, Default)]
pub struct Ends {
    times: Vec<Timestamp>,
    /// Where the jewels live, and what the attack ran code on.
    places: BTreeSet<ResourceId>,
}

impl Ends {
    pub(super) fn of(engine: &Engine<'_>) -> Ends {
        let case = engine.case;
        let env = &case.environment;
        let mut times: BTreeSet<Timestamp> = BTreeSet::new();
        let mut whose: BTreeSet<ObjectId> = case.entries.iter().cloned().collect();
        whose.extend(engine.signed_in_principals().cloned());
        let mut places: BTreeSet<ResourceId> = case.jewels.iter().map(|(id, _)| id.clone()).collect();
        let attack = case.correlated.steps.iter().filter(|step| !step.failed());
        let events = attack.flat_map(|step| &step.events).filter_map(|at| case.correlated.window_events.get(*at));
        for event in events {
            for yielded in yields(env, event) {
                times.extend(yielded.until);
                match yielded.capability {
                    Capability::Credential { principal } => drop(whose.insert(principal)),
                    Capability::Execution { resource } => drop(places.insert(resource)),
                    Capability::Session { .. }
                    | Capability::StorageKey { .. }
                    | Capability::Sas { .. }
                    | Capability::DelegationKey { .. }
                    | Capability::Secret { .. }
                    | Capability::AzureRole { .. } => {}
                }
            }
        }
        for ending in engine.endings().iter().filter(|ending| whose.contains(&ending.principal)) {
            times.insert(ending.at);
            // A token outlives the session it came of.
            for (n, _) in engine.sign_ins_of(&ending.principal) {
                for event in engine.events_of(n).filter(|event| event.time < ending.at) {
                    let lives = [SHORTEST, LONGEST].into_iter().filter_map(|life| event.time.checked_add(life).ok());
                    times.extend(lives.filter(|end| *end > ending.at));
                }
            }
        }
        Ends { times: times.into_iter().collect(), places }
    }

    /// Whether the change may take away something a path could use.
    fn counts(&self, env: &Environment, change: &Change) -> bool {
        match change {
            Change::Insert { kind, key, .. } => match kind {
                Kind::DiagnosticSettings => false,
                // One more of these allows more, and refuses nothing.
                Kind::RoleAssignments | Kind::AppRoleAssignments | Kind::Exemptions => env.get(*kind, key).is_some(),
                _ => true,
            },
            Change::Remove { kind, key } => match kind {
                Kind::Locks | Kind::DenyAssignments | Kind::DiagnosticSettings => false,
                Kind::Resources | Kind::Containers => self.near(&ResourceId::new(key)) || serves(env, key),
                _ => true,
            },
            Change::Write { resource, .. } => {
                self.near(resource) || (env.resource(resource).is_some() && serves(env, resource.folded()))
            }
            Change::Rotate { account, .. } | Change::RevokeDelegationKeys { account } => self.near(account),
            Change::Owner { owns, .. } => !owns,
            Change::Member { .. } | Change::DirectoryRole { .. } => true,
        }
    }

    fn near(&self, resource: &ResourceId) -> bool {
        self.places.iter().any(|place| resource.contains(place) || place.home().contains(resource))
    }
}

/// Carries an identity that code on it could use, or is one.
fn serves(env: &Environment, key: &str) -> bool {
    let identity = key.contains("/microsoft.managedidentity/");
    identity
        || env.resource(&ResourceId::new(key)).is_some_and(|document| json::get(&document.body, "identity").is_some())
}

/// The stretches of a run as it goes.
pub(super) struct Stretches<'e> {
    ends: &'e Ends,
    next: usize,
    from: Option<Timestamp>,
    pub(super) done: Vec<Stretch>,
}

impl<'e> Stretches<'e> {
    pub(super) fn new(ends: &'e Ends) -> Stretches<'e> {
        Stretches { ends, next: 0, from: None, done: Vec::new() }
    }

    /// Before an event: what ended by the clock since the last one. `events`: how many happened so far.
    pub(super) fn before(&mut self, event: &Event, attack: bool, events: usize, world: &World) {
        while let Some(time) = self.ends.times.get(self.next).copied().filter(|time| *time <= event.time) {
            self.close(time, events, world);
            self.next += 1;
        }
        if attack && self.from.is_none() {
            self.from = Some(event.time);
        }
    }

    /// Before a change.
    pub(super) fn change(&mut self, change: &Change, event: &Event, events: usize, world: &World) {
        if self.from.is_some() && self.ends.counts(&world.env, change) {
            self.close(event.time, events, world);
        }
    }

    /// What was so far ends here. Nothing was before the attack began, nor between two changes of one moment.
    pub(super) fn close(&mut self, time: Timestamp, events: usize, world: &World) {
        let Some(from) = self.from else { return };
        if from < time {
            self.done.push(Stretch { from, until: Some(time), events, world: world.clone() });
            self.from = Some(time);
        }
    }

    pub(super) fn end(mut self, events: usize, world: &World) -> Vec<Stretch> {
        let from = self.from.unwrap_or(Timestamp::MIN);
        self.done.push(Stretch { from, until: None, events, world: world.clone() });
        self.done
    }
}
