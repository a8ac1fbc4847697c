//! Rules of machine identities: code run on what carries one, an identity attached to what the attacker makes.
//!
//! Sources: *What are managed identities for Azure resources?*, *How managed identities for Azure resources work with
//! Azure virtual machines*, and the capability rows whose operation names stand here.

use super::state::{Fact, State};
use crate::model::{ObjectId, ResourceId};
use std::collections::BTreeSet;

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

pub fn run_code(state: &mut State<'_>, principal: &ObjectId, token: usize) {
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
pub fn attach_identity(state: &mut State<'_>, principal: &ObjectId, token: usize) {
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
pub fn take_identities(state: &mut State<'_>) {
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
