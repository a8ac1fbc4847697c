//! Everything replay is told once.

use crate::correlate::Correlated;
use crate::model::{Attacker, Environment, Incident, Jewel, ObjectId, ResourceId, Timestamp, Word};
use std::collections::{BTreeMap, BTreeSet};

/// What the attacker holds and lacks, for each principal and at each time.
#[derive(Clone, Debug, Default)]
pub struct Words {
    /// (word, of whom, from when); of nobody in particular: of every principal.
    holds: Vec<(Word, Option<ObjectId>, Option<Timestamp>)>,
    lacks: Vec<(Word, Option<ObjectId>)>,
}

impl Words {
    /// A word without `of` is the first entry's.
    pub fn of(incident: &Incident, entries: &[ObjectId], resolve: &dyn Fn(&str) -> Option<ObjectId>) -> Words {
        let whose = |of: &Option<String>| match of {
            Some(name) => resolve(name).or_else(|| Some(ObjectId::new(name))),
            None => entries.first().cloned(),
        };
        Words {
            holds: incident.attacker.holds.iter().map(|w| (w.what, whose(&w.of), w.from)).collect(),
            lacks: incident.attacker.lacks.iter().map(|w| (w.what, whose(&w.of))).collect(),
        }
    }

    /// Somebody whose password is known, and nothing else.
    pub fn password_of(principal: &ObjectId) -> Words {
        Words { holds: vec![(Word::Password, Some(principal.clone()), None)], lacks: Vec::new() }
    }

    /// Whoever it is, their password is known, and nothing else.
    pub fn password() -> Words {
        Words { holds: vec![(Word::Password, None, None)], lacks: Vec::new() }
    }

    /// With these lacked besides: of somebody, or of everybody.
    pub fn lacking(mut self, words: impl IntoIterator<Item = (Word, Option<ObjectId>)>) -> Words {
        self.lacks.extend(words);
        self
    }

    pub fn for_principal(&self, principal: &ObjectId, at: Timestamp) -> Attacker {
        let is = |of: &Option<ObjectId>| of.as_ref().is_none_or(|of| of == principal);
        let holds: BTreeSet<Word> = self
            .holds
            .iter()
            .filter(|(_, of, from)| is(of) && from.is_none_or(|from| from <= at))
            .map(|(word, _, _)| *word)
            .collect();
        let lacks = self.lacks.iter().filter(|(_, of)| is(of)).map(|(word, _)| *word).collect();
        Attacker { holds, lacks }
    }

    /// Whether the word came to be held between the two moments: what was known before the first may have ended there.
    pub fn learned(&self, word: Word, principal: &ObjectId, after: Timestamp, until: Timestamp) -> bool {
        self.holds.iter().any(|(held, of, from)| {
            *held == word
                && of.as_ref().is_none_or(|of| of == principal)
                && from.is_some_and(|from| from >= after && from <= until)
        })
    }

    pub fn holds_of(&self, principal: &ObjectId) -> BTreeSet<Word> {
        self.holds.iter().filter(|(_, of, _)| of.as_ref().is_none_or(|of| of == principal)).map(|h| h.0).collect()
    }
}

/// The incident as the engine takes it.
pub struct Case {
    /// As it was before the first event (a late snapshot is rewound).
    pub environment: Environment,
    /// As it was exported: what the attack made stands only there, where the export is later than the attack.
    pub exported: Environment,
    pub correlated: Correlated,
    pub words: Words,
    /// The principals the attacker came in by.
    pub entries: Vec<ObjectId>,
    pub jewels: Vec<(ResourceId, Jewel)>,
    /// What kinds a claim of completeness must name as not collected.
    pub aliases: BTreeMap<String, String>,
}
