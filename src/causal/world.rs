//! An environment and its gates, compiled when first asked and shared with every world that did not change what they
//! read.

use crate::decide::azure_policy::{PolicyEngine, PolicyInput};
use crate::decide::azure_rbac::{Authorizer, Changes};
use crate::decide::conditional_access::{PolicySet, TenantSettings};
use crate::decide::pim::Pim;
use crate::effect::{Change, arm_principal};
use crate::model::request::ArmPrincipal;
use crate::model::{ActorKind, Collected, Collection, Environment, Event, Kind, ObjectId, json};
use imbl::ordmap::DiffItem;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

const CONDITIONAL_ACCESS: &[Kind] = &[
    Kind::ConditionalAccess,
    Kind::NamedLocations,
    Kind::AuthenticationStrengths,
    Kind::SecurityDefaults,
    Kind::CrossTenantAccess,
];
const RBAC_BUT_ASSIGNMENTS: &[Kind] = &[Kind::RoleDefinitions, Kind::DenyAssignments, Kind::Containers];
const POLICY: &[Kind] = &[
    Kind::PolicyDefinitions,
    Kind::PolicySetDefinitions,
    Kind::PolicyAssignments,
    Kind::Exemptions,
    Kind::PolicyAliases,
];
const PIM: &[Kind] = &[Kind::PimInstances, Kind::PimEligibilities, Kind::PimSettings, Kind::Containers];
const PRINCIPALS: &[Kind] = &[Kind::Users, Kind::ServicePrincipals, Kind::GroupMembers, Kind::DirectoryRoles];

/// One world. Cloning is cheap; compiled gates are shared.
#[derive(Clone, Default)]
pub struct World {
    pub env: Environment,
    /// Grows with every change, so that a decision can be kept for as long as nothing changed.
    pub version: u64,
    conditional_access: OnceLock<Arc<PolicySet>>,
    rbac: OnceLock<Arc<Authorizer>>,
    /// An authorizer that differs in assignments and locks alone, and the environment it is of.
    basis: Option<Arc<(Environment, Arc<Authorizer>)>>,
    policy: OnceLock<Arc<PolicyEngine>>,
    pim: OnceLock<Arc<Pim>>,
    principals: Arc<Mutex<BTreeMap<(ObjectId, bool), ArmPrincipal>>>,
}

fn same(a: &Environment, b: &Environment, kinds: &[Kind]) -> bool {
    kinds.iter().all(|kind| match (a.shared(*kind), b.shared(*kind)) {
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        (None, None) => true,
        (Some(one), None) | (None, Some(one)) => **one == Collection::default(),
    })
}

impl World {
    pub fn new(env: Environment) -> World {
        World { env, ..World::default() }
    }

    /// The world with another environment: keeps every compiled gate that reads nothing that differs.
    pub fn with(&self, env: Environment) -> World {
        let mut next = World { version: self.version + 1, ..World::default() };
        if same(&self.env, &env, CONDITIONAL_ACCESS) && self.env.tenant == env.tenant {
            next.conditional_access = self.conditional_access.clone();
        }
        if same(&self.env, &env, POLICY) {
            next.policy = self.policy.clone();
        }
        if same(&self.env, &env, PIM) {
            next.pim = self.pim.clone();
        }
        if same(&self.env, &env, PRINCIPALS) {
            next.principals = self.principals.clone();
        }
        if same(&self.env, &env, RBAC_BUT_ASSIGNMENTS)
            && self.env.collected(Kind::RoleAssignments) == env.collected(Kind::RoleAssignments)
            && self.env.collected(Kind::Locks) == env.collected(Kind::Locks)
        {
            next.basis = match self.rbac.get() {
                Some(authorizer) => Some(Arc::new((self.env.clone(), authorizer.clone()))),
                None => self.basis.clone(),
            };
        }
        next.env = env;
        next
    }

    /// Takes the compiled gate of that number from a world where it reads the same documents.
    pub fn share(&mut self, gate: usize, other: &World) {
        match gate {
            0 => self.conditional_access = other.conditional_access.clone(),
            1 => self.rbac = other.rbac.clone(),
            2 => self.policy = other.policy.clone(),
            _ => self.pim = other.pim.clone(),
        }
    }

    /// Compiles the gate of that number now.
    pub fn compile(&self, gate: usize) {
        match gate {
            0 => drop(self.conditional_access()),
            1 => drop(self.rbac()),
            2 => drop(self.policy()),
            _ => drop(self.pim()),
        }
    }

    /// Lets an event's change happen.
    pub fn apply(&mut self, change: &Change, event: &Event) {
        let mut env = self.env.clone();
        change.apply(&mut env, event);
        *self = self.with(env);
    }

    pub fn conditional_access(&self) -> &PolicySet {
        self.policies()
    }

    /// The compiled policies to keep: the same address for as long as they are the same.
    pub fn shared_conditional_access(&self) -> Arc<PolicySet> {
        self.policies().clone()
    }

    fn policies(&self) -> &Arc<PolicySet> {
        self.conditional_access.get_or_init(|| {
            let settings = TenantSettings::of(&self.env);
            let locations: Vec<&Value> = self.env.bodies(Kind::NamedLocations).collect();
            let policies: Vec<&Value> = self.env.bodies(Kind::ConditionalAccess).collect();
            Arc::new(PolicySet::compile(&settings, &locations, &policies))
        })
    }

    pub fn rbac(&self) -> &Authorizer {
        self.rbac.get_or_init(|| {
            let env = &self.env;
            if let Some((before, authorizer)) = self.basis.as_deref() {
                if same(before, env, &[Kind::RoleAssignments, Kind::Locks]) {
                    return authorizer.clone();
                }
                return Arc::new(after(authorizer, before, env));
            }
            Arc::new(Authorizer::without_classics(env))
        })
    }

    pub fn policy(&self) -> &PolicyEngine {
        self.policy.get_or_init(|| {
            let env = &self.env;
            let aliases = env.bodies(Kind::PolicyAliases);
            let engine = PolicyEngine::compile(PolicyInput {
                definitions: env.bodies(Kind::PolicyDefinitions).collect(),
                set_definitions: env.bodies(Kind::PolicySetDefinitions).collect(),
                assignments: Some(env.bodies(Kind::PolicyAssignments).collect()),
                exemptions: env.whole(Kind::Exemptions),
                aliases: crate::decide::azure_policy::AliasTable::from_providers(aliases),
            });
            // What a control puts there refuses, whatever else nobody exported.
            let whole = env.collected(Kind::PolicyAssignments) == Collected::Whole;
            Arc::new(if whole { engine } else { engine.in_part() })
        })
    }

    pub fn pim(&self) -> &Pim {
        self.pim.get_or_init(|| Arc::new(Pim::of(&self.env)))
    }

    /// The caller as Azure RBAC sees it in this world.
    pub fn principal(&self, id: &ObjectId, kind: ActorKind) -> ArmPrincipal {
        let machine = matches!(kind, ActorKind::ServicePrincipal | ActorKind::ManagedIdentity);
        let make = || arm_principal(&self.env, id, kind);
        match self.principals.lock() {
            Ok(mut known) => known.entry((id.clone(), machine)).or_insert_with(make).clone(),
            Err(_) => make(),
        }
    }
}

/// The same authorizer after the differences between two sets of documents: as many steps as there are differences.
fn after(authorizer: &Authorizer, old: &Environment, new: &Environment) -> Authorizer {
    let none = Collection::default();
    let of = |env: &Environment, kind: Kind| env.shared(kind).map_or_else(|| none.clone(), |c| c.as_ref().clone());
    let (old_assignments, new_assignments) = (of(old, Kind::RoleAssignments), of(new, Kind::RoleAssignments));
    let (old_locks, new_locks) = (of(old, Kind::Locks), of(new, Kind::Locks));
    let (assignments_gone, assignments) = differences(&old_assignments, &new_assignments);
    let (locks_gone, locks) = differences(&old_locks, &new_locks);
    authorizer.changed(&Changes { assignments_gone, assignments, locks_gone, locks })
}

fn differences<'a>(old: &'a Collection, new: &'a Collection) -> (Vec<&'a str>, Vec<&'a Value>) {
    let mut gone = Vec::new();
    let mut come = Vec::new();
    for change in old.documents.diff(&new.documents) {
        match change {
            DiffItem::Add(_, document) => come.push(document.body.as_ref()),
            DiffItem::Update { old: (key, was), new: (_, is) } => {
                gone.push(json::text(&was.body, "id").unwrap_or(key));
                come.push(is.body.as_ref());
            }
            DiffItem::Remove(key, document) => gone.push(json::text(&document.body, "id").unwrap_or(key)),
        }
    }
    (gone, come)
}
