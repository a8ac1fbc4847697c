//! `cutset explain`: one proof, down to the record.

use super::arguments::{Case, Explain};
use super::{case, files, render::read, warn};
use crate::analysis::{Analysis, Control, Mode, Step, Verdict};
use crate::model::{Evidence, InputError, Level, did_you_mean};
use crate::render::text::plain;
use std::io::Write;
use std::process::ExitCode;

pub fn run(plan: &Explain, out: &mut super::Out) -> anyhow::Result<ExitCode> {
    super::refuse_redaction(&plan.privacy)?;
    let analysis = analysis(plan)?;
    let step = analysis.step(&plan.step).ok_or_else(|| {
        let known: Vec<&str> = analysis.steps.iter().map(|s| s.id.as_str()).collect();
        unknown(plan, "step", &plan.step, &known)
    })?;
    let control = analysis.control(&plan.control).ok_or_else(|| {
        let known: Vec<&str> = analysis.controls.iter().map(|c| c.id.as_str()).collect();
        unknown(plan, "control", &plan.control, &known)
    })?;
    let Some(verdict) = step.verdict(&control.id) else {
        anyhow::bail!("the analysis holds no verdict of `{}` on {}", control.id, step.id)
    };
    if plan.json {
        serde_json::to_writer_pretty(&mut *out, verdict)?;
        writeln!(out)?;
    } else {
        print(&analysis, step, control, verdict, out)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn unknown(plan: &Explain, what: &str, name: &str, known: &[&str]) -> InputError {
    InputError::new(files::shown(&plan.input), format!("no {what} `{}`", plain(name)), did_you_mean(name, known))
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

fn print(
    analysis: &Analysis,
    step: &Step,
    control: &Control,
    verdict: &Verdict,
    out: &mut super::Out,
) -> std::io::Result<()> {
    writeln!(out, "{}  {}  {}", step.id, step.time, plain(&step.short))?;
    writeln!(out, "    {} by {} on {}", plain(&step.action), plain(&step.actor), plain(&step.target))?;
    writeln!(out, "under  {}  ({})", plain(&control.title), control.id)?;
    let mode = match (verdict.verdict, verdict.mode) {
        (Level::NotCut, _) => String::new(),
        (_, Mode::Direct) => ", by its own gate".to_owned(),
        (_, Mode::Upstream) => match &verdict.via {
            Some(via) => format!(", because {via} is"),
            None => ", because something it needs is".to_owned(),
        },
    };
    writeln!(out, "verdict  {}{mode}", verdict.verdict.word())?;
    writeln!(out, "reason   {}", plain(&verdict.reason))?;
    if let Some(at) = verdict.at {
        let lost = &verdict.lost_before;
        writeln!(out, "when     {at}; by then {} and {} steps were done", crate::analysis::si(lost.bytes), lost.steps)?;
    }
    let mut list = |name: &str, items: &[String]| -> std::io::Result<()> {
        items.iter().try_for_each(|item| writeln!(out, "{name:8} {}", plain(item)))
    };
    list("turns on", &verdict.words.iter().map(|w| format!("the attacker's {w}")).collect::<Vec<_>>())?;
    list("missing", &verdict.missing)?;
    list("assumes", &verdict.assumes)?;
    list("caveat", verdict.caveat.as_slice())?;
    list("detected", &verdict.detected)?;
    if let Some(undo) = &verdict.undo {
        list("undo", &[format!("{} ({})", undo.steps.join(", then "), undo.capability)])?;
    }
    // An upstream verdict is proven where it is direct: the chain down to the gate.
    let mut at = step;
    let mut shown = verdict;
    let mut seen = vec![step.id.clone()];
    while let (Mode::Upstream, Some(via)) = (shown.mode, &shown.via) {
        let Some(next) = analysis.step(via).filter(|s| !seen.contains(&s.id)) else { break };
        for need in at.needs.iter().filter(|n| n.supports.iter().any(|s| s.from == next.id)) {
            writeln!(out, "needs    {}: {} needs {}, which {} gives", at.id, at.id, plain(&need.capability), next.id)?;
        }
        let Some(verdict) = next.verdict(&control.id) else { break };
        writeln!(out, "because  {}  {}: {}", next.id, plain(&next.short), plain(&verdict.reason))?;
        seen.push(next.id.clone());
        (at, shown) = (next, verdict);
    }
    writeln!(out, "proof")?;
    let place = |e: &Evidence| match e.pointer.is_empty() {
        true => format!("{}, record {}", plain(&e.file), e.record),
        false => format!("{}, record {}, {}", plain(&e.file), e.record, plain(&e.pointer)),
    };
    for evidence in at.evidence.iter().take(1) {
        writeln!(out, "  fact   the request: {}", place(evidence))?;
    }
    for evidence in shown.evidence.iter().filter(|e| !at.evidence.contains(e)) {
        writeln!(out, "  fact   {}", place(evidence))?;
    }
    for clause in &shown.clauses {
        writeln!(out, "  rule   {}", plain(&clause.says))?;
        let at = if clause.pointer.is_empty() { String::new() } else { format!(" at {}", plain(&clause.pointer)) };
        writeln!(out, "         in {}{at}", plain(&clause.document))?;
        if !clause.source.is_empty() {
            writeln!(out, "         source: {}", plain(&clause.source))?;
        }
    }
    for document in &control.documents {
        writeln!(out, "  document  {} ({})", plain(&document.file), document.family)?;
    }
    Ok(())
}
