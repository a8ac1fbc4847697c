//! `cutset verify`: the certificates, checked without the search and the solver that made them.

use super::arguments::{Case, Verify};
use super::{FAILED, case, files, render::read};
use crate::analysis::Analysis;
use crate::analysis::verify::{Verified, compare, verify, verify_case};
use crate::model::{InputError, Source};
use crate::render::text::{plain, wrap_all};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub fn run(plan: &Verify, out: &mut super::Out) -> anyhow::Result<ExitCode> {
    let file = file(&plan.analysis)?;
    let analysis = read(&file)?;
    let mut verified = verify(&analysis);
    against_the_case(plan, &file, &analysis, &mut verified)?;
    if plan.json {
        serde_json::to_writer_pretty(&mut *out, &verified)?;
        writeln!(out)?;
    } else {
        print(&verified, out)?;
    }
    Ok(if verified.failures.is_empty() { ExitCode::SUCCESS } else { FAILED })
}

/// The file itself, or the one that a folder holds: the output's, or a case's.
fn file(path: &Path) -> anyhow::Result<PathBuf> {
    if !path.is_dir() {
        return Ok(path.to_owned());
    }
    let places = [path.join("analysis.json"), path.join("out").join("analysis.json")];
    match places.into_iter().find(|place| place.is_file()) {
        Some(place) => Ok(place),
        None => Err(InputError::new(
            files::shown(path),
            "this folder holds no analysis.json, nor does its out/",
            "run `cutset analyze` on the case, or name the file",
        )
        .into()),
    }
}

/// `analyze` writes into CASE/out: where the case is still there and unchanged, or named, the deciders walk each path.
fn against_the_case(plan: &Verify, file: &Path, analysis: &Analysis, verified: &mut Verified) -> anyhow::Result<()> {
    let beside = || {
        let out = file.parent()?;
        let out = if out.as_os_str().is_empty() { Path::new(".") } else { out };
        let case = out.canonicalize().ok()?.parent()?.to_owned();
        case.join("incident.json").is_file().then_some(case)
    };
    let Some(folder) = plan.case.clone().or_else(beside) else {
        verified.unchecked.push("paths and verdicts: the case is not beside the file (--case names it)".to_owned());
        return Ok(());
    };
    let opened = case::open(&Case { folder: folder.clone(), policies: plan.policies.clone(), strict: false })?;
    let loaded = crate::load(&opened)?;
    if let Some(differs) = differs(&loaded.sources, &analysis.sources) {
        let (folder, named) = (files::shown(&folder), plan.case.is_some());
        if named {
            return Err(InputError::new(
                folder,
                format!("this is not the case the analysis was made of: {differs}"),
                "name the case folder as it was, or analyse this one again",
            )
            .into());
        }
        verified.unchecked.push(format!("paths and verdicts: the case `{folder}` has changed: {differs}"));
        return Ok(());
    }
    verify_case(loaded.input(false), analysis, verified);
    match analysis.posture {
        Some(_) => {
            let named = |control: &crate::analysis::Control| !control.collateral.who.is_empty();
            let (again, _) = crate::analyze(&opened, analysis.controls.iter().any(named))?;
            let ids = |of: &Analysis| of.controls.iter().map(|c| c.id.clone()).collect::<BTreeSet<String>>();
            let (theirs, ours) = (ids(analysis), ids(&again));
            if plan.policies.is_none() && theirs != ours && theirs.is_subset(&ours) {
                let why = "all that no certificate proves: made with fewer controls (--policies names them)";
                verified.unchecked.push(why.to_owned());
            } else {
                compare(analysis, &again, verified);
            }
        }
        None => verified.unchecked.push("all that no certificate proves: the analysis is redacted".to_owned()),
    }
    Ok(())
}

fn differs(ours: &[Source], theirs: &[Source]) -> Option<String> {
    for source in theirs {
        match ours.iter().find(|other| other.file == source.file) {
            None => return Some(format!("`{}` is missing", source.file)),
            Some(other) if other.sha256 != source.sha256 => return Some(format!("`{}` is another file", source.file)),
            Some(_) => {}
        }
    }
    let new = ours.iter().find(|source| !theirs.iter().any(|other| other.file == source.file));
    new.map(|source| format!("`{}` is new", source.file))
}

fn print(verified: &Verified, out: &mut super::Out) -> std::io::Result<()> {
    let mut say = |label: &str, indent: usize, text: &str| -> std::io::Result<()> {
        wrap_all(label, indent, text, super::WIDTH).iter().try_for_each(|line| writeln!(out, "{line}"))
    };
    for failure in &verified.failures {
        say("Refuted:", 9, &plain(failure))?;
    }
    for unchecked in &verified.unchecked {
        say("Not checked:", 13, &plain(unchecked))?;
    }
    let word = if verified.failures.is_empty() { "hold" } else { "do not hold" };
    let walked = match (verified.paths, verified.verdicts) {
        (0, 0) => String::new(),
        (paths, verdicts) => format!(", {paths} paths walked again, {verdicts} verdicts replayed"),
    };
    let again = if verified.again { "; all else made again from the case and compared" } else { "" };
    say("", 0, &format!("Certificates {word}: {} sets, {} clauses{walked}{again}.", verified.sets, verified.clauses))
}
