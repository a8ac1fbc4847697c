//! What evaluating gives: a value or the reason there is none, and for conditions a set of outcomes still possible.
//!
//! Truth has three values and failing is a fourth outcome ("If the result of a template function is an error, policy
//! evaluation fails. A failed evaluation is an implicit deny", *Azure Policy definition structure policy rule*). An
//! unknown condition is the set of outcomes it may still take, so a rule that may *fail* once a fact is known is told
//! apart from one that can only be true or false: filling in a fact never contradicts a definite answer.

use super::condition::Condition;
use crate::model::{Missing, Truth};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Why there is no value: facts nobody recorded.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Gap {
    pub facts: Missing,
    /// Some value of the missing fact makes the evaluation fail.
    pub may_fail: bool,
    /// The missing value may turn out to be null.
    pub nullable: bool,
    /// The missing value is an array.
    pub array: bool,
    /// The snapshot itself is malformed (a parameter that is used has neither value nor default).
    pub malformed: bool,
}

impl Gap {
    pub fn of(fact: impl Into<Arc<str>>) -> Self {
        Gap { facts: BTreeSet::from([fact.into()]), ..Gap::default() }
    }

    pub fn nullable(mut self) -> Self {
        self.nullable = true;
        self
    }

    pub fn absorb(&mut self, other: Gap) {
        self.facts.extend(other.facts);
        self.may_fail |= other.may_fail;
        self.nullable |= other.nullable;
        self.array &= other.array;
        self.malformed |= other.malformed;
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Stop {
    Unknown(Gap),
    /// The evaluation fails: what the platform would report.
    Failed(String),
}

impl Stop {
    pub fn unknown(fact: impl Into<Arc<str>>) -> Self {
        Stop::Unknown(Gap::of(fact))
    }
}

pub(super) type Evaluated<'s> = Result<Cow<'s, Value>, Stop>;

/// The outcomes a condition may still take, and, where only one is left, the condition that settled it.
#[derive(Clone, Debug)]
pub(super) struct Outcome<'s> {
    pub can_hold: bool,
    pub can_miss: bool,
    pub can_fail: bool,
    pub facts: Missing,
    pub malformed: bool,
    pub failure: Option<String>,
    pub cause: Option<&'s Condition>,
}

impl<'s> Outcome<'s> {
    pub fn none() -> Self {
        Outcome {
            can_hold: false,
            can_miss: false,
            can_fail: false,
            facts: Missing::new(),
            malformed: false,
            failure: None,
            cause: None,
        }
    }

    pub fn known(holds: bool) -> Self {
        Outcome { can_hold: holds, can_miss: !holds, ..Outcome::none() }
    }

    pub fn failed(failure: String) -> Self {
        Outcome { can_fail: true, failure: Some(failure), ..Outcome::none() }
    }

    pub fn unknown(gap: Gap) -> Self {
        Outcome {
            can_hold: true,
            can_miss: true,
            can_fail: gap.may_fail,
            facts: gap.facts,
            malformed: gap.malformed,
            ..Outcome::none()
        }
    }

    pub fn stopped(stop: Stop) -> Self {
        match stop {
            Stop::Unknown(gap) => Outcome::unknown(gap),
            Stop::Failed(failure) => Outcome::failed(failure),
        }
    }

    pub fn holds(&self) -> bool {
        self.can_hold && !self.can_miss && !self.can_fail
    }

    pub fn misses(&self) -> bool {
        self.can_miss && !self.can_hold && !self.can_fail
    }

    pub fn fails(&self) -> bool {
        self.can_fail && !self.can_hold && !self.can_miss
    }

    pub fn definite(&self) -> bool {
        self.holds() || self.misses() || self.fails()
    }

    pub fn because(mut self, cause: &'s Condition) -> Self {
        self.cause = Some(cause);
        self
    }

    pub fn negated(mut self) -> Self {
        std::mem::swap(&mut self.can_hold, &mut self.can_miss);
        self
    }

    /// What else this outcome could have been; facts are kept only while more than one outcome is left.
    pub fn settle(mut self) -> Self {
        if self.definite() {
            self.facts.clear();
            self.malformed = false;
        } else {
            self.cause = None;
        }
        self
    }
}

/// All of `truths` by Kleene's rules.
pub(super) fn all(truths: impl IntoIterator<Item = Truth>) -> Truth {
    truths.into_iter().fold(Truth::True, Truth::and)
}

/// Any of `truths` by Kleene's rules.
pub(super) fn any(truths: impl IntoIterator<Item = Truth>) -> Truth {
    truths.into_iter().fold(Truth::False, Truth::or)
}
