//! What it takes to read a secret of a vault: a right by the model the vault follows, and a way through its network
//! rules; or a template deployment that reads it for the attacker.
//!
//! Sources: *Azure Key Vault security*, *Azure role-based access control (Azure RBAC) vs. access policies (legacy)*,
//! *Configure Azure Key Vault networking settings* (trusted services), *Use Azure Key Vault to pass secure parameter value
//! during deployment*.

use super::azure::{insert, policy_allows};
use super::opening::Opened;
use super::state::{Fact, State};
use crate::decide::azure_rbac::Outcome;
use crate::decide::storage::{Caller, key_vault};
use crate::effect::Audience;
use crate::model::{Answer, Fact as Recorded, Kind, Level, ObjectId, ResourceId, json};
use crate::replay::outcome;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const READ: &str = "Microsoft.KeyVault/vaults/secrets/getSecret/action";
const WRITE: &str = "Microsoft.KeyVault/vaults/write";
const POLICIES: &str = "Microsoft.KeyVault/vaults/accessPolicies/write";
const DEPLOY: &str = "Microsoft.KeyVault/vaults/deploy/action";
const DEPLOYMENT: &str = "Microsoft.Resources/deployments/write";

/// Operations of this file on a vault, with whether each is a data action.
pub const OPERATIONS: &[(&str, bool)] =
    &[(READ, true), (WRITE, false), (POLICIES, false), (DEPLOY, false), (DEPLOYMENT, false)];

pub fn rules(state: &mut State<'_>, jewel: &ResourceId, vault: &ResourceId) {
    if let Some(known) = state.node_of(&Fact::Key(vault.clone())) {
        let mut node = state.node("SecretGet", vault.spelled(), jewel.spelled(), "read in the attack");
        node.needs.insert(known);
        state.derive(Fact::Data(jewel.clone()), node);
        return;
    }
    let Some(document) = state.world.env.get(Kind::Resources, vault.folded()).cloned() else { return };
    let by_roles = json::path(&document.body, "properties.enableRbacAuthorization").and_then(Value::as_bool);
    let opened = state.node_of(&Fact::Opened(vault.clone(), Opened::NETWORKS));
    for (principal, token) in state.with_session(&Audience::KeyVault) {
        let request = state.request(READ, true, vault);
        let decided = state.world.rbac().answer(&state.caller(&principal), &request);
        let allowed = state.may(&principal, &request);
        let Some((answer, inside)) = reads(state, vault, &document.body, &principal, outcome(decided.level)) else {
            continue;
        };
        if state.stage.passes(answer.level) {
            let node = state.node("SecretGet", principal.as_str(), jewel.spelled(), "");
            let mut node = match allowed.filter(|_| by_roles != Some(false)) {
                Some(allowed) => allowed.into_node(node),
                None => node,
            };
            if node.why.is_empty() {
                node.why = "an access policy of the vault".to_owned();
            }
            node.needs.insert(token);
            node.needs.extend(inside);
            let before = state.before.env.get(Kind::Resources, vault.folded()).map(|d| d.body.clone());
            let before = before.and_then(|b| reads(state, vault, &b, &principal, outcome(decided.level)));
            if !before.is_some_and(|(before, _)| state.stage.passes(before.level)) {
                node.needs.extend(opened);
            }
            state.derive(Fact::Data(jewel.clone()), node.turning_on(answer));
            return;
        }
        if write_access(state, jewel, vault, &document.body, &principal, token, by_roles) {
            return;
        }
    }
    for (principal, token) in state.with_session(&Audience::ResourceManager) {
        open_network(state, &principal, token, vault, &document.body);
        if deploy(state, jewel, vault, &document.body, &principal, token) {
            return;
        }
    }
}

/// The best of what the vault says over the places the attacker could call from; with code on some resource, also from a
/// place that nothing on record tells.
fn reads(
    state: &State<'_>,
    vault: &ResourceId,
    body: &Value,
    principal: &ObjectId,
    rbac: Outcome,
) -> Option<(Answer, Option<usize>)> {
    let groups = state.world.env.transitive_groups(principal).map(|g| g.into_iter().collect());
    let unknown: Vec<String> =
        state.world.env.unknown_paths(Kind::Resources, vault.folded()).map(str::to_owned).collect();
    let ask = |caller: &Caller| {
        let request = key_vault::VaultRequest {
            operation: READ,
            principal,
            groups: &groups,
            application: Recorded::Unknown,
            caller,
            rbac: Some(rbac),
        };
        key_vault::answer(body, &request, &unknown)
    };
    let nowhere = Caller {
        ip: None,
        via_private_endpoint: None,
        subnet: None,
        trusted_service: Some(false),
        entra: true.into(),
        instance: Recorded::Unknown,
    };
    let callers = state.callers(true);
    let outside = match callers.is_empty() {
        true => ask(&nowhere),
        false => callers.iter().map(ask).max_by_key(|answer| answer.level)?,
    };
    if !state.stage.passes(outside.level)
        && let Some(execution) = state.placed()
    {
        let inside = ask(&nowhere);
        if inside.level > outside.level {
            return Some((inside, Some(execution)));
        }
    }
    Some((outside, None))
}

/// Whoever may write the vault gives themselves an access policy, or switches the permission model; and opens the
/// network, where that is shut, in the same write.
fn write_access(
    state: &mut State<'_>,
    jewel: &ResourceId,
    vault: &ResourceId,
    body: &Value,
    principal: &ObjectId,
    token: usize,
    by_roles: Option<bool>,
) -> bool {
    let Some(management) = state.node_of(&Fact::Session(principal.clone(), Audience::ResourceManager)) else {
        return false;
    };
    for operation in [POLICIES, WRITE] {
        if (operation == POLICIES && by_roles == Some(true)) || state.is_banned(operation, jewel.spelled()) {
            continue;
        }
        let Some(allowed) = state.may(principal, &state.request(operation, false, vault)) else { continue };
        let mut changed = body.clone();
        if operation == WRITE {
            changed["properties"]["enableRbacAuthorization"] = json!(false);
        }
        let own = json!({ "objectId": principal.as_str(), "permissions": { "secrets": ["get", "list"] } });
        match changed.pointer_mut("/properties/accessPolicies").and_then(Value::as_array_mut) {
            Some(policies) => policies.push(own),
            None => changed["properties"]["accessPolicies"] = json!([own]),
        }
        let mut needs = BTreeSet::from([token, management]);
        let mut answer = reads(state, vault, &changed, principal, outcome(Level::Cut));
        if operation == WRITE && !answer.as_ref().is_some_and(|(answer, _)| state.stage.passes(answer.level)) {
            open(&mut changed);
            answer = reads(state, vault, &changed, principal, outcome(Level::Cut));
        }
        let Some((answer, inside)) = answer.filter(|(answer, _)| state.stage.passes(answer.level)) else { continue };
        if operation == WRITE {
            let Some(deleted) = policy_allows(state, operation, vault, changed) else { continue };
            needs.extend(deleted);
        }
        needs.extend(inside);
        needs.extend(state.node_of(&Fact::Opened(vault.clone(), Opened::NETWORKS)));
        let mut node = allowed.into_node(state.node(operation, principal.as_str(), jewel.spelled(), ""));
        node.needs.extend(needs);
        state.derive(Fact::Data(jewel.clone()), node.turning_on(answer));
        return true;
    }
    false
}

fn open(body: &mut Value) {
    body["properties"]["publicNetworkAccess"] = json!("Enabled");
    body["properties"]["networkAcls"] =
        json!({ "defaultAction": "Allow", "bypass": "AzureServices", "ipRules": [], "virtualNetworkRules": [] });
}

/// The network opened for others who may read.
fn open_network(state: &mut State<'_>, principal: &ObjectId, token: usize, vault: &ResourceId, body: &Value) {
    let fact = Fact::Opened(vault.clone(), Opened::NETWORKS);
    // Where nobody recorded the rules, the write makes sure of them.
    let told = |path: &str| json::path(body, path).and_then(Value::as_str).map(str::to_lowercase);
    let unknown = state.world.env.unknown_paths(Kind::Resources, vault.folded()).next().is_some();
    let shut = unknown
        || told("properties.networkAcls.defaultAction").is_some_and(|action| action == "deny")
        || told("properties.publicNetworkAccess").is_some_and(|access| access == "disabled");
    if !shut || state.has(&fact) || state.is_banned(WRITE, vault.spelled()) {
        return;
    }
    let Some(allowed) = state.may(principal, &state.request(WRITE, false, vault)) else { return };
    let mut opened = body.clone();
    open(&mut opened);
    let Some(deleted) = policy_allows(state, WRITE, vault, opened.clone()) else { return };
    let why = format!("allow every network again, by {}", allowed.why);
    let mut node = allowed.into_node(state.node(WRITE, principal.as_str(), vault.spelled(), &why));
    node.needs.insert(token);
    node.needs.extend(deleted);
    insert(state, Kind::Resources, vault.folded(), opened);
    state.derive(fact, node);
}

/// A deployment takes the secret as a parameter and hands it on: the vault has to allow that, and trusted services.
fn deploy(
    state: &mut State<'_>,
    jewel: &ResourceId,
    vault: &ResourceId,
    body: &Value,
    principal: &ObjectId,
    token: usize,
) -> bool {
    if state.is_banned(DEPLOY, jewel.spelled()) {
        return false;
    }
    let Some(allowed) = state.may(principal, &state.request(DEPLOY, false, vault)) else { return false };
    let mut groups = state.groups_at_hand(principal, Some(vault)).into_iter();
    let Some(place) = groups.find_map(|group| state.may(principal, &state.request(DEPLOYMENT, false, &group))) else {
        return false;
    };
    let unknown: Vec<String> =
        state.world.env.unknown_paths(Kind::Resources, vault.folded()).map(str::to_owned).collect();
    let answer = key_vault::serves_templates(body, &unknown);
    if !state.stage.passes(answer.level) {
        return false;
    }
    let why = format!("a template deployment reads the secret, by {}", allowed.why);
    let mut node = allowed.into_node(state.node(DEPLOY, principal.as_str(), jewel.spelled(), &why));
    node = place.into_node(node);
    node.needs.insert(token);
    state.derive(Fact::Data(jewel.clone()), node.turning_on(answer));
    true
}
