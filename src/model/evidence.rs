//! Where a fact was read.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// File (as the case names it, `/` between folders), record number (from 1; 1 for a single document), and the JSON
/// pointer inside the record (empty: the whole record).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Evidence {
    pub file: Arc<str>,
    pub record: u64,
    pub pointer: Arc<str>,
}

impl Evidence {
    pub fn new(file: impl Into<Arc<str>>, record: u64, pointer: impl Into<Arc<str>>) -> Self {
        Evidence { file: file.into(), record, pointer: pointer.into() }
    }

    /// The same record, further in.
    pub fn at(&self, pointer: &str) -> Self {
        Evidence { file: self.file.clone(), record: self.record, pointer: format!("{}{pointer}", self.pointer).into() }
    }
}

/// One file of the case and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Source {
    pub file: String,
    pub sha256: String,
    /// Format id, `unrecognised`, or `ignored:<kind>`.
    pub format: String,
    pub records: u64,
    pub rejected: u64,
    pub used: u64,
}
