//! Which nodes of the graph a picture shows as themselves; the rest is folded by type with a count.
//!
//! First what lies on no step and no residual path. Where that leaves more than a page can hold, nodes of one type that
//! are reached from the same nodes become one; then, lane by lane, those of one type. Ways in and crown jewels stay.

use crate::analysis::{Analysis, EdgeKind, Lane, Node, NodeKind};
use crate::render::text::{fit_columns, plain};
use std::collections::{BTreeMap, BTreeSet};

/// Graphs up to this size are drawn whole.
const WHOLE: usize = 40;
/// Nodes that a page's width holds with readable letters.
const PAGE: usize = 20;

/// Nodes drawn as one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fold {
    pub lane: Lane,
    pub class: String,
    /// On steps or paths, as opposed to the quiet rest.
    pub drawn: bool,
    pub created: bool,
    pub unexplained: bool,
    /// What else they have in common: where they are reached from.
    pub from: Vec<String>,
}

/// Where each node of the graph went.
#[derive(Clone, PartialEq)]
pub(super) enum Place {
    Itself,
    Folded(Fold),
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
    let mut places: BTreeMap<&str, Place> = graph
        .nodes
        .iter()
        .map(|node| {
            let keep = touched.contains(node.id.as_str()) || node.jewel || node.entry;
            let place = match (keep, joined.contains(node.id.as_str())) {
                (true, _) => Place::Itself,
                (false, true) if whole => Place::Itself,
                (false, true) => Place::Folded(Fold {
                    lane: node.lane,
                    class: class(node),
                    drawn: false,
                    created: false,
                    unexplained: false,
                    from: Vec::new(),
                }),
                (false, false) => Place::Left,
            };
            (node.id.as_str(), place)
        })
        .collect();
    let rounds = [
        (Lane::Resources, true),
        (Lane::Identities, true),
        (Lane::Roles, true),
        (Lane::Resources, false),
        (Lane::Identities, false),
        (Lane::Roles, false),
    ];
    for (lane, alike) in rounds {
        if drawn(&places) <= PAGE {
            break;
        }
        fold(analysis, &mut places, lane, alike);
    }
    places
}

/// Boxes in the picture.
fn drawn(places: &BTreeMap<&str, Place>) -> usize {
    let mut folds: BTreeSet<&Fold> = BTreeSet::new();
    let mut alone = 0;
    for place in places.values() {
        match place {
            Place::Itself => alone += 1,
            Place::Folded(fold) => drop(folds.insert(fold)),
            Place::Left => {}
        }
    }
    alone + folds.len()
}

/// Folds what is drawn of a lane: by type and, if `alike`, by what leads there and what it leads to.
fn fold<'a>(analysis: &'a Analysis, places: &mut BTreeMap<&'a str, Place>, lane: Lane, alike: bool) {
    let mut around: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    if alike {
        let name = |id: &str| match places.get(id) {
            Some(Place::Folded(fold)) => format!("{fold:?}"),
            Some(Place::Itself | Place::Left) | None => id.to_owned(),
        };
        for edge in analysis.graph.edges.iter().filter(|edge| edge.kind == EdgeKind::Step) {
            around.entry(edge.to.as_str()).or_default().insert(format!("< {}", name(&edge.from)));
            around.entry(edge.from.as_str()).or_default().insert(format!("> {}", name(&edge.to)));
        }
    }
    let mut groups: BTreeMap<Fold, Vec<&str>> = BTreeMap::new();
    let nodes = analysis.graph.nodes.iter().filter(|node| node.lane == lane && !node.jewel && !node.entry);
    for node in nodes {
        let drawn = match places.get(node.id.as_str()) {
            Some(Place::Itself) => true,
            Some(Place::Folded(fold)) => fold.drawn,
            Some(Place::Left) | None => false,
        };
        if drawn {
            let from = around.get(node.id.as_str()).map(|all| all.iter().cloned().collect()).unwrap_or_default();
            let fold = Fold {
                lane,
                class: class(node),
                drawn,
                created: node.created && alike,
                unexplained: node.unexplained && alike,
                from,
            };
            groups.entry(fold).or_default().push(node.id.as_str());
        }
    }
    for (fold, members) in groups.into_iter().filter(|(_, members)| members.len() > 1) {
        for member in members {
            places.insert(member, Place::Folded(fold.clone()));
        }
    }
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
    let plural = match words.strip_suffix('y') {
        _ if count == 1 || words.ends_with('s') => words,
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        Some(_) | None => format!("{words}s"),
    };
    format!("{count} {plural}")
}
