//! The conditional access gate: vectors, laws, and a second evaluator that is slow and plain.

use crate::support;

#[test]
fn vectors() {
    support::passing_only_grows("conditional-access");
}
