//! Files, arguments, exit codes; the only room that touches the world. (to be filled)

use std::ffi::OsString;
use std::process::ExitCode;

pub fn run(_arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    ExitCode::SUCCESS
}
