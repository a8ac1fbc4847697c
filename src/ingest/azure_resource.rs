//! ARM resources, subscriptions, resource groups and management groups, and what hangs on them: locks, diagnostic
//! settings, Defender for Cloud assessments and plans. REST bodies, Resource Graph rows, `az` lists, PowerShell.

use super::document::{arm, arm_type, key};
use super::{Format, Out, Record, arm_form, never_empty};
use crate::model::{Kind, json};
use serde_json::{Value, json};

pub const FORMAT: Format = Format {
    id: "azure-resource",
    log: false,
    reads: "ARM resources, containers, locks, diagnostic settings, assessments, plans (REST, Resource Graph, az, \
            PowerShell)",
    score,
    read,
    empty: never_empty,
};

/// What a type is a document of; none: another format's, or known to have no bearing.
fn kind(name: &str) -> Option<Kind> {
    Some(match name {
        "microsoft.resources/subscriptions"
        | "microsoft.resources/subscriptions/resourcegroups"
        | "microsoft.resources/resourcegroups"
        | "microsoft.management/managementgroups" => Kind::Containers,
        "microsoft.authorization/locks" => Kind::Locks,
        "microsoft.insights/diagnosticsettings" => Kind::DiagnosticSettings,
        "microsoft.security/assessments" => Kind::Assessments,
        "microsoft.security/assessmentmetadata" => Kind::AssessmentMetadata,
        "microsoft.security/pricings" => Kind::Pricings,
        _ if name.starts_with("microsoft.authorization/") => return None,
        _ => Kind::Resources,
    })
}

/// Types that are no resources of the environment.
const IGNORED: &[(&str, &str)] = &[
    ("microsoft.advisor/recommendations", "advisor-recommendation"),
    ("microsoft.advisor/metadata", "advisor-recommendation"),
    ("microsoft.policyinsights/policystates", "policy-state"),
    ("microsoft.security/securescores", "secure-score"),
    ("microsoft.security/securescorecontrols", "secure-score"),
    ("microsoft.security/regulatorycompliancestandards", "regulatory-compliance"),
    ("microsoft.consumption/usagedetails", "consumption"),
];

fn score(record: &Record) -> u8 {
    let id = record.first_text(&["id", "ResourceId"]).unwrap_or_default();
    let container = subscription(record);
    match arm_type(record) {
        // Roles, policies and PIM are others' to read; what is left of that provider has no bearing.
        Some(name) if kind(&name).is_none() => 40,
        // Logs carry a resource id too; a time of theirs tells them apart.
        Some(_) if record.has("operationName") || record.has("TimeGenerated") || record.has("eventTimestamp") => 0,
        Some(name) if record.has("properties") && id.starts_with('/') => {
            if name.contains('/') {
                80
            } else {
                60
            }
        }
        Some(_) if id.starts_with('/') && (record.has("location") || record.has("tags") || record.has("kind")) => 70,
        Some(_) if id.starts_with('/') && record.has_all(&["name", "type"]) => 60,
        // `Get-AzSecurityPricing` and its like name no type.
        Some(name) if id.starts_with('/') && kind(&name).is_some_and(|k| k != Kind::Resources) => 60,
        _ if container => 75,
        _ => 0,
    }
}

/// `az account list` and `GET /subscriptions` name no type.
fn subscription(record: &Record) -> bool {
    let id = record.text("id").unwrap_or_default();
    record.has_all(&["subscriptionId", "displayName", "state"])
        || (record.has_all(&["id", "name", "state", "tenantId"]) && super::event::is_guid(&id))
}

fn read(record: &Record, out: &mut Out) -> Result<(), String> {
    let mut body = arm(record);
    if subscription(record) && arm_type(record).is_none_or(|t| t == "microsoft.resources/subscriptions") {
        let id = json::text(&body, "subscriptionId").or(json::text(&body, "id")).unwrap_or_default();
        let id = format!("/subscriptions/{}", id.rsplit('/').next().unwrap_or_default());
        let name = json::text(&body, "displayName").or(json::text(&body, "name")).unwrap_or_default().to_owned();
        if let Some(members) = body.as_object_mut() {
            members.insert("id".to_owned(), id.clone().into());
            members.insert("name".to_owned(), name.into());
            members.insert("type".to_owned(), "Microsoft.Resources/subscriptions".into());
        }
        out.document(Kind::Containers, &id, body);
        return Ok(());
    }
    let name = arm_type(record).ok_or("no resource type")?;
    if let Some((_, ignored)) = IGNORED.iter().find(|(t, _)| *t == name) {
        out.ignore(ignored);
        return Ok(());
    }
    let Some(kind) = kind(&name) else {
        out.ignore(&format!("azure-{}", name.rsplit('/').next().unwrap_or_default()));
        return Ok(());
    };
    if let Some(Value::String(_)) = json::get(&body, "properties") {
        return Err("`properties` is no object".to_owned());
    }
    arm_form::rest(&mut body, !matches!(kind, Kind::Resources | Kind::Containers));
    let key = key(record, &body, &["ResourceId", "name"]);
    if kind == Kind::Resources && !key.starts_with('/') {
        return Err("a resource without an id".to_owned());
    }
    if let Some(members) = body.as_object_mut() {
        members.entry("id").or_insert_with(|| json!(key));
        members.entry("type").or_insert_with(|| json!(name));
    }
    out.document(kind, &key, body);
    Ok(())
}
