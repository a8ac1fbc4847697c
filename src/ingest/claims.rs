//! Reading token claims and `authorization` of ARM calls.

use super::event::{arc, object_id, said, text_at};
use super::record::Fields;
use crate::model::{Authorization, ObjectId};
use serde_json::Value;
use std::borrow::Cow;
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
    build(|inner, name| {
        let path = if inner.is_empty() { name.to_owned() } else { format!("{inner}.{name}") };
        text_at(value, &path).map(str::to_owned)
    })
}

/// The same, from a record parsed one level deep.
pub fn authorization_of(fields: &Fields<'_>) -> Option<Authorization> {
    let evidence = fields.sub("evidence").unwrap_or_default();
    build(|inner, name| if inner.is_empty() { fields.text(name) } else { evidence.text(name) }.map(Cow::into_owned))
}

fn build(text: impl Fn(&str, &str) -> Option<String>) -> Option<Authorization> {
    let either = |name: &str| text("evidence", name).or_else(|| text("", name));
    let id = |name: &str| -> Option<Arc<str>> {
        let text = said(either(name))?;
        let last = text.rsplit('/').next().unwrap_or(&text);
        Some(arc(ObjectId::new(last).as_str()))
    };
    let found = Authorization {
        action: text("", "action").map(arc),
        scope: text("", "scope").map(arc),
        role_assignment_id: id("roleAssignmentId"),
        role_definition_id: id("roleDefinitionId"),
        principal_id: object_id(either("principalId")),
        principal_type: either("principalType").map(arc),
    };
    (found != Authorization::default()).then_some(found)
}
