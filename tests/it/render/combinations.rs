//! Northgate's page as the engine fills it: all 2^8 combinations of the eight controls flipped in the browser, against
//! what `cutset whatif` answers for each.

use super::browser::Browser;
use crate::support;
use cutset::analysis::whatif::{self, WhatIf};
use cutset::analysis::{Analysis, Closes, si};
use cutset::model::Level;
use cutset::render::picture::{Closure, outcome};
use serde_json::Value;
use std::collections::BTreeSet;

/// What the reader sees with a set in force.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    levels: Vec<String>,
    counts: [String; 3],
    bytes: String,
    collateral: String,
    closure: String,
    /// Whether ways that stay open are listed beneath.
    listed: bool,
    ways: BTreeSet<String>,
}

#[test]
fn every_combination_is_what_whatif_answers() {
    let eight = support::eight();
    let case = support::case_files(&support::root().join("examples/northgate"), Some(eight.path()));
    let loaded = cutset::load(&case).expect("the case is read");
    let analysis = support::northgate();
    let ids = support::eight_ids();
    let sets: Vec<Vec<String>> = (0..256_u32).map(|bits| chosen(&ids, bits)).collect();
    let answers = whatif::each(loaded.input(false), &sets).expect("whatif answers");
    let expected: Vec<Seen> = answers.iter().map(of_whatif).collect();
    let mut faults = Vec::new();
    // What the library reads out of the analysis, browser or not.
    for (with, expected) in sets.iter().zip(&expected) {
        compare(&mut faults, "library", with, &of_analysis(analysis, with), expected);
    }
    let open = whatif::still_open(loaded.input(false), &analysis.residual_paths, &sets).expect("paths are asked again");
    for (with, open) in sets.iter().zip(&open) {
        for (path, open) in analysis.residual_paths.iter().zip(open) {
            let shown = outcome(analysis, with).open.contains(&path.id.as_str());
            if shown != *open {
                faults.push(format!("{} ({}) with {with:?}: shown {shown}, replayed {open}", path.id, path.short));
            }
        }
    }
    if let Some(browser) = Browser::start() {
        browser.open("combinations.html", analysis);
        let shown = flipped(&browser, analysis, &ids);
        assert_eq!(shown.len(), sets.len());
        for ((with, expected), shown) in sets.iter().zip(&expected).zip(&shown) {
            compare(&mut faults, "page", with, shown, expected);
            assert_eq!(shown.ways, of_analysis(analysis, with).ways, "{with:?}");
        }
        assert_eq!(browser.complaints(), Vec::<String>::new());
    }
    assert!(faults.is_empty(), "{} differences\n{}", faults.len(), faults.join("\n"));
}

fn chosen(ids: &[String], bits: u32) -> Vec<String> {
    ids.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1).map(|(_, id)| id.clone()).collect()
}

fn compare(faults: &mut Vec<String>, who: &str, with: &[String], found: &Seen, expected: &Seen) {
    // Which ways are listed is compared between page and library; whatif has one path alone.
    let found = &Seen { ways: BTreeSet::new(), ..found.clone() };
    if found != expected {
        faults.push(format!("{who} with {with:?}\n  shows  {found:?}\n  whatif {expected:?}"));
    }
}

fn of_whatif(answer: &WhatIf) -> Seen {
    let levels: Vec<Level> = answer.steps.iter().map(|step| step.verdict).collect();
    let jewels: Vec<(String, Closure)> = answer
        .jewels
        .iter()
        .map(|jewel| {
            let words: BTreeSet<String> = jewel.words.iter().cloned().collect();
            let closure = match jewel.closes {
                Closes::Closed => Closure::Closed,
                Closes::ClosedIfLacking => Closure::ClosedIfLacking(words.into_iter().collect()),
                Closes::NotClosed => Closure::Open,
            };
            (jewel.id.clone(), closure)
        })
        .collect();
    let lawful = &answer.collateral;
    let lawful = [lawful.cut, lawful.challenged, lawful.unknown];
    seen(&levels, (answer.bytes_remaining, answer.bytes), lawful, &jewels)
}

fn of_analysis(analysis: &Analysis, with: &[String]) -> Seen {
    let read = outcome(analysis, with);
    let total = analysis.steps.iter().map(|step| step.bytes).sum();
    let mut seen = seen(&read.levels, (read.bytes_lost, total), read.collateral, &read.closures);
    seen.listed = !read.ways.is_empty();
    seen.ways = read.ways.iter().map(said).collect();
    seen
}

/// A way that stays open, as the page says it.
pub(super) fn said((short, words): &(String, Vec<String>)) -> String {
    match words.as_slice() {
        [] => short.clone(),
        words => format!("{short} (if the attacker holds {})", words.join(", ")),
    }
}

fn seen(levels: &[Level], (lost, total): (u64, u64), lawful: [u64; 3], jewels: &[(String, Closure)]) -> Seen {
    let count = |wanted: Level| levels.iter().filter(|level| **level == wanted).count();
    let of = |total: u64| format!(" of {}", si(total));
    let [cut, asked, unknown] = lawful;
    let unknown = if unknown > 0 { format!(", {unknown} not known") } else { String::new() };
    let closure: Vec<String> = jewels
        .iter()
        .map(|(jewel, closure)| {
            let name = jewel.rsplit('/').next().unwrap_or(jewel);
            let said = match closure {
                Closure::Closed => "closed".to_owned(),
                Closure::ClosedIfLacking(words) => format!("closed if the attacker lacks {}", words.join(", ")),
                Closure::Open => "open".to_owned(),
            };
            format!("{name}: {said}")
        })
        .collect();
    Seen {
        levels: levels.iter().map(|level| level.word().to_owned()).collect(),
        counts: [
            format!("{} of {}", count(Level::Cut), levels.len()),
            count(Level::Challenged).to_string(),
            count(Level::Unknown).to_string(),
        ],
        bytes: format!("{}{}", si(lost), if lost < total { of(total) } else { String::new() }),
        collateral: format!("{cut} events, {asked} asked for more{unknown}"),
        closure: closure.join("; "),
        listed: jewels.iter().any(|(_, closure)| *closure != Closure::Closed),
        ways: BTreeSet::new(),
    }
}

/// Every combination, switch by switch, in one script.
fn flipped(browser: &Browser, analysis: &Analysis, ids: &[String]) -> Vec<Seen> {
    let numbers: Vec<usize> = ids
        .iter()
        .map(|id| analysis.controls.iter().position(|control| control.id == *id).expect("the control is there"))
        .collect();
    let shown = browser.run(&format!(
        "const boxes = {numbers:?}.map((n) => document.querySelector('.switch[data-control=\"' + n + '\"]'));
         const text = (id) => document.getElementById(id).textContent;
         const out = [];
         for (let bits = 0; bits < 2 ** boxes.length; bits += 1) {{
           boxes.forEach((box, i) => {{ if (box.checked !== Boolean(bits >> i & 1)) box.click(); }});
           out.push([
             [...document.querySelectorAll('.now')].map((cell) => cell.classList[1]),
             [text('p-cut'), text('p-challenged'), text('p-unknown')],
             text('p-bytes'), text('p-collateral'), text('p-closure'), [...document.querySelectorAll('#p-paths li')].map((li) => li.textContent),
           ]);
         }}
         return out;",
    ));
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let texts = |value: &Value| -> Vec<String> { value.as_array().expect("a list").iter().map(text).collect() };
    shown
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| Seen {
            levels: texts(&row[0]),
            counts: texts(&row[1]).try_into().expect("three"),
            bytes: text(&row[2]),
            collateral: text(&row[3]),
            closure: text(&row[4]),
            listed: row[5] != serde_json::json!([]),
            ways: texts(&row[5]).into_iter().collect(),
        })
        .collect()
}
