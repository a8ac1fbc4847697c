//! Management locks: control plane only, inherited downwards, binding everyone
//! (*Lock your resources to protect your infrastructure*).
//!
//! `CanNotDelete` blocks deletes at and below its scope, `ReadOnly` everything that is not a read, POST included; a
//! resource group with a lock of either level on something inside is not deleted. No lock blocks `locks/delete`;
//! whether `ReadOnly` blocks `locks/write` is not documented, and answers unknown.

use super::asked::Asked;
use super::assignment::name_of;
use super::logic::Logic;
use super::role::property;
use super::scope::{ScopeIndex, scope_of_id};
use crate::model::{ResourceId, json};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    CanNotDelete,
    ReadOnly,
    /// A word we do not know, or none.
    Unknown,
}

#[derive(Clone, Debug)]
pub(super) struct Lock {
    pub id: Arc<str>,
    pub name: Arc<str>,
    pub scope: Option<ResourceId>,
    pub level: Level,
}

/// What a request is to locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exposure {
    /// Data plane, a read, the removal of a lock, the cancelling of a subscription: no lock says anything.
    Free,
    Delete,
    DeleteOfGroup,
    /// Whether `ReadOnly` stops it is not documented: `locks/write`, and the user delegation key, which is asked of
    /// the blob endpoint though it is a control action.
    Open(&'static str),
    /// Every other write and every POST.
    Change,
}

pub(super) fn exposure(asked: &Asked<'_>) -> Exposure {
    if asked.request.is_data_action || !asked.target.in_subscription() {
        return Exposure::Free;
    }
    match asked.operation {
        "microsoft.authorization/locks/delete" => return Exposure::Free,
        "microsoft.authorization/locks/write" => return Exposure::Open("semantics:readOnlyOnLocksWrite"),
        "microsoft.storage/storageaccounts/blobservices/generateuserdelegationkey/action" => {
            return Exposure::Open("semantics:readOnlyOnUserDelegationKey");
        }
        // "A resource lock doesn't block the subscription cancellation."
        "microsoft.subscription/cancel/action" => return Exposure::Free,
        "microsoft.resources/subscriptions/resourcegroups/delete" => return Exposure::DeleteOfGroup,
        _ => {}
    }
    match asked.verb() {
        "read" => Exposure::Free,
        "delete" => Exposure::Delete,
        // Writes, actions, and verbs that the pages do not know: none of them is a read.
        _ => Exposure::Change,
    }
}

impl Lock {
    pub fn of(document: &Value, complain: &mut dyn FnMut(&str, String, String)) -> Lock {
        let id = json::text(document, "id").unwrap_or_default();
        let scope = scope_of_id(id, "locks");
        if scope.is_none() {
            complain(id, "/id".to_owned(), "a lock whose id does not tell its scope".to_owned());
        }
        let word = property(document, "level").and_then(Value::as_str).unwrap_or_default().trim();
        let level = if word.eq_ignore_ascii_case("CanNotDelete") {
            Level::CanNotDelete
        } else if word.eq_ignore_ascii_case("ReadOnly") {
            Level::ReadOnly
        } else {
            complain(id, "/properties/level".to_owned(), "a lock whose level is not documented".to_owned());
            Level::Unknown
        };
        Lock { id: id.into(), name: name_of(document, id), scope, level }
    }

    /// Whether it blocks a request of this exposure.
    pub fn blocks<L: Logic>(&self, exposure: Exposure, asked: &Asked<'_>) -> L {
        if exposure == Exposure::Free {
            return L::of(false);
        }
        let scope = match &self.scope {
            Some(scope) if exposure == Exposure::DeleteOfGroup && asked.request.scope.contains(scope) => L::of(true),
            Some(scope) => asked.target.covered_by(scope),
            None => L::missing(|| format!("scope of lock:{}", self.name)),
        };
        scope.and_then(|| match (self.level, exposure) {
            (_, Exposure::Free) => L::of(false),
            (Level::CanNotDelete | Level::ReadOnly, Exposure::Delete | Exposure::DeleteOfGroup) => L::of(true),
            (Level::CanNotDelete, Exposure::Change | Exposure::Open(_)) => L::of(false),
            (Level::ReadOnly, Exposure::Change) => L::of(true),
            (Level::ReadOnly, Exposure::Open(fact)) => L::missing(|| fact.to_owned()),
            (Level::Unknown, _) => L::missing(|| format!("level of lock:{}", self.name)),
        })
    }
}

/// All of them, or none where they were not collected.
#[derive(Clone, Debug, Default)]
pub(super) struct Locks {
    pub collected: bool,
    all: Vec<Lock>,
    index: ScopeIndex,
    /// By folded scope, for what is inside a resource group.
    inside: BTreeMap<Arc<str>, Vec<u32>>,
}

impl Locks {
    pub fn new(documents: Option<&[&Value]>, complain: &mut dyn FnMut(&str, String, String)) -> Self {
        let all = documents.unwrap_or_default().iter().map(|document| Lock::of(document, complain)).collect();
        Locks::indexed(documents.is_some(), all)
    }

    fn indexed(collected: bool, all: Vec<Lock>) -> Self {
        let mut locks = Locks { collected, all, ..Locks::default() };
        for (at, lock) in locks.all.iter().enumerate() {
            let Ok(at) = u32::try_from(at) else { break };
            locks.index.insert(lock.scope.as_ref(), at);
            if let Some(scope) = &lock.scope {
                locks.inside.entry(scope.folded().into()).or_default().push(at);
            }
        }
        locks
    }

    /// Without the locks of these ids, and with these.
    pub fn changed(&self, gone: &[&str], more: Vec<Lock>) -> Self {
        let gone: BTreeSet<String> = gone
            .iter()
            .copied()
            .chain(more.iter().map(|lock| lock.id.as_ref()))
            .map(|id| id.trim().to_lowercase())
            .collect();
        let mut all: Vec<Lock> =
            self.all.iter().filter(|lock| !gone.contains(&lock.id.to_lowercase())).cloned().collect();
        // Of two of one id among the new ones the later counts.
        let mut last: BTreeMap<String, usize> = BTreeMap::new();
        for (at, lock) in more.iter().enumerate() {
            last.insert(lock.id.trim().to_lowercase(), at);
        }
        let kept =
            more.into_iter().enumerate().filter(|(at, lock)| last.get(&lock.id.trim().to_lowercase()) == Some(at));
        all.extend(kept.map(|(_, lock)| lock));
        Locks::indexed(self.collected, all)
    }

    /// Those that may block, in the order of the export.
    pub fn candidates(&self, exposure: Exposure, asked: &Asked<'_>) -> impl Iterator<Item = &Lock> {
        let mut found = Vec::new();
        if exposure != Exposure::Free && !self.all.is_empty() {
            found = self.index.candidates(&asked.target);
            if exposure == Exposure::DeleteOfGroup {
                let group = asked.request.scope.folded();
                let below = self.inside.range::<str, _>((std::ops::Bound::Included(group), std::ops::Bound::Unbounded));
                let below = below.take_while(|(scope, _)| scope.starts_with(group));
                found.extend(below.flat_map(|(_, at)| at));
                found.sort_unstable();
                found.dedup();
            }
        }
        found.into_iter().filter_map(|at| self.all.get(at as usize))
    }
}
