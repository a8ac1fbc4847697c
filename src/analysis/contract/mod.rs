//! `analysis.json` as types. Stable and versioned: fields may be added, none changes its meaning. Every renderer works
//! from this value alone, whether it was just computed or read back from the file.
//!
//! Times are RFC 3339 in UTC, sizes are bytes, order is derived (lists sorted by whoever fills them, maps `BTreeMap`).
//! Parts that nothing fills are present and empty. Unknown fields are tolerated on reading.

mod control;
mod graph;
mod identity;
mod posture;
mod response;
mod set;
mod source;
mod step;

pub use control::{
    BaselineClass, Closes, Collateral, CollateralWho, Control, ControlDocument, DocumentTarget, EligibleAssignment,
    Gap, Loosening, Owned, PostureGap, Recommendation, Requires, Unexplained,
};
pub use graph::{Edge, EdgeKind, Graph, Lane, Node, NodeKind};
pub use identity::{IdentityFinding, Statement};
pub use posture::{Lacked, Posture, PosturePair, PosturePath, Setting, Stated};
pub use response::{
    Clock, Containment, Cost, CostItem, Detection, EntityMapping, Exposure, FieldMapping, InventoryItem, Lateral,
    Operation, Preservation, Store,
};
pub use set::{
    Certificate, ClauseProof, Guarantee, MemberProof, MinimalControlSet, MinimalControlSets, PathStep, ResidualPath,
    Uncovered,
};
pub use source::{Assumption, Calibration, Coverage, Difference, Presence, RECORDS, Record, Rejected};
pub use step::{
    Alert, Basis, Condition, EventCounts, LostBefore, Mode, Need, Plane, Step, Support, Undo, Verdict, Yield,
};

use crate::model::{Source, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything cutset found out about one incident (or, without one, about one environment).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Analysis {
    /// `cutset/analysis/1`
    pub schema: String,
    pub tool: Tool,
    pub incident: IncidentSummary,
    pub assumptions: Vec<Assumption>,
    pub sources: Vec<Source>,
    pub rejected: Vec<Rejected>,
    pub coverage: Vec<Coverage>,
    pub calibration: Vec<Calibration>,
    pub graph: Graph,
    /// In time order.
    pub steps: Vec<Step>,
    pub controls: Vec<Control>,
    pub minimal_control_sets: MinimalControlSets,
    pub residual_paths: Vec<ResidualPath>,
    pub posture_gaps: Vec<PostureGap>,
    pub owned_already: Vec<Owned>,
    pub unexplained: Vec<Unexplained>,
    pub gaps: Vec<Gap>,
    pub containment: Vec<Containment>,
    pub exposure: Exposure,
    pub inventory: Vec<InventoryItem>,
    pub operations: Vec<Operation>,
    pub lateral: Vec<Lateral>,
    pub cost: Cost,
    pub detections: Vec<Detection>,
    pub preservation: Vec<Preservation>,

    /// Identities that the attack signed in as, and what the evidence says of them.
    #[serde(default)]
    pub identities: Vec<IdentityFinding>,
    /// Alerts that could be pinned to no step.
    #[serde(default)]
    pub alerts: Vec<Alert>,
    /// What the incident is about, in figures.
    #[serde(default)]
    pub headline: Headline,
    #[serde(default)]
    pub jewels: Vec<JewelSummary>,
    /// What every statement about closed paths rests on.
    #[serde(default)]
    pub claim: Claim,
    /// Legitimate requests in classes: what a combination of controls would have refused of them.
    #[serde(default)]
    pub baseline: Vec<BaselineClass>,
    /// Unhealthy recommendations without bearing on this incident.
    #[serde(default)]
    pub other_recommendations: Vec<Recommendation>,
    /// What the export leaves open by itself; absent where the analysis is redacted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub posture: Option<Posture>,
    /// Excerpts of the records that evidence points at, by file and record.
    #[serde(default)]
    pub records: Vec<Record>,
}

impl Analysis {
    pub const SCHEMA: &'static str = "cutset/analysis/1";

    pub fn step(&self, id_or_key: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == id_or_key || step.key == id_or_key)
    }

    pub fn control(&self, id: &str) -> Option<&Control> {
        self.controls.iter().find(|control| control.id == id)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    pub version: String,
    /// Built-in table → its date.
    pub tables: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IncidentSummary {
    pub id: String,
    pub title: Option<String>,
    /// Principals (or credentials) the attack entered with.
    pub entries: Vec<String>,
    /// Time of the first step and end of the last.
    #[schemars(with = "Option<String>")]
    pub started: Option<Timestamp>,
    #[schemars(with = "Option<String>")]
    pub ended: Option<Timestamp>,
    pub marking: Option<String>,
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub discovered_at: Option<Timestamp>,
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub aware_at: Option<Timestamp>,
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub contained_at: Option<Timestamp>,
    #[serde(default)]
    pub regime: Option<String>,
    /// Last segment of the case folder's path, heads the summary.
    #[serde(default)]
    pub name: Option<String>,
}

/// `admin@… from 198.51.100.77 took 2.45 GB from proddata`, in parts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Headline {
    pub actors: Vec<String>,
    pub addresses: Vec<String>,
    pub bytes: u64,
    /// Display names of what the bytes were taken from.
    pub stores: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JewelSummary {
    pub id: String,
    pub label: Option<String>,
    pub personal_data: Option<bool>,
    /// Why it counts: `named`, `tag`, `touched`.
    pub why: String,
}

/// "Closed as far as the N rules of table vX know; not collected: …"
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Claim {
    pub rules: u64,
    pub table: String,
    pub not_collected: Vec<String>,
    /// The sentence, empty where nothing was claimed.
    pub text: String,
}
