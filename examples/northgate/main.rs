//! Writes the Northgate case (`examples/northgate/`) and its variants (`tests/cases/northgate-*/`).
//!
//! `cargo run --example northgate [DIR]` writes below the project, or below DIR. Everything comes from a fixed seed
//! and from names: two runs, and two machines, write the same bytes. `tests/it/example.rs` holds that.
//!
//! | file | what |
//! |---|---|
//! | `estate` | who works at Northgate, what they hold, what stands where |
//! | `snapshot`, `pim`, `resources`, `governance` | the exports of the tenant and the subscription |
//! | `attack` | what was told, to the second and the byte |
//! | `baseline` | fourteen days of lawful work |
//! | `signins`, `activity`, `blobs` | how Log Analytics spells each |
//! | `variants` | `incident.json`, and each variant as what differs |

mod activity;
mod attack;
mod baseline;
mod blobs;
mod estate;
mod governance;
mod kit;
mod pim;
mod resources;
mod signins;
mod snapshot;
mod variants;

use kit::{At, line, pretty};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub const SIGN_INS_LAST_DAY: &str = "timeline/SigninLogs_2026-03-21.ndjson";
pub const ACTIVITY_LAST_DAY: &str = "timeline/AzureActivity_2026-03-21.json";

/// The rows of the logs, baseline and attack together, in time order.
pub struct Timeline {
    baseline: baseline::Baseline,
}

fn last_day(at: At) -> bool {
    at >= At::march(21, 0, 0, 0)
}

impl Timeline {
    /// `silent`: s2 is left to the other table.
    pub fn sign_ins(&self, last: bool, silent: bool) -> String {
        let mut all = self.baseline.sign_ins.clone();
        all.push(attack::s1());
        if !silent {
            all.push(attack::s2());
        }
        all.retain(|s| last_day(s.at) == last);
        all.sort_by(|a, b| (a.at, &a.key).cmp(&(b.at, &b.key)));
        all.iter().map(|s| line(&s.row()) + "\n").collect()
    }

    pub fn activity(&self, last: bool, with_body: bool) -> String {
        let mut all = self.baseline.operations.clone();
        all.extend(attack::operations());
        let mut rows: Vec<(At, Value)> = all.iter().flat_map(|o| o.rows(with_body)).collect();
        rows.retain(|(at, _)| last_day(*at) == last);
        rows.sort_by_key(|(at, _)| *at);
        let rows: Vec<String> = rows.iter().map(|(_, row)| format!("  {}", line(row))).collect();
        format!("[\n{}\n]\n", rows.join(",\n"))
    }

    fn blobs(&self, last: bool) -> String {
        let mut all = self.baseline.requests.clone();
        all.extend(attack::requests());
        all.retain(|r| last_day(r.at) == last);
        all.sort_by(|a, b| (a.at, &a.key).cmp(&(b.at, &b.key)));
        if last {
            all.iter().map(|r| line(&r.row()) + "\n").collect()
        } else {
            std::iter::once(blobs::Request::csv_head()).chain(all.iter().map(blobs::Request::csv)).collect()
        }
    }
}

/// Every generated file: path below the project, and its bytes.
pub fn generate() -> BTreeMap<PathBuf, String> {
    let example = Path::new("examples/northgate");
    let mut files = BTreeMap::new();
    files.insert(example.join("incident.json"), pretty(&variants::incident()));
    for (name, document) in snapshot::files() {
        files.insert(example.join("snapshot").join(name), pretty(&document));
    }
    let timeline = Timeline { baseline: baseline::baseline() };
    let logs = [
        ("timeline/SigninLogs_2026-03-07_2026-03-20.ndjson", timeline.sign_ins(false, false)),
        (SIGN_INS_LAST_DAY, timeline.sign_ins(true, false)),
        ("timeline/AzureActivity_2026-03-07_2026-03-20.json", timeline.activity(false, true)),
        (ACTIVITY_LAST_DAY, timeline.activity(true, true)),
        ("timeline/StorageBlobLogs_2026-03-07_2026-03-20.csv", timeline.blobs(false)),
        ("timeline/StorageBlobLogs_2026-03-21.ndjson", timeline.blobs(true)),
        ("timeline/SecurityAlert.json", line(&attack::alerts()) + "\n"),
    ];
    for (name, text) in logs {
        files.insert(example.join(name), text);
    }
    for (name, text) in variants::files(&timeline) {
        files.insert(Path::new("tests/cases").join(name), text);
    }
    files
}

#[allow(dead_code)]
fn main() -> std::io::Result<()> {
    let root = std::env::args_os().nth(1).map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    let files = generate();
    for (path, text) in &files {
        let path = root.join(path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, text)?;
    }
    println!("{} files below {}", files.len(), root.display());
    Ok(())
}
