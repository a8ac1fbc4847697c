//! A sign-in as the conditions read it: words folded, the address parsed, ids looked up once, so that two hundred
//! policies compare numbers. What nobody recorded stays unknown and has its name: the JSON path into the request, that
//! of the first absent key.

use super::PolicySet;
use super::audiences::{Audience, Audiences};
use super::locations::{LocationIndex, Remembered};
use super::logic::{Kleene, Logic};
use super::policy::user_action;
use super::tenant::{InboundTrust, TenantSettings};
use crate::model::request::{Claims, Device, IdentityKind, SignInRequest};
use crate::model::{Fact, ObjectId};
use fixedbitset::FixedBitSet;
use serde_json::Value;
use std::net::IpAddr;
use std::sync::Arc;

/// Ids of the identity that some policy names, by number.
#[derive(Clone, Debug)]
pub(super) enum Listed {
    Unknown,
    Known(FixedBitSet),
}

/// `externalUserType`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum External {
    Unknown,
    Internal,
    /// One `guestOrExternalUserTypes` value, lower case.
    Type(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    Browser,
    Native,
    ExchangeActiveSync,
    /// Every other protocol: IMAP, POP, SMTP, ...
    Other,
}

impl Client {
    pub fn is_legacy(self) -> bool {
        match self {
            Client::ExchangeActiveSync | Client::Other => true,
            Client::Browser | Client::Native => false,
        }
    }

    /// Conditional Access' own words, and those of `clientAppUsed` in the log. Page: *signIn resource type*.
    fn of(word: &str) -> Fact<Client> {
        match word.trim().to_ascii_lowercase().as_str() {
            "" => Fact::Unknown,
            "browser" => Fact::Known(Client::Browser),
            "mobileappsanddesktopclients" | "mobile apps and desktop clients" => Fact::Known(Client::Native),
            "exchangeactivesync" | "exchange activesync" | "eassupported" => Fact::Known(Client::ExchangeActiveSync),
            _ => Fact::Known(Client::Other),
        }
    }
}

pub(super) struct DeviceFacts<'a>(Fact<&'a Device>);

impl DeviceFacts<'_> {
    fn get(&self, name: &str) -> Option<&Value> {
        let device = self.0.known()?;
        device
            .get(name)
            .or_else(|| device.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
    }

    pub fn is_unrecorded(&self) -> bool {
        self.0.is_unknown()
    }

    /// On record not to be registered in Entra.
    pub fn is_unregistered(&self) -> bool {
        match self.0 {
            Fact::Absent => true,
            Fact::Known(_) => matches!(self.flag("isRegistered"), Fact::Known(false)),
            Fact::Unknown => false,
        }
    }

    pub fn property(&self, name: &str) -> Fact<&Value> {
        match (&self.0, self.get(name)) {
            (Fact::Absent, _) | (Fact::Known(_), Some(Value::Null)) => Fact::Absent,
            (Fact::Known(_), Some(value)) => Fact::Known(value),
            (Fact::Known(_), None) | (Fact::Unknown, _) => Fact::Unknown,
        }
    }

    pub fn flag(&self, name: &str) -> Fact<bool> {
        match self.property(name) {
            Fact::Known(Value::Bool(flag)) => Fact::Known(*flag),
            Fact::Known(Value::String(word)) if word.eq_ignore_ascii_case("true") => Fact::Known(true),
            Fact::Known(Value::String(word)) if word.eq_ignore_ascii_case("false") => Fact::Known(false),
            Fact::Known(_) | Fact::Unknown => Fact::Unknown,
            Fact::Absent => Fact::Absent,
        }
    }

    pub fn is_hybrid_joined<L: Logic>(&self) -> L {
        match self.property("trustType") {
            Fact::Known(Value::String(kind)) => L::known(kind.eq_ignore_ascii_case("ServerAD")),
            Fact::Absent => L::known(false),
            Fact::Known(_) | Fact::Unknown => L::unknown(|| self.fact("trustType")),
        }
    }

    /// The name under which a property is missing.
    pub fn fact(&self, name: &str) -> Arc<str> {
        match self.0 {
            Fact::Known(_) => format!("signIn.device.{name}").into(),
            Fact::Unknown | Fact::Absent => "signIn.device".into(),
        }
    }
}

pub(super) struct Facts<'a> {
    set: &'a PolicySet,
    request: &'a SignInRequest,
    user: Option<u32>,
    external: External,
    home: Fact<String>,
    groups: Listed,
    roles: Listed,
    audiences: Audiences,
    contexts: Fact<Vec<String>>,
    action: Fact<String>,
    client: Fact<Client>,
    platform: Fact<String>,
    address: Fact<IpAddr>,
    address_is_private: bool,
    country: Fact<String>,
    gps_country: Fact<String>,
    user_risk: Fact<String>,
    sign_in_risk: Fact<String>,
    service_principal_risk: Fact<String>,
    insider_risk: Fact<String>,
    flow: Fact<String>,
    original_flow: Fact<String>,
    device: DeviceFacts<'a>,
    remembered: Vec<Remembered>,
}

fn lower(fact: &Fact<String>) -> Fact<String> {
    fact.as_ref().map(|text| text.trim().to_ascii_lowercase())
}

/// `hidden` in a log means not licensed, `unknownFutureValue` a level the reader's schema did not have.
fn level(fact: &Fact<String>) -> Fact<String> {
    match lower(fact) {
        Fact::Known(word) if matches!(word.as_str(), "" | "hidden" | "unknownfuturevalue") => Fact::Unknown,
        other => other,
    }
}

/// `authenticationProtocol: deviceCode` is the log's word.
fn flow(fact: &Fact<String>) -> Fact<String> {
    match lower(fact) {
        Fact::Known(word) if word.is_empty() || word == "unknownfuturevalue" => Fact::Unknown,
        Fact::Known(word) if word == "devicecode" => Fact::Known("devicecodeflow".to_owned()),
        other => other,
    }
}

fn address(fact: &Fact<String>) -> Fact<IpAddr> {
    match fact {
        Fact::Known(text) => {
            let text = text.trim();
            let parsed = text.parse::<IpAddr>().ok();
            let parsed = parsed.or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|socket| socket.ip()));
            parsed.map(|ip| ip.to_canonical()).into()
        }
        Fact::Absent => Fact::Absent,
        Fact::Unknown => Fact::Unknown,
    }
}

/// RFC 1918 and unique local: the address that Entra saw is not in evidence. Documentation ranges count as public.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private(),
        IpAddr::V6(v6) => v6.is_unique_local(),
    }
}

impl<'a> Facts<'a> {
    pub fn new(set: &'a PolicySet, request: &'a SignInRequest) -> Facts<'a> {
        let listed = |ids: &Fact<Vec<ObjectId>>| match ids {
            Fact::Unknown => Listed::Unknown,
            Fact::Absent => Listed::Known(FixedBitSet::new()),
            Fact::Known(ids) => {
                let mut held = FixedBitSet::with_capacity(set.ids.len());
                ids.iter().filter_map(|id| set.ids.get(id.as_str())).for_each(|id| held.insert(id as usize));
                Listed::Known(held)
            }
        };
        let identity = &request.identity;
        let external = match &identity.external_user_type {
            Fact::Known(kind) => External::Type(kind.trim().to_ascii_lowercase()),
            Fact::Absent => External::Internal,
            Fact::Unknown => External::Unknown,
        };
        let (address, private) = match address(&request.ip_address) {
            Fact::Known(ip) if is_private(ip) => (Fact::Unknown, true),
            other => (other, false),
        };
        let upper = |fact: &Fact<String>| match fact.as_ref().map(|code| code.trim().to_ascii_uppercase()) {
            Fact::Known(code) if code.is_empty() => Fact::Unknown,
            other => other,
        };
        Facts {
            set,
            request,
            user: set.ids.get(identity.id.as_str()),
            external,
            home: lower(&identity.home_tenant_id),
            groups: listed(&identity.transitive_group_ids),
            roles: listed(&identity.directory_role_template_ids),
            audiences: Audiences::of(request, &set.ids, &set.groups),
            contexts: request
                .target
                .authentication_contexts
                .as_ref()
                .map(|contexts| contexts.iter().map(|c| c.trim().to_ascii_lowercase()).collect()),
            action: request.target.user_action.as_ref().map(|action| user_action(action)),
            client: match &request.client_app_type {
                Fact::Known(word) => Client::of(word),
                Fact::Absent => Fact::Absent,
                Fact::Unknown => Fact::Unknown,
            },
            platform: lower(&request.device_platform),
            address,
            address_is_private: private,
            country: if private { Fact::Unknown } else { upper(&request.country) },
            gps_country: upper(&request.gps_country),
            user_risk: level(&request.user_risk_level),
            sign_in_risk: level(&request.sign_in_risk_level),
            service_principal_risk: level(&request.service_principal_risk_level),
            insider_risk: level(&request.insider_risk_level),
            flow: flow(&request.transfer_method),
            original_flow: flow(&request.original_transfer_method),
            device: DeviceFacts(request.device.as_ref()),
            remembered: vec![Remembered::new(None); set.locations.len() + 1],
        }
    }

    pub fn request(&self) -> &'a SignInRequest {
        self.request
    }

    pub fn tenant(&self) -> &'a TenantSettings {
        &self.set.tenant
    }

    pub fn locations(&self) -> &'a LocationIndex {
        &self.set.locations
    }

    pub fn kind(&self) -> IdentityKind {
        self.request.identity.kind
    }

    /// The identity's own number; none where no policy names it.
    pub fn user(&self) -> Option<u32> {
        self.user
    }

    pub fn external(&self) -> &External {
        &self.external
    }

    pub fn home_tenant(&self) -> &Fact<String> {
        &self.home
    }

    pub fn groups(&self) -> &Listed {
        &self.groups
    }

    pub fn roles(&self) -> &Listed {
        &self.roles
    }

    pub fn single_tenant(&self) -> &Fact<bool> {
        &self.request.identity.single_tenant_in_this_tenant
    }

    pub fn audiences(&self) -> &Audiences {
        &self.audiences
    }

    pub fn contexts(&self) -> &Fact<Vec<String>> {
        &self.contexts
    }

    pub fn action(&self) -> &Fact<String> {
        &self.action
    }

    pub fn client(&self) -> &Fact<Client> {
        &self.client
    }

    pub fn platform(&self) -> &Fact<String> {
        &self.platform
    }

    pub fn address(&self) -> &Fact<IpAddr> {
        &self.address
    }

    pub fn country(&self) -> &Fact<String> {
        &self.country
    }

    /// A country is looked up by address: with an address that is not in evidence, that is what is missing.
    pub fn country_fact(&self) -> &'static str {
        if self.address_is_private { "signIn.ipAddress" } else { "signIn.country" }
    }

    pub fn gps_country(&self) -> &Fact<String> {
        &self.gps_country
    }

    pub fn compliant_network(&self) -> &Fact<bool> {
        &self.request.compliant_network
    }

    pub fn user_risk(&self) -> &Fact<String> {
        &self.user_risk
    }

    pub fn sign_in_risk(&self) -> &Fact<String> {
        &self.sign_in_risk
    }

    pub fn service_principal_risk(&self) -> &Fact<String> {
        &self.service_principal_risk
    }

    pub fn insider_risk(&self) -> &Fact<String> {
        &self.insider_risk
    }

    pub fn flow(&self) -> &Fact<String> {
        &self.flow
    }

    pub fn original_flow(&self) -> &Fact<String> {
        &self.original_flow
    }

    pub fn device(&self) -> &DeviceFacts<'a> {
        &self.device
    }

    pub fn is_exchange_active_sync<L: Logic>(&self) -> L {
        match &self.client {
            Fact::Known(client) => L::known(*client == Client::ExchangeActiveSync),
            Fact::Unknown | Fact::Absent => L::missing("signIn.clientAppType"),
        }
    }

    /// Cannot do MFA and passes no device state.
    pub fn is_legacy_client<L: Logic>(&self) -> L {
        match &self.client {
            Fact::Known(client) => L::known(client.is_legacy()),
            Fact::Unknown | Fact::Absent => L::missing("signIn.clientAppType"),
        }
    }

    pub fn is_on_supported_platform<L: Logic>(&self) -> L {
        match &self.platform {
            Fact::Known(word) => {
                L::known(matches!(word.as_str(), "android" | "ios" | "windows" | "windowsphone" | "macos" | "linux"))
            }
            Fact::Absent => L::known(false),
            Fact::Unknown => L::missing("signIn.devicePlatform"),
        }
    }

    /// This very request is a device code flow.
    pub fn is_device_code_flow<L: Logic>(&self) -> L {
        match &self.flow {
            Fact::Known(word) => L::known(word == "devicecodeflow"),
            Fact::Absent => L::known(false),
            Fact::Unknown => L::missing("signIn.transferMethod"),
        }
    }

    /// Authenticates in another tenant (or with another provider). An internal guest authenticates here.
    pub fn authenticates_elsewhere<L: Logic>(&self) -> L {
        match &self.external {
            External::Internal => L::known(false),
            External::Type(kind) => L::known(kind != "internalguest"),
            External::Unknown => L::missing("signIn.identity.externalUserType"),
        }
    }

    pub fn is_direct_connect<L: Logic>(&self) -> L {
        match &self.external {
            External::Internal => L::known(false),
            External::Type(kind) => L::known(kind == "b2bdirectconnectuser"),
            External::Unknown => L::missing("signIn.identity.externalUserType"),
        }
    }

    /// A trust setting for the home tenant's claims.
    pub fn is_trusted<L: Logic>(&self, setting: impl Fn(&InboundTrust) -> &Fact<bool>, name: &'static str) -> L {
        match self.tenant().trust_for(&self.home) {
            Fact::Known(trust) => match setting(trust) {
                Fact::Known(accepted) => L::known(*accepted),
                Fact::Absent => L::known(false),
                Fact::Unknown => L::unknown(|| self.tenant_fact(&format!("inboundTrust.{name}"))),
            },
            Fact::Absent => L::known(false),
            Fact::Unknown => L::unknown(|| self.tenant_fact("inboundTrust")),
        }
    }

    pub fn tenant_fact(&self, name: &str) -> Arc<str> {
        match self.tenant().unrecorded {
            true => "tenant".into(),
            false => format!("tenant.{name}").into(),
        }
    }

    /// What the session carries: absent claims are on record to be none.
    pub fn claim<'f, T>(&'f self, claim: impl Fn(&'f Claims) -> &'f Fact<T>) -> Fact<&'f T> {
        match &self.request.claims {
            Fact::Known(claims) => claim(claims).as_ref(),
            Fact::Absent => Fact::Absent,
            Fact::Unknown => Fact::Unknown,
        }
    }

    pub fn claim_fact(&self, name: &str) -> Arc<str> {
        match &self.request.claims {
            Fact::Known(_) => format!("signIn.claims.{name}").into(),
            Fact::Unknown | Fact::Absent => "signIn.claims".into(),
        }
    }

    /// An application of the tenant's own.
    pub fn application(&self, id: &str) -> Audience {
        Audience::application(id, true, &self.set.ids, &self.set.groups)
    }

    /// Computes once what many policies ask.
    pub fn remembered<L: Logic>(&self, slot: usize, compute: impl Fn(&Self) -> L) -> L {
        let Some(cell) = self.remembered.get(slot) else { return compute(self) };
        match cell.get() {
            Some(Kleene::True) => L::known(true),
            Some(Kleene::False) => L::known(false),
            Some(Kleene::Unknown) | None => {
                let value = compute(self);
                cell.set(Some(value.kleene()));
                value
            }
        }
    }
}
