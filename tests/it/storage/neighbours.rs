//! `tests/neighbours/*.json`: is the credential of another service of any use.

use crate::support::{json, root};
use cutset::decide::azure_rbac::Outcome;
use cutset::decide::storage::{Caller, Circumstances, Credential, key_vault, usable};
use cutset::model::{Answer, Fact, ObjectId, Truth};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Case {
    why: String,
    credential: Option<String>,
    vault: Option<Vault>,
    resource: Value,
    children: Option<Vec<Value>>,
    caller: Option<From>,
    rbac: Option<String>,
    #[serde(default)]
    unknown_paths: Vec<String>,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Vault {
    operation: String,
    principal: ObjectId,
    #[serde(default)]
    groups: Fact<Vec<ObjectId>>,
    #[serde(default)]
    application: Fact<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct From {
    ip: Option<std::net::IpAddr>,
    via_private_endpoint: Option<bool>,
    subnet: Option<String>,
    trusted_service: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    level: String,
    reason: String,
    #[serde(default)]
    missing: BTreeSet<String>,
}

fn answer(case: &Case) -> Answer {
    let rbac = case.rbac.as_deref().map(|word| match word {
        "allowed" => Outcome::Allowed,
        "denied" => Outcome::Denied,
        other => panic!("`{other}` is no decision"),
    });
    let caller = case.caller.as_ref().map(|from| Caller {
        ip: from.ip,
        via_private_endpoint: from.via_private_endpoint,
        subnet: from.subnet.clone(),
        trusted_service: from.trusted_service,
        entra: Truth::from(case.vault.is_some()),
        instance: Fact::Absent,
    });
    if let (Some(vault), Some(caller)) = (&case.vault, &caller) {
        let request = key_vault::VaultRequest {
            operation: &vault.operation,
            principal: &vault.principal,
            groups: &vault.groups,
            application: vault.application.as_ref().map(String::as_str),
            caller,
            rbac,
        };
        return key_vault::answer(&case.resource, &request, &case.unknown_paths);
    }
    let credential = match case.credential.as_deref() {
        Some("localKey") => Credential::LocalKey,
        Some("diskSas") => Credential::DiskSas,
        Some("clusterAdmin") => Credential::ClusterAdmin,
        Some("clusterRunCommand") => Credential::ClusterRunCommand,
        Some("sqlPassword") => Credential::SqlPassword,
        Some("publishingScm") => Credential::PublishingScm,
        Some("publishingFtp") => Credential::PublishingFtp,
        other => panic!("`{other:?}` is no credential"),
    };
    let children: Option<Vec<&Value>> = case.children.as_ref().map(|children| children.iter().collect());
    let (caller, children) = (caller.as_ref(), children.as_deref());
    usable(credential, &case.resource, &Circumstances { caller, rbac, children, unknown_paths: &case.unknown_paths })
}

#[test]
fn cases() {
    let folder = root().join("tests/neighbours");
    let mut files: Vec<_> = std::fs::read_dir(folder).expect("cases").map(|e| e.expect("an entry").path()).collect();
    files.sort();
    let (mut wrong, mut count) = (Vec::new(), 0);
    for file in files {
        let cases: Vec<Case> =
            serde_json::from_value(json(&file)).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        for case in &cases {
            count += 1;
            let answer = answer(case);
            let missing: BTreeSet<String> = answer.missing.iter().map(|fact| fact.to_string()).collect();
            let Expect { level, reason, missing: facts } = &case.expect;
            if (answer.level.word(), &answer.reason, &missing) != (level.as_str(), reason, facts) {
                wrong.push(format!("{}: {}: {answer:?}", file.display(), case.why));
            }
            assert!(
                answer.clauses.iter().all(|clause| !clause.source.is_empty()),
                "{}: a clause cites no page",
                case.why
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 80, "only {count} cases were read");
}
