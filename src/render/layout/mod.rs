//! Where everything in a diagram stands. Painting is elsewhere, so that tests measure the geometry itself.
//!
//! Three lanes of one or more columns each; edges run in channels between the columns (layered drawing after
//! Sugiyama, with ports and orthogonal routing): a label has its own strip beside the column it points at, a line that
//! must cross a column does so in a row of its own. So no label can meet a label or a node, and no line a node, by
//! construction; what is searched for is only few crossings and short lines.
//!
//! Positions depend on the nodes, the edges and their labels, never on which controls are in force.

mod columns;
mod lanes;
mod ports;
mod rows;
pub mod timeline;
mod tracks;

pub use lanes::{frame, lanes};

/// Rectangle, `x` and `y` at its top left.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    pub x: f64,
    pub y: f64,
    pub w: f64,
    pub h: f64,
}

impl Rect {
    pub fn right(&self) -> f64 {
        self.x + self.w
    }

    pub fn bottom(&self) -> f64 {
        self.y + self.h
    }

    /// Whether the two share an area (touching is none).
    pub fn overlaps(&self, other: &Rect) -> bool {
        const SLACK: f64 = 0.01;
        self.x + SLACK < other.right()
            && other.x + SLACK < self.right()
            && self.y + SLACK < other.bottom()
            && other.y + SLACK < self.bottom()
    }

    pub fn contains(&self, other: &Rect) -> bool {
        const SLACK: f64 = 0.01;
        self.x <= other.x + SLACK
            && self.y <= other.y + SLACK
            && self.right() + SLACK >= other.right()
            && self.bottom() + SLACK >= other.bottom()
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Point {
    pub x: f64,
    pub y: f64,
}

/// What is to be laid out: boxes of known size in three lanes, and edges with labels of known size.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    pub nodes: Vec<PlanNode>,
    pub edges: Vec<PlanEdge>,
    /// Height that title and legend will take, for the shape of the whole.
    pub extra_height: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PlanNode {
    /// 0, 1, 2 from left to right.
    pub lane: usize,
    pub width: f64,
    /// At least so high; more where many edges meet.
    pub height: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PlanEdge {
    pub from: usize,
    pub to: usize,
    /// Width and height of the label, which stands beside the head of the edge; zero: none. Its line runs at
    /// `label_line` from the top of the label: an odd multiple of half the grid (15, 25), the height a multiple of the grid.
    pub label_width: f64,
    pub label_height: f64,
    pub label_line: f64,
    /// Order among edges that are otherwise alike.
    pub rank: usize,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Geometry {
    pub width: f64,
    pub height: f64,
    pub nodes: Vec<Rect>,
    pub edges: Vec<EdgeGeometry>,
    /// The strip of each lane that holds nodes.
    pub lanes: Vec<(usize, Rect)>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct EdgeGeometry {
    /// Corners, first at the tail, last at the head; each piece is horizontal or vertical.
    pub points: Vec<Point>,
    pub label: Option<LabelGeometry>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LabelGeometry {
    pub rect: Rect,
    /// Baselines of its two lines of text.
    pub upper: f64,
    pub lower: f64,
}
