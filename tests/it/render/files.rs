//! Outputs of several files: tables, rules, drafts to deploy; and the graph for BloodHound.

use super::fixture;
use super::hostile::{corpus, poisoned};
use cutset::analysis::Analysis;
use cutset::render::{Artifact, Request, render};
use serde_json::{Map, Value, json};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

fn files(analysis: &Analysis, format: &str, view: &str, with: &[&str]) -> Vec<Artifact> {
    let with = with.iter().map(|id| (*id).to_owned()).collect();
    let request = Request { view: view.to_owned(), with, ..Request::default() };
    render(analysis, format, &request).expect("it renders")
}

fn text(file: &Artifact) -> &str {
    std::str::from_utf8(&file.bytes).expect("it is text")
}

/// The fixture and every hostile variant of it.
fn all() -> Vec<(String, Analysis)> {
    let mut all = vec![("the fixture".to_owned(), fixture())];
    for (why, text) in corpus() {
        let mut analysis = poisoned(&text);
        for rule in &mut analysis.detections {
            rule.title = text.clone();
            rule.description = text.clone();
            rule.query = format!("AzureActivity\n| where Caller == \"x\" // {text}\n{text}");
        }
        analysis.incident.id = text;
        all.push((why, analysis));
    }
    all
}

#[test]
fn names_of_files_are_ours() {
    for (why, analysis) in all().into_iter().step_by(3) {
        for format in ["csv", "sentinel", "take-away", "open-graph"] {
            let made = files(&analysis, format, "", &[]);
            let mut names: Vec<&str> = made.iter().map(|file| file.name.as_str()).collect();
            for name in &names {
                let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '/'));
                assert!(plain && !name.contains("..") && !name.starts_with('/'), "{why}: {name}");
            }
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count, "{why}: {format} writes a file twice");
        }
    }
}

#[test]
fn tables_are_tables_and_no_cell_is_a_formula() {
    for (why, analysis) in all() {
        let made = files(&analysis, "csv", "", &[]);
        assert!(made.len() > 15, "{why}");
        for file in made {
            // A reader that refuses rows of another length.
            let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(file.bytes.as_slice());
            for record in reader.records() {
                let record = record.unwrap_or_else(|error| panic!("{why}: {}: {error}", file.name));
                for cell in &record {
                    assert!(!cell.trim_start().starts_with(['=', '+', '-', '@', '|']), "{why}: {}: {cell}", file.name);
                    assert!(!cell.contains(['\t', '\r', '\n']), "{why}: {}: {cell}", file.name);
                }
            }
        }
    }
}

#[test]
fn one_table_can_be_asked_for() {
    let made = files(&fixture(), "csv", "steps", &[]);
    assert_eq!(made.len(), 1);
    assert_eq!(made[0].name, "steps.csv");
    assert_eq!(text(&made[0]).lines().count(), 11);
    super::as_looked_at("tests/render/csv/steps.csv", &text(&made[0]).replace('\r', ""));
}

/// Reads the YAML that we write: mappings, sequences, plain and double-quoted scalars, literal blocks.
pub(super) fn yaml(lines: &mut std::iter::Peekable<std::slice::Iter<'_, &str>>, indent: usize) -> Value {
    let depth = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let scalar = |text: &str| match text.starts_with('"') {
        true => serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}")),
        false => {
            let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
            assert!(plain, "an unquoted scalar of other characters: {text}");
            match text.parse::<u64>() {
                Ok(number) => json!(number),
                Err(_) => json!(text),
            }
        }
    };
    let (mut map, mut list) = (Map::new(), Vec::new());
    while let Some(line) = lines.peek().copied() {
        if line.starts_with("# ") {
            lines.next();
            continue;
        }
        if line.trim().is_empty() || depth(line) < indent {
            break;
        }
        assert_eq!(depth(line), indent, "{line}");
        if let Some(item) = line.trim_start().strip_prefix("- ") {
            match item.split_once(": ").or_else(|| item.strip_suffix(':').map(|key| (key, ""))) {
                Some((key, value)) if !item.starts_with('"') => {
                    lines.next();
                    let mut entry = Map::new();
                    entry.insert(key.to_owned(), scalar(value));
                    if let Value::Object(rest) = yaml(lines, indent + 2) {
                        entry.extend(rest);
                    }
                    list.push(Value::Object(entry));
                }
                Some(_) | None => {
                    lines.next();
                    list.push(scalar(item));
                }
            }
            continue;
        }
        let (key, value) = line.trim_start().split_once(':').unwrap_or_else(|| panic!("no mapping: {line}"));
        lines.next();
        let value = value.trim_start();
        let value = match value {
            "|" => {
                let mut block = String::new();
                while let Some(line) = lines.peek().copied() {
                    if !line.is_empty() && depth(line) < indent + 2 {
                        break;
                    }
                    block.push_str(line.get(indent + 2..).unwrap_or(""));
                    block.push('\n');
                    lines.next();
                }
                json!(block)
            }
            "" => {
                let next = lines.peek().map_or(0, |line| depth(line));
                yaml(lines, next)
            }
            value => scalar(value),
        };
        assert!(map.insert(key.to_owned(), value).is_none(), "{key} stands twice");
    }
    if list.is_empty() { Value::Object(map) } else { Value::Array(list) }
}

#[test]
fn rules_fit_the_schema_whatever_their_words() {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/render/sentinel/schema.json");
    let schema: Value =
        serde_json::from_str(&std::fs::read_to_string(schema).expect("the schema is there")).expect("JSON");
    let schema = jsonschema::validator_for(&schema).expect("a schema");
    for (why, analysis) in all() {
        let made = files(&analysis, "sentinel", "", &[]);
        assert_eq!(made.len(), 1, "{why}");
        let lines: Vec<&str> = text(&made[0]).lines().collect();
        let rule = yaml(&mut lines.iter().peekable(), 0);
        // Nothing names a rule that its name is hostile to the length of; the schema asks for a name at all.
        let errors: Vec<String> = schema
            .iter_errors(&rule)
            .map(|error| format!("{} {error}", error.instance_path()))
            .filter(|error| {
                !error.starts_with("/name") && !error.starts_with("/description") && !error.starts_with("/query ")
            })
            .map(|error| error.chars().take(300).collect())
            .collect();
        assert!(errors.is_empty(), "{why}: {errors:?}");
        assert!(rule["query"].as_str().is_some_and(|query| query.starts_with("AzureActivity\n")), "{why}");
    }
}

#[test]
fn drafts_are_careful_and_their_script_is_one() {
    for (why, analysis) in all() {
        let with = ["azure-management-trusted-location", "storage-disable-shared-key", "storage-read-only-lock"];
        let made = files(&analysis, "take-away", "", &with);
        for file in &made {
            if file.name.ends_with(".json") {
                let body: Value = serde_json::from_slice(&file.bytes).expect("JSON");
                assert!(body.get("state").is_none_or(|s| s != "enabled") || body.get("conditions").is_none(), "{why}");
            }
        }
        for script in made.iter().filter(|file| file.name.ends_with(".sh")) {
            let (functions, body) = text(script).split_once("\n\n").unwrap_or((text(script), ""));
            assert!(functions.starts_with("#!/bin/sh\n") && functions.contains("\nset -eu\n"), "{why}");
            for line in body.lines() {
                let ours = [
                    "# ",
                    "now once ",
                    "now put ",
                    "now az ",
                    "put ",
                    "post ",
                    "back ",
                    "unmade ",
                    "rm -f -- ",
                    "az rest ",
                ];
                assert!(line.is_empty() || ours.iter().any(|start| line.starts_with(start)), "{why}: {line}");
                if !line.starts_with('#') {
                    // Outside single quotes there are only our words.
                    let outside: String = line.split('\'').step_by(2).collect();
                    let plain = outside.chars().all(|c| c.is_ascii_alphanumeric() || " -\\>\"$()/:.".contains(c));
                    assert!(plain && !outside.contains("$(") || outside.contains("$(cat "), "{why}: {outside}");
                }
            }
            let child = Command::new("sh").arg("-n").stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
            let Ok(mut child) = child else { continue };
            child.stdin.take().expect("a pipe").write_all(&script.bytes).expect("sh reads it");
            let output = child.wait_with_output().expect("sh ends");
            assert!(output.status.success(), "{why}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

#[test]
fn northgate_is_as_it_was_looked_at() {
    let drafts = files(&fixture(), "take-away", "", &["storage-disable-shared-key", "storage-read-only-lock"]);
    let script = drafts.iter().find(|file| file.name == "deploy.sh").expect("a script");
    super::as_looked_at("tests/render/take-away/deploy.sh", text(script));
    let rules = files(&fixture(), "sentinel", "", &[]);
    super::as_looked_at("tests/render/sentinel/northgate.yaml", text(&rules[0]));
    let graph = files(&fixture(), "open-graph", "", &[]);
    super::as_looked_at("tests/render/open-graph/northgate.json", text(&graph[0]));
}

#[test]
fn a_policy_in_force_becomes_a_report_only_draft() {
    let mut analysis = fixture();
    analysis.controls[0].documents[0].body =
        json!({ "displayName": "x", "state": "enabled", "conditions": {}, "id": "7f1d", "grantControls": {} });
    let made = files(&analysis, "take-away", "", &["azure-management-trusted-location"]);
    let draft: Value = serde_json::from_slice(&made[0].bytes).expect("JSON");
    assert_eq!(draft["state"], "enabledForReportingButNotEnforced");
    assert!(draft.get("id").is_none());
    let script = text(made.iter().find(|file| file.name == "deploy.sh").expect("a script"));
    assert!(script.contains("\npost 'https://graph.microsoft.com/v1.0/identity/conditionalAccess/policies' 'azure-management-trusted-location/1-conditional-access.json' "), "{script}");
}

/// Inert is not enough: a reader sees which name it was.
#[test]
fn words_stay_legible() {
    for (why, analysis) in all().into_iter().skip(1) {
        let shown = cutset::render::text::plain(&analysis.headline.actors[0]);
        if shown.is_empty() || shown.chars().count() > 90 {
            continue;
        }
        let steps = files(&analysis, "csv", "steps", &[]);
        let mut reader = csv::ReaderBuilder::new().from_reader(steps[0].bytes.as_slice());
        let cells: Vec<String> =
            reader.records().flatten().flat_map(|r| r.iter().map(str::to_owned).collect::<Vec<_>>()).collect();
        assert!(cells.iter().any(|cell| *cell == shown || *cell == format!("'{shown}")), "{why}: {shown} in no cell");
        let graph = files(&analysis, "open-graph", "attack", &[]);
        let graph: Value = serde_json::from_slice(&graph[0].bytes).expect("JSON");
        let names = graph["graph"]["nodes"].as_array().expect("nodes").iter();
        assert!(names.clone().any(|node| node["properties"]["name"] == json!(shown)), "{why}: {shown} is no node");
        let rule = files(&analysis, "sentinel", "", &[]);
        let lines: Vec<&str> = text(&rule[0]).lines().collect();
        assert_eq!(yaml(&mut lines.iter().peekable(), 0)["name"], json!(shown), "{why}");
        // In Markdown a name stands in code, whose text is the name itself.
        let report = files(&analysis, "markdown", "", &[]);
        assert!(text(&report[0]).contains(&format!("`{shown}`")) || shown.contains('`'), "{why}: {shown}");
    }
}
