//! What the export leaves open by itself, and the settings it hangs on: what a later export is compared with.

use super::{Closes, PathStep};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Paths from the attack's entries to the jewels as the export stands, nobody having signed in yet: the attacker knows
/// the password and lacks what `incident.json` says. `cutset diff` compares it with a later export's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Posture {
    pub pairs: Vec<PosturePair>,
    /// Facts of the tenant and kinds exported whole, by `incident.json`'s word.
    pub stated: Stated,
    /// What the attacker is taken to lack.
    pub lacks: Vec<Lacked>,
    /// The documents that paths hang on, by kind and key.
    pub settings: Vec<Setting>,
    /// Documents beyond the limit, which are not listed.
    pub settings_left_out: u64,
    /// Kinds of exports that are missing, in whole or in part: they open no path, so nothing is closed for sure.
    pub not_collected: Vec<String>,
}

/// What no export tells. An absent field is unknown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stated {
    pub mfa_trusted_ips: Option<Vec<String>>,
    pub security_defaults: Option<bool>,
    pub mandatory_mfa_portals: Option<bool>,
    pub baseline_scopes: Option<Value>,
    pub collected: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Lacked {
    /// A word of the attacker's.
    pub word: String,
    /// Object id of whom, or of everybody.
    pub of: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PosturePair {
    pub from: String,
    /// Object id.
    pub from_id: String,
    pub to: String,
    pub open: Closes,
    /// Minimal paths that are open.
    pub paths: Vec<PosturePath>,
    /// Minimal paths that are open only to an attacker who holds their words.
    pub if_held: Vec<PosturePath>,
    /// Whether these are all.
    pub whole: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PosturePath {
    pub steps: Vec<PathStep>,
    pub words: Vec<String>,
    /// Facts it turns on.
    pub missing: Vec<String>,
}

/// One document of the export.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Setting {
    /// `conditionalAccess`, `roleAssignments`, ...
    pub kind: String,
    /// The document's key: its id.
    pub document: String,
    /// What the document is called.
    pub name: String,
    /// JSON pointer → value, of every leaf; a list of plain values is one, in order.
    pub values: BTreeMap<String, Value>,
}
