//! Exports as they come: published policies, and documents with anything anywhere. None may make the gate fail, and what
//! it cannot read it names.

use super::answer;
use super::generate;
use crate::support::root;
use cutset::decide::conditional_access::{PolicySet, TenantSettings, read_attacker, read_request};
use cutset::model::request::{SignInRequest, Stance};
use proptest::prelude::*;
use proptest::test_runner::Config;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// A dozen sign-ins that differ in what policies look at.
fn sign_ins() -> Vec<Value> {
    let user = json!({
        "identity": { "kind": "user", "id": generate::USER, "externalUserType": null, "homeTenantId": generate::TENANTS[0],
                      "transitiveGroupIds": [], "directoryRoleTemplateIds": ["62e90394-69f5-4237-9190-012177145e10"] },
        "target": { "kind": "application", "clientAppId": generate::OWN, "clientKind": "public",
                    "resourceAppId": generate::ARM, "authenticationContexts": [] },
        "clientAppType": "browser", "devicePlatform": "windows", "ipAddress": "198.51.100.7", "country": "GB",
        "signInRiskLevel": "none", "userRiskLevel": "none", "insiderRiskLevel": "none", "device": null,
        "transferMethod": "none", "originalTransferMethod": "none", "claims": { "mfa": false }
    });
    let changed = |changes: &[(&str, Value)]| {
        let mut sign_in = user.clone();
        for (pointer, value) in changes {
            *sign_in.pointer_mut(pointer).expect("a place in the sign-in") = value.clone();
        }
        sign_in
    };
    let guest = json!("b2bCollaborationGuest");
    let device =
        json!({ "isRegistered": true, "isCompliant": true, "deviceOwnership": "Company", "trustType": "AzureAD" });
    vec![
        user.clone(),
        changed(&[("/identity/externalUserType", guest), ("/identity/directoryRoleTemplateIds", json!([]))]),
        changed(&[("/clientAppType", json!("other")), ("/target/resourceAppId", json!(generate::EXCHANGE))]),
        changed(&[("/device", device.clone()), ("/claims", json!({ "mfa": true }))]),
        changed(&[("/device", device), ("/devicePlatform", json!("macOS"))]),
        changed(&[("/signInRiskLevel", json!("high")), ("/userRiskLevel", json!("high"))]),
        changed(&[("/insiderRiskLevel", json!("elevated")), ("/target/resourceAppId", json!(generate::EXCHANGE))]),
        changed(&[("/transferMethod", json!("deviceCodeFlow")), ("/originalTransferMethod", json!("deviceCodeFlow"))]),
        changed(&[("/target", json!({ "kind": "userAction", "userAction": "urn:user:registersecurityinfo" }))]),
        changed(&[("/target", json!({ "kind": "userAction", "userAction": "urn:user:registerdevice" }))]),
        json!({ "identity": { "kind": "user", "id": generate::USER }, "target": { "kind": "application" } }),
        json!({ "identity": { "kind": "servicePrincipal", "id": generate::SERVICE, "singleTenantInThisTenant": true },
                "target": { "kind": "application", "resourceAppId": generate::ARM }, "ipAddress": "192.0.2.1" }),
        json!({ "identity": { "kind": "managedIdentity", "id": generate::SERVICE },
                "target": { "kind": "application", "resourceAppId": generate::ARM } }),
    ]
}

fn requests() -> Vec<SignInRequest> {
    sign_ins().iter().map(|sign_in| read_request(sign_in).expect("a request")).collect()
}

fn json_files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        match path.is_dir() {
            true => json_files(&path, found),
            false if path.extension().is_some_and(|e| e == "json") => found.push(path),
            false => {}
        }
    }
}

/// UTF-16 too, by its byte order mark.
fn document(path: &Path) -> Value {
    let bytes = std::fs::read(path).expect("a readable sample");
    let (text, _, malformed) = encoding_rs::UTF_8.decode(&bytes);
    assert!(!malformed, "{}", path.display());
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Reads `../shared/samples`; there is nothing to say where that is absent.
#[test]
fn every_published_policy_decides_against_a_dozen_sign_ins() {
    let samples = root().join("../shared/samples");
    let mut files = Vec::new();
    json_files(&samples.join("snapshot/conditional-access"), &mut files);
    json_files(&samples.join("snapshot/graph-api-docs"), &mut files);
    files.retain(|path| path.to_string_lossy().contains("onditional"));
    files.sort();
    if !samples.exists() {
        return;
    }
    let (mut policies, mut locations) = (Vec::new(), Vec::new());
    for path in &files {
        let read = document(path);
        let documents = read.get("value").and_then(Value::as_array).cloned().unwrap_or_else(|| vec![read]);
        for one in documents {
            match one.get("conditions") {
                Some(_) => policies.push((path.display().to_string(), one)),
                None => locations.push(one),
            }
        }
    }
    assert!(policies.len() >= 30, "only {} policies", policies.len());
    let named: Vec<&Value> = locations.iter().collect();
    let whole = PolicySet::compile(
        &TenantSettings::default(),
        &named,
        &policies.iter().map(|(_, policy)| policy).collect::<Vec<_>>(),
    );
    let (nobody, _) = read_attacker(&json!({}));
    for request in requests() {
        assert_eq!(whole.decide(&request).policies.len(), policies.len());
        whole.answer(&request, &nobody, Stance::Observed);
        assert_eq!(whole.recorded_results(&request).len(), policies.len());
    }
    // Put in force one by one, each is decided for someone, or says what it turns on.
    for (file, policy) in &policies {
        let mut policy = policy.clone();
        policy["state"] = json!("enabled");
        let set = PolicySet::compile(&TenantSettings::default(), &named, &[&policy]);
        for complaint in set.complaints() {
            assert!(!complaint.message.is_empty() && complaint.pointer.starts_with('/'), "{file}: {complaint:?}");
        }
        for request in requests() {
            let decision = set.decide(&request);
            if let cutset::model::Truth::Unknown(facts) = &decision.policies[0].applies {
                assert!(!facts.is_empty(), "{file}");
            }
        }
    }
}

/// Values of every kind, some of them words that mean something.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop::sample::select(vec![
            "All",
            "AllTrusted",
            "block",
            "",
            "enabled",
            "\u{0}",
            "c1",
            "device.model -eq \"",
            "💥"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            (prop::sample::select(vec!["id", "mode", "rule", "isEnabled", "@odata.type", "x"]), inner)
                .prop_map(|(key, value)| json!({ key: value })),
        ]
    })
}

fn pointers(value: &Value, at: String, found: &mut Vec<String>) {
    found.push(at.clone());
    match value {
        Value::Object(members) => members.iter().for_each(|(key, value)| pointers(value, format!("{at}/{key}"), found)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, value)| pointers(value, format!("{at}/{n}"), found));
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(Config { cases: 150, failure_persistence: None, ..Config::default() })]

    /// Anything in the place of anything: no panic, and never a decision that rests on what could not be read unless
    /// something that could be read decides.
    #[test]
    fn odd_documents_do_not_break_the_gate(
        policies in generate::policies(),
        sign_in in generate::sign_in(true),
        odd in prop::collection::vec((anything(), any::<prop::sample::Index>()), 1..4),
        in_request in any::<bool>(),
        attacker in generate::attacker(),
    ) {
        let mut vector = generate::vector(&json!({ "securityDefaults": false }), &policies, &sign_in, &attacker);
        let parts: &[&str] = if in_request { &["signIn", "tenant"] } else { &["policies", "namedLocations"] };
        for (value, index) in odd {
            let mut places = Vec::new();
            for part in parts {
                pointers(&vector[*part], format!("/{part}"), &mut places);
            }
            // The lists themselves, and what makes a request one, are the file's contract.
            let contract = ["/policies", "/namedLocations", "/signIn", "/signIn/identity", "/signIn/identity/kind",
                            "/signIn/target", "/signIn/target/kind"];
            places.retain(|place| !contract.contains(&place.as_str()));
            let place = index.get(&places).clone();
            if let Some(there) = vector.pointer_mut(&place) {
                *there = value;
            }
        }
        let got = answer(&vector);
        for (_, policy) in got["policies"].as_object().expect("policies") {
            if policy["applies"] == "unknown" {
                prop_assert!(!policy["missingFacts"].as_array().expect("facts").is_empty(), "{}", vector);
            }
        }
    }
}

#[test]
fn what_is_no_request_is_an_error_that_says_where() {
    use cutset::decide::conditional_access::GATE;
    let error = |file: Value| (GATE.decide_file)(&file).expect_err("an error");
    let e = error(
        json!({ "vectors": [{ "policies": [], "signIn": { "identity": {}, "target": { "kind": "application" } } }] }),
    );
    assert_eq!(e.message, "`identity.kind` is ``");
    assert_eq!(e.place, "/vectors/0/signIn");
    assert_eq!(e.help, "write `user`, `servicePrincipal` or `managedIdentity`");
    assert_eq!(error(json!({ "vectors": [{ "signIn": {} }] })).message, "there is no `policies` array");
    assert_eq!(error(json!({ "vectors": [{ "policies": [] }] })).message, "there is no `signIn` object");
}
