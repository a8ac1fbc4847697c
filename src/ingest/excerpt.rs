//! Records read again by file and number, for readers of the answer who do not have the files: JSON, secrets masked,
//! and shortened where long so that what is left is still JSON and says what is missing.

use super::container::{self, Piece};
use super::{InputFile, mask};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

/// Characters of one excerpt.
pub const LONGEST: usize = 6000;

/// File and record number.
pub type Place = (String, u64);

/// The records asked for that are there, in order.
pub fn excerpts(files: &[InputFile], wanted: &BTreeSet<Place>) -> BTreeMap<Place, String> {
    let mut found = BTreeMap::new();
    for file in files {
        let within = format!("{}/", file.name);
        if !wanted.iter().any(|(name, _)| *name == file.name || name.starts_with(&within)) {
            continue;
        }
        // What cannot be opened was said when it was read first.
        let Ok(mut reader) = (file.open)() else { continue };
        match container::packing_of(&mut reader) {
            Ok(container::Packing::Zip) => {
                let _ = container::zip_members::each(reader, &mut |member, bytes| {
                    if let Ok(bytes) = bytes {
                        one(&format!("{within}{member}"), bytes, wanted, &mut found);
                    }
                });
            }
            Ok(_) => one(&file.name, Box::new(reader), wanted, &mut found),
            Err(_) => {}
        }
    }
    found
}

fn one(name: &str, bytes: Box<dyn Read + '_>, wanted: &BTreeSet<Place>, found: &mut BTreeMap<Place, String>) {
    let numbers: BTreeSet<u64> = wanted.iter().filter(|(file, _)| file == name).map(|(_, number)| *number).collect();
    if numbers.is_empty() {
        return;
    }
    let Ok(text) = container::text(bytes) else { return };
    let _ = container::records(text, None, &mut |number, piece, _| {
        if let Piece::Record(fields) = piece
            && numbers.contains(&number)
        {
            found.insert((name.to_owned(), number), excerpt(fields.whole()));
        }
    });
}

fn excerpt(mut record: Value) -> String {
    unpack(&mut record);
    mask::body(&mut record);
    for (text, items) in [(600, 20), (160, 6), (60, 2)] {
        let mut shorter = record.clone();
        shorten(&mut shorter, text, items);
        let said = shorter.to_string();
        if said.chars().count() <= LONGEST {
            return said;
        }
        record = shorter;
    }
    first_fields(record)
}

/// Objects and lists that a log carries as text become what they are: a secret within is one too.
fn unpack(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(unpack),
        Value::Array(items) => items.iter_mut().for_each(unpack),
        Value::String(text) if text.starts_with(['{', '[']) => {
            if let Ok(mut inner @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(text) {
                unpack(&mut inner);
                *value = inner;
            }
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn shorten(value: &mut Value, longest: usize, most: usize) {
    match value {
        Value::Object(members) => members.values_mut().for_each(|member| shorten(member, longest, most)),
        Value::Array(items) => {
            let left = items.len().saturating_sub(most);
            items.truncate(most);
            items.iter_mut().for_each(|item| shorten(item, longest, most));
            if left > 0 {
                items.push(Value::String(format!("… {left} more")));
            }
        }
        Value::String(text) => {
            if let Some((at, _)) = text.char_indices().nth(longest) {
                let left = text.get(at..).unwrap_or_default().chars().count();
                text.truncate(at);
                text.push_str(&format!("… {left} more characters"));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// As many fields as there is room for, and how many were left out.
fn first_fields(record: Value) -> String {
    let Value::Object(members) = record else { return "\"… too long\"".to_owned() };
    let mut kept = Map::new();
    let (mut room, mut left) = (LONGEST.saturating_sub(40), 0_usize);
    for (name, member) in members {
        let long = name.chars().count() + member.to_string().chars().count() + 6;
        match room.checked_sub(long) {
            Some(rest) => {
                room = rest;
                kept.insert(name, member);
            }
            None => left += 1,
        }
    }
    kept.insert("…".to_owned(), Value::String(format!("{left} more fields")));
    Value::Object(kept).to_string()
}
