//! Reading token claims and `authorization` of ARM calls.

use super::event::{arc, object_id, said, text_at};
use crate::model::{Authorization, ObjectId, json};
use serde_json::Value;
use std::sync::Arc;

/// What a token says of its bearer, by full URI or short name.
pub fn claim<'v>(claims: &'v Value, name: &str) -> Option<&'v str> {
    let members = claims.as_object()?;
    let exact = members.get(name).and_then(Value::as_str);
    exact
        .or_else(|| {
            members
                .iter()
                .find(|(key, _)| key.rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case(name)))
                .and_then(|(_, value)| value.as_str())
        })
        .filter(|text| !text.trim().is_empty())
}

pub fn bearer_id(claims: &Value) -> Option<ObjectId> {
    object_id(claim(claims, "objectidentifier").or_else(|| claim(claims, "oid")))
}

/// `authorization`: its action and scope, and the assignment that let the call through (ids there have no dashes).
pub fn authorization(value: &Value) -> Option<Authorization> {
    value.as_object()?;
    let text = |path: &str| text_at(value, path).map(arc);
    let id = |path: &str| -> Option<Arc<str>> {
        let text = said(text_at(value, path))?;
        let last = text.rsplit('/').next().unwrap_or(&text);
        Some(arc(ObjectId::new(last).as_str()))
    };
    let found = Authorization {
        action: text("action"),
        scope: text("scope"),
        role_assignment_id: id("evidence.roleAssignmentId").or_else(|| id("roleAssignmentId")),
        role_definition_id: id("evidence.roleDefinitionId").or_else(|| id("roleDefinitionId")),
        principal_id: object_id(text_at(value, "evidence.principalId").or(text_at(value, "principalId"))),
        principal_type: text("evidence.principalType").or_else(|| text("principalType")),
    };
    (found != Authorization::default()).then_some(found)
}

/// JSON that may stand in a string, as `requestbody` does.
pub fn inner(value: &Value, name: &str) -> Option<Value> {
    match json::get(value, name)? {
        Value::Null => None,
        Value::String(text) if text.trim().is_empty() => None,
        Value::String(text) => Some(super::record::decoded(text)),
        other => Some(other.clone()),
    }
}
