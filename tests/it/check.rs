//! `decide --check` must be able to fail: each kind of difference, and each leniency the contract grants.

use cutset::decide::check::{Mismatch, check};
use serde_json::{Value, json};

fn mismatches(expected: Value, mut answer: Value) -> Vec<Mismatch> {
    answer["id"] = json!("v");
    let report = check(&json!({ "vectors": [{ "id": "v", "expected": expected }] }), &[answer]);
    report.failed.into_iter().flat_map(|(_, found)| found).collect()
}

fn pointers(expected: Value, answer: Value) -> Vec<String> {
    mismatches(expected, answer).into_iter().map(|m| m.pointer).collect()
}

const NONE: [&str; 0] = [];

#[test]
fn only_fields_that_expected_holds_are_compared() {
    assert_eq!(pointers(json!({ "a": 1, "rationale": "why" }), json!({ "a": 1, "b": 2 })), NONE);
    assert_eq!(pointers(json!({ "a": 1 }), json!({ "b": 2 })), ["/a"]);
    assert_eq!(pointers(json!({ "a": { "x": "1" } }), json!({ "a": { "x": "2", "y": "3" } })), ["/a/x"]);
    assert_eq!(pointers(json!({ "a/b": "1" }), json!({ "a/b": "2" })), ["/a~1b"]);
}

#[test]
fn lists_of_words_are_sets() {
    assert_eq!(pointers(json!({ "by": ["a", "b"] }), json!({ "by": ["b", "a"] })), NONE);
    assert_eq!(pointers(json!({ "by": ["a", "b"] }), json!({ "by": ["a"] })), ["/by"]);
    assert_eq!(pointers(json!({ "by": [] }), json!({ "by": ["a"] })), ["/by"]);
}

#[test]
fn required_controls_keep_the_order_of_the_policies() {
    let (a, b) = (json!({ "controls": ["mfa", "x"] }), json!({ "controls": ["block"] }));
    let swapped = json!({ "controls": ["x", "mfa"] });
    assert_eq!(pointers(json!({ "requiredControls": [a, b] }), json!({ "requiredControls": [swapped, b] })), NONE);
    let there = json!({ "requiredControls": [b, a] });
    assert_eq!(pointers(json!({ "requiredControls": [a, b] }), there).len(), 2);
    assert_eq!(pointers(json!({ "requiredControls": [a] }), json!({ "requiredControls": [a, b] })).len(), 1);
}

#[test]
fn lists_of_objects_go_by_id() {
    let (a, b) = (json!({ "policyId": "a", "controls": ["x"] }), json!({ "policyId": "b", "controls": [] }));
    assert_eq!(pointers(json!({ "sessionControls": [a, b] }), json!({ "sessionControls": [b, a] })), NONE);
    assert_eq!(
        pointers(json!({ "sessionControls": [a, b] }), json!({ "sessionControls": [b] })),
        ["/sessionControls/a"]
    );
    assert_eq!(
        pointers(json!({ "sessionControls": [b] }), json!({ "sessionControls": [a, b] })),
        ["/sessionControls/a"]
    );
}

#[test]
fn a_change_without_value_is_a_removal() {
    let removal = json!({ "changes": [{ "path": "tags.env" }] });
    assert_eq!(pointers(removal.clone(), removal.clone()), NONE);
    let write = json!({ "changes": [{ "path": "tags.env", "value": "x" }] });
    assert_eq!(pointers(removal, write), ["/changes/tags.env/value"]);
}

#[test]
fn one_sign_in_error_code_in_common_is_enough() {
    assert_eq!(pointers(json!({ "signInErrorCodes": [53003, 53000] }), json!({ "signInErrorCodes": [53000] })), NONE);
    assert_eq!(pointers(json!({ "signInErrorCodes": [53003] }), json!({ "signInErrorCodes": [] })).len(), 1);
}

#[test]
fn a_null_error_code_is_not_compared() {
    assert_eq!(pointers(json!({ "errorCode": null }), json!({ "errorCode": "AuthorizationFailure" })), NONE);
    assert_eq!(pointers(json!({ "reason": null }), json!({ "reason": "ok" })), ["/reason"]);
}

#[test]
fn a_vector_nobody_answers_fails_and_one_that_expects_nothing_is_not_counted() {
    let file = json!({ "vectors": [{ "id": "a", "expected": { "x": 1 } }, { "id": "b" }] });
    let report = check(&file, &[json!({ "id": "b" })]);
    assert_eq!((report.passed.len(), report.failed.len()), (0, 1));
    let told = report.to_string();
    assert_eq!(told, "a\n  (the whole answer)\n    expected {\"x\":1}\n    got      (absent)\n0 of 1 vectors pass\n");
}
