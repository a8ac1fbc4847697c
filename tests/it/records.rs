//! Raw records that travel with the answer: the ones the steps cite, masked, and bounded.

use crate::support;
use cutset::ingest::{InputFile, excerpts};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

fn made(record: &Value) -> Value {
    let file = InputFile::bytes("a.json", record.to_string().into_bytes());
    let place = ("a.json".to_owned(), 1);
    let found = excerpts(&[file], &BTreeSet::from([place.clone()]));
    let text = &found[&place];
    assert!(text.chars().count() <= 6000, "{}", text.len());
    serde_json::from_str(text).expect("still JSON")
}

#[test]
fn secrets_are_masked_where_they_are_text_in_text() {
    let body = json!({ "properties": { "adminPassword": "hunter2" } }).to_string();
    let shown = made(&json!({ "requestbody": body, "uri": "https://x/y?sv=1&sig=abc" }));
    assert_eq!(shown["requestbody"]["properties"]["adminPassword"], "***");
    assert_eq!(shown["uri"], "https://x/y?sv=1&sig=***");
}

#[test]
fn what_is_long_is_cut_and_says_so() {
    let shown = made(&json!({ "name": "n".repeat(10_000), "list": vec![1; 50] }));
    assert!(shown["name"].as_str().is_some_and(|text| text.ends_with("… 9400 more characters")), "{shown}");
    assert_eq!(shown["list"][20], "… 30 more");
    let many: Map<String, Value> = (0..2000).map(|n| (format!("field{n:04}"), json!("value"))).collect();
    let shown = made(&Value::Object(many));
    assert_eq!(shown["field0000"], "value");
    assert!(shown["…"].as_str().is_some_and(|text| text.ends_with("more fields")), "{shown}");
}

#[test]
fn every_step_of_northgate_has_its_records() {
    let analysis = support::northgate();
    for step in &analysis.steps {
        let alerts = step.alerts.iter().flat_map(|alert| &alert.evidence);
        for cited in step.evidence.iter().chain(alerts) {
            let found = analysis.records.iter().find(|r| r.file == *cited.file && r.record == cited.record);
            let record = found.unwrap_or_else(|| panic!("{}: {cited:?} is left out", step.id));
            serde_json::from_str::<Value>(&record.excerpt).expect("JSON");
        }
    }
    let signin = &analysis.records.iter().find(|r| r.file.contains("SigninLogs")).expect("a sign-in").excerpt;
    assert!(signin.contains("198.51.100.77"), "{signin}");
}
