//! Templates of one's own: `tests/render/templates/`, one for every section of the report; those under `bad/` do not
//! render. The comment at the head of each is what comes out, or what the error says.

use crate::support::{self, analyzed};
use cutset::render::{Request, render};
use std::path::Path;

fn templates(folder: &str) -> Vec<(String, String, String)> {
    let folder = support::root().join("tests/render/templates").join(folder);
    let mut found: Vec<(String, String, String)> = std::fs::read_dir(&folder)
        .expect("templates")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "j2"))
        .map(|path: std::path::PathBuf| {
            let text = std::fs::read_to_string(&path).expect("a template");
            let says =
                text.strip_prefix("{# ").and_then(|rest| rest.split_once(" #}")).expect("a comment").0.to_owned();
            (Path::new(&path).display().to_string(), text, says)
        })
        .collect();
    found.sort();
    found
}

fn report(template: &str) -> Result<String, String> {
    let request = Request { template: Some(template.to_owned()), ..Request::default() };
    let files = render(analyzed("example"), "markdown", &request).map_err(|error| error.to_string())?;
    Ok(String::from_utf8(files[0].bytes.clone()).expect("it is text"))
}

#[test]
fn every_section_can_be_told_by_a_template_of_ones_own() {
    let all = templates("");
    assert_eq!(all.len() + 1, super::markdown::SECTIONS.len() + 2, "a template a section, detections besides");
    for (path, text, says) in all {
        let made = report(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
        // References stand between words.
        let plain = made.replace("(#evidence-index)", "");
        let found = says.split(" / ").all(|part| made.contains(part) || plain.contains(part));
        assert!(found, "{path}: {says} is not in {made}");
        assert!(!made.contains("{{") && !made.contains("{%"), "{path}");
    }
}

#[test]
fn a_bad_template_says_what_is_wrong_and_where() {
    for (path, text, says) in templates("bad") {
        let error = report(&text).expect_err(&path);
        assert!(error.starts_with("the template does not render: "), "{path}: {error}");
        for part in says.split(", ") {
            assert!(error.contains(part), "{path}: {part} is not in {error}");
        }
        assert!(error.lines().count() == 1 && !error.contains("minijinja"), "{path}: {error}");
    }
}

/// On the command line: the file is named where it cannot be read or does not render.
#[test]
fn the_command_line_says_which_template() {
    let folder = support::Folder::new("template");
    let file = folder.path().join("mine.j2");
    std::fs::write(&file, "{{ nowhere.x }}").expect("a template");
    for template in [file.as_path(), &folder.path().join("absent.j2")] {
        let made = std::process::Command::new(env!("CARGO_BIN_EXE_cutset"))
            .args(["render", "tests/render/fixture.json", "--format", "markdown", "--template"])
            .arg(template)
            .current_dir(support::root())
            .output()
            .expect("cutset runs");
        let said = String::from_utf8_lossy(&made.stderr).into_owned();
        assert_eq!(made.status.code(), Some(2), "{said}");
        let name = template.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(said.contains(&name), "{name} is not in {said}");
    }
}
