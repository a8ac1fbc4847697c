//! An engine that cannot reproduce the facts has no say about alternatives: every logged sign-in is decided again with
//! the snapshot's own policies and compared with the results on record; recorded refusals likewise.

use super::engine::Engine;
use crate::effect::{arm_request, policy_context, policy_request, principal_of, sign_in_request};
use crate::model::{Detail, Event, Evidence, Fact, Level, Outcome};
use std::collections::BTreeSet;

/// One record whose recorded answer is not ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub recorded: String,
    pub decided: String,
    pub why: String,
    pub evidence: Vec<Evidence>,
    /// Records like it.
    pub count: u64,
    /// Folded id of the policy it is about.
    pub policy: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Calibration {
    pub gate: &'static str,
    pub what: &'static str,
    pub compared: u64,
    pub agree: u64,
    pub unknown: u64,
    pub differ: Vec<Difference>,
    /// Some records that agree, and some that turn on a missing fact.
    pub agreeing: Vec<Evidence>,
    pub unsettled: Vec<Evidence>,
    /// The facts the unknown ones turn on.
    pub missing: BTreeSet<String>,
}

/// Records named of those that are counted.
const NAMED: usize = 5;

fn name(list: &mut Vec<Evidence>, evidence: &[Evidence]) {
    list.extend(evidence.iter().take(NAMED.saturating_sub(list.len())).cloned());
}

/// One per gate that history says something about.
pub fn calibrate(engine: &Engine<'_>) -> Vec<Calibration> {
    let correlated = &engine.case.correlated;
    let mut records: Vec<(&Event, u64, Vec<Evidence>)> =
        correlated.baseline.classes.iter().map(|c| (&c.event, c.records, c.examples.clone())).collect();
    records.extend(correlated.attack().map(|(event, _)| (event, 1, vec![event.evidence.clone()])));
    vec![sign_ins(engine, &records), refusals(engine, &records)]
        .into_iter()
        .filter(|c| c.compared + c.unknown > 0)
        .collect()
}

fn sign_ins(engine: &Engine<'_>, records: &[(&Event, u64, Vec<Evidence>)]) -> Calibration {
    let mut found = Calibration { gate: "conditional-access", what: "sign-ins", ..Calibration::default() };
    let policies = engine.world.conditional_access();
    for (event, count, evidence) in records {
        let Detail::SignIn(detail) = &event.detail else { continue };
        let Fact::Known(applied) = &detail.applied_policies else { continue };
        let Some(request) = sign_in_request(&engine.world.env, event) else { continue };
        let ours = policies.recorded_results(&request);
        found.compared += count;
        let mut differs = false;
        let mut unknown = false;
        for recorded in applied {
            let Some(decided) = ours.iter().find(|o| o.policy.eq_ignore_ascii_case(&recorded.id)) else { continue };
            match decided.agrees(&recorded.result) {
                Some(true) if decided.word.is_none() => {
                    unknown = true;
                    found.missing.extend(decided.missing.iter().map(|m| m.to_string()));
                }
                Some(true) | None => {}
                Some(false) => {
                    differs = true;
                    found.differ.push(Difference {
                        recorded: recorded.result.to_string(),
                        decided: decided.possible.join(" or "),
                        why: recorded.name.to_string(),
                        evidence: evidence.clone(),
                        count: *count,
                        policy: Some(recorded.id.to_lowercase()),
                    });
                }
            }
        }
        match (differs, unknown) {
            (true, _) => {}
            (false, true) => {
                found.unknown += count;
                name(&mut found.unsettled, evidence);
            }
            (false, false) => {
                found.agree += count;
                name(&mut found.agreeing, evidence);
            }
        }
    }
    found
}

/// Calls that the platform refused for lack of a right or by policy: ours must not allow them.
fn refusals(engine: &Engine<'_>, records: &[(&Event, u64, Vec<Evidence>)]) -> Calibration {
    let mut found = Calibration { gate: "azure-rbac", what: "refused calls", ..Calibration::default() };
    for (event, count, evidence) in records {
        let (Detail::Arm(detail), Outcome::Failure(code)) = (&event.detail, &event.outcome) else { continue };
        let by_policy = code.eq_ignore_ascii_case("RequestDisallowedByPolicy");
        let by_role = code.eq_ignore_ascii_case("AuthorizationFailed") || code.as_ref() == "403";
        let by_lock = code.eq_ignore_ascii_case("ScopeLocked");
        if !by_policy && !by_role && !by_lock {
            continue;
        }
        let world = &engine.world;
        let level = if by_policy {
            let Some(request) = policy_request(&world.env, &event.action, detail) else { continue };
            let context = policy_context(&world.env, &detail.resource, &detail.claims, event.time);
            world.policy().answer(&request, &context).level
        } else {
            let (Some((_, request)), Some(id)) =
                (arm_request(&world.env, event), principal_of(&world.env, &event.actor))
            else {
                continue;
            };
            world.rbac().answer(&world.principal(&id, event.actor.kind), &request).level
        };
        found.compared += count;
        match level {
            Level::Cut => {
                found.agree += count;
                name(&mut found.agreeing, evidence);
            }
            Level::Unknown | Level::Challenged => {
                found.unknown += count;
                name(&mut found.unsettled, evidence);
            }
            Level::NotCut => found.differ.push(Difference {
                recorded: code.to_string(),
                decided: "allowed".to_owned(),
                why: event.action.to_string(),
                evidence: evidence.clone(),
                count: *count,
                policy: None,
            }),
        }
    }
    found
}
