//! Role assignments, and the index that finds those of a caller on a scope without looking at the others.

use super::asked::Asked;
use super::condition::{self, Condition};
use super::keyed::Keyed;
use super::logic::{Kleene, Logic};
use super::principal::{Caller, Entry};
use super::role::{Role, Roles, property, role_fact, role_key};
use super::scope::{ScopeIndex, is_management_group, scope_of_id};
use crate::model::{ObjectId, ResourceId, json};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

#[derive(Clone, Debug)]
pub(super) struct Assignment {
    pub id: Arc<str>,
    pub name: Arc<str>,
    /// None: neither the document nor its id tells it.
    pub scope: Option<ResourceId>,
    pub principal: Entry,
    /// As the assignment spells it.
    pub role_id: Arc<str>,
    pub role_key: Option<ObjectId>,
    /// None: the definition is not in the snapshot.
    pub role: Option<Arc<Role>>,
    pub condition: Option<Condition>,
}

/// What an assignment says of a request, by parts.
pub(super) struct Factors<L> {
    pub scope: L,
    pub principal: L,
    /// The role's patterns alone.
    pub actions: L,
    pub whole: L,
}

impl Assignment {
    pub fn of(document: &Value, roles: &Roles, complain: &mut dyn FnMut(&str, String, String)) -> Assignment {
        let id = json::text(document, "id").unwrap_or_default();
        let text = |name: &str| property(document, name).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        let scope = text("scope").map(ResourceId::new).or_else(|| scope_of_id(id, "roleAssignments"));
        let principal = Entry::new(text("principalId"), text("principalType"));
        let role_id: Arc<str> = text("roleDefinitionId").unwrap_or_default().into();
        let role_key = role_key(&role_id);
        for (found, pointer) in [
            (scope.is_some(), "/properties/scope"),
            (principal.id.is_some(), "/properties/principalId"),
            (role_key.is_some(), "/properties/roleDefinitionId"),
        ] {
            if !found {
                complain(id, pointer.to_owned(), "a role assignment that does not say this".to_owned());
            }
        }
        let holder = json::get(document, "properties").unwrap_or(document);
        let condition = Condition::of(holder, id);
        if let Some(why) = condition.as_ref().and_then(Condition::complaint) {
            complain(id, "/properties/condition".to_owned(), why.says.clone());
        }
        let role = role_key.as_ref().and_then(|key| roles.get(key)).cloned();
        Assignment { id: id.into(), name: name_of(document, id), scope, principal, role_id, role_key, role, condition }
    }

    /// Whether it says where and to whom it is made.
    pub fn is_readable(&self) -> bool {
        self.scope.is_some() && self.principal.id.is_some()
    }

    /// Whether its role definition is in the snapshot, and could be read.
    pub fn is_defined(&self) -> bool {
        self.role.as_ref().is_some_and(|role| role.permissions.is_readable())
    }

    /// Whether what it grants of the operation turns on a condition, its own or its role's.
    pub fn is_conditioned(&self, asked: &Asked<'_>) -> bool {
        let of_role =
            |role: &Arc<Role>| !role.permissions.conditions(asked.operation, asked.request.is_data_action).is_empty();
        self.condition.is_some() || self.role.as_ref().is_some_and(of_role)
    }

    pub fn role_fact(&self) -> String {
        match &self.role_key {
            Some(key) => role_fact(key),
            None => format!("roleDefinitionId of {}", self.id),
        }
    }

    pub fn factors<L: Logic>(&self, caller: &Caller<'_>, asked: &Asked<'_>) -> Factors<L> {
        let scope = match &self.scope {
            Some(scope) => asked.target.covered_by(scope),
            None => L::missing(|| format!("scope of {}", self.id)),
        };
        self.with_scope_and_principal(scope, self.principal.holds(caller), asked)
    }

    /// The same for an assignment that the index found: it covers the scope and names the caller.
    pub fn found<L: Logic>(&self, asked: &Asked<'_>) -> Factors<L> {
        self.with_scope_and_principal(L::of(true), L::of(true), asked)
    }

    fn with_scope_and_principal<L: Logic>(&self, scope: L, principal: L, asked: &Asked<'_>) -> Factors<L> {
        let outer = scope.clone().and(principal.clone());
        if outer.kleene() == Kleene::False {
            return Factors { scope, principal, actions: L::of(false), whole: L::of(false) };
        }
        let missing = || L::missing(|| self.role_fact());
        let (actions, allowed) = match &self.role {
            Some(role) => {
                let allowed = role.permissions.allow(asked.operation, asked.request.is_data_action, &asked.context);
                (allowed.actions, allowed.whole)
            }
            None => (missing(), missing()),
        };
        let own = allowed.and_then(|| condition::holds(self.condition.as_ref(), &asked.context));
        Factors { scope, principal, actions, whole: outer.and(own) }
    }
}

/// The document's name, or the last segment of its id.
pub(super) fn name_of(document: &Value, id: &str) -> Arc<str> {
    json::text(document, "name").unwrap_or_else(|| id.rsplit('/').next().unwrap_or(id)).into()
}

/// A candidate of a request: its position, and whether scope and principal are certain.
pub(super) type Candidate = (u32, bool);

/// Assignments with their index, and what was added and removed since: small, until it is worth indexing again.
#[derive(Clone, Debug, Default)]
pub(super) struct Assignments {
    base: Arc<Indexed>,
    removed: Arc<BTreeSet<u32>>,
    added: Arc<Vec<Arc<Assignment>>>,
}

#[derive(Debug, Default)]
struct Indexed {
    all: Vec<Arc<Assignment>>,
    /// By id, lower case.
    ids: HashMap<Box<str>, Vec<u32>, Keyed>,
    /// Scopes that hold assignments, by folded id.
    scopes: HashMap<Arc<str>, u32, Keyed>,
    /// Per principal: (scope, assignment), sorted.
    held: HashMap<ObjectId, Vec<(u32, u32)>, Keyed>,
    /// Per principal: assignments at management groups.
    held_above: HashMap<ObjectId, Vec<u32>, Keyed>,
    /// Assignments to what may be a group, for callers whose groups are not known.
    groups: ScopeIndex,
    /// Assignments that do not tell their scope or principal.
    loose: Vec<u32>,
}

/// So many changes are looked through one by one before the index is made again.
const CHANGES: usize = 48;

impl Assignments {
    pub fn new(all: Vec<Arc<Assignment>>) -> Self {
        Assignments { base: Arc::new(Indexed::new(all)), ..Assignments::default() }
    }

    pub fn iter(&self) -> impl Iterator<Item = &Arc<Assignment>> {
        let kept = self.base.all.iter().enumerate().filter(|(at, _)| !self.is_removed(*at)).map(|(_, a)| a);
        kept.chain(self.added.iter())
    }

    fn is_removed(&self, at: usize) -> bool {
        !self.removed.is_empty() && u32::try_from(at).is_ok_and(|at| self.removed.contains(&at))
    }

    pub fn get(&self, at: u32) -> Option<&Arc<Assignment>> {
        let at = at as usize;
        self.base.all.get(at).or_else(|| self.added.get(at.checked_sub(self.base.all.len())?))
    }

    /// Without the assignments of these ids (any letter case), and with these.
    pub fn changed(&self, gone: &[&str], more: Vec<Assignment>) -> Self {
        let mut changed = self.clone();
        for id in gone {
            changed.forget(id);
        }
        for assignment in more {
            changed.forget(&assignment.id);
            Arc::make_mut(&mut changed.added).push(Arc::new(assignment));
        }
        changed.settled()
    }

    fn forget(&mut self, id: &str) {
        let id = id.trim();
        if id.is_empty() {
            return;
        }
        if let Some(gone) = self.base.ids.get(id.to_lowercase().as_str()) {
            Arc::make_mut(&mut self.removed).extend(gone.iter().copied());
        }
        if self.added.iter().any(|assignment| assignment.id.eq_ignore_ascii_case(id)) {
            Arc::make_mut(&mut self.added).retain(|assignment| !assignment.id.eq_ignore_ascii_case(id));
        }
    }

    fn settled(self) -> Self {
        if self.added.len() + self.removed.len() <= CHANGES {
            return self;
        }
        Assignments::new(self.iter().cloned().collect())
    }

    /// Each assignment seen again, for a role definition that changed.
    pub fn map(&self, change: impl Fn(&Arc<Assignment>) -> Arc<Assignment>) -> Self {
        Assignments::new(self.iter().map(change).collect())
    }

    /// Everything that may grant, in the order of the export.
    pub fn candidates(&self, caller: &Caller<'_>, asked: &Asked<'_>) -> Vec<Candidate> {
        let base = &self.base;
        let mut found: Vec<Candidate> = base.loose.iter().map(|at| (*at, false)).collect();
        let scopes: Vec<u32> = asked.target.ancestors().filter_map(|scope| base.scopes.get(scope).copied()).collect();
        let ids = std::iter::once(&caller.principal.id).chain(caller.groups().unwrap_or_default());
        let somewhere = !scopes.is_empty() || asked.target.chain_unknown;
        for id in ids.filter(|_| somewhere) {
            if let Some(held) = base.held.get(id) {
                for scope in &scopes {
                    let from = held.partition_point(|(at, _)| at < scope);
                    let of_scope = held.iter().skip(from).take_while(|(at, _)| at == scope);
                    found.extend(of_scope.map(|(_, assignment)| (*assignment, true)));
                }
            }
            if asked.target.chain_unknown {
                found.extend(base.held_above.get(id).into_iter().flatten().map(|at| (*at, false)));
            }
        }
        if caller.groups().is_none() {
            found.extend(base.groups.candidates(&asked.target).into_iter().map(|at| (at, false)));
        }
        let first = base.all.len();
        found.extend((0..self.added.len()).filter_map(|at| Some((u32::try_from(first + at).ok()?, false))));
        if !self.removed.is_empty() {
            found.retain(|(at, _)| !self.removed.contains(at));
        }
        // Certain before doubtful where an assignment was found twice.
        found.sort_unstable_by_key(|(at, certain)| (*at, !certain));
        found.dedup_by_key(|(at, _)| *at);
        found
    }

    /// Whether every assignment tells its scope and principal.
    pub fn all_placed(&self) -> bool {
        self.base.loose.is_empty() && self.added.iter().all(|a| a.scope.is_some() && a.principal.id.is_some())
    }

    /// Assignments to the principal itself or to a group of it.
    pub fn of_principal<'a>(&'a self, ids: impl Iterator<Item = &'a ObjectId> + 'a) -> Vec<&'a Arc<Assignment>> {
        let ids: BTreeSet<&ObjectId> = ids.collect();
        let held = ids.iter().filter_map(|id| self.base.held.get(*id)).flatten().map(|(_, at)| *at);
        let mut at: Vec<u32> = held.filter(|at| !self.removed.contains(at)).collect();
        at.sort_unstable();
        let base = at.into_iter().filter_map(|at| self.base.all.get(at as usize));
        let added = self.added.iter().filter(|a| a.principal.id.as_ref().is_some_and(|id| ids.contains(id)));
        base.chain(added).collect()
    }
}

impl Indexed {
    fn new(all: Vec<Arc<Assignment>>) -> Self {
        let mut index = Indexed::default();
        for (at, assignment) in all.iter().enumerate() {
            // INVARIANT: no export holds four thousand million assignments.
            let Ok(at) = u32::try_from(at) else { break };
            index.ids.entry(assignment.id.to_lowercase().into()).or_default().push(at);
            let (Some(scope), Some(principal)) = (&assignment.scope, &assignment.principal.id) else {
                index.loose.push(at);
                continue;
            };
            let next = u32::try_from(index.scopes.len()).unwrap_or(u32::MAX);
            let number = *index.scopes.entry(scope.folded().into()).or_insert(next);
            index.held.entry(principal.clone()).or_default().push((number, at));
            if is_management_group(scope.folded()) {
                index.held_above.entry(principal.clone()).or_default().push(at);
            }
            if assignment.principal.may_be_group() {
                index.groups.insert(Some(scope), at);
            }
        }
        for held in index.held.values_mut() {
            held.sort_unstable();
        }
        index.all = all;
        index
    }
}
