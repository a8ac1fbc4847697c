//! `cut_by`, `conditions`, `minimal_control_sets`, `residual_paths`: what combinations of candidates do.

use super::super::contract::{
    Analysis, Certificate, ClauseProof, Closes, Condition, Guarantee, Loosening, MemberProof, MinimalControlSet,
    PathStep, ResidualPath, Uncovered,
};
use super::short::short;
use super::{Filling, searched};
use crate::cuts::exact::{Set, members};
use crate::cuts::latent::{Node, Path};
use crate::cuts::{self, Found, Oracle, Residual};
use crate::model::{Evidence, Kind, Level, ObjectId, ResourceId, Word};
use crate::replay::{Engine, Stage};
use std::collections::{BTreeMap, BTreeSet};

pub fn fill(filling: &Filling<'_>, oracle: &mut Oracle<'_>, analysis: &mut Analysis) {
    let loosening: Set = analysis
        .controls
        .iter()
        .enumerate()
        .filter(|(at, c)| *at < 64 && c.loosening.is_some())
        .fold(0, |set, (at, _)| set | 1 << at);
    let candidates = searched(filling) & !loosening;
    let nothing = oracle.run(0, Stage::Free);
    let principals = cuts::latent::principals(filling.engine, &nothing, &oracle.jewels);
    let switches = cuts::switches(&filling.engine.world.env, filling.controls, &principals);
    conditions(filling, oracle, analysis, candidates, &switches);
    let ids = |set: Set| -> Vec<String> { members(set).map(|i| filling.controls[i].id.clone()).collect() };
    analysis.minimal_control_sets.candidates = ids(candidates);
    analysis.minimal_control_sets.switches = switches
        .iter()
        .filter(|i| **i < 64 && candidates & (1 << **i) != 0)
        .map(|i| filling.controls[*i].id.clone())
        .collect();
    analysis.minimal_control_sets.lower_bound_proven = Some(true);
    let jewels = oracle.jewels.clone();
    for (at, jewel) in jewels.iter().enumerate() {
        let takes = takes_from(filling, jewel);
        let seen = cuts::observed(oracle, &takes, candidates, &switches);
        let mut observed: Vec<MinimalControlSet> =
            seen.iter().map(|found| of_set(filling, jewel, found, Certificate::default())).collect();
        mark(&mut observed);
        analysis.minimal_control_sets.observed.extend(observed);
        let all = cuts::all_paths(oracle, at, candidates, &switches);
        let clauses: Vec<ClauseProof> = all
            .clauses
            .iter()
            .map(|found| ClauseProof {
                jewel: jewel.spelled().to_owned(),
                guarantee: of_guarantee(found.guarantee),
                switches: ids(found.branch),
                controls: ids(found.clause.outside),
                insecure: ids(found.clause.insecure),
                path: found.path.as_ref().map(|p| path_steps(filling.engine, p)).unwrap_or_default(),
                words: found.path.iter().flat_map(|p| &p.words).map(|w| w.as_str().to_owned()).collect(),
                short: found.path.as_ref().map(short).unwrap_or_default(),
            })
            .collect();
        let mut listed: Vec<MinimalControlSet> = all
            .sets
            .iter()
            .map(|found| {
                let certificate = Certificate {
                    closing: closing(filling, oracle, found.set),
                    members: found
                        .without
                        .iter()
                        .map(|(i, path)| MemberProof {
                            control: filling.controls[*i].id.clone(),
                            path: path_steps(filling.engine, path),
                        })
                        .collect(),
                    clauses: clauses.iter().filter(|c| c.guarantee == of_guarantee(found.guarantee)).cloned().collect(),
                };
                of_set(filling, jewel, found, certificate)
            })
            .collect();
        mark(&mut listed);
        let sets = &mut analysis.minimal_control_sets;
        sets.all_paths.extend(listed);
        sets.clauses.extend(clauses);
        sets.truncated += all.truncated;
        if !all.lower_bound_proven {
            sets.lower_bound_proven = Some(false);
        }
        if let Some(path) = &all.uncovered {
            sets.uncovered
                .push(Uncovered { jewel: jewel.spelled().to_owned(), steps: path_steps(filling.engine, path) });
        }
    }
    closes(filling, oracle, analysis, candidates);
}

/// Steps that took content from the jewel.
fn takes_from(filling: &Filling<'_>, jewel: &ResourceId) -> Vec<usize> {
    let steps = &filling.engine.case.correlated.steps;
    (0..steps.len())
        .filter(|n| {
            let step = &steps[*n];
            let target = step.target_id.as_deref().map(ResourceId::new);
            let reads = step.bytes > 0
                || crate::effect::data_operation(&step.action).is_some_and(|row| row.reads)
                || crate::effect::vault_operation(&step.action).is_some()
                || crate::effect::exports_disk(&step.action);
            !step.failed() && reads && target.is_some_and(|t| jewel.contains(&t) || t.contains(jewel))
        })
        .collect()
}

fn conditions(
    filling: &Filling<'_>,
    oracle: &mut Oracle<'_>,
    analysis: &mut Analysis,
    candidates: Set,
    switches: &[usize],
) {
    let ids = |set: Set| -> Vec<String> { members(set).map(|i| filling.controls[i].id.clone()).collect() };
    // (switch, what it takes back) → the steps it opens again.
    let mut reopened: BTreeMap<(usize, Set), Vec<String>> = BTreeMap::new();
    let among: Vec<usize> = switches.iter().copied().filter(|i| *i < 64 && candidates & (1 << i) != 0).collect();
    for (n, step) in analysis.steps.iter_mut().enumerate() {
        if step.outcome != "success" && step.outcome != "unknown" {
            continue;
        }
        let mut known: BTreeSet<Vec<String>> = BTreeSet::new();
        for level in [Level::Cut, Level::Challenged, Level::Unknown] {
            for set in cuts::conditions(oracle, n, level, candidates, switches) {
                let set_ids = ids(set);
                if !known.insert(set_ids.clone()) {
                    continue;
                }
                if level == Level::Cut {
                    step.cut_by.push(set_ids.clone());
                }
                let (words, missing) = match members(set).collect::<Vec<_>>().as_slice() {
                    [only] => filling.judged[*only].verdicts.get(n).map_or_else(Default::default, |v| {
                        (
                            v.words.iter().map(|w| w.as_str().to_owned()).collect(),
                            v.missing.iter().map(|m| m.to_string()).collect(),
                        )
                    }),
                    _ => (Vec::new(), Vec::new()),
                };
                let mut unless = Vec::new();
                for &switch in among.iter().filter(|i| set & (1 << **i) == 0) {
                    if oracle.levels(set | 1 << switch).get(n).is_some_and(|with| *with > level) {
                        unless.push(filling.controls[switch].id.clone());
                        if level == Level::Cut {
                            reopened.entry((switch, set)).or_default().push(step.id.clone());
                        }
                    }
                }
                step.conditions.push(Condition { set: set_ids, unless, verdict: level, words, missing });
            }
        }
    }
    for ((switch, set), steps) in reopened {
        // Named after the search: a switch stays a candidate, its bad company is what is warned of.
        let Some(control) = analysis.controls.get_mut(switch) else { continue };
        let with = ids(set);
        let what = format!("takes back what `{}` refuses", with.join("` and `"));
        control.loosening.get_or_insert(Loosening { what, steps, with });
    }
}

fn of_guarantee(guarantee: cuts::Guarantee) -> Guarantee {
    match guarantee {
        cuts::Guarantee::Closed => Guarantee::Closed,
        cuts::Guarantee::ClosedIfLacking => Guarantee::ClosedIfLacking,
    }
}

fn words(words: &BTreeSet<Word>) -> Vec<String> {
    words.iter().map(|w| w.as_str().to_owned()).collect()
}

fn of_set(filling: &Filling<'_>, jewel: &ResourceId, found: &Found, certificate: Certificate) -> MinimalControlSet {
    let controls: Vec<_> = members(found.set).map(|i| &filling.controls[i]).collect();
    let counted = filling.lawful.under(filling.engine, &controls);
    MinimalControlSet {
        jewel: jewel.spelled().to_owned(),
        set: controls.iter().map(|c| c.id.clone()).collect(),
        guarantee: of_guarantee(found.guarantee),
        words: words(&found.words),
        effort: controls.iter().map(|c| c.effort).sum(),
        collateral: super::controls::collateral(filling, &counted),
        cheapest: false,
        pareto: false,
        certificate,
    }
}

/// Marks the cheapest and the Pareto-optimal (effort, lawful requests stopped) of each guarantee, and orders the list.
fn mark(sets: &mut [MinimalControlSet]) {
    let cost = |s: &MinimalControlSet| (s.effort, s.collateral.cut + s.collateral.challenged);
    sets.sort_by(|a, b| (a.guarantee, cost(a), a.set.len(), &a.set).cmp(&(b.guarantee, cost(b), b.set.len(), &b.set)));
    let costs: Vec<(Guarantee, (u32, u64))> = sets.iter().map(|s| (s.guarantee, cost(s))).collect();
    let mut cheapest_marked: BTreeSet<Guarantee> = BTreeSet::new();
    for (set, (guarantee, own)) in sets.iter_mut().zip(&costs) {
        let peers = costs.iter().filter(|(g, _)| g == guarantee);
        set.pareto = !peers.clone().any(|(_, c)| c.0 <= own.0 && c.1 <= own.1 && c != own);
        set.cheapest = cheapest_marked.insert(*guarantee);
    }
}

/// The joint replay of a set, as far as it refuses: the first step that fails and what refuses it.
fn closing(filling: &Filling<'_>, oracle: &mut Oracle<'_>, set: Set) -> Vec<PathStep> {
    let run = oracle.run(set, Stage::FactsFree);
    let correlated = &filling.engine.case.correlated;
    correlated
        .steps
        .iter()
        .zip(&run.steps)
        .filter_map(|(step, outcome)| {
            let (_, asked) = outcome.failure.as_ref()?;
            let part = asked.parts.iter().find(|p| !Stage::FactsFree.passes(p.answer.level))?;
            Some(PathStep {
                action: step.action.to_string(),
                from: step.actor.name.to_string(),
                to: step.target.to_string(),
                why: format!("{}: {}", part.name(), part.answer.reason),
                step: Some(step.id.clone()),
                ..PathStep::default()
            })
        })
        .collect()
}

/// Principal ids as names; resource ids as they are.
fn place(engine: &Engine<'_>, id: &str) -> String {
    if id.starts_with('/') {
        return engine
            .world
            .env
            .resource(&ResourceId::new(id))
            .and_then(|d| crate::model::json::text(&d.body, "id"))
            .unwrap_or(id)
            .to_owned();
    }
    let principal = ObjectId::new(id);
    let env = &engine.world.env;
    if [Kind::Users, Kind::ServicePrincipals, Kind::Groups].iter().any(|k| env.get(*k, principal.as_str()).is_some()) {
        return crate::replay::principal_name(engine, &principal);
    }
    crate::replay::known_name(env, id).unwrap_or_else(|| id.to_owned())
}

/// What a scope is called, where its id ends in no name of its own.
fn called(engine: &Engine<'_>, id: &str) -> Option<String> {
    let scope = ResourceId::new(id);
    let nameless = scope.subscription().as_ref() == Some(&scope) || scope.folded() == "/";
    let group = scope.folded().starts_with("/providers/microsoft.management/");
    let assignment = scope.folded().contains("/providers/microsoft.authorization/roleassignments/");
    if let (true, Some(of)) = (assignment, crate::control::extension_scope_of(&scope)) {
        return Some(format!("a role assignment at {}", crate::replay::scope_name(&engine.world.env, &of)));
    }
    (id.starts_with('/') && (nameless || group)).then(|| crate::replay::scope_name(&engine.world.env, &scope))
}

/// The id of a path's operation, folded: of the principal, or the place itself.
pub fn target_id(step: &PathStep) -> String {
    step.to_id.as_deref().unwrap_or(&step.to).to_lowercase()
}

fn why(engine: &Engine<'_>, node: &Node) -> String {
    match node.step {
        Some(n) => format!("as observed at {}", engine.step_id(n)),
        None => node.why.clone(),
    }
}

/// Where the right was read; else the record of the step that history did; else the document of who acts or of what is
/// acted on.
fn evidence(engine: &Engine<'_>, node: &Node) -> Vec<Evidence> {
    let made_up = |evidence: &Evidence| {
        matches!(evidence.file.as_ref(), "latent" | "hypothetical") || evidence.file.starts_with("control:")
    };
    let found: Vec<Evidence> = node.evidence.iter().filter(|evidence| !made_up(evidence)).cloned().collect();
    if !found.is_empty() {
        return found;
    }
    if let Some(event) = node.step.and_then(|n| engine.event(n)) {
        return vec![event.evidence.clone()];
    }
    let env = &engine.world.env;
    let document = |id: &str| match id.starts_with('/') {
        true => env.resource(&ResourceId::new(id)).map(|d| d.evidence.clone()),
        false => {
            [Kind::Users, Kind::ServicePrincipals].iter().find_map(|k| env.get(*k, id)).map(|d| d.evidence.clone())
        }
    };
    document(&node.from).or_else(|| document(&node.to)).into_iter().collect()
}

pub fn path_steps(engine: &Engine<'_>, path: &Path) -> Vec<PathStep> {
    path.nodes
        .iter()
        .map(|node| PathStep {
            action: node.action.clone(),
            from: place(engine, &node.from),
            to_id: Some(node.to.clone()).filter(|id| place(engine, id) != *id && !id.starts_with('/')),
            to: place(engine, &node.to),
            to_name: called(engine, &node.to),
            why: why(engine, node),
            step: node.step.map(|n| engine.step_id(n).to_owned()),
            evidence: evidence(engine, node),
        })
        .collect()
}

/// What each candidate alone leaves open, and how sure it is where it leaves nothing.
fn closes(filling: &Filling<'_>, oracle: &mut Oracle<'_>, analysis: &mut Analysis, candidates: Set) {
    let jewels = oracle.jewels.clone();
    if jewels.is_empty() {
        return;
    }
    for at in 0..filling.controls.len().min(64) {
        let set: Set = 1 << at;
        let free = oracle.paths(set, Stage::Free);
        let facts_free = oracle.reached(set, Stage::FactsFree);
        let control = &mut analysis.controls[at];
        if free.iter().all(Option::is_none) {
            control.closes = Closes::Closed;
            continue;
        }
        if facts_free.iter().all(|open| !open) {
            control.closes = Closes::ClosedIfLacking;
            let turns_on: BTreeSet<Word> = free.iter().flatten().flat_map(|p| p.words.iter().copied()).collect();
            control.words = words(&turns_on);
        }
    }
    let mut paths: Vec<ResidualPath> = Vec::new();
    let mut founds: Vec<Residual> = Vec::new();
    for at in 0..filling.controls.len().min(64) {
        let acts = filling.judged[at].verdicts.iter().any(|v| v.level != Level::NotCut);
        if analysis.controls[at].closes == Closes::Closed || !acts {
            continue;
        }
        let before = paths.len();
        for (jewel, id) in jewels.iter().enumerate() {
            for found in cuts::residual(oracle, 1 << at, jewel) {
                paths.push(of_residual(filling, id, &found));
                founds.push(found);
            }
        }
        analysis.controls[at].residual_paths = (paths.len() - before) as u64;
    }
    // A path that only the set opens (a role for lawful readers) is none without it.
    for (path, found) in paths.iter_mut().zip(&founds) {
        if !matches!(left(oracle, found, 0), Left::Open(_)) {
            path.conditions.push(Condition {
                set: Vec::new(),
                unless: path.with.clone(),
                verdict: Level::Cut,
                words: Vec::new(),
                missing: Vec::new(),
            });
        }
    }
    // Candidate by candidate: the oracle remembers the sets asked last.
    for i in members(candidates) {
        for (path, found) in paths.iter_mut().zip(&founds).filter(|(_, found)| found.set & (1 << i) == 0) {
            // What a candidate does to a path alone it does in any company. Else it may refuse what only the set that
            // the path is about makes needful (a write back).
            let opened = path.conditions.first().is_some_and(|c| c.set.is_empty());
            let mut set: Set = if opened { found.set | 1 << i } else { 1 << i };
            let mut done = left(oracle, found, set);
            if matches!(&done, Left::Open(way) if !opened && !operations(way).is_superset(&operations(&found.path))) {
                set |= found.set;
                done = left(oracle, found, set);
            }
            let (verdict, words) = match done {
                Left::Open(_) => continue,
                Left::Challenged(turns_on) => (Level::Challenged, words(&turns_on)),
                Left::Cut => (Level::Cut, Vec::new()),
            };
            if verdict == Level::Cut {
                path.cut_by.push(vec![filling.controls[i].id.clone()]);
            }
            let set = members(set).map(|i| filling.controls[i].id.clone()).collect();
            path.conditions.push(Condition { set, unless: Vec::new(), verdict, words, missing: Vec::new() });
        }
    }
    for (n, path) in paths.iter_mut().enumerate() {
        path.id = format!("p{}", n + 1);
    }
    analysis.residual_paths = paths;
}

/// What a set leaves of a path.
enum Left {
    Open(Path),
    /// To whoever holds these words.
    Challenged(BTreeSet<Word>),
    Cut,
}

fn left(oracle: &mut Oracle<'_>, found: &Residual, set: Set) -> Left {
    let Some(jewel) = oracle.jewels.get(found.jewel).cloned() else { return Left::Cut };
    let engine = oracle.engine;
    let certain = found.stage != Stage::Free;
    if certain && let Some(way) = cuts::way_left(engine, &oracle.run(set, Stage::FactsFree), &jewel, &found.path) {
        return Left::Open(way);
    }
    match cuts::way_left(engine, &oracle.run(set, Stage::Free), &jewel, &found.path) {
        Some(way) if certain => Left::Challenged(way.words),
        Some(way) => Left::Open(way),
        None => Left::Cut,
    }
}

/// What the attacker does on a path that they did not do.
fn operations(path: &Path) -> BTreeSet<(&str, &str)> {
    let own = path.nodes.iter().filter(|node| node.step.is_none() && node.action != "SignIn");
    own.map(|node| (node.action.as_str(), node.to.as_str())).collect()
}

fn of_residual(filling: &Filling<'_>, jewel: &ResourceId, found: &Residual) -> ResidualPath {
    let ids = |set: Set| -> Vec<String> { members(set).map(|i| filling.controls[i].id.clone()).collect() };
    ResidualPath {
        with: ids(found.set),
        to: jewel.spelled().to_owned(),
        steps: path_steps(filling.engine, &found.path),
        cut_by: Vec::new(),
        id: String::new(),
        open: Some(match found.stage {
            Stage::Pessimist | Stage::FactsFree => Closes::NotClosed,
            Stage::Free => Closes::ClosedIfLacking,
        }),
        words: words(&found.path.words),
        missing: found.path.missing.iter().map(|m| m.to_string()).collect(),
        short: short(&found.path),
        conditions: Vec::new(),
        from: found.path.from,
        until: found.path.until,
    }
}
