//! A case folder opened: `incident.json`, the exports and logs as streams, the policies.

use super::arguments::Case;
use super::{files, inputs};
use crate::CaseFiles;
use crate::model::{Environment, InputError, Kind};
use std::collections::BTreeMap;
use std::path::Path;

/// Opens the folder; nothing bulky is read yet.
pub fn open(case: &Case) -> anyhow::Result<CaseFiles> {
    let folder = &case.folder;
    self::folder(folder, "name a case folder: incident.json with snapshot/ and timeline/ beside it")?;
    let incident = folder.join("incident.json");
    if !incident.is_file() {
        return Err(InputError::new(
            files::shown(&incident),
            "there is no such file",
            "a case folder holds incident.json; `cutset schema incident` prints its schema",
        )
        .into());
    }
    let text = files::text(&incident)?;
    let inputs = inputs::case(folder)?;
    if inputs.is_empty() {
        return Err(InputError::new(
            files::shown(folder),
            "no export and no log is in this folder",
            "put exports into snapshot/ and logs into timeline/; `cutset collect` prints the commands",
        )
        .into());
    }
    let name =
        folder.canonicalize().ok().as_deref().unwrap_or(folder).file_name().map(|n| n.to_string_lossy().into_owned());
    Ok(CaseFiles {
        name,
        incident: (files::shown(&incident), text),
        inputs,
        policies: documents(&folder.join("policies"))?,
        only: only(case)?,
    })
}

/// What is named is a folder.
pub fn folder(folder: &Path, help: &str) -> Result<(), InputError> {
    if folder.is_dir() {
        return Ok(());
    }
    let what = if folder.exists() { "this is no folder" } else { "there is no such folder" };
    Err(InputError::new(files::shown(folder), what, help))
}

/// Something in the folder was told from other files.
pub fn known(environment: &Environment, folder: &Path) -> Result<(), InputError> {
    let read = |kind: &Kind| environment.of(*kind).any(|(_, d)| !d.evidence.file.starts_with("built-in:"));
    if Kind::ALL.iter().any(read) {
        return Ok(());
    }
    let help = "`cutset check` says what was read; `cutset collect` prints the commands that gather exports";
    Err(InputError::new(files::shown(folder), "no file in this folder is an export of an environment", help))
}

/// `--policies DIR`: the folder and its documents, of which there must be some.
pub fn only(case: &Case) -> anyhow::Result<Option<(String, BTreeMap<String, String>)>> {
    let Some(folder) = &case.policies else { return Ok(None) };
    self::folder(folder, "name a catalogue folder")?;
    let documents = documents(folder)?;
    if documents.is_empty() {
        let help = "put catalog.json with its documents, or exports of policies and locks, into it";
        return Err(InputError::new(files::shown(folder), "no control is in this folder", help).into());
    }
    Ok(Some((files::shown(folder), documents)))
}

/// The JSON files of a catalogue folder, sub-folders included, by relative name; none where there is no folder.
pub fn documents(folder: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    if !folder.is_dir() {
        return Ok(found);
    }
    for file in inputs::below(folder)? {
        if file.name.to_lowercase().ends_with(".json") {
            found.insert(file.name.clone(), files::text(&folder.join(&file.name))?);
        }
    }
    Ok(found)
}
