//! Every form of log and snapshot record. Cases are data: `tests/formats/<id>/<case>.<ext>` is read, and
//! `<case>.expected.json` beside it names what must come out (what it names must be so; what it leaves out is free).
//! Files of a folder `same-*` are one story in several spellings and must give the same events.

mod folding;
mod hostile;
mod samples;
mod settings;
mod shown;
mod sifting;
mod times;

use cutset::ingest::{FORMATS, InputFile, Item, Reading, read};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn cases() -> PathBuf {
    crate::support::root().join("tests/formats")
}

pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
}

pub fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

fn read_one(path: &Path) -> (Vec<Item>, Reading) {
    read_bytes(&name(path), std::fs::read(path).unwrap())
}

pub fn read_bytes(name: &str, bytes: Vec<u8>) -> (Vec<Item>, Reading) {
    let mut items = Vec::new();
    let reading = read(&[InputFile::bytes(name, bytes)], &mut |item| items.push(item));
    (items, reading)
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    #[allow(dead_code)]
    why: String,
    /// As the source is listed; the folder's id where it is not given.
    format: Option<String>,
    #[serde(default)]
    items: Vec<Value>,
    /// Reasons, in order of record.
    #[serde(default)]
    rejected: Vec<String>,
}

#[test]
fn every_case_gives_what_it_names() {
    let mut told = String::new();
    for format in FORMATS {
        for path in files(&cases().join(format.id)).iter().filter(|p| p.is_file()) {
            if name(path).ends_with(".expected.json") {
                continue;
            }
            let expected = path.with_extension("expected.json");
            let text = std::fs::read_to_string(&expected).unwrap_or_else(|e| panic!("{}: {e}", expected.display()));
            let expected: Expected =
                serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", expected.display()));
            let (items, reading) = read_one(path);
            let shown: Vec<Value> = items.iter().filter_map(shown::item).collect();
            let case = format!("{}/{}", format.id, name(path));
            let source = &reading.sources[0];
            if source.format != expected.format.as_deref().unwrap_or(format.id) {
                told.push_str(&format!("{case}: read as `{}`\n", source.format));
            }
            let reasons: Vec<&str> = reading.rejected.iter().map(|r| r.reason.as_str()).collect();
            if reasons != expected.rejected {
                told.push_str(&format!("{case}: rejected {reasons:#?}\n"));
            }
            if shown.len() != expected.items.len() {
                let all = serde_json::to_string_pretty(&shown).unwrap();
                told.push_str(&format!("{case}: {} items\n{all}\n", shown.len()));
                continue;
            }
            for (i, (got, want)) in shown.iter().zip(&expected.items).enumerate() {
                differences(&format!("{case}[{i}]"), got, want, &mut told);
            }
        }
    }
    assert!(told.is_empty(), "{told}");
}

/// What `want` names and `got` has otherwise. Lists compare whole, objects by the members that are named.
fn differences(at: &str, got: &Value, want: &Value, told: &mut String) {
    match (got, want) {
        (Value::Object(got), Value::Object(want)) => {
            for (key, want) in want {
                match got.get(key) {
                    Some(got) => differences(&format!("{at}.{key}"), got, want, told),
                    None => told.push_str(&format!("{at}.{key}: not there, expected {want}\n")),
                }
            }
        }
        (Value::Array(got), Value::Array(want)) if got.len() == want.len() => {
            for (i, (got, want)) in got.iter().zip(want).enumerate() {
                differences(&format!("{at}[{i}]"), got, want, told);
            }
        }
        (got, want) if got == want => {}
        (got, want) => told.push_str(&format!("{at}: {got}, expected {want}\n")),
    }
}

#[test]
fn spellings_of_one_story_give_the_same_events() {
    let mut told = String::new();
    let mut stories = 0;
    for format in FORMATS {
        for folder in files(&cases().join(format.id)).iter().filter(|p| p.is_dir()) {
            stories += 1;
            let mut first: Option<(String, Vec<Value>)> = None;
            for path in files(folder) {
                let (items, reading) = read_one(&path);
                let case = format!("{}/{}/{}", format.id, name(folder), name(&path));
                if !reading.rejected.is_empty() || reading.sources[0].format != format.id {
                    told.push_str(&format!("{case}: {:?} {:?}\n", reading.sources, reading.rejected));
                }
                let mut events: Vec<Value> = items
                    .iter()
                    .filter_map(|item| match item {
                        Item::Event(event) => Some(shown::event(event)),
                        _ => None,
                    })
                    .collect();
                // Diagnostic records of the activity log have no id of their own.
                events.iter_mut().for_each(|e| e["recordId"].take().as_null().unwrap_or(()));
                events.sort_by_key(|e| (e["time"].to_string(), e["action"].to_string()));
                match &first {
                    None => first = Some((case, events)),
                    Some((of, first)) => {
                        if first.len() != events.len() {
                            told.push_str(&format!("{case}: {} events, {of} has {}\n", events.len(), first.len()));
                        }
                        for (i, (one, other)) in first.iter().zip(&events).enumerate() {
                            differences(&format!("{case}[{i}] against {of}"), other, one, &mut told);
                        }
                    }
                }
            }
            // Together they are still the same records, met several times.
            let inputs: Vec<InputFile> =
                files(folder).iter().map(|path| InputFile::bytes(&name(path), std::fs::read(path).unwrap())).collect();
            let mut together = 0;
            read(&inputs, &mut |item| together += usize::from(matches!(item, Item::Event(_))));
            let alone = first.map_or(0, |(_, events)| events.len());
            if together != alone {
                told.push_str(&format!("{}: {together} events together, {alone} alone\n", name(folder)));
            }
        }
    }
    assert!(told.is_empty(), "{told}");
    assert!(stories >= 5, "only {stories} stories");
}
