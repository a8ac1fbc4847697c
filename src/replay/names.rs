//! Names for print of what the snapshot knows by an id.

use crate::effect::Audience;
use crate::model::{Environment, Kind, ResourceId, json};

/// `the subscription`, `rg-production`, `proddata`: a scope in a sentence.
pub fn scope_name(env: &Environment, id: &ResourceId) -> String {
    if id.folded() == "/" {
        return "the root".to_owned();
    }
    let named = env.get(Kind::Containers, id.folded()).and_then(|d| {
        json::text(&d.body, "properties.displayName")
            .or(json::text(&d.body, "displayName"))
            .or(json::text(&d.body, "name"))
    });
    let named = named.filter(|name| !is_guid(name));
    if id.subscription().as_ref() == Some(id) {
        return named.unwrap_or("the subscription").to_owned();
    }
    if id.folded().starts_with("/providers/microsoft.management/managementgroups/") {
        return format!("management group {}", named.unwrap_or(id.name()));
    }
    id.name().to_owned()
}

/// An Azure role by its definition's GUID or id.
pub fn azure_role_name(env: &Environment, id: &str) -> Option<String> {
    let guid = id.rsplit('/').next().unwrap_or(id);
    let of = |body: &serde_json::Value| {
        let id = json::text(body, "name").or_else(|| json::text(body, "id")).unwrap_or_default();
        id.rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case(guid))
    };
    env.bodies(Kind::RoleDefinitions)
        .find(|body| of(body))
        .and_then(|body| json::text(body, "properties.roleName"))
        .map(str::to_owned)
}

/// A directory role by its template id.
pub fn directory_role_name(env: &Environment, id: &str) -> Option<String> {
    env.get(Kind::DirectoryRoleDefinitions, id).and_then(|d| json::text(&d.body, "displayName")).map(str::to_owned)
}

/// What an id that is neither a resource's nor a principal's stands for: the application a token is for, a role.
pub fn known_name(env: &Environment, id: &str) -> Option<String> {
    match Audience::of_application(id) {
        Audience::Other(_) => directory_role_name(env, id),
        known => Some(known.name().to_owned()),
    }
}

fn is_guid(text: &str) -> bool {
    let mut parts = text.split('-').map(|part| (part.len(), part.chars().all(|c| c.is_ascii_hexdigit())));
    [8, 4, 4, 4, 12].into_iter().all(|wide| parts.next() == Some((wide, true))) && parts.next().is_none()
}
