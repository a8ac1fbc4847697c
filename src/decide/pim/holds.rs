//! Did the principal hold the role at that time? Some *assignment* instance says so; an eligibility never does.
//!
//! Source: *unifiedRoleAssignmentScheduleInstance resource type*; *Activate Microsoft Entra roles in PIM* (activation
//! and removal take seconds, applications may lag).

use super::Pim;
use super::instance::{Groups, Instance, Plane, role_key};
use crate::model::request::RoleQuery;
use crate::model::{Fact, ObjectId, ResourceId, Timestamp, Truth};
use std::collections::BTreeSet;

/// How an assignment came to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// Standing or time-bound, made by an administrator or through the role-assignment API.
    Assigned,
    /// Came from an eligibility.
    Activated,
    /// The export does not say.
    Unknown,
}

/// An instance that holds the role, or may.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    pub document: String,
    pub how: How,
    /// The group through which the principal holds it.
    pub via: Option<ObjectId>,
    /// `False` is never listed.
    pub truth: Truth,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Holding {
    pub truth: Truth,
    pub by: Vec<Held>,
    pub notes: Vec<String>,
}

const MINUTE: i64 = 60;

impl Pim {
    pub fn holds_role(&self, query: &RoleQuery) -> Holding {
        let groups = self.active_groups(&query.principal_id, Groups::new(&query.transitive_group_ids), query.at);
        let scope = ResourceId::new(&query.scope);
        let role = role_key(&query.role_definition_id);
        let mut holding = Holding { truth: self.assignments.others(), by: Vec::new(), notes: Vec::new() };
        for instance in self.assignments.of_role(&role) {
            let fits = instance
                .has_role(&role)
                .and(self.covers(instance, &scope))
                .and(instance.of_principal(&query.principal_id, &groups));
            if fits.is_false() {
                continue;
            }
            let near = |edge: &Fact<Timestamp>| {
                edge.known().is_some_and(|edge| edge.duration_since(query.at).as_secs().abs() < MINUTE)
            };
            if near(&instance.start) || near(&instance.end) {
                holding.notes.push(format!(
                    "within a minute of where `{}` starts or ends: an application that caches roles may lag",
                    instance.document
                ));
            }
            let truth = fits.and(instance.live(query.at));
            if !truth.is_false() {
                let via = instance.principal.known().filter(|holder| **holder != query.principal_id).cloned();
                holding.by.push(Held {
                    document: instance.document.clone(),
                    how: instance.how,
                    via,
                    truth: truth.clone(),
                });
            }
            holding.truth = holding.truth.or(truth);
        }
        holding
    }

    /// The recorded memberships and those that PIM for Groups made active.
    pub(super) fn active_groups(&self, principal: &ObjectId, mut groups: Groups, at: Timestamp) -> Groups {
        let mut seen: BTreeSet<ObjectId> = groups.known.iter().cloned().collect();
        loop {
            let found: Vec<ObjectId> = self
                .assignments
                .of_role("member")
                .filter(|instance| instance.plane == Plane::Group)
                .filter(|instance| instance.of_principal(principal, &groups).is_true() && instance.live(at).is_true())
                .filter_map(|instance| instance.scope.known().map(|scope| ObjectId::new(scope.name())))
                .filter(|group| !seen.contains(group))
                .collect();
            if found.is_empty() {
                return groups;
            }
            seen.extend(found.iter().cloned());
            groups.known.extend(found);
        }
    }

    /// Same scope, or an ancestor by path segment; management groups contain subscriptions by hierarchy.
    pub(super) fn covers(&self, instance: &Instance, scope: &ResourceId) -> Truth {
        let held = match &instance.scope {
            Fact::Known(held) => held,
            Fact::Absent => return Truth::False,
            Fact::Unknown => return instance.missing("scope"),
        };
        const GROUPS: &str = "/providers/microsoft.management/managementgroups/";
        if held.contains(scope) {
            return Truth::True;
        }
        if !held.folded().starts_with(GROUPS) {
            return Truth::False;
        }
        let chain = scope.subscription().map(|subscription| self.ancestors.get(subscription.folded()));
        match chain {
            Some(Some(chain)) => chain.iter().any(|above| above == held.folded()).into(),
            Some(None) => Truth::missing("snapshot.managementGroupAncestors"),
            None if scope.folded().starts_with(GROUPS) => Truth::missing("snapshot.managementGroupAncestors"),
            None => Truth::False,
        }
    }
}
