//! What `status.errorCode` of the sign-in log may say of a refusal or an interrupt.
//!
//! Pages: *Microsoft Entra authentication and authorization error codes* (2024-04), *Troubleshooting sign-in problems with
//! Conditional Access*.

use super::PolicySet;
use super::built_in::BuiltIn;
use super::evaluate::{GRANTED, Possible, Selection, possible};
use super::facts::Facts;
use super::grant::{Control, ControlKind};
use super::logic::Kleene;
use super::policy::{Policy, REGISTER_SECURITY_INFO};
use crate::model::Fact;
use std::collections::BTreeSet;

const BLOCKED: u32 = 53003;
const BLOCKED_FROM_REGISTERING: u32 = 53010;
/// The refresh token is invalid by authentication-flow checks.
const FLOW_IN_REFRESH: u32 = 530036;
const DEVICE_NOT_COMPLIANT: u32 = 53000;
const DEVICE_NOT_JOINED: u32 = 53001;
const DEVICE_AUTHENTICATION_REQUIRED: u32 = 50097;
const APPLICATION_NOT_APPROVED: u32 = 53002;
const APPLICATION_NOT_PROTECTED: u32 = 53009;
const MFA_NOT_PASSED: u32 = 50074;
const MFA_REQUIRED: u32 = 50076;
const MFA_ENROLMENT: [u32; 2] = [50072, 50079];
const PASSWORD_CHANGE: u32 = 50142;
const EXTERNAL_CHALLENGE: u32 = 50158;
const LEGACY_AUTHENTICATION: u32 = 530035;
/// MFA expired by policy; a token that sign-in frequency made invalid.
const FREQUENCY: [u32; 3] = [50078, 70043, 70044];
const TOKEN_PROTECTION: [u32; 2] = [530084, BLOCKED];

/// Every code of a demand that is certainly not met. A block ends the evaluation before any other demand is made.
pub(super) fn of(set: &PolicySet, facts: &Facts, selection: Selection, built_in: bool) -> Vec<u32> {
    let mut codes = BTreeSet::new();
    let certain = |policy: &&Policy| {
        policy.may_be_enforced() && selection(policy) && policy.applies_to::<Kleene>(facts) == Kleene::True
    };
    for policy in set.policies.iter().filter(certain).filter(|policy| policy.grant.blocks()) {
        codes.extend(blocked(policy, facts));
    }
    if !codes.is_empty() {
        return codes.into_iter().collect();
    }
    for policy in set.policies.iter().filter(certain) {
        for control in &policy.grant.controls {
            let unmet = |possible: Possible| !possible.holds(GRANTED);
            if unmet(set.demands(policy, facts)) && unmet(possible(set.standing(policy, control, facts))) {
                codes.extend(unmet_control(control, facts));
            }
        }
        if policy.session.frequency.as_ref().is_some_and(|f| f.is_met::<Kleene>(facts) == Kleene::False) {
            codes.extend(FREQUENCY);
        }
        if policy.session.token_protection && set.token_is_protected::<Kleene>(facts) == Kleene::False {
            codes.extend(TOKEN_PROTECTION);
        }
    }
    for gate in BuiltIn::ALL.into_iter().filter(|_| built_in) {
        if !gate.contribution(set, facts).holds(GRANTED) {
            match gate {
                BuiltIn::LegacyAuthentication => codes.extend([LEGACY_AUTHENTICATION]),
                BuiltIn::DefaultMfa | BuiltIn::MandatoryMfa => codes.extend(mfa(facts)),
            }
        }
    }
    codes.into_iter().collect()
}

fn blocked(policy: &Policy, facts: &Facts) -> Vec<u32> {
    let mut codes = vec![BLOCKED];
    let by_this_request = facts.is_device_code_flow::<Kleene>() == Kleene::True;
    if policy.conditions.flows.is_some() && !by_this_request {
        codes.push(FLOW_IN_REFRESH);
    }
    if matches!(facts.action(), Fact::Known(action) if action == REGISTER_SECURITY_INFO) {
        codes.push(BLOCKED_FROM_REGISTERING);
    }
    codes
}

fn mfa(facts: &Facts) -> Vec<u32> {
    let mut codes = vec![MFA_NOT_PASSED, MFA_REQUIRED];
    if matches!(facts.request().identity.is_mfa_registered, Fact::Known(false)) {
        codes.extend(MFA_ENROLMENT);
    }
    codes
}

fn unmet_control(control: &Control, facts: &Facts) -> Vec<u32> {
    let device = |code: u32| {
        let by_flow = facts.is_device_code_flow::<Kleene>() == Kleene::True;
        match by_flow || facts.device().is_unregistered() {
            true => vec![code, DEVICE_AUTHENTICATION_REQUIRED],
            false => vec![code],
        }
    };
    match &control.kind {
        ControlKind::Block => vec![BLOCKED],
        ControlKind::Mfa | ControlKind::Strength(_) => mfa(facts),
        ControlKind::CompliantDevice => device(DEVICE_NOT_COMPLIANT),
        ControlKind::DomainJoinedDevice => device(DEVICE_NOT_JOINED),
        ControlKind::ApprovedApplication => vec![APPLICATION_NOT_APPROVED],
        ControlKind::CompliantApplication => vec![APPLICATION_NOT_PROTECTED],
        ControlKind::PasswordChange => vec![PASSWORD_CHANGE],
        ControlKind::TermsOfUse(_) | ControlKind::Custom => vec![EXTERNAL_CHALLENGE],
        ControlKind::RiskRemediation | ControlKind::Odd => Vec::new(),
    }
}
