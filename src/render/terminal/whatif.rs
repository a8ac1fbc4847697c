//! The incident replayed under a set, in lines: each step against history, what stays open, whose lawful use it stops.

use super::explain::reason;
use crate::analysis::whatif::WhatIf;
use crate::analysis::{Closes, Mode, si};
use crate::model::Level;
use crate::render::text::{columns, fit_columns, hops, name_of, plain, wrap_all};

/// Kinds of lawful requests listed.
const LISTED: usize = 12;

pub fn whatif(found: &WhatIf, width: usize) -> String {
    let mut out: Vec<String> = Vec::new();
    let with = found.with.iter().map(|id| plain(id)).collect::<Vec<_>>().join(", ");
    let with = if with.is_empty() { "nothing more than history".to_owned() } else { with };
    out.extend(wrap_all("", 0, &format!("With {with} in force"), width));
    out.push(String::new());
    for step in &found.steps {
        let target = name_of(&step.target);
        let what =
            match step.short.contains(&target) || step.short.starts_with("sign-in") || step.short.starts_with("grant ")
            {
                true => plain(&step.short),
                false => format!("{} {target}", plain(&step.short)),
            };
        let what = fit_columns(&what, 42);
        let pad = " ".repeat(42usize.saturating_sub(columns(&what)));
        let turns = |items: &[String]| items.iter().map(|item| reason(item)).collect::<Vec<_>>().join(", ");
        let via = step.via.as_deref().map(|via| format!(", {via} is gone")).unwrap_or_default();
        let changes = match (step.verdict, step.mode) {
            (Level::NotCut, _) => "as before".to_owned(),
            (Level::Cut, Mode::Direct) => format!("stopped: {}", reason(&step.reason)),
            (Level::Cut, Mode::Upstream) => format!("does not happen{via}"),
            (Level::Challenged, _) => format!("only if the attacker holds: {}", turns(&step.words)),
            (Level::Unknown, _) => format!("not known: {}", step.missing.join(", ")),
        };
        let head = format!(" {:<4}{} {what}{pad} ", step.step, step.time.strftime("%H:%M"));
        out.extend(wrap_all(&head, 54, &plain(&changes), width));
    }
    out.push(String::new());
    out.push(format!("Taken: {} instead of {}", si(found.bytes_remaining), si(found.bytes)));
    for loosening in &found.loosens {
        let text = format!("{} ({})", plain(&loosening.what), loosening.steps.join(", "));
        out.extend(wrap_all("Loosens:", 9, &text, width));
    }
    for jewel in &found.jewels {
        out.push(String::new());
        let name = name_of(&jewel.id);
        let words = jewel.words.iter().map(|word| reason(word)).collect::<Vec<_>>().join(", ");
        let state = match jewel.closes {
            Closes::Closed => "every path is closed".to_owned(),
            Closes::ClosedIfLacking => format!("every path is closed if the attacker lacks: {words}"),
            Closes::NotClosed => "still open".to_owned(),
        };
        out.extend(wrap_all("", 0, &format!("{name}: {state}"), width));
        for (n, path) in jewel.paths.iter().enumerate() {
            if jewel.paths.len() > 1 {
                out.push(format!("  path {}", n + 1));
            }
            out.extend(hops(&path.steps, width, 4));
            if !path.missing.is_empty() {
                let facts = path.missing.iter().map(|fact| plain(fact)).collect::<Vec<_>>().join(", ");
                out.extend(wrap_all("    unknown:", 13, &facts, width));
            }
        }
    }
    out.push(String::new());
    let lawful = &found.collateral;
    out.push(format!(
        "Lawful use: {} refused, {} asked for more, {} not known, of {} requests",
        lawful.cut, lawful.challenged, lawful.unknown, lawful.evaluated
    ));
    for row in found.lawful.iter().take(LISTED) {
        let word = match row.verdict {
            Level::Cut => "refused",
            Level::Challenged => "asked",
            Level::Unknown => "not known",
            Level::NotCut => "as before",
        };
        let text = format!("{} {} on {} by {}", row.count, plain(&row.action), name_of(&row.target), plain(&row.who));
        out.extend(wrap_all(&format!("  {word}"), 13, &text, width));
    }
    if found.lawful.len() > LISTED {
        out.push(format!("  and {} more kinds of requests (--json lists them)", found.lawful.len() - LISTED));
    }
    let mut text = String::new();
    for line in out {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
