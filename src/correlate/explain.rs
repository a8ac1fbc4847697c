//! `--explain-correlation`: why each record is in, and which near ones were left out.

use super::step::{Basis, Correlated};
use crate::model::{Event, Timestamp};
use std::collections::BTreeMap;

/// One line: records of one step that are in for one reason.
#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    pub step: String,
    pub time: Timestamp,
    pub action: String,
    pub actor: String,
    pub target: String,
    pub why: String,
    pub basis: Basis,
    pub round: u32,
    /// `<file>#<n>`, the first few; `total` of them in all.
    pub records: Vec<String>,
    pub total: usize,
}

const SHOWN: usize = 3;

pub fn explained(correlated: &Correlated) -> Vec<Explained> {
    let mut rows: Vec<Explained> = Vec::new();
    for step in &correlated.steps {
        let mut places: BTreeMap<(&str, u32), usize> = BTreeMap::new();
        for &at in step.attempts.iter().chain(&step.events) {
            let (Some(event), Some(Some(why))) = (correlated.window_events.get(at), correlated.memberships.get(at))
            else {
                continue;
            };
            let place = *places.entry((&why.why, why.round)).or_insert_with(|| {
                rows.push(Explained {
                    step: step.id.clone(),
                    time: event.time,
                    action: event.action.trim().to_owned(),
                    actor: event.actor.name.as_ref().to_owned(),
                    target: step.target.as_ref().to_owned(),
                    why: why.why.as_ref().to_owned(),
                    basis: why.basis,
                    round: why.round,
                    records: Vec::new(),
                    total: 0,
                });
                rows.len() - 1
            });
            if let Some(row) = rows.get_mut(place) {
                row.total += 1;
                if row.records.len() < SHOWN {
                    row.records.push(record(event));
                }
            }
        }
    }
    rows
}

/// The same as lines of text, then alerts, then what was left out although its principal is in, then warnings.
pub fn explain(correlated: &Correlated) -> Vec<String> {
    let mut lines = Vec::new();
    for row in explained(correlated) {
        let more = match row.total.saturating_sub(row.records.len()) {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        lines.push(format!(
            "{:<4} {} {} by {} on {}: {} [{}] ({}{more})",
            row.step,
            row.time.strftime("%Y-%m-%dT%H:%M:%SZ"),
            row.action,
            row.actor,
            row.target,
            row.why,
            row.basis.as_str(),
            row.records.join(", "),
        ));
    }
    for alert in &correlated.alerts {
        let saw = if alert.steps.is_empty() { "no step".to_owned() } else { alert.steps.join(", ") };
        let what = match &alert.event.detail {
            crate::model::Detail::Alert(detail) => detail.title.as_ref(),
            _ => alert.event.action.as_ref(),
        };
        lines.push(format!(
            "alert {} {what}: saw {saw}, {} [{}] ({})",
            alert.event.time.strftime("%Y-%m-%dT%H:%M:%SZ"),
            alert.why,
            alert.basis.as_str(),
            record(&alert.event),
        ));
    }
    let unseen: Vec<&str> = correlated.unseen().collect();
    if !unseen.is_empty() {
        lines.push(format!("no alert saw {}", unseen.join(", ")));
    }
    lines.extend(left_out(correlated).into_iter().map(|other| {
        let from = other.address.map_or_else(|| "no address".to_owned(), |address| address.to_string());
        format!("left out: {} of {} from {from}, first {}", other.records, other.actor, other.first)
    }));
    lines.extend(correlated.warnings.iter().cloned());
    lines
}

/// Records in the window of a principal of the attack that are nobody's doing but theirs, by principal and address.
#[derive(Clone, Debug, PartialEq)]
pub struct LeftOut {
    pub actor: String,
    pub address: Option<std::net::IpAddr>,
    pub records: usize,
    /// `<file>#<n>`
    pub first: String,
}

pub fn left_out(correlated: &Correlated) -> Vec<LeftOut> {
    let identities = &correlated.identities;
    let involved: std::collections::BTreeSet<_> =
        correlated.attack().filter_map(|(event, _)| identities.principal(&event.actor)).collect();
    let mut groups: BTreeMap<(String, Option<std::net::IpAddr>), (usize, String)> = BTreeMap::new();
    for (event, membership) in correlated.window_events.iter().zip(&correlated.memberships) {
        let Some(principal) = identities.principal(&event.actor) else { continue };
        if membership.is_some() || !involved.contains(&principal) {
            continue;
        }
        let of = (event.actor.name.as_ref().to_owned(), event.source_ip.known().copied());
        let group = groups.entry(of).or_insert((0, record(event)));
        group.0 += 1;
    }
    groups.into_iter().map(|((actor, address), (records, first))| LeftOut { actor, address, records, first }).collect()
}

fn record(event: &Event) -> String {
    super::lead::named(&event.evidence)
}
