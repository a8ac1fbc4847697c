//! `cutset diff`: posture regression between two exports. Exit 1 when something that was closed is no longer known to be.
//!
//! OLD is an analysis.json or its case folder; NEW too, or a folder with a later export alone: then OLD's entries, jewels
//! and statements are asked about.

use super::arguments::{Case, Diff};
use super::{FAILED, case, files, inputs, render::read, warn};
use crate::analysis::Posture;
use crate::analysis::diff::diff;
use crate::model::{Environment, Incident, InputError};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

pub fn run(plan: &Diff, out: &mut super::Out) -> anyhow::Result<ExitCode> {
    let old = earlier(&plan.old, plan)?;
    let (new, environment) = later(&plan.new, &old)?;
    let (asked, told) = (&old.pairs, &new.pairs);
    let common = asked
        .iter()
        .any(|one| told.iter().any(|other| one.from_id == other.from_id && one.to.eq_ignore_ascii_case(&other.to)));
    if !common {
        return Err(InputError::new(
            files::shown(&plan.new),
            "this is of another incident: it shares no entry and crown jewel with the earlier one",
            "compare two analyses of one incident, or name a later export's folder",
        )
        .into());
    }
    let found = diff(&old, &new, environment.as_ref());
    if plan.json {
        serde_json::to_writer_pretty(&mut *out, &found)?;
        writeln!(out)?;
    } else {
        out.write_all(crate::render::diff_in_lines(&found, environment.is_some(), super::WIDTH).as_bytes())?;
    }
    Ok(if found.regressed() { FAILED } else { ExitCode::SUCCESS })
}

fn earlier(path: &Path, plan: &Diff) -> anyhow::Result<Posture> {
    if !path.is_dir() && path.exists() {
        return posture_of(path);
    }
    let case = Case { folder: path.to_owned(), policies: None, strict: plan.strict };
    let opened = case::open(&case)?;
    let loaded = crate::load(&opened)?;
    loaded.warnings.iter().for_each(|warning| warn(warning));
    Ok(crate::analysis::posture_of(loaded.input(false)))
}

/// The posture that an analysis holds.
fn posture_of(path: &Path) -> anyhow::Result<Posture> {
    let analysis = read(path)?;
    match analysis.posture {
        Some(posture) if !posture.pairs.is_empty() => Ok(posture),
        Some(_) => Err(InputError::new(
            files::shown(path),
            "this analysis knows no way from an entry to a jewel that could be compared",
            "name `entries` and `crownJewels` in incident.json and analyse again",
        )
        .into()),
        None => Err(InputError::new(
            files::shown(path),
            "this analysis holds no posture to compare (it is an older version's, or redacted)",
            "run `cutset analyze` on its case again",
        )
        .into()),
    }
}

fn later(path: &Path, old: &Posture) -> anyhow::Result<(Posture, Option<Environment>)> {
    if !path.is_dir() && path.exists() {
        return Ok((posture_of(path)?, None));
    }
    case::folder(path, "name a folder with the later export in snapshot/, or its analysis.json")?;
    let inputs = inputs::case(path)?;
    if inputs.is_empty() {
        let help = "put the later export into snapshot/; `cutset collect` prints the commands";
        return Err(InputError::new(files::shown(path), "no export is in this folder", help).into());
    }
    let incident = path.join("incident.json");
    let incident = match incident.is_file() {
        true => Some(Incident::parse(&files::shown(&incident), &files::text(&incident)?)?),
        false => None,
    };
    let (environment, _, warnings) =
        crate::estate(&inputs, incident.as_ref(), BTreeMap::new(), None, &BTreeMap::new())?;
    warnings.iter().for_each(|warning| warn(warning));
    case::known(&environment, path)?;
    let (posture, environment) = crate::analysis::posture_like(old, environment, incident.is_none());
    Ok((posture, Some(environment)))
}
