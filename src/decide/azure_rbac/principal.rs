//! Who calls, and whom an assignment names: the principal itself, a group it is in (nested ones included), everyone.

use super::keyed::Keyed;
use super::logic::Logic;
use crate::model::request::ArmPrincipal;
use crate::model::{ObjectId, json};
use serde_json::Value;
use std::cell::OnceCell;
use std::collections::HashSet;

/// The id that stands for all principals in a deny assignment (*Understand Azure deny assignments*,
/// "System-Defined Principal").
const EVERYONE: &str = "00000000-0000-0000-0000-000000000000";

/// The caller of a request.
pub(super) struct Caller<'a> {
    pub principal: &'a ArmPrincipal,
    groups: OnceCell<HashSet<&'a ObjectId, Keyed>>,
}

impl<'a> Caller<'a> {
    pub fn new(principal: &'a ArmPrincipal) -> Self {
        Caller { principal, groups: OnceCell::new() }
    }

    pub fn groups(&self) -> Option<&'a [ObjectId]> {
        self.principal.transitive_groups.as_deref()
    }

    fn is_in(&self, group: &ObjectId) -> bool {
        self.groups.get_or_init(|| self.groups().unwrap_or_default().iter().collect()).contains(group)
    }
}

/// What may stand behind an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A user, service principal, managed identity or device: no group.
    Single,
    /// A group, or an entry that does not say (optional in deny assignments).
    MayBeGroup,
    /// All principals of the directory.
    Everyone,
}

/// A principal as a document names it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// None: the document does not say whom it names.
    pub id: Option<ObjectId>,
    kind: Kind,
}

impl Entry {
    pub fn new(id: Option<&str>, kind: Option<&str>) -> Self {
        let id = id.filter(|id| !id.trim().is_empty()).map(ObjectId::new);
        let everyone = id.as_ref().is_some_and(|id| id.as_str() == EVERYONE);
        let kind = match kind.map(str::to_ascii_lowercase).as_deref() {
            // The page lets the empty GUID alone represent all principals.
            Some("systemdefined" | "everyone") | None if everyone => Kind::Everyone,
            Some("user" | "serviceprincipal" | "msi" | "managedidentity" | "device" | "application") => Kind::Single,
            // `Group`, `ForeignGroup`, none, or a word the pages do not know: a group as far as we can tell.
            Some(_) | None => Kind::MayBeGroup,
        };
        Entry { id, kind }
    }

    /// `{ "id", "type" }` of a deny assignment.
    pub fn of(value: &Value) -> Self {
        Entry::new(json::text(value, "id"), json::text(value, "type"))
    }

    pub fn may_be_group(&self) -> bool {
        self.id.is_none() || self.kind == Kind::MayBeGroup
    }

    pub fn holds<L: Logic>(&self, caller: &Caller<'_>) -> L {
        let Some(id) = &self.id else { return L::missing(|| "principalId".to_owned()) };
        if self.kind == Kind::Everyone || *id == caller.principal.id {
            return L::of(true);
        }
        match (caller.groups(), self.kind) {
            (Some(_), _) => L::of(caller.is_in(id)),
            (None, Kind::MayBeGroup) => L::missing(|| "transitiveGroups".to_owned()),
            (None, Kind::Single | Kind::Everyone) => L::of(false),
        }
    }
}
