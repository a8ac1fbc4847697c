//! The approvers' answer, as far as there is one.
//!
//! The first answer decides, within 24 hours of the request; nobody approves their own request, and service principals
//! approve nothing.
//!
//! Source: *Approve or deny requests for Microsoft Entra roles in Privileged Identity Management*, *Configure Microsoft
//! Entra role settings in Privileged Identity Management*.

use super::instance::{field, time};
use super::settings::Approvers;
use crate::model::{Fact, ObjectId, Timestamp, Truth, json};
use serde_json::Value;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Reply {
    Approved,
    Denied,
    /// Nobody answered (yet), or nobody whose answer counts.
    None,
    /// The window closed without an answer that counts.
    Expired,
    Unknown(Truth),
}

const WINDOW_HOURS: i64 = 24;

/// `recorded` is the vectors' `approval`, or an approval stage of Graph's; several are in the order they came.
pub(super) fn reply(
    recorded: &Fact<Value>,
    requester: Option<&ObjectId>,
    approvers: &Approvers,
    asked: Timestamp,
) -> Reply {
    let answers: Vec<&Value> = match recorded {
        Fact::Unknown | Fact::Absent => return Reply::None,
        Fact::Known(Value::Array(answers)) => answers.iter().collect(),
        Fact::Known(one) => {
            let stages = ["stages", "steps"].iter().find_map(|key| json::get(one, key)?.as_array());
            stages.map_or_else(|| vec![one], |stages| stages.iter().collect())
        }
    };
    answers
        .into_iter()
        .map(|answer| one(answer, requester, approvers, asked))
        .find(|reply| *reply != Reply::None)
        .unwrap_or(Reply::None)
}

fn one(answer: &Value, requester: Option<&ObjectId>, approvers: &Approvers, asked: Timestamp) -> Reply {
    let approves = match said(answer) {
        Said::Yes => true,
        Said::No => false,
        Said::Nothing => return Reply::None,
        Said::Unreadable => return Reply::Unknown(Truth::missing("query.approval")),
    };
    let who =
        ["by", "reviewedBy", "approver", "approverId", "approvedBy"].iter().find_map(|key| json::get(answer, key));
    let person = who.and_then(|who| who.as_str().or_else(|| json::text(who, "id"))).map(ObjectId::new);
    let kinds = |of: &Value, keys: &[&str]| {
        let mut words = keys.iter().filter_map(|key| json::get(of, key)?.as_str());
        words.any(|kind| kind.to_lowercase().contains("serviceprincipal"))
    };
    let machine = who.is_some_and(|who| kinds(who, &["@odata.type", "type", "kind", "userType"]))
        || kinds(answer, &["byType", "byKind", "approverType", "approverKind"]);
    let own = person.is_some() && person.as_ref() == requester;
    if machine || own || person.as_ref().is_some_and(|person| !approvers.may_be(person)) {
        return Reply::None;
    }
    // The platform takes no answer after the window, so an answer without a time was in time.
    let at = ["at", "reviewedDateTime", "approvedAt", "decidedAt", "time", "dateTime"]
        .iter()
        .find_map(|key| time(answer, key).known().copied());
    match at.map(|at| at.duration_since(asked).as_secs()) {
        Some(seconds) if seconds > WINDOW_HOURS * 3600 => Reply::Expired,
        Some(_) | None if approves => Reply::Approved,
        Some(_) | None => Reply::Denied,
    }
}

enum Said {
    Yes,
    No,
    Nothing,
    Unreadable,
}

fn said(answer: &Value) -> Said {
    if let Some(word) = answer.as_str() {
        return word_said(word);
    }
    let flag = |key: &str| json::get(answer, key).and_then(Value::as_bool);
    match (flag("approved"), flag("denied")) {
        (Some(true), _) => return Said::Yes,
        (Some(false), _) | (None, Some(true)) => return Said::No,
        (None, Some(false) | None) => {}
    }
    let word = ["reviewResult", "decision", "result", "outcome", "answer", "status"]
        .iter()
        .find_map(|key| field(answer, key).known().map(|word| word.to_lowercase()));
    match word.as_deref() {
        Some(word) => word_said(word),
        // A record of who approved and when is the approval.
        None if ["by", "reviewedBy", "approver", "approverId", "approvedBy", "at"]
            .iter()
            .any(|k| json::get(answer, k).is_some_and(|v| !v.is_null())) =>
        {
            Said::Yes
        }
        None => Said::Nothing,
    }
}

fn word_said(word: &str) -> Said {
    match word.to_lowercase().as_str() {
        "approve" | "approved" | "granted" => Said::Yes,
        "deny" | "denied" | "reject" | "rejected" => Said::No,
        "notreviewed" | "pending" | "pendingapproval" | "none" | "inprogress" | "initialized" => Said::Nothing,
        _ => Said::Unreadable,
    }
}
