//! Documents → environment: the same object from two exports is one document, and what exports tell in pieces (a
//! role-management policy and its assignment, a management group and its parent) is joined.

use super::{InputFile, Item, Reading, read, read_until};
use crate::model::{Collected, Document, Environment, Event, Fact, Kind, ResourceId, json};
use serde_json::{Map, Value};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Keys under which pieces of role-management policies wait for their assignment.
pub const POLICY_PIECE: &str = "policy:";

/// Collects documents into an environment.
#[derive(Default)]
pub struct Builder {
    kinds: BTreeMap<Kind, BTreeMap<String, Document>>,
}

impl Builder {
    pub fn put(&mut self, kind: Kind, key: String, document: Document) {
        let documents = self.kinds.entry(kind).or_default();
        match documents.get_mut(&key) {
            Some(earlier) => {
                let mut body = earlier.body.as_ref().clone();
                match kind {
                    Kind::GroupMembers => union(&mut body, &document.body, "members"),
                    Kind::Owners => union(&mut body, &document.body, "owners"),
                    Kind::PimSettings if key.starts_with(POLICY_PIECE) => union(&mut body, &document.body, "rules"),
                    _ => overlay(&mut body, &document.body),
                }
                *earlier = Document { body: Arc::new(body), evidence: document.evidence };
            }
            None => {
                documents.insert(key, document);
            }
        }
    }

    /// The environment, with how whole each kind is; the reading's complaints say what could not be joined, and its
    /// coverage learns what only all documents together tell.
    pub fn finish(mut self, reading: &mut Reading) -> Environment {
        self.join_pim(&mut reading.complaints);
        self.join_management_groups();
        self.join_applications();
        let mut environment = Environment::default();
        let mut bare = Vec::new();
        for (kind, documents) in self.kinds {
            for (key, document) in documents {
                let settings = document.body.get("properties").is_some_and(Value::is_object);
                if kind == Kind::Resources && !settings {
                    bare.push(key.clone());
                }
                environment.insert(kind, &key, document);
            }
        }
        for key in &bare {
            environment.mark_unknown(Kind::Resources, key, "/properties");
        }
        reading.complaints.extend(without_settings(&bare));
        for (kind, collected) in &reading.collected {
            environment.set_collected(*kind, *collected);
        }
        let members = members_collected(&environment);
        environment.set_collected(Kind::GroupMembers, members);
        reading.collected.insert(Kind::GroupMembers, members);
        for row in reading.coverage.iter_mut().filter(|row| row.what == Kind::GroupMembers.as_str()) {
            row.state = members.into();
        }
        let defaults =
            environment.bodies(Kind::SecurityDefaults).find_map(|b| json::get(b, "isEnabled").and_then(Value::as_bool));
        environment.tenant.security_defaults = Fact::from(defaults);
        environment
    }

    /// Puts the rules of role-management policies into the assignments that name them.
    fn join_pim(&mut self, complaints: &mut Vec<String>) {
        let Some(settings) = self.kinds.get_mut(&Kind::PimSettings) else { return };
        let pieces: Vec<String> = settings.keys().filter(|k| k.starts_with(POLICY_PIECE)).cloned().collect();
        let mut policies: BTreeMap<String, Value> = BTreeMap::new();
        for key in pieces {
            if let Some(document) = settings.remove(&key) {
                policies.insert(key.trim_start_matches(POLICY_PIECE).to_owned(), document.body.as_ref().clone());
            }
        }
        let mut used: Vec<String> = Vec::new();
        for document in settings.values_mut() {
            let body = Arc::make_mut(&mut document.body);
            let at = if body.get("properties").is_some() { "properties" } else { "" };
            let holder = if at.is_empty() { &mut *body } else { &mut body[at] };
            let Some(policy_id) = json::text(holder, "policyId").map(str::to_lowercase) else { continue };
            let Some(policy) = policies.get(&policy_id) else { continue };
            used.push(policy_id);
            let Some(object) = holder.as_object_mut() else { continue };
            if at.is_empty() {
                let mine = object.entry("policy").or_insert_with(|| Value::Object(Map::new()));
                if mine.get("rules").is_none() {
                    overlay(mine, policy);
                }
            } else if !object.contains_key("effectiveRules") {
                let rules = json::path(policy, "properties.effectiveRules").or(json::path(policy, "properties.rules"));
                if let Some(rules) = rules {
                    object.insert("effectiveRules".to_owned(), rules.clone());
                }
            }
        }
        for id in policies.keys().filter(|id| !used.contains(id)) {
            complaints.push(format!(
                "role-management policy `{id}` is in the export, the assignment that says whose it is is not"
            ));
        }
    }

    /// Owners and credentials that an export hangs on an app id belong to the application of that app id.
    fn join_applications(&mut self) {
        let apps: BTreeMap<String, String> = self
            .kinds
            .get(&Kind::Applications)
            .into_iter()
            .flatten()
            .filter_map(|(id, d)| Some((json::text(&d.body, "appId")?.to_lowercase(), id.clone())))
            .collect();
        for (kind, member) in [(Kind::Owners, "objectId"), (Kind::FederatedCredentials, "applicationId")] {
            let Some(documents) = self.kinds.remove(&kind) else { continue };
            for (key, mut document) in documents {
                let named = json::text(&document.body, member).map(str::to_lowercase);
                let Some(id) = named.as_ref().and_then(|app| apps.get(app)) else {
                    self.put(kind, key, document);
                    continue;
                };
                if let Some(members) = Arc::make_mut(&mut document.body).as_object_mut() {
                    members.insert(member.to_owned(), id.clone().into());
                }
                let key = if named.as_ref() == Some(&key) { id.clone() } else { key };
                self.put(kind, key, document);
            }
        }
    }

    /// Tells each subscription the management groups above it, where management groups tell their parents.
    fn join_management_groups(&mut self) {
        let Some(containers) = self.kinds.get_mut(&Kind::Containers) else { return };
        let mut parents: BTreeMap<String, String> = BTreeMap::new();
        for (key, document) in containers.iter() {
            let body = &document.body;
            let parent =
                ["properties.details.parent.id", "properties.parent.id"].iter().find_map(|p| json::text(body, p));
            if let Some(parent) = parent {
                parents.insert(key.clone(), parent.to_lowercase());
            }
            children(json::path(body, "properties.children"), key, &mut parents, 0);
        }
        for (key, document) in containers.iter_mut() {
            let chained = json::path(&document.body, "properties.managementGroupAncestorsChain").is_some();
            if chained || !key.starts_with("/subscriptions/") || key.matches('/').count() != 2 {
                continue;
            }
            let mut chain = Vec::new();
            let mut at = parents.get(key);
            while let Some(parent) = at.filter(|p| chain.len() < 32 && !chain.contains(*p)) {
                chain.push(parent.clone());
                at = parents.get(parent);
            }
            if chain.is_empty() {
                continue;
            }
            let names: Vec<Value> =
                chain.iter().map(|id| serde_json::json!({ "name": ResourceId::new(id).name() })).collect();
            let body = Arc::make_mut(&mut document.body);
            if let Some(object) = body.as_object_mut() {
                let properties = object.entry("properties").or_insert_with(|| Value::Object(Map::new()));
                if let Some(properties) = properties.as_object_mut() {
                    properties.insert("managementGroupAncestorsChain".to_owned(), Value::Array(names));
                }
            }
        }
    }
}

/// What to say of resources whose export tells none of their settings.
fn without_settings(keys: &[String]) -> Option<String> {
    let names: Vec<&str> = keys.iter().take(3).map(|key| key.rsplit('/').next().unwrap_or(key)).collect();
    let more = if keys.len() > names.len() { ", ..." } else { "" };
    let count = keys.len();
    let (stand, their) = if count == 1 { ("resource stands", "its") } else { ("resources stand", "their") };
    (count > 0).then(|| {
        format!(
            "{count} {stand} in the export without {their} settings ({}{more}), which are unknown therefore: \
             `az graph query -q Resources` gives them",
            names.join(", "),
        )
    })
}

/// A management group read with `$expand=children` tells the tree below it.
fn children(list: Option<&Value>, above: &str, parents: &mut BTreeMap<String, String>, depth: u32) {
    for child in list.and_then(Value::as_array).into_iter().flatten().filter(|_| depth < 16) {
        if let Some(id) = json::text(child, "id").map(str::to_lowercase) {
            children(json::get(child, "children"), &id, parents, depth + 1);
            parents.insert(id, above.to_owned());
        }
    }
}

/// Memberships are whole if groups were collected whole and each tells all its members.
fn members_collected(environment: &Environment) -> Collected {
    let told = environment.of(Kind::GroupMembers).count();
    let all = environment.of(Kind::Groups).all(|(id, _)| environment.get(Kind::GroupMembers, id).is_some());
    let complete =
        environment.bodies(Kind::GroupMembers).all(|b| b.get("complete").and_then(Value::as_bool) != Some(false));
    match environment.collected(Kind::Groups) {
        Collected::Whole if all && complete => Collected::Whole,
        _ if told == 0 => Collected::No,
        Collected::No | Collected::Partial | Collected::Whole => Collected::Partial,
    }
}

/// The later document over the earlier: objects merge, `null` and what is missing keep what was there.
fn overlay(earlier: &mut Value, later: &Value) {
    match (earlier, later) {
        (Value::Object(mine), Value::Object(theirs)) => {
            for (name, value) in theirs {
                match mine.get_mut(name) {
                    Some(slot) if value.is_object() && slot.is_object() => overlay(slot, value),
                    Some(_) if value.is_null() => {}
                    _ => {
                        mine.insert(name.clone(), value.clone());
                    }
                }
            }
        }
        (slot, value) if !value.is_null() => *slot = value.clone(),
        _ => {}
    }
}

/// Lists of members from two exports: all of them.
fn union(earlier: &mut Value, later: &Value, list: &str) {
    let Some(mine) = earlier.get_mut(list).and_then(Value::as_array_mut) else { return overlay(earlier, later) };
    for member in later.get(list).and_then(Value::as_array).into_iter().flatten() {
        let id = json::text(member, "id").map(str::to_lowercase);
        if !mine.iter().any(|m| json::text(m, "id").map(str::to_lowercase) == id) {
            mine.push(member.clone());
        }
    }
    if later.get("complete").and_then(Value::as_bool) == Some(true)
        && let Some(object) = earlier.as_object_mut()
        && object.contains_key("complete")
    {
        object.insert("complete".to_owned(), Value::Bool(true));
    }
}

/// The environment and all events, in time order. Where logs may be large, use [`environment`] and [`events`].
pub fn environment_and_events(files: &[InputFile]) -> (Environment, Vec<Event>, Reading) {
    let (environment, events, reading) = environment(files, usize::MAX);
    (environment, events.unwrap_or_default(), reading)
}

/// The environment; and the events in time order, where they weigh at most `most` bytes. More are let go, to be read
/// by [`events`]: memory follows neither the size nor the number of logs. From then on logs are passed over unparsed,
/// and what the reading says of them is to be completed by [`Reading::with_logs`]. (A log that holds a piece of the
/// snapshot where it was passed over shows by [`Reading::documents`]: see [`environment_of_all`].)
pub fn environment(files: &[InputFile], most: usize) -> (Environment, Option<Vec<Event>>, Reading) {
    let mut builder = Builder::default();
    let mut events = Some(Vec::new());
    let mut weight = 0;
    let no_logs = Cell::new(false);
    let mut reading = read_until(files, None, &no_logs, &mut |item| match item {
        Item::Document { kind, key, document } => builder.put(kind, key, document),
        Item::Event(event) => {
            if let Some(kept) = &mut events {
                weight += event.weight();
                kept.push(*event);
                if weight > most {
                    events = None;
                    no_logs.set(true);
                }
            }
        }
        Item::Part { .. } | Item::Collected { .. } | Item::Ignored { .. } | Item::Rejected { .. } => {}
    });
    let environment = builder.finish(&mut reading);
    if let Some(events) = &mut events {
        let index = super::identity::Index::new(&environment);
        events.iter_mut().for_each(|event| index.respell(event));
        events.sort_by(|a, b| (a.time, &a.evidence).cmp(&(b.time, &b.evidence)));
    }
    (environment, events, reading)
}

/// The environment with nothing passed over, where logs hold pieces of it.
pub fn environment_of_all(files: &[InputFile]) -> (Environment, Reading) {
    let mut builder = Builder::default();
    let mut reading = read(files, &mut |item| {
        if let Item::Document { kind, key, document } = item {
            builder.put(kind, key, document);
        }
    });
    (builder.finish(&mut reading), reading)
}

/// Every event, in the order of reading, and what the reading met.
pub fn events(files: &[InputFile], environment: &Environment, sink: &mut dyn FnMut(Event)) -> Reading {
    let index = super::identity::Index::new(environment);
    read(files, &mut |item| {
        if let Item::Event(mut event) = item {
            index.respell(&mut event);
            sink(*event);
        }
    })
}
