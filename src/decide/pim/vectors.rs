//! `cutset decide pim`: a file of queries, each with its own snapshot.

use super::{Listing, Outcome, Pim};
use crate::decide::conditional_access::{PolicySet, TenantSettings, read_attacker, read_request};
use crate::decide::{read, vectors};
use crate::model::request::{ActivationRequest, RoleQuery, Stance};
use crate::model::{Fact, InputError, Level, Missing, Truth};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
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
    let stated = vector.get("attacker").filter(|stated| stated.is_object());
    let attacker = stated.map(|stated| read_attacker(stated).0);
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
            let query = activation(query, &format!("{pointer}/query"))?;
            let policies = policies(vector, snapshot);
            let step_up = policies.as_ref();
            let decision = pim.activate(&query, &step_up);
            let verdict = attacker.map(|attacker| {
                // As in the gate of conditional access: the table is about a user who has a method.
                let mut query = query.clone();
                if let Some(sign_in) = &mut query.session.sign_in
                    && sign_in.identity.is_mfa_registered.is_unknown()
                {
                    sign_in.identity.is_mfa_registered = Fact::Known(true);
                }
                pim.answer(&query, &step_up, &attacker, Stance::Hypothetical).level
            });
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
        let mut named: BTreeSet<Arc<str>> = missing.iter().map(|fact| first_absent(vector, fact)).collect();
        // These files have no `tenant`: what it would settle is told by the sign-in's own missing facts.
        if named.iter().any(|fact| !of_tenant(fact)) {
            named.retain(|fact| !of_tenant(fact));
        }
        answer.insert("missingFacts".to_owned(), json!(named));
    }
    if let Some(verdict) = verdict {
        answer.insert("verdict".to_owned(), json!(verdict.word()));
    }
    Ok(Value::Object(answer))
}

/// The tenant's policies, where the snapshot has them.
fn policies(vector: &Value, snapshot: &Value) -> Option<PolicySet> {
    let list = |key: &str| snapshot.get(key).or_else(|| vector.get(key)).and_then(Value::as_array);
    let policies: Vec<&Value> = list("conditionalAccessPolicies")?.iter().collect();
    let locations = list("namedLocations");
    let mut tenant = TenantSettings::read(snapshot.get("tenant").or_else(|| vector.get("tenant")));
    tenant.named_locations_partial = locations.is_none();
    Some(PolicySet::compile(&tenant, &locations.into_iter().flatten().collect::<Vec<_>>(), &policies))
}

/// The sign-in of the session is read as conditional access reads one; who signs in to what may be left out, that is
/// the activation's.
fn activation(query: &Value, pointer: &str) -> Result<ActivationRequest, InputError> {
    let mut bare = query.clone();
    if bare.get("session").is_some_and(Value::is_null) {
        bare["session"] = json!({ "mfaClaim": null });
    }
    let sign_in = bare.get_mut("session").and_then(|session| Some(session.as_object_mut()?.remove("signIn")?.take()));
    let mut activation: ActivationRequest = read(&bare, pointer)?;
    if let Some(mut sign_in @ Value::Object(_)) = sign_in {
        let body = activation.request.get("properties").unwrap_or(&activation.request);
        let principal = body.get("principalId").cloned().unwrap_or_else(|| json!(""));
        if let Some(sign_in) = sign_in.as_object_mut() {
            sign_in.entry("identity").or_insert_with(|| json!({ "kind": "user", "id": principal }));
            sign_in.entry("target").or_insert_with(|| json!({ "kind": "application" }));
        }
        let at = format!("{pointer}/session/signIn");
        activation.session.sign_in = Some(read_request(&sign_in).map_err(|error| error.at(at))?);
    }
    Ok(activation)
}

fn of_tenant(fact: &str) -> bool {
    fact == "tenant" || fact.starts_with("tenant.")
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
        match member(at, key) {
            Some(Some(value)) => at = value,
            Some(None) => return walked.into(),
            None => return fact.clone(),
        }
    }
    fact.clone()
}

/// `key` or `key[n]` of an object; inner none: the object has no such key. Outer none: it is no object.
fn member<'a>(at: &'a Value, key: &str) -> Option<Option<&'a Value>> {
    let (name, index) = match key.split_once('[') {
        Some((name, index)) => (name, index.trim_end_matches(']').parse::<usize>().ok()),
        None => (key, None),
    };
    let value = at.as_object()?.get(name);
    Some(match index {
        Some(index) => value.and_then(|list| list.get(index)),
        None => value,
    })
}
