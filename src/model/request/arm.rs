//! A call that Azure RBAC authorises: control plane or data plane.

use crate::model::{ObjectId, ResourceId, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Who calls. A list that is `None` was not collected.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArmPrincipal {
    pub id: ObjectId,
    /// `User`, `ServicePrincipal`, `Group`, ...
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub transitive_groups: Option<Vec<ObjectId>>,
    /// Active directory role template ids.
    #[serde(default)]
    pub entra_roles: Option<Vec<ObjectId>>,
    #[serde(default)]
    pub user_principal_name: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArmRequest {
    pub operation: String,
    pub is_data_action: bool,
    pub scope: ResourceId,
    #[serde(default)]
    pub suboperation: Option<String>,
    pub utc_now: Timestamp,
    /// Keyed like the condition text (`@Request[...]`); a missing key is unknown, `null` is known to be absent.
    #[serde(default)]
    pub attributes: BTreeMap<String, Option<Vec<Value>>>,
}
