//! What the analysis claims, asked again: certificates, explanations, and every combination of controls.

use crate::support;
use std::path::Path;
use std::process::{Command, Output};

fn cutset(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cutset")).args(arguments).output().expect("the program runs")
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn shown(path: &Path) -> &str {
    path.to_str().expect("a path of text")
}

/// The silent variant laid out whole, with the eight controls: small, and with every kind of verdict.
#[test]
fn certificates_hold_and_every_cell_explains_itself() {
    let case = support::materialize("northgate-silent");
    let eight = support::eight();
    let folder = shown(case.path());
    let analyzed = cutset(&["analyze", folder, "--policies", shown(eight.path())]);
    assert!(analyzed.status.success(), "{}", text(&analyzed));
    let written = case.path().join("out/analysis.json");
    let verified = cutset(&["verify", shown(&written)]);
    assert!(verified.status.success(), "{}", text(&verified));
    for (step, control, says) in [
        ("s9", "storage-disable-shared-key", "Prevent authorization with Shared Key"),
        ("s2", "azure-management-mfa", "second factor"),
        ("s7", "storage-read-only-lock", "delete the lock"),
        ("s8", "azure-management-trusted-location", "listed at s7"),
    ] {
        let explained = cutset(&["explain", shown(&written), step, control]);
        assert!(explained.status.success() && text(&explained).contains(says), "{}", text(&explained));
        assert!(text(&explained).contains("record "), "{}", text(&explained));
    }
    // A clause that names a control too few no longer holds.
    let mut broken = support::json(&written);
    let clause = &mut broken["minimal_control_sets"]["clauses"][0]["controls"];
    clause.as_array_mut().expect("a clause names controls").remove(0);
    let beside = case.path().join("broken.json");
    std::fs::write(&beside, broken.to_string()).expect("written");
    assert_eq!(cutset(&["verify", shown(&beside)]).status.code(), Some(1));
}

#[test]
fn what_is_wrong_with_a_case_is_said_once_and_nothing_is_written() {
    let case = support::materialize("northgate-silent");
    let incident = case.path().join("incident.json");
    let good = std::fs::read_to_string(&incident).expect("incident.json");
    let out = case.path().join("out");
    let run = || cutset(&["analyze", shown(case.path())]);
    for (what, bad, says) in [
        ("no JSON", "{ \"schema\"".to_owned(), "incident.json"),
        ("a misspelt key", good.replace("\"indicators\"", "\"indicatrs\""), "did you mean `indicators`?"),
        (
            "an empty window",
            good.replace("2026-03-21T03:00:00Z", "2026-04-21T03:00:00Z")
                .replace("2026-03-21T08:00:00Z", "2026-04-21T08:00:00Z"),
            "window",
        ),
        (
            "indicators that match nothing",
            good.replace("198.51.100.77", "192.0.2.1").replace("admin@northgateeng.com", "nobody@northgateeng.com"),
            "indicator",
        ),
    ] {
        std::fs::write(&incident, bad).expect("written");
        let output = run();
        assert_eq!(output.status.code(), Some(2), "{what}: {}", text(&output));
        assert!(String::from_utf8_lossy(&output.stderr).contains(says), "{what}: {}", text(&output));
        assert!(!out.exists(), "{what}: something was written");
    }
    let missing = cutset(&["analyze", "no-such-folder"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(text(&missing).contains("no such folder"), "{}", text(&missing));
}
