//! Cut conditions of steps and smallest sets over all paths, from the oracle.

use super::exact::{Clause, Set, dualize, everything, members};
use super::latent::Path;
use super::oracle::Oracle;
use super::switch::MOST;
use crate::model::{Level, Word};
use crate::replay::Stage;
use std::collections::BTreeSet;

/// Listed: inclusion-minimal sets of at most this many members.
pub const LISTED: usize = 4;

/// How sure a set is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guarantee {
    Closed,
    ClosedIfLacking,
}

impl Guarantee {
    pub fn stage(self) -> Stage {
        match self {
            Guarantee::Closed => Stage::Free,
            Guarantee::ClosedIfLacking => Stage::FactsFree,
        }
    }

    fn level(self) -> Level {
        match self {
            Guarantee::Closed => Level::Cut,
            Guarantee::ClosedIfLacking => Level::Challenged,
        }
    }
}

/// One inclusion-minimal set.
#[derive(Clone, Debug)]
pub struct Found {
    pub set: Set,
    pub guarantee: Guarantee,
    /// With `ClosedIfLacking`: the words a path turns on.
    pub words: BTreeSet<Word>,
    /// Per member, the path that opens without it.
    pub without: Vec<(usize, Path)>,
}

/// A clause, the branch of switches it was found in, and the path open under its insecure set.
#[derive(Clone, Debug)]
pub struct ClauseFound {
    pub guarantee: Guarantee,
    pub branch: Set,
    pub clause: Clause,
    pub path: Option<Path>,
}

/// What the search over one jewel found.
#[derive(Clone, Debug, Default)]
pub struct JewelSets {
    pub sets: Vec<Found>,
    pub clauses: Vec<ClauseFound>,
    /// The path that all candidates together leave open.
    pub uncovered: Option<Path>,
    pub truncated: u64,
    pub lower_bound_proven: bool,
}

/// Minimal sets for a monotone-within-branches oracle: branches over subsets of the switches, dualizes over the rest,
/// and keeps what no smaller found set makes needless.
fn branch(
    candidates: Set,
    switches: &[usize],
    secure: &mut dyn FnMut(Set) -> bool,
) -> (Vec<Set>, Vec<(Set, Clause)>, bool, u64, bool) {
    let used: Vec<usize> = switches.iter().copied().filter(|i| candidates & (1 << i) != 0).take(MOST).collect();
    let proven = switches.iter().filter(|i| candidates & (1 << **i) != 0).count() <= MOST;
    let all_switches: Set = switches.iter().fold(0, |a, i| a | 1 << i) & candidates;
    let rest = candidates & !all_switches;
    let mut minimal: Vec<Set> = Vec::new();
    let mut clauses = Vec::new();
    let mut covered = false;
    let mut truncated = 0;
    for pick in 0..1u64 << used.len() {
        let base: Set = members(pick).fold(0, |a, at| a | 1 << used[at]);
        let most = LISTED.saturating_sub(base.count_ones() as usize);
        if base != 0 && most == 0 {
            continue;
        }
        let dual = dualize(rest, base, most, secure);
        clauses.extend(dual.clauses.into_iter().map(|clause| (base, clause)));
        covered |= !dual.uncovered;
        truncated += dual.truncated;
        minimal.extend(dual.minimal.into_iter().map(|set| set | base));
    }
    minimal.sort_unstable_by_key(|s| (s.count_ones(), *s));
    minimal.dedup();
    let all = minimal.clone();
    minimal.retain(|set| !all.iter().any(|other| other != set && other & set == *other));
    (minimal, clauses, !covered, truncated, proven)
}

/// Minimal sets that close every path to the jewel, for both guarantees.
pub fn all_paths(oracle: &mut Oracle<'_>, jewel: usize, candidates: Set, switches: &[usize]) -> JewelSets {
    let mut result = JewelSets { lower_bound_proven: true, ..JewelSets::default() };
    for guarantee in [Guarantee::Closed, Guarantee::ClosedIfLacking] {
        let stage = guarantee.stage();
        let mut secure = |set: Set| !oracle.reached(set, stage).get(jewel).copied().is_some_and(|open| open);
        let (minimal, clauses, uncovered, truncated, proven) = branch(candidates, switches, &mut secure);
        result.truncated += truncated;
        result.lower_bound_proven &= proven;
        if uncovered {
            if guarantee == Guarantee::ClosedIfLacking {
                result.uncovered = oracle.paths(candidates, stage).into_iter().nth(jewel).flatten();
            }
            continue;
        }
        for (branch, clause) in clauses {
            let path = oracle.paths(clause.insecure, stage).into_iter().nth(jewel).flatten();
            result.clauses.push(ClauseFound { guarantee, branch, clause, path });
        }
        for set in minimal {
            let free = oracle.paths(set, Stage::Free).into_iter().nth(jewel).flatten();
            let words = free.as_ref().map(|p| p.words.clone()).unwrap_or_default();
            if guarantee == Guarantee::ClosedIfLacking && free.is_none() {
                // Closed outright: listed under that guarantee already.
                continue;
            }
            let without = members(set)
                .filter_map(|i| {
                    let path = oracle.paths(set & !(1 << i), stage).into_iter().nth(jewel).flatten()?;
                    Some((i, path))
                })
                .collect();
            result.sets.push(Found { set, guarantee, words, without });
        }
    }
    result
}

/// Minimal sets that cut every observed step that took from the jewel.
pub fn observed(oracle: &mut Oracle<'_>, steps: &[usize], candidates: Set, switches: &[usize]) -> Vec<Found> {
    let mut found = Vec::new();
    if steps.is_empty() {
        return found;
    }
    for guarantee in [Guarantee::Closed, Guarantee::ClosedIfLacking] {
        let most = guarantee.level();
        let mut secure = |set: Set| {
            let levels = oracle.levels(set);
            steps.iter().all(|n| levels.get(*n).is_some_and(|level| *level <= most))
        };
        let (minimal, _, uncovered, _, _) = branch(candidates, switches, &mut secure);
        if uncovered {
            continue;
        }
        for set in minimal {
            let levels = oracle.levels(set);
            let cut = steps.iter().all(|n| levels.get(*n) == Some(&Level::Cut));
            if guarantee == Guarantee::ClosedIfLacking && cut {
                continue;
            }
            found.push(Found { set, guarantee, words: BTreeSet::new(), without: Vec::new() });
        }
    }
    found
}

/// Minimal sets under which a step's level is at most `level`.
pub fn conditions(oracle: &mut Oracle<'_>, step: usize, level: Level, candidates: Set, switches: &[usize]) -> Vec<Set> {
    let mut secure = |set: Set| oracle.levels(set).get(step).is_some_and(|l| *l <= level);
    if !secure(candidates) && switches.is_empty() {
        return Vec::new();
    }
    branch(candidates, switches, &mut secure).0
}

/// All candidates as a set.
pub fn all(n: usize) -> Set {
    everything(n)
}
