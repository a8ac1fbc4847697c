//! The pages say what is so: links lead somewhere, commands exist, the rooms are the rooms.

use crate::support::root;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const PAGES: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "policies/README.md",
    "examples/northgate/README.md",
    "tests/cases/README.md",
    "tests/controls/README.md",
];

fn page(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

#[test]
fn every_link_leads_somewhere() {
    let link = regex::Regex::new(r"\]\(([^)#]+)(#[^)]*)?\)").expect("a pattern");
    for name in PAGES {
        let base = root().join(Path::new(name).parent().unwrap_or(Path::new("")));
        for found in link.captures_iter(&page(name)) {
            let target = &found[1];
            if !target.contains("://") {
                assert!(base.join(target).exists(), "{name} links to {target}, which is not there");
            }
        }
    }
}

#[test]
fn every_command_of_the_pages_exists() {
    let program = <cutset::cli::arguments::Arguments as clap::CommandFactory>::command();
    let known: BTreeSet<String> = program.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    let spoken = regex::Regex::new(r"(?m)(?:^|`|\| )cutset ([a-z]+)").expect("a pattern");
    for name in PAGES {
        for found in spoken.captures_iter(&page(name)) {
            assert!(known.contains(&found[1]), "{name} speaks of `cutset {}`", &found[1]);
        }
    }
    let readme = page("README.md");
    for command in &known {
        assert!(
            readme.contains(&format!("cutset {command}")) || readme.contains(&format!("-- {command}")),
            "README.md lacks `{command}`"
        );
    }
}

#[test]
fn the_map_names_every_room() {
    let rooms: Vec<String> = std::fs::read_dir(root().join("src"))
        .expect("src")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path: &PathBuf| path.is_dir())
        .filter_map(|path| path.file_name().map(|n| n.to_string_lossy().into_owned()))
        .collect();
    for (name, form) in [("ARCHITECTURE.md", "| `{}` |"), ("src/lib.rs", "| [`{}`] |")] {
        let text = page(name);
        for room in &rooms {
            assert!(text.contains(&form.replace("{}", room)), "{name} has no line for `{room}`");
        }
    }
}
