//! A resource's properties. What a resource lacks is known to be absent, unless its path is among the unknown ones.

use crate::model::{Clause, Fact, Truth, json};
use serde_json::Value;

pub(super) struct Resource<'a> {
    pub body: &'a Value,
    /// Lower case, `.` between keys.
    unknown: Vec<String>,
}

fn folded(path: &str) -> String {
    let path = path.trim_start_matches('/').replace('/', ".").to_lowercase();
    path.strip_prefix("account.").map(str::to_owned).unwrap_or(path)
}

/// The same path, or one above the other.
fn touches(a: &str, b: &str) -> bool {
    let above = |a: &str, b: &str| {
        a.is_empty() || b.strip_prefix(a).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    above(a, b) || above(b, a)
}

impl<'a> Resource<'a> {
    /// `unknown_paths` are paths or JSON pointers into the resource.
    pub fn new(body: &'a Value, unknown_paths: &[String]) -> Self {
        Resource { body, unknown: unknown_paths.iter().map(|path| folded(path)).collect() }
    }

    pub fn is_unknown(&self, path: &str) -> bool {
        let path = folded(path);
        self.unknown.iter().any(|unknown| touches(unknown, &path))
    }

    /// `properties.a.b`; `null` is absent.
    pub fn get(&self, path: &str) -> Fact<&'a Value> {
        if self.is_unknown(path) {
            return Fact::Unknown;
        }
        match json::path(self.body, path) {
            Some(Value::Null) | None => Fact::Absent,
            Some(value) => Fact::Known(value),
        }
    }

    /// A switch; text `true` or `false` counts, anything else that is no switch is as good as unrecorded.
    pub fn switch(&self, path: &str) -> Fact<bool> {
        match self.get(path) {
            Fact::Known(Value::Bool(set)) => Fact::Known(*set),
            Fact::Known(Value::String(text)) if text.eq_ignore_ascii_case("true") => Fact::Known(true),
            Fact::Known(Value::String(text)) if text.eq_ignore_ascii_case("false") => Fact::Known(false),
            Fact::Known(_) | Fact::Unknown => Fact::Unknown,
            Fact::Absent => Fact::Absent,
        }
    }

    /// A word, lower case.
    pub fn word(&self, path: &str) -> Fact<String> {
        match self.get(path) {
            Fact::Known(Value::String(text)) => Fact::Known(text.trim().to_lowercase()),
            Fact::Known(_) | Fact::Unknown => Fact::Unknown,
            Fact::Absent => Fact::Absent,
        }
    }

    /// A list; absent is empty.
    pub fn list(&self, path: &str) -> Fact<&'a [Value]> {
        match self.get(path) {
            Fact::Known(Value::Array(list)) => Fact::Known(list),
            Fact::Known(_) | Fact::Unknown => Fact::Unknown,
            Fact::Absent => Fact::Known(&[]),
        }
    }

    /// True unless the switch stands at `refusing`; absent has the documented meaning `absent`.
    pub fn unless(&self, path: &str, refusing: bool, absent: Truth) -> Truth {
        match self.switch(path) {
            Fact::Known(set) => (set != refusing).into(),
            Fact::Absent => absent,
            Fact::Unknown => Truth::missing(path),
        }
    }

    pub fn id(&self) -> &'a str {
        ["id", "name"].iter().find_map(|key| json::text(self.body, key)).unwrap_or_default()
    }

    pub fn clause(&self, path: &str, says: impl Into<String>, source: &str) -> Clause {
        let pointer = if path.is_empty() { String::new() } else { format!("/{}", path.replace('.', "/")) };
        Clause { document: self.id().to_owned(), pointer, says: says.into(), source: source.to_owned() }
    }
}
