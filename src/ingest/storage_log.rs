//! Storage resource logs: tables `StorageBlobLogs`, `StorageFileLogs`, `StorageQueueLogs`, `StorageTableLogs`, and the
//! diagnostic form. Source: "Azure Blob Storage monitoring data reference", "StorageBlobLogs".
//!
//! A row that counts (`RequestCount`) keeps its count and bytes. Signatures in URIs are masked.

use super::claims::authorization;
use super::event::{address, arc, blank, object_id, said, text_at, time_of};
use super::{Format, Out, Record, mask, never_empty};
use crate::model::{Actor, ActorKind, DataDetail, Detail, Fact, Outcome, ResourceId, json};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

pub const FORMAT: Format = Format {
    id: "storage-log",
    log: true,
    reads: "storage data-plane logs (StorageBlobLogs and its sisters, diagnostic records)",
    score,
    read,
    empty: never_empty,
};

fn score(record: &Record) -> u8 {
    if record.text("Type").or(record.context.table.as_deref().map(Into::into)).is_some_and(|t| service_of(&t).is_some())
    {
        return 97;
    }
    if record.has("OperationName")
        && record.has("AccountName")
        && (record.has("AuthenticationType") || record.has("ObjectKey"))
    {
        return 96;
    }
    let category = record.text("category").unwrap_or_default();
    if ["StorageRead", "StorageWrite", "StorageDelete"].iter().any(|c| c.eq_ignore_ascii_case(&category)) {
        return 97;
    }
    let storage =
        record.text("resourceId").is_some_and(|id| id.to_lowercase().contains("/microsoft.storage/storageaccounts/"));
    let data = record.text("operationName").is_some_and(|o| !o.contains('/'));
    if storage && category.is_empty() && data { 92 } else { 0 }
}

fn service_of(table: &str) -> Option<&'static str> {
    Some(match table.to_ascii_lowercase().as_str() {
        "storagebloblogs" => "blob",
        "storagefilelogs" => "file",
        "storagequeuelogs" => "queue",
        "storagetablelogs" => "table",
        _ => return None,
    })
}

fn read(record: &Record, out: &mut Out) -> Result<(), String> {
    let properties = record.sub("properties").unwrap_or_default();
    let identity = record.value("identity").unwrap_or(Value::Null);
    let text = |names: &[&str]| record.first_text(names).or_else(|| properties.first_text(names));
    let time = time_of(record, &["TimeGenerated", "time"])?;
    let action = text(&["OperationName"]).ok_or("no OperationName")?;
    let action = operation(&action);
    let uri = text(&["Uri"]).map(|u| mask::url(&u)).unwrap_or_default();
    let resource = text(&["_ResourceId", "resourceId"]);
    let service = text(&["ServiceType"])
        .or_else(|| record.text("Type").and_then(|t| service_of(&t)).map(Into::into))
        .or_else(|| service_in(&uri).map(Into::into))
        .or_else(|| resource.as_deref().and_then(service_in_id).map(Into::into))
        .unwrap_or("blob".into())
        .to_ascii_lowercase();
    let account = text(&["AccountName"])
        .or_else(|| resource.as_deref().and_then(account_in).map(|a| a.to_owned().into()))
        .or_else(|| host(&uri).and_then(|h| h.split('.').next()).map(|a| a.to_owned().into()))
        .ok_or("no account: none of AccountName, Uri, resource id tells it")?;
    let key = text(&["ObjectKey"]);
    let (container, object) = place(&account, key.as_deref(), &uri);
    let kind = text(&["AuthenticationType"]).or_else(|| text_at(&identity, "type").map(|t| t.to_owned().into()));
    let hash = text(&["AuthenticationHash"]).or_else(|| text_at(&identity, "tokenHash").map(|t| t.to_owned().into()));
    let granted = record
        .value("AuthorizationDetails")
        .or_else(|| properties.value("AuthorizationDetails"))
        .or_else(|| json::get(&identity, "authorization").cloned());
    let authorizations: Vec<_> = granted
        .as_ref()
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|a| {
            let mut found = authorization(a)?;
            let principal = json::get(a, "principals").and_then(Value::as_array).and_then(|p| p.first());
            if let Some(principal) = principal {
                found.principal_id = found.principal_id.or(object_id(text_at(principal, "id")));
                found.principal_type = found.principal_type.or(text_at(principal, "type").map(arc));
            }
            Some(found)
        })
        .collect();
    let status = text(&["StatusCode"]).and_then(|s| s.trim().parse::<u16>().ok());
    let status_text = said(text(&["StatusText", "metricResponseType"]));
    let kind = kind.map(|k| authentication(&k));
    let detail = DataDetail {
        service: arc(&service),
        account: arc(account.to_lowercase()),
        resource: resource.as_deref().and_then(account_id).map(|id| ResourceId::new(&out.spelled_id(id))),
        container: container.as_deref().map(arc),
        object: object.as_deref().map(arc),
        authentication: Fact::from(kind.clone()),
        hash: Fact::from(said(hash)),
        authorization: authorizations,
        sas: sas(&uri),
        protocol: Fact::from(said(text(&["Protocol"]))),
        tls: Fact::from(
            said(text(&["TlsVersion"])).map(|t| arc(t.replace([' ', '.'], "").replace("TLS1", "TLS1_").to_uppercase())),
        ),
        status: Fact::from(status),
        status_text: Fact::from(status_text.clone()),
    };
    let mut event = blank(record, time, &action, log(&service), Detail::Data(Box::new(detail)));
    event.actor = actor(record, &identity, kind.as_deref());
    event.source_ip = address(text(&["CallerIpAddress"]));
    event.user_agent = Fact::from(said(text(&["UserAgentHeader"])));
    event.target = arc(container.as_deref().unwrap_or(&account));
    event.target_id = resource.map(|id| out.spelled_id(&id));
    event.outcome = outcome(status, status_text.as_deref());
    let number = |names: &[&str]| text(names).and_then(|n| n.trim().parse::<f64>().ok()).filter(|n| *n >= 0.0);
    event.bytes = number(&["ResponseBodySize", "ResponseBodyBytes"]).map_or(0, |n| n as u64);
    event.count = number(&["RequestCount", "count_"]).map_or(1, |n| (n as u64).max(1));
    event.end = text(&["EndTime", "LastSeen"]).and_then(|t| record.time(&t).ok());
    event.correlation_id = said(record.text("CorrelationId"));
    if event.count == 1 {
        event.record_id = event.correlation_id.clone();
    }
    out.event(event);
    Ok(())
}

/// Operations as the storage services name them; some exports fold the case.
fn operation(name: &str) -> String {
    const KNOWN: &[&str] = &[
        "GetBlob",
        "PutBlob",
        "DeleteBlob",
        "ListBlobs",
        "ListContainers",
        "GetBlobProperties",
        "GetContainerProperties",
        "CreateContainer",
        "DeleteContainer",
        "SetContainerACL",
        "GetContainerACL",
        "PutBlock",
        "PutBlockList",
        "CopyBlob",
        "UndeleteBlob",
        "SnapshotBlob",
        "SetBlobProperties",
        "SetBlobMetadata",
        "SetBlobTier",
        "GetUserDelegationKey",
        "GetBlobServiceProperties",
        "SetBlobServiceProperties",
        "GetFile",
        "PutRange",
        "ListFilesAndDirectories",
        "ListShares",
        "CreateFile",
        "DeleteFile",
        "GetMessages",
        "PutMessage",
        "PeekMessages",
        "ListQueues",
        "QueryEntities",
        "QueryEntity",
        "InsertEntity",
        "QueryTables",
    ];
    KNOWN.iter().find(|k| k.eq_ignore_ascii_case(name.trim())).map_or(name.trim(), |k| k).to_owned()
}

fn authentication(kind: &str) -> Arc<str> {
    const KNOWN: &[&str] = &["AccountKey", "SAS", "OAuth", "Anonymous", "TrustedAccess", "Kerberos"];
    arc(KNOWN.iter().find(|k| k.eq_ignore_ascii_case(kind.trim())).map_or(kind.trim(), |k| k))
}

fn log(service: &str) -> &'static str {
    match service {
        "file" => "StorageFileLogs",
        "queue" => "StorageQueueLogs",
        "table" => "StorageTableLogs",
        _ => "StorageBlobLogs",
    }
}

fn host(uri: &str) -> Option<&str> {
    let rest = uri.split_once("://").map(|(_, rest)| rest)?;
    rest.split(['/', '?', ':']).next()
}

fn service_in(uri: &str) -> Option<&'static str> {
    let service = host(uri)?.split('.').nth(1)?.to_ascii_lowercase();
    Some(match service.as_str() {
        "blob" | "dfs" => "blob",
        "file" => "file",
        "queue" => "queue",
        "table" => "table",
        _ => return None,
    })
}

fn service_in_id(id: &str) -> Option<&'static str> {
    let folded = id.to_lowercase();
    [("/blobservices/", "blob"), ("/fileservices/", "file"), ("/queueservices/", "queue"), ("/tableservices/", "table")]
        .iter()
        .find_map(|(part, service)| folded.contains(part).then_some(*service))
}

fn account_in(id: &str) -> Option<&str> {
    let at = id.to_lowercase().find("/storageaccounts/")? + "/storageaccounts/".len();
    id.get(at..)?.split('/').next().filter(|a| !a.is_empty())
}

/// The account's id, without the service below it.
fn account_id(id: &str) -> Option<&str> {
    let name = account_in(id)?;
    let at = id.to_lowercase().find("/storageaccounts/")? + "/storageaccounts/".len() + name.len();
    id.get(..at)
}

/// Container and object: from `ObjectKey` (`/account/container/blob`) or the URI's path.
fn place(account: &str, key: Option<&str>, uri: &str) -> (Option<String>, Option<String>) {
    let path = match key {
        Some(key) => {
            let key = key.trim().trim_matches('"').trim_start_matches('/');
            match key.split_once('/') {
                Some((first, rest)) if first.eq_ignore_ascii_case(account) => rest.to_owned(),
                None if key.eq_ignore_ascii_case(account) => String::new(),
                _ => key.to_owned(),
            }
        }
        None => {
            let rest = uri.split_once("://").map_or("", |(_, rest)| rest);
            let path = rest.split('?').next().unwrap_or_default();
            path.split_once('/').map_or("", |(_, path)| path).to_owned()
        }
    };
    let (container, object) = path.split_once('/').unwrap_or((&path, ""));
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    (some(container), some(object))
}

/// The fields of a SAS in the URI, its signature masked.
fn sas(uri: &str) -> BTreeMap<String, String> {
    const FIELDS: &[&str] = &[
        "sv", "ss", "srt", "sp", "st", "se", "sip", "spr", "sr", "si", "sig", "skoid", "sktid", "skt", "ske", "sks",
        "sdd",
    ];
    let Some((_, query)) = uri.split_once('?') else { return BTreeMap::new() };
    let pairs: BTreeMap<String, String> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .filter(|(name, _)| FIELDS.contains(name))
        .map(|(name, value)| (name.to_owned(), unescape(value)))
        .collect();
    if pairs.contains_key("sig") || pairs.contains_key("sp") { pairs } else { BTreeMap::new() }
}

/// `%2F` and its like.
fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while let Some(&b) = bytes.get(i) {
        let hex = bytes
            .get(i + 1..i + 3)
            .and_then(|h| std::str::from_utf8(h).ok())
            .and_then(|h| u8::from_str_radix(h, 16).ok());
        match (b, hex) {
            (b'%', Some(value)) => {
                out.push(value);
                i += 3;
            }
            _ => {
                out.push(b);
                i += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn actor(record: &Record, identity: &Value, kind: Option<&str>) -> Actor {
    let requester = json::get(identity, "requester").cloned().unwrap_or(Value::Null);
    let id = object_id(record.text("RequesterObjectId").as_deref().or(text_at(&requester, "objectId")));
    let upn = said(record.text("RequesterUpn").as_deref().or(text_at(&requester, "upn")));
    let app = said(record.text("RequesterAppId").as_deref().or(text_at(&requester, "appId")));
    let upn = upn.map(|u| arc(u.to_lowercase()));
    let name = match (kind, &upn, &id) {
        (_, Some(upn), _) => upn.clone(),
        (_, None, Some(id)) => arc(id.as_str()),
        (Some("AccountKey"), ..) => arc("account key"),
        (Some("SAS"), ..) => arc("SAS"),
        (Some("Anonymous"), ..) => arc("anonymous"),
        (Some(other), ..) => arc(other),
        (None, ..) => arc(""),
    };
    let kind = match (kind, &upn, &id) {
        (_, Some(_), _) => ActorKind::User,
        (_, None, Some(_)) if app.is_some() => ActorKind::ServicePrincipal,
        (Some("AccountKey" | "SAS" | "Anonymous"), None, None) => ActorKind::Credential,
        _ => ActorKind::Unknown,
    };
    let app_id = if kind == ActorKind::User { None } else { app };
    Actor { kind, id, upn, app_id, name }
}

fn outcome(status: Option<u16>, text: Option<&str>) -> Outcome {
    let word = text.unwrap_or_default();
    let good = ["Success", "SASSuccess", "AnonymousSuccess"].iter().any(|w| w.eq_ignore_ascii_case(word));
    match status {
        Some(status) if status < 400 => Outcome::Success,
        Some(status) => Outcome::Failure(if word.is_empty() { arc(status.to_string()) } else { arc(word) }),
        None if good => Outcome::Success,
        None if word.is_empty() => Outcome::Unknown,
        None => Outcome::Failure(arc(word)),
    }
}
