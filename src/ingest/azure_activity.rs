//! The Azure activity log in its four spellings: Log Analytics `AzureActivity` (today's and that before 2020), REST /
//! `az monitor activity-log list`, and diagnostic export (Event Hub, `PT1H.json`).
//!
//! The resource id and the operation are spelled as the provider spells them wherever the record, in any of its parts,
//! still tells (`authorization`, `properties.entity`): Log Analytics writes them in upper and in lower case.
//! Source: "Azure activity log event schema".

use super::claims::{authorization, bearer_id, claim, inner};
use super::event::{address, arc, blank, caller, parse_address, said, text_at, time_of};
use super::record::Cell;
use super::{Format, Out, Record, Stage, mask, never_empty, operations};
use crate::model::{Actor, ActorKind, ArmDetail, Detail, Fact, Outcome, ResourceId, json};
use serde_json::Value;

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
    let properties = record.value("Properties").unwrap_or(Value::Null);
    let identity = record.value("identity").unwrap_or(Value::Null);
    let authorized = record.value("Authorization").or_else(|| json::get(&identity, "authorization").cloned());
    let authorization = authorized.as_ref().and_then(authorization);
    let claims = record.value("Claims").or_else(|| json::get(&identity, "claims").cloned()).filter(Value::is_object);
    let action = action(record, shipped.as_ref(), authorization.as_ref(), &properties)
        .ok_or("no operation: none of OperationNameValue, operationName, authorization.action is filled")?;
    let resource = resource(record, authorization.as_ref(), &properties);
    let (stage, outcome) = outcome(record, shipped.as_ref(), &properties);
    let http = record.value("HTTPRequest").unwrap_or(Value::Null);
    let bodied = |names: [&str; 2]| {
        Fact::from(names.iter().find_map(|n| inner(&properties, n)).map(|mut body| {
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
        let other = text_at(&http, "clientIpAddress").or(claims.as_ref().and_then(|c| claim(c, "ipaddr")));
        event.source_ip = Fact::from(other.and_then(parse_address));
    }
    event.target = arc(&resource);
    event.target_id = Some(arc(&resource));
    event.outcome = outcome;
    event.correlation_id = said(record.text("CorrelationId"));
    event.record_id = said(record.text("EventDataId"));
    if let Some(claims) = &claims {
        event.token_id = said(claim(claims, "uti"));
        event.session_id = said(claim(claims, "sid"));
    }
    out.part(stage, event);
    Ok(())
}

fn action(
    record: &Record,
    shipped: Option<&super::Fields>,
    authorization: Option<&crate::model::Authorization>,
    properties: &Value,
) -> Option<String> {
    let named = match record.get("operationName") {
        Some(Cell::Json(json)) if json.starts_with('{') => record.sub("operationName").and_then(|o| o.text("value")),
        _ => record.text("OperationNameValue").or_else(|| record.text("operationName")),
    };
    let named = named.or_else(|| shipped.and_then(|e| e.text("name")));
    let authorized = authorization.and_then(|a| a.action.as_deref());
    let message = text_at(properties, "message").filter(|m| m.contains('/') && !m.contains(' '));
    match named.as_deref() {
        Some(name) if name.contains('/') && !name.contains(' ') => {
            Some(operations::spelled(name, [authorized, message]))
        }
        // The legacy table shows the operation's display name.
        name => authorized.or(message).map(|o| operations::spelled(o, [message])).or(name.map(str::to_owned)),
    }
}

/// The resource acted on, in the best spelling the record has.
fn resource(record: &Record, authorization: Option<&crate::model::Authorization>, properties: &Value) -> String {
    let entity = text_at(properties, "entity");
    let scope = authorization.and_then(|a| a.scope.as_deref());
    let id = record.text("ResourceId").or_else(|| record.text("_ResourceId"));
    let id = id.as_deref().or(entity).or(scope).unwrap_or_default().trim_end_matches('/').to_owned();
    let folded = id.to_lowercase();
    let same = |other: &&str| other.trim_end_matches('/').to_lowercase() == folded;
    // The entity of a child resource is more exact than the resource the row is filed under.
    let deeper = entity.filter(|e| {
        let e = e.to_lowercase();
        e.len() > folded.len() && e.starts_with(&folded) && e.as_bytes().get(folded.len()) == Some(&b'/')
    });
    let best = deeper.or(scope.filter(same)).or(entity.filter(same));
    operations::spelled_id(best.unwrap_or(&id))
}

fn outcome(record: &Record, shipped: Option<&super::Fields>, properties: &Value) -> (Stage, Outcome) {
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
            let code = error_code(properties).or_else(|| said(text_at(properties, "statusCode")));
            (Stage::Final, Outcome::Failure(code.unwrap_or_else(|| arc("Failed"))))
        }
        _ => (Stage::Final, Outcome::Unknown),
    }
}

/// The provider's code in `properties.statusMessage`.
fn error_code(properties: &Value) -> Option<std::sync::Arc<str>> {
    let message = inner(properties, "statusMessage")?;
    ["error.code", "Error.Code", "code"].iter().find_map(|path| said(text_at(&message, path)))
}

/// `OK (HTTP Status Code: 200)`, `Succeeded.OK`, `Created`, `200`.
fn status(record: &Record, properties: &Value) -> Option<u16> {
    let sub = match record.get("subStatus") {
        Some(Cell::Json(json)) if json.starts_with('{') => record.sub("subStatus").and_then(|s| s.text("value")),
        _ => record.first_text(&["ActivitySubstatusValue", "ActivitySubstatus", "subStatus", "resultSignature"]),
    };
    [sub.as_deref(), text_at(properties, "statusCode")].into_iter().flatten().find_map(http_status)
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
    let column = said(record.text("Caller"));
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
