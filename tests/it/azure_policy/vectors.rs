//! Our own vectors, in `tests/vectors/azure-policy/`, and the list of all that pass.

use super::shared;
use crate::support;
use std::collections::BTreeSet;

#[test]
fn every_vector_passes() {
    for file in support::vector_files("azure-policy") {
        let report = support::vectors("azure-policy", &file);
        assert!(report.all_pass(), "{}\n{report}", file.display());
    }
}

/// `passing.txt` lists every vector that passes, ours and the shared ones; it only grows.
#[test]
fn passing_only_grows() {
    let list = support::root().join("tests/vectors/azure-policy/passing.txt");
    let text = std::fs::read_to_string(&list).expect("passing.txt");
    let shared = shared::report();
    let mut passed = BTreeSet::new();
    for file in support::vector_files("azure-policy") {
        passed.extend(support::vectors("azure-policy", &file).passed);
    }
    passed.extend(shared.iter().flat_map(|report| report.passed.clone()));
    // Without the shared file, its ids are not looked at.
    let listed: BTreeSet<String> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && (shared.is_some() || !line.starts_with("azpol-")))
        .map(str::to_owned)
        .collect();
    let fallen: Vec<&String> = listed.difference(&passed).collect();
    assert!(fallen.is_empty(), "vectors that used to pass do not: {fallen:?}");
    let risen: Vec<&String> = passed.difference(&listed).collect();
    assert!(risen.is_empty(), "add to {}: {risen:?}", list.display());
}
