//! The byte filter before parsing: logs are sifted, snapshots never.

use cutset::ingest::{InputFile, Item, Needles, read, read_filtered};

const LOG: &str = concat!(
    r#"{"TimeGenerated":"2026-03-21T03:00:00Z","Type":"SigninLogs","Id":"1","UserPrincipalName":"alice@contoso.example"}"#,
    "\n",
    r#"{"TimeGenerated":"2026-03-21T03:01:00Z","Type":"SigninLogs","Id":"2","UserPrincipalName":"bob@contoso.example"}"#,
    "\n",
    r#"{"TimeGenerated":"2026-03-21T03:02:00Z","Type":"SigninLogs","Id":"3","UserPrincipalName":"MALLORY@contoso.example"}"#,
    "\n",
);
const USERS: &str = r#"{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#users","value":[
    {"id":"1","userPrincipalName":"alice@contoso.example"},{"id":"2","userPrincipalName":"bob@contoso.example"}]}"#;

fn seen(needles: Option<&Needles>) -> (Vec<String>, usize) {
    let files = [InputFile::bytes("log", LOG.as_bytes()), InputFile::bytes("users", USERS.as_bytes())];
    let (mut events, mut documents) = (Vec::new(), 0);
    let mut sink = |item: Item| match item {
        Item::Event(event) => events.push(event.actor.name.to_string()),
        Item::Document { .. } => documents += 1,
        _ => {}
    };
    match needles {
        None => read(&files, &mut sink),
        Some(_) => read_filtered(&files, needles, &mut sink),
    };
    (events, documents)
}

#[test]
fn only_records_that_hold_a_needle_are_parsed_and_snapshots_always_are() {
    assert_eq!(seen(None).0.len(), 3);
    // The first record is always read: it is what tells that the file is a log.
    let (events, documents) = seen(Some(&Needles::new(["mallory@contoso.example"])));
    assert_eq!(events, ["alice@contoso.example", "mallory@contoso.example"]);
    assert_eq!(documents, 2);
    assert_eq!(seen(Some(&Needles::new([]))).0.len(), 3, "nothing sought: nothing is skipped");
}
