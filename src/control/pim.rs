//! Family `pim`: role-management policy rules and the roles they govern. Standing assignments become eligible under
//! these rules; use then needs an activation. Service principals and managed identities cannot be eligible and keep
//! what they have. A rule the document does not hold is the snapshot's own for that role at that scope.
//!
//! Source: *Configure Azure resource role settings in Privileged Identity Management*, *Configure Microsoft Entra role
//! settings in Privileged Identity Management*.

use super::rbac::principal_id;
use super::{FamilyOf, Undo, Write, all, document, extension_scope};
use crate::model::{Environment, Family, Kind, ObjectId, Part, ResourceId, Timestamp, json};
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub(super) const FAMILY: FamilyOf = FamilyOf { family: Family::Pim, apply, writes, undo };

/// A standing assignment the part governs, on either plane.
struct Standing {
    key: String,
    directory: bool,
    principal: ObjectId,
    role: String,
    scope: String,
}

fn last(id: &str) -> String {
    id.rsplit('/').next().unwrap_or(id).to_lowercase()
}

/// Template ids of the directory roles named (by name or id).
fn directory_roles(env: &Environment, roles: &[String]) -> BTreeSet<String> {
    let mut found: BTreeSet<String> = roles.iter().map(|r| r.to_lowercase()).collect();
    for definition in env.bodies(Kind::DirectoryRoleDefinitions) {
        let name = json::text(definition, "displayName").unwrap_or_default();
        if roles.iter().any(|role| role.eq_ignore_ascii_case(name)) {
            found.extend(json::text(definition, "templateId").map(str::to_lowercase));
            found.extend(json::text(definition, "id").map(str::to_lowercase));
        }
    }
    found
}

fn standing(env: &Environment, part: &Part) -> Vec<Standing> {
    let pim = &part.apply.pim;
    let azure: BTreeSet<String> = pim.roles.iter().filter_map(|role| env.azure_role_guid(role)).collect();
    let directory = directory_roles(env, &pim.roles);
    let governs_principal = |id: &ObjectId| {
        env.get(Kind::ServicePrincipals, id.as_str()).is_none()
            && (all(&pim.principals) || pim.principals.iter().any(|p| principal_id(env, p).as_ref() == Some(id)))
    };
    let governs_scope =
        |scope: &str| all(&pim.scopes) || pim.scopes.iter().any(|s| ResourceId::new(s) == ResourceId::new(scope));
    let mut found = Vec::new();
    for (key, document) in env.of(Kind::RoleAssignments) {
        let body = &document.body;
        let kind = json::text(body, "properties.principalType").unwrap_or_default();
        let (Some(principal), Some(role), Some(scope)) = (
            json::text(body, "properties.principalId").map(ObjectId::new),
            json::text(body, "properties.roleDefinitionId").map(last),
            extension_scope(body, "Microsoft.Authorization/roleAssignments"),
        ) else {
            continue;
        };
        let machine = kind.eq_ignore_ascii_case("ServicePrincipal");
        if azure.contains(&role) && !machine && governs_principal(&principal) && governs_scope(scope.spelled()) {
            let scope = scope.spelled().to_owned();
            found.push(Standing { key: key.to_owned(), directory: false, principal, role, scope });
        }
    }
    for (key, document) in env.of(Kind::DirectoryRoles) {
        let body = &document.body;
        let (Some(principal), Some(role)) =
            (json::text(body, "principalId").map(ObjectId::new), json::text(body, "roleDefinitionId").map(last))
        else {
            continue;
        };
        let scope = json::text(body, "directoryScopeId").unwrap_or("/");
        if directory.contains(&role) && governs_principal(&principal) && governs_scope(scope) {
            let scope = scope.to_owned();
            found.push(Standing { key: key.to_owned(), directory: true, principal, role, scope });
        }
    }
    found
}

/// The document's rules, and the snapshot's for every rule id the document does not hold.
pub fn merge_rules(document: &[Value], snapshot: &[Value]) -> Vec<Value> {
    let id = |rule: &Value| json::text(rule, "id").unwrap_or_default().to_lowercase();
    let own: BTreeSet<String> = document.iter().map(id).collect();
    document.iter().chain(snapshot.iter().filter(|rule| !own.contains(&id(rule)))).cloned().collect()
}

fn document_rules(part: &Part) -> Vec<Value> {
    part.documents
        .iter()
        .flat_map(|d| match d {
            Value::Array(rules) => rules.clone(),
            other => json::get(other, "rules").and_then(Value::as_array).cloned().unwrap_or_default(),
        })
        .collect()
}

fn snapshot_rules(env: &Environment, role: &str, scope: &str, directory: bool) -> Vec<Value> {
    let matches = |body: &&Value| {
        let (role_at, scope_at) = if directory {
            (json::text(body, "roleDefinitionId"), json::text(body, "scopeId"))
        } else {
            (json::text(body, "properties.roleDefinitionId"), json::text(body, "properties.scope"))
        };
        let wanted = if directory { "/" } else { scope };
        role_at.is_some_and(|r| last(r) == role)
            && scope_at.is_some_and(|s| ResourceId::new(s) == ResourceId::new(wanted))
    };
    let Some(body) = env.bodies(Kind::PimSettings).find(matches) else { return Vec::new() };
    ["policy.rules", "properties.effectiveRules", "properties.policy.rules", "properties.rules"]
        .iter()
        .find_map(|path| json::path(body, path).and_then(Value::as_array).cloned())
        .unwrap_or_default()
}

fn apply(env: &mut Environment, control: &str, part: &Part, _at: Option<Timestamp>) {
    let own = document_rules(part);
    for held in standing(env, part) {
        let Standing { key, directory, principal, role, scope } = held;
        let rules = merge_rules(&own, &snapshot_rules(env, &role, &scope, directory));
        let slug = format!("{control}-{}", last(&key));
        if directory {
            env.remove(Kind::DirectoryRoles, &key);
            let eligibility = json!({ "id": slug, "principalId": principal.as_str(), "roleDefinitionId": role,
                "directoryScopeId": scope, "appScopeId": null, "startDateTime": "2000-01-01T00:00:00Z",
                "endDateTime": null, "memberType": "Direct" });
            env.insert(Kind::PimEligibilities, &slug, document(control, "", eligibility));
            let settings_id = format!("directory_{role}");
            let old: Vec<String> = env
                .of(Kind::PimSettings)
                .filter(|(_, d)| json::text(&d.body, "roleDefinitionId").is_some_and(|r| last(r) == role))
                .map(|(k, _)| k.to_owned())
                .collect();
            for key in old {
                env.remove(Kind::PimSettings, &key);
            }
            let settings = json!({ "id": settings_id, "scopeId": "/", "scopeType": "DirectoryRole",
                "roleDefinitionId": role, "policy": { "rules": rules } });
            env.insert(Kind::PimSettings, &settings_id, document(control, "", settings));
            remove_instances(env, &principal, &role, &scope, true);
        } else {
            env.remove(Kind::RoleAssignments, &key);
            let base = scope.trim_end_matches('/');
            let definition = format!("/providers/Microsoft.Authorization/roleDefinitions/{role}");
            let id = format!("{base}/providers/Microsoft.Authorization/roleEligibilityScheduleInstances/{slug}");
            let eligibility = json!({ "id": id, "name": slug, "properties": { "scope": scope,
                "roleDefinitionId": definition, "principalId": principal.as_str(), "memberType": "Direct",
                "startDateTime": "2000-01-01T00:00:00Z", "endDateTime": null, "status": "Provisioned" } });
            env.insert(Kind::PimEligibilities, &id, document(control, "", eligibility));
            let old: Vec<String> = env
                .of(Kind::PimSettings)
                .filter(|(_, d)| {
                    json::text(&d.body, "properties.roleDefinitionId").is_some_and(|r| last(r) == role)
                        && json::text(&d.body, "properties.scope")
                            .is_some_and(|s| ResourceId::new(s) == ResourceId::new(&scope))
                })
                .map(|(k, _)| k.to_owned())
                .collect();
            for key in old {
                env.remove(Kind::PimSettings, &key);
            }
            let id =
                format!("{base}/providers/Microsoft.Authorization/roleManagementPolicyAssignments/{control}_{role}");
            let settings = json!({ "id": id, "properties": { "scope": scope, "roleDefinitionId": definition,
                "effectiveRules": rules } });
            env.insert(Kind::PimSettings, &id, document(control, "", settings));
            remove_instances(env, &principal, &role, &scope, false);
        }
    }
}

/// The `Assigned` instance that mirrors a standing assignment goes with it.
fn remove_instances(env: &mut Environment, principal: &ObjectId, role: &str, scope: &str, directory: bool) {
    let prefix = if directory { "" } else { "properties." };
    let scope_key = if directory { "directoryScopeId".to_owned() } else { "properties.scope".to_owned() };
    let gone: Vec<String> = env
        .of(Kind::PimInstances)
        .filter(|(_, d)| {
            let at = |field: &str| json::text(&d.body, &format!("{prefix}{field}"));
            at("principalId").is_some_and(|p| ObjectId::new(p) == *principal)
                && at("roleDefinitionId").is_some_and(|r| last(r) == role)
                && json::text(&d.body, &scope_key).is_some_and(|s| ResourceId::new(s) == ResourceId::new(scope))
                && at("assignmentType").is_none_or(|t| t.eq_ignore_ascii_case("Assigned"))
        })
        .map(|(key, _)| key.to_owned())
        .collect();
    for key in gone {
        env.remove(Kind::PimInstances, &key);
    }
}

fn writes(env: &Environment, part: &Part) -> BTreeSet<Write> {
    standing(env, part).into_iter().filter(|s| s.directory).map(|s| Write::ActiveDirectoryRole(s.principal)).collect()
}

fn undo(env: &Environment, _control: &str, part: &Part) -> Vec<Undo> {
    let mut undo = Vec::new();
    for held in standing(env, part) {
        if held.directory {
            undo.push(Undo::Directory { operation: "Update role setting in PIM".to_owned() });
            undo.push(Undo::Directory { operation: "Add member to role".to_owned() });
        } else {
            let scope = ResourceId::new(&held.scope);
            for operation in ["roleManagementPolicies/write", "roleAssignments/write"] {
                undo.push(Undo::Arm {
                    operation: format!("Microsoft.Authorization/{operation}"),
                    scope: scope.clone(),
                });
            }
        }
    }
    undo
}
