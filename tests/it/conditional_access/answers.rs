//! What the engine is told: levels with words, facts and clauses; contexts; recorded results.

use super::generate::{self, ARM, USER};
use cutset::decide::conditional_access::{Enforcement, PolicySet, TenantSettings, read_attacker, read_request};
use cutset::model::request::{SignInRequest, Stance};
use cutset::model::{Attacker, Fact, Level, Tenant, Word};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn tenant() -> TenantSettings {
    TenantSettings {
        security_defaults: Fact::Known(false),
        mfa_trusted_ips: Fact::Known(vec![]),
        mandatory_mfa_portals: Fact::Known(false),
        ..TenantSettings::default()
    }
}

fn policy(grant: Value) -> Value {
    json!({
        "id": "99999999-0000-4000-8000-000000000001", "displayName": "Azure management", "state": "enabled",
        "conditions": { "users": { "includeUsers": ["All"] }, "applications": { "includeApplications": [ARM] },
                        "clientAppTypes": ["all"] },
        "grantControls": grant
    })
}

fn sign_in() -> SignInRequest {
    let sign_in = json!({
        "identity": { "kind": "user", "id": USER, "externalUserType": null, "homeTenantId": null,
                      "transitiveGroupIds": [], "directoryRoleTemplateIds": [] },
        "target": { "kind": "application", "clientAppId": "c44b4083-3bb0-49c1-b47d-974e53cbdf3c",
                    "clientKind": "confidential", "resourceAppId": ARM, "authenticationContexts": [] },
        "clientAppType": "browser", "devicePlatform": "windows", "ipAddress": "198.51.100.77", "country": "US",
        "signInRiskLevel": "high", "userRiskLevel": "none", "transferMethod": "none", "originalTransferMethod": "none",
        "device": { "isRegistered": false }, "claims": { "mfa": false, "methods": ["password"] }
    });
    read_request(&sign_in).expect("a request")
}

fn attacker(stated: Value) -> Attacker {
    read_attacker(&stated).0
}

fn mfa() -> Value {
    json!({ "operator": "OR", "builtInControls": ["mfa"] })
}

fn compile(policies: &[Value]) -> PolicySet {
    PolicySet::compile(&tenant(), &[], &policies.iter().collect::<Vec<_>>())
}

#[test]
fn a_prompt_to_a_user_nobody_knows_to_be_registered_is_unknown() {
    let set = compile(&[policy(mfa())]);
    let password = attacker(json!({ "holds": ["password"] }));
    let mut request = sign_in();
    let answer = set.answer(&request, &password, Stance::Observed);
    assert_eq!(answer.level, Level::Unknown);
    assert_eq!(answer.missing.iter().map(|fact| &**fact).collect::<Vec<_>>(), ["signIn.identity.isMfaRegistered"]);
    assert_eq!(set.verdict(&request, &password).level, Level::Challenged);
    // A second factor that is lacked does not tell that none can be registered.
    let lacking = attacker(json!({ "holds": ["password"], "lacks": ["secondFactor"] }));
    assert_eq!(set.answer(&request, &lacking, Stance::Observed).level, Level::Unknown);
    request.identity.is_mfa_registered = Fact::Known(true);
    let answer = set.answer(&request, &password, Stance::Observed);
    assert_eq!((answer.level, answer.words), (Level::Challenged, BTreeSet::from([Word::SecondFactor])));
    assert_eq!(set.answer(&request, &lacking, Stance::Observed).level, Level::Cut);
    request.identity.is_mfa_registered = Fact::Known(false);
    assert_eq!(set.answer(&request, &lacking, Stance::Observed).level, Level::NotCut);
}

#[test]
fn nothing_asks_for_a_device_or_an_address_in_the_request_as_it_was() {
    let device = compile(&[policy(json!({ "operator": "OR", "builtInControls": ["compliantDevice"] }))]);
    let open = attacker(json!({ "holds": ["password"] }));
    assert_eq!(device.answer(&sign_in(), &open, Stance::Observed).level, Level::Cut);
    let answer = device.answer(&sign_in(), &open, Stance::Hypothetical);
    assert_eq!((answer.level, answer.words), (Level::Challenged, BTreeSet::from([Word::ManagedDevice])));
    let held = attacker(json!({ "holds": ["managedDevice"] }));
    assert_eq!(device.answer(&sign_in(), &held, Stance::Observed).level, Level::NotCut);

    let mut place = policy(json!({ "operator": "OR", "builtInControls": ["block"] }));
    place["conditions"]["locations"] = json!({ "includeLocations": ["All"], "excludeLocations": [generate::RANGE] });
    let range = json!({ "@odata.type": "#microsoft.graph.ipNamedLocation", "id": generate::RANGE, "isTrusted": true,
                        "ipRanges": [{ "cidrAddress": "203.0.113.0/24" }] });
    let place = PolicySet::compile(&tenant(), &[&range], &[&place]);
    assert_eq!(place.answer(&sign_in(), &open, Stance::Observed).level, Level::Cut);
    let answer = place.answer(&sign_in(), &open, Stance::Hypothetical);
    assert_eq!((answer.level, answer.words), (Level::Challenged, BTreeSet::from([Word::AllowedEgressAddress])));
}

#[test]
fn a_clause_names_document_pointer_sentence_and_page() {
    let set = compile(&[policy(json!({ "operator": "AND", "builtInControls": ["mfa", "compliantDevice"] }))]);
    let answer = set.answer(&sign_in(), &attacker(json!({ "holds": ["password", "secondFactor"] })), Stance::Observed);
    assert_eq!((answer.level, answer.reason.as_str()), (Level::Cut, "compliantDevice"));
    let [clause] = answer.clauses.as_slice() else { panic!("{:?}", answer.clauses) };
    assert_eq!(clause.document, "99999999-0000-4000-8000-000000000001");
    assert_eq!(clause.pointer, "/grantControls/builtInControls/1");
    assert_eq!(clause.says, "`Azure management` requires a compliant device, which this sign-in does not come from");
    assert_eq!(clause.source, "Conditional Access: Grant");
}

#[test]
fn a_policy_that_does_not_reach_the_request_says_why() {
    let set = compile(&[policy(mfa())]);
    let mut request = sign_in();
    request.target.resource_app_id = Fact::Known("e406a681-f3d4-42a8-90b6-c2b029497af1".into());
    let answer = set.answer(&request, &attacker(json!({})), Stance::Observed);
    assert_eq!((answer.level, answer.reason.as_str()), (Level::NotCut, "application"));
    assert_eq!(answer.clauses[0].pointer, "/conditions/applications");
}

#[test]
fn report_only_results_are_detections_and_agree_with_the_log() {
    let mut report_only = policy(json!({ "operator": "OR", "builtInControls": ["compliantDevice"] }));
    report_only["state"] = json!("enabledForReportingButNotEnforced");
    let mut off = policy(mfa());
    (off["id"], off["state"]) = (json!("off"), json!("disabled"));
    let mut on = policy(mfa());
    on["id"] = json!("on");
    let mut risky = policy(mfa());
    (risky["id"], risky["conditions"]["userRiskLevels"]) = (json!("risky"), json!(["high"]));
    let set = compile(&[report_only, off, on, risky]);
    let mut request = sign_in();
    request.claims = Fact::Known(cutset::model::request::Claims { mfa: Fact::Known(true), ..Default::default() });
    let answer = set.answer(&request, &attacker(json!({})), Stance::Observed);
    assert_eq!(answer.level, Level::NotCut);
    let detected = "report-only policy `Azure management` (99999999-0000-4000-8000-000000000001): reportOnlyFailure";
    assert_eq!(answer.detected, [detected]);
    let words = |request: &SignInRequest| -> Vec<Option<&'static str>> {
        set.recorded_results(request).iter().map(|result| result.word).collect()
    };
    assert_eq!(words(&request), [Some("reportOnlyFailure"), Some("notEnabled"), Some("success"), Some("notApplied")]);
    request.user_risk_level = Fact::Unknown;
    request.claims = Fact::Known(cutset::model::request::Claims { mfa: Fact::Known(false), ..Default::default() });
    let results = set.recorded_results(&request);
    assert_eq!(results[3].word, None);
    assert_eq!(results[3].possible, ["notApplied", "failure"]);
    assert_eq!(results[3].missing.iter().map(|fact| &**fact).collect::<Vec<_>>(), ["signIn.userRiskLevel"]);
    assert_eq!((results[3].agrees("FAILURE"), results[3].agrees("success")), (Some(true), Some(false)));
    assert_eq!(results[3].agrees("unknownFutureValue"), None);
    // Through with MFA: the interrupt would have been recorded as one.
    let mut interrupted = policy(mfa());
    interrupted["state"] = json!("enabledForReportingButNotEnforced");
    let word = compile(&[interrupted]).recorded_results(&request)[0].word;
    assert_eq!(word, Some("reportOnlyInterrupted"));
}

#[test]
fn an_authentication_context_asks_its_own_policies_or_mfa_as_a_backup() {
    let context = |id: &str, state: &str, users: Value| {
        let mut policy = policy(json!({ "operator": "OR", "builtInControls": ["compliantDevice"] }));
        (policy["id"], policy["state"]) = (json!(id), json!(state));
        policy["conditions"]["applications"] = json!({ "includeAuthenticationContextClassReferences": ["C1"] });
        policy["conditions"]["users"] = users;
        policy
    };
    let all = json!({ "includeUsers": ["All"] });
    let mut blocked_elsewhere = policy(json!({ "operator": "OR", "builtInControls": ["block"] }));
    blocked_elsewhere["id"] = json!("elsewhere");
    let mut request = sign_in();
    request.identity.is_mfa_registered = Fact::Known(true);
    let lacking = attacker(json!({ "lacks": ["secondFactor", "managedDevice"] }));
    let asked = |policies: &[Value]| compile(policies).context_answer("c1", &request, &lacking, Stance::Observed);

    let answer = asked(std::slice::from_ref(&blocked_elsewhere));
    assert!(answer.backup_mfa && answer.policies.is_empty());
    assert_eq!((answer.enforcement, answer.answer.level), (Some(Enforcement::Interrupted), Level::Cut));

    let answer = asked(&[blocked_elsewhere.clone(), context("on", "enabled", all.clone())]);
    assert!(!answer.backup_mfa);
    assert_eq!((answer.enforcement, answer.answer.level), (Some(Enforcement::Denied), Level::Cut));
    assert_eq!(answer.decision.policies.len(), 1);

    // Off, report-only, or for others: nothing is asked.
    let excluded = json!({ "includeUsers": ["All"], "excludeUsers": [USER] });
    for (state, users) in [("disabled", &all), ("enabledForReportingButNotEnforced", &all), ("enabled", &excluded)] {
        let answer = asked(&[context("off", state, users.clone())]);
        assert_eq!((answer.enforcement, answer.answer.level), (Some(Enforcement::Granted), Level::NotCut), "{state}");
    }
    let set = compile(&[context("on", "disabled", all)]);
    assert_eq!((set.context_policies("c1"), set.context_policies("c2")), (vec!["on"], vec![]));
    assert!(set.targets_context("c1").is_true() && set.targets_context("c2").is_false());
}

#[test]
fn mandatory_mfa_counts_as_stated() {
    let ask = |portals: Fact<bool>| {
        let tenant =
            Tenant { mandatory_mfa_portals: portals, security_defaults: Fact::Known(false), ..Tenant::default() };
        let set = PolicySet::compile(&TenantSettings::from(&tenant), &[], &[]);
        let mut request = sign_in();
        request.identity.is_mfa_registered = Fact::Known(true);
        let answer = set.answer(&request, &attacker(json!({ "lacks": ["secondFactor"] })), Stance::Observed);
        let document = answer.clauses.first().map(|clause| clause.document.clone());
        (set.enforcement(&request), answer.level, document, answer.missing.first().map(|fact| fact.to_string()))
    };
    let document = Some("mandatoryMfa".to_owned());
    assert_eq!(ask(Fact::Known(false)), (Some(Enforcement::Granted), Level::NotCut, None, None));
    assert_eq!(ask(Fact::Known(true)), (Some(Enforcement::Interrupted), Level::Cut, document.clone(), None));
    let missing = Some("tenant.mandatoryMfa.portals".to_owned());
    assert_eq!(ask(Fact::Unknown), (None, Level::Unknown, document, missing));
}

#[test]
fn a_spoofable_platform_is_noted() {
    let mut policy = policy(json!({ "operator": "OR", "builtInControls": ["block"] }));
    policy["conditions"]["platforms"] = json!({ "includePlatforms": ["windows"] });
    let answer = compile(&[policy]).answer(&sign_in(), &attacker(json!({})), Stance::Observed);
    assert_eq!(answer.level, Level::Cut);
    assert!(answer.notes.iter().any(|note| note.contains("user agent")), "{:?}", answer.notes);
}

#[test]
fn what_is_not_supported_is_said_with_its_place() {
    let mut policy = policy(mfa());
    policy["conditions"]["devices"] = json!({ "deviceFilter": { "mode": "include", "rule": "device.model -eq" } });
    policy["conditions"]["users"]["excludeGroups"] = json!(["<EmergencyAccessAccountsGroup>"]);
    let set = compile(&[policy]);
    let said: Vec<(String, String)> =
        set.complaints().iter().map(|c| (c.pointer.to_string(), c.message.clone())).collect();
    let of = |pointer: &str, message: &str| (pointer.to_owned(), message.to_owned());
    assert_eq!(
        said,
        [
            of(
                "/conditions/devices/deviceFilter/rule",
                "the rule does not parse at character 17: expected a text in double quotes, `True` or `False`"
            ),
            of("/conditions/users/excludeGroups/0", "`<EmergencyAccessAccountsGroup>` is not an id"),
        ]
    );
}

#[test]
fn the_trust_of_a_partner_outranks_the_default() {
    use cutset::model::{Collected, Document, Environment, Evidence, Kind};
    use std::sync::Arc;
    let mut environment = Environment::default();
    let mut put = |key: &str, body: Value| {
        let document = Document { body: Arc::new(body), evidence: Evidence::new("cross-tenant.json", 1, "") };
        environment.insert(Kind::CrossTenantAccess, key, document);
    };
    put("default", json!({ "inboundTrust": { "isMfaAccepted": false } }));
    put("partner", json!({ "tenantId": generate::TENANTS[1], "inboundTrust": { "isMfaAccepted": true } }));
    environment.tenant.security_defaults = Fact::Known(false);
    environment.set_collected(Kind::NamedLocations, Collected::Whole);
    let settings = TenantSettings::of(&environment);
    assert!(!settings.named_locations_partial);
    let set = PolicySet::compile(&settings, &[], &[&policy(mfa())]);
    let mut request = sign_in();
    request.identity.external_user_type = Fact::Known("b2bCollaborationGuest".into());
    request.claims = Fact::Known(cutset::model::request::Claims {
        mfa: Fact::Known(true),
        mfa_performed_in: Fact::Known("home".into()),
        ..Default::default()
    });
    request.target.client_app_id = Fact::Known(generate::OWN.into());
    for (home, enforcement) in [(0, Enforcement::Interrupted), (1, Enforcement::Granted)] {
        request.identity.home_tenant_id = Fact::Known(generate::TENANTS[home].into());
        assert_eq!(set.enforcement(&request), Some(enforcement));
    }
}
