//! The conditional access gate: vectors, laws, and a second evaluator that is slow and plain.

mod answers;
mod device_filter;
mod generate;
mod laws;
mod naive;
mod samples;
mod what_if;

use crate::support;
use cutset::decide::conditional_access::GATE;
use serde_json::{Value, json};

/// What the gate says of one vector.
fn answer(vector: &Value) -> Value {
    let answers =
        (GATE.decide_file)(&json!({ "vectors": [vector] })).unwrap_or_else(|error| panic!("{error}\n{vector}"));
    answers.into_iter().next().expect("one answer a vector")
}

#[test]
fn vectors() {
    support::passing_only_grows("conditional-access");
}
