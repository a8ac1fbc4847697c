//! The built-in tables. The tests that compare with `../shared/data` pass where it is absent.

use crate::support;
use cutset::ingest::facts;
use cutset::model::{Document, Environment, Evidence, Kind};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A table as it was published, from outside the project; none where it is absent.
fn published(name: &str) -> Option<Vec<Value>> {
    let path = support::root().join("../shared/data").join(name);
    path.exists().then(|| support::json(&path).as_array().cloned().unwrap_or_default())
}

fn texts(value: &Value) -> BTreeSet<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(|text| text.trim().to_owned()).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[test]
fn tables_have_the_rows_they_say() {
    let counted = [
        ("azure-roles", facts::azure_roles().count()),
        ("entra-roles", facts::entra_roles().count()),
        ("regions", facts::regions().count()),
    ];
    for (id, rows) in counted {
        let table = facts::TABLES.iter().find(|table| table.id == id).unwrap_or_else(|| panic!("no table `{id}`"));
        assert_eq!(table.rows, rows, "{id}");
    }
    assert!(facts::TABLES.is_sorted_by_key(|table| table.id));
}

#[test]
fn azure_roles_are_those_published() {
    let Some(published) = published("azure-builtin-roles.json") else { return };
    let ours: Vec<Value> = facts::azure_roles().collect();
    assert_eq!(ours.len(), published.len());
    for theirs in &published {
        let ours = facts::azure_role(text(&theirs["id"])).unwrap_or_else(|| panic!("no role {}", theirs["id"]));
        assert_eq!(ours["name"], theirs["id"]);
        assert_eq!(ours["properties"]["roleName"], theirs["roleName"]);
        let (ours, theirs) = (ours["properties"]["permissions"].as_array(), theirs["permissions"].as_array());
        let (ours, theirs) = (ours.expect("a list"), theirs.expect("a list"));
        assert_eq!(ours.len(), theirs.len());
        for (ours, theirs) in ours.iter().zip(theirs) {
            for list in ["actions", "notActions", "dataActions", "notDataActions"] {
                assert_eq!(texts(&ours[list]), texts(&theirs[list]), "{list}");
            }
            assert_eq!(ours.get("condition"), theirs.get("condition"));
            assert_eq!(ours.get("conditionVersion"), theirs.get("conditionVersion"));
        }
    }
}

#[test]
fn azure_roles_are_found_by_guid_id_and_name() {
    let owner = facts::azure_role("8e3af657-a8ff-443c-a75c-2fe8c4bcb635").expect("Owner");
    assert_eq!(owner["properties"]["roleName"], "Owner");
    assert_eq!(owner["properties"]["permissions"][0]["actions"], json!(["*"]));
    let id = "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/8E3AF657-A8FF-443C-A75C-2FE8C4BCB635";
    assert_eq!(facts::azure_role(id), Some(owner.clone()));
    assert_eq!(facts::azure_role("owner"), Some(owner));
    for missing in
        ["", "/", "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "Ownerr", "é"]
    {
        assert_eq!(facts::azure_role(missing), None, "{missing}");
    }
}

#[test]
fn entra_roles_are_those_published() {
    let global = facts::entra_role("62E90394-69F5-4237-9190-012177145E10").expect("Global Administrator");
    assert_eq!((global.name, global.privileged), ("Global Administrator", true));
    assert_eq!(facts::entra_role("global administrator"), Some(global));
    assert_eq!(facts::entra_role("Owner"), None);
    let Some(published) = published("entra-builtin-roles.json") else { return };
    assert_eq!(facts::entra_roles().count(), published.len());
    for theirs in &published {
        let ours = facts::entra_role(text(&theirs["id"])).unwrap_or_else(|| panic!("no role {}", theirs["id"]));
        assert_eq!(
            (ours.name, Some(ours.privileged)),
            (text(&theirs["displayName"]), theirs["isPrivileged"].as_bool())
        );
        let allowed = theirs["rolePermissions"].as_array().into_iter().flatten();
        let allowed: BTreeSet<String> = allowed.flat_map(|one| texts(&one["allowedResourceActions"])).collect();
        let told = |action: &String| {
            let ours = action.starts_with("microsoft.directory/") || action.starts_with("microsoft.intune/");
            ours && !action.rsplit('/').next().is_some_and(|verb| verb.to_lowercase().contains("read"))
        };
        let allowed: BTreeSet<String> = allowed.into_iter().filter(told).collect();
        assert_eq!(ours.actions.iter().cloned().collect::<BTreeSet<_>>(), allowed, "{}", ours.name);
    }
}

#[test]
fn regions_answer_to_all_their_names() {
    for name in ["westeurope", "West Europe", "(Europe) West Europe", "WEST-EUROPE", "EU West"] {
        assert_eq!(facts::region(name).map(|region| region.name), Some("westeurope"), "{name}");
    }
    for name in ["", "global", "()", "(Europe", "atlantis"] {
        assert_eq!(facts::region(name), None, "{name}");
    }
    let mut seen = BTreeSet::new();
    for region in facts::regions() {
        let names = [Some(region.name), Some(region.display_name), region.meter_name];
        for name in names.into_iter().flatten() {
            assert_eq!(facts::region(name), Some(region), "{name} is the name of two regions");
        }
        assert!(seen.insert(region.name));
    }
    let Some(published) = published("azure-regions.json") else { return };
    for theirs in &published {
        let ours = facts::region(text(&theirs["name"])).unwrap_or_else(|| panic!("no region {}", theirs["name"]));
        assert_eq!(ours.display_name, text(&theirs["displayName"]));
        assert_eq!(ours.geography, text(&theirs["geography"]));
        assert_eq!(ours.geography_group, text(&theirs["geographyGroup"]));
    }
}

#[test]
fn names_stand_for_ids_and_ids_for_names() {
    assert_eq!(
        facts::application_name("797F4846-BA00-4FD7-BA43-DAC1F8F63013"),
        Some("Windows Azure Service Management API")
    );
    assert_eq!(facts::application_id("azure resource manager"), Some("797f4846-ba00-4fd7-ba43-dac1f8f63013"));
    assert_eq!(facts::application_id("Azure Storage"), Some("e406a681-f3d4-42a8-90b6-c2b029497af1"));
    assert_eq!(facts::application_name("no-guid"), None);
    assert_eq!(
        facts::graph_permission_id("rolemanagement.readwrite.directory"),
        Some("9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8")
    );
    let Some(permissions) = published("graph-app-roles.json") else { return };
    for theirs in &permissions {
        assert_eq!(facts::graph_permission(text(&theirs["id"])), theirs["value"].as_str());
    }
    let Some(assessments) = published("defender-assessment-keys.json") else { return };
    for theirs in &assessments {
        let ours = facts::assessment(text(&theirs["assessmentKey"])).unwrap_or_else(|| panic!("{theirs}"));
        let names = theirs["policies"].as_array().into_iter().flatten();
        assert!(names.into_iter().any(|policy| text(&policy["displayName"]) == ours), "{ours}");
    }
    let Some(groups) = published_object("ca-application-groups.json") else { return };
    for group in groups["groups"].as_object().into_iter().flatten().map(|(_, group)| group) {
        for member in ["members", "nonMembers"].iter().flat_map(|list| group[list].as_array().into_iter().flatten()) {
            assert!(facts::application_name(text(&member["id"])).is_some(), "{member}");
        }
    }
}

fn published_object(name: &str) -> Option<Value> {
    let path = support::root().join("../shared/data").join(name);
    path.exists().then(|| support::json(&path))
}

#[test]
fn the_users_own_export_wins() {
    let mut environment = Environment::default();
    let own = "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/8e3af657-a8ff-443c-a75c-2fe8c4bcb635";
    let evidence = Evidence::new("roles.json", 7, "");
    let body = Arc::new(json!({ "id": own, "properties": { "roleName": "Owner", "permissions": [] } }));
    environment.insert(Kind::RoleDefinitions, own, Document { body, evidence });
    facts::merge_into(&mut environment);
    assert_eq!(environment.of(Kind::RoleDefinitions).count(), 928);
    let owners: Vec<&str> = environment
        .of(Kind::RoleDefinitions)
        .filter(|(key, _)| key.ends_with("8e3af657-a8ff-443c-a75c-2fe8c4bcb635"))
        .map(|(_, document)| document.evidence.file.as_ref())
        .collect();
    assert_eq!(owners, ["roles.json"]);
    let reader = "/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7";
    let reader = environment.get(Kind::RoleDefinitions, reader).expect("Reader");
    assert_eq!(reader.evidence.file.as_ref(), "built-in:azure-roles");
    let before = environment.clone();
    facts::merge_into(&mut environment);
    assert_eq!(environment, before, "twice is once");
}
