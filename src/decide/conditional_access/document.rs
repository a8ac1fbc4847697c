//! Reading a policy's JSON as it comes: keys and words without case, annotations skipped, and every value of an
//! unexpected kind remembered by its JSON pointer (it decides *unknown*) instead of being passed over.

use super::Complaint;
use crate::model::json;
use serde_json::Value;
use std::sync::Arc;

/// What could not be read, by JSON pointer.
pub(super) type Odd = Vec<Arc<str>>;

pub(super) struct Reader<'a> {
    pub policy: &'a str,
    pub complaints: &'a mut Vec<Complaint>,
}

/// An entry of a list, and where it stands.
pub(super) struct Entry<'a> {
    pub text: &'a str,
    pub pointer: String,
}

impl Reader<'_> {
    pub fn complain(&mut self, pointer: &str, message: impl Into<String>) -> Arc<str> {
        let pointer: Arc<str> = pointer.into();
        let complaint = Complaint { policy: self.policy.into(), pointer: pointer.clone(), message: message.into() };
        self.complaints.push(complaint);
        pointer
    }

    /// A member that is an object; absent and `null` are none.
    pub fn object<'v>(&mut self, parent: &'v Value, key: &str, pointer: &str, odd: &mut Odd) -> Option<&'v Value> {
        match json::get(parent, key) {
            Some(object @ Value::Object(_)) => Some(object),
            None | Some(Value::Null) => None,
            Some(other) => {
                odd.push(self.complain(pointer, format!("expected an object, found {}", kind_of(other))));
                None
            }
        }
    }

    /// A list of strings; absent and `null` are empty.
    pub fn list<'v>(&mut self, parent: &'v Value, key: &str, pointer: &str, odd: &mut Odd) -> Vec<Entry<'v>> {
        let items = match json::get(parent, key) {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::Array(items)) => items,
            Some(other) => {
                odd.push(self.complain(pointer, format!("expected a list of strings, found {}", kind_of(other))));
                return Vec::new();
            }
        };
        let mut entries = Vec::with_capacity(items.len());
        for (n, item) in items.iter().enumerate() {
            let pointer = format!("{pointer}/{n}");
            match item.as_str().map(str::trim) {
                Some(text) if !text.is_empty() => entries.push(Entry { text, pointer }),
                Some(_) => odd.push(self.complain(&pointer, "an empty string names nothing")),
                None => odd.push(self.complain(&pointer, format!("expected a string, found {}", kind_of(item)))),
            }
        }
        entries
    }

    /// A comma-separated string (Graph's multi-valued enums), or the list that some exports make of it.
    pub fn flags<'v>(&mut self, parent: &'v Value, key: &str, pointer: &str, odd: &mut Odd) -> Vec<Entry<'v>> {
        match json::get(parent, key) {
            Some(Value::String(text)) => text
                .split(',')
                .map(str::trim)
                .filter(|word| !word.is_empty())
                .map(|text| Entry { text, pointer: pointer.to_owned() })
                .collect(),
            None | Some(Value::Null | Value::Array(_)) => self.list(parent, key, pointer, odd),
            Some(other) => {
                odd.push(self.complain(pointer, format!("expected a string, found {}", kind_of(other))));
                Vec::new()
            }
        }
    }

    /// Members of an object that this gate does not know and that hold something.
    pub fn unknown_members(&mut self, parent: &Value, known: &[&str], pointer: &str, odd: &mut Odd) {
        let Some(object) = parent.as_object() else { return };
        let mut names: Vec<&String> = object
            .iter()
            .filter(|(name, value)| !annotation(name) && !empty(value))
            .map(|(name, _)| name)
            .filter(|name| !known.iter().any(|k| k.eq_ignore_ascii_case(name)))
            .collect();
        names.sort();
        for name in names {
            let escaped = name.replace('~', "~0").replace('/', "~1");
            odd.push(self.complain(&format!("{pointer}/{escaped}"), "not supported"));
        }
    }
}

/// `@odata.type`, `includeUsers@odata.type`, `#microsoft.graph.restore`.
pub(super) fn annotation(name: &str) -> bool {
    name.contains('@') || name.starts_with('#')
}

/// Holds nothing that could select anything: `null`, `""`, `[]`, and objects of such.
pub(super) fn empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        // INVARIANT: documents are parsed by serde_json, which bounds the depth of nesting.
        Value::Object(members) => members.iter().all(|(name, value)| annotation(name) || empty(value)),
    }
}

pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The form ids of the directory have. What stands in an id's place without it (a display name, a placeholder of a
/// template) names something that cannot be resolved here.
pub(super) fn is_guid(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 36
        && bytes.iter().enumerate().all(|(n, b)| match n {
            8 | 13 | 18 | 23 => *b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}
