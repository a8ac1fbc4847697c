//! Three runs → one verdict a step.

use super::ask::{Asked, Part, PartKind};
use super::directory::directory_answer;
use super::engine::Engine;
use super::run::{Run, Stage, StepRun};
use super::token::ways_to_token;
use crate::causal::World;
use crate::control::Undo;
use crate::effect::{Audience, policy_context, policy_request};
use crate::model::request::ArmRequest;
use crate::model::{
    ActorKind, ArmDetail, Clause, Control, Fact, Kind, Level, Missing, ObjectId, ResourceId, Timestamp, Word,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What lets the attacker take a control away again, with what they hold at that moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undoing {
    /// The operation and where.
    pub capability: String,
    /// What the attacker would do, in words.
    pub steps: Vec<String>,
}

/// The events of a step by level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub cut: u64,
    pub challenged: u64,
    pub unknown: u64,
    pub not_cut: u64,
}

/// What a set of controls does to one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    pub level: Level,
    pub direct: bool,
    /// Index of the earliest step whose yield fails.
    pub via: Option<usize>,
    pub reason: String,
    pub missing: Missing,
    pub words: BTreeSet<Word>,
    pub assumes: BTreeSet<String>,
    /// Names what cannot be explained and is held.
    pub caveat: Option<String>,
    pub undo: Option<Undoing>,
    pub detected: Vec<String>,
    pub at: Option<Timestamp>,
    pub lost_bytes: u64,
    pub lost_steps: u64,
    pub counts: Counts,
    pub clauses: Vec<Clause>,
    /// The gate that decided, where it is direct.
    pub gate: Option<super::ask::GateName>,
}

/// Verdicts of every step from its three runs (pessimist, facts-free, free).
pub fn verdicts(engine: &Engine<'_>, runs: [&Run; 3]) -> Vec<Verdict> {
    let steps = &engine.case.correlated.steps;
    let mut found: Vec<Verdict> = Vec::with_capacity(steps.len());
    for n in 0..steps.len() {
        let verdict = of_step(engine, runs, n, &found);
        found.push(verdict);
    }
    found
}

fn of_step(engine: &Engine<'_>, runs: [&Run; 3], n: usize, earlier: &[Verdict]) -> Verdict {
    let step = &engine.case.correlated.steps[n];
    let of = |stage: Stage| runs.iter().find(|r| r.stage == stage).map(|r| &r.steps[n]);
    let mut counts = Counts::default();
    let mut level = Level::Cut;
    for (at, index) in step.events.iter().enumerate() {
        let event_level = level_of(at, of(Stage::Pessimist), of(Stage::FactsFree), of(Stage::Free));
        let count = engine.case.correlated.window_events.get(*index).map_or(1, |e| e.count);
        match event_level {
            Level::Cut => counts.cut += count,
            Level::Challenged => counts.challenged += count,
            Level::Unknown => counts.unknown += count,
            Level::NotCut => counts.not_cut += count,
        }
        level = level.max(event_level);
    }
    let mut verdict = Verdict {
        level,
        direct: true,
        via: None,
        reason: String::new(),
        missing: Missing::new(),
        words: BTreeSet::new(),
        assumes: BTreeSet::new(),
        caveat: None,
        undo: None,
        detected: Vec::new(),
        at: None,
        lost_bytes: 0,
        lost_steps: 0,
        counts,
        clauses: Vec::new(),
        gate: None,
    };
    if step.failed() || step.context {
        verdict.level = Level::NotCut;
        verdict.counts = Counts { not_cut: step.count, ..Counts::default() };
        verdict.reason = if step.context { "context" } else { "failedInFact" }.to_owned();
        return verdict;
    }
    if let Some(first) = of(Stage::Pessimist).and_then(|r| r.first.as_deref()) {
        verdict.caveat = caveat(first);
        verdict.detected = first.parts.iter().flat_map(|p| p.answer.detected.clone()).collect();
        verdict.detected.sort();
        verdict.detected.dedup();
    }
    if level == Level::NotCut {
        let asked = of(Stage::Pessimist).and_then(|r| r.first.as_deref());
        let gate = asked.into_iter().flat_map(|a| &a.parts).find(|p| matches!(p.kind, PartKind::Gate(_)));
        verdict.reason = gate.map_or_else(|| "allowed".to_owned(), |p| p.answer.reason.clone());
        verdict.clauses = asked.into_iter().flat_map(|a| &a.parts).flat_map(|p| p.answer.clauses.clone()).collect();
        return verdict;
    }
    let stage = match level {
        Level::Cut => Stage::Free,
        Level::Challenged => Stage::FactsFree,
        Level::Unknown | Level::NotCut => Stage::Pessimist,
    };
    let Some(outcome) = of(stage) else { return verdict };
    let Some((time, asked)) = &outcome.failure else { return verdict };
    let failing: Vec<&Part> = asked.parts.iter().filter(|p| !stage.passes(p.answer.level)).collect();
    // A right that is lacking, and not because an earlier step failed, is refused here.
    let decides = |part: &Part| matches!(part.kind, PartKind::Gate(_) | PartKind::Privilege) && part.via.is_none();
    let gates: Vec<&&Part> = failing.iter().filter(|p| decides(p)).collect();
    verdict.direct = !gates.is_empty();
    let deciding: Vec<&Part> = if gates.is_empty() { failing.clone() } else { gates.into_iter().copied().collect() };
    verdict.via = if verdict.direct { None } else { deciding.iter().filter_map(|p| p.via).min() };
    verdict.gate = deciding.iter().find_map(|p| match p.kind {
        PartKind::Gate(gate) => Some(gate),
        _ => None,
    });
    let chosen = deciding.iter().find(|p| verdict.direct || p.via == verdict.via).or(deciding.first());
    verdict.reason = chosen.map(|p| p.answer.reason.clone()).unwrap_or_default();
    for part in &deciding {
        verdict.words.extend(part.answer.words.iter().copied());
        verdict.missing.extend(part.answer.missing.iter().cloned());
        verdict.clauses.extend(part.answer.clauses.iter().cloned());
        verdict.assumes.extend(part.assumes.iter().cloned());
    }
    verdict.at = Some(*time);
    verdict.undo = if verdict.direct { outcome.undo.clone() } else { None };
    if let Some(cause) = verdict.via.and_then(|via| earlier.get(via)) {
        if verdict.words.is_empty() && level == Level::Challenged {
            verdict.words.extend(cause.words.iter().copied());
        }
        if verdict.missing.is_empty() && level == Level::Unknown {
            verdict.missing.extend(cause.missing.iter().cloned());
        }
        verdict.assumes.extend(cause.assumes.iter().cloned());
        verdict.undo = cause.undo.clone();
        if cause.at.is_some() {
            verdict.at = cause.at;
        }
        if verdict.clauses.is_empty() {
            verdict.clauses.clone_from(&cause.clauses);
        }
    }
    if level != Level::Cut {
        verdict.undo = None;
    }
    match level {
        Level::Challenged => verdict.missing.clear(),
        Level::Unknown => verdict.words.clear(),
        Level::Cut | Level::NotCut => {
            verdict.missing.clear();
            verdict.words.clear();
        }
    }
    (verdict.lost_bytes, verdict.lost_steps) = lost_before(engine, runs, stage, verdict.at);
    verdict
}

fn level_of(at: usize, pessimist: Option<&StepRun>, facts_free: Option<&StepRun>, free: Option<&StepRun>) -> Level {
    let passed = |run: Option<&StepRun>| run.and_then(|r| r.passed.get(at)).copied() == Some(true);
    if passed(pessimist) {
        Level::NotCut
    } else if passed(facts_free) {
        Level::Unknown
    } else if passed(free) {
        Level::Challenged
    } else {
        Level::Cut
    }
}

fn caveat(asked: &Asked) -> Option<String> {
    let held: Vec<&str> = asked.parts.iter().filter_map(|p| p.held.as_deref()).collect();
    (!held.is_empty()).then(|| format!("rests on what is unexplained: {}", held.join(", ")))
}

/// What the attack had by the moment the cut comes.
fn lost_before(engine: &Engine<'_>, runs: [&Run; 3], stage: Stage, at: Option<Timestamp>) -> (u64, u64) {
    let Some(at) = at else { return (0, 0) };
    let Some(run) = runs.iter().find(|r| r.stage == stage) else { return (0, 0) };
    let mut bytes = 0;
    let mut steps = 0;
    for (step, outcome) in engine.case.correlated.steps.iter().zip(&run.steps) {
        let mut any = false;
        for (index, passed) in step.events.iter().zip(&outcome.passed) {
            if let Some(event) = engine.case.correlated.window_events.get(*index)
                && *passed
                && event.time < at
            {
                bytes += event.bytes;
                any = true;
            }
        }
        steps += u64::from(any);
    }
    (bytes, steps)
}

/// A run at the moment a step fails.
pub struct Moment<'m> {
    pub engine: &'m Engine<'m>,
    pub world: &'m World,
    pub steps: &'m [StepRun],
    pub step: usize,
    pub at: Timestamp,
    pub stage: Stage,
}

/// What, in this run at this moment, would let the attacker take one of the controls away again. `documents`: ids of
/// those that refused; a property that is patched on many resources is undone on the one that refused.
pub fn undoing(moment: &Moment<'_>, controls: &[&Control], documents: &[String]) -> Option<Undoing> {
    let mut principals: Vec<&ObjectId> = moment.engine.signed_in_principals().collect();
    principals.extend(moment.engine.links(moment.step).principal.iter());
    principals.sort();
    principals.dedup();
    for control in controls {
        let ways = moment.engine.undo_of(control);
        let on = |way: &Undo| match way {
            Undo::Arm { scope, .. } | Undo::Grant { scope, .. } => documents.iter().any(|d| d == scope.folded()),
            Undo::Directory { .. } => false,
        };
        let meant: Vec<&Undo> = ways.iter().filter(|way| on(way)).collect();
        let meant = if meant.is_empty() { ways.iter().collect() } else { meant };
        for way in meant {
            if principals.iter().any(|principal| can(moment, principal, way)) {
                return Some(in_words(way));
            }
        }
    }
    None
}

fn can(moment: &Moment<'_>, principal: &ObjectId, way: &Undo) -> bool {
    let Moment { engine, world, steps, step, at, stage } = *moment;
    match way {
        Undo::Directory { operation } => {
            stage.passes(directory_answer(engine, world, step, principal, operation, at).level)
                && holds_token(engine, world, steps, principal, &Audience::Graph, at, stage)
        }
        Undo::Arm { operation, scope } => {
            may(moment, principal, operation, scope, Attributes::default())
                && stage.passes(policy_on_undo(engine, world, operation, scope, at))
        }
        Undo::Grant { scope, role, principal: holder, kind } => {
            let attribute = |name: &str| format!("@Request[Microsoft.Authorization/roleAssignments:{name}]");
            let mut attributes = Attributes::default();
            attributes.insert(attribute("RoleDefinitionId"), Some(vec![json!(role)]));
            attributes.insert(attribute("PrincipalId"), Some(vec![json!(holder.as_str())]));
            attributes.insert(attribute("PrincipalType"), kind.as_ref().map(|kind| vec![json!(kind)]));
            may(moment, principal, "Microsoft.Authorization/roleAssignments/write", scope, attributes)
        }
    }
}

type Attributes = BTreeMap<String, Option<Vec<Value>>>;

fn may(moment: &Moment<'_>, principal: &ObjectId, operation: &str, scope: &ResourceId, attributes: Attributes) -> bool {
    let Moment { engine, world, steps, at, stage, .. } = *moment;
    let caller = world.principal(principal, ActorKind::User);
    let request = ArmRequest {
        operation: operation.to_owned(),
        is_data_action: false,
        scope: scope.clone(),
        suboperation: None,
        utc_now: at,
        attributes,
    };
    stage.passes(world.rbac().answer(&caller, &request).level)
        && holds_token(engine, world, steps, principal, &Audience::ResourceManager, at, stage)
}

/// What Azure Policy says to writing the resource back as it was.
fn policy_on_undo(engine: &Engine<'_>, world: &World, operation: &str, scope: &ResourceId, at: Timestamp) -> Level {
    let Some(before) = engine.world.env.get(Kind::Resources, scope.folded()) else { return Level::NotCut };
    let detail = ArmDetail {
        resource: scope.clone(),
        authorization: None,
        request_body: Fact::Known(before.body.as_ref().clone()),
        response_body: Fact::Unknown,
        claims: Fact::Unknown,
        status: Fact::Unknown,
    };
    match policy_request(&world.env, operation, &detail) {
        Some(request) => {
            let context = policy_context(&world.env, scope, &detail.claims, at);
            world.policy().answer(&request, &context).level
        }
        None => Level::NotCut,
    }
}

/// Whether the attacker has a token of the principal for the audience by then in this run.
pub fn holds_token(
    engine: &Engine<'_>,
    world: &World,
    steps: &[StepRun],
    principal: &ObjectId,
    audience: &Audience,
    at: Timestamp,
    stage: Stage,
) -> bool {
    let observed = engine.sign_ins_of(principal).any(|(n, event)| {
        let issued_for = match &event.detail {
            crate::model::Detail::SignIn(d) => d.resource_id.known().map(|id| Audience::of_application(id)),
            _ => None,
        };
        issued_for.as_ref() == Some(audience) && event.time <= at && steps.get(n).is_some_and(StepRun::any)
    });
    observed
        || ways_to_token(engine, world, steps, principal, audience, at).iter().any(|way| stage.passes(way.answer.level))
}

fn in_words(way: &Undo) -> Undoing {
    match way {
        Undo::Directory { operation } => Undoing { capability: operation.clone(), steps: vec![operation.clone()] },
        Undo::Grant { scope, .. } => Undoing {
            capability: format!("Microsoft.Authorization/roleAssignments/write on {}", scope.name()),
            steps: vec!["grant the role again".to_owned()],
        },
        Undo::Arm { operation, scope } => {
            let lower = operation.to_lowercase();
            let done = if lower.ends_with("/locks/delete") {
                "delete the lock".to_owned()
            } else if lower.ends_with("/policyassignments/delete") {
                "delete the policy assignment".to_owned()
            } else if lower.ends_with("/policyassignments/write") {
                "change the policy assignment".to_owned()
            } else if lower.ends_with("/policyexemptions/write") {
                "exempt the scope".to_owned()
            } else if lower.ends_with("/roleassignments/write") {
                "grant the role again".to_owned()
            } else if lower.ends_with("/rolemanagementpolicies/write") {
                "weaken the activation rules".to_owned()
            } else {
                format!("write {} back as it was", scope.name())
            };
            Undoing { capability: format!("{operation} on {}", scope.name()), steps: vec![done] }
        }
    }
}

/// Failed attempts of the attack that the control alone would let through: it loosens.
pub fn loosened(engine: &Engine<'_>, control: &Control) -> Vec<usize> {
    let steps = &engine.case.correlated.steps;
    let failed: Vec<usize> = (0..steps.len()).filter(|n| steps[*n].failed() && !steps[*n].context).collect();
    if failed.is_empty() {
        return failed;
    }
    let before = super::run::run(engine, &engine.world, Stage::FactsFree, &[], false);
    let world = engine.world_with(&[control]);
    let after = super::run::run(engine, &world, Stage::FactsFree, &[control], false);
    failed
        .into_iter()
        .filter(|n| {
            let Some(event) = engine.event(*n) else { return false };
            let was = super::ask::ask(engine, &before.world, &before.steps, *n, event);
            let is = super::ask::ask(engine, &after.world, &after.steps, *n, event);
            !was.passes(Stage::FactsFree) && is.passes(Stage::FactsFree)
        })
        .collect()
}
