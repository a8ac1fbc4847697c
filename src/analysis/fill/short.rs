//! A path in one line: what the attacker would do that they did not do.

use crate::cuts::latent::{Node, Path};

/// What an operation of the rules comes to, in words.
const WORDS: &[(&str, &str)] = &[
    ("Microsoft.Authorization/locks/delete", "deletes the lock"),
    ("Microsoft.Authorization/policyAssignments/delete", "deletes the policy assignment"),
    ("Microsoft.Authorization/policyAssignments/write", "stops the policy assignment being enforced"),
    ("Microsoft.Authorization/policyExemptions/write", "writes an exemption from the policy"),
    ("Microsoft.Authorization/roleManagementPolicies/write", "takes the rules out of the activation"),
    ("Microsoft.Authorization/roleEligibilityScheduleRequests/write", "becomes eligible"),
    ("Microsoft.Authorization/roleDefinitions/write", "widens a custom role"),
    ("Microsoft.Authorization/elevateAccess/action", "elevates access"),
    ("Microsoft.Storage/storageAccounts/listKeys/action", "lists the keys"),
    ("Microsoft.Storage/storageAccounts/regenerateKey/action", "renews a key"),
    ("Microsoft.Storage/storageAccounts/listAccountSas/action", "has an account SAS made"),
    ("Microsoft.Storage/storageAccounts/listServiceSas/action", "has a service SAS made"),
    ("Microsoft.KeyVault/vaults/deploy/action", "deploys from the vault"),
    ("Microsoft.KeyVault/vaults/write", "opens the vault"),
    ("Microsoft.KeyVault/vaults/accessPolicies/write", "writes an access policy"),
    ("Microsoft.Compute/disks/beginGetAccess/action", "exports the disk"),
    ("Microsoft.Compute/snapshots/beginGetAccess/action", "exports the snapshot"),
    ("Microsoft.Compute/snapshots/write", "copies the disk"),
    ("managed identity token", "takes the token of its identity"),
    ("GetBlob", "reads"),
    ("GetFile", "reads"),
    ("QueryEntities", "reads"),
    ("PeekMessages", "reads"),
    ("SecretGet", "reads the secrets"),
];

pub fn short(path: &Path) -> String {
    let mut parts: Vec<(String, usize)> = Vec::new();
    for node in path.nodes.iter().filter(|n| n.step.is_none() && n.action != "SignIn") {
        let part = part(node);
        match parts.last_mut() {
            Some((last, times)) if *last == part => *times += 1,
            Some(_) | None => parts.push((part, 1)),
        }
    }
    if parts.is_empty() {
        return "as observed".to_owned();
    }
    let said: Vec<String> = parts
        .into_iter()
        .map(|(part, times)| match (part.strip_prefix("deletes the "), times) {
            (_, 1) => part,
            (Some(what), n) => format!("deletes {n} {what}s"),
            (None, n) => format!("{part} ({n} times)"),
        })
        .collect();
    // A way that had been shut by the end of the window.
    let until = path.until.map(|until| format!(" (until {})", until.strftime("%Y-%m-%d %H:%M"))).unwrap_or_default();
    format!("attacker {}{until}", said.join(", then "))
}

fn part(node: &Node) -> String {
    let last = node.to.rsplit('/').next().unwrap_or(&node.to);
    if let Some(role) = node.why.strip_prefix("grant ").and_then(|w| w.split(", by").next()) {
        return format!("grants {}", role.trim_start_matches("Storage "));
    }
    match node.action.as_str() {
        "Microsoft.Authorization/roleAssignments/write" => "grants a role".to_owned(),
        "Microsoft.Authorization/roleAssignmentScheduleRequests/write" => "activates a role".to_owned(),
        "Microsoft.Web/sites/publishxml/action" => format!("gets the publishing profile of {last}"),
        "Microsoft.Web/sites/config/list/action" => format!("reads the settings of {last}"),
        "Microsoft.Storage/storageAccounts/write" => format!("opens {last} again"),
        "Microsoft.Storage/storageAccounts/blobServices/containers/write" => format!("makes {last} public"),
        action => match WORDS.iter().find(|(of, _)| *of == action) {
            Some((_, words)) => (*words).to_owned(),
            None => action.rsplit('/').take(2).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("/"),
        },
    }
}
