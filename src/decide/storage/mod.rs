//! The storage gate: would an account have answered this data request. Network, transport and authorization must all
//! pass; any certain *no* is a *no*, and the first certain one in [`Reason`]'s order is the reason.
//!
//! | file | what it holds |
//! |---|---|
//! | `resource` | properties of a resource, and which of them nobody recorded |
//! | `network` | firewall, private endpoints, perimeter; shared with the neighbours |
//! | `transport` | https, TLS |
//! | `key` | account keys: whether they may be used, rotation |
//! | `sas` | the fields of the three kinds of shared access signature |
//! | `anonymous` | public containers |
//! | `decision` | how the checks make one answer |
//! | `neighbour`, `local_key`, `sql`, `key_vault` | other services: is a credential of theirs of any use |
//! | `file` | `cutset decide storage FILE` |
//!
//! Deliberately does not know RBAC: it is told that gate's answer. And `listKeys` is no data request: properties of an
//! account cut the *use* of a key, never its listing.
//!
//! Sources: *Prevent authorization with Shared Key*, *Azure Storage firewall rules*, *Use private endpoints for Azure
//! Storage*, *Grant limited access to Azure Storage resources using shared access signatures (SAS)*, *Manage storage
//! account access keys*, *Remediate anonymous read access to blob data*; Azure Storage REST reference, *Create an
//! account SAS*, *Create a service SAS*, *Create a user delegation SAS*.

mod anonymous;
mod decision;
mod file;
mod key;
pub mod key_vault;
mod local_key;
mod neighbour;
mod network;
mod resource;
mod sas;
mod sql;
mod transport;

pub use decision::{Decision, Reason, answer, decide};
pub use key::key_lives;
pub use neighbour::{Circumstances, Credential, usable};
pub use network::Caller;

use super::Gate;

pub const GATE: Gate = Gate { id: "storage", decide_file: file::decide_file };
