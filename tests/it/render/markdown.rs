//! The report: sections of what is there, nothing of what is not, templates of one's own.

use super::hostile::each;
use cutset::analysis::Analysis;
use cutset::render::{Request, render};

fn report(analysis: &Analysis, template: Option<&str>) -> Result<String, String> {
    let request = Request { template: template.map(str::to_owned), ..Request::default() };
    let files = render(analysis, "markdown", &request).map_err(|error| error.to_string())?;
    Ok(String::from_utf8(files[0].bytes.clone()).expect("it is text"))
}

pub const SECTIONS: &[&str] = &[
    "Executive summary",
    "Identity compromise analysis",
    "Unified timeline",
    "ARM operation log",
    "Resource inventory",
    "Data exposure",
    "Lateral movement on the management plane",
    "Posture gaps",
    "What you already owned",
    "Control comparison",
    "Residual risk",
    "Remediation",
    "Cost impact",
    "Assumptions and unknowns",
    "Evidence index",
];

#[test]
fn every_section_is_there_in_order() {
    let made = report(&super::fixture(), None).expect("it renders");
    let headings: Vec<&str> = made.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(headings, SECTIONS);
    assert_eq!(made.matches("**TLP:AMBER**").count(), 2, "marked at both ends");
}

#[test]
fn sections_without_content_are_left_out() {
    let made = report(&Analysis::default(), None).expect("it renders");
    let headings: Vec<&str> = made.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(headings, ["Executive summary", "Assumptions and unknowns", "Evidence index"]);
}

#[test]
fn every_reference_is_in_the_index_and_every_index_line_is_referred_to() {
    let made = report(&super::fixture(), None).expect("it renders");
    let indexed: Vec<String> = made
        .lines()
        .filter_map(|line| line.strip_prefix("| E"))
        .filter_map(|line| line.split(' ').next().map(|n| format!("E{n}")))
        .collect();
    assert!(indexed.len() > 10, "{indexed:?}");
    for id in &indexed {
        assert!(made.contains(&format!("[{id}](#evidence-index)")), "{id}");
    }
    for cited in made.split("](#evidence-index)").filter_map(|part| part.rsplit("[E").next()) {
        if let Ok(number) = cited.parse::<usize>() {
            assert!(indexed.contains(&format!("E{number}")), "E{number}");
        }
    }
}

#[test]
fn facts_of_steps_alerts_stores_and_costs_carry_references() {
    let made = report(&super::fixture(), None).expect("it renders");
    for section in ["Identity compromise analysis", "ARM operation log", "Data exposure", "Cost impact"] {
        let body = made.split(&format!("## {section}\n")).nth(1).expect(section);
        let body = body.split("\n## ").next().expect(section);
        let facts: Vec<&str> = body
            .lines()
            .filter(|line| line.starts_with("| `") || line.starts_with("- s") || line.starts_with("| 2"))
            .collect();
        assert!(!facts.is_empty(), "{section}");
        for fact in facts {
            assert!(fact.contains("(#evidence-index)"), "{section}: {fact}");
        }
    }
}

#[test]
fn a_template_of_ones_own_takes_the_place_of_the_built_in_one() {
    let made = report(&super::fixture(), Some("{{ incident.id }}: {{ steps | length }} steps {{ incident.title }}"));
    assert_eq!(
        made.expect("it renders"),
        "northgate-2026-03: 10 steps Cloud identity compromise leading to resource abuse\n"
    );
}

#[test]
fn a_template_cannot_forget_to_escape() {
    let mut analysis = super::fixture();
    analysis.steps[0].actor = "<b>[x](http://y)|`z`".to_owned();
    let made = report(&analysis, Some("{{ steps[0].actor }} / {{ [steps[0].actor] }}")).expect("it renders");
    assert!(made.starts_with("\\<b\\>\\[x\\](http\\://y)\\|\\`z\\` / "), "{made}");
    assert!(!made.contains(" <b>"), "{made}");
}

#[test]
fn a_template_that_does_not_render_says_where() {
    let analysis = super::fixture();
    let error = report(&analysis, Some("one\n{{ nowhere.x }}\n")).expect_err("it does not render");
    assert!(error.starts_with("the template does not render: undefined value"), "{error}");
    assert!(error.ends_with("line 2"), "{error}");
    report(&analysis, Some("{% for a in range(100000) %}{% for b in range(100000) %}x{% endfor %}{% endfor %}"))
        .expect_err("it runs out of fuel");
}

/// What is left of a line when code spans and escaped characters are taken out.
fn bare(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(character) = rest.chars().next() {
        if character == '\\' {
            rest = rest
                .get(1..)
                .and_then(|r| r.char_indices().nth(1).map_or(Some(""), |(at, _)| r.get(at..)))
                .unwrap_or("");
        } else if character == '`' {
            let ticks = rest.chars().take_while(|c| *c == '`').count();
            let fence = "`".repeat(ticks);
            let inside = &rest[ticks..];
            let mut at = 0;
            let close = loop {
                let found = inside[at..].find(&fence).map(|f| at + f);
                let Some(found) = found else { break None };
                let run = inside[found..].chars().take_while(|c| *c == '`').count();
                let before = inside[..found].ends_with('`');
                if run == ticks && !before {
                    break Some(found);
                }
                at = found + run;
            };
            match close {
                Some(found) => rest = &inside[found + ticks..],
                None => {
                    out.push('`');
                    rest = inside;
                }
            }
        } else {
            out.push(character);
            rest = &rest[character.len_utf8()..];
        }
    }
    out
}

#[test]
fn hostile_words_make_no_structure_of_their_own() {
    let plain = report(&super::fixture(), None).expect("it renders");
    let headings = plain.lines().filter(|line| line.starts_with('#')).count();
    each("markdown", |why, _, made| {
        // The title is a heading of its own words; all others are ours.
        assert!(made.lines().filter(|line| line.starts_with('#')).count().abs_diff(headings) <= 1, "{why}");
        let mut columns = 0;
        for line in made.lines() {
            let left = bare(line);
            for bad in ["<", "`", "http://", "https://", "![", "{{", "${", "~~"] {
                assert!(!left.contains(bad), "{why}: {bad} in {line}");
            }
            assert_eq!(left.matches("](").count(), left.matches("](#").count(), "{why}: {line}");
            if line.starts_with('|') {
                // A pipe in code still ends a cell of GitHub's tables unless it is escaped.
                let cells = line.replace("\\\\", "").replace("\\|", "").matches('|').count();
                if line.starts_with("|---") || line.starts_with("| ---") {
                    columns = cells;
                } else if columns > 0 {
                    assert_eq!(cells, columns, "{why}: {line}");
                }
            } else {
                columns = 0;
            }
        }
    });
}
