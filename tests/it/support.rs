//! Helpers that several modules share: running a file of decision vectors, and the list of those that pass.

use cutset::decide::{GATES, check};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub fn json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Answers every request of the file with the gate and compares with what it expects.
pub fn vectors(gate_id: &str, path: &Path) -> check::Report {
    let gate = GATES.iter().find(|gate| gate.id == gate_id).unwrap_or_else(|| panic!("no gate `{gate_id}`"));
    let file = json(path);
    let answers = (gate.decide_file)(&file).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    check::check(&file, &answers)
}

/// Files of vectors of one gate, in the order of their names.
pub fn vector_files(gate_id: &str) -> Vec<PathBuf> {
    let folder = root().join("tests/vectors").join(gate_id);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .collect();
    files.sort();
    files
}

/// `tests/vectors/<gate>/passing.txt` lists every vector of the folder that passes, one id a line. A listed one that
/// fails is a step back; one that passes unlisted is to be added: the list only grows.
pub fn passing_only_grows(gate_id: &str) {
    let list = root().join("tests/vectors").join(gate_id).join("passing.txt");
    let text = std::fs::read_to_string(&list).unwrap_or_else(|error| panic!("{}: {error}", list.display()));
    let listed: BTreeSet<String> = text.lines().map(str::trim).filter(|l| !l.is_empty()).map(str::to_owned).collect();
    let mut passed = BTreeSet::new();
    let mut told = String::new();
    for file in vector_files(gate_id) {
        let report = vectors(gate_id, &file);
        for id in &report.passed {
            assert!(passed.insert(id.clone()), "two vectors of `{gate_id}` are called `{id}`");
        }
        told.push_str(&report.to_string());
    }
    let fallen: Vec<&String> = listed.difference(&passed).collect();
    assert!(fallen.is_empty(), "vectors of `{gate_id}` that used to pass do not: {fallen:?}\n{told}");
    let risen: Vec<&String> = passed.difference(&listed).collect();
    assert!(risen.is_empty(), "add to {}: {risen:?}", list.display());
}
