//! Defender XDR hunting tables as far as they name identities, devices and processes: context steps, no gate is asked.

use super::event::{address, arc, blank, country, object_id, said};
use super::{Format, Out, Record, never_empty};
use crate::model::{Actor, ActorKind, Detail, Fact, Outcome};
use std::collections::BTreeMap;

pub const FORMAT: Format = Format {
    id: "defender-xdr",
    log: true,
    reads: "Defender XDR tables: Device*, Identity*, CloudAppEvents, as context",
    score,
    read,
    empty: never_empty,
};

/// Tables by what marks their rows, most telling first.
const TABLES: &[(&str, &[&str])] = &[
    ("CloudAppEvents", &["ActivityType", "Application", "AccountObjectId", "IsAnonymousProxy"]),
    ("IdentityLogonEvents", &["LogonType", "Application", "AccountUpn"]),
    ("IdentityDirectoryEvents", &["TargetAccountUpn", "Application"]),
    ("IdentityQueryEvents", &["QueryType", "QueryTarget"]),
    ("DeviceProcessEvents", &["ProcessCommandLine", "ProcessTokenElevation"]),
    ("DeviceNetworkEvents", &["RemoteUrl", "RemoteIPType"]),
    ("DeviceLogonEvents", &["LogonType", "IsLocalAdmin"]),
    ("DeviceRegistryEvents", &["RegistryKey", "PreviousRegistryKey"]),
    ("DeviceFileEvents", &["FileName", "RequestProtocol"]),
    ("DeviceEvents", &["DeviceId", "ActionType"]),
    ("AADSignInEventsBeta", &["ErrorCode", "ResourceDisplayName", "SessionId"]),
];

/// Columns worth keeping.
const KEPT: &[&str] = &[
    "DeviceName",
    "DeviceId",
    "AccountName",
    "AccountDomain",
    "AccountUpn",
    "AccountObjectId",
    "FileName",
    "FolderPath",
    "ProcessCommandLine",
    "InitiatingProcessFileName",
    "InitiatingProcessCommandLine",
    "InitiatingProcessAccountUpn",
    "InitiatingProcessAccountName",
    "RemoteIP",
    "RemoteUrl",
    "RemotePort",
    "LocalIP",
    "SHA256",
    "Application",
    "LogonType",
    "TargetAccountUpn",
    "TargetDeviceName",
    "ObjectName",
    "ObjectType",
    "RegistryKey",
    "Protocol",
];

fn score(record: &Record) -> u8 {
    let table = record.text("Type").or(record.context.table.as_deref().map(Into::into)).unwrap_or_default();
    if TABLES.iter().any(|(name, _)| name.eq_ignore_ascii_case(&table)) {
        return 96;
    }
    let timed = record.has("Timestamp") || record.has("TimeGenerated");
    let whose = record.has("DeviceName") || record.has("AccountUpn") || record.has("AccountObjectId");
    if timed && record.has("ActionType") && whose { 90 } else { 0 }
}

fn read(record: &Record, out: &mut Out) -> Result<(), String> {
    let time = record
        .first_text(&["Timestamp", "TimeGenerated"])
        .ok_or("no time: neither Timestamp nor TimeGenerated is filled")?;
    let time = record.time(&time)?;
    let action = said(record.first_text(&["ActionType", "ActivityType", "LogonType"])).ok_or("no ActionType")?;
    let table = record.text("Type").or(record.context.table.as_deref().map(Into::into)).unwrap_or_default();
    let log = TABLES
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(&table))
        .or_else(|| TABLES.iter().find(|(_, marks)| marks.iter().all(|m| record.text(m).is_some())))
        .map_or("DeviceEvents", |(name, _)| *name);
    let mut context = BTreeMap::new();
    for name in KEPT {
        if let Some(value) = record.text(name) {
            let mut value = serde_json::Value::String(value.into_owned());
            super::mask::body(&mut value);
            context.insert((*name).to_owned(), value.as_str().unwrap_or_default().to_owned());
        }
    }
    let device = said(record.first_text(&["DeviceName", "TargetDeviceName"]));
    let object = said(record.first_text(&["ObjectName", "Application", "FileName"]));
    let upn = said(record.first_text(&["AccountUpn", "InitiatingProcessAccountUpn"])).map(|u| arc(u.to_lowercase()));
    let id = object_id(record.first_text(&["AccountObjectId", "InitiatingProcessAccountObjectId"]));
    let name = upn
        .clone()
        .or_else(|| said(record.first_text(&["AccountDisplayName", "AccountName", "InitiatingProcessAccountName"])));
    let mut event = blank(record, time, &action, log, Detail::Context(context));
    if upn.is_some() || id.is_some() || name.is_some() {
        let shown = name.or_else(|| id.as_ref().map(|i| arc(i.as_str()))).unwrap_or_else(|| arc(""));
        event.actor = Actor { kind: ActorKind::User, id, upn, app_id: None, name: shown };
    }
    event.source_ip = address(record.first_text(&["IPAddress", "PublicIP", "RemoteIP"]));
    event.country = country(record.first_text(&["CountryCode", "Country"]));
    event.user_agent = Fact::from(said(record.text("UserAgent")));
    event.target = device.or(object).unwrap_or_else(|| arc(""));
    event.outcome = if action.ends_with("Failed") { Outcome::Failure(action.clone()) } else { Outcome::Unknown };
    event.session_id = said(record.text("SessionId"));
    event.record_id = said(record.text("ReportId")).map(|id| {
        let device = record.text("DeviceId").unwrap_or_default();
        arc(format!("{device}/{id}/{}", event.time))
    });
    out.event(event);
    Ok(())
}
