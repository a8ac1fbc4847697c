//! A reviewer's own timeline, from a spreadsheet: `time, actor, source_ip, country, action, target, outcome, count,
//! bytes, detail`; `time`, `actor` and `action` are required. What such a row does not say is unknown.

use super::event::{address, arc, blank, caller, country, said};
use super::{Format, Out, Record, facts, never_empty, operations};
use crate::model::{
    Actor, ActorKind, ArmDetail, AuditTarget, DataDetail, Detail, DirectoryDetail, Fact, Outcome, ResourceId,
    SignInCategory, SignInDetail,
};
use std::collections::BTreeMap;
use std::sync::Arc;

pub const FORMAT: Format = Format {
    id: "plain-timeline",
    log: true,
    reads: "a timeline of one's own (CSV or JSON: time, actor, source_ip, country, action, target, outcome, ...)",
    score: |record| {
        let known = ["source_ip", "country", "target", "outcome", "count", "bytes", "detail"];
        let extra = record.names().filter(|n| known.iter().any(|k| k.eq_ignore_ascii_case(n))).count();
        if record.has_all(&["time", "actor", "action"]) { 60 + extra as u8 } else { 0 }
    },
    read,
    empty: never_empty,
};

fn read(record: &Record, out: &mut Out) -> Result<(), String> {
    let time = record.time(&record.text("time").ok_or("no `time`")?)?;
    let name = said(record.text("actor")).ok_or("no `actor`")?;
    let action = said(record.text("action")).ok_or("no `action`")?;
    let target = said(record.text("target"));
    let detail = said(record.text("detail")).map(|d| {
        let mut value = serde_json::Value::String(d.to_string());
        super::mask::body(&mut value);
        arc(value.as_str().unwrap_or_default())
    });
    let mut event = kinds(record, time, &action, target.as_deref(), detail);
    event.actor = actor(&name);
    event.source_ip = address(record.text("source_ip"));
    event.country = country(record.text("country"));
    event.outcome = outcome(record.text("outcome").as_deref());
    event.count = number(record, "count")?.unwrap_or(1).max(1);
    event.bytes = number(record, "bytes")?.unwrap_or(0);
    out.event(event);
    Ok(())
}

fn actor(name: &str) -> Actor {
    let credential = ["account key", "key", "sas", "anonymous"].iter().any(|c| c.eq_ignore_ascii_case(name));
    if credential {
        return Actor { kind: ActorKind::Credential, id: None, upn: None, app_id: None, name: arc(name) };
    }
    caller(name)
}

fn kinds(
    record: &Record,
    time: crate::model::Timestamp,
    action: &str,
    target: Option<&str>,
    detail: Option<Arc<str>>,
) -> crate::model::Event {
    let shown = target.unwrap_or_default();
    if let Some(category) = sign_in(action) {
        let app = facts::application_id(shown);
        let inner = SignInDetail {
            category,
            app_id: Fact::Unknown,
            app_name: Fact::Unknown,
            resource_id: Fact::from(app.map(arc)),
            resource_name: Fact::from(target.map(arc)),
            audiences: Fact::Unknown,
            scopes: Fact::Unknown,
            client_app_type: Fact::Unknown,
            platform: Fact::Unknown,
            device: Fact::Unknown,
            sign_in_risk: Fact::Unknown,
            user_risk: Fact::Unknown,
            requirement: Fact::Unknown,
            mfa: Fact::Unknown,
            methods: Fact::Unknown,
            previously_satisfied: Fact::Unknown,
            incoming_token: Fact::Unknown,
            transfer_method: Fact::Unknown,
            original_transfer_method: Fact::Unknown,
            authentication_contexts: Fact::Unknown,
            user_type: Fact::Unknown,
            home_tenant: Fact::Unknown,
            resource_tenant: Fact::Unknown,
            applied_policies: Fact::Unknown,
            conditional_access_status: Fact::Unknown,
            error_code: Fact::Unknown,
            credential_key_id: Fact::Unknown,
            federated_credential_id: Fact::Unknown,
        };
        let word = match category {
            SignInCategory::ServicePrincipal => "SignIn.ServicePrincipal",
            SignInCategory::ManagedIdentity => "SignIn.ManagedIdentity",
            _ => "SignIn",
        };
        let mut event = blank(record, time, word, "SigninLogs", Detail::SignIn(Box::new(inner)));
        event.target = arc(shown);
        event.target_id = app.map(arc);
        return event;
    }
    if action.contains('/') {
        let id = operations::spelled_id(shown);
        let inner = ArmDetail {
            resource: ResourceId::new(&id),
            authorization: None,
            request_body: Fact::Unknown,
            response_body: Fact::Unknown,
            claims: Fact::Unknown,
            status: Fact::Unknown,
        };
        let action = operations::spelled(action, [None]);
        let mut event = blank(record, time, &action, "AzureActivity", Detail::Arm(Box::new(inner)));
        event.target = arc(&id);
        event.target_id = target.map(|_| arc(&id));
        return event;
    }
    if let Some((service, log)) = data(action) {
        let (account, resource, container) = place(shown, service);
        let key = record.text("actor").is_some_and(|a| a.eq_ignore_ascii_case("account key"));
        let inner = DataDetail {
            service: arc(service),
            account: arc(account),
            resource,
            container: container.clone(),
            object: None,
            authentication: if key { Fact::Known(arc("AccountKey")) } else { Fact::Unknown },
            hash: Fact::Unknown,
            authorization: Vec::new(),
            sas: BTreeMap::new(),
            protocol: Fact::Unknown,
            tls: Fact::Unknown,
            status: Fact::Unknown,
            status_text: Fact::Unknown,
        };
        let mut event = blank(record, time, action, log, Detail::Data(Box::new(inner)));
        event.target = container.unwrap_or_else(|| arc(shown));
        event.target_id = target.map(arc);
        return event;
    }
    let target_part = AuditTarget {
        kind: arc("Other"),
        id: None,
        name: target.map(arc),
        upn: target.filter(|t| t.contains('@')).map(arc),
        modified: BTreeMap::new(),
    };
    let inner = DirectoryDetail {
        category: None,
        service: None,
        targets: target.map(|_| target_part).into_iter().collect(),
        additional: detail.map(|d| ("detail".to_owned(), d.to_string())).into_iter().collect(),
    };
    let mut event = blank(record, time, action, "AuditLogs", Detail::Directory(Box::new(inner)));
    event.target = arc(shown);
    event
}

fn sign_in(action: &str) -> Option<SignInCategory> {
    let word: String = action.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_ascii_lowercase();
    Some(match word.as_str() {
        "signin" | "login" | "logon" | "interactivesignin" => SignInCategory::Interactive,
        "signinserviceprincipal" => SignInCategory::ServicePrincipal,
        "signinmanagedidentity" => SignInCategory::ManagedIdentity,
        _ => return None,
    })
}

/// Data operations by the verbs their services use.
fn data(action: &str) -> Option<(&'static str, &'static str)> {
    let ends = |words: &[&str]| words.iter().any(|w| action.contains(w));
    let vault = ["Secret", "Key", "Certificate", "Vault"].iter().any(|object| {
        action.strip_prefix(object).is_some_and(|verb| {
            ["Get", "List", "Set", "Delete", "Backup", "Restore", "Sign", "Decrypt", "Unwrap", "Recover", "Purge"]
                .iter()
                .any(|v| verb.starts_with(v))
        })
    });
    if vault {
        Some(("keyvault", "AZKVAuditLogs"))
    } else if ends(&["Blob", "Container", "PutBlock"]) {
        Some(("blob", "StorageBlobLogs"))
    } else if ends(&["File", "Share", "PutRange"]) {
        Some(("file", "StorageFileLogs"))
    } else if ends(&["Queue", "Message"]) {
        Some(("queue", "StorageQueueLogs"))
    } else if ends(&["Entity", "Entities", "Table"]) {
        Some(("table", "StorageTableLogs"))
    } else {
        None
    }
}

/// `account/container`, a container's resource id, or a bare name.
fn place(target: &str, service: &str) -> (String, Option<ResourceId>, Option<Arc<str>>) {
    if target.starts_with("/subscriptions/") {
        let id = ResourceId::new(&operations::spelled_id(target));
        let mut account = Some(id.clone());
        while let Some(at) = &account {
            let top = at.resource_type().is_some_and(|t| t.matches('/').count() == 1);
            if top {
                break;
            }
            account = at.parent();
        }
        let below = account.as_ref().is_some_and(|a| *a != id);
        let name = account.as_ref().map(|a| a.name().to_owned()).unwrap_or_default();
        return (name, account, below.then(|| arc(id.name())));
    }
    match target.split_once('/') {
        Some((account, container)) => (account.to_owned(), None, Some(arc(container))),
        None if service == "keyvault" => (target.to_owned(), None, None),
        None => (String::new(), None, Some(arc(target)).filter(|t| !t.is_empty())),
    }
}

fn outcome(text: Option<&str>) -> Outcome {
    let word = text.unwrap_or_default().trim();
    match word.to_ascii_lowercase().as_str() {
        "" | "unknown" => Outcome::Unknown,
        "success" | "succeeded" | "ok" | "0" | "allowed" | "200" | "201" => Outcome::Success,
        "failure" | "failed" | "denied" | "blocked" => Outcome::Failure(arc(word)),
        "interrupted" => Outcome::Interrupted(arc(word)),
        _ => Outcome::Failure(arc(word)),
    }
}

/// A whole number, with separators of thousands or, for bytes, an SI unit (`2.3 GB` is 2,300,000,000).
fn number(record: &Record, name: &str) -> Result<Option<u64>, String> {
    let Some(text) = record.text(name) else { return Ok(None) };
    let plain: String = text.chars().filter(|c| !matches!(c, ',' | '_' | ' ')).collect();
    let bad = || format!("`{name}` is `{text}`, which is no number");
    let split = plain.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(plain.len());
    let (digits, unit) = plain.split_at_checked(split).ok_or_else(bad)?;
    let factor = match unit.to_ascii_uppercase().as_str() {
        "" | "B" => 1.0,
        "KB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "TB" => 1e12,
        _ => return Err(bad()),
    };
    if factor == 1.0
        && let Ok(whole) = digits.parse::<u64>()
    {
        return Ok(Some(whole));
    }
    let value = digits.parse::<f64>().ok().filter(|v| v.is_finite() && *v >= 0.0).ok_or_else(bad)?;
    Ok(Some((value * factor).round() as u64))
}
