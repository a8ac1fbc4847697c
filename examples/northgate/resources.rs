//! The estate as Resource Graph and ARM tell it, and what a machine costs.

use super::estate::*;
use super::kit::guid;
use serde_json::{Value, json};

pub fn files() -> Vec<(&'static str, Value)> {
    vec![
        ("azure/resourcecontainers.json", graph_answer(containers())),
        ("azure/resources.json", graph_answer(resources())),
        ("azure/proddata-containers.json", json!({ "value": blob_containers("proddata") })),
        ("azure/applogs-containers.json", json!({ "value": blob_containers("applogs") })),
        ("azure/diagnostic-settings.json", json!({ "value": diagnostic_settings() })),
        ("azure/retail-prices.json", prices()),
    ]
}

/// Resource Graph, `resultFormat: objectArray`, as `az graph query` prints it.
fn graph_answer(data: Vec<Value>) -> Value {
    json!({ "count": data.len(), "data": data, "skip_token": null, "total_records": data.len() })
}

fn containers() -> Vec<Value> {
    let root = tenant();
    let group = |name: &str, display: &str, above: Value| {
        json!({ "id": format!("/providers/Microsoft.Management/managementGroups/{name}"), "name": name,
            "type": "microsoft.management/managementgroups", "tenantId": tenant(),
            "properties": { "displayName": display, "tenantId": tenant(),
                "details": { "managementGroupAncestorsChain": above, "managementGroupAncestors": [] } } })
    };
    let chain = json!([
        { "name": "mg-northgate", "displayName": "Northgate Engineering" },
        { "name": root, "displayName": "Tenant Root Group" }
    ]);
    let mut all = vec![
        group(&root, "Tenant Root Group", json!([])),
        group("mg-northgate", "Northgate Engineering", json!([{ "name": root, "displayName": "Tenant Root Group" }])),
        json!({ "id": sub(), "name": "Northgate Production", "type": "microsoft.resources/subscriptions",
            "subscriptionId": subscription(), "tenantId": tenant(), "tags": {},
            "properties": { "state": "Enabled", "managementGroupAncestorsChain": chain,
                "subscriptionPolicies": { "locationPlacementId": "Public_2014-09-01", "quotaId": "EnterpriseAgreement_2014-09-01",
                    "spendingLimit": "Off" } } }),
    ];
    for (name, location) in
        [("rg-production", "uksouth"), ("rg-apps", "uksouth"), ("rg-platform", "uksouth"), ("rg-dr", "northeurope")]
    {
        all.push(json!({ "id": group_scope(name), "name": name, "location": location, "tags": {},
            "type": "microsoft.resources/subscriptions/resourcegroups", "resourceGroup": name,
            "subscriptionId": subscription(), "tenantId": tenant(), "managedBy": "",
            "properties": { "provisioningState": "Succeeded" } }));
    }
    all
}

struct Entry {
    group: &'static str,
    kind: &'static str,
    name: &'static str,
    location: &'static str,
}

/// Resource Graph writes types in lower case.
fn entry(e: Entry, tags: Value, more: Value) -> Value {
    let mut body = json!({ "id": resource(e.group, e.kind, e.name), "name": e.name, "type": e.kind.to_lowercase(),
        "location": e.location, "resourceGroup": e.group, "subscriptionId": subscription(), "tenantId": tenant(),
        "tags": tags, "kind": "", "identity": null, "sku": null, "zones": null });
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.extend(more);
    }
    body
}

fn storage(group: &'static str, name: &'static str, tags: Value, properties: Value) -> Value {
    let mut all = json!({ "provisioningState": "Succeeded", "creationTime": "2024-02-19T13:20:41.0970000Z",
        "accessTier": "Hot", "minimumTlsVersion": "TLS1_2", "supportsHttpsTrafficOnly": true,
        "allowBlobPublicAccess": false, "publicNetworkAccess": "Enabled", "isHnsEnabled": false,
        "primaryLocation": "uksouth", "statusOfPrimary": "available",
        "keyCreationTime": { "key1": "2024-02-19T13:20:41.2060000Z", "key2": "2024-02-19T13:20:41.2060000Z" },
        "networkAcls": { "bypass": "AzureServices", "defaultAction": "Allow", "ipRules": [],
            "virtualNetworkRules": [] },
        "primaryEndpoints": { "blob": format!("https://{name}.blob.core.windows.net/"),
            "dfs": format!("https://{name}.dfs.core.windows.net/") },
        "privateEndpointConnections": [] });
    if let (Value::Object(all), Value::Object(own)) = (&mut all, properties) {
        all.extend(own);
    }
    entry(
        Entry { group, kind: "Microsoft.Storage/storageAccounts", name, location: "uksouth" },
        tags,
        json!({ "kind": "StorageV2", "sku": { "name": "Standard_GRS", "tier": "Standard" }, "properties": all }),
    )
}

fn resources() -> Vec<Value> {
    let at = |group, kind, name, location| Entry { group, kind, name, location };
    let site = |group: &'static str, name: &'static str, workload: &str, plan: &str| {
        entry(
            at(group, "Microsoft.Web/sites", name, "uksouth"),
            json!({}),
            json!({ "kind": "app,linux",
                "identity": { "type": "SystemAssigned", "principalId": workload_id(workload), "tenantId": tenant() },
                "properties": { "state": "Running", "httpsOnly": true, "enabled": true,
                    "defaultHostName": format!("{name}.azurewebsites.net"), "publicNetworkAccess": "Enabled",
                    "serverFarmId": resource(group, "Microsoft.Web/serverfarms", plan) } }),
        )
    };
    let nic = resource("rg-production", "Microsoft.Network/networkInterfaces", "nic-fileserver");
    let subnet = format!(
        "{}/subnets/servers",
        resource("rg-production", "Microsoft.Network/virtualNetworks", "vnet-production")
    );
    vec![
        storage("rg-production", "proddata", json!({ "env": "production", "owner": "data" }), json!({})),
        storage(
            "rg-apps",
            "applogs",
            json!({ "env": "production", "owner": "developers" }),
            json!({ "allowSharedKeyAccess": true }),
        ),
        entry(
            at("rg-production", "Microsoft.KeyVault/vaults", "kv-northgate", "uksouth"),
            json!({}),
            json!({ "properties": { "sku": { "family": "A", "name": "standard" }, "tenantId": tenant(),
                "enableRbacAuthorization": true, "enabledForDeployment": false, "enabledForDiskEncryption": false,
                "enabledForTemplateDeployment": false, "enableSoftDelete": true, "enablePurgeProtection": true,
                "publicNetworkAccess": "Enabled", "accessPolicies": [], "vaultUri": "https://kv-northgate.vault.azure.net/",
                "networkAcls": { "bypass": "AzureServices", "defaultAction": "Deny", "virtualNetworkRules": [],
                    "ipRules": [{ "value": OFFICE }, { "value": format!("{LEDGER_OUT}/32") }] } } }),
        ),
        entry(
            at("rg-production", "Microsoft.Web/serverfarms", "asp-ledger", "uksouth"),
            json!({}),
            json!({ "kind": "linux", "sku": { "name": "P1v3", "tier": "PremiumV3" }, "properties": { "status": "Ready", "reserved": true } }),
        ),
        site("rg-production", "app-ledger", "ledger", "asp-ledger"),
        entry(
            at("rg-production", "Microsoft.Network/virtualNetworks", "vnet-production", "uksouth"),
            json!({}),
            json!({ "properties": { "addressSpace": { "addressPrefixes": ["10.0.0.0/20"] }, "subnets": [{ "id": subnet,
                "name": "servers", "properties": { "addressPrefix": "10.0.1.0/24", "serviceEndpoints": [],
                "networkSecurityGroup": { "id": resource("rg-production", "Microsoft.Network/networkSecurityGroups", "nsg-servers") } } }] } }),
        ),
        security_group("rg-production", "nsg-servers"),
        entry(
            at("rg-production", "Microsoft.Network/networkInterfaces", "nic-fileserver", "uksouth"),
            json!({}),
            json!({ "properties": { "ipConfigurations": [{ "name": "ipconfig1", "properties": { "privateIPAddress": "10.0.1.4",
                "privateIPAllocationMethod": "Static", "subnet": { "id": subnet } } }] } }),
        ),
        entry(
            at("rg-production", "Microsoft.Compute/disks", "disk-fileserver-os", "uksouth"),
            json!({}),
            json!({ "sku": { "name": "Premium_LRS", "tier": "Premium" }, "properties": { "diskSizeGB": 128, "diskState": "Attached",
                "networkAccessPolicy": "DenyAll", "publicNetworkAccess": "Disabled", "osType": "Windows" } }),
        ),
        entry(
            at("rg-production", "Microsoft.Compute/virtualMachines", "vm-fileserver", "uksouth"),
            json!({}),
            json!({ "properties": { "vmId": guid("vm/fileserver"), "hardwareProfile": { "vmSize": "Standard_D2s_v5" },
                "storageProfile": { "osDisk": { "osType": "Windows", "name": "disk-fileserver-os", "managedDisk": {
                    "id": resource("rg-production", "Microsoft.Compute/disks", "disk-fileserver-os") } } },
                "osProfile": { "computerName": "fileserver", "adminUsername": "ngadmin" },
                "networkProfile": { "networkInterfaces": [{ "id": nic }] } } }),
        ),
        entry(
            at("rg-apps", "Microsoft.Web/serverfarms", "asp-portal", "uksouth"),
            json!({}),
            json!({ "kind": "linux", "sku": { "name": "P1v3", "tier": "PremiumV3" }, "properties": { "status": "Ready", "reserved": true } }),
        ),
        site("rg-apps", "app-portal", "portal", "asp-portal"),
        entry(
            at("rg-platform", "Microsoft.OperationalInsights/workspaces", "law-northgate", "uksouth"),
            json!({}),
            json!({ "properties": { "customerId": guid("workspace"), "retentionInDays": 90,
                "sku": { "name": "PerGB2018" } } }),
        ),
        security_group("rg-platform", "nsg-dev"),
        entry(
            at("rg-platform", "Microsoft.Compute/virtualMachines", "vm-dev-1", "uksouth"),
            json!({ "env": "dev" }),
            json!({ "properties": { "vmId": guid("vm/dev-1"), "hardwareProfile": { "vmSize": "Standard_B2ms" },
                "storageProfile": { "osDisk": { "osType": "Linux", "name": "disk-dev-1" } },
                "osProfile": { "computerName": "dev-1", "adminUsername": "ngdev" },
                "networkProfile": { "networkInterfaces": [] } } }),
        ),
        entry(
            at("rg-dr", "Microsoft.Network/virtualNetworks", "vnet-dr", "northeurope"),
            json!({}),
            json!({ "properties": { "addressSpace": { "addressPrefixes": ["10.0.32.0/20"] }, "subnets": [] } }),
        ),
    ]
}

fn security_group(group: &'static str, name: &'static str) -> Value {
    let id = resource(group, "Microsoft.Network/networkSecurityGroups", name);
    entry(
        Entry { group, kind: "Microsoft.Network/networkSecurityGroups", name, location: "uksouth" },
        json!({}),
        json!({ "properties": { "securityRules": [{ "id": format!("{id}/securityRules/allow-vpn-https"),
            "name": "allow-vpn-https", "properties": { "priority": 200, "direction": "Inbound", "access": "Allow",
            "protocol": "Tcp", "sourceAddressPrefix": OFFICE, "sourcePortRange": "*",
            "destinationAddressPrefix": "*", "destinationPortRange": "443" } }], "defaultSecurityRules": [] } }),
    )
}

/// `GET .../blobServices/default/containers`
fn blob_containers(account: &str) -> Vec<Value> {
    let (id, names): (String, &[&str]) = match account {
        "proddata" => (proddata(), &["backups", "customer-data", "financial-reports"]),
        _ => (applogs(), &["app-logs"]),
    };
    names
        .iter()
        .map(|name| {
            json!({ "id": format!("{id}/blobServices/default/containers/{name}"), "name": name,
                "type": "Microsoft.Storage/storageAccounts/blobServices/containers", "etag": "\"0x8DC31A2B3C4D5E6\"",
                "properties": { "publicAccess": "None", "leaseState": "Available", "leaseStatus": "Unlocked",
                    "hasImmutabilityPolicy": false, "hasLegalHold": false, "deleted": false,
                    "defaultEncryptionScope": "$account-encryption-key", "denyEncryptionScopeOverride": false,
                    "lastModifiedTime": "2024-02-19T13:24:10.0000000Z", "remainingRetentionDays": 0 } })
        })
        .collect()
}

fn diagnostic_settings() -> Vec<Value> {
    let workspace = resource("rg-platform", "Microsoft.OperationalInsights/workspaces", "law-northgate");
    let blob = |account: String| {
        let logs: Vec<Value> = ["StorageRead", "StorageWrite", "StorageDelete"]
            .iter()
            .map(|c| {
                json!({ "category": c, "categoryGroup": null, "enabled": true,
                "retentionPolicy": { "days": 0, "enabled": false } })
            })
            .collect();
        json!({ "id": format!("{account}/blobServices/default/providers/microsoft.insights/diagnosticSettings/to-law"),
            "name": "to-law", "type": "Microsoft.Insights/diagnosticSettings",
            "properties": { "workspaceId": workspace, "storageAccountId": null, "eventHubName": null,
                "logs": logs, "metrics": [] } })
    };
    let activity: Vec<Value> = ["Administrative", "Security", "Alert", "Policy"]
        .iter()
        .map(|c| json!({ "category": c, "categoryGroup": null, "enabled": true }))
        .collect();
    vec![
        blob(proddata()),
        blob(applogs()),
        json!({ "id": format!("{}/providers/microsoft.insights/diagnosticSettings/activity-to-law", sub()),
            "name": "activity-to-law", "type": "Microsoft.Insights/diagnosticSettings",
            "properties": { "workspaceId": workspace, "storageAccountId": null, "eventHubName": null,
                "logs": activity, "metrics": [] } }),
    ]
}

/// Size of the machine of s4, and dollars an hour in Brazil South: 23 hours 9 minutes come to $340.
pub const VM_SIZE: &str = "Standard_NC96ads_A100_v4";
pub const VM_PRICE: f64 = 14.692;

/// `GET https://prices.azure.com/api/retail/prices?$filter=armRegionName eq 'brazilsouth' and armSkuName eq '...'`
fn prices() -> Value {
    let item = |sku: &str, product: &str, price: f64| {
        json!({ "currencyCode": "USD", "tierMinimumUnits": 0.0, "retailPrice": price, "unitPrice": price,
            "armRegionName": "brazilsouth", "location": "BR South", "effectiveStartDate": "2025-07-01T00:00:00Z",
            "meterId": guid(&format!("meter/{product}/{sku}")), "meterName": sku, "productId": "DZH318Z0F4C1",
            "skuId": "DZH318Z0F4C1/004K", "productName": product, "skuName": sku, "serviceName": "Virtual Machines",
            "serviceId": "DZH313Z7MMC8", "serviceFamily": "Compute", "unitOfMeasure": "1 Hour",
            "type": "Consumption", "isPrimaryMeterRegion": true, "armSkuName": VM_SIZE })
    };
    json!({ "BillingCurrency": "USD", "CustomerEntityId": "Default", "CustomerEntityType": "Retail",
        "Items": [
            item("NC96ads A100 v4", "Virtual Machines NCads A100 v4 Series", VM_PRICE),
            item("NC96ads A100 v4 Spot", "Virtual Machines NCads A100 v4 Series", 5.8768),
            item("NC96ads A100 v4", "Virtual Machines NCads A100 v4 Series Windows", 19.108)
        ],
        "NextPageLink": null, "Count": 3 })
}
