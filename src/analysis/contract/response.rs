//! What responders act on: containment, exposure, inventory, cost, detections, preservation.

use crate::model::{Evidence, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something the attacker still holds, and how to take it away.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Containment {
    /// From 1, most urgent first.
    pub rank: u32,
    pub action: String,
    /// Exact command.
    pub command: String,
    pub capability: String,
    pub live: bool,
    /// What it opens now.
    pub opens: Vec<String>,
    /// Controls or states that stand in the way of this action.
    pub blocked_by: Vec<String>,
    /// A few words for the terminal: `rotate proddata keys`.
    #[serde(default)]
    pub short: String,
    /// What still works after it.
    #[serde(default)]
    pub still_works: Vec<String>,
    #[serde(default)]
    pub steps: Vec<String>,
    #[serde(default)]
    pub why: String,
    #[serde(default)]
    pub evidence: Vec<Evidence>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Exposure {
    pub bytes: u64,
    pub objects: u64,
    pub stores: Vec<Store>,
    pub clock: Clock,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Store {
    pub id: String,
    pub name: String,
    pub bytes: u64,
    pub objects: u64,
    #[schemars(with = "Option<String>")]
    pub from: Option<Timestamp>,
    #[schemars(with = "Option<String>")]
    pub to: Option<Timestamp>,
    pub personal_data: Option<bool>,
    pub steps: Vec<String>,
    pub evidence: Vec<Evidence>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Clock {
    pub regime: Option<String>,
    #[schemars(with = "Option<String>")]
    pub aware_at: Option<Timestamp>,
    #[schemars(with = "Option<String>")]
    pub deadline: Option<Timestamp>,
    /// The rule the deadline comes from.
    #[serde(default)]
    pub rule: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InventoryItem {
    pub id: String,
    pub name: String,
    #[serde(rename = "type")]
    pub resource_type: String,
    pub location: Option<String>,
    /// `created`, `changed`, `read`, `deleted`, `used`.
    pub part: Vec<String>,
    pub steps: Vec<String>,
    pub jewel: bool,
    pub in_snapshot: bool,
    pub evidence: Vec<Evidence>,
}

/// One ARM operation of the attack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Operation {
    #[schemars(with = "String")]
    pub time: Timestamp,
    pub caller: String,
    pub source_ip: Option<String>,
    pub operation: String,
    pub target: String,
    pub outcome: String,
    pub step: Option<String>,
    pub correlation_id: Option<String>,
    pub evidence: Vec<Evidence>,
}

/// One identity, many resource types, short window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Lateral {
    pub caller: String,
    pub source_ips: Vec<String>,
    pub resource_types: Vec<String>,
    pub count: u64,
    #[schemars(with = "String")]
    pub from: Timestamp,
    #[schemars(with = "String")]
    pub to: Timestamp,
    pub seconds: u64,
    pub steps: Vec<String>,
    pub evidence: Vec<Evidence>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    pub currency: Option<String>,
    /// Decimal text with two places.
    pub total: Option<String>,
    pub items: Vec<CostItem>,
    /// What the figure leaves out.
    #[serde(default)]
    pub note: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CostItem {
    pub resource: String,
    pub meter: String,
    /// Decimal text, per `unit`.
    pub unit_price: String,
    pub unit: String,
    pub quantity: String,
    pub amount: String,
    #[schemars(with = "Option<String>")]
    pub from: Option<Timestamp>,
    #[schemars(with = "Option<String>")]
    pub to: Option<Timestamp>,
    pub steps: Vec<String>,
    pub evidence: Vec<Evidence>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Detection {
    pub id: String,
    pub title: String,
    pub description: String,
    /// `High`, `Medium`, `Low`, `Informational`.
    pub severity: String,
    pub tactics: Vec<String>,
    pub techniques: Vec<String>,
    /// When it would first have fired on the case.
    #[schemars(with = "Option<String>")]
    pub fires_at: Option<Timestamp>,
    pub steps: Vec<String>,
    /// How often it fires on the baseline.
    pub baseline_hits: u64,
    pub baseline_evaluated: u64,
    /// Whether it is written as a rule file, or only evaluated.
    pub exported: bool,
    /// Which reading of the words, where there are several.
    #[serde(default)]
    pub reading: String,
    #[serde(default)]
    pub why: String,
    #[serde(default)]
    pub query: String,
    /// ISO 8601 durations, as the rule format has them.
    #[serde(default)]
    pub query_frequency: String,
    #[serde(default)]
    pub query_period: String,
    /// Data connectors and tables it needs.
    #[serde(default)]
    pub tables: Vec<String>,
    #[serde(default)]
    pub entities: Vec<EntityMapping>,
    /// The residual path it watches, if it is one of those.
    #[serde(default)]
    pub residual_path: Option<String>,
    /// All residual paths it watches.
    #[serde(default)]
    pub residual_paths: Vec<String>,
}

/// One entity of a rule: which column fills which identifier.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EntityMapping {
    pub entity: String,
    pub fields: Vec<FieldMapping>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FieldMapping {
    pub identifier: String,
    pub column: String,
}

/// Evidence to preserve before containment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Preservation {
    /// From 1.
    pub order: u32,
    pub what: String,
    pub why: String,
    pub command: String,
    pub resource: Option<String>,
    /// Log Analytics workspace that keeps it, where the snapshot says.
    #[serde(default)]
    pub workspace: Option<String>,
    /// Days of retention left at discovery; absent where nothing expires.
    pub days_left: Option<u64>,
    pub steps: Vec<String>,
    pub evidence: Vec<Evidence>,
}
