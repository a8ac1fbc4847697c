//! A token request, as Conditional Access sees it. In JSON: a key that is absent is unknown, `null` is a recorded
//! absence.

use crate::model::{Fact, ObjectId};
use serde::Deserialize;
use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum IdentityKind {
    User,
    ServicePrincipal,
    ManagedIdentity,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    pub kind: IdentityKind,
    pub id: ObjectId,
    /// One `guestOrExternalUserTypes` value; absent: an internal member.
    #[serde(default)]
    pub external_user_type: Fact<String>,
    #[serde(default)]
    pub home_tenant_id: Fact<String>,
    #[serde(default)]
    pub transitive_group_ids: Fact<Vec<ObjectId>>,
    /// Built-in, tenant-wide, *active* roles.
    #[serde(default)]
    pub directory_role_template_ids: Fact<Vec<ObjectId>>,
    #[serde(default)]
    pub single_tenant_in_this_tenant: Fact<bool>,
    /// Graph `userRegistrationDetails.isMfaRegistered` (trap 1 of the semantics: without it an MFA prompt may be
    /// answered by registering a method).
    #[serde(default)]
    pub is_mfa_registered: Fact<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ClientKind {
    Public,
    Confidential,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TargetKind {
    Application,
    UserAction,
    /// No token request at all: a key or a SAS.
    None,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignInTarget {
    pub kind: TargetKind,
    #[serde(default)]
    pub client_app_id: Fact<String>,
    #[serde(default)]
    pub client_kind: Fact<ClientKind>,
    #[serde(default)]
    pub resource_app_id: Fact<String>,
    #[serde(default)]
    pub scopes: Fact<Vec<String>>,
    #[serde(default)]
    pub conditional_access_audiences: Fact<Vec<String>>,
    #[serde(default)]
    pub owned_by_microsoft: Fact<bool>,
    #[serde(default)]
    pub authentication_contexts: Fact<Vec<String>>,
    #[serde(default)]
    pub user_action: Fact<String>,
    /// With `none`: `sharedKey` or `sas`.
    #[serde(default)]
    pub authorization: Fact<String>,
}

/// The device's filter properties by Graph name, plus `isRegistered`, `isManagedByIntune`, `inPrivate`.
pub type Device = serde_json::Map<String, Value>;

/// What the session already carries.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Claims {
    pub mfa: Fact<bool>,
    /// `home` or `resource`.
    pub mfa_performed_in: Fact<String>,
    /// Combinations used.
    pub methods: Fact<Vec<String>>,
    pub terms_of_use_accepted: Fact<Vec<String>>,
    pub password_changed: Fact<bool>,
    pub approved_application: Fact<bool>,
    pub compliant_application: Fact<bool>,
    pub last_authentication_age_minutes: Fact<f64>,
    /// `bound` or `unbound`.
    pub session_binding: Fact<String>,
    /// What a newer vector may carry that this type does not know.
    #[serde(flatten)]
    pub other: serde_json::Map<String, Value>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignInRequest {
    pub identity: Identity,
    pub target: SignInTarget,
    #[serde(default)]
    pub client_app_type: Fact<String>,
    #[serde(default)]
    pub device_platform: Fact<String>,
    #[serde(default)]
    pub ip_address: Fact<String>,
    #[serde(default)]
    pub country: Fact<String>,
    #[serde(default)]
    pub gps_country: Fact<String>,
    #[serde(default)]
    pub sign_in_risk_level: Fact<String>,
    #[serde(default)]
    pub user_risk_level: Fact<String>,
    #[serde(default)]
    pub service_principal_risk_level: Fact<String>,
    #[serde(default)]
    pub insider_risk_level: Fact<String>,
    /// `none`, `deviceCodeFlow`, `authenticationTransfer`.
    #[serde(default)]
    pub transfer_method: Fact<String>,
    #[serde(default)]
    pub original_transfer_method: Fact<String>,
    /// Came through the tenant's Global Secure Access (the *compliant network* location).
    #[serde(default)]
    pub compliant_network: Fact<bool>,
    /// Absent: known not to be registered in Entra.
    #[serde(default)]
    pub device: Fact<Device>,
    #[serde(default)]
    pub claims: Fact<Claims>,
}

impl SignInTarget {
    /// Of which only the kind is known.
    pub fn unknown(kind: TargetKind) -> SignInTarget {
        SignInTarget {
            kind,
            client_app_id: Fact::Unknown,
            client_kind: Fact::Unknown,
            resource_app_id: Fact::Unknown,
            scopes: Fact::Unknown,
            conditional_access_audiences: Fact::Unknown,
            owned_by_microsoft: Fact::Unknown,
            authentication_contexts: Fact::Unknown,
            user_action: Fact::Unknown,
            authorization: Fact::Unknown,
        }
    }
}

impl SignInRequest {
    /// Of which only who and what kind of target are known.
    pub fn unknown(kind: IdentityKind, id: ObjectId, target: TargetKind) -> SignInRequest {
        SignInRequest {
            identity: Identity {
                kind,
                id,
                external_user_type: Fact::Unknown,
                home_tenant_id: Fact::Unknown,
                transitive_group_ids: Fact::Unknown,
                directory_role_template_ids: Fact::Unknown,
                single_tenant_in_this_tenant: Fact::Unknown,
                is_mfa_registered: Fact::Unknown,
            },
            target: SignInTarget::unknown(target),
            client_app_type: Fact::Unknown,
            device_platform: Fact::Unknown,
            ip_address: Fact::Unknown,
            country: Fact::Unknown,
            gps_country: Fact::Unknown,
            sign_in_risk_level: Fact::Unknown,
            user_risk_level: Fact::Unknown,
            service_principal_risk_level: Fact::Unknown,
            insider_risk_level: Fact::Unknown,
            transfer_method: Fact::Unknown,
            original_transfer_method: Fact::Unknown,
            compliant_network: Fact::Unknown,
            device: Fact::Unknown,
            claims: Fact::Unknown,
        }
    }
}

/// Which question the attacker's words answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stance {
    /// The request as it was made: no prompt asks for a managed device, its key, or an allowed address, so an open
    /// word of those changes nothing (`cut`).
    Observed,
    /// Another request by which the same could have been had: the attacker would come with what they hold.
    Hypothetical,
}
