//! `cutset whatif`: replay under a set; what changes against history.

use super::arguments::Whatif;
use super::{case, warn};
use crate::analysis::whatif::whatif;
use std::io::Write;
use std::process::ExitCode;

pub fn run(plan: &Whatif, out: &mut super::Out) -> anyhow::Result<ExitCode> {
    super::refuse_redaction(&plan.privacy)?;
    let loaded = crate::load(&case::open(&plan.case)?)?;
    loaded.warnings.iter().for_each(|warning| warn(warning));
    let result = whatif(loaded.input(plan.privacy.who), &plan.with)?;
    if plan.json {
        serde_json::to_writer_pretty(&mut *out, &result)?;
        writeln!(out)?;
    } else {
        out.write_all(crate::render::whatif_in_lines(&result, super::WIDTH).as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}
