//! Each control of the catalogue, put in force by its family and asked by its gate: cut, not cut, unknown
//! (`tests/controls/README.md`).

use crate::support::{json, root};
use cutset::control::{catalogue, put_in_force};
use cutset::decide::GATES;
use cutset::decide::azure_rbac::Outcome;
use cutset::decide::storage::key_vault::{self, VaultRequest};
use cutset::decide::storage::{Caller, Circumstances, Credential, usable};
use cutset::model::{
    Collected, Control, Document, Environment, Evidence, Fact, Family, Incident, Kind, ObjectId, json as text_of,
};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

const FAMILIES: &[(Family, &str)] = &[
    (Family::ConditionalAccess, "conditional-access"),
    (Family::AzurePolicy, "azure-policy"),
    (Family::ResourcePatch, "storage"),
    (Family::Pim, "pim"),
    (Family::Rbac, "azure-rbac"),
    (Family::Lock, "azure-rbac"),
];

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    control: String,
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    why: String,
    #[serde(default)]
    request: Value,
    #[serde(default)]
    set: BTreeMap<String, Value>,
    #[serde(default)]
    forget: Vec<String>,
    #[serde(default)]
    environment: Map<String, Value>,
    expect: String,
}

fn shipped() -> BTreeMap<String, Control> {
    let text = std::fs::read_to_string(root().join("examples/northgate/incident.json")).expect("the example");
    let incident = Incident::parse("incident.json", &text).expect("a valid incident");
    let controls = catalogue::shipped(&incident.parameters).expect("the shipped catalogue");
    controls.into_iter().map(|control| (control.id.clone(), control)).collect()
}

fn folder(family: Family) -> PathBuf {
    root().join("tests/controls").join(family.word())
}

fn files(family: Family) -> Vec<File> {
    let entries = std::fs::read_dir(folder(family)).unwrap_or_else(|e| panic!("{}: {e}", folder(family).display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.file_name().is_some_and(|name| name != "base.json"));
    paths.sort();
    paths
        .into_iter()
        .map(|path| serde_json::from_value(json(&path)).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
        .collect()
}

fn environment(documents: &Map<String, Value>) -> Environment {
    let mut environment = Environment::default();
    for kind in Kind::ALL {
        environment.set_collected(*kind, Collected::Whole);
        for (n, body) in documents.get(kind.as_str()).and_then(Value::as_array).into_iter().flatten().enumerate() {
            let key = text_of::text(body, "id").map_or_else(|| n.to_string(), str::to_owned);
            let evidence = Evidence::new("base.json", 1, "");
            environment.insert(*kind, &key, Document { body: Arc::new(body.clone()), evidence });
        }
    }
    cutset::ingest::facts::merge_into(&mut environment);
    environment
}

fn list(environment: &Environment, kind: Kind) -> Value {
    Value::Array(environment.bodies(kind).cloned().collect())
}

/// The gate's lists of documents, from the environment in which the control is in force.
fn with_documents(family: Family, environment: &Environment, mut request: Value) -> Value {
    match family {
        Family::ConditionalAccess => {
            request["policies"] = list(environment, Kind::ConditionalAccess);
            request["namedLocations"] = list(environment, Kind::NamedLocations);
        }
        Family::AzurePolicy => {
            request["definitions"] = list(environment, Kind::PolicyDefinitions);
            request["setDefinitions"] = list(environment, Kind::PolicySetDefinitions);
            request["assignments"] = list(environment, Kind::PolicyAssignments);
            request["exemptions"] = list(environment, Kind::Exemptions);
        }
        Family::ResourcePatch => {
            request["account"] = environment.bodies(Kind::Resources).next().cloned().unwrap_or_default();
        }
        Family::Pim => {
            request["snapshot"] = json!({
                "roleAssignmentScheduleInstances": list(environment, Kind::PimInstances),
                "roleEligibilityScheduleInstances": list(environment, Kind::PimEligibilities),
                "policyAssignments": list(environment, Kind::PimSettings),
                "conditionalAccessPolicies": list(environment, Kind::ConditionalAccess) });
        }
        Family::Rbac | Family::Lock => {
            request["extraRoleDefinitions"] = list(environment, Kind::RoleDefinitions);
            request["roleAssignments"] = list(environment, Kind::RoleAssignments);
            request["locks"] = list(environment, Kind::Locks);
        }
    }
    request
}

fn forget(request: &mut Value, pointer: &str) {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    let parent = request.pointer_mut(parent).and_then(Value::as_object_mut);
    let parent = parent.unwrap_or_else(|| panic!("`forget` names {pointer}, which the request does not hold"));
    parent.remove(key).unwrap_or_else(|| panic!("`forget` names {pointer}, which the request does not hold"));
}

/// The verdict of a gate's answer: its own, or the decision in the words of a verdict.
fn verdict(answer: &Value) -> String {
    let word = answer["verdict"].as_str().or(answer["decision"].as_str()).unwrap_or_default();
    match word {
        "denied" => "cut".to_owned(),
        "allowed" => "not-cut".to_owned(),
        other => other.to_owned(),
    }
}

fn ask(family: Family, gate: &str, base: &Value, control: &Control, case: &Case) -> Value {
    let mut documents = base["environment"].as_object().expect("the environment of the base").clone();
    documents.extend(case.environment.clone());
    let mut world = environment(&documents);
    put_in_force(&mut world, control, &None);
    let mut request = base["request"].clone();
    if case.request.is_object() {
        text_of::merge_patch(&mut request, &case.request);
    }
    for (pointer, value) in &case.set {
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        request.pointer_mut(parent).unwrap_or_else(|| panic!("`set` names {pointer}"))[key] = value.clone();
    }
    for pointer in &case.forget {
        forget(&mut request, pointer);
    }
    if let Some(credential) = request.get("neighbour").cloned() {
        return neighbour(&world, &credential, &request);
    }
    let mut vector = with_documents(family, &world, request);
    vector["id"] = json!(control.id);
    let gate = GATES.iter().find(|g| g.id == gate).expect("a gate");
    let file = json!({ "vectors": [vector] });
    let answers = (gate.decide_file)(&file).unwrap_or_else(|e| panic!("{}: {}: {e}", control.id, case.why));
    answers.into_iter().next().unwrap_or_default()
}

/// Vaults and disks: their use is no request of the storage gate, but of its neighbours.
fn neighbour(environment: &Environment, credential: &Value, request: &Value) -> Value {
    let resource = environment.bodies(Kind::Resources).next().expect("a resource");
    let asked = &request["request"];
    let mut caller = Caller::public("0.0.0.0".parse().expect("an address"), true);
    caller.ip = asked["callerIp"].as_str().and_then(|ip| ip.parse().ok());
    caller.via_private_endpoint = asked["viaPrivateEndpoint"].as_bool();
    let unknown: Vec<String> =
        request["unknownPaths"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    let answer = match credential.as_str() {
        Some("DiskSas") => {
            let circumstances =
                Circumstances { caller: Some(&caller), rbac: None, children: None, unknown_paths: &unknown };
            usable(Credential::DiskSas, resource, &circumstances)
        }
        Some("SecretGet") => {
            let request = VaultRequest {
                operation: "SecretGet",
                principal: &ObjectId::new("aaaaaaaa-0000-0000-0000-000000000001"),
                groups: &Fact::Known(Vec::new()),
                application: Fact::Absent,
                caller: &caller,
                rbac: Some(Outcome::Allowed),
            };
            key_vault::answer(resource, &request, &unknown)
        }
        other => panic!("no neighbour {other:?}"),
    };
    json!({ "verdict": answer.level.word(), "reason": answer.reason, "missing": answer.missing })
}

#[test]
fn every_case_of_a_control_comes_out() {
    let controls = shipped();
    let mut wrong = Vec::new();
    for (family, gate) in FAMILIES {
        let base = json(&folder(*family).join("base.json"));
        for file in files(*family) {
            let control = controls.get(&file.control).unwrap_or_else(|| panic!("no control `{}`", file.control));
            for case in &file.cases {
                let answer = ask(*family, gate, &base, control, case);
                if verdict(&answer) != case.expect {
                    wrong.push(format!("{}: {}: expected {}, got {answer}", file.control, case.why, case.expect));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_control_is_shown_cut_not_cut_and_unknown() {
    let mut shown: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (family, _) in FAMILIES {
        for file in files(*family) {
            shown.entry(file.control).or_default().extend(file.cases.into_iter().map(|case| case.expect));
        }
    }
    for id in shipped().keys() {
        let verdicts = shown.get(id).cloned().unwrap_or_default();
        for verdict in ["cut", "not-cut", "unknown"] {
            assert!(verdicts.contains(verdict), "`{id}`: no case shows it {verdict}");
        }
    }
}
