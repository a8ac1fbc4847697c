//! The architect's commands: `paths`, `whatif`, `explain`, `diff`, `verify`, on Northgate and on changed copies of it.

mod diff;
mod estates;
mod explain;
mod manners;
mod paths;
mod verify;
mod whatif;

use crate::support::{Folder, root};
use cutset::analysis::Analysis;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// Northgate analysed once, with the whole catalogue: the folder, the file in it, and what it holds.
static NORTHGATE: LazyLock<(Folder, PathBuf, Analysis)> = LazyLock::new(|| {
    let folder = Folder::new("northgate");
    let case = root().join("examples/northgate");
    let said = cutset(&["analyze", shown(&case), "--out", shown(folder.path())]);
    assert_eq!(said.code, 0, "{}", said.err);
    legible(&said.out);
    let file = folder.path().join("analysis.json");
    let text = std::fs::read_to_string(&file).expect("analysis.json");
    (folder, file, serde_json::from_str(&text).expect("an analysis"))
});

fn northgate() -> &'static Path {
    &NORTHGATE.1
}

fn analysis() -> &'static Analysis {
    &NORTHGATE.2
}

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
    // A command to be copied stands whole.
    for line in text.lines().filter(|line| !line.starts_with("  $ ")) {
        assert!(cutset::render::text::columns(line) <= 100, "more than 100 columns: {line}");
        let words = line.split(|c: char| !(c.is_ascii_hexdigit() || c == '-'));
        let guid = words.into_iter().find(|word| {
            let mut parts = word.split('-');
            parts.next().map(str::len) == Some(8) && parts.next().map(str::len) == Some(4) && parts.next().is_some()
        });
        assert_eq!(guid, None, "an id in: {line}");
    }
}
