//! Which scope covers which: equal or a prefix by whole segments, without case; `/` covers everything; a management
//! group covers what its subscriptions' chains of ancestors say (*Understand scope for Azure RBAC*).

use super::keyed::Keyed;
use super::logic::Logic;
use crate::model::ResourceId;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

const GROUPS: &str = "/providers/microsoft.management/managementgroups/";

/// The chains of ancestors, as folded management-group scopes, nearest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Hierarchy {
    /// None: the chain is not known.
    subscriptions: HashMap<Arc<str>, Option<Vec<Arc<str>>>, Keyed>,
    groups: HashMap<Arc<str>, Vec<Arc<str>>, Keyed>,
}

impl Hierarchy {
    pub fn new(chains: &BTreeMap<ResourceId, Option<Vec<String>>>) -> Self {
        let mut hierarchy = Hierarchy::default();
        for (subscription, chain) in chains {
            let chain: Option<Vec<Arc<str>>> =
                chain.as_ref().map(|names| names.iter().map(|name| group_scope(name)).collect());
            for (at, group) in chain.iter().flatten().enumerate() {
                let above = chain.as_deref().and_then(|chain| chain.get(at + 1..)).unwrap_or_default();
                hierarchy.groups.entry(group.clone()).or_insert_with(|| above.to_vec());
            }
            hierarchy.subscriptions.insert(subscription.folded().into(), chain);
        }
        hierarchy
    }

    /// The management groups above a subscription or a management group, by folded id.
    fn above(&self, id: &str) -> Option<&[Arc<str>]> {
        if is_management_group(id) {
            return self.groups.get(id).map(Vec::as_slice);
        }
        self.subscriptions.get(id)?.as_deref()
    }
}

/// A management group's name, or its whole id, as a folded scope.
fn group_scope(name: &str) -> Arc<str> {
    let name = name.trim().trim_end_matches('/').to_lowercase();
    let name = name.rsplit('/').next().unwrap_or_default();
    format!("{GROUPS}{name}").into()
}

pub(super) fn is_management_group(folded: &str) -> bool {
    folded.strip_prefix(GROUPS).is_some_and(|rest| !rest.is_empty() && !rest.contains('/'))
}

/// Where a request is authorised, with everything that covers it.
#[derive(Clone, Debug)]
pub(super) struct Target<'a> {
    pub scope: &'a ResourceId,
    /// Folded id of the subscription or management group it is in; empty at the tenant root.
    within: &'a str,
    /// Known management groups above `within`.
    groups: &'a [Arc<str>],
    /// The management groups above are not known.
    pub chain_unknown: bool,
}

impl<'a> Target<'a> {
    pub fn new(scope: &'a ResourceId, hierarchy: &'a Hierarchy) -> Self {
        let folded = scope.folded();
        let within = if folded.starts_with("/subscriptions/") {
            segments(folded, 2)
        } else if folded.starts_with(GROUPS) {
            segments(folded, 4)
        } else {
            ""
        };
        let above = if within.is_empty() { Some(&[][..]) } else { hierarchy.above(within) };
        Target { scope, within, groups: above.unwrap_or_default(), chain_unknown: above.is_none() }
    }

    /// Folded ids of what certainly covers the target: `/`, known management groups, path prefixes.
    pub fn ancestors(&self) -> impl Iterator<Item = &'a str> {
        let folded = self.scope.folded();
        let ends = folded.match_indices('/').map(|(at, _)| at).filter(|at| *at > 0).chain([folded.len()]);
        let prefixes = ends.filter(|end| *end > 1).filter_map(|end| folded.get(..end));
        std::iter::once("/").chain(self.groups.iter().map(AsRef::as_ref)).chain(prefixes)
    }

    /// Locks sit on subscriptions, resource groups and resources (*Lock your resources to protect your
    /// infrastructure*): nothing above a subscription can be locked.
    pub fn in_subscription(&self) -> bool {
        self.within.starts_with("/subscriptions/")
    }

    /// Whether this scope covers the target.
    pub fn covered_by<L: Logic>(&self, scope: &ResourceId) -> L {
        if scope.contains(self.scope) {
            return L::of(true);
        }
        if !is_management_group(scope.folded()) {
            return L::of(false);
        }
        if self.chain_unknown {
            return L::missing(|| format!("managementGroupAncestors:{}", self.within));
        }
        L::of(self.groups.iter().any(|group| group.as_ref() == scope.folded()))
    }

    /// Whether this is the very scope at which the request is authorised. Extension resources (role assignments,
    /// locks, diagnostic settings) are authorised at the scope they sit on (*Extension resource types*).
    pub fn is_exactly(&self, scope: &ResourceId) -> bool {
        self.scope == scope || host(self.scope).is_some_and(|host| host == *scope)
    }
}

/// The first segments of a folded id, or all of it.
fn segments(folded: &str, count: usize) -> &str {
    let end = folded.match_indices('/').nth(count).map_or(folded.len(), |(at, _)| at);
    folded.get(..end).unwrap_or(folded)
}

/// What an extension resource sits on.
fn host(scope: &ResourceId) -> Option<ResourceId> {
    let lower = scope.spelled().to_ascii_lowercase();
    let at = lower.rfind("/providers/")?;
    let (host, rest) = (lower.get(..at)?, lower.get(at + "/providers/".len()..)?);
    let extends = rest.starts_with("microsoft.authorization/")
        || rest.starts_with("microsoft.insights/diagnosticsettings/")
        || host.strip_prefix(GROUPS).unwrap_or(host).contains("/providers/");
    extends.then(|| scope.spelled().get(..at).map(ResourceId::new)).flatten()
}

/// The scope an extension document sits on: its id up to `/providers/Microsoft.Authorization/<kind>/`.
pub(super) fn scope_of_id(id: &str, kind: &str) -> Option<ResourceId> {
    let marker = format!("/providers/microsoft.authorization/{}/", kind.to_ascii_lowercase());
    let at = id.to_ascii_lowercase().rfind(&marker)?;
    id.get(..at).map(ResourceId::new)
}

/// Documents by the scope they sit on.
#[derive(Clone, Debug, Default)]
pub(super) struct ScopeIndex {
    at: HashMap<Arc<str>, Vec<u32>, Keyed>,
    management_groups: Vec<u32>,
    /// Documents whose scope could not be read.
    loose: Vec<u32>,
}

impl ScopeIndex {
    pub fn insert(&mut self, scope: Option<&ResourceId>, document: u32) {
        match scope {
            Some(scope) => {
                self.at.entry(scope.folded().into()).or_default().push(document);
                if is_management_group(scope.folded()) {
                    self.management_groups.push(document);
                }
            }
            None => self.loose.push(document),
        }
    }

    /// Documents that cover the target or may, in the order of the export.
    pub fn candidates(&self, target: &Target<'_>) -> Vec<u32> {
        let mut found: Vec<u32> =
            target.ancestors().filter_map(|scope| self.at.get(scope)).flatten().copied().collect();
        found.extend(&self.loose);
        if target.chain_unknown {
            found.extend(&self.management_groups);
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}
