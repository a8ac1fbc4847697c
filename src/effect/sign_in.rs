//! Sign-in record + environment → the token request Conditional Access is asked.

use super::principal::{active_directory_roles, principal_of};
use crate::model::request::{Claims, Device, Identity, IdentityKind, SignInRequest, SignInTarget, TargetKind};
use crate::model::{ActorKind, Detail, Environment, Event, Fact, Kind, ObjectId, SignInCategory, SignInDetail, json};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

fn text(fact: &Fact<Arc<str>>) -> Fact<String> {
    fact.as_ref().map(|value| value.to_string())
}

fn texts(fact: &Fact<Vec<Arc<str>>>) -> Fact<Vec<String>> {
    fact.as_ref().map(|values| values.iter().map(|value| value.to_string()).collect())
}

/// The token request behind a sign-in event; none where the record names nobody.
pub fn sign_in_request(env: &Environment, event: &Event) -> Option<SignInRequest> {
    let Detail::SignIn(detail) = &event.detail else { return None };
    let id = principal_of(env, &event.actor)?;
    Some(sign_in_request_of(env, event, detail, id))
}

pub fn sign_in_request_of(env: &Environment, event: &Event, detail: &SignInDetail, id: ObjectId) -> SignInRequest {
    let kind = match (event.actor.kind, detail.category) {
        (ActorKind::ManagedIdentity, _) | (_, SignInCategory::ManagedIdentity) => IdentityKind::ManagedIdentity,
        (ActorKind::ServicePrincipal, _)
        | (_, SignInCategory::ServicePrincipal | SignInCategory::MicrosoftServicePrincipal) => {
            IdentityKind::ServicePrincipal
        }
        (
            ActorKind::User | ActorKind::Credential | ActorKind::Unknown,
            SignInCategory::Interactive | SignInCategory::NonInteractive | SignInCategory::Adfs,
        ) => IdentityKind::User,
    };
    let list = |fact: Fact<BTreeSet<ObjectId>>| fact.map(|ids| ids.into_iter().collect::<Vec<_>>());
    let private = event.source_ip.known().is_some_and(|ip| is_private(*ip));
    // Contracts: a private address in a sign-in record means that the address Entra saw is not in evidence.
    let ip_address = match (&event.source_ip, private) {
        (_, true) | (Fact::Unknown, _) => Fact::Unknown,
        (Fact::Absent, _) => Fact::Absent,
        (Fact::Known(ip), false) => Fact::Known(ip.to_string()),
    };
    let country = if private { Fact::Unknown } else { event.country.clone() };
    SignInRequest {
        identity: Identity {
            external_user_type: external_user_type(env, detail, &id),
            home_tenant_id: text(&detail.home_tenant),
            transitive_group_ids: list(env.transitive_groups(&id)),
            directory_role_template_ids: list(active_directory_roles(env, &id)),
            single_tenant_in_this_tenant: single_tenant(env, &id),
            is_mfa_registered: registered(env, &id),
            kind,
            id,
        },
        target: SignInTarget {
            kind: TargetKind::Application,
            client_app_id: text(&detail.app_id),
            client_kind: Fact::Unknown,
            resource_app_id: text(&detail.resource_id),
            scopes: texts(&detail.scopes),
            conditional_access_audiences: texts(&detail.audiences),
            owned_by_microsoft: Fact::Unknown,
            authentication_contexts: texts(&detail.authentication_contexts),
            user_action: Fact::Unknown,
            authorization: Fact::Unknown,
        },
        client_app_type: text(&detail.client_app_type),
        device_platform: text(&detail.platform),
        ip_address,
        country,
        gps_country: Fact::Unknown,
        sign_in_risk_level: text(&detail.sign_in_risk),
        user_risk_level: text(&detail.user_risk),
        service_principal_risk_level: Fact::Unknown,
        insider_risk_level: Fact::Unknown,
        transfer_method: text(&detail.transfer_method),
        original_transfer_method: text(&detail.original_transfer_method),
        compliant_network: Fact::Unknown,
        device: match &detail.device {
            Fact::Unknown => Fact::Unknown,
            Fact::Absent => Fact::Absent,
            Fact::Known(Value::Object(device)) => Fact::Known(presented(device.clone())),
            Fact::Known(_) => Fact::Unknown,
        },
        claims: Fact::Known(Claims {
            mfa: detail.mfa.clone(),
            methods: texts(&detail.methods),
            // Credentials given in this very request.
            last_authentication_age_minutes: match detail.previously_satisfied {
                Fact::Known(false) => Fact::Known(0.0),
                Fact::Known(true) | Fact::Absent | Fact::Unknown => Fact::Unknown,
            },
            ..Claims::default()
        }),
    }
}

/// A private window does not present the device: a record that names it came from no such window.
/// Source: *Conditional Access: Conditions* (device state is not passed in private mode).
fn presented(mut device: Device) -> Device {
    let named = device.get("deviceId").and_then(Value::as_str).is_some_and(|id| !id.is_empty());
    if named && !device.contains_key("inPrivate") {
        device.insert("inPrivate".to_owned(), Value::Bool(false));
    }
    device
}

/// RFC 1918, carrier-grade NAT, loopback, link-local, unique local. Documentation ranges count as public (contracts).
pub(super) fn is_private(ip: std::net::IpAddr) -> bool {
    match ip {
        std::net::IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || (a == 100 && (64..128).contains(&b))
        }
        std::net::IpAddr::V6(v6) => {
            let first = v6.segments()[0];
            v6.is_loopback() || (first & 0xfe00) == 0xfc00 || (first & 0xffc0) == 0xfe80
        }
    }
}

/// One `guestOrExternalUserTypes` value, or absent for an internal member. Source: *Authentication and Conditional
/// Access for External ID*.
fn external_user_type(env: &Environment, detail: &SignInDetail, id: &ObjectId) -> Fact<String> {
    let user = env.get(Kind::Users, id.as_str());
    let user_type = detail
        .user_type
        .known()
        .map(|t| t.to_string())
        .or_else(|| user.and_then(|d| json::text(&d.body, "userType")).map(str::to_owned));
    let external_name =
        user.and_then(|d| json::text(&d.body, "userPrincipalName")).map(|upn| upn.to_uppercase().contains("#EXT#"));
    let at_home = match (detail.home_tenant.known(), detail.resource_tenant.known()) {
        (Some(home), Some(here)) => Some(home.eq_ignore_ascii_case(here)),
        _ => external_name.map(|external| !external),
    };
    let Some(user_type) = user_type else { return Fact::Unknown };
    match (user_type.eq_ignore_ascii_case("guest"), at_home) {
        (false, Some(true)) => Fact::Absent,
        (true, Some(true)) => Fact::Known("internalGuest".to_owned()),
        (true, Some(false)) => Fact::Known("b2bCollaborationGuest".to_owned()),
        (false, Some(false)) => Fact::Known("b2bCollaborationMember".to_owned()),
        (_, None) => Fact::Unknown,
    }
}

fn registered(env: &Environment, id: &ObjectId) -> Fact<bool> {
    env.get(Kind::RegistrationDetails, id.as_str())
        .and_then(|d| json::get(&d.body, "isMfaRegistered"))
        .and_then(Value::as_bool)
        .into()
}

/// A service principal of a single-tenant application registered here.
pub fn single_tenant(env: &Environment, id: &ObjectId) -> Fact<bool> {
    let Some(document) = env.get(Kind::ServicePrincipals, id.as_str()) else { return Fact::Unknown };
    let Some(app_id) = json::text(&document.body, "appId") else { return Fact::Unknown };
    let registered = env.keys_with(Kind::Applications, "appId", app_id);
    let registration = registered.first().and_then(|key| env.get(Kind::Applications, key));
    match registration.and_then(|d| json::text(&d.body, "signInAudience")) {
        Some(audience) => Fact::Known(audience.eq_ignore_ascii_case("AzureADMyOrg")),
        None => Fact::Unknown,
    }
}
