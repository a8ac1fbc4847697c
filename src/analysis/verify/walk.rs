//! With the case at hand: certified paths are walked again by the deciders, verdicts replayed. No path is searched for.

use super::Verified;
use crate::analysis::contract::{Analysis, Closes, Guarantee, PathStep};
use crate::analysis::fill::{Input, Session, path_steps, target_id};
use crate::cuts::exact::Set;
use crate::cuts::latent::{Limit, State};
use crate::model::{Level, ResourceId};
use crate::replay::{Stage, verdicts};
use std::collections::{BTreeMap, BTreeSet};

fn stage(guarantee: Guarantee) -> Stage {
    match guarantee {
        Guarantee::Closed => Stage::Free,
        Guarantee::ClosedIfLacking => Stage::FactsFree,
    }
}

/// Checks what the file claims against the case: each path certified as open is, none is open under a set that closes,
/// each verdict comes out again.
pub fn verify_case(input: Input<'_>, analysis: &Analysis, verified: &mut Verified) {
    Session::with(input, |session| {
        let mut walker = Walker { session, verified, known: BTreeMap::new() };
        walker.verdicts(analysis);
        walker.open(analysis);
        walker.closed(analysis);
    });
}

struct Walker<'w, 's> {
    session: &'w mut Session<'s>,
    verified: &'w mut Verified,
    /// Walks done: set, stage, jewel, path → what came of it.
    known: BTreeMap<(Set, u8, String, String), Walked>,
}

#[derive(Clone, Copy)]
struct Walked {
    open: bool,
    /// Everybody does what the path says they do.
    told: bool,
}

impl Walked {
    fn holds(self) -> bool {
        self.open && self.told
    }
}

impl Walker<'_, '_> {
    /// The set by its controls' ids; none where the case lacks one of them.
    fn set(&mut self, ids: &[String]) -> Option<Set> {
        let mut set: Set = 0;
        for id in ids {
            match self.session.filling.controls.iter().position(|control| control.id == *id) {
                Some(at) if at < 64 => set |= 1 << at,
                Some(_) | None => {
                    let text =
                        format!("what rests on `{id}`: the case has no such control (--policies names a folder)");
                    if !self.verified.unchecked.contains(&text) {
                        self.verified.unchecked.push(text);
                    }
                    return None;
                }
            }
        }
        Some(set)
    }

    fn walk(&mut self, set: Set, stage: Stage, jewel: &str, path: &[PathStep]) -> Walked {
        let operations: BTreeSet<(String, String)> =
            path.iter().filter(|step| step.step.is_none()).map(|step| (step.action.clone(), target_id(step))).collect();
        let steps: BTreeSet<&String> = path.iter().filter_map(|step| step.step.as_ref()).collect();
        let key = (
            set,
            stage as u8,
            jewel.to_lowercase(),
            format!("{:?} {steps:?}", path.iter().map(|s| (&s.action, &s.from, &s.to)).collect::<Vec<_>>()),
        );
        if let Some(open) = self.known.get(&key) {
            return *open;
        }
        let all = &self.session.filling.engine.case.correlated.steps;
        let steps: BTreeSet<usize> =
            steps.into_iter().filter_map(|id| all.iter().position(|step| step.id == *id)).collect();
        let run = self.session.oracle.run(set, stage);
        let (engine, jewel) = (self.session.filling.engine, ResourceId::new(jewel));
        // What history did on the way rests on what came before it, and the path must tell that too.
        let history = State::new(engine, &run, std::slice::from_ref(&jewel));
        let whole = history.steps_behind(&steps).is_subset(&steps);
        let way = crate::cuts::way_within(engine, &run, &jewel, Limit::Walk { operations, steps });
        // Who does what on what comes out as it is told.
        let told = way.as_ref().map(|way| path_steps(engine, way)).is_some_and(|walked| {
            let same = |told: &PathStep, one: &PathStep| {
                (&told.action, &told.from, &told.to, &told.to_id) == (&one.action, &one.from, &one.to, &one.to_id)
            };
            path.iter().all(|told| walked.iter().any(|one| same(told, one)))
        });
        let open = Walked { open: whole && way.is_some(), told };
        self.verified.paths += 1;
        self.known.insert(key, open);
        open
    }

    fn open(&mut self, analysis: &Analysis) {
        let sets = &analysis.minimal_control_sets;
        for clause in &sets.clauses {
            let Some(set) = self.set(&clause.insecure) else { continue };
            if !self.walk(set, stage(clause.guarantee), &clause.jewel, &clause.path).holds() {
                self.verified.failures.push(format!("clause {:?}: its path is not open", clause.controls));
            }
        }
        for listed in &sets.all_paths {
            for member in &listed.certificate.members {
                let rest: Vec<String> = listed.set.iter().filter(|id| **id != member.control).cloned().collect();
                let Some(set) = self.set(&rest) else { continue };
                if !self.walk(set, stage(listed.guarantee), &listed.jewel, &member.path).holds() {
                    let text = format!("{:?}: the path without `{}` is not open", listed.set, member.control);
                    self.verified.failures.push(text);
                }
            }
        }
        for path in &analysis.residual_paths {
            let Some(set) = self.set(&path.with) else { continue };
            // What is open for certain may take a step that is needless where missing facts count as allowed.
            let stages: &[Stage] = match path.open {
                Some(Closes::ClosedIfLacking) => &[Stage::Free],
                _ => &[Stage::FactsFree, Stage::Pessimist],
            };
            if !stages.iter().any(|stage| self.walk(set, *stage, &path.to, &path.steps).holds()) {
                self.verified.failures.push(format!("{}: the path is not open with {:?} in force", path.id, path.with));
            }
        }
    }

    /// No certified path is open under a set that is said to close the jewel.
    fn closed(&mut self, analysis: &Analysis) {
        let sets = &analysis.minimal_control_sets;
        let mut certified: BTreeMap<&str, Vec<&[PathStep]>> = BTreeMap::new();
        for clause in &sets.clauses {
            certified.entry(&clause.jewel).or_default().push(&clause.path);
        }
        for listed in &sets.all_paths {
            let paths = listed.certificate.members.iter().map(|member| member.path.as_slice());
            certified.entry(&listed.jewel).or_default().extend(paths);
        }
        for path in &analysis.residual_paths {
            certified.entry(&path.to).or_default().push(&path.steps);
        }
        for listed in &sets.all_paths {
            let Some(set) = self.set(&listed.set) else { continue };
            for path in certified.get(listed.jewel.as_str()).into_iter().flatten() {
                if self.walk(set, stage(listed.guarantee), &listed.jewel, path).open {
                    let text = format!(
                        "{:?} does not close {}: a certified path is open",
                        listed.set,
                        super::name(&listed.jewel)
                    );
                    if !self.verified.failures.contains(&text) {
                        self.verified.failures.push(text);
                    }
                }
            }
        }
    }

    fn verdicts(&mut self, analysis: &Analysis) {
        let engine = self.session.filling.engine;
        let steps = &engine.case.correlated.steps;
        let same = |(ours, theirs): (&crate::correlate::Step, &crate::analysis::Step)| {
            ours.id == theirs.id && ours.key == theirs.key
        };
        if steps.len() != analysis.steps.len() || !steps.iter().zip(&analysis.steps).all(same) {
            self.verified.failures.push("the case has other steps than the analysis".to_owned());
            return;
        }
        for told in &analysis.controls {
            let Some(control) = self.session.filling.controls.iter().find(|control| control.id == told.id) else {
                continue;
            };
            let bodies: Vec<_> = control.parts.iter().flat_map(|part| &part.documents).collect();
            if !bodies.iter().copied().eq(told.documents.iter().map(|document| &document.body)) {
                let text = format!("`{}`: its documents are not those of the analysis", told.id);
                self.verified.unchecked.push(text);
                continue;
            }
            let unfilled = control.parts.iter().any(|part| !part.unfilled.is_empty());
            let runs = engine.runs(&[control]);
            let found = verdicts(engine, runs.each_ref());
            for (step, found) in analysis.steps.iter().zip(&found) {
                self.verified.verdicts += 1;
                let level = match found.level {
                    Level::Cut | Level::Challenged if unfilled => Level::Unknown,
                    level => level,
                };
                let claimed = step.verdict(&told.id).map(|verdict| verdict.verdict);
                if claimed != Some(level) {
                    let claimed = claimed.map_or("nothing", Level::word);
                    let text = format!("{} under `{}`: replayed {}, claimed {claimed}", step.id, told.id, level.word());
                    self.verified.failures.push(text);
                }
            }
        }
    }
}

/// The operations of a path and nothing else; sign-ins are free.
pub fn limit(session: &Session<'_>, path: &[PathStep]) -> Limit {
    let steps = &session.filling.engine.case.correlated.steps;
    let observed = path.iter().filter_map(|step| step.step.as_ref());
    Limit::Only {
        operations: path
            .iter()
            .filter(|step| step.step.is_none())
            .map(|step| (step.action.clone(), target_id(step)))
            .collect(),
        steps: observed.filter_map(|id| steps.iter().position(|step| step.id == *id)).collect(),
    }
}
