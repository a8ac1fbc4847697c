//! Rules of the Azure control plane: roles granted and activated, guards taken away, code run under an identity.
//!
//! Sources: *Azure built-in roles*, *Lock your resources to protect your infrastructure*, *Elevate access to manage all
//! Azure subscriptions and management groups*, *What are managed identities for Azure resources?*, and the capability
//! rows whose operation names stand here.

use super::opening::{open_accounts, open_containers};
use super::state::{Fact, Room, State};
use crate::effect::Audience;
use crate::model::{Document, Evidence, Fact as Recorded, Kind, ObjectId, ResourceId};
use crate::replay::{activation_answer, azure_eligibilities, azure_role_name};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

pub const OWNER: &str = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635";
const USER_ACCESS_ADMINISTRATOR: &str = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9";
pub const BLOB_DATA_READER: &str = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1";
pub const KEY_VAULT_ADMINISTRATOR: &str = "00482a5a-887f-4fb3-b363-3b7fe8e74483";

pub fn rules(state: &mut State<'_>) {
    let scopes = scopes(state);
    for (principal, token) in state.with_session(&Audience::ResourceManager) {
        if !state.stirs(Room::Azure, &principal) {
            continue;
        }
        activate_roles(state, &principal, token);
        elevate(state, &principal, token);
        grant_roles(state, &principal, token, &scopes);
        list_keys(state, &principal, token);
        for account in storage_homes(state) {
            open_accounts(state, &principal, token, &account);
        }
        open_containers(state, &principal, token);
        delete_guards(state, &principal, token);
        run_code(state, &principal, token);
        attach_identity(state, &principal, token);
    }
    take_identities(state);
}

/// Scopes where a role would help: above each jewel, and where identities that hold something can be had.
fn scopes(state: &State<'_>) -> BTreeSet<ResourceId> {
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

pub fn insert(state: &mut State<'_>, kind: Kind, key: &str, body: Value) {
    let mut env = state.world.env.clone();
    env.insert(kind, key, Document { body: Arc::new(body), evidence: Evidence::new("latent", 1, "") });
    state.world = state.world.with(env);
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

fn activate_roles(state: &mut State<'_>, principal: &ObjectId, token: usize) {
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

fn elevate(state: &mut State<'_>, principal: &ObjectId, token: usize) {
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

fn is_above_subscriptions(scope: &ResourceId) -> bool {
    scope.folded() == "/" || scope.folded().starts_with("/providers/microsoft.management/")
}

fn grant_roles(state: &mut State<'_>, principal: &ObjectId, token: usize, scopes: &BTreeSet<ResourceId>) {
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

fn list_keys(state: &mut State<'_>, principal: &ObjectId, token: usize) {
    let operation = "Microsoft.Storage/storageAccounts/listKeys/action";
    if state.is_never(operation) {
        return;
    }
    for account in storage_homes(state) {
        if state.has(&Fact::Key(account.clone())) {
            continue;
        }
        let request = state.request(operation, false, &account);
        if let Some(allowed) = state.may(principal, &request) {
            let mut node = allowed.into_node(state.node(operation, principal.as_str(), account.spelled(), ""));
            node.needs.insert(token);
            state.derive(Fact::Key(account), node);
        }
    }
}

/// Locks, policy assignments: whoever may delete them is not held by them.
fn delete_guards(state: &mut State<'_>, principal: &ObjectId, token: usize) {
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

/// Operations that run code on a resource of a type: any one is enough.
const EXECUTION: &[(&str, &[&str])] = &[
    (
        "microsoft.compute/virtualmachines",
        &[
            "Microsoft.Compute/virtualMachines/runCommand/action",
            "Microsoft.Compute/virtualMachines/runCommands/write",
            "Microsoft.Compute/virtualMachines/extensions/write",
        ],
    ),
    (
        "microsoft.compute/virtualmachinescalesets",
        &[
            "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/runCommand/action",
            "Microsoft.Compute/virtualMachineScaleSets/extensions/write",
        ],
    ),
    (
        "microsoft.web/sites",
        &[
            "Microsoft.Web/sites/publishxml/action",
            "Microsoft.Web/sites/config/list/action",
            "Microsoft.Web/sites/write",
            "Microsoft.Web/sites/config/write",
        ],
    ),
    (
        "microsoft.automation/automationaccounts",
        &[
            "Microsoft.Automation/automationAccounts/runbooks/draft/write",
            "Microsoft.Automation/automationAccounts/jobs/write",
        ],
    ),
    ("microsoft.logic/workflows", &["Microsoft.Logic/workflows/write"]),
    ("microsoft.containerregistry/registries", &["Microsoft.ContainerRegistry/registries/tasks/write"]),
    (
        "microsoft.containerservice/managedclusters",
        &[
            "Microsoft.ContainerService/managedClusters/runcommand/action",
            "Microsoft.ContainerService/managedClusters/listClusterAdminCredential/action",
        ],
    ),
    (
        "microsoft.containerinstance/containergroups",
        &["Microsoft.ContainerInstance/containerGroups/containers/exec/action"],
    ),
    ("microsoft.datafactory/factories", &["Microsoft.DataFactory/factories/pipelines/write"]),
];

/// Resources that carry an identity which holds something and is not the attacker's yet, and the jewels themselves.
fn worth_running_on(state: &State<'_>, principal: &ObjectId) -> Vec<ResourceId> {
    // Any code inside is a place in the network to come from: the first is wanted whatever it carries.
    let placed = state.facts().any(|(fact, _)| matches!(fact, Fact::Execution(_)));
    let wanted = state.estate.identities().filter(|(_, id)| !placed || !state.has(&Fact::Controls(id.clone())));
    let resources: BTreeSet<&ResourceId> = wanted.map(|(resource, _)| resource).chain(state.jewels.iter()).collect();
    state.covered(principal, resources.into_iter())
}

fn run_code(state: &mut State<'_>, principal: &ObjectId, token: usize) {
    if EXECUTION.iter().flat_map(|(_, operations)| *operations).all(|operation| state.is_never(operation)) {
        return;
    }
    // One machine is enough for an identity that many carry.
    let mut had: BTreeSet<ObjectId> = BTreeSet::new();
    for resource in worth_running_on(state, principal) {
        let gives: BTreeSet<ObjectId> = state
            .estate
            .of_resource(&resource)
            .filter(|id| !state.has(&Fact::Controls((*id).clone())) && !had.contains(*id))
            .cloned()
            .collect();
        let placed = state.facts().any(|(fact, _)| matches!(fact, Fact::Execution(_)));
        let done = state.has(&Fact::Execution(resource.clone()));
        if done || (placed && gives.is_empty() && !state.jewels.contains(&resource)) {
            if done {
                had.extend(gives);
            }
            continue;
        }
        let kind = resource.resource_type().map(|t| t.to_lowercase()).unwrap_or_default();
        let Some((_, operations)) = EXECUTION.iter().find(|(of, _)| *of == kind) else { continue };
        for operation in *operations {
            if state.is_banned(operation, resource.spelled()) {
                continue;
            }
            let request = state.request(operation, false, &resource);
            if let Some(allowed) = state.may(principal, &request) {
                let mut node = allowed.into_node(state.node(operation, principal.as_str(), resource.spelled(), ""));
                node.needs.insert(token);
                state.derive(Fact::Execution(resource.clone()), node);
                had.extend(gives);
                break;
            }
        }
    }
}

/// What may be made with an identity attached to it, to run code as that identity.
const HOSTS: &[&str] = &[
    "Microsoft.Compute/virtualMachines/write",
    "Microsoft.ContainerInstance/containerGroups/write",
    "Microsoft.Resources/deploymentScripts/write",
    "Microsoft.Web/sites/write",
    "Microsoft.Automation/automationAccounts/write",
    "Microsoft.Logic/workflows/write",
];

/// A user-assigned identity attached to something that the attacker makes, or federated to an issuer of theirs.
fn attach_identity(state: &mut State<'_>, principal: &ObjectId, token: usize) {
    let federate = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write";
    let attach = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action";
    if state.is_never(federate) && state.is_never(attach) {
        return;
    }
    let assignable: Vec<(ResourceId, ObjectId)> =
        state.estate.assignable().map(|(id, holder)| (id.clone(), holder.clone())).collect();
    let near = state.covered(principal, assignable.iter().map(|(id, _)| id));
    for (identity, holder) in assignable.into_iter().filter(|(id, _)| near.contains(id)) {
        if state.has(&Fact::Controls(holder.clone())) {
            continue;
        }
        let request = state.request(federate, false, &identity);
        if !state.is_banned(federate, identity.spelled())
            && let Some(allowed) = state.may(principal, &request)
        {
            let mut node = allowed.into_node(state.node(federate, principal.as_str(), identity.spelled(), ""));
            node.needs.insert(token);
            state.derive(Fact::Controls(holder), node);
            continue;
        }
        let request = state.request(attach, false, &identity);
        let Some(allowed) = state.may(principal, &request) else { continue };
        let group = identity.resource_group().unwrap_or_else(|| identity.clone());
        let hosts = HOSTS.iter().find_map(|operation| {
            let request = state.request(operation, false, &group);
            state.may(principal, &request)
        });
        if let Some(host) = hosts {
            let mut node = allowed.into_node(state.node(attach, principal.as_str(), identity.spelled(), ""));
            node = host.into_node(node);
            node.needs.insert(token);
            state.derive(Fact::Controls(holder), node);
        }
    }
}

/// Code on a resource gets tokens of every identity it carries.
fn take_identities(state: &mut State<'_>) {
    let executed: Vec<(ResourceId, usize)> = state
        .facts()
        .filter_map(|(fact, node)| match fact {
            Fact::Execution(resource) => Some((resource.clone(), node)),
            _ => None,
        })
        .collect();
    for (resource, execution) in executed {
        let carried: Vec<ObjectId> = state.estate.of_resource(&resource).cloned().collect();
        for principal in carried {
            if state.has(&Fact::Controls(principal.clone())) {
                continue;
            }
            let mut node = state.node(
                "managed identity token",
                resource.spelled(),
                principal.as_str(),
                "code on the resource asks its identity endpoint",
            );
            node.needs.insert(execution);
            state.derive(Fact::Controls(principal), node);
        }
    }
}
