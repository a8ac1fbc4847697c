//! The resource a rule is evaluated against: what is recorded of it, what is not, and what earlier effects wrote.
//!
//! "An operand that reads a path in the unknown set (or below or above one) is unknown." A path that `modify` or
//! `append` wrote is known again.

use super::alias::{AliasTable, Resolved};
use super::compare::same_text;
use super::field::Field;
use super::outcome::{Gap, Stop};
use super::path::{Path, Segment, starts_with};
use crate::model::{ResourceId, json};
use serde_json::Value;

#[derive(Clone, Debug)]
pub(super) struct Subject {
    pub id: ResourceId,
    pub resource_type: Option<String>,
    pub body: Value,
    pub api_version: Option<String>,
    /// Paths nobody recorded, as spelled and as parsed.
    unknown: Vec<(String, Path)>,
    written: Vec<Path>,
}

/// Bound on the steps of a path; the deepest aliases have a dozen.
const DEEPEST: usize = 64;

/// One array and the member that a `count` currently looks at.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bound {
    /// Path of the array, `[*]` for the members around it, folded.
    pub array: String,
    pub index: usize,
}

/// What a path selects.
#[derive(Debug)]
pub(super) enum Selection<'s> {
    /// A path without `[*]`.
    One(Result<Option<&'s Value>, Gap>),
    /// A path with `[*]`: its members, each with the arrays it was found in.
    Many(Result<Vec<Selected<'s>>, Gap>),
}

#[derive(Debug)]
pub(super) struct Selected<'s> {
    pub value: Result<Option<&'s Value>, Gap>,
    pub within: Vec<Bound>,
}

/// A plain field, or where to look.
pub(super) enum Place {
    Value(Result<Value, Gap>),
    Path {
        path: Path,
        by_rule: bool,
    },
    /// An alias of other types: missing.
    Missing {
        collection: bool,
    },
}

impl Subject {
    pub fn new(id: ResourceId, body: Value, api_version: Option<String>, unknown: &[String]) -> Subject {
        let resource_type = id.resource_type().or_else(|| json::text(&body, "type").map(str::to_owned));
        let unknown = unknown.iter().map(|path| (path.clone(), Path::parse(path))).collect();
        Subject { id, resource_type, body, api_version, unknown, written: Vec::new() }
    }

    pub fn type_name(&self) -> Result<&str, Gap> {
        self.resource_type.as_deref().ok_or_else(|| Gap::of("type of the resource"))
    }

    pub fn is_type(&self, folded: &str) -> bool {
        self.resource_type.as_deref().is_some_and(|t| same_text(t, folded))
    }

    /// `parent/child` of a child resource.
    fn full_name(&self) -> String {
        let spelled = self.id.spelled();
        let folded = self.id.folded();
        match folded.rfind("/providers/").and_then(|at| spelled.get(at + "/providers/".len()..)) {
            Some(rest) => rest.split('/').skip(2).step_by(2).collect::<Vec<_>>().join("/"),
            None => self.id.name().to_owned(),
        }
    }

    /// Where a field is; a path too deep to be one is unknown.
    pub fn place(&self, field: &Field, aliases: &AliasTable) -> Place {
        match self.placed(field, aliases) {
            Place::Path { path, .. } if path.segments.len() > DEEPEST => {
                Place::Value(Err(Gap::of(format!("a field nested deeper than {DEEPEST}"))))
            }
            place => place,
        }
    }

    fn placed(&self, field: &Field, aliases: &AliasTable) -> Place {
        let at = |keys: &[&str]| Place::Path { path: Path::keys(keys), by_rule: false };
        match field {
            Field::Name => Place::Value(Ok(self.id.name().into())),
            Field::FullName => Place::Value(Ok(self.full_name().into())),
            Field::Id => Place::Value(Ok(self.id.spelled().into())),
            Field::Type => Place::Value(self.type_name().map(Value::from)),
            Field::Kind => at(&["kind"]),
            Field::Location => at(&["location"]),
            Field::IdentityType => at(&["identity", "type"]),
            Field::UserAssignedIdentities => at(&["identity", "userAssignedIdentities"]),
            Field::Tags => at(&["tags"]),
            Field::Tag(name) => at(&["tags", name]),
            Field::Alias(alias) => self.alias(alias, aliases),
        }
    }

    fn alias(&self, alias: &str, aliases: &AliasTable) -> Place {
        let of_type = match self.type_name() {
            Ok(of_type) => of_type,
            Err(gap) => return Place::Value(Err(gap)),
        };
        match aliases.resolve(alias, of_type, self.api_version.as_deref()) {
            Resolved::Path { path, .. } => Place::Path { path, by_rule: false },
            Resolved::Elsewhere => Place::Missing { collection: alias.contains("[*]") },
            Resolved::Unknown(fact) => Place::Value(Err(Gap::of(fact).nullable())),
            Resolved::ByRule { rest, envelope } => self.by_rule(alias, rest, envelope),
        }
    }

    /// Under `properties`, or beside it for a property of the ARM envelope that the body carries there. Such a
    /// property that is in neither place may have a path of its own (a virtual machine's `sku.name`).
    fn by_rule(&self, alias: &str, rest: Path, envelope: bool) -> Place {
        let Some(Segment::Key(first)) = rest.segments.first() else {
            return Place::Value(Err(Gap::of(format!("alias `{alias}` (no alias table in the snapshot)")).nullable()));
        };
        let beside = json::get(&self.body, first).is_some() || self.gap(&[Segment::Key(first.clone())]).is_some();
        let properties = json::get(&self.body, "properties");
        let mut below = rest.clone();
        // `.../config/web.http20Enabled`: the resource's own name before the property.
        let named = below.segments.len() > 1 && same_text(first, self.id.name());
        let first_below = properties.and_then(|p| json::get(p, first)).is_some();
        if named && !first_below {
            below.segments.remove(0);
        }
        below.segments.insert(0, Segment::Key("properties".into()));
        if envelope && beside {
            return Place::Path { path: rest, by_rule: true };
        }
        let in_properties = first_below || self.gap(&below.segments).is_some();
        if envelope && !in_properties && same_text(first, "sku") {
            return Place::Value(Err(Gap::of(format!("alias `{alias}` (no alias table in the snapshot)")).nullable()));
        }
        Place::Path { path: below, by_rule: true }
    }

    /// The unknown paths that a read of `path` turns on.
    pub fn gap(&self, path: &[Segment]) -> Option<Gap> {
        if self.unknown.is_empty() || self.written.iter().any(|written| starts_with(path, &written.segments)) {
            return None;
        }
        let facts: Vec<&str> =
            self.unknown.iter().filter(|(_, unknown)| unknown.related(path)).map(|(text, _)| text.as_str()).collect();
        (!facts.is_empty()).then(|| {
            let mut gap = Gap::default().nullable();
            gap.facts.extend(facts.into_iter().map(Into::into));
            gap
        })
    }

    /// Whether the members of the array at `path` are unknown as a whole: it, or a path above it, or all of its members
    /// are; or a member is that the body does not list.
    fn members_gap(&self, path: &[Segment], value: Option<&Value>) -> Option<Gap> {
        let length = value.and_then(Value::as_array).map(Vec::len);
        let gap = self.gap(path)?;
        let whole = self.unknown.iter().filter(|(_, unknown)| unknown.related(path)).any(|(_, unknown)| match unknown
            .segments
            .get(path.len())
        {
            None => true,
            Some(_) if length.is_none() => true,
            Some(Segment::Every) => unknown.segments.len() == path.len() + 1,
            Some(Segment::Index(index)) => length.is_none_or(|length| *index >= length),
            Some(Segment::Key(_)) => true,
        });
        whole.then_some(gap)
    }

    pub fn select<'s>(&'s self, path: &Path, by_rule: bool, bound: &[Bound]) -> Selection<'s> {
        let mut walk = Walk { subject: self, by_rule, bound, found: Vec::new(), gap: None };
        walk.step(Some(&self.body), &path.segments, &mut Vec::new(), &mut String::new(), &mut Vec::new(), false);
        if path.has_every() {
            return Selection::Many(match walk.gap {
                Some(gap) => Err(gap),
                None => Ok(walk.found),
            });
        }
        Selection::One(walk.found.pop().map_or(Ok(None), |selected| selected.value))
    }

    /// Marks a path as written, so that it is known whatever was recorded of it.
    pub fn mark_written(&mut self, path: Path) {
        self.unknown.retain(|(_, unknown)| !unknown.starts_with(&path.segments));
        self.written.push(path);
    }

    pub fn mark_unknown(&mut self, fact: String, path: Path) {
        self.written.retain(|written| !written.related(&path.segments));
        self.unknown.push((fact, path));
    }
}

struct Walk<'s, 'b> {
    subject: &'s Subject,
    by_rule: bool,
    bound: &'b [Bound],
    found: Vec<Selected<'s>>,
    gap: Option<Gap>,
}

impl<'s> Walk<'s, '_> {
    fn step(
        &mut self,
        value: Option<&'s Value>,
        rest: &[Segment],
        at: &mut Vec<Segment>,
        pattern: &mut String,
        within: &mut Vec<Bound>,
        in_array: bool,
    ) {
        let value = value.filter(|value| !value.is_null());
        let Some((segment, rest)) = rest.split_first() else {
            let value = self.subject.gap(at).map_or(Ok(value), Err);
            self.found.push(Selected { value, within: within.clone() });
            return;
        };
        match segment {
            Segment::Key(key) => {
                let mut next = value.and_then(|value| json::get(value, key));
                let mut hidden = false;
                // By rule: members of arrays of child resources hold their properties one level down.
                if self.by_rule && in_array && next.is_none() {
                    let nested = value.and_then(|value| json::get(value, "properties"));
                    if nested.is_some_and(Value::is_object) {
                        next = nested.and_then(|nested| json::get(nested, key));
                        hidden = true;
                    }
                }
                if hidden {
                    at.push(Segment::Key("properties".into()));
                }
                at.push(segment.clone());
                let length = pattern.len();
                pattern.push('.');
                pattern.push_str(&key.to_lowercase());
                self.step(next, rest, at, pattern, within, false);
                pattern.truncate(length);
                at.pop();
                if hidden {
                    at.pop();
                }
            }
            Segment::Index(index) => {
                let next = value.and_then(Value::as_array).and_then(|items| items.get(*index));
                at.push(segment.clone());
                self.step(next, rest, at, pattern, within, true);
                at.pop();
            }
            Segment::Every => {
                if let Some(gap) = self.subject.members_gap(at, value) {
                    self.gap.get_or_insert_with(Gap::default).absorb(gap);
                    return;
                }
                let items = value.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
                let only = self.bound.iter().rev().find(|bound| bound.array == *pattern).map(|bound| bound.index);
                let length = pattern.len();
                let array = pattern.clone();
                pattern.push_str("[*]");
                let range = only.map_or(0..items.len(), |only| only..only.saturating_add(1).min(items.len()));
                for (index, item) in range.clone().zip(items.get(range).unwrap_or_default()) {
                    at.push(Segment::Index(index));
                    within.push(Bound { array: array.clone(), index });
                    self.step(Some(item), rest, at, pattern, within, true);
                    within.pop();
                    at.pop();
                }
                pattern.truncate(length);
            }
        }
    }
}

impl From<Gap> for Stop {
    fn from(gap: Gap) -> Stop {
        Stop::Unknown(gap)
    }
}
