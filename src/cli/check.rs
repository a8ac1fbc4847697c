//! `cutset check`: what was read, in what form, what was rejected and why, what is missing and how to get it, before
//! any analysis.

use super::arguments::Check;
use super::{files, inputs, trouble::inert};
use crate::decide::azure_policy::compile_definition;
use crate::ingest::collect::gather;
use crate::ingest::{self, Ambiguous, Builder, Coverage, Item, Reading, Rejected, State};
use crate::model::{Fact, Incident, Kind, Source, Timestamp};
use anyhow::Context;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;

/// Something that is not known, and how to get it. What each would settle only an analysis can say.
#[derive(Debug, PartialEq, Serialize)]
pub struct Gap {
    pub fact: String,
    pub gather: String,
}

#[derive(Serialize)]
struct Checked<'c> {
    sources: &'c [Source],
    rejected: &'c [Rejected],
    coverage: &'c [Coverage],
    gaps: &'c [Gap],
}

pub fn run(plan: &Check, out: &mut super::Out) -> anyhow::Result<ExitCode> {
    let folder = &plan.case.folder;
    let inputs = inputs::case(folder).with_context(|| format!("cannot read the case `{}`", folder.display()))?;
    let incident = incident(folder)?;
    let mut builder = Builder::default();
    let mut unsupported: Vec<Rejected> = Vec::new();
    let mut reading = ingest::read(&inputs, &mut |item| {
        if let Item::Document { kind, key, document } = item {
            if matches!(kind, Kind::PolicyDefinitions | Kind::PolicySetDefinitions) {
                let complaints = compile_definition(&document.body);
                unsupported.extend(complaints.iter().map(|complaint| Rejected {
                    file: document.evidence.file.to_string(),
                    record: document.evidence.record,
                    reason: complaint.to_string(),
                }));
            }
            builder.put(kind, key, document);
        }
    });
    let mut environment = builder.finish(&mut reading);
    if let Some(incident) = &incident {
        ingest::declare(&incident.collected, &mut environment, &mut reading)?;
        for row in &mut reading.coverage {
            if let Some(gather) = gather(&row.what) {
                row.gather = gather.command_for(&incident.window);
            }
        }
    }
    let refused = reading.rejected.len();
    reading.rejected.extend(unsupported);
    reading.rejected.sort();
    let mut gaps = gaps(&reading.coverage, incident.as_ref());
    gaps.extend(reading.ambiguous.iter().map(|dates| Gap { fact: dates.fact(), gather: Ambiguous::REMEDY.to_owned() }));
    if plan.json {
        let (sources, rejected, coverage) = (&reading.sources, &reading.rejected, &reading.coverage);
        serde_json::to_writer_pretty(&mut *out, &Checked { sources, rejected, coverage, gaps: &gaps })?;
        writeln!(out)?;
    } else {
        print(out, &reading, &gaps, incident.as_ref())?;
    }
    Ok(if plan.case.strict && refused > 0 { ExitCode::from(2) } else { ExitCode::SUCCESS })
}

/// `incident.json`, where the case has one: the inputs can be checked before it is written.
fn incident(folder: &std::path::Path) -> anyhow::Result<Option<Incident>> {
    let path = folder.join("incident.json");
    match path.exists() {
        true => Ok(Some(Incident::parse("incident.json", &files::text(&path)?)?)),
        false => Ok(None),
    }
}

fn gaps(coverage: &[Coverage], incident: Option<&Incident>) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = Vec::new();
    for row in coverage.iter().filter(|row| row.state != State::Present) {
        let fact = match (row.state, row.note.as_str()) {
            (State::Absent, _) => format!("`{}` is in no export", row.what),
            (_, "") => format!("`{}` is exported in part", row.what),
            (_, note) => format!("`{}`: {note}", row.what),
        };
        gaps.push(Gap { fact, gather: row.gather.clone() });
    }
    let mut tenant = |missing: bool, key: &str, gather: &str| {
        if missing {
            gaps.push(Gap { fact: format!("`{key}` is not stated"), gather: gather.to_owned() });
        }
    };
    if let Some(Incident { tenant: facts, window, .. }) = incident {
        let defaults = coverage.iter().any(|row| row.what == Kind::SecurityDefaults.as_str());
        tenant(
            facts.mfa_trusted_ips.is_unknown(),
            "tenant.mfaTrustedIps",
            "read the MFA service settings and state them in incident.json",
        );
        tenant(
            facts.security_defaults == Fact::Unknown && !defaults,
            "tenant.securityDefaults",
            "state it in incident.json",
        );
        tenant(
            facts.mandatory_mfa.is_unknown(),
            "tenant.mandatoryMfa",
            "state in incident.json whether the portals enforced MFA",
        );
        tenant(facts.baseline_scopes.is_unknown(), "tenant.baselineScopes", "state it in incident.json");
        for row in coverage.iter() {
            if let (Some(from), Some(to)) = (row.from, row.to)
                && (from > window.to || to < window.from)
            {
                let fact = format!("`{}` holds nothing of the window", row.what);
                gaps.push(Gap { fact, gather: row.gather.clone() });
            }
        }
    }
    gaps
}

/// Like files of one folder or archive that are listed one by one; more are summed up (`--json` lists all).
const ALIKE: usize = 30;

fn print(out: &mut super::Out, reading: &Reading, gaps: &[Gap], incident: Option<&Incident>) -> anyhow::Result<()> {
    let sum = |count: fn(&Source) -> u64| reading.sources.iter().map(count).sum::<u64>();
    let id = incident.map_or("no incident.json", |i| i.id.as_str());
    writeln!(
        out,
        "{}: {} files, {} records, {} used, {} rejected",
        inert(id),
        reading.sources.len(),
        sum(|s| s.records),
        sum(|s| s.used),
        sum(|s| s.rejected),
    )?;
    writeln!(out, "\nRead")?;
    let width = reading.sources.iter().map(|s| s.format.chars().count()).max().unwrap_or(0);
    let folder =
        |source: &Source| source.file.rsplit_once('/').map(|(folder, _)| folder.to_owned()).unwrap_or_default();
    let mut alike: BTreeMap<(String, &str), Vec<&Source>> = BTreeMap::new();
    for source in &reading.sources {
        alike.entry((folder(source), &source.format)).or_default().push(source);
    }
    for source in &reading.sources {
        let group = alike.get(&(folder(source), source.format.as_str())).map_or(&[][..], Vec::as_slice);
        if group.len() > ALIKE {
            if group.first().is_some_and(|first| std::ptr::eq(*first, source)) {
                let sum = |count: fn(&Source) -> u64| group.iter().map(|s| count(s)).sum::<u64>();
                let refused = sum(|s| s.rejected);
                let refused = if refused > 0 { format!(", {refused} rejected") } else { String::new() };
                let counts = format!("{} of {} used{refused}", sum(|s| s.used), sum(|s| s.records));
                let name = inert(&folder(source));
                writeln!(out, " {:width$}  {name}/ with {} files  ({counts})", source.format, group.len())?;
            }
            continue;
        }
        let refused = if source.rejected > 0 { format!(", {} rejected", source.rejected) } else { String::new() };
        let counts = format!("{} of {} used{refused}", source.used, source.records);
        writeln!(out, " {:width$}  {}  ({counts})", source.format, inert(&source.file))?;
    }
    if !reading.rejected.is_empty() {
        writeln!(out, "\nRejected")?;
    }
    for rejected in &reading.rejected {
        let place = if rejected.record == 0 { String::new() } else { format!("#{}", rejected.record) };
        writeln!(out, " {}{place}: {}", inert(&rejected.file), inert(&rejected.reason))?;
    }
    writeln!(out, "\nCollected")?;
    let width = reading.coverage.iter().map(|row| row.what.len()).max().unwrap_or(0);
    for row in reading.coverage.iter().filter(|row| row.state != State::Absent) {
        let state = if row.state == State::Partial { "in part" } else { "whole" };
        let period = match (row.from, row.to) {
            (Some(from), Some(to)) => format!("{} to {}", minute(from), minute(to)),
            _ => state.to_owned(),
        };
        let note = if row.note.is_empty() { String::new() } else { format!("; {}", row.note) };
        writeln!(out, " {:width$}  {period}{note}", row.what)?;
    }
    if !gaps.is_empty() {
        writeln!(out, "\nMissing")?;
    }
    for gap in gaps {
        writeln!(out, " {}", inert(&gap.fact))?;
        if !gap.gather.is_empty() {
            writeln!(out, "     {}", gap.gather)?;
        }
    }
    if !reading.complaints.is_empty() {
        writeln!(out, "\nNoted")?;
    }
    for complaint in &reading.complaints {
        writeln!(out, " {}", inert(complaint))?;
    }
    Ok(())
}

fn minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
