//! What every log reader needs to fill an [`Event`].

use super::record::Record;
use crate::model::{Actor, ActorKind, Detail, Event, Fact, ObjectId, Outcome, Timestamp};
use serde_json::Value;
use std::net::IpAddr;
use std::sync::Arc;

/// An event of which only time, action and log are known.
pub fn blank(record: &Record<'_>, time: Timestamp, action: &str, log: &'static str, detail: Detail) -> Event {
    Event {
        time,
        end: None,
        action: action.into(),
        actor: unknown_actor(),
        source_ip: Fact::Unknown,
        country: Fact::Unknown,
        user_agent: Fact::Unknown,
        target: "".into(),
        target_id: None,
        outcome: Outcome::Unknown,
        count: 1,
        bytes: 0,
        session_id: None,
        correlation_id: None,
        token_id: None,
        record_id: None,
        log,
        detail,
        evidence: crate::model::Evidence::new(record.file.clone(), record.number, ""),
    }
}

pub fn unknown_actor() -> Actor {
    Actor { kind: ActorKind::Unknown, id: None, upn: None, app_id: None, name: "".into() }
}

/// The first of these columns that holds a time.
pub fn time_of(record: &Record<'_>, names: &[&str]) -> Result<Timestamp, String> {
    // `p_event_time` is what one log shipper keeps of a time it parsed.
    match record.first_text(names).or_else(|| record.text("p_event_time")) {
        Some(text) => record.time(&text),
        None => Err(format!("no time: none of {} is filled", names.join(", "))),
    }
}

pub fn arc(text: impl AsRef<str>) -> Arc<str> {
    Arc::from(text.as_ref())
}

/// Text that says something: not empty, and none of the words that stand for nothing.
pub fn said(text: Option<impl AsRef<str>>) -> Option<Arc<str>> {
    let text = text?;
    let text = text.as_ref().trim();
    let nothing = text.is_empty()
        || text == "-"
        || ["null", "None", "N/A", "<Redacted>", "00000000-0000-0000-0000-000000000000"]
            .iter()
            .any(|word| word.eq_ignore_ascii_case(text));
    (!nothing).then(|| Arc::from(text))
}

/// An address with or without a port; storage logs write `5.5.5.5:28915` and `[2001:db8::1]:443`.
pub fn address(text: Option<impl AsRef<str>>) -> Fact<IpAddr> {
    let Some(text) = text else { return Fact::Unknown };
    Fact::from(parse_address(text.as_ref()))
}

pub fn parse_address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(rest, |(ip, _)| ip),
        None if text.matches(':').count() == 1 => text.split_once(':').map_or(text, |(ip, _)| ip),
        None => text,
    };
    let bare = bare.split_once('%').map_or(bare, |(ip, _)| ip);
    match bare.parse::<IpAddr>().ok()? {
        IpAddr::V6(v6) => Some(v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4)),
        v4 => Some(v4),
    }
}

/// A two-letter country; anything else (a region such as `westeurope`, a city) is no country.
pub fn country(text: Option<impl AsRef<str>>) -> Fact<String> {
    let code = text.map(|t| t.as_ref().trim().to_ascii_uppercase());
    Fact::from(code.filter(|c| c.len() == 2 && c.bytes().all(|b| b.is_ascii_alphabetic())))
}

pub fn is_guid(text: &str) -> bool {
    let text = text.trim();
    text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

/// An object id, if the text is one.
pub fn object_id(text: Option<impl AsRef<str>>) -> Option<ObjectId> {
    said(text).map(|t| ObjectId::new(&t))
}

/// A caller as activity logs name them: a UPN, or the object id of what is no user.
pub fn caller(text: &str) -> Actor {
    let text = text.trim();
    if is_guid(text) {
        let id = ObjectId::new(text);
        let name = arc(id.as_str());
        Actor { kind: ActorKind::ServicePrincipal, id: Some(id), upn: None, app_id: None, name }
    } else if text.contains('@') {
        let upn = arc(text.to_lowercase());
        Actor { kind: ActorKind::User, id: None, name: upn.clone(), upn: Some(upn), app_id: None }
    } else {
        Actor { kind: ActorKind::Unknown, id: None, upn: None, app_id: None, name: arc(text) }
    }
}

pub fn text_at<'v>(value: &'v Value, path: &str) -> Option<&'v str> {
    crate::model::json::text(value, path).filter(|t| !t.trim().is_empty())
}
