//! Tables of what is assumed, unexplained, not known, and of what was read.

use super::{Table, list, time};
use crate::analysis::Analysis;

pub(super) fn unknowns(view: &str, analysis: &Analysis) -> Table {
    match view {
        "assumptions" => (
            vec!["text", "from", "used by"],
            analysis.assumptions.iter().map(|a| vec![a.text.clone(), a.from.clone(), list(&a.used_by)]).collect(),
        ),
        "unexplained" => (
            vec!["step", "need", "why"],
            analysis.unexplained.iter().map(|u| vec![u.step.clone(), u.need.clone(), u.why.clone()]).collect(),
        ),
        "gaps" => (
            vec!["fact", "question", "settles", "gather", "steps", "controls"],
            analysis
                .gaps
                .iter()
                .map(|g| {
                    vec![
                        g.fact.clone(),
                        g.question.clone().unwrap_or_default(),
                        g.settles.to_string(),
                        g.gather.clone().unwrap_or_default(),
                        list(&g.steps),
                        list(&g.controls),
                    ]
                })
                .collect(),
        ),
        "coverage" => (
            vec!["what", "scope", "from", "to", "state", "gather"],
            analysis
                .coverage
                .iter()
                .map(|c| {
                    let state = match c.state {
                        crate::analysis::Presence::Present => "present",
                        crate::analysis::Presence::Partial => "partial",
                        crate::analysis::Presence::Absent => "absent",
                    };
                    vec![
                        c.what.clone(),
                        c.scope.clone().unwrap_or_default(),
                        time(c.from),
                        time(c.to),
                        state.to_owned(),
                        c.gather.clone().unwrap_or_default(),
                    ]
                })
                .collect(),
        ),
        _ => (
            vec!["file", "format", "records", "used", "rejected", "sha256"],
            analysis
                .sources
                .iter()
                .map(|s| {
                    vec![
                        s.file.clone(),
                        s.format.clone(),
                        s.records.to_string(),
                        s.used.to_string(),
                        s.rejected.to_string(),
                        s.sha256.clone(),
                    ]
                })
                .collect(),
        ),
    }
}
