//! What went wrong, said once on stderr: the chain of causes in one line, then what to do. Never a backtrace, and
//! nothing that a file's content could make the terminal do.

use crate::model::InputError;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

/// Prints the error and says which exit code it is. A reader that closed the pipe had enough: no error.
pub fn report(error: &anyhow::Error) -> ExitCode {
    let closed = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == ErrorKind::BrokenPipe)
    };
    if error.chain().any(closed) {
        return ExitCode::SUCCESS;
    }
    let (mut said, mut help) = (Vec::new(), Vec::new());
    for cause in error.chain() {
        match cause.downcast_ref::<InputError>() {
            Some(InputError { file, place, message, help: advice }) => {
                let parts = [file, place, message].map(String::as_str);
                let place = parts[..2].iter().filter(|p| !p.is_empty()).copied().collect::<Vec<_>>().join(", ");
                said.push(if place.is_empty() { message.clone() } else { format!("{place}: {message}") });
                help.extend(Some(advice.clone()).filter(|advice| !advice.is_empty()));
            }
            None => said.push(cause.to_string()),
        }
    }
    let mut stderr = std::io::stderr().lock();
    // Where stderr is closed too there is nobody left to tell.
    let _ = writeln!(stderr, "error: {}", inert(&said.join(": ")));
    for advice in help {
        let _ = writeln!(stderr, "  help: {}", inert(&advice));
    }
    ExitCode::from(2)
}

/// Talk: one line on stderr.
pub fn warn(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "warning: {}", inert(text));
}

/// The text with control and direction-changing characters spelled out.
pub fn inert(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        let turns =
            matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        match c.is_control() || turns {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    shown
}
