//! The gate against the naive one, and the laws it keeps.

use super::world::*;
use cutset::decide::azure_rbac::{Authorizer, AuthorizerInput, GATE};
use cutset::model::request::{ArmPrincipal, ArmRequest};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Decision, by whom (sorted), and why.
type Answer = (String, Vec<String>, String);

fn ask(vector: Value) -> Answer {
    let answers = (GATE.decide_file)(&json!({ "vectors": [vector] })).expect("a readable vector");
    let text = |name: &str| answers[0][name].as_str().expect("a word").to_owned();
    let by = answers[0]["by"].as_array().expect("a list");
    let mut by: Vec<String> = by.iter().filter_map(Value::as_str).map(str::to_lowercase).collect();
    by.sort();
    (text("decision"), by, text("reason"))
}

/// A part of the usual number of cases; `PROPTEST_CASES` raises it for a long run.
fn config(part: u32) -> Config {
    let usual = Config::default();
    Config { cases: (usual.cases / part).max(1), failure_persistence: None, ..usual }
}

/// The worlds are worth trying: every answer and every reason occurs among them.
#[test]
fn worlds_reach_every_reason() {
    let mut runner = TestRunner::deterministic();
    let mut met = BTreeMap::new();
    for _ in 0..800 {
        let world = worlds().new_tree(&mut runner).expect("a world").current();
        let (decision, _, reason) = world.decide();
        *met.entry((decision, reason)).or_insert(0) += 1;
    }
    let reasons: BTreeSet<&str> = met.keys().map(|(_, reason)| *reason).collect();
    assert_eq!(reasons.len(), 15, "{met:#?}");
}

proptest! {
    #![proptest_config(config(1))]

    #[test]
    fn the_naive_gate_agrees(world in worlds()) {
        let (decision, by, reason) = world.decide();
        let mut by: Vec<String> = by.iter().map(|name| name.to_lowercase()).collect();
        by.sort();
        prop_assert_eq!(ask(world.vector()), (decision.to_owned(), by, reason.to_owned()));
    }
}

proptest! {
    #![proptest_config(config(3))]

    #[test]
    fn filling_an_unknown_never_contradicts_a_definite_answer(known in worlds(), filled in worlds(), holes in any::<[bool; 10]>()) {
        // INVARIANT: `hidden` is `whole` with facts taken away.
        let mut whole = known.clone();
        whole.assignments.get_or_insert(filled.assignments.unwrap_or_default());
        whole.denies.get_or_insert(filled.denies.unwrap_or_default());
        whole.locks.get_or_insert(filled.locks.unwrap_or_default());
        whole.classics.get_or_insert(filled.classics.unwrap_or_default());
        whole.groups.get_or_insert(filled.groups.unwrap_or_default());
        whole.global_administrator.get_or_insert(filled.global_administrator.unwrap_or(false));
        whole.chains = [true; 2];
        whole.named = true;
        for (at, value) in filled.attributes.into_iter().enumerate() {
            whole.attributes[at].get_or_insert(value.unwrap_or_default());
        }
        let mut hidden = whole.clone();
        if holes[0] { hidden.assignments = None; }
        if holes[1] { hidden.denies = None; }
        if holes[2] { hidden.locks = None; }
        if holes[3] { hidden.classics = None; }
        if holes[4] { hidden.groups = None; }
        if holes[5] { hidden.global_administrator = None; }
        if holes[6] { hidden.chains = [false, true]; }
        if holes[7] { hidden.attributes[0] = None; }
        if holes[8] { hidden.attributes[1] = None; }
        if holes[9] { hidden.named = false; }
        // Classic administrators that were not collected are taken as none once they have retired: a documented
        // default, not an unknown.
        if hidden.time != 0 { hidden.classics = whole.classics.clone(); }
        let (before, _, _) = ask(hidden.vector());
        let (after, _, _) = ask(whole.vector());
        prop_assert!(before == "unknown" || before == after, "{} became {}", before, after);
    }

    #[test]
    fn letter_case_changes_nothing(world in worlds()) {
        let vector = world.vector();
        prop_assert_eq!(ask(vector.clone()), ask(shout(vector)));
    }

    #[test]
    fn order_changes_nothing(world in worlds()) {
        let mut vector = world.vector();
        let before = ask(vector.clone());
        for list in ["roleAssignments", "denyAssignments", "locks", "extraRoleDefinitions"] {
            if let Some(list) = vector[list].as_array_mut() {
                list.reverse();
            }
        }
        let after = ask(vector);
        prop_assert_eq!((&before.0, &before.1), (&after.0, &after.1));
        // Of several unknowns the first names the reason.
        prop_assert!(before.0 == "unknown" || before.2 == after.2);
    }

    #[test]
    fn more_grants_never_refuse_and_more_denials_never_allow(world in worlds(), more in worlds()) {
        let rank = |world: &World| match ask(world.vector()).0.as_str() { "denied" => 0, "unknown" => 1, _ => 2 };
        let before = rank(&world);
        let mut granted = world.clone();
        // An Owner assignment settles what a retired classic administrator is, so it may take an unknown away.
        if granted.time != 1 {
            if let (Some(mine), Some(more)) = (&mut granted.assignments, more.assignments) { mine.extend(more); }
            prop_assert!(rank(&granted) >= before);
        }
        let mut refused = world.clone();
        if let (Some(mine), Some(more)) = (&mut refused.denies, more.denies) { mine.extend(more); }
        if let (Some(mine), Some(more)) = (&mut refused.locks, more.locks) { mine.extend(more); }
        prop_assert!(rank(&refused) <= before);
    }

    #[test]
    fn step_by_step_is_at_once(world in worlds(), take in any::<[bool; 5]>()) {
        let vector = world.vector();
        let (principal, request) = asked(&vector);
        let all: Vec<&Value> = vector["roleAssignments"].as_array().into_iter().flatten().collect();
        let at_once = compile(&vector, vector["roleAssignments"].as_array().map(|_| all.clone()));
        let mut stepwise = compile(&vector, vector["roleAssignments"].as_array().map(|_| Vec::new()));
        for (assignment, twice) in all.iter().zip(take.iter().cycle()) {
            stepwise = stepwise.with_assignment(assignment);
            if *twice {
                stepwise = stepwise.without_assignment(&assignment["id"].as_str().expect("an id").to_uppercase());
                stepwise = stepwise.with_assignment(assignment);
            }
        }
        prop_assert_eq!(at_once.decide(&principal, &request), stepwise.decide(&principal, &request));
    }

    #[test]
    fn grants_and_answer_tell_what_was_decided(world in worlds()) {
        let vector = world.vector();
        let (principal, request) = asked(&vector);
        let list = vector["roleAssignments"].as_array().map(|list| list.iter().collect());
        let gate = compile(&vector, list);
        let decision = gate.decide(&principal, &request);
        let grants = gate.grants(&principal, &request);
        let answer = gate.answer(&principal, &request);
        prop_assert_eq!(&answer.missing, &decision.missing);
        prop_assert_eq!(answer.reason.as_str(), decision.reason.word());
        match decision.decision.word() {
            "allowed" => {
                prop_assert_eq!(grants.iter().filter(|grant| grant.truth.is_true()).count(), decision.by.len());
                prop_assert_eq!(answer.clauses.len(), decision.by.len());
            }
            "denied" => {
                prop_assert!(!answer.clauses.is_empty());
                prop_assert!(decision.missing.is_empty());
                if decision.reason.word() == "lock" {
                    prop_assert_eq!(gate.blocking_locks(&request).len(), decision.by.len());
                }
            }
            _ => prop_assert!(!decision.missing.is_empty()),
        }
    }
}

fn asked(vector: &Value) -> (ArmPrincipal, ArmRequest) {
    let read = |name: &str| vector[name].clone();
    (
        serde_json::from_value(read("principal")).expect("a principal"),
        serde_json::from_value(read("request")).expect("a request"),
    )
}

fn compile(vector: &Value, role_assignments: Option<Vec<&Value>>) -> Authorizer {
    let list = |name: &str| vector[name].as_array().map(|list| list.iter().collect::<Vec<_>>());
    let hierarchy = vector["hierarchy"].as_object().into_iter().flatten();
    let names =
        |chain: &Value| chain.as_array().map(|c| c.iter().filter_map(Value::as_str).map(str::to_owned).collect());
    Authorizer::compile(AuthorizerInput {
        role_definitions: list("extraRoleDefinitions").unwrap_or_default(),
        role_assignments,
        deny_assignments: list("denyAssignments"),
        locks: list("locks"),
        classic_administrators: list("classicAdministrators"),
        hierarchy: hierarchy.map(|(id, chain)| (cutset::model::ResourceId::new(id), names(chain))).collect(),
    })
}

/// The same in capitals: keys, ids, words, operators; not the values that conditions compare, nor what is no name.
fn shout(value: Value) -> Value {
    const KEPT: [&str; 7] =
        ["utcNow", "attributes", "suboperation", "isDataAction", "hierarchy", "request", "principal"];
    match value {
        Value::Object(object) => object
            .into_iter()
            .map(|(key, value)| {
                let kept = KEPT.contains(&key.as_str());
                match key.as_str() {
                    "attributes" => (key, Value::Object(attributes(value))),
                    "condition" => (key.to_uppercase(), condition(value)),
                    "conditionVersion" | "utcNow" => (key, value),
                    "id" if value == "world" => (key, value),
                    // Our own request types spell their keys one way.
                    "request" | "principal" => (key, values(value)),
                    _ if kept => (key, shout(value)),
                    _ => (key.to_uppercase(), shout(value)),
                }
            })
            .collect(),
        Value::Array(list) => list.into_iter().map(shout).collect(),
        Value::String(text) => Value::String(text.to_uppercase()),
        other => other,
    }
}

fn values(value: Value) -> Value {
    match value {
        Value::Object(object) => object
            .into_iter()
            .map(|(key, value)| match key.as_str() {
                "attributes" => (key, Value::Object(attributes(value))),
                "utcNow" => (key, value),
                _ => (key, values(value)),
            })
            .collect(),
        Value::Array(list) => list.into_iter().map(values).collect(),
        Value::String(text) => Value::String(text.to_uppercase()),
        other => other,
    }
}

fn attributes(value: Value) -> serde_json::Map<String, Value> {
    value.as_object().cloned().unwrap_or_default().into_iter().map(|(key, value)| (key.to_uppercase(), value)).collect()
}

/// Everything outside quotes, and patterns.
fn condition(value: Value) -> Value {
    let text = value.as_str().unwrap_or_default();
    let parts = text.split('\'').enumerate().map(|(at, part)| {
        let pattern = part.contains('/') || part.contains('*') || part.contains('.');
        if at % 2 == 0 || pattern { part.to_uppercase() } else { part.to_owned() }
    });
    parts.collect::<Vec<_>>().join("'").into()
}
