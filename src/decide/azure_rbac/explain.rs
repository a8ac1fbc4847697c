//! The decision in the terms of the attack: the clauses that made it, and all supports of a request.

use super::asked::{self, Asked};
use super::assignment::Assignment;
use super::logic::{Kleene, Logic};
use super::principal::Caller;
use super::{Authorizer, Grant, Outcome, Reason, elevated, lock};
use crate::model::request::{ArmPrincipal, ArmRequest};
use crate::model::{Answer, Clause, Level, ResourceId, Truth};
use std::collections::BTreeSet;

const ROLES: &str = "Understand Azure role definitions";
const CONDITIONS: &str = "Azure role assignment condition format and syntax";
const DENIES: &str = "Understand Azure deny assignments";
const LOCKS: &str = "Lock your resources to protect your infrastructure";
const OVERVIEW: &str = "What is Azure role-based access control (Azure RBAC)?";
const ELEVATE: &str = "Elevate access to manage all Azure subscriptions and management groups";
const CLASSIC: &str = "Azure classic subscription administrators";

/// Deny assignments that no platform service made.
const PREVIEW: &str = "preview API or deployment stack: a deny assignment is not written like a role assignment";
const MIXED: &str = "mixes AND and OR without parentheses, which the service leaves ambiguous; read with AND first";

pub(super) fn answer(gate: &Authorizer, principal: &ArmPrincipal, request: &ArmRequest) -> Answer {
    let decision = gate.decide(principal, request);
    let operation = asked::folded(request);
    let asked = Asked::new(request, &operation, &gate.hierarchy);
    let caller = Caller::new(principal);
    let level = match decision.decision {
        Outcome::Allowed => Level::NotCut,
        Outcome::Denied => Level::Cut,
        Outcome::Unknown => Level::Unknown,
    };
    let mut answer = Answer::of(level, decision.reason.word());
    answer.missing = decision.missing;
    let told = Telling { gate, caller: &caller, asked: &asked };
    match decision.decision {
        Outcome::Allowed => told.grants(&mut answer, Kleene::True),
        Outcome::Denied => match decision.reason {
            Reason::DenyAssignment => told.denies(&mut answer, Kleene::True),
            Reason::Lock => told.locks(&mut answer, Kleene::True),
            Reason::ConditionFalse => told.failed_conditions(&mut answer),
            Reason::NoMatchingAssignment
            | Reason::RoleAssignment
            | Reason::EntraRole
            | Reason::ScopeUnknown
            | Reason::GroupsUnknown
            | Reason::RoleAssignmentsUnknown
            | Reason::RoleDefinitionUnknown
            | Reason::DenyAssignmentsUnknown
            | Reason::LocksUnknown
            | Reason::EntraRolesUnknown
            | Reason::ConditionUnknown
            | Reason::ZeroSegmentWildcard => told.nothing(&mut answer),
        },
        Outcome::Unknown => {
            told.denies(&mut answer, Kleene::Unknown);
            told.grants(&mut answer, Kleene::Unknown);
            told.locks(&mut answer, Kleene::Unknown);
        }
    }
    told.detected(&mut answer);
    answer
}

struct Telling<'a> {
    gate: &'a Authorizer,
    caller: &'a Caller<'a>,
    asked: &'a Asked<'a>,
}

impl Telling<'_> {
    fn clause(&self, document: &str, pointer: &str, says: String, source: &str) -> Clause {
        Clause { document: document.into(), pointer: pointer.into(), says, source: source.into() }
    }

    fn operation(&self) -> &str {
        &self.asked.request.operation
    }

    fn grants(&self, answer: &mut Answer, wanted: Kleene) {
        let may = if wanted == Kleene::True { "allows" } else { "may allow" };
        for grant in grants(self.gate, self.caller.principal, self.asked.request) {
            if grant.truth.kleene() != wanted {
                continue;
            }
            let role = grant.role_name.as_deref().unwrap_or(&grant.role_definition);
            let via = if grant.principal == self.caller.principal.id {
                String::new()
            } else {
                format!(" through group `{}`", grant.principal)
            };
            let says = format!("`{role}` at `{}`{via} {may} `{}`", grant.scope, self.operation());
            let source = match grant.assignment.starts_with("entraRole:") {
                true => ELEVATE,
                false if grant.assignment.to_ascii_lowercase().contains("/classicadministrators/") => CLASSIC,
                false => ROLES,
            };
            answer.clauses.push(self.clause(&grant.assignment, "", says, source));
        }
        for assignment in self.candidates() {
            let mixed = assignment.condition.as_ref().is_some_and(|condition| condition.mixed)
                || assignment.role.as_ref().is_some_and(|role| role.permissions.mixed());
            let whole = assignment.factors::<Kleene>(self.caller, self.asked).whole;
            if mixed && whole == wanted {
                answer.notes.push(format!("the condition of `{}` {MIXED}", assignment.id));
            }
        }
    }

    fn candidates(&self) -> Vec<&Assignment> {
        if elevated::is_elevation(self.asked.operation) {
            return Vec::new();
        }
        let found = self.gate.assignments.candidates(self.caller, self.asked).into_iter();
        found.filter_map(|(at, _)| self.gate.assignments.get(at).map(AsRef::as_ref)).collect()
    }

    /// Each assignment that fails by nothing but a condition, and the condition.
    fn failed_conditions(&self, answer: &mut Answer) {
        for assignment in self.candidates() {
            let factors = assignment.factors::<Kleene>(self.caller, self.asked);
            let others = [factors.scope, factors.principal, factors.actions];
            if factors.whole != Kleene::False || others.contains(&Kleene::False) {
                continue;
            }
            let own = assignment.condition.as_ref();
            let says = format!("its condition is false for `{}`", self.operation());
            if own.is_some_and(|own| own.holds::<Kleene>(&self.asked.context) == Kleene::False) {
                answer.clauses.push(self.clause(&assignment.id, "/properties/condition", says, CONDITIONS));
                continue;
            }
            let Some(role) = &assignment.role else { continue };
            let data = self.asked.request.is_data_action;
            for pointer in role.permissions.conditions(self.asked.operation, data) {
                answer.clauses.push(self.clause(&role.id, &pointer, says.clone(), CONDITIONS));
            }
        }
    }

    fn nothing(&self, answer: &mut Answer) {
        let (scope, id) = (&self.asked.request.scope, &self.caller.principal.id);
        let clause = if elevated::is_elevation(self.asked.operation) {
            let says = format!("`{id}` is no active Global Administrator, who alone may elevate access");
            self.clause(&format!("entraRole:{}", elevated::ELEVATOR), "", says, ELEVATE)
        } else {
            let says = format!("no role assignment of `{id}` or its groups allows `{}` here", self.operation());
            self.clause(scope.spelled(), "", says, OVERVIEW)
        };
        answer.clauses.push(clause);
    }

    fn denies(&self, answer: &mut Answer, wanted: Kleene) {
        let may = if wanted == Kleene::True { "denies" } else { "may deny" };
        for deny in self.gate.denies.candidates(self.asked).filter(|deny| deny.is_enforced()) {
            if deny.factors::<Kleene>(self.caller, self.asked).whole != wanted {
                continue;
            }
            let says = format!("deny assignment `{}` {may} `{}`", deny.name, self.operation());
            answer.clauses.push(self.clause(&deny.id, "/properties/permissions", says, DENIES));
            if !deny.system {
                answer.notes.push(format!("`{}`: {PREVIEW}", deny.id));
            }
            if deny.condition.as_ref().is_some_and(|condition| condition.mixed) {
                answer.notes.push(format!("the condition of `{}` {MIXED}", deny.id));
            }
        }
    }

    fn locks(&self, answer: &mut Answer, wanted: Kleene) {
        let exposure = lock::exposure(self.asked);
        let may = if wanted == Kleene::True { "blocks" } else { "may block" };
        for lock in self.gate.locks.candidates(exposure, self.asked) {
            if lock.blocks::<Kleene>(exposure, self.asked) != wanted {
                continue;
            }
            let level = match lock.level {
                lock::Level::CanNotDelete => "CanNotDelete",
                lock::Level::ReadOnly => "ReadOnly",
                lock::Level::Unknown => "a level not known",
            };
            let says = format!("lock `{}` ({level}) {may} `{}`", lock.name, self.operation());
            answer.clauses.push(self.clause(&lock.id, "/properties/level", says, LOCKS));
        }
    }

    /// Deny assignments that would have matched, were their effect enforced.
    fn detected(&self, answer: &mut Answer) {
        for deny in self.gate.denies.candidates(self.asked).filter(|deny| !deny.is_enforced()) {
            if deny.factors::<Kleene>(self.caller, self.asked).whole == Kleene::True {
                answer.detected.push(format!("deny assignment `{}` matches but is not enforced", deny.id));
            }
        }
    }
}

pub(super) fn grants(gate: &Authorizer, principal: &ArmPrincipal, request: &ArmRequest) -> Vec<Grant> {
    let operation = asked::folded(request);
    let asked = Asked::new(request, &operation, &gate.hierarchy);
    let caller = Caller::new(principal);
    if elevated::is_elevation(&operation) {
        let truth: Truth = elevated::may_elevate(&caller);
        let grant = Grant {
            assignment: format!("entraRole:{}", elevated::ELEVATOR),
            role_definition: elevated::ELEVATOR.to_owned(),
            role_name: Some("Global Administrator".to_owned()),
            scope: ResourceId::new("/"),
            principal: principal.id.clone(),
            truth,
        };
        return if grant.truth.is_false() { Vec::new() } else { vec![grant] };
    }
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for (at, _) in gate.assignments.candidates(&caller, &asked) {
        let Some(assignment) = gate.assignments.get(at) else { continue };
        let truth = assignment.factors::<Truth>(&caller, &asked).whole;
        if truth.is_false() || !seen.insert(at) {
            continue;
        }
        found.push(Grant {
            assignment: assignment.id.to_string(),
            role_definition: assignment.role_id.to_string(),
            role_name: assignment.role.as_ref().and_then(|role| role.name.as_deref().map(str::to_owned)),
            scope: assignment.scope.clone().unwrap_or_else(|| request.scope.clone()),
            principal: assignment.principal.id.clone().unwrap_or_else(|| principal.id.clone()),
            truth,
        });
    }
    for classic in &gate.classics.all {
        let truth: Truth = classic.grants(&caller, &asked, &gate.assignments);
        if !truth.is_false() {
            found.push(Grant {
                assignment: classic.id.to_string(),
                role_definition: elevated::OWNER.to_owned(),
                role_name: Some("classic administrator".to_owned()),
                scope: classic.scope.clone().unwrap_or_else(|| request.scope.clone()),
                principal: principal.id.clone(),
                truth,
            });
        }
    }
    found
}
