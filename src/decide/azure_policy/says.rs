//! The condition that settled a rule, in words.

use super::condition::{Condition, FieldName, Left, Test};
use super::evaluate::{Counts, Scene};
use super::field::Field;
use super::subject::{Place, Selection};
use super::template::Template;
use serde_json::Value;

/// A value in a sentence: short, and without quotes.
pub(super) fn spell(value: &Value) -> String {
    const SHOWN: usize = 80;
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null => return "missing".to_owned(),
        other => other.to_string(),
    };
    match text.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or("")),
        None => text,
    }
}

/// The settling condition over this request, in words.
pub(super) fn says<'s>(scene: &Scene<'s>, condition: &'s Condition) -> String {
    let (left, operator, right) = match &condition.test {
        Test::Compare { left, operator, right } => (left, operator, right),
        Test::All(items) => return format!("its `allOf` of {} conditions settles it", items.len()),
        Test::Any(items) => return format!("its `anyOf` of {} conditions settles it", items.len()),
        Test::Not(_) | Test::Unsupported(_) => return "one condition settles it".to_owned(),
    };
    let counts = Counts::default();
    let shown =
        |template: &'s Template| scene.template(template, &counts).map_or_else(|_| "?".to_owned(), |v| spell(&v));
    let (what, is) = match left {
        Left::Field(name) => {
            let (name, field) = match name {
                FieldName::Fixed(field, spelled) => (spelled.clone(), Some(field.clone())),
                FieldName::Computed(template) => {
                    let name = shown(template);
                    let field = Field::parse(&name).ok();
                    (name, field)
                }
            };
            (format!("`{name}`"), field.and_then(|field| value_of(scene, &field)))
        }
        Left::Value(template) => ("the computed value".to_owned(), Some(shown(template))),
        Left::Count(_) => ("the count".to_owned(), None),
    };
    let outcome = scene.rule(condition);
    let meets = match (outcome.holds(), outcome.fails()) {
        (true, _) => "meets",
        (false, true) => "cannot be compared by",
        (false, false) => "does not meet",
    };
    let is = is.map_or_else(String::new, |is| format!(", which is `{is}`,"));
    format!("{what}{is} {meets} `{} {}`", operator.word(), shown(right))
}

/// What a field is in this request; none for collections.
fn value_of(scene: &Scene<'_>, field: &Field) -> Option<String> {
    match scene.subject.place(field, scene.aliases) {
        Place::Value(value) => value.ok().map(|value| spell(&value)),
        Place::Missing { .. } => Some("missing".to_owned()),
        Place::Path { path, by_rule } => match scene.subject.select(&path, by_rule, &[]) {
            Selection::One(value) => value.ok().map(|value| spell(value.unwrap_or(&Value::Null))),
            Selection::Many(_) => None,
        },
    }
}
