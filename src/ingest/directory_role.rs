//! Entra roles: definitions, and who holds them: unified role assignments, and the older `directoryRoles` with
//! expanded members, each member becoming a tenant-wide assignment.

use super::document::{graph, is_context, is_graph, key};
use super::graph_group::take;
use super::{Format, Out, Record};
use crate::model::{Kind, json};
use serde_json::json;

pub const FORMAT: Format = Format {
    id: "directory-role",
    log: false,
    reads: "Entra role definitions and assignments (Graph roleManagement/directory, directoryRoles)",
    score,
    read,
    empty: |context| {
        if is_context(context, &["rolemanagement/directory/roleassignments"]) {
            Some(Kind::DirectoryRoles)
        } else {
            is_context(context, &["rolemanagement/directory/roledefinitions"]).then_some(Kind::DirectoryRoleDefinitions)
        }
    },
};

enum Form {
    Assignment,
    Definition,
    Role,
    ScopedMember,
}

fn form(record: &Record) -> Option<(Form, u8)> {
    if is_graph(record, &["unifiedroleassignment", "rolemanagement/directory/roleassignments"]) {
        Some((Form::Assignment, 96))
    } else if is_graph(record, &["unifiedroledefinition", "rolemanagement/directory/roledefinitions"]) {
        Some((Form::Definition, 96))
    } else if is_graph(record, &["directoryrole", "directoryroles"])
        || record.has_all(&["roleTemplateId", "displayName"])
    {
        Some((Form::Role, 95))
    } else if record.has_all(&["roleId", "administrativeUnitId", "roleMemberInfo"]) {
        Some((Form::ScopedMember, 95))
    } else if record.has_all(&["rolePermissions", "isBuiltIn"]) {
        Some((Form::Definition, 92))
    } else if record.has_all(&["principalId", "roleDefinitionId"])
        && (record.has("directoryScopeId") || record.has("appScopeId") || record.has("resourceScope"))
        && !record.has("memberType")
        && !record.has("properties")
        && !record.has("scheduleInfo")
    {
        Some((Form::Assignment, 88))
    } else {
        None
    }
}

fn score(record: &Record) -> u8 {
    form(record).map_or(0, |(_, score)| score)
}

fn read(record: &Record, out: &mut Out) -> Result<(), String> {
    let (form, _) = form(record).ok_or("not a directory role")?;
    let mut body = graph(record);
    match form {
        Form::Definition => {
            let key = key(record, &body, &["templateId"]);
            out.document(Kind::DirectoryRoleDefinitions, &key, body);
        }
        Form::Assignment => {
            // The definition's template id is what built-in roles are compared by.
            let template = json::text(&body, "roleDefinition.templateId").map(str::to_owned);
            if let (Some(template), Some(object)) = (template, body.as_object_mut()) {
                object.insert("roleDefinitionId".to_owned(), template.into());
            }
            let key = key(record, &body, &[]);
            out.document(Kind::DirectoryRoles, &key, body);
        }
        Form::Role => {
            let members = take(&mut body, "members");
            let template = json::text(&body, "roleTemplateId").unwrap_or_default().to_owned();
            if template.is_empty() {
                return Err("a directory role without `roleTemplateId`".to_owned());
            }
            let definition = json!({
                "id": template, "templateId": template,
                "displayName": body.get("displayName"), "description": body.get("description"), "isEnabled": true,
            });
            out.document(Kind::DirectoryRoleDefinitions, &template, definition);
            for (i, member) in members.into_iter().flatten().enumerate() {
                let Some(id) = json::text(&member, "id").map(str::to_owned) else { continue };
                let assignment = json!({
                    "id": format!("{template}:{id}"), "principalId": id,
                    "roleDefinitionId": template, "directoryScopeId": "/",
                });
                let key = format!("{template}:{id}");
                out.document_at(Kind::DirectoryRoles, &key, assignment, &format!("/members/{i}"));
            }
        }
        Form::ScopedMember => {
            let unit = json::text(&body, "administrativeUnitId").unwrap_or_default().to_owned();
            let principal =
                json::text(&body, "roleMemberInfo.id").ok_or("a scoped role member without an id")?.to_owned();
            let role = json::text(&body, "roleId").unwrap_or_default().to_owned();
            let key = key(record, &body, &[]);
            let assignment = json!({
                "id": key, "principalId": principal, "roleDefinitionId": role,
                "directoryScopeId": format!("/administrativeUnits/{unit}"),
            });
            out.document(Kind::DirectoryRoles, &key, assignment);
        }
    }
    Ok(())
}
