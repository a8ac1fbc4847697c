//! Functions on arrays and objects, and those that take a string as well.
//!
//! Source: *Array functions* and *Object functions for ARM templates*, read 2026-04. Members compare with case and
//! without coercion, object keys without case.

use super::super::compare::{identical, same_text};
use super::text::{spell, text_of_units, units};
use super::{Arguments, Fault, Given, argument, fails, kind, whole_argument};
use crate::model::json;
use serde_json::{Map, Value};

/// Deeper objects than any function may be given.
const DEPTH: usize = 128;

pub(super) fn array(arguments: Arguments) -> Given {
    match argument(arguments, 0) {
        already @ Value::Array(_) => Ok(already.clone()),
        other => Ok(Value::Array(vec![other.clone()])),
    }
}

pub(super) fn create_array(arguments: Arguments) -> Given {
    Ok(Value::Array(arguments.iter().map(|value| value.as_ref().clone()).collect()))
}

/// "The function only accepts an even number of parameters. Each key must have a matching value."
pub(super) fn create_object(arguments: Arguments) -> Given {
    let mut object = Map::new();
    for pair in arguments.chunks(2) {
        match pair {
            [key, value] => match key.as_ref() {
                Value::String(key) => object.insert(key.clone(), value.as_ref().clone()),
                other => return fails(format!("createObject: a key that is {}", kind(other))),
            },
            _ => return fails("createObject: a key without a value"),
        };
    }
    Ok(Value::Object(object))
}

pub(super) fn equals(arguments: Arguments) -> Given {
    Ok(identical(argument(arguments, 0), argument(arguments, 1)).into())
}

/// A substring with case, a member, or a key without case.
pub(super) fn contains(arguments: Arguments) -> Given {
    let wanted = argument(arguments, 1);
    match argument(arguments, 0) {
        Value::String(text) => match spell(wanted) {
            Some(part) => Ok(text.contains(&part).into()),
            None => fails(format!("contains: {} in a string", kind(wanted))),
        },
        Value::Array(items) => Ok(items.iter().any(|item| identical(item, wanted)).into()),
        Value::Object(members) => match wanted {
            Value::String(key) => Ok(members.keys().any(|k| same_text(k, key)).into()),
            other => fails(format!("contains: {} as a key", kind(other))),
        },
        other => fails(format!("contains: {} holds nothing", kind(other))),
    }
}

pub(super) fn empty(arguments: Arguments) -> Given {
    match argument(arguments, 0) {
        Value::Null => Ok(true.into()),
        Value::String(text) => Ok(text.is_empty().into()),
        Value::Array(items) => Ok(items.is_empty().into()),
        Value::Object(members) => Ok(members.is_empty().into()),
        other => fails(format!("empty: {} is neither empty nor not", kind(other))),
    }
}

pub(super) fn length(arguments: Arguments) -> Given {
    match argument(arguments, 0) {
        Value::String(text) => Ok(text.encode_utf16().count().into()),
        Value::Array(items) => Ok(items.len().into()),
        Value::Object(members) => Ok(members.len().into()),
        other => fails(format!("length: {} has none", kind(other))),
    }
}

fn end(name: &str, arguments: Arguments, last: bool) -> Given {
    match argument(arguments, 0) {
        Value::Array(items) => {
            let item = if last { items.last() } else { items.first() };
            Ok(item.cloned().unwrap_or(Value::Null))
        }
        Value::String(text) => {
            let all = units(text);
            let one = if last { all.last() } else { all.first() };
            Ok(text_of_units(one.map_or(&[], std::slice::from_ref)))
        }
        other => fails(format!("{name}: {} has no {name}", kind(other))),
    }
}

pub(super) fn first(arguments: Arguments) -> Given {
    end("first", arguments, false)
}

pub(super) fn last(arguments: Arguments) -> Given {
    end("last", arguments, true)
}

/// "If this value is 0 or less, ..."; a number past the end is the end.
fn cut(name: &str, arguments: Arguments, keep_start: bool) -> Given {
    let number = usize::try_from(whole_argument(name, arguments, 1)?.max(0)).unwrap_or(usize::MAX);
    match argument(arguments, 0) {
        Value::Array(items) => {
            let (start, rest) = items.split_at(number.min(items.len()));
            Ok(Value::Array(if keep_start { start } else { rest }.to_vec()))
        }
        Value::String(text) => {
            let all = units(text);
            let (start, rest) = all.split_at(number.min(all.len()));
            Ok(text_of_units(if keep_start { start } else { rest }))
        }
        other => fails(format!("{name}: {} is neither an array nor a string", kind(other))),
    }
}

pub(super) fn take(arguments: Arguments) -> Given {
    cut("take", arguments, true)
}

pub(super) fn skip(arguments: Arguments) -> Given {
    cut("skip", arguments, false)
}

pub(super) fn intersection(arguments: Arguments) -> Given {
    match argument(arguments, 0) {
        Value::Array(items) => {
            let mut common: Vec<Value> = Vec::new();
            let mut others = Vec::new();
            for value in arguments.iter().skip(1) {
                match value.as_ref() {
                    Value::Array(items) => others.push(items),
                    other => return fails(format!("intersection: {} beside an array", kind(other))),
                }
            }
            for other in &others {
                super::affordable("intersection", items.len(), other.len())?;
            }
            for item in items {
                let shared = others.iter().all(|other| other.iter().any(|o| identical(o, item)));
                if shared && !common.iter().any(|c| identical(c, item)) {
                    common.push(item.clone());
                }
            }
            Ok(Value::Array(common))
        }
        Value::Object(members) => {
            let mut common = members.clone();
            for value in arguments.iter().skip(1) {
                match value.as_ref() {
                    other @ Value::Object(_) => {
                        common.retain(|key, value| json::get(other, key).is_some_and(|o| identical(o, value)));
                    }
                    other => return fails(format!("intersection: {} beside an object", kind(other))),
                }
            }
            Ok(Value::Object(common))
        }
        other => fails(format!("intersection: {} is neither an array nor an object", kind(other))),
    }
}

pub(super) fn union(arguments: Arguments) -> Given {
    match argument(arguments, 0) {
        Value::Array(_) => {
            let mut all: Vec<Value> = Vec::new();
            for value in arguments {
                match value.as_ref() {
                    Value::Array(items) => {
                        super::affordable("union", items.len(), all.len() + items.len())?;
                        for item in items {
                            if !all.iter().any(|known| identical(known, item)) {
                                all.push(item.clone());
                            }
                        }
                    }
                    other => return fails(format!("union: {} beside an array", kind(other))),
                }
            }
            Ok(Value::Array(all))
        }
        Value::Object(_) => {
            let mut all = Map::new();
            for value in arguments {
                match value.as_ref() {
                    Value::Object(members) => merge(&mut all, members, DEPTH),
                    other => return fails(format!("union: {} beside an object", kind(other))),
                }
            }
            Ok(Value::Object(all))
        }
        other => fails(format!("union: {} is neither an array nor an object", kind(other))),
    }
}

/// "The union function merges not only the top-level elements but also recursively"; arrays are replaced, as the
/// page's second example shows.
fn merge(into: &mut Map<String, Value>, from: &Map<String, Value>, depth: usize) {
    for (key, value) in from {
        let known = into.keys().find(|k| same_text(k, key)).cloned();
        match (known.and_then(|k| into.get_mut(&k)), value) {
            (Some(Value::Object(old)), Value::Object(new)) if depth > 0 => merge(old, new, depth - 1),
            (Some(slot), new) => *slot = new.clone(),
            (None, new) => {
                into.insert(key.clone(), new.clone());
            }
        }
    }
}

fn members<'a>(name: &str, arguments: Arguments<'a, '_>) -> Result<&'a [Value], Fault> {
    match argument(arguments, 0) {
        Value::Array(items) => Ok(items),
        other => fails(format!("{name}: {} is not an array", kind(other))),
    }
}

fn object<'a>(name: &str, arguments: Arguments<'a, '_>) -> Result<&'a Map<String, Value>, Fault> {
    match argument(arguments, 0) {
        Value::Object(members) => Ok(members),
        other => fails(format!("{name}: {} is not an object", kind(other))),
    }
}

pub(super) fn shallow_merge(arguments: Arguments) -> Given {
    let mut all = Map::new();
    for item in members("shallowMerge", arguments)? {
        match item {
            Value::Object(members) => {
                for (key, value) in members {
                    let key = all.keys().find(|k| same_text(k, key)).unwrap_or(key).clone();
                    all.insert(key, value.clone());
                }
            }
            other => return fails(format!("shallowMerge: a member that is {}", kind(other))),
        }
    }
    Ok(Value::Object(all))
}

pub(super) fn flatten(arguments: Arguments) -> Given {
    let mut all = Vec::new();
    for item in members("flatten", arguments)? {
        match item {
            Value::Array(items) => all.extend(items.iter().cloned()),
            other => return fails(format!("flatten: a member that is {}", kind(other))),
        }
    }
    Ok(Value::Array(all))
}

fn sorted_keys(members: &Map<String, Value>) -> Vec<&String> {
    let mut keys: Vec<&String> = members.keys().collect();
    keys.sort();
    keys
}

pub(super) fn object_keys(arguments: Arguments) -> Given {
    let members = object("objectKeys", arguments)?;
    Ok(Value::Array(sorted_keys(members).into_iter().cloned().map(Value::String).collect()))
}

/// In the order of the keys, as the page's example shows.
pub(super) fn items(arguments: Arguments) -> Given {
    let members = object("items", arguments)?;
    let item = |key: &String| {
        let mut item = Map::new();
        item.insert("key".to_owned(), Value::String(key.clone()));
        item.insert("value".to_owned(), members.get(key).cloned().unwrap_or(Value::Null));
        Value::Object(item)
    };
    Ok(Value::Array(sorted_keys(members).into_iter().map(item).collect()))
}

/// Null where the property or index is not there, one step after the other.
pub(super) fn try_get(arguments: Arguments) -> Given {
    let mut value = argument(arguments, 0);
    for key in arguments.iter().skip(1) {
        let next = match (value, key.as_ref()) {
            (Value::Null, _) => None,
            (Value::Object(_), Value::String(key)) => json::get(value, key),
            (Value::Array(items), Value::Number(index)) => {
                index.as_u64().and_then(|index| usize::try_from(index).ok()).and_then(|index| items.get(index))
            }
            (other, key) => return fails(format!("tryGet: {} of {}", kind(key), kind(other))),
        };
        match next {
            Some(next) => value = next,
            None => return Ok(Value::Null),
        }
    }
    Ok(value.clone())
}

fn from_end<'a>(name: &str, arguments: Arguments<'a, '_>) -> Result<Option<&'a Value>, Fault> {
    let items = members(name, arguments)?;
    let back = whole_argument(name, arguments, 1)?;
    let at = usize::try_from(back).ok().filter(|back| *back > 0).and_then(|back| items.len().checked_sub(back));
    Ok(at.and_then(|at| items.get(at)))
}

pub(super) fn index_from_end(arguments: Arguments) -> Given {
    match from_end("indexFromEnd", arguments)? {
        Some(item) => Ok(item.clone()),
        None => fails("indexFromEnd: no such member"),
    }
}

pub(super) fn try_index_from_end(arguments: Arguments) -> Given {
    if argument(arguments, 0).is_null() {
        return Ok(Value::Null);
    }
    Ok(from_end("tryIndexFromEnd", arguments)?.cloned().unwrap_or(Value::Null))
}
