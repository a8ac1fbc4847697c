//! The gate's answer in the terms of the attack: level, reason, deciding clause, missing facts, what was noticed.

use cutset::decide::azure_policy::{AliasTable, PolicyEngine, PolicyInput};
use cutset::model::request::{PolicyContext, PolicyRequest};
use cutset::model::{Answer, Level};
use serde_json::{Value, json};

const SCOPE: &str = "/subscriptions/00000000-0000-0000-0000-0000000000c1";
const TYPE: &str = "Microsoft.Storage/storageAccounts";

fn definition(name: &str, rule: Value, effect: &str) -> Value {
    json!({ "id": format!("/providers/Microsoft.Authorization/policyDefinitions/{name}"), "name": name, "properties": {
        "displayName": format!("No {name}"), "mode": "Indexed", "policyRule": { "if": rule, "then": { "effect": effect } } } })
}

fn shared_keys(effect: &str) -> Value {
    let rule = json!({ "allOf": [
        { "field": "type", "equals": TYPE },
        { "anyOf": [
            { "field": format!("{TYPE}/allowSharedKeyAccess"), "exists": false },
            { "field": format!("{TYPE}/allowSharedKeyAccess"), "equals": true },
        ] },
    ] });
    definition("shared-keys", rule, effect)
}

fn answer(definitions: &[Value], mode: &str, properties: Value, unknown: &[&str]) -> Answer {
    let assignments: Vec<Value> = definitions
        .iter()
        .map(|definition| {
            let name = definition["name"].as_str().unwrap_or_default();
            json!({ "id": format!("{SCOPE}/providers/Microsoft.Authorization/policyAssignments/{name}"), "name": name,
                "properties": { "policyDefinitionId": definition["id"], "scope": SCOPE, "enforcementMode": mode } })
        })
        .collect();
    let request: PolicyRequest = serde_json::from_value(json!({
        "method": "PUT", "operation": format!("{TYPE}/write"), "unknownPaths": unknown,
        "resourceId": format!("{SCOPE}/resourceGroups/rg/providers/{TYPE}/data"),
        "resource": { "location": "uksouth", "properties": properties },
    }))
    .expect("a request");
    let context: PolicyContext =
        serde_json::from_value(json!({ "utcNow": "2026-03-10T09:00:00Z" })).expect("a context");
    PolicyEngine::compile(PolicyInput {
        definitions: definitions.iter().collect(),
        set_definitions: Vec::new(),
        assignments: Some(assignments.iter().collect()),
        exemptions: Some(Vec::new()),
        aliases: AliasTable::ByRule,
    })
    .answer(&request, &context)
}

#[test]
fn a_denial_names_the_assignment_and_the_deciding_condition() {
    let answer = answer(&[shared_keys("deny")], "Default", json!({ "allowSharedKeyAccess": true }), &[]);
    assert_eq!((answer.level, answer.reason.as_str()), (Level::Cut, "denied"));
    let clause = &answer.clauses[0];
    assert_eq!(clause.document, format!("{SCOPE}/providers/Microsoft.Authorization/policyAssignments/shared-keys"));
    assert_eq!(clause.pointer, "/properties/policyRule/if/allOf/1/anyOf/1");
    assert_eq!(
        clause.says,
        format!(
            "`No shared-keys` denies the request: `{TYPE}/allowSharedKeyAccess`, which is `true`, meets `equals true`"
        )
    );
    assert!(answer.detected.is_empty());
}

#[test]
fn an_unknown_names_the_missing_path() {
    let answer = answer(&[shared_keys("deny")], "Default", json!({}), &["properties.allowSharedKeyAccess"]);
    assert_eq!(answer.level, Level::Unknown);
    let missing: Vec<&str> = answer.missing.iter().map(|fact| fact.as_ref()).collect();
    assert_eq!(missing, ["properties.allowSharedKeyAccess"]);
    assert_eq!(answer.clauses.len(), 1);
}

#[test]
fn what_is_only_noticed_is_told_apart() {
    let audited = answer(&[shared_keys("audit")], "Default", json!({}), &[]);
    assert_eq!((audited.level, audited.reason.as_str()), (Level::NotCut, "audited"));
    assert_eq!(audited.detected, ["audit: shared-keys (No shared-keys)"]);
    let unenforced = answer(&[shared_keys("deny")], "DoNotEnforce", json!({}), &[]);
    assert_eq!((unenforced.level, unenforced.reason.as_str()), (Level::NotCut, "notEnforced"));
    assert_eq!(unenforced.detected, ["not enforced: shared-keys (No shared-keys)"]);
}

#[test]
fn a_compliant_request_is_not_cut_and_says_why() {
    let answer = answer(&[shared_keys("deny")], "Default", json!({ "allowSharedKeyAccess": false }), &[]);
    assert_eq!((answer.level, answer.reason.as_str()), (Level::NotCut, "compliant"));
    assert_eq!(answer.clauses[0].pointer, "/properties/policyRule/if/allOf/1");
}

#[test]
fn a_failing_rule_cuts_and_says_what_failed() {
    let rule = json!({ "value": "[substring(field('name'), 0, 9)]", "equals": "x" });
    let answer = answer(&[definition("short", rule, "audit")], "Default", json!({}), &[]);
    assert_eq!((answer.level, answer.reason.as_str()), (Level::Cut, "error"));
    assert!(answer.clauses[0].says.contains("substring: beyond the end"), "{}", answer.clauses[0].says);
}

#[test]
fn a_missing_definition_is_named() {
    let one = definition("elsewhere", json!({}), "deny");
    let assignment = json!({ "id": format!("{SCOPE}/providers/Microsoft.Authorization/policyAssignments/a"), "name": "a",
        "properties": { "policyDefinitionId": one["id"], "scope": SCOPE } });
    let request: PolicyRequest = serde_json::from_value(json!({ "method": "PUT", "operation": "x", "resource": {},
        "resourceId": format!("{SCOPE}/resourceGroups/rg/providers/{TYPE}/data") }))
    .expect("a request");
    let context: PolicyContext =
        serde_json::from_value(json!({ "utcNow": "2026-03-10T09:00:00Z" })).expect("a context");
    let engine = PolicyEngine::compile(PolicyInput {
        assignments: Some(vec![&assignment]),
        exemptions: Some(Vec::new()),
        ..PolicyInput::default()
    });
    let answer = engine.answer(&request, &context);
    assert_eq!(answer.level, Level::Unknown);
    let missing: Vec<&str> = answer.missing.iter().map(|fact| fact.as_ref()).collect();
    assert_eq!(missing, ["policy definition `/providers/Microsoft.Authorization/policyDefinitions/elsewhere`"]);
}

#[test]
fn complaints_name_the_construct_and_its_pointer() {
    let rule = json!({ "anyOf": [
        { "field": "name", "equals": "[frobnicate('x')]" },
        { "source": "action", "like": "*" },
    ] });
    let one = definition("odd", rule, "deny");
    let complaints = cutset::decide::azure_policy::compile_definition(&one);
    let text: Vec<String> = complaints.iter().map(ToString::to_string).collect();
    assert_eq!(
        text,
        [
            "function `frobnicate` that we do not know in policy definition `/providers/Microsoft.Authorization/policyDefinitions/odd` at `/properties/policyRule/if/anyOf/0/equals` is not supported",
            "condition key `source` in policy definition `/providers/Microsoft.Authorization/policyDefinitions/odd` at `/properties/policyRule/if/anyOf/1/source` is not supported",
        ]
    );
}

/// Every function has a case of its own in the vectors.
#[test]
fn every_function_has_a_vector() {
    let path = crate::support::root().join("tests/vectors/azure-policy/functions.json");
    let text = std::fs::read_to_string(path).expect("the vectors").to_lowercase();
    let bare: Vec<&str> = cutset::decide::azure_policy::functions()
        .into_iter()
        .filter(|name| !text.contains(&format!("{}(", name.to_lowercase())))
        .collect();
    assert!(bare.is_empty(), "no vector calls {bare:?}");
}
