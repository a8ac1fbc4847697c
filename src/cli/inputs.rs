//! The files of a case: walks its folders and opens nothing until asked.
//!
//! Bounded and hostile-safe: a link that leads back into its own parents, a pipe or device, a folder that cannot be
//! listed, too deep or too many files: each becomes a line among the sources that says so, and the rest is read.

use crate::ingest::InputFile;
use crate::model::DateOrder;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

const DEPTH: usize = 64;
const FILES: usize = 200_000;

/// Exports of a case: everything below `snapshot/` and `timeline/`, or, where a folder has neither, everything in it
/// but `incident.json`, `policies/` and `out/`. In order of name.
pub fn case(folder: &Path) -> io::Result<Vec<InputFile>> {
    let rooms: Vec<&str> = ["snapshot", "timeline"].into_iter().filter(|room| folder.join(room).is_dir()).collect();
    let mut walk = Walk::default();
    if rooms.is_empty() {
        fs::read_dir(folder)?;
        walk.folder(folder, "", 0);
        let apart = |name: &str| name == "incident.json" || name.starts_with("policies/") || name.starts_with("out/");
        walk.files.retain(|file| !apart(&file.name));
    }
    for room in rooms {
        walk.folder(&folder.join(room), &format!("{room}/"), 0);
    }
    walk.files.sort_by(|a, b| a.name.cmp(&b.name));
    let order = date_order(folder);
    walk.files.iter_mut().for_each(|file| file.order = order);
    Ok(walk.files)
}

/// What `incident.json` says of dates that can be read either way; whether it is one at all is said where it is parsed.
fn date_order(folder: &Path) -> Option<DateOrder> {
    let text = fs::read_to_string(folder.join("incident.json")).ok()?;
    let incident: serde_json::Value = serde_json::from_str(text.strip_prefix('\u{feff}').unwrap_or(&text)).ok()?;
    serde_json::from_value(incident.get("dateOrder")?.clone()).ok()
}

/// Everything below a folder, or the file itself.
pub fn below(path: &Path) -> io::Result<Vec<InputFile>> {
    if path.is_file() {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        return Ok(vec![file(name, path.to_owned())]);
    }
    fs::read_dir(path)?;
    let mut walk = Walk::default();
    walk.folder(path, "", 0);
    walk.files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(walk.files)
}

#[derive(Default)]
struct Walk {
    files: Vec<InputFile>,
    /// Folders on the way down, to see loops.
    above: BTreeSet<PathBuf>,
}

impl Walk {
    fn folder(&mut self, folder: &Path, prefix: &str, depth: usize) {
        let name = prefix.trim_end_matches('/').to_owned();
        if depth > DEPTH {
            return self.trouble(name, format!("folders nest deeper than {DEPTH}"));
        }
        let real = match fs::canonicalize(folder) {
            Ok(real) => real,
            Err(error) => return self.trouble(name, error.to_string()),
        };
        if !self.above.insert(real.clone()) {
            return self.trouble(name, "this link leads back to a folder it is in".to_owned());
        }
        match fs::read_dir(folder) {
            Err(error) => self.trouble(name, error.to_string()),
            Ok(entries) => {
                let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
                paths.sort();
                for path in paths {
                    self.entry(path, prefix, depth);
                }
            }
        }
        self.above.remove(&real);
    }

    fn entry(&mut self, path: PathBuf, prefix: &str, depth: usize) {
        let Some(last) = path.file_name().map(|n| n.to_string_lossy().into_owned()) else { return };
        let name = format!("{prefix}{last}");
        if self.files.len() >= FILES {
            if self.files.len() == FILES {
                self.trouble(name, format!("more than {FILES} files: the rest is not read"));
            }
            return;
        }
        match fs::metadata(&path) {
            Ok(data) if data.is_dir() => self.folder(&path, &format!("{name}/"), depth + 1),
            Ok(data) if data.is_file() => self.files.push(file(name, path)),
            Ok(_) => self.trouble(name, "neither a file nor a folder".to_owned()),
            Err(error) => self.trouble(name, error.to_string()),
        }
    }

    fn trouble(&mut self, name: String, why: String) {
        self.files.push(InputFile::new(&name, move || Err(io::Error::other(why.clone()))));
    }
}

fn file(name: String, path: PathBuf) -> InputFile {
    InputFile::new(&name, move || Ok(Box::new(BufReader::with_capacity(64 << 10, fs::File::open(&path)?))))
}
