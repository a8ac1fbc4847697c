//! `cutset verify`. (to be filled)

use super::arguments::Verify;
use std::process::ExitCode;

pub fn run(_plan: &Verify, _out: &mut super::Out) -> anyhow::Result<ExitCode> {
    Err(super::not_yet("verify"))
}
