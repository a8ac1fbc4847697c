//! `cutset collect`. (to be filled)

use super::arguments::Collect;
use std::process::ExitCode;

pub fn run(_plan: &Collect, _out: &mut super::Out) -> anyhow::Result<ExitCode> {
    Err(super::not_yet("collect"))
}
