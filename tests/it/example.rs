//! The example and its variants are what the example's program writes, to the byte; and the told facts stand in them.

use crate::support::{materialize, root};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

mod gates;

#[path = "../../examples/northgate/main.rs"]
#[allow(dead_code)]
mod program;

fn files_below(folder: &Path, into: &mut BTreeSet<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            files_below(&path, into);
        } else {
            into.insert(path);
        }
    }
}

#[test]
fn the_program_writes_the_committed_bytes() {
    let generated = program::generate();
    assert_eq!(generated, program::generate(), "two runs differ");
    for (path, text) in &generated {
        let committed = std::fs::read_to_string(root().join(path)).unwrap_or_default();
        assert!(committed == *text, "{} differs: run `cargo run --example northgate`", path.display());
    }
    // Nothing stands beside them that the program does not know.
    let mut found = BTreeSet::new();
    for folder in ["examples/northgate/snapshot", "examples/northgate/timeline"] {
        files_below(&root().join(folder), &mut found);
    }
    for case in std::fs::read_dir(root().join("tests/cases")).expect("the cases").flatten() {
        if case.file_name().to_string_lossy().starts_with("northgate-") {
            files_below(&case.path(), &mut found);
        }
    }
    let known: BTreeSet<PathBuf> = generated.keys().map(|path| root().join(path)).collect();
    let strangers: Vec<_> = found.difference(&known).collect();
    assert!(strangers.is_empty(), "not written by the program: {strangers:?}");
}

fn rows(file: &str) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(root().join("examples/northgate/timeline").join(file)).expect(file);
    match serde_json::from_str::<Vec<serde_json::Value>>(&text) {
        Ok(rows) => rows,
        Err(_) => text.lines().map(|line| serde_json::from_str(line).expect(file)).collect(),
    }
}

#[test]
fn what_was_told_stands_in_the_logs() {
    let text = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let (before, day) = (rows("SigninLogs_2026-03-07_2026-03-20.ndjson"), rows("SigninLogs_2026-03-21.ndjson"));
    assert_eq!(before.len() + day.len(), 2_003);
    let attack: Vec<_> = day.iter().filter(|row| text(row, "IPAddress") == "198.51.100.77").collect();
    let told: Vec<_> =
        attack.iter().map(|row| (text(row, "TimeGenerated"), text(row, "ResourceDisplayName"))).collect();
    assert_eq!(
        told,
        [
            ("2026-03-21T03:12:18.0000000Z".into(), "Windows Azure Service Management API".into()),
            ("2026-03-21T03:14:05.0000000Z".into(), "Azure Storage".into())
        ]
    );
    assert!(
        before
            .iter()
            .any(|row| text(row, "IPAddress") == "10.0.1.10"
                && text(row, "TimeGenerated").starts_with("2026-03-20T17:30"))
    );

    let operations: Vec<_> = rows("AzureActivity_2026-03-21.json")
        .iter()
        .filter(|row| text(row, "CallerIpAddress") == "198.51.100.77" && text(row, "ActivityStatusValue") == "Success")
        .map(|row| text(row, "OperationNameValue"))
        .collect();
    assert_eq!(operations.len(), 5);

    let mut totals: BTreeMap<(String, String), (usize, i64)> = BTreeMap::new();
    for row in rows("StorageBlobLogs_2026-03-21.ndjson") {
        if text(&row, "CallerIpAddress").starts_with("198.51.100.77:") {
            let container = text(&row, "ObjectKey").split('/').nth(2).unwrap_or_default().to_owned();
            let total = totals.entry((text(&row, "OperationName"), container)).or_default();
            total.0 += 1;
            total.1 += row["ResponseBodySize"].as_i64().unwrap_or_default();
        }
    }
    let total = |operation: &str, container: &str| totals[&(operation.to_owned(), container.to_owned())];
    assert_eq!(total("GetBlob", "customer-data"), (847, 2_304_512_000));
    assert_eq!(total("GetBlob", "financial-reports"), (23, 145_488_000));
    let listings: usize = totals.iter().filter(|((op, _), _)| op == "ListBlobs").map(|(_, (n, _))| n).sum();
    assert_eq!((listings, totals.len()), (12, 5));
}

#[test]
fn every_variant_can_be_laid_out() {
    for case in std::fs::read_dir(root().join("tests/cases")).expect("the cases").flatten() {
        if !case.path().join("case.json").is_file() {
            continue;
        }
        let name = case.file_name().to_string_lossy().into_owned();
        let laid_out = materialize(&name);
        let incident = std::fs::read_to_string(laid_out.path().join("incident.json")).expect("an incident");
        cutset::model::Incident::parse(&name, &incident).expect("a valid incident");
    }
}

fn input_files(folder: &Path) -> Vec<cutset::ingest::InputFile> {
    let mut paths = BTreeSet::new();
    for part in ["snapshot", "timeline"] {
        files_below(&folder.join(part), &mut paths);
    }
    let name = |path: &Path| path.strip_prefix(folder).expect("below").to_string_lossy().replace('\\', "/");
    paths.iter().map(|p| cutset::ingest::InputFile::bytes(&name(p), std::fs::read(p).expect("a file"))).collect()
}

#[test]
fn every_file_is_understood_whole() {
    use cutset::model::{Collected, Kind};
    let (environment, events, reading) =
        cutset::ingest::environment_and_events(&input_files(&root().join("examples/northgate")));
    let mut complaints: Vec<String> = reading
        .sources
        .iter()
        .filter(|source| source.format == "unrecognised" || source.rejected > 0)
        .map(|s| format!("{}: {} records as {}, {} rejected", s.file, s.records, s.format, s.rejected))
        .chain(reading.rejected.iter().map(|r| format!("{r:?}")))
        .chain(reading.complaints.iter().cloned())
        .collect();
    for kind in [
        Kind::Users,
        Kind::Groups,
        Kind::GroupMembers,
        Kind::Owners,
        Kind::ServicePrincipals,
        Kind::Applications,
        Kind::DirectoryRoles,
        Kind::RoleDefinitions,
        Kind::RoleAssignments,
        Kind::PimInstances,
        Kind::PimEligibilities,
        Kind::PimSettings,
        Kind::ConditionalAccess,
        Kind::NamedLocations,
        Kind::RegistrationDetails,
        Kind::DeviceRegistrationPolicy,
        Kind::AuthorizationPolicy,
        Kind::SecurityDefaults,
        Kind::PolicyDefinitions,
        Kind::PolicyAssignments,
        Kind::Resources,
        Kind::Containers,
        Kind::Assessments,
        Kind::Pricings,
        Kind::DiagnosticSettings,
        Kind::Prices,
    ] {
        if environment.of(kind).next().is_none() || environment.collected(kind) != Collected::Whole {
            complaints.push(format!("{}: {:?}", kind.as_str(), environment.collected(kind)));
        }
    }
    assert!(complaints.is_empty(), "{complaints:#?}");
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for event in &events {
        *counts.entry(event.log).or_default() += 1;
    }
    let expected = [("AzureActivity", 228), ("SecurityAlert", 3), ("SigninLogs", 2_003), ("StorageBlobLogs", 5_882)];
    assert_eq!(counts, expected.into_iter().collect());
}

#[test]
fn the_variants_differ_where_they_say() {
    use cutset::model::{Detail, Event, Fact};
    let read = |case: &str| {
        let folder = materialize(case);
        let (_, events, reading) = cutset::ingest::environment_and_events(&input_files(folder.path()));
        let rejected: Vec<_> =
            reading.sources.iter().filter(|s| s.rejected > 0 || s.format == "unrecognised").collect();
        assert!(rejected.is_empty(), "{case}: {rejected:?}");
        events
    };
    let attack = |event: &&Event| event.source_ip.known().is_some_and(|ip| ip.to_string() == "198.51.100.77");
    let silent = read("northgate-silent");
    let sign_ins: Vec<&Event> =
        silent.iter().filter(attack).filter(|e| matches!(e.detail, Detail::SignIn(_))).collect();
    assert_eq!(sign_ins.len(), 2);
    assert_eq!(sign_ins[0].session_id, sign_ins[1].session_id);
    let Detail::SignIn(second) = &sign_ins[1].detail else { panic!("a sign-in") };
    assert_eq!(second.previously_satisfied, Fact::Known(true));
    assert_eq!(sign_ins[1].log, "AADNonInteractiveUserSignInLogs");

    let bodies: Vec<_> = read("northgate-no-bodies")
        .iter()
        .filter(attack)
        .filter_map(|event| match &event.detail {
            Detail::Arm(arm) => Some(arm.request_body.known().is_some()),
            _ => None,
        })
        .collect();
    assert_eq!(bodies, [false; 5]);
}
