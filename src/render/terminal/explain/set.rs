//! The sets that close every path, their certificates, and the paths that stay open.

use super::page::{Page, closing, word};
use crate::analysis::{Closes, Guarantee, ResidualPath};
use crate::render::text::name_of;

impl Page<'_> {
    pub(super) fn path(&mut self, path: &ResidualPath) {
        self.gap();
        let state = match path.open {
            Some(Closes::ClosedIfLacking) => {
                format!(
                    "open to an attacker who holds: {}",
                    path.words.iter().map(|w| word(w)).collect::<Vec<_>>().join(", ")
                )
            }
            Some(Closes::NotClosed | Closes::Closed) | None => "open".to_owned(),
        };
        self.line(&format!("{}  to {}, with {} in force: {state}", path.id, name_of(&path.to), path.with.join(", ")));
        self.hops(&path.steps);
        for fact in &path.missing {
            self.say("missing", fact);
        }
        let cut: Vec<String> = path.cut_by.iter().map(|set| set.join(" and ")).collect();
        if !cut.is_empty() {
            self.say("cut by", &cut.join(", "));
        }
    }

    pub(super) fn sets(&mut self) {
        let sets = &self.analysis.minimal_control_sets;
        self.line(&format!(
            "{} candidates tried; {} sets close every path",
            sets.candidates.len(),
            sets.all_paths.len()
        ));
        for set in &sets.all_paths {
            self.gap();
            let guarantee = match set.guarantee {
                Guarantee::Closed => "closed".to_owned(),
                Guarantee::ClosedIfLacking => {
                    format!(
                        "closed if the attacker lacks: {}",
                        set.words.iter().map(|w| word(w)).collect::<Vec<_>>().join(", ")
                    )
                }
            };
            let marks = if set.cheapest { ", the cheapest" } else { "" };
            let jewel = name_of(&set.jewel);
            self.line(&format!("{}  to {jewel}: {guarantee}, effort {}{marks}", set.set.join(" and "), set.effort));
            for member in &set.certificate.members {
                self.say("without", &format!("{} this path is open", member.control));
                self.hops(&member.path);
            }
            for refused in set.certificate.closing.iter().take(1) {
                self.say(
                    "with it",
                    &format!("{} is refused: {}", refused.step.as_deref().unwrap_or("the path"), closing(&refused.why)),
                );
            }
        }
        for clause in &sets.clauses {
            self.gap();
            let least = format!(
                "At least one of {} must be in force: with all others this is open",
                clause.controls.join(", ")
            );
            self.line(&least);
            self.hops(&clause.path);
        }
        for open in &sets.uncovered {
            self.gap();
            self.line(&format!("No set closes every path to {}: this stays open", name_of(&open.jewel)));
            self.hops(&open.steps);
        }
        let claim = self.analysis.claim.text.clone();
        self.gap();
        self.say("claim", &claim);
    }
}
