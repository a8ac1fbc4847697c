//! A schedule request as it was sent, on either plane: who asks for which role, where, for how long, and with which
//! words. What it lacks is a missing fact, named by its path.
//!
//! Source: *Create roleAssignmentScheduleRequests* (Microsoft Graph v1.0), *Role Assignment Schedule Requests - Create*
//! (ARM, 2020-10-01), *Create assignmentScheduleRequest* (PIM for Groups).

use super::instance::{Plane, field, group_scope, role_key, time};
use crate::model::request::ActivationRequest;
use crate::model::{Fact, ObjectId, ResourceId, Timestamp, Truth, json};
use jiff::{Span, tz::TimeZone};
use serde_json::Value;
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    SelfActivate,
    /// An administrator makes an assignment or (`true`) an eligibility.
    AdminAssign(bool),
    /// None that gives anybody a role, or none that the pages describe rules for.
    Other(String),
}

/// When the assignment would end.
#[derive(Clone, Debug)]
pub(super) enum End {
    After(Span),
    At(Timestamp),
    Never,
}

pub(super) struct Ask<'a> {
    body: &'a Value,
    base: &'static str,
    pub plane: Plane,
    pub action: Result<Action, Truth>,
    pub principal: Result<ObjectId, Truth>,
    pub role: Result<String, Truth>,
    pub scope: Result<ResourceId, Truth>,
    /// The eligibility that the request names, folded.
    pub linked: Option<String>,
}

impl<'a> Ask<'a> {
    pub fn read(asked: &'a ActivationRequest) -> Ask<'a> {
        let request = &asked.request;
        let properties = json::get(request, "properties").filter(|p| p.is_object());
        let body = properties.unwrap_or(request);
        let group = json::text(body, "groupId");
        let (plane, base) = match (properties, group) {
            (Some(_), _) => (Plane::Azure, "query.request.properties"),
            (None, Some(_)) => (Plane::Group, "query.request"),
            (None, None) => (Plane::Directory, "query.request"),
        };
        let missing = |key: &str| Truth::missing(format!("{base}.{key}"));
        let known = |key: &str| field(body, key).known().copied().ok_or_else(|| missing(key));
        let role_field = if plane == Plane::Group { "accessId" } else { "roleDefinitionId" };
        let scope = match plane {
            Plane::Azure => ["scope", "targetScope"]
                .iter()
                .find_map(|key| json::text(request, key).or_else(|| json::text(body, key)))
                .or(asked.scope.as_deref())
                .map(ResourceId::new)
                .ok_or_else(|| Truth::missing("query.request.scope")),
            Plane::Group => known("groupId").map(group_scope),
            Plane::Directory => match (field(body, "directoryScopeId"), field(body, "appScopeId"), &asked.scope) {
                (Fact::Known(scope), _, _) => Ok(ResourceId::new(scope)),
                (_, Fact::Known(app), _) => Ok(ResourceId::new(&format!("/appscopes/{app}"))),
                (_, _, Some(scope)) => Ok(ResourceId::new(scope)),
                (_, _, None) => Err(missing("directoryScopeId")),
            },
        };
        let verb = if plane == Plane::Azure { "requestType" } else { "action" };
        let eligibility = ["@odata.type", "type"]
            .iter()
            .filter_map(|key| json::get(request, key)?.as_str())
            .any(|kind| kind.to_lowercase().contains("eligibility"));
        let action = known(verb).map(|word| match word.to_lowercase().as_str() {
            "selfactivate" => Action::SelfActivate,
            "adminassign" => Action::AdminAssign(eligibility),
            _ => Action::Other(word.to_owned()),
        });
        Ask {
            body,
            base,
            plane,
            action,
            principal: known("principalId").map(ObjectId::new),
            role: known(role_field).map(role_key),
            scope,
            linked: field(body, "linkedRoleEligibilityScheduleId").known().map(|id| role_key(id)),
        }
    }

    pub fn missing(&self, path: &str) -> Arc<str> {
        format!("{}.{path}", self.base).into()
    }

    /// Whether a text of the request says anything.
    fn says(&self, value: &Value, key: &str, path: &str) -> Truth {
        match field(value, key) {
            Fact::Known(text) => (!text.trim().is_empty()).into(),
            Fact::Absent => Truth::False,
            Fact::Unknown => Truth::missing(self.missing(path)),
        }
    }

    pub fn justified(&self) -> Truth {
        self.says(self.body, "justification", "justification")
    }

    /// A ticket is never verified, only present: a number or a system.
    pub fn ticketed(&self) -> Truth {
        match json::get(self.body, "ticketInfo") {
            Some(Value::Null) => Truth::False,
            Some(ticket) => self.says(ticket, "ticketNumber", "ticketInfo.ticketNumber").or(self.says(
                ticket,
                "ticketSystem",
                "ticketInfo.ticketSystem",
            )),
            None => Truth::missing(self.missing("ticketInfo")),
        }
    }

    /// When the assignment would start; `null` is now.
    fn start(&self, now: Timestamp) -> Result<Timestamp, Truth> {
        let schedule = json::get(self.body, "scheduleInfo").unwrap_or(&Value::Null);
        match time(schedule, "startDateTime") {
            Fact::Known(start) => Ok(start),
            Fact::Absent => Ok(now),
            Fact::Unknown => Err(Truth::missing(self.missing("scheduleInfo.startDateTime"))),
        }
    }

    pub fn end(&self) -> Result<End, Truth> {
        const AT: &str = "scheduleInfo.expiration";
        let missing = |key: &str| Truth::missing(self.missing(&format!("{AT}{key}")));
        let expiration = json::path(self.body, AT).filter(|e| e.is_object()).ok_or_else(|| missing(""))?;
        let duration = || match field(expiration, "duration") {
            Fact::Known(text) => text.parse().map(End::After).map_err(|_| missing(".duration")),
            Fact::Absent | Fact::Unknown => Err(missing(".duration")),
        };
        let until = || match time(expiration, "endDateTime") {
            Fact::Known(end) => Ok(End::At(end)),
            Fact::Absent | Fact::Unknown => Err(missing(".endDateTime")),
        };
        match field(expiration, "type").known().map(|kind| kind.to_lowercase()).as_deref() {
            Some("afterduration") => duration(),
            Some("afterdatetime") => until(),
            Some("noexpiration") => Ok(End::Never),
            Some(_) | None => duration().or_else(|_| until()).map_err(|_| missing(".type")),
        }
    }

    /// Whether the assignment would last no longer than the maximum.
    pub fn within(&self, maximum: &str, now: Timestamp) -> Truth {
        // Days and months are counted from the start; from another start a month may differ by hours.
        let from = self.start(now).unwrap_or(now);
        let after = |span: Span| Some(from.to_zoned_datetime(TimeZone::UTC).checked_add(span).ok()?.timestamp());
        let end = match (self.end(), self.start(now)) {
            (Ok(End::Never), _) => return Truth::False,
            (Ok(End::At(end)), Ok(_)) => Some(end),
            (Ok(End::After(span)), _) => after(span),
            (Err(missing), _) | (Ok(End::At(_)), Err(missing)) => return missing,
        };
        match (end, maximum.parse().ok().and_then(after)) {
            (Some(end), Some(latest)) => (end <= latest).into(),
            // What ends beyond the calendar is longer than whatever does not.
            (None, Some(_)) => Truth::False,
            (_, None) => Truth::True,
        }
    }
}
