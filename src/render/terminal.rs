//! The summary on the terminal: one screen, 100 columns, complete without colour.
//!
//! What happened, what would have stopped each step, which sets close every path, what to do first, what stays open,
//! what is not known. Lines whose part of the analysis is empty are left out.

mod diff;
mod explain;
mod lines;
mod paths;
mod table;
mod whatif;

pub use diff::diff as diff_in_lines;
pub use explain::{SUBJECTS, explain as explain_in_lines};
pub use paths::paths as paths_in_lines;
pub use whatif::whatif as whatif_in_lines;

use super::{Output, RenderError, Request, one};
use crate::analysis::Analysis;

pub(super) const OUTPUT: Output = Output { id: "terminal", views: &["summary"], extension: "txt", render };

fn render(analysis: &Analysis, request: &Request) -> Result<Vec<super::Artifact>, RenderError> {
    let width = request.width.clamp(60, 200);
    let heads = table::heads(analysis, width);
    let mut out = lines::heading(analysis, width);
    if !analysis.steps.is_empty() {
        out.push(String::new());
        out.extend(table::table(analysis, &heads, width, request.colour));
    }
    let advice = lines::advice(analysis, &heads, &request.written, width);
    if !advice.is_empty() {
        out.push(String::new());
        out.extend(advice);
    }
    let mut text = String::new();
    for line in out {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    one("summary.txt", text)
}
