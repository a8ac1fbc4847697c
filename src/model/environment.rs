//! The tenant and its subscriptions as the snapshot tells them.
//!
//! Collections of native documents, cheap to clone: a counterfactual world is a clone with some documents changed.
//! Deliberately knows no gate: what a document *means* is for `decide` to say.

use super::{Collected, Collection, Document, Fact, Kind, ObjectId, ResourceId, json};
use imbl::OrdMap;
use ipnet::IpNet;
use serde_json::Value;
use std::any::Any;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

/// Tenant facts no export tells, from `incident.json`'s `tenant`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tenant {
    pub mfa_trusted_ips: Fact<Vec<IpNet>>,
    pub security_defaults: Fact<bool>,
    /// `{ "portals": bool, "why": text }`
    pub mandatory_mfa_portals: Fact<bool>,
    /// `"legacy"`, `"directory"` or `{ "customResource": appId }`, as in the vectors.
    pub baseline_scopes: Fact<Value>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Environment {
    collections: BTreeMap<Kind, Arc<Collection>>,
    /// Per document (kind, folded key): JSON pointers whose value nobody knows any more; `""` is the whole document,
    /// its existence included. Kept beside the documents, since a native document has no word for *unknown*.
    unknown: Arc<BTreeMap<(Kind, String), BTreeSet<String>>>,
    pub tenant: Tenant,
    index: Index,
}

/// Which groups each principal is in, made when first asked. Never part of equality.
#[derive(Clone, Debug, Default)]
struct Index {
    /// member → groups it is directly in; kept up with every change, since paths through groups change it often.
    memberships: OnceLock<OrdMap<ObjectId, Vec<ObjectId>>>,
}

impl PartialEq for Index {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Index {
    /// A group's members change from one document to another.
    fn regroup(&mut self, group: &str, old: Option<&Value>, new: Option<&Value>) {
        let Some(index) = self.memberships.get_mut() else { return };
        let group = ObjectId::new(group);
        for member in old.into_iter().flat_map(members) {
            if let Some(groups) = index.get_mut(&member) {
                groups.retain(|g| *g != group);
            }
        }
        for member in new.into_iter().flat_map(members) {
            index.entry(member).or_default().push(group.clone());
        }
    }
}

/// Ids of a group's direct members.
fn members(group: &Value) -> impl Iterator<Item = ObjectId> {
    let list = json::get(group, "members").and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|member| json::text(member, "id").map(ObjectId::new))
}

/// Azure roles: name or GUID, lower case → GUID.
struct RoleNames(BTreeMap<String, String>);

/// Field value, lower case → keys of the documents that hold it.
struct ByField(BTreeMap<String, Vec<Arc<str>>>);

fn folded(key: &str) -> Cow<'_, str> {
    if key.bytes().any(|b| b.is_ascii_uppercase() || !b.is_ascii()) {
        Cow::Owned(key.to_lowercase())
    } else {
        Cow::Borrowed(key)
    }
}

impl Environment {
    /// The documents of a kind with their keys, in key order; empty where none was collected.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = (&str, &Document)> {
        self.collections.get(&kind).into_iter().flat_map(|c| c.documents.iter().map(|(k, d)| (k.as_ref(), d)))
    }

    pub fn bodies(&self, kind: Kind) -> impl Iterator<Item = &Value> {
        self.of(kind).map(|(_, document)| document.body.as_ref())
    }

    pub fn get(&self, kind: Kind, key: &str) -> Option<&Document> {
        self.collections.get(&kind)?.documents.get(folded(key).as_ref())
    }

    pub fn collected(&self, kind: Kind) -> Collected {
        self.collections.get(&kind).map_or(Collected::No, |c| c.collected)
    }

    /// The documents of a kind whole, or none where they were not collected.
    pub fn whole(&self, kind: Kind) -> Option<Vec<&Value>> {
        match self.collected(kind) {
            Collected::Whole => Some(self.bodies(kind).collect()),
            Collected::No | Collected::Partial => None,
        }
    }

    pub fn set_collected(&mut self, kind: Kind, collected: Collected) {
        Arc::make_mut(self.collections.entry(kind).or_default()).collected = collected;
    }

    /// Puts a document in under its folded key, replacing what was there.
    pub fn insert(&mut self, kind: Kind, key: &str, document: Document) {
        if kind == Kind::GroupMembers {
            let old = self.get(kind, key).map(|d| d.body.clone());
            self.index.regroup(key, old.as_deref(), Some(&document.body));
        }
        let collection = self.changing(kind);
        collection.documents.insert(folded(key).as_ref().into(), document);
    }

    /// Takes a document out; what was unknown about it goes with it.
    pub fn remove(&mut self, kind: Kind, key: &str) -> Option<Document> {
        self.mark_known(kind, key, "");
        self.get(kind, key)?;
        let gone = self.changing(kind).documents.remove(folded(key).as_ref())?;
        if kind == Kind::GroupMembers {
            self.index.regroup(key, Some(&gone.body), None);
        }
        Some(gone)
    }

    /// The collection of a kind, about to change: what was worked out from it no longer holds.
    fn changing(&mut self, kind: Kind) -> &mut Collection {
        let collection = Arc::make_mut(self.collections.entry(kind).or_default());
        collection.derived = Default::default();
        collection
    }

    /// [`Collection::derived`] of a kind; of an empty collection where there is none.
    pub fn derived<T: Any + Send + Sync>(
        &self,
        kind: Kind,
        name: &'static str,
        make: impl FnOnce(&Collection) -> T,
    ) -> Arc<T> {
        match self.collections.get(&kind) {
            Some(collection) => collection.derived(name, make),
            None => Arc::new(make(&Collection::default())),
        }
    }

    /// Keys of the documents of a kind whose `field` holds this text, in any letter case, in key order.
    pub fn keys_with(&self, kind: Kind, field: &'static str, value: &str) -> Vec<Arc<str>> {
        let index = self.derived(kind, field, |documents| {
            let mut keys: BTreeMap<String, Vec<Arc<str>>> = BTreeMap::new();
            for (key, document) in documents.iter() {
                if let Some(value) = json::text(&document.body, field) {
                    keys.entry(value.to_lowercase()).or_default().push(key.into());
                }
            }
            ByField(keys)
        });
        index.0.get(folded(value).as_ref()).cloned().unwrap_or_default()
    }

    /// Takes the documents of these kinds, and what is unknown about them, as another environment has them.
    pub fn adopt(&mut self, kinds: &[Kind], from: &Environment) {
        for kind in kinds {
            match (self.collections.get(kind), from.collections.get(kind)) {
                (Some(mine), Some(theirs)) if Arc::ptr_eq(mine, theirs) => continue,
                (_, Some(theirs)) => {
                    let theirs = theirs.clone();
                    self.collections.insert(*kind, theirs);
                }
                (Some(_), None) => {
                    self.collections.remove(kind);
                }
                (None, None) => continue,
            }
            if *kind == Kind::GroupMembers {
                self.index.memberships = from.index.memberships.clone();
            }
        }
        if !Arc::ptr_eq(&self.unknown, &from.unknown) {
            let mut unknown = self.unknown.as_ref().clone();
            unknown.retain(|(kind, _), _| !kinds.contains(kind));
            let theirs = from.unknown.iter().filter(|((kind, _), _)| kinds.contains(kind));
            unknown.extend(theirs.map(|(at, paths)| (at.clone(), paths.clone())));
            self.unknown = Arc::new(unknown);
        }
    }

    /// The same collection, by address: two worlds that share it need not compile it twice.
    pub fn shared(&self, kind: Kind) -> Option<&Arc<Collection>> {
        self.collections.get(&kind)
    }

    /// A resource or container by id.
    pub fn resource(&self, id: &ResourceId) -> Option<&Document> {
        self.get(Kind::Resources, id.folded()).or_else(|| self.get(Kind::Containers, id.folded()))
    }

    /// Names of the management groups above a subscription, nearest first; unknown where no export tells the chain.
    pub fn management_groups(&self, subscription: &ResourceId) -> Fact<Vec<String>> {
        let chain = self
            .get(Kind::Containers, subscription.folded())
            .and_then(|d| json::path(&d.body, "properties.managementGroupAncestorsChain"))
            .and_then(Value::as_array)
            .map(|chain| {
                chain.iter().filter_map(|mg| json::text(mg, "name").or(mg.as_str())).map(str::to_owned).collect()
            });
        Fact::from(chain)
    }

    /// Groups the principal is in, nested ones included; unknown where memberships were not collected whole.
    pub fn transitive_groups(&self, principal: &ObjectId) -> Fact<BTreeSet<ObjectId>> {
        let index = self.index.memberships.get_or_init(|| self.memberships());
        let mut groups: BTreeSet<ObjectId> = BTreeSet::new();
        let mut frontier = vec![principal];
        while let Some(member) = frontier.pop() {
            for group in index.get(member).into_iter().flatten() {
                if groups.insert(group.clone()) {
                    frontier.push(group);
                }
            }
        }
        match self.collected(Kind::GroupMembers) {
            Collected::Whole => Fact::Known(groups),
            Collected::No | Collected::Partial => Fact::Unknown,
        }
    }

    fn memberships(&self) -> OrdMap<ObjectId, Vec<ObjectId>> {
        let mut index: OrdMap<ObjectId, Vec<ObjectId>> = OrdMap::new();
        for (group, document) in self.of(Kind::GroupMembers) {
            let group = ObjectId::new(group);
            for member in members(&document.body) {
                index.entry(member).or_default().push(group.clone());
            }
        }
        index
    }

    /// Bare GUID of an Azure role definition by name or id (the last segment counts).
    pub fn azure_role_guid(&self, role: &str) -> Option<String> {
        let index = self.derived(Kind::RoleDefinitions, "names", |documents| {
            let mut roles = BTreeMap::new();
            for (key, document) in documents.iter() {
                let id = json::text(&document.body, "name").or_else(|| json::text(&document.body, "id")).unwrap_or(key);
                let guid = id.rsplit('/').next().unwrap_or(id).to_lowercase();
                if let Some(name) = json::text(&document.body, "properties.roleName") {
                    roles.insert(name.to_lowercase(), guid.clone());
                }
                roles.insert(guid.clone(), guid);
            }
            RoleNames(roles)
        });
        let lower = role.to_lowercase();
        index.0.get(&lower).or_else(|| index.0.get(lower.rsplit('/').next()?)).cloned()
    }

    /// Says that nobody knows what stood at `pointer` of this document (`""`: whether it existed at all).
    pub fn mark_unknown(&mut self, kind: Kind, key: &str, pointer: &str) {
        let paths = Arc::make_mut(&mut self.unknown).entry((kind, key.to_lowercase())).or_default();
        paths.insert(pointer.to_owned());
    }

    /// The value at `pointer`, and all below it, is known again: somebody set it.
    pub fn mark_known(&mut self, kind: Kind, key: &str, pointer: &str) {
        let at = (kind, key.to_lowercase());
        if !self.unknown.contains_key(&at) {
            return;
        }
        let unknown = Arc::make_mut(&mut self.unknown);
        if let Some(paths) = unknown.get_mut(&at) {
            paths.retain(|path| !within(pointer, path));
            if paths.is_empty() {
                unknown.remove(&at);
            }
        }
    }

    /// The pointers of this document whose value nobody knows, sorted.
    pub fn unknown_paths(&self, kind: Kind, key: &str) -> impl Iterator<Item = &str> {
        self.unknown.get(&(kind, key.to_lowercase())).into_iter().flatten().map(String::as_str)
    }

    /// Whether the value at `pointer` is unknown: that path, one above it or one below it is marked.
    pub fn is_unknown(&self, kind: Kind, key: &str, pointer: &str) -> bool {
        self.unknown_paths(kind, key).any(|path| within(path, pointer) || within(pointer, path))
    }
}

/// Whether `pointer` is `above` or lies below it, by whole segments, without letter case.
fn within(above: &str, pointer: &str) -> bool {
    let head = pointer.get(..above.len());
    head.is_some_and(|head| head.eq_ignore_ascii_case(above))
        && matches!(pointer.as_bytes().get(above.len()), None | Some(b'/'))
}
