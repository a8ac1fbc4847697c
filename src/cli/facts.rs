//! `cutset facts`: the built-in tables, as of when, from where. The user's own export always wins over them.

use super::arguments::Facts;
use crate::ingest::facts::TABLES;
use crate::render::text::wrap_all;
use serde_json::{Value, json};
use std::io::Write;
use std::process::ExitCode;

pub fn run(plan: &Facts, out: &mut super::Out) -> anyhow::Result<ExitCode> {
    if plan.json {
        let rows: Vec<Value> =
            TABLES.iter().map(|t| json!({ "id": t.id, "date": t.date, "rows": t.rows, "source": t.source })).collect();
        serde_json::to_writer_pretty(&mut *out, &rows)?;
        writeln!(out)?;
        return Ok(ExitCode::SUCCESS);
    }
    for table in TABLES {
        let head = format!("{:22} {}  {:5} rows ", table.id, table.date, table.rows);
        for line in wrap_all(&head, head.len() + 1, table.source, super::WIDTH) {
            writeln!(out, "{line}")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
