//! What the analysis tells in two places it must tell alike: a verdict and the lists made of it, a cut and its minimal
//! sets, a control and the sets it closes paths with, the sums.

use crate::analysis::contract::{Analysis, Closes, Control, Guarantee, MinimalControlSet, Mode, ResidualPath};
use crate::model::Level;

pub fn check(analysis: &Analysis, failures: &mut Vec<String>) {
    for control in &analysis.controls {
        lists(analysis, control, failures);
        closes(analysis, control, failures);
    }
    for step in &analysis.steps {
        for verdict in step.verdicts.iter().filter(|verdict| analysis.control(&verdict.control).is_none()) {
            failures.push(format!("{}: a verdict of `{}`, which is no control", step.id, verdict.control));
        }
        let searched = &analysis.minimal_control_sets.candidates;
        for control in searched.iter().filter(|id| step.verdicts.iter().any(|verdict| verdict.control == **id)) {
            let alone = step.cut_by.iter().any(|set| set.iter().all(|member| member == control));
            let cut = step.verdict(control).is_some_and(|verdict| verdict.verdict == Level::Cut);
            let stands = step.outcome == "success" || step.outcome == "unknown";
            if stands && alone != cut {
                failures.push(format!("{}: whether `{control}` alone cuts it is told in two ways", step.id));
            }
        }
        for set in step.cut_by.iter().filter(|set| set.iter().any(|id| analysis.control(id).is_none())) {
            failures.push(format!("{}: cut by {set:?}, which are not all controls", step.id));
        }
        for verdict in &step.verdicts {
            let events = &verdict.events;
            let all = events.cut + events.challenged + events.unknown + events.not_cut;
            let highest = match (events.not_cut, events.unknown, events.challenged, events.cut) {
                (1.., _, _, _) => Level::NotCut,
                (0, 1.., _, _) => Level::Unknown,
                (0, 0, 1.., _) => Level::Challenged,
                (0, 0, 0, _) => Level::Cut,
            };
            if all > 0 && (highest != verdict.verdict || all > step.count) {
                failures.push(format!("{}: the events of `{}` do not make its verdict", step.id, verdict.control));
            }
        }
    }
    covered(analysis, failures);
    marks(&analysis.minimal_control_sets.all_paths, failures);
    marks(&analysis.minimal_control_sets.observed, failures);
    let taken: u64 = analysis.steps.iter().filter(|step| step.outcome.starts_with("success")).map(|s| s.bytes).sum();
    if taken != analysis.headline.bytes {
        failures.push(format!("the steps took {taken} bytes, the headline says {}", analysis.headline.bytes));
    }
}

fn lists(analysis: &Analysis, control: &Control, failures: &mut Vec<String>) {
    let with = |wanted: &dyn Fn(Level, Mode) -> bool| -> Vec<&str> {
        let verdicts = analysis.steps.iter().filter_map(|step| Some((step, step.verdict(&control.id)?)));
        verdicts.filter(|(_, v)| wanted(v.verdict, v.mode)).map(|(step, _)| step.id.as_str()).collect()
    };
    let told: [(&str, &[String], Vec<&str>); 4] = [
        ("cuts", &control.cuts, with(&|level, _| level == Level::Cut)),
        ("cuts_directly", &control.cuts_directly, with(&|level, mode| level == Level::Cut && mode == Mode::Direct)),
        ("challenges", &control.challenges, with(&|level, _| level == Level::Challenged)),
        ("unknown", &control.unknown, with(&|level, _| level == Level::Unknown)),
    ];
    for (list, listed, verdicts) in told {
        if listed != verdicts.as_slice() {
            failures.push(format!("`{}`: `{list}` is {listed:?}, its verdicts say {verdicts:?}", control.id));
        }
    }
}

/// Alone it closes every jewel exactly if alone it is a listed set of each, or meets each of its clauses.
fn closes(analysis: &Analysis, control: &Control, failures: &mut Vec<String>) {
    let sets = &analysis.minimal_control_sets;
    if !sets.candidates.contains(&control.id) || analysis.jewels.is_empty() {
        return;
    }
    let alone = |guarantee: Guarantee, jewel: &str| {
        let listed = sets.all_paths.iter().any(|set| {
            set.jewel == jewel && set.guarantee == guarantee && (set.set.is_empty() || set.set == [control.id.clone()])
        });
        let branch: Vec<&String> = sets.switches.iter().filter(|switch| **switch == control.id).collect();
        let clauses = || {
            let of = sets.clauses.iter().filter(|clause| clause.jewel == jewel && clause.guarantee == guarantee);
            of.filter(|clause| clause.switches.iter().eq(branch.iter().copied()))
        };
        let met = clauses().next().is_some() && clauses().all(|clause| clause.controls.contains(&control.id));
        listed || met
    };
    let every = |guarantees: &[Guarantee]| {
        analysis.jewels.iter().all(|jewel| guarantees.iter().any(|guarantee| alone(*guarantee, &jewel.id)))
    };
    let proven = match control.closes {
        Closes::Closed => every(&[Guarantee::Closed]),
        Closes::ClosedIfLacking => every(&[Guarantee::Closed, Guarantee::ClosedIfLacking]),
        Closes::NotClosed => !every(&[Guarantee::Closed, Guarantee::ClosedIfLacking]),
    };
    if !proven {
        failures.push(format!("`{}`: whether it closes every path is not what the sets and clauses say", control.id));
    }
}

/// A jewel that a set closes is not uncovered; one that none closes is.
fn covered(analysis: &Analysis, failures: &mut Vec<String>) {
    let sets = &analysis.minimal_control_sets;
    for jewel in &analysis.jewels {
        let closed = sets.all_paths.iter().any(|set| set.jewel == jewel.id);
        let uncovered = sets.uncovered.iter().any(|one| one.jewel == jewel.id);
        let name = super::name(&jewel.id);
        match (closed, uncovered) {
            (true, true) => failures.push(format!("{name}: told uncovered, and sets that close it are listed")),
            (false, false) if sets.truncated == 0 => {
                failures.push(format!("{name}: neither is a set listed that closes it, nor is it told uncovered"));
            }
            (true, false) | (false, true) | (false, false) => {}
        }
    }
    for control in &analysis.controls {
        let alone = |path: &&ResidualPath| path.with == [control.id.clone()];
        let paths = analysis.residual_paths.iter().filter(alone).count() as u64;
        if paths != control.residual_paths {
            let text =
                format!("`{}`: {} paths stay open with it, and {paths} are listed", control.id, control.residual_paths);
            failures.push(text);
        }
    }
    for path in &analysis.residual_paths {
        for step in path.steps.iter().filter(|step| step.step.is_some()) {
            let id = step.step.as_deref().unwrap_or_default();
            if analysis.step(id).is_none_or(|observed| observed.action != step.action) {
                failures.push(format!("{}: {} is not what was observed at {id}", path.id, step.action));
            }
        }
    }
}

/// Which sets are the cheapest and which Pareto-optimal follows from what they cost.
fn marks(sets: &[MinimalControlSet], failures: &mut Vec<String>) {
    for set in sets {
        let peers = || sets.iter().filter(|other| other.jewel == set.jewel && other.guarantee == set.guarantee);
        let cost = |of: &MinimalControlSet| (of.effort, of.collateral.cut + of.collateral.challenged);
        let own = cost(set);
        let least = peers().map(cost).min();
        if set.cheapest && least != Some(own) {
            failures.push(format!("{:?}: marked the cheapest, and it is not", set.set));
        }
        if !peers().any(|other| other.cheapest) {
            failures.push(format!("{:?}: none of its kind is marked the cheapest", set.set));
        }
        let better = peers().map(cost).any(|other| other.0 <= own.0 && other.1 <= own.1 && other != own);
        if set.pareto == better {
            failures.push(format!("{:?}: whether it is Pareto-optimal is not what the costs say", set.set));
        }
    }
}
