//! What a directory operation changes: memberships, Entra roles, owners, application permissions. Audit log names.
//!
//! Source: *Microsoft Entra audit log activity reference*; the audit log names the object among its targets, and what
//! it leaves out there among their `modifiedProperties`.

use super::change::Change;
use crate::model::{Detail, DirectoryDetail, Environment, Event, Kind, ObjectId};
use serde_json::{Value, json};

pub(super) fn changes(event: &Event, detail: &DirectoryDetail) -> Vec<Change> {
    let operation = event.action.trim().to_lowercase();
    let one = |change: Option<Change>| change.into_iter().collect();
    match operation.as_str() {
        "add member to group" => one(member(detail, true)),
        "remove member from group" => one(member(detail, false)),
        text if text.starts_with("add owner to ") => one(owner(detail, true)),
        text if text.starts_with("remove owner from ") => one(owner(detail, false)),
        "add app role assignment to service principal" => one(application_permission(detail)),
        // A request, its approval and its denial change nothing yet.
        text if text.contains("request") || text.contains("approval") || text.contains("eligible") => Vec::new(),
        text if text.starts_with("add member to role") && !text.contains("cancel") => one(role(detail, true)),
        text if text.starts_with("remove member from role") => one(role(detail, false)),
        _ => Vec::new(),
    }
}

/// Operations that change nothing a path or a gate reads. Source: *Microsoft Entra audit log activity reference*.
const HARMLESS: &[&str] = &[
    "Change user license",
    "Set license properties",
    "Update licensed user",
    "Download users - started (bulk)",
    "Download users - finished (bulk)",
    "Download group members - started (bulk)",
    "Download group members - finished (bulk)",
    "Validate user authentication",
    "Self-service password reset flow activity progress",
    "User reviewed security info",
    "Update device",
    "Set user manager",
    "Add label to group",
];

/// Whether it is known what a directory operation changes, ends or hands over (or that it does none of these). False
/// too where the operation is known and the record does not tell on what.
pub fn is_understood(env: &Environment, event: &Event) -> bool {
    let Detail::Directory(detail) = &event.detail else { return true };
    let operation = event.action.trim().to_lowercase();
    let waits = ["request", "approval", "canceled", "cancelled"].iter().any(|word| operation.contains(word));
    // `completed` is the record of the change itself.
    let waits = waits && !operation.contains("completed");
    waits
        || HARMLESS.iter().any(|known| known.eq_ignore_ascii_case(&operation))
        || !changes(event, detail).is_empty()
        || !super::endings(event).is_empty()
        || !super::yields(env, event).is_empty()
}

/// A target of one of these kinds.
fn target(detail: &DirectoryDetail, kinds: &[&str]) -> Option<ObjectId> {
    let is = |kind: &str| kinds.iter().any(|wanted| kind.eq_ignore_ascii_case(wanted));
    detail.targets.iter().find(|t| is(&t.kind)).and_then(|t| t.id.as_deref()).map(ObjectId::new)
}

/// The first target of any other kind.
fn other(detail: &DirectoryDetail, kinds: &[&str]) -> Option<ObjectId> {
    let is = |kind: &str| kinds.iter().any(|wanted| kind.eq_ignore_ascii_case(wanted));
    detail.targets.iter().find(|t| !is(&t.kind)).and_then(|t| t.id.as_deref()).map(ObjectId::new)
}

/// A property by name, from whichever target carries it: the new value, or the old where the new is empty.
pub fn told(detail: &DirectoryDetail, name: &str) -> Option<String> {
    let mut properties = detail.targets.iter().flat_map(|target| &target.modified);
    let (_, (old, new)) = properties.find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    [new, old].into_iter().find_map(plain)
}

/// Text of a value that may be quoted once more, or be the only one of a list.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim_matches('"').to_owned()).filter(|text| !text.is_empty()),
        Value::Array(list) => list.first().and_then(plain),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

fn member(detail: &DirectoryDetail, joins: bool) -> Option<Change> {
    let named = || told(detail, "Group.ObjectID").map(|id| ObjectId::new(&id));
    let group = target(detail, &["group"]).or_else(named)?;
    let member = other(detail, &["group"])?;
    Some(Change::Member { group, member, joins })
}

/// A role by the id of its template, else by the name the record shows; the environment tells what that names.
fn role(detail: &DirectoryDetail, holds: bool) -> Option<Change> {
    let shown = || detail.targets.iter().find(|t| t.kind.eq_ignore_ascii_case("role"))?.name.as_deref();
    let role = told(detail, "Role.TemplateId").or_else(|| shown().map(str::to_owned));
    let role = role.or_else(|| target(detail, &["role"]).map(|id| id.as_str().to_owned()))?;
    let user = target(detail, &["user", "serviceprincipal", "group"]);
    let principal = user.or_else(|| other(detail, &["role"]))?;
    Some(Change::DirectoryRole { principal, role, holds })
}

fn owner(detail: &DirectoryDetail, owns: bool) -> Option<Change> {
    const OBJECTS: &[&str] = &["application", "group"];
    let named = || {
        let names = ["Application.ObjectID", "ServicePrincipal.ObjectID", "Group.ObjectID"];
        names.iter().find_map(|name| told(detail, name)).map(|id| ObjectId::new(&id))
    };
    let of_kind = target(detail, OBJECTS).or_else(|| match target(detail, &["user"]) {
        Some(_) => target(detail, &["serviceprincipal"]),
        None => None,
    });
    let object = of_kind.or_else(named)?;
    let owner = detail.targets.iter().filter_map(|t| t.id.as_deref()).map(ObjectId::new).find(|id| *id != object)?;
    Some(Change::Owner { object, owner, owns })
}

fn application_permission(detail: &DirectoryDetail) -> Option<Change> {
    let permission = ObjectId::new(&told(detail, "AppRole.Id")?);
    let principal = ObjectId::new(&told(detail, "ServicePrincipal.ObjectID")?);
    let resource = detail.targets.iter().filter_map(|t| t.id.as_deref()).map(ObjectId::new).find(|id| *id != principal);
    let key = format!("{permission}:{principal}");
    let body = json!({ "id": key, "appRoleId": permission.as_str(), "principalId": principal.as_str(),
        "resourceId": resource.as_ref().map(ObjectId::as_str) });
    Some(Change::Insert { kind: Kind::AppRoleAssignments, key, body })
}
