//! Key Vault: two permission models, of which a vault follows exactly one, and the firewall in front of both.
//!
//! Source: *Azure role-based access control (Azure RBAC) vs. access policies (legacy)*, *Assign a Key Vault access
//! policy*, *Prepare for Key Vault API version 2026-02-01 and later: Azure RBAC as default access control* (a vault
//! without the property goes on with access policies), *Configure Azure Key Vault networking settings*.

use super::neighbour::{Condition, judge};
use super::network::{Caller, reaches};
use super::resource::Resource;
use crate::decide::azure_rbac::Outcome;
use crate::model::{Answer, Fact, ObjectId, Truth, json};
use serde_json::Value;

/// A data request to a vault.
#[derive(Clone, Debug)]
pub struct VaultRequest<'a> {
    /// Data action, or the name the audit log gives the operation (`SecretGet`).
    pub operation: &'a str,
    pub principal: &'a ObjectId,
    pub groups: &'a Fact<Vec<ObjectId>>,
    /// Application through which a user acts, for policies on both.
    pub application: Fact<&'a str>,
    pub caller: &'a Caller,
    /// What the RBAC gate says of the data action.
    pub rbac: Option<Outcome>,
}

const MODEL: &str = "properties.enableRbacAuthorization";
const POLICIES: &str = "properties.accessPolicies";

pub fn answer(vault: &Value, request: &VaultRequest, unknown_paths: &[String]) -> Answer {
    let vault = Resource::new(vault, unknown_paths);
    let (network, path) = reaches(&vault, request.caller, "properties.networkAcls");
    let networking = "Configure Azure Key Vault networking settings";
    let by_role = match request.rbac {
        Some(Outcome::Allowed) => Truth::True,
        Some(Outcome::Denied) => Truth::False,
        Some(Outcome::Unknown) | None => Truth::missing("rbac"),
    };
    let models = "Azure role-based access control (Azure RBAC) vs. access policies (legacy)";
    let roles = |truth| Condition {
        reason: "rbac",
        truth,
        clause: vault.clause(MODEL, "`true`: data actions of roles alone count", models),
    };
    let policies = |truth| Condition {
        reason: "accessPolicy",
        truth,
        clause: vault.clause(POLICIES, "access policies alone count, data roles do not", models),
    };
    let authorization = match vault.switch(MODEL) {
        Fact::Known(true) => roles(by_role),
        // Null in older API versions: access policies (documented).
        Fact::Known(false) | Fact::Absent => policies(by_policy(&vault, request)),
        Fact::Unknown => match (by_role, by_policy(&vault, request)) {
            (Truth::False, Truth::False) => roles(Truth::False),
            (Truth::True, Truth::True) => roles(Truth::True),
            (_, _) => roles(Truth::missing(MODEL)),
        },
    };
    let clause = vault.clause(&path, "the network rules decide who reaches the vault", networking);
    judge(vec![Condition { reason: "network", truth: network, clause }, authorization])
}

/// Whether a template deployment gets secrets of the vault: it has to be enabled for that, and the deployment service is
/// let in as a trusted one. Source: *Use Azure Key Vault to pass secure parameter value during deployment*.
pub fn serves_templates(vault: &Value, unknown_paths: &[String]) -> Answer {
    const ENABLED: &str = "properties.enabledForTemplateDeployment";
    const BYPASS: &str = "properties.networkAcls.bypass";
    let vault = Resource::new(vault, unknown_paths);
    let source = "Use Azure Key Vault to pass secure parameter value during deployment";
    // Absent: the documented default is `AzureServices`.
    let trusted = match vault.word(BYPASS) {
        Fact::Known(word) => Truth::from(word != "none"),
        Fact::Absent => Truth::True,
        Fact::Unknown => Truth::missing(BYPASS),
    };
    judge(vec![
        Condition {
            reason: "templateDeployment",
            // Absent: off, as the resource reference says.
            truth: vault.unless(ENABLED, false, Truth::False),
            clause: vault.clause(ENABLED, "`true` lets deployments read secrets", source),
        },
        Condition {
            reason: "network",
            truth: trusted,
            clause: vault.clause(BYPASS, "`None` keeps trusted services out", source),
        },
    ])
}

fn by_policy(vault: &Resource, request: &VaultRequest) -> Truth {
    let Fact::Known(policies) = vault.list(POLICIES) else { return Truth::missing(POLICIES) };
    let Some((kind, permission)) = permission(request.operation) else { return Truth::missing("request.operation") };
    policies.iter().fold(Truth::False, |truth, policy| {
        let listed = json::path(policy, &format!("permissions.{kind}")).and_then(Value::as_array);
        let grants = listed
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .any(|word| word.eq_ignore_ascii_case(permission) || word.eq_ignore_ascii_case("all"));
        if !grants {
            return truth;
        }
        let holder = json::text(policy, "objectId").map(ObjectId::new);
        let theirs = match (&holder, request.groups) {
            (Some(holder), _) if holder == request.principal => Truth::True,
            (Some(holder), Fact::Known(groups)) => groups.contains(holder).into(),
            (Some(_), Fact::Absent) => Truth::False,
            (Some(_), Fact::Unknown) => Truth::missing("request.transitiveGroupIds"),
            (None, _) => Truth::missing(POLICIES),
        };
        // A policy on a user *and* an application holds only for the two together.
        let through = match (json::text(policy, "applicationId"), request.application.as_ref()) {
            (None, _) => Truth::True,
            (Some(wanted), Fact::Known(used)) => wanted.eq_ignore_ascii_case(used).into(),
            (Some(_), Fact::Absent) => Truth::False,
            (Some(_), Fact::Unknown) => Truth::missing("request.applicationId"),
        };
        truth.or(theirs.and(through))
    })
}

/// Which list of an access policy, and which word in it, an operation needs. The private part of a certificate comes
/// out as a secret.
fn permission(operation: &str) -> Option<(&'static str, &'static str)> {
    const ROWS: &[(&str, &str, &str, &str)] = &[
        ("SecretGet", "secrets/getSecret/action", "secrets", "get"),
        ("SecretList", "secrets/readMetadata/action", "secrets", "list"),
        ("SecretListVersions", "", "secrets", "list"),
        ("SecretSet", "secrets/setSecret/action", "secrets", "set"),
        ("SecretDelete", "secrets/delete", "secrets", "delete"),
        ("SecretBackup", "secrets/backup/action", "secrets", "backup"),
        ("SecretRestore", "secrets/restore/action", "secrets", "restore"),
        ("SecretRecover", "secrets/recover/action", "secrets", "recover"),
        ("SecretPurge", "secrets/purge/action", "secrets", "purge"),
        ("KeyGet", "keys/read", "keys", "get"),
        ("KeyList", "", "keys", "list"),
        ("KeyListVersions", "", "keys", "list"),
        ("KeyCreate", "keys/create/action", "keys", "create"),
        ("KeyImport", "keys/import/action", "keys", "import"),
        ("KeyUpdate", "keys/update/action", "keys", "update"),
        ("KeyDelete", "keys/delete", "keys", "delete"),
        ("KeyBackup", "keys/backup/action", "keys", "backup"),
        ("KeyRestore", "keys/restore/action", "keys", "restore"),
        ("KeyRecover", "keys/recover/action", "keys", "recover"),
        ("KeyPurge", "keys/purge/action", "keys", "purge"),
        ("KeyDecrypt", "keys/decrypt/action", "keys", "decrypt"),
        ("KeyEncrypt", "keys/encrypt/action", "keys", "encrypt"),
        ("KeyUnwrap", "keys/unwrap/action", "keys", "unwrapKey"),
        ("KeyWrap", "keys/wrap/action", "keys", "wrapKey"),
        ("KeySign", "keys/sign/action", "keys", "sign"),
        ("KeyVerify", "keys/verify/action", "keys", "verify"),
        ("KeyRotate", "keys/rotate/action", "keys", "rotate"),
        ("KeyRelease", "keys/release/action", "keys", "release"),
        ("CertificateGet", "certificates/read", "certificates", "get"),
        ("CertificateList", "", "certificates", "list"),
        ("CertificateCreate", "certificates/create/action", "certificates", "create"),
        ("CertificateImport", "certificates/import/action", "certificates", "import"),
        ("CertificateDelete", "certificates/delete", "certificates", "delete"),
        ("CertificateBackup", "certificates/backup/action", "certificates", "backup"),
        ("CertificateRestore", "certificates/restore/action", "certificates", "restore"),
        ("CertificateRecover", "certificates/recover/action", "certificates", "recover"),
        ("CertificatePurge", "certificates/purge/action", "certificates", "purge"),
    ];
    let action = operation.to_lowercase();
    let action = action.strip_prefix("microsoft.keyvault/vaults/");
    ROWS.iter()
        .find(|(name, data_action, _, _)| match action {
            Some(action) => data_action.eq_ignore_ascii_case(action),
            None => name.eq_ignore_ascii_case(operation),
        })
        .map(|(_, _, kind, word)| (*kind, *word))
}
