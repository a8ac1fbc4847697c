//! `incident.json`, and the variants of the case: each only what differs from the example.

use super::attack;
use super::estate::*;
use super::kit::pretty;
use super::pim::{Activation, rules};
use serde_json::{Value, json};

pub const BASE: &str = "../../../examples/northgate";

pub fn incident() -> Value {
    json!({
        "schema": "cutset/incident/1",
        "id": "northgate-2026-03",
        "title": "Cloud identity compromise leading to resource abuse",
        "window": { "from": "2026-03-21T03:00:00Z", "to": "2026-03-21T08:00:00Z" },
        "indicators": { "principals": [of("admin").upn()], "ipAddresses": [ATTACKER] },
        "entries": [of("admin").upn()],
        "attacker": { "holds": ["password"],
            "lacks": ["approver", "allowedEgressAddress", { "what": "managedDevice", "of": of("admin").upn() }],
            "why": "nothing suggests a second accomplice, and joining devices is restricted" },
        "tenant": { "mfaTrustedIps": [], "securityDefaults": false,
            "mandatoryMfa": { "portals": false, "why": "teaching case" }, "baselineScopes": "legacy" },
        "crownJewels": [{ "id": format!("{}/blobServices/default/containers/customer-data", proddata()),
            "label": "Customer data", "personalData": true }],
        "snapshotTakenAt": "2026-03-20T22:00:00Z",
        "discoveredAt": "2026-03-21T08:00:00Z",
        "awareAt": "2026-03-21T08:00:00Z",
        "containedAt": "2026-03-22T02:25:00Z",
        "parameters": parameters(),
        "aliases": { "prod-data": "proddata" },
        "collected": ["locks", "denyAssignments", "exemptions"],
        "regime": "uk-gdpr",
        "marking": "TLP:AMBER"
    })
}

fn parameters() -> Value {
    json!({
        "approvedRegions": ["uksouth", "westeurope"],
        "allowedAddresses": [{ "value": OFFICE, "action": "Allow" }],
        "keyReader": workload_id("ledger"),
        "keyReaderScope": proddata(),
        "unusedAssignment": assignment(&of("admin").id(), "User Access Administrator", &sub()).id(),
    })
}

/// Path below `tests/cases/` and text.
pub fn files(timeline: &super::Timeline) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut case = |name: &str, why: &str, remove: &[&str], incident: Value, overlay: Vec<(String, String)>| {
        let mut body = json!({ "base": BASE, "why": why });
        if !remove.is_empty() {
            body["remove"] = json!(remove);
        }
        if incident != json!({}) {
            body["incident"] = incident;
        }
        out.push((format!("{name}/case.json"), pretty(&body)));
        out.extend(overlay.into_iter().map(|(path, text)| (format!("{name}/overlay/{path}"), text)));
    };
    case(
        "northgate-silent",
        "s2 is a silent token request in the portal session of s1: it needs that very session",
        &[],
        json!({}),
        vec![
            (super::SIGN_INS_LAST_DAY.to_owned(), timeline.sign_ins(true, true)),
            (
                "timeline/AADNonInteractiveUserSignInLogs_2026-03-21.ndjson".to_owned(),
                super::kit::line(&attack::s2_silent().row()) + "\n",
            ),
        ],
    );
    case(
        "northgate-no-bodies",
        "no record of the day carries a request body: whether s4 and s5 left the approved regions is unknown",
        &[],
        json!({}),
        vec![(super::ACTIVITY_LAST_DAY.to_owned(), timeline.activity(true, false))],
    );
    case(
        "northgate-no-mandatory-mfa",
        "nothing is said of mandatory MFA: the recorded single-factor success shows that it was not enforced there",
        &[],
        json!({ "tenant": { "mandatoryMfa": null } }),
        vec![],
    );
    case(
        "northgate-mandatory-mfa",
        "mandatory MFA for the portals is stated: the single-factor success of s1 is unexplained",
        &[],
        json!({ "tenant": { "mandatoryMfa": { "portals": true, "why": "stated for this variant" } } }),
        vec![],
    );
    case(
        "northgate-no-lacks",
        "nothing is said of what the attacker lacks: the sets that turn on a word name it",
        &[],
        json!({ "attacker": { "lacks": null } }),
        vec![],
    );
    let privileged = ["Owner", "User Access Administrator", "Contributor"];
    case(
        "northgate-pim-justification",
        "an activation that asks for justification alone cuts nothing: the attacker can write a sentence",
        &[],
        json!({}),
        pim_catalogue(&privileged, &Activation { enabled: vec!["Justification"], approvers: None }),
    );
    let approvers = Some(vec![json!({ "id": of("oliver.hart").id(), "description": of("oliver.hart").name,
        "isBackup": false, "userType": "User" })]);
    case(
        "northgate-pim-contributor",
        "PIM on Contributor alone cuts nothing: what s3 grants is an active assignment",
        &[],
        json!({}),
        pim_catalogue(
            &["Contributor"],
            &Activation { enabled: vec!["MultiFactorAuthentication", "Justification"], approvers },
        ),
    );
    out
}

/// A case's own `pim-privileged-roles`, which takes the place of the shipped one.
fn pim_catalogue(roles: &[&str], activation: &Activation) -> Vec<(String, String)> {
    let catalogue = json!({ "schema": "cutset/catalogue/1", "controls": [{
        "id": "pim-privileged-roles", "short": "pim", "title": "Privileged roles only just in time",
        "family": "pim", "documents": ["pim-privileged-roles.json"],
        "apply": { "roles": roles, "principals": ["$all"], "scopes": ["$all"] },
        "effort": 3, "requires": { "licence": ["P2"] } }] });
    vec![
        ("policies/catalog.json".to_owned(), pretty(&catalogue)),
        ("policies/pim-privileged-roles.json".to_owned(), pretty(&Value::Array(rules(activation)))),
    ]
}
