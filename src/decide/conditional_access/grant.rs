//! Grant controls: what a policy demands, and whether the session already meets it.
//!
//! Pages: *Conditional Access: Grant*, *Conditional Access authentication strengths* and *How Conditional Access
//! authentication strength works*, *Authentication and Conditional Access for External ID*, *Conditional Access:
//! Conditions* (legacy clients, private browsing).

use super::document::{Odd, Reader, empty, kind_of};
use super::facts::{Client, Facts};
use super::logic::Logic;
use super::strength::Strength;
use crate::model::{Fact, json};
use serde_json::Value;
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum ControlKind {
    Block,
    Mfa,
    CompliantDevice,
    DomainJoinedDevice,
    ApprovedApplication,
    CompliantApplication,
    PasswordChange,
    RiskRemediation,
    Strength(Strength),
    TermsOfUse(String),
    /// External provider's result, which no fact of a request tells.
    Custom,
    /// A word this gate does not know.
    Odd,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Control {
    pub kind: ControlKind,
    /// As answers list it: `mfa`, `authenticationStrength:<id>`, ...
    pub word: Arc<str>,
    /// Into the policy.
    pub pointer: Arc<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    And,
    Or,
    /// Not readable, and it matters.
    Odd,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Grant {
    /// As the export has it, upper case.
    pub operator_word: Option<String>,
    pub operator: Operator,
    pub controls: Vec<Control>,
    /// What could not be read: any control might stand there, `block` included.
    pub odd: Odd,
}

const AT: &str = "/grantControls";

const BUILT_IN: [(&str, ControlKind); 8] = [
    ("block", ControlKind::Block),
    ("mfa", ControlKind::Mfa),
    ("compliantDevice", ControlKind::CompliantDevice),
    ("domainJoinedDevice", ControlKind::DomainJoinedDevice),
    ("approvedApplication", ControlKind::ApprovedApplication),
    ("compliantApplication", ControlKind::CompliantApplication),
    ("passwordChange", ControlKind::PasswordChange),
    ("riskRemediation", ControlKind::RiskRemediation),
];

impl Grant {
    pub fn compile(reader: &mut Reader, document: &Value) -> Grant {
        let mut grant = Grant { operator_word: None, operator: Operator::Or, controls: Vec::new(), odd: Odd::new() };
        let controls = match json::get(document, "grantControls") {
            None | Some(Value::Null) => return grant,
            Some(controls @ Value::Object(_)) => controls,
            Some(other) => {
                let message = format!("expected an object, found {}", kind_of(other));
                grant.odd.push(reader.complain(AT, message));
                return grant;
            }
        };
        let mut odd = Odd::new();
        for entry in reader.list(controls, "builtInControls", &format!("{AT}/builtInControls"), &mut odd) {
            let known = BUILT_IN.iter().find(|(word, _)| word.eq_ignore_ascii_case(entry.text));
            let (word, kind) = match known {
                Some((word, kind)) => ((*word).into(), kind.clone()),
                None => {
                    reader.complain(&entry.pointer, format!("`{}` is no control that this gate knows", entry.text));
                    (entry.text.into(), ControlKind::Odd)
                }
            };
            grant.controls.push(Control { kind, word, pointer: entry.pointer.into() });
        }
        match json::get(controls, "authenticationStrength") {
            None | Some(Value::Null) => {}
            Some(strength @ Value::Object(_)) if empty(strength) => {}
            Some(strength @ Value::Object(_)) => {
                let pointer = format!("{AT}/authenticationStrength");
                let strength = Strength::compile(reader, strength, &pointer);
                let word = format!("authenticationStrength:{}", strength.id).into();
                grant.controls.push(Control { kind: ControlKind::Strength(strength), word, pointer: pointer.into() });
            }
            Some(other) => {
                let message = format!("expected an object, found {}", kind_of(other));
                odd.push(reader.complain(&format!("{AT}/authenticationStrength"), message));
            }
        }
        for (key, terms) in [("termsOfUse", true), ("customAuthenticationFactors", false)] {
            for entry in reader.list(controls, key, &format!("{AT}/{key}"), &mut odd) {
                let kind = match terms {
                    true => ControlKind::TermsOfUse(entry.text.to_ascii_lowercase()),
                    false => ControlKind::Custom,
                };
                let word = format!("{key}:{}", entry.text).into();
                grant.controls.push(Control { kind, word, pointer: entry.pointer.into() });
            }
        }
        let known =
            ["operator", "builtInControls", "authenticationStrength", "termsOfUse", "customAuthenticationFactors"];
        reader.unknown_members(controls, &known, AT, &mut odd);
        grant.odd = odd;
        grant.read_operator(reader, controls);
        grant
    }

    fn read_operator(&mut self, reader: &mut Reader, controls: &Value) {
        let word = json::text(controls, "operator").map(|word| word.trim().to_ascii_uppercase());
        self.operator = match word.as_deref() {
            Some("AND") => Operator::And,
            Some("OR") => Operator::Or,
            // One control alone needs none.
            Some(_) | None if self.controls.len() < 2 => Operator::Or,
            Some(_) | None => {
                reader.complain(&format!("{AT}/operator"), "several controls, and nothing says how they combine");
                Operator::Odd
            }
        };
        self.operator_word = word;
    }

    pub fn blocks(&self) -> bool {
        self.controls.iter().any(|control| control.kind == ControlKind::Block)
    }

    pub fn strength(&self) -> Option<&Control> {
        self.controls.iter().find(|control| matches!(control.kind, ControlKind::Strength(_)))
    }
}

/// How a control stands for a request. It is met where `gate` and `inner` hold.
pub(super) struct Standing<L> {
    /// False: nothing gets past it.
    pub gate: L,
    pub inner: L,
    /// Where it is not met: true, an interrupt (something interactive is outstanding); false, a refusal.
    pub interactive: L,
    /// False: the prompt that a word of the attacker's would answer never comes.
    pub promptable: L,
}

impl<L: Logic> Standing<L> {
    fn never() -> Self {
        Standing {
            gate: L::known(false),
            inner: L::known(false),
            interactive: L::known(false),
            promptable: L::known(false),
        }
    }
}

/// Legacy clients can do no MFA and pass no device state: every grant control refuses them.
fn modern<L: Logic>(facts: &Facts) -> L {
    facts.is_legacy_client::<L>().negate()
}

fn claimed<L: Logic>(fact: Fact<&bool>, name: impl FnOnce() -> Arc<str>) -> L {
    match fact {
        Fact::Known(value) => L::known(*value),
        // Recorded to be none.
        Fact::Absent => L::known(false),
        Fact::Unknown => L::unknown(name),
    }
}

/// What was done in the home tenant counts here only where it is trusted.
fn counts_here<L: Logic>(facts: &Facts) -> L {
    let at_home = || match facts.claim(|claims| &claims.mfa_performed_in) {
        Fact::Known(place) => L::known(!place.eq_ignore_ascii_case("resource")),
        Fact::Absent => L::known(false),
        Fact::Unknown => L::unknown(|| facts.claim_fact("mfaPerformedIn")),
    };
    facts
        .authenticates_elsewhere::<L>()
        .and(at_home)
        .and(|| facts.is_trusted::<L>(|trust| &trust.is_mfa_accepted, "isMfaAccepted").negate())
        .negate()
}

/// B2B collaboration users are challenged here where their home is not trusted; direct-connect users are refused.
fn can_be_challenged<L: Logic>(facts: &Facts) -> L {
    facts
        .is_direct_connect::<L>()
        .and(|| facts.is_trusted::<L>(|trust| &trust.is_mfa_accepted, "isMfaAccepted").negate())
        .negate()
}

pub(super) fn mfa<L: Logic>(facts: &Facts) -> Standing<L> {
    let claim = claimed::<L>(facts.claim(|claims| &claims.mfa), || facts.claim_fact("mfa"));
    Standing {
        gate: modern(facts),
        inner: claim.and(|| counts_here(facts)),
        interactive: can_be_challenged(facts),
        promptable: can_be_challenged(facts),
    }
}

/// A device control: the device authenticates itself, which no prompt can make it do.
fn device<L: Logic>(facts: &Facts, state: L, trusted: impl Fn() -> L) -> Standing<L> {
    let private = || match (facts.client(), facts.device().flag("inPrivate")) {
        // Only a browser has a private mode; it fails the check on every platform.
        (Fact::Known(Client::Native | Client::ExchangeActiveSync | Client::Other), _) => L::known(false),
        (Fact::Known(Client::Browser), Fact::Known(private)) => L::known(private),
        (Fact::Known(Client::Browser), Fact::Absent) => L::known(false),
        (Fact::Known(Client::Browser), Fact::Unknown) => L::unknown(|| facts.device().fact("inPrivate")),
        (Fact::Unknown | Fact::Absent, Fact::Known(false) | Fact::Absent) => L::known(false),
        (Fact::Unknown | Fact::Absent, Fact::Known(true)) => L::missing("signIn.clientAppType"),
        (Fact::Unknown | Fact::Absent, Fact::Unknown) => {
            L::missing("signIn.clientAppType").and(|| L::unknown(|| facts.device().fact("inPrivate")))
        }
    };
    Standing {
        // The authenticating device of a device code flow cannot lend its state.
        gate: modern::<L>(facts)
            .and(|| facts.is_device_code_flow::<L>().negate())
            .and(|| facts.authenticates_elsewhere::<L>().negate().or(trusted)),
        inner: L::known(!facts.device().is_unregistered()).and(|| state).and(|| private().negate()),
        interactive: L::known(false),
        promptable: L::known(true),
    }
}

fn device_flag<L: Logic>(facts: &Facts, name: &'static str) -> L {
    match facts.device().flag(name) {
        Fact::Known(flag) => L::known(flag),
        Fact::Absent => L::known(false),
        Fact::Unknown => L::unknown(|| facts.device().fact(name)),
    }
}

impl Control {
    /// `replaced`: another strength, one that targets the user action, stands in the place of this one.
    pub fn standing<L: Logic>(&self, facts: &Facts, replaced: impl Fn() -> L) -> Standing<L> {
        let here = |facts: &Facts| facts.authenticates_elsewhere::<L>().negate();
        match &self.kind {
            ControlKind::Block => Standing::never(),
            ControlKind::Mfa => mfa(facts),
            ControlKind::Strength(strength) => Standing {
                gate: modern(facts),
                inner: strength.is_met::<L>(facts, &self.pointer).and(|| counts_here(facts)).or(replaced),
                interactive: can_be_challenged(facts),
                promptable: can_be_challenged(facts),
            },
            ControlKind::CompliantDevice => device(facts, device_flag(facts, "isCompliant"), || {
                facts.is_trusted(|trust| &trust.is_compliant_device_accepted, "isCompliantDeviceAccepted")
            }),
            ControlKind::DomainJoinedDevice => device(facts, facts.device().is_hybrid_joined(), || {
                let setting = "isHybridAzureADJoinedDeviceAccepted";
                facts.is_trusted(|trust| &trust.is_hybrid_azure_ad_joined_device_accepted, setting)
            }),
            ControlKind::ApprovedApplication => Standing {
                gate: modern::<L>(facts).and(|| here(facts)),
                inner: claimed(facts.claim(|claims| &claims.approved_application), || {
                    facts.claim_fact("approvedApplication")
                }),
                interactive: L::known(false),
                promptable: L::known(true),
            },
            ControlKind::CompliantApplication => Standing {
                gate: modern::<L>(facts).and(|| here(facts)),
                inner: claimed(facts.claim(|claims| &claims.compliant_application), || {
                    facts.claim_fact("compliantApplication")
                }),
                interactive: L::known(false),
                promptable: L::known(true),
            },
            ControlKind::PasswordChange => Standing {
                gate: modern::<L>(facts).and(|| here(facts)),
                inner: claimed(facts.claim(|claims| &claims.password_changed), || facts.claim_fact("passwordChanged")),
                interactive: L::known(true),
                promptable: L::known(true),
            },
            ControlKind::TermsOfUse(id) => Standing {
                gate: modern(facts),
                inner: match facts.claim(|claims| &claims.terms_of_use_accepted) {
                    Fact::Known(accepted) => L::known(accepted.iter().any(|a| a.trim().eq_ignore_ascii_case(id))),
                    Fact::Absent => L::known(false),
                    Fact::Unknown => L::unknown(|| facts.claim_fact("termsOfUseAccepted")),
                },
                interactive: L::known(true),
                promptable: L::known(true),
            },
            // No fact of a request tells: granted or interrupted, unknown which.
            ControlKind::RiskRemediation | ControlKind::Custom => Standing {
                gate: modern(facts),
                inner: L::unknown(|| self.pointer.clone()),
                interactive: L::known(true),
                promptable: L::known(true),
            },
            ControlKind::Odd => Standing {
                gate: modern(facts),
                inner: L::unknown(|| self.pointer.clone()),
                interactive: L::unknown(|| self.pointer.clone()),
                promptable: L::unknown(|| self.pointer.clone()),
            },
        }
    }
}
