//! The tables beneath the diagram: there without script too.

use super::shown;
use crate::analysis::{Analysis, Closes, Guarantee, Step, si};
use crate::model::Evidence;
use crate::render::picture::{Names, target};
use crate::render::svg::escape;
use std::fmt::Write;

/// A cell's words, escaped where they are printed.
type Row = Vec<String>;

pub(super) fn tables(out: &mut String, analysis: &Analysis) {
    let names = Names::of(analysis);
    steps(out, analysis);
    let name = |path: &str| shown(path.rsplit('/').next().unwrap_or(path), 80);
    let list = |all: &[String]| all.iter().map(|word| shown(word, 60)).collect::<Vec<_>>().join(", ");
    let set = |all: &[String]| all.iter().map(|id| names.short(id)).collect::<Vec<_>>().join(" + ");

    let rows = analysis.containment.iter().map(|item| {
        let live = if item.live { "live" } else { "" };
        vec![
            item.rank.to_string(),
            shown(&item.action, 160),
            live.to_owned(),
            shown(&item.command, 4000),
            list(&item.blocked_by),
            list(&item.still_works),
        ]
    });
    table(out, "Contain", &["", "action", "", "command", "blocked by", "still works afterwards"], rows);
    let rows = analysis.preservation.iter().map(|item| {
        let left = item.days_left.map(|days| format!("{days} days")).unwrap_or_default();
        vec![item.order.to_string(), shown(&item.what, 160), shown(&item.why, 160), left, shown(&item.command, 4000)]
    });
    table(out, "Preserve first", &["", "what", "why", "left", "command"], rows);
    let rows = analysis.minimal_control_sets.all_paths.iter().map(|row| {
        let guarantee = match row.guarantee {
            Guarantee::Closed => "closed".to_owned(),
            Guarantee::ClosedIfLacking => format!("closed if the attacker lacks {}", list(&row.words)),
        };
        let note = if row.cheapest { "cheapest" } else { "" };
        vec![
            name(&row.jewel),
            set(&row.set),
            row.effort.to_string(),
            guarantee,
            row.collateral.cut.to_string(),
            note.to_owned(),
        ]
    });
    table(out, "Sets that close every path", &["jewel", "set", "effort", "guarantee", "lawful use stopped", ""], rows);
    let rows = analysis.controls.iter().map(|control| {
        let closes = match control.closes {
            Closes::Closed => "yes".to_owned(),
            Closes::ClosedIfLacking => format!("if the attacker lacks {}", list(&control.words)),
            Closes::NotClosed => "no".to_owned(),
        };
        vec![
            names.short(&control.id),
            shown(&control.title, 100),
            control.family.clone(),
            control.effort.to_string(),
            closes,
            list(&control.cuts_directly),
            si(control.bytes_prevented),
            control.collateral.cut.to_string(),
            control.collateral.challenged.to_string(),
            control.collateral.unknown.to_string(),
        ]
    });
    let heads = [
        "",
        "control",
        "family",
        "effort",
        "closes",
        "cuts directly",
        "saves",
        "lawful use stopped",
        "asked",
        "unknown",
    ];
    table(out, "Controls", &heads, rows);
    let rows = analysis.owned_already.iter().map(|owned| {
        vec![
            names.title(&owned.control),
            shown(&owned.why_it_did_not_stop, 200),
            list(&owned.steps),
            cited(&owned.evidence),
        ]
    });
    table(out, "What you already owned", &["control", "why it did not stop it", "bears on", "evidence"], rows);
    let rows = analysis.posture_gaps.iter().flat_map(|gap| {
        let control = names.title(&gap.control);
        let (steps, benchmarks) = (list(&gap.steps), list(&gap.benchmarks));
        let row = move |title: String, severity: String, since: String, evidence: String| {
            vec![control.clone(), steps.clone(), title, severity, since, benchmarks.clone(), evidence]
        };
        let mut rows: Vec<Row> = gap
            .recommendations
            .iter()
            .map(|r| {
                let since = r.unhealthy_since.map(|t| t.strftime("%-d %b %Y").to_string()).unwrap_or_default();
                row(shown(&r.title, 160), shown(&r.severity, 20), since, cited(&r.evidence))
            })
            .collect();
        if rows.is_empty() {
            rows.push(row(String::new(), String::new(), String::new(), String::new()));
        }
        rows
    });
    let heads = ["control", "bears on", "recommendation", "severity", "unhealthy since", "benchmarks", "evidence"];
    table(out, "Posture gaps", &heads, rows);
    let rows = analysis.exposure.stores.iter().map(|store| {
        let personal = match store.personal_data {
            Some(true) => "yes",
            Some(false) => "no",
            None => "not known",
        };
        vec![
            shown(&store.name, 100),
            store.objects.to_string(),
            si(store.bytes),
            personal.to_owned(),
            list(&store.steps),
            cited(&store.evidence),
        ]
    });
    table(out, "Data exposure", &["store", "objects", "size", "personal data", "steps", "evidence"], rows);
    let rows = analysis.unexplained.iter().map(|h| vec![shown(&h.step, 20), shown(&h.need, 160), shown(&h.why, 240)]);
    table(out, "Not explained", &["step", "need", "why"], rows);
    let rows = analysis.gaps.iter().map(|gap| {
        let question = gap.question.as_deref().unwrap_or(&gap.fact);
        let gather = gap.gather.as_deref().unwrap_or_default();
        vec![shown(question, 240), gap.settles.to_string(), shown(gather, 2000)]
    });
    table(out, "Not known", &["fact", "verdicts it would settle", "gather"], rows);
    let rows = analysis.assumptions.iter().map(|a| vec![shown(&a.text, 300), shown(&a.from, 80), list(&a.used_by)]);
    table(out, "Assumptions", &["assumed", "from", "used by"], rows);
}

fn steps(out: &mut String, analysis: &Analysis) {
    out.push_str(
        "<section class=\"table\" id=\"p-steps\" aria-labelledby=\"p-steps-title\">\n<div class=\"heading\"><h2 id=\"p-steps-title\">Steps</h2>\
         <label class=\"filter\">Filter <input type=\"search\" id=\"p-filter\" autocomplete=\"off\"></label></div>\n\
         <div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">step</th><th scope=\"col\">time</th><th scope=\"col\">actor</th>\
         <th scope=\"col\">action</th><th scope=\"col\">target</th><th scope=\"col\">from</th><th scope=\"col\">size</th>\
         <th scope=\"col\">tactic</th><th scope=\"col\">in force</th><th scope=\"col\">evidence</th></tr></thead>\n<tbody>\n",
    );
    for (at, step) in analysis.steps.iter().enumerate() {
        step_row(out, at, step, &target(analysis, step));
    }
    out.push_str("</tbody>\n</table></div>\n<p id=\"p-none-left\" hidden>No step matches.</p>\n</section>\n");
}

fn step_row(out: &mut String, at: usize, step: &Step, target: &str) {
    let count = if step.count > 1 { format!(" \u{d7}{}", step.count) } else { String::new() };
    let target = shown(target.rsplit('/').next().unwrap_or(target), 80);
    let _ = writeln!(
        out,
        "<tr class=\"step-row\" data-step=\"{at}\" tabindex=\"0\"><th scope=\"row\">{}</th><td>{}</td><td>{}</td>\
         <td title=\"{}\">{}</td><td title=\"{}\">{}</td><td>{}</td><td>{}</td><td>{}</td><td class=\"now\"></td><td>{}</td></tr>",
        escape(&shown(&step.id, 20)),
        step.time.strftime("%-d %b %H:%M:%S"),
        escape(&shown(&step.actor, 60)),
        escape(&shown(&step.action, 200)),
        escape(&format!("{}{count}", shown(&step.action, 70))),
        escape(&shown(&step.target, 300)),
        escape(&target),
        escape(&shown(step.source_ip.as_deref().unwrap_or_default(), 45)),
        if step.bytes > 0 { si(step.bytes) } else { String::new() },
        escape(&shown(&step.phase, 40)),
        escape(&cited(&step.evidence)),
    );
}

/// The first places evidence points at.
fn cited(evidence: &[Evidence]) -> String {
    let shown_first: Vec<String> =
        evidence.iter().take(2).map(|item| format!("{} #{}", shown(&item.file, 60), item.record)).collect();
    match evidence.len() {
        0..=2 => shown_first.join(", "),
        n => format!("{} and {} more", shown_first.join(", "), n - 2),
    }
}

/// A section with a table; nothing where there are no rows. A column of commands is set as code.
fn table(out: &mut String, title: &str, heads: &[&str], rows: impl Iterator<Item = Row>) {
    let rows: Vec<Row> = rows.collect();
    if rows.is_empty() {
        return;
    }
    let _ = write!(out, "<section class=\"table\">\n<h2>{title}</h2>\n<div class=\"scroll\"><table>\n<thead><tr>");
    for head in heads {
        let _ = write!(out, "<th scope=\"col\">{head}</th>");
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in rows {
        out.push_str("<tr>");
        for (cell, head) in row.iter().zip(heads) {
            let code = matches!(*head, "command" | "gather") && !cell.is_empty();
            let words = escape(cell);
            let _ = match code {
                true => write!(out, "<td><code>{words}</code></td>"),
                false => write!(out, "<td>{words}</td>"),
            };
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table></div>\n</section>\n");
}
