//! Directory operations, undone. The audit log names the object and, for most changes, the old value beside the new
//! (learn.microsoft.com, "Microsoft Entra audit log activity reference": `modifiedProperties`).

use super::Rewinding;
use crate::effect::told;
use crate::model::{AuditTarget, Detail, DirectoryDetail, Event, Kind, ObjectId, json};
use serde_json::{Map, Value, json};

/// Kinds of directory objects, by the word the operation's name and the target's kind have for them.
const OBJECTS: &[(&str, &str, Kind)] = &[
    ("user", "user", Kind::Users),
    ("service principal", "serviceprincipal", Kind::ServicePrincipals),
    ("application", "application", Kind::Applications),
    ("group", "group", Kind::Groups),
    ("device", "device", Kind::Devices),
    ("conditional access policy", "policy", Kind::ConditionalAccess),
    ("named location", "policy", Kind::NamedLocations),
];

fn operation(event: &Event) -> String {
    event.action.trim().to_lowercase().replace('\u{2013}', "-")
}

/// The kind of object that an operation makes, changes or removes as a whole, by its name.
fn whole(operation: &str, verbs: &[&str]) -> Option<Kind> {
    let rest = verbs.iter().find_map(|verb| operation.strip_prefix(verb)?.strip_prefix(' '))?;
    let rest = rest.strip_prefix("external ").unwrap_or(rest);
    OBJECTS.iter().find(|(name, _, _)| rest == *name).map(|(_, _, kind)| *kind)
}

fn id_of(detail: &DirectoryDetail, kind: Kind) -> Option<&str> {
    let wanted = OBJECTS.iter().find(|(_, _, of)| *of == kind).map(|(_, target, _)| *target)?;
    let target = detail.targets.iter().find(|target| target.kind.eq_ignore_ascii_case(wanted));
    target.or(detail.targets.first())?.id.as_deref()
}

pub fn made(event: &Event, rewinding: &Rewinding<'_>) -> Option<(Kind, String)> {
    let Detail::Directory(detail) = &event.detail else { return None };
    let kind = whole(&operation(event), &["add", "create", "invite", "register"])?;
    let id = ObjectId::new(id_of(detail, kind)?);
    rewinding.environment.get(kind, id.as_str()).map(|_| (kind, id.as_str().to_owned()))
}

pub fn undo(event: &Event, rewinding: &mut Rewinding<'_>) {
    let Detail::Directory(detail) = &event.detail else { return };
    let operation = operation(event);
    if let Some(kind) = whole(&operation, &["add", "create", "invite", "register"]) {
        if let Some(id) = id_of(detail, kind) {
            undo_creation(kind, &ObjectId::new(id), rewinding);
        }
        return;
    }
    if let Some(kind) = whole(&operation, &["delete", "hard delete", "unregister"]) {
        return undo_deletion(detail, kind, rewinding);
    }
    if detail.category.as_deref().is_some_and(|c| c.eq_ignore_ascii_case("AzureRBACRoleManagementElevateAccess")) {
        return;
    }
    match operation.as_str() {
        "add member to group" => member(detail, true, rewinding),
        "remove member from group" => member(detail, false, rewinding),
        text if text.starts_with("add member to role") => directory_role(detail, true, rewinding),
        text if text.starts_with("remove member from role") => directory_role(detail, false, rewinding),
        text if text.contains("eligible member to role") => rewinding.know_in_part(Kind::PimEligibilities),
        text if text.starts_with("add owner to") => owner(detail, rewinding),
        text if text.contains("app role assignment") => app_role(detail, rewinding),
        text if text.contains("permission grant") || text.starts_with("consent to") => {
            rewinding.know_in_part(Kind::PermissionGrants);
        }
        text if text.contains("role setting") || text.contains("role management policy") => {
            rewinding.know_in_part(Kind::PimSettings);
        }
        text if text.contains("security info") || text.contains("authentication method") => {
            for id in detail.targets.iter().filter_map(|target| target.id.as_deref()) {
                rewinding.forget(Kind::RegistrationDetails, ObjectId::new(id).as_str(), "");
            }
        }
        _ => properties(detail, rewinding),
    }
}

/// The object, and what only stands because of it.
pub(super) fn undo_creation(kind: Kind, id: &ObjectId, rewinding: &mut Rewinding<'_>) {
    rewinding.take_out(kind, id.as_str());
    if matches!(kind, Kind::ConditionalAccess | Kind::NamedLocations | Kind::Devices) {
        return;
    }
    let names = |at: &'static str, id: &ObjectId| {
        let id = id.clone();
        move |body: &Value| json::text(body, at).is_some_and(|text| ObjectId::new(text) == id)
    };
    for of in [Kind::DirectoryRoles, Kind::AppRoleAssignments] {
        rewinding.take_out_where(of, names("principalId", id));
    }
    rewinding.take_out_where(Kind::PermissionGrants, names("clientId", id));
    rewinding.take_out_where(Kind::RoleAssignments, names("properties.principalId", id));
    for of in [Kind::RegistrationDetails, Kind::GroupMembers, Kind::Owners] {
        rewinding.take_out(of, id.as_str());
    }
    for (of, list) in [(Kind::GroupMembers, "members"), (Kind::Owners, "owners")] {
        let holding: Vec<String> = rewinding
            .environment
            .of(of)
            .filter(|(_, document)| listed(&document.body, list, id))
            .map(|(key, _)| key.to_owned())
            .collect();
        for key in holding {
            unlist(of, &key, list, id, rewinding);
        }
    }
}

fn listed(body: &Value, list: &str, id: &ObjectId) -> bool {
    let entries = json::get(body, list).and_then(Value::as_array);
    entries
        .is_some_and(|all| all.iter().any(|one| json::text(one, "id").is_some_and(|text| ObjectId::new(text) == *id)))
}

fn unlist(kind: Kind, key: &str, list: &str, id: &ObjectId, rewinding: &mut Rewinding<'_>) {
    let Some(document) = rewinding.environment.get(kind, key) else { return };
    let Some(all) = json::get(&document.body, list).and_then(Value::as_array) else { return };
    let kept: Vec<Value> =
        all.iter().filter(|one| json::text(one, "id").is_none_or(|text| ObjectId::new(text) != *id)).cloned().collect();
    if kept.len() < all.len() {
        let evidence = document.evidence.clone();
        rewinding.restore(kind, key, &format!("/{list}"), Some(&Value::Array(kept)), Some(evidence));
    }
}

fn enlist(kind: Kind, key: &str, list: &str, id: &ObjectId, rewinding: &mut Rewinding<'_>) {
    let Some(document) = rewinding.environment.get(kind, key) else { return rewinding.know_in_part(kind) };
    let mut all = json::get(&document.body, list).and_then(Value::as_array).cloned().unwrap_or_default();
    if !listed(&document.body, list, id) {
        all.push(json!({ "id": id.as_str() }));
        rewinding.restore(kind, key, &format!("/{list}"), Some(&Value::Array(all)), None);
    }
}

fn undo_deletion(detail: &DirectoryDetail, kind: Kind, rewinding: &mut Rewinding<'_>) {
    let Some(id) = id_of(detail, kind).map(ObjectId::new) else { return rewinding.know_in_part(kind) };
    if rewinding.environment.get(kind, id.as_str()).is_some() {
        return;
    }
    if let Some((old, _)) = documents(detail, &id) {
        return rewinding.put_back(kind, id.as_str(), old.clone(), &[], None);
    }
    let target = detail.targets.iter().find(|target| target.id.as_deref().is_some_and(|t| ObjectId::new(t) == id));
    let mut body = json!({ "id": id.as_str() });
    for (key, value) in [
        ("displayName", target.and_then(|t| t.name.as_deref())),
        ("userPrincipalName", target.and_then(|t| t.upn.as_deref())),
    ] {
        if let Some(value) = value {
            body[key] = json!(value);
        }
    }
    match kind {
        // A policy of which only the name is known says nothing that a gate could read.
        Kind::ConditionalAccess | Kind::NamedLocations => rewinding.know_in_part(kind),
        _ => {
            rewinding.put_back(kind, id.as_str(), body, &["/accountEnabled", "/userType"], None);
            rewinding.know_in_part(Kind::GroupMembers);
        }
    }
}

/// The object's whole old and new form, where the record carries them as documents.
fn documents<'a>(detail: &'a DirectoryDetail, id: &ObjectId) -> Option<(&'a Value, &'a Value)> {
    let whole = |value: &Value| {
        json::text(value, "id").is_some_and(|text| ObjectId::new(text) == *id)
            && value.as_object().is_some_and(|object| object.len() > 1)
    };
    detail
        .targets
        .iter()
        .flat_map(|target| target.modified.values())
        .find_map(|(old, new)| whole(old).then_some((old, new)))
}

fn of_kind<'a>(detail: &'a DirectoryDetail, kind: &str) -> Option<&'a AuditTarget> {
    detail.targets.iter().find(|target| target.kind.eq_ignore_ascii_case(kind))
}

fn member(detail: &DirectoryDetail, joined: bool, rewinding: &mut Rewinding<'_>) {
    let group = of_kind(detail, "group").and_then(|t| t.id.as_deref()).map(str::to_owned);
    let group = group.or_else(|| told(detail, "Group.ObjectID"));
    let member = detail.targets.iter().find(|t| !t.kind.eq_ignore_ascii_case("group")).and_then(|t| t.id.as_deref());
    let (Some(group), Some(member)) = (group, member) else { return rewinding.know_in_part(Kind::GroupMembers) };
    let (group, member) = (ObjectId::new(&group), ObjectId::new(member));
    if joined {
        unlist(Kind::GroupMembers, group.as_str(), "members", &member, rewinding);
    } else {
        enlist(Kind::GroupMembers, group.as_str(), "members", &member, rewinding);
    }
}

fn directory_role(detail: &DirectoryDetail, added: bool, rewinding: &mut Rewinding<'_>) {
    let member = detail.targets.iter().find(|t| !t.kind.eq_ignore_ascii_case("role")).and_then(|t| t.id.as_deref());
    let template = told(detail, "Role.TemplateId");
    let by_target = of_kind(detail, "role").and_then(|t| t.id.as_deref()).map(str::to_owned);
    let Some(member) = member.map(ObjectId::new) else { return rewinding.know_in_part(Kind::DirectoryRoles) };
    let roles: Vec<ObjectId> =
        [template.clone(), by_target].into_iter().flatten().map(|id| ObjectId::new(&id)).collect();
    let held = |body: &Value| {
        json::text(body, "principalId").is_some_and(|id| ObjectId::new(id) == member)
            && json::text(body, "roleDefinitionId").is_some_and(|id| roles.contains(&ObjectId::new(id)))
    };
    if added {
        for kind in [Kind::DirectoryRoles, Kind::PimInstances] {
            rewinding.take_out_where(kind, held);
        }
    } else if let Some(template) = template {
        let template = ObjectId::new(&template);
        if !rewinding.environment.bodies(Kind::DirectoryRoles).any(held) {
            let key = format!("{template}:{member}");
            let body = json!({ "id": key, "principalId": member.as_str(), "roleDefinitionId": template.as_str(),
                               "directoryScopeId": "/" });
            rewinding.put_back(Kind::DirectoryRoles, &key, body, &[], None);
        }
    } else {
        rewinding.know_in_part(Kind::DirectoryRoles);
    }
}

fn owner(detail: &DirectoryDetail, rewinding: &mut Rewinding<'_>) {
    let ids: Vec<ObjectId> = detail.targets.iter().filter_map(|t| t.id.as_deref()).map(ObjectId::new).collect();
    // Whichever target is the object that is owned has the other among its owners.
    for object in &ids {
        for owner in ids.iter().filter(|owner| *owner != object) {
            unlist(Kind::Owners, object.as_str(), "owners", owner, rewinding);
        }
    }
}

fn app_role(detail: &DirectoryDetail, rewinding: &mut Rewinding<'_>) {
    let ids: Vec<ObjectId> = detail.targets.iter().filter_map(|t| t.id.as_deref()).map(ObjectId::new).collect();
    let principal = told(detail, "ServicePrincipal.ObjectID").or_else(|| told(detail, "User.ObjectID"));
    let principals: Vec<ObjectId> = principal.iter().map(|id| ObjectId::new(id)).chain(ids.iter().cloned()).collect();
    let Some(role) = told(detail, "AppRole.Id").map(|id| ObjectId::new(&id)) else {
        return rewinding.know_in_part(Kind::AppRoleAssignments);
    };
    rewinding.take_out_where(Kind::AppRoleAssignments, |body| {
        let id = |at: &str| json::text(body, at).map(ObjectId::new);
        id("appRoleId").as_ref() == Some(&role)
            && id("principalId").is_some_and(|p| principals.contains(&p))
            && id("resourceId").is_none_or(|r| ids.is_empty() || ids.contains(&r))
    });
}

/// Whatever else has old values: each property that the object's document has is set back.
fn properties(detail: &DirectoryDetail, rewinding: &mut Rewinding<'_>) {
    for target in &detail.targets {
        let Some(id) = target.id.as_deref().map(ObjectId::new) else { continue };
        let Some((_, _, kind)) = OBJECTS.iter().find(|(_, of, kind)| {
            target.kind.eq_ignore_ascii_case(of) && rewinding.environment.get(*kind, id.as_str()).is_some()
        }) else {
            continue;
        };
        let key = id.as_str();
        if let Some((old, _)) = documents(detail, &id) {
            rewinding.restore(*kind, key, "", Some(old), None);
            continue;
        }
        if target.kind.eq_ignore_ascii_case("policy") {
            // A policy changed, and the record does not say from what.
            rewinding.forget(*kind, key, "");
            continue;
        }
        for (name, (old, new)) in &target.modified {
            match name.to_ascii_lowercase().as_str() {
                "keydescription" => credentials(*kind, key, old, new, rewinding),
                "federatedidentitycredentials" => federated(old, new, rewinding),
                _ => property(*kind, key, name, old, rewinding),
            }
        }
    }
}

fn property(kind: Kind, key: &str, name: &str, old: &Value, rewinding: &mut Rewinding<'_>) {
    let Some(document) = rewinding.environment.get(kind, key) else { return };
    let Some(object) = document.body.as_object() else { return };
    let Some((spelled, current)) = object.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)) else { return };
    let at = format!("/{spelled}");
    // The audit log wraps single values in a list.
    let old = match old {
        Value::Array(list) if !current.is_array() && list.len() <= 1 => list.first().cloned().unwrap_or(Value::Null),
        other => other.clone(),
    };
    let alike = std::mem::discriminant(&old) == std::mem::discriminant(current);
    if old.is_null() {
        rewinding.restore(kind, key, &at, None, None);
    } else if alike || current.is_null() {
        rewinding.restore(kind, key, &at, Some(&old), None);
    } else {
        rewinding.forget(kind, key, &at);
    }
}

/// `[KeyIdentifier=…,KeyType=Password,KeyUsage=Verify,DisplayName=…]` entries, by key id.
fn key_ids(value: &Value) -> Vec<ObjectId> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let lower = text.to_ascii_lowercase();
    let found = lower.match_indices("keyidentifier=").filter_map(|(at, marker)| lower.get(at + marker.len()..));
    let ids = found.map(|rest| rest.chars().take_while(|c| c.is_ascii_hexdigit() || *c == '-').collect::<String>());
    ids.map(|id| ObjectId::new(&id)).collect()
}

fn credentials(kind: Kind, key: &str, old: &Value, new: &Value, rewinding: &mut Rewinding<'_>) {
    let (old, new) = (key_ids(old), key_ids(new));
    for list in ["passwordCredentials", "keyCredentials"] {
        let Some(document) = rewinding.environment.get(kind, key) else { return };
        let Some(all) = json::get(&document.body, list).and_then(Value::as_array) else { continue };
        let id = |one: &Value| json::text(one, "keyId").map(ObjectId::new);
        let added = |one: &&Value| id(one).is_none_or(|id| old.contains(&id) || !new.contains(&id));
        let kept: Vec<Value> = all.iter().filter(added).cloned().collect();
        if kept.len() < all.len() {
            let evidence = document.evidence.clone();
            rewinding.restore(kind, key, &format!("/{list}"), Some(&Value::Array(kept)), Some(evidence));
        }
    }
    if old.iter().any(|id| !new.contains(id)) {
        // One was removed: which list it was in, and until when it held, no record says.
        rewinding.forget(kind, key, "/passwordCredentials");
        rewinding.forget(kind, key, "/keyCredentials");
    }
}

fn federated(old: &Value, new: &Value, rewinding: &mut Rewinding<'_>) {
    let entries = |value: &Value| -> Vec<Map<String, Value>> {
        let parsed = value.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
        let list = parsed.as_ref().unwrap_or(value).as_array().cloned().unwrap_or_default();
        list.into_iter().filter_map(|one| if let Value::Object(one) = one { Some(one) } else { None }).collect()
    };
    let text = |one: &Map<String, Value>, at: &str| {
        one.iter().find(|(key, _)| key.eq_ignore_ascii_case(at)).and_then(|(_, v)| v.as_str()).map(str::to_lowercase)
    };
    let old = entries(old);
    for added in entries(new).iter().filter(|one| !old.contains(one)) {
        let (issuer, subject) = (text(added, "issuer"), text(added, "subject"));
        rewinding.take_out_where(Kind::FederatedCredentials, |body| {
            let is = |at: &str, wanted: &Option<String>| json::text(body, at).map(str::to_lowercase) == *wanted;
            issuer.is_some() && is("issuer", &issuer) && is("subject", &subject)
        });
    }
}
