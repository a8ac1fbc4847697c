//! What readers of the output are not shown: pseudonyms on the analysis, before any renderer; who is who goes to a file
//! that its owner alone reads.

use super::arguments::{Privacy, Redact};
use crate::analysis::{self, Analysis};
use anyhow::Context;
use std::io::Write;
use std::path::Path;

pub fn apply(analysis: Analysis, privacy: &Privacy) -> anyhow::Result<Analysis> {
    if privacy.redact.is_empty() {
        return Ok(analysis);
    }
    let what = analysis::Redact {
        names: privacy.redact.contains(&Redact::Names),
        addresses: privacy.redact.contains(&Redact::Addresses),
        resources: privacy.redact.contains(&Redact::Resources),
    };
    let (redacted, who) = analysis::redact(&analysis, what)
        .map_err(|error| anyhow::anyhow!("the analysis cannot be redacted: {error}"))?;
    if let Some(path) = &privacy.redact_map {
        let mut text = serde_json::to_string_pretty(&who).context("the map is no JSON")?;
        text.push('\n');
        secret(path, text.as_bytes())?;
    }
    Ok(redacted)
}

/// A file of mode 0600 from its first byte on.
fn secret(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // What stands there may be readable by others: it is replaced, not written into.
    match std::fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("cannot replace `{}`", path.display())),
    }
    options
        .open(path)
        .and_then(|mut file| file.write_all(bytes))
        .with_context(|| format!("cannot write `{}`", path.display()))
}
