//! Known kinds that have no bearing: said by name rather than called unreadable.
//!
//! Some are told by their fields ([`SHAPES`]); the rest by what they say of themselves: a Graph type, a log table, a
//! category of resource log, the URI of a recorded response.

use super::document::graph_type;
use super::record::Container;
use super::{Format, Out, Record, never_empty};

pub const FORMAT: Format = Format {
    id: "ignored",
    log: false,
    reads: "known kinds without bearing, listed as `ignored:<kind>`",
    score: |record| kind(record).map_or(0, |(_, score)| score),
    read: |record: &Record, out: &mut Out| {
        out.ignore(&kind(record).ok_or("not known")?.0);
        Ok(())
    },
    empty: never_empty,
};

/// Field names that together mark a kind.
const SHAPES: &[(&str, u8, &[&str])] = &[
    ("role-tiering", 95, &["EAMTierLevelName", "TierLevelDefinition"]),
    ("office-activity", 60, &["Operation", "OrganizationId", "Workload"]),
    ("office-activity", 60, &["Operation", "OfficeWorkload", "RecordType"]),
    ("risky-user", 60, &["riskState", "riskLastUpdatedDateTime"]),
    ("migration-table", 60, &["TenantId", "Organization", "Objects"]),
    ("secure-score", 60, &["currentScore", "maxScore", "controlScores"]),
    ("authentication-methods-policy", 95, &["authenticationMethodConfigurations", "registrationEnforcement"]),
    ("sentinel-incident", 50, &["IncidentNumber", "IncidentName"]),
    ("windows-event", 50, &["EventID", "Computer"]),
    ("syslog", 50, &["SyslogMessage", "Facility"]),
    ("common-security-log", 50, &["DeviceVendor", "DeviceProduct"]),
    ("heartbeat", 50, &["Computer", "OSType"]),
    ("deployment-template", 50, &["$schema", "contentVersion"]),
    ("graph-organization", 60, &["verifiedDomains", "assignedPlans"]),
    ("graph-domains", 60, &["authenticationType", "isDefault", "isVerified"]),
    ("xdr-alert-evidence", 60, &["Timestamp", "AlertId", "EntityType"]),
    ("xdr-email", 60, &["Timestamp", "NetworkMessageId"]),
    ("xdr-table", 10, &["Timestamp", "ReportId"]),
    ("pim-request", 50, &["scheduleInfo", "principalId"]),
    ("recorded-response", 50, &["request", "response"]),
];

/// Rules and queries in YAML by their keys.
const YAML: &[(&str, &[&str])] = &[
    ("sentinel-rule", &["query", "severity"]),
    ("sentinel-rule", &["query", "tactics"]),
    ("sentinel-rule", &["query", "queryFrequency"]),
    ("sigma-rule", &["logsource", "detection"]),
];

fn kind(record: &Record) -> Option<(String, u8)> {
    if record.context.container == Container::Text {
        let found = YAML.iter().find(|(_, keys)| record.has_all(keys));
        return found.map(|(kind, _)| ((*kind).to_owned(), 90));
    }
    if let Some((kind, score, _)) = SHAPES.iter().find(|(_, _, names)| record.has_all(names)) {
        return Some(((*kind).to_owned(), *score));
    }
    if record.len() <= 4 && record.object("error").is_some() {
        return Some(("error-response".to_owned(), 50));
    }
    if let Some(name) = graph_type(record) {
        let last = name.rsplit('/').next().unwrap_or(&name);
        return Some((format!("graph-{}", last), 20));
    }
    let timed = record.has("TimeGenerated");
    if let Some(table) = record.first_text(&["Type", "$table"]).filter(|t| timed && !t.contains('/')) {
        return Some((format!("table-{}", table), 20));
    }
    if let Some(table) = record.context.table.as_deref().filter(|_| timed) {
        return Some((format!("table-{}", table), 20));
    }
    let category = record.text("category").filter(|_| record.has("time") && record.has("resourceId"));
    if let Some(category) = category {
        return Some((format!("resource-log-{}", category), 20));
    }
    let uri = record.context.uri.as_deref()?;
    let path = uri.split_once("://").map(|(_, rest)| rest.split('?').next().unwrap_or(rest))?;
    let name = path.rsplit('/').find(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_alphabetic()))?;
    Some((format!("response-{}", name), 10))
}
