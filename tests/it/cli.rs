//! The command line as a process. A case is a folder of `tests/cli/`:
//!
//! | file | holds |
//! |---|---|
//! | `command` | the arguments, one a line |
//! | `input/` | optional: the working directory (copied, so that a case may write) |
//! | `stdin`, `env` | optional: what is piped in; `NAME=value` lines |
//! | `stdout`, `stderr` | what must come out; `[..]` stands for any text in a line, a line `...` for any lines; absent: nothing |
//! | `exit` | the exit code |

use crate::support::root;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const FILES: [&str; 7] = ["command", "input", "stdin", "env", "stdout", "stderr", "exit"];

fn cutset() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cutset"));
    command.env_clear();
    command
}

fn text(path: PathBuf) -> Option<String> {
    path.exists().then(|| std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder to work in");
    for entry in std::fs::read_dir(from).expect("a readable folder") {
        let entry = entry.expect("a readable entry");
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        match source.is_dir() {
            true => copy(&source, &target),
            false => drop(std::fs::copy(&source, &target).expect("a copy")),
        }
    }
}

fn line_matches(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split("[..]");
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

fn matches(pattern: &[&str], lines: &[&str]) -> bool {
    match pattern.split_first() {
        None => lines.is_empty(),
        Some((&"...", rest)) => (0..=lines.len()).any(|skip| matches(rest, &lines[skip..])),
        Some((first, rest)) => {
            lines.split_first().is_some_and(|(l, more)| line_matches(first, l) && matches(rest, more))
        }
    }
}

fn told(case: &str, what: &str, pattern: Option<String>, got: &str) -> Option<String> {
    let pattern = pattern.unwrap_or_default();
    let (wanted, had): (Vec<&str>, Vec<&str>) = (pattern.lines().collect(), got.lines().collect());
    (!matches(&wanted, &had)).then(|| format!("{case}: {what} is not\n{pattern}\nbut\n{got}\n"))
}

fn run(folder: &Path) -> Vec<String> {
    let case = folder.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    for entry in std::fs::read_dir(folder).expect("a readable folder") {
        let name = entry.expect("a readable entry").file_name();
        assert!(FILES.iter().any(|known| name == *known), "{case}: `{}` is no part of a case", name.to_string_lossy());
    }
    let work = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("cli").join(&case);
    let _ = std::fs::remove_dir_all(&work);
    std::fs::create_dir_all(&work).expect("a folder to work in");
    if folder.join("input").is_dir() {
        copy(&folder.join("input"), &work);
    }
    let arguments = text(folder.join("command")).expect("`command`");
    let mut command = cutset();
    command.args(arguments.lines()).current_dir(&work);
    for line in text(folder.join("env")).unwrap_or_default().lines() {
        let (name, value) = line.split_once('=').expect("NAME=value");
        command.env(name, value);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let input = text(folder.join("stdin")).unwrap_or_default();
    // A program that does not read its input may be gone by now.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("the program ends");
    let code = text(folder.join("exit")).expect("`exit`");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let exit = output.status.code().map_or_else(|| "a signal".to_owned(), |c| c.to_string());
    let mut wrong = Vec::new();
    wrong.extend(told(&case, "stdout", text(folder.join("stdout")), &stdout));
    wrong.extend(told(&case, "stderr", text(folder.join("stderr")), &stderr));
    if exit != code.trim() {
        wrong.push(format!("{case}: exit is not {} but {exit}\n{stderr}", code.trim()));
    }
    wrong
}

#[test]
fn cases() {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(root().join("tests/cli"))
        .expect("tests/cli")
        .map(|entry| entry.expect("a readable entry").path())
        .collect();
    folders.sort();
    let wrong: Vec<String> = folders.iter().flat_map(|folder| run(folder)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_reader_that_closes_the_pipe_is_no_error() {
    let vectors = root().join("tests/vectors/pim/pim.json");
    for arguments in [vec!["decide", "pim", vectors.to_str().expect("a path")], vec!["completions", "bash"]] {
        let mut child = cutset()
            .args(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
        let status = child.wait().expect("the program ends");
        assert_eq!((status.code(), said.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn a_case_can_fail() {
    assert!(matches(&["a[..]c", "...", "z"], &["abc", "x", "y", "z"]));
    assert!(matches(&["...", "z"], &["z"]));
    assert!(!matches(&["a[..]c"], &["abd"]));
    assert!(!matches(&["a"], &["a", "b"]));
    assert!(!matches(&[], &["a"]));
    assert!(!line_matches("ab[..]bc", "abc"));
}
