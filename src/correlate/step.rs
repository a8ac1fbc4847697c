//! What correlation hands on: the steps, why each event is in, the baseline, the alerts.

use super::baseline::Baseline;
use super::identity::Identities;
use super::pin::PinnedAlert;
use crate::model::{Actor, Event, Fact, ObjectId, Outcome, Timestamp};
use std::net::IpAddr;
use std::sync::Arc;

/// How sure it is that an event is the attack's; surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Basis {
    /// `incident.json` says so: the reviewer put the record in.
    Held,
    /// A recorded address, token, correlation id, credential or assignment id that is an indicator or the attack's.
    Exact,
    /// The session id of an indicator or of another attack event.
    Session,
    /// A guess from principal, address, resource and time; named as such.
    Assumed,
}

impl Basis {
    pub fn as_str(self) -> &'static str {
        match self {
            Basis::Held => "held",
            Basis::Exact => "exact",
            Basis::Session => "session",
            Basis::Assumed => "assumed",
        }
    }
}

/// Why one event is the attack's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// A sentence without capital and full stop.
    pub why: Arc<str>,
    pub basis: Basis,
    /// 0: an indicator or the reviewer; n: found by widening from an event of round n-1.
    pub round: u32,
}

/// One edge of the attack: one event, or a run of like events. A failed attempt is a step too (`outcome`), and yields
/// nothing; so is what only gives context (`context`), of which no gate is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// `s1`.. in time order.
    pub id: String,
    /// Made from the step's own content, so that another log row elsewhere does not shift it.
    pub key: String,
    /// Indices into [`Correlated::window_events`], in time order.
    pub events: Vec<usize>,
    /// Interrupted records (50074, 50076, ...) of the same correlation id that ended in this step.
    pub attempts: Vec<usize>,
    /// Of the first and to the end of the last event of the run.
    pub time: Timestamp,
    pub end: Timestamp,
    /// As contracts' "Names in steps" has it.
    pub action: Arc<str>,
    pub actor: Actor,
    /// The actor's object id, where the environment or the logs tell it.
    pub principal: Option<ObjectId>,
    pub source_ip: Fact<IpAddr>,
    /// Resource application, directory object, resource id, container; the account for listings.
    pub target: Arc<str>,
    /// Its id: application id, object id, or resource id (of a container, built from its account's).
    pub target_id: Option<Arc<str>>,
    /// Requests and bytes handed to the caller, exact.
    pub count: u64,
    pub bytes: u64,
    pub outcome: Outcome,
    pub why_in: String,
    /// The least sure of its events'.
    pub basis: Basis,
    pub context: bool,
    /// Indices into [`Correlated::alerts`]; empty: no alert saw this step.
    pub alerts: Vec<usize>,
}

impl Step {
    /// A failed or merely interrupted attempt: shown, and yields nothing.
    pub fn failed(&self) -> bool {
        match self.outcome {
            Outcome::Failure(_) | Outcome::Interrupted(_) => true,
            Outcome::Success | Outcome::Unknown => false,
        }
    }
}

/// The events, sorted into the attack's and everybody else's.
#[derive(Clone, Debug)]
pub struct Correlated {
    pub steps: Vec<Step>,
    pub alerts: Vec<PinnedAlert>,
    pub baseline: Baseline,
    /// Every event inside the window (and every record the reviewer put in from outside it) in time order, the
    /// attack's and the baseline's: what replay threads the environment through. Alerts are not among them.
    pub window_events: Vec<Event>,
    /// One per window event: why it is in; `None` is baseline.
    pub memberships: Vec<Option<Membership>>,
    /// State changes after the window, in time order, where the snapshot may hold what they did.
    pub later_changes: Vec<Event>,
    /// What the reader must know: an indicator that matched nothing, a correction that named no record.
    pub warnings: Vec<String>,
    /// Who is who, by the environment and the logs.
    pub identities: Identities,
}

impl Correlated {
    /// The step of that id or key.
    pub fn step(&self, name: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == name || step.key == name)
    }

    /// The attempts that failed or were merely interrupted.
    pub fn failed(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.failed())
    }

    /// Ids of the steps that no alert saw.
    pub fn unseen(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter(|step| step.alerts.is_empty()).map(|step| step.id.as_str())
    }

    /// The attack's events with their why, in time order.
    pub fn attack(&self) -> impl Iterator<Item = (&Event, &Membership)> {
        self.window_events.iter().zip(&self.memberships).filter_map(|(event, why)| Some((event, why.as_ref()?)))
    }
}
