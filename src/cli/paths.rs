//! `cutset paths`: the architect's view, no incident needed.

use super::arguments::Paths;
use super::{case, files, inputs, warn};
use crate::analysis::paths::{Asked, paths};
use crate::model::Incident;
use crate::render::text::plain;
use std::io::Write;
use std::process::ExitCode;

pub fn run(plan: &Paths, out: &mut super::Out) -> anyhow::Result<ExitCode> {
    super::refuse_redaction(&plan.privacy)?;
    let folder = &plan.case.folder;
    let incident = folder.join("incident.json");
    let incident = match incident.is_file() {
        true => Some(Incident::parse(&files::shown(&incident), &files::text(&incident)?)?),
        false => None,
    };
    let policies = match &plan.case.policies {
        Some(only) => Some((files::shown(only), case::documents(only)?)),
        None => None,
    };
    let parameters = incident.as_ref().map(|i| i.parameters.clone()).unwrap_or_default();
    let own = case::documents(&folder.join("policies"))?;
    let inputs = inputs::case(folder)?;
    let (environment, controls, warnings) = crate::estate(&inputs, incident.as_ref(), own, policies, &parameters)?;
    warnings.iter().for_each(|warning| warn(warning));
    let jewels = incident.iter().flat_map(|i| &i.crown_jewels).flatten().map(|jewel| jewel.id.clone()).collect();
    let asked = Asked {
        environment,
        controls: &controls,
        from: plan.from.clone(),
        to: plan.to.clone(),
        with: plan.with.clone(),
        jewels,
    };
    let found = paths(&asked)?;
    if plan.json {
        serde_json::to_writer_pretty(&mut *out, &found)?;
        writeln!(out)?;
        return Ok(ExitCode::SUCCESS);
    }
    if found.paths.is_empty() {
        writeln!(out, "No path is open as far as the rules know.")?;
    }
    for open in &found.paths {
        writeln!(out, "{} reaches {}", plain(&open.from), plain(&open.to))?;
        for step in &open.steps {
            writeln!(out, "    {} on {}: {}", plain(&step.action), plain(&step.to), plain(&step.why))?;
        }
        if !open.missing.is_empty() {
            writeln!(out, "    turns on {}", plain(&open.missing.join(", ")))?;
        }
    }
    for choke in &found.choke_points {
        writeln!(out, "choke point for {}: {} on {}", plain(&choke.to), plain(&choke.action), plain(&choke.on))?;
    }
    for blast in found.blast_radius.iter().filter(|b| !b.becomes.is_empty()) {
        writeln!(out, "{} can come to act as {}", plain(&blast.from), plain(&blast.becomes.join(", ")))?;
    }
    for cut in &found.cut_by {
        writeln!(out, "{} closes {} of {} paths", cut.control, cut.closes, cut.of)?;
    }
    Ok(ExitCode::SUCCESS)
}
