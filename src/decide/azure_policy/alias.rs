//! Aliases: from `Microsoft.Storage/storageAccounts/allowSharedKeyAccess` to a path in the resource, by the tenant's
//! own table where the snapshot has one, by the documented property-path rule otherwise.
//!
//! Source: *Azure Policy definition structure aliases*: "Each alias maps to paths in different API versions for a
//! given resource type. During policy evaluation, the policy engine gets the property path for that API version."
//! Table: `GET /providers?$expand=resourceTypes/aliases`.

use super::path::{Path, Segment};
use crate::model::json;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Where alias names lead.
#[derive(Clone, Debug, Default)]
pub enum AliasTable {
    /// No table in the snapshot: the property-path rule.
    #[default]
    ByRule,
    /// The provider entries of the snapshot. An alias that is not among them is unknown.
    Table(Arc<Providers>),
}

/// `resourceTypes` of all providers, compiled.
#[derive(Debug, Default)]
pub struct Providers {
    /// By folded type, then folded alias name.
    types: BTreeMap<String, ResourceType>,
    /// Every alias name in the table, folded.
    names: BTreeSet<String>,
    /// Whether the table says of any alias whether it can be modified; old api versions say it of none.
    says_modifiable: bool,
}

#[derive(Debug, Default)]
struct ResourceType {
    /// None: the entry has no `capabilities`.
    capabilities: Option<String>,
    aliases: BTreeMap<String, Alias>,
}

#[derive(Debug)]
struct Alias {
    default_path: Option<Path>,
    paths: Vec<(Path, Vec<String>, Option<Metadata>)>,
    metadata: Option<Metadata>,
    /// A path with a pattern that extracts part of the value: not evaluated.
    pattern: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Metadata {
    pub modifiable: bool,
    pub token: Option<String>,
}

/// What an alias means for one resource type and api version.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Resolved {
    Path {
        path: Path,
        metadata: Option<Metadata>,
    },
    /// By the rule: under `properties`, or beside it for the well-known envelope properties.
    ByRule {
        rest: Path,
        envelope: bool,
    },
    /// An alias of other resource types only: reads as missing.
    Elsewhere,
    /// Not known, and why.
    Unknown(String),
}

impl AliasTable {
    /// From the entries of `GET /providers` (an array, or an object with `value`). No entries: by rule.
    pub fn from_providers<'a>(entries: impl IntoIterator<Item = &'a Value>) -> AliasTable {
        let mut providers = Providers::default();
        let mut any = false;
        for entry in entries {
            any = true;
            providers.add(entry);
        }
        if any { AliasTable::Table(Arc::new(providers)) } else { AliasTable::ByRule }
    }

    pub(super) fn resolve(&self, alias: &str, resource_type: &str, api_version: Option<&str>) -> Resolved {
        match self {
            AliasTable::Table(providers) => providers.resolve(alias, resource_type, api_version),
            AliasTable::ByRule => by_rule(alias, resource_type),
        }
    }

    /// Whether resources of a type carry tags and a location; none where nothing here says so.
    pub(super) fn supports_tags_and_location(&self, resource_type: &str) -> Option<bool> {
        let folded = resource_type.to_lowercase();
        if folded.starts_with("microsoft.resources/") {
            return Some(false);
        }
        match self {
            AliasTable::ByRule => super::capability::without_tags_or_location(&folded).then_some(false),
            AliasTable::Table(providers) => {
                let capabilities = providers.types.get(&folded)?.capabilities.as_ref()?.to_lowercase();
                let has = |word: &str| capabilities.split([',', ' ']).any(|part| part == word);
                Some(has("supportstags") && has("supportslocation"))
            }
        }
    }

    /// Whether an alias that resolved with `metadata` can be modified; none where the table does not say.
    pub(super) fn modifiable(&self, metadata: Option<&Metadata>) -> Option<bool> {
        match (self, metadata) {
            (_, Some(metadata)) => Some(metadata.modifiable),
            (AliasTable::Table(providers), None) => providers.says_modifiable.then_some(false),
            (AliasTable::ByRule, None) => None,
        }
    }
}

impl Providers {
    fn add(&mut self, entry: &Value) {
        let Some(namespace) = json::text(entry, "namespace") else { return };
        let Some(types) = json::get(entry, "resourceTypes").and_then(Value::as_array) else { return };
        for resource_type in types {
            let Some(name) = json::text(resource_type, "resourceType") else { continue };
            let compiled = self.types.entry(format!("{namespace}/{name}").to_lowercase()).or_default();
            if let Some(capabilities) = json::text(resource_type, "capabilities") {
                compiled.capabilities = Some(capabilities.to_owned());
            }
            for alias in json::get(resource_type, "aliases").and_then(Value::as_array).into_iter().flatten() {
                let Some(name) = json::text(alias, "name") else { continue };
                let read = Alias::read(alias);
                self.says_modifiable |= read.metadata.is_some() || read.paths.iter().any(|(_, _, m)| m.is_some());
                self.names.insert(name.to_lowercase());
                compiled.aliases.insert(name.to_lowercase(), read);
            }
        }
    }

    fn resolve(&self, alias: &str, resource_type: &str, api_version: Option<&str>) -> Resolved {
        let folded = alias.to_lowercase();
        let Some(found) = self.types.get(&resource_type.to_lowercase()).and_then(|t| t.aliases.get(&folded)) else {
            return if self.names.contains(&folded) {
                Resolved::Elsewhere
            } else {
                Resolved::Unknown(format!("alias `{alias}` (not in the alias table)"))
            };
        };
        if found.pattern {
            return Resolved::Unknown(format!("alias `{alias}` (its path has a pattern)"));
        }
        let versioned = api_version.and_then(|version| {
            found.paths.iter().find(|(_, versions, _)| versions.iter().any(|v| v.eq_ignore_ascii_case(version)))
        });
        if let Some((path, _, metadata)) = versioned {
            let metadata = metadata.clone().or_else(|| found.metadata.clone());
            return Resolved::Path { path: path.clone(), metadata };
        }
        let differs = found.paths.iter().any(|(path, _, _)| Some(path) != found.default_path.as_ref());
        match &found.default_path {
            Some(_) if api_version.is_none() && differs => {
                Resolved::Unknown(format!("apiVersion of the request (alias `{alias}` depends on it)"))
            }
            Some(path) => Resolved::Path { path: path.clone(), metadata: found.metadata.clone() },
            None => Resolved::Unknown(format!("alias `{alias}` (no path for this api version)")),
        }
    }
}

impl Alias {
    fn read(alias: &Value) -> Alias {
        let paths = json::get(alias, "paths").and_then(Value::as_array).into_iter().flatten();
        let paths: Vec<_> = paths
            .filter_map(|entry| {
                let versions = json::get(entry, "apiVersions").and_then(Value::as_array);
                let versions = versions.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
                let path = json::text(entry, "path")?;
                Some((Path::parse(path), versions, json::get(entry, "metadata").and_then(Metadata::read)))
            })
            .collect();
        let first = paths.first().map(|(path, _, _)| path.clone());
        Alias {
            default_path: json::text(alias, "defaultPath").map(Path::parse).or(first),
            paths,
            metadata: json::get(alias, "defaultMetadata").and_then(Metadata::read),
            pattern: json::get(alias, "defaultPattern").is_some_and(|pattern| !pattern.is_null()),
        }
    }
}

impl Metadata {
    fn read(value: &Value) -> Option<Metadata> {
        value.as_object()?;
        let attributes = json::text(value, "attributes").unwrap_or("");
        Some(Metadata {
            modifiable: attributes.split(',').any(|a| a.trim().eq_ignore_ascii_case("modifiable")),
            token: json::text(value, "type").map(str::to_owned),
        })
    }

    /// "The token type in the modify operation matches the expected token type for the property" (*modify effect*).
    pub fn takes(&self, value: &Value) -> bool {
        let Some(token) = self.token.as_deref() else { return true };
        match token.to_lowercase().as_str() {
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.as_i64().is_some() || value.as_u64().is_some(),
            "number" => value.is_number(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            _ => true,
        }
    }
}

/// Aliases whose path is not their name: folded alias and resource type, path. Only those we have seen in an alias
/// table; a namespace's other aliases without a type (`Microsoft.Compute/imagePublisher`) are unknown without one.
const ODD: &[(&str, &str, &str)] = &[(
    "microsoft.compute/virtualmachines/sku.name",
    "microsoft.compute/virtualmachines",
    "properties.hardwareProfile.vmSize",
)];

/// Properties of the ARM envelope, beside `properties`. (`name`, `type` and `id` are fields of their own: an alias of
/// such a name is a property.)
const ENVELOPE: &[&str] = &[
    "sku",
    "kind",
    "identity",
    "zones",
    "plan",
    "tags",
    "location",
    "managedby",
    "extendedlocation",
    "etag",
    "systemdata",
    "placement",
];

fn by_rule(alias: &str, resource_type: &str) -> Resolved {
    let folded = alias.to_lowercase();
    let of_type = resource_type.to_lowercase();
    if let Some((_, _, path)) = ODD.iter().find(|(name, of, _)| *name == folded && *of == of_type) {
        return Resolved::Path { path: Path::parse(path), metadata: None };
    }
    let Some(rest) = folded.strip_prefix(&of_type).and_then(|rest| rest.strip_prefix('/')) else {
        // `Microsoft.Compute/imagePublisher` names a property of several types of its namespace.
        let of_namespace = folded.split_once('/').is_some_and(|(namespace, property)| {
            !property.contains('/') && of_type.split_once('/').is_some_and(|(of, _)| of == namespace)
        });
        return if of_namespace {
            Resolved::Unknown(format!("alias `{alias}` (no alias table in the snapshot)"))
        } else {
            Resolved::Elsewhere
        };
    };
    if rest.contains('/') {
        return Resolved::Elsewhere;
    }
    // INVARIANT: folding keeps the length of ASCII names; anything else is taken in its folded form.
    let spelled = alias.len().checked_sub(rest.len()).and_then(|at| alias.get(at..)).unwrap_or(rest);
    let path = Path::parse(spelled);
    let envelope = match path.segments.first() {
        Some(Segment::Key(key)) => ENVELOPE.contains(&key.to_lowercase().as_str()),
        Some(Segment::Index(_) | Segment::Every) | None => false,
    };
    Resolved::ByRule { rest: path, envelope }
}
