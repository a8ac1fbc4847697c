//! Which operations run code on a resource, as the identities it carries: the one table for what a recorded call gave,
//! for what it leads to, and for what an attacker could do next.
//!
//! Sources: *What are managed identities for Azure resources?* (services that have them), *Run scripts in your VM*,
//! *Virtual machine extensions and features for Linux/Windows*, *Connected Machine agent: extensions*, *Deployment
//! technologies in Azure Functions*, *Configure basic authentication for App Service deployment*, *Manage runbooks in Azure
//! Automation* (a draft runs once published, or as a test job), *Use command invoke to access a private Azure Kubernetes
//! Service (AKS) cluster*, *ACR Tasks overview*, *Execute a command in a running Azure container instance*.

use crate::model::ResourceId;

/// A type of resource that runs code as its identities.
pub struct Host {
    /// Lower case.
    pub kind: &'static str,
    /// On record each of these ran code of the caller's; lower case, after the type.
    runs: &'static [&'static str],
    /// These put code, or a way to start it, in place for another to run.
    puts: &'static [&'static str],
    /// Ways to run code on one that exists, each with all the operations it takes; the last of a way starts it.
    pub ways: &'static [&'static [&'static str]],
}

/// Signing in to the machine as its administrator: a data action, and the network has to let one in.
pub const ADMINISTRATOR_LOGIN: &str = "Microsoft.Compute/virtualMachines/loginAsAdmin/action";

const HOSTS: &[Host] = &[
    Host {
        kind: "microsoft.compute/virtualmachines",
        runs: &["write", "runcommand/action", "runcommands/write", "extensions/write"],
        puts: &[],
        ways: &[
            &["Microsoft.Compute/virtualMachines/runCommand/action"],
            &["Microsoft.Compute/virtualMachines/runCommands/write"],
            &["Microsoft.Compute/virtualMachines/extensions/write"],
            &[ADMINISTRATOR_LOGIN],
        ],
    },
    Host {
        kind: "microsoft.compute/virtualmachinescalesets",
        runs: &[
            "virtualmachines/runcommand/action",
            "virtualmachines/runcommands/write",
            "virtualmachines/extensions/write",
            "extensions/write",
        ],
        puts: &["write"],
        ways: &[
            &["Microsoft.Compute/virtualMachineScaleSets/virtualMachines/runCommand/action"],
            &["Microsoft.Compute/virtualMachineScaleSets/virtualMachines/runCommands/write"],
            &["Microsoft.Compute/virtualMachineScaleSets/virtualMachines/extensions/write"],
            &["Microsoft.Compute/virtualMachineScaleSets/extensions/write"],
        ],
    },
    Host {
        kind: "microsoft.hybridcompute/machines",
        runs: &["extensions/write", "runcommands/write"],
        puts: &[],
        ways: &[
            &["Microsoft.HybridCompute/machines/extensions/write"],
            &["Microsoft.HybridCompute/machines/runCommands/write"],
        ],
    },
    Host {
        kind: "microsoft.web/sites",
        runs: &["write", "config/write", "extensions/write", "functions/write", "publish/action"],
        puts: &[
            "config/list/action",
            "publishxml/action",
            "host/listkeys/action",
            "functions/listsecrets/action",
            "sourcecontrols/write",
        ],
        ways: &[
            &["Microsoft.Web/sites/write"],
            &["Microsoft.Web/sites/config/write"],
            &["Microsoft.Web/sites/extensions/write"],
            &["Microsoft.Web/sites/functions/write"],
            &["Microsoft.Web/sites/sourcecontrols/write"],
            &["Microsoft.Web/sites/publish/Action"],
            &["Microsoft.Web/sites/host/listKeys/action"],
            &["Microsoft.Web/sites/publishxml/action"],
            &["Microsoft.Web/sites/config/list/action"],
        ],
    },
    Host {
        kind: "microsoft.automation/automationaccounts",
        runs: &["jobs/write", "jobschedules/write", "webhooks/write", "runbooks/draft/testjob/write"],
        puts: &["runbooks/write", "runbooks/draft/write", "runbooks/publish/action", "webhooks/action"],
        ways: &[
            &[
                "Microsoft.Automation/automationAccounts/runbooks/draft/write",
                "Microsoft.Automation/automationAccounts/runbooks/publish/action",
                "Microsoft.Automation/automationAccounts/jobs/write",
            ],
            &[
                "Microsoft.Automation/automationAccounts/runbooks/draft/write",
                "Microsoft.Automation/automationAccounts/runbooks/draft/testJob/write",
            ],
            // A runbook is made and published from a link in one call.
            &[
                "Microsoft.Automation/automationAccounts/runbooks/write",
                "Microsoft.Automation/automationAccounts/jobs/write",
            ],
            &[
                "Microsoft.Automation/automationAccounts/runbooks/draft/write",
                "Microsoft.Automation/automationAccounts/runbooks/publish/action",
                "Microsoft.Automation/automationAccounts/webhooks/write",
            ],
        ],
    },
    Host {
        kind: "microsoft.logic/workflows",
        runs: &["write", "run/action", "triggers/run/action"],
        puts: &["triggers/listcallbackurl/action"],
        ways: &[&["Microsoft.Logic/workflows/write"]],
    },
    Host {
        kind: "microsoft.resources/deploymentscripts",
        runs: &["write"],
        puts: &[],
        ways: &[&["Microsoft.Resources/deploymentScripts/write"]],
    },
    Host {
        kind: "microsoft.containerregistry/registries",
        runs: &["tasks/write", "schedulerun/action"],
        puts: &[],
        ways: &[&["Microsoft.ContainerRegistry/registries/tasks/write"]],
    },
    Host {
        kind: "microsoft.containerservice/managedclusters",
        runs: &["runcommand/action"],
        puts: &["listclusteradmincredential/action", "listclusterusercredential/action"],
        ways: &[
            &["Microsoft.ContainerService/managedClusters/runcommand/action"],
            &["Microsoft.ContainerService/managedClusters/listClusterAdminCredential/action"],
        ],
    },
    Host {
        kind: "microsoft.containerinstance/containergroups",
        runs: &["write", "containers/exec/action"],
        puts: &[],
        ways: &[
            &["Microsoft.ContainerInstance/containerGroups/containers/exec/action"],
            &["Microsoft.ContainerInstance/containerGroups/write"],
        ],
    },
    Host {
        kind: "microsoft.app/containerapps",
        runs: &["write"],
        puts: &[],
        ways: &[&["Microsoft.App/containerApps/write"]],
    },
    Host {
        kind: "microsoft.app/jobs",
        runs: &["write", "start/action"],
        puts: &[],
        ways: &[&["Microsoft.App/jobs/write"], &["Microsoft.App/jobs/start/action"]],
    },
    Host {
        kind: "microsoft.datafactory/factories",
        runs: &["pipelines/createrun/action", "pipelines/write"],
        puts: &[],
        ways: &[&[
            "Microsoft.DataFactory/factories/pipelines/write",
            "Microsoft.DataFactory/factories/pipelines/createrun/action",
        ]],
    },
    Host {
        kind: "microsoft.machinelearningservices/workspaces",
        runs: &["jobs/write", "computes/write"],
        puts: &[],
        ways: &[&["Microsoft.MachineLearningServices/workspaces/jobs/write"]],
    },
];

/// The row of a resource type.
pub fn host(kind: &str) -> Option<&'static Host> {
    HOSTS.iter().find(|host| kind.eq_ignore_ascii_case(host.kind))
}

/// All rows.
pub fn hosts() -> &'static [Host] {
    HOSTS
}

fn of_operation(operation: &str, lists: impl Fn(&Host, &str) -> bool) -> Option<&'static Host> {
    HOSTS.iter().find(|host| {
        let end = operation.strip_prefix(host.kind).and_then(|rest| rest.strip_prefix('/'));
        end.is_some_and(|end| lists(host, end))
    })
}

/// Whether an operation (lower case) runs code, or puts it in place.
pub fn concerns_code(operation: &str) -> bool {
    of_operation(operation, |host, end| host.runs.contains(&end) || host.puts.contains(&end)).is_some()
}

/// The resource an operation (lower case) runs code on: that itself, or the one it is a child of.
pub fn runs_on(operation: &str, resource: &ResourceId) -> Option<ResourceId> {
    let host = of_operation(operation, |host, end| host.runs.contains(&end))?;
    let mut at = resource.clone();
    loop {
        if at.resource_type().is_some_and(|t| t.eq_ignore_ascii_case(host.kind)) {
            return Some(at);
        }
        at = at.parent()?;
    }
}
