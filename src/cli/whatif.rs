//! `cutset whatif`: replay under a set; what changes against history.

use super::arguments::Whatif;
use super::{case, warn};
use crate::analysis::{Closes, si, whatif::whatif};
use crate::render::text::plain;
use std::io::Write;
use std::process::ExitCode;

pub fn run(plan: &Whatif, out: &mut super::Out) -> anyhow::Result<ExitCode> {
    super::refuse_redaction(&plan.privacy)?;
    let loaded = crate::load(&case::open(&plan.case)?)?;
    loaded.warnings.iter().for_each(|warning| warn(warning));
    let result = whatif(loaded.input(plan.privacy.who), &plan.with)?;
    if plan.json {
        serde_json::to_writer_pretty(&mut *out, &result)?;
        writeln!(out)?;
        return Ok(ExitCode::SUCCESS);
    }
    let set = if result.with.is_empty() { "nothing more than history".to_owned() } else { result.with.join(", ") };
    writeln!(out, "With {set} in force:")?;
    for step in &result.steps {
        let via = step.via.as_ref().map(|via| format!(" via {via}")).unwrap_or_default();
        let turns = if !step.words.is_empty() {
            format!(" (turns on {})", step.words.join(", "))
        } else if !step.missing.is_empty() {
            format!(" (missing {})", step.missing.join(", "))
        } else {
            String::new()
        };
        writeln!(out, " {:4} {:10}{via} {}{}", step.step, step.verdict.word(), plain(&step.short), plain(&turns))?;
    }
    writeln!(out, "Taken: {} instead of {}", si(result.bytes_remaining), si(result.bytes))?;
    for jewel in &result.jewels {
        let name = jewel.id.rsplit('/').next().unwrap_or(&jewel.id);
        match jewel.closes {
            Closes::Closed => writeln!(out, "{}: every path is closed", plain(name))?,
            Closes::ClosedIfLacking => {
                writeln!(out, "{}: closed if the attacker lacks {}", plain(name), jewel.words.join(", "))?;
            }
            Closes::NotClosed => writeln!(out, "{}: open", plain(name))?,
        }
        for step in &jewel.path {
            writeln!(
                out,
                "    {} by {} on {}: {}",
                plain(&step.action),
                plain(&step.from),
                plain(&step.to),
                plain(&step.why)
            )?;
        }
    }
    let stopped = &result.collateral;
    writeln!(
        out,
        "Lawful requests: {} refused, {} asked for more, {} not known, of {}",
        stopped.cut, stopped.challenged, stopped.unknown, stopped.evaluated
    )?;
    Ok(ExitCode::SUCCESS)
}
