//! `cutset completions`: completions for a shell, made from the same arguments that are parsed.

use super::arguments::{Arguments, Completions};
use clap::CommandFactory;
use std::io::Write;
use std::process::ExitCode;

pub fn run(plan: &Completions, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    // The generator panics where its writer fails (a closed pipe), so it writes to memory first.
    let mut script = Vec::new();
    clap_complete::generate(plan.shell, &mut Arguments::command(), "cutset", &mut script);
    out.write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}
