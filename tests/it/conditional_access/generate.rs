//! Random tenants, policies and sign-ins over a small world, as JSON, so that selectors do meet what they select.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value, json};

pub const USER: &str = "11111111-0000-4000-8000-000000000001";
pub const OTHER_USER: &str = "11111111-0000-4000-8000-000000000002";
pub const GROUPS: [&str; 3] = [
    "22222222-0000-4000-8000-000000000001",
    "22222222-0000-4000-8000-000000000002",
    "22222222-0000-4000-8000-000000000003",
];
pub const ROLES: [&str; 2] = ["62e90394-69f5-4237-9190-012177145e10", "194ae4cb-b126-40b2-bd5b-6091b380977d"];
pub const TENANTS: [&str; 2] = ["33333333-0000-4000-8000-000000000001", "33333333-0000-4000-8000-000000000002"];
pub const ARM: &str = "797f4846-ba00-4fd7-ba43-dac1f8f63013";
pub const EXCHANGE: &str = "00000002-0000-0ff1-ce00-000000000000";
pub const OWN: &str = "44444444-0000-4000-8000-000000000001";
pub const GRAPH: &str = "00000003-0000-0000-c000-000000000000";
pub const SERVICE: &str = "55555555-0000-4000-8000-000000000001";
pub const RANGE: &str = "66666666-0000-4000-8000-000000000001";
pub const UNTRUSTED: &str = "66666666-0000-4000-8000-000000000002";
pub const COUNTRY: &str = "66666666-0000-4000-8000-000000000003";
pub const NOWHERE: &str = "66666666-0000-4000-8000-000000000009";
pub const TERMS: &str = "88888888-0000-4000-8000-000000000001";
pub const GUESTS: [&str; 4] = ["internalGuest", "b2bCollaborationGuest", "b2bDirectConnectUser", "serviceProvider"];

fn some(words: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(words, 0..=most.min(words.len()))
}

fn few(words: &'static [&'static str], most: usize) -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(words, 1..=most.min(words.len()))
}

fn users() -> impl Strategy<Value = Value> {
    const WHO: &[&str] = &["All", "None", "GuestsOrExternalUsers", USER, OTHER_USER];
    let guests = || {
        prop_oneof![
            4 => Just(Value::Null),
            1 => (few(&GUESTS, 2), some(&TENANTS, 2), any::<bool>()).prop_map(|(types, members, all)| json!({
                "guestOrExternalUserTypes": types.join(","),
                "externalTenants": if all {
                    json!({ "membershipKind": "all" })
                } else {
                    json!({ "membershipKind": "enumerated", "members": members })
                }
            })),
        ]
    };
    let everyone = Just(json!({ "includeUsers": ["All"] }));
    let picked = (few(WHO, 2), some(WHO, 1), some(&GROUPS, 1), some(&GROUPS, 1), some(&ROLES, 1), guests(), guests())
        .prop_map(|(include, exclude, groups, not_groups, roles, guests, not_guests)| {
            let exclude: Vec<_> = exclude.into_iter().filter(|word| *word != "All").collect();
            json!({
                "includeUsers": include, "excludeUsers": exclude, "includeGroups": groups, "excludeGroups": not_groups,
                "includeRoles": roles, "excludeRoles": [], "includeGuestsOrExternalUsers": guests,
                "excludeGuestsOrExternalUsers": not_guests
            })
        });
    prop_oneof![1 => everyone, 2 => picked]
}

fn applications() -> impl Strategy<Value = Value> {
    const APPS: &[&str] = &["All", "None", "Office365", "MicrosoftAdminPortals", ARM, EXCHANGE, OWN];
    const OUT: &[&str] = &["Office365", ARM, EXCHANGE, OWN];
    prop_oneof![
        3 => Just(json!({ "includeApplications": ["All"] })),
        4 => (few(APPS, 2), some(OUT, 1))
            .prop_map(|(include, exclude)| json!({ "includeApplications": include, "excludeApplications": exclude })),
        1 => few(&["urn:user:registersecurityinfo", "urn:user:registerdevice"], 2)
            .prop_map(|actions| json!({ "includeApplications": [], "includeUserActions": actions })),
        1 => few(&["c1", "c2"], 2)
            .prop_map(|contexts| json!({ "includeAuthenticationContextClassReferences": contexts })),
    ]
}

/// Mostly not configured.
fn rarely<S: Strategy<Value = Value> + 'static>(configured: S) -> BoxedStrategy<Value> {
    prop_oneof![3 => Just(Value::Null), 1 => configured].boxed()
}

fn conditions() -> impl Strategy<Value = Value> {
    const PLATFORMS: &[&str] = &["all", "windows", "iOS", "linux"];
    const PLACES: &[&str] = &["All", "AllTrusted", RANGE, UNTRUSTED, COUNTRY, NOWHERE];
    const CLIENTS: &[&str] = &["browser", "mobileAppsAndDesktopClients", "exchangeActiveSync", "easSupported", "other"];
    let level = || rarely(few(&["low", "medium", "high"], 2).prop_map(|levels| json!(levels)));
    let platforms = rarely(
        (few(PLATFORMS, 2), some(&["windows", "iOS"], 1))
            .prop_map(|(include, exclude)| json!({ "includePlatforms": include, "excludePlatforms": exclude })),
    );
    let locations = rarely((few(PLACES, 2), some(PLACES, 1)).prop_map(|(include, exclude)| {
        let exclude: Vec<_> = exclude.into_iter().filter(|word| *word != "All").collect();
        json!({ "includeLocations": include, "excludeLocations": exclude })
    }));
    let clients = prop_oneof![3 => Just(json!(["all"])), 1 => few(CLIENTS, 3).prop_map(|c| json!(c))];
    let flows = rarely(
        few(&["deviceCodeFlow", "authenticationTransfer"], 2).prop_map(|m| json!({ "transferMethods": m.join(",") })),
    );
    let rule = (
        select(vec!["trustType", "model", "extensionAttribute1", "systemLabels"]),
        select(vec!["-eq", "-ne", "-startsWith", "-notContains", "-contains"]),
        select(vec!["ServerAD", "A", "SAW"]),
        select(vec!["include", "exclude"]),
    );
    let devices = rarely(rule.prop_map(|(property, operator, text, mode)| {
        json!({ "deviceFilter": { "mode": mode, "rule": format!("device.{property} {operator} \"{text}\"") } })
    }));
    let workload = prop_oneof![
        6 => Just(Value::Null),
        1 => (few(&["ServicePrincipalsInMyTenant", SERVICE], 1), some(&[SERVICE], 1)).prop_map(|(include, exclude)| {
            json!({ "includeServicePrincipals": include, "excludeServicePrincipals": exclude })
        }),
    ];
    (users(), applications(), level(), level(), platforms, locations, clients, flows, devices, workload).prop_map(
        |(users, applications, user_risk, sign_in_risk, platforms, locations, clients, flows, devices, workload)| {
            json!({
                "users": users, "applications": applications, "userRiskLevels": user_risk,
                "signInRiskLevels": sign_in_risk, "platforms": platforms, "locations": locations,
                "clientAppTypes": clients, "authenticationFlows": flows, "devices": devices,
                "clientApplications": workload
            })
        },
    )
}

fn grant_controls() -> impl Strategy<Value = Value> {
    const CONTROLS: &[&str] =
        &["mfa", "compliantDevice", "domainJoinedDevice", "passwordChange", "approvedApplication"];
    let strength = prop_oneof![
        4 => Just(Value::Null),
        1 => subsequence(vec!["fido2", "windowsHelloForBusiness", "password,sms"], 1..=2).prop_map(|combinations| json!({
            "id": "aaaaaaaa-0000-4000-8000-000000000001", "requirementsSatisfied": "mfa",
            "allowedCombinations": combinations, "combinationConfigurations": []
        })),
    ];
    prop_oneof![
        1 => Just(Value::Null),
        2 => Just(json!({ "operator": "OR", "builtInControls": ["block"] })),
        5 => (some(CONTROLS, 2), strength, some(&[TERMS], 1), select(vec!["AND", "OR"])).prop_map(
            |(controls, strength, terms, operator)| json!({
                "operator": operator, "builtInControls": controls, "authenticationStrength": strength,
                "termsOfUse": terms, "customAuthenticationFactors": []
            })
        ),
    ]
}

fn session_controls() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => Just(Value::Null),
        1 => Just(json!({ "signInFrequency": {
            "isEnabled": true, "value": 4, "type": "hours", "frequencyInterval": "timeBased",
            "authenticationType": "primaryAndSecondaryAuthentication" } })),
        1 => Just(json!({ "persistentBrowser": { "isEnabled": true, "mode": "never" } })),
    ]
}

pub fn policies() -> impl Strategy<Value = Vec<Value>> {
    let state = select(vec!["enabled", "enabled", "enabled", "enabledForReportingButNotEnforced", "disabled"]);
    let policy = (state, conditions(), grant_controls(), session_controls());
    prop::collection::vec(policy, 1..4).prop_map(|policies| {
        let numbered = policies.into_iter().enumerate();
        numbered
            .map(|(n, (state, conditions, grant, session))| {
                json!({
                    "id": format!("99999999-0000-4000-8000-00000000000{n}"), "displayName": format!("policy {n}"),
                    "state": state, "conditions": conditions, "grantControls": grant, "sessionControls": session
                })
            })
            .collect()
    })
}

pub fn locations() -> Vec<Value> {
    vec![
        json!({ "@odata.type": "#microsoft.graph.ipNamedLocation", "id": RANGE, "isTrusted": true,
                "ipRanges": [{ "cidrAddress": "198.51.100.0/24" }, { "cidrAddress": "2001:db8:1::/48" }] }),
        json!({ "@odata.type": "#microsoft.graph.ipNamedLocation", "id": UNTRUSTED, "isTrusted": false,
                "ipRanges": [{ "cidrAddress": "203.0.113.0/25" }] }),
        json!({ "@odata.type": "#microsoft.graph.countryNamedLocation", "id": COUNTRY,
                "countriesAndRegions": ["GB", "FR"], "includeUnknownCountriesAndRegions": true,
                "countryLookupMethod": "clientIpAddress" }),
    ]
}

/// Security defaults stay off: they are about tenants without policies.
pub fn tenant() -> impl Strategy<Value = Value> {
    let trust = (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(mfa, compliant, hybrid)| {
        json!({ "isMfaAccepted": mfa, "isCompliantDeviceAccepted": compliant,
                "isHybridAzureADJoinedDeviceAccepted": hybrid })
    });
    (select(vec![json!([]), json!(["192.0.2.0/28"])]), trust, select(vec!["legacy", "directory"])).prop_map(
        |(ips, trust, baseline)| {
            json!({ "securityDefaults": false, "mfaTrustedIps": ips, "inboundTrust": trust, "baselineScopes": baseline })
        },
    )
}

fn identity() -> impl Strategy<Value = Value> {
    let kind = prop_oneof![6 => Just("user"), 1 => Just("servicePrincipal"), 1 => Just("managedIdentity")];
    let guest = prop_oneof![3 => Just(Value::Null), 2 => select(GUESTS.to_vec()).prop_map(|kind| json!(kind))];
    (kind, guest, select(TENANTS.to_vec()), some(&GROUPS, 2), some(&ROLES, 1), any::<bool>()).prop_map(
        |(kind, guest, home, groups, roles, single)| match kind {
            "user" => json!({ "kind": kind, "id": USER, "externalUserType": guest, "homeTenantId": home,
                              "transitiveGroupIds": groups, "directoryRoleTemplateIds": roles }),
            _ => json!({ "kind": kind, "id": SERVICE, "singleTenantInThisTenant": single }),
        },
    )
}

fn target(over_graph: bool) -> impl Strategy<Value = Value> {
    let scopes = subsequence(
        vec!["openid", "User.Read", "User.Read.All", "Mail.Read", "Files.Read", "Directory.Read.All"],
        0..=3,
    );
    let resources = if over_graph { vec![ARM, EXCHANGE, OWN, GRAPH, GRAPH] } else { vec![ARM, EXCHANGE, OWN] };
    prop_oneof![
        6 => (select(resources), some(&["c1", "c2"], 1), scopes, select(vec!["public", "confidential"]), any::<bool>())
            .prop_map(|(resource, contexts, scopes, kind, owned)| json!({
                "kind": "application", "clientAppId": "44444444-0000-4000-8000-0000000000c1", "clientKind": kind,
                "resourceAppId": resource, "authenticationContexts": contexts, "scopes": scopes,
                "ownedByMicrosoft": resource != OWN || owned
            })),
        1 => select(vec!["urn:user:registersecurityinfo", "urn:user:registerdevice"])
            .prop_map(|action| json!({ "kind": "userAction", "userAction": action })),
    ]
}

/// Consistent: what is not registered has no properties.
fn device() -> impl Strategy<Value = Value> {
    let of =
        (select(vec!["ServerAD", "AzureAD", "Workplace"]), select(vec!["A", "AB", "b"]), any::<bool>(), any::<bool>());
    let of = (of, select(vec![json!(["SAW"]), json!([])]), any::<bool>(), select(vec!["SAW", "x"]));
    prop_oneof![
        1 => Just(Value::Null),
        1 => Just(json!({ "isRegistered": false, "trustType": null, "model": null, "isCompliant": null,
                          "isManagedByIntune": null, "systemLabels": null, "extensionAttribute1": null })),
        3 => of.prop_map(|((trust, model, compliant, managed), labels, private, attribute)| json!({
            "isRegistered": true, "trustType": trust, "model": model, "isCompliant": compliant,
            "isManagedByIntune": managed, "systemLabels": labels, "inPrivate": private,
            "extensionAttribute1": attribute
        })),
    ]
}

/// Consistent: a session without an MFA claim has used no multifactor combination.
fn claims() -> impl Strategy<Value = Value> {
    let methods = subsequence(vec!["fido2", "password,sms", "windowsHelloForBusiness"], 0..=2);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), select(vec!["home", "resource"]));
    (flags, methods, some(&[TERMS], 1), select(vec![3.0, 500.0])).prop_map(
        |((mfa, changed, approved, place), methods, terms, age)| {
            let methods = if mfa { json!(methods) } else { json!(["password"]) };
            json!({ "mfa": mfa, "methods": methods, "mfaPerformedIn": place, "passwordChanged": changed,
                    "approvedApplication": approved, "termsOfUseAccepted": terms,
                    "lastAuthenticationAgeMinutes": age })
        },
    )
}

/// A sign-in of which everything is on record.
pub fn sign_in(over_graph: bool) -> impl Strategy<Value = Value> {
    let client = select(vec!["browser", "mobileAppsAndDesktopClients", "exchangeActiveSync", "other"]);
    let platform = select(vec!["windows", "iOS", "linux", "unsupported"]);
    let address =
        select(vec!["198.51.100.7", "203.0.113.9", "192.0.2.5", "192.0.2.200", "2001:db8:1::7", "2001:db8:9::1"]);
    let country = select(vec![json!("GB"), json!("US"), Value::Null]);
    let risk = || select(vec!["none", "low", "medium", "high"]);
    let flow = || select(vec!["none", "none", "deviceCodeFlow", "authenticationTransfer"]);
    let facts = (client, platform, address, country, risk(), risk(), flow(), flow());
    (identity(), target(over_graph), device(), claims(), facts).prop_map(
        |(identity, target, device, claims, (client, platform, address, country, user_risk, risk, flow, original))| {
            json!({
                "identity": identity, "target": target, "clientAppType": client, "devicePlatform": platform,
                "ipAddress": address, "country": country, "userRiskLevel": user_risk, "signInRiskLevel": risk,
                "insiderRiskLevel": "none", "servicePrincipalRiskLevel": "none", "transferMethod": flow,
                "originalTransferMethod": original, "device": device, "claims": claims
            })
        },
    )
}

/// What must be there for a request to be one.
const KEPT: [&str; 4] = ["kind", "id", "identity", "target"];

/// Takes facts off the record: each fact in turn consumes one coin.
pub fn forget(value: &Value, coins: &mut impl Iterator<Item = bool>) -> Value {
    let Value::Object(members) = value else { return value.clone() };
    let mut kept = Map::new();
    for (key, member) in members {
        let keep = KEPT.contains(&key.as_str()) || !coins.next().unwrap_or(false);
        if keep {
            kept.insert(key.clone(), forget(member, coins));
        }
    }
    Value::Object(kept)
}

/// Coins of which few come up.
pub fn coins() -> impl Strategy<Value = Vec<bool>> {
    prop::collection::vec(prop::bool::weighted(0.12), 60)
}

pub fn attacker() -> impl Strategy<Value = Value> {
    const WORDS: &[&str] = &[
        "password",
        "secondFactor",
        "fido2",
        "managedDevice",
        "deviceKey",
        "allowedEgressAddress",
        "victimCooperation",
    ];
    (some(WORDS, 4), some(WORDS, 4)).prop_map(|(holds, lacks)| {
        let lacks: Vec<_> = lacks.into_iter().filter(|word| !holds.contains(word)).collect();
        json!({ "holds": holds, "lacks": lacks })
    })
}

pub fn vector(tenant: &Value, policies: &[Value], sign_in: &Value, attacker: &Value) -> Value {
    json!({ "id": "random", "tenant": tenant, "namedLocations": locations(), "policies": policies, "signIn": sign_in,
            "attacker": attacker })
}
