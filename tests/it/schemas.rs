//! The JSON Schemas that `cutset schema` prints hold what the types accept.

use cutset::cli::schema::CONTRACTS;
use serde_json::{Value, json};

fn schema(name: &str) -> jsonschema::Validator {
    let contract = CONTRACTS.iter().find(|contract| contract.name == name).expect("the contract exists");
    jsonschema::validator_for((contract.schema)().as_value()).expect("the schema is one")
}

fn file(path: &str) -> Option<Value> {
    let text = std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).ok()?;
    Some(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}")))
}

fn accepts(name: &str, value: &Value, what: &str) {
    let errors: Vec<String> =
        schema(name).iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{what}: {errors:#?}");
}

#[test]
fn names_are_unique_and_every_schema_compiles() {
    let mut names: Vec<&str> = CONTRACTS.iter().map(|contract| contract.name).collect();
    names.dedup();
    assert_eq!(names.len(), CONTRACTS.len());
    for name in names {
        schema(name);
    }
}

#[test]
fn the_analysis_fits_its_schema() {
    accepts("analysis", &file("tests/render/fixture.json").expect("the fixture is there"), "the fixture");
    for case in ["example", "response-spread", "response-contained"] {
        let made = serde_json::to_value(crate::support::analyzed(case)).expect("it serialises");
        accepts("analysis", &made, case);
    }
    let empty = serde_json::to_value(cutset::analysis::Analysis::default()).expect("it serialises");
    accepts("analysis", &empty, "an empty analysis");
}

#[test]
fn an_analysis_without_a_field_or_with_a_wrong_word_does_not_fit() {
    let whole = file("tests/render/fixture.json").expect("the fixture is there");
    for field in ["steps", "graph", "minimal_control_sets", "preservation", "cost"] {
        let mut value = whole.clone();
        value.as_object_mut().expect("an object").remove(field);
        assert!(!schema("analysis").is_valid(&value), "{field} is required");
    }
    let mut value = whole.clone();
    value["steps"][0]["verdicts"][0]["verdict"] = json!("maybe");
    assert!(!schema("analysis").is_valid(&value));
}

#[test]
fn examples_and_the_catalogue_fit_their_schemas() {
    for (name, path) in [("incident", "examples/northgate/incident.json"), ("catalogue", "policies/catalog.json")] {
        match file(path) {
            Some(value) => accepts(name, &value, path),
            None => eprintln!("skipped: {path} is absent"),
        }
    }
    let misspelt = json!({ "schema": "cutset/incident/1", "id": "x", "windw": {} });
    assert!(!schema("incident").is_valid(&misspelt));
}
