//! The graph for BloodHound against the schema kept here (written from SpecterOps' documentation of the format), for the
//! example, for every case of `tests/cases`, and for every hostile string.

use super::hostile::{corpus, poisoned};
use crate::support::{self, analyzed};
use cutset::analysis::Analysis;
use cutset::render::{Request, render};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn graph(analysis: &Analysis, view: &str) -> Value {
    let request = Request { view: view.to_owned(), ..Request::default() };
    let made = render(analysis, "open-graph", &request).expect("it renders");
    assert_eq!(made.len(), 1);
    serde_json::from_slice(&made[0].bytes).expect("JSON")
}

fn schema() -> jsonschema::Validator {
    let schema = support::json(&support::root().join("tests/render/open-graph/schema.json"));
    jsonschema::validator_for(&schema).expect("a schema")
}

fn wrong(schema: &jsonschema::Validator, value: &Value) -> Vec<String> {
    let mut found: Vec<String> =
        schema.iter_errors(value).map(|error| format!("{} {error}", error.instance_path())).collect();
    // BloodHound stores ids in capital letters: two that differ in their letters' case are one.
    let mut ids = BTreeSet::new();
    for node in value["graph"]["nodes"].as_array().into_iter().flatten() {
        let id = node["id"].as_str().unwrap_or_default().to_uppercase();
        if !ids.insert(id.clone()) {
            found.push(format!("two nodes are {id}"));
        }
    }
    for edge in value["graph"]["edges"].as_array().into_iter().flatten() {
        for end in ["start", "end"] {
            let id = edge[end]["value"].as_str().unwrap_or_default();
            if !ids.contains(&id.to_uppercase()) {
                found.push(format!("an edge's {end} is {id}, which is no node"));
            }
        }
    }
    found
}

fn fits(schema: &jsonschema::Validator, analysis: &Analysis, why: &str) {
    for view in ["attack", "residual"] {
        let value = graph(analysis, view);
        assert_eq!(wrong(schema, &value), Vec::<String>::new(), "{why} {view}");
        assert!(value["graph"]["nodes"].as_array().is_some_and(|nodes| !nodes.is_empty()), "{why} {view}");
    }
}

#[test]
fn bloodhound_takes_the_example_and_every_hostile_string() {
    let schema = schema();
    fits(&schema, analyzed("example"), "the example");
    for (why, text) in corpus() {
        let mut analysis = poisoned(&text);
        analysis.incident.id = text.clone();
        analysis.incident.marking = Some(text);
        fits(&schema, &analysis, &why);
    }
}

#[test]
fn two_incidents_do_not_meet_in_one_database() {
    let ids = |incident: &str| -> BTreeSet<String> {
        let mut analysis = analyzed("example").clone();
        analysis.incident.id = incident.to_owned();
        let value = graph(&analysis, "attack");
        let nodes = value["graph"]["nodes"].as_array().expect("nodes").clone();
        nodes.iter().map(|node| node["id"].as_str().expect("an id").to_uppercase()).collect()
    };
    let all = ["one", "two", "\u{6771}\u{4eac}", "\u{5927}\u{962a}", "a b", "a-b"].map(ids);
    for (n, one) in all.iter().enumerate() {
        for other in &all[n + 1..] {
            assert!(one.is_disjoint(other), "{:?} {:?}", one.first(), other.first());
        }
    }
}

#[test]
fn what_bloodhound_would_refuse_is_found_out() {
    let schema = schema();
    let good = graph(analyzed("example"), "attack");
    let broken: [(&str, Value); 7] = [
        ("/graph/nodes/0/kinds", json!(["A", "B", "C", "D"])),
        ("/graph/nodes/0/kinds/0", json!("No Blanks")),
        ("/graph/nodes/0/properties/name", json!({ "nested": true })),
        ("/graph/nodes/0/properties/name", json!([1, "mixed"])),
        ("/graph/nodes/0/properties/name", Value::Null),
        ("/graph/edges/0/kind", json!("Not-A-Kind")),
        ("/graph/edges/0/end/value", json!("nowhere")),
    ];
    for (pointer, value) in broken {
        let mut changed = good.clone();
        *changed.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")) = value.clone();
        assert!(!wrong(&schema, &changed).is_empty(), "{pointer} {value} passed");
    }
}

#[test]
fn bloodhound_takes_every_case() {
    let schema = schema();
    let one = support::catalogue_of(&["storage-disable-shared-key"]);
    let mut seen = 0;
    for entry in std::fs::read_dir(support::root().join("tests/cases")).expect("cases").flatten() {
        // The variants of the example differ in what is known of it, not in what is drawn.
        let name = entry.file_name().to_string_lossy().into_owned();
        if !entry.path().is_dir() || name.starts_with("northgate-") {
            continue;
        }
        let case = support::materialize(&name);
        fits(&schema, &support::analyze(case.path(), Some(one.path())), &name);
        seen += 1;
    }
    assert!(seen > 30, "{seen}");
}
