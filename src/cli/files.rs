//! Small files read whole, and errors that name them.

use crate::model::{InputError, from_json};
use anyhow::Context;
use serde_json::Value;
use std::io::Read;
use std::path::Path;

/// A JSON document; the error names file, line and column. `-` is stdin.
pub fn json(path: &Path) -> anyhow::Result<Value> {
    let text = text(path)?;
    Ok(from_json(&shown(path), &text)?)
}

/// A UTF-8 text file without its byte order mark. `-` is stdin.
pub fn text(path: &Path) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    match path.as_os_str() == "-" {
        true => std::io::stdin().lock().read_to_end(&mut bytes).context("cannot read stdin")?,
        false => std::fs::File::open(path)
            .and_then(|mut file| file.read_to_end(&mut bytes))
            .with_context(|| format!("cannot read `{}`", path.display()))?,
    };
    let text = String::from_utf8(bytes).map_err(|error| {
        let line = 1 + error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|b| **b == b'\n').count();
        InputError::new(shown(path), "this is no UTF-8 text", "save the file as UTF-8").at(format!("line {line}"))
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

pub fn shown(path: &Path) -> String {
    match path.as_os_str() == "-" {
        true => "stdin".to_owned(),
        false => path.display().to_string(),
    }
}

/// The error, of this file, where the room that found it did not know the file.
pub fn named(mut error: InputError, path: &Path) -> InputError {
    if error.file.is_empty() {
        error.file = shown(path);
    }
    error
}

/// Writes beside the file, then renames: a reader never sees half a file. Makes the folder.
pub fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = || format!("cannot write `{}`", path.display());
    std::fs::create_dir_all(folder).with_context(failed)?;
    let name = path.file_name().with_context(failed)?.to_string_lossy();
    let beside = folder.join(format!(".{name}.{}.tmp", std::process::id()));
    let written = std::fs::write(&beside, bytes).and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        // What is left of the attempt is of no use to anybody; the error that matters is the first.
        let _ = std::fs::remove_file(&beside);
    }
    written.with_context(failed)
}
