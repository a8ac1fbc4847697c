//! Which principals run on which resource.
//!
//! Three tell it: the resource's own `identity`, a user-assigned identity's `properties.principalId`, and the
//! `alternativeNames` of a managed identity's service principal, which hold the resource's id (learn.microsoft.com,
//! "Managed identities for Azure resources: frequently asked questions"; Graph, "servicePrincipal resource type").

use crate::model::{Environment, Kind, ObjectId, ResourceId, json};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The principals that run on each resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    by_resource: BTreeMap<ResourceId, BTreeSet<ObjectId>>,
}

impl Carried {
    /// What the documents of an environment tell.
    pub fn of(env: &Environment) -> Carried {
        let mut carried = Carried::default();
        for (key, document) in env.of(Kind::Resources) {
            let id = ResourceId::new(json::text(&document.body, "id").unwrap_or(key));
            carried.note(env, &id, &document.body);
        }
        for (key, document) in env.of(Kind::ServicePrincipals) {
            let id = ObjectId::new(json::text(&document.body, "id").unwrap_or(key));
            for resource in named(&document.body) {
                carried.add(resource, id.clone());
            }
        }
        carried
    }

    /// What one body of a resource tells, be it a document or what a write sent and got back.
    pub fn note(&mut self, env: &Environment, resource: &ResourceId, body: &Value) {
        let known = |id: &ResourceId| env.resource(id).map(|document| document.body.clone());
        let told = principals(body, &known).into_iter().chain(assigned(resource, body));
        for principal in told {
            self.add(resource.clone(), principal);
        }
    }

    fn add(&mut self, resource: ResourceId, principal: ObjectId) {
        self.by_resource.entry(resource).or_default().insert(principal);
    }

    pub fn extend(&mut self, other: Carried) {
        for (resource, principals) in other.by_resource {
            self.by_resource.entry(resource).or_default().extend(principals);
        }
    }

    /// Whether code on the resource gets tokens of the principal.
    pub fn carries(&self, resource: &ResourceId, principal: &ObjectId) -> bool {
        self.by_resource.get(resource).is_some_and(|all| all.contains(principal))
    }

    pub fn on(&self, resource: &ResourceId) -> impl Iterator<Item = &ObjectId> {
        self.by_resource.get(resource).into_iter().flatten()
    }
}

/// The principal of a user-assigned identity, which is a resource of its own.
pub fn assigned(resource: &ResourceId, body: &Value) -> Option<ObjectId> {
    let of_type = resource.resource_type()?;
    of_type
        .eq_ignore_ascii_case("Microsoft.ManagedIdentity/userAssignedIdentities")
        .then(|| json::text(body, "properties.principalId").map(ObjectId::new))
        .flatten()
}

/// The principals of a body's `identity`: its own, and the user-assigned ones it names (a request, and some exports,
/// name them by resource id alone). `known`: the body of another resource.
pub fn principals(body: &Value, known: &dyn Fn(&ResourceId) -> Option<Arc<Value>>) -> Vec<ObjectId> {
    let mut found: Vec<ObjectId> = own_identity(body).into_iter().collect();
    let named = json::path(body, "identity.userAssignedIdentities").and_then(Value::as_object);
    for (id, told) in named.into_iter().flatten() {
        let identity = ResourceId::new(id);
        let principal = json::text(told, "principalId").map(ObjectId::new);
        found.extend(principal.or_else(|| assigned(&identity, known(&identity)?.as_ref())));
    }
    found
}

/// The principal that lives and dies with the resource.
pub fn own_identity(body: &Value) -> Option<ObjectId> {
    json::text(body, "identity.principalId").filter(|id| !id.is_empty()).map(ObjectId::new)
}

/// The resources that a managed identity's service principal names as its own.
pub fn named(service_principal: &Value) -> impl Iterator<Item = ResourceId> {
    let names = json::get(service_principal, "alternativeNames").and_then(Value::as_array).into_iter().flatten();
    names.filter_map(Value::as_str).filter(|name| name.starts_with('/')).map(ResourceId::new)
}
