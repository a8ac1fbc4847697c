//! A case folder opened: `incident.json`, the exports and logs as streams, the policies.

use super::arguments::Case;
use super::{files, inputs};
use crate::CaseFiles;
use crate::model::InputError;
use std::collections::BTreeMap;
use std::path::Path;

/// Opens the folder; nothing bulky is read yet.
pub fn open(case: &Case) -> anyhow::Result<CaseFiles> {
    let folder = &case.folder;
    if !folder.is_dir() {
        let what = if folder.exists() { "this is no folder" } else { "there is no such folder" };
        return Err(InputError::new(
            files::shown(folder),
            what,
            "name a case folder: incident.json with snapshot/ and timeline/ beside it",
        )
        .into());
    }
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
        only: match &case.policies {
            Some(only) if !only.is_dir() => {
                return Err(
                    InputError::new(files::shown(only), "there is no such folder", "name a catalogue folder").into()
                );
            }
            Some(only) => Some((files::shown(only), documents(only)?)),
            None => None,
        },
    })
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
