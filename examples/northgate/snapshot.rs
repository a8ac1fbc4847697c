//! The snapshot: what the tenant's and the subscription's exports said on the evening of 20 March 2026.

use super::estate::*;
use super::kit::guid;
use serde_json::{Value, json};

/// File name below `snapshot/` and its document.
pub fn files() -> Vec<(&'static str, Value)> {
    let mut files = entra();
    files.extend(azure());
    files
}

fn graph(collection: &str, value: Vec<Value>) -> Value {
    json!({ "@odata.context": format!("https://graph.microsoft.com/v1.0/$metadata#{collection}"), "value": value })
}

fn entra() -> Vec<(&'static str, Value)> {
    vec![
        ("entra/users.json", graph("users", users())),
        ("entra/groups.json", graph("groups(members())", groups())),
        ("entra/servicePrincipals.json", graph("servicePrincipals(owners())", service_principals())),
        ("entra/applications.json", graph("applications(owners())", applications())),
        ("entra/roleAssignments.json", graph("roleManagement/directory/roleAssignments", directory_roles())),
        ("entra/conditionalAccessPolicies.json", graph("identity/conditionalAccess/policies", conditional_access())),
        ("entra/namedLocations.json", graph("identity/conditionalAccess/namedLocations", named_locations())),
        (
            "entra/userRegistrationDetails.json",
            graph("reports/authenticationMethods/userRegistrationDetails", registration()),
        ),
        ("entra/deviceRegistrationPolicy.json", device_registration()),
        (
            "entra/authorizationPolicy.json",
            json!({
                "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#policies/authorizationPolicy/$entity",
                "id": "authorizationPolicy", "displayName": "Authorization Policy",
                "allowInvitesFrom": "adminsAndGuestInviters", "allowedToSignUpEmailBasedSubscriptions": false,
                "allowedToUseSSPR": true, "allowEmailVerifiedUsersToJoinOrganization": false,
                "blockMsolPowerShell": true, "guestUserRoleId": "2af84b1e-32c8-42b7-82bc-daa82404023b",
                "defaultUserRolePermissions": { "allowedToCreateApps": false, "allowedToCreateSecurityGroups": false,
                    "allowedToCreateTenants": false, "allowedToReadOtherUsers": true,
                    "permissionGrantPoliciesAssigned": [] } }),
        ),
        (
            "entra/identitySecurityDefaultsEnforcementPolicy.json",
            json!({ "@odata.context":
                "https://graph.microsoft.com/v1.0/$metadata#policies/identitySecurityDefaultsEnforcementPolicy/$entity",
                "id": "00000000-0000-0000-0000-000000000005", "displayName": "Security Defaults",
                "description": "Baseline protections, off where conditional access policies are used.",
                "isEnabled": false }),
        ),
    ]
}

fn users() -> Vec<Value> {
    PEOPLE
        .iter()
        .map(|p| {
            json!({ "id": p.id(), "userPrincipalName": p.upn(), "displayName": p.name, "jobTitle": p.title,
                "mail": p.upn(), "userType": "Member", "accountEnabled": true, "onPremisesSyncEnabled": null,
                "createdDateTime": "2023-01-16T09:00:00Z" })
        })
        .collect()
}

fn groups() -> Vec<Value> {
    GROUPS
        .iter()
        .map(|(key, name, description)| {
            let members: Vec<Value> = members(key)
                .into_iter()
                .map(|(id, kind)| json!({ "@odata.type": format!("#microsoft.graph.{kind}"), "id": id }))
                .collect();
            json!({ "id": group_id(key), "displayName": name, "description": description, "securityEnabled": true,
                "mailEnabled": false, "groupTypes": [], "isAssignableToRole": null, "membershipRule": null,
                "createdDateTime": "2023-01-16T10:00:00Z", "members": members })
        })
        .collect()
}

fn service_principals() -> Vec<Value> {
    WORKLOADS
        .iter()
        .map(|w| {
            let mut names = vec![workload_app(w.key)];
            if let Some((group, app)) = w.host {
                names.push(resource(group, "Microsoft.Web/sites", app));
            }
            json!({ "id": workload_id(w.key), "appId": workload_app(w.key), "displayName": w.name,
                "servicePrincipalType": w.kind, "accountEnabled": true, "appOwnerOrganizationId": tenant(),
                "signInAudience": "AzureADMyOrg", "alternativeNames": names[1..], "servicePrincipalNames": names[..1],
                "keyCredentials": [], "passwordCredentials": [], "owners": [] })
        })
        .collect()
}

fn applications() -> Vec<Value> {
    WORKLOADS
        .iter()
        .filter(|w| w.kind == "Application")
        .map(|w| {
            json!({ "id": guid(&format!("applicationObject/{}", w.key)), "appId": workload_app(w.key),
                "displayName": w.name, "signInAudience": "AzureADMyOrg", "createdDateTime": "2023-11-20T15:40:00Z",
                "keyCredentials": [{ "keyId": guid(&format!("credential/{}", w.key)), "type": "AsymmetricX509Cert",
                    "usage": "Verify", "displayName": "CN=northgate-automation",
                    "startDateTime": "2025-09-01T00:00:00Z", "endDateTime": "2026-09-01T00:00:00Z" }],
                "passwordCredentials": [], "owners": [] })
        })
        .collect()
}

fn directory_roles() -> Vec<Value> {
    [
        ("admin", GLOBAL_READER),
        ("oliver.hart", GLOBAL_ADMINISTRATOR),
        ("breakglass", GLOBAL_ADMINISTRATOR),
        ("nadia.okafor", SECURITY_READER),
    ]
    .iter()
    .map(|(alias, role)| {
        json!({ "id": guid(&format!("directoryAssignment/{alias}/{role}")), "principalId": of(alias).id(),
            "roleDefinitionId": role, "directoryScopeId": "/", "appScopeId": null })
    })
    .collect()
}

fn conditional_access() -> Vec<Value> {
    let none: [&str; 0] = [];
    let entry = |id: String,
                 name: &str,
                 state: &str,
                 modified: &str,
                 users: Value,
                 apps: Value,
                 clients: &[&str],
                 grant: &str| {
        json!({ "id": id, "displayName": name, "templateId": null, "createdDateTime": "2023-02-06T09:00:00Z",
            "modifiedDateTime": modified, "state": state, "sessionControls": null,
            "grantControls": { "operator": "OR", "builtInControls": [grant], "customAuthenticationFactors": none,
                "termsOfUse": none, "authenticationStrength": null },
            "conditions": { "userRiskLevels": none, "signInRiskLevels": none, "servicePrincipalRiskLevels": none,
                "insiderRiskLevels": null, "clientAppTypes": clients, "platforms": null, "locations": null,
                "devices": null, "authenticationFlows": null, "clientApplications": null, "times": null,
                "users": users, "applications": apps } })
    };
    let users = |users: &[&str], roles: &[&str], without: &[String]| {
        json!({ "includeUsers": users, "excludeUsers": none, "includeGroups": none, "excludeGroups": without,
            "includeRoles": roles, "excludeRoles": none, "includeGuestsOrExternalUsers": null,
            "excludeGuestsOrExternalUsers": null })
    };
    let apps = |apps: &[&str]| {
        json!({ "includeApplications": apps, "excludeApplications": none, "includeUserActions": none,
            "includeAuthenticationContextClassReferences": none, "applicationFilter": null })
    };
    vec![
        entry(
            policy::legacy(),
            policy::LEGACY,
            "enabled",
            "2023-04-18T08:12:00Z",
            users(&["All"], &[], &[group_id("emergency")]),
            apps(&["All"]),
            &["exchangeActiveSync", "other"],
            "block",
        ),
        entry(
            policy::global_admins(),
            policy::GLOBAL_ADMINS,
            "enabled",
            "2023-04-18T08:20:00Z",
            users(&[], &[GLOBAL_ADMINISTRATOR], &[]),
            apps(&["All"]),
            &["all"],
            "mfa",
        ),
        entry(
            policy::device(),
            policy::DEVICE,
            "enabledForReportingButNotEnforced",
            "2026-02-09T15:30:00Z",
            users(&["All"], &[], &[]),
            apps(&[app::ARM.0]),
            &["all"],
            "compliantDevice",
        ),
    ]
}

fn named_locations() -> Vec<Value> {
    vec![
        json!({ "@odata.type": "#microsoft.graph.ipNamedLocation", "id": guid("namedLocation/offices"),
            "displayName": "Northgate offices and VPN", "isTrusted": true, "createdDateTime": "2023-02-06T08:50:00Z",
            "modifiedDateTime": "2024-11-12T10:15:00Z",
            "ipRanges": [{ "@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": OFFICE }] }),
        json!({ "@odata.type": "#microsoft.graph.countryNamedLocation", "id": guid("namedLocation/home-countries"),
            "displayName": "Countries we work in", "countriesAndRegions": ["GB", "FR", "NL"],
            "includeUnknownCountriesAndRegions": false, "countryLookupMethod": "clientIpAddress",
            "createdDateTime": "2023-02-06T08:55:00Z", "modifiedDateTime": "2023-02-06T08:55:00Z" }),
    ]
}

fn registration() -> Vec<Value> {
    PEOPLE
        .iter()
        .map(|p| {
            let methods: &[&str] = match p.team {
                Team::Emergency => &["fido2SecurityKey"],
                _ => &["mobilePhone", "microsoftAuthenticatorPush", "softwareOneTimePasscode"],
            };
            json!({ "id": p.id(), "userPrincipalName": p.upn(), "userDisplayName": p.name, "userType": "member",
                "isAdmin": p.team == Team::Admin || p.team == Team::Owners || p.team == Team::Emergency,
                "isMfaCapable": true, "isMfaRegistered": true, "isPasswordlessCapable": p.team == Team::Emergency,
                "isSsprCapable": true, "isSsprEnabled": true, "isSsprRegistered": true,
                "isSystemPreferredAuthenticationMethodEnabled": true, "methodsRegistered": methods,
                "defaultMfaMethod": if p.team == Team::Emergency { "none" } else { "push" },
                "lastUpdatedDateTime": "2026-03-20T02:10:00Z" })
        })
        .collect()
}

fn device_registration() -> Value {
    let few = json!({ "@odata.type": "#microsoft.graph.enumeratedDeviceRegistrationMembership", "users": [],
        "groups": [group_id("it-join")] });
    json!({ "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#policies/deviceRegistrationPolicy/$entity",
        "id": "deviceRegistrationPolicy", "displayName": "Device Registration Policy",
        "description": "Who may register and join devices, and how many.", "userDeviceQuota": 10,
        "multiFactorAuthConfiguration": "required",
        "azureADRegistration": { "isAdminConfigurable": true, "allowedToRegister": few },
        "azureADJoin": { "isAdminConfigurable": true, "allowedToJoin": few },
        "localAdminPassword": { "isEnabled": true } })
}

fn azure() -> Vec<(&'static str, Value)> {
    let mut files = vec![
        ("azure/role-assignments.json", Value::Array(assignments().iter().map(flat_assignment).collect())),
        ("azure/role-definitions.json", Value::Array(roles().into_iter().map(role_definition_export).collect())),
    ];
    files.extend(super::pim::files());
    files.extend(super::resources::files());
    files.extend(super::governance::files());
    files
}

/// `az role assignment list --all` flattens `properties`.
fn flat_assignment(a: &Assignment) -> Value {
    let group = a.scope.split('/').nth(4);
    json!({ "id": a.id(), "name": a.name(), "type": "Microsoft.Authorization/roleAssignments",
        "principalId": a.principal, "principalName": a.principal_name, "principalType": a.kind,
        "roleDefinitionId": role_definition(a.role), "roleDefinitionName": a.role, "scope": a.scope,
        "resourceGroup": group, "canDelegate": null, "condition": null, "conditionVersion": null,
        "createdBy": of("oliver.hart").id(), "createdOn": a.created, "updatedBy": of("oliver.hart").id(),
        "updatedOn": a.created, "delegatedManagedIdentityResourceId": null, "description": null })
}

/// `az role definition list`
fn role_definition_export((name, permissions): (&'static str, Value)) -> Value {
    json!({ "id": role_definition(name), "name": role_id(name), "roleName": name, "roleType": "BuiltInRole",
        "type": "Microsoft.Authorization/roleDefinitions", "assignableScopes": ["/"],
        "description": format!("Built-in role {name}."), "permissions": permissions })
}
