//! Rules of the Azure control plane: roles granted and activated, guards taken away, code run under an identity.
//!
//! Sources: *Azure built-in roles*, *Lock your resources to protect your infrastructure*, *Elevate access to manage all
//! Azure subscriptions and management groups*, *What are managed identities for Azure resources?*, and the capability
//! rows whose operation names stand here.

use super::state::{Fact, State};
use crate::effect::Audience;
use crate::model::{Document, Evidence, Fact as Recorded, Kind, ObjectId, ResourceId, json};
use crate::replay::{activation_answer, azure_eligibilities, azure_role_name};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

pub const OWNER: &str = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635";
const USER_ACCESS_ADMINISTRATOR: &str = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9";
pub const BLOB_DATA_READER: &str = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1";
pub const KEY_VAULT_ADMINISTRATOR: &str = "00482a5a-887f-4fb3-b363-3b7fe8e74483";

pub fn rules(state: &mut State<'_>) {
    for (principal, token) in state.with_session(&Audience::ResourceManager) {
        activate_roles(state, &principal, token);
        elevate(state, &principal, token);
        let scopes = scopes(state);
        for scope in &scopes {
            grant_roles(state, &principal, token, scope);
        }
        list_keys(state, &principal, token);
        open_accounts(state, &principal, token);
        delete_guards(state, &principal, token);
        run_code(state, &principal, token);
        attach_identity(state, &principal, token);
    }
    take_identities(state);
}

/// The resource a jewel lives on: the account of a container, the vault, the resource itself.
pub fn home(state: &State<'_>, jewel: &ResourceId) -> ResourceId {
    let mut at = jewel.clone();
    loop {
        let kind = at.resource_type().map(|t| t.to_lowercase()).unwrap_or_default();
        if kind.matches('/').count() <= 1
            || state.world.env.resource(&at).is_some_and(|_| kind.matches('/').count() <= 1)
        {
            return at;
        }
        match at.parent() {
            Some(parent) => at = parent,
            None => return at,
        }
    }
}

/// Scopes where a role would help: above each jewel, and where identities that hold something can be had.
fn scopes(state: &State<'_>) -> BTreeSet<ResourceId> {
    let mut scopes = BTreeSet::new();
    let mut above = |id: ResourceId, env: &crate::model::Environment| {
        let mut at = Some(id);
        while let Some(scope) = at {
            if let Some(subscription) = scope.subscription()
                && subscription == scope
                && let Recorded::Known(chain) = env.management_groups(&subscription)
            {
                for group in chain {
                    let id = format!("/providers/Microsoft.Management/managementGroups/{group}");
                    scopes.insert(ResourceId::new(&id));
                }
            }
            at = scope.parent();
            scopes.insert(scope);
        }
    };
    for jewel in &state.jewels {
        above(home(state, jewel), &state.world.env);
    }
    for (resource, _) in identities(state) {
        above(resource, &state.world.env);
    }
    scopes
}

/// Resources that carry an identity which holds a role, with that identity.
fn identities(state: &State<'_>) -> Vec<(ResourceId, ObjectId)> {
    let env = &state.world.env;
    let mut holders: BTreeSet<ObjectId> = BTreeSet::new();
    for kind in [Kind::RoleAssignments, Kind::DirectoryRoles, Kind::AppRoleAssignments] {
        for body in env.bodies(kind) {
            let holder = json::text(body, "properties.principalId").or_else(|| json::text(body, "principalId"));
            holders.extend(holder.map(ObjectId::new));
        }
    }
    for body in env.bodies(Kind::GroupMembers) {
        for member in json::get(body, "members").and_then(Value::as_array).into_iter().flatten() {
            holders.extend(json::text(member, "id").map(ObjectId::new));
        }
    }
    let mut found = Vec::new();
    for (key, document) in env.of(Kind::Resources) {
        let Some(identity) = json::get(&document.body, "identity") else { continue };
        let id = ResourceId::new(json::text(&document.body, "id").unwrap_or(key));
        let own = json::text(identity, "principalId").map(ObjectId::new);
        let assigned = json::get(identity, "userAssignedIdentities")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .filter_map(|(_, v)| json::text(v, "principalId").map(ObjectId::new));
        for principal in own.into_iter().chain(assigned) {
            if holders.contains(&principal) {
                found.push((id.clone(), principal));
            }
        }
    }
    found
}

fn insert(state: &mut State<'_>, kind: Kind, key: &str, body: Value) {
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
    for (eligibility, holder, role, scope) in azure_eligibilities(&state.world.env) {
        let in_group = groups.known().is_some_and(|g| g.contains(&holder));
        let key = assignment_key(&scope, &format!("activated-{role}-{holder}"));
        if (holder != *principal && !in_group) || state.has(&Fact::Granted(key.clone())) {
            continue;
        }
        let answer = activation_answer(state.engine, &state.world, principal, &role, &scope, &eligibility, state.at);
        if !state.stage.passes(answer.level) {
            continue;
        }
        let operation = "Microsoft.Authorization/roleAssignmentScheduleRequests/write";
        if state.is_banned(operation, scope.spelled()) {
            continue;
        }
        let called = azure_role_name(&state.world.env, &role).unwrap_or_else(|| role.clone());
        let mut node = state.node(operation, principal.as_str(), scope.spelled(), &format!("eligible for {called}"));
        node.needs.insert(token);
        node.words = answer.words;
        node.missing = answer.missing;
        assign(state, &key, &role, principal, &scope);
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
    for jewel in &state.jewels {
        let home = home(state, jewel);
        let kind = home.resource_type().map(|t| t.to_lowercase()).unwrap_or_default();
        let below = scope.contains(&home) || scope.folded().starts_with("/providers/microsoft.management/");
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

fn grant_roles(state: &mut State<'_>, principal: &ObjectId, token: usize, scope: &ResourceId) {
    let operation = "Microsoft.Authorization/roleAssignments/write";
    for (role, name) in worth_granting(state, scope) {
        let key = assignment_key(scope, &format!("granted-{role}-{principal}"));
        if state.has(&Fact::Granted(key.clone())) || state.is_banned(operation, scope.spelled()) {
            continue;
        }
        let mut request = state.request(operation, false, &ResourceId::new(&key));
        let attribute = |n: &str| format!("@Request[Microsoft.Authorization/roleAssignments:{n}]");
        request.attributes.insert(attribute("RoleDefinitionId"), Some(vec![json!(role)]));
        request.attributes.insert(attribute("PrincipalId"), Some(vec![json!(principal.as_str())]));
        request.attributes.insert(attribute("PrincipalType"), Some(vec![json!(state.caller(principal).kind)]));
        let Some(allowed) = state.may(principal, &request) else { continue };
        let body = json!({ "properties": {
            "roleDefinitionId": format!("{}/providers/Microsoft.Authorization/roleDefinitions/{role}",
                scope.subscription().map(|s| s.spelled().to_owned()).unwrap_or_default()),
            "principalId": principal.as_str(), "principalType": state.caller(principal).kind } });
        let Some(deleted) = policy_allows(state, operation, &ResourceId::new(&key), body) else { continue };
        let why = format!("grant {name}, by {}", allowed.why);
        let mut node = allowed.into_node(state.node(operation, principal.as_str(), scope.spelled(), &why));
        node.needs.insert(token);
        node.needs.extend(deleted);
        assign(state, &key, role, principal, scope);
        state.derive(Fact::Granted(key), node);
    }
}

/// Whether Azure Policy (as the attacker has left it) lets the write pass in this stage; and the deletions of
/// assignments it takes, where it was refused before them.
fn policy_allows(state: &State<'_>, operation: &str, resource: &ResourceId, body: Value) -> Option<BTreeSet<usize>> {
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
    let mut homes: Vec<ResourceId> = state
        .jewels
        .iter()
        .map(|jewel| home(state, jewel))
        .filter(|id| id.resource_type().is_some_and(|t| t.eq_ignore_ascii_case("Microsoft.Storage/storageAccounts")))
        .collect();
    homes.sort();
    homes.dedup();
    homes
}

fn list_keys(state: &mut State<'_>, principal: &ObjectId, token: usize) {
    let operation = "Microsoft.Storage/storageAccounts/listKeys/action";
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

/// What an attacker would write into an account to get at it.
fn opened(body: &Value) -> Value {
    let mut next = body.clone();
    next["properties"]["allowSharedKeyAccess"] = json!(true);
    next["properties"]["publicNetworkAccess"] = json!("Enabled");
    next["properties"]["networkAcls"] = json!({ "defaultAction": "Allow", "bypass": "AzureServices",
        "ipRules": [], "virtualNetworkRules": [] });
    next
}

fn open_accounts(state: &mut State<'_>, principal: &ObjectId, token: usize) {
    let operation = "Microsoft.Storage/storageAccounts/write";
    for account in storage_homes(state) {
        if state.has(&Fact::Opened(account.clone())) || state.is_banned(operation, account.spelled()) {
            continue;
        }
        let Some(document) = state.world.env.get(Kind::Resources, account.folded()) else { continue };
        let body = opened(&document.body);
        let request = state.request(operation, false, &account);
        let Some(allowed) = state.may(principal, &request) else { continue };
        let Some(deleted) = policy_allows(state, operation, &account, body.clone()) else { continue };
        let why = format!("allow keys and every network again, by {}", allowed.why);
        let mut node = allowed.into_node(state.node(operation, principal.as_str(), account.spelled(), &why));
        node.needs.insert(token);
        node.needs.extend(deleted);
        insert(state, Kind::Resources, account.folded(), body);
        state.derive(Fact::Opened(account), node);
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
        let present: Vec<String> = state.world.env.of(kind).map(|(key, _)| key.to_owned()).collect();
        for key in present {
            let id = ResourceId::new(&key);
            let bears = state.jewels.iter().map(|j| home(state, j)).any(|home| {
                crate::control::extension_scope_of(&id).is_none_or(|scope| {
                    scope.contains(&home)
                        || home.contains(&scope)
                        || scope.folded().starts_with("/providers/microsoft.management/")
                })
            });
            if !bears || state.has(&fact(key.clone())) || state.is_banned(operation, id.spelled()) {
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

fn run_code(state: &mut State<'_>, principal: &ObjectId, token: usize) {
    let resources: BTreeSet<ResourceId> =
        identities(state).into_iter().map(|(resource, _)| resource).chain(state.jewels.iter().cloned()).collect();
    for resource in resources {
        if state.has(&Fact::Execution(resource.clone())) {
            continue;
        }
        let kind = resource.resource_type().map(|t| t.to_lowercase()).unwrap_or_default();
        let Some((_, operations)) = EXECUTION.iter().find(|(of, _)| *of == kind) else { continue };
        for operation in *operations {
            let request = state.request(operation, false, &resource);
            if let Some(allowed) = state.may(principal, &request) {
                let mut node = allowed.into_node(state.node(operation, principal.as_str(), resource.spelled(), ""));
                node.needs.insert(token);
                state.derive(Fact::Execution(resource.clone()), node);
                break;
            }
        }
    }
}

/// A user-assigned identity attached to compute that the attacker controls, or federated to an issuer of theirs.
fn attach_identity(state: &mut State<'_>, principal: &ObjectId, token: usize) {
    let assignable: Vec<(ResourceId, ObjectId)> = state
        .world
        .env
        .of(Kind::Resources)
        .filter_map(|(key, document)| {
            let id = ResourceId::new(json::text(&document.body, "id").unwrap_or(key));
            let of_type = id
                .resource_type()
                .is_some_and(|t| t.eq_ignore_ascii_case("Microsoft.ManagedIdentity/userAssignedIdentities"));
            let holder = json::text(&document.body, "properties.principalId").map(ObjectId::new);
            if of_type { holder.map(|h| (id, h)) } else { None }
        })
        .collect();
    for (identity, holder) in assignable {
        if state.has(&Fact::Controls(holder.clone())) {
            continue;
        }
        let federate = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write";
        let request = state.request(federate, false, &identity);
        if let Some(allowed) = state.may(principal, &request) {
            let mut node = allowed.into_node(state.node(federate, principal.as_str(), identity.spelled(), ""));
            node.needs.insert(token);
            state.derive(Fact::Controls(holder), node);
            continue;
        }
        let assign_action = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action";
        let request = state.request(assign_action, false, &identity);
        let Some(allowed) = state.may(principal, &request) else { continue };
        let group = identity.resource_group().unwrap_or_else(|| identity.clone());
        let write = state.request("Microsoft.Compute/virtualMachines/write", false, &group);
        if let Some(compute) = state.may(principal, &write) {
            let mut node = allowed.into_node(state.node(assign_action, principal.as_str(), identity.spelled(), ""));
            node = compute.into_node(node);
            node.needs.insert(token);
            state.derive(Fact::Controls(holder), node);
        }
    }
}

/// Code on a resource gets tokens of every identity it carries.
fn take_identities(state: &mut State<'_>) {
    for (resource, principal) in identities(state) {
        let Some(execution) = state.node_of(&Fact::Execution(resource.clone())) else { continue };
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
