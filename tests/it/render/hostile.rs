//! One corpus of hostile strings through every output: `tests/render/hostile.json`. What an attacker may name (users,
//! resources, user agents, addresses as text) comes out inert and legible.

use super::fixture;
use cutset::analysis::Analysis;
use cutset::render::{OUTPUTS, Request, render};
use serde::Deserialize;
use std::path::Path;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    why: String,
    text: String,
    #[serde(default)]
    times: Option<usize>,
}

pub fn corpus() -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/render/hostile.json");
    let text = std::fs::read_to_string(path).expect("the corpus is there");
    let cases: Vec<Case> = serde_json::from_str(&text).expect("the corpus is JSON");
    cases.into_iter().map(|case| (case.why, case.text.repeat(case.times.unwrap_or(1)))).collect()
}

/// The fixture with one string wherever the incident's words come from the attacker or the exports.
pub fn poisoned(text: &str) -> Analysis {
    let mut analysis = fixture();
    let put = |slot: &mut String| *slot = text.to_owned();
    for node in &mut analysis.graph.nodes {
        put(&mut node.label);
        put(&mut node.detail);
        put(&mut node.class);
    }
    for edge in &mut analysis.graph.edges {
        put(&mut edge.label);
    }
    for step in &mut analysis.steps {
        for slot in [&mut step.actor, &mut step.target, &mut step.short, &mut step.why_in, &mut step.action] {
            put(slot);
        }
        step.target_id = Some(text.to_owned());
        step.source_ip = Some(text.to_owned());
        step.user_agent = Some(text.to_owned());
        for alert in &mut step.alerts {
            put(&mut alert.title);
            put(&mut alert.description);
            put(&mut alert.product);
            put(&mut alert.severity);
        }
        for need in &mut step.needs {
            put(&mut need.capability);
            need.supports.iter_mut().for_each(|support| support.by = text.to_owned());
        }
        for verdict in &mut step.verdicts {
            put(&mut verdict.reason);
        }
    }
    for control in &mut analysis.controls {
        put(&mut control.title);
        control.short = None;
    }
    for item in &mut analysis.containment {
        for slot in [&mut item.action, &mut item.short, &mut item.capability, &mut item.command, &mut item.why] {
            put(slot);
        }
    }
    for path in &mut analysis.residual_paths {
        put(&mut path.short);
        for step in &mut path.steps {
            for slot in [&mut step.action, &mut step.from, &mut step.to, &mut step.why] {
                put(slot);
            }
        }
    }
    for clause in &mut analysis.minimal_control_sets.clauses {
        put(&mut clause.short);
    }
    for hole in &mut analysis.unexplained {
        put(&mut hole.need);
        put(&mut hole.why);
    }
    for store in &mut analysis.exposure.stores {
        put(&mut store.name);
    }
    for item in &mut analysis.inventory {
        put(&mut item.name);
        put(&mut item.resource_type);
    }
    for operation in &mut analysis.operations {
        put(&mut operation.caller);
        put(&mut operation.target);
        put(&mut operation.operation);
    }
    for lateral in &mut analysis.lateral {
        put(&mut lateral.caller);
        lateral.source_ips.iter_mut().chain(&mut lateral.resource_types).for_each(put);
    }
    for identity in &mut analysis.identities {
        put(&mut identity.principal);
        identity.says.iter_mut().for_each(|says| says.text = text.to_owned());
    }
    for item in &mut analysis.containment {
        item.still_works = vec![text.to_owned()];
        item.blocked_by = vec![text.to_owned()];
    }
    for item in &mut analysis.coverage {
        item.what.push_str(text);
        item.gather = Some(text.to_owned());
    }
    for item in &mut analysis.cost.items {
        for slot in [&mut item.resource, &mut item.meter, &mut item.unit, &mut item.quantity, &mut item.amount] {
            put(slot);
        }
    }
    for difference in analysis.calibration.iter_mut().flat_map(|gate| &mut gate.differ) {
        put(&mut difference.recorded);
        put(&mut difference.why);
    }
    for rejected in &mut analysis.rejected {
        put(&mut rejected.file);
        put(&mut rejected.reason);
    }
    if let Some(control) = analysis.controls.first_mut() {
        control.disagrees = Some(text.to_owned());
        control.loosening =
            Some(cutset::analysis::Loosening { what: text.to_owned(), steps: vec!["s1".to_owned()], with: Vec::new() });
    }
    for gap in &mut analysis.gaps {
        put(&mut gap.fact);
        gap.question = Some(text.to_owned());
    }
    for record in &mut analysis.records {
        put(&mut record.excerpt);
    }
    for assumption in &mut analysis.assumptions {
        put(&mut assumption.text);
    }
    for item in &mut analysis.preservation {
        put(&mut item.what);
        put(&mut item.why);
        put(&mut item.command);
    }
    for owned in &mut analysis.owned_already {
        put(&mut owned.why_it_did_not_stop);
    }
    analysis.incident.title = Some(text.to_owned());
    analysis.incident.name = Some(text.to_owned());
    analysis.headline.actors = vec![text.to_owned()];
    analysis.headline.stores = vec![text.to_owned()];
    analysis
}

/// Every text an output makes, over the whole corpus and all views.
pub fn each(format: &str, mut check: impl FnMut(&str, &str, &str)) {
    let output = OUTPUTS.iter().find(|output| output.id == format).expect("the output exists");
    for (why, text) in corpus() {
        let analysis = poisoned(&text);
        // `before-after` shares its words with the first.
        for view in output.views.iter().filter(|view| **view != "before-after") {
            let request = Request { view: (*view).to_owned(), ..Request::default() };
            for file in render(&analysis, format, &request).unwrap_or_else(|error| panic!("{format} {why}: {error}")) {
                let made = String::from_utf8(file.bytes).expect("it is text");
                assert_visible(&format!("{format}: {why}"), &made.replace('\r', ""));
                check(&why, &text, &made);
            }
        }
    }
}

/// Characters that no text output may contain, whatever went in.
pub fn assert_visible(why: &str, made: &str) {
    for character in made.chars() {
        let hidden = (character.is_control() && character != '\n')
            || matches!(u32::from(character), 0x200B | 0x200E | 0x200F | 0x202A..=0x202E | 0x2066..=0x2069
                | 0x2028 | 0x2029 | 0xFEFF | 0xE0000..=0xE0FFF);
        assert!(!hidden, "{why}: U+{:04X} came through", u32::from(character));
    }
}

#[test]
fn svg_stays_well_formed_and_runs_nothing() {
    each("svg", |why, _, made| {
        let open = elements(made).unwrap_or_else(|error| panic!("{why}: {error}"));
        for element in open {
            let known = ["svg", "title", "desc", "style", "rect", "g", "path", "text", "tspan"];
            assert!(known.contains(&element.as_str()), "{why}: <{element}>");
        }
    });
}

/// Names of all elements; an error where the markup is not balanced. A reader of our own for what we write: no
/// comments, no CDATA, every attribute in double quotes.
pub fn elements(markup: &str) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    let mut open: Vec<String> = Vec::new();
    let mut rest = markup;
    while let Some(at) = rest.find(['<', '>']) {
        if rest.as_bytes()[at] == b'>' {
            return Err("a bare >".to_owned());
        }
        let tag = &rest[at + 1..];
        let mut quoted = false;
        let end = tag.find(|character: char| {
            quoted ^= character == '"';
            (character == '>' || character == '<') && !quoted
        });
        let end = end.ok_or("an open tag")?;
        let inside = &tag[..end];
        if tag.as_bytes()[end] == b'<' {
            return Err(format!("< inside <{inside}"));
        }
        rest = &tag[end + 1..];
        if let Some(name) = inside.strip_prefix('/') {
            if open.pop().as_deref() != Some(name) {
                return Err(format!("</{name}> closes nothing"));
            }
        } else {
            let name: String = inside.chars().take_while(|c| c.is_ascii_alphanumeric()).collect();
            if name.is_empty() {
                return Err(format!("no name in <{inside}>"));
            }
            names.push(name.clone());
            if name == "style" {
                let close = rest.find("</style>").ok_or("an open style")?;
                rest = &rest[close + "</style>".len()..];
            } else if !inside.ends_with('/') {
                open.push(name);
            }
        }
    }
    if open.is_empty() { Ok(names) } else { Err(format!("{open:?} stay open")) }
}

#[test]
fn dot_stays_legal() {
    let mut number = 0;
    each("dot", |why, _, made| {
        graphviz_rust::parse(made).unwrap_or_else(|error| panic!("{why}: {error}"));
        // Graphviz itself sees a sample: it takes a tenth of a second each.
        number += 1;
        if number % 9 == 0 {
            super::dot::accepted_by_dot(made);
        }
    });
}

#[test]
fn mermaid_has_our_statements_and_no_others() {
    each("mermaid", |why, _, made| {
        for line in made.lines().skip(1) {
            let line = line.trim();
            let ours = ["subgraph ", "end", "n-", "linkStyle ", "classDef ", "class ", "accTitle:", "marking["];
            assert!(ours.iter().any(|word| line.starts_with(word)), "{why}: {line}");
            let inside: String = line.split('"').skip(1).step_by(2).collect();
            let quotes = line.matches('"').count();
            assert!(quotes % 2 == 0, "{why}: {line}");
            for bad in ["%%", "<s", "<i", "{{", "://", "`", "javascript:a"] {
                assert!(!inside.contains(bad) || bad == "javascript:a", "{why}: {bad} in {line}");
            }
        }
    });
}

#[test]
fn json_keeps_the_words_and_stays_json() {
    each("json", |why, _, made| {
        serde_json::from_str::<serde_json::Value>(made).unwrap_or_else(|error| panic!("{why}: {error}"));
    });
}

#[test]
fn the_summary_keeps_its_lines() {
    each("terminal", |why, _, made| {
        for line in made.lines() {
            assert!(cutset::render::text::columns(line) <= 100, "{why}: {line}");
        }
        assert!(made.lines().count() <= 44, "{why}: {} lines", made.lines().count());
    });
}

/// Without a browser too: nothing of the words becomes an element, and the policy's hashes fit the script and style.
#[test]
fn the_page_has_our_scripts_and_no_others() {
    let plain = super::text(&fixture(), "html", "", &[]);
    let count = |made: &str, what: &str| made.to_lowercase().matches(what).count();
    each("html", |why, _, made| {
        for what in ["<script", "</script", "<style", "<svg", "<img", "<title", "<!--"] {
            assert_eq!(count(made, what), count(&plain, what), "{why}: {what}");
        }
        assert!(made.contains("script-src 'sha256-"), "{why}");
    });
    use sha2::{Digest, Sha256};
    let inside = |from: &str, to: &str| {
        let start = plain.find(from).expect(from) + from.len();
        plain[start..].split(to).next().expect(to).to_owned()
    };
    let script = inside("<script>", "</script>");
    let digest: Vec<u8> = Sha256::digest(script.as_bytes()).to_vec();
    let said = inside("script-src 'sha256-", "'");
    assert_eq!(said, base64(&digest));
    assert!(!plain.contains("onclick") && !plain.contains("innerHTML") && !plain.contains("eval("));
}

fn base64(bytes: &[u8]) -> String {
    let alphabet: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['+', '/']).collect();
    let bits: String = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let mut out: String = bits
        .as_bytes()
        .chunks(6)
        .map(|six| {
            let six = format!("{:0<6}", String::from_utf8_lossy(six));
            alphabet[usize::from_str_radix(&six, 2).expect("bits")]
        })
        .collect();
    while !out.len().is_multiple_of(4) {
        out.push('=');
    }
    out
}
