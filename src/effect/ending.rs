//! What a directory operation ends for a user: the sessions begun before it, and a password known from before.
//!
//! Source: *Revoke user access in Microsoft Entra ID*, *Configurable token lifetimes in the Microsoft identity
//! platform* (revocation of refresh tokens by a password change; access tokens live on until they expire).

use crate::model::{Detail, Event, ObjectId, Timestamp};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    pub principal: ObjectId,
    pub at: Timestamp,
    /// The password known until then is another from now on, or opens nothing.
    pub password: bool,
}

/// Audit log name, and whether the password ends with the sessions.
const ROWS: &[(&str, bool)] = &[
    ("Update StsRefreshTokenValidFrom Timestamp", false),
    ("Revoke user sign-in sessions", false),
    ("Reset user password", true),
    ("Reset password (by admin)", true),
    ("Reset password (self-service)", true),
    ("Change user password", true),
    ("Change password (self-service)", true),
    ("Disable account", true),
    ("Delete user", true),
];

/// What the event ends, were it to succeed.
pub fn endings(event: &Event) -> Vec<Ending> {
    let Detail::Directory(detail) = &event.detail else { return Vec::new() };
    let operation = event.action.trim();
    let Some((_, password)) = ROWS.iter().find(|(name, _)| name.eq_ignore_ascii_case(operation)) else {
        return Vec::new();
    };
    let users = detail.targets.iter().filter(|target| target.kind.eq_ignore_ascii_case("user"));
    users
        .filter_map(|target| target.id.as_deref())
        .map(|id| Ending { principal: ObjectId::new(id), at: event.time, password: *password })
        .collect()
}
