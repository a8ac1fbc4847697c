//! Drafts to deploy on the engine's own Northgate: fed back as controls they do what the control itself does, they are
//! bodies the services take, and what takes them back restores what stood there.

use crate::support::{self, analyzed};
use cutset::analysis::Analysis;
use cutset::model::json::merge_patch;
use cutset::render::{Artifact, Request, render};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::process::Command;

const CHOSEN: &[&str] = &[
    "azure-management-trusted-location",
    "azure-management-compliant-device",
    "snapshot:conditional-access:require-compliant-device-for-azure-management",
    "allowed-locations",
    "storage-disable-shared-key",
    "storage-firewall",
    "storage-read-only-lock",
    "pim-privileged-roles",
    "remove-standing-access-administrator",
];

fn kit(with: &[&str]) -> Vec<Artifact> {
    let with = with.iter().map(|id| (*id).to_owned()).collect();
    render(analyzed("example"), "take-away", &Request { with, ..Request::default() }).expect("it renders")
}

fn text(files: &[Artifact], name: &str) -> String {
    let file = files.iter().find(|file| file.name == name).unwrap_or_else(|| panic!("no {name}"));
    String::from_utf8(file.bytes.clone()).expect("it is text")
}

fn body(files: &[Artifact], name: &str) -> Value {
    serde_json::from_str(&text(files, name)).expect("JSON")
}

fn row(analysis: &Analysis, control: &str) -> Vec<String> {
    let verdict = |step: &cutset::analysis::Step| {
        let verdict = step.verdict(control).unwrap_or_else(|| panic!("no verdict of {control}"));
        format!("{:?} {:?}", verdict.verdict, verdict.mode)
    };
    analysis.steps.iter().map(verdict).collect()
}

#[test]
fn drafts_fed_back_do_what_the_control_does() {
    let files = kit(CHOSEN);
    let catalogue = support::json(&support::root().join("policies/catalog.json"));
    let apply = |id: &str| -> Value {
        let entries = catalogue["controls"].as_array().expect("controls");
        entries.iter().find(|entry| entry["id"] == id).map(|entry| entry["apply"].clone()).unwrap_or(Value::Null)
    };
    let folder = support::Folder::new("drafts");
    let mut controls = Vec::new();
    let own = "snapshot-conditional-access-require-compliant-device-for-azure-management";
    let drafts: &[(&str, &str, &str, &[&str])] = &[
        (
            "loc",
            "azure-management-trusted-location",
            "conditional-access",
            &["azure-management-trusted-location/1-conditional-access.json"],
        ),
        (
            "dev",
            "azure-management-compliant-device",
            "conditional-access",
            &["azure-management-compliant-device/1-conditional-access.json"],
        ),
        (
            "own",
            "snapshot:conditional-access:require-compliant-device-for-azure-management",
            "conditional-access",
            &["own.json"],
        ),
        (
            "reg",
            "allowed-locations",
            "azure-policy",
            &["allowed-locations/1-azure-policy.json", "allowed-locations/2-azure-policy.json"],
        ),
        ("key", "storage-disable-shared-key", "resource-patch", &["storage-disable-shared-key/1-resource-patch.json"]),
        ("lock", "storage-read-only-lock", "lock", &["storage-read-only-lock/1-lock.json"]),
        ("pim", "pim-privileged-roles", "pim", &["pim-privileged-roles/1-pim.json"]),
    ];
    for (id, of, family, documents) in drafts {
        let mut names = Vec::new();
        for (n, document) in documents.iter().enumerate() {
            let source = if *document == "own.json" {
                format!("{own}/1-conditional-access.json")
            } else {
                (*document).to_owned()
            };
            let mut value = body(&files, &source);
            if *family == "pim" {
                value = value["properties"]["rules"].clone();
            }
            let name = format!("{id}-{n}.json");
            std::fs::write(folder.path().join(&name), value.to_string()).expect("a draft");
            names.push(name);
        }
        let mut entry =
            json!({ "id": format!("draft-{id}"), "title": *id, "family": family, "documents": names, "effort": 1 });
        let apply = apply(of);
        // An assignment says itself where it stands.
        if apply.is_object() && *family != "azure-policy" {
            entry["apply"] = apply;
        }
        controls.push(entry);
    }
    let text = json!({ "schema": "cutset/catalogue/1", "controls": controls }).to_string();
    std::fs::write(folder.path().join("catalog.json"), text).expect("a catalogue");
    let again = support::analyze(&support::root().join("examples/northgate"), Some(folder.path()));
    for (id, of, _, _) in drafts {
        assert_eq!(row(&again, &format!("draft-{id}")), row(analyzed("example"), of), "{id}");
    }
}

#[test]
fn conditional_access_is_report_only_and_a_body_that_graph_takes() {
    let files = kit(CHOSEN);
    // *conditionalAccessPolicy resource type*: what a caller may set.
    let settable = BTreeSet::from(["displayName", "state", "conditions", "grantControls", "sessionControls"]);
    let mut seen = 0;
    for file in files.iter().filter(|file| file.name.ends_with("conditional-access.json")) {
        let policy = body(&files, &file.name);
        let members: BTreeSet<&str> = policy.as_object().expect("an object").keys().map(String::as_str).collect();
        assert!(members.is_subset(&settable), "{}: {members:?}", file.name);
        assert_eq!(policy["state"], "enabledForReportingButNotEnforced", "{}", file.name);
        seen += 1;
    }
    assert_eq!(seen, 3);
    // The tenant's own policy reports already: nothing runs unasked, and it goes back to what it was.
    let own = "snapshot-conditional-access-require-compliant-device-for-azure-management/1-conditional-access";
    let deploy = text(&files, "deploy.sh");
    let url =
        "'https://graph.microsoft.com/v1.0/identity/conditionalAccess/policies/19947e65-1ec7-452f-8777-617e857c523a'";
    assert!(
        deploy.contains(&format!("\nnow az rest --method patch --url {url} --body '@{own}.enforce.json'\n")),
        "{deploy}"
    );
    assert!(!deploy.contains(&format!("\naz rest --method patch --url {url}")));
    assert_eq!(body(&files, &format!("{own}.enforce.json"))["state"], "enabled");
    assert_eq!(body(&files, &format!("{own}.before.json"))["state"], "enabledForReportingButNotEnforced");
    assert!(text(&files, "revert.sh").contains(&format!("{url} --body '@{own}.before.json'")));
}

#[test]
fn an_assignment_does_not_enforce_and_names_a_definition_that_is_there() {
    let files = kit(CHOSEN);
    let definition = body(&files, "allowed-locations/1-azure-policy.json");
    let assignment = body(&files, "allowed-locations/2-azure-policy.json");
    assert_eq!(assignment["properties"]["enforcementMode"], "DoNotEnforce");
    assert_eq!(assignment["properties"]["policyDefinitionId"], definition["id"]);
    assert_eq!(assignment["properties"]["parameters"]["approvedRegions"]["value"], json!(["uksouth", "westeurope"]));
    assert_eq!(
        body(&files, "allowed-locations/2-azure-policy.enforce.json")["properties"]["enforcementMode"],
        "Default"
    );
    let deploy = text(&files, "deploy.sh");
    let put =
        |file: &str| deploy.find(&format!("'@allowed-locations/{file}.json'")).unwrap_or_else(|| panic!("{file}"));
    assert!(put("1-azure-policy") < put("2-azure-policy"), "a definition before what names it");
    assert!(deploy.contains(&format!("https://management.azure.com{}?", definition["id"].as_str().expect("an id"))));
    let revert = text(&files, "revert.sh");
    let assignments = revert.find("/policyAssignments/allowed-locations").expect("taken back");
    assert!(assignments < revert.find("/policyDefinitions/allowed-locations").expect("taken back"));
}

#[test]
fn what_takes_a_patch_back_restores_the_resource() {
    let files = kit(&["storage-firewall", "storage-disable-shared-key"]);
    let rows = support::json(&support::root().join("examples/northgate/snapshot/azure/resources.json"));
    let rows = rows.get("data").or_else(|| rows.get("value")).unwrap_or(&rows);
    let revert = text(&files, "revert.sh");
    let mut seen = 0;
    for resource in rows.as_array().expect("rows").iter().filter(|r| r["type"] == "microsoft.storage/storageaccounts") {
        let id = resource["id"].as_str().expect("an id");
        for control in ["storage-firewall", "storage-disable-shared-key"] {
            let line = revert
                .lines()
                .find(|line| {
                    line.to_lowercase().contains(&format!("{}?", id.to_lowercase()))
                        && line.contains(&format!("'@{control}/"))
                })
                .unwrap_or_else(|| panic!("{control}: {id} is not taken back"));
            let file = line.rsplit_once("'@").and_then(|(_, rest)| rest.split_once('\'')).expect("a file").0;
            let mut changed = json!({ "properties": resource["properties"] });
            let before = changed.clone();
            merge_patch(&mut changed, &body(&files, &format!("{control}/1-resource-patch.json")));
            assert_ne!(changed, before, "{control} changes {id}");
            merge_patch(&mut changed, &body(&files, file));
            assert_eq!(changed, before, "{control}: {id}");
            seen += 1;
        }
    }
    assert_eq!(seen, 4);
}

#[test]
fn rules_go_to_the_policies_of_their_roles_and_nobody_is_left_without() {
    let files = kit(&["pim-privileged-roles"]);
    let deploy = text(&files, "deploy.sh");
    let rules = body(&files, "pim-privileged-roles/1-pim.json");
    assert!(
        rules["properties"]["rules"]
            .as_array()
            .is_some_and(|rules| rules.iter().any(|r| r["id"] == "Approval_EndUser_Assignment"))
    );
    let lines: Vec<&str> = deploy.lines().filter(|line| line.starts_with("now ")).collect();
    assert!(lines.iter().any(|line| line.contains("/roleManagementPolicies/")));
    // Each standing assignment is asked for as an eligible one before it is taken away.
    let taken = lines.iter().filter(|line| line.contains("az role assignment delete")).count();
    assert!(taken > 3);
    for (n, line) in lines.iter().enumerate().filter(|(_, line)| line.contains("az role assignment delete")) {
        assert!(lines[n - 1].contains("/roleEligibilityScheduleRequests/"), "{line}");
    }
    let request = body(&files, "pim-privileged-roles/1-pim.eligible-1.json");
    assert_eq!(request["properties"]["requestType"], "AdminAssign");
    assert_eq!(
        request["properties"]["scheduleInfo"]["expiration"],
        json!({ "type": "AfterDuration", "duration": "P180D" })
    );
    let revert = text(&files, "revert.sh");
    assert_eq!(revert.lines().filter(|line| line.contains(".standing-")).count(), taken);
}

#[test]
fn every_file_a_script_names_is_there_and_nothing_harmful_runs_unasked() {
    let files = kit(CHOSEN);
    let names: BTreeSet<&str> = files.iter().map(|file| file.name.as_str()).collect();
    for script in ["deploy.sh", "revert.sh"] {
        let script = text(&files, script);
        assert!(script.contains("# TLP:AMBER\n"));
        for part in script.split("'@").skip(1) {
            let name = part.split('\'').next().unwrap_or_default();
            assert!(names.contains(name), "{name} is not among the files");
        }
    }
    // In a folder of its own, with an `az` that says what it was asked.
    let folder = support::Folder::new("kit");
    for file in &files {
        let path = folder.path().join(&file.name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, &file.bytes).expect("a file");
    }
    let az = folder.path().join("az");
    std::fs::write(&az, "#!/bin/sh\necho \"az $*\" >> asked\necho 0a1b\n").expect("an az");
    let run = |enforce: &str| -> Option<String> {
        let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap_or_default());
        let _ = std::fs::remove_file(folder.path().join("asked"));
        Command::new("chmod").arg("+x").arg(&az).status().ok()?;
        let output = Command::new("/bin/sh")
            .arg(folder.path().join("deploy.sh"))
            .env("PATH", path)
            .env("ENFORCE", enforce)
            .output()
            .ok()?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        std::fs::read_to_string(folder.path().join("asked")).ok()
    };
    let Some(careful) = run("no") else {
        eprintln!("skipped: no /bin/sh");
        return;
    };
    for asked in careful.lines() {
        let draft = asked.contains("conditionalAccess/policies --body")
            || asked.contains("/policyDefinitions/")
            || asked.contains("/policyAssignments/");
        assert!(draft && !asked.contains("enforce") && !asked.contains(" delete "), "runs unasked: {asked}");
    }
    let all = run("yes").unwrap_or_default();
    assert!(all.lines().count() > careful.lines().count() + 10);
    assert!(all.contains("conditionalAccess/policies/0a1b --body {\"state\":\"enabled\"}"), "{all}");
}
