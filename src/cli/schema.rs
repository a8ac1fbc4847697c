//! `cutset schema`: the JSON Schema of each contract, made from the types that read and write it.

use super::arguments::Schema;
use crate::analysis::Analysis;
use crate::control::catalogue::Catalogue;
use crate::model::{Incident, InputError, nearest};
use anyhow::Context;
use schemars::generate::SchemaSettings;
use std::io::Write;
use std::process::ExitCode;

/// One contract.
pub struct Contract {
    pub name: &'static str,
    pub what: &'static str,
    pub schema: fn() -> schemars::Schema,
}

pub const CONTRACTS: &[Contract] = &[
    Contract { name: "analysis", what: "analysis.json, what `cutset analyze` writes", schema: written::<Analysis> },
    Contract { name: "catalogue", what: "policies/catalog.json, candidate controls", schema: read::<Catalogue> },
    Contract { name: "incident", what: "incident.json, what no export can say", schema: read::<Incident> },
];

/// Of what we write: every field that is always there is required.
fn written<T: schemars::JsonSchema>() -> schemars::Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>()
}

/// Of what we read.
fn read<T: schemars::JsonSchema>() -> schemars::Schema {
    SchemaSettings::draft2020_12().for_deserialize().into_generator().into_root_schema_for::<T>()
}

pub fn run(plan: &Schema, out: &mut super::Out) -> anyhow::Result<ExitCode> {
    let Some(name) = &plan.name else {
        for contract in CONTRACTS {
            writeln!(out, "{:<10} {}", contract.name, contract.what).context("cannot write to stdout")?;
        }
        return Ok(ExitCode::SUCCESS);
    };
    let Some(contract) = CONTRACTS.iter().find(|contract| contract.name == name) else {
        let known: Vec<&str> = CONTRACTS.iter().map(|contract| contract.name).collect();
        let message = format!("`{name}` is no contract; the contracts are {}", known.join(", "));
        let near = nearest(name, &known).map(|near| format!("did you mean `{near}`?"));
        return Err(InputError::new("", message, near.unwrap_or_default()).into());
    };
    let text = serde_json::to_string_pretty(&(contract.schema)()).context("the schema is no JSON")?;
    writeln!(out, "{text}").context("cannot write to stdout")?;
    Ok(ExitCode::SUCCESS)
}
