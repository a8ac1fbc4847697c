//! Strings an attacker may have chosen, made inert and legible, and how wide they come out.

mod plain;
mod width;

pub use plain::plain;
pub use width::{Weight, columns, fit, fit_columns, text_width};
