//! `cutset whatif`. (to be filled)

use super::arguments::Whatif;
use std::process::ExitCode;

pub fn run(_plan: &Whatif, _out: &mut super::Out) -> anyhow::Result<ExitCode> {
    Err(super::not_yet("whatif"))
}
