//! Exact sets of controls, the paths they leave, and the proofs.

use super::{Closes, Collateral, Condition};
use crate::model::{Evidence, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MinimalControlSets {
    /// Against the attack as it went.
    pub observed: Vec<MinimalControlSet>,
    /// Against every path to the jewel.
    pub all_paths: Vec<MinimalControlSet>,
    pub uncovered: Vec<Uncovered>,
    /// Inclusion-minimal sets that are not listed.
    pub truncated: u64,
    /// Ids of the controls the search ran over.
    #[serde(default)]
    pub candidates: Vec<String>,
    /// All clauses found, over all jewels: a set closes a jewel exactly if it meets each of its clauses.
    #[serde(default)]
    pub clauses: Vec<ClauseProof>,
    #[serde(default)]
    pub lower_bound_proven: Option<bool>,
    /// Candidates that may loosen together with others: the search branches over them.
    #[serde(default)]
    pub switches: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Guarantee {
    Closed,
    ClosedIfLacking,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MinimalControlSet {
    pub jewel: String,
    pub set: Vec<String>,
    pub guarantee: Guarantee,
    pub words: Vec<String>,
    pub effort: u32,
    pub collateral: Collateral,
    pub cheapest: bool,
    pub pareto: bool,
    pub certificate: Certificate,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Certificate {
    /// What refuses each path in the joint replay, in words a checker can re-run.
    pub closing: Vec<PathStep>,
    /// Per member the path that opens without it.
    pub members: Vec<MemberProof>,
    pub clauses: Vec<ClauseProof>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MemberProof {
    pub control: String,
    pub path: Vec<PathStep>,
}

/// "At least one of `controls` must be in force": with all of `insecure` in force the path is still open.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClauseProof {
    pub jewel: String,
    pub guarantee: Guarantee,
    pub controls: Vec<String>,
    pub insecure: Vec<String>,
    pub path: Vec<PathStep>,
    /// Words the path needs the attacker to hold.
    #[serde(default)]
    pub words: Vec<String>,
    /// The path in one line.
    #[serde(default)]
    pub short: String,
    /// The branch: the clause binds sets that hold these switches and no others.
    #[serde(default)]
    pub switches: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Uncovered {
    pub jewel: String,
    pub steps: Vec<PathStep>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PathStep {
    pub action: String,
    /// Principals or resource ids.
    pub from: String,
    pub to: String,
    pub why: String,
    /// The observed step it repeats, if any.
    #[serde(default)]
    pub step: Option<String>,
    /// Object id of `to`, where `to` is a principal's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_id: Option<String>,
    /// What `to` is called, where its id does not end in a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_name: Option<String>,
    /// Where the right, or the observed step, was read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResidualPath {
    /// Controls in force while it stays open.
    pub with: Vec<String>,
    pub to: String,
    pub steps: Vec<PathStep>,
    pub cut_by: Vec<Vec<String>>,
    #[serde(default)]
    pub id: String,
    /// How open: `not-closed`, or `closed-if-lacking` where it turns on `words`.
    #[serde(default)]
    pub open: Option<Closes>,
    #[serde(default)]
    pub words: Vec<String>,
    /// Facts it turns on.
    #[serde(default)]
    pub missing: Vec<String>,
    /// The path in one line: `grant Blob Data Reader, then read`.
    #[serde(default)]
    pub short: String,
    /// What controls do to it: cut, or challenged for words; those of `cut_by` are among them.
    #[serde(default)]
    pub conditions: Vec<Condition>,
    /// Since when it was open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub from: Option<Timestamp>,
    /// Until when it was; none: still at the end of the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub until: Option<Timestamp>,
}
