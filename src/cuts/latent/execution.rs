//! Rules of machine identities: code run on what carries one, an identity attached to what the attacker makes, and an
//! identity that holds nothing yet, worth having where somebody may grant it a role.
//!
//! Sources: *What are managed identities for Azure resources?*, *How managed identities for Azure resources work with
//! Azure virtual machines*; the operations stand in [`crate::effect::hosts`], each with its own.

use super::azure::{self, insert};
use super::state::{Fact, State};
use crate::decide::azure_rbac::Outcome;
use crate::decide::storage::{Circumstances, Credential, usable};
use crate::effect::{ADMINISTRATOR_LOGIN, host, hosts};
use crate::model::{Answer, Kind, Level, ObjectId, ResourceId, json};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Resources that carry an identity which holds something and is not the attacker's yet, and the jewels themselves.
fn worth_running_on(state: &State<'_>, principal: &ObjectId) -> BTreeSet<ResourceId> {
    // Any code inside is a place in the network to come from: the first is wanted whatever it carries.
    let placed = state.placed().is_some();
    let wanted = |id: &ResourceId| {
        !placed || state.estate.of_resource(id).any(|identity| !state.has(&Fact::Controls(identity.clone())))
    };
    let mut resources = state.covered(principal, state.estate.worthwhile());
    resources.retain(wanted);
    resources.extend(state.covered(principal, &state.jewels.iter().cloned().collect()));
    resources
}

pub fn run_code(state: &mut State<'_>, principal: &ObjectId, token: usize) {
    if hosts().iter().flat_map(|host| host.ways).all(|way| way.iter().any(|operation| state.is_never(operation))) {
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
        let placed = state.placed().is_some();
        let done = state.has(&Fact::Execution(resource.clone()));
        if done || (placed && gives.is_empty() && !state.jewels.contains(&resource)) {
            if done {
                had.extend(gives);
            }
            continue;
        }
        if run_on(state, principal, token, &resource) {
            had.extend(gives);
        }
    }
    if state.wants_machine() {
        run_for_nothing(state, principal, token);
    }
}

/// Code on any one machine whose identity holds nothing: the first that can be had stands for all.
fn run_for_nothing(state: &mut State<'_>, principal: &ObjectId, token: usize) {
    for resource in state.covered(principal, state.estate.carrying()) {
        let had = state.has(&Fact::Execution(resource.clone())) || run_on(state, principal, token, &resource);
        if had {
            take_identities_of(state, &resource);
            return;
        }
    }
}

/// Runs code on the resource by the first way whose operations are all allowed.
fn run_on(state: &mut State<'_>, principal: &ObjectId, token: usize, resource: &ResourceId) -> bool {
    let kind = resource.resource_type().unwrap_or_default();
    let Some(host) = host(&kind) else { return false };
    host.ways.iter().any(|way| run_by(state, principal, token, resource, way))
}

fn run_by(
    state: &mut State<'_>,
    principal: &ObjectId,
    token: usize,
    resource: &ResourceId,
    way: &'static [&'static str],
) -> bool {
    let Some((last, first)) = way.split_last() else { return false };
    if way.iter().any(|operation| state.is_banned(operation, resource.spelled())) {
        return false;
    }
    let Some(answer) = useful(state, resource, last) else { return false };
    let mut nodes = Vec::new();
    for operation in way {
        let request = state.request(operation, *operation == ADMINISTRATOR_LOGIN, resource);
        let Some(allowed) = state.may(principal, &request) else { return false };
        let mut node = allowed.into_node(state.node(operation, principal.as_str(), resource.spelled(), ""));
        node.needs.insert(token);
        nodes.push(node);
    }
    let Some(mut run) = nodes.pop() else { return false };
    for (operation, node) in first.iter().zip(nodes) {
        let fact = Fact::Prepared(resource.clone(), operation);
        state.derive(fact.clone(), node);
        run.needs.extend(state.node_of(&fact));
    }
    state.derive(Fact::Execution(resource.clone()), run.turning_on(answer));
    true
}

/// Whether what the operation hands out is of use on the resource; none where this stage refuses it.
fn useful(state: &State<'_>, resource: &ResourceId, operation: &str) -> Option<Answer> {
    let document = state.world.env.get(Kind::Resources, resource.folded());
    let unknown = |fact: String| {
        let mut answer = Answer::of(Level::Unknown, "usable");
        answer.missing.insert(fact.into());
        answer
    };
    let handed_out = match operation {
        "Microsoft.Web/sites/publishxml/action" | "Microsoft.Web/sites/config/list/action" => {
            Some(Credential::PublishingScm)
        }
        "Microsoft.ContainerService/managedClusters/listClusterAdminCredential/action" => {
            Some(Credential::ClusterAdmin)
        }
        "Microsoft.ContainerService/managedClusters/runcommand/action" => Some(Credential::ClusterRunCommand),
        _ => None,
    };
    let answer = match (operation, handed_out, document) {
        (ADMINISTRATOR_LOGIN, ..) => unknown(format!("network reach of {}", resource.name())),
        // Only a function app has such keys.
        ("Microsoft.Web/sites/host/listKeys/action", ..) => {
            match document.and_then(|d| json::text(&d.body, "kind")).map(|kind| kind.to_lowercase()) {
                Some(kind) if kind.contains("functionapp") => Answer::allowed("usable"),
                Some(_) => return None,
                None => unknown(format!("resource:{}/kind", resource.name())),
            }
        }
        (_, Some(handed_out), Some(document)) => credential(state, resource, &document.body, handed_out, None),
        (_, Some(_), None) => unknown(format!("resource:{}", resource.name())),
        (_, None, _) => Answer::allowed("usable"),
    };
    state.stage.passes(answer.level).then_some(answer)
}

/// What the gate of neighbours says of a credential of the resource, from the best address the attacker could use.
/// `rbac`: what Azure RBAC says of the data action, where one is asked for besides.
pub fn credential(
    state: &State<'_>,
    resource: &ResourceId,
    body: &Value,
    credential: Credential,
    rbac: Option<Outcome>,
) -> Answer {
    let below = format!("{}/", resource.folded());
    let env = &state.world.env;
    let children: Vec<&Value> =
        env.of(Kind::Resources).filter(|(key, _)| key.starts_with(&below)).map(|(_, d)| d.body.as_ref()).collect();
    let unknown: Vec<String> = env.unknown_paths(Kind::Resources, resource.folded()).map(str::to_owned).collect();
    let ask = |caller| {
        let circumstances = Circumstances {
            caller,
            rbac,
            children: (!children.is_empty()).then_some(children.as_slice()),
            unknown_paths: &unknown,
        };
        usable(credential, body, &circumstances)
    };
    let callers = state.callers(false);
    callers.iter().map(|caller| ask(Some(caller))).max_by_key(|a| a.level).unwrap_or_else(|| ask(None))
}

/// What may be made with an identity attached to it, to run code as that identity; those that also get one of their own.
const HOSTS: &[(&str, bool)] = &[
    ("Microsoft.Logic/workflows/write", true),
    ("Microsoft.ContainerInstance/containerGroups/write", true),
    ("Microsoft.Compute/virtualMachines/write", true),
    ("Microsoft.Web/sites/write", true),
    ("Microsoft.Automation/automationAccounts/write", true),
    ("Microsoft.Resources/deploymentScripts/write", false),
];

/// A user-assigned identity attached to something that the attacker makes, or federated to an issuer of theirs.
pub fn attach_identity(state: &mut State<'_>, principal: &ObjectId, token: usize) {
    let federate = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write";
    let attach = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action";
    if state.is_never(federate) && state.is_never(attach) {
        return;
    }
    for identity in state.covered(principal, state.estate.assignable()) {
        let Some(holder) = state.estate.assigned(&identity).cloned() else { continue };
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
        let host = state.groups_at_hand(principal, Some(&identity)).into_iter().find_map(|group| {
            HOSTS.iter().find_map(|(operation, _)| state.may(principal, &state.request(operation, false, &group)))
        });
        if let Some(host) = host {
            let mut node = allowed.into_node(state.node(attach, principal.as_str(), identity.spelled(), ""));
            node = host.into_node(node);
            node.needs.insert(token);
            state.derive(Fact::Controls(holder), node);
        }
    }
}

/// The identity of something that the attacker makes.
const MADE: &str = "new managed identity";

/// Something new with an identity of its own, where somebody may grant that a role and no identity is at hand.
pub fn make_identity(state: &mut State<'_>, principal: &ObjectId, token: usize) {
    if !state.wants_machine() {
        return;
    }
    for group in state.groups_at_hand(principal, None) {
        for (operation, _) in HOSTS.iter().filter(|(_, own)| *own) {
            if state.is_banned(operation, group.spelled()) {
                continue;
            }
            let Some(allowed) = state.may(principal, &state.request(operation, false, &group)) else { continue };
            let kind = operation.trim_end_matches("/write");
            let made = ResourceId::new(&format!("{}/providers/{kind}/new", group.spelled()));
            let region = state.homes().iter().find_map(|home| {
                let document = state.world.env.get(Kind::Resources, home.folded())?;
                json::text(&document.body, "location").map(str::to_owned)
            });
            // What else the request holds the attacker chooses.
            let body = json!({ "id": made.spelled(), "name": "new", "type": kind, "location": region, "properties": {},
                "identity": { "type": "SystemAssigned" } });
            let Some(deleted) = azure::policy_allows(state, operation, &made, body) else { continue };
            let identity = ObjectId::new(MADE);
            let why = format!("make one with an identity of its own, by {}", allowed.why);
            let mut node = allowed.into_node(state.node(operation, principal.as_str(), group.spelled(), &why));
            node.needs.insert(token);
            node.needs.extend(deleted);
            let document = json!({ "id": MADE, "displayName": MADE, "servicePrincipalType": "ManagedIdentity" });
            insert(state, Kind::ServicePrincipals, MADE, document);
            state.derive(Fact::Controls(identity), node);
            return;
        }
    }
}

/// Code on a resource gets tokens of every identity it carries.
pub fn take_identities(state: &mut State<'_>) {
    let executed: Vec<ResourceId> = state
        .facts()
        .filter_map(|(fact, _)| match fact {
            Fact::Execution(resource) => Some(resource.clone()),
            _ => None,
        })
        .collect();
    for resource in executed {
        take_identities_of(state, &resource);
    }
}

fn take_identities_of(state: &mut State<'_>, resource: &ResourceId) {
    let Some(execution) = state.node_of(&Fact::Execution(resource.clone())) else { return };
    let wanted = state.wants_machine();
    let carried: Vec<ObjectId> = match wanted {
        true => state.estate.carried_by(resource).cloned().collect(),
        false => state.estate.of_resource(resource).cloned().collect(),
    };
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
