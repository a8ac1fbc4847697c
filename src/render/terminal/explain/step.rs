//! A step of the attack, and one cell of the table: down the chain to the gate that decides, its rule and its document.

use super::page::{Page, place, reason, word};
use crate::analysis::{Control, Mode, Step, Verdict, si};
use crate::model::{Evidence, Level};
use crate::render::text::wrap_all;

impl Page<'_> {
    pub(super) fn step(&mut self, step: &Step) {
        self.head(step);
        self.say("why in", &step.why_in);
        self.facts(&step.evidence);
        for need in &step.needs {
            self.say("needs", &need.capability);
            for support in &need.supports {
                let from = match support.from.as_str() {
                    "environment" => "the environment".to_owned(),
                    "held" => "what the attacker held".to_owned(),
                    "unexplained" => "nothing on record".to_owned(),
                    other => other.to_owned(),
                };
                self.say("  from", &format!("{from}: {}", support.by));
                self.facts(&support.evidence);
            }
        }
        for made in &step.yields {
            self.say("gives", &made.capability);
        }
        for alert in &step.alerts {
            self.say("alert", &format!("{} ({}, {})", alert.title, alert.product, alert.severity));
            self.facts(&alert.evidence);
        }
        for set in &step.cut_by {
            self.say("cut by", &set.join(" and "));
        }
    }

    pub(super) fn cell(&mut self, step: &Step, control: &Control, verdict: &Verdict) {
        self.head(step);
        self.say("under", &format!("{} ({})", control.title, control.id));
        let how = match (verdict.verdict, verdict.mode, &verdict.via) {
            (Level::NotCut, _, _) => String::new(),
            (_, Mode::Direct, _) => ", by its own gate".to_owned(),
            (_, Mode::Upstream, Some(via)) => format!(", because {via} is"),
            (_, Mode::Upstream, None) => ", because something it needs is".to_owned(),
        };
        self.say("verdict", &format!("{}{how}", verdict.verdict.word()));
        self.say("reason", &reason(&verdict.reason));
        if let Some(at) = verdict.at {
            let lost = &verdict.lost_before;
            let at = at.strftime("%-d %b %Y %H:%M:%S UTC");
            self.say("when", &format!("{at}; by then {} taken, {} steps done", si(lost.bytes), lost.steps));
        }
        if verdict.events.cut > 0 && verdict.events.cut < step.count {
            self.say("events", &format!("{} of {} cut", verdict.events.cut, step.count));
        }
        for held in &verdict.words {
            self.say("turns on", &format!("whether the attacker holds: {}", word(held)));
        }
        for (label, items) in
            [("missing", &verdict.missing), ("assumes", &verdict.assumes), ("detected", &verdict.detected)]
        {
            for item in items {
                self.say(label, item);
            }
        }
        if let Some(caveat) = &verdict.caveat {
            self.say("caveat", caveat);
        }
        if let Some(undo) = &verdict.undo {
            self.say("undo", &format!("{} ({})", undo.steps.join(", then "), undo.capability));
        }
        let (at, shown) = self.chain(step, control, verdict);
        self.line("proof");
        if let Some(request) = at.evidence.first() {
            self.out.extend(wrap_all("  fact", 11, &format!("{} (the request)", place(request)), self.width));
        }
        let others: Vec<Evidence> = shown.evidence.iter().filter(|e| !at.evidence.contains(e)).cloned().collect();
        self.facts(&others);
        for clause in &shown.clauses {
            self.say("  rule", &clause.says);
            let pointer = if clause.pointer.is_empty() { String::new() } else { format!(" at {}", clause.pointer) };
            let document = self.document(control, &clause.document);
            self.say("    in", &format!("{document}{pointer}"));
            if !clause.source.is_empty() {
                self.say("    page", &clause.source);
            }
        }
        self.documents(control);
    }

    /// An upstream verdict is proven where it is direct: down the chain to the gate.
    pub(super) fn chain(&mut self, step: &Step, control: &Control, verdict: &Verdict) -> (Step, Verdict) {
        let (mut at, mut shown, mut seen) = (step.clone(), verdict.clone(), vec![step.id.clone()]);
        while let (Mode::Upstream, Some(via)) = (shown.mode, shown.via.clone()) {
            let Some(next) = self.analysis.step(&via).filter(|step| !seen.contains(&step.id)).cloned() else { break };
            for need in at.needs.iter().filter(|need| need.supports.iter().any(|support| support.from == next.id)) {
                self.say("needs", &format!("{} needs {}, which {} gives", at.id, need.capability, next.id));
                for support in need.supports.iter().filter(|support| support.from == next.id) {
                    self.facts(&support.evidence);
                }
            }
            let Some(verdict) = next.verdict(&control.id).cloned() else { break };
            self.say("because", &format!("{} ({}): {}", next.id, next.short, reason(&verdict.reason)));
            seen.push(next.id.clone());
            (at, shown) = (next, verdict);
        }
        (at, shown)
    }
}
