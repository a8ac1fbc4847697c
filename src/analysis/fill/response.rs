//! What responders act on: what the attacker still holds, what was exposed, what to keep before touching anything,
//! what it cost.

use super::super::contract::{
    Analysis, Clock, Containment, Cost, CostItem, Exposure, InventoryItem, Lateral, Operation, Plane, Preservation,
    Store,
};
use super::{Filling, names};
use crate::effect::{Capability, yields};
use crate::model::{Detail, Event, Kind, ObjectId, ResourceId, Timestamp, json};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

pub fn fill(filling: &Filling<'_>, analysis: &mut Analysis) {
    analysis.exposure = exposure(filling);
    analysis.operations = operations(filling);
    analysis.lateral = lateral(filling);
    analysis.inventory = inventory(filling);
    analysis.cost = cost(filling);
    analysis.containment = containment(filling, analysis);
    analysis.preservation = preservation(filling, analysis);
}

/// Successful steps with their first event.
fn done<'a>(filling: &'a Filling<'_>) -> impl Iterator<Item = (usize, &'a crate::correlate::Step, &'a Event)> {
    filling
        .engine
        .case
        .correlated
        .steps
        .iter()
        .enumerate()
        .filter(|(_, step)| !step.failed() && !step.context)
        .filter_map(|(n, step)| Some((n, step, filling.engine.event(n)?)))
}

fn exposure(filling: &Filling<'_>) -> Exposure {
    let mut stores: BTreeMap<String, Store> = BTreeMap::new();
    for (_, step, event) in done(filling) {
        if !matches!(event.detail, Detail::Data(_)) || step.bytes == 0 {
            continue;
        }
        let id = step.target_id.as_deref().unwrap_or(&step.target).to_owned();
        let resource = ResourceId::new(&id);
        let store = stores.entry(id.to_lowercase()).or_insert_with(|| Store {
            name: step.target.rsplit('/').next().unwrap_or(&step.target).to_owned(),
            id,
            ..Store::default()
        });
        store.bytes += step.bytes;
        store.objects += step.count;
        store.from = Some(store.from.map_or(step.time, |t| t.min(step.time)));
        store.to = Some(store.to.map_or(step.end, |t| t.max(step.end)));
        store.steps.push(step.id.clone());
        store.evidence.push(event.evidence.clone());
        store.personal_data = filling
            .engine
            .case
            .jewels
            .iter()
            .find(|(jewel, _)| jewel.contains(&resource))
            .and_then(|(_, jewel)| jewel.personal_data);
    }
    let incident = filling.incident;
    let rule = match incident.regime.as_deref() {
        Some("gdpr") => "72 hours after becoming aware (GDPR, article 33)",
        Some("uk-gdpr") => "72 hours after becoming aware (UK GDPR, article 33)",
        Some(_) | None => "",
    };
    let deadline = match rule.is_empty() {
        true => None,
        false => incident.aware_at.and_then(|at| at.checked_add(jiff::Span::new().hours(72)).ok()),
    };
    Exposure {
        bytes: stores.values().map(|s| s.bytes).sum(),
        objects: stores.values().map(|s| s.objects).sum(),
        stores: stores.into_values().collect(),
        clock: Clock { regime: incident.regime.clone(), aware_at: incident.aware_at, deadline, rule: rule.to_owned() },
    }
}

fn operations(filling: &Filling<'_>) -> Vec<Operation> {
    let correlated = &filling.engine.case.correlated;
    let mut found = Vec::new();
    for step in &correlated.steps {
        for event in step.events.iter().filter_map(|at| correlated.window_events.get(*at)) {
            let Detail::Arm(detail) = &event.detail else { continue };
            found.push(Operation {
                time: event.time,
                caller: event.actor.name.to_string(),
                source_ip: event.source_ip.known().map(|ip| ip.to_string()),
                operation: event.action.to_string(),
                target: detail.resource.spelled().to_owned(),
                outcome: match &event.outcome {
                    crate::model::Outcome::Success => "success".to_owned(),
                    crate::model::Outcome::Failure(code) => format!("failure:{code}"),
                    crate::model::Outcome::Interrupted(code) => format!("interrupted:{code}"),
                    crate::model::Outcome::Unknown => "unknown".to_owned(),
                },
                step: Some(step.id.clone()),
                correlation_id: event.correlation_id.as_deref().map(str::to_owned),
                evidence: vec![event.evidence.clone()],
            });
        }
    }
    found
}

/// Per caller: how many resource types, over how long. What the evidence holds, whatever a write-up counts.
fn lateral(filling: &Filling<'_>) -> Vec<Lateral> {
    let mut callers: BTreeMap<String, Lateral> = BTreeMap::new();
    for (_, step, event) in done(filling) {
        let Detail::Arm(detail) = &event.detail else { continue };
        let Some(kind) = detail.resource.resource_type() else { continue };
        let caller = event.actor.name.to_string();
        let row = callers.entry(caller.clone()).or_insert_with(|| Lateral {
            caller,
            source_ips: Vec::new(),
            resource_types: Vec::new(),
            count: 0,
            from: step.time,
            to: step.end,
            seconds: 0,
            steps: Vec::new(),
            evidence: Vec::new(),
        });
        row.count += step.count;
        row.from = row.from.min(step.time);
        row.to = row.to.max(step.end);
        row.steps.push(step.id.clone());
        row.evidence.push(event.evidence.clone());
        if !row.resource_types.contains(&kind) {
            row.resource_types.push(kind);
        }
        let ip = step.source_ip.known().map(|ip| ip.to_string());
        row.source_ips.extend(ip.filter(|ip| !row.source_ips.contains(ip)));
    }
    let mut rows: Vec<Lateral> = callers.into_values().filter(|row| row.resource_types.len() > 1).collect();
    for row in &mut rows {
        row.resource_types.sort();
        row.seconds = u64::try_from(row.to.duration_since(row.from).as_secs()).unwrap_or_default();
    }
    rows
}

fn inventory(filling: &Filling<'_>) -> Vec<InventoryItem> {
    let env = &filling.engine.world.env;
    let mut items: BTreeMap<String, InventoryItem> = BTreeMap::new();
    for (n, step, event) in done(filling) {
        let (id, part) = match &event.detail {
            Detail::Arm(detail) => {
                let lower = step.action.to_lowercase();
                let existed = env.resource(&detail.resource).is_some();
                let part = match lower.rsplit('/').next() {
                    Some("write") if !existed && filling.engine.maker_of(&detail.resource) == Some(n) => "created",
                    Some("write") => "changed",
                    Some("delete") => "deleted",
                    _ => "used",
                };
                (detail.resource.clone(), part)
            }
            Detail::Data(_) => match step.target_id.as_deref().filter(|id| id.starts_with('/')) {
                Some(id) => (ResourceId::new(id), if step.bytes > 0 { "read" } else { "used" }),
                None => continue,
            },
            Detail::SignIn(_) | Detail::Directory(_) | Detail::Alert(_) | Detail::Context(_) => continue,
        };
        let document = env.resource(&id);
        let body = match &event.detail {
            Detail::Arm(detail) => detail.request_body.known(),
            _ => None,
        };
        let location = document
            .and_then(|d| json::text(&d.body, "location"))
            .or_else(|| body.and_then(|b| json::text(b, "location")))
            .map(str::to_owned);
        let item = items.entry(id.folded().to_owned()).or_insert_with(|| InventoryItem {
            id: id.spelled().to_owned(),
            name: id.name().to_owned(),
            resource_type: id.resource_type().unwrap_or_default(),
            location,
            jewel: filling.engine.case.jewels.iter().any(|(jewel, _)| *jewel == id),
            in_snapshot: document.is_some(),
            ..InventoryItem::default()
        });
        if !item.part.iter().any(|p| p == part) {
            item.part.push(part.to_owned());
        }
        item.steps.push(step.id.clone());
        item.evidence.push(event.evidence.clone());
    }
    items.into_values().collect()
}

/// Machines the attack made, by the snapshot's price list, from their creation to containment.
fn cost(filling: &Filling<'_>) -> Cost {
    let env = &filling.engine.world.env;
    let mut cost = Cost::default();
    let mut total = 0.0_f64;
    for (_, step, event) in done(filling) {
        let Detail::Arm(detail) = &event.detail else { continue };
        if !step.action.eq_ignore_ascii_case("Microsoft.Compute/virtualMachines/write") {
            continue;
        }
        let Some(body) = detail.request_body.known() else { continue };
        let (Some(size), Some(location), Some(until)) = (
            json::text(body, "properties.hardwareProfile.vmSize"),
            json::text(body, "location"),
            filling.incident.contained_at,
        ) else {
            continue;
        };
        let price = env.of(Kind::Prices).find(|(_, d)| {
            let is = |path: &str, value: &str| json::text(&d.body, path).is_some_and(|v| v.eq_ignore_ascii_case(value));
            is("armSkuName", size)
                && is("armRegionName", location)
                && json::text(&d.body, "type").is_none_or(|t| t.eq_ignore_ascii_case("Consumption"))
                && !json::text(&d.body, "skuName").is_some_and(|s| s.contains("Spot") || s.contains("Low Priority"))
        });
        let Some((_, document)) = price else {
            cost.note = format!("no price of {size} in {location} in the snapshot");
            continue;
        };
        let unit = json::get(&document.body, "retailPrice").and_then(Value::as_f64).unwrap_or_default();
        let hours = until.duration_since(step.time).as_secs_f64() / 3600.0;
        let amount = unit * hours;
        total += amount;
        cost.currency = json::text(&document.body, "currencyCode").map(str::to_owned);
        cost.items.push(CostItem {
            resource: detail.resource.spelled().to_owned(),
            meter: json::text(&document.body, "meterName").unwrap_or(size).to_owned(),
            unit_price: format!("{unit}"),
            unit: json::text(&document.body, "unitOfMeasure").unwrap_or("1 Hour").to_owned(),
            quantity: format!("{hours:.2}"),
            amount: format!("{amount:.2}"),
            from: Some(step.time),
            to: Some(until),
            steps: vec![step.id.clone()],
            evidence: vec![document.evidence.clone(), event.evidence.clone()],
        });
    }
    if !cost.items.is_empty() {
        cost.total = Some(format!("{total:.2}"));
        cost.note = "compute alone: disks, addresses and traffic are not counted".to_owned();
    }
    cost
}

/// Single quotes for a POSIX shell: names in logs are the attacker's to choose.
fn quoted(text: &str) -> String {
    let clean: String = text.chars().filter(|c| !c.is_control()).collect();
    format!("'{}'", clean.replace('\'', "'\\''"))
}

/// What is still held at discovery, the keys first: nothing but rotation stops a key.
fn containment(filling: &Filling<'_>, analysis: &Analysis) -> Vec<Containment> {
    let env = &filling.engine.world.env;
    let jewels: Vec<String> = filling.engine.case.jewels.iter().map(|(id, _)| id.spelled().to_owned()).collect();
    let mut keys: BTreeMap<ResourceId, (Vec<String>, Vec<crate::model::Evidence>)> = BTreeMap::new();
    let mut principals: BTreeMap<ObjectId, Vec<String>> = BTreeMap::new();
    let mut grants: Vec<(String, String, crate::model::Evidence)> = Vec::new();
    let mut made: Vec<(ResourceId, String, crate::model::Evidence)> = Vec::new();
    let mut credentials: Vec<(ObjectId, String, crate::model::Evidence)> = Vec::new();
    for (n, step, event) in done(filling) {
        for yielded in yields(env, event) {
            match yielded.capability {
                Capability::StorageKey { account } => {
                    let row = keys.entry(account).or_default();
                    row.0.push(step.id.clone());
                    row.1.push(event.evidence.clone());
                }
                Capability::Session { principal, .. } => principals.entry(principal).or_default().push(step.id.clone()),
                Capability::Credential { principal } => {
                    credentials.push((principal, step.id.clone(), event.evidence.clone()));
                }
                Capability::AzureRole { .. } => {
                    if let Detail::Arm(detail) = &event.detail {
                        grants.push((detail.resource.spelled().to_owned(), step.id.clone(), event.evidence.clone()));
                    }
                }
                Capability::Sas { .. }
                | Capability::DelegationKey { .. }
                | Capability::Execution { .. }
                | Capability::Secret { .. } => {}
            }
        }
        if let Detail::Arm(detail) = &event.detail
            && step.action.to_lowercase().ends_with("/write")
            && !step.action.to_lowercase().starts_with("microsoft.authorization/")
            && filling.engine.maker_of(&detail.resource) == Some(n)
            && env.resource(&detail.resource).is_none()
        {
            made.push((detail.resource.clone(), step.id.clone(), event.evidence.clone()));
        }
    }
    let mut rows: Vec<Containment> = Vec::new();
    let locked = |id: &ResourceId| -> Vec<String> {
        env.of(Kind::Locks)
            .filter(|(key, _)| {
                crate::control::extension_scope_of(&ResourceId::new(key)).is_some_and(|scope| scope.contains(id))
            })
            .map(|(key, _)| format!("lock {key}"))
            .collect()
    };
    let reached = |account: &ResourceId| -> Vec<String> {
        jewels.iter().filter(|jewel| account.contains(&ResourceId::new(jewel))).cloned().collect()
    };
    for (account, (steps, evidence)) in keys {
        let rotated = analysis.operations.iter().any(|o| {
            o.operation.to_lowercase().ends_with("/regeneratekey/action") && ResourceId::new(&o.target) == account
        });
        let name = quoted(account.name());
        let group = account.resource_group().map(|g| quoted(g.name())).unwrap_or_default();
        let renew = |key: &str| {
            format!("az storage account keys renew --resource-group {group} --account-name {name} --key {key}")
        };
        rows.push(Containment {
            action: format!("Rotate both keys of {}", account.name()),
            command: format!("{} && {}", renew("primary"), renew("secondary")),
            capability: format!("account keys of {}", account.name()),
            live: !rotated,
            opens: reached(&account),
            blocked_by: locked(&account),
            short: format!("rotate {} keys", account.name()),
            still_works: vec!["sessions and roles: they can list the new keys".to_owned()],
            why: format!(
                "a key listed at {} works until it is rotated, from anywhere, whatever becomes of the account",
                steps.join(", ")
            ),
            steps,
            evidence,
            ..Containment::default()
        });
    }
    for (principal, steps) in &principals {
        let name = names::principal(filling, principal);
        rows.push(Containment {
            action: format!("Revoke the sessions of {name} and reset the password"),
            command: format!(
                "az rest --method post --url {} && az ad user update --id {} --password '<new password>' \
                 --force-change-password-next-sign-in true",
                quoted(&format!("https://graph.microsoft.com/v1.0/users/{principal}/revokeSignInSessions")),
                quoted(principal.as_str())
            ),
            capability: format!("sessions and password of {name}"),
            live: true,
            opens: jewels.clone(),
            short: "revoke sessions".to_owned(),
            still_works: vec![
                "access tokens already issued, for about an hour".to_owned(),
                "account keys, SAS and credentials already taken".to_owned(),
            ],
            why: "a refresh token renews itself until sessions are revoked".to_owned(),
            steps: steps.clone(),
            ..Containment::default()
        });
        rows.push(Containment {
            action: format!("Disable {name}"),
            command: format!("az ad user update --id {} --account-enabled false", quoted(principal.as_str())),
            capability: format!("account of {name}"),
            live: true,
            opens: jewels.clone(),
            short: "disable account".to_owned(),
            still_works: vec!["account keys, SAS and credentials already taken".to_owned()],
            why: "no new token is issued to a disabled account".to_owned(),
            steps: steps.clone(),
            ..Containment::default()
        });
    }
    for (principal, step, evidence) in credentials {
        let name = names::principal(filling, &principal);
        rows.push(Containment {
            action: format!("Remove the credential added to {name}"),
            command: format!("az ad app credential list --id {}", quoted(principal.as_str())),
            capability: format!("credential of {name}"),
            live: true,
            short: format!("remove credential of {name}"),
            still_works: vec!["tokens already issued, for about an hour".to_owned()],
            steps: vec![step],
            evidence: vec![evidence],
            ..Containment::default()
        });
    }
    // Machines first, then the grant that made them possible, then what hangs on them, last-made first.
    made.reverse();
    let machine = |id: &ResourceId| id.resource_type().is_some_and(|t| t.starts_with("Microsoft.Compute/"));
    made.sort_by_key(|(id, _, _)| !machine(id));
    let machines = made.iter().filter(|(id, _, _)| machine(id)).count();
    let rest = made.split_off(machines);
    let delete = |id: ResourceId, step: String, evidence: crate::model::Evidence| Containment {
        action: format!("Delete {} ({})", id.name(), id.resource_type().unwrap_or_default()),
        command: format!("az resource delete --ids {}", quoted(id.spelled())),
        capability: format!("resource {}", id.name()),
        live: true,
        blocked_by: locked(&id),
        short: format!("delete {}", id.name()),
        why: "made by the attack; preserve its disks first".to_owned(),
        steps: vec![step],
        evidence: vec![evidence],
        ..Containment::default()
    };
    rows.extend(made.into_iter().map(|(id, step, evidence)| delete(id, step, evidence)));
    for (id, step, evidence) in grants {
        rows.push(Containment {
            action: format!("Remove the role assignment made at {step}"),
            command: format!("az role assignment delete --ids {}", quoted(&id)),
            capability: "role made by the attack".to_owned(),
            live: true,
            opens: jewels.clone(),
            short: "remove the grant".to_owned(),
            still_works: vec!["what the role already gave: keys, machines".to_owned()],
            why: "a grant outlives the session that made it".to_owned(),
            steps: vec![step],
            evidence: vec![evidence],
            ..Containment::default()
        });
    }
    rows.extend(rest.into_iter().map(|(id, step, evidence)| delete(id, step, evidence)));
    for (n, row) in rows.iter_mut().enumerate() {
        row.rank = u32::try_from(n + 1).unwrap_or(u32::MAX);
    }
    rows
}

/// Days that the activity log is kept (*Azure Monitor activity log*).
const ACTIVITY_LOG_DAYS: i64 = 90;

/// Before containment, and only for what is in the case.
fn preservation(filling: &Filling<'_>, analysis: &Analysis) -> Vec<Preservation> {
    let mut rows: Vec<Preservation> = Vec::new();
    let at = filling.incident.discovered_at.or(filling.incident.aware_at);
    let machines: Vec<&InventoryItem> = analysis
        .inventory
        .iter()
        .filter(|i| i.resource_type.eq_ignore_ascii_case("Microsoft.Compute/virtualMachines"))
        .collect();
    for machine in &machines {
        let id = ResourceId::new(&machine.id);
        let group = id.resource_group().map(|g| quoted(g.name())).unwrap_or_default();
        let name = quoted(id.name());
        rows.push(Preservation {
            what: format!("Snapshot the disks of {}", machine.name),
            why: "deleting the machine deletes what ran on it".to_owned(),
            command: format!(
                "az vm show --resource-group {group} --name {name} --query storageProfile.osDisk.managedDisk.id --output tsv \
                 | xargs -I@ az snapshot create --resource-group '<evidence group>' --name {} --source @",
                quoted(&format!("{}-os", id.name()))
            ),
            resource: Some(machine.id.clone()),
            steps: machine.steps.clone(),
            evidence: machine.evidence.clone(),
            ..Preservation::default()
        });
        rows.push(Preservation {
            what: format!("Capture packets on {} while it runs", machine.name),
            why: "who it talks to is in no log".to_owned(),
            command: format!(
                "az network watcher packet-capture create --resource-group {group} --vm {name} --name {} \
                 --storage-account '<evidence account>' --time-limit 3600",
                quoted(&format!("{}-capture", id.name()))
            ),
            resource: Some(machine.id.clone()),
            steps: machine.steps.clone(),
            ..Preservation::default()
        });
    }
    let started = analysis.incident.started;
    if !analysis.operations.is_empty() {
        let from = started.map(|t| t.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()).unwrap_or_default();
        rows.push(Preservation {
            what: "Export the activity log".to_owned(),
            why: format!("it is kept for {ACTIVITY_LOG_DAYS} days"),
            command: format!(
                "az monitor activity-log list --start-time {from} --max-events 100000 --output json > activity.json"
            ),
            days_left: days_left(started, at, ACTIVITY_LOG_DAYS),
            ..Preservation::default()
        });
    }
    if analysis.steps.iter().any(|s| s.plane == Plane::Identity) {
        rows.push(Preservation {
            what: "Export the sign-in and audit logs".to_owned(),
            why: "Microsoft Entra keeps them for 30 days with a P1 or P2 licence".to_owned(),
            command: "az rest --method get --url 'https://graph.microsoft.com/v1.0/auditLogs/signIns' > signins.json"
                .to_owned(),
            days_left: days_left(started, at, 30),
            ..Preservation::default()
        });
    }
    let mut accounts: BTreeSet<ResourceId> = BTreeSet::new();
    for item in &analysis.inventory {
        let mut id = ResourceId::new(&item.id);
        while id.resource_type().is_some_and(|t| t.matches('/').count() > 1) {
            match id.parent() {
                Some(parent) => id = parent,
                None => break,
            }
        }
        if id.resource_type().is_some_and(|t| t.eq_ignore_ascii_case("Microsoft.Storage/storageAccounts")) {
            accounts.insert(id);
        }
    }
    let lockable = accounts.iter().cloned().chain(machines.iter().map(|m| ResourceId::new(&m.id)));
    for id in lockable {
        rows.push(Preservation {
            what: format!("Lock {} against deletion", id.name()),
            why: "it bears evidence; a CanNotDelete lock stops deletion, not use".to_owned(),
            command: format!(
                "az lock create --lock-type CanNotDelete --name evidence --resource {}",
                quoted(id.spelled())
            ),
            resource: Some(id.spelled().to_owned()),
            ..Preservation::default()
        });
    }
    for (n, row) in rows.iter_mut().enumerate() {
        row.order = u32::try_from(n + 1).unwrap_or(u32::MAX);
    }
    rows
}

fn days_left(started: Option<Timestamp>, at: Option<Timestamp>, kept: i64) -> Option<u64> {
    let passed = at?.duration_since(started?).as_hours() / 24;
    u64::try_from((kept - passed).max(0)).ok()
}
