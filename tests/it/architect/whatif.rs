//! A set of controls against history, on the terminal and as JSON.

use super::{cutset, legible, shown};
use crate::support::root;
use serde_json::Value;

#[test]
fn what_changes_and_what_stays_open() {
    let case = root().join("examples/northgate");
    let eight = crate::support::eight();
    let ask = |arguments: &[&str]| {
        let common = ["whatif", shown(&case), "--policies", shown(eight.path()), "--with"];
        cutset(&common.iter().chain(arguments).copied().collect::<Vec<_>>())
    };
    let said = ask(&["key"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    legible(&said.out);
    for wanted in [
        "With storage-disable-shared-key in force",
        "stopped: shared key disabled",
        "Taken: 0 B instead of 2.45 GB",
        "customer-data of proddata: still open",
        "grant Storage Blob Data Reader, by User Access Administrator at Northgate Production",
        "SignIn to Azure Storage",
        "refused 1376 GetBlob on",
    ] {
        let line = said.out.split_whitespace().collect::<Vec<_>>().join(" ");
        let wanted = wanted.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(line.contains(&wanted), "{wanted}: {}", said.out);
    }
    let json: Value = serde_json::from_str(&ask(&["key", "--json"]).out).expect("JSON");
    assert_eq!((json["bytes"].as_u64(), json["bytes_remaining"].as_u64()), (Some(2_450_000_000), Some(0)));
    assert!(json["jewels"][0]["paths"].as_array().is_some_and(|paths| paths.len() > 1), "{}", json["jewels"]);
    let refused: u64 = json["lawful"].as_array().expect("rows").iter().filter_map(|row| row["count"].as_u64()).sum();
    let counted = &json["collateral"];
    let touched = ["cut", "challenged", "unknown"].iter().filter_map(|word| counted[word].as_u64()).sum::<u64>();
    assert_eq!(refused, touched);
    // Two together, by id; and nobody's name unless asked for.
    let said = ask(&["azure-management-trusted-location", "storage-firewall"]);
    assert_eq!(said.code, 0);
    legible(&said.out);
    assert!(said.out.contains("every path is closed"), "{}", said.out);
    let names = |text: &str| text.lines().skip_while(|line| !line.starts_with("Lawful")).any(|l| l.contains('@'));
    assert!(!names(&said.out), "{}", said.out);
    let said = ask(&["azure-management-trusted-location", "--who"]);
    assert!(names(&said.out), "{}", said.out);
    let said = ask(&["azure-management-trusted-locaton"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("did you mean `azure-management-trusted-location`?"), "{}", said.err);
}
