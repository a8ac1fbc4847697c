//! What of an environment could matter to a path: who holds something, which resources carry whom, who owns what.
//!
//! Each collection is read once, for every world that has it; a world that came of another is read by its differences
//! from that one, as many steps as it has changes. It only bounds where rules look, so it may hold too much (a role that
//! was taken away), never too little.

use crate::effect::{assigned, identities_of, permission_allows};
use crate::model::{Collection, Document, Environment, Fact, Kind, ObjectId, ResourceId, json};
use imbl::ordmap::DiffItem;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

const READS: &[Kind] = &[
    Kind::RoleAssignments,
    Kind::DirectoryRoles,
    Kind::AppRoleAssignments,
    Kind::PimEligibilities,
    Kind::Owners,
    Kind::Resources,
    Kind::ConditionalAccess,
];

/// What documents of one kind tell.
#[derive(Debug, Default)]
struct Part {
    /// Hold an Azure or Entra role, an eligibility or an app role, or own something.
    holders: BTreeSet<ObjectId>,
    /// Left out by a conditional access policy.
    excluded: BTreeSet<ObjectId>,
    /// Resources with an identity they carry.
    identities: BTreeSet<(ResourceId, ObjectId)>,
    /// Principals of both.
    carried: BTreeSet<ObjectId>,
    /// User-assigned identities, each with its principal.
    assignable: BTreeMap<ResourceId, ObjectId>,
    owned: BTreeMap<ObjectId, BTreeSet<ObjectId>>,
    /// App roles held.
    permissions: BTreeMap<ObjectId, BTreeSet<String>>,
}

pub struct Estate {
    parts: Vec<Arc<Part>>,
    env: Environment,
    targets: OnceLock<Targets>,
    places: OnceLock<Places>,
}

/// Resources that give an identity.
#[derive(Default)]
struct Places {
    /// One that holds something.
    worthwhile: BTreeSet<ResourceId>,
    /// They and every scope above them.
    scopes: BTreeSet<ResourceId>,
    any: BTreeSet<ResourceId>,
    /// User-assigned identities.
    assignable: BTreeSet<ResourceId>,
}

/// Everybody worth acting as, the members of groups that hold something included.
#[derive(Default)]
struct Targets {
    users: BTreeSet<ObjectId>,
    machines: BTreeSet<ObjectId>,
    groups: BTreeSet<ObjectId>,
}

impl Estate {
    /// `start`: the environment that `world` came of.
    pub fn of(start: &Environment, world: &Environment) -> Estate {
        let mut parts = Vec::new();
        for kind in READS {
            let Some(new) = world.shared(*kind) else { continue };
            let whole = |documents: &Collection| Part::read(*kind, documents, documents.iter());
            match start.shared(*kind) {
                Some(old) if !Arc::ptr_eq(old, new) => {
                    parts.push(old.derived("estate", whole));
                    let changed = old.documents.diff(&new.documents).filter_map(|change| match change {
                        DiffItem::Add(key, document) | DiffItem::Update { new: (key, document), .. } => {
                            Some((key.as_ref(), document))
                        }
                        DiffItem::Remove(..) => None,
                    });
                    parts.push(Arc::new(Part::read(*kind, new, changed)));
                }
                _ => parts.push(new.derived("estate", whole)),
            }
        }
        Estate { parts, env: world.clone(), targets: OnceLock::new(), places: OnceLock::new() }
    }

    fn parts(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().map(Arc::as_ref)
    }

    fn targets(&self) -> &Targets {
        self.targets.get_or_init(|| {
            let mut targets = Targets::default();
            let mut known: BTreeSet<ObjectId> = self.parts().flat_map(|part| &part.holders).cloned().collect();
            let mut open: Vec<ObjectId> = known.iter().cloned().collect();
            let is = |kind: Kind, id: &ObjectId| self.env.get(kind, id.as_str()).is_some();
            let excluded = self.parts().flat_map(|part| &part.excluded).filter(|id| is(Kind::Groups, id));
            targets.groups.extend(excluded.chain(known.iter().filter(|id| is(Kind::Groups, id))).cloned());
            while let Some(group) = open.pop() {
                let Some(document) = self.env.get(Kind::GroupMembers, group.as_str()) else { continue };
                for member in json::get(&document.body, "members").and_then(Value::as_array).into_iter().flatten() {
                    let Some(member) = json::text(member, "id").map(ObjectId::new) else { continue };
                    if known.insert(member.clone()) {
                        open.push(member);
                    }
                }
            }
            targets.users = known.iter().filter(|id| is(Kind::Users, id)).cloned().collect();
            targets.machines = known.into_iter().filter(|id| is(Kind::ServicePrincipals, id)).collect();
            targets
        })
    }

    /// Users and service principals worth acting as.
    pub fn users(&self) -> &BTreeSet<ObjectId> {
        &self.targets().users
    }

    pub fn machines(&self) -> &BTreeSet<ObjectId> {
        &self.targets().machines
    }

    /// Groups that hold something, or that a conditional access policy leaves out.
    pub fn groups(&self) -> &BTreeSet<ObjectId> {
        &self.targets().groups
    }

    /// What the principal owns: applications, service principals, groups.
    pub fn owned_by(&self, principal: &ObjectId) -> impl Iterator<Item = &ObjectId> {
        self.parts().filter_map(|part| part.owned.get(principal)).flatten()
    }

    /// Whether an application permission of the principal allows a directory operation.
    pub fn permits(&self, principal: &ObjectId, operation: &str) -> bool {
        let mut held = self.parts().filter_map(|part| part.permissions.get(principal)).flatten();
        held.any(|role| permission_allows(role, operation))
    }

    /// Whether the principal, or a group it is in, holds something.
    fn holds(&self, id: &ObjectId) -> bool {
        let direct = |id: &ObjectId| self.parts().any(|part| part.holders.contains(id));
        direct(id)
            || match self.env.transitive_groups(id) {
                Fact::Known(groups) => groups.iter().any(direct),
                // Kinds that were not collected open no path.
                Fact::Unknown | Fact::Absent => false,
            }
    }

    /// Resources that carry an identity which holds something, with that identity.
    pub fn identities(&self) -> impl Iterator<Item = &(ResourceId, ObjectId)> {
        self.parts().flat_map(|part| &part.identities).filter(|(_, id)| self.holds(id))
    }

    /// Resources that carry any identity.
    pub fn carriers(&self) -> impl Iterator<Item = &(ResourceId, ObjectId)> {
        self.parts().flat_map(|part| &part.identities)
    }

    /// Whether some resource carries the principal as its identity, or is it.
    pub fn is_carried(&self, principal: &ObjectId) -> bool {
        self.parts().any(|part| part.carried.contains(principal))
    }

    /// Those of one resource that hold something.
    pub fn of_resource<'e>(&'e self, resource: &'e ResourceId) -> impl Iterator<Item = &'e ObjectId> {
        self.carried_by(resource).filter(|id| self.holds(id))
    }

    /// Those of one resource.
    pub fn carried_by<'e>(&'e self, resource: &'e ResourceId) -> impl Iterator<Item = &'e ObjectId> {
        let least = (resource.clone(), ObjectId::new(""));
        self.parts()
            .flat_map(move |part| part.identities.range(least.clone()..).take_while(move |(of, _)| of == resource))
            .map(|(_, id)| id)
    }

    /// The principal of a user-assigned identity.
    pub fn assigned(&self, identity: &ResourceId) -> Option<&ObjectId> {
        self.parts().find_map(|part| part.assignable.get(identity))
    }

    fn places(&self) -> &Places {
        self.places.get_or_init(|| {
            let mut places = Places::default();
            places.worthwhile.extend(self.identities().map(|(resource, _)| resource.clone()));
            places.worthwhile.iter().for_each(|id| add_with_above(&self.env, id, &mut places.scopes));
            places.any.extend(self.carriers().map(|(resource, _)| resource.clone()));
            places.assignable.extend(self.parts().flat_map(|part| part.assignable.keys()).cloned());
            places
        })
    }

    /// Resources that carry an identity which holds something.
    pub fn worthwhile(&self) -> &BTreeSet<ResourceId> {
        &self.places().worthwhile
    }

    /// They and every scope above them.
    pub fn scopes(&self) -> &BTreeSet<ResourceId> {
        &self.places().scopes
    }

    /// Resources that carry any identity.
    pub fn carrying(&self) -> &BTreeSet<ResourceId> {
        &self.places().any
    }

    /// User-assigned identities, by id.
    pub fn assignable(&self) -> &BTreeSet<ResourceId> {
        &self.places().assignable
    }
}

/// Adds a resource and every scope above it.
pub fn add_with_above(env: &Environment, id: &ResourceId, scopes: &mut BTreeSet<ResourceId>) {
    let mut at = Some(id.clone());
    while let Some(scope) = at {
        if let Some(subscription) = scope.subscription()
            && subscription == scope
            && let Fact::Known(chain) = env.management_groups(&subscription)
        {
            for group in chain {
                scopes.insert(ResourceId::new(&format!("/providers/Microsoft.Management/managementGroups/{group}")));
            }
        }
        at = scope.parent();
        // What is above a known scope is known too.
        if !scopes.insert(scope) {
            break;
        }
    }
}

impl Part {
    /// `whole`: the collection they are part of.
    fn read<'d>(kind: Kind, whole: &Collection, documents: impl Iterator<Item = (&'d str, &'d Document)>) -> Part {
        let known = |id: &ResourceId| whole.documents.get(id.folded()).map(|document| document.body.clone());
        let mut part = Part::default();
        for (key, document) in documents {
            let body = document.body.as_ref();
            match kind {
                Kind::Resources => part.resource(key, body, &known),
                Kind::Owners => {
                    for owner in json::get(body, "owners").and_then(Value::as_array).into_iter().flatten() {
                        let Some(owner) = json::text(owner, "id").map(ObjectId::new) else { continue };
                        part.owned.entry(owner.clone()).or_default().insert(ObjectId::new(key));
                        part.holders.insert(owner);
                    }
                }
                Kind::ConditionalAccess => {
                    let excluded = json::path(body, "conditions.users.excludeGroups").and_then(Value::as_array);
                    part.excluded.extend(excluded.into_iter().flatten().filter_map(Value::as_str).map(ObjectId::new));
                }
                _ => {
                    let holder = json::text(body, "properties.principalId").or_else(|| json::text(body, "principalId"));
                    let Some(holder) = holder.map(ObjectId::new) else { continue };
                    if kind == Kind::AppRoleAssignments {
                        let role = json::text(body, "appRoleId").map(str::to_owned);
                        part.permissions.entry(holder.clone()).or_default().extend(role);
                    }
                    part.holders.insert(holder);
                }
            }
        }
        part
    }

    fn resource(&mut self, key: &str, body: &Value, known: &dyn Fn(&ResourceId) -> Option<Arc<Value>>) {
        let id = || ResourceId::new(json::text(body, "id").unwrap_or(key));
        for principal in identities_of(body, known) {
            self.carried.insert(principal.clone());
            self.identities.insert((id(), principal));
        }
        if key.contains("/microsoft.managedidentity/")
            && let Some(principal) = assigned(&id(), body)
        {
            self.carried.insert(principal.clone());
            self.assignable.insert(id(), principal);
        }
    }
}
