//! Laws, and the comparison with the second evaluator.

use super::generate::{self, vector};
use super::{answer, naive};
use crate::support;
use proptest::prelude::*;
use proptest::test_runner::Config;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

fn cases(cases: u32) -> Config {
    Config { cases, failure_persistence: None, ..Config::default() }
}

fn words(value: &Value) -> BTreeSet<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

const CHAIN: [&str; 4] = ["cut", "challenged", "unknown", "not-cut"];
const ENFORCEMENT: [&str; 3] = ["granted", "interrupted", "denied"];
const OUTCOME: [&str; 4] = ["notApplicable", "noGrantControls", "controlsRequired", "block"];

fn rank(words: &[&str], word: &Value) -> usize {
    words.iter().position(|known| word == known).unwrap_or_else(|| panic!("`{word}`"))
}

/// A word where the set has one element, and the mildest where it has more.
fn expect(levels: &BTreeSet<u8>, words: &[&'static str]) -> (Value, Option<Value>) {
    let mildest = words[usize::from(*levels.first().expect("a level"))];
    match levels.len() {
        1 => (json!(mildest), None),
        _ => (json!("unknown"), Some(json!(mildest))),
    }
}

proptest! {
    #![proptest_config(cases(150))]

    /// The compiled evaluator and the plain one say the same.
    #[test]
    fn agrees_with_the_naive_evaluator(
        tenant in generate::tenant(),
        policies in generate::policies(),
        full in generate::sign_in(false),
        attacker in generate::attacker(),
        coins in generate::coins(),
    ) {
        let mut coins = coins.into_iter();
        let sign_in = generate::forget(&full, &mut coins);
        let mut tenant = generate::forget(&tenant, &mut coins);
        tenant["securityDefaults"] = json!(false);
        let vector = vector(&tenant, &policies, &sign_in, &attacker);
        let got = answer(&vector);
        for policy in &policies {
            let id = policy["id"].as_str().expect("an id");
            let (applies, failed) = naive::applies(policy, &vector);
            let word = match applies { Some(true) => "true", Some(false) => "false", None => "unknown" };
            prop_assert_eq!(&got["policies"][id]["applies"], word, "{}", vector);
            if applies == Some(false) {
                prop_assert_eq!(words(&got["policies"][id]["analysisReasons"]), failed, "{}", vector);
            }
            for fact in words(&got["policies"][id]["missingFacts"]) {
                prop_assert!(is_off_the_record(fact, &vector), "{} is on record in {}", fact, vector);
            }
        }
        let (outcome, at_least) = expect(&naive::outcome(&vector), &OUTCOME);
        prop_assert_eq!(&got["outcome"], &outcome, "{}", vector);
        let at_least = at_least.filter(|word| word != "notApplicable");
        prop_assert_eq!(got.get("atLeast"), at_least.as_ref(), "{}", vector);
        let (enforcement, at_least) = expect(&naive::enforcement(&vector), &ENFORCEMENT);
        prop_assert_eq!(&got["enforcement"], &enforcement, "{}", vector);
        prop_assert_eq!(got.get("enforcementAtLeast"), at_least.as_ref(), "{}", vector);
    }

    /// What is definite stays, whatever the missing facts turn out to be.
    #[test]
    fn filling_an_unknown_never_contradicts_a_definite_answer(
        tenant in generate::tenant(),
        policies in generate::policies(),
        full in generate::sign_in(true),
        attacker in generate::attacker(),
        coins in generate::coins(),
    ) {
        let mut coins = coins.into_iter();
        let part = generate::forget(&full, &mut coins);
        let less = answer(&vector(&tenant, &policies, &part, &attacker));
        let more = answer(&vector(&tenant, &policies, &full, &attacker));
        for policy in &policies {
            let id = policy["id"].as_str().expect("an id");
            if less["policies"][id]["applies"] != "unknown" {
                prop_assert_eq!(&less["policies"][id]["applies"], &more["policies"][id]["applies"], "{} {}", full, part);
            }
        }
        for (field, bound, order) in
            [("outcome", "atLeast", &OUTCOME[..]), ("enforcement", "enforcementAtLeast", &ENFORCEMENT[..])]
        {
            if less[field] != "unknown" {
                prop_assert_eq!(&less[field], &more[field], "{} {}", full, part);
            } else if let Some(bound) = less.get(bound) {
                let least = if more[field] == "unknown" { &more[bound.as_str().unwrap_or("")] } else { &more[field] };
                if !least.is_null() {
                    prop_assert!(rank(order, bound) <= rank(order, least), "{} {}", full, part);
                }
            }
        }
        match less["verdict"].as_str() {
            // A word may turn out not to help: a challenge may become a cut.
            Some("challenged") => prop_assert!(rank(&CHAIN, &more["verdict"]) <= 1, "{} {}", full, part),
            Some("unknown") => {}
            _ => prop_assert_eq!(&less["verdict"], &more["verdict"], "{} {}", full, part),
        }
    }

    #[test]
    fn letter_case_changes_nothing(
        tenant in generate::tenant(),
        policies in generate::policies(),
        sign_in in generate::sign_in(true),
        attacker in generate::attacker(),
        coins in generate::coins(),
    ) {
        let sign_in = generate::forget(&sign_in, &mut coins.into_iter());
        let plain = vector(&tenant, &policies, &sign_in, &attacker);
        let mut shouted = plain.clone();
        for part in ["tenant", "namedLocations", "policies", "signIn", "attacker"] {
            shouted[part] = shout(&plain[part]);
        }
        let lower = |value: &Value| value.to_string().to_lowercase();
        prop_assert_eq!(lower(&answer(&plain)), lower(&answer(&shouted)));
    }

    #[test]
    fn order_of_policies_changes_nothing(
        tenant in generate::tenant(),
        policies in generate::policies(),
        sign_in in generate::sign_in(true),
        attacker in generate::attacker(),
        coins in generate::coins(),
    ) {
        let sign_in = generate::forget(&sign_in, &mut coins.into_iter());
        let turned: Vec<Value> = policies.iter().rev().cloned().collect();
        let one = answer(&vector(&tenant, &policies, &sign_in, &attacker));
        let other = answer(&vector(&tenant, &turned, &sign_in, &attacker));
        prop_assert_eq!(sorted(&one), sorted(&other));
    }

    /// No policy takes back what another asks, and holding more never hurts an attacker.
    #[test]
    fn policies_add_up_and_words_help(
        tenant in generate::tenant(),
        policies in generate::policies(),
        sign_in in generate::sign_in(true),
        attacker in generate::attacker(),
        coins in generate::coins(),
    ) {
        let mut sign_in = generate::forget(&sign_in, &mut coins.into_iter());
        // A strength on the action of registering replaces others: the one exception, and documented.
        if sign_in["target"]["kind"] != "application" {
            sign_in["target"] = json!({ "kind": "application", "resourceAppId": generate::ARM });
        }
        sign_in["identity"]["isMfaRegistered"] = json!(true);
        let fewer = answer(&vector(&tenant, &policies[1..], &sign_in, &attacker));
        let all = answer(&vector(&tenant, &policies, &sign_in, &attacker));
        prop_assert!(rank(&CHAIN, &all["verdict"]) <= rank(&CHAIN, &fewer["verdict"]));
        let least = |answer: &Value| {
            let word = if answer["enforcement"] == "unknown" { "enforcementAtLeast" } else { "enforcement" };
            rank(&ENFORCEMENT, &answer[word])
        };
        prop_assert!(least(&all) >= least(&fewer));
        let mut stronger = attacker.clone();
        stronger["holds"] = json!(["password", "secondFactor", "fido2", "managedDevice", "deviceKey",
                                   "allowedEgressAddress", "victimCooperation"]);
        stronger["lacks"] = json!([]);
        let with_all = answer(&vector(&tenant, &policies, &sign_in, &stronger));
        prop_assert!(rank(&CHAIN, &with_all["verdict"]) >= rank(&CHAIN, &all["verdict"]));
    }
}

/// The same law on the vectors, where each rule is met: a fifth of their facts, one at a time.
#[test]
fn forgetting_a_fact_of_a_vector_contradicts_nothing() {
    let (mut checked, mut coin) = (0, 0);
    for file in support::vector_files("conditional-access") {
        for full in support::json(&file)["vectors"].as_array().expect("vectors") {
            let more = answer(full);
            for pointer in facts(&full["signIn"], "/signIn").chain(facts(&full["tenant"], "/tenant")) {
                coin += 1;
                if coin % 5 != 0 {
                    continue;
                }
                let mut part = full.clone();
                remove(&mut part, &pointer);
                let less = answer(&part);
                checked += 1;
                let told = || format!("{} without {pointer}\n{less:#}\n{more:#}", full["id"]);
                // A private address says less than none: what more is on record may be unknown again.
                let agree = |a: &Value, b: &Value| a == b || a == "unknown" || b == "unknown";
                for (id, policy) in less["policies"].as_object().expect("policies") {
                    assert!(agree(&policy["applies"], &more["policies"][id]["applies"]), "{}", told());
                }
                for field in ["outcome", "enforcement"] {
                    assert!(agree(&less[field], &more[field]), "{}", told());
                }
                match less["verdict"].as_str() {
                    Some("challenged") => assert!(rank(&CHAIN, &more["verdict"]) <= 1, "{}", told()),
                    Some(_) | None => assert!(agree(&less["verdict"], &more["verdict"]), "{}", told()),
                }
            }
        }
    }
    assert!(checked > 2000, "{checked}");
}

/// Pointers; what a request cannot do without is left out, and so are the two facts that a single decision presumes
/// where its file has no place for them (the engine's answer does not: `answers.rs`).
fn facts<'a>(value: &'a Value, at: &str) -> Box<dyn Iterator<Item = String> + 'a> {
    let at = at.to_owned();
    let members = value.as_object().into_iter().flatten();
    Box::new(
        members.filter(|(key, _)| !["kind", "id", "isMfaRegistered", "mandatoryMfa"].contains(&key.as_str())).flat_map(
            move |(key, value)| {
                let pointer = format!("{at}/{key}");
                let whole = (!["identity", "target"].contains(&key.as_str())).then(|| pointer.clone());
                whole.into_iter().chain(facts(value, &pointer)).collect::<Vec<_>>()
            },
        ),
    )
}

fn remove(vector: &mut Value, pointer: &str) {
    let Some((parent, key)) = pointer.rsplit_once('/') else { return };
    if let Some(object) = vector.pointer_mut(parent).and_then(Value::as_object_mut) {
        object.remove(key);
    }
}

/// A missing fact's name leads to nothing in the vector, or is no path into it.
fn is_off_the_record(fact: &str, vector: &Value) -> bool {
    match fact.split_once('.') {
        Some(("signIn" | "tenant", _)) => vector.pointer(&format!("/{}", fact.replace('.', "/"))).is_none(),
        _ => ["namedLocation:", "applicationGroupMembership:", "semantics:"].iter().any(|p| fact.starts_with(p)),
    }
}

/// Keys and words in capitals; what names a policy in the answer stays.
fn shout(value: &Value) -> Value {
    match value {
        Value::String(text) => json!(text.to_uppercase()),
        Value::Array(items) => items.iter().map(shout).collect(),
        Value::Object(members) => {
            let shouted: Map<String, Value> = members
                .iter()
                .map(|(key, value)| {
                    let named = key == "id" && value.as_str().is_some_and(|id| id.starts_with("99999999"));
                    (key.to_uppercase(), if named { value.clone() } else { shout(value) })
                })
                .collect();
            Value::Object(shouted)
        }
        other => other.clone(),
    }
}

/// Lists without their order.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(sorted).collect();
            items.sort_by_key(Value::to_string);
            Value::Array(items)
        }
        Value::Object(members) => members.iter().map(|(key, value)| (key.clone(), sorted(value))).collect(),
        other => other.clone(),
    }
}
