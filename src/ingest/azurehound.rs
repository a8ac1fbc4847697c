//! AzureHound: `{"data":[{"kind","data"}],"meta"}`, nodes and lists of edges of 65 kinds. Ids may be in upper case.
//!
//! [`KINDS`] says what becomes of each kind. The names are those of AzureHound's `enums` and `models`.

use super::document::key;
use super::graph_application::federated_credential;
use super::graph_group::references;
use super::{Format, Out, Record, never_empty};
use crate::model::{Kind, json};
use serde_json::{Value, json};

pub const FORMAT: Format = Format {
    id: "azurehound",
    log: false,
    reads: "AzureHound collections (BloodHound's Azure collector), all 65 kinds used or knowingly ignored",
    score: |record| {
        let named = record.text("kind").is_some_and(|k| k.starts_with("AZ"));
        if named && record.has("data") { 99 } else { 0 }
    },
    read,
    empty: never_empty,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// A node that is a document of this kind.
    Node(Kind),
    /// An ARM resource; the type it has where the node does not say.
    Resource,
    /// A list of Azure role assignments, under whatever member.
    AzureRoles,
    GroupMembers,
    /// Owners of the object that this member names.
    Owners(&'static str),
    DirectoryRoles,
    FederatedCredentials,
    PimSettings,
    Ignored(&'static str),
}

/// Every kind AzureHound writes.
pub const KINDS: &[(&str, Use)] = &[
    ("AZApp", Use::Node(Kind::Applications)),
    ("AZAppMember", Use::Ignored("azurehound-app-member")),
    ("AZAppOwner", Use::Owners("appId")),
    ("AZFederatedIdentityCredential", Use::FederatedCredentials),
    ("AZDevice", Use::Node(Kind::Devices)),
    ("AZGroup", Use::Node(Kind::Groups)),
    ("AZGroupMember", Use::GroupMembers),
    ("AZGroupOwner", Use::Owners("groupId")),
    ("AZKeyVault", Use::Resource),
    // The vault's own node carries its access policies.
    ("AZKeyVaultAccessPolicy", Use::Ignored("azurehound-key-vault-access-policy")),
    ("AZKeyVaultContributor", Use::AzureRoles),
    ("AZKeyVaultKVContributor", Use::AzureRoles),
    ("AZKeyVaultOwner", Use::AzureRoles),
    ("AZKeyVaultRoleAssignment", Use::AzureRoles),
    ("AZKeyVaultUserAccessAdmin", Use::AzureRoles),
    ("AZManagementGroup", Use::Node(Kind::Containers)),
    ("AZManagementGroupRoleAssignment", Use::AzureRoles),
    ("AZManagementGroupContributor", Use::AzureRoles),
    ("AZManagementGroupOwner", Use::AzureRoles),
    ("AZManagementGroupDescendant", Use::Node(Kind::Containers)),
    ("AZManagementGroupUserAccessAdmin", Use::AzureRoles),
    ("AZResourceGroup", Use::Node(Kind::Containers)),
    ("AZResourceGroupRoleAssignment", Use::AzureRoles),
    ("AZResourceGroupContributor", Use::AzureRoles),
    ("AZResourceGroupOwner", Use::AzureRoles),
    ("AZResourceGroupUserAccessAdmin", Use::AzureRoles),
    ("AZRole", Use::Node(Kind::DirectoryRoleDefinitions)),
    ("AZRoleAssignment", Use::DirectoryRoles),
    ("AZServicePrincipal", Use::Node(Kind::ServicePrincipals)),
    ("AZServicePrincipalOwner", Use::Owners("servicePrincipalId")),
    ("AZSubscription", Use::Node(Kind::Containers)),
    ("AZSubscriptionRoleAssignment", Use::AzureRoles),
    ("AZSubscriptionContributor", Use::AzureRoles),
    ("AZSubscriptionOwner", Use::AzureRoles),
    ("AZSubscriptionUserAccessAdmin", Use::AzureRoles),
    ("AZTenant", Use::Ignored("azurehound-tenant")),
    ("AZUser", Use::Node(Kind::Users)),
    ("AZVM", Use::Resource),
    ("AZVMAdminLogin", Use::AzureRoles),
    ("AZVMAvereContributor", Use::AzureRoles),
    ("AZVMContributor", Use::AzureRoles),
    ("AZVMOwner", Use::AzureRoles),
    ("AZVMRoleAssignment", Use::AzureRoles),
    ("AZVMUserAccessAdmin", Use::AzureRoles),
    ("AZVMVMContributor", Use::AzureRoles),
    ("AZAppRoleAssignment", Use::Node(Kind::AppRoleAssignments)),
    ("AZStorageAccount", Use::Resource),
    ("AZStorageAccountRoleAssignment", Use::AzureRoles),
    ("AZStorageContainer", Use::Resource),
    ("AZAutomationAccount", Use::Resource),
    ("AZAutomationAccountRoleAssignment", Use::AzureRoles),
    ("AZLogicApp", Use::Resource),
    ("AZLogicAppRoleAssignment", Use::AzureRoles),
    ("AZFunctionApp", Use::Resource),
    ("AZFunctionAppRoleAssignment", Use::AzureRoles),
    ("AZContainerRegistry", Use::Resource),
    ("AZContainerRegistryRoleAssignment", Use::AzureRoles),
    ("AZWebApp", Use::Resource),
    ("AZWebAppRoleAssignment", Use::AzureRoles),
    ("AZManagedCluster", Use::Resource),
    ("AZManagedClusterRoleAssignment", Use::AzureRoles),
    ("AZVMScaleSet", Use::Resource),
    ("AZVMScaleSetRoleAssignment", Use::AzureRoles),
    ("AZRoleEligibilityScheduleInstance", Use::Node(Kind::PimEligibilities)),
    ("AZRoleManagementPolicyAssignment", Use::PimSettings),
];

fn read(record: &Record, out: &mut Out) -> Result<(), String> {
    let name = record.text("kind").unwrap_or_default();
    let (_, what) = KINDS
        .iter()
        .find(|(kind, _)| kind.eq_ignore_ascii_case(&name))
        .ok_or_else(|| format!("`{name}` is no kind of AzureHound's that this version knows"))?;
    let data = record.value("data").unwrap_or(Value::Null);
    match *what {
        Use::Ignored(kind) => out.ignore(kind),
        Use::Node(kind) => node(record, out, kind, data),
        Use::Resource => node(record, out, Kind::Resources, data),
        Use::AzureRoles => azure_roles(out, &data),
        Use::GroupMembers => {
            let group = json::text(&data, "groupId").ok_or("members of no group")?.to_owned();
            let members = list(&data, "members").iter().filter_map(|m| json::get(m, "member").cloned()).collect();
            let body = json!({ "groupId": group, "members": references(members), "complete": true });
            out.document(Kind::GroupMembers, &group, body);
        }
        Use::Owners(member) => {
            let object =
                json::text(&data, member).ok_or_else(|| format!("owners of nothing: no `{member}`"))?.to_owned();
            let owners = list(&data, "owners").iter().filter_map(|m| json::get(m, "owner").cloned()).collect();
            out.document(Kind::Owners, &object, json!({ "objectId": object, "owners": references(owners) }));
        }
        Use::DirectoryRoles => {
            for (i, assignment) in list(&data, "roleAssignments").into_iter().enumerate() {
                let own = json::text(&assignment, "id").map(str::to_owned);
                let principal = json::text(&assignment, "principalId").unwrap_or_default();
                let role = json::text(&assignment, "roleDefinitionId").unwrap_or_default();
                let key = own.unwrap_or_else(|| format!("{role}:{principal}"));
                out.document_at(Kind::DirectoryRoles, &key, assignment, &format!("/data/roleAssignments/{i}"));
            }
            out.collected(Kind::DirectoryRoles, false);
        }
        Use::FederatedCredentials => {
            let app = json::text(&data, "appId").map(str::to_owned);
            for (i, entry) in list(&data, "fics").into_iter().enumerate() {
                let app = json::text(&entry, "appId").map(str::to_owned).or_else(|| app.clone()).unwrap_or_default();
                let Some(body) = json::get(&entry, "fic").cloned() else { continue };
                federated_credential(out, body, &app, Some(&app), &format!("/data/fics/{i}"));
            }
            out.collected(Kind::FederatedCredentials, false);
        }
        Use::PimSettings => pim_settings(record, out, &data),
    }
    Ok(())
}

fn list(data: &Value, name: &str) -> Vec<Value> {
    json::get(data, name).and_then(Value::as_array).cloned().unwrap_or_default()
}

fn node(record: &Record, out: &mut Out, kind: Kind, mut data: Value) {
    let key = key(record, &data, &["subscriptionId", "appId"]);
    if let Some(members) = data.as_object_mut() {
        if kind == Kind::Containers && !key.starts_with('/') {
            members.insert("id".to_owned(), format!("/subscriptions/{key}").into());
        }
        if !members.contains_key("type")
            && let Some(name) = crate::model::ResourceId::new(&key).resource_type()
        {
            members.insert("type".to_owned(), name.into());
        }
        if kind == Kind::Devices
            && let Some(device) = members.get("deviceId").cloned()
        {
            members.entry("id").or_insert(device);
        }
    }
    let key = if kind == Kind::Containers && !key.starts_with('/') { format!("/subscriptions/{key}") } else { key };
    out.document_at(kind, &key, data, "/data");
}

/// Assignments stand in a list, each beside the id of its object, under a member that every kind names differently.
fn azure_roles(out: &mut Out, data: &Value) {
    let lists = data.as_object().into_iter().flatten().filter_map(|(name, v)| Some((name, v.as_array()?)));
    for (name, entries) in lists {
        for (i, entry) in entries.iter().enumerate() {
            let members = entry.as_object().into_iter().flatten();
            let found = members.filter(|(_, v)| json::path(v, "properties.principalId").is_some());
            for (member, assignment) in found {
                if let Some(id) = json::text(assignment, "id") {
                    let pointer = format!("/data/{name}/{i}/{member}");
                    out.document_at(Kind::RoleAssignments, id, assignment.clone(), &pointer);
                }
            }
        }
    }
    out.collected(Kind::RoleAssignments, false);
}

/// The flags of an activation, as the rules they stand for. How long one lasts AzureHound does not tell.
fn pim_settings(record: &Record, out: &mut Out, data: &Value) {
    let flag = |name: &str| json::get(data, name).and_then(Value::as_bool);
    let target = json!({ "caller": "EndUser", "level": "Assignment", "operations": ["All"] });
    let mut rules = Vec::new();
    let asked = [
        ("endUserAssignmentRequiresMFA", "MultiFactorAuthentication"),
        ("endUserAssignmentRequiresJustification", "Justification"),
        ("endUserAssignmentRequiresTicketInformation", "Ticketing"),
    ];
    if asked.iter().any(|(name, _)| flag(name).is_some()) {
        let enabled: Vec<&str> =
            asked.iter().filter(|(name, _)| flag(name) == Some(true)).map(|(_, rule)| *rule).collect();
        rules.push(json!({
            "@odata.type": "#microsoft.graph.unifiedRoleManagementPolicyEnablementRule",
            "id": "Enablement_EndUser_Assignment", "enabledRules": enabled, "target": target,
        }));
    }
    if let Some(required) = flag("endUserAssignmentRequiresApproval") {
        let single = |id: &Value| json!({ "@odata.type": "#microsoft.graph.singleUser", "userId": id });
        let group = |id: &Value| json!({ "@odata.type": "#microsoft.graph.groupMembers", "groupId": id });
        let mut approvers: Vec<Value> = list(data, "endUserAssignmentUserApprovers").iter().map(single).collect();
        approvers.extend(list(data, "endUserAssignmentGroupApprovers").iter().map(group));
        rules.push(json!({
            "@odata.type": "#microsoft.graph.unifiedRoleManagementPolicyApprovalRule",
            "id": "Approval_EndUser_Assignment", "target": target,
            "setting": { "isApprovalRequired": required, "approvalStages": [{ "primaryApprovers": approvers }] },
        }));
    }
    if let Some(required) = flag("endUserAssignmentRequiresCAPAuthenticationContext") {
        rules.push(json!({
            "@odata.type": "#microsoft.graph.unifiedRoleManagementPolicyAuthenticationContextRule",
            "id": "AuthenticationContext_EndUser_Assignment", "isEnabled": required, "target": target,
        }));
    }
    let key = key(record, data, &["roleDefinitionId"]);
    let body = json!({
        "id": key, "scopeId": "/", "scopeType": "DirectoryRole",
        "roleDefinitionId": json::get(data, "roleDefinitionId"), "policy": { "rules": rules },
    });
    out.document_at(Kind::PimSettings, &key, body, "/data");
}
