//! Traps: small whole incidents, each a folder of `tests/cases/` with an `expected.json` of its own. A new case is a
//! new folder; nothing here knows any of them.
//!
//! Beside what a case expects, every one must read without a rejected record, fit the schema of `analysis.json`, come
//! back the same from its bytes, and verify: certificates by the file alone, paths by the deciders.

use crate::support;
use cutset::CaseFiles;
use cutset::analysis::{Analysis, Guarantee, MinimalControlSet, Verdict};
use cutset::cli::{files, inputs, schema::CONTRACTS};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::path::Path;

type ByControl<T> = BTreeMap<String, T>;
type ByStep<T> = BTreeMap<String, T>;

/// The answers of a case, worked out by hand (`tests/cases/README.md` says what each is).
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Expected {
    why: String,
    controls: Vec<String>,
    steps: Vec<String>,
    verdicts: ByControl<String>,
    unexplained: Vec<String>,
    unexplained_why: ByStep<String>,
    caveats: Option<Vec<String>>,
    reasons: ByControl<ByStep<String>>,
    via: ByControl<ByStep<String>>,
    missing: ByControl<ByStep<Vec<String>>>,
    words: ByControl<ByStep<Vec<String>>>,
    assumes: ByControl<ByStep<String>>,
    needs: ByStep<Vec<String>>,
    cut_by: ByStep<Vec<Vec<String>>>,
    sets: BTreeMap<String, Vec<String>>,
    observed: Option<BTreeMap<String, Vec<String>>>,
    uncovered: Vec<String>,
    open: ByControl<Vec<String>>,
    open_when: ByControl<Vec<String>>,
    not_open: ByControl<Vec<String>>,
    gaps: Vec<String>,
    loosening: ByControl<Vec<String>>,
    switches: Vec<String>,
    owned: ByControl<String>,
    calibration: BTreeMap<String, [u64; 3]>,
}

#[test]
fn traps() {
    let mut failures: Vec<String> = Vec::new();
    let mut ran = 0;
    let mut folders: Vec<_> = std::fs::read_dir(support::root().join("tests/cases")).expect("the cases").collect();
    folders.sort_by_key(|entry| entry.as_ref().map(|e| e.file_name()).unwrap_or_default());
    for folder in folders.into_iter().flatten().filter(|folder| folder.path().join("expected.json").is_file()) {
        let name = folder.file_name().to_string_lossy().into_owned();
        let expected: Expected = serde_json::from_value(support::json(&folder.path().join("expected.json")))
            .unwrap_or_else(|error| panic!("{name}/expected.json: {error}"));
        assert!(!expected.why.is_empty(), "{name} says in `why` what it proves");
        let case = support::materialize(&name);
        let mut check = Check { case: name, failures: &mut failures };
        check.all(case.path(), &expected);
        ran += 1;
    }
    assert!(ran > 0, "no case has an expected.json");
    assert!(failures.is_empty(), "{} of {ran} cases:\n{}", failures.len(), failures.join("\n"));
}

/// What differs, by case; one run shows all.
struct Check<'a> {
    case: String,
    failures: &'a mut Vec<String>,
}

impl Check<'_> {
    fn same<T: PartialEq + Debug>(&mut self, what: &str, found: T, expected: T) {
        if found != expected {
            self.failures.push(format!("{}: {what}\n  found    {found:?}\n  expected {expected:?}", self.case));
        }
    }

    fn holds(&mut self, what: &str, found: bool, shown: impl Debug) {
        if !found {
            self.failures.push(format!("{}: {what}\n  found    {shown:?}", self.case));
        }
    }

    fn all(&mut self, folder: &Path, expected: &Expected) {
        let files = case_files(folder, &expected.controls);
        let loaded = cutset::load(&files).unwrap_or_else(|error| panic!("{}: {error}", self.case));
        self.same("warnings", &loaded.warnings, &Vec::new());
        let analysis = cutset::analysis::analyse(loaded.input(false));
        self.always(&loaded, &analysis);
        self.verdicts(&analysis, expected);
        self.findings(&analysis, expected);
        self.sets(&analysis, expected);
    }

    fn always(&mut self, loaded: &cutset::Loaded, analysis: &Analysis) {
        let value = serde_json::to_value(analysis).expect("it serialises");
        let contract = CONTRACTS.iter().find(|contract| contract.name == "analysis").expect("a contract");
        let validator = jsonschema::validator_for((contract.schema)().as_value()).expect("a schema");
        let misfits: Vec<String> =
            validator.iter_errors(&value).map(|e| format!("{}: {e}", e.instance_path())).collect();
        self.same("the schema of analysis.json", misfits, Vec::new());
        let again: Analysis = serde_json::from_value(value).expect("it reads back");
        self.holds("the analysis reads back the same", again == *analysis, "another one");
        let mut verified = cutset::analysis::verify::verify(&again);
        cutset::analysis::verify::verify_case(loaded.input(false), &again, &mut verified);
        self.same("verify", verified.failures, Vec::new());
        let rejected: Vec<&String> = analysis.rejected.iter().map(|r| &r.reason).collect();
        self.same("rejected records", rejected, Vec::new());
        let unread: Vec<&str> =
            analysis.sources.iter().filter(|s| s.format == "unrecognised").map(|s| s.file.as_str()).collect();
        self.same("files no reader can place", unread, Vec::new());
    }

    fn verdicts(&mut self, analysis: &Analysis, expected: &Expected) {
        self.same("steps", analysis.steps.iter().map(|s| s.action.clone()).collect(), expected.steps.clone());
        let rows: BTreeMap<String, String> = analysis
            .controls
            .iter()
            .map(|c| {
                (c.id.clone(), analysis.steps.iter().map(|s| support::sign(s, &c.id)).collect::<Vec<_>>().join(" "))
            })
            .collect();
        self.same("verdicts", &rows, &expected.verdicts);
        self.cells("reason", analysis, &expected.reasons, |v, e| v.reason.contains(e), |v| v.reason.clone());
        self.cells("via", analysis, &expected.via, |v, e| v.via.as_ref() == Some(e), |v| format!("{:?}", v.via));
        self.cells("missing", analysis, &expected.missing, |v, e| v.missing == *e, |v| format!("{:?}", v.missing));
        self.cells("words", analysis, &expected.words, |v, e| v.words == *e, |v| format!("{:?}", v.words));
        let assumes = |v: &Verdict, e: &String| v.assumes.iter().any(|a| a.contains(e));
        self.cells("assumes", analysis, &expected.assumes, assumes, |v| format!("{:?}", v.assumes));
        if let Some(caveats) = &expected.caveats {
            let with = analysis.steps.iter().filter(|s| s.verdicts.iter().any(|v| v.caveat.is_some()));
            self.same("caveats", with.map(|s| s.id.clone()).collect(), caveats.clone());
        }
        for (id, needs) in &expected.needs {
            let found: Vec<String> = analysis.step(id).map_or_else(Vec::new, |step| {
                let supports = |n: &cutset::analysis::Need| {
                    n.supports.iter().map(|s| s.from.clone()).collect::<Vec<_>>().join("|")
                };
                step.needs.iter().map(|n| format!("{}: {}", n.capability, supports(n))).collect()
            });
            self.same(&format!("needs of {id}"), &found, needs);
        }
        for (id, conditions) in &expected.cut_by {
            let found = analysis.step(id).map(|step| sorted(&step.cut_by)).unwrap_or_default();
            self.same(&format!("cut_by of {id}"), found, sorted(conditions));
        }
    }

    fn cells<T: Debug>(
        &mut self,
        what: &str,
        analysis: &Analysis,
        expected: &ByControl<ByStep<T>>,
        agrees: impl Fn(&Verdict, &T) -> bool,
        show: impl Fn(&Verdict) -> String,
    ) {
        for (control, steps) in expected {
            for (id, wanted) in steps {
                let found = analysis.step(id).and_then(|step| step.verdict(control));
                let what = format!("{what} of {control} on {id}, {wanted:?}");
                self.holds(&what, found.is_some_and(|v| agrees(v, wanted)), found.map(&show));
            }
        }
    }

    fn findings(&mut self, analysis: &Analysis, expected: &Expected) {
        let set = |list: &[String]| list.iter().cloned().collect::<BTreeSet<String>>();
        let found: Vec<String> = analysis.unexplained.iter().map(|u| format!("{} {}", u.step, u.need)).collect();
        self.same("unexplained", set(&found), set(&expected.unexplained));
        for (id, why) in &expected.unexplained_why {
            let whys: Vec<&String> = analysis.unexplained.iter().filter(|u| u.step == *id).map(|u| &u.why).collect();
            self.holds(&format!("why {id} is unexplained, {why:?}"), whys.iter().any(|w| w.contains(why)), whys);
        }
        for fact in &expected.gaps {
            let gaps: Vec<&String> = analysis.gaps.iter().map(|gap| &gap.fact).collect();
            self.holds(&format!("the gap {fact:?}"), gaps.contains(&fact), gaps);
        }
        let loosening: BTreeMap<String, Vec<String>> = analysis
            .controls
            .iter()
            .filter_map(|c| c.loosening.as_ref().map(|l| (c.id.clone(), l.steps.clone())))
            .collect();
        self.same("loosening", &loosening, &expected.loosening);
        for (control, why) in &expected.owned {
            let found = analysis.owned_already.iter().find(|o| o.control == *control);
            let told = found.is_some_and(|o| o.why_it_did_not_stop.contains(why));
            self.holds(&format!("{control} was owned already, {why:?}"), told, &analysis.owned_already);
        }
        for (gate, [compared, agree, unknown]) in &expected.calibration {
            let found = analysis.calibration.iter().find(|c| c.gate == *gate);
            let numbers = found.map(|c| [c.compared, c.agree, c.unknown]);
            self.same(&format!("calibration of {gate}"), numbers, Some([*compared, *agree, *unknown]));
        }
    }

    fn sets(&mut self, analysis: &Analysis, expected: &Expected) {
        let sets = &analysis.minimal_control_sets;
        self.same("minimal sets", by_jewel(analysis, &sets.all_paths), ordered(&expected.sets));
        if let Some(observed) = &expected.observed {
            self.same("minimal sets of the observed steps", by_jewel(analysis, &sets.observed), ordered(observed));
        }
        let uncovered: BTreeSet<String> = sets.uncovered.iter().map(|u| label(analysis, &u.jewel)).collect();
        self.same("uncovered", uncovered, expected.uncovered.iter().cloned().collect());
        self.same("switches", &sets.switches, &expected.switches);
        let open = |control: &str| -> Vec<&String> {
            let with: Vec<&str> = control.split('+').filter(|c| !c.is_empty()).collect();
            analysis.residual_paths.iter().filter(|p| p.with == with).map(|p| &p.short).collect()
        };
        for (control, paths) in &expected.open {
            let found = open(control);
            for path in paths {
                let is = found.iter().any(|short| short.contains(path.as_str()));
                self.holds(&format!("{control} leaves {path:?} open"), is, &found);
            }
        }
        for (control, spans) in &expected.open_when {
            let with: Vec<&str> = control.split('+').filter(|c| !c.is_empty()).collect();
            let said = |p: &cutset::analysis::ResidualPath| {
                let word =
                    |time: Option<cutset::model::Timestamp>| time.map_or("the end".to_owned(), |t| t.to_string());
                format!("{} to {}", word(p.from), word(p.until))
            };
            let found: Vec<String> = analysis.residual_paths.iter().filter(|p| p.with == with).map(said).collect();
            for span in spans {
                self.holds(&format!("{control} leaves a path open from {span}"), found.contains(span), &found);
            }
        }
        for (control, paths) in &expected.not_open {
            let found = open(control);
            for path in paths {
                let is = found.iter().any(|short| short.contains(path.as_str()));
                self.holds(&format!("{control} does not leave {path:?} open"), !is, &found);
            }
        }
    }
}

/// The case's own `policies/`, and these controls of the shipped catalogue.
pub fn case_files(folder: &Path, shipped: &[String]) -> CaseFiles {
    let mut documents = texts(&folder.join("policies"));
    if !shipped.is_empty() {
        let more = support::catalogue_of(&shipped.iter().map(String::as_str).collect::<Vec<_>>());
        for (name, text) in texts(more.path()) {
            let merged = match documents.get(&name) {
                Some(own) if name == "catalog.json" => joined(own, &text),
                Some(_) => panic!("both catalogues hold {name}"),
                None => text,
            };
            documents.insert(name, merged);
        }
    }
    CaseFiles {
        name: None,
        incident: ("incident.json".to_owned(), files::text(&folder.join("incident.json")).expect("incident.json")),
        inputs: inputs::case(folder).expect("a case folder"),
        policies: BTreeMap::new(),
        only: Some(("policies".to_owned(), documents)),
    }
}

fn texts(folder: &Path) -> BTreeMap<String, String> {
    if !folder.is_dir() {
        return BTreeMap::new();
    }
    let listed = inputs::below(folder).expect("a folder of policies");
    listed.iter().map(|f| (f.name.clone(), files::text(&folder.join(&f.name)).expect("a policy file"))).collect()
}

fn joined(own: &str, more: &str) -> String {
    let mut all: serde_json::Value = serde_json::from_str(own).expect("a catalogue");
    let more: serde_json::Value = serde_json::from_str(more).expect("a catalogue");
    let list = all["controls"].as_array_mut().expect("controls");
    list.extend(more["controls"].as_array().expect("controls").iter().cloned());
    all.to_string()
}

fn sorted(conditions: &[Vec<String>]) -> BTreeSet<BTreeSet<String>> {
    conditions.iter().map(|set| set.iter().cloned().collect()).collect()
}

fn label(analysis: &Analysis, jewel: &str) -> String {
    let known = analysis.jewels.iter().find(|j| j.id.eq_ignore_ascii_case(jewel));
    known.and_then(|j| j.label.clone()).unwrap_or_else(|| jewel.to_owned())
}

/// Label of the jewel → `closed a+b`, `closed-if-lacking:secondFactor c`.
fn by_jewel(analysis: &Analysis, sets: &[MinimalControlSet]) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for set in sets {
        let guarantee = match set.guarantee {
            Guarantee::Closed => "closed".to_owned(),
            Guarantee::ClosedIfLacking => format!("closed-if-lacking:{}", set.words.join(",")),
        };
        let mut members = set.set.clone();
        members.sort();
        if members.is_empty() {
            members.push("nothing".to_owned());
        }
        found.entry(label(analysis, &set.jewel)).or_default().insert(format!("{guarantee} {}", members.join("+")));
    }
    found
}

fn ordered(sets: &BTreeMap<String, Vec<String>>) -> BTreeMap<String, BTreeSet<String>> {
    sets.iter().map(|(jewel, sets)| (jewel.clone(), sets.iter().cloned().collect())).collect()
}
