//! Drafts to deploy on the engine's own Northgate: fed back as controls they do what the control itself does, they are
//! bodies the services take, and what takes them back restores what stood there.

use crate::support::{self, analyzed};
use cutset::analysis::Analysis;
use cutset::model::json::merge_patch;
use cutset::render::{Artifact, Request, render};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

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
        deploy.contains(&format!(
            "\nnow once '{own}.enforced' az rest --method patch --url {url} --body '@{own}.enforce.json'\n"
        )),
        "{deploy}"
    );
    assert!(!deploy.contains(&format!("\naz rest --method patch --url {url}")));
    // Only what differs is sent: what the policy says otherwise stays its own.
    assert_eq!(body(&files, &format!("{own}.enforce.json")), json!({ "state": "enabled" }));
    assert_eq!(body(&files, &format!("{own}.before.json")), json!({ "state": "enabledForReportingButNotEnforced" }));
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
        |file: &str| deploy.find(&format!(" 'allowed-locations/{file}.json' ")).unwrap_or_else(|| panic!("{file}"));
    assert!(put("1-azure-policy") < put("2-azure-policy"), "a definition before what names it");
    assert!(deploy.contains(&format!("https://management.azure.com{}?", definition["id"].as_str().expect("an id"))));
    let revert = text(&files, "revert.sh");
    let assignments = revert.find("/policyAssignments/cutset-allowed-locations").expect("taken back");
    assert!(assignments < revert.find("/policyDefinitions/cutset-allowed-locations").expect("taken back"));
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
    // Back: standing again, then eligible no more.
    let revert = text(&files, "revert.sh");
    let back: Vec<&str> = revert.lines().filter(|line| line.contains("/1-pim.")).collect();
    let standing: Vec<usize> =
        back.iter().enumerate().filter(|(_, line)| line.contains(".standing-")).map(|(n, _)| n).collect();
    assert_eq!(standing.len(), taken);
    for n in standing {
        assert!(back[n + 1].contains(".eligible-no-more-"), "{}", back[n + 1]);
    }
    let drop = body(&files, "pim-privileged-roles/1-pim.eligible-no-more-1.json");
    assert_eq!(drop["properties"]["requestType"], "AdminRemove");
    assert_eq!(drop["properties"]["principalId"], request["properties"]["principalId"]);
}

/// Headings of the controls and lines that do something, behind the functions.
fn lines(script: &str) -> Vec<&str> {
    let (_, body) = script.split_once("\n\n").unwrap_or_default();
    body.lines().filter(|line| !line.is_empty()).collect()
}

#[test]
fn a_draft_takes_the_name_of_nothing_that_stands() {
    let rows = support::json(&support::root().join("examples/northgate/snapshot/azure/policy-assignments.json"));
    let standing = rows["value"].as_array().or(rows.as_array()).expect("assignments").clone();
    assert!(!standing.is_empty());
    let files = kit(CHOSEN);
    for script in ["deploy.sh", "revert.sh"] {
        for assignment in &standing {
            let id = assignment["id"].as_str().expect("an id").to_lowercase();
            assert!(!text(&files, script).to_lowercase().contains(&format!("{id}?")), "{script}: {id}");
        }
    }
}

#[test]
fn locks_come_last_and_go_first_whatever_was_asked_first() {
    for with in [
        ["storage-disable-shared-key", "storage-read-only-lock"],
        ["storage-read-only-lock", "storage-disable-shared-key"],
    ] {
        let files = kit(&with);
        let (deploy, revert) = (text(&files, "deploy.sh"), text(&files, "revert.sh"));
        let at = |script: &str, what: &str, last: bool| {
            let mut found = lines(script).into_iter().enumerate().filter(|(_, line)| line.contains(what));
            let found = if last { found.next_back() } else { found.next() };
            found.unwrap_or_else(|| panic!("no {what}")).0
        };
        assert!(at(&deploy, "--method patch", true) < at(&deploy, "/locks/", false), "{deploy}");
        assert!(at(&revert, "/locks/", true) < at(&revert, "--method patch", false), "{revert}");
    }
}

#[test]
fn readers_get_their_role_before_the_keys_go() {
    let files = kit(&["storage-data-roles-instead-of-keys"]);
    let deploy = text(&files, "deploy.sh");
    let lines = lines(&deploy);
    let at = |what: &str| lines.iter().position(|line| line.contains(what)).unwrap_or_else(|| panic!("no {what}"));
    assert!(at("now grant ") < at("now sleep "), "{deploy}");
    assert!(at("now sleep ") < at("--method patch"), "{deploy}");
    let revert = text(&files, "revert.sh");
    assert!(revert.find("--method patch") < revert.rfind("ungranted '"), "{revert}");
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
    for line in lines(&text(&files, "deploy.sh")).iter().filter(|l| l.contains("put '") || l.contains("post '")) {
        let name = line.split('\'').nth(3).unwrap_or_default();
        assert!(names.contains(name), "{name} is not among the files: {line}");
    }
    let Some(tenant) = Tenant::of(&files, "") else {
        eprintln!("skipped: no /bin/sh");
        return;
    };
    let (careful, _) = tenant.run("deploy.sh", "no");
    for asked in &careful {
        let draft = asked.contains("conditionalAccess/policies --body")
            || asked.contains("/policyDefinitions/")
            || asked.contains("/policyAssignments/");
        assert!(draft && !asked.contains("enforce") && !asked.contains(" delete "), "runs unasked: {asked}");
    }
    let (all, _) = tenant.run("deploy.sh", "yes");
    assert!(all.len() > careful.len() + 10);
    assert!(
        all.iter().any(|asked| asked.ends_with("conditionalAccess/policies/0a1b --body {\"state\":\"enabled\"}")),
        "{all:#?}"
    );
    // The second run goes on where the first ended: it makes no policy again.
    let made = |asked: &[String]| asked.iter().filter(|a| a.contains("--method post")).count();
    assert_eq!((made(&careful), made(&all)), (2, 0));
    let (again, _) = tenant.run("deploy.sh", "yes");
    assert!(again.iter().all(|asked| asked.contains("--method put")), "only what is put is put again: {again:#?}");
    // What was made is deleted, what was changed is put back, once.
    let (back, _) = tenant.run("revert.sh", "");
    assert_eq!(back.iter().filter(|asked| asked.contains("conditionalAccess/policies/0a1b")).count(), 2);
    assert!(back.iter().any(|asked| asked.contains("--method delete") && asked.contains("/policyDefinitions/")));
    assert!(back.len() >= all.len() - 3, "{} for {}", back.len(), all.len());
    assert_eq!(tenant.run("revert.sh", "").0, Vec::<String>::new());
}

/// A folder with the files, and an `az` that says what it was asked.
struct Tenant(support::Folder);

impl Tenant {
    /// What `az` finds that stands already: a part of its address.
    fn of(files: &[Artifact], standing: &str) -> Option<Tenant> {
        let folder = support::Folder::new("kit");
        for file in files {
            let path = folder.path().join(&file.name);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, &file.bytes).expect("a file");
        }
        let found = if standing.is_empty() { String::new() } else { format!("*\"{standing}\"*) exit 0;; ") };
        let script = format!(
            "#!/bin/sh\ncase \"$*\" in *\"--method get\"*) case \"$*\" in {found}*) exit 1;; esac;; \
             *\"role assignment list\"*) exit 0;; esac\necho \"az $*\" >> asked\necho 0a1b\n"
        );
        let az = folder.path().join("az");
        std::fs::write(&az, script).expect("an az");
        let made = Command::new("chmod").arg("+x").arg(&az).status().is_ok_and(|status| status.success());
        (made && Path::new("/bin/sh").exists()).then_some(Tenant(folder))
    }

    /// What was asked of `az`, and whether the script went through.
    fn run(&self, script: &str, enforce: &str) -> (Vec<String>, bool) {
        let folder = self.0.path();
        let _ = std::fs::remove_file(folder.join("asked"));
        let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default());
        let output = Command::new("/bin/sh")
            .arg(folder.join(script))
            .envs([("PATH", path.as_str()), ("ENFORCE", enforce), ("WAIT", "0")])
            .output()
            .expect("sh runs");
        let asked = std::fs::read_to_string(folder.join("asked")).unwrap_or_default();
        (asked.lines().map(str::to_owned).collect(), output.status.success())
    }
}

#[test]
fn what_somebody_else_made_is_left_alone() {
    let files = kit(&["allowed-locations"]);
    let Some(tenant) = Tenant::of(&files, "/policyAssignments/cutset-allowed-locations") else { return };
    let (asked, through) = tenant.run("deploy.sh", "yes");
    assert!(!through, "it stops");
    assert!(asked.iter().all(|asked| !asked.contains("/policyAssignments/")), "{asked:#?}");
    let (back, through) = tenant.run("revert.sh", "");
    assert!(through && back.iter().all(|asked| !asked.contains("/policyAssignments/")), "{back:#?}");
}

/// Shells and a linter that read the scripts without running them (SC2016 and SC1003 warn of what is meant: nothing in quotes expands).
fn lint(script: &Artifact, why: &str) {
    for command in
        [vec!["bash", "-n"], vec!["sh", "-n"], vec!["shellcheck", "--severity=style", "--exclude=SC2016,SC1003", "-"]]
    {
        let child = Command::new(command[0])
            .args(&command[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut child) = child else {
            eprintln!("skipped: no {}", command[0]);
            continue;
        };
        child.stdin.take().expect("a pipe").write_all(&script.bytes).expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{why}: {command:?}: {}", String::from_utf8_lossy(&said));
    }
}

/// Names that a shell would run, in every place where a script names a thing.
#[test]
fn hostile_names_reach_az_as_words() {
    for script in kit(CHOSEN).iter().filter(|file| file.name.ends_with(".sh")) {
        lint(script, "the example");
    }
    for name in ["'; touch pwned; '", "$(touch pwned)", "`touch pwned`", "x\ntouch pwned", "\"; touch pwned #", "a\\"] {
        let mut analysis = analyzed("example").clone();
        let with =
            ["storage-disable-shared-key", "storage-read-only-lock", "pim-privileged-roles", "allowed-locations"];
        for control in analysis.controls.iter_mut().filter(|control| with.contains(&control.id.as_str())) {
            control.title = name.to_owned();
            for document in &mut control.documents {
                document.targets.iter_mut().for_each(|target| target.id.push_str(name));
                document.scopes.iter_mut().for_each(|scope| scope.push_str(name));
                document.unfilled.push(name.to_owned());
                for held in &mut document.eligible {
                    held.assignment.push_str(name);
                    held.scope.push_str(name);
                }
            }
        }
        analysis.incident.marking = Some(name.to_owned());
        let request = Request { with: with.map(str::to_owned).to_vec(), ..Request::default() };
        let files = render(&analysis, "take-away", &request).expect("it renders");
        for script in files.iter().filter(|file| file.name.ends_with(".sh")) {
            lint(script, name);
        }
        let Some(tenant) = Tenant::of(&files, "") else { continue };
        for (script, enforce) in [("deploy.sh", "no"), ("deploy.sh", "yes"), ("revert.sh", "")] {
            assert!(tenant.run(script, enforce).1, "{name}: {script}");
        }
        assert!(!tenant.0.path().join("pwned").exists(), "{name} was run");
    }
}

/// Bodies against what the vendor's references ask for: `tests/schemas/` and `tests/render/take-away/schema.json`.
#[test]
fn every_draft_is_a_body_that_its_service_takes() {
    let ids: Vec<&str> = analyzed("example").controls.iter().map(|control| control.id.as_str()).collect();
    let files = kit(&ids);
    let own = support::json(&support::root().join("tests/render/take-away/schema.json"));
    let compile = |name: &str| {
        let mut schema = own.clone();
        schema["$ref"] = json!(format!("#/$defs/{name}"));
        jsonschema::validator_for(&schema).expect("a schema")
    };
    let family = |name: &str| {
        let schema = support::json(&support::root().join(format!("tests/schemas/{name}.json")));
        jsonschema::validator_for(&schema).expect("a schema")
    };
    let mut seen: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
    for file in files.iter().filter(|file| file.name.ends_with(".json")) {
        let value: Value = serde_json::from_slice(&file.bytes).expect("JSON");
        let name = file.name.rsplit('/').next().unwrap_or_default();
        let (kind, validator, value) = if name.contains(".eligible-") {
            let graph = value.get("action").is_some();
            let kind = if graph { "graphEligibilityRequest" } else { "eligibilityRequest" };
            (kind, compile(kind), value)
        } else if name.contains(".standing-") || (name.contains("-rbac.before-")) {
            let kind = if value.get("properties").is_some() { "roleAssignment" } else { "graphRoleAssignment" };
            (kind, compile(kind), value)
        } else if name.contains("-pim.before-") && value.pointer("/properties/rules").is_some() {
            ("rules", compile("rules"), value)
        } else if name.ends_with("-pim.json") {
            ("pim", family("pim"), value["properties"]["rules"].clone())
        } else if name.contains("-pim-") || name.contains("-pim.before-") {
            ("graphRule", compile("graphRule"), value)
        } else if name.contains("-azure-policy") {
            let kind = if value.pointer("/properties/policyDefinitionId").is_some() {
                "policyAssignment"
            } else {
                "policyDefinition"
            };
            (kind, compile(kind), value)
        } else if name.ends_with("-conditional-access.json") && !file.name.starts_with("snapshot-") {
            ("conditional-access", family("conditional-access"), value)
        } else if name.contains("-conditional-access") {
            ("conditionalAccessPatch", compile("conditionalAccessPatch"), value)
        } else if name.contains("-lock") {
            ("lock", family("lock"), value)
        } else if name.contains("-resource-patch") {
            ("patch", compile("patch"), value)
        } else if name.contains("-rbac") {
            ("rbac", family("rbac"), value)
        } else {
            panic!("no schema for {}", file.name)
        };
        let errors: Vec<String> =
            validator.iter_errors(&value).map(|error| format!("{} {error}", error.instance_path())).collect();
        assert_eq!(errors, Vec::<String>::new(), "{} as {kind}", file.name);
        *seen.entry(kind.to_owned()).or_default() += 1;
    }
    for kind in [
        "conditional-access",
        "conditionalAccessPatch",
        "eligibilityRequest",
        "roleAssignment",
        "policyAssignment",
        "policyDefinition",
        "lock",
        "patch",
        "pim",
    ] {
        assert!(seen.contains_key(kind), "no {kind}: {seen:?}");
    }
}
