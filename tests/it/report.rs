//! The report on the engine's own Northgate: its sections, a reference behind every fact, names in the place of GUIDs;
//! the marking on every output, and nobody's name in any when redacted.

use crate::support::{self, analyzed};
use cutset::analysis::{Analysis, Redact, redact};
use cutset::render::{OUTPUTS, Request, render};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

fn report(analysis: &Analysis) -> String {
    let made = render(analysis, "markdown", &Request::default()).expect("it renders");
    String::from_utf8(made[0].bytes.clone()).expect("it is text")
}

/// Headings of the second level and the lines below each.
fn sections(report: &str) -> Vec<(&str, Vec<&str>)> {
    let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
    for line in report.lines() {
        match (line.strip_prefix("## "), found.last_mut()) {
            (Some(heading), _) => found.push((heading, Vec::new())),
            (None, Some((_, lines))) => lines.push(line),
            (None, None) => {}
        }
    }
    found
}

#[test]
fn its_sections_in_their_order() {
    let made = report(analyzed("example"));
    let headings: Vec<&str> = sections(&made).into_iter().map(|(heading, _)| heading).collect();
    assert_eq!(headings, crate::render::markdown::SECTIONS);
}

fn references(line: &str) -> Vec<u64> {
    let mut found = Vec::new();
    for part in line.split("[E").skip(1) {
        if let Some((number, _)) = part.split_once("](#evidence-index)")
            && let Ok(number) = number.parse()
        {
            found.push(number);
        }
    }
    found
}

/// What a line of the report is. Lines below an item that are set in belong to it.
fn states_a_fact(lines: &[&str], at: usize) -> bool {
    let line = lines[at];
    let next = lines.get(at + 1).copied().unwrap_or_default();
    let item = line.trim_start();
    let numbered = item.split_once(". ").is_some_and(|(n, _)| n.parse::<u64>().is_ok());
    if line.starts_with('|') {
        return !line.starts_with("|---") && !next.starts_with("|---");
    }
    if item.starts_with("- ") || (numbered && item == line) {
        return true;
    }
    // Commands and what follows an item, headings, the words before a table or list, the key to a table.
    let set_in = line.starts_with("   ");
    let lead = line.ends_with(':') || line.ends_with("*(replay)*") || line.ends_with("the most urgent first.");
    let key = line.starts_with("s1 ");
    !(line.is_empty() || set_in || line.starts_with('#') || line.starts_with("**TLP") || lead || key)
}

#[test]
fn every_fact_has_its_reference_and_every_reference_its_evidence() {
    for case in ["example", "response-spread"] {
        let made = report(analyzed(case));
        let sections = sections(&made);
        let (_, index) = sections.iter().find(|(heading, _)| *heading == "Evidence index").expect("an index");
        let listed: BTreeSet<u64> =
            index.iter().filter_map(|line| line.strip_prefix("| E")?.split_once(" |")?.0.parse().ok()).collect();
        assert!(listed.len() > 20, "{case}");
        let mut cited = BTreeSet::new();
        let mut facts = 0;
        for (heading, lines) in sections.iter().filter(|(heading, _)| *heading != "Evidence index") {
            let told = lines.iter().position(|line| *line == "### How this was found out").unwrap_or(lines.len());
            for (at, line) in lines.iter().enumerate() {
                let found = references(line);
                for number in &found {
                    assert!(listed.contains(number), "{case}: {heading}: E{number} is not in the index: {line}");
                }
                cited.extend(found.iter().copied());
                if at < told && states_a_fact(lines, at) {
                    facts += 1;
                    let files = line.contains("[files read](#files-read)");
                    assert!(!found.is_empty() || files, "{case}: {heading}: no reference: {line}");
                }
            }
        }
        assert!(facts > 100, "{case}: {facts}");
        assert!(
            cited.is_subset(&listed) && cited.len() * 10 > listed.len() * 9,
            "{case}: the index lists what is cited"
        );
        assert!(made.contains("\n### Files read\n"), "{case}");
    }
}

#[test]
fn an_alert_stands_once_and_names_stand_for_ids() {
    let analysis = analyzed("example");
    let made = report(analysis);
    let sections = sections(&made);
    let (_, timeline) = sections.iter().find(|(heading, _)| *heading == "Unified timeline").expect("a timeline");
    let alerts: Vec<&&str> = timeline.iter().filter(|line| line.starts_with("| alert |")).collect();
    assert_eq!(alerts.len(), 3, "{alerts:?}");
    assert!(alerts.iter().any(|line| line.contains("pinned to s4, s5, s6")));
    // Commands need ids; what people read has names.
    let guid = |word: &str| {
        let parts: Vec<&str> = word.split('-').collect();
        let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
        lengths == [8, 4, 4, 4, 12] && parts.iter().all(|part| part.chars().all(|c| c.is_ascii_hexdigit()))
    };
    for (heading, lines) in sections.iter().filter(|(heading, _)| *heading != "Evidence index") {
        for line in lines.iter().filter(|line| !line.contains("az ")) {
            let found = line.split(|c: char| !c.is_ascii_hexdigit() && c != '-').find(|word| guid(word));
            assert_eq!(found, None, "{heading}: {line}");
        }
    }
}

#[test]
fn what_the_write_up_asks_for_is_told() {
    let made = report(analyzed("example"));
    for part in [
        "took **2.45 GB** (2,450,000,000 bytes) from `proddata`",
        "**Do now, 1**: Rotate both keys of proddata",
        "**Notify by 2026-03-24 08:00:00 UTC**",
        "the attack took 26 min",
        "| 5 | 5: ",
        "| 7 min 25 s |",
        "**340.04 USD**",
        "Before the attack it held, standing: ",
        "One factor was enough",
        "The device is not registered with the tenant",
        "an address none of its 104 sign-ins",
        "Storage accounts should prevent shared key access | Medium | 2025-11-04 |",
        "\u{201c}Require compliant device for Azure management (your own)\u{201d}",
    ] {
        assert!(made.contains(part), "{part}");
    }
}

#[test]
fn the_marking_is_on_every_output() {
    let analysis = analyzed("example");
    for output in OUTPUTS {
        for view in output.views {
            let request = Request { view: (*view).to_owned(), ..Request::default() };
            let made = render(analysis, output.id, &request).expect("it renders");
            assert!(!made.is_empty(), "{} {view}", output.id);
            let marked = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains("TLP:AMBER");
            for file in &made {
                // A service refuses the body of a request with a field it does not know; the scripts beside it and the
                // note say what it is. A Word file is packed: its own test looks inside.
                let body = output.id == "take-away" && file.name.ends_with(".json");
                assert!(
                    body || file.name.ends_with(".docx") || file.name.ends_with(".png") || marked(&file.bytes),
                    "{} {view}: {}",
                    output.id,
                    file.name
                );
            }
            let whole = made.iter().any(|file| marked(&file.bytes));
            assert!(
                whole || made.iter().all(|file| file.name.ends_with(".docx") || file.name.ends_with(".png")),
                "{} {view}",
                output.id
            );
        }
    }
    let unmarked = Analysis {
        incident: cutset::analysis::IncidentSummary { marking: None, ..analysis.incident.clone() },
        ..analysis.clone()
    };
    for output in OUTPUTS {
        for file in render(&unmarked, output.id, &Request::default()).expect("it renders") {
            assert!(!String::from_utf8_lossy(&file.bytes).contains("TLP"), "{}: {}", output.id, file.name);
        }
    }
}

/// Every name, address and id that the snapshot and the logs of the example hold and that are somebody's own.
fn secrets() -> BTreeMap<String, &'static str> {
    let folder = support::root().join("examples/northgate");
    let rows = |path: &str| -> Vec<Value> {
        let value = support::json(&folder.join(path));
        let list = value.get("value").or_else(|| value.get("data")).unwrap_or(&value);
        list.as_array().cloned().unwrap_or_default()
    };
    let mut found: BTreeMap<String, &'static str> = BTreeMap::new();
    let mut add = |value: Option<&str>, what: &'static str| {
        if let Some(value) = value.filter(|value| value.len() > 4) {
            found.insert(value.to_lowercase(), what);
        }
    };
    for user in rows("snapshot/entra/users.json") {
        for field in ["userPrincipalName", "displayName", "id"] {
            add(user[field].as_str(), "user");
        }
    }
    for principal in rows("snapshot/entra/servicePrincipals.json") {
        for field in ["displayName", "id"] {
            add(principal[field].as_str(), "service principal");
        }
    }
    for file in [
        "snapshot/azure/resources.json",
        "snapshot/azure/resourcecontainers.json",
        "snapshot/azure/proddata-containers.json",
    ] {
        for resource in rows(file) {
            add(resource["name"].as_str(), "resource");
        }
    }
    for line in
        std::fs::read_to_string(folder.join("timeline/SigninLogs_2026-03-07_2026-03-20.ndjson")).expect("logs").lines()
    {
        let row: Value = serde_json::from_str(line).expect("a record");
        add(row["IPAddress"].as_str().or(row["ipAddress"].as_str()), "address");
    }
    for name in [
        "198.51.100.77",
        "203.0.113.0",
        "rg-brazil-temp",
        "vm-temp-01",
        "pip-temp-01",
        "nsg-temp-01",
        "northgateeng.com",
    ] {
        add(Some(name), "told");
    }
    found
}

#[test]
fn redacted_no_output_holds_anybodys_name() {
    let secrets = secrets();
    assert!(secrets.len() > 60, "{}", secrets.len());
    let all = Redact { names: true, addresses: true, resources: true };
    let (redacted, who) = redact(analyzed("example"), all).expect("it redacts");
    assert!(who.len() > 10);
    let mut made: Vec<(String, String)> =
        vec![("analysis.json".to_owned(), serde_json::to_string(&redacted).expect("it serialises"))];
    for output in OUTPUTS {
        for view in output.views {
            let request = Request { view: (*view).to_owned(), ..Request::default() };
            for file in render(&redacted, output.id, &request).expect("it renders") {
                let name = format!("{} {view} {}", output.id, file.name);
                assert!(!secrets.keys().any(|secret| file.name.contains(secret)), "{name}");
                made.push((name, String::from_utf8_lossy(&file.bytes).into_owned()));
            }
        }
    }
    let mut left: BTreeSet<String> = BTreeSet::new();
    for (name, text) in &made {
        let text = text.to_lowercase();
        for (secret, what) in &secrets {
            if let Some(at) = text.find(secret.as_str()) {
                let around: String =
                    text.chars().skip(text[..at].chars().count().saturating_sub(60)).take(160).collect();
                left.insert(format!("{what} {secret} in {name}: …{around}…"));
            }
        }
    }
    assert!(left.is_empty(), "{} left:\n{}", left.len(), left.into_iter().take(25).collect::<Vec<_>>().join("\n"));
}
