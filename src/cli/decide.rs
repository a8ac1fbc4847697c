//! `cutset decide`: single decisions offline. Answers every request of a file with one gate, or checks the answers
//! against what the file expects.

use super::{FAILED, files};
use crate::decide::{GATES, check};
use anyhow::{Context, anyhow};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

pub fn run(plan: &super::arguments::Decide, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    decide(&plan.gate, &plan.file, plan.check, out)
}

pub fn decide(gate: &str, file: &Path, check: bool, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let known = || GATES.iter().map(|gate| gate.id).collect::<Vec<_>>().join(", ");
    let gate = GATES
        .iter()
        .find(|known| known.id == gate)
        .ok_or_else(|| anyhow!("there is no gate `{gate}`; the gates are {}", known()))?;
    let requests = files::json(file)?;
    let answers = crate::decide::vectors(&requests)
        .and_then(|_| (gate.decide_file)(&requests))
        .map_err(|error| files::named(error, file))
        .with_context(|| format!("gate `{}` cannot read its requests", gate.id))?;
    if check {
        let report = check::check(&requests, &answers);
        write!(out, "{report}")?;
        return Ok(if report.all_pass() { ExitCode::SUCCESS } else { FAILED });
    }
    // One answer a line: long files stay readable, and line tools see whole answers.
    writeln!(out, "[")?;
    for (n, answer) in answers.iter().enumerate() {
        let comma = if n + 1 < answers.len() { "," } else { "" };
        writeln!(out, "  {answer}{comma}")?;
    }
    writeln!(out, "]")?;
    Ok(ExitCode::SUCCESS)
}
