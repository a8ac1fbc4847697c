//! The baseline: every event that is not the attack's, folded into classes of like requests.
//!
//! A class is one combination of everything a gate reads (who, what, on what, from where, with which device, risk,
//! token, authorization, body); what the gates never read (ids, times, sizes, user agents, object names) is dropped,
//! so a hundred million events cost as many decisions as there are combinations.

use super::identity::Identities;
use super::mark::{Both, Mark, Marker};
use super::order;
use crate::model::{ArmDetail, DataDetail, Detail, Event, Evidence, Fact, Outcome, SignInDetail, Timestamp};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// How many records of a class are kept to show.
const EXAMPLES: usize = 3;

/// Like requests of one actor.
#[derive(Clone, Debug, PartialEq)]
pub struct Class {
    /// The earliest of them.
    pub event: Event,
    /// Object id, or the best name there is; none for a bare key.
    pub principal: Option<Arc<str>>,
    /// Requests; `records` may be fewer, where a row aggregates.
    pub count: u64,
    pub records: u64,
    pub bytes: u64,
    pub first: Timestamp,
    pub last: Timestamp,
    /// The earliest records.
    pub examples: Vec<Evidence>,
    /// When, one by one and in order: only of operations that change or activate something on the management plane
    /// or in the directory (a lawful use of a role), which are few.
    pub times: Vec<Timestamp>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Baseline {
    /// In order of their first event.
    pub classes: Vec<Class>,
    /// Log rows in all classes, and requests they stand for.
    pub records: u64,
    pub count: u64,
    pub bytes: u64,
    /// Context records and alerts that are nobody's: of these no gate is asked, so they make no class.
    pub aside: u64,
    /// First and last time in any log, the attack's events included.
    pub covered: Option<(Timestamp, Timestamp)>,
    by_principal: BTreeMap<Arc<str>, Vec<usize>>,
}

impl Baseline {
    /// The classes of a principal (object id, or the label a class carries).
    pub fn of(&self, principal: &str) -> impl Iterator<Item = &Class> {
        self.by_principal.get(principal).into_iter().flatten().filter_map(|&at| self.classes.get(at))
    }

    /// Every recorded use by that principal of an operation that changes something, with its time.
    pub fn uses(&self, principal: &str) -> impl Iterator<Item = (Timestamp, &Class)> {
        self.of(principal).flat_map(|class| class.times.iter().map(move |&time| (time, class)))
    }
}

/// Folds events as they come; memory follows the number of classes.
#[derive(Debug, Default)]
pub struct Folding {
    classes: HashMap<Mark, Open>,
    records: u64,
    count: u64,
    bytes: u64,
    pub aside: u64,
}

#[derive(Debug)]
struct Open {
    class: Class,
    /// The earliest, in their order: the first is the class's own event.
    earliest: Vec<(Timestamp, Evidence)>,
}

impl Folding {
    pub fn add(&mut self, marker: &Marker, actor: u32, event: Event) {
        if matches!(event.detail, Detail::Alert(_) | Detail::Context(_)) {
            self.aside = self.aside.saturating_add(1);
            return;
        }
        self.records = self.records.saturating_add(1);
        self.count = self.count.saturating_add(event.count);
        self.bytes = self.bytes.saturating_add(event.bytes);
        let exact = keeps_times(&event);
        let (time, end) = (event.time, event.end.unwrap_or(event.time).max(event.time));
        let mark = marker.of(|content| request(content, actor, &event, Target::Exact));
        match self.classes.get_mut(&mark) {
            None => {
                let class = Class {
                    principal: None,
                    count: event.count,
                    records: 1,
                    bytes: event.bytes,
                    first: time,
                    last: end,
                    examples: Vec::new(),
                    times: if exact { vec![time] } else { Vec::new() },
                    event,
                };
                let earliest = vec![(time, class.event.evidence.clone())];
                self.classes.insert(mark, Open { class, earliest });
            }
            Some(open) => {
                let class = &mut open.class;
                class.count = class.count.saturating_add(event.count);
                class.records = class.records.saturating_add(1);
                class.bytes = class.bytes.saturating_add(event.bytes);
                class.last = class.last.max(end);
                if exact {
                    class.times.push(time);
                }
                let at = (time, &event.evidence);
                let late = open.earliest.last().is_some_and(|(t, e)| (*t, e) <= at);
                if !late || open.earliest.len() < EXAMPLES {
                    let slot = open.earliest.partition_point(|(t, e)| (*t, e) <= at);
                    open.earliest.insert(slot, (time, event.evidence.clone()));
                    open.earliest.truncate(EXAMPLES);
                }
                if time < class.first || (time == class.first && order::compare(&event, &class.event).is_lt()) {
                    class.first = time;
                    class.event = event;
                }
            }
        }
    }

    pub fn finish(self, identities: &Identities) -> Baseline {
        let mut classes: Vec<Class> = self
            .classes
            .into_values()
            .map(|Open { mut class, earliest }| {
                class.examples = earliest.into_iter().map(|(_, evidence)| evidence).collect();
                class.principal = identities.principal(&class.event.actor);
                class.times.sort_unstable();
                class
            })
            .collect();
        classes.sort_by(|a, b| order::compare(&a.event, &b.event));
        let mut by_principal: BTreeMap<Arc<str>, Vec<usize>> = BTreeMap::new();
        for (at, class) in classes.iter().enumerate() {
            if let Some(principal) = &class.principal {
                by_principal.entry(principal.clone()).or_default().push(at);
            }
        }
        Baseline {
            classes,
            records: self.records,
            count: self.count,
            bytes: self.bytes,
            aside: self.aside,
            covered: None,
            by_principal,
        }
    }
}

fn keeps_times(event: &Event) -> bool {
    match event.detail {
        Detail::Arm(_) | Detail::Directory(_) => true,
        Detail::SignIn(_) | Detail::Data(_) | Detail::Alert(_) | Detail::Context(_) => false,
    }
}

/// How closely two requests must agree on what they were about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// As recorded.
    Exact,
    /// The caller has marked what stands for account and container.
    Marked,
}

/// Everything about a request that a gate reads, and its outcome.
pub fn request(to: &mut Both, actor: u32, event: &Event, target: Target) {
    to.write_u32(actor);
    to.folded(&event.action);
    event.source_ip.hash(to);
    event.country.hash(to);
    outcome(to, &event.outcome);
    match &event.detail {
        Detail::SignIn(detail) => sign_in(to, detail),
        Detail::Arm(detail) => arm(to, detail),
        Detail::Data(detail) => data(to, detail, target),
        Detail::Directory(detail) => {
            to.write_u8(3);
            detail.category.hash(to);
        }
        Detail::Alert(_) | Detail::Context(_) => to.write_u8(4),
    }
}

fn outcome(to: &mut Both, outcome: &Outcome) {
    match outcome {
        Outcome::Success => to.write_u8(0),
        Outcome::Failure(code) => {
            to.write_u8(1);
            to.folded(code);
        }
        Outcome::Interrupted(code) => {
            to.write_u8(2);
            to.folded(code);
        }
        Outcome::Unknown => to.write_u8(3),
    }
}

fn sign_in(to: &mut Both, detail: &SignInDetail) {
    // Every field by name: one that is added later must be placed here, as read by a gate or not.
    let SignInDetail {
        category,
        app_id,
        app_name: _,
        resource_id,
        resource_name: _,
        audiences,
        scopes,
        client_app_type,
        platform,
        device,
        sign_in_risk,
        user_risk,
        requirement,
        mfa,
        methods,
        previously_satisfied,
        incoming_token,
        transfer_method,
        original_transfer_method,
        authentication_contexts,
        user_type,
        home_tenant,
        resource_tenant,
        applied_policies,
        conditional_access_status,
        error_code,
        credential_key_id,
        federated_credential_id,
    } = detail;
    to.write_u8(0);
    category.hash(to);
    (app_id, resource_id, audiences, scopes, client_app_type, platform, device).hash(to);
    (sign_in_risk, user_risk, requirement, mfa, methods, previously_satisfied, incoming_token).hash(to);
    (transfer_method, original_transfer_method, authentication_contexts).hash(to);
    (user_type, home_tenant, resource_tenant, applied_policies, conditional_access_status, error_code).hash(to);
    (credential_key_id, federated_credential_id).hash(to);
}

fn arm(to: &mut Both, detail: &ArmDetail) {
    let ArmDetail { resource, authorization, request_body, response_body: _, claims, status } = detail;
    to.write_u8(1);
    (resource, authorization, request_body, status).hash(to);
    match claims {
        Fact::Unknown => to.write_u8(0),
        Fact::Absent => to.write_u8(1),
        Fact::Known(Value::Object(claims)) => {
            for (name, value) in claims {
                if !VOLATILE.contains(&name.as_str()) {
                    (name, value).hash(to);
                }
            }
        }
        Fact::Known(other) => other.hash(to),
    }
}

/// Claims that differ from token to token and that no gate reads.
const VOLATILE: &[&str] = &[
    "aio",
    "exp",
    "iat",
    "nbf",
    "rh",
    "sid",
    "uti",
    "xms_ftd",
    "xms_idrel",
    "xms_tdbr",
    "jti",
    "c_hash",
    "at_hash",
    "http://schemas.microsoft.com/claims/authninstant",
];

fn data(to: &mut Both, detail: &DataDetail, target: Target) {
    let DataDetail {
        service,
        account,
        resource,
        container,
        object: _,
        authentication,
        hash,
        authorization,
        sas,
        protocol,
        tls,
        status,
        status_text: _,
    } = detail;
    to.write_u8(2);
    to.folded(service);
    if target == Target::Exact {
        to.folded(account);
        resource.hash(to);
        container.hash(to);
    }
    (authentication, authorization, protocol, tls, status).hash(to);
    key_of(authentication, hash).hash(to);
    for (field, value) in sas {
        if !field.eq_ignore_ascii_case("sig") {
            (field, value).hash(to);
        }
    }
}

/// The account key of a request (`key1(…)`), also the one a SAS was signed with; a token's hash says nothing a gate
/// reads and is renewed hourly.
fn key_of<'a>(authentication: &Fact<Arc<str>>, hash: &'a Fact<Arc<str>>) -> Option<&'a str> {
    match authentication {
        Fact::Known(how) if how.eq_ignore_ascii_case("oauth") => None,
        Fact::Known(_) | Fact::Absent | Fact::Unknown => hash.known()?.split(',').next(),
    }
}
