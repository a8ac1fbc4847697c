//! The report in Markdown, from a template that users can replace (`--template FILE`, minijinja).
//!
//! A template sees the analysis as it stands in `analysis.json`, under its own field names. What it prints is escaped
//! for Markdown unless a filter made it safe, so a template cannot forget to. `cite` turns evidence into references and
//! the index at the end lists what was cited, in the order it was.

mod escape;
mod functions;
mod places;
mod residual;
mod tell;

use super::{Artifact, Output, RenderError, Request, one};
use crate::analysis::Analysis;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};

pub(super) const OUTPUT: Output = Output { id: "markdown", views: &["report"], extension: "md", render };

/// The built-in template, a starting point for one's own.
pub const TEMPLATE: &str = include_str!("markdown/report.md.j2");

fn render(analysis: &Analysis, request: &Request) -> Result<Vec<Artifact>, RenderError> {
    one("report.md", report(analysis, request)?)
}

/// The report as text.
pub(super) fn report(analysis: &Analysis, request: &Request) -> Result<String, RenderError> {
    let template = request.template.as_deref().unwrap_or(TEMPLATE);
    let failed = |error: minijinja::Error| RenderError::Template(super::text::plain(&describe(&error)));
    let mut environment = Environment::new();
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().map_err(failed)?);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_formatter(escape::formatter);
    // A template of anybody's cannot run for ever.
    environment.set_fuel(Some(5_000_000));
    functions::register(&mut environment, analysis);
    let context = Value::from(Serde(analysis));
    let made = environment.render_named_str("report.md", template, context).map_err(failed)?;
    Ok(squeezed(&made))
}

fn describe(error: &minijinja::Error) -> String {
    let line = error.line().map(|line| format!(", line {line}")).unwrap_or_default();
    let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    format!("{}{detail}{line}", error.kind())
}

/// No more than one empty line in a row, one before a heading, no blanks at the end of a line.
fn squeezed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = true;
    let mut fenced = false;
    for line in text.lines() {
        let line = line.trim_end();
        fenced ^= line.trim_start().starts_with("```");
        if line.is_empty() && empty && !fenced {
            continue;
        }
        if !fenced && !empty && line.starts_with('#') {
            out.push('\n');
        }
        empty = line.is_empty();
        out.push_str(line);
        out.push('\n');
    }
    while out.ends_with("\n\n") {
        out.pop();
    }
    out
}
