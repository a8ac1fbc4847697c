//! Every form of log and snapshot record: our own small cases (`tests/formats/<id>/`), and the published samples where
//! they are at hand (`../shared/samples`, read in place; the test passes without them).

use cutset::ingest::{InputFile, Item, read};
use std::path::{Path, PathBuf};

fn walk(root: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(root) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, files);
        } else {
            files.push(path);
        }
    }
    files.sort();
}

fn inputs(root: &Path) -> Vec<InputFile> {
    let mut paths = Vec::new();
    walk(root, &mut paths);
    paths
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
            InputFile {
                name,
                open: Box::new(move || Ok(Box::new(std::io::BufReader::new(std::fs::File::open(&path)?)) as Box<_>)),
            }
        })
        .collect()
}

#[test]
fn published_samples_are_read_or_knowingly_ignored() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/samples");
    if !root.exists() {
        return;
    }
    let mut events = 0;
    let mut documents = 0;
    let reading = read(&inputs(&root), &mut |item| match item {
        Item::Event(_) => events += 1,
        Item::Document { .. } => documents += 1,
        _ => {}
    });
    for source in &reading.sources {
        println!("{:32} {:4} {:4} {:4}  {}", source.format, source.records, source.rejected, source.used, source.file);
    }
    for rejected in &reading.rejected {
        println!("{} #{}: {}", rejected.file, rejected.record, rejected.reason);
    }
    println!("{events} events, {documents} documents");
}
