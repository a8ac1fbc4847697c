//! `cutset decide pim`: a file of queries, each with its own snapshot.

use super::step_up::{Enforcement, StepUp};
use super::{Listing, Outcome, Pim};
use crate::decide::{attacker, read, vectors};
use crate::model::request::{ActivationRequest, RoleQuery, SignInRequest, Stance};
use crate::model::{Answer, Attacker, InputError, Level, Missing, Truth};
use serde_json::{Map, Value, json};
use std::sync::Arc;

pub(super) fn decide_file(file: &Value) -> Result<Vec<Value>, InputError> {
    vectors(file)?.iter().enumerate().map(|(n, vector)| one(vector, &format!("/vectors/{n}"))).collect()
}

fn listing<'a>(snapshot: &'a Value, keys: &[&str]) -> Listing<'a> {
    let lists: Vec<&Vec<Value>> = keys.iter().filter_map(|key| snapshot.get(key)?.as_array()).collect();
    Listing { whole: !lists.is_empty(), documents: lists.into_iter().flatten().collect() }
}

fn one(vector: &Value, pointer: &str) -> Result<Value, InputError> {
    let snapshot = vector.get("snapshot").unwrap_or(&Value::Null);
    let pim = Pim::compile(
        &listing(snapshot, &["roleAssignmentScheduleInstances", "assignmentScheduleInstances"]),
        &listing(snapshot, &["roleEligibilityScheduleInstances", "eligibilityScheduleInstances"]),
        &listing(snapshot, &["policyAssignments", "roleManagementPolicies"]),
    );
    let query = vector.get("query").unwrap_or(&Value::Null);
    let attacker = attacker(vector, pointer)?;
    let mut answer = Map::new();
    answer.insert("id".to_owned(), vector.get("id").cloned().unwrap_or_default());
    let (result, missing, verdict) = match query.get("kind").and_then(Value::as_str) {
        Some("holdsRole") => {
            let query: RoleQuery = read(query, &format!("{pointer}/query"))?;
            let holding = pim.holds_role(&query);
            let (verdict, missing) = match &holding.truth {
                Truth::True => (Level::NotCut, Missing::new()),
                Truth::False => (Level::Cut, Missing::new()),
                Truth::Unknown(missing) => (Level::Unknown, missing.clone()),
            };
            (holding.truth.word(), missing, attacker.map(|_| verdict))
        }
        Some("activate") => {
            let query: ActivationRequest = read(&completed(query), &format!("{pointer}/query"))?;
            let step_up = Policies;
            let decision = pim.activate(&query, &step_up);
            let verdict = attacker.map(|a| pim.answer(&query, &step_up, &a, Stance::Hypothetical).level);
            answer.insert("rules".to_owned(), json!(decision.rules));
            let missing = if decision.result == Outcome::Unknown { decision.missing } else { Missing::new() };
            (decision.result.word(), missing, verdict)
        }
        Some(_) | None => {
            let help = "the kinds of query are `holdsRole` and `activate`";
            return Err(InputError::new("", "the query's `kind` is none that PIM answers", help)
                .at(format!("{pointer}/query/kind")));
        }
    };
    answer.insert("result".to_owned(), json!(result));
    if !missing.is_empty() {
        let named: std::collections::BTreeSet<Arc<str>> =
            missing.iter().map(|fact| first_absent(vector, fact)).collect();
        answer.insert("missingFacts".to_owned(), json!(named));
    }
    if let Some(verdict) = verdict {
        answer.insert("verdict".to_owned(), json!(verdict.word()));
    }
    Ok(Value::Object(answer))
}

/// A sign-in of the session's may leave out who and what: that is the activation's.
fn completed(query: &Value) -> Value {
    let mut query = query.clone();
    let request = query.get("request").cloned().unwrap_or_default();
    let body = request.get("properties").unwrap_or(&request);
    let principal = body.get("principalId").cloned().unwrap_or_else(|| json!(""));
    if let Some(sign_in) = query.pointer_mut("/session/signIn").and_then(Value::as_object_mut) {
        sign_in.entry("identity").or_insert_with(|| json!({ "kind": "user", "id": principal }));
        sign_in.entry("target").or_insert_with(|| json!({ "kind": "application" }));
    }
    if query.get("session").is_some_and(Value::is_null) {
        query["session"] = json!({ "mfaClaim": null });
    }
    query
}

/// A missing fact is called by the first key of its path that is absent.
fn first_absent(vector: &Value, fact: &Arc<str>) -> Arc<str> {
    if !fact.starts_with("query.") && !fact.starts_with("snapshot.") {
        return fact.clone();
    }
    let mut at = vector;
    let mut walked = String::new();
    for key in fact.split('.') {
        if !walked.is_empty() {
            walked.push('.');
        }
        walked.push_str(key);
        match at.as_object().map(|object| object.get(key)) {
            Some(Some(value)) => at = value,
            Some(None) => return walked.into(),
            None => return fact.clone(),
        }
    }
    fact.clone()
}

/// (conditional access joins here)
struct Policies;

impl StepUp for Policies {
    fn targeted(&self, _context: &str) -> Truth {
        Truth::missing("snapshot.conditionalAccessPolicies")
    }

    fn enforce(&self, _context: &str, _sign_in: &SignInRequest) -> Enforcement {
        Enforcement::Unknown(Missing::from(["snapshot.conditionalAccessPolicies".into()]))
    }

    fn answer(&self, _context: &str, _sign_in: &SignInRequest, _attacker: &Attacker, _stance: Stance) -> Answer {
        Answer::of(Level::Unknown, "context")
    }
}
