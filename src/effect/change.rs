//! What a successful operation changes in the environment. Read forwards by replay; backwards by rewind, which takes
//! the inserted out again and calls unknown what was overwritten.

use super::capability::Capability;
use crate::model::{ArmDetail, Detail, Document, Environment, Event, Fact, Kind, ObjectId, ResourceId, json};
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
    /// `member` joins (or leaves) `group`.
    Member {
        group: ObjectId,
        member: ObjectId,
        joins: bool,
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
            Change::Member { group, member, joins } => {
                let current = env.get(Kind::GroupMembers, group.as_str()).map(|d| d.body.as_ref().clone());
                let mut next = current.unwrap_or_else(|| json!({ "groupId": group.as_str(), "members": [] }));
                if let Some(members) = next.get_mut("members").and_then(Value::as_array_mut) {
                    members.retain(|m| json::text(m, "id").is_none_or(|id| ObjectId::new(id) != *member));
                    if *joins {
                        members.push(json!({ "id": member.as_str() }));
                    }
                }
                env.insert(Kind::GroupMembers, group.as_str(), document(next));
            }
        }
    }
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
        Detail::Directory(detail) => {
            let operation = event.action.trim().to_lowercase();
            let joins = match operation.as_str() {
                "add member to group" => true,
                "remove member from group" => false,
                _ => return Vec::new(),
            };
            let group = detail.targets.iter().find(|t| t.kind.eq_ignore_ascii_case("group")).and_then(|t| t.id.clone());
            let group = group.or_else(|| {
                detail.targets.iter().find_map(|t| {
                    let (old, new) = t.modified.get("Group.ObjectID")?;
                    Some(if joins { new.as_str()? } else { old.as_str()? }.into())
                })
            });
            let member =
                detail.targets.iter().find(|t| !t.kind.eq_ignore_ascii_case("group")).and_then(|t| t.id.clone());
            match (group, member) {
                (Some(group), Some(member)) => {
                    vec![Change::Member { group: ObjectId::new(&group), member: ObjectId::new(&member), joins }]
                }
                _ => Vec::new(),
            }
        }
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
        ("microsoft.storage/storageaccounts/regeneratekey", "action") => {
            let key = detail.request_body.known().and_then(|b| json::text(b, "keyName")).map(str::to_owned);
            vec![Change::Rotate { account: resource, key }]
        }
        (_, "write") => vec![Change::Write { resource, body: detail.request_body.clone() }],
        (_, "delete") => vec![Change::Remove { kind: container_or_resource(&resource), key }],
        _ => Vec::new(),
    }
}
