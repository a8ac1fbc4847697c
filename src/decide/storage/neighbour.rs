//! Other services whose credentials an attacker lists: is the credential of any use. What `resource-patch` controls
//! void.
//!
//! General rule: properties that turn local authentication off cut the *use* of a key, not its *listing*.

use super::network::{Caller, NETWORK, reaches};
use super::resource::Resource;
use crate::decide::azure_rbac::Outcome;
use crate::model::{Answer, Clause, Fact, Level, ResourceId, Truth, json};
use serde_json::Value;

/// A credential, or a way in, of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Credential {
    /// A key, connection string or local user of the service itself.
    LocalKey,
    /// SAS of a disk or snapshot (`beginGetAccess`).
    DiskSas,
    /// The cluster-admin certificate of a managed cluster.
    ClusterAdmin,
    /// `runCommand` of a managed cluster: through ARM, past its network rules.
    ClusterRunCommand,
    /// Password of a SQL login.
    SqlPassword,
    /// Basic publishing credentials of an app, through `scm` (Kudu, Web Deploy) or `ftp`.
    PublishingScm,
    PublishingFtp,
}

/// What else is known about a use.
#[derive(Clone, Copy, Debug, Default)]
pub struct Circumstances<'a> {
    /// Where it comes from; none: the network is not asked.
    pub caller: Option<&'a Caller>,
    /// What the RBAC gate says of the data action, where one is asked for besides.
    pub rbac: Option<Outcome>,
    /// Child resources of the resource; none: not collected.
    pub children: Option<&'a [&'a Value]>,
    /// Paths of the resource that nobody recorded.
    pub unknown_paths: &'a [String],
}

/// One condition of a use: false refuses for the reason.
pub(super) struct Condition {
    pub reason: &'static str,
    pub truth: Truth,
    pub clause: Clause,
}

/// The first certain failure, else unknown with every fact, else usable.
pub(super) fn judge(conditions: Vec<Condition>) -> Answer {
    if let Some(failed) = conditions.iter().find(|condition| condition.truth.is_false()) {
        return Answer::refused(failed.reason).because(failed.clause.clone());
    }
    let mut answer = Answer::allowed("usable");
    for condition in conditions {
        match condition.truth {
            Truth::Unknown(missing) if answer.level == Level::Unknown => {
                answer.missing.extend(missing);
                answer.clauses.push(condition.clause);
            }
            Truth::Unknown(missing) => {
                answer = Answer { missing, ..Answer::of(Level::Unknown, condition.reason) };
                answer.clauses.push(condition.clause);
            }
            Truth::True if answer.level == Level::NotCut => answer.clauses.push(condition.clause),
            Truth::True | Truth::False => {}
        }
    }
    answer
}

/// Whether using the credential on the resource gets anywhere.
pub fn usable(credential: Credential, resource: &Value, circumstances: &Circumstances) -> Answer {
    let resource = Resource::new(resource, circumstances.unknown_paths);
    judge(match credential {
        Credential::LocalKey => super::local_key::conditions(&resource, circumstances),
        Credential::DiskSas => disk(&resource, circumstances),
        Credential::ClusterAdmin => cluster_admin(&resource, circumstances),
        Credential::ClusterRunCommand => cluster_run_command(&resource),
        Credential::SqlPassword => super::sql::conditions(&resource, circumstances),
        Credential::PublishingScm => publishing(&resource, circumstances, "scm"),
        Credential::PublishingFtp => publishing(&resource, circumstances, "ftp"),
    })
}

/// The public endpoint of a service that knows no rules but on or off and private endpoints.
pub(super) fn endpoint(resource: &Resource, circumstances: &Circumstances) -> Option<Condition> {
    let (truth, path) = reaches(resource, circumstances.caller?, "properties.networkAcls");
    let clause = resource.clause(&path, "the network rules decide who reaches the endpoint", NETWORK);
    Some(Condition { reason: "network", truth, clause })
}

/// A property of a child resource of this type and name; unknown where children were not collected, or this one was
/// not.
pub(super) fn child<'a>(circumstances: &Circumstances<'a>, kind: &str, name: &str) -> Fact<&'a Value> {
    let Some(children) = circumstances.children else { return Fact::Unknown };
    let named = |child: &&&Value| {
        let id = ResourceId::new(json::text(child, "id").unwrap_or_default());
        let of_kind = id.resource_type().is_some_and(|t| t.to_lowercase().ends_with(&kind.to_lowercase()));
        of_kind && id.name().eq_ignore_ascii_case(name)
    };
    children.iter().find(named).map_or(Fact::Unknown, |child| Fact::Known(*child))
}

/// Source: *Restrict managed disks from being imported or exported*, *Secure downloads and uploads of Azure managed
/// disks*. The storage behind a disk knows no firewall of its own.
fn disk(disk: &Resource, circumstances: &Circumstances) -> Vec<Condition> {
    const POLICY: &str = "properties.networkAccessPolicy";
    const ACCESS: &str = "properties.publicNetworkAccess";
    const MODE: &str = "properties.dataAccessAuthMode";
    let source = "Restrict managed disks from being imported or exported";
    let private = match circumstances.caller.map(|caller| caller.via_private_endpoint) {
        Some(Some(private)) => Truth::from(private),
        Some(None) | None => Truth::missing("request.viaPrivateEndpoint"),
    };
    // Absent: the documented default is `AllowAll`.
    let (export, reason) = match disk.word(POLICY) {
        Fact::Known(word) if word == "denyall" => (Truth::False, "exportDenied"),
        Fact::Known(word) if word == "allowprivate" => (private.clone(), "privateOnly"),
        Fact::Known(word) if word == "allowall" => (Truth::True, "privateOnly"),
        Fact::Absent => (Truth::True, "privateOnly"),
        Fact::Known(_) | Fact::Unknown => (Truth::missing(POLICY), "privateOnly"),
    };
    let public = match disk.word(ACCESS) {
        Fact::Known(word) if word == "disabled" => private,
        Fact::Known(word) if word == "enabled" => Truth::True,
        Fact::Absent => Truth::True,
        Fact::Known(_) | Fact::Unknown => Truth::missing(ACCESS),
    };
    let downloader = match circumstances.rbac {
        Some(Outcome::Allowed) => Truth::True,
        Some(Outcome::Denied) => Truth::False,
        Some(Outcome::Unknown) | None => Truth::missing("rbac"),
    };
    let entra = match disk.word(MODE) {
        Fact::Known(word) if word == "azureactivedirectory" => downloader,
        Fact::Known(word) if word == "none" => Truth::True,
        Fact::Absent => Truth::True,
        Fact::Known(_) | Fact::Unknown => Truth::missing(MODE),
    };
    let says = "`DenyAll` refuses every export, `AllowPrivate` all but those through a disk access resource";
    vec![
        Condition { reason, truth: export, clause: disk.clause(POLICY, says, source) },
        Condition {
            reason: "publicNetworkAccess",
            truth: public,
            clause: disk.clause(ACCESS, "`Disabled` leaves private endpoints alone", source),
        },
        Condition {
            reason: "dataAccessAuthMode",
            truth: entra,
            clause: disk.clause(
                MODE,
                "`AzureActiveDirectory` asks the downloader for the data action besides the SAS",
                "Secure downloads and uploads of Azure managed disks",
            ),
        },
    ]
}

/// Source: *Manage local accounts with AKS-managed Microsoft Entra integration* (certificates handed out before live
/// until the cluster's are rotated), *Secure access to the API server using authorized IP address ranges in Azure
/// Kubernetes Service (AKS)*.
fn cluster_admin(cluster: &Resource, circumstances: &Circumstances) -> Vec<Condition> {
    const LOCAL: &str = "properties.disableLocalAccounts";
    const PRIVATE: &str = "properties.apiServerAccessProfile.enablePrivateCluster";
    const RANGES: &str = "properties.apiServerAccessProfile.authorizedIPRanges";
    let mut conditions = vec![Condition {
        reason: "localAccountsDisabled",
        truth: cluster.unless(LOCAL, true, Truth::True),
        clause: cluster.clause(
            LOCAL,
            "`true` makes listing the admin certificate fail",
            "Manage local accounts with AKS-managed Microsoft Entra integration",
        ),
    }];
    if let Some(caller) = circumstances.caller {
        let inside = match (caller.via_private_endpoint, caller.subnet.is_some()) {
            (Some(true), _) | (_, true) => Truth::True,
            (Some(false), false) => Truth::False,
            (None, false) => Truth::missing("request.viaPrivateEndpoint"),
        };
        let ranged = match cluster.list(RANGES) {
            Fact::Known([]) => Truth::True,
            Fact::Known(ranges) => match caller.ip {
                Some(ip) => ranges.iter().filter_map(Value::as_str).fold(Truth::False, |truth, range| {
                    let held = super::network::in_range(ip, range);
                    truth.or(held.map_or_else(|| Truth::missing(RANGES), Truth::from))
                }),
                None => Truth::missing("request.callerIp"),
            },
            Fact::Absent | Fact::Unknown => Truth::missing(RANGES),
        };
        let open = cluster.unless(PRIVATE, true, Truth::True).and(ranged);
        let source =
            "Secure access to the API server using authorized IP address ranges in Azure Kubernetes Service (AKS)";
        let clause = cluster.clause(RANGES, "who reaches the API server", source);
        conditions.push(Condition { reason: "network", truth: inside.or(open), clause });
    }
    conditions
}

/// Source: *Access a private Azure Kubernetes Service (AKS) cluster using the command invoke or Run command feature*.
fn cluster_run_command(cluster: &Resource) -> Vec<Condition> {
    const DISABLED: &str = "properties.apiServerAccessProfile.disableRunCommand";
    vec![Condition {
        reason: "runCommandDisabled",
        truth: cluster.unless(DISABLED, true, Truth::True),
        clause: cluster.clause(
            DISABLED,
            "`true` turns run command off",
            "Access a private Azure Kubernetes Service (AKS) cluster using the command invoke or Run command feature",
        ),
    }]
}

/// Source: *Disable basic authentication in App Service deployments*. The policy is a resource of its own and always
/// there; one that was not exported is unknown (its value at creation changed over the years).
fn publishing(app: &Resource, circumstances: &Circumstances, through: &str) -> Vec<Condition> {
    const KIND: &str = "basicPublishingCredentialsPolicies";
    let path = format!("{KIND}/{through}");
    let allowed = match child(circumstances, KIND, through) {
        Fact::Known(policy) => match json::path(policy, "properties.allow").and_then(Value::as_bool) {
            Some(allow) => allow.into(),
            None => Truth::missing(path.clone()),
        },
        Fact::Absent | Fact::Unknown => Truth::missing(path.clone()),
    };
    let source = "Disable basic authentication in App Service deployments";
    let document = format!("{}/{path}", app.id());
    let says = "`allow: false` makes publishing credentials useless".to_owned();
    let clause = Clause { document, pointer: "/properties/allow".to_owned(), says, source: source.to_owned() };
    let mut conditions = vec![Condition { reason: "basicAuthenticationDisabled", truth: allowed, clause }];
    conditions.extend(endpoint(app, circumstances));
    conditions
}
