//! The one place that fills `analysis.json`.
//!
//! History first ([`Engine`] learns from the factual run), then every candidate alone, then sets over the oracle, then
//! what all that says of posture, gaps and paths. Each part of the contract has one file here.

mod commands;
mod containment;
mod controls;
mod detections;
mod findings;
mod graph;
mod identity;
mod names;
mod preservation;
mod reach;
mod response;
mod sets;
mod short;
mod steps;

use super::contract::{
    Analysis, Assumption, Calibration, Claim, Coverage, Difference, Headline, IncidentSummary, JewelSummary, Lacked,
    Posture, Rejected, Tool,
};
use crate::causal::{Case, Words};
use crate::correlate::Correlated;
use crate::cuts::{self, Oracle, latent};
use crate::model::{Control, Environment, Fact, Incident, Jewel, Level, ObjectId, ResourceId, Source, Timestamp, json};
use crate::replay::{Engine, Verdict, calibration, collateral::Lawful, verdicts};
use std::collections::{BTreeMap, BTreeSet};

/// Everything the stages before hand over.
pub struct Input<'a> {
    pub incident: &'a Incident,
    /// Last segment of the case folder's path.
    pub name: Option<String>,
    /// As it was before the first event.
    pub environment: Environment,
    /// As it was exported.
    pub exported: Environment,
    pub correlated: Correlated,
    /// Catalogue's and user's candidates; the snapshot's own are found here.
    pub controls: Vec<Control>,
    pub sources: Vec<Source>,
    pub rejected: Vec<Rejected>,
    pub coverage: Vec<Coverage>,
    /// Assumptions made on the way here (a late snapshot, a missing window).
    pub assumptions: Vec<Assumption>,
    pub tables: BTreeMap<String, String>,
    /// Whether persons in collateral are named.
    pub who: bool,
}

/// One candidate and what became of every step under it alone.
pub(super) struct Judged<'a> {
    pub control: &'a Control,
    pub verdicts: Vec<Verdict>,
}

/// Successful steps with their first event.
pub(super) fn done<'a>(
    filling: &'a Filling<'_>,
) -> impl Iterator<Item = (usize, &'a crate::correlate::Step, &'a crate::model::Event)> {
    filling
        .engine
        .case
        .correlated
        .steps
        .iter()
        .enumerate()
        .filter(|(_, step)| !step.failed() && !step.context)
        .filter_map(|(n, step)| Some((n, step, filling.engine.event(n)?)))
}

/// What the files of this room share.
pub(super) struct Filling<'a> {
    pub incident: &'a Incident,
    pub engine: &'a Engine<'a>,
    pub controls: &'a [Control],
    pub judged: Vec<Judged<'a>>,
    pub lawful: Lawful,
    pub who: bool,
}

/// The case ready to be replayed, and its candidates. Kept apart so that other commands can ask the same engine.
pub fn prepare(input: &mut Input<'_>) -> (Case, Vec<Control>) {
    let environment = input.environment.clone();
    let identities = &input.correlated.identities;
    let resolve = |name: &str| resolve_principal(&environment, name);
    let names: Vec<String> =
        input.incident.entries.clone().unwrap_or_else(|| input.incident.indicators.principals.clone());
    let mut entries: Vec<ObjectId> = names.iter().filter_map(|name| resolve(name)).collect();
    if entries.is_empty() {
        // A leaked key has no principal; otherwise whoever the attack's first sign-in was.
        entries.extend(input.correlated.steps.iter().find_map(|s| s.principal.clone()));
    }
    let _ = identities;
    let words = Words::of(input.incident, &entries, &resolve);
    let jewels = jewels(input);
    let mut victims: BTreeSet<ObjectId> = entries.iter().cloned().collect();
    victims.extend(input.correlated.steps.iter().filter_map(|s| s.principal.clone()));
    for principal in victims.clone() {
        if let Fact::Known(groups) = environment.transitive_groups(&principal) {
            victims.extend(groups);
        }
    }
    let at = input.incident.window.from;
    let mut controls = input.controls.clone();
    controls.extend(crate::control::found::candidates(&environment, &victims, at));
    let case = Case {
        environment,
        exported: input.exported.clone(),
        correlated: input.correlated.clone(),
        words,
        entries,
        jewels,
        aliases: input.incident.aliases.clone(),
    };
    (case, controls)
}

pub(super) fn resolve_principal(env: &Environment, name: &str) -> Option<ObjectId> {
    use crate::model::{Actor, ActorKind};
    let guid = ObjectId::new(name);
    if env.get(crate::model::Kind::Users, guid.as_str()).is_some()
        || env.get(crate::model::Kind::ServicePrincipals, guid.as_str()).is_some()
    {
        return Some(guid);
    }
    let actor = Actor {
        kind: ActorKind::Unknown,
        id: None,
        upn: Some(name.into()),
        app_id: Some(name.into()),
        name: name.into(),
    };
    crate::effect::principal_of(env, &actor)
}

/// Named jewels exclude the others; else tagged resources, else what the attack read.
fn jewels(input: &Input<'_>) -> Vec<(ResourceId, Jewel)> {
    if let Some(named) = &input.incident.crown_jewels {
        return named.iter().map(|jewel| (ResourceId::new(&jewel.id), jewel.clone())).collect();
    }
    let jewel = |id: &str| Jewel { id: id.to_owned(), label: None, personal_data: None };
    let tagged: Vec<(ResourceId, Jewel)> = input
        .environment
        .of(crate::model::Kind::Resources)
        .filter(|(_, document)| {
            json::get(&document.body, "tags").and_then(serde_json::Value::as_object).is_some_and(|tags| {
                tags.iter().any(|(key, value)| {
                    let text = format!("{key}={}", value.as_str().unwrap_or_default()).to_lowercase();
                    text.contains("crown") || text.contains("confidential") || text.contains("critical")
                })
            })
        })
        .map(|(key, document)| {
            let id = json::text(&document.body, "id").unwrap_or(key);
            (ResourceId::new(id), jewel(id))
        })
        .collect();
    if !tagged.is_empty() {
        return tagged;
    }
    let mut touched: BTreeMap<ResourceId, Jewel> = BTreeMap::new();
    for step in input.correlated.steps.iter().filter(|s| !s.failed() && s.bytes > 0) {
        if let Some(id) = step.target_id.as_deref().filter(|id| id.starts_with('/')) {
            touched.entry(ResourceId::new(id)).or_insert_with(|| jewel(id));
        }
    }
    touched.into_iter().collect()
}

pub(super) use crate::replay::principal_name as principal_name_of;
pub(super) use controls::collateral;
pub(super) use names::short;
pub(super) use sets::{path_steps, target_id};

/// A case made ready, for other questions to the same engine.
pub(super) struct Session<'s> {
    pub filling: Filling<'s>,
    pub oracle: Oracle<'s>,
}

impl Session<'_> {
    pub fn with<T>(mut input: Input<'_>, ask: impl FnOnce(&mut Session<'_>) -> T) -> T {
        let (case, controls) = prepare(&mut input);
        let engine = Engine::new(&case);
        let lawful = Lawful::new(&engine);
        let filling = Filling {
            incident: input.incident,
            engine: &engine,
            controls: &controls,
            judged: Vec::new(),
            lawful,
            who: input.who,
        };
        let jewels = case.jewels.iter().map(|(id, _)| id.clone()).collect();
        let oracle = Oracle::new(&engine, &controls, jewels);
        ask(&mut Session { filling, oracle })
    }
}

/// Fills the contract.
pub fn analyse(mut input: Input<'_>) -> Analysis {
    let (case, controls) = prepare(&mut input);
    let engine = Engine::new(&case);
    let judged: Vec<Judged<'_>> = controls
        .iter()
        .map(|control| Judged { control, verdicts: verdicts(&engine, engine.runs(&[control]).each_ref()) })
        .map(unfilled)
        .collect();
    let lawful = Lawful::new(&engine);
    let filling =
        Filling { incident: input.incident, engine: &engine, controls: &controls, judged, lawful, who: input.who };
    let mut analysis = Analysis {
        schema: Analysis::SCHEMA.to_owned(),
        tool: Tool { version: env!("CARGO_PKG_VERSION").to_owned(), tables: input.tables.clone() },
        sources: input.sources.clone(),
        rejected: input.rejected.clone(),
        coverage: input.coverage.clone(),
        assumptions: input.assumptions.clone(),
        ..Analysis::default()
    };
    analysis.incident = summary(&filling, input.name.clone());
    let calibrated = calibration::calibrate(&engine);
    analysis.calibration = calibrations(&calibrated);
    steps::fill(&filling, &mut analysis);
    controls::fill(&filling, &mut analysis);
    controls::disagreements(&filling, &calibrated, &mut analysis);
    let jewels: Vec<ResourceId> = case.jewels.iter().map(|(id, _)| id.clone()).collect();
    let mut oracle = Oracle::new(&engine, &controls, jewels);
    sets::fill(&filling, &mut oracle, &mut analysis);
    findings::fill(&filling, &mut analysis);
    identity::fill(&filling, &mut analysis);
    response::fill(&filling, &mut analysis);
    detections::fill(&filling, &mut analysis);
    graph::fill(&filling, &mut analysis);
    analysis.jewels = case
        .jewels
        .iter()
        .map(|(id, jewel)| JewelSummary {
            id: id.spelled().to_owned(),
            label: jewel.label.clone(),
            personal_data: jewel.personal_data,
            why: if input.incident.crown_jewels.is_some() { "named" } else { "touched" }.to_owned(),
        })
        .collect();
    let not_collected: Vec<String> = latent::uncollected(&case.environment).into_iter().map(str::to_owned).collect();
    let missing = if not_collected.is_empty() {
        "all kinds the rules read were collected".to_owned()
    } else {
        format!("not collected: {}", not_collected.join(", "))
    };
    analysis.claim = Claim {
        rules: latent::RULES.len() as u64,
        table: latent::RULES_VERSION.to_owned(),
        text: format!(
            "closed as far as the {} rules of table v{} know; {missing}",
            latent::RULES.len(),
            latent::RULES_VERSION
        ),
        not_collected,
    };
    analysis.headline = headline(&analysis);
    analysis.posture = Some(posture(&input.exported, input.incident, &case));
    analysis
}

/// The posture alone, of a case that is not replayed.
pub fn posture_of(mut input: Input<'_>) -> Posture {
    let (case, _) = prepare(&mut input);
    posture(&input.exported, input.incident, &case)
}

fn posture(exported: &Environment, incident: &Incident, case: &Case) -> Posture {
    let first = || case.entries.first().map(ToString::to_string);
    let of = |of: &Option<String>| match of {
        Some(name) => resolve_principal(exported, name).map(|id| id.to_string()).or_else(|| Some(name.clone())),
        None => first(),
    };
    let mut lacks: Vec<Lacked> = incident
        .attacker
        .lacks
        .iter()
        .map(|word| Lacked { word: word.what.as_str().to_owned(), of: of(&word.of) })
        .collect();
    lacks.sort();
    let jewels: Vec<ResourceId> = case.jewels.iter().map(|(id, _)| id.clone()).collect();
    crate::analysis::paths::posture::posture(exported, &case.entries, &jewels, &lacks, &incident.collected)
}

/// A verdict that turns on a parameter nobody filled is unknown, and names the parameter.
fn unfilled(mut judged: Judged<'_>) -> Judged<'_> {
    let missing: BTreeSet<_> = judged.control.parts.iter().flat_map(|p| p.unfilled.iter().cloned()).collect();
    if missing.is_empty() {
        return judged;
    }
    for verdict in &mut judged.verdicts {
        if verdict.level != Level::NotCut {
            verdict.level = Level::Unknown;
            verdict.reason = "parameter not filled".to_owned();
            verdict.missing = missing.clone();
            verdict.words.clear();
            let all = verdict.counts.cut + verdict.counts.challenged + verdict.counts.unknown;
            verdict.counts.cut = 0;
            verdict.counts.challenged = 0;
            verdict.counts.unknown = all;
        }
    }
    judged
}

fn summary(filling: &Filling<'_>, name: Option<String>) -> IncidentSummary {
    let incident = filling.incident;
    let steps = &filling.engine.case.correlated.steps;
    IncidentSummary {
        id: incident.id.clone(),
        title: incident.title.clone(),
        entries: filling.engine.case.entries.iter().map(|id| names::principal(filling, id)).collect(),
        started: steps.iter().map(|s| s.time).min(),
        ended: steps.iter().map(|s| s.end).max(),
        marking: incident.marking.clone(),
        discovered_at: incident.discovered_at,
        aware_at: incident.aware_at,
        contained_at: incident.contained_at,
        regime: incident.regime.clone(),
        name,
    }
}

fn headline(analysis: &Analysis) -> Headline {
    let mut actors = BTreeSet::new();
    let mut addresses = BTreeSet::new();
    let mut stores: BTreeMap<String, u64> = BTreeMap::new();
    for step in &analysis.steps {
        if !step.outcome.starts_with("success") {
            continue;
        }
        addresses.extend(step.source_ip.clone());
        if step.bytes > 0 {
            let store = step.target_id.as_deref().map(ResourceId::new).map(|id| {
                let mut at = id.clone();
                while at.resource_type().is_some_and(|t| t.matches('/').count() > 1) {
                    match at.parent() {
                        Some(parent) => at = parent,
                        None => break,
                    }
                }
                at.name().to_owned()
            });
            *stores.entry(store.unwrap_or_else(|| step.target.clone())).or_default() += step.bytes;
        }
        if step.plane == super::contract::Plane::Identity {
            actors.insert(step.actor.clone());
        }
    }
    if actors.is_empty() {
        actors.extend(analysis.steps.iter().map(|s| s.actor.clone()));
    }
    Headline {
        actors: actors.into_iter().collect(),
        addresses: addresses.into_iter().collect(),
        bytes: stores.values().sum(),
        stores: stores.into_keys().collect(),
    }
}

fn calibrations(calibrated: &[calibration::Calibration]) -> Vec<Calibration> {
    calibrated
        .iter()
        .cloned()
        .map(|c| Calibration {
            gate: c.gate.to_owned(),
            what: c.what.to_owned(),
            compared: c.compared,
            agree: c.agree,
            unknown: c.unknown,
            agreeing: c.agreeing,
            unsettled: c.unsettled,
            missing: c.missing.into_iter().collect(),
            differ: c
                .differ
                .into_iter()
                .map(|d| Difference { recorded: d.recorded, decided: d.decided, why: d.why, evidence: d.evidence })
                .collect(),
        })
        .collect()
}

/// Indices and bit sets of the candidates the exact search runs over: those that change something, at most 64.
pub(super) fn searched(filling: &Filling<'_>) -> cuts::exact::Set {
    let mut order: Vec<usize> = (0..filling.controls.len()).collect();
    order.sort_by_key(|at| {
        let acts = filling.judged[*at].verdicts.iter().any(|v| v.level != Level::NotCut);
        (!acts, filling.controls[*at].effort, *at)
    });
    order.into_iter().filter(|at| *at < 64).take(64).fold(0, |set, at| set | 1 << at)
}

/// The moment something came about, for print.
pub(super) fn date(at: Timestamp) -> String {
    at.strftime("%-d %B %Y").to_string()
}
