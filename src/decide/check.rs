//! `decide --check`: compares a gate's answers with what the vectors of a file expect, field by field.
//!
//! Only the fields that `expected` holds are compared (`rationale` is for readers). Lists of words compare as sets;
//! lists of objects by their id where they have one, save `requiredControls`, which keeps the order of the policies; of
//! `signInErrorCodes` one in common is enough; `errorCode: null` means "not compared".

use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;

/// One field that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct Mismatch {
    /// JSON pointer into the answer.
    pub pointer: String,
    /// `None`: expected to be absent.
    pub expected: Option<Value>,
    /// `None`: the answer has no such field.
    pub got: Option<Value>,
}

/// What became of the vectors that say what they expect, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    pub passed: Vec<String>,
    pub failed: Vec<(String, Vec<Mismatch>)>,
}

impl Report {
    pub fn all_pass(&self) -> bool {
        self.failed.is_empty()
    }
}

/// The field-level diffs, then `N of M vectors pass`.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (id, mismatches) in &self.failed {
            writeln!(f, "{id}")?;
            for mismatch in mismatches {
                let place = if mismatch.pointer.is_empty() { "(the whole answer)" } else { &mismatch.pointer };
                writeln!(f, "  {place}")?;
                writeln!(f, "    expected {}", shown(mismatch.expected.as_ref()))?;
                writeln!(f, "    got      {}", shown(mismatch.got.as_ref()))?;
            }
        }
        writeln!(f, "{} of {} vectors pass", self.passed.len(), self.passed.len() + self.failed.len())
    }
}

fn shown(value: Option<&Value>) -> String {
    match value {
        Some(value) => value.to_string(),
        None => "(absent)".to_owned(),
    }
}

/// `file` has the shape of the gate's vectors; `answers` are what the gate said, one a vector. A vector without
/// `expected` has nothing to compare and is not counted.
pub fn check(file: &Value, answers: &[Value]) -> Report {
    let mut report = Report::default();
    let vectors = file.get("vectors").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for (n, vector) in vectors.iter().enumerate() {
        let Some(expected) = vector.get("expected") else { continue };
        let id = vector.get("id").and_then(Value::as_str).map_or_else(|| format!("#{}", n + 1), str::to_owned);
        let same = |answer: &&Value| answer.get("id") == vector.get("id");
        let answer = answers.get(n).filter(same).or_else(|| answers.iter().find(same));
        let mut found = Vec::new();
        match answer {
            None => found.push(Mismatch { pointer: String::new(), expected: Some(expected.clone()), got: None }),
            Some(answer) => compare(expected, Some(answer), "", "", &mut found),
        }
        match found.is_empty() {
            true => report.passed.push(id),
            false => report.failed.push((id, found)),
        }
    }
    report
}

/// `field` is the name of the field whose value this is (of the nearest object above it, inside lists).
fn compare(expected: &Value, got: Option<&Value>, field: &str, pointer: &str, found: &mut Vec<Mismatch>) {
    let differ = |found: &mut Vec<Mismatch>| {
        found.push(Mismatch { pointer: pointer.to_owned(), expected: Some(expected.clone()), got: got.cloned() });
    };
    match (expected, got) {
        (Value::Null, _) if field == "errorCode" => {}
        (Value::Object(wanted), Some(Value::Object(held))) => compare_objects(wanted, held, pointer, found),
        (Value::Array(wanted), Some(Value::Array(held))) if field == "signInErrorCodes" => {
            let none = wanted.is_empty() && held.is_empty();
            let shared = none || wanted.iter().any(|code| held.iter().any(|other| equal(code, other)));
            if !shared {
                differ(found);
            }
        }
        (Value::Array(wanted), Some(Value::Array(held))) if objects(wanted) && objects(held) => {
            compare_lists(wanted, held, field, pointer, found);
        }
        (_, Some(held)) if equal(expected, held) => {}
        (_, _) => differ(found),
    }
}

fn compare_objects(wanted: &Map<String, Value>, held: &Map<String, Value>, pointer: &str, found: &mut Vec<Mismatch>) {
    for (key, value) in wanted {
        if pointer.is_empty() && key == "rationale" {
            continue;
        }
        compare(value, held.get(key), key, &format!("{pointer}/{}", escaped(key)), found);
    }
    // INVARIANT: a change without `value` is a removal; a value there would say the opposite.
    let removal = wanted.contains_key("path") && !wanted.contains_key("value");
    if let Some(value) = held.get("value").filter(|_| removal) {
        found.push(surplus(value, &format!("{pointer}/value")));
    }
}

fn compare_lists(wanted: &[Value], held: &[Value], field: &str, pointer: &str, found: &mut Vec<Mismatch>) {
    let ordered = field == "requiredControls";
    if let (false, Some(wanted), Some(held)) = (ordered, by_id(wanted), by_id(held)) {
        for (id, value) in &wanted {
            match held.get(id) {
                Some(other) => compare(value, Some(other), field, &format!("{pointer}/{}", escaped(id)), found),
                None => found.push(missing(value, &format!("{pointer}/{}", escaped(id)))),
            }
        }
        for (id, value) in held.iter().filter(|(id, _)| !wanted.contains_key(*id)) {
            found.push(surplus(value, &format!("{pointer}/{}", escaped(id))));
        }
        return;
    }
    for n in 0..wanted.len().max(held.len()) {
        let place = format!("{pointer}/{n}");
        match (wanted.get(n), held.get(n)) {
            (Some(value), Some(other)) => compare(value, Some(other), field, &place, found),
            (Some(value), None) => found.push(missing(value, &place)),
            (None, Some(other)) => found.push(surplus(other, &place)),
            (None, None) => {}
        }
    }
}

fn missing(value: &Value, pointer: &str) -> Mismatch {
    Mismatch { pointer: pointer.to_owned(), expected: Some(value.clone()), got: None }
}

fn surplus(value: &Value, pointer: &str) -> Mismatch {
    Mismatch { pointer: pointer.to_owned(), expected: None, got: Some(value.clone()) }
}

fn objects(list: &[Value]) -> bool {
    list.iter().all(Value::is_object)
}

/// The elements by what names them, where all have a name of their own.
fn by_id(list: &[Value]) -> Option<BTreeMap<&str, &Value>> {
    let named: Option<BTreeMap<&str, &Value>> = list
        .iter()
        .map(|value| {
            ["id", "policyId", "path"].iter().find_map(|key| value.get(key)?.as_str()).map(|name| (name, value))
        })
        .collect();
    named.filter(|named| named.len() == list.len())
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Equal as JSON, numbers by value, and lists as sets.
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.iter().all(|x| b.iter().any(|y| equal(x, y))) && b.iter().all(|y| a.iter().any(|x| equal(x, y)))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| equal(value, other)))
        }
        (a, b) => a == b,
    }
}
