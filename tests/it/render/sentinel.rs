//! Rule files against the schema kept here (written from real rules, which have to fit it too), and their queries
//! against the vendor's own parser, with the tables they read declared (`tests/render/sentinel/check.js`).
//!
//! The parser is npm's `@kusto/language-service-next`, found by `NODE_PATH` or in `target/ci` (as `.ci/run` installs
//! it); real rules stand in `../shared`. Where one is absent the test says so and passes.

use super::files::yaml;
use super::hostile::corpus;
use crate::support::{self, analyzed};
use cutset::analysis::Analysis;
use cutset::render::{Artifact, Request, render};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn schema() -> Value {
    support::json(&support::root().join("tests/render/sentinel/schema.json"))
}

fn errors(schema: &Value, rule: &Value) -> Vec<String> {
    let schema = jsonschema::validator_for(schema).expect("a schema");
    schema.iter_errors(rule).map(|error| format!("{} {error}", error.instance_path())).collect()
}

fn rules(analysis: &Analysis) -> Vec<Artifact> {
    render(analysis, "sentinel", &Request::default()).expect("it renders")
}

fn text(file: &Artifact) -> String {
    String::from_utf8(file.bytes.clone()).expect("it is text")
}

fn read(text: &str) -> Value {
    let lines: Vec<&str> = text.lines().collect();
    yaml(&mut lines.iter().peekable(), 0)
}

/// Folder of modules that has this one.
fn modules(module: &str) -> Option<PathBuf> {
    let named = std::env::var("NODE_PATH").unwrap_or_default();
    let named = std::env::split_paths(&named).collect::<Vec<_>>();
    let mut folders = named.into_iter().chain([support::root().join("target/ci/node_modules")]);
    folders.find(|folder| folder.join(module).is_dir())
}

/// What the script answers, or nothing where node or the module is absent.
fn ask(module: &str, input: &Value) -> Option<Value> {
    let Some(folder) = modules(module) else {
        eprintln!("skipped: no npm module {module} in NODE_PATH or target/ci");
        return None;
    };
    let script = support::root().join("tests/render/sentinel/check.js");
    let child = Command::new("node")
        .arg(script)
        .env("NODE_PATH", folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        eprintln!("skipped: no node here");
        return None;
    };
    child.stdin.take().expect("a pipe").write_all(input.to_string().as_bytes()).expect("node reads");
    let output = child.wait_with_output().expect("node ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).expect("an answer"))
}

fn span(rule: &Value, field: &str) -> u64 {
    let text = rule[field].as_str().expect("a span");
    let (number, unit) = text.split_at(text.len() - 1);
    let number: u64 = number.parse().expect("a number");
    number * BTreeMap::from([("m", 1), ("h", 60), ("d", 24 * 60)])[unit]
}

#[test]
fn rules_of_the_example_fit_the_schema_and_the_limits_of_the_service() {
    let analysis = analyzed("example");
    let exported = analysis.detections.iter().filter(|d| d.exported).count();
    let made = rules(analysis);
    assert_eq!(made.len(), exported, "one file a rule");
    assert!(exported > 5);
    let names: BTreeSet<&str> = made.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names.len(), made.len());
    let schema = schema();
    let mut ids = BTreeSet::new();
    for file in &made {
        assert!(text(file).starts_with("# TLP:AMBER\n"), "{}", file.name);
        let rule = read(&text(file));
        assert_eq!(errors(&schema, &rule), Vec::<String>::new(), "{}", file.name);
        assert!(ids.insert(rule["id"].to_string()), "{}: its id is another's", file.name);
        // *Create a scheduled analytics rule*: 5 minutes to 14 days; a look-back from 2 days on runs hourly at most.
        let (every, back) = (span(&rule, "queryFrequency"), span(&rule, "queryPeriod"));
        assert!(every >= 5 && back <= 14 * 24 * 60 && back >= every, "{}", file.name);
        assert!(back < 2 * 24 * 60 || every >= 60, "{}", file.name);
        // What it maps to entities is a column of its last line or of the table.
        for mapping in rule["entityMappings"].as_array().expect("mappings") {
            for field in mapping["fieldMappings"].as_array().expect("fields") {
                let column = field["columnName"].as_str().expect("a column");
                assert!(rule["query"].as_str().is_some_and(|q| q.contains(column)), "{}: {column}", file.name);
            }
        }
    }
}

fn yaml_files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => yaml_files(&path, into),
            false if path.extension().is_some_and(|e| e == "yaml") => into.push(path),
            false => {}
        }
    }
}

#[test]
fn real_rules_fit_the_schema_too() {
    let folder = support::root().join("../shared/samples/timeline/sentinel-analytics-rules");
    let mut paths = Vec::new();
    yaml_files(&folder, &mut paths);
    paths.sort();
    if paths.is_empty() {
        eprintln!("skipped: no {}", folder.display());
        return;
    }
    let texts: Vec<String> = paths.iter().map(|p| std::fs::read_to_string(p).expect("a file")).collect();
    let Some(answer) = ask("js-yaml", &json!({ "yaml": texts })) else { return };
    for (path, rule) in paths.iter().zip(answer["yaml"].as_array().expect("a list")) {
        let mut schema = schema();
        if !path.components().any(|part| part.as_os_str() == "current") {
            // Rules of before 2022 name neither.
            let required = schema["required"].as_array_mut().expect("a list");
            required.retain(|field| !["status", "version", "kind"].iter().any(|new| field == new));
        }
        assert_eq!(errors(&schema, rule), Vec::<String>::new(), "{}", path.display());
    }
}

#[test]
fn another_reader_of_yaml_reads_the_same() {
    let mut texts: Vec<String> = rules(analyzed("example")).iter().map(text).collect();
    for (_, hostile) in corpus() {
        let mut analysis = super::hostile::poisoned(&hostile);
        for rule in &mut analysis.detections {
            rule.title = hostile.clone();
            rule.description = hostile.clone();
            rule.query = format!("AzureActivity\n| where Caller == \"x\" // {hostile}\n{hostile}");
        }
        texts.extend(rules(&analysis).iter().map(text));
    }
    let Some(answer) = ask("js-yaml", &json!({ "yaml": texts })) else { return };
    for (text, rule) in texts.iter().zip(answer["yaml"].as_array().expect("a list")) {
        assert_eq!(&read(text), rule, "{text}");
    }
}

/// What the vendor's parser finds in each query.
fn found(queries: &[String]) -> Option<Vec<Vec<String>>> {
    let answer = ask("@kusto/language-service-next", &json!({ "queries": queries }))?;
    Some(serde_json::from_value(answer["queries"].clone()).expect("a list of lists"))
}

#[test]
fn queries_are_what_the_vendors_parser_takes() {
    let analysis = analyzed("example");
    let queries: Vec<String> = analysis.detections.iter().map(|d| d.query.clone()).collect();
    let Some(found) = found(&queries) else { return };
    for (query, found) in queries.iter().zip(found) {
        assert_eq!(found, Vec::<String>::new(), "{query}");
    }
}

#[test]
fn a_broken_query_is_found_out() {
    let broken = [
        "AzureActivity | where Caller ==",
        "AzureActivity | where NoSuchColumn == \"x\"",
        "NoSuchTable | take 1",
        "AzureActivity | summarize first = min(TimeGenerated) by Caller",
        "AzureActivity | where TimeGenerated == \"x\" | extend y = strcat(",
    ];
    let Some(found) = found(&broken.map(str::to_owned)) else { return };
    for (query, found) in broken.iter().zip(found) {
        assert!(!found.is_empty(), "{query} passed");
    }
}

#[test]
fn hostile_words_stay_inside_their_literal() {
    let mut regions: Vec<String> = corpus().into_iter().map(|(_, text)| text).collect();
    regions.extend(
        ["\"]) | take 0 //", "\\\"]); AzureActivity | project Nope", "a\r\nb", "\\", "\u{2028}| take 0"]
            .map(str::to_owned),
    );
    let case = support::materialize("response-spread");
    let path = case.path().join("incident.json");
    let mut incident = support::json(&path);
    incident["parameters"]["approvedRegions"] = json!(regions);
    std::fs::write(&path, incident.to_string()).expect("a changed incident.json");
    let one = support::catalogue_of(&["storage-disable-shared-key"]);
    let analysis = support::analyze(case.path(), Some(one.path()));
    let queries: Vec<String> = analysis.detections.iter().map(|d| d.query.clone()).collect();
    // As many lines as with harmless words: nothing ended one.
    let harmless = analyzed("response-spread");
    for (query, other) in queries.iter().zip(harmless.detections.iter().map(|d| &d.query)) {
        assert_eq!(query.lines().count(), other.lines().count(), "{query}");
    }
    let Some(found) = found(&queries) else { return };
    for (query, found) in queries.iter().zip(found) {
        assert_eq!(found, Vec::<String>::new(), "{query}");
    }
}
