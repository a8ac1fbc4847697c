//! What was collected and what was not: a fact that falls in a hole is unknown, one that the coverage shows to be
//! absent is absent.
//!
//! A kind that some export lists counts as whole unless the export says that there is more of it (`@odata.nextLink`
//! with no last page, `resultTruncated`). One single object of a kind that comes in numbers is a part of it. A listing
//! of resources is whole if it mixes types; a list of one type is a part.

use super::Reading;
use super::collect::{GATHER, gather};
use crate::model::{Collected, Environment, Event, InputError, Kind, Timestamp, did_you_mean};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Coverage {
    /// The word `incident.json` uses for it, or a log table's name.
    pub what: String,
    /// Of what: `tenant`, or the subscriptions met.
    pub scope: String,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    pub state: State,
    /// The command that gathers it.
    pub gather: String,
    /// What is odd about it, such as a stretch without a record.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Present,
    Partial,
    Absent,
}

/// Kinds whose absence is worth a row: the words of `incident.json`'s `collected`.
const EXPECTED: &[Kind] = &[
    Kind::Users,
    Kind::Groups,
    Kind::GroupMembers,
    Kind::ServicePrincipals,
    Kind::Applications,
    Kind::DirectoryRoles,
    Kind::RoleDefinitions,
    Kind::RoleAssignments,
    Kind::DenyAssignments,
    Kind::Locks,
    Kind::PimInstances,
    Kind::PimSettings,
    Kind::ConditionalAccess,
    Kind::NamedLocations,
    Kind::PolicyAssignments,
    Kind::PolicyDefinitions,
    Kind::Exemptions,
    Kind::Resources,
    Kind::Assessments,
    Kind::DiagnosticSettings,
    Kind::RegistrationDetails,
];

/// Logs whose absence is worth a row.
const LOGS: &[&str] = &[
    "SigninLogs",
    "AADNonInteractiveUserSignInLogs",
    "AADServicePrincipalSignInLogs",
    "AADManagedIdentitySignInLogs",
    "AuditLogs",
    "AzureActivity",
    "StorageBlobLogs",
    "SecurityAlert",
];

/// Kinds of which a tenant has one document.
const SINGLE: &[Kind] = &[Kind::SecurityDefaults, Kind::AuthorizationPolicy, Kind::DeviceRegistrationPolicy];

impl From<Collected> for State {
    fn from(collected: Collected) -> State {
        match collected {
            Collected::No => State::Absent,
            Collected::Partial => State::Partial,
            Collected::Whole => State::Present,
        }
    }
}

/// Takes `collected` of `incident.json` at its word: these kinds and logs were exported whole, even where an empty
/// export looks like a missing one. The error names a word that is none and the nearest that is.
pub fn declare(words: &[String], environment: &mut Environment, reading: &mut Reading) -> Result<(), InputError> {
    for word in words {
        let kind = Kind::ALL.iter().copied().find(|kind| kind.as_str() == word);
        let known = || Kind::ALL.iter().map(|k| k.as_str()).chain(GATHER.iter().map(|g| g.what));
        if kind.is_none() && !known().any(|what| what == word) {
            let message = format!("`collected` names `{word}`, which is neither a kind nor a log");
            let help = did_you_mean(word, &known().collect::<Vec<_>>());
            return Err(InputError::new("incident.json", message, help));
        }
        if let Some(kind) = kind {
            environment.set_collected(kind, Collected::Whole);
            reading.collected.insert(kind, Collected::Whole);
        }
        for row in reading.coverage.iter_mut().filter(|row| row.what == *word) {
            row.state = State::Present;
            if row.note.is_empty() {
                row.note = "by incident.json's word".to_owned();
            }
        }
    }
    Ok(())
}

#[derive(Default)]
struct Seen {
    /// Documents that stood alone in their file.
    single: u64,
    /// Files that list it, and whether a page of that file says there is more.
    files: BTreeMap<String, bool>,
    types: BTreeSet<String>,
}

#[derive(Default)]
struct Log {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    /// Hours since the epoch that hold a record.
    hours: BTreeSet<i64>,
}

/// Eleven years of hours: no log is longer, a made-up one may be.
const HOURS: usize = 100_000;

#[derive(Default)]
pub struct Tally {
    kinds: BTreeMap<Kind, Seen>,
    logs: BTreeMap<&'static str, Log>,
    subscriptions: BTreeSet<String>,
    /// Kinds listed by the page being read.
    page: BTreeSet<Kind>,
}

impl Tally {
    pub fn event(&mut self, event: &Event) {
        let log = self.logs.entry(event.log).or_default();
        log.from = Some(log.from.map_or(event.time, |t| t.min(event.time)));
        log.to = Some(log.to.map_or(event.time, |t| t.max(event.time)));
        if log.hours.len() < HOURS {
            log.hours.insert(event.time.as_second().div_euclid(3600));
        }
    }

    /// A log that was exported and holds nothing.
    pub fn empty_log(&mut self, log: &'static str) {
        self.logs.entry(log).or_default();
    }

    pub fn document(&mut self, kind: Kind, key: &str, file: &str, listed: bool) {
        let seen = self.kinds.entry(kind).or_default();
        if listed {
            if !self.page.contains(&kind) {
                self.page.insert(kind);
                seen.files.entry(file.to_owned()).or_insert(false);
            }
        } else {
            seen.single += 1;
        }
        if kind == Kind::Resources
            && seen.types.len() < 2
            && let Some(kind) = crate::model::ResourceId::new(key).resource_type()
        {
            seen.types.insert(kind.to_lowercase());
        }
        if let Some(rest) = key.strip_prefix("/subscriptions/")
            && let Some(id) = rest.split('/').next()
            && !self.subscriptions.contains(id)
            && self.subscriptions.len() < 64
        {
            self.subscriptions.insert(id.to_owned());
        }
    }

    /// A list of this kind, empty or not, that says how it goes on.
    pub fn page(&mut self, kind: Kind, file: &str, more: bool) {
        let seen = self.kinds.entry(kind).or_default();
        *seen.files.entry(file.to_owned()).or_insert(false) |= more;
    }

    pub fn end_of_page(&mut self, file: &str, more: bool) {
        for kind in std::mem::take(&mut self.page) {
            if more && let Some(last) = self.kinds.get_mut(&kind).and_then(|seen| seen.files.get_mut(file)) {
                *last = true;
            }
        }
    }

    pub fn collected(&self, kind: Kind) -> Collected {
        let Some(seen) = self.kinds.get(&kind) else { return Collected::No };
        let listed = !seen.files.is_empty();
        let last_page = seen.files.values().any(|more| !more);
        let alone = seen.single == 1 && !SINGLE.contains(&kind);
        let whole = match kind {
            Kind::Resources => listed && last_page && seen.types.len() > 1,
            _ if listed => last_page,
            _ => seen.single > 0 && !alone,
        };
        if whole { Collected::Whole } else { Collected::Partial }
    }

    pub fn all(&self) -> BTreeMap<Kind, Collected> {
        self.kinds.keys().map(|kind| (*kind, self.collected(*kind))).collect()
    }

    pub fn rows(&self) -> Vec<Coverage> {
        let subscriptions: Vec<&str> = self.subscriptions.iter().map(String::as_str).collect();
        let mut rows = Vec::new();
        for kind in Kind::ALL.iter().copied() {
            let state = State::from(self.collected(kind));
            if state == State::Absent && !EXPECTED.contains(&kind) {
                continue;
            }
            let arm = gather(kind.as_str()).is_some_and(|g| g.arm);
            let scope = if arm && !subscriptions.is_empty() { subscriptions.join(", ") } else { "tenant".to_owned() };
            rows.push(Coverage {
                what: kind.as_str().to_owned(),
                scope,
                from: None,
                to: None,
                state,
                gather: gather(kind.as_str()).map(|g| g.command.to_owned()).unwrap_or_default(),
                note: String::new(),
            });
        }
        let expected = LOGS.iter().copied().filter(|log| !self.logs.contains_key(log)).map(|log| (log, None));
        let met = self.logs.iter().map(|(log, seen)| (*log, Some(seen)));
        let mut logs: Vec<(&str, Option<&Log>)> = expected.chain(met).collect();
        logs.sort_by_key(|(log, _)| *log);
        for (log, seen) in logs {
            let empty = seen.is_some_and(|log| log.from.is_none());
            let holes = seen.map(holes).unwrap_or_default();
            rows.push(Coverage {
                what: log.to_owned(),
                scope: "tenant".to_owned(),
                from: seen.and_then(|s| s.from),
                to: seen.and_then(|s| s.to),
                state: match seen {
                    None => State::Absent,
                    Some(_) if holes.is_empty() => State::Present,
                    Some(_) => State::Partial,
                },
                gather: gather(log).map(|g| g.command.to_owned()).unwrap_or_default(),
                note: if empty { "exported, and empty".to_owned() } else { holes.join("; ") },
            });
        }
        rows
    }
}

/// Stretches without a record, in a log that otherwise has one nearly every hour.
fn holes(log: &Log) -> Vec<String> {
    let hours: Vec<i64> = log.hours.iter().copied().collect();
    let gaps: Vec<i64> = hours.windows(2).filter_map(|w| Some(w.get(1)? - w.first()?)).collect();
    let mut sorted = gaps.clone();
    sorted.sort_unstable();
    let Some(usual) = sorted.get(sorted.len() * 9 / 10).copied().filter(|_| hours.len() >= 48) else {
        return Vec::new();
    };
    let hole = (usual * 4).max(12);
    hours
        .windows(2)
        .filter_map(|w| Some((*w.first()?, *w.get(1)?)))
        .filter(|(from, to)| to - from > hole)
        .take(20)
        .map(|(from, to)| {
            let at = |hour: i64| Timestamp::from_second(hour * 3600).map(|t| t.to_string()).unwrap_or_default();
            format!("no record from {} to {}", at(from + 1), at(to))
        })
        .collect()
}
