//! `cutset diff`. (to be filled)

use super::arguments::Diff;
use std::process::ExitCode;

pub fn run(_plan: &Diff, _out: &mut super::Out) -> anyhow::Result<ExitCode> {
    Err(super::not_yet("diff"))
}
