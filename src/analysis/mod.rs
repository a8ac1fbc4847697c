//! The one value every output is made from: the contract `analysis.json`, and the one place that fills it.

mod bytes;
mod contract;

pub use bytes::si;
pub use contract::*;
