//! What `modify` and `append` would write, and writing it.
//!
//! Source: *Azure Policy definitions modify effect* (operations, conflictEffect, skipped modification), *append effect*
//! ("If the append effect would override a value in the original request with a different value, then it acts as a
//! deny effect"), *Author policies for array properties on Azure resources* (Modifying arrays).

use super::alias::Resolved;
use super::compare::{identical, same_text};
use super::condition::{FieldName, flag};
use super::definition::{Operation, Verb};
use super::evaluate::{Counts, Scene};
use super::field::Field;
use super::outcome::Stop;
use super::path::{Path, Segment};
use super::subject::{Place, Selection, Subject};
use crate::model::Missing;
use serde_json::{Map, Value};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    Set(Value),
    Remove,
    AddMember(Value),
    ReplaceMembers(Value),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Write {
    pub path: Path,
    pub action: Action,
}

impl Write {
    pub fn value(&self) -> Option<&Value> {
        match &self.action {
            Action::Set(value) | Action::AddMember(value) | Action::ReplaceMembers(value) => Some(value),
            Action::Remove => None,
        }
    }
}

/// What one operation comes to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Planned {
    Write(Write),
    /// Its condition is false, or the request leaves out the property it is nested in.
    Skipped,
    /// The value is there already.
    Unneeded,
    /// `modify` cannot write it: `conflictEffect` says what follows.
    Conflict,
    /// `append` would override a value: it acts as a deny effect.
    Refused,
    /// "Policy evaluation is skipped altogether": `identity.type` of anything but a virtual machine (scale set).
    NotApplicable,
    Unknown {
        path: Option<Path>,
        facts: Missing,
        may_refuse: bool,
    },
    Failed(String),
}

fn unknown(fact: &str, path: Option<Path>, may_refuse: bool) -> Planned {
    Planned::Unknown { path, facts: Missing::from([fact.into()]), may_refuse }
}

fn stopped(stop: Stop, path: Option<Path>, may_refuse: bool) -> Planned {
    match stop {
        Stop::Unknown(gap) => Planned::Unknown { path, facts: gap.facts, may_refuse },
        Stop::Failed(failure) => Planned::Failed(failure),
    }
}

/// Works out one operation. `refuses`: what a conflict of `modify` would come to.
pub(super) fn plan<'s>(scene: &Scene<'s>, operation: &'s Operation, refuses: bool) -> Planned {
    let counts = Counts::default();
    let append = operation.verb == Verb::Append;
    let mut doubt = Missing::new();
    if let Some(condition) = &operation.condition {
        match scene.template(condition, &counts) {
            Ok(value) => match value.as_ref() {
                Value::Bool(true) => {}
                Value::Bool(false) => return Planned::Skipped,
                Value::String(text) if flag(text) == Some(true) => {}
                Value::String(text) if flag(text) == Some(false) => return Planned::Skipped,
                _ => return Planned::Failed("the condition of an operation is not a boolean".to_owned()),
            },
            Err(Stop::Failed(failure)) => return Planned::Failed(failure),
            Err(Stop::Unknown(gap)) => doubt = gap.facts,
        }
    }
    let planned = planned(scene, operation, append, refuses);
    if doubt.is_empty() {
        return planned;
    }
    // Whether it is applied at all is unknown.
    match planned {
        Planned::Write(write) => Planned::Unknown { path: Some(write.path), facts: doubt, may_refuse: false },
        Planned::Unknown { path, mut facts, may_refuse } => {
            facts.extend(doubt);
            Planned::Unknown { path, facts, may_refuse }
        }
        Planned::Conflict => Planned::Unknown { path: None, facts: doubt, may_refuse: refuses },
        Planned::Refused | Planned::Failed(_) => Planned::Unknown { path: None, facts: doubt, may_refuse: true },
        other @ (Planned::Skipped | Planned::Unneeded | Planned::NotApplicable) => other,
    }
}

fn planned<'s>(scene: &Scene<'s>, operation: &'s Operation, append: bool, refuses: bool) -> Planned {
    let counts = Counts::default();
    let may_refuse = append || refuses;
    let field = match &operation.field {
        FieldName::Fixed(field, _) => field.clone(),
        FieldName::Computed(template) => match scene.template(template, &counts) {
            Ok(value) => match value.as_str().map(Field::parse) {
                Some(Ok(field)) => field,
                Some(Err(fact)) => return unknown(&fact, None, may_refuse),
                None => return Planned::Failed("a `field` that is not a string".to_owned()),
            },
            Err(stop) => return stopped(stop, None, may_refuse),
        },
    };
    let subject = scene.subject;
    let (path, by_rule) = match subject.place(&field, scene.aliases) {
        Place::Path { path, by_rule } => (path, by_rule),
        Place::Value(Err(gap)) => return Planned::Unknown { path: None, facts: gap.facts, may_refuse },
        Place::Value(Ok(_)) | Place::Missing { .. } => {
            return unknown("meaning of writing a field that the resource does not have", None, may_refuse);
        }
    };
    let value = match &operation.value {
        None => None,
        Some(template) => match scene.template(template, &counts) {
            Ok(value) => Some(value.into_owned()),
            Err(stop) => return stopped(stop, Some(path), may_refuse),
        },
    };
    if !append && let Some(verdict) = writable(scene, &field, value.as_ref(), &path, refuses) {
        return verdict;
    }
    if operation.verb == Verb::Remove {
        if !matches!(field, Field::Tag(_)) {
            return unknown("meaning of `remove` on anything but a tag", Some(path), refuses);
        }
        return match read(subject, &path, by_rule) {
            Ok(Some(_)) => Planned::Write(Write { path, action: Action::Remove }),
            Ok(None) => Planned::Unneeded,
            Err(facts) => Planned::Unknown { path: Some(path), facts, may_refuse: false },
        };
    }
    let Some(value) = value else { return Planned::Failed("an operation without a value".to_owned()) };
    // "If the "parent" property isn't present in the request, modification is skipped."
    if !append && let Some(parent) = nested_parent(&path) {
        match read(subject, &parent, by_rule) {
            Ok(Some(_)) => {}
            Ok(None) => return Planned::Skipped,
            Err(facts) => return Planned::Unknown { path: Some(path), facts, may_refuse: false },
        }
    }
    if path.segments.last() == Some(&Segment::Every) {
        let action = match operation.verb {
            Verb::AddOrReplace => Action::ReplaceMembers(value),
            Verb::Add | Verb::Append | Verb::Remove => Action::AddMember(value),
        };
        return Planned::Write(Write { path, action });
    }
    if operation.verb == Verb::AddOrReplace {
        return Planned::Write(Write { path, action: Action::Set(value) });
    }
    present(subject, operation.verb, path, by_rule, value)
}

/// `add` and `append` where something may be there already.
fn present(subject: &Subject, verb: Verb, path: Path, by_rule: bool, value: Value) -> Planned {
    let append = verb == Verb::Append;
    let found: Result<Vec<Option<&Value>>, Missing> = match subject.select(&path, by_rule, &[]) {
        Selection::One(value) => value.map(|value| vec![value]).map_err(|gap| gap.facts),
        Selection::Many(Err(gap)) => Err(gap.facts),
        Selection::Many(Ok(members)) => {
            members.into_iter().map(|member| member.value.map_err(|gap| gap.facts)).collect()
        }
    };
    let found = match found {
        Ok(found) => found,
        Err(facts) => return Planned::Unknown { path: Some(path), facts, may_refuse: append },
    };
    let whole_array = !path.has_every();
    let clashes = found.iter().flatten().any(|there| {
        // "When the non-[*] alias is an array ... If the array already exists, a deny event occurs from the conflict."
        !identical(there, &value) || append && whole_array && there.is_array()
    });
    if clashes && append {
        return Planned::Refused;
    }
    if clashes {
        // "Add behaves similar to the append effect", and no page says how far.
        return unknown(&format!("meaning of `add` on `{path}`, which has another value"), Some(path), true);
    }
    if found.iter().all(Option::is_some) {
        return Planned::Unneeded;
    }
    Planned::Write(Write { path, action: Action::Set(value) })
}

/// Whether `modify` may write the field; none: it may.
fn writable(scene: &Scene<'_>, field: &Field, value: Option<&Value>, path: &Path, refuses: bool) -> Option<Planned> {
    let subject = scene.subject;
    match field {
        Field::Tag(_) => None,
        Field::IdentityType => {
            let machine = ["microsoft.compute/virtualmachines", "microsoft.compute/virtualmachinescalesets"];
            (!machine.iter().any(|name| subject.is_type(name))).then_some(Planned::NotApplicable)
        }
        Field::Alias(alias) => {
            let metadata = match scene.aliases.resolve(
                alias,
                subject.resource_type.as_deref().unwrap_or(""),
                subject.api_version.as_deref(),
            ) {
                Resolved::Path { metadata, .. } => metadata,
                Resolved::ByRule { .. } | Resolved::Elsewhere | Resolved::Unknown(_) => None,
            };
            let fits = metadata.as_ref().zip(value).is_none_or(|(metadata, value)| metadata.takes(value));
            match scene.aliases.modifiable(metadata.as_ref()) {
                Some(true) if fits => None,
                Some(true) | Some(false) => Some(Planned::Conflict),
                None => Some(unknown(&format!("whether alias `{alias}` can be modified"), Some(path.clone()), refuses)),
            }
        }
        Field::Name
        | Field::FullName
        | Field::Kind
        | Field::Type
        | Field::Location
        | Field::Id
        | Field::UserAssignedIdentities
        | Field::Tags => {
            Some(unknown("meaning of `modify` on a field that is no tag and no alias", Some(path.clone()), refuses))
        }
    }
}

fn read<'s>(subject: &'s Subject, path: &Path, by_rule: bool) -> Result<Option<&'s Value>, Missing> {
    match subject.select(path, by_rule, &[]) {
        Selection::One(value) => value.map_err(|gap| gap.facts),
        Selection::Many(members) => {
            let first = members.map_err(|gap| gap.facts)?.into_iter().next();
            first.map_or(Ok(None), |member| member.value.map_err(|gap| gap.facts))
        }
    }
}

/// The property that the one to write is nested in, below `properties`.
fn nested_parent(path: &Path) -> Option<Path> {
    let mut segments = path.segments.clone();
    while segments.pop() == Some(Segment::Every) {}
    let below = matches!(segments.first(), Some(Segment::Key(key)) if same_text(key, "properties"));
    (below && segments.len() > 1).then_some(Path { segments })
}

/// Writes into the resource as later effects see it.
pub(super) fn apply(subject: &mut Subject, write: &Write) {
    let mut path = write.path.clone();
    match &write.action {
        Action::Set(value) => set(&mut subject.body, &path.segments, &mut |slot| *slot = value.clone()),
        Action::Remove => remove(&mut subject.body, &path.segments),
        Action::AddMember(value) => {
            path.segments.pop();
            set(&mut subject.body, &path.segments, &mut |slot| match slot {
                Value::Array(items) => items.push(value.clone()),
                other => *other = Value::Array(vec![value.clone()]),
            });
            return;
        }
        Action::ReplaceMembers(value) => {
            path.segments.pop();
            set(&mut subject.body, &path.segments, &mut |slot| *slot = Value::Array(vec![value.clone()]));
        }
    }
    subject.mark_written(path);
}

fn slot<'v>(object: &'v mut Map<String, Value>, key: &str) -> &'v mut Value {
    let known = object.keys().find(|k| same_text(k, key)).cloned();
    object.entry(known.unwrap_or_else(|| key.to_owned())).or_insert(Value::Null)
}

fn set(value: &mut Value, path: &[Segment], with: &mut dyn FnMut(&mut Value)) {
    let Some((segment, rest)) = path.split_first() else {
        with(value);
        return;
    };
    match segment {
        Segment::Key(key) => {
            if value.is_null() {
                *value = Value::Object(Map::new());
            }
            if let Value::Object(object) = value {
                set(slot(object, key), rest, with);
            }
        }
        Segment::Index(index) => {
            if let Some(item) = value.as_array_mut().and_then(|items| items.get_mut(*index)) {
                set(item, rest, with);
            }
        }
        Segment::Every => {
            for item in value.as_array_mut().into_iter().flatten() {
                set(item, rest, with);
            }
        }
    }
}

fn remove(value: &mut Value, path: &[Segment]) {
    let Some((Segment::Key(key), rest)) = path.split_first() else { return };
    let Value::Object(object) = value else { return };
    let Some(known) = object.keys().find(|k| same_text(k, key)).cloned() else { return };
    if rest.is_empty() {
        object.remove(&known);
    } else if let Some(inner) = object.get_mut(&known) {
        remove(inner, rest);
    }
}
