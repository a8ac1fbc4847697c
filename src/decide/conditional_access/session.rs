//! Session controls: two of them decide a token request, the others are reported.
//!
//! Pages: *Conditional Access: Session*, *Conditional Access adaptive session lifetime policies* (sign-in frequency),
//! *Token Protection in Microsoft Entra Conditional Access* (2025-08).

use super::application_groups::{ApplicationGroups, EXCHANGE, SHAREPOINT};
use super::audiences::Audience;
use super::document::{Odd, Reader, annotation, empty, kind_of};
use super::facts::{Client, Facts};
use super::logic::Logic;
use crate::model::{Fact, json};
use serde_json::Value;
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Frequency {
    /// Oldest authentication that still counts; none: not readable, `odd` says what.
    minutes: Option<f64>,
    odd: Odd,
    /// Only the second factor is asked for again.
    pub secondary_only: bool,
}

#[derive(Clone, Debug, PartialEq, Default)]
pub(super) struct Session {
    /// Names in force, in the order of Graph's type.
    pub names: Vec<Arc<str>>,
    pub frequency: Option<Frequency>,
    pub token_protection: bool,
    /// Whether a control that decides is in force could not be read.
    pub odd: Odd,
}

const AT: &str = "/sessionControls";
const KNOWN: [&str; 8] = [
    "applicationEnforcedRestrictions",
    "cloudAppSecurity",
    "persistentBrowser",
    "signInFrequency",
    "disableResilienceDefaults",
    "continuousAccessEvaluation",
    "secureSignInSession",
    "globalSecureAccessFilteringProfile",
];

const TEAMS: &str = "cc15fd57-2c6c-4117-a88c-83b1d56b4bbe";
const VIRTUAL_DESKTOP: &str = "9cdead84-a844-4324-93f2-b2e6bb768d07";
const WINDOWS_365: &str = "0af06dc6-e4b5-4f28-818e-e78e62d137a5";

/// Resources that support token protection.
const PROTECTED: [&str; 5] = [EXCHANGE, SHAREPOINT, TEAMS, VIRTUAL_DESKTOP, WINDOWS_365];

/// `everyTime` allows for five minutes of clock skew.
const EVERY_TIME_MINUTES: f64 = 5.0;

impl Session {
    pub fn compile(reader: &mut Reader, document: &Value) -> Session {
        let mut session = Session::default();
        let controls = match json::get(document, "sessionControls") {
            None | Some(Value::Null) => return session,
            Some(controls @ Value::Object(_)) => controls,
            Some(other) => {
                let message = format!("expected an object, found {}", kind_of(other));
                session.odd.push(reader.complain(AT, message));
                return session;
            }
        };
        for name in KNOWN {
            let pointer = format!("{AT}/{name}");
            match json::get(controls, name) {
                None | Some(Value::Null | Value::Bool(false)) => {}
                Some(Value::Bool(true)) => session.names.push(name.into()),
                Some(control @ Value::Object(_)) => session.control(reader, name, control, &pointer),
                Some(other) => {
                    let decides = matches!(name, "signInFrequency" | "secureSignInSession");
                    let pointer = reader.complain(&pointer, format!("expected an object, found {}", kind_of(other)));
                    session.odd.extend(decides.then_some(pointer));
                }
            }
        }
        // Controls of a newer kind are in force as far as the export says so; none of them is known to refuse.
        let Some(object) = controls.as_object() else { return session };
        let mut others: Vec<&String> = object
            .iter()
            .filter(|(name, value)| !annotation(name) && !empty(value) && **value != Value::Bool(false))
            .filter(|(_, value)| json::get(value, "isEnabled") != Some(&Value::Bool(false)))
            .map(|(name, _)| name)
            .filter(|name| !KNOWN.iter().any(|known| known.eq_ignore_ascii_case(name)))
            .collect();
        others.sort();
        for name in others {
            reader.complain(&format!("{AT}/{name}"), "a session control that this gate only reports");
            session.names.push(name.as_str().into());
        }
        session
    }

    fn control(&mut self, reader: &mut Reader, name: &'static str, control: &Value, pointer: &str) {
        let decides = matches!(name, "signInFrequency" | "secureSignInSession");
        let enabled = match json::get(control, "isEnabled") {
            Some(Value::Bool(enabled)) => Some(*enabled),
            // Some controls have no such switch: to be there is to be in force.
            None if !decides => Some(!empty(control)),
            None | Some(_) => None,
        };
        match enabled {
            Some(false) => return,
            Some(true) => self.names.push(name.into()),
            None => {
                let at = reader.complain(&format!("{pointer}/isEnabled"), "whether it is in force is not recorded");
                self.odd.extend(decides.then_some(at));
                return;
            }
        }
        match name {
            "signInFrequency" => self.frequency = Some(Frequency::compile(reader, control, pointer)),
            "secureSignInSession" => self.token_protection = true,
            _ => {}
        }
    }

    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.odd.is_empty()
    }
}

impl Frequency {
    fn compile(reader: &mut Reader, control: &Value, pointer: &str) -> Frequency {
        let mut odd = Odd::new();
        let text = |key: &str| json::text(control, key).unwrap_or_default().trim().to_ascii_lowercase();
        let every_time = match text("frequencyInterval").as_str() {
            "everytime" => true,
            // Older exports have no interval: it was always a span of time.
            "timebased" | "" => false,
            word => {
                odd.push(reader.complain(&format!("{pointer}/frequencyInterval"), format!("`{word}` is not known")));
                false
            }
        };
        let secondary_only = text("authenticationType") == "secondaryauthentication";
        let minutes = match (every_time, odd.is_empty()) {
            (true, _) => Some(EVERY_TIME_MINUTES),
            (false, false) => None,
            (false, true) => {
                let unit = match text("type").as_str() {
                    "hours" => Some(60.0),
                    "days" => Some(24.0 * 60.0),
                    word => {
                        odd.push(reader.complain(&format!("{pointer}/type"), format!("`{word}` is no unit of time")));
                        None
                    }
                };
                let value = json::get(control, "value").and_then(Value::as_f64).filter(|value| *value > 0.0);
                if value.is_none() {
                    odd.push(reader.complain(&format!("{pointer}/value"), "expected a number above zero"));
                }
                unit.zip(value).map(|(unit, value)| unit * value)
            }
        };
        Frequency { minutes, odd, secondary_only }
    }

    /// The last authentication is recent enough.
    pub fn is_met<L: Logic>(&self, facts: &Facts) -> L {
        let Some(limit) = self.minutes else {
            return L::any(&self.odd, |pointer| L::unknown(|| pointer.clone()));
        };
        match facts.claim(|claims| &claims.last_authentication_age_minutes) {
            Fact::Known(age) => L::known(*age <= limit),
            Fact::Absent | Fact::Unknown => L::unknown(|| facts.claim_fact("lastAuthenticationAgeMinutes")),
        }
    }
}

/// The sign-in session is bound to its device, or token protection does not cover the request: only native
/// applications on Windows, and the resources that support it.
pub(super) fn is_bound_or_not_covered<L: Logic>(facts: &Facts, groups: &ApplicationGroups) -> L {
    let native = match facts.client() {
        Fact::Known(client) => L::known(*client == Client::Native),
        Fact::Unknown | Fact::Absent => L::missing("signIn.clientAppType"),
    };
    let windows = || match facts.platform() {
        Fact::Known(platform) => L::known(platform == "windows"),
        Fact::Absent => L::known(false),
        Fact::Unknown => L::missing("signIn.devicePlatform"),
    };
    let covered = || {
        L::any(&facts.audiences().list, |audience| match audience {
            // The list of resources is extended over time; what the table knows otherwise, and the tenant's own, are not.
            Audience::Application { id, member, .. } => {
                let known = groups.names(id) || member.iter().all(|m| *m == super::Kleene::False);
                match PROTECTED.contains(&id.as_str()) {
                    true => L::known(true),
                    false if known => L::known(false),
                    false => L::unknown(|| format!("applicationGroupMembership:{id}").into()),
                }
            }
            Audience::BehindGraph(_) | Audience::Unrecorded => audience.has_id(&PROTECTED),
        })
    };
    let bound = || match facts.claim(|claims| &claims.session_binding) {
        Fact::Known(binding) => L::known(binding.eq_ignore_ascii_case("bound")),
        Fact::Absent => L::known(false),
        Fact::Unknown => L::unknown(|| facts.claim_fact("sessionBinding")),
    };
    native.and(windows).and(covered).negate().or(bound)
}
