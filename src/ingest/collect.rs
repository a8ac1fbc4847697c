//! How each kind of fact and each log is gathered: the exact, read-only command or query, and the least privileged
//! role that may run it.

use crate::model::{Timestamp, Window};

/// How far before the window the baseline reaches.
pub const BASELINE_DAYS: i64 = 14;

/// One way to gather one kind.
pub struct Gather {
    /// A word of `coverage[].what`.
    pub what: &'static str,
    pub command: &'static str,
    /// The least privileged role.
    pub role: &'static str,
    /// Of subscriptions rather than of the tenant.
    pub arm: bool,
}

impl Gather {
    /// A log of a period, as opposed to a state.
    pub fn is_log(&self) -> bool {
        self.command.contains("<from>")
    }

    /// The command for a window and the baseline before it.
    pub fn command_for(&self, window: &Window) -> String {
        let baseline = jiff::SignedDuration::from_hours(24 * BASELINE_DAYS);
        let from = window.from.checked_sub(baseline).unwrap_or(window.from);
        let shown = |time: Timestamp| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        self.command.replace("<from>", &shown(from)).replace("<to>", &shown(window.to))
    }
}

const fn graph(what: &'static str, command: &'static str, role: &'static str) -> Gather {
    Gather { what, command, role, arm: false }
}

const fn azure(what: &'static str, command: &'static str, role: &'static str) -> Gather {
    Gather { what, command, role, arm: true }
}

/// In the order in which `cutset collect` prints them.
pub const GATHER: &[Gather] = &[
    graph(
        "users",
        "az rest --method get --url 'https://graph.microsoft.com/v1.0/users?$select=id,userPrincipalName,displayName,userType,accountEnabled,externalUserState,onPremisesSyncEnabled&$top=999'",
        "Directory Readers",
    ),
    graph(
        "groups",
        "az rest --method get --url 'https://graph.microsoft.com/v1.0/groups?$expand=members($select=id)&$top=999'",
        "Directory Readers",
    ),
    graph(
        "groupMembers",
        // `$expand=members` stops at 20 an object; this does not.
        "azurehound list group-members --tenant <tenant>",
        "Directory Readers",
    ),
    graph(
        "servicePrincipals",
        "az rest --method get --url 'https://graph.microsoft.com/v1.0/servicePrincipals?$top=999'",
        "Directory Readers",
    ),
    graph(
        "applications",
        "az rest --method get --url 'https://graph.microsoft.com/v1.0/applications?$expand=federatedIdentityCredentials&$top=999'",
        "Directory Readers",
    ),
    graph(
        "devices",
        "az rest --method get --url 'https://graph.microsoft.com/v1.0/devices?$top=999'",
        "Directory Readers",
    ),
    graph(
        "directoryRoles",
        "az rest --method get --url 'https://graph.microsoft.com/v1.0/roleManagement/directory/roleAssignments'",
        "Global Reader",
    ),
    graph(
        "directoryRoleDefinitions",
        "az rest --method get --url 'https://graph.microsoft.com/v1.0/roleManagement/directory/roleDefinitions'",
        "Global Reader",
    ),
    graph(
        "appRoleAssignments",
        "az rest --method get --url 'https://graph.microsoft.com/v1.0/servicePrincipals?$expand=appRoleAssignments&$top=999'",
        "Directory Readers",
    ),
    graph(
        "permissionGrants",
        "az rest --method get --url 'https://graph.microsoft.com/v1.0/oauth2PermissionGrants'",
        "Directory Readers",
    ),
    azure("roleDefinitions", "az role definition list --output json", "Reader"),
    azure("roleAssignments", "az role assignment list --all --include-inherited --output json", "Reader"),
    azure(
        "denyAssignments",
        "az rest --method get --url 'https://management.azure.com/subscriptions/<subscription>/providers/Microsoft.Authorization/denyAssignments?api-version=2022-04-01'",
        "Reader",
    ),
    azure("locks", "az lock list --output json", "Reader"),
    azure(
        "pimInstances",
        "az rest --method get --url 'https://management.azure.com/subscriptions/<subscription>/providers/Microsoft.Authorization/roleAssignmentScheduleInstances?api-version=2020-10-01'",
        "Reader",
    ),
    azure(
        "pimEligibilities",
        "az rest --method get --url 'https://management.azure.com/subscriptions/<subscription>/providers/Microsoft.Authorization/roleEligibilityScheduleInstances?api-version=2020-10-01'",
        "Reader",
    ),
    azure(
        "pimSettings",
        "az rest --method get --url 'https://management.azure.com/subscriptions/<subscription>/providers/Microsoft.Authorization/roleManagementPolicyAssignments?api-version=2020-10-01'",
        "Reader",
    ),
    graph(
        "conditionalAccess",
        "az rest --method get --url 'https://graph.microsoft.com/beta/identity/conditionalAccess/policies'",
        "Security Reader",
    ),
    graph(
        "namedLocations",
        "az rest --method get --url 'https://graph.microsoft.com/v1.0/identity/conditionalAccess/namedLocations'",
        "Security Reader",
    ),
    graph(
        "authenticationStrengths",
        "az rest --method get --url 'https://graph.microsoft.com/v1.0/policies/authenticationStrengthPolicies'",
        "Security Reader",
    ),
    graph(
        "securityDefaults",
        "az rest --method get --url 'https://graph.microsoft.com/v1.0/policies/identitySecurityDefaultsEnforcementPolicy'",
        "Security Reader",
    ),
    graph(
        "crossTenantAccess",
        "az rest --method get --url 'https://graph.microsoft.com/v1.0/policies/crossTenantAccessPolicy/partners'",
        "Security Reader",
    ),
    graph(
        "deviceRegistrationPolicy",
        "az rest --method get --url 'https://graph.microsoft.com/v1.0/policies/deviceRegistrationPolicy'",
        "Global Reader",
    ),
    graph(
        "authorizationPolicy",
        "az rest --method get --url 'https://graph.microsoft.com/v1.0/policies/authorizationPolicy'",
        "Global Reader",
    ),
    graph(
        "registrationDetails",
        "az rest --method get --url 'https://graph.microsoft.com/v1.0/reports/authenticationMethods/userRegistrationDetails'",
        "Reports Reader",
    ),
    azure("policyDefinitions", "az policy definition list --output json", "Reader"),
    azure("policySetDefinitions", "az policy set-definition list --output json", "Reader"),
    azure("policyAssignments", "az policy assignment list --disable-scope-strict-match --output json", "Reader"),
    azure("exemptions", "az policy exemption list --disable-scope-strict-match --output json", "Reader"),
    azure(
        "policyAliases",
        "az rest --method get --url 'https://management.azure.com/subscriptions/<subscription>/providers?api-version=2021-04-01&$expand=resourceTypes/aliases'",
        "Reader",
    ),
    azure("resources", "az graph query --first 1000 -q 'resources'", "Reader"),
    azure("resourceContainers", "az graph query --first 1000 -q 'resourcecontainers'", "Reader"),
    azure(
        "assessments",
        "az graph query --first 1000 -q \"securityresources | where type =~ 'microsoft.security/assessments'\"",
        "Security Reader",
    ),
    azure(
        "assessmentMetadata",
        "az rest --method get --url 'https://management.azure.com/providers/Microsoft.Security/assessmentMetadata?api-version=2021-06-01'",
        "Security Reader",
    ),
    azure(
        "diagnosticSettings",
        "az monitor diagnostic-settings list --resource <resource id> --output json",
        "Monitoring Reader",
    ),
    azure("pricings", "az security pricing list --output json", "Security Reader"),
    graph(
        "SigninLogs",
        "az monitor log-analytics query --workspace <workspace> --analytics-query 'SigninLogs | where TimeGenerated between (datetime(<from>) .. datetime(<to>))'",
        "Log Analytics Reader",
    ),
    graph(
        "AADNonInteractiveUserSignInLogs",
        "az monitor log-analytics query --workspace <workspace> --analytics-query 'AADNonInteractiveUserSignInLogs | where TimeGenerated between (datetime(<from>) .. datetime(<to>))'",
        "Log Analytics Reader",
    ),
    graph(
        "AADServicePrincipalSignInLogs",
        "az monitor log-analytics query --workspace <workspace> --analytics-query 'AADServicePrincipalSignInLogs | where TimeGenerated between (datetime(<from>) .. datetime(<to>))'",
        "Log Analytics Reader",
    ),
    graph(
        "AADManagedIdentitySignInLogs",
        "az monitor log-analytics query --workspace <workspace> --analytics-query 'AADManagedIdentitySignInLogs | where TimeGenerated between (datetime(<from>) .. datetime(<to>))'",
        "Log Analytics Reader",
    ),
    graph(
        "AuditLogs",
        "az monitor log-analytics query --workspace <workspace> --analytics-query 'AuditLogs | where TimeGenerated between (datetime(<from>) .. datetime(<to>))'",
        "Log Analytics Reader",
    ),
    azure(
        "AzureActivity",
        "az monitor activity-log list --start-time <from> --end-time <to> --max-events 100000 --output json",
        "Reader",
    ),
    azure(
        "StorageBlobLogs",
        "az monitor log-analytics query --workspace <workspace> --analytics-query 'StorageBlobLogs | where TimeGenerated between (datetime(<from>) .. datetime(<to>))'",
        "Log Analytics Reader",
    ),
    azure(
        "AzureDiagnostics",
        "az monitor log-analytics query --workspace <workspace> --analytics-query \"AzureDiagnostics | where ResourceProvider == 'MICROSOFT.KEYVAULT' and TimeGenerated between (datetime(<from>) .. datetime(<to>))\"",
        "Log Analytics Reader",
    ),
    graph(
        "MicrosoftGraphActivityLogs",
        "az monitor log-analytics query --workspace <workspace> --analytics-query 'MicrosoftGraphActivityLogs | where TimeGenerated between (datetime(<from>) .. datetime(<to>))'",
        "Log Analytics Reader",
    ),
    graph(
        "SecurityAlert",
        "az monitor log-analytics query --workspace <workspace> --analytics-query 'SecurityAlert | where TimeGenerated between (datetime(<from>) .. datetime(<to>))'",
        "Log Analytics Reader",
    ),
    graph(
        "AADUserRiskEvents",
        "az monitor log-analytics query --workspace <workspace> --analytics-query 'AADUserRiskEvents | where TimeGenerated between (datetime(<from>) .. datetime(<to>))'",
        "Log Analytics Reader",
    ),
];

pub fn gather(what: &str) -> Option<&'static Gather> {
    GATHER.iter().find(|g| g.what == what)
}
