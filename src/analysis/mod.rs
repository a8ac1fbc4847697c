//! The one value every output is made from: the contract `analysis.json`, and the one place that fills it.

mod bytes;
mod contract;
pub mod diff;
mod fill;
pub mod paths;
mod redact;
pub mod verify;
pub mod whatif;

pub use bytes::si;
pub use contract::*;
pub use fill::{Input, analyse, posture_of, prepare};
pub use paths::posture::posture_like;
pub use redact::{Redact, redact};
