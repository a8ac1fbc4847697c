//! Questions to Privileged Identity Management.

use super::SignInRequest;
use crate::model::{Fact, ObjectId, Timestamp};
use serde::Deserialize;
use serde_json::Value;

/// Did the principal hold the role at that time?
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleQuery {
    pub principal_id: ObjectId,
    /// Bare GUID or ARM id: the last segment counts.
    pub role_definition_id: String,
    /// Directory scope (`/`) or ARM scope.
    pub scope: String,
    pub at: Timestamp,
    #[serde(default)]
    pub transitive_group_ids: Fact<Vec<ObjectId>>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SessionFacts {
    pub mfa_claim: Fact<bool>,
    /// Under which an authentication context is evaluated.
    pub sign_in: Option<SignInRequest>,
}

/// The approvers' answer so far.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApprovalGiven {
    pub approved: Fact<bool>,
    pub by: Fact<ObjectId>,
    pub at: Fact<Timestamp>,
    #[serde(flatten)]
    pub other: serde_json::Map<String, Value>,
}

/// Would this activation have been provisioned?
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActivationRequest {
    /// Graph `unifiedRoleAssignmentScheduleRequest` or ARM schedule request.
    pub request: Value,
    #[serde(default)]
    pub scope: Option<String>,
    #[serde(default)]
    pub session: SessionFacts,
    #[serde(default)]
    pub approval: Fact<Value>,
    pub at: Timestamp,
    #[serde(default)]
    pub transitive_group_ids: Fact<Vec<ObjectId>>,
}
