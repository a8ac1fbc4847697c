//! Minimal paths and choke points against trying all subsets of operations; the view on a folder without an incident.

use super::{cutset, legible, shown};
use crate::support::{Folder, copy_all, root};
use cutset::analysis::paths::empty;
use cutset::cli::inputs;
use cutset::cuts::{Bounds, Operation, latent::Limit, minimal_paths, operations, path_within};
use cutset::model::{Fact, Kind, ObjectId, ResourceId, json};
use cutset::replay::{Engine, Stage, run};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const SUBSCRIPTION: &str = "/subscriptions/5f5f2f1d-9563-455a-83aa-8ea82f9d9347";

fn proddata() -> ResourceId {
    let group = format!("{SUBSCRIPTION}/resourceGroups/rg-production");
    ResourceId::new(&format!("{group}/providers/Microsoft.Storage/storageAccounts/proddata"))
}

#[test]
fn minimal_paths_are_what_trying_all_subsets_finds() {
    let inputs = inputs::case(&root().join("examples/northgate")).expect("a case folder");
    let (mut environment, _, _) =
        cutset::estate(&inputs, None, BTreeMap::new(), None, &BTreeMap::new()).expect("an environment");
    environment.tenant.mfa_trusted_ips = Fact::Known(Vec::new());
    let upn = |body: &Value| json::text(body, "userPrincipalName").unwrap_or_default().to_owned();
    let admin = environment.of(Kind::Users).find(|(_, d)| upn(&d.body).starts_with("admin@")).expect("admin@").0;
    let admin = ObjectId::new(admin);
    let case = empty(environment);
    let mut engine = Engine::new(&case);
    engine.addresses.insert("198.51.100.200".to_owned());
    let history = run(&engine, &engine.world, Stage::FactsFree, &[], false);
    let to = proddata();
    let bounds = Bounds { paths: 100, searches: 10_000, choke_points: true };
    let found = minimal_paths(&engine, &history, &admin, &to, bounds);
    assert!(found.whole);
    let listed: BTreeSet<BTreeSet<Operation>> = found.paths.iter().map(operations).collect();
    assert!(listed.len() > 2, "{listed:?}");
    let every: Vec<Operation> = listed.iter().flatten().cloned().collect::<BTreeSet<_>>().into_iter().collect();
    assert!(every.len() <= 10, "too many operations to try all subsets: {every:?}");
    let mut minimal: Vec<BTreeSet<Operation>> = Vec::new();
    let mut subsets: Vec<u32> = (0..1 << every.len()).collect();
    subsets.sort_by_key(|subset| subset.count_ones());
    for subset in subsets {
        let chosen: BTreeSet<Operation> =
            every.iter().enumerate().filter(|(at, _)| subset & 1 << at != 0).map(|(_, o)| o.clone()).collect();
        if minimal.iter().any(|known| known.is_subset(&chosen)) {
            continue;
        }
        if path_within(&engine, &history, &admin, &to, Limit::Exactly(chosen.clone())).is_some() {
            minimal.push(chosen);
        }
    }
    assert_eq!(listed, minimal.into_iter().collect());
    let dominators: BTreeSet<Operation> = every
        .iter()
        .filter(|operation| {
            let without = Limit::Without(BTreeSet::from([(*operation).clone()]));
            path_within(&engine, &history, &admin, &to, without).is_none()
        })
        .cloned()
        .collect();
    assert_eq!(found.choke_points.iter().cloned().collect::<BTreeSet<_>>(), dominators);
    // A bound is told, and leaves the choke points exact.
    let few = minimal_paths(&engine, &history, &admin, &to, Bounds { paths: 1, searches: 1, choke_points: true });
    assert!(!few.whole);
    assert_eq!(few.choke_points, found.choke_points);
}

/// Northgate's exports without its incident.
fn estate() -> Folder {
    let folder = Folder::new("estate");
    copy_all(&root().join("examples/northgate/snapshot"), &folder.path().join("snapshot"));
    folder
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

#[test]
fn a_folder_without_an_incident_is_enough() {
    let folder = estate();
    let eight = crate::support::eight();
    let common = ["--policies", shown(eight.path())];
    let paths = |arguments: &[&str]| {
        let all: Vec<&str> = ["paths", shown(folder.path())].iter().chain(&common).chain(arguments).copied().collect();
        cutset(&all)
    };
    let said = paths(&["--from", "admin@northgateeng.com", "--to", "proddata"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{}", said.out);
    legible(&said.out);
    for wanted in ["Microsoft.Authorization/roleAssignments/write on", "User Access Administrator at", "Choke points"] {
        assert!(said.out.contains(wanted), "{wanted}: {}", said.out);
    }
    let json = value(&paths(&["--from", "admin@northgateeng.com", "--to", "proddata", "--json"]).out);
    assert_eq!(json["pairs"][0]["open"], "not-closed");
    assert_eq!(json["pairs"][0]["whole"], true);
    let row = |id: &str| {
        let rows = json["controls"].as_array().expect("rows");
        rows.iter().find(|row| row["control"] == id).unwrap_or_else(|| panic!("no row of {id}: {rows:?}")).clone()
    };
    // As in the incident: who manages Azure is asked for something; what storage alone refuses leaves a detour.
    assert_eq!(row("azure-management-mfa")["words"][0], "secondFactor");
    // Which addresses MFA trusts no export tells: whether the attacker's is one is not known, and the fact is named.
    let location = row("azure-management-trusted-location");
    assert_eq!((location["unknown"].as_u64(), &location["missing"]), (Some(1), &value(r#"["tenant.mfaTrustedIps"]"#)));
    assert_eq!(row("pim-privileged-roles")["words"][0], "approver");
    let key = row("storage-disable-shared-key");
    assert_eq!((key["closed"].as_u64(), key["closed_if_lacking"].as_u64()), (Some(0), Some(0)));
    assert!(key["paths"].as_array().expect("cells").iter().any(|cell| cell == "closed"));
    // In force, the control's paths are gone.
    let with = ["--from", "admin@northgateeng.com", "--to", "proddata", "--json", "--with", "pim-privileged-roles"];
    let json = value(&paths(&with).out);
    assert_eq!(json["pairs"][0]["open"], "closed-if-lacking");
    // Blast radius, and who reaches.
    let said = paths(&["--from", "admin@northgateeng.com"]);
    assert_eq!(said.code, 0);
    legible(&said.out);
    assert!(said.out.contains("Blast radius of admin@northgateeng.com: "), "{}", said.out);
    let said = paths(&["--to", "customer-data"]);
    assert_eq!(said.code, 0);
    legible(&said.out);
    assert!(said.out.contains("tom.ashby@northgateeng.com to customer-data of proddata"), "{}", said.out);
    assert!(said.out.contains("eligible for Contributor"), "{}", said.out);
    // A list that a limit cut says so.
    let said = paths(&["--from", "admin@northgateeng.com", "--to", "proddata", "--most", "2"]);
    assert!(said.out.contains("Limit:"), "{}", said.out);
}

#[test]
fn what_is_not_there_is_named() {
    let folder = estate();
    for (arguments, message, help) in [
        (vec!["--from", "amin@northgateeng.com"], "no principal `amin@northgateeng.com`", "admin@northgateeng.com"),
        (vec!["--to", "prodata"], "no resource `prodata`", "did you mean `proddata`?"),
        (vec!["--to", "xyzzy-quux"], "no resource `xyzzy-quux`", "known are "),
        (vec![], "nothing to reach is named", "--to"),
        (vec!["--to", "proddata", "--with", "pim-privileged-role"], "no control", "`pim-privileged-roles`"),
    ] {
        let all: Vec<&str> = ["paths", shown(folder.path())].into_iter().chain(arguments.iter().copied()).collect();
        let said = cutset(&all);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{arguments:?}");
        assert!(said.err.contains(message) && said.err.contains(help), "{arguments:?}: {}", said.err);
    }
}
