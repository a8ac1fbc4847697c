//! The lines above and beneath the table.

use super::table::Heads;
use crate::analysis::{Analysis, Closes, Guarantee, MinimalControlSet, Presence, si};
use crate::render::text::{columns, fit_columns, plain, wrap, wrap_saying};
use jiff::Timestamp;

/// Who, from where, what was lost; assumptions; what it was read from.
pub(super) fn heading(analysis: &Analysis, width: usize) -> Vec<String> {
    let incident = &analysis.incident;
    let name = incident.name.as_deref().or(incident.title.as_deref()).map(plain).unwrap_or_default();
    let mut first = capital(&fit_columns(&name, 30));
    for part in [fit_columns(&plain(&incident.id), 40), period(incident.started, incident.ended)] {
        if !part.is_empty() {
            first.push_str(if first.is_empty() { "" } else { "  " });
            first.push_str(&part);
        }
    }
    if let Some(marking) = incident.marking.as_deref().map(|m| fit_columns(&plain(m), 24)) {
        first = fit_columns(&first, width.saturating_sub(columns(&marking) + 2));
        let gap = width.saturating_sub(columns(&first) + columns(&marking)).max(2);
        first.push_str(&" ".repeat(gap));
        first.push_str(&marking);
    }
    let mut out = vec![fit_columns(&first, width)];
    out.extend(headline(analysis, width));
    let texts: Vec<String> = analysis.assumptions.iter().map(|a| plain(&a.text)).filter(|t| !t.is_empty()).collect();
    if !texts.is_empty() {
        out.extend(wrap("Assumes:", 9, &texts.join("; "), width, 3));
    }
    let evidence = evidence(analysis);
    if !evidence.is_empty() {
        out.extend(wrap("Evidence:", 10, &evidence, width, 2));
    }
    for gate in analysis.calibration.iter().filter(|gate| !gate.differ.is_empty()) {
        let differ = thousands(gate.compared.saturating_sub(gate.agree + gate.unknown));
        let (name, all, what) = (plain(&gate.gate), thousands(gate.compared), plain(&gate.what));
        out.extend(wrap(
            "Careful:",
            9,
            &format!("{name} disagrees with history on {differ} of {all} {what}{}", marked(analysis)),
            width,
            2,
        ));
    }
    out
}

/// Whose verdicts that touches.
fn marked(analysis: &Analysis) -> String {
    let named: Vec<String> = analysis
        .controls
        .iter()
        .filter(|control| control.disagrees.is_some())
        .map(|control| plain(control.short.as_deref().unwrap_or(&control.title)))
        .collect();
    if named.is_empty() { String::new() } else { format!("; verdicts of {} may be wrong", listed(&named)) }
}

fn headline(analysis: &Analysis, width: usize) -> Option<String> {
    let headline = &analysis.headline;
    if headline.actors.is_empty() && headline.addresses.is_empty() && headline.bytes == 0 {
        return None;
    }
    let mut text = listed(&headline.actors);
    if !headline.addresses.is_empty() {
        text.push_str(if text.is_empty() { "someone from " } else { " from " });
        text.push_str(&listed(&headline.addresses));
    }
    if headline.bytes > 0 {
        text.push_str(&format!(" took {}", si(headline.bytes)));
        if !headline.stores.is_empty() {
            text.push_str(&format!(" from {}", listed(&headline.stores)));
        }
    }
    Some(fit_columns(&text, width))
}

/// `a, b and 3 more`
fn listed(names: &[String]) -> String {
    let shown: Vec<String> = names.iter().take(2).map(|name| fit_columns(&plain(name), 44)).collect();
    match names.len() {
        0..=2 => shown.join(" and "),
        n => format!("{} and {} more", shown.join(", "), n - 2),
    }
}

fn evidence(analysis: &Analysis) -> String {
    let mut parts = Vec::new();
    let logs = analysis.sources.iter().filter(|source| source.used > 0 && source.file.starts_with("timeline/")).count();
    match logs {
        0 => {}
        1 => parts.push("1 log".to_owned()),
        n => parts.push(format!("{n} logs")),
    }
    for gate in &analysis.calibration {
        if gate.compared == 0 {
            continue;
        }
        let what = if gate.what.is_empty() { format!("{} decisions", gate.gate) } else { gate.what.clone() };
        let agree = match gate.compared.saturating_sub(gate.agree + gate.unknown) {
            0 => "all agree".to_owned(),
            n => format!("{} differ", thousands(n)),
        };
        let unknown = match gate.unknown {
            0 => String::new(),
            n => format!(", {} unknown", thousands(n)),
        };
        parts.push(format!("{} {} re-decided, {agree}{unknown}", thousands(gate.compared), plain(&what)));
    }
    match analysis.rejected.len() {
        0 => {}
        1 => parts.push("1 record could not be read".to_owned()),
        n => parts.push(format!("{} records could not be read", thousands(n as u64))),
    }
    let absent: Vec<String> =
        analysis.coverage.iter().filter(|c| c.state == Presence::Absent).map(|c| plain(&c.what)).collect();
    match absent.as_slice() {
        [] => {}
        [a] => parts.push(format!("not collected: {a}")),
        [a, b] => parts.push(format!("not collected: {a}, {b}")),
        [a, b, rest @ ..] => parts.push(format!("not collected: {a}, {b} and {} more", rest.len())),
    }
    parts.join("; ")
}

/// Do first, not enough, contain, unexplained, what would settle most, what was written.
pub(super) fn advice(analysis: &Analysis, heads: &Heads, written: &[String], width: usize) -> Vec<String> {
    let mut out = Vec::new();
    let mut say = |word: &str, text: &str, most: usize| {
        if !text.is_empty() {
            // What a screen has no room for stands in the report.
            let more = if most > 1 { " … (whole: report.md)" } else { " …" };
            out.extend(wrap_saying(&format!(" {word}"), 13, text, width, (most, more)));
        }
    };
    say("Do first", &do_first(analysis, heads), 4);
    say("Not enough", &not_enough(analysis, heads), 2);
    say("Loosens", &loosens(analysis, heads), 2);
    let contain: Vec<String> = analysis
        .containment
        .iter()
        .take(5)
        .map(|item| {
            let text = if item.short.is_empty() { &item.action } else { &item.short };
            // Number and words stay on one line.
            let text =
                format!("{} {}{}", item.rank, fit_columns(&plain(text), 40), if item.live { " (live)" } else { "" });
            text.replace(' ', "\u{a0}")
        })
        .collect();
    say("Contain", &contain.join("  "), 2);
    say("Unexplained", &unexplained(analysis), 2);
    if let Some(gap) = analysis.gaps.iter().filter(|gap| gap.settles > 0).max_by_key(|gap| gap.settles) {
        let text = gap.question.as_deref().unwrap_or(&gap.fact);
        let cells = if gap.settles == 1 { "cell" } else { "cells" };
        say(&format!("Settles {} {cells}:", gap.settles), &plain(text), 1);
    }
    let written: Vec<String> = written.iter().map(|name| plain(name)).collect();
    say("Written", &written.join("  "), 2);
    out
}

fn do_first(analysis: &Analysis, heads: &Heads) -> String {
    let sets = &analysis.minimal_control_sets;
    let mut jewels: Vec<&str> = sets.all_paths.iter().map(|set| set.jewel.as_str()).collect();
    jewels.sort_unstable();
    jewels.dedup();
    // A set that is listed for every jewel is advice for all of them.
    let common: Vec<&MinimalControlSet> = sets
        .all_paths
        .iter()
        .filter(|set| Some(&set.jewel.as_str()) == jewels.first())
        .filter(|set| {
            let listed = |jewel: &&str| {
                sets.all_paths
                    .iter()
                    .any(|other| other.jewel == **jewel && other.set == set.set && other.guarantee == set.guarantee)
            };
            jewels.iter().all(listed)
        })
        .collect();
    let mut closed: Vec<&MinimalControlSet> =
        common.iter().copied().filter(|set| set.guarantee == Guarantee::Closed).collect();
    closed.sort_by_key(|set| (!set.cheapest, set.effort, set.set.len(), &set.set));
    let mut text = String::new();
    if let Some((best, others)) = closed.split_first() {
        text = best.set.iter().map(|id| ordered(analysis, id, heads)).collect::<Vec<_>>().join(" and ");
        // Those with a short name first: the table shows them.
        let mut others: Vec<String> = others.iter().map(|set| set_name(set, heads)).collect();
        others.sort_by_key(|name| name.contains('"'));
        let more = match others.len() {
            0..=4 => String::new(),
            n => format!(" or {} more", n - 4),
        };
        let named = others.iter().take(4).cloned().collect::<Vec<_>>().join(", ");
        match others.len() {
            0 => text.push_str(": closes all paths"),
            1 => text.push_str(&format!("; or {named}: either closes all paths")),
            _ => text.push_str(&format!("; or {named}{more}: each alone closes all paths")),
        }
    }
    let mut conditional: Vec<&MinimalControlSet> =
        common.iter().copied().filter(|set| set.guarantee == Guarantee::ClosedIfLacking).collect();
    conditional.sort_by_key(|set| {
        let numbered = set.set.iter().any(|id| heads.name(id).contains('"'));
        (set.set.len(), numbered, set.effort, &set.set)
    });
    if let Some(set) = conditional.first() {
        let words: Vec<String> = set.words.iter().map(|word| plain(word)).collect();
        text.push_str(if text.is_empty() { "" } else { "; " });
        text.push_str(&format!("{} if the attacker lacks {}", set_name(set, heads), words.join(", ")));
    }
    if text.is_empty() && !sets.uncovered.is_empty() {
        text = format!("no set of the {} controls tried closes every path", sets.candidates.len());
    }
    if text.is_empty() && jewels.len() > 1 {
        text = format!("no one set fits all {} jewels; the report lists the sets of each", jewels.len());
    }
    text
}

/// A control as an order: one's own is enforced, others are put in force.
fn ordered(analysis: &Analysis, id: &str, heads: &Heads) -> String {
    let Some(control) = analysis.control(id) else { return plain(id) };
    let title = fit_columns(&plain(&control.title), 56);
    match analysis.owned_already.iter().find(|owned| owned.control == id) {
        Some(owned) => {
            let why = fit_columns(&plain(&owned.why_it_did_not_stop), 48);
            format!("enforce your own \"{title}\" (effort {}; {why})", control.effort)
        }
        None => {
            let name = heads.name(id);
            let short = if name.starts_with('"') { String::new() } else { format!("{name}: ") };
            format!("{short}{title} (effort {})", control.effort)
        }
    }
}

fn set_name(set: &MinimalControlSet, heads: &Heads) -> String {
    let names: Vec<String> = set.set.iter().map(|id| heads.name(id)).collect();
    format!("{} ({})", names.join("+"), set.effort)
}

/// Controls that cut something and still leave a path, those that save the most first.
fn not_enough(analysis: &Analysis, heads: &Heads) -> String {
    let mut open: Vec<(&crate::analysis::Control, String)> = analysis
        .controls
        .iter()
        .filter(|control| control.closes == Closes::NotClosed && !control.cuts.is_empty())
        .filter_map(|control| {
            let path =
                analysis.residual_paths.iter().find(|path| path.with.len() == 1 && path.with[0] == control.id)?;
            let short = if path.short.is_empty() {
                path.steps.iter().map(|step| plain(&step.action)).collect::<Vec<_>>().join(", then ")
            } else {
                plain(&path.short)
            };
            Some((control, short))
        })
        .collect();
    open.sort_by_key(|(control, _)| (std::cmp::Reverse(control.bytes_prevented), control.effort, control.id.clone()));
    let Some((_, first)) = open.first() else { return String::new() };
    let mut names: Vec<String> =
        open.iter().filter(|(_, short)| short == first).map(|(control, _)| heads.name(&control.id)).collect();
    names.sort_by_key(|name| name.contains('"'));
    names.truncate(4);
    format!("{}: {first}", names.join(", "))
}

/// Controls that would let through what is refused without them.
fn loosens(analysis: &Analysis, heads: &Heads) -> String {
    let loose = analysis.controls.iter().filter_map(|control| Some((control, control.loosening.as_ref()?)));
    let mut said: Vec<String> = Vec::new();
    for (control, loosening) in loose {
        let what = plain(&loosening.what).replace('`', "");
        said.push(format!("{}: {what} ({})", heads.name(&control.id), loosening.steps.join(", ")));
    }
    let more = if said.len() > 2 { format!("; and {} more", said.len() - 2) } else { String::new() };
    format!("{}{more}", said.into_iter().take(2).collect::<Vec<_>>().join("; "))
}

fn unexplained(analysis: &Analysis) -> String {
    let mut needs: Vec<(String, String, Vec<String>)> = Vec::new();
    for hole in &analysis.unexplained {
        let (need, why) = (fit_columns(&plain(&hole.need), 40), plain(&hole.why));
        match needs.iter_mut().find(|(known, _, _)| *known == need) {
            Some((_, _, steps)) => steps.push(plain(&hole.step)),
            None => needs.push((need, why, vec![plain(&hole.step)])),
        }
    }
    let Some((_, why, _)) = needs.first() else { return String::new() };
    let shown: Vec<String> =
        needs.iter().take(3).map(|(need, _, steps)| format!("{need} ({})", steps.join(", "))).collect();
    let rest = match needs.len() {
        0..=3 => String::new(),
        n => format!(" and {} more", n - 3),
    };
    format!("{}{rest}: {why}", shown.join(", "))
}

/// `21 Mar 2026 03:12-03:38 UTC`
fn period(from: Option<Timestamp>, to: Option<Timestamp>) -> String {
    let Some(from) = from else { return String::new() };
    let start = from.strftime("%-d %b %Y %H:%M").to_string();
    match to {
        Some(to) if to.strftime("%F").to_string() == from.strftime("%F").to_string() => {
            format!("{start}-{} UTC", to.strftime("%H:%M"))
        }
        Some(to) => format!("{start} to {} UTC", to.strftime("%-d %b %Y %H:%M")),
        None => format!("{start} UTC"),
    }
}

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// `14,302`
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
