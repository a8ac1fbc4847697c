//! `cutset paths`. (to be filled)

use super::arguments::Paths;
use std::process::ExitCode;

pub fn run(_plan: &Paths, _out: &mut super::Out) -> anyhow::Result<ExitCode> {
    Err(super::not_yet("paths"))
}
