//! Input that wants to break the gate: deep, huge, of the wrong type everywhere. Nothing panics, nothing hangs, and
//! what cannot be read is named.

use crate::support;
use cutset::decide::azure_policy::{AliasTable, PolicyEngine, PolicyInput, Ruling, State, compile_definition};
use cutset::model::request::{PolicyContext, PolicyRequest};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const SCOPE: &str = "/subscriptions/00000000-0000-0000-0000-0000000000c1";

fn definition(rule: Value) -> Value {
    json!({ "id": "/d", "properties": { "mode": "All", "policyRule": { "if": rule, "then": { "effect": "deny" } } } })
}

fn decide(definition: &Value, resource: Value) -> cutset::decide::azure_policy::Decision {
    let assignment = json!({ "id": format!("{SCOPE}/providers/Microsoft.Authorization/policyAssignments/a"), "name": "a",
        "properties": { "policyDefinitionId": "/d", "scope": SCOPE } });
    let request: PolicyRequest = serde_json::from_value(json!({
        "method": "PUT", "operation": "x", "resource": resource,
        "resourceId": format!("{SCOPE}/resourceGroups/rg/providers/Contoso.Widgets/boxes/box1"),
    }))
    .expect("a request");
    let context: PolicyContext =
        serde_json::from_value(json!({ "utcNow": "2026-03-10T09:00:00Z" })).expect("a context");
    PolicyEngine::compile(PolicyInput {
        definitions: vec![definition],
        set_definitions: Vec::new(),
        assignments: Some(vec![&assignment]),
        exemptions: Some(Vec::new()),
        aliases: AliasTable::ByRule,
    })
    .decide(&request, &context)
}

#[test]
fn deep_conditions_are_named_and_unknown() {
    let mut rule = json!({ "field": "name", "equals": "box1" });
    // Built by hand: the macro copies, and copying is recursive.
    let object = |key: &str, value: Value| Value::Object([(key.to_owned(), value)].into_iter().collect());
    for _ in 0..5_000 {
        rule = object("not", rule);
    }
    let mut definition = definition(json!({}));
    definition["properties"]["policyRule"]["if"] = rule;
    let complaints = compile_definition(&definition);
    assert_eq!(complaints.len(), 1);
    assert!(complaints[0].construct.contains("nested deeper than"), "{}", complaints[0]);
    assert!(complaints[0].pointer.starts_with("/properties/policyRule/if/not/not"));
    assert_eq!(decide(&definition, json!({})).ruling, Ruling::Unknown);
    // Dropping a value that deep is recursive too.
    std::mem::forget(definition);
}

#[test]
fn deep_expressions_are_named_and_unknown() {
    for text in [
        format!("[{}'a'{}]", "toLower(".repeat(10_000), ")".repeat(10_000)),
        format!("[{}'a'{}]", "(".repeat(10_000), ")".repeat(10_000)),
        format!("[policy(){}]", ".a".repeat(10_000)),
        format!("[policy(){}]", "['a']".repeat(10_000)),
        format!("[{}]", "policy()[".repeat(8_000)),
    ] {
        let definition = definition(json!({ "value": text, "equals": "a" }));
        assert_eq!(compile_definition(&definition).len(), 1);
        assert_eq!(decide(&definition, json!({})).ruling, Ruling::Unknown);
    }
}

#[test]
fn a_field_of_many_steps_is_unknown() {
    let field = format!("Contoso.Widgets/boxes/{}", "a.".repeat(40_000));
    let definition = definition(json!({ "field": field, "exists": true }));
    assert_eq!(decide(&definition, json!({})).ruling, Ruling::Unknown);
}

#[test]
fn huge_arrays_do_not_hang() {
    let members: Vec<Value> = (0..6_000).map(|n| json!({ "n": n, "s": [n, n] })).collect();
    let alias = "Contoso.Widgets/boxes/list[*]";
    let inner =
        json!({ "count": { "field": alias, "where": { "field": format!("{alias}.n"), "greater": 1 } }, "greater": 1 });
    for rule in [
        json!({ "count": { "field": alias, "where": { "field": format!("{alias}.s[*]"), "less": 0 } }, "greater": 0 }),
        json!({ "count": { "field": alias, "where": inner }, "greater": 0 }),
        json!({ "anyOf": vec![json!({ "field": format!("{alias}.n"), "less": 0 }); 500] }),
        json!({ "value": format!("[length(union(field('{alias}'), field('{alias}')))]"), "greater": 1 }),
    ] {
        let began = Instant::now();
        decide(&definition(rule), json!({ "properties": { "list": members } }));
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    }
}

#[test]
fn patterns_match_in_linear_time() {
    let text = "a".repeat(100_000);
    let pattern = "a*".repeat(20_000) + "b";
    let rule = json!({ "field": "kind", "like": pattern });
    let began = Instant::now();
    let decision = decide(&definition(rule), json!({ "kind": text }));
    assert_eq!(decision.ruling, Ruling::Allowed);
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}

/// Every value of a whole vector replaced by one of the wrong type, one at a time: an error that names the place or a
/// decision, never a panic.
#[test]
fn wrong_types_everywhere() {
    let file = support::json(&support::root().join("tests/vectors/azure-policy/initiatives.json"));
    let other = support::json(&support::root().join("tests/vectors/azure-policy/effects.json"));
    let gate = &cutset::decide::azure_policy::GATE;
    for (file, wanted) in [(&file, "ini-value"), (&other, "eff-modify-conflict-one"), (&other, "eff-ine-name")] {
        let vector = file["vectors"].as_array().into_iter().flatten().find(|v| v["id"] == wanted).expect("the vector");
        let mut pointers = Vec::new();
        collect(vector, String::new(), &mut pointers);
        for pointer in pointers {
            for wrong in
                [json!(null), json!(7), json!("["), json!("[x("), json!([]), json!({}), json!([[{}]]), json!(true)]
            {
                let mut changed = vector.clone();
                if let Some(slot) = changed.pointer_mut(&pointer) {
                    *slot = wrong;
                }
                let file = json!({ "aliases": file["aliases"], "vectors": [changed] });
                match (gate.decide_file)(&file) {
                    Ok(answers) => assert_eq!(answers.len(), 1),
                    Err(error) => assert!(!error.place.is_empty(), "{error}"),
                }
            }
        }
    }
}

fn collect(value: &Value, at: String, pointers: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                collect(value, format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), pointers);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                collect(value, format!("{at}/{index}"), pointers);
            }
        }
        _ => {}
    }
    if !at.is_empty() {
        pointers.push(at);
    }
}

/// A resource with the wrong type at every property that a rule reads.
#[test]
fn resources_of_the_wrong_type() {
    let alias = "Contoso.Widgets/boxes/";
    let rule = json!({ "anyOf": [
        { "field": format!("{alias}a"), "like": "x*" },
        { "field": format!("{alias}b[*].c"), "equals": "x" },
        { "count": { "field": format!("{alias}b[*]"), "where": { "field": format!("{alias}b[*].c[*].d"), "exists": true } }, "greater": 3 },
        { "field": "tags['x']", "equals": "1" },
        { "field": "tags", "containsKey": "k" },
    ] });
    let definition = definition(rule);
    for wrong in [json!(null), json!(1), json!("s"), json!([]), json!({}), json!([[[]]]), json!([{ "c": 1 }, 5, null])]
    {
        let resource = json!({ "tags": wrong, "location": wrong, "properties": { "a": wrong, "b": wrong } });
        let state = decide(&definition, resource).states["a"];
        assert!(matches!(state, State::Compliant | State::Denied | State::NotApplicable), "{state:?}");
        decide(&definition, wrong);
    }
}
