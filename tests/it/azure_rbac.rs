//! The Azure RBAC gate, held to its vectors, to a naive second gate, and to its laws.

use crate::support;

mod api;
mod conditions;
mod hostile;
mod laws;
mod naive;
mod world;

#[test]
fn vectors() {
    support::passing_only_grows("azure-rbac");
}
