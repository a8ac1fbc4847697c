//! Proofs in lines: every claim of the summary, down to the records it rests on.

mod control;
mod finding;
mod incident;
mod page;
mod set;
mod step;

pub(in crate::render::terminal) use page::reason;

use crate::analysis::{Analysis, NodeKind};
use crate::render::text::plain;
use page::Page;

/// What can be asked besides a step, a control, a path, and a step under a control.
pub const SUBJECTS: &[(&str, &str)] = &[
    ("headline", "who, from where, what was taken"),
    ("identities", "what the evidence says of those the attack signed in as"),
    ("exposure", "what was taken from where, and when it must be notified"),
    ("assumptions", "what is assumed, and which steps rest on it"),
    ("calibration", "what was decided again and compared with history"),
    ("coverage", "what was read, what was not collected"),
    ("sets", "the sets that close every path, with the path that opens without each member"),
    ("owned", "controls that were there and did not stop it"),
    ("loosening", "controls that would let through what was refused without them"),
    ("unexplained", "holes in the evidence"),
    ("gaps", "facts that would settle cells"),
    ("containment", "what to take away first"),
    ("detections", "rules, and when they would have fired"),
];
/// The proof of what was asked; none where the analysis knows nothing of that name.
pub fn explain(analysis: &Analysis, subject: &str, control: Option<&str>, width: usize) -> Option<String> {
    let identities = analysis.graph.nodes.iter().filter(|node| node.kind == NodeKind::Identity);
    let called = identities.filter_map(|node| Some((node.id.split_once(':')?.1.to_lowercase(), plain(&node.label))));
    let mut page = Page { analysis, width, out: Vec::new(), called: called.collect() };
    let called = |name: &str| {
        analysis.controls.iter().find(|control| control.id == name || control.short.as_deref() == Some(name))
    };
    match (analysis.step(subject), control) {
        (Some(step), Some(name)) => {
            let control = called(name)?;
            page.cell(step, control, step.verdict(&control.id)?);
        }
        (Some(step), None) => page.step(step),
        (None, Some(_)) => return None,
        (None, None) => match subject {
            "headline" => page.headline(),
            "identities" => page.identities(),
            "exposure" => page.exposure(),
            "assumptions" => page.assumptions(),
            "calibration" => page.calibration(),
            "coverage" => page.coverage(),
            "sets" => page.sets(),
            "loosening" => page.loosening(),
            "owned" => page.owned(),
            "unexplained" => page.unexplained(),
            "gaps" => page.gaps(),
            "containment" => page.containment(),
            "detections" => page.detections(),
            other => match (called(other), analysis.residual_paths.iter().find(|path| path.id == other)) {
                (Some(control), _) => page.control(control),
                (None, Some(path)) => page.path(path),
                (None, None) => return None,
            },
        },
    }
    let mut text = String::new();
    for line in page.out {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    Some(text)
}
