//! `cutset diff`: posture regression between two exports. Exit 1 when something that was closed is open.
//!
//! Each side is a case folder or its analysis.json. Compared are, for each crown jewel of the earlier side: the controls
//! that closed every path to it alone, and the paths that were open with nothing more in force.

use super::arguments::{Case, Diff};
use super::{FAILED, case, render::read, warn};
use crate::analysis::{Analysis, Closes};
use crate::render::text::plain;
use serde::Serialize;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

#[derive(Default, Serialize)]
struct Differences {
    /// Closed before, open now.
    reopened: Vec<String>,
    /// Open before, closed now.
    closed: Vec<String>,
    /// On one side alone: neither better nor worse.
    not_compared: Vec<String>,
}

pub fn run(plan: &Diff, out: &mut super::Out) -> anyhow::Result<ExitCode> {
    let old = side(&plan.old, plan)?;
    let new = side(&plan.new, plan)?;
    let found = compare(&old, &new);
    if plan.json {
        serde_json::to_writer_pretty(&mut *out, &found)?;
        writeln!(out)?;
    } else {
        for (word, items) in
            [("open again", &found.reopened), ("closed now", &found.closed), ("not compared", &found.not_compared)]
        {
            for item in items {
                writeln!(out, "{word}: {}", plain(item))?;
            }
        }
        if found.reopened.is_empty() {
            writeln!(out, "nothing that was closed is open")?;
        }
    }
    Ok(if found.reopened.is_empty() { ExitCode::SUCCESS } else { FAILED })
}

fn side(path: &Path, plan: &Diff) -> anyhow::Result<Analysis> {
    if !path.is_dir() && path.exists() {
        return read(path);
    }
    let case = Case { folder: path.to_owned(), policies: plan.policies.clone(), strict: plan.strict };
    let (analysis, warnings) = crate::analyze(&case::open(&case)?, false)?;
    warnings.iter().for_each(|warning| warn(warning));
    Ok(analysis)
}

fn rank(closes: Closes) -> u8 {
    match closes {
        Closes::Closed => 2,
        Closes::ClosedIfLacking => 1,
        Closes::NotClosed => 0,
    }
}

fn compare(old: &Analysis, new: &Analysis) -> Differences {
    let mut found = Differences::default();
    for before in &old.controls {
        let Some(after) = new.control(&before.id) else {
            found.not_compared.push(format!("control {}", before.id));
            continue;
        };
        let line = format!("{} closes every path", before.id);
        match rank(before.closes).cmp(&rank(after.closes)) {
            std::cmp::Ordering::Greater => found.reopened.push(line),
            std::cmp::Ordering::Less => found.closed.push(line),
            std::cmp::Ordering::Equal => {}
        }
    }
    // A detour that no control of the earlier side left open.
    let paths = |analysis: &Analysis| -> BTreeSet<(Vec<String>, String, String)> {
        analysis.residual_paths.iter().map(|p| (p.with.clone(), p.to.to_lowercase(), p.short.clone())).collect()
    };
    let (was, is) = (paths(old), paths(new));
    let describe = |(with, to, short): &(Vec<String>, String, String)| {
        format!("{} with {} in force: {short}", to.rsplit('/').next().unwrap_or(to), with.join(" + "))
    };
    let shared = |with: &[String]| with.iter().all(|id| old.control(id).is_some() && new.control(id).is_some());
    found.reopened.extend(is.difference(&was).filter(|p| shared(&p.0)).map(describe));
    found.closed.extend(was.difference(&is).filter(|p| shared(&p.0)).map(describe));
    found
}
