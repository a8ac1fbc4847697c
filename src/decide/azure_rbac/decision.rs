//! The answer's words, and how the three steps make it: no deny assignment, some grant, no lock.

use super::logic::Kleene;
use crate::model::{Missing, Truth};

/// What this gate says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    Allowed,
    Denied,
    Unknown,
}

impl Outcome {
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Allowed => "allowed",
            Outcome::Denied => "denied",
            Outcome::Unknown => "unknown",
        }
    }
}

/// Why: what grants, the first certain no, or the first unknown, in the order of the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    RoleAssignment,
    EntraRole,
    NoMatchingAssignment,
    ConditionFalse,
    DenyAssignment,
    Lock,
    ScopeUnknown,
    GroupsUnknown,
    RoleAssignmentsUnknown,
    RoleDefinitionUnknown,
    DenyAssignmentsUnknown,
    LocksUnknown,
    EntraRolesUnknown,
    ConditionUnknown,
    ZeroSegmentWildcard,
}

impl Reason {
    pub fn word(self) -> &'static str {
        match self {
            Reason::RoleAssignment => "roleAssignment",
            Reason::EntraRole => "entraRole",
            Reason::NoMatchingAssignment => "noMatchingAssignment",
            Reason::ConditionFalse => "conditionFalse",
            Reason::DenyAssignment => "denyAssignment",
            Reason::Lock => "lock",
            Reason::ScopeUnknown => "scopeUnknown",
            Reason::GroupsUnknown => "groupsUnknown",
            Reason::RoleAssignmentsUnknown => "roleAssignmentsUnknown",
            Reason::RoleDefinitionUnknown => "roleDefinitionUnknown",
            Reason::DenyAssignmentsUnknown => "denyAssignmentsUnknown",
            Reason::LocksUnknown => "locksUnknown",
            Reason::EntraRolesUnknown => "entraRolesUnknown",
            Reason::ConditionUnknown => "conditionUnknown",
            Reason::ZeroSegmentWildcard => "zero-segment wildcard",
        }
    }
}

/// The answer to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub decision: Outcome,
    /// Names of all that grant, or of all that block; `entraRole:<id>` for a directory role.
    pub by: Vec<String>,
    pub reason: Reason,
    /// With `Unknown`: the facts it turns on.
    pub missing: Missing,
}

/// One step's weight: certain, or unknown with the first reason, and which documents carry it.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub truth: Kleene,
    /// The first unknown's reason.
    pub doubt: Option<Reason>,
    /// Names of the documents that are certain.
    pub certain: Vec<String>,
}

impl Step {
    pub fn none() -> Self {
        Step { truth: Kleene::False, doubt: None, certain: Vec::new() }
    }

    /// Adds what one document says.
    pub fn add(&mut self, truth: Kleene, name: impl FnOnce() -> String, doubt: impl FnOnce() -> Reason) {
        match truth {
            Kleene::False => {}
            Kleene::Unknown => {
                self.doubt.get_or_insert_with(doubt);
                if self.truth == Kleene::False {
                    self.truth = Kleene::Unknown;
                }
            }
            Kleene::True => {
                self.truth = Kleene::True;
                self.certain.push(name());
            }
        }
    }
}

/// What a grant step found, and how it failed where it did.
#[derive(Clone, Debug)]
pub(super) struct Grants {
    pub step: Step,
    /// Some assignment fails by nothing but a condition.
    pub condition_false: bool,
    /// A directory role grants, not an assignment.
    pub entra_role: bool,
}

/// The decision of three steps; the missing facts are asked for only where it is unknown.
pub(super) fn combine(deny: Step, grants: Grants, lock: Step, missing: impl FnOnce() -> Vec<Truth>) -> Decision {
    let denied = |by, reason| Decision { decision: Outcome::Denied, by, reason, missing: Missing::new() };
    if deny.truth == Kleene::True {
        return denied(deny.certain, Reason::DenyAssignment);
    }
    if grants.step.truth == Kleene::False {
        let reason = if grants.condition_false { Reason::ConditionFalse } else { Reason::NoMatchingAssignment };
        return denied(Vec::new(), reason);
    }
    if lock.truth == Kleene::True {
        return denied(lock.certain, Reason::Lock);
    }
    let granted_for_sure = grants.step.truth == Kleene::True;
    let doubts = [deny.doubt, if granted_for_sure { None } else { grants.step.doubt }, lock.doubt];
    if let Some(reason) = doubts.into_iter().flatten().next() {
        let facts = missing().into_iter().filter_map(|truth| match truth {
            Truth::Unknown(facts) => Some(facts),
            Truth::True | Truth::False => None,
        });
        return Decision { decision: Outcome::Unknown, by: Vec::new(), reason, missing: facts.flatten().collect() };
    }
    let reason = if grants.entra_role { Reason::EntraRole } else { Reason::RoleAssignment };
    Decision { decision: Outcome::Allowed, by: grants.step.certain, reason, missing: Missing::new() }
}
