//! What every command does alike: says what is wrong and what to do, keeps to the terminal's width, colours only where
//! that is wanted.

use super::{Said, cutset, legible, northgate, shown};
use crate::support::{Folder, root};
use std::process::Command;

fn case(incident: &str) -> Folder {
    let folder = Folder::new("manners");
    std::fs::create_dir_all(folder.path().join("snapshot")).expect("a folder");
    let users = root().join("examples/northgate/snapshot/entra/users.json");
    std::fs::copy(users, folder.path().join("snapshot/users.json")).expect("a copy");
    std::fs::write(folder.path().join("incident.json"), incident).expect("a file");
    folder
}

#[test]
fn broken_json_is_called_broken_before_a_key_is_called_misspelt() {
    let broken = case("{ \"schema\": \"cutset/incident/1\", \"windo\": 1, \"id\": \"x\",, }");
    let said = cutset(&["check", shown(broken.path())]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("line 1, column 56"), "{}", said.err);
    assert!(!said.err.contains("did you mean"), "{}", said.err);
    // Whole, the misspelt key is named with the one that was meant; one that is like none is answered with the list.
    let misspelt = case("{ \"schema\": \"cutset/incident/1\", \"windo\": 1 }");
    let said = cutset(&["check", shown(misspelt.path())]);
    assert!(said.err.contains("did you mean `window`?"), "{}", said.err);
    let distant = case("{ \"schema\": \"cutset/incident/1\", \"perpetrators\": 1 }");
    let said = cutset(&["check", shown(distant.path())]);
    assert!(said.err.contains("the known keys are schema, id"), "{}", said.err);
}

#[test]
fn a_policies_folder_without_a_control_is_an_error_that_names_it() {
    let (empty, other) = (Folder::new("empty"), Folder::new("other"));
    std::fs::write(other.path().join("note.txt"), "nothing").expect("a file");
    let example = root().join("examples/northgate");
    for folder in [&empty, &other] {
        for command in ["analyze", "whatif", "paths"] {
            let said = cutset(&[command, shown(&example), "--policies", shown(folder.path())]);
            assert_eq!((said.code, said.out.as_str()), (2, ""), "{command}");
            let wanted = format!("{}: no control is in this folder", shown(folder.path()));
            assert!(said.err.contains(&wanted), "{command}: {}", said.err);
        }
    }
}

#[test]
fn tables_and_help_keep_to_the_width() {
    legible(&cutset(&["facts"]).out);
    legible(&cutset(&["schema"]).out);
    for command in ["analyze", "explain", "whatif", "paths", "decide", "diff", "verify"] {
        let said = cutset(&[command, "--help"]);
        assert_eq!(said.code, 0);
        legible(&said.out);
    }
    assert!(cutset(&["--help"]).out.contains("Exit codes: 0 done; 1 "));
}

fn with(environment: &[(&str, &str)], arguments: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cutset"));
    let output = command.env_clear().envs(environment.iter().copied()).args(arguments).output().expect("it runs");
    Said {
        code: output.status.code().expect("no signal"),
        out: String::from_utf8(output.stdout).expect("text"),
        err: String::from_utf8(output.stderr).expect("text"),
    }
}

#[test]
fn colour_is_for_those_who_want_it() {
    let coloured = |environment: &[(&str, &str)], more: &[&str]| {
        let arguments = ["render", shown(northgate()), "--format", "terminal"];
        let said = with(environment, &arguments.iter().chain(more).copied().collect::<Vec<_>>());
        assert_eq!(said.code, 0, "{}", said.err);
        said.out.contains('\u{1b}')
    };
    // Into a pipe there is none unless it is forced, and NO_COLOR has the last word over what the environment says.
    assert!(!coloured(&[("TERM", "xterm-256color")], &[]));
    assert!(!coloured(&[("TERM", "xterm-256color"), ("NO_COLOR", "1")], &[]));
    assert!(!coloured(&[("TERM", "xterm-256color"), ("NO_COLOR", "1")], &["--color", "never"]));
}
