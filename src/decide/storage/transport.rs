//! Transport: https where secure transfer is required, and no TLS older than the account's minimum.
//!
//! Source: *Require secure transfer to ensure secure connections*, *Enforce a minimum required version of Transport
//! Layer Security (TLS) for requests to a storage account*.

use super::resource::Resource;
use crate::model::request::StorageRequest;
use crate::model::{Fact, Truth};

pub(super) const SECURE_TRANSFER: &str = "properties.supportsHttpsTrafficOnly";
pub(super) const MINIMUM_TLS: &str = "properties.minimumTlsVersion";

/// Absent: the default depends on the API version that made the account, so http is unknown.
pub(super) fn secure_transfer(account: &Resource, request: &StorageRequest) -> Truth {
    let http_allowed = account.unless(SECURE_TRANSFER, true, Truth::missing(SECURE_TRANSFER));
    let https = match request.protocol.as_deref().map(str::to_lowercase).as_deref() {
        Some("https") => Truth::True,
        Some("http") => Truth::False,
        Some(_) | None => Truth::missing("request.protocol"),
    };
    https.or(http_allowed)
}

/// Absent: the documented interpretation is TLS 1.0.
pub(super) fn tls(account: &Resource, request: &StorageRequest) -> Truth {
    let minimum = match account.word(MINIMUM_TLS) {
        Fact::Known(word) => match version(&word) {
            Some(minimum) => minimum,
            None => return Truth::missing(MINIMUM_TLS),
        },
        Fact::Absent => OLDEST,
        Fact::Unknown => return Truth::missing(MINIMUM_TLS),
    };
    let plain = request.protocol.as_deref().is_some_and(|protocol| protocol.eq_ignore_ascii_case("http"));
    if minimum == OLDEST || plain {
        return Truth::True;
    }
    match request.tls_version.as_deref().and_then(version) {
        Some(used) => (used >= minimum).into(),
        None => Truth::missing("request.tlsVersion"),
    }
}

const OLDEST: (u32, u32) = (1, 0);

/// `1.2`, `TLS 1.2`, `TLS1_2`, `TLSv1.2`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split(|c: char| !c.is_ascii_digit()).filter(|n| !n.is_empty()).map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Some((major, minor)),
        (Some(Ok(major)), None) => Some((major, 0)),
        (_, _) => None,
    }
}
