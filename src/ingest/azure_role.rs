//! Azure roles: definitions, assignments and deny assignments, in the forms of REST, Resource Graph, `az` (flattened)
//! and PowerShell. All become the REST form.

use super::document::{arm, arm_type, key};
use super::{Format, Out, Record, never_empty};
use crate::model::{Kind, json};
use serde_json::{Map, Value, json};

pub const FORMAT: Format = Format {
    id: "azure-role",
    log: false,
    reads: "Azure role definitions, role assignments and deny assignments (REST, Resource Graph, az, PowerShell)",
    score,
    read,
    empty: never_empty,
};

enum Form {
    /// REST or Resource Graph, `properties` and all.
    Rest(Kind),
    /// `az role assignment list`
    FlatAssignment,
    /// `az role definition list`
    FlatDefinition,
    /// `az rest` deny assignments are REST; PowerShell's `Get-AzDenyAssignment` is not read.
    PowerShellAssignment,
    /// `Get-AzRoleDefinition`
    PowerShellDefinition,
}

fn form(record: &Record) -> Option<(Form, u8)> {
    let kind = match arm_type(record).as_deref() {
        Some("microsoft.authorization/roleassignments") => Some(Kind::RoleAssignments),
        Some("microsoft.authorization/roledefinitions") => Some(Kind::RoleDefinitions),
        Some("microsoft.authorization/denyassignments") => Some(Kind::DenyAssignments),
        _ => None,
    };
    let nested = record.has("properties");
    match kind {
        Some(kind) if nested => Some((Form::Rest(kind), 96)),
        Some(Kind::RoleAssignments) if record.has_all(&["principalId", "scope"]) => Some((Form::FlatAssignment, 96)),
        Some(Kind::RoleDefinitions) if record.has_all(&["permissions", "roleName"]) => Some((Form::FlatDefinition, 96)),
        _ if record.has_all(&["RoleAssignmentId", "RoleDefinitionId", "ObjectId", "Scope"]) => {
            Some((Form::PowerShellAssignment, 96))
        }
        _ if record.has_all(&["Actions", "NotActions", "AssignableScopes", "Name"]) => {
            Some((Form::PowerShellDefinition, 94))
        }
        _ => None,
    }
}

fn score(record: &Record) -> u8 {
    form(record).map_or(0, |(_, score)| score)
}

fn read(record: &Record, out: &mut Out) -> Result<(), String> {
    let (form, _) = form(record).ok_or("neither role nor assignment")?;
    let mut body = arm(record);
    match form {
        Form::Rest(kind) => {
            let key = key(record, &body, &["name"]);
            if json::get(&body, "properties").is_none_or(|p| !p.is_object()) {
                return Err("`properties` is no object".to_owned());
            }
            out.document(kind, &key, body);
        }
        Form::FlatAssignment => {
            nest(&mut body, "Microsoft.Authorization/roleAssignments");
            let key = key(record, &body, &["name"]);
            out.document(Kind::RoleAssignments, &key, body);
        }
        Form::FlatDefinition => {
            nest(&mut body, "Microsoft.Authorization/roleDefinitions");
            let kind = json::text(&body, "properties.roleType").map(str::to_owned);
            if let (Some(kind), Some(Value::Object(properties))) = (kind, body.get_mut("properties")) {
                properties.insert("type".to_owned(), kind.into());
            }
            let key = key(record, &body, &["name"]);
            out.document(Kind::RoleDefinitions, &key, body);
        }
        Form::PowerShellAssignment => {
            let text = |name: &str| json::text(&body, name).unwrap_or_default().to_owned();
            let (id, scope, role) = (text("RoleAssignmentId"), text("Scope"), text("RoleDefinitionId"));
            let role = if role.contains('/') {
                role
            } else {
                format!("/providers/Microsoft.Authorization/roleDefinitions/{role}")
            };
            let condition = json::get(&body, "Condition").filter(|c| c.as_str().is_none_or(|t| !t.is_empty())).cloned();
            let canonical = json!({
                "id": id, "name": id.rsplit('/').next().unwrap_or_default(),
                "type": "Microsoft.Authorization/roleAssignments",
                "properties": {
                    "scope": scope, "roleDefinitionId": role, "principalId": text("ObjectId"),
                    "principalType": text("ObjectType"), "condition": condition,
                    "roleDefinitionName": json::get(&body, "RoleDefinitionName"),
                    "principalName": json::get(&body, "SignInName"),
                },
            });
            out.document(Kind::RoleAssignments, &id, canonical);
        }
        Form::PowerShellDefinition => {
            let id = json::text(&body, "Id").unwrap_or_default().to_owned();
            let list = |name: &str| match json::get(&body, name) {
                Some(Value::Array(list)) => Value::Array(list.clone()),
                Some(Value::String(one)) => json!([one]),
                _ => json!([]),
            };
            let custom = json::get(&body, "IsCustom").and_then(Value::as_bool);
            let full = format!("/providers/Microsoft.Authorization/roleDefinitions/{id}");
            let canonical = json!({
                "id": full, "name": id, "type": "Microsoft.Authorization/roleDefinitions",
                "properties": {
                    "roleName": json::get(&body, "Name"), "description": json::get(&body, "Description"),
                    "type": custom.map(|custom| if custom { "CustomRole" } else { "BuiltInRole" }),
                    "assignableScopes": list("AssignableScopes"),
                    "permissions": [{
                        "actions": list("Actions"), "notActions": list("NotActions"),
                        "dataActions": list("DataActions"), "notDataActions": list("NotDataActions"),
                        "condition": json::get(&body, "Condition"),
                        "conditionVersion": json::get(&body, "ConditionVersion"),
                    }],
                },
            });
            out.document(Kind::RoleDefinitions, &full, canonical);
        }
    }
    Ok(())
}

/// Puts what `az` flattened back under `properties`.
fn nest(body: &mut Value, name: &str) {
    let Some(members) = body.as_object_mut() else { return };
    let mut properties = Map::new();
    for (member, value) in std::mem::take(members) {
        match member.as_str() {
            "id" | "name" => {
                members.insert(member, value);
            }
            "type" | "resourceGroup" => {}
            _ => {
                properties.insert(member, value);
            }
        }
    }
    members.insert("type".to_owned(), name.into());
    members.insert("properties".to_owned(), Value::Object(properties));
}
