//! Controls and findings about them: gaps in posture, what was already owned, what is not known.

use super::Condition;
use crate::model::{Evidence, Origin, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Closes {
    /// The free replay refuses every path.
    Closed,
    /// The facts-free replay does; `words` are what it turns on.
    ClosedIfLacking,
    NotClosed,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Control {
    pub id: String,
    pub title: String,
    /// `conditional-access`, `azure-policy`, `resource-patch`, `pim`, `rbac`, `lock`, `bundle`.
    pub family: String,
    pub origin: Origin,
    pub effort: u32,
    pub requires: Requires,
    pub cuts_directly: Vec<String>,
    /// Directly or upstream.
    pub cuts: Vec<String>,
    pub challenges: Vec<String>,
    pub first_cut: Option<String>,
    pub bytes_prevented: u64,
    /// What it allows that was refused without it.
    pub loosening: Option<Loosening>,
    pub closes: Closes,
    pub words: Vec<String>,
    /// Residual paths that stay open with this control alone.
    pub residual_paths: u64,
    pub collateral: Collateral,
    /// Heads the column in tables, at most four letters.
    #[serde(default)]
    pub short: Option<String>,
    /// The native documents, parameters filled.
    #[serde(default)]
    pub documents: Vec<ControlDocument>,
    /// Ids of the recommendations it implements.
    #[serde(default)]
    pub recommendations: Vec<String>,
    /// ATT&CK mitigations.
    #[serde(default)]
    pub mitigations: Vec<String>,
    /// `MCSB IM-7`
    #[serde(default)]
    pub benchmarks: Vec<String>,
    /// Steps whose verdict is `unknown`.
    #[serde(default)]
    pub unknown: Vec<String>,
    /// Its gate disagrees with recorded results of this policy, or of one that uses the same condition: take its
    /// verdicts with care. One sentence.
    #[serde(default)]
    pub disagrees: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Requires {
    pub licence: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ControlDocument {
    pub family: String,
    /// File name in the catalogue, or evidence of the snapshot's own.
    pub file: String,
    pub body: Value,
    /// Parameters that `incident.json` does not fill.
    #[serde(default)]
    pub unfilled: Vec<String>,
    /// What it is put in force on: scopes or resource ids.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The objects it changes here, and what stands there before.
    #[serde(default)]
    pub targets: Vec<DocumentTarget>,
    /// Standing role assignments that become eligible.
    #[serde(default)]
    pub eligible: Vec<EligibleAssignment>,
}

/// One object that a document changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentTarget {
    pub id: String,
    /// Merge patch or document that puts back what stood there; `null` where nothing did.
    pub before: Value,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EligibleAssignment {
    pub assignment: String,
    /// Object id.
    pub principal: String,
    /// GUID of the role definition.
    pub role: String,
    pub scope: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Loosening {
    /// What it lets through.
    pub what: String,
    pub steps: Vec<String>,
    /// Other controls that must be in force too.
    #[serde(default)]
    pub with: Vec<String>,
}

/// Baseline events that the control would have refused or challenged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Collateral {
    pub evaluated: u64,
    pub cut: u64,
    pub challenged: u64,
    pub unknown: u64,
    /// Empty unless persons were asked for.
    pub who: Vec<CollateralWho>,
    /// The facts the unknown ones turn on.
    #[serde(default)]
    pub missing: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CollateralWho {
    pub name: String,
    pub cut: u64,
    pub challenged: u64,
    pub unknown: u64,
    #[serde(default)]
    pub evidence: Vec<Evidence>,
}

/// Legitimate requests that every gate sees alike.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BaselineClass {
    pub count: u64,
    pub action: String,
    /// `user`, `servicePrincipal`, …; a name only where persons were asked for.
    pub who: String,
    pub target: String,
    pub conditions: Vec<Condition>,
    #[serde(default)]
    pub evidence: Vec<Evidence>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PostureGap {
    pub control: String,
    pub steps: Vec<String>,
    pub recommendations: Vec<Recommendation>,
    /// `MCSB IM-7`
    pub benchmarks: Vec<String>,
    #[serde(default)]
    pub mitigations: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Recommendation {
    pub id: String,
    pub title: String,
    pub severity: String,
    #[schemars(with = "Option<String>")]
    pub unhealthy_since: Option<Timestamp>,
    /// `Healthy`, `Unhealthy`, `NotApplicable`, as the platform spells it; absent: never assessed.
    #[serde(default)]
    pub state: Option<String>,
    #[serde(default)]
    pub resources: Vec<String>,
    #[serde(default)]
    pub evidence: Vec<Evidence>,
}

/// A control the tenant had and that did not stop the attack.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Owned {
    pub control: String,
    pub why_it_did_not_stop: String,
    pub steps: Vec<String>,
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub since: Option<Timestamp>,
    #[serde(default)]
    pub evidence: Vec<Evidence>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Unexplained {
    pub step: String,
    pub need: String,
    pub why: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    pub fact: String,
    /// Cells (step, control) that would be settled.
    pub settles: u64,
    pub gather: Option<String>,
    /// The fact as a question to a person.
    #[serde(default)]
    pub question: Option<String>,
    #[serde(default)]
    pub steps: Vec<String>,
    #[serde(default)]
    pub controls: Vec<String>,
}
