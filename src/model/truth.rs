//! Three-valued truth (Kleene), where *unknown* carries the names of the facts that nobody recorded.

use std::collections::BTreeSet;
use std::sync::Arc;

/// The names of missing facts, sorted and without duplicates.
pub type Missing = BTreeSet<Arc<str>>;

/// What a condition evaluates to. There is no default between the three: a fact that nobody recorded is `Unknown`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Truth {
    True,
    False,
    /// Turns on these facts.
    Unknown(Missing),
}

impl Truth {
    /// Unknown because of one fact.
    pub fn missing(fact: impl Into<Arc<str>>) -> Self {
        Truth::Unknown(BTreeSet::from([fact.into()]))
    }

    /// `False` wins outright: a fact nobody recorded cannot rescue a condition that already failed.
    pub fn and(self, other: Truth) -> Truth {
        match (self, other) {
            (Truth::False, _) | (_, Truth::False) => Truth::False,
            (Truth::True, rest) | (rest, Truth::True) => rest,
            (Truth::Unknown(mut a), Truth::Unknown(b)) => {
                a.extend(b);
                Truth::Unknown(a)
            }
        }
    }

    /// `True` wins outright.
    pub fn or(self, other: Truth) -> Truth {
        self.not().and(other.not()).not()
    }

    /// Negation; what is unknown stays unknown for the same facts.
    #[allow(clippy::should_implement_trait)]
    pub fn not(self) -> Truth {
        match self {
            Truth::True => Truth::False,
            Truth::False => Truth::True,
            Truth::Unknown(facts) => Truth::Unknown(facts),
        }
    }

    pub fn is_true(&self) -> bool {
        matches!(self, Truth::True)
    }

    pub fn is_false(&self) -> bool {
        matches!(self, Truth::False)
    }

    /// `"true"`, `"false"` or `"unknown"`, as the vectors spell them.
    pub fn word(&self) -> &'static str {
        match self {
            Truth::True => "true",
            Truth::False => "false",
            Truth::Unknown(_) => "unknown",
        }
    }
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Truth::True } else { Truth::False }
    }
}
