//! What responders report: what was exposed, what was done to which resource, what it cost.

use super::super::contract::{Analysis, Clock, Cost, CostItem, Exposure, InventoryItem, Lateral, Operation, Store};
use super::{Filling, done};
use crate::model::{Detail, Kind, ResourceId, json};
use serde_json::Value;
use std::collections::BTreeMap;

pub fn fill(filling: &Filling<'_>, analysis: &mut Analysis) {
    analysis.exposure = exposure(filling);
    analysis.operations = operations(filling);
    analysis.lateral = lateral(filling);
    analysis.inventory = inventory(filling);
    analysis.cost = cost(filling);
    super::containment::fill(filling, analysis);
    super::preservation::fill(filling, analysis);
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
            quantity: format!("{hours:.4}"),
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
