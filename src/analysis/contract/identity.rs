//! What the evidence says of the identities that the attack signed in as.

use crate::model::Evidence;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IdentityFinding {
    pub principal: String,
    pub id: String,
    /// Whether the attack began with it.
    pub entry: bool,
    /// Its sign-ins among the steps.
    pub steps: Vec<String>,
    pub says: Vec<Statement>,
}

/// One sentence and where it was read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Statement {
    pub text: String,
    pub evidence: Vec<Evidence>,
}
