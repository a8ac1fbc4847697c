//! Every table as CSV (RFC 4180), a file each, every string whole.
//!
//! A cell that a spreadsheet would take for a formula gets an apostrophe in front (OWASP, *CSV Injection*): one that
//! begins, behind blanks, with `=`, `+`, `-`, `@`, a full-width form of these, or a tab.

use super::text::plain;
use super::{Artifact, Output, RenderError, Request};
use crate::analysis::{Analysis, Closes, Guarantee};
use crate::model::Evidence;

pub(super) const OUTPUT: Output = Output { id: "csv", views: VIEWS, extension: "csv", render };

const VIEWS: &[&str] = &[
    "all",
    "identities",
    "steps",
    "verdicts",
    "alerts",
    "controls",
    "sets",
    "residual-paths",
    "posture-gaps",
    "owned-already",
    "operations",
    "inventory",
    "exposure",
    "lateral",
    "cost",
    "containment",
    "preservation",
    "detections",
    "assumptions",
    "unexplained",
    "gaps",
    "coverage",
    "sources",
];

fn render(analysis: &Analysis, request: &Request) -> Result<Vec<Artifact>, RenderError> {
    let wanted = VIEWS.iter().skip(1).filter(|view| request.view == "all" || request.view == **view);
    let mut files = Vec::new();
    for view in wanted {
        let (heads, rows) = table(view, analysis);
        // Of all tables those with rows: an empty one has nothing to mark.
        if !rows.is_empty() || request.view != "all" {
            files.push(Artifact { name: format!("{view}.csv"), bytes: file(analysis, heads, rows)? });
        }
    }
    Ok(files)
}

/// Every row carries the marking: rows are cut and pasted one by one.
fn file(analysis: &Analysis, mut heads: Vec<&'static str>, mut rows: Vec<Vec<String>>) -> Result<Vec<u8>, RenderError> {
    if let Some(marking) = &analysis.incident.marking {
        heads.push("marking");
        rows.iter_mut().for_each(|row| row.push(marking.clone()));
    }
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let failed = |error: csv::Error| RenderError::Failed(error.to_string());
    writer.write_record(heads).map_err(failed)?;
    for row in rows {
        writer.write_record(row.iter().map(|cell| inert(cell))).map_err(failed)?;
    }
    writer.into_inner().map_err(|error| RenderError::Failed(error.to_string()))
}

/// Visible text that no spreadsheet calculates.
fn inert(cell: &str) -> String {
    let shown = plain(cell);
    let first = shown.trim_start().chars().next();
    let formula =
        matches!(first, Some('=' | '+' | '-' | '@' | '|' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}'));
    if formula { format!("'{shown}") } else { shown }
}

type Table = (Vec<&'static str>, Vec<Vec<String>>);

fn time(time: impl Into<Option<jiff::Timestamp>>) -> String {
    time.into().map(|time| time.to_string()).unwrap_or_default()
}

fn list(all: &[String]) -> String {
    all.join(" ")
}

fn read_at(evidence: &[Evidence]) -> String {
    let all: Vec<String> = evidence.iter().map(|e| format!("{}#{}{}", e.file, e.record, e.pointer)).collect();
    all.join(" ")
}

fn yes(holds: bool) -> String {
    if holds { "yes" } else { "no" }.to_owned()
}

fn closes(closes: Closes) -> &'static str {
    match closes {
        Closes::Closed => "closed",
        Closes::ClosedIfLacking => "closed-if-lacking",
        Closes::NotClosed => "not-closed",
    }
}

fn table(view: &str, analysis: &Analysis) -> Table {
    match view {
        "identities" => identities(analysis),
        "steps" | "verdicts" | "alerts" => steps(view, analysis),
        "controls" | "sets" | "residual-paths" | "posture-gaps" | "owned-already" => controls(view, analysis),
        "operations" | "inventory" | "exposure" | "lateral" | "cost" => facts(view, analysis),
        "containment" | "preservation" | "detections" => actions(view, analysis),
        _ => unknowns(view, analysis),
    }
}

fn identities(analysis: &Analysis) -> Table {
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

fn steps(view: &str, analysis: &Analysis) -> Table {
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

fn controls(view: &str, analysis: &Analysis) -> Table {
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

fn facts(view: &str, analysis: &Analysis) -> Table {
    match view {
        "operations" => (
            vec!["time", "caller", "source ip", "operation", "target", "outcome", "step", "correlation id", "evidence"],
            analysis
                .operations
                .iter()
                .map(|o| {
                    vec![
                        time(o.time),
                        o.caller.clone(),
                        o.source_ip.clone().unwrap_or_default(),
                        o.operation.clone(),
                        o.target.clone(),
                        o.outcome.clone(),
                        o.step.clone().unwrap_or_default(),
                        o.correlation_id.clone().unwrap_or_default(),
                        read_at(&o.evidence),
                    ]
                })
                .collect(),
        ),
        "inventory" => (
            vec!["id", "name", "type", "location", "part", "steps", "jewel", "in snapshot", "evidence"],
            analysis
                .inventory
                .iter()
                .map(|i| {
                    vec![
                        i.id.clone(),
                        i.name.clone(),
                        i.resource_type.clone(),
                        i.location.clone().unwrap_or_default(),
                        list(&i.part),
                        list(&i.steps),
                        yes(i.jewel),
                        yes(i.in_snapshot),
                        read_at(&i.evidence),
                    ]
                })
                .collect(),
        ),
        "exposure" => (
            vec!["id", "name", "objects", "bytes", "from", "to", "personal data", "steps", "evidence"],
            analysis
                .exposure
                .stores
                .iter()
                .map(|s| {
                    vec![
                        s.id.clone(),
                        s.name.clone(),
                        s.objects.to_string(),
                        s.bytes.to_string(),
                        time(s.from),
                        time(s.to),
                        s.personal_data.map(yes).unwrap_or_default(),
                        list(&s.steps),
                        read_at(&s.evidence),
                    ]
                })
                .collect(),
        ),
        "lateral" => (
            vec!["caller", "source ips", "resource types", "count", "from", "to", "seconds", "steps", "evidence"],
            analysis
                .lateral
                .iter()
                .map(|l| {
                    vec![
                        l.caller.clone(),
                        list(&l.source_ips),
                        list(&l.resource_types),
                        l.count.to_string(),
                        time(l.from),
                        time(l.to),
                        l.seconds.to_string(),
                        list(&l.steps),
                        read_at(&l.evidence),
                    ]
                })
                .collect(),
        ),
        _ => (
            vec![
                "resource",
                "meter",
                "unit price",
                "unit",
                "quantity",
                "amount",
                "currency",
                "from",
                "to",
                "steps",
                "evidence",
            ],
            analysis
                .cost
                .items
                .iter()
                .map(|i| {
                    vec![
                        i.resource.clone(),
                        i.meter.clone(),
                        i.unit_price.clone(),
                        i.unit.clone(),
                        i.quantity.clone(),
                        i.amount.clone(),
                        analysis.cost.currency.clone().unwrap_or_default(),
                        time(i.from),
                        time(i.to),
                        list(&i.steps),
                        read_at(&i.evidence),
                    ]
                })
                .collect(),
        ),
    }
}

fn actions(view: &str, analysis: &Analysis) -> Table {
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

fn unknowns(view: &str, analysis: &Analysis) -> Table {
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
