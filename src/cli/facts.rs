//! `cutset facts`. (to be filled)

use super::arguments::Facts;
use std::process::ExitCode;

pub fn run(_plan: &Facts, _out: &mut super::Out) -> anyhow::Result<ExitCode> {
    Err(super::not_yet("facts"))
}
