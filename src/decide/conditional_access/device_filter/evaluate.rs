//! A parsed rule against a device.
//!
//! On a device that is not registered every property is null: a positive operator is false there, a negative one true.
//! A device nobody recorded is not an unregistered one. Page: *Conditional Access: Filter for devices*, policy behaviour.

use super::super::facts::DeviceFacts;
use super::super::logic::{Kleene, Logic};
use super::{Comparison, Expression, Literal, Operator};
use crate::model::Fact;
use serde_json::Value;

pub(in super::super) fn holds<L: Logic>(rule: &Expression, device: &DeviceFacts) -> L {
    match rule {
        Expression::Or(parts) => L::any(parts, |part| holds(part, device)),
        Expression::And(parts) => L::any(parts, |part| holds::<L>(part, device).negate()).negate(),
        Expression::Not(inner) => holds::<L>(inner, device).negate(),
        Expression::Compare(comparison) => compare(comparison, device),
    }
}

fn compare<L: Logic>(comparison: &Comparison, device: &DeviceFacts) -> L {
    let (operator, negated) = comparison.operator.positive();
    let result = |positive: L| if negated { positive.negate() } else { positive };
    if device.is_unregistered() {
        return L::known(negated);
    }
    if device.is_unrecorded() {
        return L::missing("signIn.device");
    }
    let property = comparison.property;
    let value = || -> L {
        match device.property(property.name) {
            Fact::Known(value) => match matches(value, operator, &comparison.literal, property.collection) {
                Some(matched) => L::known(matched),
                None => L::unknown(|| device.fact(property.name)),
            },
            Fact::Absent => L::known(false),
            Fact::Unknown => L::unknown(|| device.fact(property.name)),
        }
    };
    if !property.extension {
        return result(value());
    }
    let readable = || -> L {
        let flag = |name: &'static str| match device.flag(name) {
            Fact::Known(flag) => L::known(flag),
            Fact::Absent => L::known(false),
            Fact::Unknown => L::unknown(|| device.fact(name)),
        };
        flag("isManagedByIntune").or(|| flag("isCompliant")).or(|| device.is_hybrid_joined())
    };
    match (negated, readable()) {
        (false, readable) => readable.and(value),
        (true, readable) => match readable.kleene() {
            Kleene::True => value().negate(),
            // Open: what a negative operator makes of an attribute that cannot be read.
            Kleene::False => L::missing("semantics:extensionAttributeUnavailable"),
            Kleene::Unknown => match value() {
                value if value.kleene() == Kleene::Unknown => readable.and(|| value),
                _ => readable,
            },
        },
    }
}

/// None where the recorded value is of a kind the property cannot have.
fn matches(value: &Value, operator: Operator, literal: &Literal, collection: bool) -> Option<bool> {
    match value {
        Value::Array(items) => {
            let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            Some(texts?.iter().any(|item| one(&item.to_lowercase(), whole_element(operator), literal)))
        }
        Value::String(text) if collection => Some(one(&text.to_lowercase(), whole_element(operator), literal)),
        Value::String(text) => Some(one(&text.to_lowercase(), operator, literal)),
        Value::Bool(flag) => Some(one(if *flag { "true" } else { "false" }, operator, literal)),
        Value::Null | Value::Number(_) | Value::Object(_) => None,
    }
}

/// On a collection, `-contains` compares whole elements.
fn whole_element(operator: Operator) -> Operator {
    match operator {
        Operator::Contains => Operator::Eq,
        other => other,
    }
}

fn one(text: &str, operator: Operator, literal: &Literal) -> bool {
    match (operator.positive().0, literal) {
        (Operator::Eq, Literal::Text(wanted)) => text == wanted,
        (Operator::StartsWith, Literal::Text(wanted)) => text.starts_with(wanted.as_str()),
        (Operator::EndsWith, Literal::Text(wanted)) => text.ends_with(wanted.as_str()),
        (Operator::Contains, Literal::Text(wanted)) => text.contains(wanted.as_str()),
        (_, Literal::List(wanted)) => wanted.iter().any(|w| w == text),
        (
            Operator::In
            | Operator::Ne
            | Operator::NotStartsWith
            | Operator::NotEndsWith
            | Operator::NotContains
            | Operator::NotIn,
            Literal::Text(wanted),
        ) => text == wanted,
    }
}
