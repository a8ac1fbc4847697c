//! Files, arguments, exit codes; the only room that touches the world.
//!
//! Arguments become a plain plan (`arguments`), each subcommand has a file of its own with one `run(plan, out)`. Data
//! goes to stdout, talk to stderr. Exit codes: 0 done; 1 a condition that was asked about holds (`--fail-on`), or
//! `diff`, `verify` or `decide --check` fails; 2 bad input or usage.

mod analyze;
pub mod arguments;
mod case;
mod check;
mod collect;
mod completions;
mod correlation;
pub mod decide;
mod diff;
mod explain;
mod facts;
pub mod files;
pub mod graphviz;
pub mod inputs;
mod paths;
mod privacy;
mod render;
pub mod schema;
mod trouble;
mod verify;
mod whatif;
mod write;

use crate::model::InputError;
use arguments::{Arguments, Command};
use clap::{ColorChoice, Parser};
use std::ffi::OsString;
use std::io::{BufWriter, Write};
use std::process::ExitCode;

pub use trouble::{inert, warn};

/// Columns of what is printed for people.
pub const WIDTH: usize = 100;

/// What was asked about does not hold.
pub const FAILED: ExitCode = ExitCode::FAILURE;

/// Parses the arguments, runs the command, prints what went wrong.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are no errors; a closed pipe on the way is nobody's trouble.
            let code = if error.use_stderr() { 2 } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let mut out = Out::stdout(arguments.color);
    let result = dispatch(&arguments.command, &mut out).and_then(|code| {
        out.flush()?;
        Ok(code)
    });
    result.unwrap_or_else(|error| trouble::report(&error))
}

/// Where data goes. Bytes pass as they are; who paints asks first.
pub struct Out {
    writer: Box<dyn Write>,
    colour: bool,
}

impl Out {
    fn stdout(when: ColorChoice) -> Out {
        let colour = match when {
            ColorChoice::Auto => anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never,
            ColorChoice::Always => true,
            ColorChoice::Never => false,
        };
        Out { writer: Box::new(BufWriter::new(std::io::stdout().lock())), colour }
    }

    /// Whether the reader wants colour; without it everything must still be there.
    pub fn colour(&self) -> bool {
        self.colour
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.writer.flush()
    }
}

fn dispatch(command: &Command, out: &mut Out) -> anyhow::Result<ExitCode> {
    match command {
        Command::Analyze(plan) => analyze::run(plan, out),
        Command::Explain(plan) => explain::run(plan, out),
        Command::Whatif(plan) => whatif::run(plan, out),
        Command::Paths(plan) => paths::run(plan, out),
        Command::Decide(plan) => decide::run(plan, out),
        Command::Render(plan) => render::run(plan, out),
        Command::Check(plan) => check::run(plan, out),
        Command::Collect(plan) => collect::run(plan, out),
        Command::Diff(plan) => diff::run(plan, out),
        Command::Verify(plan) => verify::run(plan, out),
        Command::Schema(plan) => schema::run(plan, out),
        Command::Facts(plan) => facts::run(plan, out),
        Command::Completions(plan) => completions::run(plan, out),
    }
}

/// Commands that print without an analysis to redact: better no output than one that names people.
fn refuse_redaction(privacy: &arguments::Privacy) -> Result<(), InputError> {
    if privacy.redact.is_empty() && privacy.redact_map.is_none() {
        return Ok(());
    }
    let help = "leave it out; `analyze`, `explain` and `render` print under other names";
    Err(InputError::new("--redact", "this command prints the names themselves", help))
}
