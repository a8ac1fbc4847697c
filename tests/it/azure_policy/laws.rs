//! Laws over random conditions and resources: the naive evaluator agrees, filling an unknown never contradicts a
//! definite answer, letter case and the order of assignments change nothing.

use super::naive::{Expr, Rule, Said};
use cutset::decide::azure_policy::{AliasTable, Decision, PolicyEngine, PolicyInput, Ruling, State};
use cutset::model::request::{PolicyContext, PolicyRequest};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

const SCOPE: &str = "/subscriptions/00000000-0000-0000-0000-0000000000c1";
const TYPE: &str = "Contoso.Widgets/boxes";

fn aliases() -> AliasTable {
    let names = [
        "label",
        "size",
        "open",
        "words",
        "words[*]",
        "rules",
        "rules[*]",
        "rules[*].action",
        "rules[*].ports",
        "rules[*].ports[*]",
    ];
    let aliases: Vec<Value> = names
        .iter()
        .map(|name| json!({ "name": format!("{TYPE}/{name}"), "defaultPath": format!("properties.{name}"), "paths": [] }))
        .collect();
    let table = json!({ "namespace": "Contoso.Widgets", "resourceTypes": [
        { "resourceType": "boxes", "capabilities": "SupportsTags, SupportsLocation", "aliases": aliases } ] });
    AliasTable::from_providers([&table])
}

fn definition(name: &str, rule: Value, effect: &str) -> Value {
    json!({
        "id": format!("{SCOPE}/providers/Microsoft.Authorization/policyDefinitions/{name}"),
        "name": name,
        "properties": { "mode": "All", "policyRule": { "if": rule, "then": { "effect": effect } } },
    })
}

fn assignment(name: &str, of: &str) -> Value {
    json!({
        "id": format!("{SCOPE}/providers/Microsoft.Authorization/policyAssignments/{name}"),
        "name": name,
        "properties": {
            "policyDefinitionId": format!("{SCOPE}/providers/Microsoft.Authorization/policyDefinitions/{of}"),
            "scope": SCOPE,
        },
    })
}

fn request(resource: &Value, unknown: &[String]) -> PolicyRequest {
    serde_json::from_value(json!({
        "method": "PUT",
        "operation": format!("{TYPE}/write"),
        "resourceId": format!("{SCOPE}/resourceGroups/rg/providers/{TYPE}/box1"),
        "resource": resource,
        "unknownPaths": unknown,
    }))
    .expect("a request")
}

fn context() -> PolicyContext {
    serde_json::from_value(json!({ "utcNow": "2026-03-10T09:00:00Z" })).expect("a context")
}

fn decide(definitions: &[Value], assignments: &[Value], resource: &Value, unknown: &[String]) -> Decision {
    PolicyEngine::compile(PolicyInput {
        definitions: definitions.iter().collect(),
        set_definitions: Vec::new(),
        assignments: Some(assignments.iter().collect()),
        exemptions: Some(Vec::new()),
        aliases: aliases(),
    })
    .decide(&request(resource, unknown), &context())
}

fn rule_alone(rule: &Rule, effect: &str, resource: &Value, unknown: &[String]) -> Decision {
    decide(&[definition("p", rule.json(), effect)], &[assignment("a", "p")], resource, unknown)
}

const WORDS: &[&str] = &["", "red", "Red", "blue", "7", "80"];

fn word() -> impl Strategy<Value = String> {
    select(WORDS).prop_map(str::to_owned)
}

fn maybe(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    prop_oneof![1 => Just(Value::Null), 3 => value]
}

fn rule_member() -> impl Strategy<Value = Value> {
    (maybe(word().prop_map(Value::from)), maybe(prop::collection::vec(0i64..4, 0..3).prop_map(Value::from)))
        .prop_map(|(action, ports)| json!({ "action": action, "ports": ports }))
}

prop_compose! {
    fn resource()(
        label in maybe(word().prop_map(Value::from)),
        size in maybe((-1i64..4).prop_map(Value::from)),
        open in maybe(any::<bool>().prop_map(Value::from)),
        words in maybe(prop::collection::vec(word(), 0..4).prop_map(Value::from)),
        rules in maybe(prop::collection::vec(rule_member(), 0..4).prop_map(Value::from)),
        tag in maybe(word().prop_map(Value::from)),
        location in select(&["westeurope", "eastus"][..]),
    ) -> Value {
        let mut properties = Map::new();
        for (key, value) in [("label", label), ("size", size), ("open", open), ("words", words), ("rules", rules)] {
            if !value.is_null() {
                properties.insert(key.to_owned(), value);
            }
        }
        let mut resource = json!({ "location": location, "properties": properties });
        if !tag.is_null() {
            resource["tags"] = json!({ "a": tag });
        }
        resource
    }
}

const TEXTUAL: &[&str] = &[
    "equals",
    "notEquals",
    "in",
    "notIn",
    "like",
    "notLike",
    "match",
    "notMatch",
    "matchInsensitively",
    "notMatchInsensitively",
    "contains",
    "notContains",
    "exists",
];
const ORDER: &[&str] = &["less", "lessOrEquals", "greater", "greaterOrEquals"];
const NUMERIC: &[&str] = &["equals", "notEquals", "less", "lessOrEquals", "greater", "greaterOrEquals"];

fn textual_right(operator: &'static str) -> BoxedStrategy<Value> {
    match operator {
        "in" | "notIn" => prop::collection::vec(word(), 0..3).prop_map(Value::from).boxed(),
        "exists" => any::<bool>().prop_map(Value::from).boxed(),
        "like" | "notLike" => select(&["*", "r*", "*d", "r*d", "blue", "*e*"][..]).prop_map(Value::from).boxed(),
        "match" | "notMatch" | "matchInsensitively" | "notMatchInsensitively" => {
            select(&["#", "##", "?ed", "R..", "blue"][..]).prop_map(Value::from).boxed()
        }
        _ => word().prop_map(Value::from).boxed(),
    }
}

fn textual(fields: &'static [&'static str]) -> impl Strategy<Value = Rule> {
    (select(fields), select(TEXTUAL))
        .prop_flat_map(|(field, operator)| textual_right(operator).prop_map(move |r| Rule::Field(field, operator, r)))
}

fn expression() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![
        word().prop_map(Expr::Text),
        (0i64..9).prop_map(Expr::Number),
        Just(Expr::Label),
        Just(Expr::Tag("a".to_owned())),
        Just(Expr::Words),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..3).prop_map(Expr::Concat),
            inner.clone().prop_map(|e| Expr::Lower(Box::new(e))),
            inner.clone().prop_map(|e| Expr::Length(Box::new(e))),
            inner.clone().prop_map(|e| Expr::First(Box::new(e))),
            inner.clone().prop_map(|e| Expr::Int(Box::new(e))),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Expr::Equals(Box::new(a), Box::new(b))),
            (inner.clone(), inner.clone(), inner.clone(), inner).prop_map(|(a, b, yes, no)| {
                Expr::If(Box::new(Expr::Equals(Box::new(a), Box::new(b))), Box::new(yes), Box::new(no))
            }),
        ]
    })
}

/// Expressions whose functions get the types they take.
fn well_typed() -> impl Strategy<Value = Expr> {
    let number = prop_oneof![(0i64..9).prop_map(Expr::Number), Just(Expr::Length(Box::new(Expr::Words)))];
    let leaf = prop_oneof![
        word().prop_map(Expr::Text),
        Just(Expr::Label),
        Just(Expr::Tag("a".to_owned())),
        Just(Expr::First(Box::new(Expr::Words))),
    ];
    leaf.prop_recursive(3, 12, 3, move |inner| {
        let of = |e: Expr| Box::new(e);
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..3).prop_map(Expr::Concat),
            inner.clone().prop_map(move |e| Expr::Lower(of(e))),
            inner.clone().prop_map(move |e| Expr::First(of(e))),
            (inner.clone(), number.clone()).prop_map(|(e, n)| Expr::Concat(vec![e, n])),
            inner.clone().prop_map(move |e| Expr::Concat(vec![Expr::Int(of(e)), Expr::Text(String::new())])),
            inner.clone().prop_map(move |e| Expr::Concat(vec![Expr::Length(of(e))])),
            (inner.clone(), inner.clone(), inner.clone(), inner)
                .prop_map(move |(a, b, yes, no)| { Expr::If(of(Expr::Equals(of(a), of(b))), of(yes), of(no)) }),
        ]
    })
}

/// Without `mixed`, no types that do not match.
fn rule(mixed: bool) -> BoxedStrategy<Rule> {
    let plain = textual(&["label", "words[*]", "rules[*].action", "tags['a']"]);
    let numbers = (select(&["size", "rules[*].ports[*]"][..]), select(NUMERIC), -1i64..4)
        .prop_map(|(field, operator, n)| Rule::Field(field, operator, json!(n)));
    let flags = (select(&["equals", "notEquals"][..]), select(vec![json!(true), json!("False")]))
        .prop_map(|(operator, right)| Rule::Field("open", operator, right));
    let region =
        (select(&["equals", "notEquals"][..]), select(&["West Europe", "eastus"][..])).prop_map(|(operator, right)| {
            let right = if right == "West Europe" { "westeurope" } else { right };
            Rule::Field("location", operator, json!(right))
        });
    let patterns =
        (prop::collection::vec(select(&["r*", "*e", "7"][..]).prop_map(str::to_owned), 0..4), select(NUMERIC), 0i64..3)
            .prop_map(|(patterns, operator, n)| Rule::Patterns(patterns, operator, n));
    let expression = if mixed { expression().boxed() } else { well_typed().boxed() };
    let computed = (expression, select(&["equals", "notEquals"][..]), word())
        .prop_map(|(e, operator, right)| Rule::Value(e, operator, json!(right)));
    let ordered = (
        select(&["label", "open"][..]),
        select(ORDER),
        prop_oneof![word().prop_map(Value::from), (0i64..9).prop_map(Value::from)],
    )
        .prop_map(|(field, operator, right)| Rule::Field(field, operator, right));
    let leaf = if mixed {
        prop_oneof![4 => plain, 2 => numbers, 1 => flags, 1 => region, 1 => patterns, 2 => computed, 1 => ordered]
            .boxed()
    } else {
        prop_oneof![4 => plain, 2 => numbers, 1 => flags, 1 => region, 1 => patterns, 2 => computed].boxed()
    };
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            2 => prop::collection::vec(inner.clone(), 0..4).prop_map(Rule::All),
            2 => prop::collection::vec(inner.clone(), 0..4).prop_map(Rule::Any),
            1 => inner.clone().prop_map(|r| Rule::Not(Box::new(r))),
            2 => (select(&["words[*]", "rules[*]", "rules[*].ports[*]"][..]), proptest::option::of(inner), select(NUMERIC), 0i64..4)
                .prop_map(|(field, filter, operator, n)| Rule::Count(field, filter.map(Box::new), operator, n)),
        ]
    })
    .boxed()
}

/// Conditions over plain fields only.
fn plain_rule() -> impl Strategy<Value = Rule> {
    textual(&["label", "size", "open", "tags['a']"]).prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Rule::All),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Rule::Any),
            inner.prop_map(|r| Rule::Not(Box::new(r))),
        ]
    })
}

fn expected(said: Said) -> (Ruling, &'static [State]) {
    match said {
        Said::True => (Ruling::Denied, &[State::Denied]),
        Said::False => (Ruling::Allowed, &[State::Compliant, State::NotApplicable]),
        Said::Error => (Ruling::Denied, &[State::Error]),
    }
}

/// Paths of properties that a test may call unknown.
const PATHS: &[&str] = &[
    "properties.label",
    "properties.size",
    "properties.open",
    "properties.words",
    "properties.rules",
    "properties.rules[*].action",
    "properties.rules[0].ports",
    "tags",
];

/// `from`, with what lies at the unknown paths taken from `other` where that fits.
fn filled(from: &Value, other: &Value, unknown: &[String]) -> Value {
    let mut filled = from.clone();
    for path in unknown {
        match path.as_str() {
            "tags" => filled["tags"] = other["tags"].clone(),
            "properties.rules[*].action" | "properties.rules[0].ports" => {
                let key = if path.ends_with("action") { "action" } else { "ports" };
                let theirs = other["properties"]["rules"][0][key].clone();
                if let Some(rules) = filled["properties"]["rules"].as_array_mut() {
                    for rule in rules.iter_mut().take(if key == "ports" { 1 } else { usize::MAX }) {
                        rule[key] = theirs.clone();
                    }
                }
            }
            plain => {
                let key = plain.trim_start_matches("properties.");
                filled["properties"][key] = other["properties"][key].clone();
            }
        }
    }
    filled
}

/// Every key and every name in the other case; literals stay, since `match` minds them.
fn shouted(value: &Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(key, value)| {
                    let name = matches!(key.as_str(), "field" | "policyDefinitionId" | "scope" | "mode" | "effect");
                    let value = match value {
                        Value::String(text) if name => Value::String(text.to_uppercase()),
                        other => shouted(other),
                    };
                    (key.to_uppercase(), value)
                })
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(shouted).collect()),
        Value::String(text) if text.starts_with('[') && text.ends_with(']') && text.contains("field(") => {
            Value::String(text.replace("field(", "FIELD(").replace("concat(", "CONCAT(").replace("/label'", "/LABEL'"))
        }
        other => other.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_naive_evaluator_agrees(rule in rule(true), resource in resource()) {
        let decision = rule_alone(&rule, "deny", &resource, &[]);
        let (ruling, states) = expected(rule.says(&resource));
        prop_assert_eq!(decision.ruling, ruling, "{}", rule.json());
        prop_assert!(states.contains(&decision.states["a"]), "{:?} of {}", decision.states, rule.json());
    }

    #[test]
    fn filling_an_unknown_never_contradicts(
        rule in rule(false),
        resource in resource(),
        other in resource(),
        unknown in prop::collection::btree_set(select(PATHS).prop_map(str::to_owned), 1..4),
        effect in select(&["deny", "audit"][..]),
    ) {
        let unknown: Vec<String> = unknown.into_iter().collect();
        let before = rule_alone(&rule, effect, &resource, &unknown);
        if before.ruling != Ruling::Unknown {
            for known in [filled(&resource, &other, &unknown), resource.clone()] {
                let after = rule_alone(&rule, effect, &known, &[]);
                prop_assert_eq!(before.ruling, after.ruling, "{} over {}", rule.json(), known);
                if before.states["a"] != State::Unknown {
                    prop_assert_eq!(before.states["a"], after.states["a"], "{} over {}", rule.json(), known);
                }
            }
        } else {
            prop_assert!(!before.missing.is_empty(), "an unknown names its facts");
        }
    }

    /// And is unknown no more often than Kleene's rules have it.
    #[test]
    fn plain_rules_follow_kleene(
        rule in plain_rule(),
        resource in resource(),
        unknown in prop::collection::btree_set(select(&PATHS[..3]).prop_map(str::to_owned), 1..4),
    ) {
        let unknown: Vec<String> = unknown.into_iter().collect();
        let decision = rule_alone(&rule, "deny", &resource, &unknown);
        let ruling = match rule.kleene(&resource, &unknown) {
            Some(true) => Ruling::Denied,
            Some(false) => Ruling::Allowed,
            None => Ruling::Unknown,
        };
        prop_assert_eq!(decision.ruling, ruling, "{} without {:?}", rule.json(), unknown);
    }

    #[test]
    fn letter_case_changes_nothing(rule in rule(true), resource in resource()) {
        let (definition, assignment) = (definition("p", rule.json(), "deny"), assignment("a", "p"));
        let plain = decide(std::slice::from_ref(&definition), std::slice::from_ref(&assignment), &resource, &[]);
        let loud = decide(&[shouted(&definition)], &[shouted(&assignment)], &resource, &[]);
        prop_assert_eq!(plain.ruling, loud.ruling, "{}", rule.json());
        prop_assert_eq!(plain.states, loud.states);
    }

    #[test]
    fn order_of_assignments_changes_nothing(
        rules in prop::collection::vec((rule(true), select(&["deny", "audit", "modify", "append", "disabled"][..])), 1..5),
        resource in resource(),
        turn in 0usize..5,
    ) {
        let mut definitions = Vec::new();
        let mut assignments = Vec::new();
        for (at, (rule, effect)) in rules.iter().enumerate() {
            let mut definition = definition(&format!("p{at}"), rule.json(), effect);
            let tag = format!("tags['{}']", ["a", "b"][at % 2]);
            definition["properties"]["policyRule"]["then"]["details"] = match *effect {
                "modify" => json!({ "operations": [{ "operation": "addOrReplace", "field": tag, "value": "x" }],
                    "conflictEffect": (if at % 2 == 0 { "audit" } else { "deny" }) }),
                "append" => json!([{ "field": tag, "value": "x" }]),
                _ => Value::Null,
            };
            definitions.push(definition);
            assignments.push(assignment(&format!("a{at}"), &format!("p{at}")));
        }
        let one = decide(&definitions, &assignments, &resource, &[]);
        let turned = turn % assignments.len();
        assignments.rotate_left(turned);
        definitions.reverse();
        let other = decide(&definitions, &assignments, &resource, &[]);
        prop_assert_eq!(one, other);
    }
}
