//! What a successful operation hands to whoever made it, with its life span.

use super::audience::Audience;
use super::principal::principal_of;
use crate::model::{Detail, Environment, Event, ObjectId, ResourceId, Timestamp, json};
use jiff::Span;
use std::fmt;

/// Something the attacker holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// An access token (and the session behind it) of a principal for an audience.
    Session { principal: ObjectId, audience: Audience },
    /// An account key.
    StorageKey { account: ResourceId },
    /// A shared access signature on an account, disk or snapshot.
    Sas { resource: ResourceId },
    /// A key that signs user delegation SAS in the name of the principal who asked for it.
    DelegationKey { principal: ObjectId, account: ResourceId },
    /// Code on a resource, hence tokens of its identities.
    Execution { resource: ResourceId },
    /// A credential of a principal (secret, certificate, password).
    Credential { principal: ObjectId },
    /// Content of a vault, or another resource's keys.
    Secret { resource: ResourceId },
    /// A role at a scope for a principal, made by the attack.
    AzureRole { principal: ObjectId, role: String, scope: ResourceId },
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Capability::Session { principal, audience } => write!(f, "session({principal}, {})", audience.name()),
            Capability::StorageKey { account } => write!(f, "storageAccountKey({})", account.name()),
            Capability::Sas { resource } => write!(f, "sas({})", resource.name()),
            Capability::DelegationKey { principal, account } => {
                write!(f, "delegationKey({}, {principal})", account.name())
            }
            Capability::Execution { resource } => write!(f, "execution({})", resource.name()),
            Capability::Credential { principal } => write!(f, "credential({principal})"),
            Capability::Secret { resource } => write!(f, "secret({})", resource.name()),
            Capability::AzureRole { principal, role, scope } => write!(f, "role({role}, {scope}, {principal})"),
        }
    }
}

/// Life span: usable from, until (none: until something ends it, such as a rotation).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Yielded {
    pub capability: Capability,
    pub from: Timestamp,
    pub until: Option<Timestamp>,
}

/// Access tokens last about an hour (*Configurable token lifetimes in the Microsoft identity platform*); the session
/// behind an interactive sign-in goes on by refresh, so its yield has no end of its own.
fn session_end(event: &Event) -> Option<Timestamp> {
    match &event.detail {
        Detail::SignIn(detail) => match detail.category {
            crate::model::SignInCategory::ManagedIdentity
            | crate::model::SignInCategory::ServicePrincipal
            | crate::model::SignInCategory::MicrosoftServicePrincipal => {
                event.time.checked_add(Span::new().hours(24)).ok()
            }
            crate::model::SignInCategory::Interactive
            | crate::model::SignInCategory::NonInteractive
            | crate::model::SignInCategory::Adfs => None,
        },
        Detail::Arm(_) | Detail::Data(_) | Detail::Directory(_) | Detail::Alert(_) | Detail::Context(_) => None,
    }
}

/// What the event yields, were it to succeed.
pub fn yields(env: &Environment, event: &Event) -> Vec<Yielded> {
    let mut found = Vec::new();
    let mut push = |capability: Capability, until: Option<Timestamp>| {
        found.push(Yielded { capability, from: event.time, until });
    };
    match &event.detail {
        Detail::SignIn(detail) => {
            if let (Some(principal), Some(resource)) =
                (principal_of(env, &event.actor), detail.resource_id.known().or(detail.app_id.known()))
            {
                let audience = Audience::of_application(resource);
                push(Capability::Session { principal, audience }, session_end(event));
            }
        }
        Detail::Arm(detail) => {
            let operation = event.action.to_lowercase();
            let resource = detail.resource.clone();
            match operation.as_str() {
                "microsoft.storage/storageaccounts/listkeys/action"
                | "microsoft.storage/storageaccounts/regeneratekey/action" => {
                    push(Capability::StorageKey { account: resource }, None);
                }
                "microsoft.storage/storageaccounts/listaccountsas/action"
                | "microsoft.storage/storageaccounts/listservicesas/action"
                | "microsoft.compute/disks/begingetaccess/action"
                | "microsoft.compute/snapshots/begingetaccess/action" => push(Capability::Sas { resource }, None),
                "microsoft.managedidentity/userassignedidentities/federatedidentitycredentials/write" => {
                    if let Some(principal) = trusting_identity(env, &resource) {
                        push(Capability::Credential { principal }, None);
                    }
                }
                "microsoft.authorization/roleassignments/write" => {
                    if let Some(granted) = super::change::role_grant(event, detail) {
                        push(granted, None);
                    }
                }
                other if other.ends_with("/listkeys/action") || other.ends_with("/publishxml/action") => {
                    push(Capability::Secret { resource }, None);
                }
                other => {
                    if let Some(resource) = super::execution::runs_on(other, &resource) {
                        push(Capability::Execution { resource }, None);
                    }
                }
            }
        }
        Detail::Data(detail) => {
            if event.action.eq_ignore_ascii_case("GetUserDelegationKey")
                && let (Some(principal), Some((account, _))) =
                    (principal_of(env, &event.actor), super::data::account_document(env, detail))
            {
                // A delegation key lives for seven days at most (*Get User Delegation Key*).
                let until = event.time.checked_add(Span::new().hours(7 * 24)).ok();
                push(Capability::DelegationKey { principal, account }, until);
            }
            if event.action.eq_ignore_ascii_case("SecretGet")
                && let Some((id, _)) = super::data::account_document(env, detail)
            {
                push(Capability::Secret { resource: id }, None);
            }
        }
        Detail::Directory(detail) => {
            let operation = event.action.trim();
            const CREDENTIALS: &[&str] = &[
                "Add service principal credentials",
                "Update application – Certificates and secrets management",
                "Add federated identity credential",
                "Reset user password",
                "Reset password (by admin)",
                "Add user",
                "Admin registered temporary access pass method for user",
            ];
            if CREDENTIALS.iter().any(|known| known.eq_ignore_ascii_case(operation)) {
                for target in detail.targets.iter().filter_map(|t| t.id.as_deref()) {
                    push(Capability::Credential { principal: ObjectId::new(target) }, None);
                }
            }
        }
        Detail::Alert(_) | Detail::Context(_) => {}
    }
    found
}

/// The principal of a user-assigned identity that trusts another issuer from now on.
fn trusting_identity(env: &Environment, credential: &ResourceId) -> Option<ObjectId> {
    let identity = env.resource(&credential.parent()?)?;
    json::text(&identity.body, "properties.principalId").map(ObjectId::new)
}
