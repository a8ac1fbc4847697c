//! Detections evaluated on the case: when each would first have fired, how often it fires on the baseline; and one for
//! each residual path that stays open.

mod open;
mod query;

pub(super) use query::kql;

use super::super::contract::{Analysis, Detection, EntityMapping, FieldMapping};
use super::Filling;
use crate::model::{DataDetail, Detail, Event, Fact, Kind, Timestamp, json};
use ipnet::IpNet;
use jiff::SignedDuration;
use query::{BARE_ADDRESS, activity, list};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

const HALF_HOUR: SignedDuration = SignedDuration::from_mins(30);

pub fn fill(filling: &Filling<'_>, analysis: &mut Analysis) {
    let mut rows = vec![region(filling)];
    rows.extend(keys(filling));
    rows.push(types(filling));
    rows.extend(open::rules(filling, analysis));
    analysis.detections = rows;
}

/// The attack's events and those of the baseline, with how many records each stands for and when.
fn attack<'a>(filling: &'a Filling<'_>) -> Vec<(&'a Event, String)> {
    let correlated = &filling.engine.case.correlated;
    let mut found = Vec::new();
    for step in correlated.steps.iter().filter(|s| !s.failed()) {
        found.extend(
            step.events.iter().filter_map(|at| correlated.window_events.get(*at)).map(|e| (e, step.id.clone())),
        );
    }
    found
}

fn account(identifier: &str, column: &str) -> EntityMapping {
    entity("Account", identifier, column)
}

fn entity(entity: &str, identifier: &str, column: &str) -> EntityMapping {
    EntityMapping {
        entity: entity.to_owned(),
        fields: vec![FieldMapping { identifier: identifier.to_owned(), column: column.to_owned() }],
    }
}

fn fold(region: &str) -> String {
    region.to_lowercase().chars().filter(|c| !c.is_whitespace()).collect()
}

fn region(filling: &Filling<'_>) -> Detection {
    let approved: BTreeSet<String> = filling
        .incident
        .parameters
        .get("approvedRegions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(fold)
        .collect();
    let hit = |event: &Event| -> bool {
        let Detail::Arm(detail) = &event.detail else { return false };
        event.action.eq_ignore_ascii_case("Microsoft.Compute/virtualMachines/write")
            && detail
                .request_body
                .known()
                .and_then(|body| json::text(body, "location"))
                .is_some_and(|location| !approved.contains(&fold(location)))
    };
    let fired: Vec<(&Event, String)> = attack(filling).into_iter().filter(|(e, _)| hit(e)).collect();
    let baseline = &filling.engine.case.correlated.baseline.classes;
    Detection {
        id: "vm-outside-approved-regions".to_owned(),
        title: "Virtual machine created outside approved regions".to_owned(),
        description: "A virtual machine was written in a region that is not among the approved ones.".to_owned(),
        severity: "Medium".to_owned(),
        tactics: vec!["DefenseEvasion".to_owned(), "Impact".to_owned()],
        techniques: vec!["T1578".to_owned(), "T1496".to_owned()],
        fires_at: fired.first().map(|(e, _)| e.time),
        steps: steps(&fired),
        baseline_hits: baseline.iter().filter(|c| hit(&c.event)).map(|c| c.count).sum(),
        baseline_evaluated: baseline.iter().filter(|c| matches!(c.event.detail, Detail::Arm(_))).map(|c| c.count).sum(),
        exported: true,
        reading: String::new(),
        why: if approved.is_empty() {
            "no approvedRegions among the parameters of incident.json: every region counts as not approved".to_owned()
        } else {
            "the region is read from the request body, which not every record carries".to_owned()
        },
        query: format!(
            "let approved = dynamic([{}]);\n\
             AzureActivity\n\
             | where OperationNameValue =~ \"Microsoft.Compute/virtualMachines/write\"\n\
             | where ActivityStatusValue !in~ (\"Failure\", \"Failed\")\n\
             | extend properties = parse_json(Properties)\n\
             | extend body = parse_json(coalesce(tostring(properties.requestbody), tostring(properties.responseBody)))\n\
             | extend region = replace_string(tolower(tostring(body.location)), \" \", \"\")\n\
             | where isnotempty(region) and region !in (approved)\n\
             | summarize arg_min(TimeGenerated, Caller, CallerIpAddress, region) by _ResourceId, CorrelationId",
            list(approved.iter().cloned())
        ),
        query_frequency: "PT5M".to_owned(),
        query_period: "PT1H".to_owned(),
        tables: vec!["AzureActivity".to_owned()],
        entities: vec![
            account("FullName", "Caller"),
            entity("IP", "Address", "CallerIpAddress"),
            entity("AzureResource", "ResourceId", "_ResourceId"),
        ],
        residual_path: None,
        residual_paths: Vec::new(),
    }
}

fn steps(fired: &[(&Event, String)]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    fired.iter().map(|(_, step)| step.clone()).filter(|step| seen.insert(step.clone())).collect()
}

/// Addresses each identity was known by before the window.
fn known_addresses(filling: &Filling<'_>) -> BTreeMap<String, BTreeSet<IpAddr>> {
    let mut known: BTreeMap<String, BTreeSet<IpAddr>> = BTreeMap::new();
    for class in &filling.engine.case.correlated.baseline.classes {
        if let (Some(principal), Some(ip)) = (&class.principal, class.event.source_ip.known()) {
            known.entry(principal.to_lowercase()).or_default().insert(*ip);
        }
    }
    known
}

/// Key listing followed by access with a key: by both readings of "an address other than the identity's".
fn keys(filling: &Filling<'_>) -> Vec<Detection> {
    let events = attack(filling);
    let known = known_addresses(filling);
    let empty = BTreeSet::new();
    let mut by_lister: Vec<(&Event, String)> = Vec::new();
    let mut by_known: Vec<(&Event, String)> = Vec::new();
    let env = &filling.engine.world.env;
    for (listing, _) in &events {
        let Detail::Arm(detail) = &listing.detail else { continue };
        if !listing.action.to_lowercase().ends_with("/listkeys/action") {
            continue;
        }
        let who = crate::effect::principal_of(env, &listing.actor).map(|id| id.to_string()).unwrap_or_default();
        let addresses = known.get(&who).unwrap_or(&empty);
        for (access, step) in &events {
            let Detail::Data(data) = &access.detail else { continue };
            let same = crate::effect::account_document(env, data).is_some_and(|(id, _)| id == detail.resource);
            let after = access.time.duration_since(listing.time);
            if !same || !with_key(data) || after < SignedDuration::ZERO || after > HALF_HOUR {
                continue;
            }
            let Some(ip) = access.source_ip.known() else { continue };
            if listing.source_ip.known().is_some_and(|listed_from| listed_from != ip) {
                by_lister.push((*access, step.clone()));
            }
            if !addresses.contains(ip) {
                by_known.push((*access, step.clone()));
            }
        }
    }
    let (hits, evaluated) = baseline_key_use(filling, &known);
    let listings = format!(
        "let listings = {}\n\
         | where TimeGenerated > ago(2h)\n\
         | project listed = TimeGenerated, Caller = tolower(Caller), listedFrom = CallerIpAddress,\n    \
         account = tolower(tostring(split(_ResourceId, \"/\")[8]));",
        activity("Microsoft.Storage/storageAccounts/listKeys/action")
    );
    let access = format!(
        "StorageBlobLogs\n\
         | where TimeGenerated > ago(1h)\n\
         | where AuthenticationType == \"AccountKey\"\n\
         | extend account = tolower(AccountName), address = {BARE_ADDRESS}\n\
         | join kind=inner listings on account\n\
         | where TimeGenerated between (listed .. 30m)"
    );
    let listed = attack(filling).iter().any(|(event, _)| event.action.to_lowercase().ends_with("/listkeys/action"));
    let counted = "| summarize requests = count(), firstSeen = min(TimeGenerated), lastSeen = max(TimeGenerated), \
         bytes = sum(ResponseBodySize) by Caller, account, address, listedFrom";
    let first = Detection {
        id: "key-listed-then-used-from-another-address".to_owned(),
        title: "Storage key listed, then used from an address other than the lister's".to_owned(),
        description:
            "The account was read with a key within 30 minutes of its keys being listed, from another address \
                      than the one that listed them."
                .to_owned(),
        severity: "High".to_owned(),
        tactics: vec!["CredentialAccess".to_owned(), "Collection".to_owned()],
        techniques: vec!["T1552".to_owned(), "T1530".to_owned()],
        fires_at: by_lister.first().map(|(e, _)| e.time),
        steps: steps(&by_lister),
        baseline_hits: 0,
        baseline_evaluated: evaluated,
        exported: false,
        reading: "the accessing address differs from the address that listed the keys".to_owned(),
        why: match (by_lister.is_empty(), listed) {
            (true, true) => "never fires here: the keys were listed and used from one address".to_owned(),
            (true, false) => "never fires here: the attack listed no keys".to_owned(),
            (false, _) => String::new(),
        },
        query: format!("{listings}\n{access} and address != listedFrom\n{counted}"),
        query_frequency: "PT1H".to_owned(),
        query_period: "PT2H".to_owned(),
        tables: vec!["AzureActivity".to_owned(), "StorageBlobLogs".to_owned()],
        entities: vec![account("FullName", "Caller"), entity("IP", "Address", "address")],
        residual_path: None,
        residual_paths: Vec::new(),
    };
    let second = Detection {
        id: "key-listed-then-used-from-unknown-address".to_owned(),
        title: "Storage key listed, then used from an address its lister was not known by".to_owned(),
        description:
            "The account was read with a key within 30 minutes of its keys being listed, from an address that \
                      the listing identity had not used in the 14 days before."
                .to_owned(),
        fires_at: by_known.first().map(|(e, _)| e.time),
        steps: steps(&by_known),
        baseline_hits: hits,
        exported: true,
        reading: "the accessing address is none the identity was known by".to_owned(),
        why: "the reading that does not depend on the attacker changing addresses".to_owned(),
        query: format!(
            "let known = union\n    \
             (SigninLogs\n    \
             | where TimeGenerated between (ago(14d) .. ago(2h)) and ResultType == \"0\"\n    \
             | project Caller = tolower(UserPrincipalName), address = IPAddress),\n    \
             (AzureActivity\n    \
             | where TimeGenerated between (ago(14d) .. ago(2h))\n    \
             | project Caller = tolower(Caller), address = CallerIpAddress)\n\
             | distinct Caller, address;\n\
             {listings}\n{access}\n| join kind=leftanti known on Caller, address\n{counted}"
        ),
        query_period: "P14D".to_owned(),
        tables: vec!["AzureActivity".to_owned(), "StorageBlobLogs".to_owned(), "SigninLogs".to_owned()],
        ..first.clone()
    };
    vec![first, second]
}

fn with_key(data: &DataDetail) -> bool {
    data.authentication.known().is_some_and(|a| a.as_ref() == "AccountKey")
}

/// Baseline listings followed by key use from an address the lister was not known by, and how many listings there were.
fn baseline_key_use(filling: &Filling<'_>, known: &BTreeMap<String, BTreeSet<IpAddr>>) -> (u64, u64) {
    let classes = &filling.engine.case.correlated.baseline.classes;
    let env = &filling.engine.world.env;
    let mut hits = 0;
    let mut listings = 0;
    for class in classes {
        let Detail::Arm(detail) = &class.event.detail else { continue };
        if !class.event.action.to_lowercase().ends_with("/listkeys/action") {
            continue;
        }
        listings += class.count;
        let own = class.principal.as_ref().and_then(|p| known.get(&p.to_lowercase()));
        let used = classes.iter().any(|other| {
            let Detail::Data(data) = &other.event.detail else { return false };
            let same = crate::effect::account_document(env, data).is_some_and(|(id, _)| id == detail.resource);
            let foreign = other.event.source_ip.known().is_some_and(|ip| own.is_none_or(|own| !own.contains(ip)));
            same && with_key(data)
                && foreign
                && class.times.iter().any(|t| other.first <= *t + HALF_HOUR && other.last >= *t)
        });
        hits += if used { class.count } else { 0 };
    }
    (hits, listings)
}

fn trusted(filling: &Filling<'_>) -> Vec<IpNet> {
    filling
        .engine
        .world
        .env
        .bodies(Kind::NamedLocations)
        .filter(|body| json::get(body, "isTrusted").and_then(Value::as_bool) == Some(true))
        .filter_map(|body| json::get(body, "ipRanges").and_then(Value::as_array))
        .flatten()
        .filter_map(|range| json::text(range, "cidrAddress").and_then(|c| c.parse().ok()))
        .collect()
}

/// The third type of one identity's run within half an hour.
fn third_type(mut run: Vec<(Timestamp, String, &str)>) -> Option<(Timestamp, Vec<&str>)> {
    run.sort();
    for at in 0..run.len() {
        let from = run[at].0;
        let mut kinds = BTreeSet::new();
        let mut steps = Vec::new();
        for (time, kind, step) in run[at..].iter().take_while(|(t, _, _)| t.duration_since(from) <= HALF_HOUR) {
            kinds.insert(kind.clone());
            steps.push(*step);
            if kinds.len() >= 3 {
                return Some((*time, steps));
            }
        }
    }
    None
}

fn types(filling: &Filling<'_>) -> Detection {
    let networks = trusted(filling);
    let foreign = |ip: &Fact<IpAddr>| ip.known().is_some_and(|ip| !networks.iter().any(|n| n.contains(ip)));
    let events = attack(filling);
    let mut runs: BTreeMap<&str, Vec<(Timestamp, String, &str)>> = BTreeMap::new();
    for (event, step) in &events {
        let Detail::Arm(detail) = &event.detail else { continue };
        if foreign(&event.source_ip)
            && let Some(kind) = detail.resource.resource_type()
        {
            runs.entry(&event.actor.name).or_default().push((event.time, kind, step));
        }
    }
    let mut baseline: BTreeMap<&str, Vec<(Timestamp, String, &str)>> = BTreeMap::new();
    let mut evaluated = 0;
    for class in &filling.engine.case.correlated.baseline.classes {
        let Detail::Arm(detail) = &class.event.detail else { continue };
        evaluated += class.count;
        if foreign(&class.event.source_ip)
            && let Some(kind) = detail.resource.resource_type()
        {
            let times = class.times.iter().map(|t| (*t, kind.clone(), ""));
            baseline.entry(&class.event.actor.name).or_default().extend(times);
        }
    }
    let fired = runs.into_values().filter_map(third_type).min();
    Detection {
        id: "many-resource-types-from-untrusted-address".to_owned(),
        title: "Three or more resource types by one identity within 30 minutes from an untrusted address".to_owned(),
        description: "One identity acted on three or more types of resources within 30 minutes, from an address in no \
                      trusted named location."
            .to_owned(),
        severity: "Medium".to_owned(),
        tactics: vec!["LateralMovement".to_owned(), "Persistence".to_owned()],
        techniques: vec!["T1021.007".to_owned()],
        fires_at: fired.as_ref().map(|(at, _)| *at),
        steps: fired.map(|(_, steps)| steps.into_iter().map(str::to_owned).collect()).unwrap_or_default(),
        baseline_hits: baseline.into_values().filter_map(third_type).count() as u64,
        baseline_evaluated: evaluated,
        exported: true,
        reading: String::new(),
        why: String::new(),
        query: format!(
            "let trusted = dynamic([{}]);\n\
             let operations = AzureActivity\n\
             | where TimeGenerated > ago(1h)\n\
             | where ActivityStatusValue in~ (\"Success\", \"Succeeded\")\n\
             | where isnotempty(CallerIpAddress) and not(coalesce(ipv4_is_in_any_range(CallerIpAddress, trusted), false))\n\
             | extend type = replace_regex(tolower(OperationNameValue), @\"(/[^/]+/action|/[^/]+)$\", \"\")\n\
             | project started = TimeGenerated, Caller, CallerIpAddress, type;\n\
             operations\n\
             | join kind=inner (operations | project at = started, Caller, other = type) on Caller\n\
             | where at between (started .. 30m)\n\
             | summarize types = make_set(other), lastSeen = max(at) by Caller, CallerIpAddress, started\n\
             | where array_length(types) >= 3\n\
             | summarize arg_min(started, lastSeen, types) by Caller, CallerIpAddress",
            list(networks.iter().map(ToString::to_string))
        ),
        query_frequency: "PT10M".to_owned(),
        query_period: "PT1H".to_owned(),
        tables: vec!["AzureActivity".to_owned()],
        entities: vec![account("FullName", "Caller"), entity("IP", "Address", "CallerIpAddress")],
        residual_path: None,
        residual_paths: Vec::new(),
    }
}
