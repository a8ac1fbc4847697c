//! Residual paths: what stays open with a set in force, named as paths of concrete operations, several where the
//! detours differ.

use super::exact::Set;
use super::latent::{Limit, Node, Path, reach_within};
use super::oracle::Oracle;
use crate::model::ResourceId;
use crate::replay::{Engine, Run, Stage};
use std::collections::BTreeSet;

/// At most this many paths a set and jewel: the shortest, and detours that avoid what it does.
const PATHS: usize = 4;

#[derive(Clone, Debug)]
pub struct Residual {
    pub set: Set,
    pub jewel: usize,
    pub path: Path,
    /// In which run it is open: certainly (pessimist), but for missing facts, but for words.
    pub stage: Stage,
}

/// Paths that stay open to a jewel with the set in force.
pub fn residual(oracle: &mut Oracle<'_>, set: Set, jewel: usize) -> Vec<Residual> {
    for stage in Stage::ALL {
        let run = oracle.run(set, stage);
        let wanted = oracle.jewels[jewel].clone();
        let mut found: Vec<Path> = Vec::new();
        let mut open: Vec<BTreeSet<(String, String)>> = vec![BTreeSet::new()];
        let mut tried: BTreeSet<BTreeSet<(String, String)>> = BTreeSet::new();
        while let Some(banned) = open.pop() {
            if found.len() >= PATHS || !tried.insert(banned.clone()) || tried.len() > 4 * PATHS {
                continue;
            }
            let limit = Limit::Without(banned.clone());
            let Some(path) = way_within(oracle.engine, &run, &wanted, limit) else { continue };
            for node in path.nodes.iter().rev().filter(|n| detour(n)) {
                let mut more = banned.clone();
                more.insert((node.action.clone(), node.to.clone()));
                open.insert(0, more);
            }
            let same = |other: &Path| signature(other) == signature(&path);
            if !found.iter().any(same) {
                found.push(path);
            }
        }
        if !found.is_empty() {
            return found.into_iter().map(|path| Residual { set, jewel, path, stage }).collect();
        }
    }
    Vec::new()
}

/// Whether another path could do without this operation: sign-ins and what history did are common ground.
fn detour(node: &Node) -> bool {
    node.step.is_none() && node.action != "SignIn"
}

/// What makes two detours two: the operations, and on what; a grant at another scope is the same detour.
fn signature(path: &Path) -> BTreeSet<(&str, &str)> {
    path.nodes
        .iter()
        .filter(|n| n.action != "SignIn")
        .map(|n| match n.action.as_str() {
            "Microsoft.Authorization/roleAssignments/write"
            | "Microsoft.Authorization/roleAssignmentScheduleRequests/write"
            | "Microsoft.Authorization/roleEligibilityScheduleRequests/write"
                if n.step.is_none() =>
            {
                (n.action.as_str(), "")
            }
            action => (action, n.to.as_str()),
        })
        .collect()
}

/// The way to the jewel that is left in another run to whoever does the operations of the path and no others.
pub fn way_left(engine: &Engine<'_>, run: &Run, jewel: &ResourceId, path: &Path) -> Option<Path> {
    way_within(engine, run, jewel, Limit::to(path))
}

/// The way to the jewel with the operations of the limit alone, each asked of the deciders again.
pub fn way_within(engine: &Engine<'_>, run: &Run, jewel: &ResourceId, limit: Limit) -> Option<Path> {
    reach_within(engine, run, std::slice::from_ref(jewel), &limit, None).pop().flatten()
}
