//! How many columns each lane takes, so that the whole keeps the shape of a page.

use super::Plan;

/// Column of each node, columns counted over all lanes from the left, and the lane of each column.
pub(super) struct Columns {
    pub of: Vec<usize>,
    pub lane: Vec<usize>,
}

/// Splits each lane into so many columns, in order of the nodes, each about as high.
pub(super) fn split(plan: &Plan, heights: &[f64], counts: [usize; 3]) -> Columns {
    let mut of = vec![0; plan.nodes.len()];
    let mut lane_of = Vec::new();
    for (lane, count) in counts.into_iter().enumerate() {
        let members: Vec<usize> = (0..plan.nodes.len()).filter(|at| plan.nodes[*at].lane == lane).collect();
        if members.is_empty() {
            continue;
        }
        let count = count.clamp(1, members.len());
        let total: f64 = members.iter().map(|at| heights.get(*at).copied().unwrap_or(0.0)).sum();
        let first = lane_of.len();
        let mut used = 0.0;
        let mut column = 0;
        let mut in_column = 0;
        for (number, at) in members.iter().enumerate() {
            let height = heights.get(*at).copied().unwrap_or(0.0);
            let left = members.len() - number;
            // A column is full at its share of the height, or when the nodes left are needed to fill the others.
            let full = used + height / 2.0 > total * (column + 1) as f64 / count as f64;
            let needed = left <= count - 1 - column;
            if in_column > 0 && column + 1 < count && (full || needed) {
                column += 1;
                in_column = 0;
            }
            used += height;
            in_column += 1;
            of[*at] = first + column;
        }
        lane_of.extend(std::iter::repeat_n(lane, column + 1));
    }
    Columns { of, lane: lane_of }
}
