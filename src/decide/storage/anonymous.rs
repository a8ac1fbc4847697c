//! Anonymous requests: the account must allow them and the container's level must cover them; nobody writes unnamed.
//!
//! Source: *Remediate anonymous read access to blob data*, *Configure anonymous read access for containers and blobs*.

use super::resource::Resource;
use crate::model::request::StorageRequest;
use crate::model::{Truth, json};
use serde_json::Value;

pub(super) const PUBLIC_ACCESS: &str = "properties.allowBlobPublicAccess";

/// Absent changed its meaning between API versions.
pub(super) fn account_allows(account: &Resource) -> Truth {
    account.unless(PUBLIC_ACCESS, false, Truth::missing(PUBLIC_ACCESS))
}

/// `Blob`: read a blob by its name; `Container`: list it too. Only blob containers are ever public.
pub(super) fn container_allows(account: &Resource, container: &Value, request: &StorageRequest) -> Truth {
    const LEVEL: &str = "container.publicAccess";
    if !["blob", "dfs"].iter().any(|service| request.service.eq_ignore_ascii_case(service)) {
        return Truth::False;
    }
    let by_name = match request.resource_type.as_deref() {
        Some("o") => Truth::True,
        Some("c") => Truth::False,
        // The account's own list of containers is never public.
        Some("s") => return Truth::False,
        Some(_) | None => Truth::missing("request.resourceType"),
    };
    if account.is_unknown(LEVEL) || account.is_unknown("container") {
        return Truth::missing(LEVEL);
    }
    let level = json::text(container, "publicAccess").or(json::text(container, "properties.publicAccess"));
    match level.map(str::to_lowercase).as_deref() {
        Some("container") => Truth::True,
        Some("blob") => by_name,
        Some("none") => Truth::False,
        Some(_) | None => Truth::missing(LEVEL),
    }
}

pub(super) fn reads(request: &StorageRequest) -> Truth {
    match request.needed_permission.as_deref() {
        Some(letters) => letters.chars().all(|letter| matches!(letter, 'r' | 'l')).into(),
        None => Truth::missing("request.neededPermission"),
    }
}
