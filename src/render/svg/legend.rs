//! What the lines and signs mean: only those that occur, flowing over the width of the canvas.

use super::plan::NOTE_SIZE;
use crate::analysis::EdgeKind;
use crate::render::picture::{Picture, State};
use crate::render::text::{Weight, fit, text_width};

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    pub sample: Sample,
    pub text: String,
    pub x: f64,
    /// Baseline, from the top of the legend.
    pub y: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sample {
    Line(State, bool),
    Jewel,
    Entry,
    None,
}

const LINE: f64 = 18.0;
const SAMPLE: f64 = 34.0;
const MARGIN: f64 = 16.0;

/// Items and the height they take.
pub(super) fn legend(picture: &Picture, width: f64) -> (Vec<Item>, f64) {
    let lines: Vec<(State, bool)> =
        picture.edges.iter().map(|edge| (edge.state, edge.kind == EdgeKind::Latent)).collect();
    let mut texts = lines_legend(&lines);
    if picture.edges.iter().any(|edge| edge.mark.contains("✂*")) {
        texts.push((Sample::None, UNDO.to_owned()));
    }
    if picture.nodes.iter().any(|node| node.jewel) {
        texts.push((Sample::Jewel, "crown jewel".to_owned()));
    }
    if picture.nodes.iter().any(|node| node.entry) {
        texts.push((Sample::Entry, "way in".to_owned()));
    }
    if picture.nodes.iter().any(|node| node.unexplained) {
        texts.push((Sample::None, "! hole in the evidence".to_owned()));
    }
    flow(&texts, &picture.notes, width)
}

const UNDO: &str = "✂* the attacker could undo it";

/// The same for steps drawn as boxes: state, and whether the mark can be undone.
pub(super) fn legend_of(states: &[(State, bool)], notes: &[String], width: f64) -> (Vec<Item>, f64) {
    let lines: Vec<(State, bool)> = states.iter().map(|(state, _)| (*state, false)).collect();
    let mut texts = lines_legend(&lines);
    if states.iter().any(|(_, undo)| *undo) {
        texts.push((Sample::None, UNDO.to_owned()));
    }
    flow(&texts, notes, width)
}

/// Each kind of line that occurs: state, and whether it is a possible path's.
fn lines_legend(lines: &[(State, bool)]) -> Vec<(Sample, String)> {
    [
        (State::NotCut, false, "not cut"),
        (State::Cut, false, "cut ✂ by the control named"),
        (State::Challenged, false, "challenged ? for what is named"),
        (State::Unknown, false, "unknown ?"),
        (State::Open, true, "open path, not observed"),
        (State::Latent, true, "possible, not observed"),
        (State::Cut, true, "possible path, cut"),
        (State::Environment, false, "assigned, member, contains"),
    ]
    .into_iter()
    .filter(|(state, latent, _)| lines.contains(&(*state, *latent)))
    .map(|(state, latent, text)| (Sample::Line(state, latent), text.to_owned()))
    .collect()
}

fn flow(texts: &[(Sample, String)], notes: &[String], width: f64) -> (Vec<Item>, f64) {
    let mut items = Vec::new();
    let (mut x, mut y) = (MARGIN, LINE);
    let mut place = |sample: Sample, text: &str, x: &mut f64, y: &mut f64| {
        let lead = if sample == Sample::None { 0.0 } else { SAMPLE };
        let text = fit(text, NOTE_SIZE, Weight::Regular, (width - 2.0 * MARGIN - lead).max(60.0));
        let wide = lead + text_width(&text, NOTE_SIZE, Weight::Regular);
        if *x > MARGIN && *x + wide > width - MARGIN {
            *x = MARGIN;
            *y += LINE;
        }
        items.push(Item { sample, text, x: *x, y: *y });
        *x += wide + 20.0;
    };
    for (sample, text) in texts {
        place(*sample, text, &mut x, &mut y);
    }
    if !notes.is_empty() {
        if !texts.is_empty() {
            x = MARGIN;
            y += LINE;
        }
        for note in notes {
            place(Sample::None, note, &mut x, &mut y);
        }
    }
    let height = if items.is_empty() { 8.0 } else { y + 14.0 };
    (items, height)
}
