//! A set of two hundred policies deciding one sign-in: with everything on record, and with the usual holes.

use cutset::decide::conditional_access::{PolicySet, TenantSettings, read_attacker, read_request};
use cutset::model::Attacker;
use cutset::model::request::{SignInRequest, Stance};
use divan::{Bencher, black_box};
use serde_json::{Value, json};

const POLICIES: usize = 200;

fn main() {
    divan::main();
}

fn id(kind: u32, n: usize) -> String {
    format!("{kind:08}-0000-4000-8000-{n:012}")
}

/// Policies of the kinds that tenants have: by group, role, application, place, platform, risk, device.
fn policies() -> Vec<Value> {
    (0..POLICIES)
        .map(|n| {
            let users = match n % 4 {
                0 => json!({ "includeUsers": ["All"], "excludeGroups": [id(2, n), id(2, 0)] }),
                1 => json!({ "includeGroups": [id(2, n), id(2, n + 1)], "excludeUsers": [id(1, n)] }),
                2 => json!({ "includeRoles": ["62e90394-69f5-4237-9190-012177145e10", id(3, n)] }),
                _ => json!({ "includeUsers": ["GuestsOrExternalUsers"] }),
            };
            let applications = match n % 3 {
                0 => json!({ "includeApplications": ["All"], "excludeApplications": [id(4, n)] }),
                1 => json!({ "includeApplications": ["Office365", id(4, n)] }),
                _ => json!({ "includeApplications": ["797f4846-ba00-4fd7-ba43-dac1f8f63013"] }),
            };
            let mut conditions = json!({ "users": users, "applications": applications, "clientAppTypes": ["all"] });
            match n % 5 {
                0 => {
                    conditions["locations"] = json!({ "includeLocations": ["All"], "excludeLocations": ["AllTrusted"] })
                }
                1 => {
                    conditions["platforms"] =
                        json!({ "includePlatforms": ["all"], "excludePlatforms": ["iOS", "android"] })
                }
                2 => conditions["signInRiskLevels"] = json!(["high", "medium"]),
                3 => {
                    let rule = "device.trustType -ne \"ServerAD\" -and device.isCompliant -ne True";
                    conditions["devices"] = json!({ "deviceFilter": { "mode": "include", "rule": rule } });
                }
                _ => {}
            }
            let control = ["mfa", "compliantDevice", "mfa", "domainJoinedDevice"][n % 4];
            json!({
                "id": id(9, n), "displayName": format!("policy {n}"), "state": "enabled", "conditions": conditions,
                "grantControls": { "operator": "OR", "builtInControls": [control] }
            })
        })
        .collect()
}

fn locations() -> Vec<Value> {
    (0..20)
        .map(|n| {
            let ranges: Vec<Value> = (0..50).map(|k| json!({ "cidrAddress": format!("203.{n}.{k}.0/24") })).collect();
            json!({ "@odata.type": "#microsoft.graph.ipNamedLocation", "id": id(6, n), "isTrusted": n % 2 == 0,
                    "ipRanges": ranges })
        })
        .collect()
}

fn set() -> PolicySet {
    let tenant = TenantSettings::read(Some(&json!({ "securityDefaults": false, "mfaTrustedIps": ["192.0.2.0/28"],
                                                    "baselineScopes": "legacy" })));
    let (policies, locations) = (policies(), locations());
    PolicySet::compile(&tenant, &locations.iter().collect::<Vec<_>>(), &policies.iter().collect::<Vec<_>>())
}

fn request(holes: bool) -> SignInRequest {
    let groups: Vec<String> = (0..40).map(|n| id(2, n * 5)).collect();
    let mut sign_in = json!({
        "identity": { "kind": "user", "id": id(1, 7), "externalUserType": null, "homeTenantId": id(5, 1),
                      "transitiveGroupIds": groups, "directoryRoleTemplateIds": [id(3, 2)], "isMfaRegistered": true },
        "target": { "kind": "application", "clientAppId": "04b07795-8ddb-461a-bbee-02f9e1bf7b46", "clientKind": "public",
                    "resourceAppId": "797f4846-ba00-4fd7-ba43-dac1f8f63013", "authenticationContexts": [] },
        "clientAppType": "mobileAppsAndDesktopClients", "devicePlatform": "windows", "ipAddress": "198.51.100.77",
        "country": "GB", "signInRiskLevel": "none", "userRiskLevel": "none", "transferMethod": "none",
        "originalTransferMethod": "none", "device": { "isRegistered": true, "isCompliant": false, "trustType": "AzureAD" },
        "claims": { "mfa": true, "methods": ["password,microsoftAuthenticatorPush"] }
    });
    if holes {
        for key in ["signInRiskLevel", "device", "devicePlatform"] {
            sign_in.as_object_mut().map(|facts| facts.remove(key));
        }
    }
    read_request(&sign_in).expect("a request")
}

fn attacker() -> Attacker {
    read_attacker(&json!({ "holds": ["password"], "lacks": ["managedDevice"] })).0
}

#[divan::bench]
fn compile(bencher: Bencher) {
    let (policies, locations) = (policies(), locations());
    let (policies, locations): (Vec<&Value>, Vec<&Value>) = (policies.iter().collect(), locations.iter().collect());
    let tenant = TenantSettings::default();
    bencher.bench(|| PolicySet::compile(black_box(&tenant), &locations, &policies));
}

/// Granted, interrupted or denied, and nothing named.
#[divan::bench(args = [false, true])]
fn enforcement(bencher: Bencher, holes: bool) {
    let (set, request) = (set(), request(holes));
    bencher.bench(|| set.enforcement(black_box(&request)));
}

/// Every field of a decision.
#[divan::bench(args = [false, true])]
fn decide(bencher: Bencher, holes: bool) {
    let (set, request) = (set(), request(holes));
    bencher.bench(|| set.decide(black_box(&request)));
}

/// The attacker's answer, with clauses.
#[divan::bench(args = [false, true])]
fn answer(bencher: Bencher, holes: bool) {
    let (set, request, attacker) = (set(), request(holes), attacker());
    bencher.bench(|| set.answer(black_box(&request), &attacker, Stance::Observed));
}
