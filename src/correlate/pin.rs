//! Alerts, pinned to the steps they saw.
//!
//! An alert is no event of the attack: it is what some product said about one. It saw a step if one of its entities
//! (identity, address, resource) is the step's, more of them agree than contradict, and their times meet. An alert
//! that carries the correlation id of a step's record saw that step and no other. Where no times meet, the last step
//! before the alert is taken, and called assumed.

use super::identity::Identities;
use super::step::{Basis, Step};
use crate::model::{AlertDetail, Detail, Event, ResourceId, Timestamp};
use jiff::SignedDuration;
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

/// Products stamp an alert by their own clock and often to the minute.
const SLACK: SignedDuration = SignedDuration::from_secs(60);
/// How many steps back an alert that meets no step in time is held against.
const LOOK_BACK: usize = 1_000;

#[derive(Clone, Debug, PartialEq)]
pub struct PinnedAlert {
    pub event: Event,
    /// Ids of the steps it saw; empty: none.
    pub steps: Vec<String>,
    pub why: String,
    pub basis: Basis,
}

/// Pins the alerts, in time order, and notes on each step which saw it. Those outside the window that saw nothing are
/// somebody else's and are dropped; how many is the second value.
pub fn pin(
    alerts: Vec<Event>,
    events: &[Event],
    steps: &mut [Step],
    identities: &Identities,
    window: (Timestamp, Timestamp),
) -> (Vec<PinnedAlert>, u64) {
    let by_correlation = by_correlation(&alerts, events, steps);
    let seen: Vec<Seen> = steps.iter().map(|step| Seen::of(step, events, identities)).collect();
    // Latest end of any step up to here: lets a search backwards stop.
    let latest: Vec<Timestamp> = seen
        .iter()
        .scan(Timestamp::MIN, |latest, step| {
            *latest = (*latest).max(step.end);
            Some(*latest)
        })
        .collect();
    let mut pinned = Vec::new();
    let mut others = 0u64;
    for event in alerts {
        let Detail::Alert(detail) = &event.detail else { continue };
        let alert = Alert::of(&event, detail, identities);
        let exact = event.correlation_id.as_ref().and_then(|id| by_correlation.get(id.as_ref()));
        let (found, why, basis) = match exact {
            Some(found) => (found.iter().copied().collect(), "same correlation id".to_owned(), Basis::Exact),
            None => alert.saw(&seen, &latest),
        };
        if found.is_empty() && !(window.0..=window.1).contains(&event.time) {
            others += 1;
            continue;
        }
        let mut ids = Vec::new();
        for at in found {
            if let Some(step) = steps.get_mut(at) {
                step.alerts.push(pinned.len());
                ids.push(step.id.clone());
            }
        }
        pinned.push(PinnedAlert { event, steps: ids, why, basis });
    }
    (pinned, others)
}

fn by_correlation(alerts: &[Event], events: &[Event], steps: &[Step]) -> HashMap<String, BTreeSet<usize>> {
    let mut found: HashMap<String, BTreeSet<usize>> = HashMap::new();
    let wanted: BTreeSet<&str> = alerts.iter().filter_map(|alert| alert.correlation_id.as_deref()).collect();
    if wanted.is_empty() {
        return found;
    }
    for (at, step) in steps.iter().enumerate() {
        for event in step.events.iter().filter_map(|&event| events.get(event)) {
            if let Some(id) = event.correlation_id.as_deref().filter(|id| wanted.contains(id)) {
                found.entry(id.to_owned()).or_default().insert(at);
            }
        }
    }
    found
}

/// On which layer a step happened, and so which product could see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    Identity,
    Management,
    Data,
    Context,
}

/// What of a step an alert can recognise.
struct Seen {
    time: Timestamp,
    end: Timestamp,
    layer: Layer,
    principal: Option<String>,
    address: Option<std::net::IpAddr>,
    resource: Option<ResourceId>,
    account: Option<String>,
}

impl Seen {
    fn of(step: &Step, events: &[Event], identities: &Identities) -> Seen {
        let first = step.events.first().and_then(|&at| events.get(at));
        let (layer, resource, account) = match first.map(|event| &event.detail) {
            Some(Detail::SignIn(_) | Detail::Directory(_)) => (Layer::Identity, None, None),
            Some(Detail::Arm(detail)) => (Layer::Management, Some(detail.resource.clone()), None),
            Some(Detail::Data(detail)) => {
                let account = identities.account_of(detail);
                (Layer::Data, account.resource.map(Cow::into_owned), Some(account.name.into_owned()))
            }
            Some(Detail::Alert(_) | Detail::Context(_)) | None => (Layer::Context, None, None),
        };
        Seen {
            time: step.time,
            end: step.end,
            layer,
            principal: identities.principal(&step.actor).map(|label| label.as_ref().to_owned()),
            address: step.source_ip.known().map(std::net::IpAddr::to_canonical),
            resource,
            account,
        }
    }
}

struct Alert {
    from: Timestamp,
    to: Timestamp,
    layer: Option<Layer>,
    principals: BTreeSet<String>,
    addresses: BTreeSet<std::net::IpAddr>,
    resources: Vec<ResourceId>,
    names: BTreeSet<String>,
}

impl Alert {
    fn of(event: &Event, detail: &AlertDetail, identities: &Identities) -> Alert {
        let label = |name: &str| match identities.find(name) {
            Some(principal) => identities.label(principal).as_ref().to_owned(),
            None => super::identity::fold(name).as_ref().to_owned(),
        };
        let (ids, names): (Vec<_>, Vec<_>) = detail.resources.iter().partition(|text| text.starts_with('/'));
        let said = format!("{} {}", detail.product, detail.title).to_lowercase();
        let layer = if said.contains("identity protection") {
            Some(Layer::Identity)
        } else if said.contains("storage") {
            Some(Layer::Data)
        } else if said.contains("resource manager") {
            Some(Layer::Management)
        } else {
            None
        };
        Alert {
            from: event.time.saturating_sub(SLACK).unwrap_or(event.time),
            to: event.end.unwrap_or(event.time).max(event.time).saturating_add(SLACK).unwrap_or(event.time),
            layer,
            principals: detail.principals.iter().map(|name| label(name)).collect(),
            addresses: detail.addresses.iter().map(std::net::IpAddr::to_canonical).collect(),
            resources: ids.into_iter().map(|id| ResourceId::new(id)).collect(),
            names: names.into_iter().map(|name| identities.account(name).as_ref().to_owned()).collect(),
        }
    }

    fn saw(&self, steps: &[Seen], latest: &[Timestamp]) -> (Vec<usize>, String, Basis) {
        let after = steps.partition_point(|step| step.time <= self.to);
        let mut met: Vec<(usize, &Seen, Vec<&'static str>)> = Vec::new();
        for at in (0..after).rev() {
            if latest.get(at).is_none_or(|latest| *latest < self.from) {
                break;
            }
            if let Some(step) = steps.get(at).filter(|step| step.end >= self.from)
                && let Some(agreed) = self.agrees(step)
            {
                met.push((at, step, agreed));
            }
        }
        if met.is_empty() {
            return self.last_before(steps, after);
        }
        if let Some(layer) = self.layer
            && met.iter().any(|(_, step, _)| step.layer == layer)
        {
            met.retain(|(_, step, _)| step.layer == layer);
        }
        met.reverse();
        let agreed: BTreeSet<&str> = met.iter().flat_map(|(_, _, agreed)| agreed.iter().copied()).collect();
        let why = format!("same {} at the time", agreed.into_iter().collect::<Vec<_>>().join(", "));
        (met.into_iter().map(|(at, _, _)| at).collect(), why, Basis::Exact)
    }

    /// An alert may come hours after what it saw.
    fn last_before(&self, steps: &[Seen], before: usize) -> (Vec<usize>, String, Basis) {
        for at in (0..before).rev().take(LOOK_BACK) {
            let Some(step) = steps.get(at) else { continue };
            if self.layer.is_none_or(|layer| layer == step.layer)
                && let Some(agreed) = self.agrees(step)
            {
                let why = format!("same {}, the last such step before the alert", agreed.join(", "));
                return (vec![at], why, Basis::Assumed);
            }
        }
        (Vec::new(), "no step shares its identity, address or resource".to_owned(), Basis::Assumed)
    }

    /// What the alert and the step have in common, if that outweighs what they differ in.
    fn agrees(&self, step: &Seen) -> Option<Vec<&'static str>> {
        let mut agreed = Vec::new();
        let mut differ = 0;
        let mut hold = |what: &'static str, same: Option<bool>| match same {
            Some(true) => agreed.push(what),
            Some(false) => differ += 1,
            None => {}
        };
        let principal = step.principal.as_ref().filter(|_| !self.principals.is_empty());
        hold("identity", principal.map(|principal| self.principals.contains(principal)));
        let address = step.address.filter(|_| !self.addresses.is_empty());
        hold("address", address.map(|address| self.addresses.contains(&address)));
        if !(self.resources.is_empty() && self.names.is_empty()) && (step.resource.is_some() || step.account.is_some())
        {
            let by_id = step.resource.as_ref().is_some_and(|r| self.resources.iter().any(|above| above.contains(r)));
            let by_name = step.account.as_ref().is_some_and(|account| {
                self.names.contains(account) || self.resources.iter().any(|r| r.name().eq_ignore_ascii_case(account))
            });
            let part = step.resource.as_ref().is_some_and(|r| self.names.contains(&r.name().to_lowercase()));
            hold("resource", Some(by_id || by_name || part));
        }
        (agreed.len() > differ).then_some(agreed)
    }
}
