//! One event for one thing that happened: a record met twice counts once, and the Start, Accept and Success records of
//! an ARM operation are one event (time of the first, outcome of the last).
//!
//! Streaming: what is remembered of a record is a hash of its identity; an operation is an event as soon as all its
//! parts were met. Until then they wait, in whatever order and in whichever files the rows come, for as long as all that
//! wait take no more memory than [`PENDING`]; beyond it those whose end was met go first, and a beginning that comes
//! after its end was let go adds nothing.

use crate::model::{Detail, Event, Fact, Outcome, Timestamp};
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

/// How far an operation is by one of its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    Started,
    Accepted,
    Final,
}

/// Bytes of memory that waiting parts take at most.
const PENDING: usize = 40 << 20;

#[derive(Default)]
pub struct Folder {
    /// Identities of records seen.
    seen: HashSet<u64>,
    /// Parts of operations seen in a form that gives records no id: true where one of them had none.
    shapes: HashMap<u64, bool>,
    groups: HashMap<u64, Vec<(Stage, Event)>>,
    /// In the order of their first part.
    queue: VecDeque<u64>,
    /// Bytes that wait.
    pending: usize,
    /// Operations that were let go with their end, and when that was.
    ended: HashMap<u64, Timestamp>,
    /// Records that were met before, by log.
    pub twice: BTreeMap<&'static str, u64>,
}

fn hashed(parts: impl Hash) -> u64 {
    // The default hasher is keyed with zeros: the same in every run.
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    hasher.finish()
}

impl Folder {
    /// An event that is whole by itself.
    pub fn add(&mut self, event: Event, emit: &mut dyn FnMut(Event)) {
        if let Some(id) = &event.record_id {
            let object = match &event.detail {
                Detail::Data(data) => data.object.clone(),
                _ => None,
            };
            let identity = hashed((family(event.log), id.to_lowercase(), event.action.to_lowercase(), object));
            if !self.seen.insert(identity) {
                *self.twice.entry(event.log).or_insert(0) += 1;
                return;
            }
        }
        emit(event);
    }

    /// One record of an ARM operation.
    pub fn part(&mut self, stage: Stage, event: Event, emit: &mut dyn FnMut(Event)) {
        let Some(correlation) = event.correlation_id.as_deref() else {
            return self.add(event, emit);
        };
        let target = event.target.to_lowercase();
        let key = hashed((correlation.to_lowercase(), event.action.to_lowercase(), &target));
        let shape = hashed((key, stage, event.time.as_second(), &event.outcome));
        let known = match &event.record_id {
            Some(id) => !self.seen.insert(hashed(id.to_lowercase())) || self.shapes.get(&shape) == Some(&true),
            None => self.shapes.contains_key(&shape),
        };
        *self.shapes.entry(shape).or_insert(false) |= event.record_id.is_none();
        if known {
            *self.twice.entry(event.log).or_insert(0) += 1;
            return;
        }
        if stage != Stage::Final && self.ended.get(&key).is_some_and(|end| event.time <= *end) {
            return;
        }
        let group = self.groups.entry(key).or_default();
        if group.is_empty() {
            self.queue.push_back(key);
        }
        self.pending += event.weight();
        group.push((stage, event));
        let has = |wanted: Stage| group.iter().any(|(stage, _)| *stage == wanted);
        if has(Stage::Started) && has(Stage::Accepted) && has(Stage::Final) {
            self.flush(key, emit);
        }
        if self.pending > PENDING {
            self.make_room(emit);
        }
    }

    /// Lets go of half of what waits: operations whose end was met, else the oldest.
    fn make_room(&mut self, emit: &mut dyn FnMut(Event)) {
        for only_ended in [true, false] {
            for key in std::mem::take(&mut self.queue) {
                let Some(group) = self.groups.get(&key) else { continue };
                let end = group.iter().filter(|(stage, _)| *stage == Stage::Final).map(|(_, event)| event.time).max();
                if self.pending > PENDING / 2 && (end.is_some() || !only_ended) {
                    self.ended.extend(end.map(|end| (key, end)));
                    self.flush(key, emit);
                } else {
                    self.queue.push_back(key);
                }
            }
        }
    }

    pub fn finish(&mut self, emit: &mut dyn FnMut(Event)) {
        while let Some(key) = self.queue.pop_front() {
            self.flush(key, emit);
        }
    }

    fn flush(&mut self, key: u64, emit: &mut dyn FnMut(Event)) {
        let Some(mut parts) = self.groups.remove(&key) else { return };
        self.pending -= parts.iter().map(|(_, event)| event.weight()).sum::<usize>().min(self.pending);
        parts.sort_by(|a, b| (a.1.time, a.0, &a.1.evidence).cmp(&(b.1.time, b.0, &b.1.evidence)));
        let mut open: Option<(Stage, Event)> = None;
        for (stage, event) in parts {
            open = Some(match open.take() {
                None => (stage, event),
                // A new start after an end, or a second end: another operation of the same name.
                Some((Stage::Final, done)) => {
                    emit(done);
                    (stage, event)
                }
                Some((reached, earlier)) => (stage.max(reached), merged(earlier, event, stage >= reached)),
            });
        }
        if let Some((_, event)) = open {
            emit(event);
        }
    }
}

/// All sign-in tables hold records of one kind: the same request id is the same sign-in.
fn family(log: &str) -> &str {
    if log.ends_with("SignInLogs") || log == "SigninLogs" { "SigninLogs" } else { log }
}

/// The later record's outcome, the earlier one's time, and what only one of them tells.
fn merged(earlier: Event, later: Event, later_decides: bool) -> Event {
    let time = earlier.time.min(later.time);
    let (mut base, other) = if later_decides { (later, earlier) } else { (earlier, later) };
    base.time = time;
    if base.source_ip.is_unknown() {
        base.source_ip = other.source_ip;
    }
    if base.outcome == Outcome::Unknown {
        base.outcome = other.outcome;
    }
    base.token_id = base.token_id.or(other.token_id);
    base.session_id = base.session_id.or(other.session_id);
    if base.actor.id.is_none() {
        base.actor.id = other.actor.id;
    }
    if base.actor.upn.is_none() {
        base.actor.upn = other.actor.upn;
    }
    if base.actor.app_id.is_none() {
        base.actor.app_id = other.actor.app_id;
    }
    if let (Detail::Arm(mine), Detail::Arm(theirs)) = (&mut base.detail, other.detail) {
        fill(&mut mine.request_body, theirs.request_body);
        fill(&mut mine.response_body, theirs.response_body);
        fill(&mut mine.claims, theirs.claims);
        let assignment =
            |a: &Option<crate::model::Authorization>| a.as_ref().is_some_and(|a| a.role_assignment_id.is_some());
        if mine.authorization.is_none() || (!assignment(&mine.authorization) && assignment(&theirs.authorization)) {
            mine.authorization = theirs.authorization;
        }
    }
    base
}

fn fill<T>(mine: &mut Fact<T>, theirs: Fact<T>) {
    if mine.is_unknown() {
        *mine = theirs;
    }
}
