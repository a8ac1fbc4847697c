//! Outputs that are never half-written: each file is written beside its place, then renamed.

use anyhow::Context;
use std::fs;
use std::io::Write;
use std::path::Path;

/// Writes all files of a folder, or none of them: first every one beside its place, then the renames.
pub fn all(folder: &Path, files: &[(String, Vec<u8>)]) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    let mut written = Vec::new();
    let result = files.iter().try_for_each(|(name, bytes)| -> anyhow::Result<()> {
        let place = folder.join(name);
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent).with_context(|| format!("cannot make the folder `{}`", parent.display()))?;
        }
        let beside = folder.join(format!("{name}.{}.tmp", std::process::id()));
        written.push((beside.clone(), place));
        let mut file = fs::File::create(&beside).with_context(|| format!("cannot write `{}`", beside.display()))?;
        file.write_all(bytes)
            .and_then(|()| file.sync_all())
            .with_context(|| format!("cannot write `{}`", beside.display()))
    });
    if let Err(error) = result {
        for (beside, _) in written {
            let _ = fs::remove_file(beside);
        }
        return Err(error);
    }
    for (beside, place) in written {
        fs::rename(&beside, &place).with_context(|| format!("cannot write `{}`", place.display()))?;
    }
    Ok(())
}
