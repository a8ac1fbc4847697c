//! Rows that a report tells in another grouping than the analysis lists them: alerts once, holes by what is missing,
//! gaps by recommendation, what was not collected by the command that gathers it.

use crate::analysis::{Alert, Analysis, Mode, Plane, Presence, Recommendation, Step};
use crate::model::{Level, Timestamp};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A step, or an alert at its own time: once, however many steps it is pinned to.
#[derive(Serialize)]
pub(super) struct Row {
    pub of: Option<Step>,
    pub alert: Option<Alert>,
    /// The first step the alert is pinned to, and all of them.
    pub step: Option<String>,
    pub pinned: Vec<String>,
}

pub(super) fn timeline(analysis: &Analysis) -> Vec<Row> {
    let mut rows: Vec<(Timestamp, u8, Row)> = Vec::new();
    let mut alerts: Vec<(Alert, Vec<String>)> = Vec::new();
    for step in &analysis.steps {
        let of = Some(Step { verdicts: Vec::new(), conditions: Vec::new(), needs: Vec::new(), ..step.clone() });
        rows.push((step.time, 0, Row { of, alert: None, step: None, pinned: Vec::new() }));
        for alert in &step.alerts {
            match alerts.iter_mut().find(|(known, _)| known == alert) {
                Some((_, pinned)) => pinned.push(step.id.clone()),
                None => alerts.push((alert.clone(), vec![step.id.clone()])),
            }
        }
    }
    alerts.extend(analysis.alerts.iter().map(|alert| (alert.clone(), Vec::new())));
    for (alert, pinned) in alerts {
        let at = alert.time;
        rows.push((at, 1, Row { of: None, alert: Some(alert), step: pinned.first().cloned(), pinned }));
    }
    rows.sort_by_key(|(at, kind, _)| (*at, *kind));
    rows.into_iter().map(|(_, _, row)| row).collect()
}

#[derive(Serialize)]
pub(super) struct Hole {
    pub need: String,
    pub why: String,
    pub steps: Vec<String>,
}

pub(super) fn holes(analysis: &Analysis) -> Vec<Hole> {
    let mut found: Vec<Hole> = Vec::new();
    for hole in &analysis.unexplained {
        match found.iter_mut().find(|known| known.need == hole.need && known.why == hole.why) {
            Some(known) => known.steps.push(hole.step.clone()),
            None => found.push(Hole { need: hole.need.clone(), why: hole.why.clone(), steps: vec![hole.step.clone()] }),
        }
    }
    found
}

/// Ids of the controls that do something to some step, in their order.
pub(super) fn bears(analysis: &Analysis) -> Vec<String> {
    let acts = |id: &str| {
        analysis.steps.iter().filter_map(|step| step.verdict(id)).any(|verdict| verdict.verdict != Level::NotCut)
    };
    analysis.controls.iter().filter(|control| acts(&control.id)).map(|control| control.id.clone()).collect()
}

/// The questions a reader has first: what would have stopped the way in, what the loss in spite of it.
#[derive(Serialize)]
pub(super) struct Questions {
    pub step: String,
    pub entry: Vec<String>,
    pub exfiltration: Vec<String>,
    /// Those that the attacker held what takes away again.
    pub undone: Vec<String>,
}

fn cut<'a>(step: &'a Step, control: &str) -> Option<&'a crate::analysis::Verdict> {
    step.verdict(control).filter(|verdict| verdict.verdict == Level::Cut)
}

pub(super) fn questions(analysis: &Analysis) -> Questions {
    let success = |step: &&Step| step.outcome.starts_with("success");
    let first = analysis.steps.iter().filter(success).find(|step| step.plane == Plane::Identity);
    let first = first.or(analysis.steps.first());
    let mut answer = Questions {
        step: first.map(|step| step.id.clone()).unwrap_or_default(),
        entry: Vec::new(),
        exfiltration: Vec::new(),
        undone: Vec::new(),
    };
    let taken: Vec<&Step> = analysis.steps.iter().filter(success).filter(|step| step.bytes > 0).collect();
    for control in &analysis.controls {
        if first.and_then(|step| cut(step, &control.id)).is_some_and(|verdict| verdict.mode == Mode::Direct) {
            answer.entry.push(control.id.clone());
        } else if !taken.is_empty()
            && taken.iter().all(|step| cut(step, &control.id).is_some())
            && first.is_none_or(|step| cut(step, &control.id).is_none())
        {
            let undo = taken.iter().any(|step| cut(step, &control.id).is_some_and(|verdict| verdict.undo.is_some()));
            if undo { &mut answer.undone } else { &mut answer.exfiltration }.push(control.id.clone());
        }
    }
    answer
}

#[derive(Serialize)]
pub(super) struct Posture {
    pub recommendations: Vec<Gap>,
    pub others: Vec<Other>,
}

#[derive(Serialize)]
pub(super) struct Gap {
    #[serde(flatten)]
    pub of: Recommendation,
    pub controls: Vec<String>,
    pub prevented: String,
    pub benchmarks: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct Other {
    pub control: String,
    pub prevented: String,
    pub benchmarks: Vec<String>,
}

/// `s3 grant Contributor`: the first step a control stops by itself, else the first it asks at.
fn prevented(analysis: &Analysis, control: &str) -> Option<(usize, String)> {
    let found = |wanted: &dyn Fn(Level, Mode) -> bool| {
        analysis
            .steps
            .iter()
            .enumerate()
            .find(|(_, step)| step.verdict(control).is_some_and(|v| wanted(v.verdict, v.mode)))
            .map(|(n, step)| {
                (n, format!("{} {}", step.id, if step.short.is_empty() { &step.action } else { &step.short }))
            })
    };
    found(&|level, mode| level == Level::Cut && mode == Mode::Direct).or_else(|| {
        found(&|level, mode| level == Level::Challenged && mode == Mode::Direct)
            .map(|(n, text)| (n, format!("{text}, if the attacker lacks what it asks for")))
    })
}

pub(super) fn posture(analysis: &Analysis) -> Posture {
    let mut rows: BTreeMap<String, Gap> = BTreeMap::new();
    let mut first: BTreeMap<String, usize> = BTreeMap::new();
    let mut others = Vec::new();
    for gap in &analysis.posture_gaps {
        let prevents = prevented(analysis, &gap.control);
        let unhealthy: Vec<&Recommendation> = gap
            .recommendations
            .iter()
            .filter(|r| r.state.as_deref().is_some_and(|state| state.eq_ignore_ascii_case("Unhealthy")))
            .collect();
        if unhealthy.is_empty() {
            let prevented = prevents.map(|(_, text)| text).unwrap_or_default();
            others.push(Other { control: gap.control.clone(), prevented, benchmarks: gap.benchmarks.clone() });
            continue;
        }
        for recommendation in unhealthy {
            let row = rows.entry(recommendation.id.clone()).or_insert_with(|| Gap {
                of: recommendation.clone(),
                controls: Vec::new(),
                prevented: String::new(),
                benchmarks: Vec::new(),
            });
            row.controls.push(gap.control.clone());
            if let Some((n, text)) = &prevents
                && first.get(&recommendation.id).is_none_or(|known| n < known)
            {
                first.insert(recommendation.id.clone(), *n);
                row.prevented = text.clone();
            }
            let new: Vec<String> = gap.benchmarks.iter().filter(|b| !row.benchmarks.contains(b)).cloned().collect();
            row.benchmarks.extend(new);
        }
    }
    let mut recommendations: Vec<Gap> = rows.into_values().collect();
    recommendations.sort_by_key(|row| (first.get(&row.of.id).copied().unwrap_or(usize::MAX), row.of.id.clone()));
    Posture { recommendations, others }
}

/// First and last step, and the seconds between them.
pub(super) fn ends(analysis: &Analysis) -> (Vec<String>, u64) {
    let ids: BTreeSet<&String> =
        analysis.steps.first().into_iter().chain(analysis.steps.last()).map(|step| &step.id).collect();
    let seconds = match (analysis.incident.started, analysis.incident.ended) {
        (Some(from), Some(to)) => u64::try_from(to.duration_since(from).as_secs()).unwrap_or_default(),
        _ => 0,
    };
    (ids.into_iter().cloned().collect(), seconds)
}

/// Kinds that were not collected whole, together where one command gathers them.
#[derive(Serialize)]
pub(super) struct Missing {
    pub what: Vec<String>,
    pub partly: bool,
    /// The command, `<table>` in the place of the kind where it gathers several.
    pub gather: String,
}

pub(super) fn missing(analysis: &Analysis) -> Vec<Missing> {
    let mut found: Vec<Missing> = Vec::new();
    for item in &analysis.coverage {
        let partly = match item.state {
            Presence::Present => continue,
            Presence::Partial => true,
            Presence::Absent => false,
        };
        let gather = item.gather.clone().unwrap_or_default();
        let table = item.what.len() > 3 && gather.contains(&item.what) && gather.contains("log-analytics");
        let gather = if table { gather.replace(&item.what, "<table>") } else { gather };
        match found.iter_mut().find(|known| known.gather == gather && known.partly == partly) {
            Some(known) => known.what.push(item.what.clone()),
            None => found.push(Missing { what: vec![item.what.clone()], partly, gather }),
        }
    }
    found
}
