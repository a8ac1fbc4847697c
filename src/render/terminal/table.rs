//! Steps down, controls across, one sign a cell.

use crate::analysis::{Analysis, Closes, Control, Mode, Step, Verdict, si};
use crate::model::Level;
use crate::render::text::{columns, fit_columns, plain};
use anstyle::{AnsiColor, Style};

/// What heads each control's column: its `short`, or a number explained beneath.
pub(super) struct Heads<'a> {
    /// Shown, in the order of `controls`.
    pub shown: Vec<(&'a Control, String)>,
    pub left_out: usize,
    label: usize,
    /// Columns before the label: id and time.
    front: usize,
    several_days: bool,
    /// All controls, shown or not.
    names: Vec<(&'a str, String)>,
}

impl Heads<'_> {
    /// A control in a sentence: its `short`, else its title.
    pub fn name(&self, control: &str) -> String {
        self.names
            .iter()
            .find(|(id, _)| *id == control)
            .map_or_else(|| fit_columns(&plain(control), 40), |(_, name)| name.clone())
    }
}

/// Steps shown at most; the middle of longer attacks is counted.
const ROWS: usize = 16;
pub(super) fn heads(analysis: &Analysis, width: usize) -> Heads<'_> {
    let several_days = {
        let mut days: Vec<String> = analysis.steps.iter().map(|step| step.time.strftime("%F").to_string()).collect();
        days.dedup();
        days.len() > 1
    };
    let front = if several_days { 14 } else { 11 };
    // All controls if they fit beside labels of a readable length, else labels of that length.
    let all: usize = analysis.controls.iter().map(|c| wide_of(c, &short(c).unwrap_or_default())).sum();
    let most = width.saturating_sub(front + 1 + all).clamp(44.min(width / 2 - 8), 60);
    let label = labels(analysis).iter().map(|label| columns(label)).max().unwrap_or(0).clamp(18, most);
    let mut ranked: Vec<&Control> = analysis.controls.iter().collect();
    ranked.sort_by_key(|control| {
        let reach = control.cuts.len() + control.challenges.len();
        (std::cmp::Reverse(reach), control.effort, control.id.as_str())
    });
    let mut room = width.saturating_sub(front + label + 1);
    let mut kept: Vec<&str> = Vec::new();
    let mut numbers = 0;
    for control in ranked {
        let wide = match short(control) {
            Some(short) => wide_of(control, &short),
            None => {
                numbers += 1;
                wide_of(control, "")
            }
        };
        if wide > room || (short(control).is_none() && numbers > 9) {
            break;
        }
        room -= wide;
        kept.push(&control.id);
    }
    let mut number = 0;
    let shown: Vec<(&Control, String)> = analysis
        .controls
        .iter()
        .filter(|control| kept.contains(&control.id.as_str()))
        .map(|control| {
            let head = short(control).unwrap_or_else(|| {
                number += 1;
                number.to_string()
            });
            (control, head)
        })
        .collect();
    let names = analysis
        .controls
        .iter()
        .map(|control| {
            let name = short(control).unwrap_or_else(|| format!("\"{}\"", fit_columns(&plain(&control.title), 48)));
            (control.id.as_str(), name)
        })
        .collect();
    Heads { left_out: analysis.controls.len() - shown.len(), shown, label, front, several_days, names }
}

/// Columns of a control: its head, its number of lawful uses, and one that keeps neighbours apart.
fn wide_of(control: &Control, head: &str) -> usize {
    columns(head).max(columns(&lawful(control))).max(3) + 1
}

fn short(control: &Control) -> Option<String> {
    control.short.as_deref().map(|short| fit_columns(&plain(short), 4)).filter(|short| !short.is_empty())
}

/// `admin@ listKeys proddata`, for each step.
fn labels(analysis: &Analysis) -> Vec<String> {
    let actors: Vec<String> = analysis.steps.iter().map(|step| actor(&step.actor)).collect();
    let wide = actors.iter().map(|actor| columns(actor)).max().unwrap_or(0);
    analysis
        .steps
        .iter()
        .zip(actors)
        .map(|(step, actor)| {
            let pad = " ".repeat(wide - columns(&actor));
            format!("{actor}{pad} {}", what(step))
        })
        .collect()
}

/// The part of a name that tells persons apart on one screen: `admin@`.
fn actor(name: &str) -> String {
    let name = plain(name);
    let name = name.split_once('@').map_or(name.clone(), |(local, _)| format!("{local}@"));
    fit_columns(&name, 11)
}

/// Action and target in a few words, with the size where bytes were taken.
pub(super) fn what(step: &Step) -> String {
    let action = if step.short.is_empty() { plain(&step.action) } else { plain(&step.short) };
    let target = plain(&step.target);
    let target = match target.strip_prefix('/') {
        Some(path) => path.rsplit('/').next().unwrap_or(path).to_owned(),
        None => target,
    };
    let mut text = action;
    // A sign-in's few words name its target already.
    if !text.starts_with("grant ")
        && step.plane != crate::analysis::Plane::Identity
        && !target.is_empty()
        && !text.contains(&target)
    {
        text.push(' ');
        text.push_str(&fit_columns(&target, 20));
    }
    if step.bytes > 0 {
        text.push(' ');
        text.push_str(&si(step.bytes));
    }
    text
}

pub(super) fn table(analysis: &Analysis, heads: &Heads, width: usize, colour: bool) -> Vec<String> {
    let holes: Vec<&str> = analysis.unexplained.iter().map(|hole| hole.step.as_str()).collect();
    let mut out = Vec::new();
    let mut head = format!(" {:<1$}", "What happened", heads.front + heads.label - 1);
    for (control, name) in &heads.shown {
        head.push_str(&cell(name, wide_of(control, name), None, colour));
    }
    out.push(head);
    let count = analysis.steps.len();
    let folded = count.saturating_sub(ROWS);
    for (index, (step, label)) in analysis.steps.iter().zip(labels(analysis)).enumerate() {
        let (first, last) = (ROWS * 5 / 8, count - ROWS.min(count) * 3 / 8);
        if folded > 0 && index >= first && index < last {
            if index == first {
                out.push(format!("     ...   {} more steps, in the report", last - first));
            }
            continue;
        }
        let time = step.time.strftime(if heads.several_days { "%d %H:%M" } else { "%H:%M" }).to_string();
        let hole = if holes.contains(&step.id.as_str()) { " [!]" } else { "" };
        let label = format!("{}{hole}", fit_columns(&label, heads.label - hole.len()));
        let pad = " ".repeat(heads.label.saturating_sub(columns(&label)));
        let mut line = format!(" {:<4}{time} {label}{pad}", fit_columns(&plain(&step.id), 4));
        for (control, name) in &heads.shown {
            let (sign, style) = step.verdict(&control.id).map_or((String::from(" "), None), sign);
            line.push_str(&cell(&sign, wide_of(control, name), style, colour));
        }
        out.push(line);
    }
    out.extend(feet(heads, colour));
    let legend = legend(analysis, heads);
    let used =
        heads.front + heads.label + heads.shown.iter().map(|(control, name)| wide_of(control, name)).sum::<usize>();
    place_legend(&mut out, &legend, used, width);
    out.extend(explained(heads, width));
    out
}

/// One sign a verdict: `S` stops it, `s` an earlier step is gone, `A`/`a` asks for something, `?`, `-`; `*` undoable.
fn sign(verdict: &Verdict) -> (String, Option<AnsiColor>) {
    let (sign, colour) = match (verdict.verdict, verdict.mode) {
        (Level::Cut, Mode::Direct) => ("S", Some(AnsiColor::Green)),
        (Level::Cut, Mode::Upstream) => ("s", Some(AnsiColor::Green)),
        (Level::Challenged, Mode::Direct) => ("A", Some(AnsiColor::Yellow)),
        (Level::Challenged, Mode::Upstream) => ("a", Some(AnsiColor::Yellow)),
        (Level::Unknown, Mode::Direct | Mode::Upstream) => ("?", Some(AnsiColor::Magenta)),
        (Level::NotCut, Mode::Direct | Mode::Upstream) => ("-", None),
    };
    let undo = if verdict.undo.is_some() { "*" } else { "" };
    (format!("{sign}{undo}"), colour)
}

/// A cell as wide as its column, the sign under the middle of the head.
fn cell(text: &str, wide: usize, colour: Option<AnsiColor>, coloured: bool) -> String {
    let taken = columns(text);
    let left = if taken <= 2 { wide / 2 } else { wide.saturating_sub(taken).min(1) };
    let right = wide.saturating_sub(left + taken);
    let shown = match colour {
        Some(colour) if coloured => {
            let style = Style::new().fg_color(Some(colour.into())).bold();
            format!("{style}{text}{style:#}")
        }
        Some(_) | None => text.to_owned(),
    };
    format!("{}{shown}{}", " ".repeat(left), " ".repeat(right))
}

/// What each control does to the whole: closes every path, and the lawful use it stops.
fn feet(heads: &Heads, colour: bool) -> Vec<String> {
    if heads.shown.is_empty() {
        return Vec::new();
    }
    let front = heads.front + heads.label - 1;
    let mut closes = format!(" {:<front$}", "closes every path");
    let mut stops = format!(" {:<front$}", "lawful use it stops");
    let mut evaluated = false;
    for (control, name) in &heads.shown {
        let word = match control.closes {
            Closes::Closed => "yes",
            Closes::ClosedIfLacking => "if",
            Closes::NotClosed => "no",
        };
        closes.push_str(&cell(word, wide_of(control, name), None, colour));
        let collateral = &control.collateral;
        evaluated |= collateral.evaluated > 0;
        stops.push_str(&cell(&lawful(control), wide_of(control, name), None, colour));
    }
    match evaluated {
        true => vec![closes, stops],
        false => vec![closes],
    }
}

/// The lawful uses it stops; `?` where some are not known.
fn lawful(control: &Control) -> String {
    let unknown = if control.collateral.unknown > 0 { "?" } else { "" };
    format!("{}{unknown}", figure(control.collateral.cut))
}

/// At most four columns.
fn figure(count: u64) -> String {
    // Three columns at most: the fourth keeps neighbours apart.
    match count {
        0..1_000 => count.to_string(),
        1_000..99_500 => format!("{}k", (count + 500) / 1_000),
        99_500..950_000 => format!(".{}M", (count + 50_000) / 100_000),
        _ => format!("{}M", (count + 500_000) / 1_000_000),
    }
}

/// Only signs that occur are explained.
fn legend(analysis: &Analysis, heads: &Heads) -> Vec<&'static str> {
    let shown = |level: Level, mode: Mode| {
        analysis.steps.iter().flat_map(|step| &step.verdicts).any(|verdict| {
            verdict.verdict == level
                && verdict.mode == mode
                && heads.shown.iter().any(|(control, _)| control.id == verdict.control)
        })
    };
    let undone = analysis.steps.iter().flat_map(|step| &step.verdicts).any(|verdict| verdict.undo.is_some());
    let unknown = shown(Level::Unknown, Mode::Direct)
        || shown(Level::Unknown, Mode::Upstream)
        || heads.shown.iter().any(|(control, _)| control.collateral.unknown > 0);
    [
        (shown(Level::Cut, Mode::Direct), "S stops it"),
        (shown(Level::Cut, Mode::Upstream), "s an earlier step is gone"),
        (shown(Level::Challenged, Mode::Direct), "A asks for something the attacker may lack"),
        (shown(Level::Challenged, Mode::Upstream), "a an earlier step asks"),
        (undone, "* the attacker could undo it"),
        (unknown, "? not known"),
        (!analysis.unexplained.is_empty(), "[!] hole in the evidence"),
    ]
    .into_iter()
    .filter_map(|(occurs, text)| occurs.then_some(text))
    .collect()
}

/// Beside the table where there is room, beneath it otherwise.
fn place_legend(out: &mut Vec<String>, legend: &[&'static str], used: usize, width: usize) {
    let widest = legend.iter().map(|text| text.len()).max().unwrap_or(0);
    if used + 2 + widest <= width && out.len() > legend.len() {
        for (line, text) in out.iter_mut().skip(1).zip(legend) {
            line.push_str("  ");
            line.push_str(text);
        }
        return;
    }
    let mut line = String::new();
    for text in legend {
        if columns(&line) + text.len() + 3 > width {
            out.push(std::mem::take(&mut line));
        }
        line.push_str(if line.is_empty() { " " } else { "   " });
        line.push_str(text);
    }
    if !line.is_empty() {
        out.push(line);
    }
}

/// Numbered heads, and how many controls are not shown.
fn explained(heads: &Heads, width: usize) -> Vec<String> {
    let mut out = Vec::new();
    let numbered: Vec<String> = heads
        .shown
        .iter()
        .filter(|(_, name)| name.chars().all(|c| c.is_ascii_digit()))
        .map(|(control, name)| {
            let own = if control.origin == crate::model::Origin::Snapshot { " (your own)" } else { "" };
            format!("{name} {}{own}", plain(&control.title))
        })
        .collect();
    let each = (width - 2) / numbered.len().clamp(1, 2) - 2;
    for pair in numbered.chunks(2) {
        let shown: Vec<String> = pair.iter().map(|text| fit_columns(text, each)).collect();
        out.push(format!(" {}", shown.join("  ")));
    }
    match heads.left_out {
        0 => {}
        1 => out.push(" 1 more control, in the report".to_owned()),
        n => out.push(format!(" {n} more controls, in the report")),
    }
    out
}
