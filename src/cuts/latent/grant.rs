//! Rules of Azure roles: activated, granted, taken by elevating access.
//!
//! Sources: *Azure built-in roles*, *Assign Azure roles using Azure Resource Manager*, *Delegate Azure role assignment
//! management to others with conditions*, *Elevate access to manage all Azure subscriptions and management groups*.

use super::azure::{insert, is_above_subscriptions, policy_allows};
use super::state::{Fact, State};
use crate::model::{Fact as Recorded, Kind, ObjectId, ResourceId};
use crate::replay::{activation_answer, azure_eligibilities, azure_role_name};
use serde_json::json;
use std::collections::BTreeSet;

const OWNER: &str = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635";
const USER_ACCESS_ADMINISTRATOR: &str = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9";
const BLOB_DATA_READER: &str = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1";
const KEY_VAULT_ADMINISTRATOR: &str = "00482a5a-887f-4fb3-b363-3b7fe8e74483";

/// Scopes where a role would help: above each jewel, and where identities that hold something can be had.
pub fn scopes(state: &State<'_>) -> BTreeSet<ResourceId> {
    let mut scopes = BTreeSet::new();
    let carriers = state.estate.identities().map(|(resource, _)| resource);
    for id in state.homes().iter().chain(carriers) {
        let mut at = Some(id.clone());
        while let Some(scope) = at {
            if let Some(subscription) = scope.subscription()
                && subscription == scope
                && let Recorded::Known(chain) = state.world.env.management_groups(&subscription)
            {
                for group in chain {
                    let id = format!("/providers/Microsoft.Management/managementGroups/{group}");
                    scopes.insert(ResourceId::new(&id));
                }
            }
            at = scope.parent();
            // What is above a known scope is known too.
            if !scopes.insert(scope) {
                break;
            }
        }
    }
    scopes
}

fn assign(state: &mut State<'_>, key: &str, role: &str, principal: &ObjectId, scope: &ResourceId) {
    let body = json!({ "id": key, "name": key.rsplit('/').next(), "properties": {
        "roleDefinitionId": format!("/providers/Microsoft.Authorization/roleDefinitions/{role}"),
        "principalId": principal.as_str(), "scope": scope.spelled() } });
    insert(state, Kind::RoleAssignments, key, body);
}

fn assignment_key(scope: &ResourceId, name: &str) -> String {
    let base = scope.folded().trim_end_matches('/');
    format!("{base}/providers/microsoft.authorization/roleassignments/{name}").to_lowercase()
}

pub fn activate_roles(state: &mut State<'_>, principal: &ObjectId, token: usize) {
    let groups = state.world.env.transitive_groups(principal);
    for (eligibility, holder, role, scope) in azure_eligibilities(&state.world.env).iter() {
        let in_group = groups.known().is_some_and(|g| g.contains(holder));
        if holder != principal && !in_group {
            continue;
        }
        let key = assignment_key(scope, &format!("activated-{role}-{holder}"));
        if state.has(&Fact::Granted(key.clone())) {
            continue;
        }
        let answer = activation_answer(state.engine, &state.world, principal, role, scope, eligibility, state.at);
        if !state.stage.passes(answer.level) {
            continue;
        }
        let operation = "Microsoft.Authorization/roleAssignmentScheduleRequests/write";
        if state.is_banned(operation, scope.spelled()) {
            continue;
        }
        let called = azure_role_name(&state.world.env, role).unwrap_or_else(|| role.clone());
        let mut node = state.node(operation, principal.as_str(), scope.spelled(), &format!("eligible for {called}"));
        node.needs.insert(token);
        node.words = answer.words;
        node.missing = answer.missing;
        assign(state, &key, role, principal, scope);
        state.derive(Fact::Granted(key), node);
    }
}

pub fn elevate(state: &mut State<'_>, principal: &ObjectId, token: usize) {
    let root = ResourceId::new("/");
    let key = assignment_key(&root, &format!("elevated-{principal}"));
    if state.has(&Fact::Granted(key.clone())) || state.is_banned("Microsoft.Authorization/elevateAccess/action", "/") {
        return;
    }
    let request = state.request("Microsoft.Authorization/elevateAccess/action", false, &root);
    if let Some(allowed) = state.may(principal, &request) {
        let node =
            state.node("Microsoft.Authorization/elevateAccess/action", principal.as_str(), "/", "Global Administrator");
        let mut node = allowed.into_node(node);
        node.needs.insert(token);
        assign(state, &key, USER_ACCESS_ADMINISTRATOR, principal, &root);
        state.derive(Fact::Granted(key), node);
    }
}

/// The roles worth granting: the data roles of the jewels below the scope, and Owner.
fn worth_granting(state: &State<'_>, scope: &ResourceId) -> Vec<(&'static str, &'static str)> {
    let mut roles = Vec::new();
    for home in state.homes() {
        let kind = home.resource_type().map(|t| t.to_lowercase()).unwrap_or_default();
        let below = scope.contains(home) || is_above_subscriptions(scope);
        match kind.as_str() {
            "microsoft.storage/storageaccounts" if below => roles.push((BLOB_DATA_READER, "Storage Blob Data Reader")),
            "microsoft.keyvault/vaults" if below => roles.push((KEY_VAULT_ADMINISTRATOR, "Key Vault Administrator")),
            _ => {}
        }
    }
    roles.push((OWNER, "Owner"));
    roles.dedup();
    roles
}

pub fn grant_roles(state: &mut State<'_>, principal: &ObjectId, token: usize, scopes: &BTreeSet<ResourceId>) {
    let operation = "Microsoft.Authorization/roleAssignments/write";
    if state.is_never(operation) {
        return;
    }
    // Control of a scope is control of everything below: what is owned above needs no grant further down, save where a
    // jewel lives.
    let homes = state.homes().clone();
    let near = |scope: &ResourceId| homes.iter().any(|home| scope.contains(home)) || is_above_subscriptions(scope);
    let mut owned: Vec<ResourceId> = Vec::new();
    for scope in state.covered(principal, scopes.iter()) {
        if !near(&scope) && owned.iter().any(|above| above.contains(&scope)) {
            continue;
        }
        for (role, name) in worth_granting(state, &scope) {
            let key = assignment_key(&scope, &format!("granted-{role}-{principal}"));
            if state.is_banned(operation, scope.spelled()) {
                continue;
            }
            let granted =
                state.has(&Fact::Granted(key.clone())) || grant(state, principal, token, &scope, role, name, &key);
            if granted && role == OWNER {
                owned.push(scope.clone());
            }
        }
    }
}

fn grant(
    state: &mut State<'_>,
    principal: &ObjectId,
    token: usize,
    scope: &ResourceId,
    role: &str,
    name: &str,
    key: &str,
) -> bool {
    let operation = "Microsoft.Authorization/roleAssignments/write";
    let mut request = state.request(operation, false, &ResourceId::new(key));
    let attribute = |n: &str| format!("@Request[Microsoft.Authorization/roleAssignments:{n}]");
    let kind = state.caller(principal).kind;
    request.attributes.insert(attribute("RoleDefinitionId"), Some(vec![json!(role)]));
    request.attributes.insert(attribute("PrincipalId"), Some(vec![json!(principal.as_str())]));
    request.attributes.insert(attribute("PrincipalType"), Some(vec![json!(kind)]));
    let Some(allowed) = state.may(principal, &request) else { return false };
    let body = json!({ "properties": {
        "roleDefinitionId": format!("{}/providers/Microsoft.Authorization/roleDefinitions/{role}",
            scope.subscription().map(|s| s.spelled().to_owned()).unwrap_or_default()),
        "principalId": principal.as_str(), "principalType": kind } });
    let Some(deleted) = policy_allows(state, operation, &ResourceId::new(key), body) else { return false };
    let why = format!("grant {name}, by {}", allowed.why);
    let mut node = allowed.into_node(state.node(operation, principal.as_str(), scope.spelled(), &why));
    node.needs.insert(token);
    node.needs.extend(deleted);
    assign(state, key, role, principal, scope);
    state.derive(Fact::Granted(key.to_owned()), node);
    true
}
