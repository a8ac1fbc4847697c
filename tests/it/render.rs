//! Outputs: every renderer over a hand-written, generated and hostile analyses. Data: `tests/render/`.

mod browser;
mod combinations;
#[cfg(feature = "docx")]
mod docx;
mod dot;
mod files;
mod generated;
mod geometry;
mod hostile;
pub mod markdown;
mod open_graph;
mod png;
mod sentinel;
mod take_away;
mod templates;
mod terminal;

use cutset::analysis::{Analysis, si};
use cutset::render::{OUTPUTS, Request, render};
use std::path::Path;

/// Northgate's shape by hand: `tests/render/fixture.json`.
fn fixture() -> Analysis {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/render/fixture.json"));
    serde_json::from_str(&text.expect("the fixture is there")).expect("the fixture is an analysis")
}

/// The text of an output that makes one file.
fn text(analysis: &Analysis, format: &str, view: &str, with: &[&str]) -> String {
    let with = with.iter().map(|id| (*id).to_owned()).collect();
    let request = Request { view: view.to_owned(), with, ..Request::default() };
    let mut files = render(analysis, format, &request).expect("it renders");
    assert_eq!(files.len(), 1, "{format}");
    String::from_utf8(files.remove(0).bytes).expect("it is text")
}

#[test]
fn sizes_have_three_digits_rounded_half_up() {
    for (bytes, text) in [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (1499, "1.5 kB"),
        (2_450_000_000, "2.45 GB"),
        (2_304_512_000, "2.3 GB"),
        (145_488_000, "145 MB"),
        (145_500_000, "146 MB"),
        (999_499_999, "999 MB"),
        (999_500_000, "1 GB"),
        (1_005_000, "1.01 MB"),
        (u64::MAX, "18.4 EB"),
    ] {
        assert_eq!(si(bytes), text, "{bytes}");
    }
}

#[test]
fn what_was_serialised_reads_back_the_same() {
    let analysis = fixture();
    let once = serde_json::to_string(&analysis).expect("it serialises");
    let again: Analysis = serde_json::from_str(&once).expect("it reads back");
    assert_eq!(analysis, again);
    assert_eq!(once, serde_json::to_string(&again).expect("it serialises"));
}

#[test]
fn unknown_fields_are_tolerated() {
    let mut value = serde_json::to_value(fixture()).expect("it serialises");
    value["later"] = serde_json::json!({ "field": 1 });
    value["steps"][0]["later"] = serde_json::json!([]);
    serde_json::from_value::<Analysis>(value).expect("a later version's fields do no harm");
}

#[test]
fn every_output_renders_the_fixture_and_nothing_at_all() {
    for analysis in [fixture(), Analysis::default()] {
        for output in OUTPUTS {
            for view in output.views {
                let request = Request { view: (*view).to_owned(), ..Request::default() };
                let files = render(&analysis, output.id, &request).expect("it renders");
                let again = render(&analysis, output.id, &request).expect("it renders");
                assert_eq!(files, again, "{} {view}: same bytes every time", output.id);
            }
        }
    }
}

#[test]
fn an_unknown_view_format_or_control_is_said_with_what_is_known() {
    let analysis = fixture();
    let request = |view: &str, with: &str| Request {
        view: view.to_owned(),
        with: if with.is_empty() { Vec::new() } else { vec![with.to_owned()] },
        ..Request::default()
    };
    let error = |format: &str, view: &str, with: &str| {
        render(&analysis, format, &request(view, with)).expect_err("it does not render").to_string()
    };
    assert_eq!(
        error("svg", "atack", ""),
        "`atack` is no view of `svg`; its views are attack, before-after, residual, timeline, choke"
    );
    assert!(error("gif", "", "").starts_with("`gif` is no format; the formats are terminal, html, markdown"));
    assert_eq!(
        error("svg", "attack", "storage-firewal"),
        "the analysis has no control `storage-firewal`; did you mean `storage-firewall`?"
    );
}

/// Renderings as they were looked at: `tests/render/<id>/northgate.<extension>`, the first view of the fixture.
#[test]
fn renderings_are_as_they_were_looked_at() {
    for format in ["dot", "mermaid", "svg", "json", "markdown"] {
        let extension = OUTPUTS.iter().find(|output| output.id == format).expect("it exists").extension;
        let made = text(&fixture(), format, "", &[]);
        as_looked_at(&format!("tests/render/{format}/northgate.{extension}"), &made);
    }
}

/// Compares with the file; what was made instead is left for a look in the build's scratch folder.
fn as_looked_at(path: &str, made: &str) {
    let expected = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap_or_default();
    if made != expected {
        let actual = Path::new(env!("CARGO_TARGET_TMPDIR")).join(path);
        std::fs::create_dir_all(actual.parent().expect("a folder")).expect("a folder to write to");
        std::fs::write(&actual, made).expect("it is written");
        panic!("{path} differs from what is made now: {}", actual.display());
    }
}

/// Ten processes, each with its own hash seed, and one answer.
#[test]
fn ten_runs_give_the_same_bytes() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    for output in OUTPUTS {
        let out = crate::support::Folder::new("runs");
        for view in output.views {
            let run = |number: usize| -> (Vec<u8>, Vec<(String, Vec<u8>)>) {
                let folder = out.path().join(format!("{view}-{number}"));
                let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_cutset"));
                command.args(["render", "tests/render/fixture.json", "--format", output.id, "--view", view]);
                let made = command.arg("--out").arg(&folder).current_dir(home).output().expect("cutset runs");
                assert!(made.status.success(), "{} {view}: {}", output.id, String::from_utf8_lossy(&made.stderr));
                // One file under the name given, or a folder of several.
                let mut files: Vec<(String, Vec<u8>)> = match std::fs::read(&folder) {
                    Ok(bytes) => vec![(String::new(), bytes)],
                    Err(_) => cutset::cli::inputs::below(&folder)
                        .expect("a folder")
                        .iter()
                        .map(|file| (file.name.clone(), std::fs::read(folder.join(&file.name)).expect("a file")))
                        .collect(),
                };
                files.sort();
                // What was written is said with the folder's name, which differs.
                (if files.is_empty() { made.stdout } else { Vec::new() }, files)
            };
            let first = run(0);
            assert!(!first.0.is_empty() || !first.1.is_empty(), "{} {view}: something is made", output.id);
            // The first view ten times, the others in turn.
            let times = if Some(view) == output.views.first() { 10 } else { 3 };
            assert!((1..times).all(|number| run(number) == first), "{} {view}: other bytes", output.id);
        }
    }
}
