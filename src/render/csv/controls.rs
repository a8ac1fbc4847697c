//! Tables of controls, minimal sets, residual paths, posture gaps, and what was already owned.

use super::{Table, closes, list, read_at, time, yes};
use crate::analysis::{Analysis, Guarantee};

pub(super) fn controls(view: &str, analysis: &Analysis) -> Table {
    match view {
        "controls" => (
            vec![
                "control",
                "short",
                "title",
                "family",
                "effort",
                "licence",
                "closes",
                "words",
                "cuts directly",
                "cuts",
                "challenges",
                "first cut",
                "bytes prevented",
                "residual paths",
                "lawful evaluated",
                "lawful cut",
                "lawful challenged",
                "lawful unknown",
                "loosens",
            ],
            analysis
                .controls
                .iter()
                .map(|c| {
                    vec![
                        c.id.clone(),
                        c.short.clone().unwrap_or_default(),
                        c.title.clone(),
                        c.family.clone(),
                        c.effort.to_string(),
                        list(&c.requires.licence),
                        closes(c.closes).to_owned(),
                        list(&c.words),
                        list(&c.cuts_directly),
                        list(&c.cuts),
                        list(&c.challenges),
                        c.first_cut.clone().unwrap_or_default(),
                        c.bytes_prevented.to_string(),
                        c.residual_paths.to_string(),
                        c.collateral.evaluated.to_string(),
                        c.collateral.cut.to_string(),
                        c.collateral.challenged.to_string(),
                        c.collateral.unknown.to_string(),
                        c.loosening.as_ref().map(|l| l.what.clone()).unwrap_or_default(),
                    ]
                })
                .collect(),
        ),
        "sets" => (
            vec!["over", "jewel", "set", "guarantee", "words", "effort", "lawful cut", "cheapest", "pareto"],
            [
                ("observed", &analysis.minimal_control_sets.observed),
                ("all paths", &analysis.minimal_control_sets.all_paths),
            ]
            .into_iter()
            .flat_map(|(over, sets)| sets.iter().map(move |s| (over, s)))
            .map(|(over, s)| {
                let guarantee = match s.guarantee {
                    Guarantee::Closed => "closed",
                    Guarantee::ClosedIfLacking => "closed-if-lacking",
                };
                vec![
                    over.to_owned(),
                    s.jewel.clone(),
                    list(&s.set),
                    guarantee.to_owned(),
                    list(&s.words),
                    s.effort.to_string(),
                    s.collateral.cut.to_string(),
                    yes(s.cheapest),
                    yes(s.pareto),
                ]
            })
            .collect(),
        ),
        "residual-paths" => (
            vec!["path", "with", "to", "open", "words", "number", "action", "from", "target", "why", "cut by"],
            analysis
                .residual_paths
                .iter()
                .flat_map(|p| p.steps.iter().enumerate().map(move |(at, s)| (p, at, s)))
                .map(|(p, at, s)| {
                    let sets: Vec<String> = p.cut_by.iter().map(|set| set.join("+")).collect();
                    vec![
                        p.id.clone(),
                        list(&p.with),
                        p.to.clone(),
                        p.open.map(closes).unwrap_or_default().to_owned(),
                        list(&p.words),
                        (at + 1).to_string(),
                        s.action.clone(),
                        s.from.clone(),
                        s.to.clone(),
                        s.why.clone(),
                        sets.join(" "),
                    ]
                })
                .collect(),
        ),
        "posture-gaps" => (
            vec![
                "control",
                "steps",
                "recommendation",
                "title",
                "severity",
                "state",
                "unhealthy since",
                "benchmarks",
                "evidence",
            ],
            analysis
                .posture_gaps
                .iter()
                .flat_map(|g| {
                    let none = crate::analysis::Recommendation::default();
                    let all = if g.recommendations.is_empty() { vec![none] } else { g.recommendations.clone() };
                    all.into_iter().map(move |r| (g, r))
                })
                .map(|(g, r)| {
                    vec![
                        g.control.clone(),
                        list(&g.steps),
                        r.id,
                        r.title,
                        r.severity,
                        r.state.unwrap_or_default(),
                        time(r.unhealthy_since),
                        g.benchmarks.join("; "),
                        read_at(&r.evidence),
                    ]
                })
                .collect(),
        ),
        _ => (
            vec!["control", "why it did not stop", "since", "steps", "evidence"],
            analysis
                .owned_already
                .iter()
                .map(|o| {
                    vec![
                        o.control.clone(),
                        o.why_it_did_not_stop.clone(),
                        time(o.since),
                        list(&o.steps),
                        read_at(&o.evidence),
                    ]
                })
                .collect(),
        ),
    }
}
