//! What was read, what could not be, what is assumed, and whether the gates reproduce history.

use crate::model::{Evidence, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Assumption {
    pub text: String,
    /// Where it comes from: `incident.json`, `documented default`, `evidence`, `cutset`.
    pub from: String,
    /// Ids of the steps whose verdicts rest on it.
    pub used_by: Vec<String>,
    #[serde(default)]
    pub evidence: Vec<Evidence>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rejected {
    pub file: String,
    pub record: u64,
    pub reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Presence {
    Present,
    Partial,
    Absent,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Coverage {
    /// Kind of document or name of a log table.
    pub what: String,
    pub scope: Option<String>,
    #[schemars(with = "Option<String>")]
    pub from: Option<Timestamp>,
    #[schemars(with = "Option<String>")]
    pub to: Option<Timestamp>,
    pub state: Presence,
    /// The command that gathers it.
    pub gather: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Calibration {
    pub gate: String,
    pub compared: u64,
    pub agree: u64,
    pub differ: Vec<Difference>,
    /// Re-decided with a missing fact: neither agrees nor differs.
    #[serde(default)]
    pub unknown: u64,
    /// Some of the records that agree, and some of those that turn on a missing fact.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agreeing: Vec<Evidence>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unsettled: Vec<Evidence>,
    /// The facts that the unknown ones turn on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// What was compared: `sign-ins`, `ARM refusals`, …
    #[serde(default)]
    pub what: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    pub recorded: String,
    pub decided: String,
    pub why: String,
    pub evidence: Vec<Evidence>,
}

/// At most so many excerpts.
pub const RECORDS: usize = 400;

/// What a piece of evidence says, for readers without the files.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    pub file: String,
    pub record: u64,
    /// The record as JSON text, secrets masked, shortened where it is long. None are kept of a redacted analysis.
    pub excerpt: String,
}
