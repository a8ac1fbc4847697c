//! `cutset check`. (to be filled)

use super::arguments::Check;
use std::process::ExitCode;

pub fn run(_plan: &Check, _out: &mut super::Out) -> anyhow::Result<ExitCode> {
    Err(super::not_yet("check"))
}
