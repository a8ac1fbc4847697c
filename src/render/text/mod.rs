//! Strings an attacker may have chosen, made inert and legible, and how wide they come out.

mod hops;
mod plain;
mod width;
mod wrap;

pub use hops::{hops, name_of, place};
pub use plain::plain;
pub use width::{Weight, columns, fit, fit_columns, text_width};
pub use wrap::{wrap, wrap_all, wrap_saying};
