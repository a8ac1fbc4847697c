//! Widening where the window holds more than memory should: the logs are read again, once a round, and only what is
//! the attack's, or changes something, is kept.
//!
//! The same rounds as in [`super::widen`], with the events passing by instead of lying ready: a reading holds every
//! event of the window against the leads of the reading before. When one finds nothing, a last one folds the rest.

use super::baseline::Folding;
use super::identity::{Identities, Principal};
use super::indicator::{Indicator, Seeds};
use super::lead::{Condition, Lead, World};
use super::link::{self, Link, Past};
use super::mark::Marker;
use super::order;
use super::step::Membership;
use super::widen::{self, Reason};
use crate::model::{Environment, Event, Fact, Timestamp};
use ipnet::IpNet;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Indicators,
    Widening,
    Folding,
    Done,
}

/// An event of the attack, with its actor's number.
pub type Member = (u32, Event, Membership);

pub struct Rereading {
    pub past: Past,
    pub of_actor: Vec<Option<Principal>>,
    phase: Phase,
    /// Number of the next event of the window; readings go in the same order.
    next: u64,
    round: u32,
    trail: HashMap<Link, Vec<Lead>>,
    followed: HashMap<(Link, Condition), Option<Timestamp>>,
    fresh: Vec<(u64, u32, Event, Reason)>,
    /// By the event's number.
    pub found: BTreeMap<u64, Member>,
    met: HashSet<Link>,
    networks: BTreeSet<IpNet>,
}

/// What every reading needs of the correlator.
pub struct Around<'a> {
    pub seeds: &'a Seeds,
    pub identities: &'a Identities,
    pub marker: &'a Marker,
}

impl Rereading {
    pub fn new(
        past: Past,
        of_actor: Vec<Option<Principal>>,
        seeds: &Seeds,
        identities: &mut Identities,
        marker: &Marker,
    ) -> Self {
        let mut trail: HashMap<Link, Vec<Lead>> = HashMap::new();
        for lead in seeds.leads(identities, marker).into_iter().filter_map(|(_, lead)| lead) {
            trail.entry(lead.link).or_default().push(lead);
        }
        Rereading {
            past,
            of_actor,
            phase: Phase::Indicators,
            next: 0,
            round: 0,
            trail,
            followed: HashMap::new(),
            fresh: Vec::new(),
            found: BTreeMap::new(),
            met: HashSet::new(),
            networks: BTreeSet::new(),
        }
    }

    /// One event of the window, as it passes by. `kept`: it is in memory whatever becomes of it.
    pub fn observe(&mut self, actor: u32, event: Event, kept: bool, around: &Around<'_>, folding: &mut Folding) {
        let at = self.next;
        self.next += 1;
        let known = self.found.contains_key(&at);
        match self.phase {
            Phase::Done => {}
            Phase::Folding => {
                if !known && !kept {
                    folding.add(around.marker, actor, event);
                }
            }
            Phase::Indicators | Phase::Widening => {
                if let Some(reason) = self.reason(actor, &event, around).filter(|_| !known) {
                    self.fresh.push((at, actor, event, reason));
                }
            }
        }
    }

    fn reason(&mut self, actor: u32, event: &Event, around: &Around<'_>) -> Option<Reason> {
        let indicators = self.phase == Phase::Indicators;
        let principal = self.of_actor.get(actor as usize).copied().flatten();
        let Rereading { trail, met, networks, past, .. } = self;
        let excluded = around.seeds.exclude.of(&event.evidence).is_some();
        let mut best: Option<Reason> = None;
        let mut propose = |reason: Reason| {
            if best.as_ref().is_none_or(|best| reason < *best) {
                best = Some(reason);
            }
        };
        if indicators {
            if let Fact::Known(address) = event.source_ip {
                networks.extend(around.seeds.addresses.holding(address));
            }
            Reason::at_once(event, around.seeds, |address| around.seeds.indicated(address)).map(&mut propose);
        }
        link::each(event, principal, around.identities, past, around.marker, &mut |link| {
            for lead in trail.get(&link).into_iter().flatten() {
                if indicators {
                    met.insert(link);
                }
                if lead.from.is_some_and(|from| event.time < from) {
                    continue;
                }
                if let Some((basis, text)) = widen::judge(lead, event, principal, past, around.marker) {
                    let text = text.map_or_else(|| lead.why.clone(), Arc::from);
                    propose(Reason { basis, rank: lead.rank, text });
                }
            }
        });
        best.filter(|_| !excluded)
    }

    /// At the end of a reading: whether one more is needed.
    pub fn turn(&mut self, environment: &Environment, identities: &mut Identities, marker: &Marker) -> bool {
        self.next = 0;
        match self.phase {
            Phase::Folding | Phase::Done => {
                self.phase = Phase::Done;
                return false;
            }
            Phase::Indicators | Phase::Widening => self.phase = Phase::Widening,
        }
        let mut fresh = std::mem::take(&mut self.fresh);
        fresh.sort_by(|a, b| order::compare(&a.2, &b.2));
        let mut leads = Vec::new();
        for (_, actor, event, _) in &fresh {
            let principal = self.of_actor.get(*actor as usize).copied().flatten();
            let followed = &mut self.followed;
            let mut further = |link: Link, condition, from| note(followed, link, condition, from);
            link::each(event, principal, identities, &self.past, marker, &mut |link| {
                if link.tie.joins() && further(link, Condition::Always, None) {
                    leads.extend(Lead::by_own(link, event));
                }
            });
            World::new(environment, identities, &self.past, marker).made(event, &mut further, &mut leads);
        }
        for (at, actor, event, reason) in fresh {
            let membership = Membership { why: reason.text, basis: reason.basis, round: self.round };
            self.found.insert(at, (actor, event, membership));
        }
        self.round += 1;
        self.trail.clear();
        if leads.is_empty() {
            self.phase = Phase::Folding;
        }
        for lead in leads {
            self.trail.entry(lead.link).or_default().push(lead);
        }
        true
    }

    /// Indicators that met nothing, and principals that acted only from where they always did.
    pub fn unmatched(&self, seeds: &Seeds, identities: &mut Identities, marker: &Marker) -> (Vec<String>, Vec<String>) {
        let (mut unmatched, mut only_known) = (Vec::new(), BTreeSet::new());
        for (indicator, lead) in seeds.leads(identities, marker) {
            let Some(lead) = lead.filter(|lead| self.met.contains(&lead.link)) else {
                unmatched.push(indicator.to_string());
                continue;
            };
            if let Indicator::Principal(name) = indicator {
                let acted = self.found.values().any(|(actor, _, _)| {
                    let principal = self.of_actor.get(*actor as usize).copied().flatten();
                    principal.is_some_and(|principal| Link::by_principal(marker, principal) == lead.link)
                });
                if !acted {
                    only_known.insert(name.to_owned());
                }
            }
        }
        unmatched.extend(seeds.unmet_addresses(&self.networks));
        (unmatched, only_known.into_iter().collect())
    }
}

/// Whether this was not followed before, or now reaches further back; notes that it is.
fn note(
    followed: &mut HashMap<(Link, Condition), Option<Timestamp>>,
    link: Link,
    condition: Condition,
    from: Option<Timestamp>,
) -> bool {
    match followed.entry((link, condition)) {
        Entry::Occupied(since) if *since.get() <= from => false,
        Entry::Occupied(mut since) => {
            since.insert(from);
            true
        }
        Entry::Vacant(slot) => {
            slot.insert(from);
            true
        }
    }
}
