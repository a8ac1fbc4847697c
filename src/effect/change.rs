//! What a successful operation changes in the environment. Read forwards by replay; backwards by rewind, which takes
//! the inserted out again and calls unknown what was overwritten.

use super::capability::Capability;
use crate::model::{
    ArmDetail, Detail, Document, Environment, Event, Fact, Kind, ObjectId, ResourceId, Timestamp, json,
};
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Insert {
        kind: Kind,
        key: String,
        body: Value,
    },
    Remove {
        kind: Kind,
        key: String,
    },
    /// Merge patch on a resource that may exist; whole `body` where it does not.
    Write {
        resource: ResourceId,
        body: Fact<Value>,
    },
    /// All keys of an account taken before this moment and named so (`None`: which key is not recorded) are dead.
    Rotate {
        account: ResourceId,
        key: Option<String>,
    },
    /// All user delegation keys of an account asked for before this moment are dead, with what they signed.
    RevokeDelegationKeys {
        account: ResourceId,
    },
    /// `member` joins (or leaves) `group`.
    Member {
        group: ObjectId,
        member: ObjectId,
        joins: bool,
    },
    /// `principal` gets (or loses) an Entra role at the tenant, by its template's id or by its name.
    DirectoryRole {
        principal: ObjectId,
        role: String,
        holds: bool,
    },
    /// `owner` becomes (or ceases to be) an owner of `object`.
    Owner {
        object: ObjectId,
        owner: ObjectId,
        owns: bool,
    },
}

impl Change {
    pub fn apply(&self, env: &mut Environment, event: &Event) {
        let document = |body: Value| Document { body: Arc::new(body), evidence: event.evidence.clone() };
        match self {
            Change::Insert { kind, key, body } => {
                env.mark_known(*kind, key, "");
                env.insert(*kind, key, document(body.clone()));
            }
            Change::Remove { kind, key } => {
                env.remove(*kind, key);
                if *kind == Kind::Containers {
                    // A resource group goes with all that is in it (*Azure Resource Manager resource group deletion*).
                    let gone = ResourceId::new(key);
                    let inside = |(key, _): (&str, &Document)| {
                        let id = ResourceId::new(key);
                        (id != gone && gone.contains(&id)).then(|| key.to_owned())
                    };
                    let inside: Vec<String> = env.of(Kind::Resources).filter_map(inside).collect();
                    inside.iter().for_each(|key| drop(env.remove(Kind::Resources, key)));
                }
            }
            Change::Write { resource, body } => {
                let kind = container_or_resource(resource);
                let mut next = match env.get(kind, resource.folded()) {
                    Some(current) => current.body.as_ref().clone(),
                    None => json!({ "id": resource.spelled(), "name": resource.name(),
                                    "type": resource.resource_type() }),
                };
                if let Fact::Known(body) = body {
                    json::merge_patch(&mut next, body);
                    for set in json::leaves(body) {
                        env.mark_known(kind, resource.folded(), &set);
                    }
                }
                env.insert(kind, resource.folded(), document(next));
            }
            Change::Rotate { account, key } => {
                let Some(current) = env.get(Kind::Resources, account.folded()) else { return };
                let mut next = current.body.as_ref().clone();
                let at = json!(event.time.to_string());
                match key {
                    Some(key) => next["keys"][key]["lastRegenerated"] = at,
                    None => next["keysRotatedAt"] = at,
                }
                env.insert(Kind::Resources, account.folded(), document(next));
            }
            Change::RevokeDelegationKeys { account } => {
                let Some(current) = env.get(Kind::Resources, account.folded()) else { return };
                let mut next = current.body.as_ref().clone();
                next["delegationKeysRevokedAt"] = json!(event.time.to_string());
                env.insert(Kind::Resources, account.folded(), document(next));
            }
            Change::Member { group, member, joins } => {
                let empty = json!({ "groupId": group.as_str(), "members": [] });
                let next = listing(env, Kind::GroupMembers, group, empty, "members", member, *joins);
                env.insert(Kind::GroupMembers, group.as_str(), document(next));
            }
            Change::Owner { object, owner, owns } => {
                let empty = json!({ "objectId": object.as_str(), "owners": [] });
                let next = listing(env, Kind::Owners, object, empty, "owners", owner, *owns);
                env.insert(Kind::Owners, object.as_str(), document(next));
            }
            Change::DirectoryRole { principal, role, holds } => {
                let role = template_of(env, role);
                let named = |body: &Value| {
                    let is = |at: &str, id: &ObjectId| {
                        json::text(body, at).and_then(|t| t.rsplit('/').next()).is_some_and(|t| ObjectId::new(t) == *id)
                    };
                    is("principalId", principal) && is("roleDefinitionId", &role)
                };
                let held: Vec<String> = env
                    .of(Kind::DirectoryRoles)
                    .filter(|(_, document)| named(&document.body))
                    .map(|(key, _)| key.to_owned())
                    .collect();
                if *holds && held.is_empty() {
                    let key = format!("{role}:{principal}");
                    let body = json!({ "id": key, "principalId": principal.as_str(),
                        "roleDefinitionId": role.as_str(), "directoryScopeId": "/" });
                    env.insert(Kind::DirectoryRoles, &key, document(body));
                } else if !*holds {
                    held.iter().for_each(|key| drop(env.remove(Kind::DirectoryRoles, key)));
                }
            }
        }
    }
}

/// When the user delegation keys of an account were last revoked, as far as the window tells.
pub fn delegation_keys_revoked(account: &Value) -> Option<Timestamp> {
    json::text(account, "delegationKeysRevokedAt").and_then(|at| at.parse().ok())
}

/// A list of references with one more, or one less.
fn listing(env: &Environment, kind: Kind, of: &ObjectId, empty: Value, list: &str, id: &ObjectId, more: bool) -> Value {
    let mut next = env.get(kind, of.as_str()).map_or(empty, |d| d.body.as_ref().clone());
    if let Some(all) = next.get_mut(list).and_then(Value::as_array_mut) {
        all.retain(|one| json::text(one, "id").is_none_or(|other| ObjectId::new(other) != *id));
        if more {
            all.push(json!({ "id": id.as_str() }));
        }
    }
    next
}

/// Template id of an Entra role by id or by name.
fn template_of(env: &Environment, role: &str) -> ObjectId {
    let named = env
        .bodies(Kind::DirectoryRoleDefinitions)
        .find(|body| json::text(body, "displayName").is_some_and(|name| name.eq_ignore_ascii_case(role)));
    let template = named.and_then(|body| json::text(body, "templateId").or(json::text(body, "id")));
    ObjectId::new(template.unwrap_or(role))
}

fn container_or_resource(resource: &ResourceId) -> Kind {
    match resource.resource_type().as_deref() {
        Some("Microsoft.Resources/subscriptions" | "Microsoft.Resources/subscriptions/resourceGroups") => {
            Kind::Containers
        }
        _ => Kind::Resources,
    }
}

/// The role an ARM role-assignment write gives, where the record says which and to whom.
pub(super) fn role_grant(_event: &Event, detail: &ArmDetail) -> Option<Capability> {
    let body = granted_body(detail)?;
    let role = json::text(&body, "properties.roleDefinitionId")?;
    let principal = ObjectId::new(json::text(&body, "properties.principalId")?);
    let scope = json::text(&body, "properties.scope").map(ResourceId::new).or_else(|| scope_of(&detail.resource))?;
    Some(Capability::AzureRole { principal, role: role.rsplit('/').next().unwrap_or(role).to_lowercase(), scope })
}

/// Request body, else response body; both spellings with and without `properties`, `Properties` capital.
fn granted_body(detail: &ArmDetail) -> Option<Value> {
    [&detail.request_body, &detail.response_body].into_iter().find_map(|body| {
        let body = body.known()?;
        let wrapped = json::get(body, "properties").is_some();
        let whole = if wrapped { body.clone() } else { json!({ "properties": body }) };
        json::text(&whole, "properties.principalId").is_some().then_some(whole)
    })
}

/// The scope an extension resource sits on.
fn scope_of(resource: &ResourceId) -> Option<ResourceId> {
    let at = resource.folded().rfind("/providers/microsoft.authorization/")?;
    Some(ResourceId::new(if at == 0 { "/" } else { &resource.spelled()[..at] }))
}

/// User Access Administrator.
const ELEVATED: &str = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9";

/// ARM types that are documents of a kind of their own.
const AUTHORIZATION: &[(&str, Kind)] = &[
    ("microsoft.authorization/locks", Kind::Locks),
    ("microsoft.authorization/policyassignments", Kind::PolicyAssignments),
    ("microsoft.authorization/policydefinitions", Kind::PolicyDefinitions),
    ("microsoft.authorization/policysetdefinitions", Kind::PolicySetDefinitions),
    ("microsoft.authorization/policyexemptions", Kind::Exemptions),
    ("microsoft.authorization/roledefinitions", Kind::RoleDefinitions),
    ("microsoft.authorization/denyassignments", Kind::DenyAssignments),
    ("microsoft.insights/diagnosticsettings", Kind::DiagnosticSettings),
];

/// What the event changes, were it to succeed, in the order of application.
pub fn changes(event: &Event) -> Vec<Change> {
    match &event.detail {
        Detail::Arm(detail) => arm_changes(&event.action.to_lowercase(), event, detail),
        Detail::Directory(detail) => super::directory_change::changes(event, detail),
        Detail::SignIn(_) | Detail::Data(_) | Detail::Alert(_) | Detail::Context(_) => Vec::new(),
    }
}

fn arm_changes(operation: &str, event: &Event, detail: &ArmDetail) -> Vec<Change> {
    let resource = detail.resource.clone();
    let key = resource.folded().to_owned();
    let Some((kind, verb)) = operation.rsplit_once('/') else { return Vec::new() };
    if kind == "microsoft.authorization/roleassignments" {
        return match verb {
            "write" => role_grant(event, detail)
                .and_then(|capability| match capability {
                    Capability::AzureRole { principal, role, scope } => Some(Change::Insert {
                        kind: Kind::RoleAssignments,
                        body: json!({ "id": resource.spelled(), "name": resource.name(), "properties": {
                            "roleDefinitionId": format!("/providers/Microsoft.Authorization/roleDefinitions/{role}"),
                            "principalId": principal.as_str(), "scope": scope.spelled() } }),
                        key,
                    }),
                    _ => None,
                })
                .into_iter()
                .collect(),
            "delete" => vec![Change::Remove { kind: Kind::RoleAssignments, key }],
            _ => Vec::new(),
        };
    }
    if let Some((_, kind)) = AUTHORIZATION.iter().find(|(name, _)| *name == kind) {
        return match verb {
            "write" => {
                let mut body = detail.request_body.known().cloned().unwrap_or_else(|| json!({}));
                body["id"] = json!(resource.spelled());
                body["name"] = json!(resource.name());
                vec![Change::Insert { kind: *kind, key, body }]
            }
            "delete" => vec![Change::Remove { kind: *kind, key }],
            _ => Vec::new(),
        };
    }
    match (kind, verb) {
        // User Access Administrator at the root, for whoever calls. Source: *Elevate access to manage all Azure
        // subscriptions and management groups*.
        ("microsoft.authorization/elevateaccess", "action") => match &event.actor.id {
            Some(caller) => {
                let key = format!("/providers/microsoft.authorization/roleassignments/elevated-{caller}");
                let body = json!({ "id": key, "name": format!("elevated-{caller}"), "properties": {
                    "roleDefinitionId": format!("/providers/Microsoft.Authorization/roleDefinitions/{ELEVATED}"),
                    "principalId": caller.as_str(), "scope": "/" } });
                vec![Change::Insert { kind: Kind::RoleAssignments, key, body }]
            }
            None => Vec::new(),
        },
        ("microsoft.storage/storageaccounts/regeneratekey", "action") => {
            let key = detail.request_body.known().and_then(|b| json::text(b, "keyName")).map(str::to_owned);
            vec![Change::Rotate { account: resource, key }]
        }
        // *Revoke a user delegation SAS*.
        ("microsoft.storage/storageaccounts/revokeuserdelegationkeys", "action") => {
            vec![Change::RevokeDelegationKeys { account: resource }]
        }
        (_, "write") => vec![Change::Write { resource, body: detail.request_body.clone() }],
        (_, "delete") => vec![Change::Remove { kind: container_or_resource(&resource), key }],
        _ => Vec::new(),
    }
}
