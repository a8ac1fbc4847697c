//! Authentication strengths: sets of method combinations, not a ladder.
//!
//! Pages: *Conditional Access authentication strengths* (2024-03), *List authenticationStrengthPolicies* (Microsoft Graph
//! v1.0, 2024-05: what the built-in ones allow).

use super::document::{Odd, Reader, empty};
use super::facts::Facts;
use super::logic::{Kleene, Logic};
use crate::model::{Fact, json};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Methods used together, lower case.
type Combination = BTreeSet<String>;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Strength {
    /// As the export spells it.
    pub id: Arc<str>,
    allowed: Vec<Combination>,
    /// Combinations for which only some keys or issuers count (`combinationConfigurations`): no request tells which.
    restricted: Vec<Combination>,
    /// Every combination is multifactor.
    requires_mfa: bool,
    odd: Odd,
}

const PHISHING_RESISTANT: [&str; 3] = ["windowsHelloForBusiness", "fido2", "x509CertificateMultiFactor"];
const PASSWORDLESS: [&str; 1] = ["deviceBasedPush"];
const MULTIFACTOR: [&str; 15] = [
    "temporaryAccessPassOneTime",
    "temporaryAccessPassMultiUse",
    "password,microsoftAuthenticatorPush",
    "password,softwareOath",
    "password,hardwareOath",
    "password,x509CertificateSingleFactor",
    "password,x509CertificateMultiFactor",
    "password,sms",
    "password,voice",
    "federatedMultiFactor",
    "microsoftAuthenticatorPush,federatedSingleFactor",
    "softwareOath,federatedSingleFactor",
    "hardwareOath,federatedSingleFactor",
    "sms,federatedSingleFactor",
    "voice,federatedSingleFactor",
];

fn combination(text: &str) -> Combination {
    text.split(',').map(|method| method.trim().to_ascii_lowercase()).filter(|method| !method.is_empty()).collect()
}

/// What a built-in strength allows by documentation, for references that carry the id alone.
fn built_in(id: &str) -> Option<Vec<Combination>> {
    let number = id.strip_prefix("00000000-0000-0000-0000-00000000000")?;
    let levels: &[&[&str]] = match number {
        "4" => &[&PHISHING_RESISTANT],
        "3" => &[&PHISHING_RESISTANT, &PASSWORDLESS],
        "2" => &[&PHISHING_RESISTANT, &PASSWORDLESS, &MULTIFACTOR],
        _ => return None,
    };
    Some(levels.iter().flat_map(|words| words.iter()).map(|word| combination(word)).collect())
}

impl Strength {
    pub fn compile(reader: &mut Reader, strength: &Value, pointer: &str) -> Strength {
        let mut odd = Odd::new();
        let id: Arc<str> = json::text(strength, "id").unwrap_or_default().trim().into();
        let at = format!("{pointer}/allowedCombinations");
        let listed = reader.list(strength, "allowedCombinations", &at, &mut odd);
        let stated: Vec<Combination> = listed.iter().map(|entry| combination(entry.text)).collect();
        let known = built_in(&id);
        let mfa = json::text(strength, "requirementsSatisfied").is_some_and(|what| what.eq_ignore_ascii_case("mfa"));
        let requires_mfa = mfa || known.is_some();
        let allowed = match (stated.is_empty() && odd.is_empty(), known) {
            // The export outranks the documentation: the built-in lists are extended from time to time.
            (false, _) => stated,
            (true, Some(known)) => known,
            (true, None) => {
                odd.push(reader.complain(&at, "the strength's combinations are not in the export"));
                Vec::new()
            }
        };
        let at = format!("{pointer}/combinationConfigurations");
        let mut restricted = Vec::new();
        match json::get(strength, "combinationConfigurations") {
            None | Some(Value::Null) => {}
            Some(Value::Array(items)) => {
                for item in items.iter().filter(|item| !empty(item)) {
                    let applies = reader.list(item, "appliesToCombinations", &at, &mut odd);
                    if applies.is_empty() {
                        odd.push(reader.complain(&at, "a configuration that applies to no combination"));
                    }
                    restricted.extend(applies.iter().map(|entry| combination(entry.text)));
                }
            }
            Some(_) => odd.push(reader.complain(&at, "expected a list")),
        }
        Strength { id, allowed, restricted, requires_mfa, odd }
    }

    /// A combination used in the session equals, as a set, one that is allowed.
    pub fn is_met<L: Logic>(&self, facts: &Facts, pointer: &Arc<str>) -> L {
        let odd = || L::any(&self.odd, |pointer| L::unknown(|| pointer.clone()));
        let used = match facts.claim(|claims| &claims.methods) {
            Fact::Known(used) => used,
            Fact::Absent => return L::known(false),
            Fact::Unknown => {
                // A session known to carry no MFA claim has used no multifactor combination.
                return match facts.claim(|claims| &claims.mfa) {
                    Fact::Known(false) | Fact::Absent if self.requires_mfa => L::known(false),
                    Fact::Known(_) | Fact::Absent | Fact::Unknown => L::unknown(|| facts.claim_fact("methods")),
                };
            }
        };
        let allowed = used.iter().map(|text| combination(text)).filter(|used| self.allowed.contains(used));
        let mut met = Kleene::False;
        for used in allowed {
            let this = if self.restricted.contains(&used) { Kleene::Unknown } else { Kleene::True };
            met = met.or(|| this);
        }
        match met {
            Kleene::True => L::known(true),
            Kleene::False => L::known(false).or(odd),
            Kleene::Unknown => L::unknown(|| format!("{pointer}/combinationConfigurations").into()).or(odd),
        }
    }

    /// Allows a security key.
    pub fn allows_fido2(&self) -> bool {
        self.allowed.contains(&combination("fido2"))
    }

    /// Allows anything that can be phished.
    pub fn allows_phishable(&self) -> bool {
        self.allowed.iter().any(|allowed| !PHISHING_RESISTANT.iter().any(|word| combination(word) == *allowed))
    }
}
