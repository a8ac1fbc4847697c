//! The tenant's own tool: its requests are read, its answers given, and two answers compared.

use super::answer;
use super::generate::{ARM, USER};
use cutset::decide::conditional_access::{PolicySet, TenantSettings, read_request, what_if};
use serde_json::{Value, json};

fn policy(id: &str, state: &str, risk: &[&str]) -> Value {
    json!({
        "id": id, "displayName": id, "state": state,
        "conditions": { "users": { "includeUsers": [USER] }, "applications": { "includeApplications": ["Office365"] },
                        "clientAppTypes": ["all"], "signInRiskLevels": risk },
        "grantControls": { "operator": "OR", "builtInControls": ["mfa"] }
    })
}

fn asked() -> Value {
    json!({
        "signInIdentity": { "@odata.type": "#microsoft.graph.userSignIn", "userId": USER },
        "signInContext": { "@odata.type": "#microsoft.graph.applicationContext",
                           "includeApplications": ["00000003-0000-0ff1-ce00-000000000000"] },
        "signInConditions": { "devicePlatform": "android", "clientAppType": "browser", "country": "US",
                              "ipAddress": "203.0.113.32", "deviceInfo": { "isCompliant": true, "ownership": "Company" } },
        "appliedPoliciesOnly": false
    })
}

#[test]
fn a_request_of_the_tool_is_answered_in_its_form() {
    let policies = [
        policy("on", "enabled", &[]),
        policy("risky", "enabledForReportingButNotEnforced", &["high"]),
        policy("off", "disabled", &[]),
    ];
    let got =
        answer(&json!({ "id": "x", "tenant": {}, "namedLocations": [], "policies": policies, "whatIf": asked() }));
    assert_eq!(got["policies"]["off"]["analysisReasons"], json!(["policyNotEnabled"]));
    let row = |id: &str, applies: bool, reason: &str| json!({ "id": id, "displayName": id, "policyApplies": applies, "analysisReasons": reason });
    // Never the tool's default for a risk that was not sent.
    assert_eq!(
        got["whatIf"],
        json!({ "value": [row("on", true, "notSet"), row("risky", false, "notEnoughInformation")] })
    );
}

#[test]
fn a_sign_in_is_asked_in_the_tools_words_and_what_cannot_be_sent_is_named() {
    let sign_in = json!({
        "identity": { "kind": "user", "id": USER },
        "target": { "kind": "userAction", "userAction": "urn:user:registersecurityinfo" },
        "clientAppType": "browser", "ipAddress": "192.0.2.1", "country": null, "transferMethod": "deviceCodeFlow",
        "device": { "isRegistered": true, "deviceOwnership": "Company", "isCompliant": true, "model": null }
    });
    let (request, missing) = what_if::request(&read_request(&sign_in).expect("a request"));
    assert_eq!(request["signInContext"]["userAction"], "registerSecurityInformation");
    let conditions = json!({ "clientAppType": "browser", "ipAddress": "192.0.2.1",
        "authenticationFlow": { "transferMethod": "deviceCodeFlow" },
        "deviceInfo": { "ownership": "Company", "isCompliant": true } });
    assert_eq!(request["signInConditions"], conditions);
    assert_eq!(
        missing,
        [
            "signIn.devicePlatform",
            "signIn.signInRiskLevel",
            "signIn.userRiskLevel",
            "signIn.servicePrincipalRiskLevel",
            "signIn.insiderRiskLevel"
        ]
    );
}

#[test]
fn asking_and_reading_back_keeps_every_fact_the_tool_has() {
    let read = what_if::read(&asked()).expect("a request");
    let (again, _) = what_if::request(&read);
    assert_eq!(again, asked());
}

#[test]
fn answers_are_compared_by_one_reason_of_ours() {
    let mut elsewhere = policy("elsewhere", "enabled", &["high"]);
    elsewhere["conditions"]["applications"]["includeApplications"] = json!([ARM]);
    let (on, risky) = (policy("on", "enabled", &[]), policy("risky", "enabled", &["high"]));
    let set = PolicySet::compile(&TenantSettings::default(), &[], &[&on, &risky, &elsewhere]);
    let mut request = what_if::read(&asked()).expect("a request");
    request.sign_in_risk_level = cutset::model::Fact::Known("low".into());
    let decision = set.decide(&request);
    let recorded = |on: bool, reason: &str| {
        json!({ "value": [
            { "id": "on", "policyApplies": on, "analysisReasons": "notSet" },
            { "id": "risky", "policyApplies": false, "analysisReasons": "signInRisk" },
            { "id": "ELSEWHERE", "policyApplies": false, "analysisReasons": reason }
        ] })
    };
    assert_eq!(what_if::differences(&recorded(true, "signInRisk"), &decision), []);
    assert_eq!(what_if::differences(&recorded(true, "application"), &decision), []);
    let differ = what_if::differences(&recorded(false, "users"), &decision);
    let of = |id: &str, theirs: &str, ours: &str| (id.to_owned(), theirs.to_owned(), ours.to_owned());
    assert_eq!(
        differ,
        [
            of("on", "policyApplies false, notSet", "policyApplies true, notSet"),
            of("elsewhere", "policyApplies false, users", "policyApplies false, application"),
        ]
    );
}
