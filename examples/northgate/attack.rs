//! What was told: three sign-ins, five operations, 882 blob requests, three alerts.

use super::activity::{Caller, Grant, Operation};
use super::blobs::{Authentication, Request};
use super::estate::*;
use super::kit::{At, Rng, SECOND, guid, hash, line};
use super::resources::VM_SIZE;
use super::signins::{Device, EDGE, FIREFOX, SignIn};
use serde_json::{Value, json};

const ADMIN: &str = "admin";

/// Friday evening's sign-in: told with a private address, so what Entra saw is not in evidence; exported without its
/// device detail.
pub fn friday_evening() -> SignIn {
    let mut told = SignIn::usual(At::march(20, 17, 30, 12), "told/friday".to_owned(), of(ADMIN), app::PORTAL, app::ARM);
    told.address = "10.0.1.10".to_owned();
    told.device = Device::Unrecorded;
    told.agent = EDGE;
    told
}

fn stolen(at: At, key: &str, resource: (&'static str, &'static str)) -> SignIn {
    let mut told = SignIn::usual(at, key.to_owned(), of(ADMIN), app::PORTAL, resource);
    told.address = ATTACKER.to_owned();
    told.country = "US";
    told.device = Device::Unmanaged;
    told.agent = FIREFOX;
    told.risk = "high";
    told
}

pub fn s1() -> SignIn {
    stolen(At::march(21, 3, 12, 18), "told/s1", app::ARM)
}

/// An interactive sign-in of its own: own correlation id and session, password given.
pub fn s2() -> SignIn {
    stolen(At::march(21, 3, 14, 5), "told/s2", app::STORAGE)
}

/// The variant: a silent token request in the portal session of s1.
pub fn s2_silent() -> SignIn {
    let mut silent = s2();
    silent.silent_in = Some(s1().key);
    silent
}

/// s3 to s7.
pub fn operations() -> Vec<Operation> {
    let session = s1();
    let caller = Caller::User { person: of(ADMIN), token: session.token(), signed_in: session.at, method: "pwd" };
    let standing: Grant = assignment(&of(ADMIN).id(), "User Access Administrator", &sub()).into();
    let taken = Grant {
        assignment: guid("attack/assignment/contributor"),
        role: "Contributor",
        scope: sub(),
        principal: of(ADMIN).id(),
        kind: "User",
    };
    let operation =
        |at: At, key: &str, name: &'static str, resource: String, grant: &Grant, body: Option<Value>| Operation {
            at,
            key: format!("told/{key}"),
            caller: caller.clone(),
            address: ATTACKER.to_owned(),
            name,
            resource,
            grant: grant.clone(),
            body,
            response: None,
        };
    let network = |kind: &str| resource("rg-brazil-temp", &format!("Microsoft.Network/{kind}"), "");
    let granted = json!({ "properties": { "roleDefinitionId": role_definition("Contributor"), "principalId": of(ADMIN).id(),
        "principalType": "User", "scope": sub() } });
    let mut s3 = operation(
        At::march(21, 3, 14, 40),
        "s3",
        "Microsoft.Authorization/roleAssignments/write",
        attack_assignment(),
        &standing,
        Some(granted.clone()),
    );
    let mut response = granted;
    response["id"] = json!(attack_assignment());
    response["name"] = json!(guid("attack/assignment/contributor"));
    response["type"] = json!("Microsoft.Authorization/roleAssignments");
    response["properties"]["createdOn"] = json!(s3.at.iso());
    response["properties"]["createdBy"] = json!(of(ADMIN).id());
    s3.response = Some(response);
    vec![
        s3,
        operation(
            At::march(21, 3, 16, 20),
            "s4",
            "Microsoft.Compute/virtualMachines/write",
            resource("rg-brazil-temp", "Microsoft.Compute/virtualMachines", "vm-temp-01"),
            &taken,
            Some(json!({ "location": "brazilsouth", "properties": { "hardwareProfile": { "vmSize": VM_SIZE },
                "priority": "Regular",
                "storageProfile": { "imageReference": { "publisher": "canonical", "offer": "ubuntu-24_04-lts",
                    "sku": "server", "version": "latest" },
                    "osDisk": { "createOption": "FromImage", "osType": "Linux" } },
                "osProfile": { "computerName": "vm-temp-01", "adminUsername": "azureuser" } } })),
        ),
        operation(
            At::march(21, 3, 17, 10),
            "s5",
            "Microsoft.Network/publicIPAddresses/write",
            format!("{}pip-temp-01", network("publicIPAddresses")),
            &taken,
            Some(json!({ "location": "brazilsouth", "sku": { "name": "Standard" },
                "properties": { "publicIPAllocationMethod": "Static", "publicIPAddressVersion": "IPv4" } })),
        ),
        operation(
            At::march(21, 3, 18, 25),
            "s6",
            "Microsoft.Network/networkSecurityGroups/securityRules/write",
            format!("{}nsg-temp-01/securityRules/allow-any", network("networkSecurityGroups")),
            &taken,
            None,
        ),
        operation(
            At::march(21, 3, 22, 5),
            "s7",
            "Microsoft.Storage/storageAccounts/listKeys/action",
            proddata(),
            &taken,
            None,
        ),
    ]
}

const CUSTOMER_BYTES: i64 = 2_304_512_000;
const FINANCE_BYTES: i64 = 145_488_000;

/// s8 to s10: the key listed at s7, from the same address.
pub fn requests() -> Vec<Request> {
    let mut rng = Rng::new(0x6e6f_7274_6867_6174);
    let request = |at: At, key: String, operation, container, object: Option<String>, read: i64, port: i64| Request {
        at,
        key,
        account: "proddata",
        operation,
        container,
        object,
        read,
        written: 0,
        caller: format!("{ATTACKER}:{port}"),
        authentication: Authentication::Key { name: "key1", hash: hash("proddata/key1") },
        agent: "azsdk-python-storage-blob/12.24.1 Python/3.12.3 (Linux-6.8.0-x86_64)",
    };
    let mut all = Vec::new();
    for n in 0..12 {
        let container = ["customer-data", "financial-reports", "backups"][n / 4];
        let at = At::march(21, 3, 22, 30).plus(n as i64 * 4 * SECOND);
        all.push(request(at, format!("told/s8/{n}"), "ListBlobs", container, None, 0, 41_220 + n as i64 / 4));
    }
    // 847 requests from 03:24:02 on, the last before 03:38; 23 within the minute of 03:38.
    let sizes = shares(&mut rng, CUSTOMER_BYTES, 847);
    let mut at = At::march(21, 3, 24, 2);
    for (n, bytes) in sizes.into_iter().enumerate() {
        let object = format!("2026/q{}/customers-{:04}.parquet", n % 4 + 1, n + 1);
        all.push(request(
            at,
            format!("told/s9/{n}"),
            "GetBlob",
            "customer-data",
            Some(object),
            bytes,
            41_240 + n as i64 % 8,
        ));
        at = at.plus(rng.between(860, 1080));
    }
    assert!(at < At::march(21, 3, 38, 0), "the customer data is read before the reports are");
    let sizes = shares(&mut rng, FINANCE_BYTES, 23);
    let mut at = At::march(21, 3, 38, 4);
    for (n, bytes) in sizes.into_iter().enumerate() {
        let object = format!("board/2026-{:02}-management-accounts-{}.xlsx", n % 12 + 1, n / 12 + 1);
        all.push(request(at, format!("told/s10/{n}"), "GetBlob", "financial-reports", Some(object), bytes, 41_250));
        at = at.plus(rng.between(1400, 2200));
    }
    all
}

/// `n` shares (an odd number) that add up to `total`: pairs that miss the mean by as much, and the mean with the rest.
fn shares(rng: &mut Rng, total: i64, n: i64) -> Vec<i64> {
    let mean = total / n;
    let mut shares = Vec::new();
    for _ in 0..n / 2 {
        let off = rng.between(-mean / 3, mean / 3);
        shares.extend([mean + off, mean - off]);
    }
    shares.push(total - shares.iter().sum::<i64>());
    shares
}

/// The answer of the query API: `{"tables":[{"name","columns","rows"}]}`.
pub fn alerts() -> Value {
    const COLUMNS: [(&str, &str); 22] = [
        ("TenantId", "string"),
        ("TimeGenerated", "datetime"),
        ("DisplayName", "string"),
        ("AlertName", "string"),
        ("AlertSeverity", "string"),
        ("Description", "string"),
        ("ProviderName", "string"),
        ("VendorName", "string"),
        ("ProductName", "string"),
        ("ProductComponentName", "string"),
        ("AlertType", "string"),
        ("SystemAlertId", "string"),
        ("VendorOriginalId", "string"),
        ("StartTime", "datetime"),
        ("EndTime", "datetime"),
        ("Status", "string"),
        ("CompromisedEntity", "string"),
        ("Tactics", "string"),
        ("Techniques", "string"),
        ("Entities", "string"),
        ("ExtendedProperties", "string"),
        ("Type", "string"),
    ];
    let rows: Vec<Value> = alert_rows()
        .into_iter()
        .map(|row| COLUMNS.iter().map(|(name, _)| row.get(*name).cloned().unwrap_or(json!(""))).collect())
        .collect();
    let columns: Vec<Value> = COLUMNS.iter().map(|(name, kind)| json!({ "name": name, "type": kind })).collect();
    json!({ "tables": [{ "name": "PrimaryResult", "columns": columns, "rows": rows }] })
}

fn alert_rows() -> Vec<Value> {
    let admin = of(ADMIN);
    let account = |id: &str| {
        json!({ "$id": id, "Type": "account", "Name": ADMIN, "UPNSuffix": DOMAIN, "AadTenantId": tenant(),
            "AadUserId": admin.id(), "IsDomainJoined": false })
    };
    let address = |id: &str, country: Option<(&str, &str)>| {
        let location = country.map(|(code, name)| json!({ "CountryCode": code, "CountryName": name }));
        json!({ "$id": id, "Type": "ip", "Address": ATTACKER, "Location": location })
    };
    let azure = |id: &str, resource: String| json!({ "$id": id, "Type": "azure-resource", "ResourceId": resource });
    let alert = |key: &str,
                 at: At,
                 until: At,
                 name: &str,
                 severity: &str,
                 provider: (&str, &str, &str),
                 tactic: &str,
                 techniques: &[&str],
                 description: &str,
                 compromised: &str,
                 entities: Value,
                 extended: Value| {
        json!({ "TenantId": guid("workspace"), "TimeGenerated": at.plus(25 * SECOND).iso(), "StartTime": at.iso(),
            "EndTime": until.iso(), "DisplayName": name, "AlertName": name, "AlertSeverity": severity,
            "Description": description, "ProviderName": provider.0, "VendorName": "Microsoft",
            "ProductName": provider.1, "ProductComponentName": "", "AlertType": provider.2,
            "SystemAlertId": guid(&format!("alert/{key}")), "VendorOriginalId": guid(&format!("alert/vendor/{key}")),
            "Status": "New", "CompromisedEntity": compromised, "Tactics": tactic, "Techniques": line(&json!(techniques)),
            "Entities": line(&entities), "ExtendedProperties": line(&extended), "Type": "SecurityAlert" })
    };
    let operations = operations();
    vec![
        alert(
            "identity",
            s1().at,
            s1().at,
            "Unfamiliar sign-in properties",
            "High",
            ("IPC", "Azure Active Directory Identity Protection", "UnfamiliarLocation"),
            "InitialAccess",
            &["T1078.004"],
            "The properties of this sign-in are unfamiliar for admin@northgateeng.com: 198.51.100.77 (US) instead of the United Kingdom in business hours.",
            &admin.upn(),
            json!([account("2"), address("3", Some(("US", "United States")))]),
            json!({ "User Account": admin.upn(), "User Name": admin.name, "Client IP Address": ATTACKER,
                "Client Location": "Ashburn, Virginia, US", "State": "Open", "Alert generation status": "Full alert created",
                "Request Id": guid("signin/told/s1") }),
        ),
        alert(
            "resource-manager",
            operations[1].at,
            operations[3].at,
            "Suspicious Azure Resource Manager operation",
            "Medium",
            ("Azure Security Center", "Azure Security Center", "ARM_SuspiciousComputeCreation"),
            "Persistence",
            &["T1578.002"],
            "A virtual machine was created in Brazil South, where this subscription has none, and a network security group was changed at 03:18.",
            &sub(),
            json!([azure("4", operations[1].resource.clone()), account("5"),
                { "$id": "6", "Type": "ip", "Address": ATTACKER }, { "$ref": "5" }]),
            json!({ "resourceType": "Subscription", "Caller": admin.upn(), "Client IP Address": ATTACKER,
                "Operations": "Microsoft.Compute/virtualMachines/write, Microsoft.Network/networkSecurityGroups/securityRules/write" }),
        ),
        alert(
            "storage",
            requests()[0].at,
            requests()[0].at,
            "Access from an unusual location to a storage account",
            "Medium",
            ("Azure Security Center", "Azure Security Center", "Storage.Blob_GeoAnomaly"),
            "Collection",
            &["T1530"],
            "prod-data was read with the account key from 198.51.100.77, from where it was never read before; 2.3 GB were downloaded.",
            "prod-data",
            json!([azure("7", proddata()), address("8", Some(("US", "United States")))]),
            json!({ "resourceType": "Storage", "Account name": "prod-data", "Client IP address": ATTACKER,
                "Authentication type": "Account key", "Operations types": "ListBlobs, GetBlob",
                "Extracted amount of data": "2.3 GB", "Investigation steps": "" }),
        ),
    ]
}
