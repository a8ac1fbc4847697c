//! `cutset decide storage`: a file of requests, each with its account and container.

use super::decision::decide;
use crate::decide::azure_rbac::Outcome;
use crate::decide::{read, vectors};
use crate::model::InputError;
use crate::model::request::StorageRequest;
use serde_json::{Value, json};

pub(super) fn decide_file(file: &Value) -> Result<Vec<Value>, InputError> {
    vectors(file)?.iter().enumerate().map(|(n, vector)| one(vector, &format!("/vectors/{n}"))).collect()
}

fn one(vector: &Value, pointer: &str) -> Result<Value, InputError> {
    let part = |key: &str| vector.get(key).unwrap_or(&Value::Null);
    let request: StorageRequest = read(part("request"), &format!("{pointer}/request"))?;
    let rbac = match part("rbac").get("decision").and_then(Value::as_str) {
        Some("allowed") => Some(Outcome::Allowed),
        Some("denied") => Some(Outcome::Denied),
        Some("unknown") => Some(Outcome::Unknown),
        None => None,
        Some(other) => {
            let help = "the decisions are `allowed`, `denied` and `unknown`";
            let message = format!("`{other}` is no decision of the RBAC gate");
            return Err(InputError::new("", message, help).at(format!("{pointer}/rbac/decision")));
        }
    };
    let unknown: Vec<String> = match part("unknownPaths") {
        Value::Null => Vec::new(),
        paths => read(paths, &format!("{pointer}/unknownPaths"))?,
    };
    let decision = decide(part("account"), part("container"), &request, rbac, &unknown);
    let mut answer = json!({
        "id": vector.get("id").cloned().unwrap_or_default(),
        "decision": decision.decision.word(),
        "errorCode": decision.error_code,
        "reason": decision.reason.word(),
    });
    if !decision.missing.is_empty() {
        answer["missingFacts"] = json!(decision.missing);
    }
    Ok(answer)
}
