//! The one value every output is made from: the contract `analysis.json`, and the one place that fills it.

mod bytes;
mod contract;
mod fill;
pub mod paths;
mod redact;
pub mod verify;
pub mod whatif;

pub use bytes::si;
pub use contract::*;
pub use fill::{Input, analyse, prepare};
pub use redact::{Redact, redact};
