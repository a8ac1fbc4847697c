//! Who is meant: scope, excluded scopes, resource selectors, exemptions.
//!
//! Source: *Understand scope in Azure Policy*, *Azure Policy assignment structure* (Resource selectors, Excluded
//! scopes), *Azure Policy exemption structure*.

use super::assignment::scope_of;
use super::compare::{region, same_text};
use super::outcome::{all, any};
use super::path::Path;
use super::subject::{Selection, Subject};
use crate::model::request::PolicyContext;
use crate::model::{ResourceId, Timestamp, Truth, json};
use serde_json::Value;

/// The resources an assignment (or exemption) is about.
#[derive(Debug)]
pub(super) struct Range {
    scope: Result<ResourceId, String>,
    excluded: Result<Vec<ResourceId>, String>,
    selectors: Vec<Selector>,
}

/// A resource selector, or the selectors of an override: all must hold.
#[derive(Debug, Default)]
pub(super) struct Selector {
    parts: Vec<SelectorPart>,
    malformed: bool,
}

#[derive(Debug)]
struct SelectorPart {
    kind: String,
    within: bool,
    values: Vec<String>,
}

impl Range {
    pub fn read(scope: Option<String>, body: &Value, of: &str) -> Range {
        let excluded = match json::get(body, "notScopes") {
            None => Ok(Vec::new()),
            Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(items)) => items
                .iter()
                .map(|item| item.as_str().map(ResourceId::new).ok_or_else(|| format!("notScopes of {of}")))
                .collect(),
            Some(_) => Err(format!("notScopes of {of}")),
        };
        let selectors = json::get(body, "resourceSelectors").and_then(Value::as_array).into_iter().flatten();
        Range {
            scope: scope.map(|scope| ResourceId::new(&scope)).ok_or_else(|| format!("scope of {of}")),
            excluded,
            selectors: selectors.map(Selector::read).collect(),
        }
    }

    /// Scope, then `notScopes`, then selectors: "In-scope resources are evaluated when they satisfy any one of these
    /// resource selectors."
    pub fn contains(&self, subject: &Subject, context: &PolicyContext) -> Truth {
        let scope = match &self.scope {
            Ok(scope) => under(scope, &subject.id, context),
            Err(fact) => Truth::missing(fact.as_str()),
        };
        let excluded = match &self.excluded {
            Ok(excluded) => any(excluded.iter().map(|scope| under(scope, &subject.id, context))),
            Err(fact) => Truth::missing(fact.as_str()),
        };
        let selected = if self.selectors.is_empty() {
            Truth::True
        } else {
            any(self.selectors.iter().map(|selector| selector.holds(subject, None)))
        };
        all([scope, excluded.not(), selected])
    }
}

/// Whole path segments, without case; a management group contains what the ancestors of the subscription say.
fn under(scope: &ResourceId, resource: &ResourceId, context: &PolicyContext) -> Truth {
    if scope.contains(resource) {
        return Truth::True;
    }
    let Some(group) = management_group(scope) else { return Truth::False };
    match &context.management_group_ancestors {
        None => Truth::missing("management groups above the subscription"),
        Some(ancestors) => ancestors.iter().any(|ancestor| same_text(last(ancestor), group)).into(),
    }
}

fn management_group(scope: &ResourceId) -> Option<&str> {
    let name = scope.folded().strip_prefix("/providers/microsoft.management/managementgroups/")?;
    (!name.contains('/')).then_some(name)
}

fn last(id: &str) -> &str {
    id.trim_end_matches('/').rsplit('/').next().unwrap_or(id)
}

/// Location of the resource as recorded.
fn location(subject: &Subject) -> Result<Option<&str>, Truth> {
    match subject.select(&Path::keys(&["location"]), false, &[]) {
        Selection::One(Ok(value)) => Ok(value.and_then(Value::as_str)),
        Selection::One(Err(gap)) | Selection::Many(Err(gap)) => Err(Truth::Unknown(gap.facts)),
        Selection::Many(Ok(_)) => Ok(None),
    }
}

impl Selector {
    pub fn read(item: &Value) -> Selector {
        let mut selector = Selector::default();
        match json::get(item, "selectors") {
            None | Some(Value::Null) => {}
            Some(Value::Array(items)) => {
                for item in items {
                    let list = |key: &str| json::get(item, key).and_then(Value::as_array);
                    let (within, values) = match (list("in"), list("notIn")) {
                        (Some(values), None) => (true, values),
                        (None, Some(values)) => (false, values),
                        _ => {
                            selector.malformed = true;
                            continue;
                        }
                    };
                    selector.parts.push(SelectorPart {
                        kind: json::text(item, "kind").unwrap_or("").to_owned(),
                        within,
                        values: values.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
                    });
                }
            }
            Some(_) => selector.malformed = true,
        }
        selector
    }

    /// "To be applicable to a resource selector, a resource must meet requirements specified by all its selectors."
    pub fn holds(&self, subject: &Subject, reference: Option<&str>) -> Truth {
        let parts = all(self.parts.iter().map(|part| part.holds(subject, reference)));
        if self.malformed { parts.and(Truth::missing("a selector that can be read")) } else { parts }
    }
}

impl SelectorPart {
    fn holds(&self, subject: &Subject, reference: Option<&str>) -> Truth {
        let listed = |found: Option<&str>| -> Truth {
            let among = found.is_some_and(|found| self.values.iter().any(|value| same_text(value, found)));
            among.into()
        };
        let among = match self.kind.to_ascii_lowercase().as_str() {
            "resourcelocation" => match location(subject) {
                Ok(found) => {
                    let found = found.map(region);
                    let among = found.is_some_and(|found| self.values.iter().any(|value| region(value) == found));
                    among.into()
                }
                Err(unknown) => unknown,
            },
            "resourcetype" => match subject.type_name() {
                Ok(found) => listed(Some(found)),
                Err(gap) => Truth::Unknown(gap.facts),
            },
            "policydefinitionreferenceid" => listed(reference),
            // "Used to select resources at the subscription level that don't have a location."
            "resourcewithoutlocation" => match location(subject) {
                Ok(found) => {
                    let bare = found.is_none() && subject.id.resource_group().is_none();
                    (bare && self.values.iter().any(|value| same_text(value, "subscriptionLevelResources"))).into()
                }
                Err(unknown) => unknown,
            },
            _ => return Truth::missing(format!("meaning of selector kind `{}`", self.kind)),
        };
        if self.within { among } else { among.not() }
    }
}

/// A policy exemption.
#[derive(Debug)]
pub(super) struct Exemption {
    pub assignment: Option<ResourceId>,
    pub references: Vec<String>,
    range: Range,
    expires: Result<Option<Timestamp>, String>,
}

impl Exemption {
    pub fn read(document: &Value) -> Exemption {
        let id = json::text(document, "id").unwrap_or("");
        let (body, _) = super::definition::properties(document);
        let of = format!("policy exemption `{}`", json::text(document, "name").unwrap_or(id));
        let expires = match json::get(body, "expiresOn") {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_str().and_then(super::date::instant) {
                Some(at) => Ok(Some(at)),
                None => Err(format!("expiresOn of {of}")),
            },
        };
        let references = json::get(body, "policyDefinitionReferenceIds").and_then(Value::as_array);
        Exemption {
            assignment: json::text(body, "policyAssignmentId").map(ResourceId::new),
            references: references.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
            range: Range::read(scope_of(id, "policyexemptions"), body, &of),
            expires,
        }
    }

    /// Whether it exempts this resource now: "The policy exemptions isn't deleted when the expiresOn date is reached",
    /// but "the exemption is no longer honored".
    pub fn honoured(&self, subject: &Subject, context: &PolicyContext) -> Truth {
        let live = match &self.expires {
            Ok(None) => Truth::True,
            Ok(Some(at)) => (*at > context.utc_now).into(),
            Err(fact) => Truth::missing(fact.as_str()),
        };
        live.and(self.range.contains(subject, context))
    }
}
