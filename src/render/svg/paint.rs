//! Geometry and words to markup.

use super::escape::escape;
use super::icons::icon;
use super::legend::{Item, Sample};
use super::plan::{
    DETAIL_SIZE, HEADER, ICON_ROOM, LABEL_SIZE, Label, Laid, MARK_GAP, NODE_PAD, NODE_SIZE, NOTE_SIZE, TITLE_SIZE,
};
use super::style::{colour, sheet, stroke};
use crate::analysis::{EdgeKind, NodeKind};
use crate::render::layout::{EdgeGeometry, Point, Rect};
use crate::render::picture::{Heading, Picture, PictureEdge, PictureNode, State};
use crate::render::text::{Weight, fit, text_width};
use std::fmt::Write;

/// Who shows the drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A file of its own, with its style sheet.
    Document,
    /// A page that has the style sheet and changes states.
    Page,
    /// A renderer that knows no style sheets.
    Bare,
}

/// What a generic stack resolves to on each system; widths are bounds over these.
pub(super) const FONTS: &str = "'Segoe UI','Helvetica Neue',Arial,'Liberation Sans','DejaVu Sans',sans-serif";

pub(super) fn paint(picture: &Picture, laid: &Laid, mode: Mode) -> String {
    let mut out = String::new();
    let heading = Heading {
        view: picture.view,
        title: picture.title.clone(),
        subtitle: picture.subtitle.clone(),
        marking: picture.marking.clone(),
    };
    open(&mut out, &heading, &picture.description, (laid.width, laid.height), mode);
    let _ = writeln!(out, "<g transform=\"translate(0 {})\">", number(HEADER));
    for (lane, rect) in &laid.geometry.lanes {
        lane_strip(&mut out, *lane, rect);
    }
    // Thin lines lie under thick ones.
    let mut order: Vec<usize> = (0..picture.edges.len()).collect();
    order.sort_by_key(|at| picture.edges.get(*at).map(|edge| (std::cmp::Reverse(edge.state), *at)));
    for at in order {
        if let Some((edge, geometry)) = picture.edges.get(at).zip(laid.geometry.edges.get(at)) {
            paint_edge(&mut out, edge, geometry, laid.labels.get(at), mode);
        }
    }
    for (at, node) in picture.nodes.iter().enumerate() {
        if let Some((rect, (lines, detail))) = laid.geometry.nodes.get(at).zip(laid.nodes.get(at)) {
            paint_node(&mut out, node, rect, lines, detail);
        }
    }
    out.push_str("</g>\n");
    paint_legend(&mut out, &laid.legend, HEADER + laid.geometry.height);
    close(&mut out);
    out
}

/// Everything up to the drawing itself: root, title, description, style, ground, heading.
pub(super) fn open(out: &mut String, heading: &Heading, said: &str, (width, height): (f64, f64), mode: Mode) {
    let (w, h) = (number(width), number(height));
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"cutset view-{}\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" \
         height=\"{h}\" role=\"img\" aria-labelledby=\"title-{0} desc-{0}\" font-family=\"{FONTS}\">\n\
         <title id=\"title-{0}\">{}</title>\n<desc id=\"desc-{0}\">{}</desc>\n",
        heading.view,
        escape(&heading.title),
        escape(&format!("{}. {said}", heading.subtitle)),
    );
    if mode == Mode::Document {
        let _ = writeln!(out, "<style>{}</style>", sheet());
    }
    let _ = writeln!(out, "<rect class=\"f-paper\" width=\"{w}\" height=\"{h}\" fill=\"{}\"/>", colour("paper"));
    header(out, heading, width);
}

pub(super) fn close(out: &mut String) {
    out.push_str("</svg>\n");
}

fn header(out: &mut String, picture: &Heading, width: f64) {
    let marking = fit(&picture.marking, NOTE_SIZE, Weight::Bold, 160.0);
    let marking_width = text_width(&marking, NOTE_SIZE, Weight::Bold);
    let room = width - 48.0 - marking_width;
    text(out, 16.0, 28.0, TITLE_SIZE, Weight::Bold, "ink", &fit(&picture.title, TITLE_SIZE, Weight::Bold, room));
    let subtitle = fit(&picture.subtitle, NOTE_SIZE, Weight::Regular, width - 32.0);
    text(out, 16.0, 47.0, NOTE_SIZE, Weight::Regular, "soft", &subtitle);
    if !marking.is_empty() {
        text(out, width - 16.0 - marking_width, 28.0, NOTE_SIZE, Weight::Bold, "ink", &marking);
    }
}

fn lane_strip(out: &mut String, lane: usize, rect: &Rect) {
    let name = ["Identities", "Roles", "Resources"].get(lane).copied().unwrap_or_default();
    let _ = writeln!(
        out,
        "<rect class=\"lane f-lane\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"10\" fill=\"{}\"/>",
        number(rect.x),
        number(rect.y),
        number(rect.w),
        number(rect.h),
        colour("lane"),
    );
    text(out, rect.x + 10.0, rect.y + 20.0, NOTE_SIZE, Weight::Bold, "soft", name);
}

fn paint_edge(out: &mut String, edge: &PictureEdge, geometry: &EdgeGeometry, label: Option<&Label>, mode: Mode) {
    let (name, width, dashes) = stroke(edge.state, edge.kind == EdgeKind::Latent);
    let _ = write!(
        out,
        "<g id=\"{}\" class=\"edge {} {}\"><title>{}</title>",
        edge.id,
        edge.kind.word(),
        edge.state.word(),
        escape(&edge.title)
    );
    for (id, title) in &edge.members {
        let _ = write!(out, "<g id=\"{id}\" class=\"member\"><title>{}</title></g>", escape(title));
    }
    let (line, head) = line(&geometry.points, head_size(edge.state));
    let dash = if dashes.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{dashes}\"") };
    let round = if edge.state == State::Unknown { " stroke-linecap=\"round\"" } else { "" };
    let _ = write!(
        out,
        "<path class=\"line s-{name}\" d=\"{line}\" fill=\"none\" stroke=\"{0}\" stroke-width=\"{width}\"{dash}{round}/>\
         <path class=\"head f-{name}\" d=\"{head}\" fill=\"{0}\"/>",
        colour(name),
    );
    if edge.state == State::Open {
        core(out, &line);
    }
    if let Some((place, label)) = geometry.label.zip(label) {
        let x = place.rect.x;
        text(out, x, place.upper, LABEL_SIZE, Weight::Regular, "ink", &label.text);
        if label.action.is_empty() {
            paint_mark(out, (x, place.lower), name, &label.mark, edge.marked && mode == Mode::Page);
        } else {
            let behind = x + text_width(&label.text, LABEL_SIZE, Weight::Regular) + MARK_GAP;
            paint_mark(out, (behind, place.upper), name, &label.mark, edge.marked && mode == Mode::Page);
            text(out, x, place.lower, LABEL_SIZE, Weight::Regular, "soft", &label.action);
        }
    }
    out.push_str("</g>\n");
}

/// A page changes marks: the element is there even where it says nothing yet.
pub(super) fn paint_mark(out: &mut String, (x, y): (f64, f64), fill: &str, mark: &str, keep: bool) {
    if keep {
        let _ = write!(
            out,
            "<text class=\"mark f-{fill}\" x=\"{}\" y=\"{}\" font-size=\"{LABEL_SIZE}\" font-weight=\"600\" \
             fill=\"{}\">{}</text>",
            number(x),
            number(y),
            colour(fill),
            escape(mark)
        );
    } else {
        text(out, x, y, LABEL_SIZE, Weight::Bold, fill, mark);
    }
}

fn head_size(state: State) -> f64 {
    match state {
        State::Environment => 5.0,
        State::Open => 11.0,
        State::Cut | State::Challenged | State::Unknown | State::NotCut | State::Latent => 8.0,
    }
}

/// The light core that makes a line double: an open path, told from a step without colour.
fn core(out: &mut String, line: &str) {
    let paper = colour("paper");
    let _ = write!(out, "<path class=\"s-paper\" d=\"{line}\" fill=\"none\" stroke=\"{paper}\" stroke-width=\"1.8\"/>");
}

/// Path data of a line with rounded corners, and of its head.
fn line(points: &[Point], head: f64) -> (String, String) {
    const ROUND: f64 = 7.0;
    let mut data = String::new();
    let Some((first, rest)) = points.split_first() else { return (data, String::new()) };
    let _ = write!(data, "M{} {}", number(first.x), number(first.y));
    let mut before = *first;
    for (at, point) in rest.iter().enumerate() {
        let Some(next) = rest.get(at + 1) else {
            // The line ends in the middle of its head.
            let length = ((point.x - before.x).abs() + (point.y - before.y).abs()).max(0.001);
            let back = (head * 0.6).min(length) / length;
            let x = point.x - (point.x - before.x) * back;
            let y = point.y - (point.y - before.y) * back;
            let _ = write!(data, "L{} {}", number(x), number(y));
            break;
        };
        let length = |a: Point, b: Point| (a.x - b.x).abs() + (a.y - b.y).abs();
        let (into, out_of) = (length(before, *point), length(*point, *next));
        let radius = ROUND.min(into / 2.0).min(out_of / 2.0);
        let toward = |a: Point, b: Point| {
            let all = length(a, b).max(0.001);
            Point { x: a.x + (b.x - a.x) / all * radius, y: a.y + (b.y - a.y) / all * radius }
        };
        let (enter, leave) = (toward(*point, before), toward(*point, *next));
        let _ = write!(
            data,
            "L{} {}Q{} {} {} {}",
            number(enter.x),
            number(enter.y),
            number(point.x),
            number(point.y),
            number(leave.x),
            number(leave.y)
        );
        before = *point;
    }
    let arrow = match points {
        [.., a, b] => {
            let half = head * 0.48;
            let direction = |from: f64, to: f64| if (to - from).abs() < 0.001 { 0.0 } else { (to - from).signum() };
            let (dx, dy) = (direction(a.x, b.x), direction(a.y, b.y));
            let (x, y) = (b.x - dx * head, b.y - dy * head);
            let corner = |sign: f64| format!("L{} {}", number(x + sign * dy * half), number(y + sign * dx * half));
            format!("M{} {}{}{}z", number(b.x), number(b.y), corner(1.0), corner(-1.0))
        }
        _ => String::new(),
    };
    (data, arrow)
}

fn paint_node(out: &mut String, node: &PictureNode, rect: &Rect, lines: &[String], detail: &str) {
    let mut class = format!("node {}", node.kind.word());
    for (holds, word) in [
        (node.jewel, " jewel"),
        (node.entry, " entry"),
        (node.created, " created"),
        (node.unexplained, " unexplained"),
        (node.folded, " folded"),
        (node.faded, " faded"),
    ] {
        if holds {
            class.push_str(word);
        }
    }
    let opacity = if node.faded { " opacity=\"0.55\"" } else { "" };
    let _ = write!(out, "<g id=\"{}\" class=\"{class}\"{opacity}><title>{}</title>", node.id, escape(&node.title));
    let radius = match node.kind {
        NodeKind::Identity | NodeKind::Address => 12.0,
        NodeKind::Role | NodeKind::Credential => 6.0,
        NodeKind::Resource | NodeKind::Scope => 2.5,
    };
    let (line, width) = match (node.jewel || node.entry, node.faded) {
        (true, false) => ("ink", 2.2),
        (true, true) => ("ink", 1.6),
        (false, _) => ("line", 1.1),
    };
    let dash = if node.folded || node.faded || node.unexplained { " stroke-dasharray=\"4 3\"" } else { "" };
    let _ = write!(
        out,
        "<rect class=\"f-box s-{line}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{radius}\" fill=\"{}\" \
         stroke=\"{}\" stroke-width=\"{width}\"{dash}/>",
        number(rect.x),
        number(rect.y),
        number(rect.w),
        number(rect.h),
        colour("box"),
        colour(line),
    );
    let high = 15.0 * lines.len() as f64 + if detail.is_empty() { 1.0 } else { 15.0 };
    let top = rect.y + (rect.h - high) / 2.0;
    let _ = write!(
        out,
        "<path class=\"s-soft\" transform=\"translate({} {})\" d=\"{}\" fill=\"none\" stroke=\"{}\" \
         stroke-width=\"1.3\" stroke-linejoin=\"round\" stroke-linecap=\"round\"/>",
        number(rect.x + 8.0),
        number(rect.y + rect.h / 2.0 - 8.0),
        icon(node.kind),
        colour("soft"),
    );
    let x = rect.x + ICON_ROOM;
    let mut y = top + 12.5;
    for line in lines {
        text(out, x, y, NODE_SIZE, Weight::Bold, "ink", line);
        y += 15.0;
    }
    text(out, x, y, DETAIL_SIZE, Weight::Regular, "soft", detail);
    let badge = Point { x: rect.right() - NODE_PAD - 3.0, y: rect.y + rect.h / 2.0 };
    if node.unexplained {
        text(out, badge.x - 3.0, badge.y + 5.0, 14.0, Weight::Bold, "attack", "!");
    } else if node.jewel {
        diamond(out, badge);
    } else if node.entry {
        entry(out, badge);
    }
    out.push_str("</g>\n");
}

fn diamond(out: &mut String, at: Point) {
    let Point { x, y } = at;
    let _ = write!(
        out,
        "<path class=\"f-jewel\" d=\"M{} {}l5.5 6.5-5.5 6.5-5.5-6.5z\" fill=\"{}\"/>",
        number(x),
        number(y - 6.5),
        colour("jewel")
    );
}

fn entry(out: &mut String, at: Point) {
    let Point { x, y } = at;
    let _ = write!(
        out,
        "<path class=\"f-attack\" d=\"M{} {}l9 5-9 5z\" fill=\"{}\"/>",
        number(x - 4.0),
        number(y - 5.0),
        colour("attack")
    );
}

pub(super) fn paint_legend(out: &mut String, legend: &[Item], top: f64) {
    out.push_str("<g class=\"legend\">");
    for item in legend {
        let y = top + item.y;
        let mut x = item.x;
        match item.sample {
            Sample::Line(state, latent) => {
                let (name, width, dashes) = stroke(state, latent);
                let points = [Point { x, y: y - 4.0 }, Point { x: x + 28.0, y: y - 4.0 }];
                let (line, head) = line(&points, head_size(state));
                let dash = if dashes.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{dashes}\"") };
                let _ = write!(
                    out,
                    "<path class=\"s-{name}\" d=\"{line}\" fill=\"none\" stroke=\"{0}\" stroke-width=\"{width}\"{dash}/>\
                     <path class=\"f-{name}\" d=\"{head}\" fill=\"{0}\"/>",
                    colour(name)
                );
                if state == State::Open {
                    core(out, &line);
                }
                x += 34.0;
            }
            Sample::Jewel => {
                diamond(out, Point { x: x + 22.0, y: y - 4.0 });
                x += 34.0;
            }
            Sample::Entry => {
                entry(out, Point { x: x + 22.0, y: y - 4.0 });
                x += 34.0;
            }
            Sample::None => {}
        }
        text(out, x, y, NOTE_SIZE, Weight::Regular, "soft", &item.text);
    }
    out.push_str("</g>\n");
}

pub(super) fn text(out: &mut String, x: f64, y: f64, size: f64, weight: Weight, fill: &str, words: &str) {
    if words.is_empty() {
        return;
    }
    let bold = match weight {
        Weight::Bold => " font-weight=\"600\"",
        Weight::Regular => "",
    };
    let _ = write!(
        out,
        "<text class=\"f-{fill}\" x=\"{}\" y=\"{}\" font-size=\"{size}\"{bold} fill=\"{}\">{}</text>",
        number(x),
        number(y),
        colour(fill),
        escape(words)
    );
}

/// At most two decimals, none where they say nothing.
pub(super) fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
