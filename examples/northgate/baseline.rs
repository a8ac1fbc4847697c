//! Fourteen days of lawful work by 25 principals, with the exceptions that make collateral worth looking at: two
//! engineers in France, a pipeline that builds in North Europe, Ledgerline which still reads `proddata` with an
//! account key, and an administrator who works with roles at night.

use super::activity::{Caller, Operation};
use super::attack;
use super::blobs::{Authentication, Request};
use super::estate::*;
use super::kit::{At, HOUR, MINUTE, Rng, SECOND, guid, hash};
use super::signins::{Device, SignIn};
use serde_json::{Value, json};

pub const FIRST_DAY: i64 = 7;
pub const LAST_DAY: i64 = 20;
/// Sign-ins of the attack and of the baseline together: 2,003.
const SIGN_INS: usize = 2_001;
const REQUESTS: usize = 5_000;

pub struct Baseline {
    pub sign_ins: Vec<SignIn>,
    pub operations: Vec<Operation>,
    pub requests: Vec<Request>,
}

struct Maker {
    rng: Rng,
    out: Baseline,
}

pub fn baseline() -> Baseline {
    let out = Baseline { sign_ins: Vec::new(), operations: Vec::new(), requests: Vec::new() };
    let mut maker = Maker { rng: Rng::new(20_260_321), out };
    maker.engineers();
    maker.night_administrator();
    maker.administrator();
    maker.owners();
    maker.pipeline();
    maker.ledgerline();
    maker.portal();
    maker.backup();
    maker.data_team();
    maker.everyday_sign_ins();
    let mut out = maker.out;
    out.sign_ins.sort_by(|a, b| (a.at, &a.key).cmp(&(b.at, &b.key)));
    out.operations.sort_by(|a, b| (a.at, &a.key).cmp(&(b.at, &b.key)));
    out.requests.sort_by(|a, b| (a.at, &a.key).cmp(&(b.at, &b.key)));
    out
}

fn weekday(day: i64) -> bool {
    At::march(day, 0, 0, 0).weekday() < 5
}

impl Maker {
    fn at(&mut self, day: i64, from_hour: i64, to_hour: i64) -> At {
        let minute = self.rng.between(0, (to_hour - from_hour) * 60 - 1);
        At::march(day, from_hour, minute, self.rng.between(0, 59)).plus(self.rng.between(0, 999))
    }

    /// A sign-in to Azure management, and the calls made with its token.
    fn session(&mut self, person: &'static Person, at: At) -> Caller {
        let key = format!("arm/{}/{}", person.alias, self.out.sign_ins.len());
        let sign_in = SignIn::usual(at, key, person, app::PORTAL, app::ARM);
        let method = if sign_in.mfa.is_some() { "pwd,mfa" } else { "pwd" };
        let caller = Caller::User { person, token: sign_in.token(), signed_in: at, method };
        self.out.sign_ins.push(sign_in);
        caller
    }

    fn operation(
        &mut self,
        at: At,
        caller: &Caller,
        name: &'static str,
        resource: String,
        by: Assignment,
        body: Option<Value>,
    ) {
        let address = match caller {
            Caller::User { person, .. } => person.address(at.day()),
            Caller::Workload(_) => AGENT.to_owned(),
        };
        let key = format!("baseline/{}", self.out.operations.len());
        self.out.operations.push(Operation {
            at,
            key,
            caller: caller.clone(),
            address,
            name,
            resource,
            grant: by.into(),
            body,
            response: None,
        });
    }

    fn engineers(&mut self) {
        let team: Vec<&'static Person> = PEOPLE.iter().filter(|p| p.team == Team::Platform).collect();
        for day in (FIRST_DAY..=LAST_DAY).filter(|d| weekday(*d)) {
            for person in &team {
                if !self.rng.chance(7, 8) {
                    continue;
                }
                let start = self.at(day, 9, 16);
                let caller = self.session(person, start);
                // Whoever travels looks after machines only: fewer kinds of resources than the detection asks for.
                let abroad = person.country(day) == "FR";
                for n in 1..=self.rng.between(2, 3) {
                    let at = start.plus(n * 7 * MINUTE + self.rng.between(0, 200) * SECOND);
                    self.engineering(at, &caller, abroad);
                }
            }
        }
    }

    fn engineering(&mut self, at: At, caller: &Caller, machines_only: bool) {
        let group = |scope: &str| assignment(&group_id("platform"), "Contributor", &group_scope(scope));
        let machine = resource("rg-platform", "Microsoft.Compute/virtualMachines", "vm-dev-1");
        let n = self.rng.between(1, 40);
        match if machines_only { self.rng.between(0, 1) } else { self.rng.between(0, 6) } {
            0 => self.operation(at, caller, "Microsoft.Compute/virtualMachines/start/action", machine, group("rg-platform"), None),
            1 => self.operation(at, caller, "Microsoft.Compute/virtualMachines/deallocate/action", machine, group("rg-platform"), None),
            2 => self.operation(
                at,
                caller,
                "Microsoft.Compute/virtualMachines/write",
                resource("rg-platform", "Microsoft.Compute/virtualMachines", &format!("vm-dev-{n}")),
                group("rg-platform"),
                Some(json!({ "location": "uksouth", "tags": { "env": "dev" }, "properties": {
                    "hardwareProfile": { "vmSize": "Standard_B2ms" }, "osProfile": { "computerName": format!("dev-{n}") } } })),
            ),
            3 => self.operation(
                at,
                caller,
                "Microsoft.Network/networkSecurityGroups/securityRules/write",
                format!("{}/securityRules/allow-vpn-{n}", resource("rg-platform", "Microsoft.Network/networkSecurityGroups", "nsg-dev")),
                group("rg-platform"),
                Some(json!({ "properties": { "priority": 300 + n, "direction": "Inbound", "access": "Allow",
                    "protocol": "Tcp", "sourceAddressPrefix": OFFICE, "sourcePortRange": "*",
                    "destinationAddressPrefix": "*", "destinationPortRange": "22" } })),
            ),
            4 => self.operation(
                at,
                caller,
                "Microsoft.Compute/disks/write",
                resource("rg-platform", "Microsoft.Compute/disks", &format!("disk-dev-{n}")),
                group("rg-platform"),
                Some(json!({ "location": "uksouth", "sku": { "name": "StandardSSD_LRS" },
                    "properties": { "diskSizeGB": 64, "creationData": { "createOption": "Empty" } } })),
            ),
            5 => self.operation(
                at,
                caller,
                "Microsoft.Network/publicIPAddresses/write",
                resource("rg-apps", "Microsoft.Network/publicIPAddresses", &format!("pip-portal-{n}")),
                group("rg-apps"),
                Some(json!({ "location": "uksouth", "sku": { "name": "Standard" },
                    "properties": { "publicIPAllocationMethod": "Static" } })),
            ),
            _ => self.operation(
                at,
                caller,
                "Microsoft.Web/sites/restart/action",
                resource("rg-apps", "Microsoft.Web/sites", "app-portal"),
                group("rg-apps"),
                None,
            ),
        }
    }

    /// Writes an assignment one night and deletes it the next.
    fn night_administrator(&mut self) {
        let nadia = of("nadia.okafor");
        let by = || assignment(&of("nadia.okafor").id(), "Owner", &sub());
        let mut open: Option<String> = None;
        for day in [8, 9, 11, 12, 14, 16, 17, 19, 20, 21] {
            // The last night is the attack's: 02:48 to 03:07, from the company's network.
            let start = if day == 21 { At::march(21, 2, 48, 9) } else { self.at(day, 0, 3) };
            let caller = self.session(nadia, start);
            if let Some(assignment) = open.take() {
                self.operation(
                    start.plus(8 * MINUTE),
                    &caller,
                    "Microsoft.Authorization/roleAssignments/delete",
                    assignment,
                    by(),
                    None,
                );
            }
            // Nothing is left open when the snapshot is taken.
            if day != 20 {
                let (id, body) = self.grant_reader(&group_scope("rg-platform"), "hannah.cole");
                self.operation(
                    start.plus(19 * MINUTE),
                    &caller,
                    "Microsoft.Authorization/roleAssignments/write",
                    id.clone(),
                    by(),
                    Some(body),
                );
                open = Some(id);
            }
        }
    }

    fn grant_reader(&mut self, scope: &str, to: &str) -> (String, Value) {
        let name = guid(&format!("temporary/{}/{to}", self.out.operations.len()));
        let body = json!({ "properties": { "roleDefinitionId": role_definition("Reader"), "principalId": of(to).id(),
            "principalType": "User" } });
        (format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"), body)
    }

    /// admin@: on weekdays, from the office. User Access Administrator was last used on Thursday the 19th.
    fn administrator(&mut self) {
        let admin = of("admin");
        for day in [9, 10, 11, 12, 13, 16, 17, 18, 19] {
            let start = if day == 19 { At::march(19, 10, 3, 41) } else { self.at(day, 9, 16) };
            let caller = self.session(admin, start);
            if !matches!(day, 9 | 11 | 13 | 16 | 19) {
                continue;
            }
            let by = || assignment(&of("admin").id(), "User Access Administrator", &sub());
            let (id, body) = self.grant_reader(&group_scope("rg-production"), "graham.pell");
            self.operation(
                start.plus(9 * MINUTE),
                &caller,
                "Microsoft.Authorization/roleAssignments/write",
                id.clone(),
                by(),
                Some(body),
            );
            self.operation(
                start.plus(28 * MINUTE),
                &caller,
                "Microsoft.Authorization/roleAssignments/delete",
                id,
                by(),
                None,
            );
        }
    }

    fn owners(&mut self) {
        for (alias, day) in
            [("oliver.hart", 10), ("graham.pell", 11), ("oliver.hart", 13), ("graham.pell", 17), ("oliver.hart", 18)]
        {
            let start = self.at(day, 9, 16);
            let caller = self.session(of(alias), start);
            let by = || assignment(&of(alias).id(), "Owner", &sub());
            let (site, machine) = (
                resource("rg-production", "Microsoft.Web/sites", "app-ledger"),
                resource("rg-production", "Microsoft.Compute/virtualMachines", "vm-fileserver"),
            );
            self.operation(start.plus(6 * MINUTE), &caller, "Microsoft.Web/sites/restart/action", site, by(), None);
            self.operation(
                start.plus(11 * MINUTE),
                &caller,
                "Microsoft.Compute/virtualMachines/restart/action",
                machine,
                by(),
                None,
            );
        }
    }

    fn pipeline(&mut self) {
        let caller = Caller::Workload("deploy");
        let by = |group: &str| assignment(&workload_id("deploy"), "Contributor", &group_scope(group));
        for (run, day) in [9, 10, 12, 13, 16, 17, 18, 20].into_iter().enumerate() {
            // A quarter past a full hour, so that no log writer comes by within half an hour of a listing.
            let at = At::march(day, 10 + (run as i64 % 4), 14, 5);
            let deployment =
                format!("{}/providers/Microsoft.Resources/deployments/portal-{}", group_scope("rg-apps"), 410 + run);
            self.operation(at, &caller, "Microsoft.Resources/deployments/write", deployment, by("rg-apps"), None);
            self.operation(
                at.plus(40 * SECOND),
                &caller,
                "Microsoft.Web/sites/write",
                resource("rg-apps", "Microsoft.Web/sites", "app-portal"),
                by("rg-apps"),
                Some(json!({ "location": "uksouth", "kind": "app,linux", "identity": { "type": "SystemAssigned" },
                    "properties": { "httpsOnly": true, "serverFarmId": resource("rg-apps", "Microsoft.Web/serverfarms", "asp-portal") } })),
            );
            if run % 4 != 3 {
                self.operation(
                    at.plus(75 * SECOND),
                    &caller,
                    "Microsoft.Storage/storageAccounts/listKeys/action",
                    applogs(),
                    by("rg-apps"),
                    None,
                );
            }
        }
        for (run, day) in [11, 15, 19].into_iter().enumerate() {
            let at = At::march(day, 6, 20, 11);
            let dr = |kind: &str, name: &str| resource("rg-dr", kind, &format!("{name}-{run}"));
            let deployment = dr("Microsoft.Resources/deployments", "dr");
            self.operation(at, &caller, "Microsoft.Resources/deployments/write", deployment, by("rg-dr"), None);
            self.operation(
                at.plus(30 * SECOND),
                &caller,
                "Microsoft.Network/virtualNetworks/write",
                dr("Microsoft.Network/virtualNetworks", "vnet-dr"),
                by("rg-dr"),
                Some(json!({ "location": "northeurope", "properties": { "addressSpace": { "addressPrefixes": ["10.0.32.0/20"] } } })),
            );
            self.operation(
                at.plus(60 * SECOND),
                &caller,
                "Microsoft.Network/networkSecurityGroups/write",
                dr("Microsoft.Network/networkSecurityGroups", "nsg-dr"),
                by("rg-dr"),
                Some(json!({ "location": "northeurope", "properties": { "securityRules": [] } })),
            );
            self.operation(
                at.plus(90 * SECOND),
                &caller,
                "Microsoft.Web/serverfarms/write",
                dr("Microsoft.Web/serverfarms", "asp-dr"),
                by("rg-dr"),
                Some(
                    json!({ "location": "northeurope", "sku": { "name": "P1v3" }, "properties": { "reserved": true } }),
                ),
            );
        }
    }

    fn request(&mut self, request: Request) {
        self.out.requests.push(request);
    }

    /// The line-of-business app: every two hours, with key2.
    fn ledgerline(&mut self) {
        for day in FIRST_DAY..=21 {
            for hour in (0..24).step_by(2) {
                if day == 21 && hour > 6 {
                    break;
                }
                for n in 0..9 {
                    let at = At::march(day, hour, 40, 5).plus(n * 11 * SECOND);
                    let listing = n == 0;
                    let read = if listing { 4_120 } else { self.rng.between(40_000, 900_000) };
                    self.request(Request {
                        at,
                        key: format!("ledger/{day}/{hour}/{n}"),
                        account: "proddata",
                        operation: if listing { "ListBlobs" } else { "GetBlob" },
                        container: "financial-reports",
                        object: (!listing).then(|| format!("ledger/2026-03-{day:02}/batch-{hour:02}-{n}.csv")),
                        read,
                        written: 0,
                        caller: format!("{LEDGER_OUT}:{}", 50_000 + n),
                        authentication: Authentication::Key { name: "key2", hash: hash("proddata/key2") },
                        agent: "ledgerline/4.2 (.NET 8.0.14; linux)",
                    });
                }
            }
        }
    }

    fn oauth(workload: &str, by: Assignment, day: i64) -> Authentication {
        let caller = workload_id(workload);
        Authentication::OAuth {
            caller,
            upn: None,
            app: workload_app(workload),
            grant: by.into(),
            token: hash(&format!("token/{workload}/{day}")),
        }
    }

    /// The customer portal writes its log in the first minutes of every hour.
    fn portal(&mut self) {
        for day in FIRST_DAY..=21 {
            for hour in 0..24 {
                if day == 21 && hour > 7 {
                    break;
                }
                for n in 0..4 {
                    let by = assignment(&workload_id("portal"), "Storage Blob Data Contributor", &applogs());
                    let written = self.rng.between(2_000, 60_000);
                    self.request(Request {
                        at: At::march(day, hour, 1, 3).plus(n * 75 * SECOND),
                        key: format!("portal/{day}/{hour}/{n}"),
                        account: "applogs",
                        operation: "PutBlob",
                        container: "app-logs",
                        object: Some(format!("2026-03-{day:02}/{hour:02}/{n}.json")),
                        read: 0,
                        written,
                        caller: format!("{PORTAL_OUT}:{}", 51_000 + n),
                        authentication: Self::oauth("portal", by, day),
                        agent: "azsdk-js-storage-blob/12.26.0 (NODE-VERSION v20.18.1; Linux)",
                    });
                }
            }
        }
    }

    fn backup(&mut self) {
        for day in FIRST_DAY..=21 {
            for n in 0..20 {
                let by = assignment(&workload_id("backup"), "Storage Blob Data Contributor", &proddata());
                let written = self.rng.between(4_000_000, 60_000_000);
                self.request(Request {
                    at: At::march(day, 1, 30, 0).plus(n * 41 * SECOND),
                    key: format!("backup/{day}/{n}"),
                    account: "proddata",
                    operation: "PutBlob",
                    container: "backups",
                    object: Some(format!("2026-03-{day:02}/part-{n:02}.bak")),
                    read: 0,
                    written,
                    caller: format!("203.0.113.61:{}", 52_000 + n),
                    authentication: Self::oauth("backup", by, day),
                    agent: "azcopy/10.28.0",
                });
            }
        }
    }

    /// Analysts read with their own identity; this fills the log up to its 5,000 requests.
    fn data_team(&mut self) {
        let team: Vec<&'static Person> = PEOPLE.iter().filter(|p| p.team == Team::Data).collect();
        let days: Vec<i64> = (FIRST_DAY..=LAST_DAY).filter(|d| weekday(*d)).collect();
        let mut round = 0_usize;
        while self.out.requests.len() < REQUESTS {
            let (person, day) = (team[round % team.len()], days[round / team.len() % days.len()]);
            let start = self.at(day, 9, 16);
            let key = format!("storage/{}/{round}", person.alias);
            let mut sign_in = SignIn::usual(start, key.clone(), person, app::STORAGE_EXPLORER, app::STORAGE);
            sign_in.client = "Mobile Apps and Desktop clients";
            self.out.sign_ins.push(sign_in);
            let left = REQUESTS - self.out.requests.len();
            for n in 0..(self.rng.between(14, 40) as usize).min(left) {
                let by = assignment(&group_id("data"), "Storage Blob Data Contributor", &proddata());
                let writes = self.rng.chance(1, 9);
                let size = self.rng.between(20_000, 6_000_000);
                let container = *self.rng.one_of(&["customer-data", "customer-data", "financial-reports"]);
                let at = start.plus(2 * MINUTE + n as i64 * 50 * SECOND + self.rng.between(0, 20_000));
                let listing = n == 0;
                self.request(Request {
                    at,
                    key: format!("{key}/{n}"),
                    account: "proddata",
                    operation: if listing {
                        "ListBlobs"
                    } else if writes {
                        "PutBlob"
                    } else {
                        "GetBlob"
                    },
                    container,
                    object: (!listing).then(|| format!("analysis/{}/{day:02}-{n:02}.parquet", person.alias)),
                    read: if writes && !listing { 0 } else { size },
                    written: if writes && !listing { size } else { 0 },
                    caller: format!("{}:{}", person.address(day), 53_000 + n),
                    authentication: Authentication::OAuth {
                        caller: person.id(),
                        upn: Some(person.upn()),
                        app: app::STORAGE_EXPLORER.0.to_owned(),
                        grant: by.into(),
                        token: hash(&format!("token/{key}")),
                    },
                    agent: "Microsoft Azure Storage Explorer, 1.37.0, win32",
                });
            }
            round += 1;
        }
    }

    /// Mail, files and the portal, up to the 2,003 sign-ins of the log; three old mail clients are refused.
    fn everyday_sign_ins(&mut self) {
        self.out.sign_ins.push(attack::friday_evening());
        let emergency = SignIn::usual(
            At::march(10, 11, 2, 50),
            "emergency/test".to_owned(),
            of("breakglass"),
            app::PORTAL,
            app::ARM,
        );
        self.out.sign_ins.push(emergency);
        for (n, (alias, day)) in [("robert.king", 9), ("maya.singh", 12), ("robert.king", 18)].into_iter().enumerate() {
            let at = self.at(day, 8, 18);
            let mut old = SignIn::usual(at, format!("legacy/{n}"), of(alias), app::EXCHANGE, app::EXCHANGE);
            (old.client, old.agent, old.device, old.blocked) = ("IMAP4", "", Device::Unmanaged, true);
            self.out.sign_ins.push(old);
        }
        let staff: Vec<&'static Person> = PEOPLE.iter().filter(|p| p.team != Team::Emergency).collect();
        while self.out.sign_ins.len() < SIGN_INS {
            let person = *self.rng.one_of(&staff);
            let day = self.rng.between(FIRST_DAY, LAST_DAY);
            if !weekday(day) && !self.rng.chance(1, 6) || person.team == Team::Admin && !weekday(day) {
                continue;
            }
            let at = if weekday(day) { self.at(day, 7, 19) } else { self.at(day, 10, 16) };
            let (application, resource) = match (person.team, self.rng.between(0, 9)) {
                (Team::Platform | Team::Owners | Team::Admin, 0..=1) | (Team::Developers, 0) => (app::PORTAL, app::ARM),
                (Team::Platform, 2) => (app::CLI, app::ARM),
                (Team::Platform | Team::Developers, 3..=4) => (app::DEVOPS, app::DEVOPS),
                (_, 5..=6) => (app::SHAREPOINT, app::SHAREPOINT),
                _ => (app::OFFICE_HOME, app::EXCHANGE),
            };
            let key = format!("everyday/{}", self.out.sign_ins.len());
            let mut sign_in = SignIn::usual(at, key, person, application, resource);
            if application == app::CLI {
                sign_in.client = "Mobile Apps and Desktop clients";
            }
            self.out.sign_ins.push(sign_in);
        }
        debug_assert!(self.out.sign_ins.iter().all(|s| s.at < At::march(21, 3, 0, 0)));
        debug_assert!(self.out.requests.iter().all(|r| r.at < At::march(21, 8, 0, 0).plus(HOUR)));
    }
}
