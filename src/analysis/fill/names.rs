//! Names for print: principals, scopes, what a step did in a few words.

use super::Filling;
use crate::correlate::Step;
use crate::effect::Audience;
use crate::model::{Detail, Environment, Event, ObjectId};

pub fn principal(filling: &Filling<'_>, id: &ObjectId) -> String {
    crate::replay::principal_name(filling.engine, id)
}

/// Name of an Azure role definition by GUID.
pub fn azure_role(env: &Environment, guid: &str) -> String {
    crate::replay::azure_role_name(env, guid).unwrap_or_else(|| guid.rsplit('/').next().unwrap_or(guid).to_owned())
}

pub use crate::replay::scope_name as scope;

/// `sign-in ARM`, `grant Contributor`, `create VM`, `listKeys`, `GetBlob x847`.
pub fn short(filling: &Filling<'_>, step: &Step, event: &Event) -> String {
    let env = &filling.engine.world.env;
    match &event.detail {
        Detail::SignIn(detail) => {
            let audience = detail.resource_id.known().map(|id| Audience::of_application(id));
            let to = match &audience {
                Some(Audience::ResourceManager) => "ARM".to_owned(),
                Some(Audience::Storage) => "Storage".to_owned(),
                Some(Audience::KeyVault) => "Key Vault".to_owned(),
                Some(Audience::Graph) => "Graph".to_owned(),
                Some(Audience::Other(_)) | None => step.target.to_string(),
            };
            format!("sign-in {to}")
        }
        Detail::Arm(_) => {
            let granted = crate::effect::yields(env, event).into_iter().find_map(|y| match y.capability {
                crate::effect::Capability::AzureRole { role, .. } => Some(azure_role(env, &role)),
                _ => None,
            });
            if let Some(role) = granted {
                return format!("grant {role}");
            }
            arm_short(&step.action)
        }
        Detail::Data(_) => {
            if step.count > 1 {
                format!("{} x{}", step.action, step.count)
            } else {
                step.action.to_string()
            }
        }
        Detail::Directory(_) | Detail::Alert(_) | Detail::Context(_) => step.action.to_string(),
    }
}

fn arm_short(operation: &str) -> String {
    let (kind, verb) = operation.rsplit_once('/').unwrap_or((operation, ""));
    let last = kind.rsplit('/').next().unwrap_or(kind);
    let thing = match kind.to_lowercase().as_str() {
        "microsoft.compute/virtualmachines" => "VM",
        "microsoft.network/publicipaddresses" => "public IP",
        "microsoft.network/networksecuritygroups" => "NSG",
        "microsoft.network/networksecuritygroups/securityrules" => "NSG rule",
        "microsoft.storage/storageaccounts" => "storage account",
        "microsoft.keyvault/vaults" => "vault",
        "microsoft.authorization/locks" => "lock",
        "microsoft.authorization/policyassignments" => "policy assignment",
        "microsoft.authorization/policyexemptions" => "policy exemption",
        "microsoft.authorization/roleassignments" => "role assignment",
        "microsoft.resources/subscriptions/resourcegroups" => "resource group",
        _ => "",
    };
    match (verb.to_lowercase().as_str(), thing) {
        ("action", _) => match last.to_lowercase().as_str() {
            "listkeys" => "listKeys".to_owned(),
            "runcommand" => "run command".to_owned(),
            "regeneratekey" => "regenerateKey".to_owned(),
            "elevateaccess" => "elevate access".to_owned(),
            "begingetaccess" => "get disk SAS".to_owned(),
            "endgetaccess" => "revoke disk SAS".to_owned(),
            "publishxml" => "get publishing profile".to_owned(),
            "list" => format!("list {}", kind.rsplit('/').nth(1).unwrap_or_default()).trim_end().to_owned(),
            _ => last.to_owned(),
        },
        ("write", "NSG rule") => "open NSG".to_owned(),
        ("write", "") => format!("write {last}"),
        ("write", thing) => format!("create {thing}"),
        ("delete", "") => format!("delete {last}"),
        ("delete", thing) => format!("delete {thing}"),
        _ => last.to_owned(),
    }
}

/// ATT&CK tactic and techniques of a step. Technique ids follow the capability rows; the mapping is ours.
pub fn technique(step: &Step, event: &Event) -> (&'static str, Vec<&'static str>) {
    match &event.detail {
        Detail::SignIn(_) => ("Initial Access", vec!["T1078.004"]),
        Detail::Data(_) => match step.action.as_ref() {
            "ListBlobs" | "ListContainers" | "SecretList" | "KeyList" => ("Discovery", vec!["T1619"]),
            "DeleteBlob" => ("Impact", vec!["T1485"]),
            "PutBlob" => ("Impact", vec!["T1565.001"]),
            "SecretGet" | "KeyGet" => ("Credential Access", vec!["T1555.006"]),
            _ => ("Collection", vec!["T1530"]),
        },
        Detail::Arm(_) => ARM
            .iter()
            .find(|(operation, _, _)| operation.eq_ignore_ascii_case(&step.action))
            .map_or(("", Vec::new()), |(_, tactic, techniques)| (*tactic, techniques.to_vec())),
        Detail::Directory(_) => DIRECTORY
            .iter()
            .find(|(operation, _, _)| operation.eq_ignore_ascii_case(step.action.trim()))
            .map_or(("Persistence", Vec::new()), |(_, tactic, techniques)| (*tactic, techniques.to_vec())),
        Detail::Alert(_) | Detail::Context(_) => ("", Vec::new()),
    }
}

type Row = (&'static str, &'static str, &'static [&'static str]);

const ARM: &[Row] = &[
    ("Microsoft.Authorization/roleAssignments/write", "Privilege Escalation", &["T1098.003"]),
    ("Microsoft.Authorization/roleAssignments/delete", "Impact", &["T1531"]),
    ("Microsoft.Authorization/elevateAccess/action", "Privilege Escalation", &["T1098.003", "T1548.005"]),
    ("Microsoft.Authorization/policyAssignments/delete", "Defense Evasion", &["T1562.001"]),
    ("Microsoft.Authorization/policyExemptions/write", "Defense Evasion", &["T1562.001"]),
    ("Microsoft.Authorization/locks/delete", "Defense Evasion", &["T1562.001"]),
    ("Microsoft.Compute/virtualMachines/write", "Impact", &["T1496"]),
    ("Microsoft.Compute/virtualMachines/runCommand/action", "Execution", &["T1651"]),
    ("Microsoft.Compute/virtualMachines/extensions/write", "Execution", &["T1651"]),
    ("Microsoft.Compute/disks/beginGetAccess/action", "Exfiltration", &["T1537"]),
    ("Microsoft.Compute/snapshots/write", "Defense Evasion", &["T1578.001"]),
    ("Microsoft.Network/publicIPAddresses/write", "Defense Evasion", &["T1578"]),
    ("Microsoft.Network/networkSecurityGroups/write", "Defense Evasion", &["T1562.007"]),
    ("Microsoft.Network/networkSecurityGroups/securityRules/write", "Defense Evasion", &["T1562.007"]),
    ("Microsoft.Storage/storageAccounts/listKeys/action", "Credential Access", &["T1552"]),
    ("Microsoft.Storage/storageAccounts/regenerateKey/action", "Persistence", &["T1098"]),
    ("Microsoft.Storage/storageAccounts/write", "Defense Evasion", &["T1562.007"]),
    ("Microsoft.KeyVault/vaults/write", "Defense Evasion", &["T1562.007"]),
    ("Microsoft.KeyVault/vaults/accessPolicies/write", "Credential Access", &["T1555.006"]),
    ("Microsoft.Insights/diagnosticSettings/delete", "Defense Evasion", &["T1562.008"]),
    ("Microsoft.Resources/subscriptions/resourceGroups/delete", "Impact", &["T1485"]),
    ("Microsoft.Resources/deployments/write", "Defense Evasion", &["T1578"]),
];

const DIRECTORY: &[Row] = &[
    ("Add service principal credentials", "Persistence", &["T1098.001"]),
    ("Update application – Certificates and secrets management", "Persistence", &["T1098.001"]),
    ("Add federated identity credential", "Persistence", &["T1098.001"]),
    ("Add owner to application", "Persistence", &["T1098"]),
    ("Add owner to service principal", "Persistence", &["T1098"]),
    ("Add app role assignment to service principal", "Privilege Escalation", &["T1098.003"]),
    ("Consent to application", "Credential Access", &["T1528"]),
    ("Add member to role", "Privilege Escalation", &["T1098.003"]),
    ("Add member to group", "Persistence", &["T1098.007"]),
    ("Reset user password", "Persistence", &["T1098"]),
    ("User registered security info", "Persistence", &["T1098.005"]),
    ("Update conditional access policy", "Defense Evasion", &["T1556.009"]),
    ("Delete conditional access policy", "Defense Evasion", &["T1556.009"]),
    ("Update named location", "Defense Evasion", &["T1556.009"]),
    ("Set domain authentication", "Defense Evasion", &["T1484.002"]),
    ("Invite external user", "Persistence", &["T1136.003"]),
    ("Add user", "Persistence", &["T1136.003"]),
    ("Register device", "Persistence", &["T1098.005"]),
];
