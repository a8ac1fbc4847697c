//! JSON pointers (RFC 6901) into the platform's documents, whose keys compare without letter case.

use serde_json::Value;

fn unescape(segment: &str) -> String {
    segment.replace("~1", "/").replace("~0", "~")
}

pub fn get<'a>(value: &'a Value, pointer: &str) -> Option<&'a Value> {
    pointer.split('/').skip(1).try_fold(value, |value, segment| crate::model::json::get(value, &unescape(segment)))
}

/// Sets the value at the pointer, or takes it away; objects on the way there are made where they are missing.
pub fn put(value: &mut Value, pointer: &str, new: Option<Value>) {
    let mut segments: Vec<String> = pointer.split('/').skip(1).map(unescape).collect();
    let Some(last) = segments.pop() else {
        if let Some(new) = new {
            *value = new;
        }
        return;
    };
    let mut at = value;
    for segment in segments {
        let Some(object) = at.as_object_mut() else { return };
        let name = spelled(object, &segment);
        if new.is_none() && !object.contains_key(&name) {
            return;
        }
        at = object.entry(name).or_insert_with(|| Value::Object(serde_json::Map::new()));
    }
    let Some(object) = at.as_object_mut() else { return };
    let name = spelled(object, &last);
    match new {
        Some(new) => {
            object.insert(name, new);
        }
        None => {
            object.remove(&name);
        }
    }
}

fn spelled(object: &serde_json::Map<String, Value>, key: &str) -> String {
    object.keys().find(|name| name.eq_ignore_ascii_case(key)).cloned().unwrap_or_else(|| key.to_owned())
}
