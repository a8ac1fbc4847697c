//! What happened and what it was read from: headline, identities, exposure, assumptions, calibration, coverage.

use super::page::Page;
use crate::analysis::si;
use crate::model::Evidence;
use crate::render::text::plain;

impl Page<'_> {
    pub(super) fn headline(&mut self) {
        let headline = self.analysis.headline.clone();
        self.say("who", &headline.actors.join(", "));
        self.say("from", &headline.addresses.join(", "));
        self.say("taken", &format!("{} from {}", si(headline.bytes), headline.stores.join(", ")));
        let steps = self.analysis.steps.iter().filter(|step| step.bytes > 0 || step.short.starts_with("sign-in"));
        for step in steps {
            self.gap();
            self.head(step);
            if step.bytes > 0 {
                self.say("taken", &format!("{} in {} events", si(step.bytes), step.count));
            }
            self.facts(&step.evidence);
        }
    }

    pub(super) fn identities(&mut self) {
        for identity in &self.analysis.identities {
            self.gap();
            let began = if identity.entry { ", where the attack began" } else { "" };
            self.line(&format!("{}{began}", plain(&identity.principal)));
            for statement in &identity.says {
                self.say("says", &statement.text);
                self.facts(&statement.evidence);
            }
        }
    }

    pub(super) fn exposure(&mut self) {
        let exposure = &self.analysis.exposure;
        for store in &exposure.stores {
            self.gap();
            self.line(&format!("{}: {} in {} objects", plain(&store.name), si(store.bytes), store.objects));
            self.say("at", &store.steps.join(", "));
            self.say(
                "personal",
                match store.personal_data {
                    Some(true) => "personal data, as incident.json says",
                    Some(false) => "no personal data, as incident.json says",
                    None => "whether it is personal data nobody says",
                },
            );
            self.facts(&store.evidence);
        }
        let clock = &exposure.clock;
        self.gap();
        if let Some(deadline) = clock.deadline {
            self.line(&format!("To be notified by {}", deadline.strftime("%-d %b %Y %H:%M:%S UTC")));
            self.say("rule", &clock.rule);
            if let Some(aware) = clock.aware_at {
                self.say("aware at", &aware.strftime("%-d %b %Y %H:%M:%S UTC").to_string());
            }
            self.say("  fact", "incident.json, record 1");
        }
    }

    pub(super) fn assumptions(&mut self) {
        for (n, assumption) in self.analysis.assumptions.iter().enumerate() {
            self.gap();
            self.line(&format!("{}  {}", n + 1, plain(&assumption.text)));
            self.say("from", &assumption.from);
            if !assumption.used_by.is_empty() {
                self.say("used by", &assumption.used_by.join(", "));
            }
            if assumption.from == "incident.json" {
                self.say("  fact", "incident.json, record 1");
            }
            let steps: Vec<Evidence> = assumption
                .used_by
                .iter()
                .filter_map(|id| self.analysis.step(id))
                .filter_map(|step| step.evidence.first().cloned())
                .collect();
            self.facts(&steps);
        }
    }

    pub(super) fn calibration(&mut self) {
        for gate in &self.analysis.calibration {
            self.gap();
            self.line(&format!("{}: {} {} decided again", plain(&gate.gate), gate.compared, plain(&gate.what)));
            self.say("agree", &gate.agree.to_string());
            self.examples(&gate.agreeing, gate.agree);
            self.say("unknown", &gate.unknown.to_string());
            self.examples(&gate.unsettled, gate.unknown);
            for fact in &gate.missing {
                self.say("missing", fact);
            }
            for difference in &gate.differ {
                self.say(
                    "differs",
                    &format!("recorded {}, decided {}: {}", difference.recorded, difference.decided, difference.why),
                );
                self.facts(&difference.evidence);
            }
        }
        self.gap();
        self.line("Compared with the records of");
        for source in self.analysis.sources.iter().filter(|s| s.used > 0 && s.file.starts_with("timeline/")) {
            self.say("  fact", &format!("{}, record 1 to {} ({})", source.file, source.records, source.format));
        }
    }

    /// Some of the records that are counted.
    fn examples(&mut self, evidence: &[Evidence], of: u64) {
        self.facts(evidence);
        if evidence.len() as u64 > 0 && of > evidence.len() as u64 {
            self.say("", &format!("and {} more records", of - evidence.len() as u64));
        }
    }

    pub(super) fn coverage(&mut self) {
        for source in self.analysis.sources.iter().filter(|source| source.records > 0) {
            self.say("  fact", &format!("{}, record 1 to {} ({})", source.file, source.records, source.format));
        }
        for one in &self.analysis.rejected {
            self.say("not read", &one.reason);
            self.say("  fact", &format!("{}, record {}", one.file, one.record));
        }
        for row in self.analysis.coverage.iter().filter(|row| row.state != crate::analysis::Presence::Present) {
            let state = match row.state {
                crate::analysis::Presence::Absent => "not collected",
                crate::analysis::Presence::Partial | crate::analysis::Presence::Present => "in part",
            };
            self.say(state, &row.what);
            if let Some(gather) = &row.gather {
                self.command(gather);
            }
        }
        self.say("claim", &self.analysis.claim.text.clone());
    }
}
