//! `cutset render`. (to be filled)

use super::arguments::Render;
use std::process::ExitCode;

pub fn run(_plan: &Render, _out: &mut super::Out) -> anyhow::Result<ExitCode> {
    Err(super::not_yet("render"))
}
