//! `cutset analyze`: the main job.

use super::arguments::{Analyze, FailOn, Layout, Severity};
use super::render::by_graphviz;
use super::{FAILED, case, privacy, warn, write};
use crate::analysis::{Analysis, Closes};
use crate::render::{self, Request};
use std::io::Write;
use std::process::ExitCode;

pub fn run(plan: &Analyze, out: &mut super::Out) -> anyhow::Result<ExitCode> {
    let case = case::open(&plan.case)?;
    if plan.explain_correlation {
        return super::correlation::print(&crate::load(&case)?, plan.json, out);
    }
    let (analysis, warnings) = crate::analyze(&case, plan.privacy.who)?;
    for warning in &warnings {
        warn(warning);
    }
    if plan.case.strict
        && let Some(first) = analysis.rejected.first()
    {
        anyhow::bail!(
            "{}, record {}: {} ({} records could not be read; without --strict they are reported and the rest is analysed)",
            first.file,
            first.record,
            first.reason,
            analysis.rejected.len()
        );
    }
    let analysis = privacy::apply(analysis, &plan.privacy)?;
    let folder = plan.out.clone().unwrap_or_else(|| plan.case.folder.join("out"));
    let mut files = vec![("analysis.json".to_owned(), json(&analysis)?)];
    files.extend(outputs(&analysis, plan.layout)?);
    write::all(&folder, &files)?;
    if plan.json {
        out.write_all(&json(&analysis)?)?;
    } else {
        let written = files.iter().map(|(name, _)| folder.join(name).display().to_string()).collect();
        let request = Request { written, colour: out.colour(), ..Request::default() };
        for artifact in render::render(&analysis, "terminal", &request)? {
            out.write_all(&artifact.bytes)?;
        }
    }
    Ok(if plan.fail_on.iter().any(|condition| holds(&analysis, condition)) { FAILED } else { ExitCode::SUCCESS })
}

/// The files the main job writes beside `analysis.json`: those of them that this build renders.
const WRITTEN: &[(&str, &str)] =
    &[("dot", "graph.dot"), ("svg", "graph.svg"), ("markdown", "report.md"), ("html", "report.html")];

fn outputs(analysis: &Analysis, layout: Layout) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    let known = render::ids();
    for (format, name) in WRITTEN.iter().filter(|(format, _)| known.contains(format)) {
        let request = Request::default();
        let made = match (layout, *format) {
            (Layout::Dot, "svg") => by_graphviz(analysis, "svg", &request)?,
            (Layout::Own | Layout::Dot, format) => render::render(analysis, format, &request)?,
        };
        files.extend(made.into_iter().take(1).map(|artifact| ((*name).to_owned(), artifact.bytes)));
    }
    Ok(files)
}

fn json(analysis: &Analysis) -> anyhow::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(analysis)?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn holds(analysis: &Analysis, condition: &FailOn) -> bool {
    match condition {
        FailOn::OpenPath => !analysis.controls.iter().any(|c| c.closes == Closes::Closed),
        FailOn::Gap(least) => analysis.posture_gaps.iter().flat_map(|g| &g.recommendations).any(|r| {
            let severity = match r.severity.to_lowercase().as_str() {
                "high" | "critical" => Some(Severity::High),
                "medium" => Some(Severity::Medium),
                "low" => Some(Severity::Low),
                _ => None,
            };
            r.state.as_deref() == Some("Unhealthy") && severity.is_some_and(|s| s >= *least)
        }),
        FailOn::Unexplained => !analysis.unexplained.is_empty(),
        FailOn::Miscalibrated => analysis.calibration.iter().any(|c| !c.differ.is_empty()),
    }
}
