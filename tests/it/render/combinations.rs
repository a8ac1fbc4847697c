//! Northgate's page as the engine fills it: all 2^8 combinations of the eight controls flipped in the browser, against
//! what `cutset whatif` answers for each; and everything else the page does, on the same page.

use super::browser::Browser;
use crate::support;
use cutset::analysis::whatif::{self, WhatIf};
use cutset::analysis::{Analysis, Closes, si};
use cutset::model::Level;
use cutset::render::picture::{Closure, outcome};
use cutset::render::{Request, render};
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

/// The page does on the engine's own analysis what it does on the one by hand.
#[test]
fn the_engines_page_has_everything() {
    let analysis = support::northgate();
    let page = &render(analysis, "html", &Request::default()).expect("it renders")[0].bytes;
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    let Some(browser) = Browser::start() else { return };
    browser.open("northgate.html", analysis);
    evidence(&browser, analysis);
    slider_and_filter(&browser, analysis);
    views(&browser, analysis);
    print_and_dark(&browser);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// Each step's drawer holds its facts, its verdicts, where it was read and the records themselves.
fn evidence(browser: &Browser, analysis: &Analysis) {
    let shown = browser.run(
        "const out = [];
         document.querySelectorAll('.step-row').forEach((row) => {
           row.click();
           const body = document.getElementById('p-drawer-body');
           out.push([document.getElementById('p-drawer-title').textContent, body.textContent,
             [...body.querySelectorAll('pre')].map((pre) => pre.textContent), body.querySelectorAll('details').length]);
         });
         document.getElementById('p-close').click();
         return out;",
    );
    for (step, shown) in analysis.steps.iter().zip(shown.as_array().expect("a list")) {
        let title = shown[0].as_str().expect("text");
        assert!(title.starts_with(&format!("{} ", step.id)), "{title}");
        let text = shown[1].as_str().expect("text");
        for place in &step.evidence {
            assert!(text.contains(&format!("{}, record {}", place.file, place.record)), "{}: {text}", step.id);
        }
        let records = shown[2].as_array().expect("a list");
        assert!(records.len() >= step.evidence.len(), "{}: {} records", step.id, records.len());
        // The record itself, laid out over lines: the time of the step is in it.
        let time = step.time.strftime("%H:%M").to_string();
        let told = |record: &&str| record.contains(&time) && record.lines().count() > 5;
        let own = records.iter().filter_map(Value::as_str).rev().take(step.evidence.len()).find(told);
        assert!(own.is_some(), "{}: {records:?}", step.id);
        assert_eq!(shown[3], step.verdicts.len(), "{}: a verdict a control", step.id);
    }
}

fn slider_and_filter(browser: &Browser, analysis: &Analysis) {
    let shown = browser.run(
        "const slider = document.getElementById('p-slider');
         const out = [];
         for (let n = 0; n <= Number(slider.max); n += 1) {
           slider.value = n;
           slider.dispatchEvent(new Event('input'));
           out.push([document.querySelectorAll('.step-row:not(.later)').length,
             document.querySelectorAll('#p-timeline .step:not(.later)').length,
             document.querySelectorAll('#p-graph .edge.step:not(.later)').length > 0]);
         }
         return out;",
    );
    for (n, shown) in shown.as_array().expect("a list").iter().enumerate() {
        assert_eq!(*shown, serde_json::json!([n, n, n > 0]));
    }
    let kept = |wanted: &str| -> Value {
        browser.run(&format!(
            "const f = document.getElementById('p-filter'); f.value = {}; f.dispatchEvent(new Event('input'));
             return [...document.querySelectorAll('.step-row:not([hidden]) th')].map((th) => th.textContent)",
            Value::from(wanted)
        ))
    };
    assert_eq!(kept("listkeys proddata"), serde_json::json!(["s7"]));
    assert_eq!(kept("no such thing"), serde_json::json!([]));
    assert_eq!(browser.run("return document.getElementById('p-none-left').hidden"), false);
    assert_eq!(kept("").as_array().map(Vec::len), Some(analysis.steps.len()));
    // By keyboard alone: to the filter, to a row, into the drawer and back.
    browser.run("document.activeElement.blur()");
    browser.keys("body", "/");
    assert_eq!(browser.run("return document.activeElement.id"), "p-filter");
    browser.keys(".step-row", "\u{e007}");
    assert_eq!(browser.run("return document.activeElement.id"), "p-close");
    browser.keys("#p-close", "\u{e00c}");
    assert_eq!(browser.run("return document.getElementById('p-drawer').hidden"), true);
    assert_eq!(browser.run("return document.activeElement.className"), "step-row");
}

/// Both drawings of the page: every alert pinned, sizes where bytes were taken, no bare GUID for a name, in the page.
fn views(browser: &Browser, analysis: &Analysis) {
    let alerts: usize = analysis.steps.iter().map(|step| step.alerts.len()).sum();
    assert!(alerts > 0);
    assert_eq!(browser.run("return document.querySelectorAll('#p-timeline .alert').length"), alerts);
    let words = browser.run("return [...document.querySelectorAll('#p-stage svg text')].map((t) => t.textContent)");
    let words: Vec<&str> = words.as_array().expect("a list").iter().filter_map(Value::as_str).collect();
    for step in analysis.steps.iter().filter(|step| step.bytes > 0) {
        assert!(words.iter().any(|word| word.contains(&si(step.bytes))), "{}: its size is drawn", step.id);
    }
    let bare = |word: &&&str| {
        word.split(['-', '…']).all(|part| part.chars().all(|c| c.is_ascii_hexdigit())) && word.len() > 12
    };
    assert_eq!(words.iter().find(bare), None, "a GUID is no name");
    for name in ["graph", "timeline"] {
        browser.click(&format!("#p-show-{name}"));
        let fits = browser.run(&format!(
            "const s = document.querySelector('#p-{name} svg').getBoundingClientRect();
             const smallest = Math.min(...[...document.querySelectorAll('#p-{name} svg text')]
               .filter((t) => t.textContent).map((t) => t.getBoundingClientRect().height));
             return [s.width > 300 && s.right <= innerWidth, smallest]"
        ));
        assert_eq!(fits[0], true, "{name} stands in the window");
        assert!(fits[1].as_f64().is_some_and(|height| height >= 9.0), "{name}: letters of {} px", fits[1]);
    }
    browser.click("#p-show-graph");
}

fn print_and_dark(browser: &Browser) {
    let seen = "const style = (id) => getComputedStyle(document.querySelector(id));
                return [style('body').backgroundColor, style('.slider').display, style('#p-timeline').display,
                  style('#p-graph .edge.step .line').stroke !== style('body').backgroundColor]";
    let white = "rgb(255, 255, 255)";
    assert_eq!(browser.run(seen), serde_json::json!([white, "flex", "none", true]));
    browser.media(&serde_json::json!({ "features": [{ "name": "prefers-color-scheme", "value": "dark" }] }));
    assert_eq!(browser.run(seen), serde_json::json!(["rgb(14, 19, 27)", "flex", "none", true]));
    let print = [serde_json::json!({ "name": "prefers-color-scheme", "value": "dark" })];
    browser.media(&serde_json::json!({ "media": "print", "features": print }));
    assert_eq!(browser.run(seen), serde_json::json!([white, "none", "block", true]));
    browser.media(&serde_json::json!({ "media": "", "features": [] }));
}
