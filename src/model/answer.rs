//! What a gate answers to one request, in the terms of the attack.

use super::{Missing, Word};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How far an attack gets, totally ordered: a step is the minimum over its gates and needs, a need the maximum over
/// its supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    Cut,
    Challenged,
    Unknown,
    NotCut,
}

impl Level {
    pub fn word(self) -> &'static str {
        match self {
            Level::Cut => "cut",
            Level::Challenged => "challenged",
            Level::Unknown => "unknown",
            Level::NotCut => "not-cut",
        }
    }
}

/// The clause of a native document that decided, and the vendor's page that says so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Clause {
    /// Id of the deciding document (policy, assignment, lock, resource).
    pub document: String,
    /// JSON pointer into it, empty where the whole document decides.
    pub pointer: String,
    /// One sentence: what the clause says of this request.
    pub says: String,
    /// Page title of the vendor's documentation.
    pub source: String,
}

/// One gate's answer to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub level: Level,
    /// The gate's own word for why (`application`, `sharedKeyDisabled`, `noMatchingAssignment`, ...).
    pub reason: String,
    /// With `Challenged`: what the attacker would have to hold, all of them.
    pub words: BTreeSet<Word>,
    /// With `Unknown`: the facts it turns on.
    pub missing: Missing,
    /// The clauses that decided.
    pub clauses: Vec<Clause>,
    /// What would have been noticed without being refused (audit effects, report-only results, notifications).
    pub detected: Vec<String>,
    /// Printed with the answer, never part of it (a spoofable user agent, cached group claims, ...).
    pub notes: Vec<String>,
}

impl Answer {
    pub fn allowed(reason: impl Into<String>) -> Self {
        Answer::of(Level::NotCut, reason)
    }

    pub fn refused(reason: impl Into<String>) -> Self {
        Answer::of(Level::Cut, reason)
    }

    pub fn of(level: Level, reason: impl Into<String>) -> Self {
        Answer {
            level,
            reason: reason.into(),
            words: BTreeSet::new(),
            missing: Missing::new(),
            clauses: Vec::new(),
            detected: Vec::new(),
            notes: Vec::new(),
        }
    }

    pub fn because(mut self, clause: Clause) -> Self {
        self.clauses.push(clause);
        self
    }
}
