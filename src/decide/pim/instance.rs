//! Schedule instances: who holds or may activate which role, where, from when to when.
//!
//! Source: *unifiedRoleAssignmentScheduleInstance resource type*, *unifiedRoleEligibilityScheduleInstance resource
//! type* (Microsoft Graph v1.0), *Role Assignment Schedule Instances* (ARM, 2020-10-01), *Privileged Identity
//! Management (PIM) for Groups*.

use super::Listing;
use super::holds::How;
use crate::model::{Fact, ObjectId, ResourceId, Timestamp, Truth, json};
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Plane {
    /// Microsoft Entra roles.
    Directory,
    /// Azure roles.
    Azure,
    /// Membership and ownership of a group.
    Group,
}

/// One instance. A field that the document lacks is unknown, and can match anything.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    pub document: String,
    pub plane: Plane,
    pub principal: Fact<ObjectId>,
    /// Known to be no group: only the principal itself matches.
    pub individual: bool,
    /// Folded last segment of the role definition id; `member` or `owner` of a group.
    pub role: Fact<String>,
    /// Scope; a group is `/groups/<id>`.
    pub scope: Fact<ResourceId>,
    pub start: Fact<Timestamp>,
    /// Absent: it has no end.
    pub end: Fact<Timestamp>,
    /// Of an assignment.
    pub how: How,
    /// The schedule this instance belongs to, folded.
    pub schedule: Option<String>,
    /// Where it stands in the export, as a missing fact names it.
    path: String,
}

pub(super) fn role_key(id: &str) -> String {
    id.trim_end_matches('/').rsplit('/').next().unwrap_or(id).to_lowercase()
}

pub(super) fn group_scope(group: &str) -> ResourceId {
    ResourceId::new(&format!("/groups/{}", ObjectId::new(group)))
}

/// A text field of the platform's: absent key, recorded absence, or the text.
pub(super) fn field<'a>(body: &'a Value, key: &str) -> Fact<&'a str> {
    match json::get(body, key) {
        None => Fact::Unknown,
        Some(Value::String(text)) => Fact::Known(text),
        Some(Value::Null) => Fact::Absent,
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => Fact::Unknown,
    }
}

/// A time; text that is none is as good as unrecorded.
pub(super) fn time(body: &Value, key: &str) -> Fact<Timestamp> {
    match field(body, key) {
        Fact::Known(text) => text.parse().ok().into(),
        Fact::Absent => Fact::Absent,
        Fact::Unknown => Fact::Unknown,
    }
}

impl Instance {
    fn compile(document: &Value, path: String) -> Instance {
        let body = json::get(document, "properties").filter(|p| p.is_object()).unwrap_or(document);
        let group = json::get(body, "groupId").and_then(Value::as_str);
        let plane = match (std::ptr::eq(body, document), group) {
            (false, _) => Plane::Azure,
            (true, Some(_)) => Plane::Group,
            (true, None) => Plane::Directory,
        };
        let (role, scope) = match plane {
            Plane::Azure => {
                let id = json::text(document, "id").unwrap_or_default().to_lowercase();
                let of_id = id.find("/providers/microsoft.authorization/").map(|at| id.get(..at).unwrap_or_default());
                let scope = match field(body, "scope") {
                    Fact::Known(scope) => Some(scope),
                    Fact::Absent | Fact::Unknown => of_id.map(|scope| if scope.is_empty() { "/" } else { scope }),
                };
                (field(body, "roleDefinitionId").map(role_key), Fact::from(scope.map(ResourceId::new)))
            }
            Plane::Directory => {
                let scope = match (field(body, "directoryScopeId"), field(body, "appScopeId")) {
                    (Fact::Known(scope), _) => Fact::Known(ResourceId::new(scope)),
                    (_, Fact::Known(app)) => Fact::Known(ResourceId::new(&format!("/appscopes/{app}"))),
                    (_, Fact::Absent | Fact::Unknown) => Fact::Unknown,
                };
                (field(body, "roleDefinitionId").map(role_key), scope)
            }
            Plane::Group => (field(body, "accessId").map(role_key), Fact::from(group.map(group_scope))),
        };
        let kind = field(body, "principalType").known().map(|k| k.to_lowercase()).or_else(|| {
            json::get(body, "principal")
                .and_then(|p| json::get(p, "@odata.type"))
                .and_then(Value::as_str)
                .map(|t| t.rsplit('.').next().unwrap_or(t).to_lowercase())
        });
        let present = |key: &str| matches!(json::get(body, key), Some(value) if !value.is_null());
        let how = match field(body, "assignmentType").known().map(|t| t.to_lowercase()).as_deref() {
            Some("activated") => How::Activated,
            Some("assigned") => How::Assigned,
            Some(_) | None if present("activatedUsing") || present("linkedRoleEligibilityScheduleId") => How::Activated,
            Some(_) | None => How::Unknown,
        };
        let schedule = ["roleEligibilityScheduleId", "roleAssignmentScheduleId", "eligibilityScheduleId"]
            .iter()
            .find_map(|key| field(body, key).known().map(|id| role_key(id)));
        Instance {
            document: ["id", "name"].iter().find_map(|k| json::text(document, k)).unwrap_or_default().to_owned(),
            plane,
            principal: field(body, "principalId").map(ObjectId::new),
            individual: kind.is_some_and(|kind| kind != "group"),
            role,
            scope,
            start: time(body, "startDateTime"),
            end: time(body, "endDateTime"),
            how,
            schedule,
            path,
        }
    }

    pub(super) fn missing(&self, key: &str) -> Truth {
        Truth::missing(format!("{}.{key}", self.path))
    }

    pub(super) fn has_role(&self, role: &str) -> Truth {
        match &self.role {
            Fact::Known(held) => (held == role).into(),
            Fact::Absent => Truth::False,
            Fact::Unknown => self.missing("roleDefinitionId"),
        }
    }

    /// `start <= at < end`. (Half-open is our reading: the pages do not say.)
    pub fn live(&self, at: Timestamp) -> Truth {
        let begun = match self.start {
            Fact::Known(start) => (start <= at).into(),
            Fact::Absent => Truth::True,
            Fact::Unknown => self.missing("startDateTime"),
        };
        let going = match self.end {
            Fact::Known(end) => (at < end).into(),
            Fact::Absent => Truth::True,
            Fact::Unknown => self.missing("endDateTime"),
        };
        begun.and(going)
    }

    /// The principal itself, or a group of theirs.
    pub(super) fn of_principal(&self, principal: &ObjectId, groups: &Groups) -> Truth {
        match &self.principal {
            Fact::Known(holder) if holder == principal || groups.known.contains(holder) => Truth::True,
            Fact::Known(_) if self.individual => Truth::False,
            Fact::Known(_) if groups.whole => Truth::False,
            Fact::Known(_) => Truth::missing(groups.fact),
            Fact::Absent => Truth::False,
            Fact::Unknown => self.missing("principalId"),
        }
    }
}

/// Groups a principal is an active member of.
#[derive(Clone, Debug)]
pub(super) struct Groups {
    pub known: Vec<ObjectId>,
    /// There are no others.
    pub whole: bool,
    /// What settles it where they are not.
    pub fact: &'static str,
}

impl Groups {
    pub fn new(recorded: &Fact<Vec<ObjectId>>) -> Groups {
        let (known, whole) = match recorded {
            Fact::Known(groups) => (groups.clone(), true),
            Fact::Absent => (Vec::new(), true),
            Fact::Unknown => (Vec::new(), false),
        };
        Groups { known, whole, fact: "query.transitiveGroupIds" }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Instances {
    all: Vec<Instance>,
    /// Folded role -> positions; what lacks a role stands under every one.
    by_role: BTreeMap<String, Vec<usize>>,
    roleless: Vec<usize>,
    whole: bool,
    fact: &'static str,
}

impl Instances {
    pub fn compile(listing: &Listing, fact: &'static str) -> Instances {
        let all: Vec<Instance> = listing
            .documents
            .iter()
            .enumerate()
            .map(|(n, document)| Instance::compile(document, format!("{fact}[{n}]")))
            .collect();
        let mut by_role: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut roleless = Vec::new();
        for (n, instance) in all.iter().enumerate() {
            match &instance.role {
                Fact::Known(role) => by_role.entry(role.clone()).or_default().push(n),
                Fact::Absent => {}
                Fact::Unknown => roleless.push(n),
            }
        }
        Instances { all, by_role, roleless, whole: listing.whole, fact }
    }

    /// Those that have the role, or may have it.
    pub fn of_role(&self, role: &str) -> impl Iterator<Item = &Instance> {
        let found = self.by_role.get(role).map(Vec::as_slice).unwrap_or_default();
        found.iter().chain(&self.roleless).filter_map(|n| self.all.get(*n))
    }

    pub fn of(&self, principal: &ObjectId, groups: &[ObjectId]) -> Vec<&Instance> {
        let theirs = |id: &ObjectId| id == principal || groups.contains(id);
        self.all.iter().filter(|instance| instance.principal.known().is_some_and(theirs)).collect()
    }

    /// Whether there may be others than those that are known.
    pub fn others(&self) -> Truth {
        if self.whole { Truth::False } else { Truth::missing(self.fact) }
    }
}
