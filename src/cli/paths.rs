//! `cutset paths`: the architect's view, no incident needed.

use super::arguments::Paths;
use super::{case, files, inputs, warn};
use crate::analysis::paths::{Asked, paths};
use crate::model::{Incident, InputError};
use std::io::Write;
use std::process::ExitCode;

pub fn run(plan: &Paths, out: &mut super::Out) -> anyhow::Result<ExitCode> {
    super::refuse_redaction(&plan.privacy)?;
    let folder = &plan.case.folder;
    case::folder(folder, "name a folder with snapshot/ in it; incident.json and timeline/ are not needed")?;
    let incident = folder.join("incident.json");
    let incident = match incident.is_file() {
        true => Some(Incident::parse(&files::shown(&incident), &files::text(&incident)?)?),
        false => None,
    };
    let only = case::only(&plan.case)?;
    let parameters = incident.as_ref().map(|i| i.parameters.clone()).unwrap_or_default();
    let own = case::documents(&folder.join("policies"))?;
    let inputs = inputs::case(folder)?;
    if inputs.is_empty() {
        return Err(InputError::new(
            files::shown(folder),
            "no export is in this folder",
            "put exports into snapshot/; `cutset collect` prints the commands",
        )
        .into());
    }
    let (environment, controls, warnings) = crate::estate(&inputs, incident.as_ref(), own, only, &parameters)?;
    warnings.iter().for_each(|warning| warn(warning));
    case::known(&environment, folder)?;
    let jewels = incident.iter().flat_map(|i| &i.crown_jewels).flatten();
    let found = paths(Asked {
        environment,
        controls: &controls,
        from: plan.from.clone(),
        to: plan.to.clone(),
        with: plan.with.clone(),
        jewels: jewels.map(|jewel| (jewel.id.clone(), jewel.label.clone())).collect(),
        at: incident.as_ref().map(|i| i.snapshot_taken_at.unwrap_or(i.window.from)),
        most: plan.most,
    })?;
    if plan.json {
        serde_json::to_writer_pretty(&mut *out, &found)?;
        writeln!(out)?;
    } else {
        out.write_all(crate::render::paths_in_lines(&found, super::WIDTH).as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}
