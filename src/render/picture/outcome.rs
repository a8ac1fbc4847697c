//! What a set of controls does to the whole, looked up in what the analysis carries: conditions, paths, clauses and
//! baseline classes. Nothing is decided here; the page does the same in the reader's browser.

use super::build::open;
use super::state::{fate, holds};
use crate::analysis::{Analysis, ClauseProof, Guarantee};
use crate::model::Level;
use std::collections::BTreeSet;

#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Of each step, in their order.
    pub levels: Vec<Level>,
    /// Bytes of the steps that are not cut.
    pub bytes_lost: u64,
    /// Indices of the residual paths that stay open.
    pub open_paths: Vec<usize>,
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

pub fn outcome(analysis: &Analysis, with: &[String]) -> Outcome {
    let levels: Vec<Level> = analysis.steps.iter().map(|step| fate(step, with).level).collect();
    let bytes_lost = analysis.steps.iter().zip(&levels).filter(|(_, l)| **l != Level::Cut).map(|(s, _)| s.bytes).sum();
    let paths = analysis.residual_paths.iter().enumerate();
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
    Outcome {
        levels,
        bytes_lost,
        open_paths: paths.filter(|(_, path)| open(path, with)).map(|(at, _)| at).collect(),
        collateral,
        closures: closures(analysis, with),
    }
}

/// A set closes a jewel exactly if it meets each of its clauses.
fn closures(analysis: &Analysis, with: &[String]) -> Vec<(String, Closure)> {
    let clauses = &analysis.minimal_control_sets.clauses;
    let mut jewels: Vec<&str> = clauses.iter().map(|clause| clause.jewel.as_str()).collect();
    jewels.sort_unstable();
    jewels.dedup();
    // A clause binds in its own branch of the switches.
    let in_force: BTreeSet<&String> =
        analysis.minimal_control_sets.switches.iter().filter(|switch| with.contains(switch)).collect();
    let missed = |clause: &ClauseProof| {
        clause.switches.iter().collect::<BTreeSet<_>>() == in_force
            && !clause.controls.iter().any(|id| with.contains(id))
    };
    jewels
        .into_iter()
        .map(|jewel| {
            let of = |guarantee: Guarantee| {
                clauses.iter().filter(move |c| c.jewel == jewel && c.guarantee == guarantee).filter(|c| missed(c))
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
