//! Tables of what happened: who, the steps, what each control does to each, the alerts.

use super::{Table, list, read_at, time, yes};
use crate::analysis::Analysis;

pub(super) fn identities(analysis: &Analysis) -> Table {
    let rows = analysis.identities.iter().flat_map(|identity| identity.says.iter().map(move |s| (identity, s)));
    let row = |(identity, statement): (&crate::analysis::IdentityFinding, &crate::analysis::Statement)| {
        vec![
            identity.principal.clone(),
            identity.id.clone(),
            yes(identity.entry),
            list(&identity.steps),
            statement.text.clone(),
            read_at(&statement.evidence),
        ]
    };
    (vec!["principal", "id", "entry", "steps", "statement", "evidence"], rows.map(row).collect())
}

pub(super) fn steps(view: &str, analysis: &Analysis) -> Table {
    let steps = analysis.steps.iter();
    match view {
        "steps" => (
            vec![
                "step",
                "key",
                "time",
                "end",
                "actor",
                "action",
                "target",
                "target id",
                "source ip",
                "country",
                "count",
                "bytes",
                "outcome",
                "tactic",
                "techniques",
                "why in",
                "evidence",
            ],
            steps
                .map(|s| {
                    vec![
                        s.id.clone(),
                        s.key.clone(),
                        time(s.time),
                        time(s.end),
                        s.actor.clone(),
                        s.action.clone(),
                        s.target.clone(),
                        s.target_id.clone().unwrap_or_default(),
                        s.source_ip.clone().unwrap_or_default(),
                        s.country.clone().unwrap_or_default(),
                        s.count.to_string(),
                        s.bytes.to_string(),
                        s.outcome.clone(),
                        s.phase.clone(),
                        list(&s.technique),
                        s.why_in.clone(),
                        read_at(&s.evidence),
                    ]
                })
                .collect(),
        ),
        "verdicts" => (
            vec![
                "step", "control", "verdict", "mode", "via", "reason", "words", "missing", "caveat", "undo", "evidence",
            ],
            steps
                .flat_map(|s| s.verdicts.iter().map(move |v| (s, v)))
                .map(|(s, v)| {
                    let mode = match v.mode {
                        crate::analysis::Mode::Direct => "direct",
                        crate::analysis::Mode::Upstream => "upstream",
                    };
                    vec![
                        s.id.clone(),
                        v.control.clone(),
                        v.verdict.word().to_owned(),
                        mode.to_owned(),
                        v.via.clone().unwrap_or_default(),
                        v.reason.clone(),
                        list(&v.words),
                        v.missing.join("; "),
                        v.caveat.clone().unwrap_or_default(),
                        v.undo.as_ref().map(|undo| undo.steps.join("; ")).unwrap_or_default(),
                        read_at(&v.evidence),
                    ]
                })
                .collect(),
        ),
        _ => (
            vec!["step", "time", "product", "title", "severity", "tactics", "evidence"],
            steps
                .flat_map(|s| s.alerts.iter().map(move |a| (s.id.clone(), a)))
                .chain(analysis.alerts.iter().map(|a| (String::new(), a)))
                .map(|(step, a)| {
                    vec![
                        step,
                        time(a.time),
                        a.product.clone(),
                        a.title.clone(),
                        a.severity.clone(),
                        list(&a.tactics),
                        read_at(&a.evidence),
                    ]
                })
                .collect(),
        ),
    }
}
