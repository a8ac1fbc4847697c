//! Family `pim`: role-management policy rules and the roles they govern. Standing assignments become eligible under
//! these rules; use then needs an activation. Service principals and managed identities cannot be eligible and keep
//! what they have. A rule the document does not hold is the snapshot's own for that role at that scope.
//!
//! Source: *Configure Azure resource role settings in Privileged Identity Management*, *Configure Microsoft Entra role
//! settings in Privileged Identity Management*.

use super::rbac::principal_id;
use super::{FamilyOf, Undo, View, Write, all, document, extension_scope};
use crate::model::{Collection, Environment, Family, Kind, ObjectId, Part, ResourceId, json};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What is read and written when it is put in force.
pub(super) const TOUCHES: &[Kind] =
    &[Kind::RoleAssignments, Kind::DirectoryRoles, Kind::PimEligibilities, Kind::PimInstances, Kind::PimSettings];

pub(super) const FAMILY: FamilyOf = FamilyOf { family: Family::Pim, touches: TOUCHES, apply, writes, undo };

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

/// Azure role assignments to others than machines, by role GUID: key, principal, scope.
fn assignments_by_role(documents: &Collection) -> BTreeMap<String, Vec<(String, ObjectId, ResourceId)>> {
    let mut by_role: BTreeMap<String, Vec<(String, ObjectId, ResourceId)>> = BTreeMap::new();
    for (key, document) in documents.iter() {
        let body = &document.body;
        let kind = json::text(body, "properties.principalType").unwrap_or_default();
        let (false, Some(principal), Some(role), Some(scope)) = (
            kind.eq_ignore_ascii_case("ServicePrincipal"),
            json::text(body, "properties.principalId").map(ObjectId::new),
            json::text(body, "properties.roleDefinitionId").map(last),
            extension_scope(body, "Microsoft.Authorization/roleAssignments"),
        ) else {
            continue;
        };
        by_role.entry(role).or_default().push((key.to_owned(), principal, scope));
    }
    by_role
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
    let activations = Activations::of(env);
    let mut found = Vec::new();
    let assigned = env.derived(Kind::RoleAssignments, "standing", assignments_by_role);
    for role in &azure {
        for (key, principal, scope) in assigned.get(role).into_iter().flatten() {
            let activated = env.get(Kind::RoleAssignments, key).is_some_and(|d| activations.hold(key, &d.body));
            if !activated && governs_principal(principal) && governs_scope(scope.spelled()) {
                found.push(Standing {
                    key: key.clone(),
                    directory: false,
                    principal: principal.clone(),
                    role: role.clone(),
                    scope: scope.spelled().to_owned(),
                });
            }
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

/// Azure role assignments that are there because somebody activated them: those are used without another activation
/// until they end, and no control takes them away. Where no instance tells, an assignment counts as standing.
pub(super) struct Activations {
    /// Assignment id, else principal with role and scope → whether every instance of it is an activation.
    by_id: BTreeMap<String, bool>,
    by_holder: BTreeMap<(ObjectId, String, ResourceId), bool>,
}

impl Activations {
    pub fn of(env: &Environment) -> Activations {
        let mut found = Activations { by_id: BTreeMap::new(), by_holder: BTreeMap::new() };
        for body in env.bodies(Kind::PimInstances) {
            let Some(kind) = json::text(body, "properties.assignmentType") else { continue };
            let activated = kind.eq_ignore_ascii_case("Activated");
            if let Some(id) = json::text(body, "properties.originRoleAssignmentId") {
                *found.by_id.entry(id.to_lowercase()).or_insert(true) &= activated;
            } else if let Some(holder) = holder(body) {
                *found.by_holder.entry(holder).or_insert(true) &= activated;
            }
        }
        found
    }

    pub fn hold(&self, key: &str, assignment: &Value) -> bool {
        let by_holder = || holder(assignment).and_then(|holder| self.by_holder.get(&holder));
        self.by_id.get(key).or_else(by_holder).copied() == Some(true)
    }
}

fn holder(body: &Value) -> Option<(ObjectId, String, ResourceId)> {
    let scope = extension_scope(body, "Microsoft.Authorization/roleAssignments")?;
    let principal = ObjectId::new(json::text(body, "properties.principalId")?);
    Some((principal, last(json::text(body, "properties.roleDefinitionId")?), scope))
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

/// Settings and instances by role, GUID or template id in lower case: an estate has thousands of either.
type ByRole = BTreeMap<String, Vec<String>>;

fn by_role(env: &Environment, kind: Kind) -> ByRole {
    let mut index = ByRole::new();
    for (key, document) in env.of(kind) {
        let role = json::text(&document.body, "properties.roleDefinitionId")
            .or_else(|| json::text(&document.body, "roleDefinitionId"));
        if let Some(role) = role {
            index.entry(last(role)).or_default().push(key.to_owned());
        }
    }
    index
}

/// The role-management policies of the roles and scopes governed, each with its rules that the document replaces.
pub(super) fn policies(env: &Environment, part: &Part) -> Vec<(String, Vec<Value>)> {
    let own = document_rules(part);
    let replaced = |rule: &Value| {
        let id = json::text(rule, "id").unwrap_or_default();
        own.iter().any(|rule| json::text(rule, "id").is_some_and(|own| own.eq_ignore_ascii_case(id)))
    };
    let settings_of = by_role(env, Kind::PimSettings);
    let mut found: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for held in standing(env, part) {
        let wanted = ResourceId::new(if held.directory { "/" } else { held.scope.as_str() });
        let keys = settings_of.get(&held.role).into_iter().flatten();
        let settings =
            keys.filter_map(|key| env.get(Kind::PimSettings, key)).map(|document| &document.body).find(|body| {
                let at =
                    |name: &str| json::text(body, name).or_else(|| json::text(body, &format!("properties.{name}")));
                at("scopeId").or_else(|| at("scope")).is_some_and(|scope| ResourceId::new(scope) == wanted)
            });
        let Some(body) = settings else { continue };
        let Some(id) = json::text(body, "properties.policyId").or_else(|| json::text(body, "policyId")) else {
            continue;
        };
        let rules = ["policy.rules", "properties.effectiveRules", "properties.policy.rules", "properties.rules"]
            .iter()
            .find_map(|path| json::path(body, path).and_then(Value::as_array).cloned())
            .unwrap_or_default();
        found.entry(id.to_owned()).or_insert_with(|| rules.into_iter().filter(replaced).collect());
    }
    found.into_iter().collect()
}

/// The standing assignments governed.
pub(super) fn governed(env: &Environment, part: &Part) -> Vec<super::Eligible> {
    standing(env, part)
        .into_iter()
        .map(|held| super::Eligible {
            assignment: held.key,
            principal: held.principal.to_string(),
            role: held.role,
            scope: held.scope,
        })
        .collect()
}

fn apply(env: &mut Environment, control: &str, part: &Part, _view: &View) {
    let own = document_rules(part);
    let settings_of = by_role(env, Kind::PimSettings);
    let instances_of = by_role(env, Kind::PimInstances);
    let mut ruled: BTreeSet<(bool, String, ResourceId)> = BTreeSet::new();
    for held in standing(env, part) {
        let Standing { key, directory, principal, role, scope } = held;
        let slug = format!("{control}-{}", last(&key));
        let base = scope.trim_end_matches('/');
        let definition = format!("/providers/Microsoft.Authorization/roleDefinitions/{role}");
        if directory {
            env.remove(Kind::DirectoryRoles, &key);
            let eligibility = json!({ "id": slug, "principalId": principal.as_str(), "roleDefinitionId": role,
                "directoryScopeId": scope, "appScopeId": null, "startDateTime": "2000-01-01T00:00:00Z",
                "endDateTime": null, "memberType": "Direct" });
            env.insert(Kind::PimEligibilities, &slug, document(control, "", eligibility));
        } else {
            env.remove(Kind::RoleAssignments, &key);
            let id = format!("{base}/providers/Microsoft.Authorization/roleEligibilityScheduleInstances/{slug}");
            let eligibility = json!({ "id": id, "name": slug, "properties": { "scope": scope,
                "roleDefinitionId": definition, "principalId": principal.as_str(), "memberType": "Direct",
                "startDateTime": "2000-01-01T00:00:00Z", "endDateTime": null, "status": "Provisioned" } });
            env.insert(Kind::PimEligibilities, &id, document(control, "", eligibility));
        }
        set_rules(env, control, &own, &settings_of, &mut ruled, (directory, role.clone(), scope.clone()));
        remove_instances(env, instances_of.get(&role), &principal, &scope, directory);
    }
    // The rules are the role's at the scope: they bind those who are eligible already, too.
    for at in eligible(env, part) {
        set_rules(env, control, &own, &settings_of, &mut ruled, at);
    }
}

/// The rules of a role at a scope (directory or Azure) become the document's, once.
fn set_rules(
    env: &mut Environment,
    control: &str,
    own: &[Value],
    settings_of: &ByRole,
    ruled: &mut BTreeSet<(bool, String, ResourceId)>,
    (directory, role, scope): (bool, String, String),
) {
    // Settings of a directory role are the tenant's, whatever the scope of an assignment.
    let at = ResourceId::new(if directory { "/" } else { &scope });
    if !ruled.insert((directory, role.clone(), at.clone())) {
        return;
    }
    let (held, by_control) = take_rules(env, settings_of.get(&role), &at, directory);
    // Two controls on one role: whatever either asks is asked.
    let rules = if by_control { strictest(&held, own) } else { merge_rules(own, &held) };
    let (id, settings) = if directory {
        let id = format!("directory_{role}");
        let settings = json!({ "id": id, "scopeId": "/", "scopeType": "DirectoryRole", "roleDefinitionId": role,
            "policy": { "rules": rules } });
        (id, settings)
    } else {
        let base = scope.trim_end_matches('/');
        let id = format!("{base}/providers/Microsoft.Authorization/roleManagementPolicyAssignments/{control}_{role}");
        let settings = json!({ "id": id, "properties": { "scope": scope, "effectiveRules": rules,
            "roleDefinitionId": format!("/providers/Microsoft.Authorization/roleDefinitions/{role}") } });
        (id, settings)
    };
    env.insert(Kind::PimSettings, &id, document(control, "", settings));
}

/// Roles with their scopes that somebody is eligible for and that the part governs: (directory, role, scope).
fn eligible(env: &Environment, part: &Part) -> BTreeSet<(bool, String, String)> {
    let pim = &part.apply.pim;
    let azure: BTreeSet<String> = pim.roles.iter().filter_map(|role| env.azure_role_guid(role)).collect();
    let directory = directory_roles(env, &pim.roles);
    let governs =
        |scope: &str| all(&pim.scopes) || pim.scopes.iter().any(|s| ResourceId::new(s) == ResourceId::new(scope));
    let of = |body: &Value, role: &str, scope: &str| {
        Some((last(json::text(body, role)?), json::text(body, scope)?.to_owned()))
    };
    let mut found = BTreeSet::new();
    for body in env.bodies(Kind::PimEligibilities) {
        if let Some((role, scope)) = of(body, "properties.roleDefinitionId", "properties.scope") {
            if azure.contains(&role) && governs(&scope) {
                found.insert((false, role, scope));
            }
        } else if let Some((role, scope)) = of(body, "roleDefinitionId", "directoryScopeId")
            && directory.contains(&role)
            && governs(&scope)
        {
            found.insert((true, role, scope));
        }
    }
    found
}

/// Takes the settings of a role at a scope out (of a directory role: all of them) and gives the rules they held.
fn take_rules(
    env: &mut Environment,
    of_role: Option<&Vec<String>>,
    scope: &ResourceId,
    directory: bool,
) -> (Vec<Value>, bool) {
    let mut rules: Option<Vec<Value>> = None;
    let mut by_control = false;
    for key in of_role.into_iter().flatten() {
        let Some(body) = env.get(Kind::PimSettings, key).map(|d| d.body.clone()) else { continue };
        let of_directory = json::text(&body, "roleDefinitionId").is_some();
        if of_directory != directory {
            continue;
        }
        let at = json::text(&body, if directory { "scopeId" } else { "properties.scope" });
        let here = at.is_some_and(|at| ResourceId::new(at) == *scope);
        if here && rules.is_none() {
            let paths = ["policy.rules", "properties.effectiveRules", "properties.policy.rules", "properties.rules"];
            let held = paths.iter().find_map(|path| json::path(&body, path).and_then(Value::as_array).cloned());
            rules = Some(held.unwrap_or_default());
            by_control = env
                .get(Kind::PimSettings, key)
                .is_some_and(|document| document.evidence.file.starts_with(super::CONTROL_EVIDENCE));
        }
        if here || directory {
            env.remove(Kind::PimSettings, key);
        }
    }
    (rules.unwrap_or_default(), by_control)
}

/// Rule by rule what either list asks, so that no control takes away what another asks for. Two different
/// authentication contexts cannot both be set: the first stays.
fn strictest(one: &[Value], other: &[Value]) -> Vec<Value> {
    let id = |rule: &Value| json::text(rule, "id").unwrap_or_default().to_lowercase();
    let mut merged: Vec<Value> = one.to_vec();
    for rule in other {
        match merged.iter_mut().find(|known| id(known) == id(rule)) {
            Some(known) => tighten(known, rule),
            None => merged.push(rule.clone()),
        }
    }
    merged
}

fn tighten(rule: &mut Value, by: &Value) {
    let on = |rule: &Value, path: &str| json::path(rule, path).and_then(Value::as_bool) == Some(true);
    if let Some(more) = json::get(by, "enabledRules").and_then(Value::as_array) {
        if let Some(enabled) = rule.get_mut("enabledRules").and_then(Value::as_array_mut) {
            for word in more {
                if !enabled.contains(word) {
                    enabled.push(word.clone());
                }
            }
        }
    } else if json::text(by, "maximumDuration").is_some() {
        let longest = |rule: &Value| json::text(rule, "maximumDuration").and_then(seconds);
        let shorter = match (longest(rule), longest(by)) {
            (Some(mine), Some(theirs)) => theirs < mine,
            _ => false,
        };
        if on(by, "isExpirationRequired") && (!on(rule, "isExpirationRequired") || shorter) {
            rule.clone_from(by);
        }
    } else {
        let stricter = ["setting.isApprovalRequired", "isEnabled"].iter().any(|flag| on(by, flag) && !on(rule, flag));
        if stricter {
            rule.clone_from(by);
        }
    }
}

/// Seconds of an ISO 8601 duration, days taken as 24 hours.
fn seconds(duration: &str) -> Option<f64> {
    let span = duration.parse::<jiff::Span>().ok()?;
    span.total((jiff::Unit::Second, jiff::SpanRelativeTo::days_are_24_hours())).ok()
}

/// The `Assigned` instance that mirrors a standing assignment goes with it.
fn remove_instances(
    env: &mut Environment,
    of_role: Option<&Vec<String>>,
    principal: &ObjectId,
    scope: &str,
    directory: bool,
) {
    let prefix = if directory { "" } else { "properties." };
    let scope_key = if directory { "directoryScopeId" } else { "properties.scope" };
    for key in of_role.into_iter().flatten() {
        let Some(document) = env.get(Kind::PimInstances, key) else { continue };
        let at = |field: &str| json::text(&document.body, &format!("{prefix}{field}"));
        let mirrors = at("roleDefinitionId").is_some()
            && at("principalId").is_some_and(|p| ObjectId::new(p) == *principal)
            && json::text(&document.body, scope_key).is_some_and(|s| ResourceId::new(s) == ResourceId::new(scope))
            && at("assignmentType").is_none_or(|t| t.eq_ignore_ascii_case("Assigned"));
        if mirrors {
            env.remove(Kind::PimInstances, key);
        }
    }
}

fn writes(env: &Environment, part: &Part) -> BTreeSet<Write> {
    standing(env, part).into_iter().filter(|s| s.directory).map(|s| Write::ActiveDirectoryRole(s.principal)).collect()
}

fn undo(env: &Environment, _control: &str, part: &Part) -> Vec<Undo> {
    let mut undo = Vec::new();
    for (directory, _, scope) in eligible(env, part) {
        undo.push(if directory {
            Undo::Directory { operation: "Update role setting in PIM".to_owned() }
        } else {
            let operation = "Microsoft.Authorization/roleManagementPolicies/write".to_owned();
            Undo::Arm { operation, scope: ResourceId::new(&scope) }
        });
    }
    for held in standing(env, part) {
        if held.directory {
            undo.push(Undo::Directory { operation: "Update role setting in PIM".to_owned() });
            undo.push(Undo::Directory { operation: "Add member to role".to_owned() });
        } else {
            let scope = ResourceId::new(&held.scope);
            let ways =
                ["roleManagementPolicies/write", "roleAssignments/write", "roleAssignmentScheduleRequests/write"];
            for operation in ways {
                undo.push(Undo::Arm {
                    operation: format!("Microsoft.Authorization/{operation}"),
                    scope: scope.clone(),
                });
            }
        }
    }
    undo
}
