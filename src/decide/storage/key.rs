//! Account keys: whether the account takes what they sign, and whether this one still signs.
//!
//! Source: *Prevent authorization with Shared Key*, *Manage storage account access keys*; *Revoke a user delegation
//! SAS* (that a delegation key dies like an account key is our reading of it).

use super::resource::Resource;
use crate::model::request::StorageRequest;
use crate::model::{Fact, Timestamp, Truth, json};
use serde_json::Value;

pub(super) const SHARED_KEY: &str = "properties.allowSharedKeyAccess";

/// Absent or null counts as true (documented). It does not stop `listKeys`.
pub(super) fn permitted(account: &Resource) -> Truth {
    account.unless(SHARED_KEY, false, Truth::True)
}

/// Dead is `obtained < regenerated <= request`, with every SAS it signed; the other key lives.
pub(super) fn alive(account: &Resource, request: &StorageRequest) -> Truth {
    lives(account, request.auth.key_name.as_deref(), request.auth.key_obtained, request.time)
}

/// Whether a key obtained then still signs at another moment; without a name, whichever of the two it is.
pub fn key_lives(account: &Value, unknown: &[String], name: Option<&str>, got: Timestamp, at: Timestamp) -> Truth {
    lives(&Resource::new(account, unknown), name, Some(got), at)
}

fn lives(account: &Resource, name: Option<&str>, obtained: Option<Timestamp>, used: Timestamp) -> Truth {
    let dead = |name: &str| {
        let renewed = match regenerated(account, name, obtained.is_some()) {
            Fact::Absent => Truth::False,
            Fact::Unknown => Truth::missing(format!("keys.{name}.lastRegenerated")),
            Fact::Known(at) => died(obtained, at, used, "request.auth.keyObtained"),
        };
        renewed.or(one_of_them(account, name, obtained, used))
    };
    let dead = match name {
        Some(name) => dead(&name.to_lowercase()),
        // Which key is unknown: only where both live or both are dead is it no matter.
        None => match (dead("key1"), dead("key2")) {
            (Truth::True, Truth::True) => Truth::True,
            (Truth::False, Truth::False) => Truth::False,
            (first, second) => Truth::missing("request.auth.keyName").and(not_false(first)).and(not_false(second)),
        },
    };
    dead.not()
}

/// A key was made anew and no record says which.
fn one_of_them(account: &Resource, name: &str, obtained: Option<Timestamp>, used: Timestamp) -> Truth {
    let at = json::path(account.body, "keysRotatedAt").and_then(Value::as_str).and_then(|at| at.parse().ok());
    match at {
        Some(at) if died(obtained, at, used, "request.auth.keyObtained") != Truth::False => {
            Truth::missing(format!("keys.{name}.lastRegenerated"))
        }
        Some(_) | None => Truth::False,
    }
}

/// The facts of an unknown; a definite value adds none.
fn not_false(truth: Truth) -> Truth {
    match truth {
        Truth::Unknown(missing) => Truth::Unknown(missing),
        Truth::True | Truth::False => Truth::True,
    }
}

/// A user delegation key: its start stands for when it was obtained. None revoked in the period: alive.
pub(super) fn delegation_alive(request: &StorageRequest) -> Truth {
    match request.auth.keys_revoked_at {
        None => Truth::True,
        Some(revoked) => {
            died(request.auth.signed_key_start, revoked, request.time, "request.auth.signedKeyStart").not()
        }
    }
}

fn died(obtained: Option<Timestamp>, ended: Timestamp, used: Timestamp, fact: &str) -> Truth {
    if ended > used {
        return Truth::False;
    }
    obtained.map_or_else(|| Truth::missing(fact), |obtained| (obtained < ended).into())
}

/// When the key was last made anew, as far as the period goes: from the key list beside the account, else (where the
/// time of the theft is known to compare it with) from `keyCreationTime`.
fn regenerated(account: &Resource, name: &str, comparable: bool) -> Fact<Timestamp> {
    if account.is_unknown("keys") {
        return Fact::Unknown;
    }
    let of_list = json::path(account.body, &format!("keys.{name}.lastRegenerated"));
    let of_account = || account.get(&format!("properties.keyCreationTime.{name}"));
    let time = match of_list {
        Some(Value::Null) => Fact::Absent,
        Some(time) => Fact::Known(time),
        None if matches!(json::get(account.body, "keys"), Some(Value::Null)) => Fact::Unknown,
        None if comparable => of_account(),
        None => Fact::Absent,
    };
    match time {
        Fact::Known(time) => time.as_str().and_then(|time| time.parse().ok()).into(),
        Fact::Absent => Fact::Absent,
        Fact::Unknown => Fact::Unknown,
    }
}
