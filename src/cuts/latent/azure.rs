//! Rules of the Azure control plane, asked of everybody who has a token for it; and what they share: the world they
//! change, and Azure Policy in front of a write.
//!
//! Source: *Azure Policy definition structure*; each rule's own file names its own.

use super::opening::{open_accounts, open_containers};
use super::state::{Fact, Room, State};
use super::{execution, grant, guard};
use crate::effect::Audience;
use crate::model::{Document, Evidence, Fact as Recorded, Kind, ObjectId, ResourceId};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

pub fn rules(state: &mut State<'_>) {
    let scopes = grant::scopes(state);
    for (principal, token) in state.with_session(&Audience::ResourceManager) {
        if !state.stirs(Room::Azure, &principal) {
            continue;
        }
        grant::activate_roles(state, &principal, token);
        grant::elevate(state, &principal, token);
        grant::make_eligible(state, &principal, token, &scopes);
        grant::grant_roles(state, &principal, token, &scopes);
        grant::redefine_roles(state, &principal, token);
        list_keys(state, &principal, token);
        for account in storage_homes(state) {
            open_accounts(state, &principal, token, &account);
        }
        open_containers(state, &principal, token);
        guard::delete_guards(state, &principal, token, &scopes);
        execution::run_code(state, &principal, token);
        execution::attach_identity(state, &principal, token);
        execution::make_identity(state, &principal, token);
    }
    execution::take_identities(state);
}

pub fn is_above_subscriptions(scope: &ResourceId) -> bool {
    scope.folded() == "/" || scope.folded().starts_with("/providers/microsoft.management/")
}

pub fn insert(state: &mut State<'_>, kind: Kind, key: &str, body: Value) {
    let mut env = state.world.env.clone();
    env.insert(kind, key, Document { body: Arc::new(body), evidence: Evidence::new("latent", 1, "") });
    state.world = state.world.with(env);
}

/// Whether Azure Policy (as the attacker has left it) lets the write pass in this stage; and the deletions of
/// assignments it takes, where it was refused before them.
pub fn policy_allows(
    state: &State<'_>,
    operation: &str,
    resource: &ResourceId,
    body: Value,
) -> Option<BTreeSet<usize>> {
    let detail = crate::model::ArmDetail {
        resource: resource.clone(),
        authorization: None,
        request_body: Recorded::Known(body),
        response_body: Recorded::Unknown,
        claims: Recorded::Unknown,
        status: Recorded::Unknown,
    };
    let passes = |world: &crate::causal::World| {
        let Some(request) = crate::effect::policy_request(&world.env, operation, &detail) else { return true };
        let context = crate::effect::policy_context(&world.env, resource, &detail.claims, state.at);
        state.stage.passes(world.policy().answer(&request, &context).level)
    };
    if !passes(&state.world) {
        return None;
    }
    if passes(&state.before) {
        return Some(BTreeSet::new());
    }
    Some(state.facts().filter(|(fact, _)| matches!(fact, Fact::PolicyGone(_))).map(|(_, node)| node).collect())
}

fn storage_homes(state: &State<'_>) -> Vec<ResourceId> {
    let is_account = |id: &&ResourceId| {
        id.resource_type().is_some_and(|t| t.eq_ignore_ascii_case("Microsoft.Storage/storageAccounts"))
    };
    state.homes().iter().filter(is_account).cloned().collect()
}

/// What hands out a key of an account, or a signature made with one: whatever refuses the use of keys refuses all four.
/// Source: *Storage Accounts (REST reference)*: List Keys, Regenerate Key, List Account SAS, List Service SAS.
pub const KEYS: &[&str] = &[
    "Microsoft.Storage/storageAccounts/listKeys/action",
    "Microsoft.Storage/storageAccounts/listAccountSas/action",
    "Microsoft.Storage/storageAccounts/listServiceSas/action",
    "Microsoft.Storage/storageAccounts/regenerateKey/action",
];

fn list_keys(state: &mut State<'_>, principal: &ObjectId, token: usize) {
    if KEYS.iter().all(|operation| state.is_never(operation)) {
        return;
    }
    for account in storage_homes(state) {
        // One detour, whichever of them it is.
        if state.has(&Fact::Key(account.clone())) || KEYS.iter().any(|key| state.is_avoided(key, account.spelled())) {
            continue;
        }
        for operation in KEYS {
            if state.is_banned(operation, account.spelled()) {
                continue;
            }
            let request = state.request(operation, false, &account);
            if let Some(allowed) = state.may(principal, &request) {
                let mut node = allowed.into_node(state.node(operation, principal.as_str(), account.spelled(), ""));
                node.needs.insert(token);
                state.derive(Fact::Key(account.clone()), node);
                break;
            }
        }
    }
}
