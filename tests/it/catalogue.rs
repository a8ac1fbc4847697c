//! The shipped catalogue: every document is one that could be deployed (schemas of our own in `tests/schemas/`), every
//! control says what it implements, and nothing lies about unnamed.

use crate::support::{eight, json, root};
use cutset::control::catalogue;
use cutset::model::{Control, Family, Incident, Origin};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// With the parameters of the example.
fn shipped() -> Vec<Control> {
    let path = root().join("examples/northgate/incident.json");
    let text = std::fs::read_to_string(path).expect("the example's incident.json");
    let incident = Incident::parse("incident.json", &text).expect("a valid incident");
    catalogue::shipped(&incident.parameters).expect("the shipped catalogue")
}

fn schema(family: Family) -> jsonschema::Validator {
    let schema = json(&root().join("tests/schemas").join(format!("{}.json", family.word())));
    jsonschema::validator_for(&schema).expect("a valid schema")
}

#[test]
fn every_document_has_the_platforms_shape() {
    for control in shipped() {
        for part in &control.parts {
            assert!(part.unfilled.is_empty(), "{}: {:?} is not filled by the example", control.id, part.unfilled);
            let validator = schema(part.family);
            for document in &part.documents {
                let told = match part.family {
                    Family::ResourcePatch => json!({ "type": part.apply.resource_type, "patch": document }),
                    _ => document.clone(),
                };
                let errors: Vec<String> =
                    validator.iter_errors(&told).map(|e| format!("{}: {e}", e.instance_path())).collect();
                assert!(errors.is_empty(), "{} ({:?}):\n{}", control.id, control.files, errors.join("\n"));
            }
        }
    }
}

#[test]
fn a_broken_document_is_refused_by_its_schema() {
    let refuses = |family: Family, told: Value| assert!(!schema(family).is_valid(&told), "{family:?} accepts {told}");
    let grant = json!({ "operator": "OR", "builtInControls": ["two-factor"] });
    let conditions = json!({ "clientAppTypes": ["all"], "users": {}, "applications": {} });
    refuses(
        Family::ConditionalAccess,
        json!({ "displayName": "x", "state": "enabled", "conditions": conditions, "grantControls": grant }),
    );
    refuses(Family::ConditionalAccess, json!({ "displayName": "x", "state": "on", "conditions": conditions }));
    refuses(Family::AzurePolicy, json!({ "name": "x", "type": "Microsoft.Authorization/policyAssignments" }));
    refuses(
        Family::ResourcePatch,
        json!({ "type": "Microsoft.Storage/storageAccounts", "patch": { "properties": { "allowSharedKeyAcess": false } } }),
    );
    refuses(Family::Pim, json!([]));
    refuses(Family::Rbac, json!({ "add": [{ "principal": "p" }], "remove": [] }));
    refuses(Family::Lock, json!({ "name": "x", "properties": { "level": "readonly" } }));
}

#[test]
fn an_assignment_fits_its_definition_and_says_its_effect() {
    let mut seen = 0;
    for control in shipped() {
        for part in control.parts.iter().filter(|p| p.family == Family::AzurePolicy) {
            let kind =
                |wanted: &str| part.documents.iter().find(|d| d["type"].as_str().is_some_and(|t| t.ends_with(wanted)));
            let (Some(definition), Some(assignment)) = (kind("/policyDefinitions"), kind("/policyAssignments")) else {
                panic!("{}: a definition and its assignment", control.id);
            };
            assert_eq!(assignment["properties"]["policyDefinitionId"], definition["id"], "{}", control.id);
            let declared = definition["properties"]["parameters"].as_object().expect("parameters");
            let set = assignment["properties"]["parameters"].as_object().expect("parameters");
            for (name, value) in set {
                let Some(declared) = declared.get(name) else { panic!("{}: `{name}` is not declared", control.id) };
                if let Some(allowed) = declared["allowedValues"].as_array() {
                    assert!(allowed.contains(&value["value"]), "{}: `{name}`", control.id);
                }
            }
            for (name, declared) in declared {
                assert!(set.contains_key(name) || declared.get("defaultValue").is_some(), "{}: `{name}`", control.id);
            }
            assert_eq!(set["effect"]["value"], "Deny", "{}: the effect in force is the assignment's", control.id);
            seen += 1;
        }
    }
    assert!(seen > 0);
}

#[test]
fn every_control_says_what_it_implements() {
    let named: Vec<String> = shipped().iter().map(|c| c.id.clone()).collect();
    let mcsb = regex::Regex::new("^(NS|IM|PA|DP|AM|LT|IR|PV|ES|BR|DS|GS)-[0-9]{1,2}$").expect("a pattern");
    let mitigation = regex::Regex::new("^M1[0-9]{3}$").expect("a pattern");
    let guid = regex::Regex::new("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$").expect("a pattern");
    let mut shorts = BTreeSet::new();
    for control in shipped() {
        assert!(!control.mitigations.is_empty(), "{}: no mitigation", control.id);
        assert!(
            control.mitigations.iter().all(|m| mitigation.is_match(m)),
            "{}: {:?}",
            control.id,
            control.mitigations
        );
        let benchmarks: BTreeMap<_, _> = control.benchmarks.iter().cloned().collect();
        assert!(benchmarks["MCSB"].iter().all(|c| mcsb.is_match(c)), "{}: {benchmarks:?}", control.id);
        assert!(!benchmarks["MCSB"].is_empty(), "{}: no benchmark", control.id);
        assert!(control.recommendations.iter().all(|r| guid.is_match(r)), "{}: a recommendation is a key", control.id);
        assert!((1..=5).contains(&control.effort), "{}: effort", control.id);
        assert!(control.short.as_ref().is_none_or(|s| shorts.insert(s.clone())), "{}: short", control.id);
        assert!(control.title.chars().count() <= 72, "{}: the title is too long for a table", control.id);
    }
    assert!(named.is_sorted_by(|a, b| a < b));
}

#[test]
fn every_file_is_named_in_the_catalogue() {
    let named: BTreeSet<String> = shipped().into_iter().flat_map(|c| c.files).collect();
    let found: BTreeSet<String> = std::fs::read_dir(root().join("policies"))
        .expect("policies/")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".json") && name != "catalog.json")
        .collect();
    assert_eq!(found, named);
}

#[test]
fn the_eight_stand_alone() {
    let folder = eight();
    let files: BTreeMap<String, String> = std::fs::read_dir(folder.path())
        .expect("the folder")
        .map(|entry| entry.expect("an entry"))
        .map(|e| (e.file_name().to_string_lossy().into_owned(), std::fs::read_to_string(e.path()).expect("text")))
        .collect();
    let controls = catalogue::load("eight", &files, &BTreeMap::new(), Origin::User).expect("a catalogue");
    assert_eq!(controls.len(), 8);
    // Approved regions apart, they need to be told nothing.
    let open: Vec<_> =
        controls.iter().filter(|c| c.parts.iter().any(|p| !p.unfilled.is_empty())).map(|c| &c.id).collect();
    assert_eq!(open, ["allowed-locations"]);
    let efforts: BTreeMap<&str, u32> = controls.iter().map(|c| (c.id.as_str(), c.effort)).collect();
    assert_eq!(
        [
            "azure-management-trusted-location",
            "azure-management-mfa",
            "azure-management-compliant-device",
            "pim-privileged-roles"
        ]
        .map(|id| efforts[id]),
        [2, 2, 3, 3]
    );
}
