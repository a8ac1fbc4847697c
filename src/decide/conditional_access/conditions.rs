//! The conditions beside users and target: risk, platform, client, flow; locations and the device filter have files of
//! their own. One that is not configured is true.
//!
//! Pages: *Conditional Access: Conditions*, *Conditional Access: Authentication flows*, and Graph's
//! `conditionalAccessConditionSet`.

use super::device_filter::DeviceCondition;
use super::document::{Odd, Reader, empty};
use super::facts::{Client, Facts};
use super::locations::{LocationCondition, LocationIndex};
use super::logic::Logic;
use crate::model::{Fact, json};
use serde_json::Value;
use std::sync::Arc;

/// Names in `analysisReasons` (Graph `whatIfAnalysisReasons`; `servicePrincipalRisk` is ours, the enum has none), with
/// what computes each, in the order in which they are reported.
pub(super) type Condition = (&'static str, Check);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    ClientApps,
    Platform,
    Flow,
    Location,
    Device,
    UserRisk,
    SignInRisk,
    ServicePrincipalRisk,
    InsiderRisk,
    Unsupported,
}

pub(super) const CHECKS: [Condition; 10] = [
    ("clientApps", Check::ClientApps),
    ("devicePlatform", Check::Platform),
    ("authenticationFlow", Check::Flow),
    ("userRisk", Check::UserRisk),
    ("signInRisk", Check::SignInRisk),
    ("servicePrincipalRisk", Check::ServicePrincipalRisk),
    ("insiderRisk", Check::InsiderRisk),
    ("location", Check::Location),
    ("devices", Check::Device),
    ("", Check::Unsupported),
];

/// A list of words of which one must be the fact's; none configured: true. No ordering among levels (derived: the
/// portal stores each ticked level).
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Words {
    words: Vec<String>,
    odd: Odd,
}

impl Words {
    fn compile(reader: &mut Reader, conditions: &Value, key: &str) -> Words {
        let mut odd = Odd::new();
        let words = reader.flags(conditions, key, &format!("/conditions/{key}"), &mut odd);
        Words { words: words.into_iter().map(|entry| entry.text.to_ascii_lowercase()).collect(), odd }
    }

    fn matches<L: Logic>(&self, fact: &Fact<String>, name: &'static str) -> L {
        if self.words.is_empty() && self.odd.is_empty() {
            return L::known(true);
        }
        let listed = match fact {
            _ if self.words.is_empty() => L::known(false),
            Fact::Known(level) => L::known(self.words.contains(level)),
            // Recorded to be none.
            Fact::Absent => L::known(self.words.iter().any(|word| word == "none")),
            Fact::Unknown => L::missing(name),
        };
        listed.or(|| unknown(&self.odd))
    }
}

fn unknown<L: Logic>(odd: &[Arc<str>]) -> L {
    L::any(odd, |pointer| L::unknown(|| pointer.clone()))
}

/// How far Exchange ActiveSync is what a policy is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LegacyMail {
    NotSelected,
    AmongOthers,
    Only,
}

/// `clientAppTypes`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ClientApps {
    all: bool,
    types: Vec<ClientType>,
    odd: Odd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ClientType {
    Browser,
    Native,
    ExchangeActiveSync,
    /// Exchange ActiveSync on supported platforms.
    EasSupported,
    Other,
}

impl ClientApps {
    fn compile(reader: &mut Reader, conditions: &Value) -> ClientApps {
        const AT: &str = "/conditions/clientAppTypes";
        let mut apps = ClientApps { all: false, types: Vec::new(), odd: Odd::new() };
        let configured = match json::get(conditions, "clientAppTypes") {
            None | Some(Value::Null) => return ClientApps { all: true, ..apps },
            Some(configured) => configured,
        };
        let mut odd = Odd::new();
        for entry in reader.flags(conditions, "clientAppTypes", AT, &mut odd) {
            match entry.text.to_ascii_lowercase().as_str() {
                "all" => apps.all = true,
                "browser" => apps.types.push(ClientType::Browser),
                "mobileappsanddesktopclients" => apps.types.push(ClientType::Native),
                "exchangeactivesync" => apps.types.push(ClientType::ExchangeActiveSync),
                "eassupported" => apps.types.push(ClientType::EasSupported),
                "other" => apps.types.push(ClientType::Other),
                word => odd.push(reader.complain(&entry.pointer, format!("`{word}` is no type of client app"))),
            }
        }
        if empty(configured) {
            odd.push(reader.complain(AT, "an empty list is not valid"));
        }
        ClientApps { odd, ..apps }
    }

    pub fn legacy_mail(&self) -> LegacyMail {
        let is_mail = |kind: &ClientType| match kind {
            ClientType::ExchangeActiveSync | ClientType::EasSupported => true,
            ClientType::Browser | ClientType::Native | ClientType::Other => false,
        };
        // A policy for every client is not one for Exchange ActiveSync.
        match (self.all, self.types.iter().any(is_mail), self.types.iter().all(is_mail)) {
            (true, _, _) | (_, false, _) => LegacyMail::NotSelected,
            (false, true, false) => LegacyMail::AmongOthers,
            (false, true, true) => LegacyMail::Only,
        }
    }

    fn matches<L: Logic>(&self, facts: &Facts) -> L {
        if self.all {
            return L::known(true);
        }
        let listed = L::any(&self.types, |kind| match (kind, facts.client()) {
            (_, Fact::Unknown | Fact::Absent) => L::missing("signIn.clientAppType"),
            (ClientType::Browser, Fact::Known(client)) => L::known(*client == Client::Browser),
            (ClientType::Native, Fact::Known(client)) => L::known(*client == Client::Native),
            (ClientType::ExchangeActiveSync, Fact::Known(client)) => L::known(*client == Client::ExchangeActiveSync),
            (ClientType::EasSupported, Fact::Known(client)) => {
                L::known(*client == Client::ExchangeActiveSync).and(|| facts.is_on_supported_platform())
            }
            (ClientType::Other, Fact::Known(client)) => L::known(*client == Client::Other),
        });
        listed.or(|| unknown(&self.odd))
    }
}

/// `platforms`. The fact comes from the user agent, which nobody verifies.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Platforms {
    include: Vec<String>,
    exclude: Vec<String>,
    include_all: bool,
    exclude_all: bool,
    include_odd: Odd,
    exclude_odd: Odd,
}

impl Platforms {
    fn compile(reader: &mut Reader, conditions: &Value) -> Option<Platforms> {
        const AT: &str = "/conditions/platforms";
        let mut include_odd = Odd::new();
        let Some(platforms) = reader.object(conditions, "platforms", AT, &mut include_odd) else {
            return (!include_odd.is_empty()).then(|| Platforms {
                include: Vec::new(),
                exclude: Vec::new(),
                include_all: false,
                exclude_all: false,
                include_odd,
                exclude_odd: Odd::new(),
            });
        };
        if empty(platforms) {
            return None;
        }
        let mut exclude_odd = Odd::new();
        let mut words = |key: &str, odd: &mut Odd| -> Vec<String> {
            let entries = reader.flags(platforms, key, &format!("{AT}/{key}"), odd);
            entries.into_iter().map(|entry| entry.text.to_ascii_lowercase()).collect()
        };
        let include = words("includePlatforms", &mut include_odd);
        let exclude = words("excludePlatforms", &mut exclude_odd);
        reader.unknown_members(platforms, &["includePlatforms", "excludePlatforms"], AT, &mut exclude_odd);
        if include.is_empty() && include_odd.is_empty() {
            include_odd.push(reader.complain(&format!("{AT}/includePlatforms"), "no platform is included"));
        }
        let is_all = |words: &[String]| words.iter().any(|word| word == "all");
        Some(Platforms {
            include_all: is_all(&include),
            exclude_all: is_all(&exclude),
            include,
            exclude,
            include_odd,
            exclude_odd,
        })
    }

    /// Rests on the user agent saying one of some platforms.
    pub fn is_narrowed(&self) -> bool {
        !self.include_all
    }

    fn matches<L: Logic>(&self, facts: &Facts) -> L {
        let half = |all: bool, words: &[String], odd: &[Arc<str>]| {
            let listed = match facts.platform() {
                _ if all => L::known(true),
                _ if words.is_empty() => L::known(false),
                Fact::Known(platform) => L::known(words.contains(platform)),
                // Recorded to be recognised as none: it matches only `all`.
                Fact::Absent => L::known(false),
                Fact::Unknown => L::missing("signIn.devicePlatform"),
            };
            listed.or(|| unknown(odd))
        };
        half(self.include_all, &self.include, &self.include_odd)
            .and(|| half(self.exclude_all, &self.exclude, &self.exclude_odd).negate())
    }
}

/// `authenticationFlows.transferMethods`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Flows {
    methods: Vec<String>,
    odd: Odd,
}

impl Flows {
    fn compile(reader: &mut Reader, conditions: &Value) -> Option<Flows> {
        const AT: &str = "/conditions/authenticationFlows";
        let mut odd = Odd::new();
        let flows = reader.object(conditions, "authenticationFlows", AT, &mut odd);
        let mut methods = Vec::new();
        if let Some(flows) = flows {
            let at = format!("{AT}/transferMethods");
            for entry in reader.flags(flows, "transferMethods", &at, &mut odd) {
                match entry.text.to_ascii_lowercase().as_str() {
                    "none" => {}
                    known @ ("devicecodeflow" | "authenticationtransfer") => methods.push(known.to_owned()),
                    word => odd.push(reader.complain(&entry.pointer, format!("`{word}` is no known flow"))),
                }
            }
            reader.unknown_members(flows, &["transferMethods"], AT, &mut odd);
        }
        (!methods.is_empty() || !odd.is_empty()).then_some(Flows { methods, odd })
    }

    /// This request uses the flow, or the session was begun by it: the tracking survives refreshes.
    fn matches<L: Logic>(&self, facts: &Facts) -> L {
        let uses = |fact: &Fact<String>, name: &'static str| match fact {
            _ if self.methods.is_empty() => L::known(false),
            Fact::Known(method) => L::known(self.methods.contains(method)),
            Fact::Absent => L::known(false),
            Fact::Unknown => L::missing(name),
        };
        uses(facts.flow(), "signIn.transferMethod")
            .or(|| uses(facts.original_flow(), "signIn.originalTransferMethod"))
            .or(|| unknown(&self.odd))
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Conditions {
    pub client_apps: ClientApps,
    pub platforms: Option<Platforms>,
    pub flows: Option<Flows>,
    pub locations: Option<LocationCondition>,
    devices: Option<DeviceCondition>,
    user_risk: Words,
    sign_in_risk: Words,
    service_principal_risk: Words,
    insider_risk: Words,
    /// What this gate does not know and may narrow the policy.
    pub unsupported: Odd,
    /// For registering or joining devices, the client-app, device-filter and device-state conditions do not exist.
    on_device_registration: bool,
}

impl Conditions {
    pub fn compile(
        reader: &mut Reader,
        conditions: &Value,
        locations: &mut LocationIndex,
        on_device_registration: bool,
        mut unsupported: Odd,
    ) -> Conditions {
        for (key, why) in [
            ("times", "the condition is not offered by the platform"),
            ("deviceStates", "the condition is deprecated and not supported"),
        ] {
            if json::get(conditions, key).is_some_and(|value| !empty(value)) {
                unsupported.push(reader.complain(&format!("/conditions/{key}"), why));
            }
        }
        let devices = DeviceCondition::compile(reader, conditions, &mut unsupported);
        Conditions {
            client_apps: ClientApps::compile(reader, conditions),
            platforms: Platforms::compile(reader, conditions),
            flows: Flows::compile(reader, conditions),
            locations: LocationCondition::compile(reader, conditions, locations),
            devices,
            user_risk: Words::compile(reader, conditions, "userRiskLevels"),
            sign_in_risk: Words::compile(reader, conditions, "signInRiskLevels"),
            service_principal_risk: Words::compile(reader, conditions, "servicePrincipalRiskLevels"),
            insider_risk: Words::compile(reader, conditions, "insiderRiskLevels"),
            unsupported,
            on_device_registration,
        }
    }

    pub fn check<L: Logic>(&self, check: Check, facts: &Facts) -> L {
        match check {
            Check::ClientApps | Check::Device if self.on_device_registration => L::known(true),
            Check::ClientApps => self.client_apps.matches(facts),
            Check::Device => self.devices.as_ref().map_or_else(|| L::known(true), |devices| devices.matches(facts)),
            Check::Platform => self.platforms.as_ref().map_or_else(|| L::known(true), |p| p.matches(facts)),
            Check::Flow => self.flows.as_ref().map_or_else(|| L::known(true), |flows| flows.matches(facts)),
            Check::Location => self.locations.as_ref().map_or_else(|| L::known(true), |l| l.matches(facts)),
            Check::UserRisk => self.user_risk.matches(facts.user_risk(), "signIn.userRiskLevel"),
            Check::SignInRisk => self.sign_in_risk.matches(facts.sign_in_risk(), "signIn.signInRiskLevel"),
            Check::ServicePrincipalRisk => {
                self.service_principal_risk.matches(facts.service_principal_risk(), "signIn.servicePrincipalRiskLevel")
            }
            Check::InsiderRisk => self.insider_risk.matches(facts.insider_risk(), "signIn.insiderRiskLevel"),
            Check::Unsupported => match self.unsupported.is_empty() {
                true => L::known(true),
                false => unknown(&self.unsupported),
            },
        }
    }
}
