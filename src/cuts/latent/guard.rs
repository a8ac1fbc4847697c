//! Rules of guards: locks and policy assignments, taken away by whoever may.
//!
//! Sources: *Lock your resources to protect your infrastructure*, *Azure Policy assignment structure*.

use super::azure::is_above_subscriptions;
use super::state::{Fact, State};
use crate::model::{Kind, ObjectId, ResourceId};

/// Locks, policy assignments: whoever may delete them is not held by them.
pub fn delete_guards(state: &mut State<'_>, principal: &ObjectId, token: usize) {
    type Make = fn(String) -> Fact;
    let guards: [(Kind, &str, Make); 2] = [
        (Kind::Locks, "Microsoft.Authorization/locks/delete", Fact::LockGone),
        (Kind::PolicyAssignments, "Microsoft.Authorization/policyAssignments/delete", Fact::PolicyGone),
    ];
    for (kind, operation, fact) in guards {
        if state.is_never(operation) {
            continue;
        }
        let bears = |id: &ResourceId| match crate::control::extension_scope_of(id) {
            Some(scope) => {
                let near = |home: &ResourceId| scope.contains(home) || home.contains(&scope);
                is_above_subscriptions(&scope) || state.homes().iter().any(near)
            }
            None => true,
        };
        let present: Vec<(String, ResourceId)> = state
            .world
            .env
            .of(kind)
            .map(|(key, _)| (key.to_owned(), ResourceId::new(key)))
            .filter(|(_, id)| bears(id))
            .collect();
        for (key, id) in present {
            if state.has(&fact(key.clone())) || state.is_banned(operation, id.spelled()) {
                continue;
            }
            let request = state.request(operation, false, &id);
            if let Some(allowed) = state.may(principal, &request) {
                let mut node = allowed.into_node(state.node(operation, principal.as_str(), id.spelled(), ""));
                node.needs.insert(token);
                let mut env = state.world.env.clone();
                env.remove(kind, &key);
                state.world = state.world.with(env);
                state.derive(fact(key), node);
            }
        }
    }
}
