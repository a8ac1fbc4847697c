//! What a sign-in log would record of each policy (`appliedConditionalAccessPolicies[].result`), to be compared with
//! what it did record: an engine that cannot reproduce the facts has no say about alternatives.
//!
//! Pages: *appliedConditionalAccessPolicy resource type* (Microsoft Graph), *What is Conditional Access report-only mode?*

use super::PolicySet;
use super::evaluate::{DENIED, GRANTED, INTERRUPTED, Possible};
use super::facts::Facts;
use super::logic::Kleene;
use super::policy::{Policy, State};
use crate::model::Missing;
use crate::model::request::SignInRequest;
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq)]
pub struct RecordedResult {
    pub policy: Arc<str>,
    pub name: Arc<str>,
    /// The word, where it is certain.
    pub word: Option<&'static str>,
    /// Every word that is still possible.
    pub possible: Vec<&'static str>,
    /// The facts it turns on, where it is not certain.
    pub missing: Missing,
}

impl RecordedResult {
    /// Whether a recorded word is among those still possible; none where it is not a word of this gate's.
    pub fn agrees(&self, recorded: &str) -> Option<bool> {
        let known = WORDS.iter().any(|word| word.eq_ignore_ascii_case(recorded));
        known.then(|| self.possible.iter().any(|word| word.eq_ignore_ascii_case(recorded)))
    }
}

const WORDS: [&str; 8] = [
    "success",
    "failure",
    "notApplied",
    "notEnabled",
    "reportOnlySuccess",
    "reportOnlyFailure",
    "reportOnlyNotApplied",
    "reportOnlyInterrupted",
];

impl PolicySet {
    /// For each policy of the set, in its order. `success` of one policy does not mean access: another may block.
    pub fn recorded_results(&self, request: &SignInRequest) -> Vec<RecordedResult> {
        let facts = Facts::new(self, request);
        self.policies.iter().map(|policy| self.recorded(policy, &facts)).collect()
    }

    pub(super) fn recorded(&self, policy: &Policy, facts: &Facts) -> RecordedResult {
        let mut possible = Vec::new();
        if !policy.is_evaluated() {
            possible.push("notEnabled");
        } else {
            let applies = policy.applies_to::<Kleene>(facts);
            let words = |state: &State| match state {
                State::ReportOnly => Some(["reportOnlySuccess", "reportOnlyInterrupted", "reportOnlyFailure"]),
                // An interrupt is on record as a failure until it is answered.
                State::Enabled => Some(["success", "failure", "failure"]),
                State::Disabled | State::Odd(_) => None,
            };
            match words(&policy.state) {
                Some([granted, interrupted, denied]) => {
                    let out = if policy.state == State::ReportOnly { "reportOnlyNotApplied" } else { "notApplied" };
                    if applies != Kleene::True {
                        possible.push(out);
                    }
                    let demands: Possible = self.demands(policy, facts);
                    for (level, word) in [(GRANTED, granted), (INTERRUPTED, interrupted), (DENIED, denied)] {
                        if applies != Kleene::False && demands.holds(level) && !possible.contains(&word) {
                            possible.push(word);
                        }
                    }
                }
                None => possible.extend(WORDS),
            }
        }
        let word = match possible.as_slice() {
            [only] => Some(*only),
            _ => None,
        };
        let missing = if word.is_some() { Missing::new() } else { self.facts_of(policy, facts) };
        RecordedResult { policy: policy.id.clone(), name: policy.name.clone(), word, possible, missing }
    }
}
