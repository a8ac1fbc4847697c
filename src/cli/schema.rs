//! `cutset schema`. (to be filled)

use super::arguments::Schema;
use std::process::ExitCode;

pub fn run(_plan: &Schema, _out: &mut super::Out) -> anyhow::Result<ExitCode> {
    Err(super::not_yet("schema"))
}
