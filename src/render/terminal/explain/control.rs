//! A control: what it stops, whether it closes every path, whose lawful use it would have broken.

use super::page::{Page, closing, or_none, word};
use crate::analysis::{Closes, Control, ResidualPath};
use crate::model::Evidence;
use crate::render::text::{name_of, plain};

/// Examples listed of what is counted.
const EXAMPLES: usize = 5;

impl Page<'_> {
    /// What it lets through, in whose company, and the steps.
    pub(super) fn loosens(&mut self, control: &Control) {
        let Some(loosening) = &control.loosening else { return };
        self.say("loosens", &loosening.what);
        if !loosening.with.is_empty() {
            self.say("beside", &loosening.with.join(", "));
        }
        for step in loosening.steps.iter().filter_map(|id| self.analysis.step(id)) {
            self.say("opens", &format!("{} ({})", step.id, step.short));
            self.facts(&step.evidence);
        }
    }

    /// A deciding document as people call it.
    pub(super) fn document(&self, control: &Control, id: &str) -> String {
        if id.starts_with('/') {
            return name_of(id);
        }
        let titled = control.documents.iter().find(|document| {
            document.body.get("id").and_then(serde_json::Value::as_str).is_some_and(|own| own.eq_ignore_ascii_case(id))
        });
        match titled.and_then(|document| document.body.get("displayName")).and_then(serde_json::Value::as_str) {
            Some(name) => plain(name),
            None if id.starts_with("control:") => plain(&control.title),
            None => plain(id),
        }
    }

    pub(super) fn documents(&mut self, control: &Control) {
        for document in &control.documents {
            let file = match document.file.as_str() {
                "snapshot" => "the snapshot's own, put in force".to_owned(),
                file => format!("policies/{file}"),
            };
            self.say("deploy", &format!("{file} ({})", document.family));
        }
    }

    pub(super) fn control(&mut self, control: &Control) {
        self.line(&format!("{}  ({})", plain(&control.title), plain(&control.id)));
        self.say("stops", &or_none(&control.cuts_directly.join(", ")));
        let upstream: Vec<&str> =
            control.cuts.iter().filter(|id| !control.cuts_directly.contains(id)).map(String::as_str).collect();
        self.say("with them", &or_none(&upstream.join(", ")));
        if !control.challenges.is_empty() {
            self.say("asks at", &control.challenges.join(", "));
        }
        for id in control.cuts.iter().chain(&control.challenges).take(1) {
            if let Some(step) = self.analysis.step(id) {
                self.say("proof", &format!("cutset explain ... {} {}", step.id, control.id));
                let evidence: Vec<Evidence> =
                    step.verdict(&control.id).map(|verdict| verdict.evidence.clone()).unwrap_or_default();
                self.facts(&evidence);
            }
        }
        if let Some(why) = &control.disagrees {
            self.say("careful", why);
            for gate in &self.analysis.calibration {
                gate.differ.iter().for_each(|difference| self.facts(&difference.evidence));
            }
        }
        self.loosens(control);
        let words = control.words.iter().map(|w| word(w)).collect::<Vec<_>>().join(", ");
        self.gap();
        match control.closes {
            Closes::Closed => self.line("closes every path"),
            Closes::ClosedIfLacking => self.line(&format!("closes every path if the attacker lacks: {words}")),
            Closes::NotClosed => self.line("does not close every path"),
        }
        let sets: Vec<_> =
            self.analysis.minimal_control_sets.all_paths.iter().filter(|s| s.set == [control.id.clone()]).collect();
        for set in &sets {
            self.say("to", &name_of(&set.jewel));
            for member in &set.certificate.members {
                self.say("without it", "this path is open");
                self.hops(&member.path);
            }
            for refused in set.certificate.closing.iter().take(1) {
                self.say(
                    "with it",
                    &format!("{} is refused: {}", refused.step.as_deref().unwrap_or("the path"), closing(&refused.why)),
                );
            }
        }
        let open: Vec<&ResidualPath> =
            self.analysis.residual_paths.iter().filter(|path| path.with == [control.id.clone()]).collect();
        for path in open.iter().take(2) {
            self.path(path);
        }
        if open.len() > 2 {
            let ids: Vec<&str> = open.iter().skip(2).map(|path| path.id.as_str()).collect();
            self.say("more", &format!("{} (cutset explain ... {})", ids.join(", "), ids[0]));
        }
        self.collateral(control);
        if let Some(owned) = self.analysis.owned_already.iter().find(|owned| owned.control == control.id) {
            self.gap();
            self.say("owned", &owned.why_it_did_not_stop);
            self.facts(&owned.evidence);
        }
        self.gap();
        self.documents(control);
    }

    pub(super) fn collateral(&mut self, control: &Control) {
        let counted = &control.collateral;
        self.gap();
        self.line(&format!(
            "lawful use: {} refused, {} asked for more, {} not known, of {} requests",
            counted.cut, counted.challenged, counted.unknown, counted.evaluated
        ));
        for fact in &counted.missing {
            self.say("missing", fact);
        }
        let touched = self.analysis.baseline.iter().filter_map(|class| {
            let condition = class.conditions.iter().find(|condition| condition.set == [control.id.clone()])?;
            Some((class, condition.verdict))
        });
        let mut touched: Vec<_> = touched.collect();
        touched.sort_by_key(|(class, level)| (*level, std::cmp::Reverse(class.count)));
        for (class, level) in touched.iter().take(EXAMPLES) {
            let (count, who) = (class.count, plain(&class.who));
            self.say(level.word(), &format!("{count} times {} on {} by {who}", class.action, name_of(&class.target)));
            self.facts(&class.evidence);
        }
        if touched.len() > EXAMPLES {
            self.say("more", &format!("{} kinds of requests (--json lists them)", touched.len() - EXAMPLES));
        }
    }
}
