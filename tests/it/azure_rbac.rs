//! The Azure RBAC gate, held to its vectors.

use crate::support;

#[test]
fn vectors() {
    support::passing_only_grows("azure-rbac");
}
