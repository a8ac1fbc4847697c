//! Laws of correlation, over every case and over random small logs: the order of arrival is nothing, nothing is lost,
//! other people's rows shift no step, and widening finds what a naive fixpoint finds.

use super::case::{Case, Expect, Row, RowTarget};
use super::cases::files;
use cutset::correlate::{Correlated, Correlator, correlate, explain, rewind};
use cutset::model::{Detail, Event, InputError};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Everything that anybody prints, in one text.
fn told(case: &Case, outcome: &Result<Correlated, InputError>) -> String {
    match outcome {
        Err(error) => error.to_string(),
        Ok(correlated) => {
            let rewound = rewind(&case.incident(), &case.environment(), correlated);
            format!(
                "{:#?}\n{:#?}\n{:#?}\n{:#?}\n{:#?}\n{:#?}\n{:#?}\n{:#?}",
                correlated.steps,
                correlated.alerts,
                correlated.memberships,
                correlated.window_events,
                correlated.baseline,
                explain(correlated),
                rewound.taken,
                rewound.assumption,
            )
        }
    }
}

fn run(case: &Case, events: Vec<Event>) -> Result<Correlated, InputError> {
    correlate(&case.incident(), &case.environment(), events)
}

/// A permutation of `n` from a seed.
fn shuffled<T>(mut items: Vec<T>, seed: u64) -> Vec<T> {
    let mut state = seed | 1;
    for at in (1..items.len()).rev() {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        items.swap(at, (state >> 33) as usize % (at + 1));
    }
    items
}

#[test]
fn the_order_of_arrival_is_nothing() {
    for file in files() {
        let case = Case::read(&file);
        let expected = told(&case, &run(&case, case.events()));
        for seed in [3, 77, 1234] {
            let got = told(&case, &run(&case, shuffled(case.events(), seed)));
            assert!(got == expected, "{}: seed {seed} gives another outcome", file.display());
        }
    }
}

#[test]
fn counts_and_bytes_are_conserved() {
    for file in files() {
        let case = Case::read(&file);
        if let Ok(correlated) = run(&case, case.events()) {
            conserved(&case.events(), &correlated);
        }
    }
}

fn conserved(events: &[Event], correlated: &Correlated) {
    let asked = |event: &&Event| !matches!(event.detail, Detail::Alert(_) | Detail::Context(_));
    let all: Vec<&Event> = events.iter().filter(asked).collect();
    let steps = correlated.steps.iter().filter(|step| {
        !step.events.iter().any(|&at| matches!(correlated.window_events[at].detail, Detail::Context(_)))
    });
    let (mut count, mut bytes, mut records) = (0, 0, 0);
    for step in steps {
        count += step.count;
        bytes += step.bytes;
        records += step.events.len() + step.attempts.len();
        count += step.attempts.iter().map(|&at| correlated.window_events[at].count).sum::<u64>();
        bytes += step.attempts.iter().map(|&at| correlated.window_events[at].bytes).sum::<u64>();
    }
    let baseline = &correlated.baseline;
    assert_eq!(all.iter().map(|event| event.count).sum::<u64>(), count + baseline.count);
    assert_eq!(all.iter().map(|event| event.bytes).sum::<u64>(), bytes + baseline.bytes);
    assert_eq!(all.len() as u64, records as u64 + baseline.records);
    assert_eq!(baseline.classes.iter().map(|class| class.records).sum::<u64>(), baseline.records);
    assert_eq!(baseline.classes.iter().map(|class| class.count).sum::<u64>(), baseline.count);
    // Every event of the attack is in one step, and in one only.
    let mut placed: Vec<usize> =
        correlated.steps.iter().flat_map(|step| step.events.iter().chain(&step.attempts)).copied().collect();
    placed.sort_unstable();
    let attack: Vec<usize> =
        (0..correlated.memberships.len()).filter(|&at| correlated.memberships[at].is_some()).collect();
    assert_eq!(placed, attack);
}

/// With next to no memory: the logs are read once a round.
fn rereading(case: &Case, events: &[Event]) -> Result<Correlated, InputError> {
    let (incident, environment) = (case.incident(), case.environment());
    let mut correlator = Correlator::new(&incident, &environment)?.keep_at_most(0);
    loop {
        events.iter().cloned().for_each(|event| correlator.observe(event));
        if !correlator.again() {
            return correlator.finish();
        }
    }
}

/// All that does not depend on which events of the window were kept.
fn essence(outcome: &Result<Correlated, InputError>) -> String {
    let correlated = match outcome {
        Err(error) => return format!("{} {}", error.message, error.place),
        Ok(correlated) => correlated,
    };
    let records = |events: &[usize]| -> Vec<String> {
        events.iter().map(|&at| format!("{:?}", correlated.window_events[at].evidence)).collect()
    };
    let mut told = String::new();
    for step in &correlated.steps {
        let (events, attempts) = (records(&step.events), records(&step.attempts));
        let step = cutset::correlate::Step { events: Vec::new(), attempts: Vec::new(), ..step.clone() };
        told.push_str(&format!("{step:#?}\n{events:?}\n{attempts:?}\n"));
    }
    let attack: Vec<_> = correlated.attack().map(|(event, why)| (&event.evidence, why)).collect();
    let (alerts, baseline, warnings) = (&correlated.alerts, &correlated.baseline, &correlated.warnings);
    told + &format!("{attack:#?}\n{alerts:#?}\n{baseline:#?}\n{warnings:#?}")
}

#[test]
fn reading_again_finds_the_same() {
    for file in files() {
        let case = Case::read(&file);
        let expected = essence(&run(&case, case.events()));
        let got = essence(&rereading(&case, &shuffled(case.events(), 99)));
        assert!(got == expected, "{}:\n{expected}\n---\n{got}", file.display());
    }
}

/// Rows of somebody who has nothing to do with it: same operations, own names, addresses, ids and resources.
fn strangers() -> Vec<Row> {
    let mut rows = Vec::new();
    for n in 0..40u32 {
        let day = if n % 2 == 0 { 12 } else { 21 };
        let mut row = Row {
            time: format!("2026-03-{day}T04:{:02}:00Z", n % 60),
            kind: ["sign-in", "arm", "data"][n as usize % 3].to_owned(),
            actor: Some(format!("stranger{}@example.org", n % 5)),
            ip: Some(format!("233.252.0.{n}")),
            target: Some(format!("/subscriptions/99999999-0000-0000-0000-00000000000{}/x", n % 7)),
            session: Some(format!("stranger-{n}")),
            correlation: Some(format!("stranger-{n}")),
            record: Some(format!("timeline/strangers.json#{n}")),
            ..Row::default()
        };
        row.action = match row.kind.as_str() {
            "arm" => Some("Microsoft.Compute/virtualMachines/write".to_owned()),
            "data" => Some("GetBlob".to_owned()),
            _ => None,
        };
        rows.push(row);
    }
    rows
}

#[test]
fn rows_of_others_shift_no_step() {
    for file in files() {
        let mut case = Case::read(&file);
        let Ok(before) = run(&case, case.events()) else { continue };
        case.events.extend(strangers());
        let after = run(&case, case.events()).expect("still an attack");
        let keys = |c: &Correlated| -> Vec<(String, String, u64)> {
            c.steps.iter().map(|step| (step.key.clone(), step.why_in.clone(), step.count)).collect()
        };
        assert_eq!(keys(&before), keys(&after), "{}", file.display());
        assert_eq!(before.baseline.records + 40, after.baseline.records, "{}", file.display());
    }
}

#[test]
fn step_keys_are_unique() {
    for file in files() {
        let case = Case::read(&file);
        if let Ok(correlated) = run(&case, case.events()) {
            let keys: BTreeSet<&str> = correlated.steps.iter().map(|step| step.key.as_str()).collect();
            assert_eq!(keys.len(), correlated.steps.len(), "{}", file.display());
        }
    }
}

/// Random rows over a handful of names, so that they meet often.
fn rows() -> impl Strategy<Value = Vec<Row>> {
    let id =
        |prefix: &'static str, n: u32| prop::option::weighted(0.6, (0..n).prop_map(move |n| format!("{prefix}{n}")));
    let ids = (id("s", 6), id("c", 8), id("t", 8));
    let row = (0u32..3, 0u32..600, 0u32..4, 0u32..4, ids, 0u32..5, 1u64..4, 0u64..100);
    let row = row.prop_map(|(kind, minute, actor, address, (session, correlation, token), what, count, bytes)| {
        let day = if minute < 300 { 20 } else { 21 };
        let minute = minute % 300;
        let mut row = Row {
            time: format!("2026-03-{day}T{:02}:{:02}:00Z", 3 + minute / 60, minute % 60),
            actor: Some(format!("user{actor}@example.com")),
            ip: Some(format!("192.0.2.{address}")),
            session,
            correlation,
            token,
            count: Some(count),
            bytes: Some(bytes),
            ..Row::default()
        };
        if what == 4 {
            row.outcome = Some("50126".to_owned());
        }
        match kind {
            0 => row.kind = "sign-in".to_owned(),
            1 => {
                row.kind = "arm".to_owned();
                row.action = Some("Microsoft.Compute/virtualMachines/read".to_owned());
                row.target = Some(format!(
                    "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/{what}"
                ));
            }
            _ => {
                row.kind = "data".to_owned();
                row.action = Some(if what % 2 == 0 { "GetBlob" } else { "ListBlobs" }.to_owned());
                row.target = Some(format!("account{}", what % 2));
                row.container = Some(format!("box{what}"));
                row.auth = Some("OAuth".to_owned());
            }
        }
        row
    });
    prop::collection::vec(row, 1..60)
}

fn random_case(events: Vec<Row>) -> Case {
    Case {
        why: String::new(),
        incident: serde_json::json!({
            "window": { "from": "2026-03-21T03:00:00Z", "to": "2026-03-21T08:00:00Z" },
            "indicators": { "ipAddresses": ["192.0.2.0"], "principals": ["user1@example.com"] },
        }),
        environment: BTreeMap::new(),
        events,
        expect: Expect::default(),
    }
}

/// Which events are in, the slow way: ask every event about every event until nothing is added.
fn naive(events: &[Event]) -> Vec<bool> {
    let from = "2026-03-21T03:00:00Z".parse().expect("a time");
    let address = |event: &Event| event.source_ip.known().expect("an address").to_string();
    let upn = |event: &Event| event.actor.upn.as_deref().expect("a name").to_owned();
    let known: BTreeSet<String> = events
        .iter()
        .filter(|e| e.time < from && upn(e) == "user1@example.com" && e.outcome == cutset::model::Outcome::Success)
        .map(address)
        .collect();
    let mut found: Vec<bool> = events
        .iter()
        .map(|e| {
            let foreign = known.is_empty() || !known.contains(&address(e));
            e.time >= from && (address(e) == "192.0.2.0" || (upn(e) == "user1@example.com" && foreign))
        })
        .collect();
    loop {
        let mut grown = false;
        for at in 0..events.len() {
            let shares = |other: &Event| {
                let e = &events[at];
                (e.session_id.is_some() && e.session_id == other.session_id)
                    || (e.token_id.is_some() && e.token_id == other.token_id)
                    || (e.correlation_id.is_some() && e.correlation_id == other.correlation_id)
            };
            if !found[at] && events[at].time >= from && (0..events.len()).any(|o| found[o] && shares(&events[o])) {
                found[at] = true;
                grown = true;
            }
        }
        if !grown {
            return found;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_logs_obey_the_laws(rows in rows(), seed in any::<u64>()) {
        let case = random_case(rows);
        let events = case.events();
        let outcome = run(&case, events.clone());
        prop_assert_eq!(told(&case, &outcome), told(&case, &run(&case, shuffled(events.clone(), seed))));
        prop_assert_eq!(essence(&outcome), essence(&rereading(&case, &shuffled(events.clone(), seed))));
        let expected: BTreeSet<String> = events
            .iter()
            .zip(naive(&events))
            .filter(|(_, found)| *found)
            .map(|(event, _)| format!("{:?}", event.evidence))
            .collect();
        match outcome {
            Err(_) => prop_assert!(expected.is_empty()),
            Ok(correlated) => {
                conserved(&events, &correlated);
                let got: BTreeSet<String> = correlated.attack().map(|(event, _)| format!("{:?}", event.evidence)).collect();
                prop_assert_eq!(got, expected);
            }
        }
    }
}

/// Hostile text in every place that takes text: no panic, whatever comes out.
#[test]
fn hostile_text_is_harmless() {
    let words = [
        "",
        "/",
        "//",
        "#",
        "\u{0}",
        "ſ\u{130}İ",
        "/providers/",
        "/subscriptions//",
        "é/storageAccounts/İ/x",
        "key(",
        "-",
        "0",
    ];
    let mut events = Vec::new();
    for (n, word) in words.iter().enumerate() {
        for kind in ["sign-in", "arm", "data", "directory", "alert", "context"] {
            let word = Some((*word).to_owned());
            events.push(Row {
                time: format!("2026-03-21T04:00:{n:02}Z"),
                kind: kind.to_owned(),
                action: word.clone(),
                actor: word.clone(),
                ip: Some("192.0.2.0".to_owned()),
                target: word.clone(),
                target_id: word.clone(),
                session: word.clone(),
                correlation: word.clone(),
                token: word.clone(),
                auth: Some("AccountKey".to_owned()),
                hash: word.clone(),
                container: word.clone(),
                assignment: word.clone(),
                credential: word.clone(),
                device: word.clone(),
                targets: vec![RowTarget {
                    kind: "User".to_owned(),
                    id: word.clone(),
                    name: None,
                    upn: word.clone(),
                    modified: BTreeMap::new(),
                }],
                principals: word.clone().into_iter().collect(),
                resources: word.into_iter().collect(),
                ..Row::default()
            });
        }
    }
    let case = random_case(events);
    let correlated = run(&case, case.events()).expect("an attack");
    conserved(&case.events(), &correlated);
    assert!(!told(&case, &Ok(correlated)).is_empty());
}
