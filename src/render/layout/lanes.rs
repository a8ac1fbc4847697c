//! The three-lane layout: columns, rows, channels, then coordinates.

use super::columns::{Columns, split};
use super::ports::{DROP_PAD, GRID, NODE_GAP, Pieces, cut, up};
use super::rows::place;
use super::tracks::{Upright, assign};
use super::{EdgeGeometry, Geometry, LabelGeometry, Plan, Point, Rect};

/// Free room around the drawing.
const MARGIN: f64 = 16.0;
/// Above each lane, for its name.
const HEAD: f64 = 30.0;
/// Between a lane's strip and its boxes.
const PAD: f64 = 10.0;
/// Between the lines of a channel.
const TRACK: f64 = 7.0;
/// Between a column and the first line of a channel, room for an arrow head.
const STUB: f64 = 16.0;
/// Width to height of a page, and the bounds it may reach.
const SHAPE: f64 = 1.45;
const NARROW: f64 = 1.0;
const BROAD: f64 = 2.0;
/// At this width letters keep their size on a page.
const PAGE_WIDTH: f64 = 1300.0;

/// Lays the plan out in the shape of a page: lanes get more columns while that brings the shape nearer.
pub fn lanes(plan: &Plan) -> Geometry {
    let mut best: Option<(f64, Geometry)> = None;
    let mut heights: Vec<f64> = plan.nodes.iter().map(|node| node.height + NODE_GAP).collect();
    for edge in &plan.edges {
        if let Some(height) = heights.get_mut(edge.to) {
            *height += edge.label_height;
        }
    }
    for columns in promising(plan, &heights) {
        let geometry = lay(plan, &columns);
        let off = off_shape(geometry.width, geometry.height + plan.extra_height, columns.lane.len());
        if best.as_ref().is_none_or(|(least, _)| off < *least) {
            best = Some((off, geometry));
        }
    }
    best.map(|(_, geometry)| geometry).unwrap_or_default()
}

/// How far from the shape of a page, and a little for each column more: text gets smaller.
fn off_shape(width: f64, height: f64, columns: usize) -> f64 {
    let shape = width / height.max(1.0);
    let out = if (NARROW..=BROAD).contains(&shape) { 0.0 } else { 1.0 };
    // Broader than a page, letters shrink: rather higher.
    let broad = (width / PAGE_WIDTH - 1.0).max(0.0) * 4.0;
    (shape / SHAPE).ln().abs() + 0.1 * columns as f64 + out + broad
}

/// The choices of columns that come nearest to a page by a rough estimate.
fn promising(plan: &Plan, heights: &[f64]) -> Vec<Columns> {
    const TRIED: usize = 8;
    let mut estimated: Vec<(f64, Columns)> = candidates(plan)
        .into_iter()
        .map(|counts| {
            let columns = split(plan, heights, counts);
            let count = columns.lane.len();
            let (mut high, mut wide) = (vec![0.0; count], vec![0.0_f64; count]);
            for (at, column) in columns.of.iter().enumerate() {
                if let (Some(high), Some(wide), Some(node)) =
                    (high.get_mut(*column), wide.get_mut(*column), plan.nodes.get(at))
                {
                    *high += heights.get(at).copied().unwrap_or(0.0);
                    *wide = wide.max(node.width);
                }
            }
            // In each gap labels, and a line for about every second edge that runs there.
            let lines: usize = plan
                .edges
                .iter()
                .map(|edge| {
                    let (a, b) = (columns.of[edge.from], columns.of[edge.to]);
                    a.abs_diff(b).max(1)
                })
                .sum();
            const LABELS: f64 = 150.0;
            let gaps = LABELS * count.saturating_sub(1) as f64 + TRACK * 0.6 * lines as f64;
            let width = wide.iter().sum::<f64>() + gaps + 2.0 * MARGIN;
            let height = high.iter().copied().fold(0.0, f64::max) + HEAD + 2.0 * MARGIN + plan.extra_height;
            (off_shape(width, height, count), columns)
        })
        .collect();
    estimated.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    estimated.into_iter().take(TRIED).map(|(_, columns)| columns).collect()
}

/// Column counts worth trying, the plain one first.
fn candidates(plan: &Plan) -> Vec<[usize; 3]> {
    let size = |lane: usize| plan.nodes.iter().filter(|node| node.lane == lane).count();
    let most = |lane: usize| match size(lane) {
        0..=7 => 1,
        8..=15 => 2,
        16..=39 => 3,
        40..=79 => 4,
        _ => 6,
    };
    let mut out = Vec::new();
    for a in 1..=most(0) {
        for b in 1..=most(1) {
            for c in 1..=most(2) {
                out.push([a, b, c]);
            }
        }
    }
    out.sort_by_key(|counts| (counts.iter().sum::<usize>(), *counts));
    out
}

/// A drawing that with `extra` height of title and legend is too broad or too narrow for a page gets the missing room
/// around it.
pub fn frame(geometry: &mut Geometry, extra: f64) {
    let height = geometry.height + extra;
    if geometry.width > height * BROAD {
        geometry.height = geometry.width / BROAD - extra;
    } else if geometry.width < height * NARROW {
        let shift = (height * NARROW - geometry.width) / 2.0;
        geometry.width = height * NARROW;
        let rects = geometry.nodes.iter_mut().chain(geometry.lanes.iter_mut().map(|(_, rect)| rect));
        for rect in
            rects.chain(geometry.edges.iter_mut().filter_map(|edge| edge.label.as_mut().map(|label| &mut label.rect)))
        {
            rect.x += shift;
        }
        for point in geometry.edges.iter_mut().flat_map(|edge| &mut edge.points) {
            point.x += shift;
        }
    }
}

/// Coordinates for one choice of columns.
fn lay(plan: &Plan, columns: &Columns) -> Geometry {
    let count = columns.lane.len();
    let mut pieces = cut(plan, columns);
    place(&mut pieces, count);
    let channels: Vec<Channel> = (0..=count).map(|gap| channel(plan, &pieces, gap)).collect();

    // From left to right: margin, then gap and column in turn.
    let mut x = MARGIN;
    let mut gap_x = Vec::new();
    let mut column_x = Vec::new();
    for (gap, channel) in channels.iter().enumerate() {
        gap_x.push(x);
        x += channel.width(gap == 0 || gap == count);
        if gap < count {
            let width = plan
                .nodes
                .iter()
                .zip(&columns.of)
                .filter(|(_, column)| **column == gap)
                .map(|(node, _)| node.width)
                .chain(drop_widths(plan, &pieces, gap))
                .fold(0.0, f64::max);
            column_x.push((x, width));
            x += width;
        }
    }
    let width = x + MARGIN;
    let top = MARGIN + HEAD + PAD;
    let bottom = pieces.blocks.iter().map(|block| block.y + block.height).fold(0.0, f64::max);
    let height = top + bottom + PAD + MARGIN;

    let nodes: Vec<Rect> = plan
        .nodes
        .iter()
        .enumerate()
        .map(|(at, _)| {
            let block = &pieces.blocks[at];
            let (x, w) = column_x[block.column];
            Rect { x, y: top + block.y, w, h: block.height }
        })
        .collect();
    let lanes = lane_strips(columns, &column_x, bottom + PAD * 2.0 + HEAD);
    let mut edges: Vec<EdgeGeometry> =
        (0..plan.edges.len()).map(|edge| route(plan, &pieces, &channels, &gap_x, &column_x, edge, top)).collect();
    for ((above, below), between) in &pieces.drops {
        if let (Some(above), Some(below)) = (nodes.get(*above), nodes.get(*below)) {
            drop_edges(plan, between, above, below, &mut edges);
        }
    }
    Geometry { width, height, nodes, edges, lanes }
}

/// First line of a drop, from the left of the column; distance of the next; from the last to the labels.
const DROP_X: f64 = 16.0;
const DROP_NEXT: f64 = 10.0;
const DROP_LABEL: f64 = 8.0;

/// What the labels of drops ask of their column.
fn drop_widths<'a>(plan: &'a Plan, pieces: &'a Pieces, column: usize) -> impl Iterator<Item = f64> + 'a {
    let drops = pieces.drops.iter().filter(move |((above, _), _)| pieces.blocks[*above].column == column);
    drops.map(|(_, edges)| {
        let label = edges.iter().filter_map(|at| plan.edges.get(*at)).map(|edge| edge.label_width).fold(0.0, f64::max);
        label + DROP_X + DROP_NEXT * edges.len() as f64 + DROP_LABEL
    })
}

/// Lines straight between two boxes of a column, the labels in rows beside them.
fn drop_edges(plan: &Plan, between: &[usize], above: &Rect, below: &Rect, edges: &mut [EdgeGeometry]) {
    let labels_x = above.x + DROP_X + DROP_NEXT * between.len() as f64 + DROP_LABEL;
    let mut y = above.bottom() + DROP_PAD;
    for (number, at) in between.iter().enumerate() {
        let (Some(edge), Some(geometry)) = (plan.edges.get(*at), edges.get_mut(*at)) else { continue };
        let x = above.x + DROP_X + DROP_NEXT * number as f64;
        let (top, bottom) = (Point { x, y: above.bottom() }, Point { x, y: below.y });
        // Boxes stand in the order of the plan.
        let down = edge.from < edge.to;
        geometry.points = if down { vec![top, bottom] } else { vec![bottom, top] };
        if edge.label_height > 0.0 {
            let rect = Rect { x: labels_x, y, w: edge.label_width, h: edge.label_height };
            geometry.label = Some(LabelGeometry { rect, upper: y + 11.0, lower: y + 25.0 });
            y += edge.label_height;
        }
    }
}

/// The lane's name stands above; its strip holds all its columns.
fn lane_strips(columns: &Columns, column_x: &[(f64, f64)], height: f64) -> Vec<(usize, Rect)> {
    let mut strips: Vec<(usize, Rect)> = Vec::new();
    for (column, lane) in columns.lane.iter().enumerate() {
        let Some((x, w)) = column_x.get(column) else { continue };
        let (left, right) = (x - PAD, x + w + PAD);
        match strips.last_mut() {
            Some((known, rect)) if known == lane => rect.w = right - rect.x,
            Some(_) | None => strips.push((*lane, Rect { x: left, y: MARGIN, w: right - left, h: height })),
        }
    }
    strips
}

/// What runs between two columns.
struct Channel {
    /// Width of the labels beside the column on the left, and on the right.
    left: f64,
    right: f64,
    tracks: usize,
    /// Track of each piece, by its first port.
    track: std::collections::BTreeMap<usize, usize>,
    used: bool,
}

impl Channel {
    fn width(&self, outer: bool) -> f64 {
        if !self.used {
            return if outer { PAD } else { 3.0 * GRID };
        }
        let lines = (self.tracks.max(1) - 1) as f64 * TRACK;
        let outer_stub = if outer { PAD } else { STUB };
        self.left + self.right + STUB + lines + outer_stub
    }

    /// Where the line of a track runs, from the left end of the gap.
    fn x(&self, track: usize, first: bool) -> f64 {
        let stub = if first { PAD } else { STUB };
        self.left + stub + track as f64 * TRACK
    }
}

fn channel(plan: &Plan, pieces: &Pieces, gap: usize) -> Channel {
    let mut uprights = Vec::new();
    let (mut left, mut right, mut used) = (0.0_f64, 0.0_f64, false);
    for (edge, chain) in pieces.of_edge.iter().enumerate() {
        let label = plan.edges.get(edge).map_or(0.0, |edge| edge.label_width);
        for (number, pair) in chain.chunks(2).enumerate() {
            let [a, b] = pair else { continue };
            let (from, to) = (&pieces.ports[*a], &pieces.ports[*b]);
            if from.gap != gap {
                continue;
            }
            used = true;
            if (number + 1) * 2 == chain.len() && label > 0.0 {
                let side = if to.right { &mut left } else { &mut right };
                *side = side.max(label + 12.0);
            }
            if from.y != to.y || from.right == to.right {
                uprights.push(Upright { piece: *a, from: from.y, from_left: from.right, to: to.y, to_left: to.right });
            }
        }
    }
    let (assigned, tracks) = assign(&uprights);
    let track = uprights.iter().zip(assigned).map(|(upright, track)| (upright.piece, track)).collect();
    Channel { left: up(left), right: up(right), tracks, track, used }
}

#[allow(clippy::too_many_arguments)]
fn route(
    plan: &Plan,
    pieces: &Pieces,
    channels: &[Channel],
    gap_x: &[f64],
    column_x: &[(f64, f64)],
    edge: usize,
    top: f64,
) -> EdgeGeometry {
    let mut points: Vec<Point> = Vec::new();
    let mut label = None;
    let Some((chain, plan_edge)) = pieces.of_edge.get(edge).zip(plan.edges.get(edge)) else {
        return EdgeGeometry::default();
    };
    for pair in chain.chunks(2) {
        let [a, b] = pair else { continue };
        let (from, to) = (&pieces.ports[*a], &pieces.ports[*b]);
        let end = |port: &super::ports::Port| {
            let (x, w) = column_x[pieces.blocks[port.block].column];
            Point { x: if port.right { x + w } else { x }, y: top + port.y }
        };
        let (start, stop) = (end(from), end(to));
        push(&mut points, start);
        if let Some(track) = channels[from.gap].track.get(a) {
            let x = gap_x[from.gap] + channels[from.gap].x(*track, from.gap == 0);
            push(&mut points, Point { x, y: start.y });
            push(&mut points, Point { x, y: stop.y });
        }
        push(&mut points, stop);
        if pieces.blocks[to.block].node == Some(plan_edge.to) && plan_edge.label_width > 0.0 {
            // Labels of a strip begin one under the other.
            let x = if to.right { stop.x + 10.0 } else { stop.x - channels[to.gap].right + 2.0 };
            let y = stop.y - plan_edge.label_line;
            let rect = Rect { x, y, w: plan_edge.label_width, h: plan_edge.label_height };
            label = Some(LabelGeometry { rect, upper: stop.y - 4.5, lower: stop.y + 11.5 });
        }
    }
    EdgeGeometry { points, label }
}

/// Leaves out points that add nothing to a straight line.
fn push(points: &mut Vec<Point>, point: Point) {
    if points.last() == Some(&point) {
        return;
    }
    if let [.., a, b] = points.as_slice()
        && ((a.y == b.y && b.y == point.y) || (a.x == b.x && b.x == point.x))
    {
        points.pop();
    }
    points.push(point);
}
