//! Arrows point up the list of rooms only: each room names no room but those it may.

use crate::support::root;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use syn::visit::Visit;

/// Room → rooms it may name. `cli` may name all.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("effect", &["model"]),
    ("ingest", &["model"]),
    ("correlate", &["model", "effect"]),
    ("decide", &["model"]),
    ("control", &["model"]),
    ("causal", &["model", "effect", "decide", "correlate"]),
    ("replay", &["model", "effect", "decide", "control", "correlate", "causal"]),
    ("cuts", &["model", "effect", "decide", "control", "correlate", "causal", "replay"]),
    ("analysis", &["model", "effect", "decide", "control", "correlate", "causal", "replay", "cuts"]),
    ("render", &["model", "analysis"]),
];

/// First segments after `crate` (or after enough `super`s to leave the room) of every path in a file.
struct Paths {
    /// Modules between the crate's root and this file's own.
    depth: usize,
    named: BTreeSet<String>,
}

impl Paths {
    fn path(&mut self, segments: &[String]) {
        match segments.first().map(String::as_str) {
            Some("crate") => self.named.extend(segments.get(1).cloned()),
            Some("super") => {
                let ups = segments.iter().take_while(|s| *s == "super").count();
                if ups >= self.depth {
                    self.named.extend(segments.get(ups).cloned());
                }
            }
            Some(_) | None => {}
        }
    }

    fn tree(&mut self, prefix: &mut Vec<String>, tree: &syn::UseTree) {
        match tree {
            syn::UseTree::Path(path) => {
                prefix.push(path.ident.to_string());
                self.tree(prefix, &path.tree);
                prefix.pop();
            }
            syn::UseTree::Name(name) => self.leaf(prefix, &name.ident.to_string()),
            syn::UseTree::Rename(name) => self.leaf(prefix, &name.ident.to_string()),
            syn::UseTree::Glob(_) => self.path(&prefix.clone()),
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.tree(prefix, item)),
        }
    }

    fn leaf(&mut self, prefix: &[String], name: &str) {
        let mut whole = prefix.to_vec();
        whole.push(name.to_owned());
        self.path(&whole);
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        self.path(&segments);
        syn::visit::visit_path(self, path);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.tree(&mut Vec::new(), &item.tree);
    }
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}

fn named_by(path: &Path, src: &Path) -> BTreeSet<String> {
    let relative = path.strip_prefix(src).expect("below src");
    let mut depth = relative.components().count();
    if relative.file_name().is_some_and(|name| name == "mod.rs") {
        depth -= 1;
    }
    let text = std::fs::read_to_string(path).expect("a source file");
    let file = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut paths = Paths { depth, named: BTreeSet::new() };
    paths.visit_file(&file);
    paths.named
}

#[test]
fn arrows_point_up_only() {
    let src = root().join("src");
    let rooms: BTreeMap<&str, BTreeSet<&str>> =
        MAY_NAME.iter().map(|(room, may)| (*room, may.iter().copied().collect())).collect();
    let mut wrong = Vec::new();
    for (room, may) in &rooms {
        for file in sources(&src.join(room)) {
            for name in named_by(&file, &src) {
                let other_room = rooms.contains_key(name.as_str()) || name == "cli";
                if other_room && name != **room && !may.contains(name.as_str()) {
                    wrong.push(format!("{} names {name}", file.strip_prefix(&src).expect("below src").display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_room_is_in_the_table() {
    let rooms: BTreeSet<String> = std::fs::read_dir(root().join("src"))
        .expect("src")
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    let table: BTreeSet<String> =
        MAY_NAME.iter().map(|(room, _)| (*room).to_owned()).chain(["cli".to_owned()]).collect();
    assert_eq!(rooms, table);
}

#[test]
fn a_path_that_leaves_its_room_is_seen() {
    let mut paths = Paths { depth: 2, named: BTreeSet::new() };
    let code = "use super::super::{render::Output, model}; fn f() { crate::ingest::read(); super::own::g(); }";
    paths.visit_file(&syn::parse_file(code).expect("it parses"));
    assert_eq!(paths.named, ["ingest", "model", "render"].iter().map(|s| (*s).to_owned()).collect());
}
