//! ARM objects in the REST form, whatever printed them: a resource's settings stand under `properties`.
//!
//! `az <type> list` and `show` lift `properties` to the top, of the object and of the child resources in it; `az
//! resource list`, `az keyvault list` and PowerShell's `Get-AzResource` print no settings at all. PowerShell names
//! members in PascalCase; what its older modules hold under `Properties` is the REST body so renamed, and what the
//! cmdlets of a single type print (`Get-AzStorageAccount`) are objects of the module's own, whose members are no settings
//! by the provider's names. Without settings there is no `properties` here: they are unknown, not absent.
//!
//! Source: "Resource Manager: request and response format" (what stands beside `properties`), the Python and .NET SDKs of
//! the storage provider ([`RENAMED`]).

use super::document::camel;
use crate::model::{ResourceId, json};
use serde_json::{Map, Value};

/// What stands beside `properties`.
const BESIDE: &[&str] = &[
    "id",
    "name",
    "type",
    "apiVersion",
    "location",
    "tags",
    "sku",
    "kind",
    "identity",
    "zones",
    "plan",
    "etag",
    "managedBy",
    "managedByExtended",
    "extendedLocation",
    "systemData",
    "resourceGroup",
    "subscriptionId",
    "tenantId",
    "createdTime",
    "changedTime",
    "ResourceId",
];

/// Settings that the SDKs, and so `az`, give another name than the provider does: type, where (from `properties` on,
/// through lists), their name, the provider's.
const RENAMED: &[(&str, &[&str], &str, &str)] = &[
    ("microsoft.storage/storageaccounts", &[], "networkRuleSet", "networkAcls"),
    ("microsoft.storage/storageaccounts", &[], "enableHttpsTrafficOnly", "supportsHttpsTrafficOnly"),
    ("microsoft.storage/storageaccounts", &[], "enableNfsV3", "isNfsV3Enabled"),
    ("microsoft.storage/storageaccounts", &["networkAcls", "ipRules"], "ipAddressOrRange", "value"),
    ("microsoft.storage/storageaccounts", &["networkAcls", "virtualNetworkRules"], "virtualNetworkResourceId", "id"),
];

/// Members whose own members are somebody's names and not the provider's.
const OPAQUE: &[&str] = &["parameters", "parameter", "policyRule", "metadata", "tags"];

/// Brings an ARM object into the REST form. `settings`: what a PowerShell object without `Properties` has beside the
/// envelope are settings all the same.
pub fn rest(body: &mut Value, settings: bool) {
    if body.get("properties").is_some_and(Value::is_null)
        && let Some(members) = body.as_object_mut()
    {
        members.remove("properties");
    }
    match from_powershell(body) {
        true if body.get("properties").is_none() && !settings => {
            if let Some(members) = body.as_object_mut() {
                members.retain(|name, _| BESIDE.contains(&name.as_str()));
            }
        }
        _ => nest(body, None),
    }
    rename(body);
}

/// An object's own id in its PascalCase spellings, and whether it was one.
fn from_powershell(body: &mut Value) -> bool {
    let Some(members) = body.as_object_mut().filter(|members| !members.contains_key("id")) else { return false };
    let own = ["ResourceId", "Id", "LockId"].iter().find_map(|name| {
        let id = members.get(*name)?.as_str()?;
        id.starts_with('/').then(|| id.to_owned())
    });
    let Some(id) = own else { return false };
    let first = |names: &[&str]| names.iter().find_map(|n| members.get(*n)?.as_str().map(str::to_owned));
    let resource = ResourceId::new(&id);
    let name = first(&["Name", "ResourceName"]).unwrap_or_else(|| resource.name().to_owned());
    let of_type = first(&["ExtensionResourceType", "Type", "ResourceType"]).filter(|t| t.contains('/'));
    let of_type = of_type.or_else(|| resource.resource_type().map(|t| t.to_string()));
    let named = ["Name", "ResourceName", "Type", "ResourceType", "ExtensionResourceName", "ExtensionResourceType"];
    let mut rest = Map::new();
    for (member, value) in std::mem::take(members) {
        let own_id = value.as_str().is_some_and(|text| text.eq_ignore_ascii_case(&id));
        if own_id || named.contains(&member.as_str()) {
            continue;
        }
        let (member, value) = match member.as_str() {
            "ResourceGroupName" => ("resourceGroup".to_owned(), value),
            _ => renamed_in(&member, value),
        };
        if !(value.is_null() && BESIDE.contains(&member.as_str())) {
            rest.insert(member, value);
        }
    }
    rest.insert("id".to_owned(), id.into());
    rest.insert("name".to_owned(), name.into());
    if let Some(of_type) = of_type {
        rest.insert("type".to_owned(), of_type.into());
    }
    if rest.get("properties").is_some_and(Value::is_null) {
        rest.remove("properties");
    }
    *members = rest;
    true
}

/// A member in camelCase, and all that is in it.
fn renamed_in(name: &str, value: Value) -> (String, Value) {
    let name = camel(name);
    let value = if OPAQUE.contains(&name.as_str()) { value } else { camels(value) };
    (name, value)
}

fn camels(value: Value) -> Value {
    match value {
        Value::Object(members) => members.into_iter().map(|(name, value)| renamed_in(&name, value)).collect(),
        Value::Array(elements) => elements.into_iter().map(camels).collect(),
        other => other,
    }
}

/// Puts what was lifted back under `properties`: of the object, and of the child resources in it (those whose id lies
/// below its own).
fn nest(value: &mut Value, above: Option<&str>) {
    match value {
        Value::Array(elements) => elements.iter_mut().for_each(|element| nest(element, above)),
        Value::Object(members) => {
            let id = members.get("id").and_then(Value::as_str).map(str::to_lowercase).filter(|id| id.starts_with('/'));
            let child = match (&id, above) {
                (Some(id), Some(above)) => id.strip_prefix(above).is_some_and(|rest| rest.starts_with('/')),
                (_, None) => true,
                (None, Some(_)) => false,
            };
            if members.get("properties").is_some_and(Value::is_object) {
                return;
            }
            if id.is_some() && above.is_some() {
                // `az` tells the group of whatever has an id.
                members.remove("resourceGroup");
            }
            let within = if child { id.as_deref().or(above) } else { above };
            if let Some(within) = within {
                let inside = members.iter_mut().filter(|(name, _)| !BESIDE.contains(&name.as_str()));
                inside.for_each(|(_, member)| nest(member, Some(within)));
            }
            if child {
                lower(members);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn lower(members: &mut Map<String, Value>) {
    let lifted = |name: &String| !BESIDE.contains(&name.as_str());
    // `az resource list` tells how the deployment went, and nothing of the settings.
    if !members.iter().any(|(name, value)| lifted(name) && name != "provisioningState" && !value.is_null()) {
        return;
    }
    let mut properties = Map::new();
    for (name, value) in std::mem::take(members) {
        if lifted(&name) {
            properties.insert(name, value);
        } else {
            members.insert(name, value);
        }
    }
    members.insert("properties".to_owned(), Value::Object(properties));
}

fn rename(body: &mut Value) {
    let Some(of_type) = json::text(body, "type").map(str::to_lowercase) else { return };
    for (_, path, theirs, provider) in RENAMED.iter().filter(|(named, ..)| *named == of_type) {
        if let Some(properties) = body.get_mut("properties") {
            rename_at(properties, path, theirs, provider);
        }
    }
}

fn rename_at(value: &mut Value, path: &[&str], theirs: &str, provider: &str) {
    match (value, path) {
        (Value::Array(elements), _) => elements.iter_mut().for_each(|e| rename_at(e, path, theirs, provider)),
        (Value::Object(members), [next, rest @ ..]) => {
            if let Some(member) = members.get_mut(*next) {
                rename_at(member, rest, theirs, provider);
            }
        }
        (Value::Object(members), []) => {
            if let Some(value) = members.remove(theirs) {
                members.entry(provider).or_insert(value);
            }
        }
        (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_), _) => {}
    }
}
