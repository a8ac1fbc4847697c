//! What can join one event to another: the ids a record carries, and the looser ties that only make a guess.

use super::identity::{Identities, Principal, fold};
use super::mark::{Mark, Marker};
use crate::model::{Authorization, Detail, Event, Fact, ResourceId, Timestamp, json};
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Link {
    Session(Arc<str>),
    /// `uti`.
    Token(Arc<str>),
    Correlation(Arc<str>),
    /// Key id of a secret or certificate, or id of a federated credential.
    Credential(Arc<str>),
    /// GUID of a role assignment that the record says let the call through.
    Assignment(Arc<str>),
    Device(Arc<str>),
    Principal(Principal),
    /// Account, and a key's or SAS's hash that nobody used before the window.
    KeyHash(Arc<str>, Arc<str>),
    /// Access to an account by key or SAS, from this address.
    KeyFrom(Arc<str>, IpAddr),
    /// Access to an account by a key or SAS that nobody used before the window.
    KeyUnseen(Arc<str>),
    /// A resource (or resource group), folded; every event below it carries the link.
    Resource(Arc<str>),
}

/// What the baseline before the window holds, as far as correlation asks.
#[derive(Debug, Default)]
pub struct Past {
    /// Addresses a principal acted from with success.
    pub addresses: HashMap<Principal, HashSet<IpAddr>>,
    /// Requests by principal, as [`routine`] marks them.
    pub requests: HashMap<Principal, HashSet<Mark>>,
    /// (account, key hash) pairs.
    pub keys: HashSet<Mark>,
    /// Resources that some operation named.
    pub resources: HashSet<Mark>,
}

/// A request without its circumstances: the same principal asking the same again is routine.
pub fn routine(marker: &Marker, event: &Event) -> Mark {
    marker.of(|to| {
        to.folded(&event.action);
        to.folded(event.target_id.as_deref().unwrap_or(&event.target));
        event.source_ip.hash(to);
        match &event.detail {
            Detail::Arm(detail) => detail.resource.hash(to),
            Detail::Data(detail) => {
                to.folded(&detail.account);
                detail.container.hash(to);
            }
            Detail::SignIn(detail) => detail.resource_id.hash(to),
            Detail::Directory(_) | Detail::Alert(_) | Detail::Context(_) => to.write_u8(0),
        }
    })
}

pub fn key_mark(marker: &Marker, account: &str, hash: &str) -> Mark {
    marker.of(|to| {
        to.folded(account);
        to.folded(hash);
    })
}

pub fn resource_mark(marker: &Marker, resource: &ResourceId) -> Mark {
    marker.of(|to| to.folded(resource.folded()))
}

/// The account and the hash of an access by key or SAS; the hash where the record has it.
pub fn key_use(event: &Event, identities: &Identities) -> Option<(Arc<str>, Option<Arc<str>>)> {
    let Detail::Data(detail) = &event.detail else { return None };
    let authentication = detail.authentication.known()?.to_ascii_lowercase();
    if !(authentication.contains("key") || authentication.contains("sas")) {
        return None;
    }
    Some((identities.account_of(detail).name, detail.hash.known().map(|hash| lower(hash))))
}

/// Hands over every link an event carries.
pub fn each(
    event: &Event,
    principal: Option<Principal>,
    identities: &Identities,
    past: &Past,
    marker: &Marker,
    to: &mut dyn FnMut(Link),
) {
    for (id, link) in [
        (&event.session_id, Link::Session as fn(Arc<str>) -> Link),
        (&event.token_id, Link::Token),
        (&event.correlation_id, Link::Correlation),
    ] {
        if let Some(id) = id.as_deref().and_then(usable_id) {
            to(link(id));
        }
    }
    if let Some(principal) = principal {
        to(Link::Principal(principal));
    }
    match &event.detail {
        Detail::SignIn(detail) => {
            for id in [&detail.credential_key_id, &detail.federated_credential_id] {
                if let Some(id) = id.known().and_then(|id| usable_id(id)) {
                    to(Link::Credential(id));
                }
            }
            if let Some(id) = device(&detail.device) {
                to(Link::Device(id));
            }
        }
        Detail::Arm(detail) => {
            detail.authorization.iter().filter_map(assignment).for_each(&mut *to);
            below(&detail.resource, to);
        }
        Detail::Data(detail) => {
            detail.authorization.iter().filter_map(assignment).for_each(&mut *to);
            if let Some(resource) = identities.account_of(detail).resource {
                below(&resource, to);
            }
            if let Some((account, hash)) = key_use(event, identities) {
                if let Fact::Known(address) = event.source_ip {
                    to(Link::KeyFrom(account.clone(), address.to_canonical()));
                }
                if let Some(hash) = hash
                    && !past.keys.contains(&key_mark(marker, &account, &hash))
                {
                    to(Link::KeyUnseen(account.clone()));
                    to(Link::KeyHash(account, hash));
                }
            }
        }
        Detail::Directory(_) | Detail::Context(_) | Detail::Alert(_) => {}
    }
}

/// The resource, what it is part of, and its resource group.
fn below(resource: &ResourceId, to: &mut dyn FnMut(Link)) {
    let mut at = Some(resource.clone());
    while let Some(scope) = at {
        let folded = scope.folded();
        if !folded.contains("/providers/") && !folded.contains("/resourcegroups/") {
            break;
        }
        to(Link::Resource(folded.into()));
        at = scope.parent();
    }
}

fn assignment(authorization: &Authorization) -> Option<Link> {
    Some(Link::Assignment(assignment_id(authorization.role_assignment_id.as_deref()?)?))
}

/// The GUID that ends a role assignment's id, with or without dashes.
pub fn assignment_id(id: &str) -> Option<Arc<str>> {
    usable_id(&fold(id.trim_end_matches('/').rsplit('/').next().unwrap_or(id)))
}

pub fn device(device: &Fact<serde_json::Value>) -> Option<Arc<str>> {
    usable_id(json::text(device.known()?, "deviceId")?)
}

/// Folded; none for an id that says nothing (empty, all zeros).
pub fn usable_id(id: &str) -> Option<Arc<str>> {
    let id = id.trim();
    let says_nothing = id.is_empty() || id.bytes().all(|b| matches!(b, b'0' | b'-' | b'{' | b'}'));
    (!says_nothing).then(|| lower(id))
}

fn lower(text: &str) -> Arc<str> {
    text.to_lowercase().into()
}

/// A clock may be this far behind another.
pub fn skewed(from: Timestamp) -> Timestamp {
    from.checked_sub(jiff::SignedDuration::from_mins(2)).unwrap_or(Timestamp::MIN)
}
