//! What every snapshot reader needs: which type a record says it is of, and its canonical body.

use super::record::{Container, Fields, Record};
use crate::model::{ResourceId, json};
use serde_json::{Map, Value};

/// The Graph type a record claims: `user` from `@odata.type`, `users` from the `@odata.context` of the record or its
/// collection, in lower case. PowerShell keeps what its module has no member for, the type with it, under
/// `AdditionalProperties`.
pub fn graph_type(record: &Record<'_>) -> Option<String> {
    if let Some(name) = named_type(record) {
        return Some(name);
    }
    if let Some(name) = record.sub("AdditionalProperties").and_then(|more| named_type(&more)) {
        return Some(name);
    }
    let own = record.first_text(&["@odata.context", "odata.metadata"]);
    context_name(own.as_deref().or(record.context.odata.as_deref())?)
}

fn named_type(fields: &Fields<'_>) -> Option<String> {
    let name = fields.text("@odata.type")?;
    Some(name.trim_start_matches('#').trim_start_matches("microsoft.graph.").to_ascii_lowercase())
}

/// `https://graph.microsoft.com/v1.0/$metadata#identity/conditionalAccess/policies(rules())/$entity` →
/// `identity/conditionalaccess/policies`.
pub fn context_name(context: &str) -> Option<String> {
    let name = context.split_once("$metadata#").map(|(_, name)| name)?;
    let name = name.strip_suffix("/$entity").unwrap_or(name);
    let mut plain = String::new();
    let mut depth = 0_u32;
    for c in name.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(c.to_ascii_lowercase()),
            _ => {}
        }
    }
    Some(plain)
}

/// Any of these names, whole or as the last part of a path.
pub fn is_graph(record: &Record<'_>, names: &[&str]) -> bool {
    graph_type(record).is_some_and(|t| {
        names.iter().any(|n| {
            t == *n || (t.len() > n.len() && t.ends_with(n) && t.as_bytes().get(t.len() - n.len() - 1) == Some(&b'/'))
        })
    })
}

/// The same, for the context of an empty collection.
pub fn is_context(context: &super::Context, names: &[&str]) -> bool {
    context.odata.as_deref().and_then(context_name).is_some_and(|t| {
        names.iter().any(|n| {
            t == *n || (t.len() > n.len() && t.ends_with(n) && t.as_bytes().get(t.len() - n.len() - 1) == Some(&b'/'))
        })
    })
}

/// A record of what was done to a resource names it too, and is none.
fn is_log(record: &Record<'_>) -> bool {
    ["operationName", "OperationNameValue", "evt", "resultType", "eventTimestamp"].iter().any(|name| record.has(name))
        || (record.has("category") && (record.has("time") || record.has("TimeGenerated")))
}

/// The ARM type of a record in lower case: its `type`, else what its id says.
pub fn arm_type(record: &Record<'_>) -> Option<String> {
    if is_log(record) {
        return None;
    }
    let id = record.first_text(&["id", "ResourceId"]);
    let named = record.first_text(&["ExtensionResourceType", "type", "ResourceType"]).filter(|t| t.contains('/'));
    match (named, id) {
        (Some(name), _) => Some(name.to_lowercase()),
        (None, Some(id)) if id.starts_with('/') => ResourceId::new(&id).resource_type().map(|t| t.to_lowercase()),
        _ => None,
    }
}

/// A Graph object as the API gives it: names in camelCase (PowerShell writes PascalCase), `AdditionalProperties`
/// lifted, annotations other than `@odata.type` gone.
pub fn graph(record: &Record<'_>) -> Value {
    let mut body = record.whole();
    tidy(&mut body);
    body
}

fn tidy(value: &mut Value) {
    match value {
        Value::Object(members) => {
            let mut kept = Map::new();
            for (name, mut member) in std::mem::take(members) {
                let annotation = name.contains('@') && name != "@odata.type";
                if annotation || name.starts_with('#') {
                    continue;
                }
                tidy(&mut member);
                if name.eq_ignore_ascii_case("AdditionalProperties") {
                    if let Value::Object(more) = member {
                        kept.extend(more);
                    }
                    continue;
                }
                kept.insert(camel(&name), member);
            }
            *members = kept;
        }
        Value::Array(elements) => elements.iter_mut().for_each(tidy),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// `GrantControls` → `grantControls`; `OAuth2...` and what is no Pascal case stay.
pub fn camel(name: &str) -> String {
    let mut chars = name.chars();
    match (chars.next(), chars.next()) {
        (Some(first), Some(second)) if first.is_ascii_uppercase() && second.is_ascii_lowercase() => {
            let mut out = String::with_capacity(name.len());
            out.push(first.to_ascii_lowercase());
            out.push_str(name.get(1..).unwrap_or_default());
            out
        }
        _ => name.to_owned(),
    }
}

/// An ARM object: `properties` decoded where a CSV or a query made a string of it.
pub fn arm(record: &Record<'_>) -> Value {
    let mut body = record.whole();
    if let Value::Object(members) = &mut body {
        if record.context.container == Container::Csv {
            members.retain(|_, v| !v.is_null());
        }
        for name in ["properties", "tags", "sku", "identity", "zones", "plan"] {
            if let Some(Value::String(text)) = members.get(name) {
                let decoded = super::record::decoded(text);
                if !decoded.is_string() {
                    members.insert(name.to_owned(), decoded);
                }
            }
        }
    }
    body
}

/// What to key a document by: its `id`, else the first of these members, else the record itself.
pub fn key(record: &Record<'_>, body: &Value, or: &[&str]) -> String {
    std::iter::once(&"id")
        .chain(or)
        .find_map(|name| json::text(body, name).filter(|t| !t.is_empty()))
        .map_or_else(|| format!("{}#{}", record.file, record.number), str::to_owned)
}
