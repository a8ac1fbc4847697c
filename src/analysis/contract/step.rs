//! Steps and what each control does to them.

use crate::model::{Clause, Evidence, Level, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a step acts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Plane {
    Identity,
    Management,
    Data,
    /// Context only: no gate is asked.
    #[default]
    Other,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// `s1`, `s2`, … in time order.
    pub id: String,
    /// Content-derived: a new log does not shift it.
    pub key: String,
    #[schemars(with = "String")]
    pub time: Timestamp,
    #[schemars(with = "String")]
    pub end: Timestamp,
    /// ATT&CK tactic.
    pub phase: String,
    /// ATT&CK techniques.
    pub technique: Vec<String>,
    pub action: String,
    pub actor: String,
    pub source_ip: Option<String>,
    pub target: String,
    /// Events folded into this step.
    pub count: u64,
    /// Bytes handed to the caller.
    pub bytes: u64,
    /// `success`, `failure:<code>`, `interrupted:<code>`, `unknown`.
    pub outcome: String,
    pub needs: Vec<Need>,
    pub yields: Vec<Yield>,
    /// One a control, in the order of `controls`.
    pub verdicts: Vec<Verdict>,
    /// Minimal sets of controls each of which cuts the step.
    pub cut_by: Vec<Vec<String>>,
    /// Alerts pinned to the step.
    pub alerts: Vec<Alert>,
    pub why_in: String,
    pub evidence: Vec<Evidence>,
    #[serde(default)]
    pub plane: Plane,
    /// Id of the target where `target` is a name.
    #[serde(default)]
    pub target_id: Option<String>,
    #[serde(default)]
    pub country: Option<String>,
    #[serde(default)]
    pub user_agent: Option<String>,
    /// A few words for tables and diagrams: `sign-in ARM`, `grant Contributor`, `listKeys`.
    #[serde(default)]
    pub short: String,
    /// What each combination of controls does to the step: the level at a set is the lowest of the conditions that
    /// hold there, `not-cut` where none does.
    #[serde(default)]
    pub conditions: Vec<Condition>,
}

impl Step {
    pub fn verdict(&self, control: &str) -> Option<&Verdict> {
        self.verdicts.iter().find(|verdict| verdict.control == control)
    }
}

/// Holds where all of `set` and none of `unless` is in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Condition {
    pub set: Vec<String>,
    /// Controls that take the effect away again (only where controls loosen jointly).
    #[serde(default)]
    pub unless: Vec<String>,
    pub verdict: Level,
    /// With `challenged`: what the attacker would have to hold.
    #[serde(default)]
    pub words: Vec<String>,
    /// With `unknown`: the facts it turns on.
    #[serde(default)]
    pub missing: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Need {
    pub capability: String,
    pub supports: Vec<Support>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Support {
    /// `environment`, `held`, `unexplained`, or the id of the step that yields it.
    pub from: String,
    /// What it is: assignment, key, session, word held.
    pub by: String,
    pub basis: Basis,
    #[serde(default)]
    pub evidence: Vec<Evidence>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// Token id, key hash, assignment id.
    Exact,
    /// Session id.
    Session,
    /// Same principal, audience, address, within lifetime.
    Assumed,
    Environment,
    /// `incident.json` says so.
    Held,
    Unexplained,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Yield {
    pub capability: String,
    #[schemars(with = "Option<String>")]
    pub from: Option<Timestamp>,
    #[schemars(with = "Option<String>")]
    pub until: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// A gate of the step itself attains the minimum.
    Direct,
    /// Something the step needs was never obtained.
    Upstream,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    pub control: String,
    pub verdict: Level,
    pub mode: Mode,
    /// With `upstream`: the earliest step that fails.
    pub via: Option<String>,
    pub reason: String,
    /// With `unknown`: the facts it turns on.
    pub missing: Vec<String>,
    /// With `challenged`: what the attacker would have to hold.
    pub words: Vec<String>,
    /// Assumed links the verdict needs.
    pub assumes: Vec<String>,
    /// Names what cannot be explained and yet is needed.
    pub caveat: Option<String>,
    /// What lets the attacker take the control away again.
    pub undo: Option<Undo>,
    /// What would have been noticed without being refused.
    pub detected: Vec<String>,
    /// When the cut comes.
    #[schemars(with = "Option<String>")]
    pub at: Option<Timestamp>,
    /// What was already lost by then.
    pub lost_before: LostBefore,
    pub evidence: Vec<Evidence>,
    /// Page title of the vendor's documentation that holds the rule.
    pub doc: Option<String>,
    #[serde(default)]
    pub events: EventCounts,
    /// The clauses that decided.
    #[serde(default)]
    pub clauses: Vec<Clause>,
}

impl Verdict {
    /// A verdict with nothing besides; `not-cut` is direct by convention.
    pub fn new(control: impl Into<String>, verdict: Level) -> Self {
        Verdict {
            control: control.into(),
            verdict,
            mode: Mode::Direct,
            via: None,
            reason: String::new(),
            missing: Vec::new(),
            words: Vec::new(),
            assumes: Vec::new(),
            caveat: None,
            undo: None,
            detected: Vec::new(),
            at: None,
            lost_before: LostBefore::default(),
            evidence: Vec::new(),
            doc: None,
            events: EventCounts::default(),
            clauses: Vec::new(),
        }
    }
}

/// The events of the step by verdict: 600 of 847 cut is not a cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct EventCounts {
    pub cut: u64,
    pub challenged: u64,
    pub unknown: u64,
    pub not_cut: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Undo {
    pub capability: String,
    /// What the attacker would do, in words (`delete the lock`).
    pub steps: Vec<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LostBefore {
    pub bytes: u64,
    pub steps: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Alert {
    #[serde(default)]
    pub id: Option<String>,
    #[schemars(with = "String")]
    pub time: Timestamp,
    pub product: String,
    pub title: String,
    pub severity: String,
    #[serde(default)]
    pub tactics: Vec<String>,
    #[serde(default)]
    pub techniques: Vec<String>,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub evidence: Vec<Evidence>,
}
