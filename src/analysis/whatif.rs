//! `cutset whatif`: the incident replayed under a set of controls, and what changes against history.

use super::contract::{Closes, Collateral, Loosening, Mode, PathStep, ResidualPath};
use super::fill::{Filling, Input, Session, principal_name_of};
use crate::cuts::exact::Set;
use crate::cuts::latent::Limit;
use crate::cuts::{residual, way_within};
use crate::model::{ActorKind, Evidence, InputError, Level, ObjectId, ResourceId, Timestamp, did_you_mean};
use crate::replay::collateral::Collateral as Counted;
use crate::replay::{Stage, verdicts};
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Clone, Debug, Serialize)]
pub struct WhatIf {
    pub with: Vec<String>,
    pub steps: Vec<Changed>,
    /// Bytes taken in fact, and those still taken under the set (steps that are not cut).
    pub bytes: u64,
    pub bytes_remaining: u64,
    pub jewels: Vec<Jewel>,
    /// What the set lets through that history, or one of its members alone, refuses.
    pub loosens: Vec<Loosening>,
    pub collateral: Collateral,
    /// The lawful requests touched, most first; persons are named only where they were asked for.
    pub lawful: Vec<Touched>,
}

/// Lawful requests alike in kind.
#[derive(Clone, Debug, Serialize)]
pub struct Touched {
    pub verdict: Level,
    pub count: u64,
    pub action: String,
    pub who: String,
    pub target: String,
    pub evidence: Vec<Evidence>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Changed {
    pub step: String,
    pub time: Timestamp,
    pub short: String,
    pub target: String,
    pub mode: Mode,
    pub verdict: Level,
    pub via: Option<String>,
    pub reason: String,
    pub words: Vec<String>,
    pub missing: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Jewel {
    pub id: String,
    pub closes: Closes,
    /// Words the path turns on, with `closed-if-lacking`.
    pub words: Vec<String>,
    /// The path that is open.
    pub path: Vec<PathStep>,
    /// Paths that are open, the shortest first and detours that differ from it.
    pub paths: Vec<Still>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Still {
    pub steps: Vec<PathStep>,
    pub words: Vec<String>,
    pub missing: Vec<String>,
}

/// Replays under the controls named.
pub fn whatif(input: Input<'_>, with: &[String]) -> Result<WhatIf, InputError> {
    let who = input.who;
    Session::with(input, |session| answer(session, who, with))
}

/// The same for several sets, the case made ready once.
pub fn each(input: Input<'_>, sets: &[Vec<String>]) -> Result<Vec<WhatIf>, InputError> {
    let who = input.who;
    Session::with(input, |session| sets.iter().map(|with| answer(session, who, with)).collect())
}

/// Which of the paths is open under each set: to whoever holds the words it turns on.
pub fn still_open(
    input: Input<'_>,
    paths: &[ResidualPath],
    sets: &[Vec<String>],
) -> Result<Vec<Vec<bool>>, InputError> {
    Session::with(input, |session| {
        let limits: Vec<_> = paths.iter().map(|path| super::verify::limit(session, &path.steps)).collect();
        let mut answers = Vec::new();
        for with in sets {
            let set = set_of(session, with)?;
            let run = session.oracle.run(set, Stage::Free);
            let open = |(path, limit): (&ResidualPath, &Limit)| {
                way_within(session.filling.engine, &run, &ResourceId::new(&path.to), limit.clone()).is_some()
            };
            answers.push(paths.iter().zip(&limits).map(open).collect());
        }
        Ok(answers)
    })
}

fn set_of(session: &Session<'_>, with: &[String]) -> Result<Set, InputError> {
    let mut set: Set = 0;
    for id in with {
        let Some(at) = session.filling.controls.iter().position(|c| c.id == *id || c.short.as_ref() == Some(id)) else {
            let known: Vec<&str> = session.filling.controls.iter().map(|c| c.id.as_str()).collect();
            return Err(InputError::new("--with", format!("no control `{id}`"), did_you_mean(id, &known)));
        };
        if at >= 64 {
            return Err(InputError::new(
                "--with",
                format!("`{id}` is beyond the 64 candidates a set is made of"),
                "use --policies with a smaller catalogue",
            ));
        }
        set |= 1 << at;
    }
    Ok(set)
}

fn answer(session: &mut Session<'_>, who: bool, with: &[String]) -> Result<WhatIf, InputError> {
    let set = set_of(session, with)?;
    let filling = &session.filling;
    let controls = session.oracle.in_force(set);
    // The runs that the paths are searched in.
    let runs = Stage::ALL.map(|stage| session.oracle.run(set, stage));
    let found = verdicts(filling.engine, runs.each_ref().map(|run| &**run));
    let steps = &filling.engine.case.correlated.steps;
    let mut changed = Vec::new();
    let mut remaining = 0;
    for ((n, step), verdict) in steps.iter().enumerate().zip(&found) {
        if verdict.level != Level::Cut {
            remaining += step.bytes;
        }
        let event = filling.engine.event(n);
        changed.push(Changed {
            step: step.id.clone(),
            time: step.time,
            target: step.target.to_string(),
            mode: if verdict.direct { Mode::Direct } else { Mode::Upstream },
            short: event.map(|e| super::fill::short(filling, step, e)).unwrap_or_default(),
            verdict: verdict.level,
            via: verdict.via.map(|via| filling.engine.step_id(via).to_owned()),
            reason: verdict.reason.clone(),
            words: verdict.words.iter().map(|w| w.as_str().to_owned()).collect(),
            missing: verdict.missing.iter().map(|m| m.to_string()).collect(),
        });
    }
    let free = session.oracle.paths(set, Stage::Free);
    let facts_free = session.oracle.paths(set, Stage::FactsFree);
    let ids = session.oracle.jewels.clone();
    let mut still: Vec<Vec<Still>> = Vec::new();
    for at in 0..ids.len() {
        let open = residual(&mut session.oracle, set, at);
        let of = |open: &crate::cuts::Residual| Still {
            steps: super::fill::path_steps(filling.engine, &open.path),
            words: open.path.words.iter().map(|w| w.as_str().to_owned()).collect(),
            missing: open.path.missing.iter().map(|m| m.to_string()).collect(),
        };
        still.push(open.iter().map(of).collect());
    }
    let jewels = session
        .oracle
        .jewels
        .iter()
        .zip(free.into_iter().zip(facts_free))
        .zip(still)
        .map(|((id, (free, facts_free)), paths)| {
            let (closes, path) = match (free, facts_free) {
                (None, _) => (Closes::Closed, None),
                (Some(path), None) => (Closes::ClosedIfLacking, Some(path)),
                (Some(_), Some(path)) => (Closes::NotClosed, Some(path)),
            };
            Jewel {
                id: id.spelled().to_owned(),
                closes,
                words: path.iter().flat_map(|p| &p.words).map(|w| w.as_str().to_owned()).collect(),
                path: path.map(|p| super::fill::path_steps(filling.engine, &p)).unwrap_or_default(),
                paths,
            }
        })
        .collect();
    let loosens = loosens(session, set);
    let filling = &session.filling;
    let counted = filling.lawful.under(filling.engine, &controls);
    let mut collateral = super::fill::collateral(filling, &counted);
    if !who {
        collateral.who.clear();
    }
    let lawful = touched(filling, &counted, who);
    Ok(WhatIf {
        with: controls.iter().map(|control| control.id.clone()).collect(),
        steps: changed,
        bytes: steps.iter().map(|s| s.bytes).sum(),
        bytes_remaining: remaining,
        jewels,
        loosens,
        collateral,
        lawful,
    })
}

fn loosens(session: &mut Session<'_>, set: Set) -> Vec<Loosening> {
    let engine = session.filling.engine;
    let joint = session.oracle.levels(set);
    let mut found = Vec::new();
    for at in crate::cuts::exact::members(set) {
        let Some(control) = session.filling.controls.get(at) else { continue };
        let name = |steps: Vec<usize>| steps.into_iter().map(|n| engine.step_id(n).to_owned()).collect::<Vec<_>>();
        let opened = name(crate::replay::loosened(engine, control).into_iter().collect());
        if !opened.is_empty() {
            let what = format!("`{}` lets through what was refused in fact", control.id);
            found.push(Loosening { what, steps: opened, with: Vec::new() });
        }
        let alone = session.oracle.levels(1 << at);
        let taken_back = (0..joint.len()).filter(|n| joint.get(*n) > alone.get(*n)).collect();
        let steps = name(taken_back);
        if !steps.is_empty() {
            let others = crate::cuts::exact::members(set & !(1 << at));
            let with = others.filter_map(|at| session.filling.controls.get(at)).map(|c| c.id.clone()).collect();
            found.push(Loosening { what: format!("takes back what `{}` alone refuses", control.id), steps, with });
        }
    }
    found
}

/// Verdict, action, who, target.
type Row = (Level, String, String, String);

fn touched(filling: &Filling<'_>, counted: &Counted, who: bool) -> Vec<Touched> {
    let mut rows: BTreeMap<Row, (u64, Vec<Evidence>)> = BTreeMap::new();
    for (at, level) in counted.touched.iter().filter(|(_, level)| *level != Level::NotCut) {
        let Some(class) = filling.engine.case.correlated.baseline.classes.get(*at) else { continue };
        let name = match class.principal.as_deref() {
            Some(id) if who => principal_name_of(filling.engine, &ObjectId::new(id)),
            Some(_) | None => match class.event.actor.kind {
                ActorKind::User => "user",
                ActorKind::ServicePrincipal => "service principal",
                ActorKind::ManagedIdentity => "managed identity",
                ActorKind::Credential => "account key or SAS",
                ActorKind::Unknown => "unknown",
            }
            .to_owned(),
        };
        let row =
            rows.entry((*level, class.event.action.to_string(), name, class.event.target.to_string())).or_default();
        row.0 += class.count;
        row.1.extend(class.examples.first().cloned().filter(|_| row.1.len() < 3));
    }
    let mut rows: Vec<Touched> = rows
        .into_iter()
        .map(|((verdict, action, who, target), (count, evidence))| Touched {
            verdict,
            count,
            action,
            who,
            target,
            evidence,
        })
        .collect();
    rows.sort_by_key(|row| (row.verdict, std::cmp::Reverse(row.count)));
    rows
}
