//! Redacted, no output holds what the exports and logs of a case call people, machines, stores and addresses: every
//! name is collected from the case's own files, then looked for in every file that is made.

use crate::support;
use cutset::analysis::{Analysis, Redact, redact};
use cutset::render::{OUTPUTS, Request, render};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const ALL: Redact = Redact { names: true, addresses: true, resources: true };

/// Names the files give to what is somebody's own. What is shorter, or a word of the platform, says nothing.
fn secrets(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for part in ["snapshot", "timeline"] {
        for file in cutset::cli::inputs::below(&folder.join(part)).unwrap_or_default() {
            let path = folder.join(part).join(&file.name);
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            let values: Vec<Value> = match serde_json::from_str::<Value>(&text) {
                Ok(value) => vec![value],
                Err(_) => text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect(),
            };
            let directory =
                file.name.contains("entra") || values.iter().any(|v| v.to_string().contains("userPrincipalName"));
            for value in &values {
                collect(value, directory, &file.name, &mut found);
            }
        }
    }
    found
}

fn collect(value: &Value, directory: bool, file: &str, found: &mut BTreeMap<String, String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, directory, file, found)),
        Value::Object(members) => {
            let resource =
                members.get("type").and_then(Value::as_str).is_some_and(|t| t.to_lowercase().starts_with("microsoft."));
            let policy = members.get("type").and_then(Value::as_str).is_some_and(|t| {
                let t = t.to_lowercase();
                t.starts_with("microsoft.authorization/") || t.starts_with("microsoft.security/")
            });
            let person = directory && members.contains_key("userPrincipalName");
            for (name, member) in members {
                let own = match name.as_str() {
                    "userPrincipalName" | "mail" | "UserPrincipalName" | "caller" | "Caller" => true,
                    "displayName" | "id" | "userId" => person,
                    "name" => resource && !policy,
                    "ipAddress" | "IPAddress" | "callerIpAddress" | "CallerIpAddress" => true,
                    _ => false,
                };
                match member {
                    Value::String(text) if own => {
                        let text = text.split(':').next().filter(|_| name.contains("allerIp")).unwrap_or(text);
                        let word = text.chars().all(char::is_alphabetic) && text.len() < 8;
                        if text.len() > 4 && !word && text != "default" {
                            found.insert(text.to_lowercase(), format!("{name} in {file}"));
                        }
                    }
                    other => collect(other, directory, file, found),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn made(analysis: &Analysis) -> Vec<(String, String)> {
    let mut made = vec![("analysis.json".to_owned(), serde_json::to_string(analysis).expect("it serialises"))];
    let all: Vec<String> = analysis.controls.iter().map(|control| control.id.clone()).collect();
    for output in OUTPUTS {
        for view in output.views {
            let with = if output.id == "take-away" { all.clone() } else { Vec::new() };
            let request = Request { view: (*view).to_owned(), with, ..Request::default() };
            for file in render(analysis, output.id, &request).expect("it renders") {
                made.push((
                    format!("{} {view} {}", output.id, file.name),
                    String::from_utf8_lossy(&file.bytes).into_owned(),
                ));
            }
        }
    }
    made
}

#[test]
fn nothing_of_the_case_is_left_in_any_output() {
    for name in
        ["response-spread", "federated-credential", "machine-identity", "guest-user", "group-joined", "two-jewels"]
    {
        let case = support::materialize(name);
        let secrets = secrets(case.path());
        assert!(secrets.len() > 3, "{name}: {secrets:?}");
        let analysis = support::analyze(case.path(), None);
        // The names are there to be found.
        let plain = serde_json::to_string(&analysis).expect("it serialises").to_lowercase();
        assert!(secrets.keys().filter(|secret| plain.contains(secret.as_str())).count() > 2, "{name}");
        let (redacted, _) = redact(&analysis, ALL).expect("it redacts");
        let mut left = BTreeSet::new();
        for (file, text) in made(&redacted) {
            let text = text.to_lowercase();
            for (secret, what) in &secrets {
                // As a word: `accounts` is a name, `storageaccounts` is not.
                let joins = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
                let whole = |(at, _): &(usize, &str)| {
                    !joins(text[..*at].chars().next_back()) && !joins(text[at + secret.len()..].chars().next())
                };
                if let Some((at, _)) = text.match_indices(secret.as_str()).find(whole) {
                    let start = text[..at].char_indices().rev().nth(50).map_or(0, |(at, _)| at);
                    left.insert(format!("{secret} ({what}) in {file}: …{}", &text[start..at]));
                }
            }
        }
        assert!(
            left.is_empty(),
            "{name}: {} left:\n{}",
            left.len(),
            left.into_iter().take(12).collect::<Vec<_>>().join("\n")
        );
    }
}

#[test]
fn one_thing_has_one_pseudonym_in_report_page_tables_drafts_and_pictures() {
    let (redacted, who) = redact(support::analyzed("example"), ALL).expect("it redacts");
    let of = |name: &str| {
        who.iter().find(|(_, original)| *original == name).map(|(new, _)| new.clone()).expect("a pseudonym")
    };
    let (admin, store) = (of("admin@northgateeng.com"), of("proddata"));
    let all: Vec<String> = redacted.controls.iter().map(|control| control.id.clone()).collect();
    for (format, view, file, holds) in [
        ("markdown", "", "report.md", vec![&admin, &store]),
        ("html", "", "report.html", vec![&admin, &store]),
        ("terminal", "", "", vec![&admin, &store]),
        ("svg", "attack", "", vec![&admin, &store]),
        ("dot", "attack", "", vec![&admin, &store]),
        ("mermaid", "attack", "", vec![&admin, &store]),
        ("csv", "", "steps.csv", vec![&admin, &store]),
        ("open-graph", "", "", vec![&admin, &store]),
        ("take-away", "", "deploy.sh", vec![&store]),
    ] {
        let with = if format == "take-away" { all.clone() } else { Vec::new() };
        let request = Request { view: view.to_owned(), with, ..Request::default() };
        let files = render(&redacted, format, &request).expect("it renders");
        let found = files.iter().find(|made| file.is_empty() || made.name == file).expect("the file");
        let text = String::from_utf8_lossy(&found.bytes);
        for name in holds {
            assert!(text.contains(name.as_str()), "{name} is not in {format} {file}");
        }
    }
}
