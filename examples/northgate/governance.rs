//! Azure Policy and Defender for Cloud. Locks, deny assignments and exemptions there are none: `incident.json` says that
//! they were collected, since an empty export cannot be told from a missing one.

use super::estate::*;
use serde_json::{Value, json};

pub fn files() -> Vec<(&'static str, Value)> {
    vec![
        ("azure/policy-definitions.json", json!({ "value": [allowed_locations()] })),
        ("azure/policy-assignments.json", json!({ "value": [allowed_locations_assignment()] })),
        ("azure/assessments.json", json!({ "value": assessments() })),
        ("azure/pricings.json", json!({ "value": pricings() })),
    ]
}

fn definition_id() -> String {
    "/providers/Microsoft.Management/managementGroups/mg-northgate/providers/Microsoft.Authorization/policyDefinitions/ng-allowed-locations".to_owned()
}

fn allowed_locations() -> Value {
    json!({ "id": definition_id(), "name": "ng-allowed-locations", "type": "Microsoft.Authorization/policyDefinitions",
        "properties": { "displayName": "Northgate: where resources may stand", "policyType": "Custom",
            "mode": "Indexed", "description": "Resources stand in the regions the board agreed to.",
            "metadata": { "category": "General", "version": "1.1.0", "createdOn": "2024-09-02T09:12:00Z" },
            "parameters": {
                "allowedLocations": { "type": "Array", "metadata": { "displayName": "Regions", "strongType": "location" } },
                "effect": { "type": "String", "defaultValue": "Audit", "allowedValues": ["Audit", "Deny", "Disabled"] } },
            "policyRule": {
                "if": { "allOf": [
                    { "field": "location", "notIn": "[parameters('allowedLocations')]" },
                    { "field": "location", "notEquals": "global" } ] },
                "then": { "effect": "[parameters('effect')]" } } } })
}

fn allowed_locations_assignment() -> Value {
    json!({ "id": format!("{}/providers/Microsoft.Authorization/policyAssignments/allowed-locations", sub()),
        "name": "allowed-locations", "type": "Microsoft.Authorization/policyAssignments",
        "properties": { "displayName": "Allowed locations", "description": "On trial since the landing zone review.",
            "policyDefinitionId": definition_id(), "scope": sub(), "notScopes": [], "enforcementMode": "DoNotEnforce",
            "metadata": { "createdOn": "2024-09-02T09:20:00Z", "createdBy": of("nadia.okafor").id() },
            "parameters": { "allowedLocations": { "value": ["uksouth", "westeurope"] },
                "effect": { "value": "Audit" } } } })
}

fn assessments() -> Vec<Value> {
    // Key, title, severity, on what, unhealthy since (or healthy).
    let vault = resource("rg-production", "Microsoft.KeyVault/vaults", "kv-northgate");
    let machine = resource("rg-production", "Microsoft.Compute/virtualMachines", "vm-fileserver");
    let shared =
        ("3b363842-30f5-4056-980d-3a40fa5de8b3", "Storage accounts should prevent shared key access", "Medium");
    let network = (
        "45d313c3-3fca-5040-035f-d61928366d31",
        "Access to storage accounts with firewall and virtual network configurations should be restricted",
        "Low",
    );
    let rows = [
        (shared, proddata(), Some("2025-11-04T06:10:00Z")),
        (shared, applogs(), Some("2025-11-04T06:10:00Z")),
        (
            (
                "6240402e-f77c-46fa-9060-a7ce53997754",
                "Accounts with owner permissions on Azure resources should be MFA enabled",
                "High",
            ),
            sub(),
            Some("2025-06-18T04:42:00Z"),
        ),
        (
            (
                "6f90a6d6-d4d6-0794-0ec1-98fa77878c2e",
                "A maximum of 3 owners should be designated for subscriptions",
                "High",
            ),
            sub(),
            Some("2023-09-05T05:00:00Z"),
        ),
        (network, proddata(), Some("2024-02-20T05:31:00Z")),
        (
            ("1c5de8e1-f68d-6a17-e0d2-ec259c42768c", "Secure transfer to storage accounts should be enabled", "High"),
            proddata(),
            None,
        ),
        (
            ("51fd8bb1-0db4-bbf1-7e2b-cfcba7eb66a6", "Storage account public access should be disallowed", "Medium"),
            proddata(),
            None,
        ),
        (
            (
                "2c79b4af-f830-b61e-92b9-63dfa30f16e4",
                "There should be more than one owner assigned to subscriptions",
                "High",
            ),
            sub(),
            None,
        ),
        (
            (
                "050ac097-3dda-4d24-ab6d-82568e7a50cf",
                "Blocked accounts with owner permissions on Azure resources should be removed",
                "High",
            ),
            sub(),
            None,
        ),
        (
            (
                "20606e75-05c4-48c0-9d97-add6daa2109a",
                "Guest accounts with owner permissions on Azure resources should be removed",
                "High",
            ),
            sub(),
            None,
        ),
        (("52f7826a-ace7-3107-dd0d-4875853c1576", "Firewall should be enabled on Key Vault", "Medium"), vault, None),
        (
            (
                "bc303248-3d14-44c2-96a0-55f5c326b5fe",
                "Management ports should be closed on your virtual machines",
                "Medium",
            ),
            machine,
            None,
        ),
    ];
    rows.into_iter()
        .map(|((key, title, severity), on, since)| {
            json!({ "id": format!("{on}/providers/Microsoft.Security/assessments/{key}"), "name": key,
                "type": "Microsoft.Security/assessments",
                "properties": { "displayName": title, "resourceDetails": { "Source": "Azure", "Id": on },
                    "status": { "code": if since.is_some() { "Unhealthy" } else { "Healthy" },
                        "firstEvaluationDate": "2023-09-05T05:00:00Z",
                        "statusChangeDate": since.unwrap_or("2024-02-20T05:31:00Z") },
                    "metadata": { "displayName": title, "assessmentType": "BuiltIn", "severity": severity,
                        "implementationEffort": "Low", "userImpact": "Low" },
                    "additionalData": {} } })
        })
        .collect()
}

/// Plans: attack-path analysis comes with the posture plan, which is off.
fn pricings() -> Vec<Value> {
    [("CloudPosture", "Free"), ("VirtualMachines", "Standard"), ("StorageAccounts", "Standard"), ("Arm", "Standard"),
        ("KeyVaults", "Free"), ("AppServices", "Free")]
        .iter()
        .map(|(plan, tier)| {
            json!({ "id": format!("{}/providers/Microsoft.Security/pricings/{plan}", sub()), "name": plan,
                "type": "Microsoft.Security/pricings",
                "properties": { "pricingTier": tier, "freeTrialRemainingTime": "PT0S",
                    "enablementTime": if *tier == "Standard" { Value::from("2024-01-09T10:00:00Z") } else { Value::Null },
                    "resourcesCoverageStatus": "FullyCovered" } })
        })
        .collect()
}
