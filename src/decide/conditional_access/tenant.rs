//! What the tenant's own settings contribute to a decision. None of it stands in a policy, most of it in no export.

use crate::model::{Collected, Environment, Fact, Kind, Tenant, json};
use ipnet::IpNet;
use serde_json::Value;
use std::collections::BTreeMap;

/// How requests for low-privilege scopes are seen by policies on all resources with exclusions. Page: *Enforcement of
/// policies that have resource exclusions*.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BaselineScopes {
    /// Left out of such policies.
    Legacy,
    /// Seen as access to the directory (Windows Azure Active Directory).
    Directory,
    /// Mapped to an application of the tenant's own, by application id.
    CustomResource(String),
}

/// Graph `crossTenantAccessPolicyInboundTrust`: which claims of a home tenant count here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InboundTrust {
    pub is_mfa_accepted: Fact<bool>,
    pub is_compliant_device_accepted: Fact<bool>,
    pub is_hybrid_azure_ad_joined_device_accepted: Fact<bool>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct TenantSettings {
    pub security_defaults: Fact<bool>,
    /// MFA trusted IPs of the legacy service settings.
    pub mfa_trusted_ips: Fact<Vec<IpNet>>,
    pub baseline_scopes: Fact<BaselineScopes>,
    /// For every home tenant that has no entry in `partners`.
    pub inbound_trust: Fact<InboundTrust>,
    /// By home tenant id, lower case.
    pub partners: BTreeMap<String, InboundTrust>,
    /// Whether Microsoft's mandatory MFA for the admin portals was in force (phase 1).
    pub mandatory_mfa_portals: Fact<bool>,
    /// The named locations handed to the compiler are not known to be all there are.
    pub named_locations_partial: bool,
    /// There was no place where a tenant fact could have stood: each is named `tenant`.
    pub unrecorded: bool,
}

impl From<&Tenant> for TenantSettings {
    fn from(tenant: &Tenant) -> Self {
        TenantSettings {
            security_defaults: tenant.security_defaults.clone(),
            mfa_trusted_ips: tenant.mfa_trusted_ips.clone(),
            baseline_scopes: baseline_scopes(&tenant.baseline_scopes),
            mandatory_mfa_portals: tenant.mandatory_mfa_portals.clone(),
            ..TenantSettings::default()
        }
    }
}

impl TenantSettings {
    /// The stated facts, completed by what the environment's documents tell.
    pub fn of(environment: &Environment) -> Self {
        let mut settings = TenantSettings::from(&environment.tenant);
        if settings.security_defaults.is_unknown() {
            let document = environment.bodies(Kind::SecurityDefaults).next();
            settings.security_defaults =
                document.and_then(|body| json::get(body, "isEnabled")).and_then(Value::as_bool).into();
        }
        settings.named_locations_partial = environment.collected(Kind::NamedLocations) != Collected::Whole;
        for body in environment.bodies(Kind::CrossTenantAccess) {
            // A configuration without trust settings of its own inherits the default's.
            let Some(trust @ Value::Object(_)) = json::get(body, "inboundTrust") else { continue };
            match json::text(body, "tenantId") {
                Some(home) => drop(settings.partners.insert(home.to_ascii_lowercase(), InboundTrust::read(trust))),
                None => settings.inbound_trust = Fact::Known(InboundTrust::read(trust)),
            }
        }
        settings
    }

    /// The `tenant` object of a decision vector. A key that is absent is unknown.
    pub fn read(tenant: Option<&Value>) -> Self {
        let Some(tenant @ Value::Object(_)) = tenant else {
            return TenantSettings { unrecorded: true, ..TenantSettings::default() };
        };
        let flag = |key: &str| boolean(json::get(tenant, key));
        let ips = match json::get(tenant, "mfaTrustedIps") {
            Some(Value::Array(ranges)) => {
                let nets: Option<Vec<IpNet>> = ranges.iter().map(|r| cidr(r.as_str()?)).collect();
                nets.into()
            }
            Some(Value::Null) => Fact::Absent,
            Some(_) | None => Fact::Unknown,
        };
        let trust = match json::get(tenant, "inboundTrust") {
            Some(trust @ Value::Object(_)) => Fact::Known(InboundTrust::read(trust)),
            Some(Value::Null) => Fact::Absent,
            Some(_) | None => Fact::Unknown,
        };
        let portals = match json::get(tenant, "mandatoryMfa") {
            Some(stated) => boolean(json::get(stated, "portals")),
            // The vectors' tenant has no such key: what is decided there are the policies.
            None => Fact::Known(false),
        };
        TenantSettings {
            security_defaults: flag("securityDefaults"),
            mfa_trusted_ips: ips,
            baseline_scopes: baseline_scopes(&json::get(tenant, "baselineScopes").cloned().into()),
            inbound_trust: trust,
            mandatory_mfa_portals: portals,
            ..TenantSettings::default()
        }
    }

    /// The trust extended to the actor's home tenant.
    pub(super) fn trust_for(&self, home: &Fact<String>) -> Fact<&InboundTrust> {
        match home {
            Fact::Known(home) => match self.partners.get(&home.to_ascii_lowercase()) {
                Some(trust) => Fact::Known(trust),
                None => self.inbound_trust.as_ref(),
            },
            Fact::Absent => self.inbound_trust.as_ref(),
            Fact::Unknown if self.partners.is_empty() => self.inbound_trust.as_ref(),
            Fact::Unknown => Fact::Unknown,
        }
    }
}

impl InboundTrust {
    fn read(trust: &Value) -> Self {
        let flag = |key: &str| boolean(json::get(trust, key));
        InboundTrust {
            is_mfa_accepted: flag("isMfaAccepted"),
            is_compliant_device_accepted: flag("isCompliantDeviceAccepted"),
            is_hybrid_azure_ad_joined_device_accepted: flag("isHybridAzureADJoinedDeviceAccepted"),
        }
    }
}

fn boolean(value: Option<&Value>) -> Fact<bool> {
    match value {
        Some(Value::Bool(value)) => Fact::Known(*value),
        Some(Value::Null) => Fact::Absent,
        Some(_) | None => Fact::Unknown,
    }
}

fn baseline_scopes(stated: &Fact<Value>) -> Fact<BaselineScopes> {
    match stated {
        Fact::Known(Value::String(word)) if word.eq_ignore_ascii_case("legacy") => Fact::Known(BaselineScopes::Legacy),
        Fact::Known(Value::String(word)) if word.eq_ignore_ascii_case("directory") => {
            Fact::Known(BaselineScopes::Directory)
        }
        Fact::Known(object @ Value::Object(_)) => json::text(object, "customResource")
            .map(|id| BaselineScopes::CustomResource(id.trim().to_ascii_lowercase()))
            .into(),
        Fact::Known(_) | Fact::Absent | Fact::Unknown => Fact::Unknown,
    }
}

/// A CIDR range, or one address.
pub(super) fn cidr(text: &str) -> Option<IpNet> {
    let text = text.trim();
    text.parse().ok().or_else(|| text.parse::<std::net::IpAddr>().ok().map(IpNet::from))
}
