//! `cutset decide azure-policy FILE`: answers every request of a file.

use super::super::read;
use super::decision::Decision;
use super::{AliasTable, PolicyEngine, PolicyInput};
use crate::model::request::{PolicyContext, PolicyRequest};
use crate::model::{InputError, json};
use serde_json::{Map, Value};

const HELP: &str = "the file has the shape of the azure-policy vectors: `aliases`, and `vectors` with `definitions`, \
                    `assignments`, `request`, `context`";

pub(super) fn decide_file(file: &Value) -> Result<Vec<Value>, InputError> {
    let aliases = match json::get(file, "aliases") {
        None | Some(Value::Null) => AliasTable::ByRule,
        Some(Value::Array(entries)) => AliasTable::from_providers(entries),
        Some(other) => match json::get(other, "value").and_then(Value::as_array) {
            Some(entries) => AliasTable::from_providers(entries),
            None => return Err(InputError::new("", "`aliases` is not a list of providers", HELP).at("/aliases")),
        },
    };
    let vectors = super::super::vectors(file)?;
    vectors.iter().enumerate().map(|(at, vector)| decide_one(vector, at, &aliases)).collect()
}

fn decide_one(vector: &Value, at: usize, aliases: &AliasTable) -> Result<Value, InputError> {
    let id = json::get(vector, "id").cloned().unwrap_or(Value::Null);
    let place = |key: &str| format!("/vectors/{at}/{key}");
    let list = |key: &str| -> Result<Option<Vec<&Value>>, InputError> {
        match json::get(vector, key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items.iter().collect())),
            Some(_) => Err(InputError::new("", format!("`{key}` is not a list"), HELP).at(place(key))),
        }
    };
    let part = |key: &str| json::get(vector, key).unwrap_or(&Value::Null);
    let request: PolicyRequest = read(part("request"), &place("request"))?;
    let mut context: PolicyContext = read(part("context"), &place("context"))?;
    if let Some(related) = list("relatedResources")? {
        context.related_resources = Some(related.into_iter().cloned().collect());
    }
    // A key that the file leaves out has nothing to say; a `null` was not collected.
    let absent_is_empty = |key: &str, found: Option<Vec<_>>| match (json::get(vector, key), found) {
        (None, None) => Some(Vec::new()),
        (_, found) => found,
    };
    let engine = PolicyEngine::compile(PolicyInput {
        definitions: list("definitions")?.unwrap_or_default(),
        set_definitions: list("setDefinitions")?.unwrap_or_default(),
        assignments: absent_is_empty("assignments", list("assignments")?),
        exemptions: absent_is_empty("exemptions", list("exemptions")?),
        aliases: aliases.clone(),
    });
    Ok(answer(id, &engine.decide(&request, &context)))
}

fn answer(id: Value, decision: &Decision) -> Value {
    let states: Map<String, Value> =
        decision.states.iter().map(|(key, state)| (key.clone(), Value::from(state.word()))).collect();
    let changes = decision.changes.iter().map(|change| {
        let mut object = Map::new();
        object.insert("path".to_owned(), Value::from(change.path.as_str()));
        if let Some(value) = &change.value {
            object.insert("value".to_owned(), value.clone());
        }
        Value::Object(object)
    });
    serde_json::json!({
        "id": id,
        "decision": decision.ruling.word(),
        "states": states,
        "changes": changes.collect::<Vec<_>>(),
    })
}
