//! What the gate answers: a decision, a state for every assignment or member, and what `modify` and `append` wrote.

use super::effect::Effect;
use crate::model::{Missing, Truth};
use serde_json::Value;
use std::collections::BTreeMap;

/// Does policy let the request pass?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    Allowed,
    Denied,
    Unknown,
}

impl Ruling {
    pub fn word(self) -> &'static str {
        match self {
            Ruling::Allowed => "allowed",
            Ruling::Denied => "denied",
            Ruling::Unknown => "unknown",
        }
    }
}

/// What became of one assignment, or of one member of an assigned initiative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// In scope, evaluated, rule false.
    Compliant,
    Denied,
    Audited,
    Modified,
    Appended,
    ActionDenied,
    Disabled,
    /// The rule matches and the assignment is not enforced.
    NotEnforced,
    Exempt,
    OutOfScope,
    NotApplicable,
    /// This kind of request does not trigger the definition.
    NotEvaluated,
    /// The evaluation failed.
    Error,
    Unknown,
}

impl State {
    pub fn word(self) -> &'static str {
        match self {
            State::Compliant => "compliant",
            State::Denied => "denied",
            State::Audited => "audited",
            State::Modified => "modified",
            State::Appended => "appended",
            State::ActionDenied => "actionDenied",
            State::Disabled => "disabled",
            State::NotEnforced => "notEnforced",
            State::Exempt => "exempt",
            State::OutOfScope => "outOfScope",
            State::NotApplicable => "notApplicable",
            State::NotEvaluated => "notEvaluated",
            State::Error => "error",
            State::Unknown => "unknown",
        }
    }

    /// The rule matched, whatever came of it.
    pub(super) fn matched(self) -> bool {
        match self {
            State::Denied
            | State::Audited
            | State::Modified
            | State::Appended
            | State::ActionDenied
            | State::NotEnforced => true,
            State::Compliant
            | State::Disabled
            | State::Exempt
            | State::OutOfScope
            | State::NotApplicable
            | State::NotEvaluated
            | State::Error
            | State::Unknown => false,
        }
    }
}

/// One property that `modify` or `append` writes; without a value it is removed.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub path: String,
    pub value: Option<Value>,
}

/// The condition that settled a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// JSON pointer in the definition.
    pub pointer: String,
    /// What it says of this request, one clause without a full stop.
    pub says: String,
}

/// One assignment's, or member's, part in the decision.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberDecision {
    pub key: String,
    /// As the export spells it.
    pub assignment_id: String,
    pub definition_id: String,
    pub title: String,
    pub effect: Option<&'static str>,
    pub state: State,
    /// Whether it blocks the request.
    pub blocks: Truth,
    /// The facts that `state` turns on.
    pub missing: Missing,
    pub cause: Option<Cause>,
    /// With state `error`: what failed.
    pub failure: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    pub ruling: Ruling,
    /// By assignment name, or `assignment/policyDefinitionReferenceId`.
    pub states: BTreeMap<String, State>,
    pub changes: Vec<Change>,
    pub members: Vec<MemberDecision>,
    /// With `Unknown`: the facts it turns on.
    pub missing: Missing,
}

/// What evaluating one member gives.
#[derive(Clone, Debug)]
pub(super) struct Judgement {
    pub state: State,
    pub blocks: Truth,
    pub missing: Missing,
    pub cause: Option<Cause>,
    pub failure: Option<String>,
    pub effect: Option<Effect>,
}

impl Judgement {
    pub fn of(state: State) -> Self {
        Judgement { state, blocks: Truth::False, missing: Missing::new(), cause: None, failure: None, effect: None }
    }

    pub fn unknown(missing: Missing, blocks: Truth) -> Self {
        Judgement { blocks, missing, ..Judgement::of(State::Unknown) }
    }

    pub fn blocking(mut self) -> Self {
        self.blocks = Truth::True;
        self
    }

    /// The same, if it turns out to be in question at all.
    pub fn doubted(mut self, doubt: &Missing) -> Self {
        if doubt.is_empty() {
            return self;
        }
        self.blocks = match self.blocks {
            Truth::False => Truth::False,
            Truth::True => Truth::Unknown(doubt.clone()),
            Truth::Unknown(mut facts) => {
                facts.extend(doubt.iter().cloned());
                Truth::Unknown(facts)
            }
        };
        self.state = State::Unknown;
        self.missing.extend(doubt.iter().cloned());
        self
    }
}
