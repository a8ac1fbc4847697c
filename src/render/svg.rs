//! The diagram as SVG, drawn by ourselves: no Graphviz on the machine, the same bytes every time.
//!
//! Colours stand as attributes (light) and again as custom properties in a style sheet that knows dark; line style and
//! words tell everything that colour tells. Every node and edge has `id`, `class` and `<title>`; the picture in
//! sentences is its `<desc>`.

mod escape;
mod icons;
mod legend;
mod paint;
mod plan;
mod style;
mod timeline;

pub use escape::escape;
pub use paint::Mode;
pub use plan::{Label, Laid, lay};
pub use style::{sheet, stroke};
pub use timeline::{Timeline, lay_timeline};

use super::picture::{VIEWS, picture};
use super::{Artifact, Output, RenderError, Request, one};
use crate::analysis::Analysis;

pub(super) const OUTPUT: Output = Output { id: "svg", views: VIEWS, extension: "svg", render };

fn render(analysis: &Analysis, request: &Request) -> Result<Vec<Artifact>, RenderError> {
    one("graph.svg", document(analysis, &request.view, &request.with, Mode::Document))
}

/// The whole drawing.
pub fn document(analysis: &Analysis, view: &str, with: &[String], mode: Mode) -> String {
    if view == "timeline" {
        return timeline::document(analysis, with, mode);
    }
    let picture = picture(analysis, view, with);
    let laid = lay(&picture);
    paint::paint(&picture, &laid, mode)
}
