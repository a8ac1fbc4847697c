//! Heights: each column is a stack in fixed order; blocks move toward what they are joined with.

use super::ports::{GRID, Pieces, Port};

/// Sweeps over the columns; more change nothing that an eye would see.
const SWEEPS: usize = 8;

/// Sets `y` of blocks and ports. Lines in neighbouring columns lie on two grids shifted by half, so that no two lines
/// of a gap coincide but the two ends of one edge.
pub(super) fn place(pieces: &mut Pieces, columns: usize) {
    let stacks = pieces.stacks(columns);
    for stack in &stacks {
        let mut y = 0.0;
        for (number, at) in stack.iter().enumerate() {
            if number > 0 {
                y += pieces.distance(stack[number - 1], *at);
            }
            pieces.blocks[*at].y = y;
            y += pieces.blocks[*at].height;
        }
    }
    for sweep in 0..SWEEPS {
        sort_ports(pieces);
        place_ports(pieces, false);
        let forwards = sweep % 2 == 0;
        for step in 0..columns {
            let column = if forwards { step } else { columns - 1 - step };
            settle(pieces, &stacks[column], if sweep < 2 { Some(forwards) } else { None });
            place_ports(pieces, false);
        }
    }
    let top = pieces.blocks.iter().map(|block| block.y).fold(f64::INFINITY, f64::min);
    let top = if top.is_finite() { (top / GRID).floor() * GRID } else { 0.0 };
    for stack in &stacks {
        let mut least = f64::NEG_INFINITY;
        for at in stack {
            let block = &mut pieces.blocks[*at];
            let shift = if block.column % 2 == 1 { GRID / 2.0 } else { 0.0 };
            block.y = (((block.y - top) / GRID).round() * GRID + shift).max(least);
            least = block.y + block.height;
        }
        // Rounding may have eaten a gap.
        for number in 1..stack.len() {
            let (before, at) = (stack[number - 1], stack[number]);
            let least = pieces.blocks[before].y + pieces.blocks[before].height + pieces.distance(before, at);
            if pieces.blocks[at].y < least {
                pieces.blocks[at].y = least;
            }
        }
    }
    // The highest block stands at the top.
    let top = pieces.blocks.iter().map(|block| block.y).fold(f64::INFINITY, f64::min);
    if top.is_finite() {
        let shift = (top / GRID).floor() * GRID;
        for block in &mut pieces.blocks {
            block.y -= shift;
        }
    }
    sort_ports(pieces);
    place_ports(pieces, true);
    straighten(pieces, &stacks);
}

/// Ports of a side in the order of their other ends, so that lines of one box do not cross each other.
fn sort_ports(pieces: &mut Pieces) {
    let ports = pieces.ports.clone();
    let blocks_y: Vec<f64> = pieces.blocks.iter().map(|block| block.y + block.height / 2.0).collect();
    for block in &mut pieces.blocks {
        let center = block.y + block.height / 2.0;
        for side in [&mut block.left, &mut block.right] {
            side.sort_by(|a, b| {
                let key = |port: &usize| {
                    let port = &ports[*port];
                    let other = &ports[port.other];
                    let y = blocks_y[other.block];
                    let edge = port.edge as i64;
                    // Loops come back on the same side and nest: the order at the lower end is that of the upper
                    // end turned round.
                    match other.right == port.right {
                        true => (loop_key(y, center), if y < center { -edge } else { edge }),
                        false => (y, edge),
                    }
                };
                let (a, b) = (key(a), key(b));
                a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
            });
        }
    }
}

fn loop_key(other: f64, own: f64) -> f64 {
    if other < own { -1e6 - other } else { 2e6 - other }
}

/// Ports spread over their side, centred; on the grid when the blocks are.
fn place_ports(pieces: &mut Pieces, on_grid: bool) {
    for block in &pieces.blocks {
        for side in [&block.left, &block.right] {
            let total: f64 = side.iter().map(|port| pieces.ports[*port].above + pieces.ports[*port].below).sum();
            let mut start = block.y + (block.height - total) / 2.0;
            if on_grid && block.node.is_some() {
                start = block.y + ((start - block.y) / GRID).round() * GRID;
            }
            let mut y = start;
            for port in side {
                let Port { above, below, .. } = pieces.ports[*port];
                let line = y + above;
                y += above + below;
                pieces.ports[*port].y = line;
            }
        }
    }
    if on_grid {
        // Lines of a column lie on its own grid: even columns on whole steps, odd ones half a step off.
        for at in 0..pieces.ports.len() {
            let column = pieces.blocks[pieces.ports[at].block].column;
            let shift = if column % 2 == 1 { GRID / 2.0 } else { 0.0 };
            let y = pieces.ports[at].y;
            pieces.ports[at].y = ((y - shift) / GRID).floor() * GRID + shift;
        }
    }
}

/// Moves the blocks of one column toward what they are joined with, keeping order and distances: least squares by
/// pooling adjacent violators.
fn settle(pieces: &mut Pieces, stack: &[usize], only: Option<bool>) {
    // `offset` takes the distances out, so that what remains is "never above the one before".
    let mut offset = 0.0;
    let mut pools: Vec<(f64, f64, usize)> = Vec::new();
    let mut offsets = Vec::new();
    for (number, at) in stack.iter().enumerate() {
        if number > 0 {
            let before = stack[number - 1];
            offset += pieces.blocks[before].height + pieces.distance(before, *at);
        }
        offsets.push(offset);
        let block = &pieces.blocks[*at];
        let mut wish = 0.0;
        let mut weight = 0.0;
        for port in block.left.iter().chain(&block.right) {
            let port = &pieces.ports[*port];
            let other = &pieces.ports[port.other];
            if pieces.blocks[other.block].column == block.column {
                continue;
            }
            let looked_at = match only {
                // Forwards a column looks at what stands left of it.
                Some(forwards) => port.right != forwards,
                None => true,
            };
            if looked_at {
                // Rows of edges pull harder: their bends are the ones that show.
                let pull = if block.node.is_none() || pieces.blocks[other.block].node.is_none() { 2.0 } else { 1.0 };
                wish += pull * (block.y + other.y - port.y);
                weight += pull;
            }
        }
        let (wish, weight) = if weight > 0.0 { (wish / weight, weight) } else { (block.y, 0.01) };
        pools.push((wish - offset, weight, 1));
        while let [.., (above, above_weight, above_count), (below, below_weight, below_count)] = pools.as_slice() {
            if above <= below {
                break;
            }
            let weight = above_weight + below_weight;
            let merged = ((above * above_weight + below * below_weight) / weight, weight, above_count + below_count);
            pools.truncate(pools.len() - 2);
            pools.push(merged);
        }
    }
    let mut number = 0;
    for (y, _, count) in pools {
        for _ in 0..count {
            if let (Some(at), Some(offset)) = (stack.get(number), offsets.get(number)) {
                pieces.blocks[*at].y = y + offset;
            }
            number += 1;
        }
    }
}

/// Takes bends out where there is room: a row takes the height of one of its neighbours, a port of a box that of its
/// other end.
fn straighten(pieces: &mut Pieces, stacks: &[Vec<usize>]) {
    for stack in stacks {
        for (place, at) in stack.iter().enumerate() {
            if pieces.blocks[*at].node.is_some() {
                continue;
            }
            let own: Vec<usize> = pieces.blocks[*at].left.iter().chain(&pieces.blocks[*at].right).copied().collect();
            let line = own.first().map_or(0.0, |port| pieces.ports[*port].y);
            let inset = line - pieces.blocks[*at].y;
            let above = place.checked_sub(1).map(|before| stack[before]);
            let least = above.map_or(f64::NEG_INFINITY, |above| {
                pieces.blocks[above].y + pieces.blocks[above].height + pieces.distance(above, *at)
            });
            let most = stack.get(place + 1).map_or(f64::INFINITY, |below| {
                pieces.blocks[*below].y - pieces.distance(*at, *below) - pieces.blocks[*at].height
            });
            let wishes: Vec<f64> = own.iter().map(|port| pieces.ports[pieces.ports[*port].other].y).collect();
            let mut choices: Vec<(usize, f64)> = wishes
                .iter()
                .filter(|y| (least..=most).contains(&(**y - inset)))
                .filter(|y| own.iter().all(|port| free(pieces, *port, **y)))
                .map(|y| (wishes.iter().filter(|other| *other == y).count(), *y))
                .collect();
            choices.sort_by(|a, b| b.0.cmp(&a.0).then((a.1 - line).abs().total_cmp(&(b.1 - line).abs())));
            if let Some((_, y)) = choices.first() {
                pieces.blocks[*at].y = y - inset;
                for port in own {
                    pieces.ports[port].y = *y;
                }
            }
        }
    }
    for at in 0..pieces.ports.len() {
        let Port { block, other, right, above, below, .. } = pieces.ports[at];
        if pieces.blocks[block].node.is_none() || right == pieces.ports[other].right {
            continue;
        }
        let target = pieces.ports[other].y;
        let block = &pieces.blocks[block];
        let inside = target - above >= block.y - 0.01 && target + below <= block.y + block.height + 0.01;
        let side = if right { &block.right } else { &block.left };
        // Neighbours on the same side keep their room and their order.
        let clear = side.iter().filter(|port| **port != at).all(|port| {
            let neighbour = &pieces.ports[*port];
            let before = neighbour.y < pieces.ports[at].y;
            match before {
                true => target - neighbour.y >= above + neighbour.below - 0.01,
                false => neighbour.y - target >= below + neighbour.above - 0.01,
            }
        });
        if target != pieces.ports[at].y && inside && clear && free(pieces, at, target) {
            pieces.ports[at].y = target;
        }
    }
}

/// Whether no other line of the gap would come too near to this port at that height.
fn free(pieces: &Pieces, port: usize, y: f64) -> bool {
    let own = &pieces.ports[port];
    pieces.ports.iter().enumerate().all(|(at, other)| {
        let apart = if other.right == own.right { GRID } else { GRID / 2.0 };
        at == port || at == own.other || other.gap != own.gap || (other.y - y).abs() >= apart - 0.01
    })
}
