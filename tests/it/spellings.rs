//! The same records in any of their spellings give the same analysis: one incident in each form (`tests/spellings/`),
//! in each packing and encoding, and in two forms at once.

use crate::support;
use cutset::CaseFiles;
use cutset::cli::{files, inputs};
use cutset::ingest::{InputFile, Item};
use cutset::model::Event;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::PathBuf;

fn data() -> PathBuf {
    support::root().join("tests/spellings")
}

/// The forms of a tier, the one that the others are held against first.
fn forms(tier: &str) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(data().join(tier))
        .expect("a tier")
        .map(|entry| entry.expect("a form").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort_by_key(|name| (name != "log-analytics-lines", name.clone()));
    names
}

/// The files of a form, by the names they have in a case.
fn logs(form: &str) -> Vec<(String, Vec<u8>)> {
    let listed = inputs::below(&data().join(form)).expect("a form");
    listed
        .iter()
        .map(|file| {
            let mut bytes = Vec::new();
            (file.open)().expect("a file").read_to_end(&mut bytes).expect("a readable file");
            (format!("timeline/{form}/{}", file.name), bytes)
        })
        .collect()
}

/// One control for each gate that the story meets.
const CONTROLS: &[&str] = &["azure-management-compliant-device", "pim-privileged-roles", "storage-disable-shared-key"];

fn analysis(logs: Vec<(String, Vec<u8>)>) -> Value {
    analysis_within(logs, usize::MAX)
}

/// With so many bytes of events in memory at once.
fn analysis_within(logs: Vec<(String, Vec<u8>)>, bytes: usize) -> Value {
    let mut inputs = inputs::below(&data().join("snapshot")).expect("the snapshot");
    inputs.extend(logs.into_iter().map(|(name, bytes)| InputFile::bytes(&name, bytes)));
    let policies = support::catalogue_of(CONTROLS);
    let documents = inputs::below(policies.path()).expect("a folder of policies");
    let documents = documents
        .iter()
        .map(|f| (f.name.clone(), files::text(&policies.path().join(&f.name)).expect("a policy file")))
        .collect();
    let case = CaseFiles {
        name: Some("spellings".to_owned()),
        incident: ("incident.json".to_owned(), files::text(&data().join("incident.json")).expect("incident.json")),
        inputs,
        policies: BTreeMap::new(),
        only: Some(("policies".to_owned(), documents)),
    };
    let loaded = cutset::load_within(&case, bytes).unwrap_or_else(|error| panic!("{error}"));
    let mut value = serde_json::to_value(cutset::analysis::analyse(loaded.input(false))).expect("an analysis");
    unplaced(&mut value);
    value
}

/// Without what says where a fact was read.
fn unplaced(value: &mut Value) {
    match value {
        Value::Object(members) => {
            // Where it was read: what differs by the form.
            let places = ["sources", "evidence", "agreeing", "unsettled"];
            members.retain(|name, _| !places.contains(&name.as_str()));
            members.values_mut().for_each(unplaced);
        }
        Value::Array(elements) => elements.iter_mut().for_each(unplaced),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn differences(at: &str, got: &Value, want: &Value, told: &mut String) {
    match (got, want) {
        (Value::Object(got), Value::Object(want)) => {
            for name in got.keys().chain(want.keys().filter(|name| !got.contains_key(*name))) {
                let absent = Value::Null;
                let of = |all: &serde_json::Map<String, Value>| all.get(name).unwrap_or(&absent).clone();
                differences(&format!("{at}/{name}"), &of(got), &of(want), told);
            }
        }
        (Value::Array(got), Value::Array(want)) if got.len() == want.len() => {
            for (i, (got, want)) in got.iter().zip(want).enumerate() {
                differences(&format!("{at}/{i}"), got, want, told);
            }
        }
        (got, want) if got == want => {}
        (got, want) => told.push_str(&format!("{at}: {got}, expected {want}\n")),
    }
}

fn same(tier: &str) {
    let forms = forms(tier);
    let mut told = String::new();
    let mut first: Option<Value> = None;
    for form in &forms {
        let got = analysis(logs(&format!("{tier}/{form}")));
        match &first {
            None => {
                assert!(got["steps"].as_array().is_some_and(|steps| steps.len() >= 7), "the story is told");
                first = Some(got);
            }
            Some(want) => differences(form, &got, want, &mut told),
        }
    }
    assert!(told.is_empty(), "{told}");
    assert!(forms.len() >= 6, "{forms:?}");
}

#[test]
fn the_whole_story_is_the_same_in_every_form() {
    same("full");
}

#[test]
fn what_the_portals_csv_carries_is_the_same_in_every_form() {
    same("thin");
}

/// What two exports of the same log both hold counts once.
#[test]
fn two_forms_together_say_no_more_than_one() {
    let mut told = String::new();
    let first = forms("full").remove(0);
    let want = analysis(logs(&format!("full/{first}")));
    for pair in [
        ["log-analytics-lines", "diagnostic"],
        ["graph-and-rest", "log-analytics-csv"],
        ["powershell", "event-hub"],
        ["az-log-analytics-query", "log-analytics-query"],
    ] {
        let both = pair.iter().flat_map(|form| logs(&format!("full/{form}"))).collect();
        differences(&pair.join(" and "), &analysis(both), &want, &mut told);
    }
    let want = analysis(logs("thin/log-analytics-lines"));
    for pair in [["log-analytics-lines", "portal-csv"], ["portal-csv", "portal-json"]] {
        let both = pair.iter().flat_map(|form| logs(&format!("thin/{form}"))).collect();
        differences(&pair.join(" and "), &analysis(both), &want, &mut told);
    }
    assert!(told.is_empty(), "{told}");
}

type Pack = fn(&str, &[u8]) -> Vec<u8>;

/// How people pack and encode what they hand over.
const PACKINGS: &[(&str, Pack)] = &[
    ("gzip", |_, bytes| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(bytes).expect("memory");
        packer.finish().expect("memory")
    }),
    ("gzip in two members", |_, bytes| {
        let (one, two) = bytes.split_at(bytes.len() / 2);
        let pack = |bytes: &[u8]| {
            let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            packer.write_all(bytes).expect("memory");
            packer.finish().expect("memory")
        };
        [pack(one), pack(two)].concat()
    }),
    ("zstd", |_, bytes| zstd::encode_all(bytes, 1).expect("memory")),
    ("zip", |name, bytes| {
        let mut packer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        packer.start_file(name, zip::write::SimpleFileOptions::default()).expect("a member");
        packer.write_all(bytes).expect("memory");
        packer.finish().expect("memory").into_inner()
    }),
    ("UTF-8 with a byte order mark", |_, bytes| [b"\xef\xbb\xbf", bare(bytes)].concat()),
    ("UTF-16 LE", |_, bytes| utf16(bytes, u16::to_le_bytes)),
    ("UTF-16 BE", |_, bytes| utf16(bytes, u16::to_be_bytes)),
    ("UTF-16 LE in gzip", |_, bytes| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(&utf16(bytes, u16::to_le_bytes)).expect("memory");
        packer.finish().expect("memory")
    }),
];

fn bare(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

fn utf16(bytes: &[u8], spell: fn(u16) -> [u8; 2]) -> Vec<u8> {
    let text = std::str::from_utf8(bare(bytes)).expect("text");
    std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(spell).collect()
}

fn events(logs: &[(String, Vec<u8>)]) -> Vec<Event> {
    let files: Vec<InputFile> = logs.iter().map(|(name, bytes)| InputFile::bytes(name, bytes.clone())).collect();
    let mut events = Vec::new();
    let reading = cutset::ingest::read(&files, &mut |item| {
        if let Item::Event(mut event) = item {
            event.evidence.file = "any".into();
            events.push(*event);
        }
    });
    assert!(reading.rejected.is_empty(), "{:?}", reading.rejected);
    events
}

#[test]
fn packing_and_encoding_change_nothing() {
    for tier in ["full", "thin"] {
        for form in forms(tier) {
            let plain = logs(&format!("{tier}/{form}"));
            let want = events(&plain);
            assert!(!want.is_empty(), "{form}");
            for (packing, pack) in PACKINGS {
                let packed: Vec<(String, Vec<u8>)> =
                    plain.iter().map(|(name, bytes)| (name.clone(), pack("inner.log", bytes))).collect();
                assert!(events(&packed) == want, "{form} in {packing}");
            }
        }
    }
}

/// However little memory there is for events, and however often the logs are read therefore, the analysis is the same;
/// also where a log holds a piece of the snapshot further in.
#[test]
fn what_does_not_fit_into_memory_is_read_again_and_nothing_changes() {
    let mut form = logs("full/log-analytics-lines");
    for (_, bytes) in form.iter_mut().filter(|(name, _)| name.ends_with("AuditLogs.ndjson")) {
        bytes.extend_from_slice(
            br##"{"@odata.type":"#microsoft.graph.user","id":"6a6a6a6a-0000-4000-8000-000000000001","##,
        );
        bytes.extend_from_slice(
            br#""userPrincipalName":"carol@contoso.example","userType":"Member","accountEnabled":true}"#,
        );
    }
    let want = analysis(form.clone());
    let mut told = String::new();
    for bytes in [0, 9_000, 40_000] {
        differences(&format!("{bytes} bytes"), &analysis_within(form.clone(), bytes), &want, &mut told);
    }
    assert!(told.is_empty(), "{told}");
}
