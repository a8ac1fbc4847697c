//! Every table as CSV (RFC 4180), a file each, every string whole.
//!
//! A cell that a spreadsheet would take for a formula gets an apostrophe in front (OWASP, *CSV Injection*): one that
//! begins, behind blanks, with `=`, `+`, `-`, `@`, a full-width form of these, or a tab.

mod actions;
mod attack;
mod controls;
mod facts;
mod unknowns;

use super::text::plain;
use super::{Artifact, Output, RenderError, Request};
use crate::analysis::{Analysis, Closes};
use crate::model::Evidence;

pub(super) const OUTPUT: Output = Output { id: "csv", views: VIEWS, extension: "csv", render };

const VIEWS: &[&str] = &[
    "all",
    "identities",
    "steps",
    "verdicts",
    "alerts",
    "controls",
    "sets",
    "residual-paths",
    "posture-gaps",
    "owned-already",
    "operations",
    "inventory",
    "exposure",
    "lateral",
    "cost",
    "containment",
    "preservation",
    "detections",
    "assumptions",
    "unexplained",
    "gaps",
    "coverage",
    "sources",
];

fn render(analysis: &Analysis, request: &Request) -> Result<Vec<Artifact>, RenderError> {
    let wanted = VIEWS.iter().skip(1).filter(|view| request.view == "all" || request.view == **view);
    let mut files = Vec::new();
    for view in wanted {
        let (heads, rows) = table(view, analysis);
        // Of all tables those with rows: an empty one has nothing to mark.
        if !rows.is_empty() || request.view != "all" {
            files.push(Artifact { name: format!("{view}.csv"), bytes: file(analysis, heads, rows)? });
        }
    }
    Ok(files)
}

/// Every row carries the marking: rows are cut and pasted one by one.
fn file(analysis: &Analysis, mut heads: Vec<&'static str>, mut rows: Vec<Vec<String>>) -> Result<Vec<u8>, RenderError> {
    if let Some(marking) = &analysis.incident.marking {
        heads.push("marking");
        rows.iter_mut().for_each(|row| row.push(marking.clone()));
    }
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let failed = |error: csv::Error| RenderError::Failed(error.to_string());
    writer.write_record(heads).map_err(failed)?;
    for row in rows {
        writer.write_record(row.iter().map(|cell| inert(cell))).map_err(failed)?;
    }
    writer.into_inner().map_err(|error| RenderError::Failed(error.to_string()))
}

/// Visible text that no spreadsheet calculates.
fn inert(cell: &str) -> String {
    let shown = plain(cell);
    let first = shown.trim_start().chars().next();
    let formula =
        matches!(first, Some('=' | '+' | '-' | '@' | '|' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}'));
    if formula { format!("'{shown}") } else { shown }
}

type Table = (Vec<&'static str>, Vec<Vec<String>>);

fn time(time: impl Into<Option<jiff::Timestamp>>) -> String {
    time.into().map(|time| time.to_string()).unwrap_or_default()
}

fn list(all: &[String]) -> String {
    all.join(" ")
}

fn read_at(evidence: &[Evidence]) -> String {
    let all: Vec<String> = evidence.iter().map(|e| format!("{}#{}{}", e.file, e.record, e.pointer)).collect();
    all.join(" ")
}

fn yes(holds: bool) -> String {
    if holds { "yes" } else { "no" }.to_owned()
}

fn closes(closes: Closes) -> &'static str {
    match closes {
        Closes::Closed => "closed",
        Closes::ClosedIfLacking => "closed-if-lacking",
        Closes::NotClosed => "not-closed",
    }
}

fn table(view: &str, analysis: &Analysis) -> Table {
    match view {
        "identities" => attack::identities(analysis),
        "steps" | "verdicts" | "alerts" => attack::steps(view, analysis),
        "controls" | "sets" | "residual-paths" | "posture-gaps" | "owned-already" => controls::controls(view, analysis),
        "operations" | "inventory" | "exposure" | "lateral" | "cost" => facts::facts(view, analysis),
        "containment" | "preservation" | "detections" => actions::actions(view, analysis),
        _ => unknowns::unknowns(view, analysis),
    }
}
