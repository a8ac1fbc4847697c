//! `cutset analyze`. (to be filled)

use super::arguments::Analyze;
use std::process::ExitCode;

pub fn run(_plan: &Analyze, _out: &mut super::Out) -> anyhow::Result<ExitCode> {
    Err(super::not_yet("analyze"))
}
