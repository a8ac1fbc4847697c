//! Northgate Engineering: who works there, what they hold, and where it stands. Every file of the case speaks of these.

use super::kit::guid;
use serde_json::{Value, json};

pub const DOMAIN: &str = "northgateeng.com";
/// The company's own range, a trusted named location.
pub const OFFICE: &str = "203.0.113.0/24";
pub const ATTACKER: &str = "198.51.100.77";
/// Outbound address of the app service that runs Ledgerline.
pub const LEDGER_OUT: &str = "192.0.2.200";
/// Outbound address of the customer portal's app service.
pub const PORTAL_OUT: &str = "192.0.2.210";
/// Self-hosted deployment agent, inside the company's range.
pub const AGENT: &str = "203.0.113.60";

pub fn tenant() -> String {
    guid("tenant")
}

pub fn subscription() -> String {
    guid("subscription/northgate-prod")
}

pub fn sub() -> String {
    format!("/subscriptions/{}", subscription())
}

pub fn group_scope(name: &str) -> String {
    format!("{}/resourceGroups/{name}", sub())
}

/// `resource("rg-production", "Microsoft.Storage/storageAccounts", "proddata")`
pub fn resource(group: &str, kind: &str, name: &str) -> String {
    format!("{}/providers/{kind}/{name}", group_scope(group))
}

pub fn proddata() -> String {
    resource("rg-production", "Microsoft.Storage/storageAccounts", "proddata")
}

pub fn applogs() -> String {
    resource("rg-apps", "Microsoft.Storage/storageAccounts", "applogs")
}

pub mod app {
    //! Application ids of the vendor.
    pub const PORTAL: (&str, &str) = ("c44b4083-3bb0-49c1-b47d-974e53cbdf3c", "Azure Portal");
    pub const CLI: (&str, &str) = ("04b07795-8ddb-461a-bbee-02f9e1bf7b46", "Microsoft Azure CLI");
    pub const ARM: (&str, &str) = ("797f4846-ba00-4fd7-ba43-dac1f8f63013", "Windows Azure Service Management API");
    pub const STORAGE: (&str, &str) = ("e406a681-f3d4-42a8-90b6-c2b029497af1", "Azure Storage");
    pub const STORAGE_EXPLORER: (&str, &str) =
        ("9debf01e-cdc9-4b51-92fe-2b5fcfaafa73", "Microsoft Azure Storage Explorer");
    pub const EXCHANGE: (&str, &str) = ("00000002-0000-0ff1-ce00-000000000000", "Office 365 Exchange Online");
    pub const SHAREPOINT: (&str, &str) = ("00000003-0000-0ff1-ce00-000000000000", "Office 365 SharePoint Online");
    pub const OFFICE_HOME: (&str, &str) = ("4765445b-32c6-49b0-83e6-1d93765276ca", "OfficeHome");
    pub const DEVOPS: (&str, &str) = ("499b84ac-1321-427f-aa17-267ca6975798", "Azure DevOps");
}

/// Template ids of Entra roles.
pub const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";
pub const GLOBAL_READER: &str = "f2ef992c-3afb-46b9-b7cf-a126ee74c451";
pub const SECURITY_READER: &str = "5d6b6bb7-de71-4623-b4af-96380a352509";

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Team {
    Admin,
    Owners,
    Platform,
    Developers,
    Data,
    Business,
    Emergency,
}

#[derive(Clone, Copy)]
pub struct Person {
    pub alias: &'static str,
    pub name: &'static str,
    pub title: &'static str,
    pub team: Team,
    /// Last byte of the address the person has in the company's range.
    pub host: u8,
    /// Works from a device nobody manages.
    pub own_device: bool,
    /// Address abroad, from and to which day of March.
    pub travels: Option<(&'static str, i64, i64)>,
}

impl Person {
    pub fn id(&self) -> String {
        guid(&format!("user/{}", self.alias))
    }

    pub fn upn(&self) -> String {
        format!("{}@{DOMAIN}", self.alias)
    }

    pub fn address(&self, day: i64) -> String {
        match self.travels {
            Some((address, from, to)) if (from..=to).contains(&day) => address.to_owned(),
            _ => format!("203.0.113.{}", self.host),
        }
    }

    pub fn country(&self, day: i64) -> &'static str {
        match self.travels {
            Some((_, from, to)) if (from..=to).contains(&day) => "FR",
            _ => "GB",
        }
    }

    pub fn global_administrator(&self) -> bool {
        matches!(self.alias, "oliver.hart" | "breakglass")
    }
}

const fn person(
    alias: &'static str,
    name: &'static str,
    title: &'static str,
    team: Team,
    host: u8,
    own_device: bool,
    travels: Option<(&'static str, i64, i64)>,
) -> Person {
    Person { alias, name, title, team, host, own_device, travels }
}

pub const PEOPLE: &[Person] = &[
    person("admin", "Northgate Administrator", "Cloud administrator", Team::Admin, 10, false, None),
    person("oliver.hart", "Oliver Hart", "IT director", Team::Owners, 11, false, None),
    // Works with roles at night.
    person("nadia.okafor", "Nadia Okafor", "Platform lead", Team::Owners, 12, false, None),
    person("graham.pell", "Graham Pell", "Project lead", Team::Owners, 13, false, None),
    person("tom.ashby", "Tom Ashby", "Platform engineer", Team::Platform, 20, false, None),
    person("lena.fischer", "Lena Fischer", "Platform engineer", Team::Platform, 21, false, None),
    person("samir.patel", "Samir Patel", "Network engineer", Team::Platform, 22, false, None),
    // The two who travel.
    person("ines.moreau", "Ines Moreau", "Platform engineer", Team::Platform, 23, false, Some(("192.0.2.66", 11, 17))),
    person("declan.byrne", "Declan Byrne", "Site engineer", Team::Platform, 24, false, Some(("192.0.2.83", 16, 19))),
    person("wei.zhang", "Wei Zhang", "Platform engineer", Team::Platform, 25, false, None),
    person("paul.novak", "Paul Novak", "Contract engineer", Team::Platform, 26, true, None),
    person("hannah.cole", "Hannah Cole", "Developer", Team::Developers, 30, false, None),
    person("jack.reid", "Jack Reid", "Developer", Team::Developers, 31, false, None),
    person("yusuf.demir", "Yusuf Demir", "Developer", Team::Developers, 32, false, None),
    person("priya.nair", "Priya Nair", "Data analyst", Team::Data, 40, false, None),
    person("marcus.lowe", "Marcus Lowe", "Data analyst", Team::Data, 41, false, None),
    person("elena.rossi", "Elena Rossi", "Data engineer", Team::Data, 42, false, None),
    person("charlotte.evans", "Charlotte Evans", "Finance manager", Team::Business, 50, false, None),
    person("robert.king", "Robert King", "Sales manager", Team::Business, 51, false, None),
    person("maya.singh", "Maya Singh", "Office manager", Team::Business, 52, true, None),
    person("breakglass", "Emergency access", "Emergency access account", Team::Emergency, 14, false, None),
];

pub fn of(alias: &str) -> &'static Person {
    PEOPLE.iter().find(|p| p.alias == alias).expect("a person of the estate")
}

/// A service principal: key, display name, kind as Graph says it, whether an app service carries it.
pub struct Workload {
    pub key: &'static str,
    pub name: &'static str,
    pub kind: &'static str,
    pub host: Option<(&'static str, &'static str)>,
}

pub const WORKLOADS: &[Workload] = &[
    Workload { key: "deploy", name: "northgate-deploy", kind: "Application", host: None },
    Workload { key: "backup", name: "northgate-backup", kind: "Application", host: None },
    Workload {
        key: "ledger",
        name: "app-ledger",
        kind: "ManagedIdentity",
        host: Some(("rg-production", "app-ledger")),
    },
    Workload { key: "portal", name: "app-portal", kind: "ManagedIdentity", host: Some(("rg-apps", "app-portal")) },
];

pub fn workload_id(key: &str) -> String {
    guid(&format!("servicePrincipal/{key}"))
}

pub fn workload_app(key: &str) -> String {
    guid(&format!("application/{key}"))
}

/// Groups: key, name, description.
pub const GROUPS: &[(&str, &str, &str)] = &[
    ("platform", "Platform Engineers", "Run the landing zone"),
    ("developers", "Developers", "Build the customer portal"),
    ("data", "Data Team", "Reads and writes production data"),
    ("staff", "All Staff", "Everybody on the payroll"),
    ("emergency", "Emergency Access", "Left out of blocking policies"),
    ("it-join", "Device Enrolment", "May join devices"),
];

pub fn group_id(key: &str) -> String {
    guid(&format!("group/{key}"))
}

/// Direct members by object id, with their Graph type.
pub fn members(group: &str) -> Vec<(String, &'static str)> {
    let team = |t: Team| PEOPLE.iter().filter(move |p| p.team == t).map(|p| (p.id(), "user")).collect::<Vec<_>>();
    match group {
        "platform" => team(Team::Platform),
        "developers" => team(Team::Developers),
        "data" => team(Team::Data),
        "staff" => {
            let mut all: Vec<_> = ["platform", "developers", "data"].map(|g| (group_id(g), "group")).to_vec();
            all.extend(team(Team::Owners));
            all.extend(team(Team::Business));
            all
        }
        "emergency" => team(Team::Emergency),
        "it-join" => vec![(of("oliver.hart").id(), "user"), (of("tom.ashby").id(), "user")],
        _ => Vec::new(),
    }
}

/// Built-in Azure roles: name, permissions (facts of the platform: "Azure built-in roles").
pub fn roles() -> Vec<(&'static str, Value)> {
    let none: [&str; 0] = [];
    let plain = |actions: &[&str], data: &[&str]| json!([{ "actions": actions, "notActions": none, "dataActions": data, "notDataActions": none }]);
    let containers = "Microsoft.Storage/storageAccounts/blobServices/containers";
    let delegation = "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action";
    let of_container = |verbs: &[&str]| verbs.iter().map(|v| format!("{containers}/{v}")).collect::<Vec<_>>();
    vec![
        ("Owner", plain(&["*"], &[])),
        (
            "Contributor",
            json!([{ "actions": ["*"], "notActions": [
                "Microsoft.Authorization/*/Delete", "Microsoft.Authorization/*/Write",
                "Microsoft.Authorization/elevateAccess/Action", "Microsoft.Blueprint/blueprintAssignments/write",
                "Microsoft.Blueprint/blueprintAssignments/delete", "Microsoft.Compute/galleries/share/action",
                "Microsoft.Purview/consents/write", "Microsoft.Purview/consents/delete",
                "Microsoft.Resources/deploymentStacks/manageDenySetting/action",
                "Microsoft.Subscription/cancel/action", "Microsoft.Subscription/enable/action"
            ], "dataActions": none, "notDataActions": none }]),
        ),
        ("Reader", plain(&["*/read"], &[])),
        ("User Access Administrator", plain(&["*/read", "Microsoft.Authorization/*", "Microsoft.Support/*"], &[])),
        (
            "Storage Blob Data Reader",
            json!([{ "actions": [format!("{containers}/read"), delegation], "notActions": none,
                "dataActions": of_container(&["blobs/read"]), "notDataActions": none }]),
        ),
        (
            "Storage Blob Data Contributor",
            json!([{ "actions": [format!("{containers}/delete"), format!("{containers}/read"),
                format!("{containers}/write"), delegation.to_owned()], "notActions": none,
                "dataActions": of_container(&["blobs/delete", "blobs/read", "blobs/write", "blobs/move/action",
                "blobs/add/action"]), "notDataActions": none }]),
        ),
        (
            "Key Vault Secrets User",
            plain(
                &[],
                &[
                    "Microsoft.KeyVault/vaults/secrets/getSecret/action",
                    "Microsoft.KeyVault/vaults/secrets/readMetadata/action",
                ],
            ),
        ),
    ]
}

const ROLE_IDS: &[(&str, &str)] = &[
    ("Owner", "8e3af657-a8ff-443c-a75c-2fe8c4bcb635"),
    ("Contributor", "b24988ac-6180-42a0-ab88-20f7382dd24c"),
    ("Reader", "acdd72a7-3385-48ef-bd42-f606fba81ae7"),
    ("User Access Administrator", "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9"),
    ("Storage Blob Data Reader", "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"),
    ("Storage Blob Data Contributor", "ba92f5b4-2d11-453d-a403-e96b0029c9fe"),
    ("Key Vault Secrets User", "4633458b-17de-408a-b874-0445c86b69e6"),
];

pub fn role_id(name: &str) -> &'static str {
    ROLE_IDS.iter().find(|(n, _)| *n == name).expect("a role of the estate").1
}

pub fn role_definition(name: &str) -> String {
    format!("{}/providers/Microsoft.Authorization/roleDefinitions/{}", sub(), role_id(name))
}

/// One standing Azure role assignment.
pub struct Assignment {
    pub principal: String,
    /// As `az` prints it: UPN, group name, application id.
    pub principal_name: String,
    pub kind: &'static str,
    pub role: &'static str,
    pub scope: String,
    pub created: &'static str,
}

impl Assignment {
    pub fn name(&self) -> String {
        guid(&format!("assignment/{}/{}/{}", self.principal, self.role, self.scope))
    }

    pub fn id(&self) -> String {
        format!("{}/providers/Microsoft.Authorization/roleAssignments/{}", self.scope, self.name())
    }
}

pub fn assignments() -> Vec<Assignment> {
    let user = |alias: &str, role, scope: String, created| {
        let p = of(alias);
        Assignment { principal: p.id(), principal_name: p.upn(), kind: "User", role, scope, created }
    };
    let group = |key: &str, role, scope: String, created| {
        let name = GROUPS.iter().find(|g| g.0 == key).expect("a group of the estate").1;
        let (principal, principal_name) = (group_id(key), name.to_owned());
        Assignment { principal, principal_name, kind: "Group", role, scope, created }
    };
    let workload = |key: &str, role, scope: String, created| {
        let (principal, principal_name) = (workload_id(key), workload_app(key));
        Assignment { principal, principal_name, kind: "ServicePrincipal", role, scope, created }
    };
    vec![
        user("admin", "User Access Administrator", sub(), "2024-05-13T09:02:11.4420000+00:00"),
        user("admin", "Reader", sub(), "2024-05-13T09:01:37.1180000+00:00"),
        user("oliver.hart", "Owner", sub(), "2023-01-16T10:20:00.0000000+00:00"),
        user("nadia.okafor", "Owner", sub(), "2023-09-04T08:45:12.9300000+00:00"),
        user("graham.pell", "Owner", sub(), "2023-03-21T14:11:45.2010000+00:00"),
        user("breakglass", "Owner", sub(), "2023-01-16T10:31:00.0000000+00:00"),
        group("platform", "Contributor", group_scope("rg-apps"), "2023-09-05T11:00:00.0000000+00:00"),
        group("platform", "Contributor", group_scope("rg-platform"), "2023-09-05T11:02:00.0000000+00:00"),
        group("developers", "Reader", group_scope("rg-apps"), "2023-10-02T09:00:00.0000000+00:00"),
        group("data", "Storage Blob Data Contributor", proddata(), "2024-02-19T13:37:00.0000000+00:00"),
        workload("deploy", "Contributor", group_scope("rg-apps"), "2023-11-20T16:00:00.0000000+00:00"),
        workload("deploy", "Contributor", group_scope("rg-dr"), "2025-06-02T16:00:00.0000000+00:00"),
        workload("backup", "Storage Blob Data Contributor", proddata(), "2024-03-01T07:30:00.0000000+00:00"),
        workload(
            "ledger",
            "Key Vault Secrets User",
            resource("rg-production", "Microsoft.KeyVault/vaults", "kv-northgate"),
            "2024-02-20T10:00:00.0000000+00:00",
        ),
        workload("portal", "Storage Blob Data Contributor", applogs(), "2024-04-11T12:00:00.0000000+00:00"),
    ]
}

/// The assignment by which a principal (or its group) holds a role at a scope.
pub fn assignment(principal: &str, role: &str, scope: &str) -> Assignment {
    assignments()
        .into_iter()
        .find(|a| a.principal == principal && a.role == role && a.scope == scope)
        .expect("an assignment of the estate")
}

/// Id of the assignment the attack made at s3.
pub fn attack_assignment() -> String {
    format!("{}/providers/Microsoft.Authorization/roleAssignments/{}", sub(), guid("attack/assignment/contributor"))
}

pub mod policy {
    //! Conditional access policies of the tenant.
    use super::super::kit::guid;

    pub fn legacy() -> String {
        guid("ca/block-legacy")
    }
    pub fn global_admins() -> String {
        guid("ca/mfa-global-administrators")
    }
    pub fn device() -> String {
        guid("ca/compliant-device-azure-management")
    }
    pub const LEGACY: &str = "Block legacy authentication";
    pub const GLOBAL_ADMINS: &str = "Require MFA for Global Administrators";
    pub const DEVICE: &str = "Require compliant device for Azure management";
}
