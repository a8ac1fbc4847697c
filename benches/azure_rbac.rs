//! Azure RBAC over an estate of 10,000 role assignments, and the built-in roles.

use cutset::decide::azure_rbac::{Authorizer, AuthorizerInput, Outcome};
use cutset::ingest::facts;
use cutset::model::ResourceId;
use cutset::model::request::{ArmPrincipal, ArmRequest};
use divan::{Bencher, black_box};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn main() {
    divan::main();
}

const ROLES: [&str; 6] = [
    "Reader",
    "Contributor",
    "Virtual Machine Contributor",
    "Storage Blob Data Reader",
    "Key Vault Secrets User",
    "AcrPull",
];

/// 20 subscriptions under two management groups, 25 resource groups each, an account in each; 2,000 principals and
/// groups.
fn assignments() -> Vec<Value> {
    let role = |n: usize| facts::azure_role(ROLES[n % ROLES.len()]).expect("a role")["id"].clone();
    (0..10_000)
        .map(|n| {
            let subscription = format!("/subscriptions/s{}", n % 20);
            let group = format!("{subscription}/resourceGroups/rg{}", n / 20 % 25);
            let scope = match n % 10 {
                0 => format!("/providers/Microsoft.Management/managementGroups/mg{}", n % 2),
                1..4 => subscription,
                4..8 => group,
                _ => format!("{group}/providers/Microsoft.Storage/storageAccounts/sa"),
            };
            assignment(n, &role(n), &format!("p{}", n * 7 % 2000), &scope)
        })
        .collect()
}

fn assignment(n: usize, role: &Value, principal: &str, scope: &str) -> Value {
    json!({ "id": format!("{scope}/providers/Microsoft.Authorization/roleAssignments/a{n}"), "properties": {
        "roleDefinitionId": role, "principalId": principal, "principalType": "Group", "scope": scope } })
}

fn gate(roles: &[Value], assignments: &[Value]) -> Authorizer {
    let chain = |n: usize| Some(vec![format!("mg{}", n % 2), "root".to_owned()]);
    Authorizer::compile(AuthorizerInput {
        role_definitions: roles.iter().collect(),
        role_assignments: Some(assignments.iter().collect()),
        deny_assignments: Some(Vec::new()),
        locks: Some(Vec::new()),
        classic_administrators: Some(Vec::new()),
        hierarchy: (0..20)
            .map(|n| (ResourceId::new(&format!("/subscriptions/s{n}")), chain(n)))
            .collect::<BTreeMap<_, _>>(),
    })
}

fn caller(groups: usize) -> ArmPrincipal {
    let groups: Vec<String> = (0..groups).map(|n| format!("p{}", n * 13 % 2000)).collect();
    serde_json::from_value(json!({ "id": "u", "type": "User", "transitiveGroups": groups, "entraRoles": [] }))
        .expect("a principal")
}

fn request(operation: &str, data: bool) -> ArmRequest {
    let scope = "/subscriptions/s3/resourceGroups/rg7/providers/Microsoft.Storage/storageAccounts/sa";
    let request =
        json!({ "operation": operation, "isDataAction": data, "scope": scope, "utcNow": "2026-03-10T09:00:00Z" });
    serde_json::from_value(request).expect("a request")
}

/// The matching scopes of this request: /, two management groups, subscription, resource group, account.
#[divan::bench(args = [0, 20, 200])]
fn decide_over_10_000(bencher: Bencher<'_, '_>, groups: usize) {
    let roles: Vec<Value> = facts::azure_roles().collect();
    let gate = gate(&roles, &assignments());
    let (caller, request) = (caller(groups), request("Microsoft.Storage/storageAccounts/listKeys/action", false));
    bencher.bench(|| gate.decide(black_box(&caller), black_box(&request)));
}

/// All 10,000 assignments are at the request's own subscription, each to another group.
#[divan::bench]
fn decide_where_10_000_cover(bencher: Bencher<'_, '_>) {
    let roles: Vec<Value> = facts::azure_roles().collect();
    let reader = roles.iter().find(|role| role["properties"]["roleName"] == "Reader").expect("Reader")["id"].clone();
    let all: Vec<Value> = (0..10_000).map(|n| assignment(n, &reader, &format!("p{n}"), "/subscriptions/s3")).collect();
    let gate = gate(&roles, &all);
    let (caller, request) = (caller(1), request("Microsoft.Storage/storageAccounts/read", false));
    assert_eq!(gate.decide(&caller, &request).decision, Outcome::Allowed);
    bencher.bench(|| gate.decide(black_box(&caller), black_box(&request)));
}

#[divan::bench]
fn decide_under_a_condition(bencher: Bencher<'_, '_>) {
    let roles: Vec<Value> = facts::azure_roles().collect();
    let role = roles.iter().find(|role| role["properties"]["roleName"] == "Key Vault Data Access Administrator");
    let held = assignment(0, &role.expect("the role")["id"], "u", "/subscriptions/s3");
    let gate = gate(&roles, &[held]);
    let mut request = request("Microsoft.Authorization/roleAssignments/write", false);
    let id = vec![Value::from("4633458b-17de-408a-b874-0445c86b69e6")];
    request.attributes.insert("@Request[Microsoft.Authorization/roleAssignments:RoleDefinitionId]".into(), Some(id));
    let caller = caller(0);
    assert_eq!(gate.decide(&caller, &request).decision, Outcome::Allowed);
    bencher.bench(|| gate.decide(black_box(&caller), black_box(&request)));
}

#[divan::bench]
fn compile_10_000(bencher: Bencher<'_, '_>) {
    let roles: Vec<Value> = facts::azure_roles().collect();
    let all = assignments();
    bencher.bench(|| gate(black_box(&roles), black_box(&all)));
}

#[divan::bench]
fn one_more_assignment(bencher: Bencher<'_, '_>) {
    let roles: Vec<Value> = facts::azure_roles().collect();
    let gate = gate(&roles, &assignments());
    let more = assignment(10_001, &roles[0]["id"], "u", "/subscriptions/s3");
    bencher.bench(|| gate.with_assignment(black_box(&more)));
}

#[divan::bench]
fn all_built_in_roles() -> usize {
    facts::azure_roles().count()
}

#[divan::bench(args = ["8e3af657-a8ff-443c-a75c-2fe8c4bcb635", "Reader"])]
fn one_built_in_role(id_or_name: &str) -> Option<Value> {
    facts::azure_role(black_box(id_or_name))
}
