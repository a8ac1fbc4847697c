//! Detections of Entra ID Protection: tables `AADUserRiskEvents` and `AADServicePrincipalRiskEvents`, Graph
//! `riskDetection` and `servicePrincipalRiskDetection`, diagnostic records. They join sign-ins by correlation id.
//! Source: "riskDetection resource type".

use super::event::{address, arc, blank, country, object_id, parse_address, said, text_at};
use super::{Fields, Format, Out, Record, never_empty};
use crate::model::{Actor, ActorKind, AlertDetail, Detail, Fact};
use serde_json::Value;

pub const FORMAT: Format = Format {
    id: "risk-detection",
    log: true,
    reads: "risk detections of users and service principals (Graph, Log Analytics, diagnostic records)",
    score,
    read,
    empty: never_empty,
};

fn score(record: &Record) -> u8 {
    let category = record.text("category").unwrap_or_default();
    let table = record.text("Type").or(record.context.table.as_deref().map(Into::into)).unwrap_or_default();
    let named = ["UserRiskEvents", "ServicePrincipalRiskEvents", "AADUserRiskEvents", "AADServicePrincipalRiskEvents"];
    if named.iter().any(|n| n.eq_ignore_ascii_case(&category) || n.eq_ignore_ascii_case(&table)) {
        98
    } else if record.has("riskEventType") && record.has("riskLevel") {
        96
    } else {
        0
    }
}

fn read(record: &Record, out: &mut Out) -> Result<(), String> {
    let inner = record.sub("properties").filter(|p| p.has("riskEventType"));
    let fields: &Fields = inner.as_ref().unwrap_or(&record.fields);
    let text = |names: &[&str]| fields.first_text(names).or_else(|| record.first_text(names));
    let time = text(&["activityDateTime", "detectedDateTime", "TimeGenerated", "time"])
        .ok_or("no time: none of activityDateTime, detectedDateTime, TimeGenerated is filled")?;
    let time = record.time(&time)?;
    let title = said(text(&["riskEventType"])).ok_or("no riskEventType")?;
    let user = said(text(&["userPrincipalName"])).map(|u| arc(u.to_lowercase()));
    let user_id = object_id(text(&["userId"]));
    let principal = object_id(text(&["servicePrincipalId"]));
    let app_id = said(text(&["appId"]));
    let ip = text(&["ipAddress"]);
    let location = fields.value("location").unwrap_or(Value::Null);
    let mut names: Vec<_> = user.iter().cloned().collect();
    names.extend(user_id.iter().chain(&principal).map(|id| arc(id.as_str())));
    let detail = AlertDetail {
        product: arc("Microsoft Entra ID Protection"),
        title: title.clone(),
        severity: said(text(&["riskLevel"])).unwrap_or_else(|| arc("")),
        tactics: Vec::new(),
        techniques: Vec::new(),
        description: said(text(&["riskDetail"])).unwrap_or_else(|| arc("")),
        principals: names,
        addresses: ip.as_deref().and_then(parse_address).into_iter().collect(),
        resources: Vec::new(),
        alert_id: said(text(&["id"])),
    };
    let log = if principal.is_some() { "AADServicePrincipalRiskEvents" } else { "AADUserRiskEvents" };
    let mut event = blank(record, time, &title, log, Detail::Alert(Box::new(detail)));
    event.actor = match (&user, &principal) {
        (None, Some(id)) => {
            let name = said(text(&["servicePrincipalDisplayName"])).unwrap_or_else(|| arc(id.as_str()));
            Actor { kind: ActorKind::ServicePrincipal, id: Some(id.clone()), upn: None, app_id, name }
        }
        _ => {
            let name = user.clone().or_else(|| user_id.as_ref().map(|i| arc(i.as_str())));
            Actor { kind: ActorKind::User, id: user_id, upn: user, app_id: None, name: name.unwrap_or_else(|| arc("")) }
        }
    };
    event.source_ip = address(ip);
    event.country = country(text_at(&location, "countryOrRegion"));
    let additional = fields.value("additionalInfo");
    event.user_agent = Fact::from(additional.as_ref().and_then(agent));
    event.target = title;
    event.correlation_id = said(text(&["correlationId"]));
    event.record_id = said(text(&["id"]));
    out.event(event);
    Ok(())
}

/// `[{"Key":"userAgent","Value":"..."}]`
fn agent(additional: &Value) -> Option<std::sync::Arc<str>> {
    let entries = additional.as_array()?;
    let entry = entries.iter().find(|e| text_at(e, "key").is_some_and(|k| k.eq_ignore_ascii_case("userAgent")))?;
    said(text_at(entry, "value"))
}
