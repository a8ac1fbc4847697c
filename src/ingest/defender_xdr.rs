//! Defender XDR hunting tables as far as they name identities, devices and processes: context steps, no gate is asked.
//! Source: "Advanced hunting schema".

use super::event::{address, arc, blank, country, object_id, said};
use super::{Format, Out, Record, never_empty};
use crate::model::{Actor, ActorKind, Detail, Fact, Outcome};
use std::collections::BTreeMap;

pub const FORMAT: Format = Format {
    id: "defender-xdr",
    log: true,
    reads: "Defender XDR tables: Device*, Identity*, CloudAppEvents, sign-in events, as context",
    score,
    read,
    empty: never_empty,
};

/// A sign-in as hunting shows it, of a user and of a service principal.
const SIGN_IN: &[&str] = &["ErrorCode", "Application", "AccountObjectId", "RequestId"];
const SPN_SIGN_IN: &[&str] = &["ErrorCode", "Application", "ServicePrincipalId", "RequestId"];

/// Tables by what marks their rows, most telling first.
const TABLES: &[(&str, &[&str])] = &[
    ("EntraIdSignInEvents", SIGN_IN),
    ("AADSignInEventsBeta", SIGN_IN),
    ("EntraIdSpnSignInEvents", SPN_SIGN_IN),
    ("AADSpnSignInEventsBeta", SPN_SIGN_IN),
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
    if (timed && record.has("ActionType") && whose) || (record.has("Timestamp") && sign_in(record)) { 90 } else { 0 }
}

fn sign_in(record: &Record) -> bool {
    record.has_all(SIGN_IN) || record.has_all(SPN_SIGN_IN)
}

fn read(record: &Record, out: &mut Out) -> Result<(), String> {
    let time = record
        .first_text(&["Timestamp", "TimeGenerated"])
        .ok_or("no time: neither Timestamp nor TimeGenerated is filled")?;
    let time = record.time(&time)?;
    let sign_in = sign_in(record);
    let named = said(record.first_text(&["ActionType", "ActivityType", "LogonType"])).filter(|_| !sign_in);
    let action = named.or_else(|| sign_in.then(|| arc("SignIn"))).ok_or("no ActionType")?;
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
    let device = said(record.first_text(&["DeviceName", "TargetDeviceName"])).filter(|_| !sign_in);
    let object = said(record.first_text(&["ObjectName", "Application", "FileName"]));
    let upn = said(record.first_text(&["AccountUpn", "InitiatingProcessAccountUpn"])).map(|u| arc(u.to_lowercase()));
    let id = object_id(record.first_text(&["AccountObjectId", "InitiatingProcessAccountObjectId"]));
    let principal = object_id(record.text("ServicePrincipalId")).filter(|_| upn.is_none() && id.is_none());
    let name = upn
        .clone()
        .or_else(|| said(record.first_text(&["AccountDisplayName", "AccountName", "InitiatingProcessAccountName"])));
    let mut event = blank(record, time, &action, log, Detail::Context(context));
    if upn.is_some() || id.is_some() || name.is_some() {
        let shown = name.or_else(|| id.as_ref().map(|i| arc(i.as_str()))).unwrap_or_else(|| arc(""));
        event.actor = Actor { kind: ActorKind::User, id, upn, app_id: None, name: shown };
    }
    if let Some(id) = principal {
        let name = said(record.text("ServicePrincipalName")).unwrap_or_else(|| arc(id.as_str()));
        let app_id = said(record.text("ApplicationId"));
        event.actor = Actor { kind: ActorKind::ServicePrincipal, id: Some(id), upn: None, app_id, name };
    }
    event.source_ip = address(record.first_text(&["IPAddress", "PublicIP", "RemoteIP"]));
    event.country = country(record.first_text(&["CountryCode", "Country"]));
    event.user_agent = Fact::from(said(record.text("UserAgent")));
    event.target = device.or(object).unwrap_or_else(|| arc(""));
    event.outcome = match record.text("ErrorCode").filter(|_| sign_in) {
        Some(code) if code.trim() == "0" => Outcome::Success,
        Some(code) => Outcome::Failure(arc(code.trim())),
        None if action.ends_with("Failed") => Outcome::Failure(action.clone()),
        None => Outcome::Unknown,
    };
    event.session_id = said(record.text("SessionId"));
    event.correlation_id = said(record.text("CorrelationId")).filter(|_| sign_in);
    event.record_id = said(record.text("RequestId")).filter(|_| sign_in).or_else(|| {
        let id = said(record.text("ReportId"))?;
        let device = record.text("DeviceId").unwrap_or_default();
        Some(arc(format!("{device}/{id}/{}", event.time)))
    });
    out.event(event);
    Ok(())
}
