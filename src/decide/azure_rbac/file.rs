//! `cutset decide azure-rbac FILE`: one answer a vector.

use super::{Authorizer, AuthorizerInput};
use crate::model::request::{ArmPrincipal, ArmRequest};
use crate::model::{InputError, ResourceId, json};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) fn decide(file: &Value) -> Result<Vec<Value>, InputError> {
    let Some(vectors) = json::get(file, "vectors").and_then(Value::as_array) else {
        return Err(wrong("", "`vectors` is no list", "give requests as `vectors`, in the shape of `azure-rbac.json`"));
    };
    let common = list(file, "roleDefinitions", "")?.unwrap_or_default();
    vectors.iter().enumerate().map(|(at, vector)| answer(vector, at, &common)).collect()
}

fn answer(vector: &Value, at: usize, common: &[&Value]) -> Result<Value, InputError> {
    let id = json::text(vector, "id").map_or_else(|| (at + 1).to_string(), str::to_owned);
    let place = format!("vector {id}");
    let mut role_definitions = common.to_vec();
    role_definitions.extend(list(vector, "extraRoleDefinitions", &place)?.unwrap_or_default());
    let classic_administrators = match json::get(vector, "classicAdministrators") {
        // Only where present, says the README: a file without the list has none.
        None => Some(Vec::new()),
        Some(_) => list(vector, "classicAdministrators", &place)?,
    };
    let authorizer = Authorizer::compile(AuthorizerInput {
        role_definitions,
        role_assignments: list(vector, "roleAssignments", &place)?,
        deny_assignments: list(vector, "denyAssignments", &place)?,
        locks: list(vector, "locks", &place)?,
        classic_administrators,
        hierarchy: hierarchy(vector, &place)?,
    });
    let principal: ArmPrincipal = part(vector, "principal", &place)?;
    let request: ArmRequest = part(vector, "request", &place)?;
    let decision = authorizer.decide(&principal, &request);
    Ok(json!({
        "id": id,
        "decision": decision.decision.word(),
        "by": decision.by,
        "reason": decision.reason.word(),
    }))
}

/// A list of documents; none where it is `null` or left out: not collected.
fn list<'a>(value: &'a Value, name: &str, place: &str) -> Result<Option<Vec<&'a Value>>, InputError> {
    match json::get(value, name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(documents)) => Ok(Some(documents.iter().collect())),
        Some(_) => {
            Err(wrong(place, format!("`{name}` is no list"), "give a list, or `null` where it was not collected"))
        }
    }
}

fn hierarchy(vector: &Value, place: &str) -> Result<BTreeMap<ResourceId, Option<Vec<String>>>, InputError> {
    let object = match json::get(vector, "hierarchy") {
        None | Some(Value::Null) => return Ok(BTreeMap::new()),
        Some(Value::Object(object)) => object,
        Some(_) => return Err(wrong(place, "`hierarchy` is no object", "give subscription ids and their chains")),
    };
    let chain = |chain: &Value| match chain {
        Value::Null => Some(None),
        Value::Array(names) => {
            names.iter().map(|name| name.as_str().map(str::to_owned)).collect::<Option<_>>().map(Some)
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => None,
    };
    let read = |(subscription, names): (&String, &Value)| match chain(names) {
        Some(names) => Ok((ResourceId::new(subscription), names)),
        None => Err(wrong(
            place,
            format!("the chain of `{subscription}` is no list of names"),
            "give names of management groups, nearest first, or `null`",
        )),
    };
    object.iter().map(read).collect()
}

fn part<T: DeserializeOwned>(vector: &Value, name: &str, place: &str) -> Result<T, InputError> {
    let value = json::get(vector, name).cloned().unwrap_or(Value::Null);
    serde_json::from_value(value).map_err(|error| {
        wrong(place, format!("`{name}` cannot be read: {error}"), "see the shape of a vector of `azure-rbac.json`")
    })
}

fn wrong(place: &str, message: impl Into<String>, help: &str) -> InputError {
    InputError::new("azure-rbac", message, help).at(place)
}
