//! A second, slow truth for activations. Every check is a line of plain booleans; what nobody recorded is given every
//! value it could have. A check whose completions disagree is unknown; the worst outcome is the result; and the
//! attacker's level is three replays: words lacked over all completions, lacked over some, held over some.

use cutset::decide::conditional_access::{PolicySet, TenantSettings};
use cutset::decide::pim::{Listing, Pim};
use cutset::model::request::{ActivationRequest, Stance};
use cutset::model::{Attacker, ObjectId, Word};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const ME: &str = "aeca4e1d-8a29-5b3f-b3f5-393226da3e4c";
const OTHER: &str = "97893c5a-a80c-5d6d-acd5-bb58bb7096c0";
const GROUP: &str = "0c1f6d3e-0000-4000-8000-0000000000a1";
const ROLE: &str = "62e90394-69f5-4237-9190-012177145e10";

/// What the policies on the context are.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Policies {
    None,
    Disabled,
    ExcludesMe,
    Mfa,
    Device,
    Block,
}

/// `None` is a fact that nobody recorded.
#[derive(Clone, Debug)]
struct Case {
    /// Of each: through the group (else directly), live.
    eligibilities: Option<Vec<(bool, bool)>>,
    in_group: Option<bool>,
    /// Hours; `None`: the rule is missing. `Some(None)`: no expiration is required.
    maximum: Option<Option<i64>>,
    hours: i64,
    /// MFA, justification, ticket.
    enabled: Option<[bool; 3]>,
    mfa: Option<bool>,
    justified: Option<bool>,
    ticketed: Option<bool>,
    /// Whether a context is asked.
    context: Option<bool>,
    policies: Policies,
    device: Option<bool>,
    approval: Option<bool>,
    /// By another, by oneself; the answer.
    answer: Option<(bool, bool)>,
    holds: BTreeSet<Word>,
    lacks: BTreeSet<Word>,
}

const ORDER: [&str; 5] = ["denied", "challenged", "unknown", "pendingApproval", "provisioned"];

/// One check of a completed case: the platform's outcome, and whether an attacker with these words gets past.
struct Line {
    name: &'static str,
    outcome: &'static str,
    passes: bool,
}

fn lines(c: &Case, held: &dyn Fn(Word) -> bool) -> Vec<Line> {
    let is = |fact: Option<bool>| fact.expect("a completed fact");
    let line = |name, ok: bool, failing: &'static str, passes: bool| Line {
        name,
        outcome: if ok { "provisioned" } else { failing },
        passes,
    };
    let eligible = c.eligibilities.iter().flatten().any(|(group, live)| *live && (!group || is(c.in_group)));
    let [asks_mfa, asks_why, asks_ticket] = c.enabled.expect("completed rules");
    let long = c.maximum.expect("a completed rule").is_some_and(|maximum| c.hours > maximum);
    let factor = is(c.mfa) || held(Word::SecondFactor);
    let context = match (is(c.context), c.policies) {
        (false, _) | (true, Policies::Disabled | Policies::ExcludesMe) => line("context", true, "", true),
        (true, Policies::None | Policies::Mfa) => line("context", is(c.mfa), "challenged", factor),
        (true, Policies::Device) => line("context", is(c.device), "denied", is(c.device) || held(Word::ManagedDevice)),
        (true, Policies::Block) => line("context", false, "denied", false),
    };
    let counted = c.answer.filter(|(another, _)| *another).map(|(_, approves)| approves);
    let approval = match (is(c.approval), counted) {
        (false, _) | (true, Some(true)) => line("approval", true, "", true),
        (true, Some(false)) => line("approval", false, "denied", false),
        (true, None) => line("approval", false, "pendingApproval", held(Word::Approver)),
    };
    vec![
        line("eligibility", eligible, "denied", eligible),
        line("expiration", !long, "denied", true),
        line("mfa", !asks_mfa || is(c.mfa), "challenged", !asks_mfa || factor),
        line("justification", !asks_why || is(c.justified), "denied", true),
        line("ticket", !asks_ticket || is(c.ticketed), "denied", true),
        context,
        approval,
    ]
}

fn completions(case: &Case) -> Vec<Case> {
    let mut all = vec![case.clone()];
    macro_rules! fill {
        ($($field:ident = $values:expr),* $(,)?) => {$(
            all = all.into_iter().flat_map(|c| match c.$field {
                Some(_) => vec![c],
                None => $values.into_iter().map(|value| Case { $field: Some(value), ..c.clone() }).collect(),
            }).collect();
        )*};
    }
    let whole = |bits: u8| [bits & 1 != 0, bits & 2 != 0, bits & 4 != 0];
    fill!(eligibilities = [vec![], vec![(false, true)]], in_group = [false, true], maximum = [None, Some(0)]);
    fill!(enabled = (0..8).map(whole), mfa = [false, true], justified = [false, true], ticketed = [false, true]);
    fill!(context = [false, true], device = [false, true], approval = [false, true]);
    if case.context.is_none() {
        // Which context a missing rule would name is unknown too: some policy may block it, and some other not.
        let other = |policies| all.iter().map(move |c| Case { policies, ..c.clone() });
        all = other(Policies::Block).chain(other(Policies::Disabled)).collect();
    }
    all
}

fn by_completion(case: &Case) -> (&'static str, &'static str) {
    let all = completions(case);
    let mut outcomes: std::collections::BTreeMap<&str, BTreeSet<&str>> = Default::default();
    for line in all.iter().flat_map(|c| lines(c, &|_| false)) {
        outcomes.entry(line.name).or_default().insert(line.outcome);
    }
    let of_check = |set: &BTreeSet<&'static str>| match set.iter().next() {
        Some(only) if set.len() == 1 => *only,
        _ => "unknown",
    };
    let result = outcomes.values().map(of_check).min_by_key(|o| ORDER.iter().position(|known| known == o));
    let lacked = |word: Word| case.holds.contains(&word);
    let open = |word: Word| !case.lacks.contains(&word);
    let passes = |c: &Case, held: &dyn Fn(Word) -> bool| lines(c, held).iter().all(|line| line.passes);
    let level = if all.iter().all(|c| passes(c, &lacked)) {
        "not-cut"
    } else if all.iter().any(|c| passes(c, &lacked)) {
        "unknown"
    } else if all.iter().any(|c| passes(c, &open)) {
        "challenged"
    } else {
        "cut"
    };
    (result.unwrap_or("provisioned"), level)
}

/// The native documents of a case.
struct Documents {
    eligibilities: Option<Vec<Value>>,
    settings: Value,
    policies: Vec<Value>,
    query: Value,
}

fn documents(c: &Case) -> Documents {
    let eligibilities = c.eligibilities.as_ref().map(|list| {
        list.iter()
            .map(|(group, live)| {
                json!({ "id": "e", "principalId": if *group { GROUP } else { ME }, "roleDefinitionId": ROLE,
                    "directoryScopeId": "/", "startDateTime": "2026-01-01T00:00:00Z",
                    "endDateTime": if *live { Value::Null } else { json!("2026-05-01T00:00:00Z") } })
            })
            .collect()
    });
    let mut rules = Vec::new();
    if let Some(maximum) = c.maximum {
        rules.push(json!({ "id": "Expiration_EndUser_Assignment", "isExpirationRequired": maximum.is_some(),
            "maximumDuration": format!("PT{}H", maximum.unwrap_or(1)) }));
    }
    if let Some(enabled) = c.enabled {
        let words = ["MultiFactorAuthentication", "Justification", "Ticketing"];
        let words: Vec<&str> = words.into_iter().zip(enabled).filter(|(_, on)| *on).map(|(word, _)| word).collect();
        rules.push(json!({ "id": "Enablement_EndUser_Assignment", "enabledRules": words }));
    }
    if let Some(required) = c.approval {
        rules.push(json!({ "id": "Approval_EndUser_Assignment", "setting": { "isApprovalRequired": required,
            "approvalStages": [{ "primaryApprovers": [{ "userId": ME }, { "userId": OTHER }] }] } }));
    }
    if let Some(asked) = c.context {
        rules.push(json!({ "id": "AuthenticationContext_EndUser_Assignment", "isEnabled": asked, "claimValue": "c1" }));
    }
    let settings = json!({ "id": "s", "scopeId": "/", "scopeType": "DirectoryRole", "roleDefinitionId": ROLE,
        "policy": { "rules": rules } });
    let policy = |state: &str, excluded: &[&str], control: &str| {
        vec![json!({ "id": "p", "displayName": "p", "state": state, "conditions": { "clientAppTypes": ["all"],
            "applications": { "includeApplications": [], "includeAuthenticationContextClassReferences": ["c1"] },
            "users": { "includeUsers": ["All"], "excludeUsers": excluded } },
            "grantControls": { "operator": "OR", "builtInControls": [control] } })]
    };
    let policies = match c.policies {
        Policies::None => Vec::new(),
        Policies::Disabled => policy("disabled", &[], "block"),
        Policies::ExcludesMe => policy("enabled", &[ME], "block"),
        Policies::Mfa => policy("enabled", &[], "mfa"),
        Policies::Device => policy("enabled", &[], "compliantDevice"),
        Policies::Block => policy("enabled", &[], "block"),
    };
    let mut request = json!({ "action": "selfActivate", "principalId": ME, "roleDefinitionId": ROLE,
        "directoryScopeId": "/", "scheduleInfo": { "startDateTime": null,
            "expiration": { "type": "AfterDuration", "duration": format!("PT{}H", c.hours) } } });
    if let Some(justified) = c.justified {
        request["justification"] = if justified { json!("change 4711") } else { Value::Null };
    }
    if let Some(ticketed) = c.ticketed {
        let number = if ticketed { json!("4711") } else { Value::Null };
        request["ticketInfo"] = json!({ "ticketNumber": number, "ticketSystem": null });
    }
    let groups = c.in_group.map(|member| if member { json!([GROUP]) } else { json!([]) });
    let mut sign_in = json!({ "identity": { "kind": "user", "id": ME, "externalUserType": null, "homeTenantId": "t",
            "directoryRoleTemplateIds": [], "isMfaRegistered": true },
        "target": { "kind": "application", "clientAppId": "x", "clientKind": "confidential" },
        "clientAppType": "browser", "transferMethod": "none", "originalTransferMethod": "none" });
    if let Some(compliant) = c.device {
        sign_in["device"] =
            json!({ "deviceId": "d", "isCompliant": compliant, "isRegistered": true, "inPrivate": false });
    }
    let mut query = json!({ "request": request, "session": { "signIn": sign_in }, "at": "2026-05-04T10:00:00Z" });
    if let Some(groups) = groups {
        query["transitiveGroupIds"] = groups.clone();
        query["session"]["signIn"]["identity"]["transitiveGroupIds"] = groups;
    }
    if let Some(mfa) = c.mfa {
        query["session"]["mfaClaim"] = json!(mfa);
    }
    if let Some((another, approves)) = c.answer {
        let by = if another { OTHER } else { ME };
        query["approval"] = json!({ "approved": approves, "by": by, "at": "2026-05-04T11:00:00Z" });
    }
    Documents { eligibilities, settings, policies, query }
}

fn by_gate(d: &Documents, attacker: &Attacker) -> (&'static str, &'static str, bool) {
    let eligibilities = match &d.eligibilities {
        Some(list) => Listing::whole(list.iter().collect()),
        None => Listing::not_collected(),
    };
    let pim = Pim::compile(&Listing::not_collected(), &eligibilities, &Listing::whole(vec![&d.settings]));
    let policies: Vec<&Value> = d.policies.iter().collect();
    let set = PolicySet::compile(&TenantSettings::default(), &[], &policies);
    let asked: ActivationRequest = serde_json::from_value(d.query.clone()).expect("a request");
    let decision = pim.activate(&asked, &Some(&set));
    let answer = pim.answer(&asked, &Some(&set), attacker, Stance::Hypothetical);
    (decision.result.word(), answer.level.word(), decision.missing.is_empty())
}

fn attacker(case: &Case) -> Attacker {
    Attacker { holds: case.holds.clone(), lacks: case.lacks.clone() }
}

fn fact() -> impl Strategy<Value = Option<bool>> {
    prop_oneof![1 => Just(None), 5 => any::<bool>().prop_map(Some)]
}

fn policies() -> impl Strategy<Value = Policies> {
    prop_oneof![
        Just(Policies::None),
        Just(Policies::Disabled),
        Just(Policies::ExcludesMe),
        Just(Policies::Mfa),
        Just(Policies::Device),
        Just(Policies::Block)
    ]
}

prop_compose! {
    fn case()(eligibilities in prop_oneof![1 => Just(None),
            8 => proptest::collection::vec((any::<bool>(), proptest::bool::weighted(0.8)), 0..3).prop_map(Some)],
        in_group in fact(),
        maximum in prop_oneof![1 => Just(None), 2 => Just(Some(None)), 6 => (4i64..9).prop_map(|h| Some(Some(h)))],
        hours in 1i64..7, enabled in prop_oneof![1 => Just(None), 6 => any::<[bool; 3]>().prop_map(Some)],
        facts in [fact(), fact(), fact(), fact(), fact(), fact()], policies in policies(),
        answer in prop_oneof![2 => Just(None), 3 => any::<(bool, bool)>().prop_map(Some)],
        words in proptest::collection::vec(0u8..3, 3)) -> Case {
        let [mfa, justified, ticketed, context, device, approval] = facts;
        let (mut holds, mut lacks) = (BTreeSet::new(), BTreeSet::new());
        for (word, state) in [Word::SecondFactor, Word::Approver, Word::ManagedDevice].into_iter().zip(words) {
            match state {
                0 => drop(holds.insert(word)),
                1 => drop(lacks.insert(word)),
                _ => {}
            }
        }
        Case { eligibilities, in_group, maximum, hours, enabled, mfa, justified, ticketed, context, policies, device,
            approval, answer, holds, lacks }
    }
}

fn shouted(value: &Value) -> Value {
    match value {
        Value::Object(object) => Value::Object(object.iter().map(|(k, v)| (k.to_uppercase(), shouted(v))).collect()),
        Value::Array(items) => Value::Array(items.iter().map(shouted).collect()),
        Value::String(text) => Value::String(text.to_uppercase()),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_gate_agrees_with_every_completion(case in case()) {
        let (result, level) = by_completion(&case);
        let (decided, reached, complete) = by_gate(&documents(&case), &attacker(&case));
        prop_assert_eq!(decided, result);
        prop_assert_eq!(reached, level);
        prop_assert_eq!(decided == "unknown", !complete);
    }

    #[test]
    fn filling_an_unknown_never_contradicts(case in case(), pick in any::<proptest::sample::Index>()) {
        let (before, reached, _) = by_gate(&documents(&case), &attacker(&case));
        let all = completions(&case);
        let filled = &all[pick.index(all.len())];
        let (after, level, _) = by_gate(&documents(filled), &attacker(filled));
        // A challenge may turn out a refusal: a definite failure outranks it.
        let worse = before == "challenged" && after == "denied";
        let waits = before == "pendingApproval" || before == "provisioned";
        prop_assert!(before == "unknown" || before == after || worse, "{} became {}", before, after);
        prop_assert!(!waits || before == after);
        match reached {
            "cut" | "not-cut" => prop_assert_eq!(level, reached),
            "challenged" => prop_assert!(level == "challenged" || level == "cut"),
            _ => {}
        }
    }

    #[test]
    fn words_never_hurt_an_attacker(case in case(), word in prop_oneof![Just(Word::SecondFactor), Just(Word::Approver),
        Just(Word::ManagedDevice)]) {
        let order = ["cut", "challenged", "unknown", "not-cut"];
        let place = |level: &str| order.iter().position(|known| *known == level);
        let d = documents(&case);
        let mut more = attacker(&case);
        more.lacks.remove(&word);
        more.holds.insert(word);
        prop_assert!(place(by_gate(&d, &attacker(&case)).1) <= place(by_gate(&d, &more).1));
    }

    #[test]
    fn letter_case_and_order_are_nothing(case in case()) {
        let quiet = documents(&case);
        let mut loud = documents(&case);
        loud.settings = shouted(&loud.settings);
        if let Some(rules) = loud.settings.pointer_mut("/POLICY/RULES").and_then(Value::as_array_mut) {
            rules.reverse();
        }
        loud.eligibilities = loud.eligibilities.map(|list| list.iter().rev().map(shouted).collect());
        prop_assert_eq!(by_gate(&quiet, &attacker(&case)), by_gate(&loud, &attacker(&case)));
    }
}

#[test]
fn an_answer_names_what_it_turns_on() {
    let case = Case {
        eligibilities: Some(vec![(false, true)]),
        in_group: Some(false),
        maximum: Some(Some(8)),
        hours: 4,
        enabled: Some([true, false, false]),
        mfa: Some(false),
        justified: Some(true),
        ticketed: Some(true),
        context: Some(false),
        policies: Policies::None,
        device: Some(false),
        approval: Some(true),
        answer: None,
        holds: BTreeSet::new(),
        lacks: BTreeSet::new(),
    };
    let d = documents(&case);
    let pim = Pim::compile(
        &Listing::not_collected(),
        &Listing::whole(d.eligibilities.iter().flatten().collect()),
        &Listing::whole(vec![&d.settings]),
    );
    let asked: ActivationRequest = serde_json::from_value(d.query.clone()).expect("a request");
    let answer = pim.answer(&asked, &None, &Attacker::default(), Stance::Observed);
    assert_eq!(answer.words, BTreeSet::from([Word::SecondFactor, Word::Approver]));
    let pointers: Vec<&str> = answer.clauses.iter().map(|clause| clause.pointer.as_str()).collect();
    assert_eq!(pointers, ["/policy/rules/1", "/policy/rules/2"]);
    let page = "Configure Microsoft Entra role settings in Privileged Identity Management";
    assert!(answer.clauses.iter().all(|clause| clause.document == "s" && clause.source == page));
    assert_eq!(pim.settings(ROLE, "/").and_then(|s| s.maximum_duration()).map(|d| d.get_hours()), Some(8));
    assert_eq!(pim.eligibilities(&ObjectId::new(ME), &[]).len(), 1);
}
