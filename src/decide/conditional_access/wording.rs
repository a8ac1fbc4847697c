//! Clauses: which words of which document decided, what they say of this request, and the page that says so.

use super::built_in::BuiltIn;
use super::facts::Facts;
use super::grant::{Control, ControlKind};
use super::logic::Kleene;
use super::policy::Policy;
use crate::model::Clause;

const GRANT: &str = "Conditional Access: Grant";
const POLICIES: &str = "Building a Conditional Access policy";

fn clause(policy: &Policy, pointer: &str, says: String, source: &str) -> Clause {
    Clause { document: policy.id.to_string(), pointer: pointer.to_owned(), says, source: source.to_owned() }
}

pub(super) fn met(policy: &Policy) -> Clause {
    let pointer = if policy.grant.controls.is_empty() { "/sessionControls" } else { "/grantControls" };
    clause(policy, pointer, format!("`{}` is satisfied by what the session carries", policy.name), POLICIES)
}

pub(super) fn unsupported(policy: &Policy) -> Clause {
    let pointer = policy.grant.odd.first().or(policy.session.odd.first()).map_or("", |pointer| &**pointer);
    clause(policy, pointer, format!("`{}` demands something that cannot be read", policy.name), POLICIES)
}

pub(super) fn frequency(policy: &Policy) -> Clause {
    let says = format!("`{}` asks for a fresh authentication, and the last one is older", policy.name);
    let source = "Conditional Access adaptive session lifetime policies";
    clause(policy, "/sessionControls/signInFrequency", says, source)
}

pub(super) fn token_protection(policy: &Policy) -> Clause {
    let says = format!("`{}` takes only sign-in tokens that are bound to their device", policy.name);
    let source = "Token Protection in Microsoft Entra Conditional Access";
    clause(policy, "/sessionControls/secureSignInSession", says, source)
}

pub(super) fn unmet(policy: &Policy, control: &Control, facts: &Facts) -> Clause {
    let name = &policy.name;
    let legacy = facts.is_legacy_client::<Kleene>() == Kleene::True;
    let (says, source) = match &control.kind {
        ControlKind::Block => (format!("`{name}` blocks this sign-in"), GRANT),
        _ if legacy => (
            format!("`{name}` requires {}, and a legacy client can give none", control.word),
            "Conditional Access: Conditions",
        ),
        ControlKind::Mfa => (format!("`{name}` requires multifactor authentication, which the session lacks"), GRANT),
        ControlKind::Strength(strength) => (
            format!("`{name}` requires the authentication strength {}, which the session lacks", strength.id),
            "Conditional Access authentication strengths",
        ),
        ControlKind::CompliantDevice => {
            (format!("`{name}` requires a compliant device, which this sign-in does not come from"), GRANT)
        }
        ControlKind::DomainJoinedDevice => {
            (format!("`{name}` requires a hybrid joined device, which this sign-in does not come from"), GRANT)
        }
        ControlKind::ApprovedApplication => (format!("`{name}` requires an approved client app"), GRANT),
        ControlKind::CompliantApplication => (format!("`{name}` requires an app protection policy"), GRANT),
        ControlKind::PasswordChange => (format!("`{name}` requires a password change"), GRANT),
        ControlKind::RiskRemediation => (format!("`{name}` requires the risk to be remediated"), GRANT),
        ControlKind::TermsOfUse(id) => (format!("`{name}` requires the terms of use {id} to be accepted"), GRANT),
        ControlKind::Custom => (format!("`{name}` requires an external provider's answer"), GRANT),
        ControlKind::Odd => (format!("`{name}` requires `{}`, which is not known here", control.word), GRANT),
    };
    clause(policy, &control.pointer, says, source)
}

pub(super) fn built_in(gate: BuiltIn) -> Clause {
    let (says, source) = match gate {
        BuiltIn::LegacyAuthentication => {
            ("security defaults block legacy authentication", "Security defaults in Microsoft Entra ID")
        }
        BuiltIn::DefaultMfa => {
            ("security defaults ask for multifactor authentication", "Security defaults in Microsoft Entra ID")
        }
        BuiltIn::MandatoryMfa => (
            "Microsoft requires multifactor authentication at the admin portals",
            "Planning for mandatory multifactor authentication for Azure and other admin portals",
        ),
    };
    Clause {
        document: gate.document().to_owned(),
        pointer: String::new(),
        says: says.to_owned(),
        source: source.to_owned(),
    }
}

/// The first condition that keeps a policy from applying.
pub(super) fn out_of_scope(policy: &Policy, facts: &Facts) -> Option<Clause> {
    let reason = policy.reasons(facts).first().copied()?;
    let (pointer, what, source) = match reason {
        "users" => {
            ("/conditions/users", "the user", "Conditional Access: Users, groups, agents, and workload identities")
        }
        "workloadIdentities" => {
            ("/conditions/clientApplications", "the workload identity", "Conditional Access for workload identities")
        }
        "application" => ("/conditions/applications", "the resource asked for", "Conditional Access: Target resources"),
        "userActions" => {
            ("/conditions/applications/includeUserActions", "this request", "Conditional Access: Target resources")
        }
        "authenticationContext" => (
            "/conditions/applications/includeAuthenticationContextClassReferences",
            "a request without that context",
            "Conditional Access: Target resources",
        ),
        "location" => ("/conditions/locations", "the location", "Conditional Access: Network assignment"),
        "devices" => ("/conditions/devices/deviceFilter", "the device", "Conditional Access: Filter for devices"),
        "clientApps" => ("/conditions/clientAppTypes", "the client app", "Conditional Access: Conditions"),
        "devicePlatform" => ("/conditions/platforms", "the platform", "Conditional Access: Conditions"),
        "userRisk" => ("/conditions/userRiskLevels", "the user's risk", "Conditional Access: Conditions"),
        "signInRisk" => ("/conditions/signInRiskLevels", "the sign-in's risk", "Conditional Access: Conditions"),
        "servicePrincipalRisk" => (
            "/conditions/servicePrincipalRiskLevels",
            "the service principal's risk",
            "Conditional Access for workload identities",
        ),
        "insiderRisk" => ("/conditions/insiderRiskLevels", "the insider risk", "Conditional Access: Conditions"),
        "authenticationFlow" => {
            ("/conditions/authenticationFlows", "the flow", "Conditional Access: Authentication flows")
        }
        _ => ("/state", "anything in its present state", "What is Conditional Access report-only mode?"),
    };
    Some(clause(policy, pointer, format!("`{}` does not reach {what}", policy.name), source))
}

/// Privileged Identity Management's own demand.
pub(super) fn backup_mfa() -> Clause {
    Clause {
        document: "authenticationContext".to_owned(),
        pointer: String::new(),
        says: "no policy targets the authentication context, so multifactor authentication is required".to_owned(),
        source: "Configure Microsoft Entra role settings in Privileged Identity Management".to_owned(),
    }
}
