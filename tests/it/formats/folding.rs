//! Start, Accept and Success of an operation are one event in whatever order and in whichever files their rows come.

use cutset::ingest::{InputFile, Item, read};
use proptest::prelude::*;
use proptest::sample::Index;

const OPERATIONS: i64 = 12;

/// The rows of twelve operations, four hours apart; every third has no Accept.
fn rows() -> Vec<String> {
    let mut rows = Vec::new();
    for n in 0..OPERATIONS {
        for (after, status) in [(0, "Start"), (2, "Accept"), (5, "Success")] {
            if status == "Accept" && n % 3 == 0 {
                continue;
            }
            let time = cutset::model::Timestamp::from_second(1_774_000_000 + n * 4 * 3600 + after).unwrap();
            rows.push(
                serde_json::json!({
                    "Type": "AzureActivity", "TimeGenerated": time.to_string(), "CategoryValue": "Administrative",
                    "OperationNameValue": "MICROSOFT.COMPUTE/VIRTUALMACHINES/WRITE", "ActivityStatusValue": status,
                    "Caller": "alice@contoso.example", "CallerIpAddress": "198.51.100.7",
                    "CorrelationId": format!("6fe263df-847a-4000-8000-{n:012}"),
                    "_ResourceId": format!("/subscriptions/2/resourcegroups/rg/providers/microsoft.compute/virtualmachines/m{n}"),
                })
                .to_string(),
            );
        }
    }
    rows
}

fn events(files: &[Vec<String>]) -> Vec<String> {
    let mut events = Vec::new();
    let inputs: Vec<InputFile> =
        (0..).zip(files).map(|(n, rows)| InputFile::bytes(&format!("log-{n}"), rows.join("\n").into_bytes())).collect();
    read(&inputs, &mut |item| {
        if let Item::Event(event) = item {
            events.push(format!("{} {} {:?}", event.time, event.target, event.outcome));
        }
    });
    events.sort();
    events
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn rows_in_any_order_and_file_are_the_same_operations(
        rows in Just(rows()).prop_shuffle(), dealt in proptest::collection::vec(any::<Index>(), 36), files in 1_usize..5,
    ) {
        let mut heaps: Vec<Vec<String>> = vec![Vec::new(); files];
        for (row, heap) in rows.into_iter().zip(dealt) {
            heaps[heap.index(files)].push(row);
        }
        let dealt: usize = heaps.iter().map(Vec::len).sum();
        prop_assert_eq!(events(&heaps).len(), OPERATIONS as usize);
        prop_assert_eq!(events(&heaps), events(&[self::rows()]));
        prop_assert_eq!(dealt, self::rows().len());
    }
}
