//! The checks of a request, one after another: what each makes of it, and how far an attacker gets past it.

use super::activate::Outcome;
use crate::model::{Attacker, Clause, Level, Missing, Truth, Word};
use std::collections::BTreeSet;

/// One check. `outcome` is the platform's answer to this very request; `level` is the attacker's, who words
/// justification, ticket and duration as they please.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Check {
    pub rule: String,
    pub outcome: Outcome,
    pub missing: Missing,
    pub level: Level,
    pub words: BTreeSet<Word>,
    /// Facts the attacker's answer turns on.
    pub open: Missing,
    pub clauses: Vec<Clause>,
}

impl Check {
    pub fn new(rule: impl Into<String>, outcome: Outcome) -> Check {
        Check {
            rule: rule.into(),
            outcome,
            missing: Missing::new(),
            level: Level::NotCut,
            words: BTreeSet::new(),
            open: Missing::new(),
            clauses: Vec::new(),
        }
    }

    /// A condition of the request: false has this outcome. The attacker's level is untouched.
    pub fn condition(rule: impl Into<String>, truth: Truth, failing: Outcome) -> Check {
        match truth {
            Truth::True => Check::new(rule, Outcome::Provisioned),
            Truth::False => Check::new(rule, failing),
            Truth::Unknown(missing) => Check { missing, ..Check::new(rule, Outcome::Unknown) },
        }
    }

    /// What is missing leaves the attacker's answer open too.
    pub fn binding(mut self) -> Check {
        match self.outcome {
            Outcome::Provisioned => {}
            Outcome::Denied => self.level = Level::Cut,
            Outcome::Unknown => {
                self.level = Level::Unknown;
                self.open = self.missing.clone();
            }
            Outcome::Challenged | Outcome::PendingApproval => {}
        }
        self
    }

    /// Where the check asks for a word: held it passes, lacked it is refused, else it is challenged. What is unknown
    /// stays so unless the word is held anyway.
    pub fn word(mut self, word: Word, attacker: &Attacker) -> Check {
        let level = match (attacker.holds.contains(&word), attacker.lacks.contains(&word)) {
            (true, _) => Level::NotCut,
            (false, true) => Level::Cut,
            (false, false) => Level::Challenged,
        };
        match self.outcome {
            Outcome::Provisioned => {}
            Outcome::Challenged | Outcome::PendingApproval => {
                self.level = level;
                self.words.extend((level == Level::Challenged).then_some(word));
            }
            Outcome::Unknown if level == Level::NotCut => {}
            Outcome::Unknown | Outcome::Denied => return self.binding(),
        }
        self
    }

    pub fn because(mut self, clause: Clause) -> Check {
        self.clauses.push(clause);
        self
    }

    /// Two settings may bind and the pages do not say which: where they differ, that is the missing fact.
    pub fn either(self, other: Check, fact: &'static str) -> Check {
        let mut both = self.clone();
        both.clauses.extend(other.clauses.iter().filter(|clause| !self.clauses.contains(clause)).cloned());
        let settled = |outcome: Outcome| outcome != Outcome::Unknown;
        if self.outcome != other.outcome || !settled(self.outcome) {
            both.outcome = Outcome::Unknown;
            both.missing = Missing::from([fact.into()]);
        }
        let (low, high) = if self.level <= other.level { (self, other) } else { (other, self) };
        (both.level, both.words, both.open) = match (low.level, high.level) {
            (Level::NotCut, _) => (Level::NotCut, BTreeSet::new(), Missing::new()),
            (_, Level::NotCut | Level::Unknown) => (Level::Unknown, BTreeSet::new(), Missing::from([fact.into()])),
            (low_level, Level::Challenged) => {
                let mut words = high.words;
                words.extend((low_level == Level::Challenged).then_some(low.words).into_iter().flatten());
                (Level::Challenged, words, Missing::new())
            }
            (_, Level::Cut) => (Level::Cut, BTreeSet::new(), Missing::new()),
        };
        both
    }
}
