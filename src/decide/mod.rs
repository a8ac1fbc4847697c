//! The gates: pure functions (environment, request) → decision with evidence. Five of them, in the platform's order.
//!
//! A gate compiles the documents it reads once and decides many requests against them. It never learns which log
//! told a fact nor which control put a document in force; a fact nobody recorded makes the answer unknown and is named.

pub mod azure_policy;
pub mod azure_rbac;
pub mod check;
pub mod conditional_access;
pub mod pim;
pub mod storage;

use crate::model::InputError;
use serde_json::Value;

/// One gate, as `cutset decide` reaches it.
pub struct Gate {
    /// Also this gate's file or folder name here (`-` as `_`) and its folder under `tests/vectors/`.
    pub id: &'static str,
    /// Answers every request of a file in the shape of that gate's vectors: one object a request, `id` and all the
    /// fields of `expected` that the gate defines.
    pub decide_file: fn(file: &Value) -> Result<Vec<Value>, InputError>,
}

/// In the order in which the platform asks them.
pub const GATES: &[Gate] = &[conditional_access::GATE, pim::GATE, azure_rbac::GATE, azure_policy::GATE, storage::GATE];
