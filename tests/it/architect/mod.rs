//! The architect's commands: `paths`, `whatif`, `explain`, `diff`, `verify`, on Northgate and on changed copies of it.

mod paths;

use std::path::Path;
use std::process::Command;

/// What a run said: exit code, stdout, stderr.
struct Said {
    code: i32,
    out: String,
    err: String,
}

fn cutset(arguments: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cutset"));
    let output = command.env_clear().args(arguments).output().expect("the program runs");
    Said {
        code: output.status.code().expect("no signal"),
        out: String::from_utf8(output.stdout).expect("text"),
        err: String::from_utf8(output.stderr).expect("text"),
    }
}

fn shown(path: &Path) -> &str {
    path.to_str().expect("a path")
}

/// No line is longer than a terminal, and no id stands where a name is known.
fn legible(text: &str) {
    for line in text.lines() {
        assert!(cutset::render::text::columns(line) <= 100, "more than 100 columns: {line}");
        let guid = line
            .split(|c: char| !(c.is_ascii_hexdigit() || c == '-'))
            .find(|word| word.len() == 36 && word.chars().filter(|c| *c == '-').count() == 4);
        assert_eq!(guid, None, "an id in: {line}");
    }
}
