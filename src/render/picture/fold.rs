//! Which nodes of the graph a picture shows as themselves; the rest is folded by type with a count.

use crate::analysis::{Analysis, EdgeKind, Lane, Node, NodeKind};
use crate::render::text::{fit_columns, plain};
use std::collections::{BTreeMap, BTreeSet};

/// Graphs up to this size are drawn whole.
const WHOLE: usize = 40;

/// Where each node of the graph went.
pub(super) enum Place {
    Itself,
    Folded((Lane, String)),
    /// Alone in a small graph: nothing to draw it with.
    Left,
}

pub(super) fn places(analysis: &Analysis) -> BTreeMap<&str, Place> {
    let graph = &analysis.graph;
    let mut touched: BTreeSet<&str> = BTreeSet::new();
    let mut joined: BTreeSet<&str> = BTreeSet::new();
    for edge in &graph.edges {
        joined.extend([edge.from.as_str(), edge.to.as_str()]);
        let drawn = match edge.kind {
            EdgeKind::Step | EdgeKind::Yields => true,
            EdgeKind::Latent => !edge.paths.is_empty(),
            EdgeKind::Assignment | EdgeKind::Member | EdgeKind::Contains => false,
        };
        if drawn {
            touched.extend([edge.from.as_str(), edge.to.as_str()]);
        }
    }
    let whole = graph.nodes.len() <= WHOLE;
    graph
        .nodes
        .iter()
        .map(|node| {
            let keep = touched.contains(node.id.as_str()) || node.jewel || node.entry;
            let place = match (keep, joined.contains(node.id.as_str())) {
                (true, _) => Place::Itself,
                (false, true) if whole => Place::Itself,
                (false, true) => Place::Folded((node.lane, class(node))),
                (false, false) => Place::Left,
            };
            (node.id.as_str(), place)
        })
        .collect()
}

pub(super) fn class(node: &Node) -> String {
    let class = fit_columns(&plain(&node.class), 120);
    if class.is_empty() { node.kind.word().to_owned() } else { class }
}

/// `214 virtual machines`: the last word of the type, apart and in the plural.
pub(super) fn folded_label(class: &str, kind: NodeKind, count: u64) -> String {
    let last = class.rsplit('/').next().unwrap_or(class);
    let mut words = String::new();
    let mut before_lower = false;
    for character in last.chars() {
        if character.is_ascii_uppercase() && before_lower {
            words.push(' ');
        }
        before_lower = character.is_ascii_lowercase();
        words.push(if words.ends_with(' ') { character.to_ascii_lowercase() } else { character });
    }
    if words.is_empty() {
        words = kind.word().to_owned();
    }
    let plural = if count == 1 || words.ends_with('s') { words } else { format!("{words}s") };
    format!("{count} {plural}")
}
