//! Small estates made at random: who reaches a resource, and the blast radius, are what asking for each principal and
//! each resource alone gives.

use cutset::analysis::Closes;
use cutset::analysis::paths::{Asked, Paths, paths};
use cutset::model::{Collected, Document, Environment, Evidence, Fact, Kind};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const SUBSCRIPTION: &str = "/subscriptions/11111111-1111-4111-8111-111111111111";
const AZURE_ROLES: &[&str] = &[
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", // Owner
    "b24988ac-6180-42a0-ab88-20f7382dd24c", // Contributor
    "acdd72a7-3385-48ef-bd42-f606fba81ae7", // Reader
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", // User Access Administrator
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe", // Storage Blob Data Contributor
    "9980e02c-c2be-4d73-94e8-173b1dc7cf3c", // Virtual Machine Contributor
    "81a9662b-bebf-436f-a333-f67b29880f12", // Storage Account Key Operator
];
const ENTRA_ROLES: &[&str] = &[
    "729827e3-9c14-49f7-bb1b-9608f156bbb8", // Helpdesk Administrator
    "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3", // Application Administrator
    "fe930be7-5e62-47db-91af-98c3a49a38b1", // User Administrator
];

/// Numbers from a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % sides
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.roll(of.len())]
    }
}

fn guid(kind: usize, n: usize) -> String {
    format!("{kind:08x}-0000-4000-8000-{n:012x}")
}

struct Estate {
    environment: Environment,
    principals: Vec<(String, String)>,
    resources: Vec<String>,
}

fn put(environment: &mut Environment, kind: Kind, key: &str, body: Value) {
    environment.insert(kind, key, Document { body: Arc::new(body), evidence: Evidence::new("estate", 1, "") });
}

/// Ten principals, four groups, and resources of four kinds in two groups.
fn estate(seed: u64) -> Estate {
    let mut dice = Dice(seed);
    let mut environment = Environment::default();
    let env = &mut environment;
    cutset::ingest::facts::merge_into(env);
    let mut principals = Vec::new();
    for n in 0..6 {
        let (id, upn) = (guid(1, n), format!("user{n}@example.org"));
        put(env, Kind::Users, &id, json!({ "id": id, "userPrincipalName": upn, "userType": "Member" }));
        let registered =
            json!({ "id": id, "isMfaRegistered": true, "methodsRegistered": ["microsoftAuthenticatorPush"] });
        put(env, Kind::RegistrationDetails, &id, registered);
        principals.push((id, upn));
    }
    for n in 0..4 {
        let (id, name, app) = (guid(2, n), format!("machine {n}"), guid(3, n));
        let kind = if n < 2 { "ManagedIdentity" } else { "Application" };
        let body = json!({ "id": id, "appId": app, "displayName": name, "servicePrincipalType": kind });
        put(env, Kind::ServicePrincipals, &id, body);
        put(env, Kind::Applications, &guid(4, n), json!({ "id": guid(4, n), "appId": app, "displayName": name }));
        principals.push((id, name));
    }
    let ids: Vec<String> = principals.iter().map(|(id, _)| id.clone()).collect();
    let groups: Vec<String> = (0..4).map(|n| guid(5, n)).collect();
    for (n, id) in groups.iter().enumerate() {
        put(env, Kind::Groups, id, json!({ "id": id, "displayName": format!("group {n}"), "securityEnabled": true }));
        let mut members: Vec<Value> = (0..dice.roll(3)).map(|_| json!({ "id": dice.one(&ids) })).collect();
        if n > 0 && dice.roll(2) == 0 {
            members.push(json!({ "id": groups[dice.roll(n)] }));
        }
        put(env, Kind::GroupMembers, id, json!({ "groupId": id, "members": members }));
    }
    for object in groups.iter().chain(&ids[6..]) {
        if dice.roll(3) == 0 {
            put(env, Kind::Owners, object, json!({ "objectId": object, "owners": [{ "id": dice.one(&ids) }] }));
        }
    }
    put(env, Kind::Containers, SUBSCRIPTION, json!({ "id": SUBSCRIPTION, "name": "Estate" }));
    let mut scopes = vec![SUBSCRIPTION.to_owned()];
    let mut resources = Vec::new();
    for group in 0..2 {
        let rg = format!("{SUBSCRIPTION}/resourceGroups/rg{group}");
        put(env, Kind::Containers, &rg, json!({ "id": rg, "name": format!("rg{group}") }));
        let account = format!("{rg}/providers/Microsoft.Storage/storageAccounts/store{group}");
        let properties = json!({ "allowSharedKeyAccess": dice.roll(2) == 0, "allowBlobPublicAccess": false,
            "publicNetworkAccess": "Enabled",
            "networkAcls": { "defaultAction": if dice.roll(3) == 0 { "Deny" } else { "Allow" }, "ipRules": [] } });
        let body = |id: &str, kind: &str, more: Value| json!({ "id": id, "type": kind, "properties": more });
        put(env, Kind::Resources, &account, body(&account, "Microsoft.Storage/storageAccounts", properties));
        let machine = format!("{rg}/providers/Microsoft.Compute/virtualMachines/vm{group}");
        let mut vm = body(&machine, "Microsoft.Compute/virtualMachines", json!({}));
        vm["identity"] = json!({ "type": "SystemAssigned", "principalId": ids[6 + group] });
        put(env, Kind::Resources, &machine, vm);
        let vault = format!("{rg}/providers/Microsoft.KeyVault/vaults/vault{group}");
        let policies = json!([{ "objectId": dice.one(&ids), "permissions": { "secrets": ["get"] } }]);
        let properties = json!({ "enableRbacAuthorization": dice.roll(2) == 0, "accessPolicies": policies });
        put(env, Kind::Resources, &vault, body(&vault, "Microsoft.KeyVault/vaults", properties));
        scopes.push(rg);
        for id in [account, machine, vault] {
            scopes.push(id.clone());
            resources.push(id);
        }
    }
    let holders: Vec<String> = ids.iter().chain(&groups).cloned().collect();
    for n in 0..2 + dice.roll(5) {
        let (scope, role) = (dice.one(&scopes).clone(), *dice.one(AZURE_ROLES));
        let id = format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{}", guid(6, n));
        let role = format!("{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}");
        let properties = json!({ "roleDefinitionId": role, "principalId": dice.one(&holders), "scope": scope });
        put(env, Kind::RoleAssignments, &id, json!({ "id": id, "properties": properties }));
    }
    for n in 0..dice.roll(3) {
        let key = guid(7, n);
        let body = json!({ "id": key, "principalId": dice.one(&ids[..6]), "roleDefinitionId": dice.one(ENTRA_ROLES),
            "directoryScopeId": "/" });
        put(env, Kind::DirectoryRoles, &key, body);
    }
    if dice.roll(2) == 0 {
        let id = guid(8, 0);
        let body = json!({ "id": id, "displayName": "MFA for Azure", "state": "enabled",
            "conditions": { "users": { "includeUsers": ["All"], "excludeGroups": [dice.one(&groups)] },
                "clientAppTypes": ["all"],
                "applications": { "includeApplications": ["797f4846-ba00-4fd7-ba43-dac1f8f63013"] } },
            "grantControls": { "operator": "OR", "builtInControls": ["mfa"] } });
        put(env, Kind::ConditionalAccess, &id, body);
    }
    for kind in Kind::ALL {
        env.set_collected(*kind, Collected::Whole);
    }
    env.tenant.mfa_trusted_ips = Fact::Known(Vec::new());
    env.tenant.security_defaults = Fact::Known(false);
    Estate { environment, principals, resources }
}

fn ask(estate: &Estate, from: &[&str], to: &[&str]) -> Paths {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    paths(Asked {
        environment: estate.environment.clone(),
        controls: &[],
        from: names(from),
        to: names(to),
        with: Vec::new(),
        jewels: Vec::new(),
        at: Some("2026-03-21T00:00:00Z".parse().expect("a time")),
        most: 1,
    })
    .expect("an answer")
}

/// The slow truth: principal → how open, of those that reach the resource.
fn one_by_one(estate: &Estate, resource: &str) -> BTreeMap<String, Closes> {
    let open = |(id, name): &(String, String)| {
        let found = ask(estate, &[id], &[resource]);
        let open = found.pairs.first().expect("a pair").open;
        (open != Closes::Closed).then(|| (name.clone(), open))
    };
    estate.principals.iter().filter_map(open).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    #[test]
    fn who_reaches_is_what_asking_each_alone_gives(seed in any::<u64>()) {
        let estate = estate(seed);
        let mut radius: BTreeMap<String, BTreeMap<String, Closes>> = BTreeMap::new();
        for resource in &estate.resources {
            let slow = one_by_one(&estate, resource);
            let found = ask(&estate, &[], &[resource]);
            let fast: BTreeMap<String, Closes> = found
                .pairs
                .iter()
                .flat_map(|pair| pair.alike.iter().chain([&pair.from]).map(|name| (name.clone(), pair.open)))
                .collect();
            prop_assert_eq!(&fast, &slow, "who reaches {}", resource);
            let counted = &found.reached_by[0];
            prop_assert_eq!((counted.principals, counted.of), (slow.len(), estate.principals.len()));
            for (name, open) in slow {
                radius.entry(name).or_default().insert(resource.clone(), open);
            }
        }
        for (id, name) in &estate.principals {
            let found = ask(&estate, &[id], &[]);
            let fast: BTreeMap<String, Closes> =
                found.blast_radius[0].reaches.iter().map(|reached| (reached.to.clone(), reached.open)).collect();
            prop_assert_eq!(&fast, &radius.remove(name).unwrap_or_default(), "blast radius of {}", name);
        }
    }
}

/// The estates are worth asking about: some paths go through machines, some through groups, some are challenged.
#[test]
fn the_estates_hold_paths_of_every_kind() {
    let mut seen = BTreeSet::new();
    for seed in 0..40 {
        let estate = estate(seed);
        for resource in &estate.resources {
            for path in ask(&estate, &[], &[resource]).paths {
                seen.extend(path.steps.iter().map(|step| step.action.clone()));
                seen.insert(format!("{:?}", path.open));
            }
        }
    }
    for wanted in [
        "managed identity token",
        "Add member to group",
        "Add service principal credentials",
        "Reset user password",
        "Microsoft.Authorization/roleAssignments/write",
        "ClosedIfLacking",
        "NotClosed",
    ] {
        assert!(seen.contains(wanted), "no {wanted} in {seen:?}");
    }
}
