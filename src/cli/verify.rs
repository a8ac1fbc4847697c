//! `cutset verify`: the certificates, checked without the search and the solver that made them.

use super::arguments::{Case, Verify};
use super::{FAILED, case, render::read};
use crate::analysis::verify::{verify, verify_paths};
use crate::render::text::plain;
use std::io::Write;
use std::process::ExitCode;

pub fn run(plan: &Verify, out: &mut super::Out) -> anyhow::Result<ExitCode> {
    let analysis = read(&plan.analysis)?;
    let mut verified = verify(&analysis);
    // `analyze` writes into CASE/out: where the case is still there and unchanged, the deciders walk each path again.
    let folder = plan.analysis.parent().and_then(|out| out.parent()).filter(|f| f.join("incident.json").is_file());
    if let Some(folder) = folder {
        let opened = case::open(&Case { folder: folder.to_owned(), policies: None, strict: false })
            .and_then(|c| Ok(crate::load(&c)?));
        if let Ok(loaded) = opened
            && loaded.sources == analysis.sources
        {
            verify_paths(loaded.input(false), &analysis, &mut verified);
        }
    }
    if plan.json {
        serde_json::to_writer_pretty(&mut *out, &verified)?;
        writeln!(out)?;
    } else {
        for failure in &verified.failures {
            writeln!(out, "{}", plain(failure))?;
        }
        let walked = match verified.paths {
            0 => "paths not walked again: the case is not beside the file, or has changed".to_owned(),
            n => format!("{n} paths walked again"),
        };
        let word = if verified.failures.is_empty() { "hold" } else { "do not hold" };
        writeln!(out, "certificates {word}: {} sets, {} clauses, {walked}", verified.sets, verified.clauses)?;
    }
    Ok(if verified.failures.is_empty() { ExitCode::SUCCESS } else { FAILED })
}
