//! The pim gate, held to its vectors.

mod naive;

use crate::support;

#[test]
fn vectors() {
    support::passing_only_grows("pim");
}
