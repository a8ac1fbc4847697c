//! Containment, preservation and detections on whole incidents. Data: `tests/response/*.json`, a case each.

use crate::support::{self, analyzed};
use cutset::analysis::{Analysis, Detection};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::process::Command;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    #[serde(rename = "why")]
    _why: String,
    /// Folder of `tests/cases/`, or `example`.
    case: String,
    containment: Vec<Contained>,
    #[serde(default)]
    preservation: Vec<Kept>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Contained {
    short: String,
    #[serde(default = "yes")]
    live: bool,
    /// Last segments of the jewels it opens.
    opens: Vec<String>,
    /// Each is part of something that still works afterwards.
    still: Vec<String>,
    command: String,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    what: String,
    command: String,
    #[serde(default)]
    days_left: Option<u64>,
}

fn check(name: &str) {
    let path = support::root().join("tests/response").join(name);
    let expected: Expected = serde_json::from_value(support::json(&path)).unwrap_or_else(|e| panic!("{name}: {e}"));
    let analysis = analyzed(&expected.case);
    let found: Vec<&str> = analysis.containment.iter().map(|row| row.short.as_str()).collect();
    let wanted: Vec<&str> = expected.containment.iter().map(|row| row.short.as_str()).collect();
    assert_eq!(found, wanted, "{name}");
    for (n, (row, wanted)) in analysis.containment.iter().zip(&expected.containment).enumerate() {
        let at = format!("{name}: {}", row.short);
        assert_eq!(row.rank as usize, n + 1, "{at}");
        assert_eq!(row.live, wanted.live, "{at}");
        let opens: Vec<&str> = row.opens.iter().filter_map(|id| id.rsplit('/').next()).collect();
        assert_eq!(opens, wanted.opens, "{at}");
        for part in &wanted.still {
            assert!(row.still_works.iter().any(|s| s.contains(part)), "{at}: {part} is not in {:?}", row.still_works);
        }
        assert!(row.command.contains(&wanted.command), "{at}: {}", row.command);
        assert!(!row.why.is_empty() && !row.evidence.is_empty() && !row.steps.is_empty(), "{at}");
    }
    if expected.preservation.is_empty() {
        return;
    }
    let found: Vec<&str> = analysis.preservation.iter().map(|row| row.what.as_str()).collect();
    assert_eq!(found.len(), expected.preservation.len(), "{name}: {found:?}");
    for (row, wanted) in analysis.preservation.iter().zip(&expected.preservation) {
        assert!(row.what.starts_with(&wanted.what), "{name}: {} is not {}", row.what, wanted.what);
        assert!(row.command.contains(&wanted.command), "{name}: {}", row.command);
        assert_eq!(row.days_left, wanted.days_left, "{name}: {}", row.what);
        assert!(!row.evidence.is_empty(), "{name}: {}", row.what);
    }
}

#[test]
fn northgate_keys_first() {
    check("northgate.json");
}

#[test]
fn what_is_contained_already_is_not_live() {
    check("contained.json");
}

#[test]
fn everything_taken_or_added_is_held() {
    check("spread.json");
}

/// Every expectation is run by one of the tests above.
#[test]
fn no_expectation_lies_about() {
    let mut files: Vec<String> = std::fs::read_dir(support::root().join("tests/response"))
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    files.sort();
    assert_eq!(files, ["contained.json", "northgate.json", "spread.json"]);
}

/// What a shell makes of the command: `az` prints each of its words; of other programs only `sed` can be found.
fn words(command: &str) -> Option<Vec<String>> {
    let folder = support::Folder::new("words");
    let bin = folder.path().join("bin");
    std::fs::create_dir(&bin).expect("a folder");
    let sed = ["/usr/bin/sed", "/bin/sed"].into_iter().find(|path| std::path::Path::new(path).exists())?;
    std::os::unix::fs::symlink(sed, bin.join("sed")).ok()?;
    // Redirections write files here; the words go round them.
    let script = format!(
        "exec 3>&1\nset -e\naz() {{ for word in \"$@\"; do printf '<%s>\\n' \"$word\" >&3; done; }}\n{command}\n"
    );
    let output =
        Command::new("/bin/sh").arg("-c").arg(&script).env("PATH", &bin).current_dir(folder.path()).output().ok()?;
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    Some(text.lines().map(|line| line.trim_start_matches('<').trim_end_matches('>').to_owned()).collect())
}

#[test]
fn logs_are_exported_page_by_page() {
    let analysis = analyzed("example");
    let row = analysis.preservation.iter().find(|row| row.what.contains("sign-in log")).expect("the sign-in log");
    let folder = support::Folder::new("pages");
    // A service of three pages.
    let script = format!(
        "az() {{ case \"$5\" in *page-2*) echo '{{}}';; *page-1*) printf '{{\\n  \"@odata.nextLink\": \"https://g/page-2?a=b&c\"\\n}}\\n';; \
         *) printf '{{\\n  \"@odata.nextLink\": \"https://g/page-1?$skiptoken=x\",\\n  \"value\": []\\n}}\\n';; esac; }}\n{}\n",
        row.command
    );
    let made = Command::new("/bin/sh").arg("-c").arg(&script).current_dir(folder.path()).output();
    let Ok(made) = made else {
        eprintln!("skipped: no /bin/sh");
        return;
    };
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let mut files: Vec<String> = std::fs::read_dir(folder.path())
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    files.sort();
    assert_eq!(files, ["signIns-1.json", "signIns-2.json", "signIns-3.json"]);
}

#[test]
fn a_shell_reads_names_as_names() {
    let analysis = analyzed("response-spread");
    let hostile = "/subscriptions/5f5f2f1d-9563-455a-83aa-8ea82f9d9347/resourceGroups/rg-brazil-temp/providers/\
                   Microsoft.Compute/virtualMachines/vm'; rm -rf $HOME #";
    let row = analysis.containment.iter().find(|row| row.short.contains("rm -rf")).expect("the hostile machine");
    match words(&row.command) {
        Some(words) => assert_eq!(words, ["vm", "delete", "--ids", hostile, "--yes"]),
        None => eprintln!("skipped: no /bin/sh"),
    }
    let commands = analysis.containment.iter().map(|row| &row.command);
    for command in commands.chain(analysis.preservation.iter().map(|row| &row.command)) {
        let Some(words) = words(command) else { return };
        assert!(words.len() > 2, "{command}");
        // The one name an attacker chose to break out with is one word wherever it stands.
        assert!(!words.iter().any(|word| word == "rm" || word == "-rf"), "{command}: {words:?}");
    }
}

fn detection<'a>(analysis: &'a Analysis, id: &str) -> &'a Detection {
    analysis.detections.iter().find(|d| d.id == id).unwrap_or_else(|| panic!("no detection {id}"))
}

fn fires(detection: &Detection) -> String {
    detection.fires_at.map(|at| at.to_string()).unwrap_or_default()
}

#[test]
fn the_three_detections_fire_when_they_would_have() {
    let analysis = analyzed("example");
    assert_eq!(fires(detection(analysis, "vm-outside-approved-regions")), "2026-03-21T03:16:20Z");
    assert_eq!(fires(detection(analysis, "many-resource-types-from-untrusted-address")), "2026-03-21T03:17:10Z");
    let known = detection(analysis, "key-listed-then-used-from-unknown-address");
    assert_eq!(fires(known), "2026-03-21T03:22:30Z");
    // Trap 6: as it is worded it never fires; both readings are evaluated, said, and the second is exported.
    let worded = detection(analysis, "key-listed-then-used-from-another-address");
    assert_eq!(fires(worded), "");
    assert!(worded.why.contains("never fires") && !worded.reading.is_empty() && !known.reading.is_empty());
    assert_eq!((worded.exported, known.exported), (false, true));
    assert!(analysis.detections.iter().all(|d| d.baseline_evaluated > 0 || d.residual_path.is_some()));
}

#[test]
fn without_request_bodies_the_region_rule_is_silent() {
    let folder = support::materialize("northgate-no-bodies");
    let one = support::catalogue_of(&["allowed-locations"]);
    let analysis = support::analyze(folder.path(), Some(one.path()));
    assert_eq!(fires(detection(&analysis, "vm-outside-approved-regions")), "");
}

#[test]
fn every_path_that_stays_open_is_watched() {
    let analysis = analyzed("example");
    let watched: BTreeSet<&String> = analysis.detections.iter().flat_map(|d| &d.residual_paths).collect();
    let open: BTreeSet<&String> = analysis.residual_paths.iter().map(|p| &p.id).collect();
    assert!(!open.is_empty());
    assert_eq!(watched, open);
    // What the attack did fires on it, a detour it did not take does not.
    for rule in analysis.detections.iter().filter(|d| d.residual_path.is_some()) {
        let taken =
            analysis.residual_paths.iter().any(|p| rule.residual_paths.contains(&p.id) && p.short == "as observed");
        assert_eq!(rule.fires_at.is_some(), taken, "{}", rule.id);
    }
    let ids: BTreeSet<&String> = analysis.detections.iter().map(|d| &d.id).collect();
    assert_eq!(ids.len(), analysis.detections.len(), "ids are unique");
}
