//! `cutset collect`: the read-only commands that gather a full snapshot and timeline, each with the least privileged
//! role that may run it. With a case: only what it lacks, for its period and indicators.

use super::arguments::Collect;
use super::{files, inputs, trouble::inert};
use crate::ingest::collect::{BASELINE_DAYS, GATHER, Gather};
use crate::ingest::{Builder, Item, State, declare, read};
use crate::model::Incident;
use anyhow::Context;
use serde::Serialize;
use std::collections::BTreeSet;
use std::io::Write;
use std::process::ExitCode;

#[derive(Serialize)]
struct Line {
    what: &'static str,
    command: String,
    role: &'static str,
    /// Where a case keeps it.
    file: String,
}

pub fn run(plan: &Collect, out: &mut super::Out) -> anyhow::Result<ExitCode> {
    let (incident, lacking) = match &plan.folder {
        None => (None, None),
        Some(folder) => {
            let (incident, lacking) = case(folder)?;
            (incident, Some(lacking))
        }
    };
    let wanted = |gather: &&Gather| lacking.as_ref().is_none_or(|what| what.contains(gather.what));
    let mut commands: BTreeSet<String> = BTreeSet::new();
    let lines: Vec<Line> = GATHER
        .iter()
        .filter(wanted)
        .map(|gather| Line {
            what: gather.what,
            command: incident.as_ref().map_or(gather.command.to_owned(), |i| gather.command_for(&i.window)),
            role: gather.role,
            file: format!("{}/{}.json", if gather.is_log() { "timeline" } else { "snapshot" }, gather.what),
        })
        // Groups and their members come from one command.
        .filter(|line| commands.insert(line.command.clone()))
        .collect();
    if plan.json {
        serde_json::to_writer_pretty(&mut *out, &lines)?;
        writeln!(out)?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(
        out,
        "# Read-only. `az rest` returns one page: where a file ends with a next link, save the next page as a"
    )?;
    writeln!(out, "# file of its own beside it. Repeat the lines with <subscription> for each subscription.")?;
    if let Some(incident) = &incident {
        let named = &incident.indicators;
        let all: Vec<&str> = named.principals.iter().chain(&named.ip_addresses).map(String::as_str).collect();
        writeln!(out, "# Indicators: {}", inert(&all.join(", ")))?;
        writeln!(out, "# Logs reach {BASELINE_DAYS} days before the window, for the baseline.")?;
    }
    writeln!(out, "mkdir -p snapshot timeline")?;
    for line in &lines {
        writeln!(out, "\n# {}: {}", line.what, line.role)?;
        writeln!(out, "{} > {}", line.command, line.file)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The case's incident and the words of what it lacks.
fn case(folder: &std::path::Path) -> anyhow::Result<(Option<Incident>, BTreeSet<String>)> {
    let inputs = inputs::case(folder).with_context(|| format!("cannot read the case `{}`", folder.display()))?;
    let path = folder.join("incident.json");
    let incident = match path.exists() {
        true => Some(Incident::parse("incident.json", &files::text(&path)?)?),
        false => None,
    };
    let mut builder = Builder::default();
    let mut reading = read(&inputs, &mut |item| {
        if let Item::Document { kind, key, document } = item {
            builder.put(kind, key, document);
        }
    });
    let mut environment = builder.finish(&mut reading);
    if let Some(incident) = &incident {
        declare(&incident.collected, &mut environment, &mut reading)?;
    }
    let lacking =
        reading.coverage.iter().filter(|row| row.state != State::Present).map(|row| row.what.clone()).collect();
    Ok((incident, lacking))
}
