//! What asks for MFA without a policy: security defaults and Microsoft's mandatory MFA for the admin portals.
//!
//! Pages: *Security defaults in Microsoft Entra ID* (2024-04) with its list of administrator roles (2024-08), *Planning
//! for mandatory multifactor authentication for Azure and other admin portals* (2025-02).

use super::PolicySet;
use super::application_groups::{AZURE_PORTAL, ApplicationGroup, MICROSOFT_365_PORTAL};
use super::evaluate::{GRANTED, Possible, missing, possible};
use super::facts::{Facts, Listed};
use super::grant::{Standing, mfa};
use super::logic::{Kleene, Logic};
use super::policy::State;
use crate::model::request::{IdentityKind, TargetKind};
use crate::model::{Fact, Missing, Truth};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BuiltIn {
    /// Security defaults: legacy authentication is blocked.
    LegacyAuthentication,
    /// Security defaults: administrators, everybody at Azure Resource Manager, and others when Microsoft sees fit.
    DefaultMfa,
    /// Phase 1: the portals.
    MandatoryMfa,
}

/// Roles that do MFA at every sign-in: Global, Application, Authentication, Authentication Policy, Billing, Cloud
/// Application, Conditional Access, Exchange, Helpdesk, Identity Governance, Password, Privileged Authentication,
/// Privileged Role, Security, SharePoint, Teams and User Administrator.
pub(super) const ADMINISTRATORS: [&str; 17] = [
    "62e90394-69f5-4237-9190-012177145e10",
    "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3",
    "c4e39bd9-1100-46d3-8c65-fb160da0071f",
    "0526716b-113d-4c15-b2c8-68e3c22b9f80",
    "b0f54661-2d74-4c50-afa3-1ec803f12efe",
    "158c047a-c907-4556-b7ef-446551a6b5f7",
    "b1be1c3e-b65d-4f19-8427-f6fa0d97feb9",
    "29232cdf-9323-42fd-ade2-1d097af3e4de",
    "729827e3-9c14-49f7-bb1b-9608f156bbb8",
    "45d8d3c5-c802-45c6-b32a-1d70b5e1e86e",
    "966707d0-3269-4727-9be2-8c3a10f19b9d",
    "7be44c8a-adaf-4e2a-84d6-ab2649e08a13",
    "e8611ab8-c189-46e8-94e1-60213ab1f814",
    "194ae4cb-b126-40b2-bd5b-6091b380977d",
    "f28a1f50-f6e7-4571-818b-6a12f2af6b6c",
    "69091246-20e8-4a56-aa4d-066075b2a7a8",
    "fe930be7-5e62-47db-91af-98c3a49a38b1",
];

/// Directory Synchronization Accounts and On Premises Directory Sync Account: the synchronisation account is exempt.
pub(super) const SYNCHRONISATION: [&str; 2] =
    ["d29b2b05-8046-44ba-8758-1e26182fcf32", "a92aed5d-d78a-4d16-b381-09adb37eb3b0"];

impl BuiltIn {
    pub const ALL: [BuiltIn; 3] = [BuiltIn::LegacyAuthentication, BuiltIn::DefaultMfa, BuiltIn::MandatoryMfa];

    /// Stands for a policy's id in evidence.
    pub fn document(self) -> &'static str {
        match self {
            BuiltIn::LegacyAuthentication | BuiltIn::DefaultMfa => "securityDefaults",
            BuiltIn::MandatoryMfa => "mandatoryMfa",
        }
    }

    pub fn applies<L: Logic>(self, set: &PolicySet, facts: &Facts) -> L {
        let asked = facts.kind() == IdentityKind::User && facts.request().target.kind == TargetKind::Application;
        if !asked {
            return L::known(false);
        }
        match self {
            BuiltIn::LegacyAuthentication => {
                let legacy = || facts.is_legacy_client::<L>();
                security_defaults::<L>(set, facts).and(|| is_synchronisation::<L>(set, facts).negate()).and(legacy)
            }
            BuiltIn::DefaultMfa => security_defaults::<L>(set, facts)
                .and(|| is_synchronisation::<L>(set, facts).negate())
                .and(|| facts.is_legacy_client::<L>().negate())
                .and(|| {
                    // Microsoft decides when it is necessary for the others.
                    is_at_azure::<L>(facts)
                        .or(|| holds::<L>(&ADMINISTRATORS, set, facts))
                        .or(|| L::missing("semantics:securityDefaultsWhenNecessary"))
                }),
            BuiltIn::MandatoryMfa => match &facts.tenant().mandatory_mfa_portals {
                Fact::Known(false) | Fact::Absent => L::known(false),
                Fact::Known(true) => is_at_portal(facts),
                Fact::Unknown => {
                    is_at_portal::<L>(facts).and(|| L::unknown(|| facts.tenant_fact("mandatoryMfa.portals")))
                }
            },
        }
    }

    pub fn standing<L: Logic>(self, facts: &Facts) -> Standing<L> {
        match self {
            BuiltIn::LegacyAuthentication => Standing {
                gate: L::known(false),
                inner: L::known(false),
                interactive: L::known(false),
                promptable: L::known(false),
            },
            BuiltIn::DefaultMfa | BuiltIn::MandatoryMfa => mfa(facts),
        }
    }

    pub fn contribution(self, set: &PolicySet, facts: &Facts) -> Possible {
        match self.applies::<Kleene>(set, facts) {
            Kleene::False => Possible::only(GRANTED),
            Kleene::True => possible(self.standing(facts)),
            Kleene::Unknown => Possible::only(GRANTED).either(possible(self.standing(facts))),
        }
    }

    pub fn missing(self, set: &PolicySet, facts: &Facts, into: &mut Missing) {
        super::evaluate::collect(self.applies::<Truth>(set, facts), into);
        missing(self.standing(facts), into);
    }
}

/// In force. An enabled policy replaces them (they have to be switched off before one can be enabled).
fn security_defaults<L: Logic>(set: &PolicySet, facts: &Facts) -> L {
    match &facts.tenant().security_defaults {
        Fact::Known(on) => L::known(*on),
        Fact::Absent => L::known(false),
        Fact::Unknown if set.policies.iter().any(|policy| policy.state == State::Enabled) => L::known(false),
        Fact::Unknown => L::unknown(|| facts.tenant_fact("securityDefaults")),
    }
}

fn holds<L: Logic>(roles: &[&str], set: &PolicySet, facts: &Facts) -> L {
    match facts.roles() {
        Listed::Unknown => L::missing("signIn.identity.directoryRoleTemplateIds"),
        Listed::Known(held) => {
            L::known(roles.iter().filter_map(|role| set.ids.get(role)).any(|role| held.contains(role as usize)))
        }
    }
}

fn is_synchronisation<L: Logic>(set: &PolicySet, facts: &Facts) -> L {
    holds(&SYNCHRONISATION, set, facts)
}

fn is_at_azure<L: Logic>(facts: &Facts) -> L {
    L::any(&facts.audiences().list, |audience| audience.is_in(ApplicationGroup::AzureManagement))
}

fn is_at_portal<L: Logic>(facts: &Facts) -> L {
    const PORTALS: [&str; 2] = [AZURE_PORTAL, MICROSOFT_365_PORTAL];
    let client = match &facts.request().target.client_app_id {
        Fact::Known(id) => L::known(PORTALS.iter().any(|portal| portal.eq_ignore_ascii_case(id.trim()))),
        Fact::Absent => L::known(false),
        Fact::Unknown => L::missing("signIn.target.clientAppId"),
    };
    client.or(|| {
        L::any(&facts.audiences().list, |audience| match audience {
            // No service behind Microsoft Graph is a portal.
            super::audiences::Audience::BehindGraph(_) => L::known(false),
            other => other.has_id(&PORTALS),
        })
    })
}
