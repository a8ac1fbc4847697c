//! From the indicators to every event of the attack: rounds of widening until one adds nothing.
//!
//! A round holds the leads of the events found in the round before against all events at once, so what is found, and
//! why, does not hang on any order. Events are looked up by link, never searched: the whole costs about as much as
//! sorting the links.

use super::identity::Principal;
use super::indicator::Seeds;
use super::lead::{Condition, Lead, World, named};
use super::link::{self, Link};
use super::step::{Basis, Membership};
use crate::model::{Event, Fact, Timestamp};
use ipnet::IpNet;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
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
struct Reason {
    basis: Basis,
    rank: u8,
    text: Arc<str>,
}

/// Events (in their order, with their principals) and the window's borders for those that lie inside.
pub fn widen(events: &[Event], principals: &[Option<Principal>], seeds: &Seeds, world: &mut World<'_>) -> Found {
    let index = Index::new(events, principals, world);
    let mut search = Search {
        events,
        principals,
        seeds,
        index,
        found: vec![None; events.len()],
        trail: HashMap::new(),
        texts: HashSet::new(),
    };
    let (leads, matched) = search.indicators(world);
    let mut reasons = search.address_and_review();
    for lead in &leads {
        search.follow(lead, world, &mut reasons);
    }
    let mut round = 0;
    while !reasons.is_empty() {
        let fresh: Vec<usize> = reasons.keys().copied().collect();
        for (at, reason) in std::mem::take(&mut reasons) {
            if let Some(slot) = search.found.get_mut(at) {
                *slot = Some(Membership { why: reason.text, basis: reason.basis, round });
            }
        }
        let mut leads: Vec<Lead> = Vec::new();
        for at in fresh {
            if let Some(event) = events.get(at) {
                let principal = principals.get(at).copied().flatten();
                leads.extend(
                    world.leads(event, principal, &mut |link, condition, from| {
                        search.goes_further(link, condition, from)
                    }),
                );
            }
        }
        for lead in &leads {
            search.follow(lead, world, &mut reasons);
        }
        round += 1;
    }
    search.report(matched)
}

/// Link → events, as sorted pairs of hash and event; a look-up is checked against the event's own links.
struct Index {
    keys: RandomState,
    pairs: Vec<(u64, u32)>,
}

impl Index {
    fn new(events: &[Event], principals: &[Option<Principal>], world: &World<'_>) -> Index {
        let keys = RandomState::new();
        let mut pairs = Vec::with_capacity(events.len().saturating_mul(4));
        for (at, event) in events.iter().enumerate() {
            let principal = principals.get(at).copied().flatten();
            let at = u32::try_from(at).unwrap_or(u32::MAX);
            link::each(event, principal, world.identities, world.past, world.marker, &mut |link| {
                pairs.push((keys.hash_one(&link), at));
            });
        }
        pairs.sort_unstable();
        pairs.dedup();
        Index { keys, pairs }
    }

    fn carrying(&self, link: &Link) -> impl Iterator<Item = usize> {
        let hash = self.keys.hash_one(link);
        let start = self.pairs.partition_point(|(h, _)| *h < hash);
        self.pairs.iter().skip(start).take_while(move |(h, _)| *h == hash).map(|&(_, at)| at as usize)
    }
}

struct Search<'a> {
    events: &'a [Event],
    principals: &'a [Option<Principal>],
    seeds: &'a Seeds,
    index: Index,
    found: Vec<Option<Membership>>,
    /// The earliest time from which each link has been followed.
    trail: HashMap<(Link, Condition), Option<Timestamp>>,
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
        let mut leads = Vec::new();
        let mut matched = Matched { principals: BTreeMap::new(), networks: BTreeSet::new(), unmatched: Vec::new() };
        let lead = |link: Link, condition, basis, rank, what: String| Lead {
            link,
            condition,
            from: None,
            basis,
            rank,
            why: what.into(),
        };
        for name in &self.seeds.principals {
            let Some(principal) = world.identities.named(name) else { continue };
            let link = Link::Principal(principal);
            let events: Vec<usize> = self.carrying(&link, world).collect();
            if events.is_empty() {
                matched.unmatched.push(format!("principal `{name}`"));
            } else {
                matched.principals.insert(name.clone(), events);
            }
            let why = format!("{} is an indicator", name.trim());
            leads.push(lead(link, Condition::Foreign, Basis::Exact, 1, why));
        }
        let ids = [
            ("session", &self.seeds.sessions, Link::Session as fn(Arc<str>) -> Link, Basis::Session),
            ("correlation id", &self.seeds.correlation_ids, Link::Correlation, Basis::Exact),
        ];
        for (what, texts, link, basis) in ids {
            for text in texts {
                let link = link::usable_id(text).map(link);
                let Some(link) = link.filter(|link| self.carrying(link, world).next().is_some()) else {
                    matched.unmatched.push(format!("{what} `{text}`"));
                    continue;
                };
                leads.push(lead(link, Condition::Always, basis, 0, format!("{what} {} is an indicator", text.trim())));
            }
        }
        for event in self.events {
            if let Fact::Known(address) = event.source_ip {
                matched.networks.extend(self.seeds.addresses.holding(address));
            }
        }
        for (network, text) in self.seeds.addresses.spelled() {
            if !matched.networks.iter().any(|met| network.contains(met)) {
                matched.unmatched.push(format!("address `{text}`"));
            }
        }
        (leads, matched)
    }

    /// Round 0: what the reviewer put in, and what came from an indicated address.
    fn address_and_review(&mut self) -> BTreeMap<usize, Reason> {
        let mut reasons = BTreeMap::new();
        for (at, event) in self.events.iter().enumerate() {
            if self.seeds.exclude.of(&event.evidence).is_some() {
                continue;
            }
            if let Some(why) = self.seeds.include.of(&event.evidence) {
                let text = match why {
                    "" => "the reviewer put it in (`attack.include`)".to_owned(),
                    why => format!("the reviewer put it in (`attack.include`): {why}"),
                };
                let text = self.text(text);
                propose(&mut reasons, at, Reason { basis: Basis::Held, rank: 0, text });
            } else if let Fact::Known(address) = event.source_ip
                && let Some(network) = self.seeds.addresses.holding(address)
            {
                let spelled = self.seeds.addresses.text(&network);
                let text = if network.prefix_len() == network.max_prefix_len() {
                    format!("address {} is an indicator", address.to_canonical())
                } else {
                    format!("address {} lies in {spelled}, an indicator", address.to_canonical())
                };
                let text = self.text(text);
                propose(&mut reasons, at, Reason { basis: Basis::Exact, rank: 0, text });
            }
        }
        reasons
    }

    fn carrying<'s>(&'s self, link: &'s Link, world: &'s World<'_>) -> impl Iterator<Item = usize> + 's {
        self.index.carrying(link).filter(move |&at| {
            let Some(event) = self.events.get(at) else { return false };
            let mut carries = false;
            let principal = self.principals.get(at).copied().flatten();
            link::each(event, principal, world.identities, world.past, world.marker, &mut |own| {
                carries |= own == *link;
            });
            carries
        })
    }

    /// Whether this was not followed before, or now reaches further back; notes that it is. What no second event
    /// carries leads nowhere.
    fn goes_further(&mut self, link: &Link, condition: Condition, from: Option<Timestamp>) -> bool {
        let needed = match link {
            Link::Session(_) | Link::Token(_) | Link::Correlation(_) | Link::KeyHash(..) => 2,
            Link::Credential(_)
            | Link::Assignment(_)
            | Link::Device(_)
            | Link::Principal(_)
            | Link::KeyFrom(..)
            | Link::KeyUnseen(_)
            | Link::Resource(_) => 1,
        };
        if self.index.carrying(link).take(needed).count() < needed {
            return false;
        }
        match self.trail.entry((link.clone(), condition)) {
            // `None` reaches all the way back and is the least.
            Entry::Occupied(seen) if *seen.get() <= from => false,
            Entry::Occupied(mut seen) => {
                seen.insert(from);
                true
            }
            Entry::Vacant(slot) => {
                slot.insert(from);
                true
            }
        }
    }

    fn follow(&mut self, lead: &Lead, world: &World<'_>, reasons: &mut BTreeMap<usize, Reason>) {
        let candidates: Vec<usize> = self.carrying(&lead.link, world).collect();
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
            let Some((basis, text)) = judge(lead, event, principal, world) else { continue };
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

fn propose(reasons: &mut BTreeMap<usize, Reason>, at: usize, reason: Reason) {
    match reasons.get_mut(&at) {
        Some(best) if *best <= reason => {}
        Some(best) => *best = reason,
        None => {
            reasons.insert(at, reason);
        }
    }
}

/// Whether the lead's condition lets this event in, how surely, and what to add to its why.
fn judge(
    lead: &Lead,
    event: &Event,
    principal: Option<Principal>,
    world: &World<'_>,
) -> Option<(Basis, Option<String>)> {
    match lead.condition {
        Condition::Always => Some((lead.basis, None)),
        Condition::NotRoutine => {
            let routine = principal
                .and_then(|p| world.past.requests.get(&p))
                .is_some_and(|requests| requests.contains(&link::routine(world.marker, event)));
            (!routine).then_some((lead.basis, None))
        }
        Condition::Foreign => {
            let known = principal.and_then(|p| world.past.addresses.get(&p)).filter(|known| !known.is_empty());
            match (known, &event.source_ip) {
                (Some(known), Fact::Known(address)) => {
                    let address = address.to_canonical();
                    (!known.contains(&address)).then(|| {
                        let added = format!("{}, and it did not use {address} before the window", lead.why);
                        (lead.basis, Some(added))
                    })
                }
                (Some(_), Fact::Absent | Fact::Unknown) => {
                    Some((Basis::Assumed, Some(format!("{}; {} holds no address", lead.why, named(&event.evidence)))))
                }
                (None, _) => {
                    let added = format!("{}; no earlier use is on record to compare addresses with", lead.why);
                    Some((Basis::Assumed, Some(added)))
                }
            }
        }
    }
}
