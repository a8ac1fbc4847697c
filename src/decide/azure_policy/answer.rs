//! The gate's answer in the terms of the attack.

use super::decision::{Decision, MemberDecision, Ruling, State};
use super::engine::PolicyEngine;
use crate::model::request::{PolicyContext, PolicyRequest};
use crate::model::{Answer, Clause, Level, Truth};

const RULE_PAGE: &str = "Azure Policy definition structure policy rule";

impl PolicyEngine {
    /// Whether policy would have cut the request: the deciding assignment, and its condition as a pointer into the
    /// definition; what audit effects and unenforced assignments would have shown goes to `detected`.
    pub fn answer(&self, request: &PolicyRequest, context: &PolicyContext) -> Answer {
        answer(&self.decide(request, context))
    }
}

fn answer(decision: &Decision) -> Answer {
    let mut answer = match decision.ruling {
        Ruling::Denied => Answer::refused(reason(decision)),
        Ruling::Unknown => Answer::of(Level::Unknown, "unknown"),
        Ruling::Allowed => Answer::allowed(reason(decision)),
    };
    answer.missing = decision.missing.clone();
    for member in &decision.members {
        let decides = match (decision.ruling, &member.blocks) {
            (Ruling::Denied, Truth::True) | (Ruling::Unknown, Truth::Unknown(_)) => true,
            (Ruling::Denied | Ruling::Unknown | Ruling::Allowed, _) => false,
        };
        if decides || decision.ruling == Ruling::Allowed && decision.members.len() == 1 {
            answer.clauses.push(clause(member));
        }
        match member.state {
            State::Audited => answer.detected.push(format!("audit: {} ({})", member.key, member.title)),
            State::NotEnforced => answer.detected.push(format!("not enforced: {} ({})", member.key, member.title)),
            State::Compliant
            | State::Denied
            | State::Modified
            | State::Appended
            | State::ActionDenied
            | State::Disabled
            | State::Exempt
            | State::OutOfScope
            | State::NotApplicable
            | State::NotEvaluated
            | State::Error
            | State::Unknown => {}
        }
    }
    answer
}

/// The state that says most about why the request passes or does not.
fn reason(decision: &Decision) -> &'static str {
    let telling: &[State] = match decision.ruling {
        Ruling::Denied => &[State::Denied, State::ActionDenied, State::Error],
        Ruling::Unknown | Ruling::Allowed => &[
            State::NotEnforced,
            State::Audited,
            State::Modified,
            State::Appended,
            State::Compliant,
            State::Unknown,
            State::Exempt,
            State::Disabled,
            State::NotApplicable,
            State::OutOfScope,
            State::NotEvaluated,
        ],
    };
    let found = telling.iter().find(|state| decision.states.values().any(|s| s == *state));
    found.map_or("noAssignment", |state| state.word())
}

fn clause(member: &MemberDecision) -> Clause {
    let (pointer, why) = match (&member.cause, &member.failure) {
        (Some(cause), Some(failure)) => (cause.pointer.clone(), format!("evaluating it fails: {failure}")),
        (Some(cause), None) => (cause.pointer.clone(), cause.says.clone()),
        (None, Some(failure)) => (String::new(), format!("evaluating it fails: {failure}")),
        (None, None) => (String::new(), String::new()),
    };
    let head = match member.state {
        State::Denied => "denies the request",
        State::ActionDenied => "denies the deletion",
        State::Error => "denies the request because its evaluation fails",
        State::Compliant => "finds the request compliant",
        State::Audited => "only audits the request",
        State::Modified => "changes the request",
        State::Appended => "adds to the request",
        State::Disabled => "is disabled",
        State::NotEnforced => "matches, but the assignment is not enforced",
        State::Exempt => "does not reach the resource, which is exempt",
        State::OutOfScope => "does not reach the resource, which is out of its scope",
        State::NotApplicable => "does not apply to this type of resource",
        State::NotEvaluated => "is not evaluated for this kind of request",
        State::Unknown => "turns on facts that nobody recorded",
    };
    let mut says = format!("`{}` {head}", member.title);
    if !why.is_empty() {
        says.push_str(": ");
        says.push_str(&why);
    }
    let source = match member.state {
        State::NotEvaluated => "Azure Policy definitions effect basics",
        State::Exempt => "Azure Policy exemption structure",
        State::OutOfScope | State::NotEnforced => "Azure Policy assignment structure",
        State::ActionDenied => "Azure Policy definitions denyAction effect",
        State::NotApplicable => "What is applicability in Azure Policy?",
        State::Modified => "Azure Policy definitions modify effect",
        State::Appended => "Azure Policy definitions append effect",
        State::Denied | State::Error | State::Compliant | State::Audited | State::Disabled | State::Unknown => {
            RULE_PAGE
        }
    };
    Clause { document: member.assignment_id.clone(), pointer, says, source: source.to_owned() }
}
