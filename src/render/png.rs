//! The diagram as pixels (feature `png`): our own SVG, light, at twice its size.
//!
//! Words are set in the fonts of the machine, so the bytes are the same again on one machine and not across machines.
//! Without a font the words would be missing from the picture; that is an error.

use super::picture::VIEWS;
use super::svg::{Mode, document};
use super::{Artifact, Output, RenderError, Request, one};
use crate::analysis::Analysis;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};
use std::sync::Arc;

pub(super) const OUTPUT: Output = Output { id: "png", views: VIEWS, extension: "png", render };

/// Pixels for one unit of the drawing.
const SCALE: f32 = 2.0;
/// 256 MB while it is drawn; a larger drawing is scaled less.
const MOST_PIXELS: f32 = 64e6;

fn render(analysis: &Analysis, request: &Request) -> Result<Vec<Artifact>, RenderError> {
    let drawing = document(analysis, &request.view, &request.with, Mode::Bare);
    one("graph.png", raster(&drawing, fonts()?)?)
}

/// The fonts of this machine.
fn fonts() -> Result<fontdb::Database, RenderError> {
    let mut fonts = fontdb::Database::new();
    fonts.load_system_fonts();
    with_sans_serif(fonts)
}

/// The generic family of the drawing's stack stands for a face that is there.
fn with_sans_serif(mut fonts: fontdb::Database) -> Result<fontdb::Database, RenderError> {
    let wanted = ["Arial", "Liberation Sans", "DejaVu Sans", "Noto Sans"];
    let there = |name: &str| fonts.faces().any(|face| face.families.iter().any(|(family, _)| family == name));
    let first = fonts.faces().find_map(|face| face.families.first().map(|(family, _)| family.clone()));
    let chosen = wanted.iter().find(|name| there(name)).map(|name| (*name).to_owned()).or(first);
    let Some(chosen) = chosen else {
        return Err(RenderError::Failed(
            "no font is installed, and a picture without words would be of no use: install one (for example DejaVu \
             Sans), or take `--format svg`"
                .to_owned(),
        ));
    };
    fonts.set_sans_serif_family(chosen);
    Ok(fonts)
}

fn raster(drawing: &str, fonts: fontdb::Database) -> Result<Vec<u8>, RenderError> {
    let failed = |why: String| RenderError::Failed(format!("the diagram cannot be drawn as pixels: {why}"));
    let options = Options { fontdb: Arc::new(fonts), ..Options::default() };
    let tree = Tree::from_str(drawing, &options).map_err(|error| failed(error.to_string()))?;
    let (width, height) = (tree.size().width(), tree.size().height());
    let scale = SCALE.min((MOST_PIXELS / (width * height)).sqrt());
    let pixels = |length: f32| (length * scale).ceil() as u32;
    let mut pixmap = Pixmap::new(pixels(width), pixels(height)).ok_or_else(|| failed("it has no size".to_owned()))?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixmap.as_mut());
    pixmap.encode_png().map_err(|error| failed(error.to_string()))
}
