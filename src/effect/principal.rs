//! Who an event's actor is in the environment: object id, groups, active directory roles.

use crate::model::request::ArmPrincipal;
use crate::model::{Actor, ActorKind, Collected, Environment, Fact, Kind, ObjectId, json};
use std::collections::BTreeSet;

/// The object id of an actor, by the record or by looking UPN or application id up in the environment.
pub fn principal_of(env: &Environment, actor: &Actor) -> Option<ObjectId> {
    if let Some(id) = &actor.id {
        return Some(id.clone());
    }
    let find = |kind: Kind, field: &str, wanted: &str| {
        env.of(kind)
            .find(|(_, d)| json::text(&d.body, field).is_some_and(|v| v.eq_ignore_ascii_case(wanted)))
            .map(|(key, _)| ObjectId::new(key))
    };
    if let Some(upn) = &actor.upn
        && let Some(id) = find(Kind::Users, "userPrincipalName", upn)
    {
        return Some(id);
    }
    actor.app_id.as_ref().and_then(|app| find(Kind::ServicePrincipals, "appId", app))
}

/// Template ids of the built-in directory roles that are active for the principal at tenant scope, its groups' included.
/// Unknown where directory role assignments were not collected whole, or memberships could matter and were not.
pub fn active_directory_roles(env: &Environment, principal: &ObjectId) -> Fact<BTreeSet<ObjectId>> {
    if env.collected(Kind::DirectoryRoles) != Collected::Whole {
        return Fact::Unknown;
    }
    let groups = env.transitive_groups(principal);
    let mut roles = BTreeSet::new();
    let mut group_could_matter = false;
    for body in env.bodies(Kind::DirectoryRoles) {
        let (Some(holder), Some(role)) = (json::text(body, "principalId"), json::text(body, "roleDefinitionId")) else {
            continue;
        };
        let tenant_wide = json::text(body, "directoryScopeId").is_none_or(|scope| scope == "/");
        if !tenant_wide {
            continue;
        }
        let holder = ObjectId::new(holder);
        let role = ObjectId::new(role.rsplit('/').next().unwrap_or(role));
        let user = env.get(Kind::Users, holder.as_str()).is_some()
            || env.get(Kind::ServicePrincipals, holder.as_str()).is_some();
        match &groups {
            _ if holder == *principal => {
                roles.insert(role);
            }
            Fact::Known(groups) => {
                if groups.contains(&holder) {
                    roles.insert(role);
                }
            }
            Fact::Unknown | Fact::Absent => group_could_matter |= !user,
        }
    }
    if group_could_matter { Fact::Unknown } else { Fact::Known(roles) }
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
