//! `cutset verify`: the certificates of an analysis, checked without the search and without the solver that made them.
//!
//! From the file alone: every listed set meets every clause of its guarantee and jewel, none of its members is needless,
//! and trying all subsets of the candidates that clauses name finds no smaller or cheaper one; what is told twice is told
//! alike (`consistent`). With the case at hand: every certified path is walked again, one operation at a time, by the
//! deciders, and every verdict is replayed (`walk`); what no certificate proves is made again (`again`). What could not be
//! checked is said.

mod again;
mod consistent;
mod walk;

pub use again::compare;
pub(super) use walk::limit;
pub use walk::verify_case;

use super::contract::{Analysis, ClauseProof, Guarantee, MinimalControlSet, PathStep};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, Default, Serialize)]
pub struct Verified {
    pub sets: u64,
    pub clauses: u64,
    /// Paths walked again by the deciders; none where the case was not at hand.
    pub paths: u64,
    /// Verdicts replayed.
    pub verdicts: u64,
    /// Whether all else was made again from the case and compared.
    pub again: bool,
    pub failures: Vec<String>,
    /// What could not be checked, and why.
    pub unchecked: Vec<String>,
}

/// What the file itself proves.
pub fn verify(analysis: &Analysis) -> Verified {
    let mut verified = Verified::default();
    consistent::check(analysis, &mut verified.failures);
    let sets = &analysis.minimal_control_sets;
    let mut groups: BTreeSet<(String, Guarantee)> =
        sets.all_paths.iter().map(|s| (s.jewel.clone(), s.guarantee)).collect();
    groups.extend(sets.clauses.iter().map(|c| (c.jewel.clone(), c.guarantee)));
    let efforts: BTreeMap<&str, u32> = analysis.controls.iter().map(|c| (c.id.as_str(), c.effort)).collect();
    for (jewel, guarantee) in groups {
        let clauses: Vec<&ClauseProof> =
            sets.clauses.iter().filter(|c| c.jewel == jewel && c.guarantee == guarantee).collect();
        let listed: Vec<&MinimalControlSet> =
            sets.all_paths.iter().filter(|s| s.jewel == jewel && s.guarantee == guarantee).collect();
        verified.clauses += clauses.len() as u64;
        verified.sets += listed.len() as u64;
        for clause in &clauses {
            if clause.controls.iter().any(|c| clause.insecure.contains(c)) {
                verified.failures.push(format!("clause {:?}: a control is on both sides", clause.controls));
            }
            if !clause.path.last().is_some_and(|last| ends_at(last, &jewel)) {
                verified.failures.push(format!("clause {:?}: no path to {} proves it", clause.controls, name(&jewel)));
            }
        }
        // What is closed outright is closed with less asked of it, and is listed under that guarantee alone.
        let known: Vec<&MinimalControlSet> =
            sets.all_paths.iter().filter(|s| s.jewel == jewel && s.guarantee <= guarantee).collect();
        let branch_of = |set: &[String]| -> Vec<String> {
            sets.switches.iter().filter(|switch| set.contains(switch)).cloned().collect()
        };
        for set in &listed {
            let branch = branch_of(&set.set);
            let binding: Vec<&ClauseProof> = clauses.iter().copied().filter(|c| c.switches == branch).collect();
            one_set(set, &branch, &binding, &efforts, &mut verified.failures);
        }
        let branches: BTreeSet<&Vec<String>> = clauses.iter().map(|c| &c.switches).collect();
        for branch in branches {
            let binding: Vec<&ClauseProof> = clauses.iter().copied().filter(|c| c.switches == *branch).collect();
            smaller(&jewel, branch, &known, &binding, &efforts, &mut verified.failures);
        }
    }
    verified
}

fn name(jewel: &str) -> String {
    crate::model::ResourceId::new(jewel).name().to_owned()
}

/// Whether the last operation of a path acts on the jewel.
fn ends_at(last: &PathStep, jewel: &str) -> bool {
    last.to.eq_ignore_ascii_case(jewel) || last.step.is_some()
}

fn meets(set: &[String], clause: &ClauseProof) -> bool {
    clause.controls.iter().any(|c| set.contains(c))
}

fn one_set(
    set: &MinimalControlSet,
    branch: &[String],
    clauses: &[&ClauseProof],
    efforts: &BTreeMap<&str, u32>,
    failures: &mut Vec<String>,
) {
    for clause in clauses.iter().filter(|c| !meets(&set.set, c)) {
        failures.push(format!("{:?} does not meet the clause {:?}", set.set, clause.controls));
    }
    for member in &set.set {
        let without: Vec<String> = set.set.iter().filter(|m| *m != member).cloned().collect();
        // A switch is needed if its branch is: that the path opens without it is the member's own proof.
        if !branch.contains(member) && clauses.iter().all(|c| meets(&without, c)) {
            failures.push(format!("{:?} does not need `{member}`", set.set));
        }
        let proof = set.certificate.members.iter().find(|m| m.control == *member);
        if !proof.and_then(|proof| proof.path.last()).is_some_and(|last| ends_at(last, &set.jewel)) {
            failures.push(format!("{:?} has no path that opens without `{member}`", set.set));
        }
    }
    let effort: u32 = set.set.iter().filter_map(|c| efforts.get(c.as_str())).sum();
    if effort != set.effort {
        failures.push(format!("{:?} costs {effort}, not {}", set.set, set.effort));
    }
}

/// Tries every subset of what clauses name, smallest first, up to the size of the listed sets.
fn smaller(
    jewel: &str,
    branch: &[String],
    listed: &[&MinimalControlSet],
    clauses: &[&ClauseProof],
    efforts: &BTreeMap<&str, u32>,
    failures: &mut Vec<String>,
) {
    let names: Vec<&String> = clauses.iter().flat_map(|c| &c.controls).collect::<BTreeSet<_>>().into_iter().collect();
    let cheapest = listed.iter().map(|s| s.effort).min();
    let most = listed.iter().map(|s| s.set.len()).max().unwrap_or(0);
    let mut stack: Vec<(usize, Vec<String>)> = vec![(0, branch.to_vec())];
    while let Some((from, chosen)) = stack.pop() {
        if clauses.iter().all(|c| meets(&chosen, c)) {
            let effort: u32 = chosen.iter().filter_map(|c| efforts.get(c.as_str())).sum();
            let known = listed.iter().any(|s| s.set.iter().all(|m| chosen.contains(m)));
            if !known {
                failures.push(format!("{}: {chosen:?} meets every clause and is not listed", name(jewel)));
            } else if cheapest.is_some_and(|c| effort < c) {
                failures.push(format!("{}: {chosen:?} costs {effort}, less than the cheapest listed", name(jewel)));
            }
            continue;
        }
        if chosen.len() < most {
            for (at, name) in names.iter().enumerate().skip(from) {
                let mut more = chosen.clone();
                more.push((*name).clone());
                stack.push((at + 1, more));
            }
        }
    }
}
