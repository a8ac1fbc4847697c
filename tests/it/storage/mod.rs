//! The storage gate, held to its vectors.

mod naive;
mod neighbours;

use crate::support;

#[test]
fn vectors() {
    support::passing_only_grows("storage");
}
