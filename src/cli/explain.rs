//! `cutset explain`. (to be filled)

use super::arguments::Explain;
use std::process::ExitCode;

pub fn run(_plan: &Explain, _out: &mut super::Out) -> anyhow::Result<ExitCode> {
    Err(super::not_yet("explain"))
}
