//! `cutset analyze --explain-correlation`: why each event is the attack's and how sure that is, what each alert saw, and
//! what was left out although its principal is in.

use super::trouble::inert;
use crate::Loaded;
use crate::correlate::{Correlated, Explained, PinnedAlert, Step, explained, left_out};
use crate::model::{Detail, ResourceId, Timestamp};
use serde_json::{Value, json};
use std::io::Write;
use std::process::ExitCode;

pub fn print(loaded: &Loaded, as_json: bool, out: &mut super::Out) -> anyhow::Result<ExitCode> {
    let correlated = &loaded.correlated;
    if as_json {
        serde_json::to_writer_pretty(&mut *out, &whole(correlated))?;
        writeln!(out)?;
    } else {
        for line in lines(correlated) {
            writeln!(out, "{line}")?;
        }
    }
    for warning in &loaded.warnings {
        super::warn(warning);
    }
    Ok(ExitCode::SUCCESS)
}

fn lines(correlated: &Correlated) -> Vec<String> {
    let mut lines = Vec::new();
    let rows = explained(correlated);
    for step in &correlated.steps {
        let times = if step.count > 1 { format!(" x{}", step.count) } else { String::new() };
        let failed = if step.failed() { ", failed" } else { "" };
        let head = format!("{}{times} by {} on {}{failed}", step.action.trim(), step.actor.name, short(&step.target));
        wrap(&mut lines, &format!("{:<4} {} ", step.id, second(step.time)), &head);
        for row in rows.iter().filter(|row| row.step == step.id) {
            wrap(&mut lines, &format!("     {:<8} ", row.basis.as_str()), &format!("{}{}", row.why, records(row)));
        }
        let saw: Vec<String> = step.alerts.iter().filter_map(|&at| correlated.alerts.get(at)).map(title).collect();
        let saw = if saw.is_empty() { "no alert saw it".to_owned() } else { format!("seen by {}", saw.join("; ")) };
        wrap(&mut lines, "     alerts   ", &saw);
    }
    for alert in correlated.alerts.iter().filter(|alert| alert.steps.is_empty()) {
        let text = format!("{} saw no step: {}", title(alert), alert.why);
        wrap(&mut lines, &format!("-    {} ", second(alert.event.time)), &text);
    }
    let others = left_out(correlated);
    if !others.is_empty() {
        lines.push(String::new());
        lines.push("Left out, although the principal is in".to_owned());
    }
    for other in others {
        let s = if other.records == 1 { "" } else { "s" };
        let from = other.address.map_or_else(|| "no address".to_owned(), |address| address.to_string());
        let text = format!("{} record{s} of {} from {from}, first {}", other.records, other.actor, other.first);
        wrap(&mut lines, "     ", &text);
    }
    lines.push(String::new());
    lines.push("held: the reviewer put it in; exact: an id or address on record; session: a session id;".to_owned());
    lines.push("assumed: a guess from principal, address, resource and time".to_owned());
    lines
}

fn records(row: &Explained) -> String {
    let more = match row.total.saturating_sub(row.records.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let mut file = "";
    let mut shown = Vec::new();
    for record in &row.records {
        let (of, number) = record.rsplit_once('#').unwrap_or((record, ""));
        shown.push(if of == file { format!("#{number}") } else { record.clone() });
        file = of;
    }
    format!(" ({}{more})", shown.join(", "))
}

/// A resource by its name and group, where a resource id is longer than a line is wide.
fn short(target: &str) -> String {
    if !target.starts_with('/') {
        return target.to_owned();
    }
    let id = ResourceId::new(target);
    match id.resource_group() {
        Some(group) if group != id => format!("{} in {}", id.name(), group.name()),
        Some(_) | None => id.name().to_owned(),
    }
}

fn title(alert: &PinnedAlert) -> String {
    match &alert.event.detail {
        Detail::Alert(detail) => format!("\"{}\"", detail.title),
        Detail::SignIn(_) | Detail::Arm(_) | Detail::Data(_) | Detail::Directory(_) | Detail::Context(_) => {
            alert.event.action.to_string()
        }
    }
}

fn second(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Adds the text behind its lead, broken at blanks (and where there is none, anywhere) under its own beginning.
fn wrap(lines: &mut Vec<String>, lead: &str, text: &str) {
    let indent = lead.chars().count();
    let room = super::WIDTH.saturating_sub(indent).max(20);
    let mut line = lead.to_owned();
    let mut used = 0;
    for word in inert(text).split(' ') {
        let mut word: Vec<char> = word.chars().collect();
        if used > 0 && used + 1 + word.len() > room {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        while word.len() > room {
            let rest = word.split_off(room);
            line.extend(word);
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            word = rest;
        }
        used += word.len();
        line.extend(word);
    }
    lines.push(line);
}

fn whole(correlated: &Correlated) -> Value {
    let rows = explained(correlated);
    let step = |step: &Step| {
        let reasons: Vec<Value> = rows
            .iter()
            .filter(|row| row.step == step.id)
            .map(|row| {
                json!({
                    "why": row.why, "basis": row.basis.as_str(), "round": row.round,
                    "records": row.records, "total": row.total,
                })
            })
            .collect();
        json!({
            "id": step.id, "key": step.key, "time": step.time, "end": step.end, "action": step.action.trim(),
            "actor": step.actor.name, "source_ip": step.source_ip.known(), "target": step.target,
            "count": step.count, "bytes": step.bytes, "failed": step.failed(), "basis": step.basis.as_str(),
            "reasons": reasons,
            "alerts": step.alerts.iter().filter_map(|&at| correlated.alerts.get(at)).map(alert).collect::<Vec<_>>(),
        })
    };
    let left_out: Vec<Value> = left_out(correlated)
        .into_iter()
        .map(|other| {
            json!({
                "actor": other.actor, "source_ip": other.address, "records": other.records, "first": other.first,
            })
        })
        .collect();
    json!({
        "steps": correlated.steps.iter().map(step).collect::<Vec<_>>(),
        "alerts": correlated.alerts.iter().map(alert).collect::<Vec<_>>(),
        "unseen": correlated.unseen().collect::<Vec<_>>(),
        "left_out": left_out,
        "warnings": correlated.warnings,
    })
}

fn alert(alert: &PinnedAlert) -> Value {
    let Detail::Alert(detail) = &alert.event.detail else { return Value::Null };
    json!({
        "time": alert.event.time, "title": detail.title, "product": detail.product, "severity": detail.severity,
        "steps": alert.steps, "why": alert.why, "basis": alert.basis.as_str(),
        "record": format!("{}#{}", alert.event.evidence.file, alert.event.evidence.record),
    })
}
