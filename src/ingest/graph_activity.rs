//! Calls to Microsoft Graph: `MicrosoftGraphActivityLogs`, table and diagnostic form, and hunting's
//! `GraphApiAuditEvents`. Context: no gate is asked, but a
//! call names its sign-in (`SignInActivityId` is the token's `uti`).

use super::event::{address, arc, blank, object_id, said};
use super::{Fields, Format, Out, Record, mask, never_empty};
use crate::model::{Actor, ActorKind, Detail, Fact, Outcome};
use std::collections::BTreeMap;

pub const FORMAT: Format = Format {
    id: "graph-activity",
    log: true,
    reads: "Microsoft Graph activity (MicrosoftGraphActivityLogs, diagnostic records, GraphApiAuditEvents)",
    score,
    read,
    empty: never_empty,
};

fn score(record: &Record) -> u8 {
    let table = record.text("Type").or(record.context.table.as_deref().map(Into::into)).unwrap_or_default();
    if table.eq_ignore_ascii_case("MicrosoftGraphActivityLogs") || record.is("category", "MicrosoftGraphActivityLogs") {
        98
    } else if record.has_all(&["RequestUri", "RequestMethod", "ResponseStatusCode"]) {
        96
    } else {
        0
    }
}

fn read(record: &Record, out: &mut Out) -> Result<(), String> {
    let inner = record.sub("properties").filter(|p| p.has("requestUri"));
    let fields: &Fields = inner.as_ref().unwrap_or(&record.fields);
    let text = |names: &[&str]| fields.first_text(names).or_else(|| record.first_text(names));
    let time = text(&["timeGenerated", "TimeGenerated", "time", "Timestamp"])
        .ok_or("no time: none of TimeGenerated, time, Timestamp is filled")?;
    let time = record.time(&time)?;
    let uri = mask::url(&text(&["requestUri"]).ok_or("no RequestUri")?);
    let method = text(&["requestMethod"]).unwrap_or_default().to_ascii_uppercase();
    let path = path(&uri);
    let mut context = BTreeMap::new();
    context.insert("uri".to_owned(), uri);
    for name in ["scopes", "roles", "wids", "clientAuthMethod", "apiVersion", "tokenIssuedAt", "identityProvider"] {
        if let Some(value) = text(&[name]) {
            context.insert(name.to_owned(), value.into_owned());
        }
    }
    let app_id = said(text(&["appId", "ApplicationId"]));
    if let Some(app) = &app_id {
        context.insert("appId".to_owned(), app.to_string());
    }
    // Hunting has one column for both, and another that tells which it is.
    let account = object_id(text(&["AccountObjectId"]));
    let by_app = text(&["EntityType"]).is_some_and(|kind| !kind.eq_ignore_ascii_case("user"));
    let user = object_id(text(&["userId"])).or_else(|| account.clone().filter(|_| !by_app));
    let principal = object_id(text(&["servicePrincipalId"])).or(account.filter(|_| by_app));
    let mut event =
        blank(record, time, &format!("{method} {path}"), "MicrosoftGraphActivityLogs", Detail::Context(context));
    event.actor = match (user, principal) {
        (Some(id), _) => Actor { kind: ActorKind::User, name: arc(id.as_str()), id: Some(id), upn: None, app_id: None },
        (None, Some(id)) => {
            Actor { kind: ActorKind::ServicePrincipal, name: arc(id.as_str()), id: Some(id), upn: None, app_id }
        }
        (None, None) => super::event::unknown_actor(),
    };
    event.source_ip = address(text(&["ipAddress", "callerIpAddress"]));
    event.user_agent = Fact::from(said(text(&["userAgent"])));
    event.target = arc("Microsoft Graph");
    event.target_id = Some(arc("00000003-0000-0000-c000-000000000000"));
    event.outcome = match text(&["responseStatusCode", "resultSignature"]).and_then(|s| s.trim().parse::<u16>().ok()) {
        Some(status) if status < 400 => Outcome::Success,
        Some(status) => Outcome::Failure(arc(status.to_string())),
        None => Outcome::Unknown,
    };
    event.bytes = text(&["responseSizeBytes"]).and_then(|b| b.trim().parse().ok()).unwrap_or(0);
    event.token_id = said(text(&["signInActivityId", "UniqueTokenIdentifier"]));
    event.session_id = said(text(&["sessionId"]));
    event.correlation_id = said(text(&["clientRequestId", "correlationId"]));
    event.record_id = said(text(&["requestId"]));
    out.event(event);
    Ok(())
}

/// The path below the API version, ids replaced: `/users/{id}/messages`.
fn path(uri: &str) -> String {
    let rest = uri.split_once("://").map_or(uri, |(_, rest)| rest);
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let mut parts: Vec<String> = rest.split('/').skip(1).filter(|p| !p.is_empty()).map(str::to_owned).collect();
    if parts.first().is_some_and(|p| p == "v1.0" || p == "beta") {
        parts.remove(0);
    }
    for part in &mut parts {
        if super::event::is_guid(part) || part.contains('@') {
            *part = "{id}".to_owned();
        }
    }
    format!("/{}", parts.join("/"))
}
