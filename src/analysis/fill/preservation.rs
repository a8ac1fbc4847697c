//! What to keep before containment touches anything: an ordered checklist, only for what is in the case.
//!
//! In the order in which it is lost: what only a running machine tells, what deletion takes, what the attacker could
//! still delete, what retention takes. Sources: *Azure Monitor activity log* (90 days), *Microsoft Entra data retention*
//! (30 days with P1 or P2), *Manage data retention in a Log Analytics workspace*, *Lock your resources to protect your
//! infrastructure*, *Packet captures with Azure Network Watcher*.

use super::super::contract::{Analysis, InventoryItem, Plane, Preservation};
use super::commands::quoted;
use super::containment::{is_machine, removed};
use super::{Filling, done};
use crate::model::{Detail, Evidence, Kind, ResourceId, Timestamp, json};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Days that the platform keeps them by itself.
const ACTIVITY_LOG_DAYS: i64 = 90;
const DIRECTORY_LOG_DAYS: i64 = 30;

pub fn fill(filling: &Filling<'_>, analysis: &mut Analysis) {
    let machines: Vec<InventoryItem> =
        analysis.inventory.iter().filter(|item| is_machine(&item.resource_type)).cloned().collect();
    let mut rows: Vec<Preservation> = Vec::new();
    let (gone, running): (Vec<_>, Vec<_>) =
        machines.into_iter().partition(|machine| removed(filling, &ResourceId::new(&machine.id), None).is_some());
    rows.extend(running.iter().map(capture));
    rows.extend(running.iter().flat_map(|machine| disks(filling, machine)));
    rows.extend(gone.iter().map(left_over));
    rows.extend(locks(filling, analysis));
    rows.extend(logs(filling, analysis));
    for (n, row) in rows.iter_mut().enumerate() {
        row.order = u32::try_from(n + 1).unwrap_or(u32::MAX);
    }
    analysis.preservation = rows;
}

fn place(id: &ResourceId) -> (String, String) {
    (id.resource_group().map(|g| quoted(g.name())).unwrap_or_default(), quoted(id.name()))
}

/// Traffic of a machine is on record nowhere else, and only while it runs.
fn capture(machine: &InventoryItem) -> Preservation {
    let id = ResourceId::new(&machine.id);
    let (group, name) = place(&id);
    Preservation {
        what: format!("Capture packets on {} while it runs", machine.name),
        why: "whom it talks to is in no log; it ends when the machine stops, and needs Network Watcher in the region \
              and its extension on the machine"
            .to_owned(),
        command: format!(
            "az network watcher packet-capture create --resource-group {group} --vm {name} --name {} \
             --storage-account '<evidence account>' --time-limit 3600",
            quoted(&format!("{}-capture", id.name()))
        ),
        resource: Some(machine.id.clone()),
        steps: machine.steps.clone(),
        evidence: machine.evidence.clone(),
        ..Preservation::default()
    }
}

/// A snapshot of each disk, and a lock on it: the copy is what must not be deleted, the machine will be.
fn disks(filling: &Filling<'_>, machine: &InventoryItem) -> Vec<Preservation> {
    let id = ResourceId::new(&machine.id);
    let (group, name) = place(&id);
    // A snapshot stands in the region of its disk, which need not be that of the group.
    let region = machine.location.as_deref().map(|l| format!(" --location {}", quoted(l))).unwrap_or_default();
    let row = |what: String, snapshot: String, source: String| Preservation {
        what,
        why: "what ran is on the disk, and deleting the machine may take the disk with it".to_owned(),
        command: format!(
            "az snapshot create --resource-group '<evidence group>' --name {snapshot}{region} --source {source} && \
             az lock create --name evidence --lock-type CanNotDelete --resource-group '<evidence group>' \
             --resource-name {snapshot} --resource-type Microsoft.Compute/snapshots"
        ),
        resource: Some(machine.id.clone()),
        steps: machine.steps.clone(),
        evidence: machine.evidence.clone(),
        ..Preservation::default()
    };
    let document = filling.engine.world.env.resource(&id);
    let mut known: Vec<String> = Vec::new();
    if let Some(document) = document {
        let os = json::text(&document.body, "properties.storageProfile.osDisk.managedDisk.id").map(str::to_owned);
        let data = json::path(&document.body, "properties.storageProfile.dataDisks").and_then(Value::as_array);
        let data = data.into_iter().flatten().filter_map(|d| json::text(d, "managedDisk.id")).map(str::to_owned);
        known.extend(os.into_iter().chain(data));
    }
    if known.is_empty() {
        let show = format!("\"$(az vm show --resource-group {group} --name {name} --query storageProfile");
        return vec![
            row(
                format!("Snapshot the system disk of {}, and lock the snapshot", machine.name),
                quoted(&format!("{}-os", id.name())),
                format!("{show}.osDisk.managedDisk.id --output tsv)\""),
            ),
            Preservation {
                what: format!("List the data disks of {}: each gets a snapshot likewise", machine.name),
                why: "no record tells whether it has any".to_owned(),
                command: format!(
                    "az vm show --resource-group {group} --name {name} --query 'storageProfile.dataDisks[].managedDisk.id' --output tsv"
                ),
                resource: Some(machine.id.clone()),
                steps: machine.steps.clone(),
                evidence: machine.evidence.clone(),
                ..Preservation::default()
            },
        ];
    }
    known
        .iter()
        .map(|disk| {
            let disk = ResourceId::new(disk);
            row(
                format!("Snapshot {} of {}, and lock the snapshot", disk.name(), machine.name),
                quoted(&format!("{}-evidence", disk.name())),
                quoted(disk.spelled()),
            )
        })
        .collect()
}

/// A machine that was deleted before discovery: its disks may have outlived it.
fn left_over(machine: &InventoryItem) -> Preservation {
    let (group, _) = place(&ResourceId::new(&machine.id));
    Preservation {
        what: format!("Look for disks that {} left behind", machine.name),
        why: "the machine was deleted before discovery; a disk that was not deleted with it still tells what ran"
            .to_owned(),
        command: format!("az disk list --resource-group {group} --query \"[?managedBy==null]\" --output table"),
        resource: Some(machine.id.clone()),
        steps: machine.steps.clone(),
        evidence: machine.evidence.clone(),
        ..Preservation::default()
    }
}

/// Storage accounts and vaults the attack read: they bear evidence and stay in use.
fn locks(filling: &Filling<'_>, analysis: &Analysis) -> Vec<Preservation> {
    let env = &filling.engine.world.env;
    let mut bearing: BTreeMap<ResourceId, (BTreeSet<usize>, Vec<Evidence>)> = BTreeMap::new();
    for item in &analysis.inventory {
        let mut id = ResourceId::new(&item.id);
        while id.resource_type().is_some_and(|t| t.matches('/').count() > 1) {
            match id.parent() {
                Some(parent) => id = parent,
                None => break,
            }
        }
        let kind = id.resource_type().unwrap_or_default().to_lowercase();
        if matches!(kind.as_str(), "microsoft.storage/storageaccounts" | "microsoft.keyvault/vaults") {
            let row = bearing.entry(id).or_default();
            row.0.extend(item.steps.iter().filter_map(|step| step.trim_start_matches('s').parse::<usize>().ok()));
            row.1.extend(item.evidence.iter().take(1).cloned());
        }
    }
    let has = |id: &ResourceId| {
        env.of(Kind::Locks).any(|(key, _)| {
            crate::control::extension_scope_of(&ResourceId::new(key)).is_some_and(|scope| scope.contains(id))
        })
    };
    bearing
        .into_iter()
        .filter(|(id, _)| !has(id))
        .map(|(id, (steps, evidence))| Preservation {
            what: format!("Lock {} against deletion", id.name()),
            why: "it bears evidence and the attacker may hold what deletes it; the lock stops deletion, not use"
                .to_owned(),
            command: format!(
                "az lock create --name evidence --lock-type CanNotDelete --resource {}",
                quoted(id.spelled())
            ),
            resource: Some(id.spelled().to_owned()),
            days_left: None,
            steps: steps.into_iter().map(|n| format!("s{n}")).collect(),
            evidence,
            ..Preservation::default()
        })
        .collect()
}

/// A log table of the case, kept where and for how long.
struct Kept {
    workspace: ResourceId,
    days: Option<i64>,
    evidence: Vec<Evidence>,
}

/// Workspaces that diagnostic settings of the snapshot send a resource's logs to.
fn kept(filling: &Filling<'_>, matches: impl Fn(&ResourceId) -> bool) -> Option<Kept> {
    let env = &filling.engine.world.env;
    let (_, setting) = env.of(Kind::DiagnosticSettings).find(|(key, document)| {
        let id = json::text(&document.body, "id").unwrap_or(key).to_lowercase();
        let of = id.split("/providers/microsoft.insights/diagnosticsettings/").next().unwrap_or_default().to_owned();
        json::text(&document.body, "properties.workspaceId").is_some() && matches(&ResourceId::new(&of))
    })?;
    let workspace = ResourceId::new(json::text(&setting.body, "properties.workspaceId")?);
    let document = env.resource(&workspace);
    let days = document.and_then(|d| json::path(&d.body, "properties.retentionInDays")).and_then(Value::as_i64);
    let mut evidence = vec![setting.evidence.at("/properties/workspaceId")];
    evidence.extend(document.filter(|_| days.is_some()).map(|d| d.evidence.at("/properties/retentionInDays")));
    Some(Kept { workspace, days, evidence })
}

/// Exports, the soonest lost first.
fn logs(filling: &Filling<'_>, analysis: &Analysis) -> Vec<Preservation> {
    let incident = &analysis.incident;
    let at = filling.incident.discovered_at.or(filling.incident.aware_at).unwrap_or(filling.incident.window.to);
    let started = incident.started.unwrap_or(filling.incident.window.from);
    let span = |t: Timestamp| t.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let from = span(filling.incident.window.from.min(started));
    // What the attacker held was live until it was taken away.
    let until = span(filling.incident.contained_at.map_or(at, |contained| contained.max(at)));
    // Days are counted to the day it was noticed; where nobody says when that was, none are told.
    let noticed = filling.incident.discovered_at.or(filling.incident.aware_at);
    let left = |days: i64| {
        noticed.and_then(|at| u64::try_from((days - at.duration_since(started).as_hours() / 24).max(0)).ok())
    };
    let first = |plane: Plane| -> (Vec<String>, Vec<Evidence>) {
        let steps: Vec<_> = analysis.steps.iter().filter(|s| s.plane == plane).collect();
        let evidence = steps.iter().filter_map(|s| s.evidence.first().cloned()).collect();
        (steps.iter().map(|s| s.id.clone()).collect(), evidence)
    };
    let mut rows = Vec::new();
    if analysis.steps.iter().any(|s| s.plane == Plane::Identity) {
        let (steps, evidence) = first(Plane::Identity);
        for (what, path) in [("sign-in", "signIns"), ("audit", "directoryAudits")] {
            let field = if path == "signIns" { "createdDateTime" } else { "activityDateTime" };
            let url = format!(
                "https://graph.microsoft.com/v1.0/auditLogs/{path}?$filter={field} ge {from} and {field} le {until}"
            );
            let others = match path {
                "signIns" => "; this lists the interactive sign-ins, export those of other kinds from the portal",
                _ => "",
            };
            // The service answers a page at a time and says where the next one is.
            let pages = format!(
                "url={}; n=0; while [ -n \"$url\" ]; do n=$((n+1)); az rest --method get --url \"$url\" > {path}-$n.json; \
                 url=$(sed -n 's/.*\"@odata.nextLink\": \"\\([^\"]*\\)\".*/\\1/p' {path}-$n.json); done",
                quoted(&url)
            );
            rows.push(Preservation {
                what: format!("Export the {what} log of Microsoft Entra"),
                why: format!(
                    "Microsoft Entra keeps it for {DIRECTORY_LOG_DAYS} days with a P1 or P2 licence (7 without), by its documentation{others}"
                ),
                command: pages,
                days_left: left(DIRECTORY_LOG_DAYS),
                steps: steps.clone(),
                evidence: evidence.clone(),
                ..Preservation::default()
            });
        }
    }
    let mut subscriptions: BTreeSet<ResourceId> = BTreeSet::new();
    for (_, _, event) in done(filling) {
        if let Detail::Arm(detail) = &event.detail {
            subscriptions.extend(detail.resource.subscription());
        }
    }
    for subscription in subscriptions {
        let (steps, mut evidence) = first(Plane::Management);
        let also = kept(filling, |id| *id == subscription);
        let workspace = also.as_ref().map(|k| {
            let days = k.days.map(|d| format!(" for {d} days")).unwrap_or_default();
            format!("; the snapshot sends it to workspace {} besides{days}", k.workspace.name())
        });
        let workspace_id = also.as_ref().map(|k| k.workspace.spelled().to_owned());
        evidence.extend(also.map(|k| k.evidence).unwrap_or_default());
        rows.push(Preservation {
            what: "Export the activity log".to_owned(),
            why: format!(
                "the platform keeps it for {ACTIVITY_LOG_DAYS} days, by its documentation{}",
                workspace.unwrap_or_default()
            ),
            command: format!(
                "az monitor activity-log list --subscription {} --start-time {from} --end-time {until} \
                 --max-events 100000 --output json > activity.json",
                quoted(subscription.name())
            ),
            resource: Some(subscription.spelled().to_owned()),
            workspace: workspace_id,
            days_left: left(ACTIVITY_LOG_DAYS),
            steps,
            evidence,
            ..Preservation::default()
        });
    }
    rows.extend(data_logs(filling, &from, &until, &left));
    rows.sort_by_key(|row| row.days_left.unwrap_or(u64::MAX));
    rows
}

/// Data-plane logs live where diagnostic settings send them, and nowhere else.
fn data_logs(filling: &Filling<'_>, from: &str, until: &str, left: &impl Fn(i64) -> Option<u64>) -> Vec<Preservation> {
    let env = &filling.engine.world.env;
    type Read = (Vec<String>, Vec<Evidence>);
    let mut tables: BTreeMap<(&'static str, Option<ResourceId>), Read> = BTreeMap::new();
    for (_, step, event) in done(filling) {
        let Detail::Data(data) = &event.detail else { continue };
        let account = crate::effect::account_document(env, data).map(|(id, _)| id);
        let row = tables.entry((event.log, account)).or_default();
        row.0.push(step.id.clone());
        row.1.push(event.evidence.clone());
    }
    tables
        .into_iter()
        .map(|((table, account), (steps, mut evidence))| {
            let found = account.as_ref().and_then(|account| kept(filling, |id| account.contains(id)));
            let name = account.as_ref().map(|a| a.name().to_owned()).unwrap_or_default();
            let of = if name.is_empty() { String::new() } else { format!(" of {name}") };
            let days = found.as_ref().and_then(|k| k.days);
            let why = match (&found, days) {
                (Some(k), Some(days)) => {
                    format!("it stands in workspace {} alone, which keeps it for {days} days", k.workspace.name())
                }
                (Some(k), None) => {
                    format!(
                        "it stands in workspace {} alone; the snapshot does not say for how long",
                        k.workspace.name()
                    )
                }
                (None, _) => "the snapshot does not say where it is kept, nor for how long".to_owned(),
            };
            let known = found.as_ref().and_then(|k| env.resource(&k.workspace));
            let customer = known.and_then(|d| json::text(&d.body, "properties.customerId"));
            let filter = format!(
                "{table} | where TimeGenerated between (datetime({from}) .. datetime({until})){}",
                account
                    .as_ref()
                    .map(|a| format!(" | where _ResourceId startswith {}", super::detections::kql(a.folded())))
                    .unwrap_or_default()
            );
            let workspace = found.as_ref().map(|k| k.workspace.spelled().to_owned());
            evidence.extend(found.map(|k| k.evidence).unwrap_or_default());
            Preservation {
                what: format!("Export {table}{of} from the workspace"),
                why,
                command: format!(
                    "az monitor log-analytics query --workspace {} --analytics-query {} --output json > {}.json",
                    customer.map_or_else(|| "'<workspace id>'".to_owned(), quoted),
                    quoted(&filter),
                    table.chars().filter(char::is_ascii_alphanumeric).collect::<String>()
                ),
                resource: account.map(|a| a.spelled().to_owned()),
                workspace,
                days_left: days.and_then(left),
                steps,
                evidence,
                ..Preservation::default()
            }
        })
        .collect()
}
