//! PIM for Azure resources in the snapshot: what is held standing, what is held eligible, and the settings (the ones
//! the product starts with: justification and MFA, nobody approves).

use super::estate::*;
use super::kit::guid;
use serde_json::{Value, json};

pub fn files() -> Vec<(&'static str, Value)> {
    vec![
        ("azure/pim-role-assignment-schedule-instances.json", json!({ "value": standing() })),
        ("azure/pim-role-eligibility-schedule-instances.json", json!({ "value": eligible() })),
        ("azure/pim-role-management-policy-assignments.json", json!({ "value": settings() })),
    ]
}

fn expanded(principal: &str, kind: &str, name: &str, role: &str, scope: &str) -> Value {
    let scope_kind = match scope.split('/').count() {
        3 => "subscription",
        5 => "resourcegroup",
        _ => "resource",
    };
    json!({ "principal": { "id": principal, "displayName": name, "type": kind },
        "roleDefinition": { "id": role_definition(role), "displayName": role, "type": "BuiltInRole" },
        "scope": { "id": scope, "displayName": scope.rsplit('/').next(), "type": scope_kind } })
}

fn standing() -> Vec<Value> {
    assignments()
        .iter()
        .map(|a| {
            let name = guid(&format!("instance/{}", a.name()));
            json!({ "id": format!("{}/providers/Microsoft.Authorization/RoleAssignmentScheduleInstances/{name}", a.scope),
                "name": name, "type": "Microsoft.Authorization/RoleAssignmentScheduleInstances",
                "properties": { "scope": a.scope, "roleDefinitionId": role_definition(a.role),
                    "principalId": a.principal, "principalType": a.kind, "status": "Provisioned",
                    "assignmentType": "Assigned", "memberType": "Direct", "startDateTime": a.created,
                    "endDateTime": null, "createdOn": a.created, "originRoleAssignmentId": a.id(),
                    "roleAssignmentScheduleId": format!(
                        "{}/providers/Microsoft.Authorization/RoleAssignmentSchedules/{}", a.scope, a.name()),
                    "linkedRoleEligibilityScheduleId": null, "linkedRoleEligibilityScheduleInstanceId": null,
                    "condition": null, "conditionVersion": null,
                    "expandedProperties": expanded(&a.principal, a.kind, &a.principal_name, a.role, &a.scope) } })
        })
        .collect()
}

/// One engineer may activate Contributor on production; nobody stands there with it.
fn eligible() -> Vec<Value> {
    let (tom, scope) = (of("tom.ashby"), group_scope("rg-production"));
    let name = guid("eligibility/tom.ashby/contributor/rg-production");
    vec![json!({
        "id": format!("{scope}/providers/Microsoft.Authorization/RoleEligibilityScheduleInstances/{name}"),
        "name": name, "type": "Microsoft.Authorization/RoleEligibilityScheduleInstances",
        "properties": { "scope": scope, "roleDefinitionId": role_definition("Contributor"), "principalId": tom.id(),
            "principalType": "User", "status": "Provisioned", "memberType": "Direct",
            "startDateTime": "2025-09-01T08:00:00Z", "endDateTime": "2026-09-01T08:00:00Z",
            "createdOn": "2025-09-01T08:00:00Z", "condition": null, "conditionVersion": null,
            "roleEligibilityScheduleId": format!(
                "{scope}/providers/Microsoft.Authorization/RoleEligibilitySchedules/{}", guid("eligibility/schedule")),
            "expandedProperties": expanded(&tom.id(), "User", tom.name, "Contributor", &scope) } })]
}

fn settings() -> Vec<Value> {
    let mut at: Vec<(&'static str, String)> = assignments().into_iter().map(|a| (a.role, a.scope)).collect();
    at.extend(["Owner", "Contributor", "User Access Administrator"].map(|role| (role, sub())));
    at.push(("Contributor", group_scope("rg-production")));
    at.sort();
    at.dedup();
    at.iter()
        .map(|(role, scope)| {
            let policy = guid(&format!("pim/{role}/{scope}"));
            let id = format!("{scope}/providers/Microsoft.Authorization/roleManagementPolicies/{policy}");
            json!({ "id": format!(
                    "{scope}/providers/Microsoft.Authorization/roleManagementPolicyAssignments/{policy}_{}",
                    role_id(role)),
                "name": format!("{policy}_{}", role_id(role)),
                "type": "Microsoft.Authorization/RoleManagementPolicyAssignment",
                "properties": { "scope": scope, "roleDefinitionId": role_definition(role), "policyId": id,
                    "effectiveRules": rules(&Activation::default()) } })
        })
        .collect()
}

/// What an end user is asked when activating.
pub struct Activation {
    pub enabled: Vec<&'static str>,
    pub approvers: Option<Vec<Value>>,
}

impl Default for Activation {
    fn default() -> Self {
        Activation { enabled: vec!["MultiFactorAuthentication", "Justification"], approvers: None }
    }
}

/// The rules of one policy in ARM's form, notification rules left out.
pub fn rules(activation: &Activation) -> Vec<Value> {
    let target = |caller: &str, level: &str| {
        json!({ "caller": caller, "operations": ["All"], "level": level, "targetObjects": null,
            "inheritableSettings": null, "enforcedSettings": null })
    };
    let expiration = |id: &str, required: bool, duration: &str, caller: &str, level: &str| {
        json!({ "id": id, "ruleType": "RoleManagementPolicyExpirationRule", "isExpirationRequired": required,
            "maximumDuration": duration, "target": target(caller, level) })
    };
    let enablement = |id: &str, enabled: &[&str], caller: &str, level: &str| {
        json!({ "id": id, "ruleType": "RoleManagementPolicyEnablementRule", "enabledRules": enabled,
            "target": target(caller, level) })
    };
    vec![
        expiration("Expiration_Admin_Eligibility", true, "P365D", "Admin", "Eligibility"),
        enablement("Enablement_Admin_Eligibility", &[], "Admin", "Eligibility"),
        expiration("Expiration_Admin_Assignment", false, "P180D", "Admin", "Assignment"),
        enablement("Enablement_Admin_Assignment", &["Justification"], "Admin", "Assignment"),
        expiration("Expiration_EndUser_Assignment", true, "PT8H", "EndUser", "Assignment"),
        enablement("Enablement_EndUser_Assignment", &activation.enabled, "EndUser", "Assignment"),
        json!({ "id": "Approval_EndUser_Assignment", "ruleType": "RoleManagementPolicyApprovalRule",
            "target": target("EndUser", "Assignment"),
            "setting": { "isApprovalRequired": activation.approvers.is_some(),
                "isApprovalRequiredForExtension": false, "isRequestorJustificationRequired": true,
                "approvalMode": "SingleStage",
                "approvalStages": [{ "approvalStageTimeOutInDays": 1, "isApproverJustificationRequired": true,
                    "escalationTimeInMinutes": 0, "isEscalationEnabled": false, "escalationApprovers": null,
                    "primaryApprovers": activation.approvers.clone().unwrap_or_default() }] } }),
        json!({ "id": "AuthenticationContext_EndUser_Assignment",
            "ruleType": "RoleManagementPolicyAuthenticationContextRule", "isEnabled": false, "claimValue": "",
            "target": target("EndUser", "Assignment") }),
    ]
}
