//! An incident kept as a test: Northgate's exports changed, and what `diff` says of each change.

use super::{cutset, legible, shown};
use crate::support::{Folder, copy_all, materialize};
use serde_json::{Value, json};
use std::path::Path;

const POLICIES: &str = "snapshot/entra/conditionalAccessPolicies.json";
const RESOURCES: &str = "snapshot/azure/resources.json";
const ASSIGNMENTS: &str = "snapshot/azure/role-assignments.json";
const ADMIN: &str = "5ccfc057-6f6f-46df-aec6-36a8faa532f8";
const SUBSCRIPTION: &str = "/subscriptions/5f5f2f1d-9563-455a-83aa-8ea82f9d9347";

fn edit(folder: &Path, file: &str, change: impl FnOnce(&mut Value)) {
    let path = folder.join(file);
    let mut value: Value = serde_json::from_str(&std::fs::read_to_string(&path).expect("a file")).expect("JSON");
    change(&mut value);
    std::fs::write(&path, value.to_string()).expect("a file");
}

fn policy<'v>(policies: &'v mut Value, name: &str) -> &'v mut Value {
    let list = policies["value"].as_array_mut().expect("policies");
    list.iter_mut().find(|policy| policy["displayName"] == name).expect("the policy")
}

const DEVICES: &str = "Require compliant device for Azure management";

fn enforced(folder: &Path) {
    edit(folder, POLICIES, |all| policy(all, DEVICES)["state"] = json!("enabled"));
}

fn keys(folder: &Path, allowed: bool) {
    edit(folder, RESOURCES, |all| {
        let list = all["data"].as_array_mut().expect("resources");
        let account = list.iter_mut().find(|resource| resource["name"] == "proddata").expect("proddata");
        account["properties"]["allowSharedKeyAccess"] = json!(allowed);
    });
}

/// Northgate less its long baseline, which a posture does not read.
fn northgate() -> Folder {
    let folder = materialize("northgate-no-bodies");
    for entry in std::fs::read_dir(folder.path().join("timeline")).expect("a timeline") {
        let path = entry.expect("an entry").path();
        if !path.file_name().is_some_and(|name| name.to_string_lossy().contains("2026-03-21")) {
            std::fs::remove_file(path).expect("a file of the baseline");
        }
    }
    folder
}

/// The later export alone: no incident, no timeline.
fn export_of(case: &Folder) -> Folder {
    let folder = Folder::new("export");
    copy_all(&case.path().join("snapshot"), &folder.path().join("snapshot"));
    folder
}

/// Exit code, the text and the JSON of one comparison.
fn compared(old: &Path, new: &Path) -> (i32, String, Value) {
    let said = cutset(&["diff", shown(old), shown(new)]);
    assert_eq!(said.err, "", "{}", said.out);
    legible(&said.out);
    let json = cutset(&["diff", shown(old), shown(new), "--json"]);
    assert_eq!(json.code, said.code);
    (said.code, said.out, serde_json::from_str(&json.out).expect("JSON"))
}

fn count(json: &Value, list: &str) -> usize {
    json[list].as_array().expect("a list").len()
}

#[test]
fn a_closed_path_that_is_open_again_is_named_with_the_change() {
    let old = northgate();
    enforced(old.path());
    let unchanged = export_of(&old);
    let (code, text, json) = compared(old.path(), unchanged.path());
    assert_eq!((code, text.as_str()), (0, "Nothing that was closed is open.\n"), "{json}");

    type Mutation = (fn(&Path), &'static [&'static str]);
    let mutations: &[Mutation] = &[
        (
            |folder| edit(folder, POLICIES, |all| policy(all, DEVICES)["state"] = json!("disabled")),
            &["Open again: admin@northgateeng.com to customer-data of proddata", DEVICES, "state enabled → disabled"],
        ),
        (
            |folder| {
                edit(folder, POLICIES, |all| {
                    policy(all, DEVICES)["conditions"]["users"]["excludeUsers"] = json!([ADMIN]);
                });
            },
            &["Open again", "excludeUsers gained", "admin@northgateeng.com"],
        ),
        (
            |folder| {
                edit(folder, POLICIES, |all| {
                    let list = all["value"].as_array_mut().expect("policies");
                    list.retain(|policy| policy["displayName"] != DEVICES);
                });
            },
            &["Open again", "conditional-access policy", "is gone"],
        ),
    ];
    for (mutate, wanted) in mutations {
        let new = export_of(&old);
        mutate(new.path());
        let (code, text, json) = compared(old.path(), new.path());
        assert_eq!(code, 1, "{text}");
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for words in *wanted {
            assert!(line.contains(words), "{words}: {text}");
        }
        assert!(count(&json, "reopened") > 0, "{json}");
        // The other way round the same path is closed, and nothing fails.
        std::fs::copy(old.path().join("incident.json"), new.path().join("incident.json")).expect("a copy");
        copy_all(&old.path().join("timeline"), &new.path().join("timeline"));
        let (code, text, json) = compared(new.path(), old.path());
        assert_eq!(code, 0, "{text}");
        assert!(text.contains("Closed now"), "{text}");
        assert!(count(&json, "closed") > 0, "{json}");
    }
}

#[test]
fn rights_and_keys_that_come_back_are_the_reason() {
    // The attack's principal manages nothing any more, and the account takes no keys.
    let old = northgate();
    keys(old.path(), false);
    edit(old.path(), ASSIGNMENTS, |all| {
        let list = all.as_array_mut().expect("assignments");
        list.retain(|a| a["principalId"] != ADMIN || a["roleDefinitionName"] == "Reader");
    });
    let assign = |folder: &Path, id: &str, role: &str, name: &str| {
        edit(folder, ASSIGNMENTS, |all| {
            let list = all.as_array_mut().expect("assignments");
            let mut one = list.iter().find(|a| a["principalId"] == ADMIN).expect("a reader").clone();
            one["id"] = json!(format!("{SUBSCRIPTION}/providers/Microsoft.Authorization/roleAssignments/{id}"));
            one["name"] = json!(id);
            let definitions = format!("{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}");
            (one["roleDefinitionId"], one["roleDefinitionName"]) = (json!(definitions), json!(name));
            list.push(one);
        });
    };
    let operator = ("11111111-1111-4111-8111-111111111111", "81a9662b-bebf-436f-a333-f67b29880f12");
    let new = export_of(&old);
    keys(new.path(), true);
    let (code, text, json) = compared(old.path(), new.path());
    assert_eq!((code, count(&json, "reopened")), (0, 0), "the key is nobody's yet: {text}");
    assert!(text.contains("allowSharedKeyAccess false → true"), "{text}");

    // Both are needed, and both are named.
    assign(new.path(), operator.0, operator.1, "Storage Account Key Operator Service Role");
    let (code, text, json) = compared(old.path(), new.path());
    assert_eq!(code, 1, "{text}");
    let because = json["reopened"][0]["because"].as_array().expect("changes");
    assert_eq!(because.len(), 2, "{text}");
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "Storage Account Key Operator Service Role at Northgate Production for admin@northgateeng.com\": appeared",
        "resource \"proddata\": allowSharedKeyAccess false → true",
        "listKeys/action on proddata",
    ] {
        assert!(line.contains(words), "{words}: {text}");
    }
}

#[test]
fn what_the_later_export_does_not_tell_is_not_closed() {
    let old = northgate();
    enforced(old.path());
    // Closed before; the policies are not exported any more: nobody can tell, and that is not closed.
    let new = export_of(&old);
    std::fs::remove_file(new.path().join(POLICIES)).expect("the policies");
    let (code, text, json) = compared(old.path(), new.path());
    assert_eq!(code, 1, "{text}");
    assert_eq!(count(&json, "reopened"), 0, "{text}");
    assert!(count(&json, "unknown") > 0, "{text}");
    assert!(text.contains("nobody can tell"), "{text}");
    // Open before; without the role assignments no path is left, and still nothing is called closed.
    let old = northgate();
    let new = export_of(&old);
    std::fs::remove_file(new.path().join(ASSIGNMENTS)).expect("the assignments");
    let (_, text, json) = compared(old.path(), new.path());
    assert_eq!(count(&json, "closed"), 0, "{text}");
}

#[test]
fn two_analyses_are_enough() {
    let eight = crate::support::catalogue_of(&["azure-management-mfa"]);
    let old = northgate();
    enforced(old.path());
    let new = northgate();
    for case in [&old, &new] {
        let said = cutset(&["analyze", shown(case.path()), "--policies", shown(eight.path())]);
        assert_eq!(said.code, 0, "{}", said.err);
    }
    let (old, new) = (old.path().join("out/analysis.json"), new.path().join("out/analysis.json"));
    let (code, text, json) = compared(&old, &new);
    assert_eq!(code, 1, "{text}");
    assert!(count(&json, "reopened") > 0);
    // No world to undo a change in: what touches the path is named, and that it was not tried.
    assert!(text.contains("maybe by conditional-access policy"), "{text}");
    assert!(text.contains("Not told:"), "{text}");
    assert_eq!(json["reopened"][0]["because"], json!([]), "{text}");
    assert_eq!(compared(&old, &old).0, 0);
    // What cannot be compared is said.
    for (wrong, message) in [("Cargo.toml", "error: "), ("src", "no file in this folder is an export")] {
        let path = crate::support::root().join(wrong);
        let said = cutset(&["diff", shown(&old), shown(&path)]);
        assert_eq!((said.code, said.out.as_str()), (2, ""), "{wrong}");
        assert!(said.err.contains(message), "{wrong}: {}", said.err);
    }
}

/// Whatever the later export leaves out, nothing that was closed passes in silence.
#[test]
fn a_resource_that_was_not_exported_is_not_gone() {
    let old = northgate();
    edit(old.path(), ASSIGNMENTS, |all| {
        let list = all.as_array_mut().expect("assignments");
        list.retain(|a| a["principalId"] != ADMIN || a["roleDefinitionName"] == "Reader");
    });
    // The right came back, and the file that holds the account did not.
    let new = export_of(&northgate());
    assert_eq!(compared(old.path(), new.path()).0, 1);
    std::fs::remove_file(new.path().join(RESOURCES)).expect("the resources");
    let (code, text, json) = compared(old.path(), new.path());
    assert_eq!(code, 1, "{text}");
    assert!(count(&json, "unknown") > 0, "{text}");
    assert!(text.contains("resource proddata") || text.contains("resource `proddata`"), "{text}");
    assert_eq!(count(&json, "closed"), 0, "{text}");
    // Another name for the same principal is no change of who it is.
    let renamed = export_of(&old);
    edit(renamed.path(), "snapshot/entra/users.json", |all| {
        let list = all["value"].as_array_mut().expect("users");
        let admin = list.iter_mut().find(|user| user["id"] == ADMIN).expect("admin@");
        admin["userPrincipalName"] = json!("root@northgateeng.com");
    });
    assert_eq!(compared(old.path(), renamed.path()).0, 0);
}

#[test]
fn another_incident_is_not_compared() {
    let eight = crate::support::catalogue_of(&["azure-management-mfa"]);
    let (one, other) = (northgate(), materialize("two-jewels"));
    for case in [&one, &other] {
        let said = cutset(&["analyze", shown(case.path()), "--policies", shown(eight.path())]);
        assert_eq!(said.code, 0, "{}", said.err);
    }
    let said =
        cutset(&["diff", shown(&one.path().join("out/analysis.json")), shown(&other.path().join("out/analysis.json"))]);
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    assert!(said.err.contains("this is of another incident"), "{}", said.err);
}
