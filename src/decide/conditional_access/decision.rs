//! One decision, with every field that the gate's vectors describe.

use super::built_in::BuiltIn;
use super::error_codes;
use super::evaluate::{
    CONTROLS_REQUIRED, DENIED, GRANTED, INTERRUPTED, NO_GRANT_CONTROLS, NOT_APPLICABLE, Possible, Selection,
};
use super::facts::Facts;
use super::logic::Kleene;
use super::policy::Policy;
use super::{Complaint, PolicySet};
use crate::model::request::SignInRequest;
use crate::model::{Missing, Truth};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What the enabled policies come to before any claim is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    NotApplicable,
    /// Only session controls.
    NoGrantControls,
    ControlsRequired,
    Block,
}

impl Outcome {
    fn of(level: u8) -> Outcome {
        match level {
            NOT_APPLICABLE => Outcome::NotApplicable,
            NO_GRANT_CONTROLS => Outcome::NoGrantControls,
            CONTROLS_REQUIRED => Outcome::ControlsRequired,
            _ => Outcome::Block,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Outcome::NotApplicable => "notApplicable",
            Outcome::NoGrantControls => "noGrantControls",
            Outcome::ControlsRequired => "controlsRequired",
            Outcome::Block => "block",
        }
    }
}

/// What the request meets, with the claims it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Enforcement {
    Granted,
    /// Something interactive is outstanding.
    Interrupted,
    /// A block, or a control that cannot be given interactively.
    Denied,
}

impl Enforcement {
    pub(super) fn of(level: u8) -> Enforcement {
        match level {
            GRANTED => Enforcement::Granted,
            INTERRUPTED => Enforcement::Interrupted,
            _ => Enforcement::Denied,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Enforcement::Granted => "granted",
            Enforcement::Interrupted => "interrupted",
            Enforcement::Denied => "denied",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct PolicyDecision {
    pub id: Arc<str>,
    pub name: Arc<str>,
    pub applies: Truth,
    /// With `False`: every condition known to be false, in the words of Graph's `whatIfAnalysisReasons`.
    pub analysis_reasons: Vec<&'static str>,
}

/// What one policy asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Required {
    pub policy: Arc<str>,
    /// `AND`, `OR`; none where the export has none.
    pub operator: Option<String>,
    pub controls: Vec<Arc<str>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// None: unknown.
    pub outcome: Option<Outcome>,
    /// The least severe outcome still possible.
    pub at_least: Outcome,
    /// In the order of the set; report-only and disabled ones too.
    pub policies: Vec<PolicyDecision>,
    /// Of enabled policies that certainly apply.
    pub required_controls: Vec<Required>,
    /// Of enabled policies that may apply.
    pub possible_controls: Vec<Required>,
    /// Session controls of enabled policies that certainly apply (`operator` is none).
    pub session_controls: Vec<Required>,
    /// None: unknown.
    pub enforcement: Option<Enforcement>,
    /// The mildest enforcement still possible.
    pub enforcement_at_least: Enforcement,
    /// What `status.errorCode` may say; empty where access is granted or may be.
    pub sign_in_error_codes: Vec<u32>,
    /// The facts on which the enforcement turns.
    pub missing: Missing,
}

impl Decision {
    pub fn policy(&self, id: &str) -> Option<&PolicyDecision> {
        self.policies.iter().find(|policy| policy.id.eq_ignore_ascii_case(id))
    }

    /// In the shape of the vectors' `expected`.
    pub fn to_json(&self) -> Map<String, Value> {
        let mut object = Map::new();
        object.insert("outcome".into(), json!(self.outcome.map_or("unknown", Outcome::word)));
        if self.outcome.is_none() && self.at_least != Outcome::NotApplicable {
            object.insert("atLeast".into(), json!(self.at_least.word()));
        }
        let policies: Map<String, Value> =
            self.policies.iter().map(|policy| (policy.id.to_string(), policy.to_json())).collect();
        object.insert("policies".into(), Value::Object(policies));
        let required = |list: &[Required]| -> Value {
            list.iter()
                .map(|r| json!({ "policyId": &*r.policy, "operator": r.operator, "controls": words(&r.controls) }))
                .collect()
        };
        object.insert("requiredControls".into(), required(&self.required_controls));
        if !self.possible_controls.is_empty() {
            object.insert("possibleControls".into(), required(&self.possible_controls));
        }
        let session: Value = self
            .session_controls
            .iter()
            .map(|r| json!({ "policyId": &*r.policy, "controls": words(&r.controls) }))
            .collect();
        object.insert("sessionControls".into(), session);
        object.insert("enforcement".into(), json!(self.enforcement.map_or("unknown", Enforcement::word)));
        if self.enforcement.is_none() {
            object.insert("enforcementAtLeast".into(), json!(self.enforcement_at_least.word()));
            let missing: Vec<&str> = self.missing.iter().map(|fact| &**fact).collect();
            object.insert("enforcementMissingFacts".into(), json!(missing));
        }
        object.insert("signInErrorCodes".into(), json!(self.sign_in_error_codes));
        object
    }
}

fn words(list: &[Arc<str>]) -> Vec<&str> {
    list.iter().map(|word| &**word).collect()
}

impl PolicyDecision {
    fn to_json(&self) -> Value {
        match &self.applies {
            Truth::True => json!({ "applies": "true" }),
            Truth::False => json!({ "applies": "false", "analysisReasons": self.analysis_reasons }),
            Truth::Unknown(facts) => {
                let facts: Vec<&str> = facts.iter().map(|fact| &**fact).collect();
                json!({ "applies": "unknown", "missingFacts": facts })
            }
        }
    }
}

impl PolicySet {
    /// Every field of the vectors' `expected`, for all policies and what the tenant adds to them.
    pub fn decide(&self, request: &SignInRequest) -> Decision {
        self.decide_over(&Facts::new(self, request), &|_| true, true)
    }

    /// What access control comes to, without naming anything: the fast way to the one answer.
    pub fn enforcement(&self, request: &SignInRequest) -> Option<Enforcement> {
        self.enforced(&Facts::new(self, request), &|_| true, true).certain().map(Enforcement::of)
    }

    /// What of which of these policies is not supported.
    pub(super) fn complaints_of<'a>(&'a self, decision: &'a Decision) -> impl Iterator<Item = &'a Complaint> {
        let undecided: BTreeSet<&str> = decision
            .policies
            .iter()
            .filter(|policy| !matches!(policy.applies, Truth::False))
            .map(|policy| &*policy.id)
            .collect();
        self.complaints.iter().filter(move |complaint| undecided.contains(&*complaint.policy))
    }

    pub(super) fn decide_over(&self, facts: &Facts, selection: Selection, built_in: bool) -> Decision {
        let mut policies = Vec::with_capacity(self.policies.len());
        let (mut required, mut possible_controls, mut session) = (Vec::new(), Vec::new(), Vec::new());
        let mut outcome = Possible::only(NOT_APPLICABLE);
        for policy in self.policies.iter().filter(|policy| selection(policy)) {
            // Decide first; name facts only where it comes out unknown.
            let applies = match policy.applies_to::<Kleene>(facts) {
                Kleene::True => Truth::True,
                Kleene::False => Truth::False,
                Kleene::Unknown => policy.applies_to::<Truth>(facts),
            };
            let analysis_reasons = if applies.is_false() { policy.reasons(facts) } else { Vec::new() };
            if policy.may_be_enforced() {
                match &applies {
                    Truth::False => {}
                    Truth::True => {
                        outcome = outcome.and(policy.outcome());
                        required.extend(grants(policy));
                        session.extend(sessions(policy));
                    }
                    Truth::Unknown(_) => {
                        outcome = outcome.and(Possible::only(NOT_APPLICABLE).either(policy.outcome()));
                        possible_controls.extend(grants(policy));
                    }
                }
            }
            let (id, name) = (policy.id.clone(), policy.name.clone());
            policies.push(PolicyDecision { id, name, applies, analysis_reasons });
        }
        let enforced = self.enforced(facts, selection, built_in);
        let enforcement = enforced.certain().map(Enforcement::of);
        let mut missing = Missing::new();
        if enforcement.is_none() {
            self.missing_over(facts, selection, built_in, &mut missing);
        }
        let sign_in_error_codes = match enforcement {
            Some(Enforcement::Denied | Enforcement::Interrupted) => error_codes::of(self, facts, selection, built_in),
            Some(Enforcement::Granted) | None => Vec::new(),
        };
        Decision {
            outcome: outcome.certain().map(Outcome::of),
            at_least: Outcome::of(outcome.mildest()),
            policies,
            required_controls: required,
            possible_controls,
            session_controls: session,
            enforcement,
            enforcement_at_least: Enforcement::of(enforced.mildest()),
            sign_in_error_codes,
            missing,
        }
    }

    /// The facts of every policy that is not certainly granted, nor certainly what it is.
    fn missing_over(&self, facts: &Facts, selection: Selection, built_in: bool, into: &mut Missing) {
        let undecided = |possible: Possible| possible.certain().is_none() && possible != Possible::only(DENIED);
        for policy in self.policies.iter().filter(|policy| policy.may_be_enforced() && selection(policy)) {
            if undecided(self.contribution(policy, facts)) {
                self.missing_of(policy, facts, into);
            }
        }
        for gate in BuiltIn::ALL.into_iter().filter(|_| built_in) {
            if undecided(gate.contribution(self, facts)) {
                gate.missing(self, facts, into);
            }
        }
    }
}

fn grants(policy: &Policy) -> Option<Required> {
    (!policy.grant.controls.is_empty()).then(|| Required {
        policy: policy.id.clone(),
        operator: policy.grant.operator_word.clone(),
        controls: policy.grant.controls.iter().map(|control| control.word.clone()).collect(),
    })
}

fn sessions(policy: &Policy) -> Option<Required> {
    (!policy.session.names.is_empty()).then(|| Required {
        policy: policy.id.clone(),
        operator: None,
        controls: policy.session.names.clone(),
    })
}
