//! One total order of events: by time, then by what must come first among equals, then by content, then by where the
//! record stood. Arrival order never shows.

use crate::model::{Detail, Event};
use std::cmp::Ordering;

/// At the same instant a sign-in comes before what its token is used for, and a change of rights before its use.
pub fn rank(event: &Event) -> u8 {
    match event.detail {
        Detail::SignIn(_) => 0,
        Detail::Directory(_) => 1,
        Detail::Arm(_) => 2,
        Detail::Data(_) => 3,
        Detail::Context(_) => 4,
        Detail::Alert(_) => 5,
    }
}

pub fn compare(a: &Event, b: &Event) -> Ordering {
    let content = |e: &Event| (e.time, rank(e), e.end);
    content(a)
        .cmp(&content(b))
        .then_with(|| a.action.cmp(&b.action))
        .then_with(|| a.target.cmp(&b.target))
        .then_with(|| a.actor.cmp(&b.actor))
        .then_with(|| a.source_ip.cmp(&b.source_ip))
        .then_with(|| a.outcome.cmp(&b.outcome))
        .then_with(|| object(a).cmp(&object(b)))
        .then_with(|| a.evidence.cmp(&b.evidence))
}

fn object(event: &Event) -> Option<&str> {
    match &event.detail {
        Detail::Data(data) => data.object.as_deref(),
        Detail::SignIn(_) | Detail::Arm(_) | Detail::Directory(_) | Detail::Alert(_) | Detail::Context(_) => None,
    }
}
