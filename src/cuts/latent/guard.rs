//! Rules of guards: locks and policy assignments, taken away by whoever may.
//!
//! Sources: *Lock your resources to protect your infrastructure*, *Azure Policy assignment structure* (enforcement mode),
//! *Azure Policy exemption structure* (takes the right to exempt on the assignment besides).

use super::azure::{is_above_subscriptions, policy_allows};
use super::state::{Allowed, Fact, State};
use crate::model::{Kind, ObjectId, ResourceId, json};
use serde_json::json;
use std::collections::BTreeSet;

const UNLOCK: &str = "Microsoft.Authorization/locks/delete";
const UNASSIGN: &str = "Microsoft.Authorization/policyAssignments/delete";
const REASSIGN: &str = "Microsoft.Authorization/policyAssignments/write";
const EXEMPT: &str = "Microsoft.Authorization/policyExemptions/write";
const MAY_EXEMPT: &str = "Microsoft.Authorization/policyAssignments/exempt/action";

/// Whoever may delete a lock, or delete, stop enforcing, or grant an exemption from a policy assignment, is not held by
/// it. Those count that stand at a scope of the search, or below a jewel's home.
pub fn delete_guards(state: &mut State<'_>, principal: &ObjectId, token: usize, scopes: &BTreeSet<ResourceId>) {
    for kind in [Kind::Locks, Kind::PolicyAssignments] {
        let operations: &[&str] = match kind {
            Kind::Locks => &[UNLOCK],
            _ => &[UNASSIGN, REASSIGN, EXEMPT],
        };
        if operations.iter().all(|operation| state.is_never(operation)) {
            continue;
        }
        let bears = |id: &ResourceId| match crate::control::extension_scope_of(id) {
            Some(scope) => {
                is_above_subscriptions(&scope)
                    || scopes.contains(&scope)
                    || state.estate.scopes().contains(&scope)
                    || state.homes().iter().any(|home| home.contains(&scope))
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
            let fact = match kind {
                Kind::Locks => Fact::LockGone(key.clone()),
                _ => Fact::PolicyGone(key.clone()),
            };
            // One detour, whichever of them it is.
            if state.has(&fact) || operations.iter().any(|operation| state.is_avoided(operation, id.spelled())) {
                continue;
            }
            let allowed = operations
                .iter()
                .filter(|operation| !state.is_banned(operation, id.spelled()))
                .find_map(|operation| Some((*operation, may(state, principal, operation, &id)?)));
            let Some((operation, allowed)) = allowed else { continue };
            let why = match operation {
                REASSIGN => format!("enforce it no more, by {}", allowed.why),
                EXEMPT => format!("exempt from it, by {}", allowed.why),
                _ => String::new(),
            };
            let mut node = allowed.into_node(state.node(operation, principal.as_str(), id.spelled(), &why));
            node.needs.insert(token);
            let mut env = state.world.env.clone();
            env.remove(kind, &key);
            state.world = state.world.with(env);
            state.derive(fact, node);
        }
    }
}

fn may(state: &State<'_>, principal: &ObjectId, operation: &str, guard: &ResourceId) -> Option<Allowed> {
    match operation {
        REASSIGN => {
            let allowed = state.may(principal, &state.request(operation, false, guard))?;
            let document = state.world.env.get(Kind::PolicyAssignments, guard.folded())?;
            let mut body = document.body.as_ref().clone();
            if json::get(&body, "properties").is_some() {
                body["properties"]["enforcementMode"] = json!("DoNotEnforce");
            }
            policy_allows(state, operation, guard, body)?;
            Some(allowed)
        }
        EXEMPT => {
            let exempt = state.may(principal, &state.request(MAY_EXEMPT, false, guard))?;
            let home = state.homes().first()?;
            let id = format!("{}/providers/Microsoft.Authorization/policyExemptions/exempt", home.spelled());
            let mut allowed = state.may(principal, &state.request(operation, false, &ResourceId::new(&id)))?;
            allowed.needs.extend(exempt.needs);
            Some(allowed)
        }
        _ => state.may(principal, &state.request(operation, false, guard)),
    }
}
