//! Runs of like events → steps.
//!
//! Events fold if the gates see the same request (actor, operation, address, authentication, authorization, session,
//! outcome), on the same target, nothing that the request turns on changed between them, and the gap is within the
//! pace of the session. Reads and writes of data have the container for a target, listings the account; what is done in
//! a vault has the vault. What changes state by itself is a step of its own.
//!
//! *The pace.* The session is all attack events of one actor from one address; its pace is the median gap between
//! neighbours. A run breaks at a gap of more than [`PACES`] paces, but never below [`SHORTEST`] and always above
//! [`LONGEST`]: a tool that fetches a file a second and pauses for a quarter of an hour made two runs, somebody who
//! fetches one file in ten minutes all night made one.

use super::baseline::{self, Target};
use super::change::{Changes, Touched, changes_state};
use super::identity::Identities;
use super::mark::{Mark, Marker};
use super::step::{Basis, Membership, Step};
use crate::model::{DataDetail, Detail, Event, Fact, Outcome, ResourceId, Timestamp};
use jiff::SignedDuration;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::hash::Hash;
use std::sync::Arc;

const PACES: i32 = 20;
const SHORTEST: SignedDuration = SignedDuration::from_mins(5);
const LONGEST: SignedDuration = SignedDuration::from_hours(1);

pub fn fold(
    events: &[Event],
    memberships: &[Option<Membership>],
    who: &[Arc<str>],
    identities: &Identities,
    marker: &Marker,
) -> Vec<Step> {
    let attack: Vec<Attack<'_>> = events
        .iter()
        .zip(memberships)
        .zip(who)
        .enumerate()
        .filter_map(|(at, ((event, membership), who))| Some(Attack { at, event, why: membership.as_ref()?, who }))
        .collect();
    let mut changes = Changes::default();
    events.iter().filter(|event| changes_state(event)).for_each(|event| changes.note(event, identities));

    let (attempts, of_others) = interrupted(&attack);
    let longest_gaps = paces(&attack, marker);
    let mut runs: Vec<Run<'_>> = Vec::new();
    let mut open: HashMap<Mark, usize> = HashMap::new();
    for &one in &attack {
        if of_others.contains(&one.at) {
            continue;
        }
        if changes_state(one.event) {
            runs.push(Run { events: vec![one], touched: Touched::default() });
            continue;
        }
        let like = like(one, identities, marker);
        let longest = longest_gaps.get(&session(one, marker)).copied().unwrap_or(SHORTEST);
        if let Some(run) = open.get(&like).and_then(|&run| runs.get_mut(run))
            && one.event.time.duration_since(run.end()) <= longest
            && !changes.between(&run.touched, run.last_time(), one.event.time)
        {
            run.events.push(one);
            continue;
        }
        open.insert(like, runs.len());
        runs.push(Run { events: vec![one], touched: Touched::by(one.event, one.who, identities) });
    }
    // INVARIANT: window events are in order, so runs already stand in the order of their first events.
    let mut keys: BTreeMap<String, u32> = BTreeMap::new();
    runs.iter()
        .enumerate()
        .filter_map(|(n, run)| {
            let mut step = run.step(identities, &attempts)?;
            step.id = format!("s{}", n + 1);
            let same = keys.entry(step.key.clone()).and_modify(|n| *n += 1).or_insert(1);
            if *same > 1 {
                let _ = write!(step.key, "-{same}");
            }
            Some(step)
        })
        .collect()
}

/// One event of the attack.
#[derive(Clone, Copy)]
struct Attack<'a> {
    at: usize,
    event: &'a Event,
    why: &'a Membership,
    /// The actor, by whichever of its names.
    who: &'a Arc<str>,
}

impl Attack<'_> {
    fn end(&self) -> Timestamp {
        self.event.end.unwrap_or(self.event.time)
    }
}

struct Run<'a> {
    events: Vec<Attack<'a>>,
    touched: Touched,
}

impl Run<'_> {
    fn last_time(&self) -> Timestamp {
        self.events.last().map_or(Timestamp::MIN, |last| last.event.time)
    }

    fn end(&self) -> Timestamp {
        self.events.last().map_or(Timestamp::MIN, Attack::end)
    }

    fn step(&self, identities: &Identities, attempts: &BTreeMap<usize, Vec<usize>>) -> Option<Step> {
        let first = self.events.first()?.event;
        let (target, target_id) = target(first, identities);
        let basis = self.events.iter().map(|one| one.why.basis).max().unwrap_or(Basis::Assumed);
        let sum = |of: fn(&Event) -> u64| self.events.iter().map(|one| of(one.event)).fold(0u64, u64::saturating_add);
        let end = self.events.iter().map(Attack::end).max();
        let attempts: Vec<usize> =
            self.events.iter().filter_map(|one| attempts.get(&one.at)).flatten().copied().collect();
        Some(Step {
            id: String::new(),
            key: key(first, identities, &target, target_id.as_deref()),
            events: self.events.iter().map(|one| one.at).collect(),
            attempts,
            time: first.time,
            end: end.unwrap_or(first.time).max(first.time),
            action: first.action.clone(),
            actor: first.actor.clone(),
            principal: identities.object_id(&first.actor),
            source_ip: first.source_ip.clone(),
            target,
            target_id,
            count: sum(|event| event.count),
            bytes: sum(|event| event.bytes),
            outcome: first.outcome.clone(),
            why_in: self.why(),
            basis,
            context: context(first),
            alerts: Vec::new(),
        })
    }

    /// The reasons of the run's events, in order of appearance, with how many records each holds for.
    fn why(&self) -> String {
        let mut reasons: Vec<(&Arc<str>, usize)> = Vec::new();
        let mut places: HashMap<&Arc<str>, usize> = HashMap::new();
        for one in &self.events {
            let place = *places.entry(&one.why.why).or_insert_with(|| {
                reasons.push((&one.why.why, 0));
                reasons.len() - 1
            });
            if let Some((_, n)) = reasons.get_mut(place) {
                *n += 1;
            }
        }
        match reasons.as_slice() {
            [(only, _)] => only.as_ref().to_owned(),
            several => {
                let mut texts: Vec<String> = several
                    .iter()
                    .take(3)
                    .map(|(why, n)| format!("{why} ({n} record{})", if *n == 1 { "" } else { "s" }))
                    .collect();
                if several.len() > 3 {
                    texts.push(format!("{} further reasons", several.len() - 3));
                }
                texts.join("; ")
            }
        }
    }
}

/// Of which no gate is asked: device and network records, and what Azure Policy notes about another's request.
fn context(event: &Event) -> bool {
    match event.detail {
        Detail::Context(_) => true,
        Detail::Arm(_) => event.action.to_ascii_lowercase().starts_with("microsoft.authorization/policies/"),
        Detail::SignIn(_) | Detail::Data(_) | Detail::Directory(_) | Detail::Alert(_) => false,
    }
}

/// Interrupted sign-ins, by the success under the same correlation id that they ended in; and which those are.
fn interrupted(attack: &[Attack<'_>]) -> (BTreeMap<usize, Vec<usize>>, HashSet<usize>) {
    let mut successes: HashMap<(&str, &Arc<str>), Vec<&Attack<'_>>> = HashMap::new();
    for one in attack {
        if matches!((&one.event.detail, &one.event.outcome), (Detail::SignIn(_), Outcome::Success))
            && let Some(id) = &one.event.correlation_id
        {
            successes.entry((id, one.who)).or_default().push(one);
        }
    }
    let mut attempts: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut taken = HashSet::new();
    for one in attack {
        let (Detail::SignIn(_), Outcome::Interrupted(_), Some(id)) =
            (&one.event.detail, &one.event.outcome, &one.event.correlation_id)
        else {
            continue;
        };
        let ended = successes.get(&(id.as_ref(), one.who));
        let ended = ended.and_then(|all| all.get(all.partition_point(|success| success.event.time < one.event.time)));
        if let Some(success) = ended {
            attempts.entry(success.at).or_default().push(one.at);
            taken.insert(one.at);
        }
    }
    (attempts, taken)
}

/// One actor at one address.
fn session(one: Attack<'_>, marker: &Marker) -> Mark {
    marker.of(|to| {
        one.who.hash(to);
        one.event.source_ip.hash(to);
    })
}

/// The longest gap that does not break a run, by session.
fn paces(attack: &[Attack<'_>], marker: &Marker) -> HashMap<Mark, SignedDuration> {
    let mut times: HashMap<Mark, Vec<&Attack<'_>>> = HashMap::new();
    for one in attack {
        times.entry(session(*one, marker)).or_default().push(one);
    }
    let pace = |events: Vec<&Attack<'_>>| {
        let neighbours = events.iter().zip(events.iter().skip(1));
        let mut gaps: Vec<SignedDuration> =
            neighbours.map(|(a, b)| b.event.time.duration_since(a.end()).max(SignedDuration::ZERO)).collect();
        gaps.sort_unstable();
        let median = gaps.get(gaps.len() / 2).copied().unwrap_or(SignedDuration::ZERO);
        median.checked_mul(PACES).unwrap_or(LONGEST).clamp(SHORTEST, LONGEST)
    };
    times.into_iter().map(|(session, events)| (session, pace(events))).collect()
}

/// Two events with the same mark are the same request on the same target in the same session.
fn like(one: Attack<'_>, identities: &Identities, marker: &Marker) -> Mark {
    let event = one.event;
    marker.of(|to| {
        one.who.hash(to);
        event.session_id.hash(to);
        match &event.detail {
            Detail::Data(detail) => {
                to.folded(&identities.account_of(detail).name);
                if !oauth(detail) {
                    detail.hash.hash(to);
                }
                if !lists(&event.action) || decided_per_container(detail) {
                    detail.container.hash(to);
                }
            }
            Detail::Directory(detail) => {
                for target in &detail.targets {
                    (&target.kind, &target.id, &target.name).hash(to);
                }
            }
            Detail::SignIn(_) | Detail::Arm(_) | Detail::Alert(_) | Detail::Context(_) => {
                to.folded(event.target_id.as_deref().unwrap_or(&event.target));
            }
        }
        baseline::request(to, 0, event, Target::Marked);
    })
}

/// An operation that lists: its target is the account.
fn lists(action: &str) -> bool {
    let listing = |part: Option<&str>| part.is_some_and(|part| part.eq_ignore_ascii_case("list"));
    listing(action.get(..4)) || listing(action.len().checked_sub(4).and_then(|at| action.get(at..)))
}

/// The hash of an OAuth request is its token's, which is renewed in mid-session.
fn oauth(detail: &DataDetail) -> bool {
    detail.authentication.known().is_some_and(|how| how.eq_ignore_ascii_case("oauth"))
}

/// Anonymous access is decided by each container's own setting; keys, SAS and roles (the assignment is on record) are
/// not.
fn decided_per_container(detail: &DataDetail) -> bool {
    match &detail.authentication {
        Fact::Known(how) => {
            how.eq_ignore_ascii_case("anonymous")
                || (how.eq_ignore_ascii_case("oauth") && detail.authorization.is_empty())
        }
        Fact::Absent | Fact::Unknown => true,
    }
}

/// What the step is on, for print and by id.
fn target(event: &Event, identities: &Identities) -> (Arc<str>, Option<Arc<str>>) {
    let Detail::Data(detail) = &event.detail else {
        return (event.target.clone(), event.target_id.clone());
    };
    if detail.service.as_ref() == "keyvault" {
        // What a vault holds in the manner of a container (secrets, keys) has the same name in every vault.
        return (event.target.clone(), event.target_id.clone());
    }
    let account = identities.account_of(detail);
    let id = account.resource.as_deref();
    match &detail.container {
        Some(container) if !lists(&event.action) => {
            let id = id.and_then(|account| below_account(account, &detail.service, container));
            (container.clone(), id.or_else(|| event.target_id.clone()))
        }
        Some(_) | None => {
            let name = id.map_or(account.name.as_ref(), ResourceId::name).into();
            (name, id.map(|account| Arc::from(account.spelled())).or_else(|| event.target_id.clone()))
        }
    }
}

fn below_account(account: &ResourceId, service: &str, container: &str) -> Option<Arc<str>> {
    let part = match service {
        "blob" => "blobServices/default/containers",
        "file" => "fileServices/default/shares",
        "queue" => "queueServices/default/queues",
        "table" => "tableServices/default/tables",
        _ => return None,
    };
    Some(format!("{}/{part}/{container}", account.spelled()).into())
}

/// Short, from the content of the step's beginning: operation, who, from where, on what, when.
fn key(first: &Event, identities: &Identities, target: &str, target_id: Option<&str>) -> String {
    let mut hash = Sha256::new();
    let address = first.source_ip.known().map(|address| address.to_canonical().to_string()).unwrap_or_default();
    let outcome = match &first.outcome {
        Outcome::Success => "success",
        Outcome::Failure(code) | Outcome::Interrupted(code) => code,
        Outcome::Unknown => "",
    };
    let parts = [
        first.action.trim().to_lowercase(),
        identities.stable_name(&first.actor).as_ref().to_owned(),
        address,
        target_id.unwrap_or(target).to_lowercase(),
        first.time.as_second().to_string(),
        outcome.to_lowercase(),
    ];
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let operation = first.action.trim().trim_end_matches("/action").rsplit('/').next().unwrap_or_default();
    let operation = if matches!(operation, "write" | "delete") {
        first.action.trim().rsplit('/').nth(1).unwrap_or(operation)
    } else {
        operation
    };
    let mut slug: String = operation.chars().filter(char::is_ascii_alphanumeric).take(24).collect();
    slug.make_ascii_lowercase();
    for byte in hash.finalize().iter().take(4) {
        let _ = write!(slug, "{}{byte:02x}", if slug.contains('-') { "" } else { "-" });
    }
    slug
}
