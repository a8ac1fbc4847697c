//! Where an attack event leads: the ids it shares with others, and what it made, listed or took over.
//!
//! Only a success leads further than its own ids. Directory operations by their names in the audit log
//! (learn.microsoft.com, "Microsoft Entra audit log activity reference"); provider operations as Azure spells them.

use super::identity::Identities;
use super::link::{self, Link, Past, Tie};
use super::mark::Marker;
use super::step::Basis;
use crate::effect::Carried;
use crate::model::{
    AuditTarget, Detail, DirectoryDetail, Environment, Event, Evidence, Fact, ObjectId, Outcome, ResourceId, Timestamp,
    json,
};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// On what a link joins besides being shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    Always,
    /// The event's address is not among those its principal used before the window.
    Foreign,
    /// The principal did not make the same request before the window.
    NotRoutine,
}

impl Condition {
    pub const ALL: usize = 3;
}

#[derive(Clone, Debug)]
pub struct Lead {
    pub link: Link,
    pub condition: Condition,
    /// Joins events from here on; none: at any time of the window.
    pub from: Option<Timestamp>,
    pub basis: Basis,
    /// Surer reasons first among those of one basis.
    pub rank: u8,
    pub why: Arc<str>,
}

impl Lead {
    /// By an id that the event shares with others.
    pub fn by_own(link: Link, event: &Event) -> Option<Lead> {
        let (basis, rank, what) = match link.tie {
            Tie::Session => (Basis::Session, 4, "same session"),
            Tie::Token => (Basis::Exact, 2, "same token"),
            Tie::Correlation => (Basis::Exact, 3, "same correlation id"),
            Tie::KeyHash => (Basis::Assumed, 6, "same key hash, used by nobody before the window,"),
            Tie::Credential
            | Tie::Assignment
            | Tie::Device
            | Tie::Principal
            | Tie::KeyFrom
            | Tie::KeyUnseen
            | Tie::Resource => return None,
        };
        let why = format!("{what} as {}", named(&event.evidence)).into();
        Some(Lead { link, condition: Condition::Always, from: None, basis, rank, why })
    }
}

/// What leads are read against.
pub struct World<'a> {
    pub environment: &'a Environment,
    pub identities: &'a mut Identities,
    pub past: &'a Past,
    pub marker: &'a Marker,
    /// Principals that run on a resource, by its folded id; made when first asked for.
    hosts: Option<Carried>,
}

impl<'a> World<'a> {
    pub fn new(
        environment: &'a Environment,
        identities: &'a mut Identities,
        past: &'a Past,
        marker: &'a Marker,
    ) -> World<'a> {
        World { environment, identities, past, marker, hosts: None }
    }

    /// Where a success leads beyond its own ids: hands over each lead that `further` wants, which is asked before a
    /// reason is put into words.
    pub fn made(
        &mut self,
        event: &Event,
        further: &mut dyn FnMut(Link, Condition, Option<Timestamp>) -> bool,
        leads: &mut Vec<Lead>,
    ) {
        match event.outcome {
            Outcome::Success | Outcome::Unknown => {}
            Outcome::Failure(_) | Outcome::Interrupted(_) => return,
        }
        let mut made = Made { event, further, leads };
        match &event.detail {
            Detail::Arm(_) => self.arm(&mut made),
            Detail::Data(_) => self.data(&mut made),
            Detail::Directory(detail) => self.directory(detail, &mut made),
            Detail::SignIn(_) | Detail::Alert(_) | Detail::Context(_) => {}
        }
    }

    fn arm(&mut self, made: &mut Made<'_>) {
        let Detail::Arm(detail) = &made.event.detail else { return };
        let action = made.event.action.to_ascii_lowercase();
        if action == "microsoft.authorization/roleassignments/write" {
            if let Some(link) = Link::by_assignment(self.marker, detail.resource.folded()) {
                made.lead(link, Condition::Foreign, Basis::Exact, 5, "uses the role assignment made by");
            }
            let grantee = body_text(detail, "properties.principalId");
            if let Some(principal) = grantee.and_then(|id| self.identities.named(&id)) {
                let what = "acts for the principal that was granted a role by";
                made.lead(Link::by_principal(self.marker, principal), Condition::Foreign, Basis::Assumed, 9, what);
            }
        }
        if hands_out_storage_secret(&action) {
            let account = account_of(&detail.resource);
            self.listed(&account, "the key listed by", made);
        }
        if action.ends_with("/write") && self.created(made.event, &detail.resource) {
            let link = Link::by_resource(self.marker, &detail.resource);
            made.lead(link, Condition::Foreign, Basis::Assumed, 10, "concerns the resource created by");
        }
        let mut made_here = Carried::default();
        for body in [&detail.response_body, &detail.request_body].into_iter().filter_map(Fact::known) {
            made_here.note(self.environment, &detail.resource, body);
        }
        for identity in made_here.on(&detail.resource) {
            if let Some(principal) = self.identities.named(identity.as_str()) {
                let what = "acts for the identity of the resource written by";
                made.lead(Link::by_principal(self.marker, principal), Condition::NotRoutine, Basis::Assumed, 8, what);
            }
        }
        if crate::effect::concerns_code(&action) {
            for identity in self.running_on(&detail.resource) {
                if let Some(principal) = self.identities.named(identity.as_str()) {
                    let what = "acts for an identity of the resource on which code was run by";
                    made.lead(
                        Link::by_principal(self.marker, principal),
                        Condition::NotRoutine,
                        Basis::Assumed,
                        8,
                        what,
                    );
                }
            }
        }
        if action == "microsoft.managedidentity/userassignedidentities/federatedidentitycredentials/write" {
            let owner = detail.resource.parent().unwrap_or_else(|| detail.resource.clone());
            for identity in self.running_on(&owner) {
                if let Some(principal) = self.identities.named(identity.as_str()) {
                    let what = "acts for the identity that was given a federated credential by";
                    made.lead(Link::by_principal(self.marker, principal), Condition::Foreign, Basis::Assumed, 8, what);
                }
            }
        }
    }

    fn data(&mut self, made: &mut Made<'_>) {
        let Detail::Data(detail) = &made.event.detail else { return };
        if made.event.action.eq_ignore_ascii_case("GetUserDelegationKey") {
            let account = self.identities.account_of(detail).name.into_owned();
            self.listed(&account, "the delegation key taken by", made);
        }
    }

    /// From now on whoever uses that account by key from the lister's address, or by a hash never seen before.
    fn listed(&mut self, account: &str, what: &str, made: &mut Made<'_>) {
        let account = self.identities.account(account);
        if let Fact::Known(address) = made.event.source_ip {
            let what = format!("from the address and on the account of {what}");
            let link = Link::key_from(self.marker, &account, address);
            made.lead(link, Condition::Always, Basis::Assumed, 5, &what);
        }
        let what = format!("by a key or SAS that nobody used before the window, after {what}");
        made.lead(Link::key_unseen(self.marker, &account), Condition::Always, Basis::Assumed, 7, &what);
    }

    fn directory(&mut self, detail: &DirectoryDetail, made: &mut Made<'_>) {
        let operation = made.event.action.trim().to_lowercase();
        let creates = creates_principal(&operation);
        let takes_over = TAKES_OVER.iter().any(|words| operation.contains(words)) || changes_credentials(detail);
        for target in &detail.targets {
            let kind = target.kind.to_ascii_lowercase();
            if kind == "device" {
                if operation.contains("add") || operation.contains("register") {
                    for id in device_ids(target) {
                        if let Some(link) = Link::by_id(self.marker, Tie::Device, &id) {
                            made.lead(link, Condition::Always, Basis::Exact, 4, "from the device registered by");
                        }
                    }
                }
                continue;
            }
            for id in credentials(target) {
                if let Some(link) = Link::by_id(self.marker, Tie::Credential, &id) {
                    made.lead(link, Condition::Always, Basis::Exact, 3, "by the credential added by");
                }
            }
            if !matches!(kind.as_str(), "user" | "serviceprincipal" | "application" | "other") {
                continue;
            }
            let name = target.id.as_deref().or(target.upn.as_deref());
            let Some(principal) = name.and_then(|name| self.identities.named(name)) else { continue };
            if creates {
                let what = "acts for the principal created by";
                made.lead(Link::by_principal(self.marker, principal), Condition::Always, Basis::Exact, 4, what);
            } else if takes_over {
                let what = "acts for the principal changed by";
                made.lead(Link::by_principal(self.marker, principal), Condition::Foreign, Basis::Assumed, 9, what);
            }
        }
    }

    /// Whether a write made its resource: the response says so, or nothing knew the resource before.
    fn created(&self, event: &Event, resource: &ResourceId) -> bool {
        let Detail::Arm(detail) = &event.detail else { return false };
        match detail.status {
            Fact::Known(201) => true,
            Fact::Known(_) | Fact::Absent | Fact::Unknown => {
                !self.past.resources.contains(&link::resource_mark(self.marker, resource.folded()))
                    && self.environment.resource(resource).is_none_or(|document| {
                        created_at(&document.body).is_some_and(|at| at >= link::skewed(event.time))
                    })
            }
        }
    }

    /// Object ids of the managed identities of a resource, or of what it is part of.
    fn running_on(&mut self, resource: &ResourceId) -> BTreeSet<ObjectId> {
        let hosts = self.hosts.get_or_insert_with(|| Carried::of(self.environment));
        let mut found = BTreeSet::new();
        let mut at = Some(resource.clone());
        while let Some(scope) = at {
            if !scope.folded().contains("/providers/") {
                break;
            }
            found.extend(hosts.on(&scope).cloned());
            at = scope.parent();
        }
        found
    }
}

struct Made<'a> {
    event: &'a Event,
    further: &'a mut dyn FnMut(Link, Condition, Option<Timestamp>) -> bool,
    leads: &'a mut Vec<Lead>,
}

impl Made<'_> {
    fn lead(&mut self, link: Link, condition: Condition, basis: Basis, rank: u8, what: &str) {
        let from = Some(link::skewed(self.event.time));
        if (self.further)(link, condition, from) {
            let why = format!("{what} {} at {}", self.event.action.trim(), named(&self.event.evidence)).into();
            self.leads.push(Lead { link, condition, from, basis, rank, why });
        }
    }
}

pub fn named(evidence: &Evidence) -> String {
    format!("{}#{}", evidence.file, evidence.record)
}

/// When the resource says it was made: ARM's `systemData`, or a resource's own word for it.
pub fn created_at(body: &Value) -> Option<Timestamp> {
    [
        "systemData.createdAt",
        "properties.timeCreated",
        "properties.creationTime",
        "properties.createdOn",
        "properties.startDateTime",
    ]
    .iter()
    .find_map(|at| json::text(body, at)?.parse().ok())
}

fn body_text(detail: &crate::model::ArmDetail, at: &str) -> Option<String> {
    [&detail.response_body, &detail.request_body]
        .into_iter()
        .find_map(|body| json::text(body.known()?, at).map(str::to_owned))
}

fn account_of(resource: &ResourceId) -> String {
    let segments: Vec<&str> = resource.folded().split('/').collect();
    let at = segments.iter().position(|segment| *segment == "storageaccounts");
    at.and_then(|at| segments.get(at + 1)).map_or_else(|| resource.name().to_owned(), |name| (*name).to_owned())
}

fn hands_out_storage_secret(action: &str) -> bool {
    matches!(
        action,
        "microsoft.storage/storageaccounts/listkeys/action"
            | "microsoft.storage/storageaccounts/regeneratekey/action"
            | "microsoft.storage/storageaccounts/listaccountsas/action"
            | "microsoft.storage/storageaccounts/listservicesas/action"
            | "microsoft.storage/storageaccounts/blobservices/generateuserdelegationkey/action"
            | "microsoft.classicstorage/storageaccounts/listkeys/action"
    )
}

fn creates_principal(operation: &str) -> bool {
    operation.starts_with("add user")
        || operation.starts_with("create user")
        || operation.starts_with("invite external user")
        || operation == "add service principal"
        || operation == "add application"
        || operation.starts_with("add agent identity")
}

/// Words in the names of operations that put a principal, or more rights of one, into the caller's hands.
const TAKES_OVER: &[&str] = &[
    "password",
    "credential",
    "certificates and secrets",
    "security info",
    "authentication method",
    "strong authentication",
    "temporary access pass",
    "passkey",
    "fido2",
    "add owner",
    "add member to",
    "add eligible member",
    "add app role assignment",
    "consent to application",
    "permission grant",
    "restore user",
];

fn changes_credentials(detail: &DirectoryDetail) -> bool {
    const PROPERTIES: &[&str] = &[
        "keydescription",
        "federatedidentitycredentials",
        "strongauthenticationmethod",
        "strongauthenticationuserdetails",
    ];
    detail.targets.iter().flat_map(|target| target.modified.keys()).any(|name| {
        let name = name.to_ascii_lowercase();
        PROPERTIES.contains(&name.as_str())
    })
}

/// Key ids and federated credential ids that are in a target's new values and not in its old ones.
fn credentials(target: &AuditTarget) -> Vec<String> {
    let mut found = Vec::new();
    for (name, (old, new)) in &target.modified {
        let marker = match name.to_ascii_lowercase().as_str() {
            "keydescription" => "keyidentifier=",
            "federatedidentitycredentials" => "\"id\":\"",
            _ => continue,
        };
        let (old, new) = (flat(old), flat(new));
        for at in new.match_indices(marker).map(|(at, _)| at + marker.len()) {
            let rest = new.get(at..).unwrap_or_default();
            let id: String = rest.chars().take_while(|c| c.is_ascii_hexdigit() || *c == '-').collect();
            if !id.is_empty() && !old.contains(&id) {
                found.push(id);
            }
        }
    }
    found
}

/// Lower-case text of a value, JSON in strings laid bare.
fn flat(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text.replace('\\', "").to_lowercase()
}

fn device_ids(target: &AuditTarget) -> Vec<String> {
    let by_property = target.modified.iter().filter(|(name, _)| name.eq_ignore_ascii_case("DeviceId"));
    let mut found: Vec<String> = by_property
        .map(|(_, (_, new))| flat(new).trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned())
        .collect();
    found.extend(target.id.as_deref().map(|id| ObjectId::new(id).as_str().to_owned()));
    found
}
