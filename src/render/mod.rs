//! The analysis as text and pictures. One file an output; every output is made from the one [`Analysis`] value.
//!
//! Deliberately computes no verdict: what a set of controls does is looked up in the conditions that the analysis
//! carries. Strings of the analysis are hostile; each output escapes for its own format, and [`text`] makes them one
//! line of visible text first.

mod csv;
#[cfg(feature = "docx")]
mod docx;
pub mod dot;
mod html;
mod json;
pub mod layout;
pub mod markdown;
mod mermaid;
mod open_graph;
pub mod picture;
#[cfg(feature = "png")]
mod png;
mod sentinel;
pub mod svg;
mod take_away;
mod terminal;
pub mod text;

pub use terminal::{SUBJECTS, diff_in_lines, explain_in_lines, paths_in_lines, whatif_in_lines};

use crate::analysis::Analysis;

/// One kind of output.
pub struct Output {
    /// Also this output's file name here (`-` as `_`), its folder under `tests/render/`, and what `--format` takes.
    pub id: &'static str,
    /// What `--view` takes; the first is the default.
    pub views: &'static [&'static str],
    /// Of the file it is written to.
    pub extension: &'static str,
    pub render: fn(&Analysis, &Request) -> Result<Vec<Artifact>, RenderError>,
}

/// Every output, in the order that help and docs list them.
pub const OUTPUTS: &[Output] = &[
    terminal::OUTPUT,
    html::OUTPUT,
    markdown::OUTPUT,
    #[cfg(feature = "docx")]
    docx::OUTPUT,
    svg::OUTPUT,
    #[cfg(feature = "png")]
    png::OUTPUT,
    dot::OUTPUT,
    mermaid::OUTPUT,
    json::OUTPUT,
    csv::OUTPUT,
    take_away::OUTPUT,
    sentinel::OUTPUT,
    open_graph::OUTPUT,
];

/// Outputs that a feature of the same name adds.
pub const OPTIONAL: &[&str] = &["docx", "png"];

/// One file of an output; most outputs make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Relative, of letters, digits, `-`, `_`, `.` and `/` alone.
    pub name: String,
    pub bytes: Vec<u8>,
}

/// What to make of the analysis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// One of the output's views; empty: its first.
    pub view: String,
    /// Ids of the controls in force (`--with`).
    pub with: Vec<String>,
    /// Columns of the terminal.
    pub width: usize,
    /// Whether escape sequences for colour may be written.
    pub colour: bool,
    /// Files already written, for the last line of the summary.
    pub written: Vec<String>,
    /// Template in the place of the built-in one.
    pub template: Option<String>,
}

impl Default for Request {
    fn default() -> Self {
        Request {
            view: String::new(),
            with: Vec::new(),
            width: 100,
            colour: false,
            written: Vec::new(),
            template: None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    #[error("`{view}` is no view of `{output}`; its views are {}", known.join(", "))]
    View { output: &'static str, view: String, known: &'static [&'static str] },
    #[error("`{format}` is no format; the formats are {}", ids().join(", "))]
    Format { format: String },
    #[error("this cutset was built without `{format}`; build it with `cargo install --features {format}`, or take one of {}", ids().join(", "))]
    Feature { format: &'static str },
    #[error("the analysis has no control `{0}`; {1}")]
    Control(String, String),
    #[error("the template does not render: {0}")]
    Template(String),
    #[error("{0}")]
    Failed(String),
}

/// What `--format` takes: every output, those of other builds too, which are then refused by name.
pub fn formats() -> Vec<&'static str> {
    let mut all = ids();
    all.extend(OPTIONAL.iter().copied().filter(|id| OUTPUTS.iter().all(|output| output.id != *id)));
    all
}

pub fn ids() -> Vec<&'static str> {
    OUTPUTS.iter().map(|output| output.id).collect()
}

/// The files of one output.
pub fn render(analysis: &Analysis, format: &str, request: &Request) -> Result<Vec<Artifact>, RenderError> {
    let output = OUTPUTS.iter().find(|output| output.id == format).ok_or_else(|| {
        match OPTIONAL.iter().find(|optional| **optional == format) {
            Some(format) => RenderError::Feature { format },
            None => RenderError::Format { format: text::plain(format) },
        }
    })?;
    let view = match output.views.first() {
        Some(first) if request.view.is_empty() => *first,
        _ => output.views.iter().copied().find(|view| *view == request.view).ok_or_else(|| RenderError::View {
            output: output.id,
            view: text::plain(&request.view),
            known: output.views,
        })?,
    };
    for id in &request.with {
        if analysis.control(id).is_none() {
            let known: Vec<&str> = analysis.controls.iter().map(|control| control.id.as_str()).collect();
            return Err(RenderError::Control(text::plain(id), crate::model::did_you_mean(id, &known)));
        }
    }
    (output.render)(analysis, &Request { view: view.to_owned(), ..request.clone() })
}

/// The file of an output that makes one.
fn one(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Result<Vec<Artifact>, RenderError> {
    Ok(vec![Artifact { name: name.into(), bytes: bytes.into() }])
}

/// Letters, digits and `-` of an id, for file names.
fn slug(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars().take(80) {
        if character.is_ascii_alphanumeric() {
            out.push(character.to_ascii_lowercase());
        } else if !out.ends_with('-') && !out.is_empty() {
            out.push('-');
        }
    }
    let out = out.trim_end_matches('-').to_owned();
    if out.is_empty() { "unnamed".to_owned() } else { out }
}
