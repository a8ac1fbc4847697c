//! What can join one event to another: the ids a record carries, and the looser ties that only make a guess.

use super::identity::{Identities, Principal};
use super::mark::{Mark, Marker};
use crate::model::{Authorization, DataDetail, Detail, Event, Fact, ObjectId, ResourceId, Timestamp, json};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::net::IpAddr;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tie {
    Session,
    /// `uti`.
    Token,
    Correlation,
    /// Key id of a secret or certificate, or id of a federated credential.
    Credential,
    /// GUID of a role assignment that the record says let the call through.
    Assignment,
    Device,
    Principal,
    /// Account, and a key's or SAS's hash that nobody used before the window.
    KeyHash,
    /// Access to an account by key or SAS, from this address.
    KeyFrom,
    /// Access to an account by a key or SAS that nobody used before the window.
    KeyUnseen,
    /// A resource (or resource group); every event below it carries the link.
    Resource,
}

impl Tie {
    /// Whether events are joined by merely sharing it.
    pub fn joins(self) -> bool {
        match self {
            Tie::Session | Tie::Token | Tie::Correlation | Tie::KeyHash => true,
            Tie::Credential
            | Tie::Assignment
            | Tie::Device
            | Tie::Principal
            | Tie::KeyFrom
            | Tie::KeyUnseen
            | Tie::Resource => false,
        }
    }
}

/// A tie and the mark of what it is by (the folded id, or account and address).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link {
    pub tie: Tie,
    mark: Mark,
}

impl Link {
    /// By an id; none for an id that says nothing (empty, all zeros).
    pub fn by_id(marker: &Marker, tie: Tie, id: &str) -> Option<Link> {
        let id = id.trim();
        let says_nothing = id.bytes().all(|b| matches!(b, b'0' | b'-' | b'{' | b'}'));
        (!says_nothing).then(|| Link { tie, mark: marker.of(|to| to.folded(id)) })
    }

    /// By a role assignment's id, which ends in its GUID, with or without dashes.
    pub fn by_assignment(marker: &Marker, id: &str) -> Option<Link> {
        let name = id.trim_end_matches('/').rsplit('/').next().unwrap_or(id);
        Link::by_id(marker, Tie::Assignment, ObjectId::new(name).as_str())
    }

    pub fn by_principal(marker: &Marker, principal: Principal) -> Link {
        Link { tie: Tie::Principal, mark: marker.of(|to| principal.hash(to)) }
    }

    pub fn by_resource(marker: &Marker, resource: &ResourceId) -> Link {
        Link { tie: Tie::Resource, mark: resource_mark(marker, resource.folded()) }
    }

    pub fn key_from(marker: &Marker, account: &str, address: IpAddr) -> Link {
        let mark = marker.of(|to| {
            to.folded(account);
            address.to_canonical().hash(to);
        });
        Link { tie: Tie::KeyFrom, mark }
    }

    pub fn key_unseen(marker: &Marker, account: &str) -> Link {
        Link { tie: Tie::KeyUnseen, mark: marker.of(|to| to.folded(account)) }
    }

    fn key_hash(marker: &Marker, account: &str, hash: &str) -> Link {
        Link { tie: Tie::KeyHash, mark: key_mark(marker, account, hash) }
    }
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

pub fn resource_mark(marker: &Marker, folded: &str) -> Mark {
    marker.of(|to| to.folded(folded))
}

/// The account and the hash of an access by key or SAS; the hash where the record has it.
pub fn key_use<'a>(detail: &'a DataDetail, identities: &'a Identities) -> Option<(Cow<'a, str>, Option<&'a str>)> {
    let authentication = detail.authentication.known()?;
    let by_secret = ["key", "sas"].iter().any(|word| contains(authentication, word));
    by_secret.then(|| (identities.account_of(detail).name, detail.hash.known().map(|hash| hash.as_ref())))
}

/// Without regard to ASCII letter case.
fn contains(text: &str, word: &str) -> bool {
    text.as_bytes().windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
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
    let ids =
        [(&event.session_id, Tie::Session), (&event.token_id, Tie::Token), (&event.correlation_id, Tie::Correlation)];
    ids.into_iter().filter_map(|(id, tie)| Link::by_id(marker, tie, id.as_deref()?)).for_each(&mut *to);
    if let Some(principal) = principal {
        to(Link::by_principal(marker, principal));
    }
    match &event.detail {
        Detail::SignIn(detail) => {
            let credentials = [&detail.credential_key_id, &detail.federated_credential_id].into_iter();
            credentials.filter_map(|id| Link::by_id(marker, Tie::Credential, id.known()?)).for_each(&mut *to);
            let device = detail.device.known().and_then(|device| json::text(device, "deviceId"));
            device.and_then(|id| Link::by_id(marker, Tie::Device, id)).into_iter().for_each(to);
        }
        Detail::Arm(detail) => {
            assignments(detail.authorization.as_slice(), marker, to);
            below(detail.resource.folded(), marker, to);
        }
        Detail::Data(detail) => {
            assignments(&detail.authorization, marker, to);
            if let Some(resource) = identities.account_of(detail).resource {
                below(resource.folded(), marker, to);
            }
            let Some((account, hash)) = key_use(detail, identities) else { return };
            if let Fact::Known(address) = event.source_ip {
                to(Link::key_from(marker, &account, address));
            }
            if let Some(hash) = hash
                && !past.keys.contains(&key_mark(marker, &account, hash))
            {
                to(Link::key_unseen(marker, &account));
                to(Link::key_hash(marker, &account, hash));
            }
        }
        Detail::Directory(_) | Detail::Context(_) | Detail::Alert(_) => {}
    }
}

/// The resource, what it is part of, and its resource group.
fn below(folded: &str, marker: &Marker, to: &mut dyn FnMut(Link)) {
    let mut at = folded;
    while at.contains("/providers/") || at.contains("/resourcegroups/") {
        to(Link { tie: Tie::Resource, mark: resource_mark(marker, at) });
        let Some(above) = up(at) else { break };
        at = above;
    }
}

/// A pair of segments less; `providers/<namespace>` goes with the first type that follows it.
fn up(id: &str) -> Option<&str> {
    let less = |id: &str| id.rfind('/').and_then(|at| id.get(..at)?.rfind('/'));
    let above = id.get(..less(id)?)?;
    let namespace = less(above).and_then(|at| above.get(at..));
    match namespace {
        Some(pair) if pair.starts_with("/providers/") => above.get(..above.len() - pair.len()),
        Some(_) | None => Some(above),
    }
}

fn assignments(authorizations: &[Authorization], marker: &Marker, to: &mut dyn FnMut(Link)) {
    let ids = authorizations.iter().filter_map(|one| one.role_assignment_id.as_deref());
    ids.filter_map(|id| Link::by_assignment(marker, id)).for_each(to);
}

/// A clock may be this far behind another.
pub fn skewed(from: Timestamp) -> Timestamp {
    from.checked_sub(jiff::SignedDuration::from_mins(2)).unwrap_or(Timestamp::MIN)
}
