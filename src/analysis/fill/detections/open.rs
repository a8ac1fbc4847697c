//! One rule for each way to a jewel that stays open: the operation the detour cannot do without, followed within an
//! hour by a read of that jewel from an address that had not read it in the 14 days before.

use super::super::super::contract::{Analysis, Detection, ResidualPath};
use super::super::Filling;
use super::query::{BARE_ADDRESS, activity, kql, lookback};
use super::{account, attack, entity, steps};
use crate::model::{Detail, Event, ResourceId, Timestamp};
use jiff::SignedDuration;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// What a rule watches for. Paths that watch the same are watched by one rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Watched {
    operation: Operation,
    /// Word that the record's properties hold: a role's GUID, a property's name.
    holds: Vec<String>,
    read: Read,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Operation {
    Arm(String),
    Directory(String),
    /// Nothing but a sign-in goes before the read.
    SignIn,
}

/// How a blob is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum With {
    Key,
    Token,
    Nothing,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Read {
    Blob {
        account: ResourceId,
        with: With,
    },
    Secret {
        vault: ResourceId,
    },
    /// No log of reads that we know the table of.
    Unlogged {
        jewel: ResourceId,
    },
}

pub fn rules(filling: &Filling<'_>, analysis: &Analysis) -> Vec<Detection> {
    let mut watched: BTreeMap<Watched, Vec<&ResidualPath>> = BTreeMap::new();
    for path in &analysis.residual_paths {
        watched.entry(of_path(filling, path)).or_default().push(path);
    }
    let mut ids: BTreeSet<String> = BTreeSet::new();
    let mut rows: Vec<Detection> =
        watched.iter().map(|(watched, paths)| rule(filling, watched, paths, &mut ids)).collect();
    rows.sort_by_key(|row| row.residual_paths.first().map(|id| id.trim_start_matches('p').parse::<u64>().unwrap_or(0)));
    rows
}

fn of_path(filling: &Filling<'_>, path: &ResidualPath) -> Watched {
    let arm = |action: &str| action.contains("Microsoft.") && action.contains('/');
    let data = |action: &str| matches!(action, "GetBlob" | "SecretGet" | "execution");
    let other = |action: &str| matches!(action, "SignIn" | "hold" | "managed identity token") || data(action);
    let new = path.steps.iter().rfind(|s| s.step.is_none() && arm(&s.action));
    let decisive = new.or_else(|| path.steps.iter().rfind(|s| s.step.is_none() && !other(&s.action)));
    let decisive = decisive.or_else(|| path.steps.iter().rfind(|s| arm(&s.action)));
    let mut holds = Vec::new();
    let operation = match decisive {
        None => Operation::SignIn,
        Some(step) if !arm(&step.action) => Operation::Directory(step.action.clone()),
        Some(step) => {
            let env = &filling.engine.world.env;
            let role = step.why.strip_prefix("grant ").and_then(|why| why.split(", by").next());
            holds.extend(role.and_then(|role| env.azure_role_guid(role)));
            if step.action.eq_ignore_ascii_case("Microsoft.Storage/storageAccounts/write") {
                holds = ["allowSharedKeyAccess", "networkAcls", "publicNetworkAccess"].map(str::to_owned).to_vec();
            }
            Operation::Arm(step.action.clone())
        }
    };
    let jewel = ResourceId::new(&path.to);
    let home = home(&jewel);
    let last = path.steps.last();
    let read = match home.resource_type().unwrap_or_default().to_lowercase().as_str() {
        "microsoft.storage/storageaccounts" => Read::Blob {
            with: match last {
                Some(s) if s.why.contains("anonymously") => With::Nothing,
                Some(s) if s.from.starts_with('/') || s.from == "account key" || s.why.contains("account key") => {
                    With::Key
                }
                Some(_) | None => With::Token,
            },
            account: home,
        },
        "microsoft.keyvault/vaults" => Read::Secret { vault: home },
        _ => Read::Unlogged { jewel },
    };
    Watched { operation, holds, read }
}

/// The resource a container, secret or other child lies in.
fn home(id: &ResourceId) -> ResourceId {
    let mut id = id.clone();
    while id.resource_type().is_some_and(|t| t.matches('/').count() > 1) {
        match id.parent() {
            Some(parent) => id = parent,
            None => break,
        }
    }
    id
}

impl Watched {
    fn is_operation(&self, event: &Event) -> bool {
        let holds =
            |text: &str| self.holds.is_empty() || self.holds.iter().any(|word| text.contains(&word.to_lowercase()));
        match (&self.operation, &event.detail) {
            (Operation::Arm(operation), Detail::Arm(detail)) => {
                let body = detail.request_body.known().map(|body| body.to_string().to_lowercase()).unwrap_or_default();
                event.action.eq_ignore_ascii_case(operation) && holds(&body)
            }
            (Operation::Directory(operation), Detail::Directory(_)) => event.action.eq_ignore_ascii_case(operation),
            (Operation::SignIn, Detail::SignIn(detail)) => {
                detail.sign_in_risk.known().is_some_and(|risk| matches!(risk.as_ref(), "medium" | "high"))
            }
            (_, _) => false,
        }
    }

    fn is_read(&self, filling: &Filling<'_>, event: &Event) -> bool {
        let Detail::Data(data) = &event.detail else { return false };
        let env = &filling.engine.world.env;
        let on = |id: &ResourceId| crate::effect::account_document(env, data).is_some_and(|(found, _)| found == *id);
        match &self.read {
            Read::Blob { account, with } => {
                let how = match super::with_key(data) {
                    true => With::Key,
                    false if data.authentication.known().is_some_and(|a| a.as_ref() == "Anonymous") => With::Nothing,
                    false => With::Token,
                };
                event.action.as_ref() == "GetBlob" && on(account) && how == *with
            }
            Read::Secret { vault } => event.action.as_ref() == "SecretGet" && on(vault),
            Read::Unlogged { .. } => false,
        }
    }

    fn logged(&self) -> bool {
        !matches!(self.read, Read::Unlogged { .. })
    }
}

fn rule(filling: &Filling<'_>, watched: &Watched, paths: &[&ResidualPath], ids: &mut BTreeSet<String>) -> Detection {
    let events = attack(filling);
    let classes = &filling.engine.case.correlated.baseline.classes;
    // When each address was first seen to read it.
    let mut known: BTreeMap<IpAddr, Timestamp> = BTreeMap::new();
    for class in classes.iter().filter(|class| watched.is_read(filling, &class.event)) {
        if let Some(ip) = class.event.source_ip.known() {
            let first = known.entry(*ip).or_insert(class.first);
            *first = (*first).min(class.first);
        }
    }
    let mut fired: Vec<(&Event, String)> = Vec::new();
    for (operation, step) in events.iter().filter(|(event, _)| watched.is_operation(event)) {
        if !watched.logged() {
            fired.push((*operation, step.clone()));
            continue;
        }
        let reads = events.iter().filter(|(event, _)| {
            let after = event.time.duration_since(operation.time);
            let new = event.source_ip.known().is_some_and(|ip| !known.contains_key(ip));
            watched.is_read(filling, event) && new && after >= SignedDuration::ZERO && after <= HOUR
        });
        fired.extend(reads.map(|(event, step)| (*event, step.clone())));
    }
    let (mut hits, mut evaluated) = (0, 0);
    for class in classes.iter().filter(|class| watched.is_operation(&class.event)) {
        evaluated += class.count;
        let times = if class.times.is_empty() { std::slice::from_ref(&class.first) } else { &class.times };
        let followed =
            |t: &&Timestamp| !watched.logged() || known.values().any(|first| *first >= **t && *first <= **t + HOUR);
        hits += times.iter().filter(followed).count() as u64;
    }
    let short = paths.first().map(|p| p.short.as_str()).unwrap_or_default();
    let jewel = paths.first().map(|p| ResourceId::new(&p.to).name().to_owned()).unwrap_or_default();
    let way = match short {
        "as observed" => match &watched.operation {
            Operation::Arm(operation) => {
                format!("The same way again: {}", operation.rsplit('/').nth(1).unwrap_or(operation))
            }
            Operation::Directory(operation) => format!("The same way again: {operation}"),
            Operation::SignIn => "The same way again: a risky sign-in".to_owned(),
        },
        other => {
            let other = other.trim_start_matches("attacker ");
            let other = other
                .strip_suffix(", then reads")
                .or_else(|| other.strip_suffix(", then reads the secrets"))
                .unwrap_or(other);
            let mut letters = other.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        }
    };
    let with = match &watched.read {
        Read::Blob { with: With::Key, .. } => "a read with the account key",
        Read::Blob { with: With::Token, .. } => "a read with a token",
        Read::Blob { with: With::Nothing, .. } => "an anonymous read",
        Read::Secret { .. } => "a read of its secrets",
        Read::Unlogged { .. } => "",
    };
    let title =
        if with.is_empty() { format!("{way} ({jewel})") } else { format!("{way}, followed by {with} ({jewel})") };
    let way_id = match &watched.read {
        Read::Blob { with: With::Key, .. } => format!("{way} key"),
        _ => way.clone(),
    };
    let stem = format!("residual-{}-{}", slug(&jewel, 24), slug(&way_id, 36));
    let mut id = stem.clone();
    let mut number = 1;
    while !ids.insert(id.clone()) {
        number += 1;
        id = format!("{stem}-{number}");
    }
    let (tactics, techniques) = attack_words(watched);
    Detection {
        id,
        title,
        description: format!(
            "Watches a way to {jewel} that stays open: {}.",
            paths.iter().map(|p| p.short.as_str()).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join("; ")
        ),
        severity: "High".to_owned(),
        tactics,
        techniques,
        fires_at: fired.iter().map(|(e, _)| e.time).min(),
        steps: steps(&fired),
        baseline_hits: hits,
        baseline_evaluated: evaluated,
        exported: true,
        reading: String::new(),
        why: match fired.is_empty() {
            true => "the attack did not go this way".to_owned(),
            false => String::new(),
        },
        query: query(watched),
        query_frequency: "PT1H".to_owned(),
        query_period: "P14D".to_owned(),
        tables: tables(watched),
        entities: match &watched.read {
            Read::Unlogged { .. } => vec![account("FullName", "Caller"), entity("IP", "Address", "changedFrom")],
            _ => vec![account("FullName", "Caller"), entity("IP", "Address", "address")],
        },
        residual_path: paths.first().map(|p| p.id.clone()),
        residual_paths: paths.iter().map(|p| p.id.clone()).collect(),
    }
}

fn slug(text: &str, longest: usize) -> String {
    let mut out = String::new();
    for c in text.chars().take(longest) {
        match c.is_ascii_alphanumeric() {
            true => out.push(c.to_ascii_lowercase()),
            false if !out.ends_with('-') => out.push('-'),
            false => {}
        }
    }
    out.trim_matches('-').to_owned()
}

fn attack_words(watched: &Watched) -> (Vec<String>, Vec<String>) {
    let words = |tactics: &[&str], techniques: &[&str]| {
        let own = |list: &[&str]| list.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        (own(tactics), own(techniques))
    };
    let operation = match &watched.operation {
        Operation::Arm(operation) | Operation::Directory(operation) => operation.to_lowercase(),
        Operation::SignIn => return words(&["InitialAccess", "Collection"], &["T1078", "T1530"]),
    };
    if operation.starts_with("microsoft.authorization/") || operation.starts_with("add ") {
        words(&["PrivilegeEscalation", "Collection"], &["T1098", "T1530"])
    } else if operation.ends_with("/action") {
        words(&["CredentialAccess", "Collection"], &["T1552", "T1530"])
    } else {
        words(&["DefenseEvasion", "Collection"], &["T1562", "T1530"])
    }
}

fn tables(watched: &Watched) -> Vec<String> {
    let first = match watched.operation {
        Operation::Arm(_) => "AzureActivity",
        Operation::Directory(_) => "AuditLogs",
        Operation::SignIn => "SigninLogs",
    };
    let second = match watched.read {
        Read::Blob { .. } => Some("StorageBlobLogs"),
        Read::Secret { .. } => Some("AzureDiagnostics"),
        Read::Unlogged { .. } => None,
    };
    std::iter::once(first).chain(second).map(str::to_owned).collect()
}

fn query(watched: &Watched) -> String {
    let holds = match watched.holds.as_slice() {
        [] => String::new(),
        words => format!("\n| where Properties has_any ({})", super::query::list(words.iter().cloned())),
    };
    let recent = lookback(2);
    let operation = match &watched.operation {
        Operation::Arm(operation) => format!(
            "{}{holds}\n{recent}\n\
             | project changed = TimeGenerated, Caller, changedFrom = CallerIpAddress, changedResource = _ResourceId",
            activity(operation)
        ),
        Operation::Directory(operation) => format!(
            "AuditLogs\n| where OperationName =~ {}\n| where Result =~ \"success\"\n{recent}\n\
             | project changed = TimeGenerated,\n    \
             Caller = coalesce(tostring(InitiatedBy.user.userPrincipalName), tostring(InitiatedBy.app.displayName)),\n    \
             changedFrom = tostring(InitiatedBy.user.ipAddress), changedResource = tostring(TargetResources[0].id)",
            kql(operation)
        ),
        Operation::SignIn => format!(
            "SigninLogs\n| where ResultType == \"0\"\n| where RiskLevelDuringSignIn in (\"medium\", \"high\")\n{recent}\n\
             | project changed = TimeGenerated, Caller = UserPrincipalName, changedFrom = IPAddress, changedResource = ResourceDisplayName"
        ),
    };
    let reads = match &watched.read {
        Read::Unlogged { jewel } => {
            return format!("{operation}\n| extend watched = {}", kql(jewel.spelled()));
        }
        Read::Blob { account, with } => format!(
            "StorageBlobLogs\n| where AccountName =~ {}\n| where OperationName == \"GetBlob\"\n\
             | where AuthenticationType {}\n\
             | extend address = {BARE_ADDRESS}",
            kql(account.name()),
            match with {
                With::Key => "== \"AccountKey\"",
                With::Token => "!in (\"AccountKey\", \"Anonymous\")",
                With::Nothing => "== \"Anonymous\"",
            }
        ),
        Read::Secret { vault } => format!(
            "AzureDiagnostics\n| where ResourceProvider =~ \"Microsoft.KeyVault\" and Resource =~ {}\n\
             | where OperationName == \"SecretGet\"\n\
             | extend address = CallerIPAddress",
            kql(vault.name())
        ),
    };
    format!(
        "let operations = {operation}\n| extend one = 1;\n\
         let reads = {reads};\n\
         let known = reads\n| where TimeGenerated between (ago(14d) .. ago(2h))\n| distinct address;\n\
         reads\n| where TimeGenerated > ago(1h)\n| join kind=leftanti known on address\n| extend one = 1\n\
         | join kind=inner operations on one\n| where TimeGenerated between (changed .. 1h)\n\
         | summarize read = count(), firstSeen = min(TimeGenerated), lastSeen = max(TimeGenerated) by Caller, changedFrom, changedResource, address"
    )
}
