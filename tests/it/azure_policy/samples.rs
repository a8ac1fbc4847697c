//! Every definition of the samples compiles, or says precisely what it does not support. The samples are the vendor's
//! and are read in place from `../shared`; where that folder is absent the tests say so and pass.

use crate::support;
use cutset::decide::azure_policy::{AliasTable, PolicyEngine, PolicyInput, compile_definition};
use cutset::model::request::{PolicyContext, PolicyRequest};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|e| e == "json") {
            found.push(path);
        }
    }
}

fn samples() -> Vec<(PathBuf, Value)> {
    let folder = support::root().join("../shared/samples/azure-policy");
    let mut found = Vec::new();
    files(&folder, &mut found);
    if found.is_empty() {
        eprintln!("not run: {} is absent", folder.display());
    }
    found.sort();
    found.into_iter().map(|path| (path.clone(), support::json(&path))).collect()
}

#[test]
fn every_sample_compiles_without_complaint() {
    for (path, document) in samples() {
        let complaints = compile_definition(&document);
        let text: Vec<String> = complaints.iter().map(ToString::to_string).collect();
        assert!(text.is_empty(), "{}: {text:#?}", path.display());
    }
}

/// Each definition, assigned alone, decides a write of a resource of each type it may be about.
#[test]
fn every_sample_decides() {
    let scope = "/subscriptions/00000000-0000-0000-0000-000000000001";
    let types = ["Microsoft.Storage/storageAccounts", "Microsoft.Compute/virtualMachines", "Microsoft.KeyVault/vaults"];
    for (path, document) in samples() {
        let id = document["id"].as_str().unwrap_or_default().to_owned();
        let assignment = json!({
            "id": format!("{scope}/providers/Microsoft.Authorization/policyAssignments/a"),
            "name": "a",
            "properties": { "policyDefinitionId": id, "scope": scope, "parameters": {} },
        });
        let engine = PolicyEngine::compile(PolicyInput {
            definitions: vec![&document],
            set_definitions: Vec::new(),
            assignments: Some(vec![&assignment]),
            exemptions: Some(Vec::new()),
            aliases: AliasTable::ByRule,
        });
        for of_type in types {
            let request: PolicyRequest = serde_json::from_value(json!({
                "method": "PUT",
                "operation": format!("{of_type}/write"),
                "resourceId": format!("{scope}/resourceGroups/rg/providers/{of_type}/one"),
                "apiVersion": "2023-05-01",
                "resource": { "location": "westeurope", "properties": {} },
            }))
            .expect("a request");
            let context: PolicyContext =
                serde_json::from_value(json!({ "utcNow": "2026-03-10T09:00:00Z" })).expect("a context");
            let decision = engine.decide(&request, &context);
            assert!(!decision.states.is_empty(), "{}", path.display());
        }
    }
}
