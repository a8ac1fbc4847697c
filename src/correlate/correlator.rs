//! Events in, in any order; timeline and baseline out.

use super::baseline::Folding;
use super::change::changes_state;
use super::fold;
use super::identity::{Identities, Principal};
use super::indicator::Seeds;
use super::lead::World;
use super::link::{self, Past};
use super::mark::{Mark, Marker};
use super::order;
use super::pin;
use super::reread::{Around, Rereading};
use super::step::{Correlated, Membership};
use super::widen::{self, Found};
use crate::model::{Actor, Detail, Environment, Event, Fact, Incident, InputError, Outcome, Timestamp};
use jiff::SignedDuration;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

/// How long after the window an alert may still speak of it.
const LATE_ALERT: SignedDuration = SignedDuration::from_hours(24 * 7);

/// All at once. Use [`Correlator`] where the logs stream.
pub fn correlate(
    incident: &Incident,
    environment: &Environment,
    events: impl IntoIterator<Item = Event>,
) -> Result<Correlated, InputError> {
    let mut correlator = Correlator::new(incident, environment)?;
    for event in events {
        correlator.observe(event);
    }
    correlator.finish()
}

/// Takes events as they are read. What lies outside the window is folded at once into classes and into what its
/// principals were known by; what lies inside is kept, up to [`Correlator::keep_at_most`].
pub struct Correlator<'a> {
    incident: &'a Incident,
    environment: &'a Environment,
    seeds: Seeds,
    marker: Marker,
    identities: Identities,
    /// Actors as records spell them, by number.
    actors: HashMap<Actor, u32>,
    spelled: Vec<Known>,
    keys: HashSet<Mark>,
    resources: HashSet<Mark>,
    folding: Folding,
    kept: Vec<Kept>,
    /// How many bytes of events of the window are kept at most, before only those are that change something.
    most: usize,
    weight: usize,
    /// Events met in the window.
    inside: u64,
    spilled: bool,
    rereading: Option<Rereading>,
    alerts: Vec<Event>,
    later: Vec<Event>,
    /// Records that corrections name and that were met.
    met: HashSet<(Arc<str>, u64)>,
    covered: Option<(Timestamp, Timestamp)>,
}

/// An event of the window: its number in reading order, its actor's number.
struct Kept {
    at: u64,
    actor: u32,
    event: Event,
}

/// What one spelling of an actor was known by before the window.
#[derive(Default)]
struct Known {
    principal: Option<Principal>,
    addresses: HashSet<IpAddr>,
    requests: HashSet<Mark>,
}

impl<'a> Correlator<'a> {
    pub fn new(incident: &'a Incident, environment: &'a Environment) -> Result<Self, InputError> {
        Ok(Correlator {
            incident,
            environment,
            seeds: Seeds::parse(incident)?,
            marker: Marker::default(),
            identities: Identities::new(environment, &incident.aliases),
            actors: HashMap::new(),
            spelled: Vec::new(),
            keys: HashSet::new(),
            resources: HashSet::new(),
            folding: Folding::default(),
            kept: Vec::new(),
            most: usize::MAX,
            weight: 0,
            inside: 0,
            spilled: false,
            rereading: None,
            alerts: Vec::new(),
            later: Vec::new(),
            met: HashSet::new(),
            covered: None,
        })
    }

    /// Keeps memory bounded where the events of the window weigh more than this: the logs must then be read again, in
    /// the same order, for as long as [`Correlator::again`] says so.
    pub fn keep_at_most(mut self, bytes: usize) -> Self {
        self.most = bytes;
        self
    }

    pub fn observe(&mut self, event: Event) {
        if self.rereading.is_some() {
            return self.observe_again(event);
        }
        let window = &self.incident.window;
        let end = end_of(&event);
        if let Detail::Alert(_) = event.detail {
            let late = window.to.saturating_add(LATE_ALERT).unwrap_or(Timestamp::MAX);
            if end >= window.from && event.time <= late {
                self.alerts.push(event);
            } else {
                self.folding.aside = self.folding.aside.saturating_add(1);
            }
            return;
        }
        self.covered = Some(match self.covered {
            None => (event.time, end),
            Some((first, last)) => (first.min(event.time), last.max(end)),
        });
        self.identities.learn(&event);
        let actor = self.number(&event.actor);
        let named =
            [&self.seeds.include, &self.seeds.exclude].into_iter().any(|list| list.of(&event.evidence).is_some());
        if named {
            self.met.insert((event.evidence.file.clone(), event.evidence.record));
        }
        if self.in_window(&event) {
            self.keep(actor, event);
            return;
        }
        if end < window.from {
            self.before(actor, &event);
        } else if changes_state(&event) && self.snapshot_may_be_late(event.time) {
            self.later.push(event.clone());
        }
        self.folding.add(&self.marker, actor, event);
    }

    /// Inside by its time, or put in by the reviewer.
    fn in_window(&self, event: &Event) -> bool {
        let window = &self.incident.window;
        let inside = end_of(event) >= window.from && event.time <= window.to;
        inside || self.seeds.include.of(&event.evidence).is_some()
    }

    fn keep(&mut self, actor: u32, event: Event) {
        let at = self.inside;
        self.inside += 1;
        if self.spilled && !changes_state(&event) {
            return;
        }
        self.weight += event.weight();
        self.kept.push(Kept { at, actor, event });
        if !self.spilled && self.weight > self.most {
            self.spilled = true;
            self.kept.retain(|kept| changes_state(&kept.event));
        }
    }

    fn observe_again(&mut self, event: Event) {
        if matches!(event.detail, Detail::Alert(_)) || !self.in_window(&event) {
            return;
        }
        let actor = self.number(&event.actor);
        let kept = changes_state(&event);
        let around = Around { seeds: &self.seeds, identities: &self.identities, marker: &self.marker };
        if let Some(rereading) = &mut self.rereading {
            rereading.observe(actor, event, kept, &around, &mut self.folding);
        }
    }

    /// Call after each reading: whether the logs must be read once more. Never, unless the window held more events than
    /// [`Correlator::keep_at_most`] allowed.
    pub fn again(&mut self) -> bool {
        if !self.spilled {
            return false;
        }
        match self.rereading.take() {
            None => {
                let (past, of_actor) = self.settle();
                let rereading = Rereading::new(past, of_actor, &self.seeds, &mut self.identities, &self.marker);
                self.rereading = Some(rereading);
                true
            }
            Some(mut rereading) => {
                let more = rereading.turn(self.environment, &mut self.identities, &self.marker);
                self.rereading = Some(rereading);
                more
            }
        }
    }

    fn snapshot_may_be_late(&self, change: Timestamp) -> bool {
        self.incident.snapshot_taken_at.is_none_or(|taken| taken >= change)
    }

    fn number(&mut self, actor: &Actor) -> u32 {
        if let Some(&number) = self.actors.get(actor) {
            return number;
        }
        let number = u32::try_from(self.spelled.len()).unwrap_or(u32::MAX);
        self.actors.insert(actor.clone(), number);
        self.spelled.push(Known::default());
        number
    }

    /// What an event before the window tells about who does what, from where, by which key.
    fn before(&mut self, actor: u32, event: &Event) {
        // An address that somebody merely tried from is nobody's known address.
        match event.outcome {
            Outcome::Success | Outcome::Unknown => {}
            Outcome::Failure(_) | Outcome::Interrupted(_) => return,
        }
        if let Some(known) = self.spelled.get_mut(actor as usize) {
            if let Fact::Known(address) = event.source_ip {
                known.addresses.insert(address.to_canonical());
            }
            known.requests.insert(link::routine(&self.marker, event));
        }
        match &event.detail {
            Detail::Data(detail) => {
                if let Some((account, Some(hash))) = link::key_use(detail, &self.identities) {
                    self.keys.insert(link::key_mark(&self.marker, &account, hash));
                }
            }
            Detail::Arm(detail) => {
                self.resources.insert(link::resource_mark(&self.marker, detail.resource.folded()));
            }
            Detail::SignIn(_) | Detail::Directory(_) | Detail::Alert(_) | Detail::Context(_) => {}
        }
    }

    /// Who is who, and what each was known by: everything that the first reading gathered about the time before.
    fn settle(&mut self) -> (Past, Vec<Option<Principal>>) {
        self.identities.settle();
        let mut by_number: Vec<(&Actor, u32)> = self.actors.iter().map(|(actor, &number)| (actor, number)).collect();
        by_number.sort_unstable_by_key(|(_, number)| *number);
        for (actor, number) in by_number {
            if let Some(known) = self.spelled.get_mut(number as usize) {
                known.principal = self.identities.actor(actor);
            }
        }
        let of_actor = self.spelled.iter().map(|known| known.principal).collect();
        let keys = std::mem::take(&mut self.keys);
        let resources = std::mem::take(&mut self.resources);
        let mut past = Past { keys, resources, ..Past::default() };
        for known in &mut self.spelled {
            if let Some(principal) = known.principal {
                past.addresses.entry(principal).or_default().extend(known.addresses.drain());
                past.requests.entry(principal).or_default().extend(known.requests.drain());
            }
        }
        (past, of_actor)
    }

    /// The events of the window in order, the number of each one's actor, and which are the attack's.
    fn found(&mut self) -> (Vec<Event>, Vec<u32>, Found) {
        let kept = std::mem::take(&mut self.kept);
        if let Some(mut rereading) = self.rereading.take() {
            let (unmatched, only_known) = rereading.unmatched(&self.seeds, &mut self.identities, &self.marker);
            let mut found = std::mem::take(&mut rereading.found);
            let others = kept.into_iter().filter(|kept| !found.contains_key(&kept.at));
            let mut all: Vec<(u32, Event, Option<Membership>)> =
                others.map(|kept| (kept.actor, kept.event, None)).collect();
            all.extend(std::mem::take(&mut found).into_values().map(|(actor, event, why)| (actor, event, Some(why))));
            all.sort_by(|a, b| order::compare(&a.1, &b.1));
            let mut found = Found { unmatched, only_known, ..Found::default() };
            let (mut events, mut numbers) = (Vec::new(), Vec::new());
            for (actor, event, why) in all {
                events.push(event);
                numbers.push(actor);
                found.memberships.push(why);
            }
            return (events, numbers, found);
        }
        let (past, of_actor) = self.settle();
        let (events, numbers) = in_order(kept);
        let principals: Vec<Option<Principal>> =
            numbers.iter().map(|&number| of_actor.get(number as usize).copied().flatten()).collect();
        let mut world = World::new(self.environment, &mut self.identities, &past, &self.marker);
        let found = widen::widen(&events, &principals, &self.seeds, &mut world);
        (events, numbers, found)
    }

    pub fn finish(mut self) -> Result<Correlated, InputError> {
        if self.inside == 0 {
            return Err(self.empty_window());
        }
        let (events, numbers, found) = self.found();
        if found.memberships.iter().all(Option::is_none) {
            return Err(nothing_found(self.incident, &found, &events, self.inside));
        }
        let mut warnings = Vec::new();
        for indicator in &found.unmatched {
            warnings.push(format!("the indicator {indicator} matches no event of the window"));
        }
        for name in &found.only_known {
            warnings.push(format!(
                "every event of `{name}` in the window comes from an address it used before: none is in by this indicator"
            ));
        }
        for (list, record) in self.seeds.unmet(&self.met) {
            warnings.push(format!("`attack.{list}` names `{record}`, and no log holds that record"));
        }

        let mut folding = std::mem::take(&mut self.folding);
        for ((event, membership), number) in events.iter().zip(&found.memberships).zip(&numbers) {
            if membership.is_none() {
                folding.add(&self.marker, *number, event.clone());
            }
        }
        let who = self.who(&events, &numbers);
        let mut steps = fold::fold(&events, &found.memberships, &who, &self.identities, &self.marker);
        self.alerts.sort_by(order::compare);
        let window = (self.incident.window.from, self.incident.window.to);
        let (alerts, others) =
            pin::pin(std::mem::take(&mut self.alerts), &events, &mut steps, &self.identities, window);
        folding.aside = folding.aside.saturating_add(others);
        let mut baseline = folding.finish(&self.identities);
        baseline.covered = self.covered;
        self.later.sort_by(order::compare);
        Ok(Correlated {
            steps,
            alerts,
            baseline,
            window_events: events,
            memberships: found.memberships,
            later_changes: self.later,
            warnings,
            identities: self.identities,
        })
    }

    /// What the actor of each event is called, the same for all its names.
    fn who(&self, events: &[Event], numbers: &[u32]) -> Vec<Arc<str>> {
        let mut by_number: HashMap<u32, Arc<str>> = HashMap::new();
        let mut name = |(event, number): (&Event, &u32)| {
            let named = || self.identities.principal(&event.actor).unwrap_or_else(|| event.actor.name.clone());
            by_number.entry(*number).or_insert_with(named).clone()
        };
        events.iter().zip(numbers).map(&mut name).collect()
    }

    fn empty_window(&self) -> InputError {
        let window = &self.incident.window;
        let help = match self.covered {
            None => "add the logs of that time to `timeline/`: none of the files holds an event".to_owned(),
            Some((first, last)) => {
                format!("the logs run from {first} to {last}: widen `window`, or add the logs of that time")
            }
        };
        InputError::new("incident.json", format!("no event lies in the window {} to {}", window.from, window.to), help)
            .at("/window")
    }
}

fn end_of(event: &Event) -> Timestamp {
    event.end.unwrap_or(event.time).max(event.time)
}

/// Sorts events without moving them more than once, with their actors' numbers beside them.
fn in_order(kept: Vec<Kept>) -> (Vec<Event>, Vec<u32>) {
    let mut order: Vec<usize> = (0..kept.len()).collect();
    order.sort_by(|&a, &b| match (kept.get(a), kept.get(b)) {
        (Some(a), Some(b)) => order::compare(&a.event, &b.event),
        (_, _) => std::cmp::Ordering::Equal,
    });
    let mut slots: Vec<Option<Kept>> = kept.into_iter().map(Some).collect();
    order.into_iter().filter_map(|at| slots.get_mut(at)?.take()).map(|kept| (kept.event, kept.actor)).unzip()
}

fn nothing_found(incident: &Incident, found: &Found, events: &[Event], inside: u64) -> InputError {
    let error = |message: String, help: String| InputError::new("incident.json", message, help).at("/indicators");
    if let Some(name) = found.only_known.first() {
        return error(
            format!("every event of `{name}` in the window comes from an address it used before"),
            "name the attack's addresses or sessions in `indicators`, or its records in `attack.include`".to_owned(),
        );
    }
    let names: std::collections::BTreeSet<&str> =
        events.iter().filter_map(|event| event.actor.upn.as_deref()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let nearest = incident.indicators.principals.first().and_then(|wrong| crate::model::nearest(wrong, &names));
    let help = match nearest {
        Some(near) => {
            format!("the window holds {inside} events; the principal in them that is nearest to yours is `{near}`")
        }
        None => format!(
            "the window holds {inside} events, none with these addresses, principals, sessions or correlation ids: check \
             their spelling"
        ),
    };
    error("none of the indicators matches an event of the window".to_owned(), help)
}
