//! Redaction: no name is left in any output, and the same thing keeps the same pseudonym.

use cutset::analysis::{Analysis, Redact, redact};
use cutset::render::{OUTPUTS, Request, render};
use std::path::Path;

fn fixture() -> Analysis {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/render/fixture.json"));
    serde_json::from_str(&text.expect("the fixture is there")).expect("the fixture is an analysis")
}

const ALL: Redact = Redact { names: true, addresses: true, resources: true };

#[test]
fn no_output_holds_a_name() {
    let (redacted, who) = redact(&fixture(), ALL).expect("it redacts");
    assert!(who.values().any(|name| name == "admin@northgateeng.com"), "{who:?}");
    let secrets = [
        "admin@northgateeng",
        "Alex Admin",
        "198.51.100.77",
        "proddata",
        "customer-data",
        "rg-production",
        "rg-brazil-temp",
        "vm-temp-01",
        "5b6f0000-0000-4000-8000-000000000001",
        "northgate-prod",
    ];
    assert!(!fixture().records.is_empty() && redacted.records.is_empty(), "raw records are left out");
    let text = serde_json::to_string(&redacted).expect("it serialises").to_lowercase();
    for secret in secrets {
        assert!(!text.contains(&secret.to_lowercase()), "{secret} is in analysis.json");
    }
    for output in OUTPUTS {
        for view in output.views {
            let request = Request { view: (*view).to_owned(), ..Request::default() };
            for file in render(&redacted, output.id, &request).expect("it renders") {
                let made = String::from_utf8_lossy(&file.bytes).to_lowercase();
                for secret in secrets {
                    assert!(!made.contains(&secret.to_lowercase()), "{secret} is in {} {view}", output.id);
                }
            }
        }
    }
}

#[test]
fn the_same_thing_keeps_the_same_name_and_the_map_leads_back() {
    let original = fixture();
    let (redacted, who) = redact(&original, ALL).expect("it redacts");
    assert_eq!(redacted.steps[0].actor, redacted.steps[2].actor);
    assert_eq!(redacted.steps[0].actor, "user-1");
    assert_eq!(redacted.steps[0].source_ip.as_deref(), Some("address-1"));
    assert_eq!(who["user-1"], "admin@northgateeng.com");
    assert_eq!(who["address-1"], "198.51.100.77");
    assert_eq!(redacted.steps[0].action, "SignIn");
    assert_eq!(redacted.steps[6].action, "Microsoft.Storage/storageAccounts/listKeys/action");
    let graph = &redacted.graph;
    let ids: Vec<&str> = graph.nodes.iter().map(|node| node.id.as_str()).collect();
    assert!(graph.edges.iter().all(|e| ids.contains(&e.from.as_str()) && ids.contains(&e.to.as_str())));
    assert_eq!(redact(&original, ALL).expect("it redacts"), (redacted, who), "the same every time");
}

#[test]
fn only_what_was_asked_for_is_replaced() {
    let nothing = Redact::default();
    let (same, who) = redact(&fixture(), nothing).expect("it redacts");
    assert_eq!((same, who.len()), (fixture(), 0));
    let (addresses, _) = redact(&fixture(), Redact { addresses: true, ..nothing }).expect("it redacts");
    assert_eq!(addresses.steps[0].actor, "admin@northgateeng.com");
    assert_eq!(addresses.steps[0].source_ip.as_deref(), Some("address-1"));
    assert_eq!(addresses.tool, fixture().tool, "times and versions are no addresses");
    assert_eq!(addresses.steps[0].time, fixture().steps[0].time);
}

#[test]
fn whole_words_in_any_letter_case() {
    let mut analysis = fixture();
    analysis.gaps[0].question =
        Some("ADMIN@NorthgateEng.com, xadmin@northgateeng.com and PRODDATA but not proddatabase".into());
    let (redacted, _) = redact(&analysis, ALL).expect("it redacts");
    let question = redacted.gaps[0].question.clone().expect("a question");
    assert!(question.starts_with("user-1, user-"), "{question}");
    assert!(question.ends_with("but not proddatabase"), "{question}");
    assert!(!question.to_lowercase().contains("proddata "), "{question}");
}
