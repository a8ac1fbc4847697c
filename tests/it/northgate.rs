//! The incident the project was born from, against its answers (`tests/northgate/answers.json`), and its variants.

use crate::support::{self, analyze};
use cutset::analysis::{Analysis, Guarantee};
use cutset::cli::inputs;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

fn row(analysis: &Analysis, control: &str) -> String {
    analysis.steps.iter().map(|step| support::sign(step, control)).collect::<Vec<_>>().join(" ")
}

fn words(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect()
}

fn check_rows(analysis: &Analysis, expected: &Value) {
    for (control, cells) in expected.as_object().into_iter().flatten() {
        assert_eq!(Some(row(analysis, control).as_str()), cells.as_str(), "{control}");
    }
}

fn check_sets(analysis: &Analysis, expected: &Value) {
    let found: BTreeSet<String> = analysis
        .minimal_control_sets
        .all_paths
        .iter()
        .map(|set| {
            let guarantee = match set.guarantee {
                Guarantee::Closed => "closed".to_owned(),
                Guarantee::ClosedIfLacking => format!("closed-if-lacking:{}", set.words.join(",")),
            };
            let cheapest =
                if set.cheapest && (set.guarantee == Guarantee::Closed || set.effort == 1) { " cheapest" } else { "" };
            format!("{guarantee} {}{cheapest}", set.set.join("+"))
        })
        .collect();
    assert_eq!(found, words(expected).into_iter().collect::<BTreeSet<_>>());
}

fn unexplained(analysis: &Analysis) -> BTreeSet<String> {
    analysis.unexplained.iter().map(|u| format!("{} {}", u.step, u.need)).collect()
}

#[test]
fn northgate_answers() {
    let answers = support::json(&support::root().join("tests/northgate/answers.json"));
    let eight = support::eight();
    let analysis = analyze(&support::root().join("examples/northgate"), Some(eight.path()));
    let steps = answers["steps"].as_array().expect("steps");
    assert_eq!(analysis.steps.len(), steps.len());
    for (step, expected) in analysis.steps.iter().zip(steps) {
        assert!(step.time.to_string().starts_with(expected["time"].as_str().expect("time")), "{}", step.time);
        assert_eq!(step.action, expected["action"].as_str().expect("action"), "{}", step.id);
        assert_eq!((Some(step.count), Some(step.bytes)), (expected["count"].as_u64(), expected["bytes"].as_u64()));
    }
    check_rows(&analysis, &answers["verdicts"]);
    check_sets(&analysis, &answers["sets"]);
    assert_eq!(unexplained(&analysis), words(&answers["unexplained"]).into_iter().collect());
    let caveats: BTreeSet<String> =
        analysis.steps.iter().filter(|s| s.verdicts.iter().any(|v| v.caveat.is_some())).map(|s| s.id.clone()).collect();
    assert_eq!(caveats, words(&answers["caveats"]).into_iter().collect());
    for (control, steps) in answers["assumes"].as_object().expect("assumes") {
        for id in words(steps) {
            let verdict = analysis.step(&id).and_then(|s| s.verdict(control)).expect("a verdict");
            assert!(
                verdict.assumes.iter().any(|a| a.contains("listed at s7")),
                "{control} on {id}: {:?}",
                verdict.assumes
            );
        }
    }
    let calibration = &analysis.calibration[0];
    let expected = &answers["calibration"];
    assert_eq!(
        (Some(calibration.compared), Some(calibration.agree), Some(calibration.unknown), calibration.differ.len()),
        (expected["compared"].as_u64(), expected["agree"].as_u64(), expected["unknown"].as_u64(), 0)
    );
    for (control, detours) in answers["residual"].as_object().expect("residual") {
        for detour in words(detours) {
            let open = analysis.residual_paths.iter().any(|p| p.with == [control.clone()] && p.short.contains(&detour));
            assert!(open, "{control} leaves `{detour}` open");
        }
    }
    assert_eq!(analysis.headline.bytes, 2_450_000_000);
}

#[test]
fn northgate_variants() {
    let answers = support::json(&support::root().join("tests/northgate/answers.json"));
    let eight = support::eight();
    for (name, expected) in answers["variants"].as_object().expect("variants") {
        let case = support::materialize(name);
        let own = case.path().join("policies");
        let only = expected["only"].is_object();
        let analysis = analyze(case.path(), Some(if only { &own } else { eight.path() }));
        check_rows(&analysis, &expected["verdicts"]);
        if only {
            check_rows(&analysis, &expected["only"]);
        }
        if expected["same"].as_bool() == Some(true) {
            check_rows(&analysis, &answers["verdicts"]);
        }
        if expected["sets"].is_array() {
            check_sets(&analysis, &expected["sets"]);
        }
        for need in words(&expected["unexplained"]) {
            assert!(unexplained(&analysis).contains(&need), "{name}: {:?}", unexplained(&analysis));
        }
        if let Some(text) = expected["assumption"].as_str() {
            assert!(analysis.assumptions.iter().any(|a| a.text.contains(text)), "{name}: {:?}", analysis.assumptions);
        }
    }
}

#[test]
fn a_control_that_history_contradicts_is_marked() {
    let case = support::materialize("policy-changed-since");
    let eight = support::eight();
    let analysis = analyze(case.path(), Some(eight.path()));
    assert!(!analysis.calibration[0].differ.is_empty());
    let marked: BTreeMap<&str, &str> =
        analysis.controls.iter().filter_map(|c| Some((c.id.as_str(), c.disagrees.as_deref()?))).collect();
    let own = "snapshot:conditional-access:require-compliant-device-for-azure-management";
    assert!(marked[own].contains("this policy itself"), "{marked:?}");
    assert!(marked["azure-management-mfa"].contains("asks about mfa too"), "{marked:?}");
    assert!(!marked.contains_key("azure-management-compliant-device"), "{marked:?}");
    let sound = analyze(&support::root().join("examples/northgate"), Some(eight.path()));
    assert!(sound.controls.iter().all(|c| c.disagrees.is_none()));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let eight = support::eight();
    let case = support::root().join("examples/northgate");
    let bytes = || serde_json::to_vec(&analyze(&case, Some(eight.path()))).expect("an analysis");
    assert_eq!(bytes(), bytes());
}

/// Logs too large to hold are read again: the same events, only later.
#[test]
fn reading_again_gives_the_same_events() {
    let files = inputs::case(&support::root().join("examples/northgate")).expect("a case folder");
    let (environment, kept, _) = cutset::ingest::environment(&files, 10_000);
    assert!(kept.is_none());
    let mut again = Vec::new();
    cutset::ingest::events(&files, &environment, &mut |event| again.push(event));
    again.sort_by(|a, b| (a.time, &a.evidence).cmp(&(b.time, &b.evidence)));
    let (_, at_once, _) = cutset::ingest::environment_and_events(&files);
    assert!(again == at_once, "{} and {} events", again.len(), at_once.len());
}
