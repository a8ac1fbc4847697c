//! The rule's grammar: what is printed parses back, and errors say at which character.

use cutset::decide::conditional_access::device_filter::{Comparison, Expression, Literal, MAX_LENGTH, Operator, parse};
use proptest::prelude::*;

/// A tree as it is written, with redundant parentheses here and there.
fn text(expression: &Expression) -> String {
    let joined = |parts: &[Expression], word: &str| {
        parts.iter().map(|p| format!("({})", text(p))).collect::<Vec<_>>().join(word)
    };
    match expression {
        Expression::Or(parts) => joined(parts, " -or "),
        Expression::And(parts) => joined(parts, " -AND "),
        Expression::Not(inner) => format!("-not ({})", text(inner)),
        Expression::Compare(Comparison { property, operator, literal }) => {
            let operator = format!("{operator:?}");
            let literal = match literal {
                Literal::Text(text) => format!("\"{}\"", text.replace('`', "``").replace('"', "`\"")),
                Literal::List(items) => {
                    format!("[{}]", items.iter().map(|i| format!("\"{i}\"")).collect::<Vec<_>>().join(", "))
                }
            };
            format!("device.{} -{operator} {literal}", property.name)
        }
    }
}

fn comparison() -> impl Strategy<Value = Expression> {
    let property = prop::sample::select(vec!["trustType", "systemLabels", "extensionAttribute15", "isCompliant"]);
    let single = prop::sample::select(vec!["-eq", "-ne", "-startsWith", "-notStartsWith", "-endsWith", "-notContains"]);
    let one = (property.clone(), single, "[a-z \"()`,]{0,6}").prop_map(|(property, operator, literal)| {
        format!("device.{property} {operator} \"{}\"", literal.replace('`', "``").replace('"', "`\""))
    });
    let many = (property, prop::sample::select(vec!["-in", "-notIn"]), prop::collection::vec("[a-z]{0,3}", 1..3))
        .prop_map(|(property, operator, items)| {
            let items: Vec<String> = items.iter().map(|item| format!("\"{item}\"")).collect();
            format!("device.{property} {operator} [{}]", items.join(","))
        });
    prop_oneof![one, many].prop_map(|rule| parse(&rule).unwrap_or_else(|error| panic!("{rule}: {error}")))
}

fn expression() -> impl Strategy<Value = Expression> {
    comparison().prop_recursive(3, 10, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..3).prop_map(Expression::Or),
            prop::collection::vec(inner.clone(), 2..3).prop_map(Expression::And),
            inner.prop_map(|inner| Expression::Not(Box::new(inner))),
        ]
    })
}

proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 200, failure_persistence: None, ..Default::default() })]

    #[test]
    fn what_is_printed_parses_back(expression in expression()) {
        let rule = text(&expression);
        prop_assume!(rule.len() < MAX_LENGTH);
        prop_assert_eq!(parse(&rule), Ok(expression), "{}", rule);
    }

    /// Whatever it is given, the parser ends, and points into the rule or just behind it.
    #[test]
    fn errors_point_into_the_rule(rule in "[-a-zA-Z.()\\[\\]\" ,`é]{0,60}") {
        if let Err(error) = parse(&rule) {
            prop_assert!(error.position >= 1 && error.position <= rule.chars().count() + 1, "{} {:?}", rule, error);
        }
    }
}

#[test]
fn errors_say_at_which_character() {
    for (rule, position, message) in [
        (
            "device.model",
            13,
            "expected an operator: -eq, -ne, -startsWith, -notStartsWith, -endsWith, -notEndsWith, -contains, -notContains, -in, -notIn",
        ),
        ("device.modle -eq \"a\"", 1, "`device.modle` is no property a filter can read"),
        ("device.model -eq \"a\" -and", 26, "expected `device.<property>` or `(`, found the end of the rule"),
        ("(device.model -eq \"a\"", 22, "expected `)`"),
        ("device.model -eq \"a", 18, "the text has no closing quote"),
        ("device.model -in [\"a\" \"b\"]", 23, "expected `,` or `]`"),
        ("device.model -eq \"é\" or device.model -eq \"b\"", 22, "expected `-and`, `-or` or the end of the rule"),
        ("user.department -eq \"a\"", 1, "expected `device.<property>`, found `user.department`"),
    ] {
        let error = parse(rule).expect_err(rule);
        assert_eq!((error.position, error.message.as_str()), (position, message), "{rule}");
    }
    let long = format!("device.model -eq \"{}\"", "a".repeat(MAX_LENGTH));
    assert_eq!(parse(&long).expect_err("too long").position, MAX_LENGTH + 1);
    let nested = |depth: usize| parse(&format!("{}device.model -eq \"a\"{}", "(".repeat(depth), ")".repeat(depth)));
    assert!(nested(64).is_ok());
    assert_eq!(nested(1500).expect_err("too deep").position, 65);
}

#[test]
fn negative_operators_are_negations() {
    for operator in
        [Operator::Ne, Operator::NotStartsWith, Operator::NotEndsWith, Operator::NotContains, Operator::NotIn]
    {
        let (positive, negated) = operator.positive();
        assert!(negated && positive.positive() == (positive, false));
    }
}
