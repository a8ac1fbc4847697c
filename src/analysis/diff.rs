//! `cutset diff`: posture regression between two exports. Compared are the minimal paths from the incident's entries to
//! its crown jewels, as each export stands by itself: an incident kept as a test.
//!
//! *Unknown never counts as closed.* A path that was closed and now turns on a fact the later export does not tell is a
//! regression of its own kind; one that was open is not called closed where the later export lacks a kind of documents.

use super::contract::{Closes, Posture, PosturePair, PosturePath};
use super::paths::posture::{Documents, by_document, principal, put, still_open};
use crate::model::{Document, Environment, Evidence, Kind, ObjectId, ResourceId};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[derive(Clone, Debug, Default, Serialize)]
pub struct Differences {
    /// Closed before, open now.
    pub reopened: Vec<Reopened>,
    /// Closed before; now nobody can tell.
    pub unknown: Vec<Reopened>,
    /// Closed before; open now to an attacker who holds the words of the path.
    pub weaker: Vec<Reopened>,
    /// Open before, closed now.
    pub closed: Vec<Shut>,
    /// Settings that differ.
    pub changed: Vec<Change>,
    pub not_compared: Vec<String>,
}

impl Differences {
    /// Whether anything that was closed is not closed any more.
    pub fn regressed(&self) -> bool {
        !(self.reopened.is_empty() && self.unknown.is_empty() && self.weaker.is_empty())
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct Reopened {
    pub from: String,
    pub to: String,
    /// The path; without steps where a kind of documents is missing from the later export.
    pub path: PosturePath,
    /// Why nobody can tell, with `unknown`.
    pub missing: Vec<String>,
    /// The changes it takes: undone, the path is closed again. Empty where they could not be told apart.
    pub because: Vec<Change>,
    /// Where no later export is at hand to undo changes in: those that touch the path, or a sign-in on it.
    pub may_be: Vec<Change>,
}

impl Reopened {
    fn new(pair: &PosturePair, path: PosturePath, missing: Vec<String>) -> Reopened {
        let (from, to) = (pair.from.clone(), pair.to.clone());
        Reopened { from, to, path, missing, because: Vec::new(), may_be: Vec::new() }
    }

    /// Without a path: nobody can tell.
    fn untold(pair: &PosturePair, missing: Vec<String>) -> Reopened {
        Reopened::new(pair, PosturePath { steps: Vec::new(), words: Vec::new(), missing: Vec::new() }, missing)
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct Shut {
    pub from: String,
    pub to: String,
    pub path: PosturePath,
    /// `closed`, or `closed-if-lacking`.
    pub now: Closes,
}

/// One document that differs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Change {
    pub kind: String,
    pub document: String,
    pub name: String,
    /// In words: `appeared`, `is gone`, or each setting from what to what.
    pub what: Vec<String>,
}

/// Changes tried one by one as the reason of a path, and paths they are tried for.
const TRIED: usize = 200;
const EXPLAINED: usize = 24;

/// Compares; with the later environment at hand each path is attributed to the changes it takes.
pub fn diff(old: &Posture, new: &Posture, later: Option<&Environment>) -> Differences {
    let mut found = Differences::default();
    let (was, is) = (by_document(&old.settings), by_document(&new.settings));
    let lost: Vec<String> =
        new.not_collected.iter().filter(|kind| !old.not_collected.contains(kind)).cloned().collect();
    let mut changes = changes(&was, &is, later);
    for (change, _) in changes.iter_mut().filter(|(change, _)| lost.contains(&change.kind)) {
        change.what = vec!["not in the later export".to_owned()];
    }
    let told = |change: &&Change| !lost.contains(&change.kind);
    found.changed = changes.iter().map(|(change, _)| change).filter(told).cloned().collect();
    found.changed.extend(stated(old, new));
    found.not_compared.extend(lost.iter().map(|kind| format!("{kind}: not in the later export")));
    if old.settings_left_out + new.settings_left_out > 0 {
        found.not_compared.push("documents beyond the limit of an export's list".to_owned());
    }
    let known = facts(old);
    for before in &old.pairs {
        let same = |pair: &&PosturePair| pair.from_id == before.from_id && pair.to.eq_ignore_ascii_case(&before.to);
        match new.pairs.iter().find(same) {
            Some(after) => {
                let gone = gone(&before.to, &was, &is);
                let lost: Vec<String> = lost.iter().cloned().chain(gone).collect();
                compare(before, after, &known, &lost, &mut found);
            }
            None if before.open == Closes::NotClosed => {
                found.not_compared.push(format!("{} to {}: not in the later one", before.from, name(&before.to)));
            }
            None => {
                let what = "the later one asks about another entry or another jewel".to_owned();
                found.unknown.push(Reopened::untold(before, vec![what]));
            }
        }
    }
    for after in &new.pairs {
        let same = |pair: &PosturePair| pair.from_id == after.from_id && pair.to.eq_ignore_ascii_case(&after.to);
        if !old.pairs.iter().any(same) {
            found.not_compared.push(format!("{} to {}: not in the earlier one", after.from, name(&after.to)));
        }
    }
    if later.is_none() {
        for path in found.reopened.iter_mut().chain(&mut found.unknown).chain(&mut found.weaker) {
            path.may_be = found.changed.iter().filter(|change| touches(change, path, &is, &was)).cloned().collect();
        }
    }
    if let Some(environment) = later {
        let undo = Undo { environment, posture: new, changes: &changes };
        for (paths, held) in [(&mut found.reopened, false), (&mut found.unknown, false), (&mut found.weaker, true)] {
            for path in paths.iter_mut().filter(|path| !path.path.steps.is_empty()).take(EXPLAINED) {
                path.because = undo.because(path, held);
                if path.because.is_empty() {
                    path.may_be = stated(old, new).into_iter().collect();
                }
            }
        }
    }
    // What is open for want of documents that were not exported again is not known to be open.
    let untold = |path: &Reopened| path.because.is_empty() || path.because.iter().any(|c| lost.contains(&c.kind));
    if !lost.is_empty() {
        let (unknown, reopened) = found.reopened.into_iter().partition(untold);
        let unknown: Vec<Reopened> = unknown;
        found.reopened = reopened;
        found.unknown.extend(unknown.into_iter().map(|path| Reopened { missing: lost.clone(), ..path }));
    }
    found
}

/// What incident.json says of the tenant, where the two say different things.
fn stated(old: &Posture, new: &Posture) -> Option<Change> {
    let facts = |posture: &Posture| match serde_json::to_value(&posture.stated) {
        Ok(Value::Object(facts)) => facts.into_iter().collect::<BTreeMap<String, Value>>(),
        Ok(_) | Err(_) => BTreeMap::new(),
    };
    let (before, after) = (facts(old), facts(new));
    let differing = before.keys().filter(|fact| before.get(*fact) != after.get(*fact));
    let what: Vec<String> =
        differing.map(|fact| setting(&format!("/{fact}"), before.get(fact), after.get(fact), None)).collect();
    let (kind, name) = ("stated".to_owned(), "incident.json".to_owned());
    (!what.is_empty()).then(|| Change { kind, document: name.clone(), name, what })
}

/// The resource, or what it is part of, where the earlier export has it and the later one does not.
fn gone(to: &str, was: &Documents<'_>, is: &Documents<'_>) -> Option<String> {
    let mut at = Some(ResourceId::new(to));
    while let Some(id) = at {
        let key = (Kind::Resources.as_str(), id.folded());
        if was.contains_key(&key) && !is.contains_key(&key) {
            return Some(format!("resource `{}` (if it was deleted, take it out of crownJewels)", id.name()));
        }
        at = id.parent();
    }
    None
}

/// Whether a changed document speaks of somebody or something on the path, or decides a sign-in on it.
fn touches(change: &Change, path: &Reopened, is: &Documents<'_>, was: &Documents<'_>) -> bool {
    let steps = &path.path.steps;
    if steps.is_empty() {
        return false;
    }
    let kind = Kind::ALL.iter().find(|kind| kind.as_str() == change.kind);
    match kind {
        // What incident.json states.
        None => return true,
        Some(Kind::ConditionalAccess | Kind::NamedLocations | Kind::SecurityDefaults) => {
            return steps.iter().any(|step| step.action == "SignIn");
        }
        Some(_) => {}
    }
    let on_path: BTreeSet<String> = steps
        .iter()
        .flat_map(|step| [Some(&step.from), Some(&step.to), step.to_id.as_ref()])
        .flatten()
        .map(|id| id.to_lowercase())
        .collect();
    let above = |id: &str| {
        let scope = ResourceId::new(id);
        id.starts_with('/') && on_path.iter().any(|on| on.starts_with('/') && scope.contains(&ResourceId::new(on)))
    };
    let at = (change.kind.as_str(), change.document.as_str());
    let values = [is.get(&at), was.get(&at)].into_iter().flatten().flat_map(|(_, values)| values.values());
    let mut texts: Vec<String> = vec![change.document.to_lowercase()];
    values.for_each(|value| texts.extend(strings(value)));
    texts.iter().any(|text| on_path.contains(text) || above(text))
}

/// The texts of a leaf, lower case.
fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.to_lowercase()],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(members) => members.values().flat_map(strings).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

fn name(id: &str) -> String {
    ResourceId::new(id).name().to_owned()
}

/// Facts that paths of an export turned on, and the kinds it lacked.
fn facts(posture: &Posture) -> BTreeSet<&str> {
    let paths = posture.pairs.iter().flat_map(|pair| pair.paths.iter().chain(&pair.if_held));
    let missing = paths.flat_map(|path| &path.missing);
    missing.chain(&posture.not_collected).map(String::as_str).collect()
}

fn compare(
    before: &PosturePair,
    after: &PosturePair,
    known: &BTreeSet<&str>,
    lost: &[String],
    found: &mut Differences,
) {
    let (from, to) = (after.from.clone(), after.to.clone());
    let within = |paths: &[PosturePath], path: &PosturePath| paths.iter().any(|other| part_of(other, path));
    if !before.whole {
        found.not_compared.push(format!("{from} to {}: the earlier list of paths is not whole", name(&to)));
    } else {
        for path in after.paths.iter().filter(|path| !within(&before.paths, path)) {
            let missing: Vec<String> =
                path.missing.iter().filter(|fact| !known.contains(fact.as_str())).cloned().collect();
            let list = if missing.is_empty() { &mut found.reopened } else { &mut found.unknown };
            let path = path.clone();
            list.push(Reopened::new(after, path, missing));
        }
        let open_before = |path: &&PosturePath| !within(&before.paths, path) && !within(&before.if_held, path);
        for path in after.if_held.iter().filter(open_before) {
            found.weaker.push(Reopened::new(after, path.clone(), Vec::new()));
        }
    }
    if !after.whole {
        found.not_compared.push(format!("{from} to {}: the later list of paths is not whole", name(&to)));
        return;
    }
    if !lost.is_empty() && after.open != Closes::NotClosed {
        match before.open {
            Closes::Closed | Closes::ClosedIfLacking => found.unknown.push(Reopened::untold(after, lost.to_vec())),
            Closes::NotClosed => found.not_compared.push(format!(
                "{from} to {}: open before; the later export lacks {}, so nothing says that it is closed",
                name(&to),
                lost.join(", ")
            )),
        }
        return;
    }
    for path in before.paths.iter().filter(|path| !within(&after.paths, path)) {
        let now = if within(&after.if_held, path) { Closes::ClosedIfLacking } else { Closes::Closed };
        found.closed.push(Shut { from: from.clone(), to: to.clone(), path: path.clone(), now });
    }
}

/// Whether all operations of the one are operations of the other.
fn part_of(one: &PosturePath, other: &PosturePath) -> bool {
    let key = |step: &super::contract::PathStep| (step.action.clone(), super::fill::target_id(step));
    let all: BTreeSet<_> = other.steps.iter().map(key).collect();
    one.steps.iter().map(key).all(|operation| all.contains(&operation))
}

/// What puts a document back as it was: its leaves then (none: it was not there), and its pointers now.
struct Back {
    kind: Kind,
    key: String,
    was: Option<Vec<(String, Value)>>,
    is: Option<Vec<String>>,
}

fn changes(was: &Documents<'_>, is: &Documents<'_>, later: Option<&Environment>) -> Vec<(Change, Back)> {
    let mut found = Vec::new();
    let keys: BTreeSet<&(&str, &str)> = was.keys().chain(is.keys()).collect();
    for key in keys {
        let (before, after) = (was.get(key), is.get(key));
        if before.map(|b| &b.1) == after.map(|a| &a.1) {
            continue;
        }
        let Some(kind) = Kind::ALL.iter().copied().find(|kind| kind.as_str() == key.0) else { continue };
        let what = match (before, after) {
            (None, _) => vec!["appeared".to_owned()],
            (_, None) => vec!["is gone".to_owned()],
            (Some((_, before)), Some((_, after))) => {
                let pointers: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
                pointers
                    .into_iter()
                    .filter(|pointer| before.get(*pointer) != after.get(*pointer))
                    .map(|pointer| setting(pointer, before.get(pointer), after.get(pointer), later))
                    .collect()
            }
        };
        let name = after.or(before).map_or("", |(name, _)| name);
        found.push((
            Change { kind: key.0.to_owned(), document: key.1.to_owned(), name: name.to_owned(), what },
            Back {
                kind,
                key: key.1.to_owned(),
                was: before.map(|(_, leaves)| leaves.iter().map(|(p, v)| (p.clone(), v.clone())).collect()),
                is: after.map(|(_, leaves)| leaves.keys().cloned().collect()),
            },
        ));
    }
    found
}

/// `allowSharedKeyAccess false → true`, `excludeUsers gained admin@…`.
fn setting(pointer: &str, before: Option<&Value>, after: Option<&Value>, env: Option<&Environment>) -> String {
    let place = pointer.trim_start_matches('/').trim_start_matches("properties/").replace('/', ".");
    let items = |value: Option<&Value>| match value {
        Some(Value::Array(items)) => Some(items.clone()),
        None => Some(Vec::new()),
        Some(_) => None,
    };
    let lists = matches!(before, Some(Value::Array(_))) || matches!(after, Some(Value::Array(_)));
    if let (true, Some(before), Some(after)) = (lists, items(before), items(after)) {
        let only = |these: &[Value], those: &[Value]| -> Vec<String> {
            these.iter().filter(|item| !those.contains(item)).map(|item| shown(item, env)).collect()
        };
        let (gained, lost) = (only(&after, &before), only(&before, &after));
        let parts = [("gained", gained), ("lost", lost)];
        let parts = parts.iter().filter(|(_, items)| !items.is_empty());
        let said: Vec<String> = parts.map(|(word, items)| format!("{word} {}", items.join(", "))).collect();
        return format!("{place} {}", said.join(", "));
    }
    let value = |value: Option<&Value>| value.map_or_else(|| "not set".to_owned(), |value| shown(value, env));
    format!("{place} {} \u{2192} {}", value(before), value(after))
}

fn shown(value: &Value, env: Option<&Environment>) -> String {
    let named = |id: &str| env.map_or_else(|| id.to_owned(), |env| principal(env, id));
    let text = match value {
        Value::String(text) => named(text),
        Value::Object(map) => match map.get("id").and_then(Value::as_str) {
            Some(id) => named(id),
            None => map.values().filter_map(Value::as_str).next_back().map_or_else(|| value.to_string(), str::to_owned),
        },
        other => other.to_string(),
    };
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Changes undone on the later environment, to see what closes a path again.
struct Undo<'a> {
    environment: &'a Environment,
    posture: &'a Posture,
    changes: &'a [(Change, Back)],
}

impl Undo<'_> {
    fn because(&self, reopened: &Reopened, held: bool) -> Vec<Change> {
        let pairs = &self.posture.pairs;
        let Some(pair) = pairs.iter().find(|pair| pair.from == reopened.from && pair.to == reopened.to) else {
            return Vec::new();
        };
        let (from, to) = (ObjectId::new(&pair.from_id), ResourceId::new(&pair.to));
        let open = |undone: &[usize]| {
            let environment = self.without(undone);
            still_open(&environment, &self.posture.lacks, &from, &to, &reopened.path, held)
        };
        let every: Vec<usize> = (0..self.changes.len().min(TRIED)).collect();
        let mut found: Vec<usize> = every.iter().copied().filter(|at| !open(&[*at])).collect();
        if found.is_empty() {
            // No one change does: the fewest of all together, one left out after the other.
            if open(&every) {
                return Vec::new();
            }
            found = every;
            for at in found.clone() {
                let fewer: Vec<usize> = found.iter().copied().filter(|other| *other != at).collect();
                if !open(&fewer) {
                    found = fewer;
                }
            }
        }
        found.into_iter().filter_map(|at| self.changes.get(at)).map(|(change, _)| change.clone()).collect()
    }

    fn without(&self, undone: &[usize]) -> Environment {
        let mut environment = self.environment.clone();
        for (_, back) in undone.iter().filter_map(|at| self.changes.get(*at)) {
            let Some(was) = &back.was else {
                environment.remove(back.kind, &back.key);
                continue;
            };
            let mut body = match environment.get(back.kind, &back.key) {
                Some(document) => document.body.as_ref().clone(),
                None => Value::Object(serde_json::Map::new()),
            };
            for pointer in back.is.iter().flatten().filter(|pointer| !was.iter().any(|(known, _)| known == *pointer)) {
                put(&mut body, pointer, None);
            }
            for (pointer, value) in was {
                put(&mut body, pointer, Some(value.clone()));
            }
            let evidence = Evidence::new("earlier export", 1, "");
            environment.insert(back.kind, &back.key, Document { body: Arc::new(body), evidence });
        }
        environment
    }
}
