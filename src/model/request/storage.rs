//! A data-plane request to a storage account.

use crate::model::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// `type` is `AccountKey`, `AccountSAS`, `ServiceSAS`, `UserDelegationSAS`, `OAuth` or `Anonymous`; SAS fields by
/// their query names. `null` means unknown.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DataAuthentication {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// `key1`, `key2`; `None`: unknown which.
    pub key_name: Option<String>,
    /// When the caller got the key.
    pub key_obtained: Option<Timestamp>,
    pub signed_key_start: Option<Timestamp>,
    pub keys_revoked_at: Option<Timestamp>,
    /// SAS query fields (`sp`, `st`, `se`, `sip`, `spr`, `ss`, `srt`, `sr`, `si`, ...) and whatever else is given.
    #[serde(flatten)]
    pub fields: serde_json::Map<String, Value>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StorageRequest {
    /// `blob`, `file`, `queue`, `table`.
    pub service: String,
    pub operation: String,
    /// SAS permission letter.
    pub needed_permission: Option<String>,
    /// `s`, `c` or `o`.
    pub resource_type: Option<String>,
    pub time: Timestamp,
    #[serde(default)]
    pub caller_ip: Option<String>,
    #[serde(default)]
    pub via_private_endpoint: Option<bool>,
    #[serde(default)]
    pub subnet_id: Option<String>,
    #[serde(default)]
    pub trusted_service: Option<bool>,
    #[serde(default)]
    pub protocol: Option<String>,
    #[serde(default)]
    pub tls_version: Option<String>,
    pub auth: DataAuthentication,
}
