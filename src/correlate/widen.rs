//! From the indicators to every event of the attack: rounds of widening until one adds nothing.
//!
//! A round holds the leads of the events found in the round before against all events at once, so what is found, and
//! why, does not hang on any order. Events are looked up by link, never searched, and each link is followed once (and
//! again only if it reaches further back): the whole costs as much as there are links.

use super::identity::Principal;
use super::index::Index;
use super::indicator::{Indicator, Seeds};
use super::lead::{Condition, Lead, World};
use super::link::{self, Link, Past};
use super::mark::Marker;
use super::step::{Basis, Membership};
use crate::model::{Event, Fact, Timestamp};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

#[derive(Debug, Default)]
pub struct Found {
    pub memberships: Vec<Option<Membership>>,
    /// Indicators that no event of the window carries.
    pub unmatched: Vec<String>,
    /// Indicated principals that acted in the window, but only from addresses they used before.
    pub only_known: Vec<String>,
}

/// One possible reason; the least of several is the one given.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reason {
    pub basis: Basis,
    pub rank: u8,
    pub text: Arc<str>,
}

impl Reason {
    /// What the reviewer or an indicated address says by itself.
    pub fn at_once(event: &Event, seeds: &Seeds, indicated: impl FnOnce(IpAddr) -> Option<Arc<str>>) -> Option<Reason> {
        if let Some(why) = seeds.include.of(&event.evidence) {
            let text = match why {
                "" => "the reviewer put it in (`attack.include`)".to_owned(),
                why => format!("the reviewer put it in (`attack.include`): {why}"),
            };
            return Some(Reason { basis: Basis::Held, rank: 0, text: text.into() });
        }
        let text = indicated(*event.source_ip.known()?)?;
        Some(Reason { basis: Basis::Exact, rank: 0, text })
    }
}

type Reasons = BTreeMap<usize, Reason>;

/// Events in their order, with their principals.
pub fn widen(events: &[Event], principals: &[Option<Principal>], seeds: &Seeds, world: &mut World<'_>) -> Found {
    let index = Index::new(events, principals, world);
    let followed = vec![[None; Condition::ALL]; index.links()];
    let found = vec![None; events.len()];
    let mut search = Search { events, principals, seeds, index, found, followed, texts: HashSet::new() };
    let (leads, matched) = search.indicators(world);
    let mut reasons = search.address_and_review();
    for lead in &leads {
        search.follow(lead, world, &mut reasons);
    }
    let mut round = 0;
    while !reasons.is_empty() {
        let mut leads: Vec<Lead> = Vec::new();
        for (at, reason) in std::mem::take(&mut reasons) {
            if let Some(slot) = search.found.get_mut(at) {
                *slot = Some(Membership { why: reason.text, basis: reason.basis, round });
            }
            if let Some(event) = events.get(at) {
                search.own_ids(at, event, &mut leads);
                let mut further = |link, condition, from| search.goes_further(link, condition, from);
                world.made(event, &mut further, &mut leads);
            }
        }
        for lead in &leads {
            search.follow(lead, world, &mut reasons);
        }
        round += 1;
    }
    search.report(matched)
}

struct Search<'a> {
    events: &'a [Event],
    principals: &'a [Option<Principal>],
    seeds: &'a Seeds,
    index: Index,
    found: Vec<Option<Membership>>,
    /// By link and condition: from when on it was followed (inner `None`: from ever).
    followed: Vec<[Option<Option<Timestamp>>; Condition::ALL]>,
    texts: HashSet<Arc<str>>,
}

/// What the indicators met: principals, networks, and those that met nothing.
struct Matched {
    principals: BTreeMap<String, Vec<usize>>,
    networks: BTreeSet<IpNet>,
    unmatched: Vec<String>,
}

impl Search<'_> {
    fn indicators(&mut self, world: &mut World<'_>) -> (Vec<Lead>, Matched) {
        let mut matched = Matched { principals: BTreeMap::new(), networks: BTreeSet::new(), unmatched: Vec::new() };
        let mut leads = Vec::new();
        for (indicator, lead) in self.seeds.leads(world.identities, world.marker) {
            let events: Vec<usize> = lead.iter().flat_map(|lead| self.index.carrying(&lead.link)).collect();
            match lead {
                Some(lead) if !events.is_empty() => leads.push(lead),
                Some(_) | None => {
                    matched.unmatched.push(indicator.to_string());
                    continue;
                }
            }
            if let Indicator::Principal(name) = indicator {
                matched.principals.insert(name.to_owned(), events);
            }
        }
        for event in self.events {
            if let Fact::Known(address) = event.source_ip {
                matched.networks.extend(self.seeds.addresses.holding(address));
            }
        }
        matched.unmatched.extend(self.seeds.unmet_addresses(&matched.networks));
        (leads, matched)
    }

    /// Round 0: what the reviewer put in, and what came from an indicated address.
    fn address_and_review(&mut self) -> Reasons {
        let mut reasons = Reasons::new();
        let mut of_address: HashMap<IpAddr, Option<Arc<str>>> = HashMap::new();
        for (at, event) in self.events.iter().enumerate() {
            if self.seeds.exclude.of(&event.evidence).is_some() {
                continue;
            }
            let indicated =
                |address| of_address.entry(address).or_insert_with(|| self.seeds.indicated(address)).clone();
            if let Some(reason) = Reason::at_once(event, self.seeds, indicated) {
                propose(&mut reasons, at, reason);
            }
        }
        reasons
    }

    /// Leads by the ids that an event shares with others.
    fn own_ids(&mut self, at: usize, event: &Event, leads: &mut Vec<Lead>) {
        for n in 0.. {
            let Some((number, link)) = self.index.link_of(at, n) else { break };
            // What no second event carries leads nowhere.
            if link.tie.joins() && self.index.carriers(number) > 1 && self.note(number, Condition::Always, None) {
                leads.extend(Lead::by_own(link, event));
            }
        }
    }

    fn goes_further(&mut self, link: Link, condition: Condition, from: Option<Timestamp>) -> bool {
        self.index.number(&link).is_some_and(|number| self.note(number, condition, from))
    }

    /// Whether this was not followed before, or now reaches further back; notes that it is.
    fn note(&mut self, link: u32, condition: Condition, from: Option<Timestamp>) -> bool {
        let followed = self.followed.get_mut(link as usize).and_then(|all| all.get_mut(condition as usize));
        match followed {
            // `None` reaches all the way back and is the least.
            Some(Some(since)) if *since <= from => false,
            Some(since) => {
                *since = Some(from);
                true
            }
            None => false,
        }
    }

    fn follow(&mut self, lead: &Lead, world: &World<'_>, reasons: &mut Reasons) {
        let candidates: Vec<usize> = self.index.carrying(&lead.link).collect();
        for at in candidates {
            let Some(event) = self.events.get(at) else { continue };
            let taken = self.found.get(at).is_none_or(|found| found.is_some());
            if taken || lead.from.is_some_and(|from| event.time < from) {
                continue;
            }
            if self.seeds.exclude.of(&event.evidence).is_some() {
                continue;
            }
            let principal = self.principals.get(at).copied().flatten();
            let Some((basis, text)) = judge(lead, event, principal, world.past, world.marker) else { continue };
            let text = text.map_or_else(|| lead.why.clone(), |text| self.text(text));
            propose(reasons, at, Reason { basis, rank: lead.rank, text });
        }
    }

    /// One copy of each text, however many events share it.
    fn text(&mut self, text: String) -> Arc<str> {
        if let Some(known) = self.texts.get(text.as_str()) {
            return known.clone();
        }
        let text: Arc<str> = text.into();
        self.texts.insert(text.clone());
        text
    }

    fn report(self, matched: Matched) -> Found {
        let only_known = matched
            .principals
            .into_iter()
            .filter(|(_, events)| !events.iter().any(|&at| self.found.get(at).is_some_and(|found| found.is_some())))
            .map(|(name, _)| name)
            .collect();
        Found { memberships: self.found, unmatched: matched.unmatched, only_known }
    }
}

fn propose(reasons: &mut Reasons, at: usize, reason: Reason) {
    match reasons.get_mut(&at) {
        Some(best) if *best <= reason => {}
        Some(best) => *best = reason,
        None => {
            reasons.insert(at, reason);
        }
    }
}

/// Whether the lead's condition lets this event in, how surely, and its why where that says more than the lead's.
pub fn judge(
    lead: &Lead,
    event: &Event,
    principal: Option<Principal>,
    past: &Past,
    marker: &Marker,
) -> Option<(Basis, Option<String>)> {
    match lead.condition {
        Condition::Always => Some((lead.basis, None)),
        Condition::NotRoutine => {
            let routine = principal
                .and_then(|p| past.requests.get(&p))
                .is_some_and(|requests| requests.contains(&link::routine(marker, event)));
            (!routine).then_some((lead.basis, None))
        }
        Condition::Foreign => {
            let known = principal.and_then(|p| past.addresses.get(&p)).filter(|known| !known.is_empty());
            match (known, &event.source_ip) {
                (Some(known), Fact::Known(address)) => {
                    let address = address.to_canonical();
                    (!known.contains(&address)).then(|| {
                        let added = format!("{}, and it did not use {address} before the window", lead.why);
                        (lead.basis, Some(added))
                    })
                }
                (Some(_), Fact::Absent | Fact::Unknown) => {
                    Some((Basis::Assumed, Some(format!("{}; the record holds no address", lead.why))))
                }
                (None, _) => {
                    let added = format!("{}; no earlier use is on record to compare addresses with", lead.why);
                    Some((Basis::Assumed, Some(added)))
                }
            }
        }
    }
}
