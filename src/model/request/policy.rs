//! A resource write (or delete), as Azure Policy sees it.

use crate::model::{ResourceId, Timestamp};
use serde::Deserialize;
use serde_json::Value;

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyRequest {
    /// `PUT`, `PATCH`, `DELETE`, `POST`, `GET`.
    pub method: String,
    pub operation: String,
    pub resource_id: ResourceId,
    #[serde(default)]
    pub api_version: Option<String>,
    /// The resource as it would be after the request; for DELETE and POST the current one.
    pub resource: Value,
    /// What a PATCH or PUT changes; `None`: not given.
    #[serde(default)]
    pub changed_paths: Option<Vec<String>>,
    /// Paths of the resource that nobody recorded. (A property that is merely missing is known to be absent.)
    #[serde(default)]
    pub unknown_paths: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyContext {
    pub utc_now: Timestamp,
    /// `{ name, location, tags }`
    #[serde(default)]
    pub resource_group: Value,
    #[serde(default)]
    pub subscription: Value,
    /// Nearest first; `None`: the chain is unknown.
    #[serde(default)]
    pub management_group_ancestors: Option<Vec<String>>,
    /// What `requestContext()` returns; outer `None`: only the api version is known; `Some(Null)`: unknown.
    #[serde(default, deserialize_with = "present")]
    pub request_context: Option<Value>,
    /// For the IfNotExists effects; `None`: not collected.
    #[serde(default)]
    pub related_resources: Option<Vec<Value>>,
}

fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}
