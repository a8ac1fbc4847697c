//! Tables of what to do: containment, preservation, detections.

use super::{Table, list, read_at, time, yes};
use crate::analysis::Analysis;

pub(super) fn actions(view: &str, analysis: &Analysis) -> Table {
    match view {
        "containment" => (
            vec![
                "rank",
                "action",
                "live",
                "command",
                "capability",
                "opens",
                "blocked by",
                "still works",
                "why",
                "steps",
                "evidence",
            ],
            analysis
                .containment
                .iter()
                .map(|c| {
                    vec![
                        c.rank.to_string(),
                        c.action.clone(),
                        yes(c.live),
                        c.command.clone(),
                        c.capability.clone(),
                        list(&c.opens),
                        c.blocked_by.join("; "),
                        c.still_works.join("; "),
                        c.why.clone(),
                        list(&c.steps),
                        read_at(&c.evidence),
                    ]
                })
                .collect(),
        ),
        "preservation" => (
            vec!["order", "what", "why", "command", "resource", "days left", "steps", "evidence"],
            analysis
                .preservation
                .iter()
                .map(|p| {
                    vec![
                        p.order.to_string(),
                        p.what.clone(),
                        p.why.clone(),
                        p.command.clone(),
                        p.resource.clone().unwrap_or_default(),
                        p.days_left.map(|d| d.to_string()).unwrap_or_default(),
                        list(&p.steps),
                        read_at(&p.evidence),
                    ]
                })
                .collect(),
        ),
        _ => (
            vec![
                "id",
                "title",
                "reading",
                "severity",
                "tactics",
                "techniques",
                "fires at",
                "steps",
                "baseline hits",
                "baseline evaluated",
                "exported",
                "residual paths",
                "why",
            ],
            analysis
                .detections
                .iter()
                .map(|d| {
                    vec![
                        d.id.clone(),
                        d.title.clone(),
                        d.reading.clone(),
                        d.severity.clone(),
                        list(&d.tactics),
                        list(&d.techniques),
                        time(d.fires_at),
                        list(&d.steps),
                        d.baseline_hits.to_string(),
                        d.baseline_evaluated.to_string(),
                        yes(d.exported),
                        list(&d.residual_paths),
                        d.why.clone(),
                    ]
                })
                .collect(),
        ),
    }
}
