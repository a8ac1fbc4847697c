//! The example's records against the gates: what the platform recorded in the case is what the gates say, so that a
//! difference between history and an engine built on them is the engine's.

use super::input_files;
use crate::support::root;
use cutset::decide::azure_rbac::{Authorizer, AuthorizerInput};
use cutset::decide::conditional_access::{PolicySet, TenantSettings};
use cutset::decide::storage;
use cutset::effect;
use cutset::model::{Detail, Environment, Event, Fact, Kind, ResourceId, Tenant};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// Read once for all tests of this file.
fn case() -> &'static (Environment, Vec<Event>) {
    static CASE: OnceLock<(Environment, Vec<Event>)> = OnceLock::new();
    CASE.get_or_init(read)
}

fn read() -> (Environment, Vec<Event>) {
    let (mut environment, events, _) =
        cutset::ingest::environment_and_events(&input_files(&root().join("examples/northgate")));
    environment.tenant = Tenant {
        mfa_trusted_ips: Fact::Known(Vec::new()),
        security_defaults: Fact::Known(false),
        mandatory_mfa_portals: Fact::Known(false),
        baseline_scopes: Fact::Known(json!("legacy")),
    };
    (environment, events)
}

#[test]
fn every_sign_in_is_decided_as_it_was_recorded() {
    let (environment, events) = case();
    let bodies = |kind: Kind| environment.bodies(kind).collect::<Vec<&Value>>();
    let policies = PolicySet::compile(
        &TenantSettings::of(environment),
        &bodies(Kind::NamedLocations),
        &bodies(Kind::ConditionalAccess),
    );
    let (mut agree, mut unknown, mut differ) = (0, Vec::new(), Vec::new());
    for event in events {
        let Detail::SignIn(detail) = &event.detail else { continue };
        let request = effect::sign_in_request(environment, event).expect("a sign-in of a known principal");
        let recorded = detail.applied_policies.known().expect("recorded results");
        let results = policies.recorded_results(&request);
        let wrong = results.iter().find(|result| {
            let recorded = recorded.iter().find(|r| r.id.eq_ignore_ascii_case(&result.policy)).expect("every policy");
            result.agrees(&recorded.result) != Some(true)
        });
        if let Some(wrong) = wrong {
            differ.push(format!("{} {}: {wrong:?}", event.time, event.actor.name));
        } else if let Some(open) = results.iter().find(|result| result.word.is_none()) {
            unknown.push(format!("{} {}: {:?}", event.time, event.actor.name, open.missing));
        } else {
            agree += 1;
        }
    }
    assert!(differ.is_empty(), "{} differ, the first: {:?}", differ.len(), &differ[..differ.len().min(3)]);
    assert_eq!(unknown.len(), 1, "{unknown:?}");
    assert!(unknown[0].starts_with("2026-03-20T17:30:12Z admin@"), "{unknown:?}");
    assert_eq!(agree, 2_002);
}

fn authorizer(environment: &Environment) -> Authorizer {
    let subscription = environment
        .of(Kind::Containers)
        .map(|(key, _)| ResourceId::new(key))
        .find(|id| id.resource_type().as_deref() == Some("Microsoft.Resources/subscriptions"))
        .expect("a subscription");
    let chain = environment.management_groups(&subscription).known().cloned();
    assert_eq!(chain.as_ref().map(Vec::len), Some(2), "the chain of management groups is known");
    Authorizer::compile(AuthorizerInput {
        role_definitions: environment.bodies(Kind::RoleDefinitions).collect(),
        role_assignments: Some(environment.bodies(Kind::RoleAssignments).collect()),
        deny_assignments: Some(Vec::new()),
        locks: Some(Vec::new()),
        classic_administrators: Some(Vec::new()),
        hierarchy: BTreeMap::from([(subscription, chain)]),
    })
}

#[test]
fn every_call_rests_on_the_assignment_the_log_names() {
    let (environment, events) = case();
    let authorizer = authorizer(environment);
    let mut without = BTreeSet::new();
    for event in events {
        let Detail::Arm(detail) = &event.detail else { continue };
        let (principal, request) = effect::arm_request(environment, event).expect("a caller");
        let named = detail.authorization.as_ref().and_then(|a| a.role_assignment_id.clone()).expect("evidence");
        let grants = authorizer.grants(&principal, &request);
        if grants.is_empty() {
            without.insert(event.action.to_string());
            continue;
        }
        let holds =
            |id: &str| id.rsplit('/').next().is_some_and(|last| last.replace('-', "") == named.replace('-', ""));
        assert!(grants.iter().any(|g| holds(&g.assignment) && g.truth.is_true()), "{}: {grants:?}", event.action);
    }
    // What nobody could do before s3 granted Contributor: s4 to s7.
    let expected = [
        "Microsoft.Compute/virtualMachines/write",
        "Microsoft.Network/networkSecurityGroups/securityRules/write",
        "Microsoft.Network/publicIPAddresses/write",
        "Microsoft.Storage/storageAccounts/listKeys/action",
    ];
    assert_eq!(without, expected.map(str::to_owned).into());
}

#[test]
fn every_data_request_was_allowed() {
    let (environment, events) = case();
    let authorizer = authorizer(environment);
    for event in events {
        let Detail::Data(detail) = &event.detail else { continue };
        let (account, document) = effect::account_document(environment, detail).expect("an account");
        let container = detail.container.as_deref().expect("a container");
        let container = effect::container_document(environment, &account, container).expect("a known container");
        let rbac = detail.authorization.first().map(|recorded| {
            let principal = effect::principal_of(environment, &event.actor).expect("a caller");
            let principal = effect::arm_principal(environment, &principal, event.actor.kind);
            let request = cutset::model::request::ArmRequest {
                operation: recorded.action.as_deref().unwrap_or_default().to_owned(),
                is_data_action: true,
                scope: account.clone(),
                suboperation: None,
                utc_now: event.time,
                attributes: BTreeMap::new(),
            };
            authorizer.decide(&principal, &request).decision
        });
        let request = effect::storage_request(event, detail, None);
        let decision = storage::decide(&document.body, &container, &request, rbac, &[]);
        assert_eq!(decision.decision.word(), "allowed", "{} {}: {:?}", event.time, event.action, decision.missing);
    }
}
