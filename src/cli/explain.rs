//! `cutset explain`: any claim of the summary, down to the record.

use super::arguments::{Case, Explain};
use super::{case, files, privacy, render::read, warn};
use crate::analysis::Analysis;
use crate::model::{InputError, did_you_mean};
use crate::render::text::plain;
use crate::render::{SUBJECTS, explain_in_lines};
use std::io::Write;
use std::process::ExitCode;

pub fn run(plan: &Explain, out: &mut super::Out) -> anyhow::Result<ExitCode> {
    let analysis = privacy::apply(analysis(plan)?, &plan.privacy)?;
    let Some(subject) = &plan.subject else {
        return list(&analysis, out);
    };
    let text = explain_in_lines(&analysis, subject, plan.control.as_deref(), super::WIDTH);
    let Some(text) = text else { return Err(unknown(plan, &analysis, subject).into()) };
    match plan.json {
        true => {
            serde_json::to_writer_pretty(&mut *out, &piece(&analysis, subject, plan.control.as_deref())?)?;
            writeln!(out)?;
        }
        false => out.write_all(text.as_bytes())?,
    }
    Ok(ExitCode::SUCCESS)
}

/// What can be asked.
fn list(analysis: &Analysis, out: &mut super::Out) -> anyhow::Result<ExitCode> {
    let ends = |ids: Vec<&str>| match (ids.first(), ids.last()) {
        (Some(first), Some(last)) if first != last => format!("{} to {}", plain(first), plain(last)),
        (Some(only), _) => plain(only),
        (None, _) => "none".to_owned(),
    };
    writeln!(out, "Ask for one of these, after the case or its analysis.json:")?;
    for (subject, what) in SUBJECTS {
        writeln!(out, "  {subject:14} {what}")?;
    }
    let steps = ends(analysis.steps.iter().map(|step| step.id.as_str()).collect());
    writeln!(out, "  {:14} {steps}: why it is in the attack, what it needs and gives", "STEP")?;
    let paths = ends(analysis.residual_paths.iter().map(|path| path.id.as_str()).collect());
    writeln!(out, "  {:14} {paths}: a path that stays open", "PATH")?;
    writeln!(out, "  {:14} what it stops, closes, leaves open, and would have broken", "CONTROL")?;
    writeln!(out, "  {:14} one cell of the table", "STEP CONTROL")?;
    Ok(ExitCode::SUCCESS)
}

/// The analysis' own words for it.
fn piece(analysis: &Analysis, subject: &str, control: Option<&str>) -> anyhow::Result<serde_json::Value> {
    let named = |name: &str| analysis.controls.iter().find(|c| c.id == name || c.short.as_deref() == Some(name));
    let value = match (analysis.step(subject), control.and_then(named)) {
        (Some(step), Some(control)) => serde_json::to_value(step.verdict(&control.id))?,
        (Some(step), None) => serde_json::to_value(step)?,
        (None, _) => match subject {
            "headline" => serde_json::to_value(&analysis.headline)?,
            "identities" => serde_json::to_value(&analysis.identities)?,
            "exposure" => serde_json::to_value(&analysis.exposure)?,
            "loosening" => {
                let loose = analysis.controls.iter().filter(|control| control.loosening.is_some());
                serde_json::to_value(loose.map(|control| (&control.id, &control.loosening)).collect::<Vec<_>>())?
            }
            "assumptions" => serde_json::to_value(&analysis.assumptions)?,
            "calibration" => serde_json::to_value(&analysis.calibration)?,
            "coverage" => serde_json::to_value(&analysis.coverage)?,
            "sets" => serde_json::to_value(&analysis.minimal_control_sets)?,
            "owned" => serde_json::to_value(&analysis.owned_already)?,
            "unexplained" => serde_json::to_value(&analysis.unexplained)?,
            "gaps" => serde_json::to_value(&analysis.gaps)?,
            "containment" => serde_json::to_value(&analysis.containment)?,
            "detections" => serde_json::to_value(&analysis.detections)?,
            other => match named(other) {
                Some(control) => serde_json::to_value(control)?,
                None => serde_json::to_value(analysis.residual_paths.iter().find(|path| path.id == other))?,
            },
        },
    };
    Ok(value)
}

fn unknown(plan: &Explain, analysis: &Analysis, subject: &str) -> InputError {
    let controls = || analysis.controls.iter().map(|control| control.id.as_str());
    let steps = || analysis.steps.iter().map(|step| step.id.as_str());
    let (what, name, known): (&str, &str, Vec<&str>) = match (&plan.control, analysis.step(subject)) {
        (Some(control), Some(_)) => ("control", control, controls().collect()),
        (Some(_), None) => ("step", subject, steps().collect()),
        (None, _) => {
            let paths = analysis.residual_paths.iter().map(|path| path.id.as_str());
            let all = SUBJECTS.iter().map(|(subject, _)| *subject).chain(steps()).chain(controls()).chain(paths);
            ("step, control, path or subject", subject, all.collect())
        }
    };
    let message = format!("no {what} `{}`", plain(name));
    InputError::new(files::shown(&plan.input), message, did_you_mean(name, &known))
}

/// A case folder is analysed; a file is read back.
fn analysis(plan: &Explain) -> anyhow::Result<Analysis> {
    if !plan.input.is_dir() && plan.input.exists() {
        return read(&plan.input);
    }
    let case = case::open(&Case { folder: plan.input.clone(), policies: plan.policies.clone(), strict: plan.strict })?;
    let (analysis, warnings) = crate::analyze(&case, plan.privacy.who)?;
    warnings.iter().for_each(|warning| warn(warning));
    Ok(analysis)
}
