//! The published samples (`../shared/samples`, read in place; these tests pass without them).

use cutset::cli::inputs;
use cutset::ingest::{Item, Reading, read};
use std::path::PathBuf;

fn root() -> Option<PathBuf> {
    let root = crate::support::root().join("../shared/samples");
    root.is_dir().then_some(root)
}

fn reading() -> Option<(Reading, usize, usize)> {
    let (mut events, mut documents) = (0, 0);
    let reading = read(&inputs::below(&root()?).unwrap(), &mut |item| match item {
        Item::Event(_) => events += 1,
        Item::Document { .. } => documents += 1,
        _ => {}
    });
    Some((reading, events, documents))
}

/// Excerpts that were published without any time, and a page of documentation that shows types for values.
const WITHOUT_TIME: &[&str] = &[
    "timeline/graph-api-docs/v1.0/alert-get-00.json",
    "timeline/sentinel-training-lab/AuditLogs_Hunting.csv",
    "timeline/stratus-red-team/",
];

#[test]
fn every_sample_is_read_or_knowingly_ignored() {
    let Some((reading, events, documents)) = reading() else { return };
    for source in reading.sources.iter().filter(|s| s.file != "PROVENANCE.md") {
        assert_ne!(source.format, "unrecognised", "{}", source.file);
        assert_eq!(source.sha256.len(), 64, "{}", source.file);
    }
    for rejected in reading.rejected.iter().filter(|r| r.file != "PROVENANCE.md") {
        let known = WITHOUT_TIME.iter().any(|file| rejected.file.starts_with(file));
        assert!(known && rejected.reason.contains("no time"), "{rejected:?}");
    }
    assert!(events > 150 && documents > 270, "{events} events, {documents} documents");
}
