//! How far an attacker gets: a level of the chain `cut < challenged < unknown < not-cut`, with the words or the facts it
//! turns on. A demand is the minimum over what it needs, a way past it the maximum over the ways.

use crate::model::request::Stance;
use crate::model::{Attacker, Level, Missing, Truth, Word};
use std::collections::BTreeSet;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reach {
    pub level: Level,
    /// With `Challenged`: what would have to be held, all of it.
    pub words: BTreeSet<Word>,
    /// With `Unknown`.
    pub missing: Missing,
}

impl Reach {
    pub fn cut() -> Reach {
        Reach { level: Level::Cut, words: BTreeSet::new(), missing: Missing::new() }
    }

    pub fn not_cut() -> Reach {
        Reach { level: Level::NotCut, words: BTreeSet::new(), missing: Missing::new() }
    }

    pub fn unknown(missing: Missing) -> Reach {
        Reach { level: Level::Unknown, words: BTreeSet::new(), missing }
    }

    /// Passing turns on a condition.
    pub fn if_true(condition: Truth) -> Reach {
        match condition {
            Truth::True => Reach::not_cut(),
            Truth::False => Reach::cut(),
            Truth::Unknown(facts) => Reach::unknown(facts),
        }
    }

    /// All is needed.
    pub fn and(mut self, other: impl FnOnce() -> Reach) -> Reach {
        if self.level == Level::Cut {
            return self;
        }
        let other = other();
        match self.level.cmp(&other.level) {
            std::cmp::Ordering::Less => self,
            std::cmp::Ordering::Greater => other,
            std::cmp::Ordering::Equal => {
                self.words.extend(other.words);
                self.missing.extend(other.missing);
                self
            }
        }
    }

    /// Either is enough.
    pub fn or(mut self, other: impl FnOnce() -> Reach) -> Reach {
        if self.level == Level::NotCut {
            return self;
        }
        let other = other();
        match self.level.cmp(&other.level) {
            std::cmp::Ordering::Less => other,
            std::cmp::Ordering::Greater => self,
            std::cmp::Ordering::Equal if self.level == Level::Unknown => {
                self.missing.extend(other.missing);
                self
            }
            // The shorter list of words; the first named where they are equally long.
            std::cmp::Ordering::Equal if other.words.len() < self.words.len() => other,
            std::cmp::Ordering::Equal => self,
        }
    }
}

/// What the attacker's words are worth for this question.
#[derive(Clone, Copy)]
pub(super) struct Hands<'a> {
    pub attacker: &'a Attacker,
    pub stance: Stance,
}

impl Hands<'_> {
    /// Held: it gets past. Lacked, or a possession that nobody says is held: it does not. Else it is a challenge, unless
    /// the request was made already and no prompt would have asked for it.
    pub fn holds(self, word: Word) -> Reach {
        if self.attacker.holds.contains(&word) {
            return Reach::not_cut();
        }
        let asked = match (self.stance, word) {
            (Stance::Observed, Word::ManagedDevice | Word::DeviceKey | Word::AllowedEgressAddress) => false,
            (Stance::Observed | Stance::Hypothetical, word) => word.answers_a_challenge(),
        };
        if self.attacker.lacks.contains(&word) || !asked {
            return Reach::cut();
        }
        Reach { level: Level::Challenged, words: BTreeSet::from([word]), missing: Missing::new() }
    }
}
