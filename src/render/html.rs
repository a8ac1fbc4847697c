//! The interactive page: one file, offline, no framework.
//!
//! Its policy (Content Security Policy Level 3, hashes) allows one style sheet and one script, by their SHA-256, and
//! nothing else: no handler in markup, no `eval`, no request. What the analysis says travels as a JSON block that the
//! script reads and shows as text only. The script decides nothing: levels come from the cut conditions, closures from
//! the clauses, as in `picture::outcome`.

mod data;
mod tables;

use super::picture::Names;
use super::svg::{self, Mode, escape, sheet};
use super::text::{fit_columns, plain};
use super::{Artifact, Output, RenderError, Request, one};
use crate::analysis::{Analysis, Control, si};
use crate::model::Origin;
use sha2::{Digest, Sha256};
use std::fmt::Write;

pub(super) const OUTPUT: Output = Output { id: "html", views: &["page"], extension: "html", render };

const SCRIPT: &str = include_str!("html/page.js");
const STYLE: &str = include_str!("html/page.css");

fn render(analysis: &Analysis, request: &Request) -> Result<Vec<Artifact>, RenderError> {
    let style = format!("{}\n{STYLE}", sheet());
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        base64(&Sha256::digest(SCRIPT)),
        base64(&Sha256::digest(&style)),
    );
    let title = analysis.incident.title.as_deref().unwrap_or(&analysis.incident.id);
    let title = escape(&shown(title, 120));
    let mut out = String::new();
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<title>{title}</title>\n<style>{style}</style>\n</head>\n\
         <body class=\"cutset\">\n<a class=\"skip\" href=\"#p-steps\">Skip to the steps</a>\n",
    );
    header(&mut out, analysis, &title);
    out.push_str("<main>\n");
    switches(&mut out, analysis);
    out.push_str("<section class=\"picture\" aria-label=\"Diagram\">\n");
    toolbar(&mut out, analysis);
    let _ = write!(
        out,
        "<div id=\"p-stage\" tabindex=\"0\" role=\"group\" aria-label=\"Diagram; arrows move it, plus and minus scale it, 0 \
         fits it\">\n<div id=\"p-graph\">{}</div>\n<div id=\"p-timeline\" hidden>{}</div>\n</div>\n",
        svg::document(analysis, "attack", &request.with, Mode::Page),
        svg::document(analysis, "timeline", &request.with, Mode::Page),
    );
    out.push_str("</section>\n</main>\n");
    tables::tables(&mut out, analysis);
    out.push_str(
        "<aside id=\"p-drawer\" role=\"dialog\" aria-modal=\"false\" aria-labelledby=\"p-drawer-title\" hidden>\n\
         <button type=\"button\" id=\"p-close\" aria-label=\"Close\">&#10005;</button>\n\
         <h2 id=\"p-drawer-title\"></h2>\n<div id=\"p-drawer-body\"></div>\n</aside>\n",
    );
    let marking = analysis.incident.marking.as_deref().map(|marking| shown(marking, 40)).unwrap_or_default();
    let _ = write!(
        out,
        "<footer>{} <span>cutset {}</span></footer>\n<script type=\"application/json\" id=\"p-data\">{}</script>\n\
         <script>{SCRIPT}</script>\n</body>\n</html>\n",
        escape(&marking),
        escape(&plain(&analysis.tool.version)),
        inert_json(&data::data(analysis, &request.with)),
    );
    one("report.html", out)
}

/// JSON that no HTML parser can be led out of.
fn inert_json(value: &serde_json::Value) -> String {
    let mut out = String::new();
    for character in value.to_string().chars() {
        match character {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            other => out.push(other),
        }
    }
    out
}

/// One line of visible text, its middle left out where it is longer.
pub(super) fn shown(text: &str, columns: usize) -> String {
    const CHARACTERS: usize = 4000;
    let start: String = text.chars().take(CHARACTERS).collect();
    fit_columns(&plain(&start), columns)
}

fn header(out: &mut String, analysis: &Analysis, title: &str) {
    let incident = &analysis.incident;
    let marking = incident.marking.as_deref().map(|marking| shown(marking, 40)).unwrap_or_default();
    let mut facts = Vec::new();
    if let (Some(from), Some(to)) = (incident.started, incident.ended) {
        facts.push(format!("{} to {} UTC", from.strftime("%-d %b %Y %H:%M"), to.strftime("%H:%M")));
    }
    let names = |all: &[String]| all.iter().take(3).map(|name| shown(name, 60)).collect::<Vec<_>>().join(", ");
    let headline = &analysis.headline;
    if !headline.actors.is_empty() {
        facts.push(format!("as {}", names(&headline.actors)));
    }
    if !headline.addresses.is_empty() {
        facts.push(format!("from {}", names(&headline.addresses)));
    }
    if headline.bytes > 0 {
        facts.push(format!("{} from {}", si(headline.bytes), names(&headline.stores)));
    }
    let facts: Vec<String> = facts.iter().map(|fact| format!("<li>{}</li>", escape(fact))).collect();
    let _ = write!(
        out,
        "<header>\n<p class=\"marking\">{}</p>\n<h1>{title}</h1>\n<ul class=\"facts\">{}</ul>\n</header>\n",
        escape(&marking),
        facts.join(""),
    );
}

/// A switch for each control, and what the combination does.
fn switches(out: &mut String, analysis: &Analysis) {
    let names = Names::of(analysis);
    out.push_str(
        "<section class=\"switches\" aria-labelledby=\"p-switches-title\">\n\
         <h2 id=\"p-switches-title\">Put in force</h2>\n<div class=\"buttons\">\
         <button type=\"button\" id=\"p-none\">Nothing</button>\
         <button type=\"button\" id=\"p-best\">Recommended</button></div>\n<ul>\n",
    );
    for (at, control) in analysis.controls.iter().enumerate() {
        let _ = writeln!(
            out,
            "<li><label><input type=\"checkbox\" class=\"switch\" data-control=\"{at}\"> <b>{}</b> <span>{}</span> \
             <small>{}</small></label></li>",
            escape(&names.short(&control.id)),
            escape(&shown(&control.title, 80)),
            escape(&about(control)),
        );
    }
    out.push_str(
        "</ul>\n<div id=\"p-outcome\" aria-live=\"polite\" role=\"status\">\n<dl>\n\
         <dt>Steps cut</dt><dd id=\"p-cut\"></dd>\n<dt>Challenged</dt><dd id=\"p-challenged\"></dd>\n\
         <dt>Unknown</dt><dd id=\"p-unknown\"></dd>\n<dt>Taken</dt><dd id=\"p-bytes\"></dd>\n\
         <dt>Lawful use stopped</dt><dd id=\"p-collateral\"></dd>\n<dt>Paths</dt><dd id=\"p-closure\"></dd>\n</dl>\n\
         <ul id=\"p-paths\"></ul>\n</div>\n\
         <noscript><p>Without script this page shows the incident as it went, and the tables below.</p></noscript>\n\
         </section>\n",
    );
}

fn about(control: &Control) -> String {
    let own = match control.origin {
        Origin::Snapshot => "your own, ",
        Origin::Catalogue | Origin::User => "",
    };
    let licence = match control.requires.licence.as_slice() {
        [] => String::new(),
        list => format!(", needs {}", list.iter().map(|word| shown(word, 20)).collect::<Vec<_>>().join(", ")),
    };
    format!("{own}effort {}{licence}", control.effort)
}

fn toolbar(out: &mut String, analysis: &Analysis) {
    let last = analysis.steps.len();
    let _ = write!(
        out,
        "<div class=\"toolbar\">\n<div class=\"buttons\" role=\"group\" aria-label=\"View\">\
         <button type=\"button\" id=\"p-show-graph\" aria-pressed=\"true\">Graph</button>\
         <button type=\"button\" id=\"p-show-timeline\" aria-pressed=\"false\">Timeline</button></div>\n\
         <label class=\"slider\">Up to <output id=\"p-until\"></output>\
         <input type=\"range\" id=\"p-slider\" min=\"0\" max=\"{last}\" value=\"{last}\" step=\"1\"></label>\n\
         <div class=\"buttons\" role=\"group\" aria-label=\"Scale\"><button type=\"button\" id=\"p-out\" aria-label=\"Smaller\">\
         &#8722;</button><button type=\"button\" id=\"p-fit\">Fit</button><button type=\"button\" id=\"p-in\" \
         aria-label=\"Larger\">+</button></div>\n</div>\n",
    );
}

/// RFC 4648, standard alphabet with padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let at = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let group = at(0) << 16 | at(1) << 8 | at(2);
        for digit in 0..4 {
            if digit <= chunk.len() {
                let index = (group >> (18 - 6 * digit)) & 63;
                out.push(ALPHABET.get(index as usize).map_or('=', |byte| char::from(*byte)));
            } else {
                out.push('=');
            }
        }
    }
    out
}
