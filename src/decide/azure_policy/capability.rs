//! Resource types that are known to carry neither tags nor a location, for snapshots without a provider table.
//!
//! A definition of mode Indexed "only evaluate[s] resource types that support tags and location. For example, resource
//! `Microsoft.Network/routeTables` supports tags and location and is evaluated in both modes. However, resource
//! `Microsoft.Network/routeTables/routes` can't be tagged and isn't evaluated in Indexed mode" (*Azure Policy
//! definition structure basics*). Types: the capability `None` in `GET /providers`, and *Tag support for Azure
//! resources*, read 2026-04.

/// Folded type names.
const NEITHER: &[&str] = &[
    "microsoft.authorization/denyassignments",
    "microsoft.authorization/locks",
    "microsoft.authorization/policyassignments",
    "microsoft.authorization/policydefinitions",
    "microsoft.authorization/policyexemptions",
    "microsoft.authorization/policysetdefinitions",
    "microsoft.authorization/roleassignments",
    "microsoft.authorization/roleassignmentschedulerequests",
    "microsoft.authorization/roleeligibilityschedulerequests",
    "microsoft.authorization/roledefinitions",
    "microsoft.authorization/rolemanagementpolicies",
    "microsoft.authorization/rolemanagementpolicyassignments",
    "microsoft.containerservice/managedclusters/agentpools",
    "microsoft.insights/diagnosticsettings",
    "microsoft.keyvault/vaults/accesspolicies",
    "microsoft.managedidentity/userassignedidentities/federatedidentitycredentials",
    "microsoft.management/managementgroups",
    "microsoft.network/loadbalancers/inboundnatrules",
    "microsoft.network/networksecuritygroups/defaultsecurityrules",
    "microsoft.network/networksecuritygroups/securityrules",
    "microsoft.network/privateendpoints/privatednszonegroups",
    "microsoft.network/routetables/routes",
    "microsoft.network/virtualnetworks/subnets",
    "microsoft.network/virtualnetworks/virtualnetworkpeerings",
    "microsoft.operationalinsights/workspaces/savedsearches",
    "microsoft.operationalinsights/workspaces/tables",
    "microsoft.security/assessments",
    "microsoft.security/autoprovisioningsettings",
    "microsoft.security/pricings",
    "microsoft.security/securitycontacts",
    "microsoft.securityinsights/alertrules",
    "microsoft.securityinsights/automationrules",
    "microsoft.sql/servers/administrators",
    "microsoft.sql/servers/auditingsettings",
    "microsoft.sql/servers/azureadonlyauthentications",
    "microsoft.sql/servers/firewallrules",
    "microsoft.sql/servers/securityalertpolicies",
    "microsoft.sql/servers/virtualnetworkrules",
    "microsoft.storage/storageaccounts/blobservices",
    "microsoft.storage/storageaccounts/blobservices/containers",
    "microsoft.storage/storageaccounts/fileservices",
    "microsoft.storage/storageaccounts/fileservices/shares",
    "microsoft.storage/storageaccounts/inventorypolicies",
    "microsoft.storage/storageaccounts/localusers",
    "microsoft.storage/storageaccounts/managementpolicies",
    "microsoft.storage/storageaccounts/privateendpointconnections",
    "microsoft.storage/storageaccounts/queueservices",
    "microsoft.storage/storageaccounts/queueservices/queues",
    "microsoft.storage/storageaccounts/tableservices",
    "microsoft.storage/storageaccounts/tableservices/tables",
    "microsoft.web/sites/basicpublishingcredentialspolicies",
    "microsoft.web/sites/config",
    "microsoft.web/sites/functions",
    "microsoft.web/sites/hostnamebindings",
];

pub(super) fn without_tags_or_location(folded_type: &str) -> bool {
    NEITHER.contains(&folded_type)
}

/// Types whose deletion `denyAction` never blocks, "to prevent lockout scenarios" (*denyAction effect*). Folded.
pub(super) const NEVER_ACTION_DENIED: &[&str] = &[
    "microsoft.authorization/policyassignments",
    "microsoft.authorization/denyassignments",
    "microsoft.blueprint/blueprintassignments",
    "microsoft.resources/deploymentstacks",
    "microsoft.resources/subscriptions",
    "microsoft.authorization/locks",
];
