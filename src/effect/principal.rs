//! Who an event's actor is in the environment: object id, groups, active directory roles.

use crate::model::request::ArmPrincipal;
use crate::model::{Actor, ActorKind, Collected, Collection, Environment, Fact, Kind, ObjectId, json};
use std::collections::{BTreeMap, BTreeSet};

/// The object id of an actor, by the record or by looking UPN or application id up in the environment.
pub fn principal_of(env: &Environment, actor: &Actor) -> Option<ObjectId> {
    if let Some(id) = &actor.id {
        return Some(id.clone());
    }
    let of = |kind, field, value: &str| env.keys_with(kind, field, value).first().map(|key| ObjectId::new(key));
    actor
        .upn
        .as_ref()
        .and_then(|upn| of(Kind::Users, "userPrincipalName", upn))
        .or_else(|| actor.app_id.as_ref().and_then(|app| of(Kind::ServicePrincipals, "appId", app)))
}

/// Template ids of the built-in directory roles that are active for the principal at tenant scope, its groups' included.
/// Unknown where directory role assignments were not collected whole, or memberships could matter and were not.
pub fn active_directory_roles(env: &Environment, principal: &ObjectId) -> Fact<BTreeSet<ObjectId>> {
    if env.collected(Kind::DirectoryRoles) != Collected::Whole {
        return Fact::Unknown;
    }
    let index = env.derived(Kind::DirectoryRoles, "holders", DirectoryRoles::of);
    let mut roles: BTreeSet<ObjectId> = index.0.get(principal).cloned().unwrap_or_default();
    let is_group = |holder: &ObjectId| {
        ![Kind::Users, Kind::ServicePrincipals].iter().any(|kind| env.get(*kind, holder.as_str()).is_some())
    };
    match env.transitive_groups(principal) {
        Fact::Known(groups) => roles.extend(groups.iter().filter_map(|g| index.0.get(g)).flatten().cloned()),
        // A holder that is nobody known may be a group of theirs.
        Fact::Unknown | Fact::Absent if index.0.keys().any(|h| h != principal && is_group(h)) => {
            return Fact::Unknown;
        }
        Fact::Unknown | Fact::Absent => {}
    }
    Fact::Known(roles)
}

/// Active directory roles at tenant scope, by holder.
struct DirectoryRoles(BTreeMap<ObjectId, BTreeSet<ObjectId>>);

impl DirectoryRoles {
    fn of(documents: &Collection) -> DirectoryRoles {
        let mut by_holder: BTreeMap<ObjectId, BTreeSet<ObjectId>> = BTreeMap::new();
        for (_, document) in documents.iter() {
            let body = &document.body;
            let (Some(holder), Some(role)) = (json::text(body, "principalId"), json::text(body, "roleDefinitionId"))
            else {
                continue;
            };
            if json::text(body, "directoryScopeId").is_none_or(|scope| scope == "/") {
                let role = ObjectId::new(role.rsplit('/').next().unwrap_or(role));
                by_holder.entry(ObjectId::new(holder)).or_default().insert(role);
            }
        }
        DirectoryRoles(by_holder)
    }
}

/// The caller as Azure RBAC sees it.
pub fn arm_principal(env: &Environment, principal: &ObjectId, kind: ActorKind) -> ArmPrincipal {
    let user = env.get(Kind::Users, principal.as_str());
    let machine = matches!(kind, ActorKind::ServicePrincipal | ActorKind::ManagedIdentity)
        || (user.is_none() && env.get(Kind::ServicePrincipals, principal.as_str()).is_some());
    let list = |fact: Fact<BTreeSet<ObjectId>>| match fact {
        Fact::Known(ids) => Some(ids.into_iter().collect()),
        Fact::Unknown | Fact::Absent => None,
    };
    ArmPrincipal {
        id: principal.clone(),
        kind: if machine { "ServicePrincipal" } else { "User" }.to_owned(),
        transitive_groups: list(env.transitive_groups(principal)),
        entra_roles: list(active_directory_roles(env, principal)),
        user_principal_name: user.and_then(|d| json::text(&d.body, "userPrincipalName")).map(str::to_owned),
    }
}
