//! Certificates hold, and a changed one is refuted: by the file alone where it contradicts itself, by the case where
//! only a replay can tell.

use super::{Said, cutset, legible, northgate, shown};
use crate::support::{Folder, root};
use serde_json::{Value, json};

fn verify(analysis: &Value, case: bool) -> Said {
    let folder = Folder::new("verify");
    let file = folder.path().join("analysis.json");
    std::fs::write(&file, analysis.to_string()).expect("a file");
    let example = root().join("examples/northgate");
    let mut arguments = vec!["verify", shown(&file)];
    if case {
        arguments.extend(["--case", shown(&example)]);
    }
    cutset(&arguments)
}

fn made() -> Value {
    serde_json::from_str(&std::fs::read_to_string(northgate()).expect("analysis.json")).expect("JSON")
}

#[test]
fn what_was_found_holds_with_the_case_and_without() {
    let analysis = made();
    let said = verify(&analysis, true);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{}", said.out);
    legible(&said.out);
    assert!(said.out.starts_with("Certificates hold:") && said.out.contains("paths walked again"), "{}", said.out);
    let said = verify(&analysis, false);
    assert_eq!(said.code, 0, "{}", said.out);
    assert!(said.out.contains("Not checked: paths and verdicts: the case is not beside the file"), "{}", said.out);
}

type Mutation = (&'static str, bool, fn(&mut Value));

/// What is changed, whether it takes the case to see it, and how.
const MUTATIONS: &[Mutation] = &[
    ("a set less a member", false, |a| {
        let sets = a["minimal_control_sets"]["all_paths"].as_array_mut().expect("sets");
        sets[0]["set"].as_array_mut().expect("a set").pop();
    }),
    ("a set of another control", false, |a| {
        a["minimal_control_sets"]["all_paths"][0]["set"] = json!(["storage-disable-shared-key"]);
    }),
    ("a set that is not listed", false, |a| {
        a["minimal_control_sets"]["all_paths"].as_array_mut().expect("sets").remove(0);
    }),
    ("a verdict turned into a cut", false, |a| a["steps"][1]["verdicts"][0]["verdict"] = json!("cut")),
    ("a verdict turned into a cut, lists and all", true, |a| {
        let control = a["steps"][1]["verdicts"][0]["control"].as_str().expect("an id").to_owned();
        let count = a["steps"][1]["count"].clone();
        a["steps"][1]["verdicts"][0]["verdict"] = json!("cut");
        a["steps"][1]["verdicts"][0]["events"] = json!({ "cut": count, "challenged": 0, "unknown": 0, "not-cut": 0 });
        a["steps"][1]["cut_by"].as_array_mut().expect("sets").push(json!([control]));
        let controls = a["controls"].as_array_mut().expect("controls");
        let of = controls.iter_mut().find(|c| c["id"] == control.as_str()).expect("the control");
        for list in ["cuts", "cuts_directly"] {
            let ids = of[list].as_array_mut().expect("ids");
            let at = ids.iter().position(|id| id.as_str() > Some("s2") || id == "s10").unwrap_or(ids.len());
            ids.insert(at, json!("s2"));
        }
    }),
    ("a control said to close", false, |a| {
        let controls = a["controls"].as_array_mut().expect("controls");
        let open = controls.iter_mut().find(|c| c["id"] == "storage-firewall").expect("the control");
        open["closes"] = json!("closed");
    }),
    ("a clause's path without its last hop", false, |a| {
        a["minimal_control_sets"]["clauses"][0]["path"].as_array_mut().expect("a path").pop();
    }),
    ("a clause's path without a hop", true, |a| {
        let path = a["minimal_control_sets"]["clauses"][0]["path"].as_array_mut().expect("a path");
        path.remove(path.len() - 2);
    }),
    ("a path without its sign-in", true, |a| {
        let path = a["residual_paths"][0]["steps"].as_array_mut().expect("a path");
        let at = path.iter().position(|step| step["action"] == "SignIn").expect("a sign-in");
        path.remove(at);
    }),
    ("a clause that more controls meet", true, |a| {
        let clause = &mut a["minimal_control_sets"]["clauses"][0];
        let moved = clause["controls"][0].clone();
        clause["insecure"].as_array_mut().expect("controls").push(moved);
        clause["controls"].as_array_mut().expect("controls").remove(0);
    }),
    ("another effort", false, |a| a["minimal_control_sets"]["all_paths"][0]["effort"] = json!(0)),
    ("a jewel told uncovered that sets close", false, |a| {
        let jewel = a["minimal_control_sets"]["all_paths"][0]["jewel"].clone();
        a["minimal_control_sets"]["uncovered"] = json!([{ "jewel": jewel, "steps": [] }]);
    }),
    ("another set marked the cheapest", false, |a| {
        let sets = a["minimal_control_sets"]["all_paths"].as_array_mut().expect("sets");
        sets[0]["cheapest"] = json!(false);
    }),
    ("a set marked Pareto-optimal", false, |a| {
        let sets = a["minimal_control_sets"]["all_paths"].as_array_mut().expect("sets");
        let worse = sets.iter_mut().find(|set| set["pareto"] == json!(false)).expect("a set that is not");
        worse["pareto"] = json!(true);
    }),
    ("no residual paths", false, |a| a["residual_paths"] = json!([])),
    ("a path of somebody else", true, |a| {
        let path = a["residual_paths"][0]["steps"].as_array_mut().expect("a path");
        path[0]["from"] = json!("nobody@northgateeng.com");
    }),
    ("a certified path that ends elsewhere", false, |a| {
        let path = a["minimal_control_sets"]["clauses"][0]["path"].as_array_mut().expect("a path");
        path.last_mut().expect("a hop")["to"] = json!("/subscriptions/x");
    }),
    ("more bytes in the headline", false, |a| a["headline"]["bytes"] = json!(1)),
];

#[test]
fn a_changed_certificate_is_refuted() {
    for (what, needs_case, mutate) in MUTATIONS {
        let mut analysis = made();
        mutate(&mut analysis);
        let said = verify(&analysis, *needs_case);
        assert_eq!(said.code, 1, "{what}: {}{}", said.out, said.err);
        legible(&said.out);
        assert!(said.out.contains("Refuted:") && said.out.contains("do not hold"), "{what}: {}", said.out);
    }
}

#[test]
fn what_cannot_be_checked_is_said() {
    let folder = Folder::new("nothing");
    let said = cutset(&["verify", shown(folder.path())]);
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    assert!(said.err.contains("this folder holds no analysis.json"), "{}", said.err);
    // A folder that holds one is as good as the file.
    let said = cutset(&["verify", shown(northgate().parent().expect("a folder"))]);
    assert_eq!(said.code, 0, "{}", said.out);
    // Another case is told from the one it was made of.
    let other = crate::support::materialize("northgate-no-bodies");
    let said = cutset(&["verify", shown(northgate()), "--case", shown(other.path())]);
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    assert!(said.err.contains("this is not the case the analysis was made of"), "{}", said.err);
}

/// Every field that carries a claim and no certificate of its own: pointer and what it is changed to. A file per kind of
/// claim would say no more.
fn claims() -> Value {
    let path = root().join("tests/architect/claims.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect("claims.json")).expect("JSON")
}

#[test]
fn every_claim_that_is_changed_is_told_by_making_it_again() {
    let whole = made();
    let original: cutset::analysis::Analysis = serde_json::from_value(whole.clone()).expect("an analysis");
    for claim in claims().as_array().expect("claims") {
        let (at, to) = (claim["at"].as_str().expect("a pointer"), &claim["to"]);
        let mut changed = whole.clone();
        let place = changed.pointer_mut(at).unwrap_or_else(|| panic!("nothing at {at}"));
        assert_ne!(place, to, "{at} is that already");
        *place = to.clone();
        let changed: cutset::analysis::Analysis =
            serde_json::from_value(changed).unwrap_or_else(|e| panic!("{at}: {e}"));
        let mut verified = cutset::analysis::verify::Verified::default();
        cutset::analysis::verify::compare(&changed, &original, &mut verified);
        assert!(verified.failures.iter().any(|failure| failure.starts_with(at)), "{at}: {:?}", verified.failures);
    }
    let mut same = cutset::analysis::verify::Verified::default();
    cutset::analysis::verify::compare(&original, &original, &mut same);
    assert!(same.failures.is_empty() && same.again, "{:?}", same.failures);
}
