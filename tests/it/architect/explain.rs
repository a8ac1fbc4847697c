//! Every kind of claim of the summary is asked, and answers with evidence that is there: file, record, pointer.

use super::{analysis, cutset, legible, northgate, shown};
use crate::support::{json, root};
use cutset::analysis::{Analysis, Closes};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The lines an answer points with: `file, record 7, /pointer`.
fn pointed(text: &str) -> Vec<(String, u64, String)> {
    // A long place is wrapped: the continuation is put back.
    let mut whole: Vec<String> = Vec::new();
    for line in text.lines() {
        let continues = line.starts_with("           ") && whole.last().is_some_and(|last| last.starts_with("  fact"));
        match (continues, whole.last_mut()) {
            (true, Some(last)) => {
                last.push(' ');
                last.push_str(line.trim());
            }
            _ => whole.push(line.to_owned()),
        }
    }
    whole
        .iter()
        .filter_map(|line| line.strip_prefix("  fact"))
        .map(|place| {
            let mut parts = place.trim().splitn(3, ", ");
            let (file, record) = (parts.next().expect("a file"), parts.next().expect("a record"));
            let record = record.trim_start_matches("record ").split(' ').next().expect("a number");
            let pointer = parts.next().filter(|p| p.starts_with('/')).unwrap_or_default();
            (file.to_owned(), record.parse().expect("a number"), pointer.to_owned())
        })
        .collect()
}

/// The records of a file, as evidence counts them.
fn records(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let text = text.trim_start_matches('\u{feff}');
    match path.extension().and_then(|e| e.to_str()) {
        Some("csv") => text.lines().skip(1).map(|line| Value::String(line.to_owned())).collect(),
        Some("ndjson") => {
            text.lines().filter(|l| !l.trim().is_empty()).map(|l| serde_json::from_str(l).expect("JSON")).collect()
        }
        _ => match serde_json::from_str(text).expect("JSON") {
            Value::Array(items) => items,
            Value::Object(mut map) => {
                let list =
                    ["value", "data", "Items"].into_iter().find(|key| map.get(*key).is_some_and(Value::is_array));
                match list.and_then(|key| map.remove(key)) {
                    Some(Value::Array(items)) => items,
                    _ => vec![Value::Object(map)],
                }
            }
            other => vec![other],
        },
    }
}

struct Evidence {
    seen: BTreeMap<PathBuf, Vec<Value>>,
}

impl Evidence {
    /// The evidence of an answer exists; how much there was.
    fn check(&mut self, what: &str, text: &str) -> usize {
        let places = pointed(text);
        for (file, record, pointer) in &places {
            if file.starts_with("built-in:") {
                continue;
            }
            let folder = if file.starts_with("policies/") { root() } else { root().join("examples/northgate") };
            let path = folder.join(file);
            let records = self.seen.entry(path.clone()).or_insert_with(|| records(&path));
            let at = usize::try_from(*record).expect("a number").checked_sub(1);
            let found =
                at.and_then(|at| records.get(at)).unwrap_or_else(|| panic!("{what}: no record {record} in {file}"));
            let whole = file.starts_with("policies/") || !pointer.is_empty();
            // A CSV row is pointed at whole; the columns of a table export are spelled the table's way.
            if whole && !found.is_string() && !pointer.is_empty() {
                assert!(resolves(found, pointer), "{what}: nothing at {pointer} of {file}, record {record}");
            }
        }
        places.len()
    }
}

/// The pointer leads somewhere, or to where a documented default stands in (its parent is there).
fn resolves(record: &Value, pointer: &str) -> bool {
    let parent = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
    record.pointer(pointer).is_some() || record.pointer(parent).is_some_and(Value::is_object)
}

#[test]
fn every_claim_of_the_summary_is_proven() {
    let file = northgate();
    let analysis = analysis();
    let ask = |arguments: &[&str]| -> String {
        let all: Vec<&str> = ["explain", shown(file)].iter().chain(arguments).copied().collect();
        let said = cutset(&all);
        assert_eq!((said.code, said.err.as_str()), (0, ""), "{arguments:?}");
        legible(&said.out);
        said.out
    };
    let mut evidence = Evidence { seen: BTreeMap::new() };
    // Kind of claim in the summary → how it is asked.
    let first = |level: &str| {
        let all = analysis.steps.iter().flat_map(|step| step.verdicts.iter().map(move |verdict| (step, verdict)));
        let mut of = all.filter(|(_, v)| serde_json::to_value(v.verdict).expect("a word") == level);
        of.next().map(|(step, verdict)| vec![step.id.clone(), verdict.control.clone()])
    };
    let closing = |closes: Closes| {
        analysis.controls.iter().find(|c| c.closes == closes && !c.cuts.is_empty()).map(|c| vec![c.id.clone()])
    };
    let lawful = analysis.controls.iter().find(|c| c.collateral.cut > 0).map(|c| vec![c.id.clone()]);
    let word = |subject: &str| Some(vec![subject.to_owned()]);
    let claims: Vec<(&str, Option<Vec<String>>)> = vec![
        ("headline", word("headline")),
        ("assumption", word("assumptions")),
        ("calibration", word("calibration")),
        ("logs read, not collected", word("coverage")),
        ("a step", word("s7")),
        ("a cell: stopped", first("cut")),
        ("a cell: asks", first("challenged")),
        ("a cell: not known", first("unknown")),
        ("a cell: not stopped", first("not-cut")),
        ("closes every path: yes", closing(Closes::Closed)),
        ("closes every path: no", closing(Closes::NotClosed)),
        ("lawful use it stops", lawful),
        ("do first: the sets and their guarantee", word("sets")),
        ("do first: what was owned already", word("owned")),
        ("not enough: a residual path", analysis.residual_paths.first().map(|p| vec![p.id.clone()])),
        ("contain", word("containment")),
        ("unexplained", word("unexplained")),
        ("settles cells", word("gaps")),
        ("detections", word("detections")),
    ];
    for (claim, question) in &claims {
        let question = question.as_ref().unwrap_or_else(|| panic!("the summary makes no claim: {claim}"));
        let arguments: Vec<&str> = question.iter().map(String::as_str).collect();
        let answer = ask(&arguments);
        assert!(evidence.check(claim, &answer) > 0, "{claim}: no evidence\n{answer}");
        let all: Vec<&str> = ["explain", shown(file)].iter().chain(&arguments).chain(&["--json"]).copied().collect();
        serde_json::from_str::<Value>(&cutset(&all).out).unwrap_or_else(|error| panic!("{claim}: {error}"));
    }
    // And without naming anything: what can be asked.
    let list = ask(&[]);
    for subject in ["headline", "sets", "STEP CONTROL"] {
        assert!(list.contains(subject), "{list}");
    }
}

#[test]
fn every_cell_names_records_that_exist() {
    let analysis = analysis();
    let mut evidence = Evidence { seen: BTreeMap::new() };
    let inner = BTreeSet::from(["sharedKeyDisabled", "compliantDevice", "noMatchingAssignment", "turns on signIn"]);
    for step in &analysis.steps {
        for verdict in &step.verdicts {
            let text =
                cutset::render::explain_in_lines(analysis, &step.id, Some(&verdict.control), 100).expect("a proof");
            let what = format!("{} {}", step.id, verdict.control);
            legible(&text);
            assert!(evidence.check(&what, &text) > 0, "{what}: no evidence\n{text}");
            assert!(!inner.iter().any(|word| text.contains(word)), "{what}: a word of the machine's\n{text}");
        }
    }
    for path in &analysis.residual_paths {
        let text = cutset::render::explain_in_lines(analysis, &path.id, None, 100).expect("a proof");
        assert!(evidence.check(&path.id, &text) > 0, "{text}");
    }
}

#[test]
fn a_value_of_the_controls_own_is_cited_from_its_document() {
    let analysis = analysis();
    let text =
        cutset::render::explain_in_lines(analysis, "s8", Some("storage-disable-shared-key"), 100).expect("a proof");
    assert!(
        text.contains("policies/storage-disable-shared-key.json, record 1, /properties/allowSharedKeyAccess"),
        "{text}"
    );
    assert!(!text.contains("snapshot/azure/resources.json"), "{text}");
    let patch = json(&root().join("policies/storage-disable-shared-key.json"));
    assert_eq!(patch.pointer("/properties/allowSharedKeyAccess"), Some(&Value::Bool(false)));
}

#[test]
fn what_is_not_there_is_named() {
    let file = northgate();
    for (arguments, message, help) in [
        (vec!["s99"], "no step, control, path or subject `s99`", "did you mean `s"),
        (vec!["s1", "storage-firewal"], "no control `storage-firewal`", "did you mean `storage-firewall`?"),
        (vec!["heading"], "no step, control, path or subject `heading`", "did you mean `headline`?"),
        (vec!["xyzzyxyzzyxyzzy"], "no step, control", "known are headline"),
    ] {
        let all: Vec<&str> = ["explain", shown(file)].into_iter().chain(arguments.iter().copied()).collect();
        let said = cutset(&all);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{arguments:?}");
        assert!(said.err.contains(message) && said.err.contains(help), "{arguments:?}: {}", said.err);
    }
}

/// The analysis read back renders as the one that was made.
#[test]
fn the_analysis_is_read_back_whole() {
    let text = std::fs::read_to_string(northgate()).expect("analysis.json");
    let read: Analysis = serde_json::from_str(&text).expect("an analysis");
    assert_eq!(&read, analysis());
}
