//! Every case of `tests/correlate/`, checked.

use super::case::{Case, differences, rewind_differences};
use crate::support::root;
use cutset::correlate::{correlate, explain};
use std::path::PathBuf;

pub fn files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(root().join("tests/correlate"))
        .expect("the cases")
        .map(|entry| entry.expect("a readable folder").path().join("case.json"))
        .collect();
    files.sort();
    files
}

#[test]
fn every_case_comes_out_as_it_says() {
    let mut told = String::new();
    for file in files() {
        let case = Case::read(&file);
        let (incident, environment) = (case.incident(), case.environment());
        let outcome = correlate(&incident, &environment, case.events());
        let mut differences = differences(&case, &outcome);
        if let (Some(expected), Ok(correlated)) = (&case.expect.rewound, &outcome) {
            differences.extend(rewind_differences(&case, expected, correlated));
        }
        if !differences.is_empty() {
            told.push_str(&format!("\n{} ({})\n  {}\n", file.display(), case.why, differences.join("\n  ")));
            for line in outcome.iter().flat_map(explain) {
                told.push_str(&format!("    | {line}\n"));
            }
        }
    }
    assert!(told.is_empty(), "{told}");
}
