//! From the picture to the layout and back: sizes of boxes and labels, and the words that fit them.

use super::legend::{Item, legend};
use crate::render::layout::{Geometry, Plan, PlanEdge, PlanNode, frame, lanes};
use crate::render::picture::{Picture, PictureEdge, PictureNode};
use crate::render::text::{Weight, fit, text_width};

pub(super) const NODE_SIZE: f64 = 12.5;
pub(super) const DETAIL_SIZE: f64 = 10.5;
pub(super) const LABEL_SIZE: f64 = 11.0;
pub(super) const TITLE_SIZE: f64 = 17.0;
pub(super) const NOTE_SIZE: f64 = 11.5;
/// Left of a node's text: the icon.
pub(super) const ICON_ROOM: f64 = 30.0;
pub(super) const NODE_PAD: f64 = 10.0;
/// Right of the text of a node with a badge.
pub(super) const BADGE_ROOM: f64 = 16.0;
pub(super) const HEADER: f64 = 58.0;

const NARROWEST: f64 = 104.0;
const BROADEST: f64 = 164.0;
const LABEL_BROADEST: f64 = 164.0;
/// Room for any mark, whatever controls are in force.
const MARK_ROOM: f64 = 95.0;
/// Between the words above the line and a mark behind them.
pub(super) const MARK_GAP: f64 = 6.0;

/// The words of an edge as they will be drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Label {
    /// Above the line: step and time.
    pub text: String,
    /// Behind it where the action stands beneath, else beneath.
    pub mark: String,
    /// Beneath the line.
    pub action: String,
}

impl Label {
    /// Upper bound of the width of its wider line.
    pub fn width(&self) -> f64 {
        let text = text_width(&self.text, LABEL_SIZE, Weight::Regular);
        let mark = text_width(&self.mark, LABEL_SIZE, Weight::Bold);
        let action = text_width(&self.action, LABEL_SIZE, Weight::Regular);
        match (self.action.is_empty(), self.mark.is_empty()) {
            (true, _) => text.max(mark),
            (false, true) => text.max(action),
            (false, false) => (text + MARK_GAP + mark).max(action),
        }
    }
}

/// A picture with its geometry and the words as they will be drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Laid {
    pub geometry: Geometry,
    pub labels: Vec<Label>,
    /// Lines of each node, fitted; the last is the detail if it has one.
    pub nodes: Vec<(Vec<String>, String)>,
    pub(super) legend: Vec<Item>,
    /// Of the whole canvas.
    pub width: f64,
    pub height: f64,
}

pub fn lay(picture: &Picture) -> Laid {
    let plan = Plan {
        nodes: picture.nodes.iter().map(node).collect(),
        edges: picture.edges.iter().enumerate().map(|(rank, e)| edge(e, rank)).collect(),
        extra_height: HEADER + 60.0,
    };
    let mut geometry = lanes(&plan);
    let least = 560.0;
    if geometry.width < least {
        let shift = (least - geometry.width) / 2.0;
        geometry = moved(geometry, shift, least);
    }
    let below = legend(picture, geometry.width).1;
    frame(&mut geometry, HEADER + below);
    let (items, below) = legend(picture, geometry.width);
    let nodes = picture
        .nodes
        .iter()
        .zip(&geometry.nodes)
        .map(|(node, rect)| {
            let room = rect.w - ICON_ROOM - NODE_PAD - badge(node);
            (wrap(&node.label, room), fit(&node.detail, DETAIL_SIZE, Weight::Regular, room))
        })
        .collect();
    let labels = picture
        .edges
        .iter()
        .zip(&geometry.edges)
        .map(|(edge, laid)| laid.label.map_or_else(Label::default, |label| words(edge, label.rect.w)))
        .collect();
    let (width, height) = (geometry.width, geometry.height + HEADER + below);
    Laid { geometry, labels, nodes, legend: items, width, height }
}

fn moved(mut geometry: Geometry, shift: f64, width: f64) -> Geometry {
    geometry.width = width;
    let rects = geometry.nodes.iter_mut().chain(geometry.lanes.iter_mut().map(|(_, rect)| rect));
    for rect in
        rects.chain(geometry.edges.iter_mut().filter_map(|edge| edge.label.as_mut().map(|label| &mut label.rect)))
    {
        rect.x += shift;
    }
    for point in geometry.edges.iter_mut().flat_map(|edge| &mut edge.points) {
        point.x += shift;
    }
    geometry
}

fn badge(node: &PictureNode) -> f64 {
    if node.jewel || node.entry || node.unexplained { BADGE_ROOM } else { 0.0 }
}

/// At most two lines, broken where names break.
fn wrap(text: &str, room: f64) -> Vec<String> {
    wrap_at(text, NODE_SIZE, room)
}

pub(super) fn wrap_at(text: &str, size: f64, room: f64) -> Vec<String> {
    if text_width(text, size, Weight::Bold) <= room {
        return vec![text.to_owned()];
    }
    let mut head = None;
    for (at, character) in text.char_indices() {
        let end = at + character.len_utf8();
        let breaks = matches!(character, ' ' | '-' | '_' | '.' | '/' | ',' | ':');
        let at = if character == '@' { at } else { end };
        if (breaks || character == '@') && at > 0 {
            if text_width(text.get(..at).unwrap_or_default().trim_end(), size, Weight::Bold) > room {
                break;
            }
            head = Some(at);
        }
    }
    match head {
        Some(at) => {
            let (first, rest) = text.split_at(at);
            vec![first.trim_end().to_owned(), fit(rest.trim_start(), size, Weight::Bold, room)]
        }
        None => vec![fit(text, size, Weight::Bold, room)],
    }
}

fn node(node: &PictureNode) -> PlanNode {
    let label = text_width(&node.label, NODE_SIZE, Weight::Bold);
    let detail = text_width(&node.detail, DETAIL_SIZE, Weight::Regular);
    let around = ICON_ROOM + NODE_PAD + badge(node);
    let width = (around + label.max(detail)).clamp(NARROWEST, BROADEST).ceil();
    let lines = wrap(&node.label, width - around).len();
    let height = match (lines, node.detail.is_empty()) {
        (1, true) => 30.0,
        (1, false) | (_, true) => 40.0,
        (_, false) => 60.0,
    };
    PlanNode { lane: node.lane as usize, width, height }
}

/// `s7 03:22` and `listKeys`.
fn parts(edge: &PictureEdge) -> (String, String) {
    if !edge.marked {
        return (edge.label.clone(), String::new());
    }
    let mut words = edge.label.splitn(3, ' ');
    let head: Vec<&str> = words.by_ref().take(2).collect();
    (head.join(" "), words.next().unwrap_or_default().to_owned())
}

fn words(edge: &PictureEdge, room: f64) -> Label {
    let (text, action) = parts(edge);
    let text = fit(&text, LABEL_SIZE, Weight::Regular, room);
    let mark_room = match action.is_empty() {
        true => room,
        false => room - text_width(&text, LABEL_SIZE, Weight::Regular) - MARK_GAP,
    };
    Label {
        mark: fit(&edge.mark, LABEL_SIZE, Weight::Bold, mark_room),
        action: fit(&action, LABEL_SIZE, Weight::Regular, room),
        text,
    }
}

fn edge(edge: &PictureEdge, rank: usize) -> PlanEdge {
    let (text, action) = parts(edge);
    let text = text_width(&text, LABEL_SIZE, Weight::Regular);
    let below = text_width(&action, LABEL_SIZE, Weight::Regular);
    let width = match (edge.marked, action.is_empty()) {
        (true, true) => text.max(MARK_ROOM),
        (true, false) => (text + MARK_GAP + MARK_ROOM).max(below),
        (false, _) => text,
    };
    let (label_height, label_line) = match (edge.label.is_empty(), edge.marked, action.is_empty()) {
        (true, false, _) => (0.0, 0.0),
        (_, true, false) => (40.0, 25.0),
        (_, true, true) => (30.0, 15.0),
        (false, false, _) => (20.0, 15.0),
    };
    PlanEdge {
        from: edge.from,
        to: edge.to,
        label_width: if label_height > 0.0 { width.min(LABEL_BROADEST).ceil() } else { 0.0 },
        label_height,
        label_line,
        rank,
    }
}
