//! The vectors handed to us. They quote the vendor's definitions, so they are read in place from `../shared` and are no
//! part of the project; where that folder is absent the test says so and passes.

use crate::support;

pub fn report() -> Option<cutset::decide::check::Report> {
    let path = support::root().join("../shared/vectors/azure-policy.json");
    if !path.is_file() {
        eprintln!("not run: {} is absent", path.display());
        return None;
    }
    Some(support::vectors("azure-policy", &path))
}

#[test]
fn every_shared_vector_passes() {
    let Some(report) = report() else { return };
    assert!(report.all_pass(), "{report}");
}
