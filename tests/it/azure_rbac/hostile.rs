//! Input made to hurt: deep, long, broken. Nothing panics, nothing takes long, nothing becomes a definite answer that
//! the text does not give.

use cutset::decide::azure_rbac::{Authorizer, AuthorizerInput, GATE, Outcome, check_condition};
use cutset::model::request::{ArmPrincipal, ArmRequest};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const OWNER: &str = "/providers/Microsoft.Authorization/roleDefinitions/8e3af657-a8ff-443c-a75c-2fe8c4bcb635";

fn principal() -> ArmPrincipal {
    serde_json::from_value(json!({ "id": "u", "type": "User", "transitiveGroups": [], "entraRoles": [] }))
        .expect("a principal")
}

fn request(attributes: Value) -> ArmRequest {
    let scope = "/subscriptions/s/resourceGroups/rg";
    let operation = "Microsoft.Storage/storageAccounts/listKeys/action";
    serde_json::from_value(json!({
        "operation": operation, "isDataAction": false, "scope": scope, "utcNow": "2026-03-10T09:00:00Z", "attributes": attributes,
    })).expect("a request")
}

/// What an Owner under this condition is told.
fn under(condition: &str, attributes: Value) -> Outcome {
    let role = json!({ "id": OWNER, "permissions": [{ "actions": ["*"] }] });
    let assignment = json!({ "id": "/subscriptions/s/providers/Microsoft.Authorization/roleAssignments/a", "properties": {
        "roleDefinitionId": OWNER, "principalId": "u", "scope": "/subscriptions/s", "condition": condition,
    } });
    let gate = Authorizer::compile(AuthorizerInput {
        role_definitions: vec![&role],
        role_assignments: Some(vec![&assignment]),
        deny_assignments: Some(Vec::new()),
        locks: Some(Vec::new()),
        ..AuthorizerInput::default()
    });
    gate.decide(&principal(), &request(attributes)).decision
}

fn quickly<T>(what: &str, act: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = act();
    assert!(start.elapsed() < Duration::from_secs(5), "{what} took {:?}", start.elapsed());
    result
}

#[test]
fn deep_nesting_is_refused_not_followed() {
    let nested = |depth: usize| format!("{}ActionMatches{{'*'}}{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(under(&nested(150), json!({})), Outcome::Allowed);
    for depth in [300, 100_000] {
        let error = check_condition(&nested(depth)).expect_err("too deep");
        assert!(error.message.contains("deep"), "{error}");
        assert_eq!(under(&nested(depth), json!({})), Outcome::Unknown);
    }
    assert_eq!(under(&format!("{}(ActionMatches{{'*'}})", "!(".repeat(100_000)), json!({})), Outcome::Unknown);
    assert_eq!(under(&format!("{}ActionMatches{{'*'}}", "!".repeat(1_000_000)), json!({})), Outcome::Allowed);
    assert_eq!(under(&format!("{}ActionMatches{{'*'}}", "NOT ".repeat(100_001)), json!({})), Outcome::Denied);
}

#[test]
fn long_conditions_are_read() {
    quickly("a megabyte of terms", || {
        let terms = vec!["ActionMatches{'*'}"; 50_000].join(" AND ");
        assert_eq!(under(&terms, json!({})), Outcome::Allowed);
        assert_eq!(under(&terms.replace("AND", "OR "), json!({})), Outcome::Allowed);
    });
    quickly("a megabyte of values", || {
        let values: Vec<String> = (0..100_000).map(|n| format!("'{n}'")).collect();
        let condition = format!("@Resource[x] ForAllOfAnyValues:StringEquals {{{}}}", values.join(","));
        assert_eq!(under(&condition, json!({ "@Resource[x]": ["99999"] })), Outcome::Allowed);
        let many: Vec<String> = (0..100_000).rev().map(|n| n.to_string()).collect();
        assert_eq!(under(&condition, json!({ "@Resource[x]": many })), Outcome::Unknown);
    });
}

#[test]
fn patterns_do_not_explode() {
    let stars = "*a".repeat(20_000);
    let text = "a".repeat(20_000);
    quickly("a pattern of stars", || {
        let condition = format!("@Resource[x] StringLike '{stars}b'");
        assert_eq!(under(&condition, json!({ "@Resource[x]": [text] })), Outcome::Unknown);
        let condition = format!("@Resource[x] StringLike '{}b'", "*a".repeat(500));
        assert_eq!(under(&condition, json!({ "@Resource[x]": ["a".repeat(500)] })), Outcome::Denied);
    });
    quickly("an action of stars", || {
        assert_eq!(under(&format!("ActionMatches{{'{stars}'}}"), json!({})), Outcome::Denied);
        assert_eq!(
            under(&format!("ActionMatches{{'Microsoft.Storage{}/action'}}", "/*".repeat(20_000)), json!({})),
            Outcome::Unknown
        );
    });
}

/// Any JSON at all, with the gate's words among its keys and texts.
fn documents() -> impl Strategy<Value = Value> {
    let words = || {
        prop::sample::select(vec![
            "id",
            "name",
            "properties",
            "scope",
            "principalId",
            "principalType",
            "roleDefinitionId",
            "condition",
            "conditionVersion",
            "permissions",
            "actions",
            "notActions",
            "principals",
            "excludePrincipals",
            "level",
            "type",
            "emailAddress",
            "role",
            "doNotApplyToChildScopes",
            "denyAssignmentEffect",
            "ReadOnly",
            "Group",
            "u",
            "*",
            "/",
            "//",
            "",
            "2.0",
            "ActionMatches{'*'}",
            "@Resource[",
            "CoAdministrator",
            "SystemDefined",
            OWNER,
            "/subscriptions/s/providers/Microsoft.Authorization/roleAssignments/a",
            "/subscriptions//x",
            "é/providers/",
            "İ/Providers/İ",
            "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Authorization/locks/l",
            "/providers/Microsoft.Management/managementGroups/",
            "/providers/Microsoft.Management/managementGroups/m",
        ])
    };
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        words().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(words().prop_map(str::to_owned), inner, 0..8)
                .prop_map(|object| object.into_iter().collect::<Value>()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_a_condition_or_an_error(text in "[ (){}!&|',@\\[\\]a-zA-Z0-9é.:-]{0,60}|.{0,40}") {
        if let Err(error) = check_condition(&text) {
            prop_assert!(error.position >= 1 && error.position <= text.chars().count() + 1);
        }
    }

    #[test]
    fn any_documents_are_decided(documents in prop::collection::vec(documents(), 6), scope in "[/a-zé.]{0,30}", data in any::<bool>()) {
        let list = |at: usize| Some(vec![&documents[at]]);
        let gate = Authorizer::compile(AuthorizerInput {
            role_definitions: vec![&documents[0]],
            role_assignments: list(1),
            deny_assignments: list(2),
            locks: list(3),
            classic_administrators: list(4),
            hierarchy: [(cutset::model::ResourceId::new(&scope), None)].into(),
        });
        let mut request = request(json!({}));
        request.is_data_action = data;
        for scope in [scope.as_str(), "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/x"] {
            request.scope = cutset::model::ResourceId::new(scope);
            let gate = gate.with_assignment(&documents[5]).with_lock(&documents[5]).with_role_definition(&documents[5]);
            let decision = gate.decide(&principal(), &request);
            let answer = gate.answer(&principal(), &request);
            prop_assert_eq!(decision.reason.word(), answer.reason.as_str());
            let _ = (gate.grants(&principal(), &request), gate.blocking_locks(&request));
            let _ = gate.without_assignment("").without_lock("").complaints().len();
        }
    }

    #[test]
    fn any_file_is_answered_or_refused(vector in documents(), file in documents()) {
        for file in [&file, &json!({ "vectors": [vector] }), &json!({ "vectors": [{ "principal": { "id": "u", "type": "User" }, "request": vector }] })] {
            if let Err(error) = (GATE.decide_file)(file) {
                prop_assert!(!error.message.is_empty() && !error.help.is_empty());
            }
        }
    }
}
