//! Registries hold what they list: ids are unique, and each id is a file and a folder of cases.

use crate::support::root;
use cutset::ingest::FORMATS;
use std::collections::BTreeSet;

fn unique(ids: &[&str]) {
    let set: BTreeSet<&&str> = ids.iter().collect();
    assert_eq!(set.len(), ids.len(), "an id is listed twice: {ids:?}");
}

/// Source files of a room that register something under this name.
fn registered(room: &str, marker: &str) -> BTreeSet<String> {
    let folder = root().join("src").join(room);
    std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "rs"))
        .filter(|path| std::fs::read_to_string(path).unwrap().contains(marker))
        .map(|path| path.file_stem().unwrap().to_string_lossy().replace('_', "-"))
        .collect()
}

fn folders(registry: &str) -> BTreeSet<String> {
    std::fs::read_dir(root().join("tests").join(registry))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

#[test]
fn formats_are_files_and_folders_of_cases() {
    let ids: Vec<&str> = FORMATS.iter().map(|f| f.id).collect();
    unique(&ids);
    let ids: BTreeSet<String> = ids.into_iter().map(str::to_owned).collect();
    assert_eq!(ids, registered("ingest", "pub const FORMAT: Format"));
    assert_eq!(ids, folders("formats"));
    for id in &ids {
        let cases = std::fs::read_dir(root().join("tests/formats").join(id)).unwrap().count();
        assert!(cases > 0, "`{id}` has no case");
    }
}
