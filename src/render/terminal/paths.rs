//! The architect's view in lines: paths hop by hop, choke points, blast radius, what candidates cut.

use crate::analysis::Closes;
use crate::analysis::paths::{Blast, Cell, Open, Pair, Paths, Row};
use crate::render::text::{columns, fit_columns, hops, name_of, plain, wrap_all};
use std::collections::BTreeSet;

/// Resources, principals and pairs listed one by one; the rest are counted.
const LISTED: usize = 40;
/// Candidates listed, and columns of paths beside them.
const ROWS: usize = 24;
const COLUMNS: usize = 10;

pub fn paths(found: &Paths, width: usize) -> String {
    let mut out: Vec<String> = Vec::new();
    let named = |ids: &[String]| ids.iter().map(|id| plain(id)).collect::<Vec<_>>().join(", ");
    if !found.with.is_empty() {
        out.extend(wrap_all("With:", 9, &named(&found.with), width));
    }
    out.extend(wrap_all("Assumes:", 9, &named(&found.assumes), width));
    for reached in &found.reached_by {
        let to = name_of(&reached.to);
        let text = match reached.principals {
            0 => format!("{to}: nobody gets there, of {} principals", reached.of),
            n => {
                let kinds = if reached.kinds == 1 { "kind" } else { "kinds" };
                format!("{to}: {n} of {} principals get there, in {} {kinds}", reached.of, reached.kinds)
            }
        };
        out.push(String::new());
        out.extend(wrap_all("", 0, &text, width));
    }
    let listed = |pair: &&Pair| found.reached_by.is_empty() || !pair.paths.is_empty();
    for pair in found.pairs.iter().filter(listed) {
        out.extend(of_pair(found, pair, width));
    }
    let rest: Vec<&Pair> = found.pairs.iter().filter(|pair| !listed(pair)).collect();
    if !rest.is_empty() {
        let names: Vec<String> = rest.iter().take(LISTED).map(|pair| plain(&pair.from)).collect();
        let more = match rest.len().saturating_sub(LISTED) {
            0 => String::new(),
            n => format!(" and {n} more kinds (--json lists them)"),
        };
        out.push(String::new());
        out.extend(wrap_all("Also:", 6, &format!("{}{more}", names.join(", ")), width));
    }
    if !found.choke_points.is_empty() {
        out.push(String::new());
        out.push("Choke points, on every open path".to_owned());
        let mut to = "";
        for choke in &found.choke_points {
            if choke.to != to {
                to = &choke.to;
                out.extend(wrap_all("  to", 5, &name_of(to), width));
            }
            let on = choke.on_name.as_deref().map_or_else(|| name_of(&choke.on), plain);
            let what = if choke.action == "SignIn" { "to" } else { "on" };
            out.extend(wrap_all("    ", 6, &format!("{} {what} {on}", plain(&choke.action)), width));
        }
    }
    for blast in &found.blast_radius {
        out.extend(of_blast(blast, width));
    }
    out.extend(table(found, width));
    out.push(String::new());
    let facts = not_known(found);
    if !facts.is_empty() {
        let text = format!("{}: what is open may turn on them", facts.join(", "));
        out.extend(wrap_all("Unknown:", 9, &text, width));
    }
    out.extend(wrap_all("Claim:", 9, &plain(&found.claim), width));
    for limit in &found.limits {
        out.extend(wrap_all("Limit:", 9, &plain(limit), width));
    }
    let mut text = String::new();
    for line in out {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn openness(open: Closes, words: &[String], missing: &[String]) -> String {
    match open {
        Closes::Closed => "closed".to_owned(),
        Closes::ClosedIfLacking => {
            format!("closed if the attacker lacks {}", words.iter().map(|w| plain(w)).collect::<Vec<_>>().join(", "))
        }
        Closes::NotClosed if missing.is_empty() => "open".to_owned(),
        Closes::NotClosed => "open, as far as is known".to_owned(),
    }
}

/// The facts that what is open turns on.
fn not_known(found: &Paths) -> Vec<String> {
    let pairs = found.pairs.iter().flat_map(|pair| &pair.missing);
    let reached = found.blast_radius.iter().flat_map(|blast| &blast.reaches).flat_map(|reached| &reached.missing);
    let facts: BTreeSet<String> = pairs.chain(reached).map(|fact| plain(fact)).collect();
    facts.into_iter().collect()
}

fn of_pair(found: &Paths, pair: &Pair, width: usize) -> Vec<String> {
    let mut out = vec![String::new()];
    let alike = match pair.alike.len() {
        0 => String::new(),
        1..=3 => format!(" (and alike: {})", pair.alike.iter().map(|name| plain(name)).collect::<Vec<_>>().join(", ")),
        n => format!(" (and {n} alike)"),
    };
    let state = openness(pair.open, &pair.words, &pair.missing);
    let head = format!("{}{alike} to {}: {state}", plain(&pair.from), name_of(&pair.to));
    out.extend(wrap_all("", 0, &head, width));
    let paths: Vec<&Open> = found.paths.iter().filter(|path| pair.paths.contains(&path.id)).collect();
    // Paths that differ in the scope of a role granted alone are shown once.
    let mut shown: Vec<Shown<'_>> = Vec::new();
    for path in paths {
        let shape: Vec<&str> = path.steps.iter().map(|step| step.action.as_str()).collect();
        let same = |first: &Open| {
            first
                .steps
                .iter()
                .zip(&path.steps)
                .all(|(a, b)| a.to == b.to || a.action.ends_with("roleAssignments/write"))
        };
        match shown.iter_mut().find(|(known, first, _)| *known == shape && same(first)) {
            Some((_, first, others)) => {
                let differs = first.steps.iter().zip(&path.steps).find(|(a, b)| a.to != b.to);
                others
                    .push((path.id.as_str(), differs.map(|(_, b)| crate::render::text::place(b)).unwrap_or_default()));
            }
            None => shown.push((shape, path, Vec::new())),
        }
    }
    for (_, path, others) in shown {
        out.push(format!("  {}", path.id));
        out.extend(hops(&path.steps, width, 4));
        if !others.is_empty() {
            let places: Vec<String> = others.iter().map(|(id, at)| format!("{at} ({id})")).collect();
            out.extend(wrap_all("    ", 6, &format!("the same with the role granted at {}", places.join(", ")), width));
        }
    }
    out
}

/// Operations of a path, the path, and those that differ from it in the scope of a granted role alone.
type Shown<'a> = (Vec<&'a str>, &'a Open, Vec<(&'a str, String)>);

fn of_blast(blast: &Blast, width: usize) -> Vec<String> {
    let mut out = vec![String::new()];
    let head = format!("Blast radius of {}: {} of {} resources", plain(&blast.from), blast.reaches.len(), blast.of);
    out.extend(wrap_all("", 0, &head, width));
    let mut groups: Vec<(String, Vec<String>)> = Vec::new();
    for reached in &blast.reaches {
        let operations = if reached.operations == 1 { "operation" } else { "operations" };
        let state = openness(reached.open, &reached.words, &reached.missing);
        let head = format!("{state}, {} {operations}:", reached.operations);
        match groups.iter_mut().find(|(known, _)| *known == head) {
            Some((_, names)) => names.push(name_of(&reached.to)),
            None => groups.push((head, vec![name_of(&reached.to)])),
        }
    }
    for (head, names) in groups {
        let shown = names.iter().take(LISTED).cloned().collect::<Vec<_>>().join(", ");
        let rest = match names.len().saturating_sub(LISTED) {
            0 => String::new(),
            n => format!(" and {n} more (--json lists them)"),
        };
        out.extend(wrap_all("  ", 4, &format!("{head} {shown}{rest}"), width));
    }
    if !blast.becomes.is_empty() {
        let mut names: Vec<String> = blast.becomes.iter().take(LISTED).map(|name| plain(name)).collect();
        if blast.becomes.len() > LISTED {
            names.push(format!("and {} more", blast.becomes.len() - LISTED));
        }
        out.extend(wrap_all("  acts as", 10, &names.join(", "), width));
    }
    out
}

fn table(found: &Paths, width: usize) -> Vec<String> {
    let Some(first) = found.controls.first() else { return Vec::new() };
    let shown = found.paths.len().min(COLUMNS);
    let last: Vec<String> = found.controls.iter().take(ROWS).map(closes).collect();
    let wide = last.iter().map(|text| columns(text)).max().unwrap_or(0).clamp(6, 40);
    let title = width.saturating_sub(7 + 4 * shown + 2 + wide).clamp(20, 56);
    let beside = |text: String| {
        let pad = (title + 7).saturating_sub(columns(&text));
        format!("{text}{}", " ".repeat(pad))
    };
    let mut head = beside("What cuts them".to_owned());
    for path in found.paths.iter().take(shown) {
        head.push_str(&format!("{:>4}", path.id));
    }
    head.push_str(if first.reaches.is_some() { "  still reached" } else { "  closes" });
    let mut out = vec![String::new(), fit_columns(&head, width)];
    for (row, closes) in found.controls.iter().zip(&last) {
        let name = row.short.as_deref().map(plain).unwrap_or_default();
        let mut line = beside(format!("  {:<4} {}", fit_columns(&name, 4), fit_columns(&plain(&row.title), title)));
        for cell in row.paths.iter().take(shown) {
            line.push_str(&format!("{:>4}", sign(*cell)));
        }
        line.push_str(&format!("  {}", fit_columns(closes, wide)));
        out.push(line);
    }
    if found.controls.len() > ROWS {
        out.push(format!("  and {} more candidates (--json lists them)", found.controls.len() - ROWS));
    }
    if found.paths.len() > shown {
        out.push(format!("  paths p{} to p{} are in --json", shown + 1, found.paths.len()));
    }
    let cells = || found.controls.iter().flat_map(|row| &row.paths);
    let legend = [
        (Cell::Closed, "S stops it"),
        (Cell::ClosedIfLacking, "A asks for something the attacker may lack"),
        (Cell::Unknown, "? turns on a fact nobody recorded"),
        (Cell::NotClosed, "- does not"),
    ];
    let legend = legend.iter().map(|(sign, text)| (cells().any(|cell| cell == sign), *text));
    let legend: Vec<(bool, &str)> = legend.collect();
    let legend: Vec<&str> = legend.iter().filter(|(occurs, _)| *occurs).map(|(_, text)| *text).collect();
    if !legend.is_empty() {
        out.extend(wrap_all("  ", 2, &legend.join("; "), width));
    }
    out
}

fn sign(cell: Cell) -> &'static str {
    match cell {
        Cell::Closed => "S",
        Cell::ClosedIfLacking => "A",
        Cell::Unknown => "?",
        Cell::NotClosed => "-",
    }
}

fn closes(row: &Row) -> String {
    if let Some(left) = row.reaches {
        return left.to_string();
    }
    let list = |items: &[String]| items.iter().map(|item| plain(item)).collect::<Vec<_>>().join(", ");
    let parts = [
        (row.closed, String::new()),
        (row.closed_if_lacking, format!(" if lacking {}", list(&row.words))),
        (row.unknown, format!(" unknown: {}", list(&row.missing))),
    ];
    let said: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, why)| if row.of == 1 { format!("yes{why}") } else { format!("{count} of {}{why}", row.of) })
        .collect();
    let text = if said.is_empty() { "no".to_owned() } else { said.join("; ") };
    text.replace("yes unknown", "unknown")
}
