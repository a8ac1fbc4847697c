//! `controls`: each candidate, what it does to the attack, and what it would have broken.

use super::super::contract::{
    Analysis, BaselineClass, Closes, Collateral, CollateralWho, Condition, Control, ControlDocument, DocumentTarget,
    EligibleAssignment, Loosening, Requires,
};
use super::{Filling, Judged, names};
use crate::control;
use crate::model::{Control as Native, Kind, Level, ObjectId, Origin, json};
use crate::replay::calibration::Calibration;
use crate::replay::collateral::Collateral as Counted;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Classes listed for the page: those that some control touches, the largest first.
const CLASSES: usize = 400;

pub fn fill(filling: &Filling<'_>, analysis: &mut Analysis) {
    let counted: Vec<Counted> =
        filling.judged.iter().map(|j| filling.lawful.under(filling.engine, &[j.control])).collect();
    analysis.controls =
        filling.judged.iter().zip(&counted).map(|(judged, counted)| of_control(filling, judged, counted)).collect();
    analysis.baseline = classes(filling, &counted);
}

/// Counts in the contract's form; persons only where they were asked for.
pub fn collateral(filling: &Filling<'_>, counted: &Counted) -> Collateral {
    let mut who: BTreeMap<String, CollateralWho> = BTreeMap::new();
    if filling.who {
        for (at, level) in &counted.touched {
            let Some(class) = filling.engine.case.correlated.baseline.classes.get(*at) else { continue };
            let name = match class.principal.as_deref() {
                Some(id) => names::principal(filling, &ObjectId::new(id)),
                None => class.event.actor.name.to_string(),
            };
            let entry = who.entry(name.clone()).or_insert_with(|| CollateralWho { name, ..CollateralWho::default() });
            match level {
                Level::Cut => entry.cut += class.count,
                Level::Challenged => entry.challenged += class.count,
                Level::Unknown => entry.unknown += class.count,
                Level::NotCut => {}
            }
            if entry.evidence.len() < 3 {
                entry.evidence.extend(class.examples.first().cloned());
            }
        }
    }
    Collateral {
        evaluated: counted.evaluated,
        cut: counted.cut,
        challenged: counted.challenged,
        unknown: counted.unknown,
        who: who.into_values().collect(),
        missing: counted.missing.iter().cloned().collect(),
    }
}

fn of_control(filling: &Filling<'_>, judged: &Judged<'_>, counted: &Counted) -> Control {
    let control = judged.control;
    let steps = &filling.engine.case.correlated.steps;
    let ids = |wanted: &dyn Fn(&crate::replay::Verdict) -> bool| -> Vec<String> {
        judged.verdicts.iter().zip(steps).filter(|(v, _)| wanted(v)).map(|(_, s)| s.id.clone()).collect()
    };
    let cuts = ids(&|v| v.level == Level::Cut);
    let mut bytes_prevented = 0;
    for (verdict, step) in judged.verdicts.iter().zip(steps) {
        // Exact per event: a step cut in part prevents only those events' bytes.
        if verdict.counts.cut > 0 {
            bytes_prevented += prevented(filling, step, verdict);
        }
    }
    Control {
        id: control.id.clone(),
        title: control.title.clone(),
        family: control.family_word().to_owned(),
        origin: control.origin,
        effort: control.effort,
        requires: Requires { licence: control.licence.clone() },
        cuts_directly: ids(&|v| v.level == Level::Cut && v.direct),
        first_cut: cuts.first().cloned(),
        cuts,
        challenges: ids(&|v| v.level == Level::Challenged),
        bytes_prevented,
        loosening: loosening(filling, judged),
        closes: Closes::NotClosed,
        words: Vec::new(),
        residual_paths: 0,
        collateral: collateral(filling, counted),
        short: control.short.clone(),
        documents: documents(filling, control),
        recommendations: control.recommendations.clone(),
        mitigations: control.mitigations.clone(),
        benchmarks: control
            .benchmarks
            .iter()
            .flat_map(|(name, ids)| ids.iter().map(move |id| format!("{name} {id}")))
            .collect(),
        unknown: ids(&|v| v.level == Level::Unknown),
        disagrees: None,
    }
}

/// Marks the candidates whose gate could not reproduce history where it was asked about the same policy or condition.
pub fn disagreements(filling: &Filling<'_>, calibrated: &[Calibration], analysis: &mut Analysis) {
    for calibration in calibrated {
        let mut by_policy: BTreeMap<&str, (u64, &str)> = BTreeMap::new();
        for difference in &calibration.differ {
            let of = by_policy.entry(difference.policy.as_deref().unwrap_or_default()).or_default();
            *of = (of.0 + difference.count, &difference.why);
        }
        for (policy, (count, name)) in by_policy {
            let body = filling.engine.world.env.get(Kind::ConditionalAccess, policy).map(|d| d.body.as_ref());
            let asks = body.map(conditions).unwrap_or_default();
            for (control, native) in analysis.controls.iter_mut().zip(filling.controls) {
                let parts = native.parts.iter().filter(|p| p.family.word() == calibration.gate);
                let documents: Vec<&Value> = parts.flat_map(|p| &p.documents).collect();
                let itself = documents.iter().any(|d| {
                    json::text(d, "id").is_some_and(|id| !policy.is_empty() && id.eq_ignore_ascii_case(policy))
                });
                let shared = documents.iter().flat_map(|d| conditions(d)).find(|word| asks.contains(word));
                let about = match (itself, shared) {
                    (true, _) => "this policy itself".to_owned(),
                    (false, Some(word)) => format!("`{name}`, which asks about {word} too"),
                    (false, None) => continue,
                };
                let times =
                    if count == 1 { "1 recorded result".to_owned() } else { format!("{count} recorded results") };
                control.disagrees.get_or_insert(format!("decided otherwise than {times} of {about}"));
            }
        }
    }
}

/// What a conditional access policy asks about beyond who signs in to what, and what it then demands.
fn conditions(policy: &Value) -> BTreeSet<String> {
    let full = |value: &Value| match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => members.values().any(|v| !v.is_null() && v.as_array().is_none_or(|a| !a.is_empty())),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    };
    let everybody = |value: &Value| value.as_array().is_some_and(|a| a.len() == 1 && a[0].as_str() == Some("all"));
    let asked = json::get(policy, "conditions").and_then(Value::as_object).into_iter().flatten();
    let mut words: BTreeSet<String> = asked
        .filter(|(key, value)| !["users", "applications"].contains(&key.as_str()) && full(value) && !everybody(value))
        .map(|(key, _)| key.clone())
        .collect();
    let grants = json::path(policy, "grantControls.builtInControls").and_then(Value::as_array);
    words.extend(grants.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
    let session = json::get(policy, "sessionControls").and_then(Value::as_object).into_iter().flatten();
    words.extend(session.filter(|(_, value)| full(value)).map(|(key, _)| key.clone()));
    words
}

fn prevented(filling: &Filling<'_>, step: &crate::correlate::Step, verdict: &crate::replay::Verdict) -> u64 {
    if verdict.level == Level::Cut {
        return step.bytes;
    }
    // Cut events come first or last in a run; bytes of the cut part are those of as many events from the cut on.
    let events = &filling.engine.case.correlated.window_events;
    step.events
        .iter()
        .filter_map(|at| events.get(*at))
        .filter(|event| verdict.at.is_some_and(|at| event.time >= at))
        .map(|event| event.bytes)
        .sum()
}

fn documents(filling: &Filling<'_>, native: &Native) -> Vec<ControlDocument> {
    let env = &filling.engine.world.env;
    let mut files = native.files.iter();
    native
        .parts
        .iter()
        .flat_map(|part| part.documents.iter().map(move |body| (part, body)))
        .map(|(part, body)| ControlDocument {
            family: part.family.word().to_owned(),
            file: files.next().cloned().unwrap_or_else(|| match native.origin {
                Origin::Snapshot => "snapshot".to_owned(),
                Origin::Catalogue | Origin::User => native.files.last().cloned().unwrap_or_default(),
            }),
            body: body.clone(),
            unfilled: part.unfilled.iter().map(|u| u.to_string()).collect(),
            scopes: part.apply.scopes.clone(),
            targets: control::reached(env, part)
                .into_iter()
                .map(|target| DocumentTarget { id: target.id, before: target.before })
                .collect(),
            eligible: control::eligible(env, part)
                .into_iter()
                .map(|e| EligibleAssignment {
                    assignment: e.assignment,
                    principal: e.principal,
                    role: e.role,
                    scope: e.scope,
                })
                .collect(),
        })
        .collect()
}

/// A failed attempt of the attack that the control alone would let through.
fn loosening(filling: &Filling<'_>, judged: &Judged<'_>) -> Option<Loosening> {
    let steps = crate::replay::loosened(filling.engine, judged.control);
    (!steps.is_empty()).then(|| Loosening {
        what: "lets through what was refused in fact".to_owned(),
        steps: steps.into_iter().map(|n| filling.engine.step_id(n).to_owned()).collect(),
        with: Vec::new(),
    })
}

/// Baseline classes with what each control does to them, so that any combination can be added up.
fn classes(filling: &Filling<'_>, counted: &[Counted]) -> Vec<BaselineClass> {
    let mut conditions: BTreeMap<usize, Vec<Condition>> = BTreeMap::new();
    for (judged, counted) in filling.judged.iter().zip(counted) {
        for (at, level) in &counted.touched {
            conditions.entry(*at).or_default().push(Condition {
                set: vec![judged.control.id.clone()],
                unless: Vec::new(),
                verdict: *level,
                words: Vec::new(),
                missing: Vec::new(),
            });
        }
    }
    let baseline = &filling.engine.case.correlated.baseline.classes;
    let mut touched: Vec<(usize, Vec<Condition>)> = conditions.into_iter().collect();
    touched.sort_by_key(|(at, _)| (std::cmp::Reverse(baseline.get(*at).map_or(0, |c| c.count)), *at));
    // Beyond the limit, classes that the same controls treat alike are one row.
    let mut rows: Vec<BaselineClass> = Vec::new();
    let mut rest: BTreeMap<String, BaselineClass> = BTreeMap::new();
    for (n, (at, conditions)) in touched.into_iter().enumerate() {
        let Some(class) = baseline.get(at) else { continue };
        let who = match class.principal.as_deref() {
            Some(id) if filling.who => names::principal(filling, &ObjectId::new(id)),
            Some(_) | None => match class.event.actor.kind {
                crate::model::ActorKind::User => "user",
                crate::model::ActorKind::ServicePrincipal => "service principal",
                crate::model::ActorKind::ManagedIdentity => "managed identity",
                crate::model::ActorKind::Credential => "key",
                crate::model::ActorKind::Unknown => "unknown",
            }
            .to_owned(),
        };
        if n < CLASSES {
            rows.push(BaselineClass {
                count: class.count,
                action: class.event.action.to_string(),
                who,
                target: class.event.target.to_string(),
                conditions,
                evidence: class.examples.clone(),
            });
        } else {
            let key = format!("{conditions:?}");
            let row = rest.entry(key).or_insert_with(|| BaselineClass {
                action: "other".to_owned(),
                who: "several".to_owned(),
                conditions,
                ..BaselineClass::default()
            });
            row.count += class.count;
        }
    }
    rows.extend(rest.into_values());
    rows
}
