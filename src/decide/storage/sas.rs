//! Fields of a shared access signature. All three kinds check the same fields; `ss` and `srt` count for an account SAS
//! only, and a service SAS may leave fields to a stored access policy, whose deletion ends it.
//!
//! Source: *Create an account SAS*, *Create a service SAS*, *Create a user delegation SAS*, *Define a stored access
//! policy* (Azure Storage REST reference).

use super::network::{address, in_range};
use super::resource::Resource;
use crate::model::request::StorageRequest;
use crate::model::{Fact, Timestamp, Truth, json};
use jiff::SignedDuration;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde_json::Value;

/// Where a container keeps its stored access policies (`Get Container ACL`).
pub(super) const STORED: &str = "container.signedIdentifiers";

/// The fields that count: the token's own, else its stored policy's.
pub(super) struct Sas<'a> {
    request: &'a StorageRequest,
    stored: Stored<'a>,
    /// The record kept fields of the token: what is not among them is not in it.
    recorded: bool,
}

enum Stored<'a> {
    /// The token names no policy.
    None,
    Policy(&'a Value),
    /// It names one that is not there (any more).
    Deleted,
    Unknown,
}

impl<'a> Sas<'a> {
    pub fn read(request: &'a StorageRequest, container: &'a Value, unknown: &Resource) -> Sas<'a> {
        let fields = &request.auth.fields;
        let recorded = ["sp", "se", "si"].iter().any(|key| fields.get(*key).is_some_and(|value| !value.is_null()));
        let stored = match fields.get("si").and_then(Value::as_str) {
            None => Stored::None,
            Some(_) if unknown.is_unknown(STORED) || unknown.is_unknown("container") => Stored::Unknown,
            Some(name) => match policies(container) {
                None => Stored::Unknown,
                Some(list) => {
                    let named = |policy: &&Value| json::text(policy, "id").is_some_and(|id| id == name);
                    list.iter().find(named).map_or(Stored::Deleted, Stored::Policy)
                }
            },
        };
        Sas { request, stored, recorded }
    }

    /// A field by its query name; `policy` is the stored policy's name for it.
    fn field(&self, name: &str, policy: &str) -> Fact<&'a str> {
        if let Some(text) = self.request.auth.fields.get(name).and_then(Value::as_str) {
            return Fact::Known(text);
        }
        match (&self.stored, self.recorded) {
            (_, false) => Fact::Unknown,
            (Stored::Unknown, true) if !policy.is_empty() => Fact::Unknown,
            (Stored::Policy(stored), true) if !policy.is_empty() => {
                let body = json::get(stored, "accessPolicy").unwrap_or(stored);
                [policy, name].iter().find_map(|key| json::text(body, key)).map_or(Fact::Absent, Fact::Known)
            }
            (Stored::None | Stored::Deleted | Stored::Unknown | Stored::Policy(_), true) => Fact::Absent,
        }
    }

    fn missing(&self, name: &str) -> Truth {
        match self.stored {
            Stored::Unknown => Truth::missing(STORED),
            Stored::None | Stored::Policy(_) | Stored::Deleted => Truth::missing(format!("request.auth.{name}")),
        }
    }

    /// Expired from `se` on. (A token whose stored policy is gone has no end of its own and is refused alike.)
    pub fn going(&self) -> Truth {
        if matches!(self.stored, Stored::Deleted) {
            return Truth::False;
        }
        let end = match self.field("se", "expiry") {
            Fact::Known(text) => time(text).map(|end| self.request.time < end),
            Fact::Absent | Fact::Unknown => None,
        };
        let end = end.map_or_else(|| self.missing("se"), Truth::from);
        // A user delegation key ends too, at most seven days after its start, and no signature outlives its key.
        let longest = SignedDuration::from_hours(7 * 24);
        let end = match self.request.auth.signed_key_start {
            Some(start) => end.and((self.request.time.duration_since(start) < longest).into()),
            None => end,
        };
        match self.field("ske", "") {
            Fact::Known(text) => {
                end.and(time(text).map_or_else(|| self.missing("ske"), |end| (self.request.time < end).into()))
            }
            Fact::Absent | Fact::Unknown => end,
        }
    }

    pub fn begun(&self) -> Truth {
        match self.field("st", "start") {
            Fact::Known(text) => {
                time(text).map_or_else(|| self.missing("st"), |start| (start <= self.request.time).into())
            }
            Fact::Absent => Truth::True,
            Fact::Unknown => self.missing("st"),
        }
    }

    pub fn permits(&self) -> Truth {
        let Some(needed) = self.request.needed_permission.as_deref() else {
            return Truth::missing("request.neededPermission");
        };
        match self.field("sp", "permission") {
            Fact::Known(held) => needed.chars().all(|letter| held.contains(letter)).into(),
            Fact::Absent | Fact::Unknown => self.missing("sp"),
        }
    }

    /// An address or a range; it narrows and never opens.
    pub fn reaches_from(&self) -> Truth {
        match self.field("sip", "") {
            Fact::Absent => Truth::True,
            Fact::Unknown => self.missing("sip"),
            Fact::Known(range) => match self.request.caller_ip.as_deref().and_then(address) {
                Some(ip) => in_range(ip, range).map_or_else(|| self.missing("sip"), Truth::from),
                None => Truth::missing("request.callerIp"),
            },
        }
    }

    /// Absent: both protocols (documented default).
    pub fn over(&self) -> Truth {
        match (self.field("spr", ""), self.request.protocol.as_deref()) {
            (Fact::Absent, _) => Truth::True,
            (Fact::Unknown, _) => self.missing("spr"),
            (Fact::Known(allowed), Some(used)) => {
                allowed.split(',').any(|one| one.trim().eq_ignore_ascii_case(used)).into()
            }
            (Fact::Known(allowed), None) if allowed.contains(',') => Truth::True,
            (Fact::Known(_), None) => Truth::missing("request.protocol"),
        }
    }

    /// `ss` of an account SAS.
    pub fn of_service(&self) -> Truth {
        let letter = match self.request.service.to_lowercase().as_str() {
            "blob" | "dfs" => 'b',
            "file" => 'f',
            "queue" => 'q',
            "table" => 't',
            _ => return Truth::missing("request.service"),
        };
        match self.field("ss", "") {
            Fact::Known(services) => services.contains(letter).into(),
            Fact::Absent | Fact::Unknown => Truth::missing("request.auth.ss"),
        }
    }

    /// `srt` of an account SAS.
    pub fn of_resource_type(&self) -> Truth {
        let Some(wanted) = self.request.resource_type.as_deref() else {
            return Truth::missing("request.resourceType");
        };
        match self.field("srt", "") {
            Fact::Known(types) => wanted.chars().all(|letter| types.contains(letter)).into(),
            Fact::Absent | Fact::Unknown => Truth::missing("request.auth.srt"),
        }
    }
}

fn policies(container: &Value) -> Option<&Vec<Value>> {
    ["signedIdentifiers", "storedAccessPolicies", "properties.signedIdentifiers"]
        .iter()
        .find_map(|key| json::path(container, key)?.as_array())
}

/// The ISO 8601 forms that a SAS takes: a date, minutes, seconds, fractions.
fn time(text: &str) -> Option<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    let bare = text.trim_end_matches(['Z', 'z']);
    let civil = bare
        .parse::<DateTime>()
        .ok()
        .or_else(|| Some(bare.parse::<Date>().ok()?.to_datetime(jiff::civil::Time::midnight())))?;
    TimeZone::UTC.to_timestamp(civil).ok()
}
