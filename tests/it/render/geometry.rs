//! The layout measured: nothing overlaps, nothing leaves the canvas, lines keep off boxes and labels.

use super::generated::{analysis, tangle};
use super::text;
use cutset::analysis::Analysis;
use cutset::render::layout::{Point, Rect};
use cutset::render::picture::{Picture, picture, step_marks};
use cutset::render::svg::{Laid, lay, lay_timeline};

fn check(analysis: &Analysis, view: &str, what: &str) -> (Picture, Laid) {
    let picture = picture(analysis, view, &[]);
    let laid = lay(&picture);
    let canvas = Rect { x: 0.0, y: 0.0, w: laid.geometry.width, h: laid.geometry.height };
    let nodes = &laid.geometry.nodes;
    let labels: Vec<(usize, Rect)> =
        laid.geometry.edges.iter().enumerate().filter_map(|(at, edge)| Some((at, edge.label?.rect))).collect();
    assert_eq!(nodes.len(), picture.nodes.len(), "{what}");
    for (at, node) in nodes.iter().enumerate() {
        assert!(canvas.contains(node), "{what}: node {at} leaves the canvas: {node:?} of {canvas:?}");
        for (other, rect) in nodes.iter().enumerate().skip(at + 1) {
            assert!(!node.overlaps(rect), "{what}: nodes {at} and {other} overlap: {node:?} {rect:?}");
        }
    }
    for (number, (at, label)) in labels.iter().enumerate() {
        assert!(canvas.contains(label), "{what}: label of edge {at} leaves the canvas: {label:?}");
        for (other, rect) in labels.iter().skip(number + 1) {
            assert!(!label.overlaps(rect), "{what}: labels of edges {at} and {other} overlap: {label:?} {rect:?}");
        }
        for (node, rect) in nodes.iter().enumerate() {
            assert!(!label.overlaps(rect), "{what}: label of edge {at} overlaps node {node}: {label:?} {rect:?}");
        }
    }
    for (at, (edge, geometry)) in picture.edges.iter().zip(&laid.geometry.edges).enumerate() {
        assert!(geometry.points.len() >= 2, "{what}: edge {at} is drawn");
        for pair in geometry.points.windows(2) {
            let piece = thin(pair[0], pair[1]);
            assert!(pair[0].x == pair[1].x || pair[0].y == pair[1].y, "{what}: edge {at} runs aslant");
            assert!(canvas.contains(&piece), "{what}: edge {at} leaves the canvas");
            for (node, rect) in nodes.iter().enumerate() {
                assert!(!piece.overlaps(rect), "{what}: edge {at} runs through node {node}: {piece:?} {rect:?}");
            }
            for (other, rect) in labels.iter().filter(|(other, _)| *other != at) {
                assert!(
                    !piece.overlaps(rect),
                    "{what}: edge {at} runs through the label of {other}: {piece:?} {rect:?}"
                );
            }
        }
        let (first, last) = (geometry.points[0], geometry.points[geometry.points.len() - 1]);
        assert!(touches(&nodes[edge.from], first), "{what}: edge {at} begins at its tail");
        assert!(touches(&nodes[edge.to], last), "{what}: edge {at} ends at its head");
    }
    for (words, geometry) in laid.labels.iter().zip(&laid.geometry.edges) {
        let room = geometry.label.map_or(0.0, |label| label.rect.w);
        assert!(words.width() <= room + 0.01, "{what}: `{words:?}` is wider than its {room}");
    }
    (picture, laid)
}

fn thin(a: Point, b: Point) -> Rect {
    Rect { x: a.x.min(b.x), y: a.y.min(b.y), w: (a.x - b.x).abs().max(0.1), h: (a.y - b.y).abs().max(0.1) }
}

fn touches(rect: &Rect, point: Point) -> bool {
    let on_x = (point.x - rect.x).abs() < 0.1 || (point.x - rect.right()).abs() < 0.1;
    let on_y = (point.y - rect.y).abs() < 0.1 || (point.y - rect.bottom()).abs() < 0.1;
    (on_x && point.y >= rect.y && point.y <= rect.bottom()) || (on_y && point.x >= rect.x && point.x <= rect.right())
}

/// No two lines run on each other for a stretch an eye would see.
fn check_shared_lines(laid: &Laid, what: &str) {
    let mut pieces: Vec<(usize, Rect)> = Vec::new();
    for (at, edge) in laid.geometry.edges.iter().enumerate() {
        pieces.extend(edge.points.windows(2).map(|pair| (at, thin(pair[0], pair[1]))));
    }
    for (number, (at, a)) in pieces.iter().enumerate() {
        for (other, b) in pieces.iter().skip(number + 1).filter(|(other, _)| other != at) {
            let along = |a: &Rect| a.w > a.h;
            if along(a) == along(b) && a.overlaps(b) {
                let shared = if along(a) {
                    a.right().min(b.right()) - a.x.max(b.x)
                } else {
                    a.bottom().min(b.bottom()) - a.y.max(b.y)
                };
                assert!(shared < 3.0, "{what}: edges {at} and {other} share a line: {a:?} {b:?}");
            }
        }
    }
}

#[test]
fn northgate_is_faultless_in_every_view() {
    for view in ["attack", "before-after", "residual", "choke"] {
        let (_, laid) = check(&super::fixture(), view, view);
        check_shared_lines(&laid, view);
        let shape = laid.width / laid.height;
        assert!((1.0..=2.0).contains(&shape), "{view}: {shape}");
    }
}

#[test]
fn generated_pictures_are_faultless() {
    for (size, seeds) in [(10, 0..16), (25, 0..6), (60, 0..3), (150, 0..1)] {
        for seed in seeds {
            for view in ["attack", "residual"] {
                let what = format!("{size} nodes, seed {seed}, {view}");
                let (_, laid) = check(&analysis(size, seed), view, &what);
                check_shared_lines(&laid, &what);
                let shape = laid.width / laid.height;
                assert!((0.999..=2.001).contains(&shape), "{what}: {shape}");
                // Shrunk to a page of 1,320 px the smallest letters (10.5 px) keep 9 px.
                assert!(laid.width <= 1540.0, "{what}: {} boxes, {} px wide", laid.geometry.nodes.len(), laid.width);
                if seed < 2 {
                    for_a_look(&format!("{size}-{seed}-{view}.svg"), &text(&analysis(size, seed), "svg", view, &[]));
                }
            }
        }
    }
}

/// Left in the build's scratch folder, for a look.
fn for_a_look(name: &str, svg: &str) {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join(name), svg).expect("it is written");
}

#[test]
fn a_tangle_is_no_beauty_but_has_no_fault() {
    for (size, seeds) in [(12, 0..8), (45, 0..2)] {
        for seed in seeds {
            let what = format!("tangle of {size}, seed {seed}");
            let (_, laid) = check(&tangle(size, seed), "attack", &what);
            check_shared_lines(&laid, &what);
        }
    }
}

#[test]
fn controls_change_strokes_and_words_but_no_position() {
    for analysis in [super::fixture(), analysis(30, 5)] {
        let without = lay(&picture(&analysis, "attack", &[]));
        for control in &analysis.controls {
            let with = lay(&picture(&analysis, "attack", std::slice::from_ref(&control.id)));
            assert_eq!(without.geometry.nodes, with.geometry.nodes, "{}", control.id);
            assert_eq!(without.geometry.edges, with.geometry.edges, "{}", control.id);
        }
    }
}

#[test]
fn the_timeline_is_faultless() {
    for analysis in [super::fixture(), analysis(10, 1), analysis(60, 2), analysis(150, 3)] {
        let mut analysis = analysis;
        // Two alerts on one step.
        let alerts = super::fixture().steps[0].alerts.clone();
        analysis.steps[2].alerts.extend(alerts.iter().chain(&alerts).cloned());
        let (marks, notes) = step_marks(&analysis, &[]);
        let laid = lay_timeline(&analysis, &marks, &notes);
        let canvas = Rect { x: 0.0, y: 0.0, w: laid.width, h: laid.height };
        let boxes: Vec<Rect> =
            laid.geometry.steps.iter().chain(laid.geometry.alerts.iter().flatten()).copied().collect();
        assert!(boxes.len() > analysis.steps.len());
        for (at, rect) in boxes.iter().enumerate() {
            assert!(canvas.contains(rect), "{rect:?}");
            for other in boxes.iter().skip(at + 1) {
                assert!(!rect.overlaps(other), "{rect:?} {other:?}");
            }
            for (a, b) in laid.geometry.pins.iter().flatten().map(|[a, b]| (*a, *b)) {
                assert!(!thin(a, b).overlaps(rect), "a pin runs through {rect:?}");
            }
        }
        let shape = laid.width / laid.height;
        assert!((0.999..=2.001).contains(&shape), "{shape}");
        let (with, _) = step_marks(&analysis, &[analysis.controls[0].id.clone()]);
        assert_eq!(lay_timeline(&analysis, &with, &[]).geometry, laid.geometry);
    }
}
