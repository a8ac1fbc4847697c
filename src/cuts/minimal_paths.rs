//! Every minimal path from somebody to a resource, and the operations that lie on all of them.
//!
//! A path is a set of operations on targets, sign-ins included; minimal: with any one of them missing the resource is
//! not reached by the rest. All of them come out of a tree of prohibitions (R. Reiter, *A theory of diagnosis from first
//! principles*, 1987): the root forbids nothing, each node is labelled with a minimal path that does without what it
//! forbids, and has a child for each of that path's operations. A path that was found before labels every node it does
//! without, so a node costs a search only where a new path may be.

use super::latent::{Limit, Path, reach_within};
use crate::model::{ObjectId, ResourceId};
use crate::replay::{Engine, Run};
use std::collections::{BTreeSet, VecDeque};

/// What is done, and on what.
pub type Operation = (String, String);

#[derive(Clone, Debug, Default)]
pub struct MinimalPaths {
    /// Shortest first.
    pub paths: Vec<Path>,
    /// On every open path, in the order of the shortest.
    pub choke_points: Vec<Operation>,
    /// Whether these are all, or a limit ended the search.
    pub whole: bool,
}

/// How much is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub paths: usize,
    pub searches: usize,
    /// Whether choke points are wanted.
    pub choke_points: bool,
}

/// Whether (and how) somebody reaches the resource within the limit.
pub fn path_within(engine: &Engine<'_>, run: &Run, from: &ObjectId, to: &ResourceId, limit: Limit) -> Option<Path> {
    reach_within(engine, run, std::slice::from_ref(to), &limit, Some(from)).pop().flatten()
}

/// A path's operations.
pub fn operations(path: &Path) -> BTreeSet<Operation> {
    path.nodes.iter().map(|node| (node.action.clone(), node.to.clone())).collect()
}

/// All minimal paths within the bounds, and the exact choke points.
pub fn minimal_paths(engine: &Engine<'_>, run: &Run, from: &ObjectId, to: &ResourceId, bounds: Bounds) -> MinimalPaths {
    let find = |limit: Limit| path_within(engine, run, from, to, limit);
    let mut found: Vec<(BTreeSet<Operation>, Path)> = Vec::new();
    let mut queue: VecDeque<BTreeSet<Operation>> = VecDeque::from([BTreeSet::new()]);
    let mut seen: BTreeSet<BTreeSet<Operation>> = BTreeSet::new();
    let mut searches = 0;
    let mut whole = true;
    while let Some(banned) = queue.pop_front() {
        if !seen.insert(banned.clone()) {
            continue;
        }
        let known = found.iter().find(|(operations, _)| operations.is_disjoint(&banned)).map(|(ops, _)| ops.clone());
        let label = match known {
            Some(label) => label,
            None => {
                if found.len() >= bounds.paths || searches >= bounds.searches {
                    whole = false;
                    break;
                }
                searches += 1;
                let Some(path) = find(Limit::Without(banned.clone())) else { continue };
                let minimal = minimize(path, &find, &mut searches);
                let label = operations(&minimal);
                found.push((label.clone(), minimal));
                label
            }
        };
        for operation in label {
            let mut more = banned.clone();
            more.insert(operation);
            queue.push_back(more);
        }
    }
    found.sort_by(|(a, _), (b, _)| a.len().cmp(&b.len()).then_with(|| a.cmp(b)));
    found.dedup_by(|(a, _), (b, _)| a == b);
    let choke_points = match found.first() {
        None => Vec::new(),
        Some(_) if !bounds.choke_points => Vec::new(),
        Some((_, shortest)) => {
            let once = |node: &super::latent::Node| (node.action.clone(), node.to.clone());
            let mut candidates: Vec<Operation> = shortest.nodes.iter().map(once).collect();
            candidates.dedup();
            // What the paths found do not share is none; of the rest each is asked.
            candidates.retain(|operation| found.iter().all(|(operations, _)| operations.contains(operation)));
            if !whole {
                candidates.retain(|operation| find(Limit::Without(BTreeSet::from([operation.clone()]))).is_none());
            }
            candidates
        }
    };
    MinimalPaths { paths: found.into_iter().map(|(_, path)| path).collect(), choke_points, whole }
}

/// Leaves out every operation that the others do without.
fn minimize(path: Path, find: &dyn Fn(Limit) -> Option<Path>, searches: &mut usize) -> Path {
    let mut path = path;
    for operation in operations(&path) {
        let mut fewer = operations(&path);
        if !fewer.remove(&operation) {
            continue;
        }
        *searches += 1;
        if let Some(shorter) = find(Limit::Exactly(fewer)) {
            path = shorter;
        }
    }
    path
}
