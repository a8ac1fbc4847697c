//! Edges cut into pieces between neighbouring columns, and where each piece meets a box.

use super::Plan;
use super::columns::Columns;
use std::collections::{BTreeMap, BTreeSet};

/// Distances, all multiples of the grid.
pub(super) const GRID: f64 = 10.0;
pub(super) const NODE_GAP: f64 = 20.0;
/// Lines between two boxes of a column, side by side.
const MOST_DROPS: usize = 5;
pub(super) const DROP_PAD: f64 = 10.0;
const DROP_LEAST: f64 = 30.0;

/// A box of a column: a node, or the row in which an edge crosses the column.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub node: Option<usize>,
    pub column: usize,
    /// Order in the column.
    pub order: (usize, usize),
    pub height: f64,
    /// Ports from top to bottom, on the left and on the right side.
    pub left: Vec<usize>,
    pub right: Vec<usize>,
    pub y: f64,
}

/// Where a piece of an edge meets a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Port {
    pub block: usize,
    pub edge: usize,
    /// Room it takes above and below its line.
    pub above: f64,
    pub below: f64,
    /// The port at the other end of the piece.
    pub other: usize,
    /// The gap its piece runs in (0: left of the first column).
    pub gap: usize,
    /// On the right side of its block (which is the left side of the gap).
    pub right: bool,
    pub y: f64,
}

pub(super) struct Pieces {
    pub blocks: Vec<Block>,
    pub ports: Vec<Port>,
    /// Ports of each edge from tail to head, in pairs: a pair is a piece. Empty for drops.
    pub of_edge: Vec<Vec<usize>>,
    /// Edges between neighbours of one column, by (upper, lower) block: they run straight between the two.
    pub drops: BTreeMap<(usize, usize), Vec<usize>>,
    /// Room between the two blocks of a drop.
    pub drop_room: BTreeMap<(usize, usize), f64>,
}

impl Pieces {
    /// Room between two blocks of a column; rows of edges may run close together.
    pub fn distance(&self, above: usize, below: usize) -> f64 {
        let least = match (self.blocks[above].node, self.blocks[below].node) {
            (None, None) => 0.0,
            (Some(_), Some(_)) => NODE_GAP,
            (Some(_), None) | (None, Some(_)) => GRID,
        };
        self.drop_room.get(&(above, below)).copied().unwrap_or(least).max(least)
    }

    /// Blocks of each column from top to bottom.
    pub fn stacks(&self, columns: usize) -> Vec<Vec<usize>> {
        let mut stacks = vec![Vec::new(); columns];
        for (at, block) in self.blocks.iter().enumerate() {
            if let Some(stack) = stacks.get_mut(block.column) {
                stack.push(at);
            }
        }
        for stack in &mut stacks {
            stack.sort_by_key(|at: &usize| (self.blocks[*at].order, *at));
        }
        stacks
    }
}

/// Cuts every edge at the columns it crosses. An edge that stays in its column, or runs to the left, ends on the right
/// side of its head.
pub(super) fn cut(plan: &Plan, columns: &Columns) -> Pieces {
    let mut blocks: Vec<Block> = plan
        .nodes
        .iter()
        .enumerate()
        .map(|(at, node)| Block {
            node: Some(at),
            column: columns.of[at],
            order: (at, 0),
            height: node.height,
            left: Vec::new(),
            right: Vec::new(),
            y: 0.0,
        })
        .collect();
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); columns.lane.len()];
    for (at, column) in columns.of.iter().enumerate() {
        members[*column].push(at);
    }
    let mut place = vec![0.0; plan.nodes.len()];
    for column in &members {
        for (number, at) in column.iter().enumerate() {
            place[*at] = (number as f64 + 0.5) / column.len() as f64;
        }
    }
    let mut chains = Vec::new();
    for (at, edge) in plan.edges.iter().enumerate() {
        let (from, to) = (columns.of[edge.from], columns.of[edge.to]);
        let crossed: Vec<usize> = if from < to { (from + 1..to).collect() } else { (to + 1..from).rev().collect() };
        // Each stop is a block with the side the edge comes in on (if it does) and the side it leaves on.
        let forward = from < to;
        let mut stops = vec![(edge.from, None, Some(forward || from == to))];
        for column in crossed {
            let order = row_order(&members, &place, edge.from, edge.to, column);
            blocks.push(Block {
                node: None,
                column,
                order: (order, at + 1),
                height: GRID,
                left: Vec::new(),
                right: Vec::new(),
                y: 0.0,
            });
            stops.push((blocks.len() - 1, Some(!forward), Some(forward)));
        }
        stops.push((edge.to, Some(!forward), None));
        chains.push(stops);
    }
    let mut pieces =
        Pieces { blocks, ports: Vec::new(), of_edge: Vec::new(), drops: BTreeMap::new(), drop_room: BTreeMap::new() };
    find_drops(plan, columns, &mut pieces);
    let dropped: BTreeSet<usize> = pieces.drops.values().flatten().copied().collect();
    let Pieces { mut blocks, mut ports, mut of_edge, drops, drop_room } = pieces;
    for (at, (edge, stops)) in plan.edges.iter().zip(chains).enumerate() {
        let mut chain = Vec::new();
        if dropped.contains(&at) {
            of_edge.push(chain);
            continue;
        }
        for pair in stops.windows(2) {
            let [(a, _, Some(leaves)), (b, Some(enters), _)] = pair else { continue };
            let head = *b == edge.to && blocks[*b].node.is_some();
            let (above, below) = match head && edge.label_height > 0.0 {
                true => (edge.label_line.max(GRID / 2.0), (edge.label_height - edge.label_line).max(GRID / 2.0)),
                false => (GRID / 2.0, GRID / 2.0),
            };
            let gap_of = |block: usize, right: bool| blocks[block].column + usize::from(right);
            let first = ports.len();
            ports.push(Port {
                block: *a,
                edge: at,
                above: GRID / 2.0,
                below: GRID / 2.0,
                other: first + 1,
                gap: gap_of(*a, *leaves),
                right: *leaves,
                y: 0.0,
            });
            ports.push(Port {
                block: *b,
                edge: at,
                above,
                below,
                other: first,
                gap: gap_of(*b, *enters),
                right: *enters,
                y: 0.0,
            });
            for port in [first, first + 1] {
                let Port { block, right, .. } = ports[port];
                let side = if right { &mut blocks[block].right } else { &mut blocks[block].left };
                side.push(port);
                chain.push(port);
            }
        }
        of_edge.push(chain);
    }
    for block in &mut blocks {
        let need = |side: &[usize]| side.iter().map(|port| ports[*port].above + ports[*port].below).sum::<f64>();
        let high = need(&block.left).max(need(&block.right));
        let pad = if block.node.is_some() { GRID } else { 0.0 };
        block.height = up(block.height.max(high + pad));
    }
    Pieces { blocks, ports, of_edge, drops, drop_room }
}

/// Edges of one column whose ends stand one above the other, and the room that their labels take between the two.
fn find_drops(plan: &Plan, columns: &Columns, pieces: &mut Pieces) {
    for stack in pieces.stacks(columns.lane.len()) {
        for pair in stack.windows(2) {
            let [above, below] = pair else { continue };
            let (Some(a), Some(b)) = (pieces.blocks[*above].node, pieces.blocks[*below].node) else { continue };
            let between: Vec<usize> = (0..plan.edges.len())
                .filter(|at| {
                    let edge = &plan.edges[*at];
                    (edge.from, edge.to) == (a, b) || (edge.from, edge.to) == (b, a)
                })
                .collect();
            if between.is_empty() || between.len() > MOST_DROPS {
                continue;
            }
            let labels: f64 = between.iter().map(|at| plan.edges[*at].label_height).sum();
            pieces.drop_room.insert((*above, *below), up((labels + 2.0 * DROP_PAD).max(DROP_LEAST)));
            pieces.drops.insert((*above, *below), between);
        }
    }
}

/// Where a row crosses a column: as far down as its two ends stand in theirs.
fn row_order(members: &[Vec<usize>], place: &[f64], from: usize, to: usize, column: usize) -> usize {
    let share = (place[from] + place[to]) / 2.0;
    let members = &members[column];
    let at = (share * members.len() as f64).round() as usize;
    members.get(at).copied().unwrap_or(place.len())
}

/// Up to the grid.
pub(super) fn up(length: f64) -> f64 {
    (length / GRID).ceil() * GRID
}
