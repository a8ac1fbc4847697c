//! Findings: what was owned already, what loosens, holes in the evidence, missing facts, containment, detections.

use super::page::{Page, or_none, reason};
use crate::model::Evidence;
use crate::render::text::plain;

impl Page<'_> {
    pub(super) fn loosening(&mut self) {
        let loose: Vec<_> = self.analysis.controls.iter().filter(|control| control.loosening.is_some()).collect();
        if loose.is_empty() {
            self.line("No control that was tried lets anything through that was refused without it.");
            for step in self.analysis.steps.iter().take(1) {
                self.facts(&step.evidence);
            }
        }
        for control in loose {
            self.gap();
            self.line(&format!("{}  ({})", plain(&control.title), plain(&control.id)));
            self.loosens(control);
            self.documents(control);
        }
    }

    pub(super) fn owned(&mut self) {
        for owned in &self.analysis.owned_already {
            self.gap();
            let title = self.analysis.control(&owned.control).map_or(owned.control.as_str(), |c| c.title.as_str());
            self.line(&format!("{}  ({})", plain(title), plain(&owned.control)));
            self.say("why not", &owned.why_it_did_not_stop);
            self.say("would stop", &owned.steps.join(", "));
            self.facts(&owned.evidence);
        }
    }

    pub(super) fn unexplained(&mut self) {
        for hole in &self.analysis.unexplained {
            self.gap();
            self.line(&format!("{} needs {}", plain(&hole.step), plain(&hole.need)));
            self.say("why", &reason(&hole.why));
            if let Some(step) = self.analysis.step(&hole.step) {
                self.facts(&step.evidence);
            }
        }
    }

    pub(super) fn gaps(&mut self) {
        for gap in &self.analysis.gaps {
            self.gap();
            let text = gap.question.as_deref().unwrap_or(&gap.fact);
            self.line(&format!("{} (settles {} cells)", plain(text), gap.settles));
            self.say("fact", &gap.fact);
            self.say("steps", &or_none(&gap.steps.join(", ")));
            self.say("controls", &or_none(&gap.controls.join(", ")));
            if let Some(gather) = &gap.gather {
                self.command(gather);
            }
            let steps: Vec<Evidence> = gap
                .steps
                .iter()
                .filter_map(|id| self.analysis.step(id))
                .filter_map(|step| step.evidence.first().cloned())
                .collect();
            self.facts(&steps);
        }
    }

    pub(super) fn containment(&mut self) {
        for item in &self.analysis.containment {
            self.gap();
            let live = if item.live { " (live)" } else { "" };
            self.line(&format!("{}  {}{live}", item.rank, plain(&item.action)));
            self.say("takes away", &item.capability);
            if !item.why.is_empty() {
                self.say("why", &item.why);
            }
            self.command(&item.command);
            let mut evidence = item.evidence.clone();
            if evidence.is_empty() {
                let steps = item.steps.iter().filter_map(|id| self.analysis.step(id));
                evidence = steps.filter_map(|step| step.evidence.first().cloned()).collect();
            }
            self.facts(&evidence);
        }
    }

    pub(super) fn detections(&mut self) {
        for rule in &self.analysis.detections {
            self.gap();
            self.line(&format!("{}  ({})", plain(&rule.title), plain(&rule.id)));
            if !rule.reading.is_empty() {
                self.say("reading", &rule.reading);
            }
            match rule.fires_at {
                Some(at) => {
                    let at = at.strftime("%-d %b %Y %H:%M:%S UTC");
                    self.say("fires", &format!("{at}, on {}", rule.steps.join(", ")));
                }
                None => self.say("fires", "never on this case"),
            }
            self.say("baseline", &format!("{} hits of {} records", rule.baseline_hits, rule.baseline_evaluated));
            if !rule.why.is_empty() {
                self.say("why", &rule.why);
            }
            let steps = rule.steps.iter().filter_map(|id| self.analysis.step(id));
            let evidence: Vec<Evidence> = steps.filter_map(|step| step.evidence.first().cloned()).collect();
            self.facts(&evidence);
        }
    }
}
