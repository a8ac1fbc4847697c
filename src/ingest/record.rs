//! One record, parsed one level deep: names and raw values, borrowed from the file's buffer.
//!
//! Field names compare without case (exports differ in nothing more often), ` [UTC]` is dropped, and the twins of
//! portal and Log Analytics exports (`DeviceDetail_dynamic` / `DeviceDetail_string`, `Claims` / `Claims_d`) answer to
//! their common name, whichever of them is filled. Nested values are parsed only when asked for.

use super::dates::Dates;
use crate::model::Timestamp;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// Where in its file a record stood: what the envelope said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// `@odata.context` of a Graph collection.
    pub odata: Option<Arc<str>>,
    /// Name of a table (`{"tables":[{"name"}]}`).
    pub table: Option<Arc<str>>,
    /// URI of a recorded request (`{"request","response"}`).
    pub uri: Option<Arc<str>>,
    /// One of several in an array, as opposed to a document of its own.
    pub listed: bool,
    pub container: Container,
    /// Of times that name none, where the headings of a table tell it; none: UTC.
    pub zone: Option<Zone>,
}

/// The zone of a table's times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    Of(jiff::tz::Offset),
    /// Local time, of nobody knows where.
    Untold,
}

impl Zone {
    /// What a heading says in brackets: `TimeGenerated [UTC+02:00]`, `TimeGenerated [Local Time]`.
    pub fn of_heading(name: &str) -> Option<Zone> {
        let (_, told) = name.trim().strip_suffix(']')?.rsplit_once('[')?;
        match super::time::zone_named(told) {
            Some(offset) => Some(Zone::Of(offset)),
            None => told.to_ascii_lowercase().contains("local").then_some(Zone::Untold),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Container {
    #[default]
    Json,
    Lines,
    Table,
    Csv,
    Text,
}

#[derive(Clone, Copy, Debug)]
pub enum Cell<'a> {
    /// The JSON text of a value.
    Json(&'a str),
    /// A cell of a CSV file.
    Text(&'a str),
}

#[derive(Clone, Debug)]
struct Field<'a> {
    name: Cow<'a, str>,
    cell: Cell<'a>,
}

#[derive(Clone, Debug, Default)]
pub struct Fields<'a> {
    fields: Vec<Field<'a>>,
    /// Of each field's name, to pass over the others without looking at them.
    marks: Vec<u32>,
    /// Whether any name has a type suffix.
    twins: bool,
}

/// A record as a format's reader gets it.
pub struct Record<'a> {
    /// From 1.
    pub number: u64,
    pub fields: Fields<'a>,
    pub context: &'a Context,
    pub file: &'a Arc<str>,
    pub dates: &'a Dates,
}

impl Record<'_> {
    /// A time as this file writes them.
    pub fn time(&self, text: &str) -> Result<Timestamp, String> {
        self.dates.read(self.number, text, self.context.zone)
    }
}

impl<'a> std::ops::Deref for Record<'a> {
    type Target = Fields<'a>;

    fn deref(&self) -> &Fields<'a> {
        &self.fields
    }
}

const SUFFIXES: &[&str] =
    &["_dynamic", "_string", "_datetime", "_long", "_real", "_bool", "_guid", "_d", "_s", "_g", "_t", "_b"];

/// Length and three letters of a name, without case: tells nearly all names of a record apart.
fn mark(name: &str) -> u32 {
    let bytes = name.as_bytes();
    let letter = |i: usize| bytes.get(i).map_or(0, |b| u32::from(b.to_ascii_lowercase()));
    let length = bytes.len();
    (length as u32 & 0xff) | letter(0) << 8 | letter(length / 2) << 16 | letter(length.wrapping_sub(2)) << 24
}

fn stem(name: &str) -> Option<&str> {
    if !name.contains('_') {
        return None;
    }
    SUFFIXES.iter().find_map(|suffix| {
        let at = name.len().checked_sub(suffix.len()).filter(|at| *at > 0)?;
        name.get(at..).filter(|end| end.eq_ignore_ascii_case(suffix)).and(name.get(..at))
    })
}

/// ` [UTC]`, ` [Local]` and blanks around a column name.
fn column(name: &str) -> &str {
    let name = name.trim();
    match name.strip_suffix(']').and_then(|n| n.rsplit_once('[')) {
        Some((name, _)) => name.trim_end(),
        None => name,
    }
}

impl<'a> Fields<'a> {
    fn with_capacity(fields: usize) -> Self {
        Fields { fields: Vec::with_capacity(fields), marks: Vec::with_capacity(fields), twins: false }
    }

    fn push(&mut self, name: Cow<'a, str>, cell: Cell<'a>) {
        self.marks.push(mark(&name));
        self.twins |= stem(&name).is_some();
        self.fields.push(Field { name, cell });
    }

    fn collected(all: impl Iterator<Item = (&'a str, Cell<'a>)>) -> Self {
        let mut fields = Fields::with_capacity(all.size_hint().0);
        all.for_each(|(name, cell)| fields.push(Cow::Borrowed(name), cell));
        fields
    }

    /// Parses a JSON object one level deep.
    pub fn parse(json: &'a [u8]) -> Result<Fields<'a>, String> {
        let text = std::str::from_utf8(json).map_err(|e| format!("not UTF-8 at byte {}", e.valid_up_to()))?;
        Fields::parse_str(text)
    }

    pub fn parse_str(json: &'a str) -> Result<Fields<'a>, String> {
        serde_json::from_str(json).map_err(|e| {
            let said = e.to_string();
            let what = said.split(" at line ").next().unwrap_or(&said);
            match what.contains("invalid type") {
                true => "not a JSON object".to_owned(),
                false if e.is_eof() => format!("not JSON: {what}, at byte {}: cut off, export it again", e.column()),
                false if e.line() > 1 => format!("not JSON: {what}, in its line {}", e.line()),
                false => format!("not JSON: {what}, at byte {}", e.column()),
            }
        })
    }

    /// A bare value, under the name `value`.
    pub fn scalar(json: &'a str) -> Fields<'a> {
        Fields::collected(std::iter::once(("value", Cell::Json(json))))
    }

    /// A row of a table: names (as [`Fields::column`] gives them) and JSON values.
    pub fn row(names: &'a [String], values: &[&'a RawValue]) -> Fields<'a> {
        Fields::collected(names.iter().zip(values).map(|(name, value)| (name.as_str(), Cell::Json(value.get()))))
    }

    /// A row of a CSV file.
    pub fn cells(names: &'a [String], values: impl Iterator<Item = &'a str>) -> Fields<'a> {
        Fields::collected(names.iter().zip(values).map(|(name, value)| (name.as_str(), Cell::Text(value))))
    }

    /// A column's name as [`Fields::cells`] wants it.
    pub fn column(name: &str) -> String {
        column(name).to_owned()
    }

    pub fn len(&self) -> usize {
        self.fields.len()
    }

    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|f| f.name.as_ref())
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, Cell<'a>)> {
        self.fields.iter().map(|f| (f.name.as_ref(), f.cell))
    }

    /// The field by its own name or, where that is empty, by its twin's.
    pub fn get(&self, name: &str) -> Option<Cell<'a>> {
        let wanted = mark(name);
        let mut found = None;
        for (i, mark) in self.marks.iter().enumerate() {
            if *mark == wanted
                && let Some(field) = self.fields.get(i).filter(|f| f.name.eq_ignore_ascii_case(name))
            {
                if !field.cell.is_empty() {
                    return Some(field.cell);
                }
                found = found.or(Some(field.cell));
            }
        }
        if self.twins {
            for field in &self.fields {
                if stem(&field.name).is_some_and(|stem| stem.eq_ignore_ascii_case(name)) {
                    if !field.cell.is_empty() {
                        return Some(field.cell);
                    }
                    found = found.or(Some(field.cell));
                }
            }
        }
        found
    }

    /// There is such a field, even if it is empty.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub fn has_all(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.has(name))
    }

    /// The first of these fields that is filled.
    pub fn first(&self, names: &[&str]) -> Option<Cell<'a>> {
        names.iter().filter_map(|name| self.get(name)).find(|cell| !cell.is_empty())
    }

    /// Text of a filled field (numbers and booleans as they are written).
    pub fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.get(name)?.text()
    }

    pub fn first_text(&self, names: &[&str]) -> Option<Cow<'a, str>> {
        self.first(names)?.text()
    }

    /// The field's text equals this, without case.
    pub fn is(&self, name: &str, value: &str) -> bool {
        self.text(name).is_some_and(|text| text.eq_ignore_ascii_case(value))
    }

    /// A nested object, one level deep.
    pub fn sub(&self, name: &str) -> Option<Fields<'a>> {
        match self.get(name)? {
            Cell::Json(json) if json.starts_with('{') => Fields::parse_str(json).ok(),
            Cell::Json(_) => None,
            Cell::Text(text) => Fields::parse_str(text.trim()).ok(),
        }
    }

    /// The JSON text of a nested object, also where it stands in a string.
    pub fn object(&self, name: &str) -> Option<Cow<'a, str>> {
        self.get(name)?.object()
    }

    /// The JSON text of a nested list, also where it stands in a string.
    pub fn list(&self, name: &str) -> Option<Cow<'a, str>> {
        self.get(name)?.list()
    }

    /// A nested value, JSON inside a string decoded.
    pub fn value(&self, name: &str) -> Option<Value> {
        self.get(name)?.value()
    }

    /// The record whole. Cells of a CSV file become JSON where they look like it.
    pub fn whole(&self) -> Value {
        self.fields.iter().map(|f| (f.name.clone().into_owned(), f.cell.plain())).collect()
    }
}

impl<'a> Cell<'a> {
    pub fn is_empty(self) -> bool {
        match self {
            Cell::Json(json) => matches!(json, "null" | "\"\""),
            Cell::Text(text) => text.trim().is_empty(),
        }
    }

    pub fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Cell::Json("null" | "\"\"") => None,
            Cell::Json(json) if json.starts_with('"') => match json.get(1..json.len().saturating_sub(1)) {
                Some(inner) if !inner.contains('\\') => Some(Cow::Borrowed(inner)),
                Some(_) | None => serde_json::from_str::<String>(json).ok().map(Cow::Owned),
            },
            Cell::Json(json) => Some(Cow::Borrowed(json)),
            Cell::Text(text) => Some(Cow::Borrowed(text)).filter(|t| !t.trim().is_empty()),
        }
    }

    /// The value as JSON; a string that holds an object or array is decoded.
    pub fn value(self) -> Option<Value> {
        match self {
            Cell::Json(json) if json.starts_with('"') => Some(decoded(&self.text()?)),
            Cell::Json(json) => serde_json::from_str(json).ok().filter(|v: &Value| !v.is_null()),
            Cell::Text(_) => self.text().map(|text| decoded(&text)),
        }
    }

    pub fn object(self) -> Option<Cow<'a, str>> {
        self.opening('{')
    }

    pub fn list(self) -> Option<Cow<'a, str>> {
        self.opening('[')
    }

    fn opening(self, bracket: char) -> Option<Cow<'a, str>> {
        let text = match self {
            Cell::Json(json) if json.starts_with(bracket) => Cow::Borrowed(json),
            cell => cell.text()?,
        };
        text.trim_start().starts_with(bracket).then_some(text)
    }

    /// The value as written; cells of a CSV file become JSON where they look like it.
    pub fn plain(self) -> Value {
        match self {
            Cell::Json(json) => serde_json::from_str(json).unwrap_or(Value::Null),
            Cell::Text(text) => match text.trim() {
                "" => Value::Null,
                t if t.eq_ignore_ascii_case("true") => Value::Bool(true),
                t if t.eq_ignore_ascii_case("false") => Value::Bool(false),
                t => decoded(t),
            },
        }
    }
}

/// The elements of a JSON list, as text.
pub fn elements(json: &str) -> Vec<&RawValue> {
    serde_json::from_str(json.trim()).unwrap_or_default()
}

/// A JSON object one level deep; none of its fields where it is no object.
pub fn nested(json: Option<&str>) -> Fields<'_> {
    json.and_then(|t| Fields::parse_str(t).ok()).unwrap_or_default()
}

/// JSON inside a string, else the string.
pub fn decoded(text: &str) -> Value {
    let trimmed = text.trim();
    if trimmed.starts_with(['{', '['])
        && let Ok(value) = serde_json::from_str(trimmed)
    {
        return value;
    }
    Value::String(text.to_owned())
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shallow;
        impl<'de> Visitor<'de> for Shallow {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Fields::with_capacity(40);
                while let Some(Name(name)) = map.next_key()? {
                    let value: &'de RawValue = map.next_value()?;
                    let name = match name {
                        Cow::Borrowed(name) => Cow::Borrowed(column(name)),
                        Cow::Owned(name) => Cow::Owned(column(&name).to_owned()),
                    };
                    fields.push(name, Cell::Json(value.get()));
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(Shallow)
    }
}

struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrowing;
        impl<'de> Visitor<'de> for Borrowing {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Borrowing)
    }
}
