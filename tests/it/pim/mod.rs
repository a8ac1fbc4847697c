//! The pim gate, held to its vectors.

mod naive;

use crate::support;
use cutset::decide::pim::{How, Listing, Outcome, Pim};
use cutset::model::request::{ActivationRequest, Stance};
use cutset::model::{Attacker, Document, Environment, Evidence, Kind, Level, Word};
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[test]
fn vectors() {
    support::passing_only_grows("pim");
}

/// A control puts an eligibility and its rules into a snapshot that never collected any: what is there is known, what
/// is not there is not.
#[test]
fn what_a_control_put_in_force_is_known_in_a_snapshot_without_pim() {
    let scope = "/subscriptions/54e382c6-80c1-5e8e-9f3a-17a134222fdf";
    let role = "b24988ac-6180-42a0-ab88-20f7382dd24c";
    let me = "aeca4e1d-8a29-5b3f-b3f5-393226da3e4c";
    let rules = json!([
        { "id": "Expiration_EndUser_Assignment", "ruleType": "RoleManagementPolicyExpirationRule",
          "isExpirationRequired": true, "maximumDuration": "PT8H" },
        { "id": "Enablement_EndUser_Assignment", "ruleType": "RoleManagementPolicyEnablementRule",
          "enabledRules": ["Justification"] },
        { "id": "Approval_EndUser_Assignment", "ruleType": "RoleManagementPolicyApprovalRule",
          "setting": { "isApprovalRequired": true } },
        { "id": "AuthenticationContext_EndUser_Assignment", "isEnabled": false, "claimValue": null },
        { "id": "Notification_Admin_EndUser_Assignment", "ruleType": "RoleManagementPolicyNotificationRule" }
    ]);
    let mut environment = Environment::default();
    let mut put = |kind: Kind, id: String, properties: Value| {
        let body = json!({ "id": id, "properties": properties });
        environment.insert(kind, &id, Document { body: body.into(), evidence: Evidence::new("control:x", 1, "") });
    };
    let definition = format!("/providers/Microsoft.Authorization/roleDefinitions/{role}");
    let of = |name: &str| format!("{scope}/providers/Microsoft.Authorization/{name}/x");
    put(
        Kind::PimEligibilities,
        of("roleEligibilityScheduleInstances"),
        json!({ "scope": scope, "roleDefinitionId": definition, "principalId": me, "memberType": "Direct",
                "startDateTime": "2000-01-01T00:00:00Z", "endDateTime": null }),
    );
    put(
        Kind::PimSettings,
        of("roleManagementPolicyAssignments"),
        json!({ "scope": scope, "roleDefinitionId": definition, "effectiveRules": rules }),
    );
    let pim = Pim::of(&environment);
    let ask = |role: &str| -> ActivationRequest {
        serde_json::from_value(json!({ "at": "2026-03-21T03:14:40Z", "session": { "mfaClaim": false },
            "request": { "scope": scope, "properties": { "principalId": me, "requestType": "SelfActivate",
                "roleDefinitionId": role, "justification": "work", "scheduleInfo": { "startDateTime": null,
                "expiration": { "type": "AfterDuration", "duration": "PT1H" } } } } }))
        .expect("a request")
    };
    let lacks = Attacker { lacks: BTreeSet::from([Word::Approver]), ..Attacker::default() };
    let answer = pim.answer(&ask(role), &None, &lacks, Stance::Observed);
    assert_eq!((answer.level, answer.reason.as_str()), (Level::Cut, "Approval_EndUser_Assignment"));
    assert!(answer.detected.iter().any(|told| told.contains("Notification_Admin_EndUser_Assignment")));
    assert_eq!(answer.clauses[0].pointer, "/properties/effectiveRules/2");
    let open = pim.answer(&ask(role), &None, &Attacker::default(), Stance::Observed);
    assert_eq!((open.level, open.words), (Level::Challenged, BTreeSet::from([Word::Approver])));
    let other = pim.activate(&ask("8e3af657-a8ff-443c-a75c-2fe8c4bcb635"), &None);
    assert_eq!((other.result, other.rules.first().map(String::as_str)), (Outcome::Unknown, Some("eligibility")));
    assert_eq!(pim.settings(role, scope).and_then(|s| s.maximum_duration()).map(|d| d.get_hours()), Some(8));
}

#[test]
fn a_use_near_the_edge_of_an_activation_is_noted() {
    let instance = json!({ "id": "a1", "principalId": "me", "roleDefinitionId": "r", "directoryScopeId": "/",
        "startDateTime": "2026-05-04T10:00:00Z", "endDateTime": "2026-05-04T12:00:00Z", "assignmentType": "Activated" });
    let whole = Listing::whole(vec![&instance]);
    let pim = Pim::compile(&whole, &Listing::not_collected(), &Listing::not_collected());
    let held = |at: &str| {
        let query = json!({ "principalId": "me", "roleDefinitionId": "r", "scope": "/", "at": at });
        pim.holds_role(&serde_json::from_value(query).expect("a query"))
    };
    let (soon, later) = (held("2026-05-04T10:00:59Z"), held("2026-05-04T10:01:00Z"));
    assert_eq!((soon.notes.len(), later.notes.len()), (1, 0));
    assert_eq!((later.by[0].how, later.by[0].document.as_str()), (How::Activated, "a1"));
}
