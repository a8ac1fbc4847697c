//! What a set of controls does to the whole, looked up in what the analysis carries: conditions, paths, clauses and
//! baseline classes. Nothing is decided here; the page does the same in the reader's browser.

use super::state::{fate, holds};
use crate::analysis::{Analysis, ClauseProof, Condition, Guarantee, ResidualPath};
use crate::model::Level;
use std::collections::BTreeSet;

#[derive(Clone, Debug, PartialEq)]
pub struct Outcome<'a> {
    /// Of each step, in their order.
    pub levels: Vec<Level>,
    /// Bytes of the steps that are not cut.
    pub bytes_lost: u64,
    /// Ids of the residual paths that stay open.
    pub open: Vec<&'a str>,
    /// Ways that stay open, in a line, and the words each turns on. Empty exactly where every jewel is closed.
    pub ways: Vec<(String, Vec<String>)>,
    /// Lawful events refused, asked for more, not known.
    pub collateral: [u64; 3],
    /// Of each jewel, where the analysis carries its clauses.
    pub closures: Vec<(String, Closure)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Closure {
    Closed,
    /// If the attacker lacks these words.
    ClosedIfLacking(Vec<String>),
    Open,
}

pub fn outcome<'a>(analysis: &'a Analysis, with: &[String]) -> Outcome<'a> {
    let levels: Vec<Level> = analysis.steps.iter().map(|step| fate(step, with).level).collect();
    let bytes_lost = analysis.steps.iter().zip(&levels).filter(|(_, l)| **l != Level::Cut).map(|(s, _)| s.bytes).sum();
    let mut collateral = [0; 3];
    for class in &analysis.baseline {
        let conditions = class.conditions.iter().filter(|condition| holds(condition, with));
        match conditions.map(|condition| condition.verdict).min() {
            Some(Level::Cut) => collateral[0] += class.count,
            Some(Level::Challenged) => collateral[1] += class.count,
            Some(Level::Unknown) => collateral[2] += class.count,
            Some(Level::NotCut) | None => {}
        }
    }
    let open = analysis.residual_paths.iter().filter(|path| open(analysis, path, with)).map(|path| path.id.as_str());
    Outcome {
        levels,
        bytes_lost,
        open: open.collect(),
        ways: ways(analysis, with),
        collateral,
        closures: closures(analysis, with),
    }
}

/// What a set does to a path, as far as single controls do it, and the words the path then turns on.
pub fn path_fate(path: &ResidualPath, with: &[String]) -> (Level, Vec<String>) {
    let mut level = Level::NotCut;
    let mut words = path.words.clone();
    for condition in path_conditions(path).iter().filter(|condition| holds(condition, with)) {
        level = level.min(condition.verdict);
        words.extend(condition.words.iter().cloned());
    }
    words.sort();
    words.dedup();
    (level, words)
}

/// The conditions of a path; of an analysis that carries none, its cut sets.
pub fn path_conditions(path: &ResidualPath) -> Vec<Condition> {
    if !path.conditions.is_empty() {
        return path.conditions.clone();
    }
    let cut = |set: &Vec<String>| Condition {
        set: set.clone(),
        unless: Vec::new(),
        verdict: Level::Cut,
        words: Vec::new(),
        missing: Vec::new(),
    };
    path.cut_by.iter().filter(|set| !set.is_empty()).map(cut).collect()
}

/// Whether neither a condition of the path nor the clauses of its jewel close it.
pub(super) fn open(analysis: &Analysis, path: &ResidualPath, with: &[String]) -> bool {
    let closures = closures(analysis, with);
    let closed = closures.iter().any(|(jewel, closure)| *jewel == path.to && *closure == Closure::Closed);
    !closed && path_fate(path, with).0 != Level::Cut
}

/// Residual paths that stay open; where several controls together cut all those of a jewel that is not closed, the
/// paths that prove its clauses: open under more than the set, and so under it.
fn ways(analysis: &Analysis, with: &[String]) -> Vec<(String, Vec<String>)> {
    let mut ways: Vec<(String, Vec<String>)> = Vec::new();
    let mut put = |short: &str, words: Vec<String>| {
        if !ways.iter().any(|(known, turns_on)| known == short && *turns_on == words) {
            ways.push((short.to_owned(), words));
        }
    };
    let paths: Vec<&ResidualPath> = analysis.residual_paths.iter().filter(|path| open(analysis, path, with)).collect();
    for path in &paths {
        put(&path.short, path_fate(path, with).1);
    }
    for (jewel, closure) in closures(analysis, with) {
        let guarantee = match closure {
            Closure::Closed => continue,
            Closure::ClosedIfLacking(_) => Guarantee::Closed,
            Closure::Open => Guarantee::ClosedIfLacking,
        };
        if paths.iter().all(|path| path.to != jewel) {
            let missed = missed(analysis, with).filter(|c| c.jewel == jewel && c.guarantee == guarantee);
            missed.for_each(|clause| put(&clause.short, clause.words.clone()));
        }
    }
    ways
}

/// Clauses of the branch of switches that is in force, none of whose controls is.
fn missed<'a>(analysis: &'a Analysis, with: &'a [String]) -> impl Iterator<Item = &'a ClauseProof> {
    let sets = &analysis.minimal_control_sets;
    let in_force: BTreeSet<&String> = sets.switches.iter().filter(|switch| with.contains(switch)).collect();
    sets.clauses.iter().filter(move |clause| {
        clause.switches.iter().collect::<BTreeSet<_>>() == in_force
            && !clause.controls.iter().any(|id| with.contains(id))
    })
}

/// A set closes a jewel exactly if it meets each of its clauses.
fn closures(analysis: &Analysis, with: &[String]) -> Vec<(String, Closure)> {
    let clauses = &analysis.minimal_control_sets.clauses;
    let mut jewels: Vec<&str> = clauses.iter().map(|clause| clause.jewel.as_str()).collect();
    jewels.sort_unstable();
    jewels.dedup();
    jewels
        .into_iter()
        .map(|jewel| {
            let of = |guarantee: Guarantee| {
                missed(analysis, with).filter(move |c| c.jewel == jewel && c.guarantee == guarantee)
            };
            let mut words: Vec<String> = of(Guarantee::Closed).flat_map(|clause| clause.words.clone()).collect();
            words.sort();
            words.dedup();
            let closure = match (of(Guarantee::Closed).next(), of(Guarantee::ClosedIfLacking).next()) {
                (None, _) => Closure::Closed,
                (Some(_), None) => Closure::ClosedIfLacking(words),
                (Some(_), Some(_)) => Closure::Open,
            };
            (jewel.to_owned(), closure)
        })
        .collect()
}
