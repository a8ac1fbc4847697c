//! Helpers that several modules share: running a file of decision vectors and the list of those that pass, and laying
//! a case out as a folder of its own.

use cutset::CaseFiles;
use cutset::analysis::{Analysis, Mode, Step};
use cutset::cli::{files, inputs};
use cutset::decide::{GATES, check};
use cutset::model::Level;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

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

/// A folder that goes away with the value.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(label: &str) -> Folder {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("cutset-{}-{}-{label}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a temporary folder");
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// `case.json` of `tests/cases/<name>/`: what differs from another case (`tests/cases/README.md`).
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// Folder of the case it starts from, seen from its own.
    base: Option<String>,
    /// The sentence the case proves.
    #[serde(rename = "why")]
    _why: String,
    /// Files of the base that are left out.
    #[serde(default)]
    remove: Vec<String>,
    /// Merge patch on `incident.json`.
    #[serde(default)]
    incident: Option<Value>,
}

/// Lays a case of `tests/cases/` out: the base, less `remove`, with `overlay/` put over it and `incident.json` patched.
/// A folder without `case.json` is a whole case and is copied as it stands.
pub fn materialize(name: &str) -> Folder {
    let home = root().join("tests/cases").join(name);
    let folder = Folder::new(name);
    let Ok(text) = std::fs::read_to_string(home.join("case.json")) else {
        copy(&home, folder.path());
        return folder;
    };
    let case: Case = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}/case.json: {e}"));
    if let Some(base) = &case.base {
        copy(&home.join(base), folder.path());
    }
    for file in &case.remove {
        std::fs::remove_file(folder.path().join(file)).unwrap_or_else(|e| panic!("{name}: cannot remove {file}: {e}"));
    }
    if home.join("overlay").is_dir() {
        copy(&home.join("overlay"), folder.path());
    }
    if let Some(patch) = &case.incident {
        let path = folder.path().join("incident.json");
        let text = std::fs::read_to_string(&path).expect("incident.json of the base");
        let mut incident: Value = serde_json::from_str(&text).expect("JSON");
        cutset::model::json::merge_patch(&mut incident, patch);
        std::fs::write(&path, incident.to_string()).expect("a patched incident.json");
    }
    folder
}

/// What the parts of a case folder are called; a generator or a README beside them is no part of it.
const PARTS: &[&str] = &["incident.json", "snapshot", "timeline", "policies"];

fn copy(from: &Path, to: &Path) {
    for part in PARTS {
        copy_all(&from.join(part), &to.join(part));
    }
}

pub fn copy_all(from: &Path, to: &Path) {
    if from.is_file() {
        if let Some(parent) = to.parent() {
            std::fs::create_dir_all(parent).expect("a folder");
        }
        std::fs::copy(from, to).unwrap_or_else(|e| panic!("{}: {e}", from.display()));
        return;
    }
    let Ok(entries) = std::fs::read_dir(from) else { return };
    for entry in entries.flatten() {
        copy_all(&entry.path(), &to.join(entry.file_name()));
    }
}

/// The analysis of a case of `tests/cases/`, or of the example (`example`), made once however many tests ask.
pub fn analyzed(name: &str) -> &'static Analysis {
    static MADE: Mutex<BTreeMap<String, &'static Analysis>> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(analysis) = made.get(name) {
        return analysis;
    }
    let analysis: &'static Analysis = Box::leak(Box::new(match name {
        // What was taken does not turn on the candidates: one is enough.
        case if case.starts_with("response-") => {
            let one = catalogue_of(&["storage-disable-shared-key"]);
            analyze(materialize(case).path(), Some(one.path()))
        }
        "example" => analyze(&root().join("examples/northgate"), None),
        case => analyze(materialize(case).path(), None),
    }));
    made.insert(name.to_owned(), analysis);
    analysis
}

/// A `--policies` folder with these controls of the shipped catalogue alone.
pub fn catalogue_of(ids: &[&str]) -> Folder {
    let shipped = root().join("policies");
    let mut catalogue = json(&shipped.join("catalog.json"));
    let folder = Folder::new("policies");
    let controls = catalogue["controls"].as_array_mut().expect("controls");
    controls.retain(|control| control["id"].as_str().is_some_and(|id| ids.contains(&id)));
    assert_eq!(controls.len(), ids.len(), "the catalogue does not hold all of {ids:?}");
    for control in controls {
        let lists = std::iter::once(&control["documents"])
            .chain(control["parts"].as_array().into_iter().flatten().map(|part| &part["documents"]));
        for name in lists.filter_map(Value::as_array).flatten().filter_map(Value::as_str) {
            std::fs::copy(shipped.join(name), folder.path().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        }
    }
    std::fs::write(folder.path().join("catalog.json"), catalogue.to_string()).expect("a catalogue");
    folder
}

/// The eight controls of Northgate's answers (`tests/cases/eight.json`).
pub fn eight_ids() -> Vec<String> {
    let list = json(&root().join("tests/cases/eight.json"));
    list.as_array().expect("a list").iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The folder of their documents.
pub fn eight() -> Folder {
    catalogue_of(&eight_ids().iter().map(String::as_str).collect::<Vec<_>>())
}

/// A case folder as the command line hands it over: `policies` in the place of the catalogue, or the case's own.
pub fn case_files(case: &Path, policies: Option<&Path>) -> CaseFiles {
    let documents = |folder: &Path| -> BTreeMap<String, String> {
        if !folder.is_dir() {
            return BTreeMap::new();
        }
        let listed = inputs::below(folder).expect("a folder of policies");
        listed.iter().map(|f| (f.name.clone(), files::text(&folder.join(&f.name)).expect("a policy file"))).collect()
    };
    CaseFiles {
        name: Some("northgate".to_owned()),
        incident: ("incident.json".to_owned(), files::text(&case.join("incident.json")).expect("incident.json")),
        inputs: inputs::case(case).expect("a case folder"),
        policies: BTreeMap::new(),
        only: policies.map(|folder| ("policies".to_owned(), documents(folder))),
    }
}

/// The main job as a library.
pub fn analyze(case: &Path, policies: Option<&Path>) -> Analysis {
    cutset::analyze(&case_files(case, policies), false).expect("the case is analysed").0
}

/// Northgate with the eight controls, analysed once for all tests that look at what is made of it.
pub fn northgate() -> &'static Analysis {
    static NORTHGATE: std::sync::OnceLock<Analysis> = std::sync::OnceLock::new();
    NORTHGATE.get_or_init(|| {
        let eight = eight();
        analyze(&root().join("examples/northgate"), Some(eight.path()))
    })
}

/// A cell as the answers write it: `D` cut directly, `U` upstream, `c` challenged, `?` unknown, `-` not cut, `*` undone.
pub fn sign(step: &Step, control: &str) -> String {
    let Some(verdict) = step.verdict(control) else { return "none".to_owned() };
    let sign = match (verdict.verdict, verdict.mode) {
        (Level::Cut, Mode::Direct) => "D",
        (Level::Cut, Mode::Upstream) => "U",
        (Level::Challenged, _) => "c",
        (Level::Unknown, _) => "?",
        (Level::NotCut, _) => "-",
    };
    format!("{sign}{}", if verdict.undo.is_some() { "*" } else { "" })
}
