//! The Azure activity log in its four spellings: Log Analytics `AzureActivity` (today's and that before 2020), REST /
//! `az monitor activity-log list`, and diagnostic export (Event Hub, `PT1H.json`).
//!
//! The resource id and the operation are spelled as the provider spells them wherever the record, in any of its parts,
//! still tells (`authorization`, `properties.entity`): Log Analytics writes them in upper and in lower case.
//! Source: "Azure activity log event schema".

use super::claims::{authorization_of, bearer_id, claim};
use super::event::{address, arc, blank, caller, parse_address, said, text_at, time_of};
use super::record::{Cell, Fields, nested};
use super::{Format, Out, Record, Stage, mask, never_empty, operations};
use crate::model::{Actor, ActorKind, ArmDetail, Detail, Fact, Outcome, ResourceId, json};
use serde_json::Value;
use std::borrow::Cow;
use std::sync::Arc;

pub const FORMAT: Format = Format {
    id: "azure-activity",
    log: true,
    reads: "Azure activity log (AzureActivity table, REST, az, diagnostic export, legacy table)",
    score,
    read,
    empty: never_empty,
};

/// Categories of the activity log that tell of the platform's health and not of anybody's doing.
const HEALTH: &[&str] = &["ServiceHealth", "ResourceHealth", "Autoscale", "Recommendation", "Alert"];
const CATEGORIES: &[&str] = &["Administrative", "Write", "Delete", "Action", "Policy", "Security"];

fn score(record: &Record) -> u8 {
    if record.has("OperationNameValue") && record.has("ActivityStatusValue") {
        return 98;
    }
    if record.has_all(&["OperationName", "ActivityStatus"]) && (record.has("Caller") || record.has("SubscriptionId")) {
        return 97;
    }
    let object = matches!(record.get("operationName"), Some(Cell::Json(json)) if json.starts_with('{'));
    if object && (record.has("eventTimestamp") || record.has("authorization") || record.has("properties")) {
        return 96;
    }
    if portal(record) {
        return 96;
    }
    if evt(record) {
        return 92;
    }
    let category = record.first_text(&["category", "CategoryValue"]).unwrap_or_default();
    let of_log = CATEGORIES.iter().chain(HEALTH).any(|c| c.eq_ignore_ascii_case(&category));
    if of_log && record.text("operationName").is_some_and(|o| o.contains('/')) {
        if record.has("resourceId") || record.has("time") { 95 } else { 91 }
    } else if category.is_empty()
        && record.text("operationName").is_some_and(|o| o.contains('/'))
        && record.text("resourceId").is_some_and(|id| id.starts_with('/'))
    {
        90
    } else {
        0
    }
}

/// A form that log shippers make of the diagnostic export: `evt: { category, name, outcome }`.
fn evt(record: &Record) -> bool {
    record.has("resourceId") && record.sub("evt").is_some_and(|e| e.has_all(&["category", "name", "outcome"]))
}

fn read(record: &Record, out: &mut Out) -> Result<(), String> {
    let shipped = record.sub("evt");
    let category = record.first_text(&["CategoryValue", "Category"]).map(|c| {
        // REST: `{ "value": "Administrative" }`
        if c.starts_with('{') { record.sub("category").and_then(|s| s.text("value")).unwrap_or(c) } else { c }
    });
    if category.as_deref().is_some_and(|c| HEALTH.iter().any(|h| h.eq_ignore_ascii_case(c))) {
        out.ignore("activity-log-health");
        return Ok(());
    }
    let time = time_of(record, &["eventTimestamp", "time", "TimeGenerated", "EventSubmissionTimestamp", "timestamp"])?;
    let properties = record.object("Properties");
    let properties = inside(properties.as_deref());
    let identity = record.sub("identity").unwrap_or_default();
    let authorized = record.object("Authorization").or_else(|| identity.object("authorization"));
    let authorization = authorization_of(&inside(authorized.as_deref()));
    let claims = record.value("Claims").or_else(|| identity.value("claims"));
    let claims = claims.map(content).filter(Value::is_object);
    let action = action(record, shipped.as_ref(), authorization.as_ref(), &properties)
        .ok_or("no operation: none of OperationNameValue, operationName, authorization.action is filled")?;
    let resource = resource(record, authorization.as_ref(), &properties, out);
    let (stage, outcome) = outcome(record, shipped.as_ref(), &properties);
    let bodied = |names: [&str; 2]| {
        Fact::from(names.iter().find_map(|n| properties.value(n)).map(|mut body| {
            mask::body(&mut body);
            body
        }))
    };
    let detail = ArmDetail {
        resource: ResourceId::new(&resource),
        authorization: authorization.clone(),
        request_body: bodied(["requestbody", "request"]),
        response_body: bodied(["responseBody", "response"]),
        status: Fact::from(status(record, &properties)),
        claims: Fact::from(claims.clone()),
    };
    let mut event = blank(record, time, &action, "AzureActivity", Detail::Arm(Box::new(detail)));
    event.actor = actor(record, claims.as_ref(), authorization.as_ref());
    event.source_ip = address(record.text("CallerIpAddress"));
    if event.source_ip.is_unknown() {
        let http = record.object("HTTPRequest");
        let caller = inside(http.as_deref()).text("clientIpAddress").map(Cow::into_owned);
        let caller = caller.or_else(|| claims.as_ref().and_then(|c| claim(c, "ipaddr").map(str::to_owned)));
        event.source_ip = Fact::from(caller.as_deref().and_then(parse_address));
    }
    event.target = resource.clone();
    event.target_id = Some(resource);
    event.outcome = outcome;
    event.correlation_id = said(record.first_text(&["CorrelationId", "Correlation id"]));
    event.record_id = said(record.text("EventDataId"));
    if let Some(claims) = &claims {
        event.token_id = said(claim(claims, "uti"));
        event.session_id = said(claim(claims, "sid"));
    }
    out.part(stage, event);
    Ok(())
}

/// The fields of a nested object, those of a PowerShell dictionary's `Content`.
fn inside(text: Option<&str>) -> Fields<'_> {
    let fields = nested(text);
    if fields.len() == 1 { fields.sub("Content").unwrap_or(fields) } else { fields }
}

/// PowerShell puts dictionaries under `Content`.
fn content(value: Value) -> Value {
    match json::get(&value, "Content") {
        Some(inner) if inner.is_object() && value.as_object().is_some_and(|o| o.len() == 1) => inner.clone(),
        _ => value,
    }
}

/// The CSV that the portal's activity log downloads: display names of operations, nothing of the request.
fn portal(record: &Record) -> bool {
    record.has_all(&["Operation name", "Event initiated by", "Correlation id"])
}

fn action(
    record: &Record,
    shipped: Option<&Fields>,
    authorization: Option<&crate::model::Authorization>,
    properties: &Fields,
) -> Option<String> {
    let named = match record.get("operationName") {
        Some(Cell::Json(json)) if json.starts_with('{') => record.sub("operationName").and_then(|o| o.text("value")),
        _ => record.first_text(&["OperationNameValue", "operationName", "Operation name"]),
    };
    let named = named.or_else(|| shipped.and_then(|e| e.text("name")));
    let authorized = authorization.and_then(|a| a.action.as_deref());
    let message = properties.text("message").filter(|m| m.contains('/') && !m.contains(' '));
    let message = message.as_deref();
    match named.as_deref() {
        Some(name) if name.contains('/') && !name.contains(' ') => {
            Some(operations::spelled(name, [authorized, message]))
        }
        // The legacy table shows the operation's display name.
        name => authorized.or(message).map(|o| operations::spelled(o, [message])).or(name.map(str::to_owned)),
    }
}

/// The resource acted on, in the best spelling the record has.
fn resource(
    record: &Record,
    authorization: Option<&crate::model::Authorization>,
    properties: &Fields,
    out: &mut Out,
) -> Arc<str> {
    let entity = properties.text("entity");
    let entity = entity.as_deref();
    let scope = authorization.and_then(|a| a.scope.as_deref());
    let id = record.first_text(&["ResourceId", "_ResourceId"]);
    let id = id.or_else(|| portal(record).then(|| record.text("Resource")).flatten());
    let id = id.as_deref().or(entity).or(scope).unwrap_or_default().trim_end_matches('/');
    let same = |other: &&str| other.trim_end_matches('/').eq_ignore_ascii_case(id);
    // The entity of a child resource is more exact than the resource the row is filed under.
    let deeper = entity.filter(|e| {
        e.as_bytes().get(id.len()) == Some(&b'/')
            && e.get(..id.len()).is_some_and(|start| start.eq_ignore_ascii_case(id))
    });
    let best = deeper.or(scope.filter(same)).or(entity.filter(same));
    out.spelled_id(best.unwrap_or(id))
}

fn outcome(record: &Record, shipped: Option<&Fields>, properties: &Fields) -> (Stage, Outcome) {
    let word = match record.get("status") {
        Some(Cell::Json(json)) if json.starts_with('{') => record.sub("status").and_then(|s| s.text("value")),
        _ => record.first_text(&["ActivityStatusValue", "ActivityStatus", "resultType", "status"]),
    };
    let word = word.or_else(|| shipped.and_then(|e| e.text("outcome"))).unwrap_or_default().to_ascii_lowercase();
    match word.as_str() {
        "start" | "started" | "inprogress" | "in progress" | "running" => (Stage::Started, Outcome::Unknown),
        "accept" | "accepted" => (Stage::Accepted, Outcome::Unknown),
        "success" | "succeeded" | "completed" => (Stage::Final, Outcome::Success),
        "failure" | "failed" | "canceled" | "cancelled" => {
            let code = error_code(properties).or_else(|| said(properties.text("statusCode")));
            (Stage::Final, Outcome::Failure(code.unwrap_or_else(|| arc("Failed"))))
        }
        _ => (Stage::Final, Outcome::Unknown),
    }
}

/// The provider's code in `properties.statusMessage`.
fn error_code(properties: &Fields) -> Option<Arc<str>> {
    let message = properties.value("statusMessage")?;
    ["error.code", "Error.Code", "code"].iter().find_map(|path| said(text_at(&message, path)))
}

/// `OK (HTTP Status Code: 200)`, `Succeeded.OK`, `Created`, `200`.
fn status(record: &Record, properties: &Fields) -> Option<u16> {
    let sub = match record.get("subStatus") {
        Some(Cell::Json(json)) if json.starts_with('{') => record.sub("subStatus").and_then(|s| s.text("value")),
        _ => record.first_text(&["ActivitySubstatusValue", "ActivitySubstatus", "subStatus", "resultSignature"]),
    };
    let code = properties.text("statusCode");
    [sub.as_deref(), code.as_deref()].into_iter().flatten().find_map(http_status)
}

fn http_status(text: &str) -> Option<u16> {
    let word = text.rsplit(['.', ' ', ':']).find(|w| !w.is_empty()).unwrap_or(text).trim_end_matches(')');
    let word = if word.bytes().all(|b| b.is_ascii_digit()) { word } else { text.rsplit('.').next().unwrap_or(text) };
    if let Ok(number) = word.trim().parse() {
        return (100..600).contains(&number).then_some(number);
    }
    Some(match word.split(' ').next().unwrap_or(word) {
        "OK" => 200,
        "Created" => 201,
        "Accepted" => 202,
        "NoContent" => 204,
        "BadRequest" => 400,
        "Unauthorized" => 401,
        "Forbidden" => 403,
        "NotFound" => 404,
        "Conflict" => 409,
        "TooManyRequests" => 429,
        "InternalServerError" => 500,
        _ => return None,
    })
}

/// The caller column, completed by the token's claims: they tell an application or a managed identity from a user.
fn actor(record: &Record, claims: Option<&Value>, authorization: Option<&crate::model::Authorization>) -> Actor {
    let column = said(record.first_text(&["Caller", "Event initiated by"]));
    let upn = claims.and_then(|c| claim(c, "upn").or(claim(c, "unique_name"))).filter(|u| u.contains('@'));
    let mut actor = match (column.as_deref(), upn) {
        (Some(text), _) => caller(text),
        (None, Some(upn)) => caller(upn),
        (None, None) => claims.and_then(|c| claim(c, "name")).map_or_else(super::event::unknown_actor, caller),
    };
    if let Some(claims) = claims {
        actor.id = actor.id.or_else(|| bearer_id(claims));
        actor.app_id = said(claim(claims, "appid").or(claim(claims, "azp")));
        if actor.upn.is_none()
            && let Some(upn) = upn
        {
            actor = Actor {
                kind: ActorKind::User,
                upn: Some(arc(upn.to_lowercase())),
                name: arc(upn.to_lowercase()),
                ..actor
            };
        }
        if claim(claims, "xms_mirid").is_some() {
            actor.kind = ActorKind::ManagedIdentity;
        } else if actor.upn.is_none() && actor.app_id.is_some() {
            actor.kind = ActorKind::ServicePrincipal;
        }
    }
    actor.id = actor.id.or_else(|| authorization.and_then(|a| a.principal_id.clone()).filter(|_| actor.upn.is_some()));
    if actor.kind == ActorKind::User {
        // The application a user came with is no identity of theirs.
        actor.app_id = None;
    }
    if actor.name.is_empty()
        && let Some(id) = &actor.id
    {
        actor.name = arc(id.as_str());
    }
    actor
}
