//! The Azure RBAC gate: deny assignments, role assignments with their conditions, elevated access, locks.
//!
//! | file | what it holds |
//! |---|---|
//! | `pattern` | operation names and wildcards |
//! | `scope` | which scope covers which; management groups |
//! | `principal` | whom an entry names; groups |
//! | `role`, `assignment`, `deny`, `lock`, `elevated` | one kind of document each, compiled |
//! | `condition` | the language of Azure ABAC |
//! | `decision` | how the steps make one answer |
//! | `explain` | the answer with its clauses |
//! | `file` | `cutset decide azure-rbac FILE` |
//!
//! Sources: *What is Azure role-based access control (Azure RBAC)?*, *Understand Azure role definitions*, *Understand
//! scope for Azure RBAC*, *Understand Azure deny assignments*, *Azure role assignment condition format and syntax*,
//! *Delegate Azure role assignment management to others with conditions*, *Elevate access to manage all Azure
//! subscriptions and management groups*, *Azure classic subscription administrators*, *Lock your resources to protect
//! your infrastructure*. What they leave open answers `unknown`.

mod asked;
mod assignment;
mod condition;
mod decision;
mod deny;
mod elevated;
mod explain;
mod file;
mod keyed;
mod lock;
mod logic;
mod pattern;
mod principal;
mod role;
mod scope;

pub use condition::{ConditionError, ConditionSummary, check as check_condition};
pub use decision::{Decision, Outcome, Reason};

use super::Gate;
use crate::model::request::{ArmPrincipal, ArmRequest};
use crate::model::{Answer, Collected, Environment, Kind, ObjectId, ResourceId, Truth};
use asked::Asked;
use assignment::{Assignment, Assignments};
use decision::{Grants, Step, combine};
use deny::Denies;
use elevated::Classics;
use lock::{Lock, Locks};
use logic::{Kleene, Logic};
use principal::Caller;
use role::Roles;
use scope::Hierarchy;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

pub const GATE: Gate = Gate { id: "azure-rbac", decide_file: file::decide };

/// The documents a gate is compiled from, in canonical ARM form. A list that is `None` was not collected.
#[derive(Clone, Debug, Default)]
pub struct AuthorizerInput<'a> {
    pub role_definitions: Vec<&'a Value>,
    pub role_assignments: Option<Vec<&'a Value>>,
    pub deny_assignments: Option<Vec<&'a Value>>,
    pub locks: Option<Vec<&'a Value>>,
    pub classic_administrators: Option<Vec<&'a Value>>,
    /// Subscription to the names of the management groups above it, nearest first; `None`: not known.
    pub hierarchy: BTreeMap<ResourceId, Option<Vec<String>>>,
}

/// Documents that go, by id, and documents that come; one that comes under a known id replaces it.
#[derive(Clone, Debug, Default)]
pub struct Changes<'a> {
    pub assignments_gone: Vec<&'a str>,
    pub assignments: Vec<&'a Value>,
    pub locks_gone: Vec<&'a str>,
    pub locks: Vec<&'a Value>,
}

/// What of a document could not be read. What depends on it is unknown, never skipped.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Complaint {
    /// Id of the document.
    pub document: String,
    pub pointer: String,
    /// One sentence, lower case, no full stop.
    pub says: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}: {}", self.document, self.pointer, self.says)
    }
}

/// One support of a request: an assignment that grants it, or may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Id of the role assignment; `entraRole:<template id>` or the id of a classic administrator where there is none.
    pub assignment: String,
    pub role_definition: String,
    pub role_name: Option<String>,
    pub scope: ResourceId,
    /// To whom it is made: the caller, or a group of the caller.
    pub principal: ObjectId,
    /// `True`, or `Unknown` with what it turns on.
    pub truth: Truth,
}

/// A role that a principal holds somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldRole<'a> {
    pub assignment: &'a str,
    /// Id of the role definition, as the assignment spells it.
    pub role: &'a str,
    pub scope: &'a ResourceId,
}

/// The documents compiled once, to decide many requests. Clones share everything.
#[derive(Clone, Debug)]
pub struct Authorizer {
    roles: Arc<Roles>,
    assignments: Assignments,
    assignments_collected: bool,
    denies: Arc<Denies>,
    locks: Arc<Locks>,
    classics: Arc<Classics>,
    hierarchy: Arc<Hierarchy>,
    complaints: Arc<Vec<Complaint>>,
}

impl Authorizer {
    /// Never fails: what cannot be read is in [`Authorizer::complaints`], and what depends on it is unknown.
    pub fn compile(input: AuthorizerInput<'_>) -> Authorizer {
        let mut complaints = Vec::new();
        let mut complain = collector(&mut complaints);
        let mut roles = Roles::default();
        for document in &input.role_definitions {
            roles.insert(document, &mut complain);
        }
        let documents = input.role_assignments.iter().flatten();
        let all = documents.map(|document| Arc::new(Assignment::of(document, &roles, &mut complain))).collect();
        let denies = Denies::new(input.deny_assignments.as_deref(), &mut complain);
        let locks = Locks::new(input.locks.as_deref(), &mut complain);
        let classics = Classics::new(input.classic_administrators.as_deref(), &mut complain);
        drop(complain);
        Authorizer {
            roles: Arc::new(roles),
            assignments: Assignments::new(all),
            assignments_collected: input.role_assignments.is_some(),
            denies: Arc::new(denies),
            locks: Arc::new(locks),
            classics: Arc::new(classics),
            hierarchy: Arc::new(Hierarchy::new(&input.hierarchy)),
            complaints: Arc::new(complaints),
        }
    }

    /// From a snapshot. A kind that was collected in part grants, denies and locks by what is there, and leaves the
    /// rest unknown. No export holds classic administrators.
    pub fn of(environment: &Environment) -> Authorizer {
        Authorizer::with_classics(environment, None)
    }

    /// The same where classic administrators are taken to be gone (*Azure classic subscription administrators*: retired).
    pub fn without_classics(environment: &Environment) -> Authorizer {
        Authorizer::with_classics(environment, Some(Vec::new()))
    }

    fn with_classics(environment: &Environment, classics: Option<Vec<&Value>>) -> Authorizer {
        let bodies = |kind| environment.bodies(kind).collect::<Vec<_>>();
        let subscriptions = environment.of(Kind::Containers).map(|(id, _)| ResourceId::new(id));
        let subscriptions = subscriptions.filter(|id| id.subscription().as_ref() == Some(id));
        let chain = |id: ResourceId| {
            let chain = environment.management_groups(&id).known().cloned();
            (id, chain)
        };
        let mut gate = Authorizer::compile(AuthorizerInput {
            role_definitions: bodies(Kind::RoleDefinitions),
            role_assignments: Some(bodies(Kind::RoleAssignments)),
            deny_assignments: Some(bodies(Kind::DenyAssignments)),
            locks: Some(bodies(Kind::Locks)),
            classic_administrators: classics,
            hierarchy: subscriptions.map(chain).collect(),
        });
        let whole = |kind| environment.collected(kind) == Collected::Whole;
        gate.assignments_collected = whole(Kind::RoleAssignments);
        Arc::make_mut(&mut gate.denies).collected = whole(Kind::DenyAssignments);
        Arc::make_mut(&mut gate.locks).collected = whole(Kind::Locks);
        gate
    }

    /// What could not be read, in the order of the documents.
    pub fn complaints(&self) -> &[Complaint] {
        &self.complaints
    }

    /// With these changes, all at once: what is made again is made once.
    pub fn changed(&self, changes: &Changes<'_>) -> Authorizer {
        let mut changed = self.clone();
        let complaints = Arc::make_mut(&mut changed.complaints);
        if !changes.assignments_gone.is_empty() || !changes.assignments.is_empty() {
            let more = changes.assignments.iter().map(|d| Assignment::of(d, &self.roles, &mut collector(complaints)));
            let more: Vec<Assignment> = more.collect();
            changed.assignments = self.assignments.changed(&changes.assignments_gone, more);
        }
        if !changes.locks_gone.is_empty() || !changes.locks.is_empty() {
            let more = changes.locks.iter().map(|document| Lock::of(document, &mut collector(complaints))).collect();
            changed.locks = Arc::new(self.locks.changed(&changes.locks_gone, more));
        }
        changed
    }

    /// With this role assignment; one of the same id is replaced.
    pub fn with_assignment(&self, document: &Value) -> Authorizer {
        self.changed(&Changes { assignments: vec![document], ..Changes::default() })
    }

    /// Without the role assignment of this id.
    pub fn without_assignment(&self, id: &str) -> Authorizer {
        self.changed(&Changes { assignments_gone: vec![id], ..Changes::default() })
    }

    /// With this role definition; one of the same GUID is replaced, and assignments of it see the new one.
    pub fn with_role_definition(&self, document: &Value) -> Authorizer {
        let mut changed = self.clone();
        let roles = Arc::make_mut(&mut changed.roles);
        let Some(key) = roles.insert(document, &mut collector(Arc::make_mut(&mut changed.complaints))) else {
            return changed;
        };
        let role = roles.get(&key).cloned();
        changed.assignments = self.assignments.map(|assignment| {
            if assignment.role_key.as_ref() != Some(&key) {
                return assignment.clone();
            }
            Arc::new(Assignment { role: role.clone(), ..assignment.as_ref().clone() })
        });
        changed
    }

    /// With this lock; one of the same id is replaced.
    pub fn with_lock(&self, document: &Value) -> Authorizer {
        self.changed(&Changes { locks: vec![document], ..Changes::default() })
    }

    /// Without the lock of this id.
    pub fn without_lock(&self, id: &str) -> Authorizer {
        self.changed(&Changes { locks_gone: vec![id], ..Changes::default() })
    }

    /// Whether the request passes, by what, and why.
    pub fn decide(&self, principal: &ArmPrincipal, request: &ArmRequest) -> Decision {
        let operation = asked::folded(request);
        let asked = Asked::new(request, &operation, &self.hierarchy);
        let caller = Caller::new(principal);
        combine(self.deny_step(&caller, &asked), self.grant_step(&caller, &asked), self.lock_step(&asked), || {
            vec![self.deny_truth(&caller, &asked), self.grant_truth(&caller, &asked), self.lock_truth(&asked)]
        })
    }

    /// The decision in the terms of the attack, with the clauses that made it.
    pub fn answer(&self, principal: &ArmPrincipal, request: &ArmRequest) -> Answer {
        explain::answer(self, principal, request)
    }

    /// All supports of a request, whatever deny assignments and locks say: cutting one is no cut while another remains.
    pub fn grants(&self, principal: &ArmPrincipal, request: &ArmRequest) -> Vec<Grant> {
        explain::grants(self, principal, request)
    }

    /// Whether some assignment of the caller's could allow the request, whatever its conditions, deny assignments and
    /// locks say; and then, whether any of those carries a condition, on the assignment or in the role.
    pub fn could(&self, principal: &ArmPrincipal, request: &ArmRequest) -> Option<bool> {
        let caller = Caller::new(principal);
        let operation = asked::folded(request);
        let asked = Asked::new(request, &operation, &self.hierarchy);
        let mut could = (!self.assignments_collected).then_some(false);
        for (at, _) in self.assignments.candidates(&caller, &asked) {
            let Some(assignment) = self.assignments.get(at) else { continue };
            let factors = assignment.factors::<Kleene>(&caller, &asked);
            if ![factors.scope, factors.principal, factors.actions].contains(&Kleene::False) {
                could = Some(could == Some(true) || assignment.is_conditioned(&asked));
            }
        }
        let classic = |c: &elevated::Classic| c.grants::<Kleene>(&caller, &asked, &self.assignments) != Kleene::False;
        let others = self.classics.all.iter().any(classic);
        let others = others || self.classics.perhaps::<Kleene>(&caller, &asked) != Kleene::False;
        could.or(others.then_some(false))
    }

    /// The roles whose permissions name any of up to 128 operations (each with whether it is a data action), with a bit
    /// for each that they name; conditions aside. Those that name most come first.
    pub fn roles_naming(&self, operations: &[(String, bool)]) -> Arc<Vec<(ObjectId, String, u128)>> {
        let folded: Vec<(String, bool)> = operations.iter().map(|(name, data)| (name.to_lowercase(), *data)).collect();
        self.roles.naming(&folded)
    }

    /// Role assignments to the principal or its known groups, wherever they are.
    pub fn roles_held<'a>(&'a self, principal: &'a ArmPrincipal) -> impl Iterator<Item = HeldRole<'a>> {
        let ids = std::iter::once(&principal.id).chain(principal.transitive_groups.iter().flatten());
        self.assignments.of_principal(ids).into_iter().filter_map(|assignment| {
            let scope = assignment.scope.as_ref()?;
            Some(HeldRole { assignment: &assignment.id, role: &assignment.role_id, scope })
        })
    }

    /// Scopes at which the caller or a group of theirs is assigned anything: nothing outside and below them is granted to
    /// them by an assignment. None where that is not known.
    pub fn scopes_held<'a>(&'a self, principal: &'a ArmPrincipal) -> Option<Vec<&'a ResourceId>> {
        let known =
            self.assignments_collected && principal.transitive_groups.is_some() && self.assignments.all_placed();
        known.then(|| self.roles_held(principal).map(|held| held.scope).collect())
    }

    /// Ids of the locks that certainly block the request.
    pub fn blocking_locks(&self, request: &ArmRequest) -> Vec<String> {
        let operation = asked::folded(request);
        let asked = Asked::new(request, &operation, &self.hierarchy);
        let exposure = lock::exposure(&asked);
        let blocking = |lock: &&Lock| lock.blocks::<Kleene>(exposure, &asked) == Kleene::True;
        self.locks.candidates(exposure, &asked).filter(blocking).map(|lock| lock.id.to_string()).collect()
    }

    fn deny_step(&self, caller: &Caller<'_>, asked: &Asked<'_>) -> Step {
        let mut step = Step::none();
        if !self.denies.collected {
            step.add(Kleene::Unknown, String::new, || Reason::DenyAssignmentsUnknown);
        }
        for deny in self.denies.candidates(asked).filter(|deny| deny.is_enforced()) {
            let factors = deny.factors::<Kleene>(caller, asked);
            step.add(
                factors.whole,
                || deny.name.to_string(),
                || match deny.is_readable() {
                    true => first_doubt(factors.scope, factors.principal, factors.actions),
                    false => Reason::DenyAssignmentsUnknown,
                },
            );
        }
        step
    }

    fn deny_truth(&self, caller: &Caller<'_>, asked: &Asked<'_>) -> Truth {
        let known = self.denies.candidates(asked).filter(|deny| deny.is_enforced());
        let known = Truth::any(known.map(|deny| deny.factors(caller, asked).whole));
        if self.denies.collected { known } else { Logic::or(known, Truth::missing("denyAssignments")) }
    }

    fn grant_step(&self, caller: &Caller<'_>, asked: &Asked<'_>) -> Grants {
        let mut grants = Grants { step: Step::none(), condition_false: false, entra_role: false };
        if elevated::is_elevation(asked.operation) {
            grants.entra_role = true;
            let role = || format!("entraRole:{}", elevated::ELEVATOR);
            grants.step.add(elevated::may_elevate(caller), role, || Reason::EntraRolesUnknown);
            return grants;
        }
        if !self.assignments_collected {
            grants.step.add(Kleene::Unknown, String::new, || Reason::RoleAssignmentsUnknown);
        }
        for (at, certain) in self.assignments.candidates(caller, asked) {
            let Some(assignment) = self.assignments.get(at) else { continue };
            let factors =
                if certain { assignment.found::<Kleene>(asked) } else { assignment.factors::<Kleene>(caller, asked) };
            let others = [factors.scope, factors.principal, factors.actions];
            grants.condition_false |= factors.whole == Kleene::False && !others.contains(&Kleene::False);
            grants.step.add(
                factors.whole,
                || assignment.name.to_string(),
                || match assignment.is_readable() {
                    true => match first_doubt(factors.scope, factors.principal, factors.actions) {
                        Reason::ZeroSegmentWildcard if !assignment.is_defined() => Reason::RoleDefinitionUnknown,
                        reason => reason,
                    },
                    false => Reason::RoleAssignmentsUnknown,
                },
            );
        }
        for classic in &self.classics.all {
            let truth = classic.grants(caller, asked, &self.assignments);
            grants.step.add(truth, || classic.name.to_string(), || Reason::RoleAssignmentsUnknown);
        }
        let perhaps = self.classics.perhaps(caller, asked);
        grants.step.add(perhaps, String::new, || Reason::RoleAssignmentsUnknown);
        grants
    }

    fn grant_truth(&self, caller: &Caller<'_>, asked: &Asked<'_>) -> Truth {
        if elevated::is_elevation(asked.operation) {
            return elevated::may_elevate(caller);
        }
        let candidates = self.assignments.candidates(caller, asked).into_iter();
        let assigned = candidates
            .filter_map(|(at, _)| self.assignments.get(at))
            .map(|assignment| assignment.factors::<Truth>(caller, asked).whole);
        let classic = self.classics.all.iter().map(|classic| classic.grants(caller, asked, &self.assignments));
        let perhaps = std::iter::once_with(|| self.classics.perhaps(caller, asked));
        let list = std::iter::once_with(|| match self.assignments_collected {
            true => Truth::False,
            false => Truth::missing("roleAssignments"),
        });
        Truth::any(list.chain(assigned).chain(classic).chain(perhaps))
    }

    fn lock_step(&self, asked: &Asked<'_>) -> Step {
        let exposure = lock::exposure(asked);
        let mut step = Step::none();
        if exposure != lock::Exposure::Free && !self.locks.collected {
            step.add(Kleene::Unknown, String::new, || Reason::LocksUnknown);
        }
        for lock in self.locks.candidates(exposure, asked) {
            step.add(lock.blocks(exposure, asked), || lock.name.to_string(), || Reason::LocksUnknown);
        }
        step
    }

    fn lock_truth(&self, asked: &Asked<'_>) -> Truth {
        let exposure = lock::exposure(asked);
        let known = Truth::any(self.locks.candidates(exposure, asked).map(|lock| lock.blocks(exposure, asked)));
        let uncollected = exposure != lock::Exposure::Free && !self.locks.collected;
        if uncollected { Logic::or(known, Truth::missing("locks")) } else { known }
    }
}

/// The first unknown of a document, in the order scope, groups, role definition (missing, wildcard), condition.
fn first_doubt(scope: Kleene, principal: Kleene, actions: Kleene) -> Reason {
    if scope == Kleene::Unknown {
        Reason::ScopeUnknown
    } else if principal == Kleene::Unknown {
        Reason::GroupsUnknown
    } else if actions == Kleene::Unknown {
        Reason::ZeroSegmentWildcard
    } else {
        Reason::ConditionUnknown
    }
}

fn collector(complaints: &mut Vec<Complaint>) -> impl FnMut(&str, String, String) {
    |document, pointer, says| complaints.push(Complaint { document: document.to_owned(), pointer, says })
}
