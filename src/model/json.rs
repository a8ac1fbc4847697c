//! Reading the platform's JSON: keys compare without case, and annotations (`@odata.type`, `#microsoft…`) are skipped
//! by whoever iterates.

use serde_json::Value;

/// The member of an object, whatever the letter case of its key; an exact match wins.
pub fn get<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    let object = value.as_object()?;
    object.get(key).or_else(|| object.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value))
}

/// Walks `a.b.c`, each key without case.
pub fn path<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, key| get(value, key))
}

/// A string member; `null` and other kinds are none.
pub fn text<'a>(value: &'a Value, at: &str) -> Option<&'a str> {
    path(value, at)?.as_str()
}

/// RFC 7396 merge patch: objects merge, `null` removes, everything else replaces. Keys compare without case.
pub fn merge_patch(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(object) = target else { return };
    for (key, change) in patch {
        let name = object.keys().find(|k| k.eq_ignore_ascii_case(key)).unwrap_or(key).clone();
        if change.is_null() {
            object.remove(&name);
        } else {
            merge_patch(object.entry(name).or_insert(Value::Null), change);
        }
    }
}

/// The pointers of every value below that is no object, sorted as the document has them.
pub fn leaves(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![(String::new(), value)];
    while let Some((at, value)) = open.pop() {
        match value {
            Value::Object(members) if !members.is_empty() => {
                open.extend(members.iter().map(|(key, value)| (format!("{at}/{}", escape(key)), value)));
            }
            Value::Object(_) => {}
            _ => found.push(at),
        }
    }
    found.sort();
    found
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
