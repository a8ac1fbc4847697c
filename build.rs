//! Compiles the shipped catalogue (`policies/`) into the binary: a new control is a JSON file and no Rust.

use std::{env, fs, path::Path};

fn main() {
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR");
    let out = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let folder = Path::new(&root).join("policies");
    println!("cargo:rerun-if-changed={}", folder.display());
    let mut names: Vec<String> = fs::read_dir(&folder)
        .map(|entries| entries.flatten().filter_map(|e| e.file_name().into_string().ok()).collect())
        .unwrap_or_default();
    names.retain(|name| name.ends_with(".json"));
    names.sort();
    let rows: String = names
        .iter()
        .map(|name| {
            let path = folder.join(name);
            println!("cargo:rerun-if-changed={}", path.display());
            format!("({name:?}, include_str!({:?})),\n", path.display().to_string())
        })
        .collect();
    fs::write(Path::new(&out).join("policies.rs"), format!("&[\n{rows}]")).expect("OUT_DIR is writable");
}
