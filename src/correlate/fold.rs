//! Runs of like events → steps.
//!
//! Events fold if the gates see the same request (actor, operation, address, authentication, authorization, session,
//! outcome), on the same target, nothing that the request turns on changed between them, and the gap is within the
//! pace of the session. Reads and writes of data have the container for a target, listings the account. What changes
//! state by itself is a step of its own.
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
use crate::model::{DataDetail, Detail, Event, Fact, Outcome, ResourceId};
use jiff::SignedDuration;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

const PACES: i32 = 20;
const SHORTEST: SignedDuration = SignedDuration::from_mins(5);
const LONGEST: SignedDuration = SignedDuration::from_hours(1);

pub fn fold(
    events: &[Event],
    memberships: &[Option<Membership>],
    identities: &Identities,
    marker: &Marker,
) -> Vec<Step> {
    let attack: Vec<(usize, &Event, &Membership)> = events
        .iter()
        .zip(memberships)
        .enumerate()
        .filter_map(|(at, (event, membership))| Some((at, event, membership.as_ref()?)))
        .collect();
    let mut changes = Changes::default();
    events.iter().filter(|event| changes_state(event)).for_each(|event| changes.note(event, identities));

    let (attempts, of_others) = interrupted(&attack, identities);
    let longest_gaps = paces(&attack, identities, marker);
    let mut runs: Vec<Run<'_>> = Vec::new();
    let mut open: HashMap<Mark, usize> = HashMap::new();
    for &(at, event, membership) in &attack {
        if of_others.contains(&at) {
            continue;
        }
        let alone = changes_state(event);
        let like = like(event, identities, marker);
        let longest = longest_gaps.get(&session(event, identities, marker)).copied().unwrap_or(SHORTEST);
        if !alone
            && let Some(run) = open.get(&like).and_then(|&run| runs.get_mut(run))
            && event.time.duration_since(run.end()) <= longest
            && !changes.between(&run.touched, run.last_time(), event.time)
        {
            run.events.push((at, event, membership));
            continue;
        }
        if !alone {
            open.insert(like, runs.len());
        }
        let touched = Touched::by(event, identities);
        runs.push(Run { events: vec![(at, event, membership)], touched });
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

struct Run<'a> {
    events: Vec<(usize, &'a Event, &'a Membership)>,
    touched: Touched,
}

impl Run<'_> {
    fn last_time(&self) -> crate::model::Timestamp {
        self.events.last().map_or(crate::model::Timestamp::MIN, |(_, event, _)| event.time)
    }

    fn end(&self) -> crate::model::Timestamp {
        self.events.last().map_or(crate::model::Timestamp::MIN, |(_, event, _)| event.end.unwrap_or(event.time))
    }

    fn step(&self, identities: &Identities, attempts: &BTreeMap<usize, Vec<usize>>) -> Option<Step> {
        let &(_, first, _) = self.events.first()?;
        let (target, target_id) = target(first, identities);
        let basis = self.events.iter().map(|(_, _, membership)| membership.basis).max().unwrap_or(Basis::Assumed);
        let sum = |of: fn(&Event) -> u64| self.events.iter().map(|(_, e, _)| of(e)).fold(0u64, u64::saturating_add);
        let end = self.events.iter().map(|(_, event, _)| event.end.unwrap_or(event.time)).max();
        let attempts: Vec<usize> =
            self.events.iter().filter_map(|(at, _, _)| attempts.get(at)).flatten().copied().collect();
        Some(Step {
            id: String::new(),
            key: key(first, identities, &target, target_id.as_deref()),
            events: self.events.iter().map(|&(at, _, _)| at).collect(),
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
        for (_, _, membership) in &self.events {
            let place = *places.entry(&membership.why).or_insert_with(|| {
                reasons.push((&membership.why, 0));
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
fn interrupted(
    attack: &[(usize, &Event, &Membership)],
    identities: &Identities,
) -> (BTreeMap<usize, Vec<usize>>, HashSet<usize>) {
    type Attempt<'a> = (&'a str, Option<Arc<str>>);
    let mut successes: HashMap<Attempt<'_>, Vec<(usize, &Event)>> = HashMap::new();
    for &(at, event, _) in attack {
        if matches!((&event.detail, &event.outcome), (Detail::SignIn(_), Outcome::Success))
            && let Some(id) = &event.correlation_id
        {
            successes.entry((id, identities.principal(&event.actor))).or_default().push((at, event));
        }
    }
    let mut attempts: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let mut taken = HashSet::new();
    for &(at, event, _) in attack {
        let (Detail::SignIn(_), Outcome::Interrupted(_), Some(id)) =
            (&event.detail, &event.outcome, &event.correlation_id)
        else {
            continue;
        };
        let ended = successes.get(&(id.as_ref(), identities.principal(&event.actor)));
        let ended = ended.and_then(|all| all.get(all.partition_point(|(_, success)| success.time < event.time)));
        if let Some((success, _)) = ended {
            attempts.entry(*success).or_default().push(at);
            taken.insert(at);
        }
    }
    (attempts, taken)
}

/// One actor at one address.
fn session(event: &Event, identities: &Identities, marker: &Marker) -> Mark {
    marker.of(|to| {
        who(event, identities).hash(to);
        event.source_ip.hash(to);
    })
}

fn who(event: &Event, identities: &Identities) -> Arc<str> {
    identities.principal(&event.actor).unwrap_or_else(|| event.actor.name.clone())
}

/// The longest gap that does not break a run, by session.
fn paces(
    attack: &[(usize, &Event, &Membership)],
    identities: &Identities,
    marker: &Marker,
) -> HashMap<Mark, SignedDuration> {
    let mut times: HashMap<Mark, Vec<&Event>> = HashMap::new();
    for (_, event, _) in attack {
        times.entry(session(event, identities, marker)).or_default().push(event);
    }
    let pace = |events: Vec<&Event>| {
        let neighbours = events.iter().zip(events.iter().skip(1));
        let mut gaps: Vec<SignedDuration> =
            neighbours.map(|(a, b)| b.time.duration_since(a.end.unwrap_or(a.time)).max(SignedDuration::ZERO)).collect();
        gaps.sort_unstable();
        let median = gaps.get(gaps.len() / 2).copied().unwrap_or(SignedDuration::ZERO);
        median.checked_mul(PACES).unwrap_or(LONGEST).clamp(SHORTEST, LONGEST)
    };
    times.into_iter().map(|(session, events)| (session, pace(events))).collect()
}

/// Two events with the same mark are the same request on the same target in the same session.
fn like(event: &Event, identities: &Identities, marker: &Marker) -> Mark {
    let (name, id) = target(event, identities);
    marker.of(|to| {
        who(event, identities).hash(to);
        to.folded(id.as_deref().unwrap_or_default());
        event.session_id.hash(to);
        let per_container = match &event.detail {
            Detail::Data(detail) => {
                identities.account_of(detail).name.hash(to);
                if !oauth(detail) {
                    detail.hash.hash(to);
                }
                decided_per_container(detail)
            }
            Detail::Directory(detail) => {
                for target in &detail.targets {
                    (&target.kind, &target.id, &target.name).hash(to);
                }
                false
            }
            Detail::SignIn(_) | Detail::Arm(_) | Detail::Alert(_) | Detail::Context(_) => false,
        };
        if per_container && let Detail::Data(detail) = &event.detail {
            detail.container.hash(to);
        }
        to.write_u8(u8::from(per_container));
        baseline::request(to, 0, event, Target::Of(&name));
    })
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
    let account = identities.account_of(detail);
    let id = account.resource.as_ref();
    let action = event.action.to_ascii_lowercase();
    let listing = action.starts_with("list") || action.ends_with("list");
    match &detail.container {
        Some(container) if !listing => {
            let id = id.and_then(|account| below_account(account, &detail.service, container));
            (container.clone(), id.or_else(|| event.target_id.clone()))
        }
        Some(_) | None => {
            let name = id.map_or_else(|| account.name.clone(), |account| Arc::from(account.name()));
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
