//! Entra audit log: `AuditLogs`, Graph `directoryAudit`, diagnostic records, the portal's CSV.
//! Source: "directoryAudit resource type", "AuditLogs".

use super::event::{address, arc, blank, object_id, said, text_at};
use super::{Fields, Format, Out, Record, never_empty};
use crate::ingest::document::is_graph;
use crate::model::{Actor, ActorKind, AuditTarget, Detail, DirectoryDetail, Fact, Outcome, json};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

pub const FORMAT: Format = Format {
    id: "entra-audit",
    log: true,
    reads: "Entra audit log (AuditLogs table, Graph directoryAudits, diagnostic records, portal CSV)",
    score,
    read,
    empty: never_empty,
};

fn score(record: &Record) -> u8 {
    let table = record.text("Type").or(record.context.table.as_deref().map(Into::into));
    if table.is_some_and(|t| t.eq_ignore_ascii_case("AuditLogs")) || record.is("category", "AuditLogs") {
        return 98;
    }
    if is_graph(record, &["directoryaudit", "auditlogs/directoryaudits"]) || portal(record) {
        return 97;
    }
    if directory_log(record)
        && record.sub("properties").is_some_and(|p| p.has("initiatedBy") || p.has("targetResources"))
    {
        return 96;
    }
    let named = record.has("activityDisplayName") || record.has("AADOperationType");
    if named && record.has("targetResources") && (record.has("initiatedBy") || record.has("loggedByService")) {
        95
    } else {
        0
    }
}

/// A diagnostic record of the directory, whatever its category.
fn directory_log(record: &Record) -> bool {
    record.text("resourceId").is_some_and(|id| id.to_lowercase().ends_with("/providers/microsoft.aadiam"))
}

fn portal(record: &Record) -> bool {
    record.has_all(&["Date (UTC)", "Activity", "ActorType"])
        || record.has_all(&["Date (UTC)", "Activity", "Target1Type"])
}

fn read(record: &Record, out: &mut Out) -> Result<(), String> {
    let inner = record.sub("properties").filter(|p| p.has("targetResources") || p.has("initiatedBy"));
    let fields: &Fields = inner.as_ref().unwrap_or(&record.fields);
    let text = |names: &[&str]| fields.first_text(names).or_else(|| record.first_text(names));
    let time = text(&["activityDateTime", "TimeGenerated", "time", "Date (UTC)", "p_event_time"])
        .ok_or("no time: none of activityDateTime, TimeGenerated, time is filled")?;
    let time = record.time(&time)?;
    let action = said(text(&["activityDisplayName", "OperationName", "Activity"])).ok_or("no operation name")?;
    let by = fields.value("initiatedBy").unwrap_or(Value::Null);
    let (targets, additional) = match portal(record) {
        true => portal_parts(record),
        false => (
            fields.value("targetResources").map(|t| targets(&t)).unwrap_or_default(),
            fields.value("additionalDetails").map(|a| pairs(&a)).unwrap_or_default(),
        ),
    };
    let address_text = text_at(&by, "user.ipAddress")
        .map(str::to_owned)
        .or_else(|| text(&["IPAddress", "callerIpAddress"]).map(|t| t.into_owned()))
        .or_else(|| additional.iter().find(|(k, _)| k.eq_ignore_ascii_case("ipaddr")).map(|(_, v)| v.clone()));
    let agent = additional.iter().find(|(k, _)| k.eq_ignore_ascii_case("User-Agent")).map(|(_, v)| arc(v));
    let agent = agent.or_else(|| said(text(&["userAgent", "UserAgent"])));
    let reason = said(text(&["resultReason"]));
    let outcome = match text(&["Result"]).map(|r| r.trim().to_ascii_lowercase()).as_deref() {
        Some("success") => Outcome::Success,
        Some("") | None => Outcome::Unknown,
        Some(result) => Outcome::Failure(reason.unwrap_or_else(|| arc(result))),
    };
    let first = targets.first();
    let shown = first.and_then(|t| t.upn.clone().or(t.name.clone()).or(t.id.clone())).unwrap_or_else(|| arc(""));
    let id = first.and_then(|t| t.id.clone());
    let detail = DirectoryDetail {
        category: said(fields.text("category").or_else(|| record.text("Category"))),
        service: said(text(&["loggedByService", "Service"])),
        targets,
        additional,
    };
    let mut event = blank(record, time, &action, "AuditLogs", Detail::Directory(Box::new(detail)));
    event.actor = actor(record, &by);
    event.source_ip = address(address_text);
    event.user_agent = Fact::from(agent);
    event.target = shown;
    event.target_id = id;
    event.outcome = outcome;
    event.correlation_id = said(text(&["correlationId"]));
    event.record_id = said(text(&["id"]));
    out.event(event);
    Ok(())
}

fn actor(record: &Record, by: &Value) -> Actor {
    let user = json::get(by, "user").filter(|u| u.is_object());
    let app = json::get(by, "app").filter(|a| a.is_object());
    let user = user.filter(|u| text_at(u, "id").or(text_at(u, "userPrincipalName")).is_some());
    if let Some(user) = user {
        let id = object_id(text_at(user, "id"));
        let upn = said(text_at(user, "userPrincipalName")).map(|u| arc(u.to_lowercase())).filter(|u| u.contains('@'));
        let name = upn.clone().or_else(|| said(text_at(user, "displayName"))).or(id.as_ref().map(|i| arc(i.as_str())));
        return Actor { kind: ActorKind::User, id, upn, app_id: None, name: name.unwrap_or_else(|| arc("")) };
    }
    if let Some(app) = app {
        let id = object_id(text_at(app, "servicePrincipalId"));
        let app_id = said(text_at(app, "appId"));
        let name = said(text_at(app, "displayName")).or(app_id.clone()).or(id.as_ref().map(|i| arc(i.as_str())));
        return Actor {
            kind: ActorKind::ServicePrincipal,
            id,
            upn: None,
            app_id,
            name: name.unwrap_or_else(|| arc("")),
        };
    }
    let upn =
        said(record.first_text(&["ActorUserPrincipalName", "InitiatingUserOrApp"])).map(|u| arc(u.to_lowercase()));
    let upn = upn.filter(|u| u.contains('@'));
    let id = object_id(record.text("ActorObjectId"));
    let shown = upn.clone().or_else(|| said(record.first_text(&["ActorDisplayName", "Identity"])));
    let kind = match (&upn, record.text("ActorType").as_deref()) {
        (Some(_), _) => ActorKind::User,
        (None, Some(kind)) if kind.eq_ignore_ascii_case("user") => ActorKind::User,
        (None, Some(_)) => ActorKind::ServicePrincipal,
        (None, None) => ActorKind::Unknown,
    };
    Actor { kind, id, upn, app_id: None, name: shown.unwrap_or_else(|| arc("")) }
}

fn targets(list: &Value) -> Vec<AuditTarget> {
    list.as_array()
        .into_iter()
        .flatten()
        .map(|target| {
            let properties = json::get(target, "modifiedProperties").and_then(Value::as_array);
            let modified: BTreeMap<String, (Value, Value)> = properties
                .into_iter()
                .flatten()
                .filter_map(|p| {
                    let name = text_at(p, "displayName")?.to_owned();
                    Some((name, (decoded(json::get(p, "oldValue")), decoded(json::get(p, "newValue")))))
                })
                .collect();
            AuditTarget {
                kind: arc(text_at(target, "type").unwrap_or("Other")),
                id: said(text_at(target, "id")),
                name: said(text_at(target, "displayName")),
                upn: said(text_at(target, "userPrincipalName")).map(|u| arc(u.to_lowercase())),
                modified,
            }
        })
        .collect()
}

/// JSON inside strings inside strings, as far as it goes. Secrets in it are masked.
fn decoded(value: Option<&Value>) -> Value {
    let mut value = value.cloned().unwrap_or(Value::Null);
    for _ in 0..4 {
        let Value::String(text) = &value else { break };
        let trimmed = text.trim();
        if !trimmed.starts_with(['"', '{', '[']) {
            break;
        }
        match serde_json::from_str(trimmed) {
            Ok(inner) => value = inner,
            Err(_) => break,
        }
    }
    if let Value::Array(elements) = &mut value {
        for element in elements.iter_mut() {
            if let Value::String(text) = element
                && text.trim_start().starts_with('{')
                && let Ok(inner) = serde_json::from_str(text)
            {
                *element = inner;
            }
        }
    }
    super::mask::body(&mut value);
    value
}

fn pairs(list: &Value) -> BTreeMap<String, String> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(|pair| {
            let value = match json::get(pair, "value")? {
                Value::String(text) => text.clone(),
                Value::Null => return None,
                other => other.to_string(),
            };
            Some((text_at(pair, "key")?.to_owned(), value))
        })
        .collect()
}

/// The portal's CSV numbers its targets and their properties from 1.
fn portal_parts(record: &Record) -> (Vec<AuditTarget>, BTreeMap<String, String>) {
    let text = |name: String| said(record.text(&name));
    let mut targets = Vec::new();
    for i in 1..=10 {
        let part = |name: &str| text(format!("Target{i}{name}"));
        let (Some(kind), id, name) = (part("Type"), part("ObjectId"), part("DisplayName")) else { break };
        let mut modified = BTreeMap::new();
        for j in 1..=20 {
            let Some(name) = part(&format!("ModifiedProperty{j}Name")) else { break };
            let value = |which: &str| -> Value {
                let text = part(&format!("ModifiedProperty{j}{which}"));
                decoded(text.map(|t: Arc<str>| Value::String(t.to_string())).as_ref())
            };
            modified.insert(name.to_string(), (value("OldValue"), value("NewValue")));
        }
        let upn = part("UserPrincipalName").map(|u| arc(u.to_lowercase()));
        targets.push(AuditTarget { kind, id, name, upn, modified });
    }
    let additional = (1..=10)
        .map_while(|i| {
            text(format!("AdditionalDetail{i}Key")).map(|key| (key, text(format!("AdditionalDetail{i}Value"))))
        })
        .filter_map(|(key, value)| Some((key.to_string(), value?.to_string())))
        .collect();
    (targets, additional)
}
