//! Resources whose export tells none of their settings: those are unknown, not absent, and it is said.

use cutset::ingest::{InputFile, environment_and_events};
use cutset::model::Kind;

const ACCOUNT: &str = "/subscriptions/22222222-aaaa-4bbb-8ccc-000000000002/resourceGroups/rg-data/providers/Microsoft.Storage/storageAccounts/proddata";

fn files(bodies: &[String]) -> Vec<InputFile> {
    let names = ["one.json", "two.json"];
    names.iter().zip(bodies).map(|(name, body)| InputFile::bytes(name, body.clone().into_bytes())).collect()
}

#[test]
fn settings_that_no_export_tells_are_unknown() {
    let envelope = format!(
        r#""id":"{ACCOUNT}","name":"proddata","type":"Microsoft.Storage/storageAccounts","location":"uksouth","tags":null"#
    );
    let list = format!(r#"[{{{envelope},"properties":null,"provisioningState":"Succeeded","changedTime":"2024"}}]"#);
    let module = format!(
        r#"[{{"Id":"{ACCOUNT}","StorageAccountName":"proddata","Location":"uksouth","AllowSharedKeyAccess":true}}]"#
    );
    let flat = format!(r#"[{{{envelope},"allowSharedKeyAccess":false,"provisioningState":"Succeeded"}}]"#);
    for (bodies, unknown) in [
        (vec![list.clone()], true),
        (vec![module], true),
        (vec![flat.clone()], false),
        // Another export tells them.
        (vec![list.clone(), flat.clone()], false),
        (vec![flat, list], false),
    ] {
        let (environment, _, reading) = environment_and_events(&files(&bodies));
        assert!(reading.rejected.is_empty(), "{:?}", reading.rejected);
        let asked = environment.is_unknown(Kind::Resources, ACCOUNT, "/properties/allowSharedKeyAccess");
        assert_eq!(asked, unknown, "{bodies:?}");
        let said = reading.complaints.iter().any(|c| c.contains("without its settings (proddata)"));
        assert_eq!(said, unknown, "{:?}", reading.complaints);
    }
}
