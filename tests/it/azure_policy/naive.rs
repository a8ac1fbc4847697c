//! A second evaluator of the condition language: small, slow, obviously right. It works on the JSON as written, knows
//! one resource type, and reads "as if the member were the only one" literally, by cutting the array down.

use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    True,
    False,
    Error,
}

/// A template expression as a tree, so that no parser is shared.
#[derive(Clone, Debug)]
pub enum Expr {
    Text(String),
    Number(i64),
    Label,
    Tag(String),
    Words,
    Concat(Vec<Expr>),
    Lower(Box<Expr>),
    Length(Box<Expr>),
    First(Box<Expr>),
    Int(Box<Expr>),
    Equals(Box<Expr>, Box<Expr>),
    If(Box<Expr>, Box<Expr>, Box<Expr>),
}

const PREFIX: &str = "Contoso.Widgets/boxes/";

impl Expr {
    pub fn text(&self) -> String {
        match self {
            Expr::Text(text) => format!("'{}'", text.replace('\'', "''")),
            Expr::Number(number) => number.to_string(),
            Expr::Label => format!("field('{PREFIX}label')"),
            Expr::Tag(name) => format!("field('tags[{name}]')"),
            Expr::Words => format!("field('{PREFIX}words[*]')"),
            Expr::Concat(parts) => {
                format!("concat({})", parts.iter().map(Expr::text).collect::<Vec<_>>().join(", "))
            }
            Expr::Lower(of) => format!("toLower({})", of.text()),
            Expr::Length(of) => format!("length({})", of.text()),
            Expr::First(of) => format!("first({})", of.text()),
            Expr::Int(of) => format!("int({})", of.text()),
            Expr::Equals(a, b) => format!("equals({}, {})", a.text(), b.text()),
            Expr::If(c, a, b) => format!("if({}, {}, {})", c.text(), a.text(), b.text()),
        }
    }

    pub fn value(&self, resource: &Value) -> Option<Value> {
        Some(match self {
            Expr::Text(text) => json!(text),
            Expr::Number(number) => json!(number),
            Expr::Label => present(&resource["properties"]["label"]),
            Expr::Tag(name) => present(&resource["tags"][name]),
            Expr::Words => json!(resource["properties"]["words"].as_array().cloned().unwrap_or_default()),
            Expr::Concat(parts) => {
                if let Some(Value::Array(_)) = parts.first().map(|p| p.value(resource)).unwrap_or_default() {
                    let lists = parts.iter().map(|p| p.value(resource)?.as_array().cloned());
                    return lists.collect::<Option<Vec<_>>>().map(|lists| json!(lists.concat()));
                }
                let mut out = String::new();
                for part in parts {
                    match part.value(resource)? {
                        Value::String(text) => out.push_str(&text),
                        Value::Number(number) => out.push_str(&number.to_string()),
                        Value::Bool(true) => out.push_str("True"),
                        Value::Bool(false) => out.push_str("False"),
                        _ => return None,
                    }
                }
                json!(out)
            }
            Expr::Lower(of) => json!(of.value(resource)?.as_str()?.to_lowercase()),
            Expr::Length(of) => match of.value(resource)? {
                Value::String(text) => json!(text.chars().count()),
                Value::Array(items) => json!(items.len()),
                _ => return None,
            },
            Expr::First(of) => match of.value(resource)? {
                Value::String(text) => json!(text.chars().next().map(String::from).unwrap_or_default()),
                Value::Array(items) => items.first().cloned().unwrap_or(Value::Null),
                _ => return None,
            },
            Expr::Int(of) => match of.value(resource)? {
                Value::String(text) => json!(text.parse::<i64>().ok()?),
                Value::Number(number) => json!(number.as_i64()?),
                _ => return None,
            },
            Expr::Equals(a, b) => json!(a.value(resource)? == b.value(resource)?),
            Expr::If(c, a, b) => match c.value(resource)? {
                Value::Bool(true) => a.value(resource)?,
                Value::Bool(false) => b.value(resource)?,
                _ => return None,
            },
        })
    }
}

fn present(value: &Value) -> Value {
    if value.is_null() { json!("") } else { value.clone() }
}

/// A condition, with the JSON it is written as.
#[derive(Clone, Debug)]
pub enum Rule {
    All(Vec<Rule>),
    Any(Vec<Rule>),
    Not(Box<Rule>),
    Field(&'static str, &'static str, Value),
    Value(Expr, &'static str, Value),
    Count(&'static str, Option<Box<Rule>>, &'static str, i64),
    /// How many patterns of a list the label is like.
    Patterns(Vec<String>, &'static str, i64),
}

impl Rule {
    pub fn json(&self) -> Value {
        let all = |items: &[Rule]| items.iter().map(Rule::json).collect::<Vec<_>>();
        match self {
            Rule::All(items) => json!({ "allOf": all(items) }),
            Rule::Any(items) => json!({ "anyOf": all(items) }),
            Rule::Not(inner) => json!({ "not": inner.json() }),
            Rule::Field(field, operator, right) => json!({ "field": spelled(field), *operator: right }),
            Rule::Value(expr, operator, right) => json!({ "value": format!("[{}]", expr.text()), *operator: right }),
            Rule::Count(field, filter, operator, right) => {
                let mut count = json!({ "field": spelled(field) });
                if let Some(filter) = filter {
                    count["where"] = filter.json();
                }
                json!({ "count": count, *operator: right })
            }
            Rule::Patterns(patterns, operator, right) => json!({
                "count": { "value": patterns, "name": "p", "where": { "field": format!("{PREFIX}label"), "like": "[current('p')]" } },
                *operator: right,
            }),
        }
    }

    /// Kleene's three values over plain fields; a field at an unknown path is unknown, whatever is compared with it.
    pub fn kleene(&self, resource: &Value, unknown: &[String]) -> Option<bool> {
        match self {
            Rule::All(items) => {
                let all: Vec<Option<bool>> = items.iter().map(|item| item.kleene(resource, unknown)).collect();
                if all.contains(&Some(false)) { Some(false) } else { (!all.contains(&None)).then_some(true) }
            }
            Rule::Any(items) => {
                let all: Vec<Option<bool>> = items.iter().map(|item| item.kleene(resource, unknown)).collect();
                if all.contains(&Some(true)) { Some(true) } else { (!all.contains(&None)).then_some(false) }
            }
            Rule::Not(inner) => inner.kleene(resource, unknown).map(|holds| !holds),
            Rule::Field(field, operator, right) => {
                let path = if *field == "tags['a']" { "tags".to_owned() } else { format!("properties.{field}") };
                let settled = matches!(*operator, "in" | "notIn") && right == &json!([]);
                if unknown.contains(&path) && !settled { None } else { Some(self.says(resource) == Said::True) }
            }
            Rule::Value(..) | Rule::Count(..) | Rule::Patterns(..) => panic!("not a plain rule"),
        }
    }

    pub fn says(&self, resource: &Value) -> Said {
        match self {
            Rule::All(items) => {
                for item in items {
                    match item.says(resource) {
                        Said::True => {}
                        other => return other,
                    }
                }
                Said::True
            }
            Rule::Any(items) => {
                for item in items {
                    match item.says(resource) {
                        Said::False => {}
                        other => return other,
                    }
                }
                Said::False
            }
            Rule::Not(inner) => match inner.says(resource) {
                Said::True => Said::False,
                Said::False => Said::True,
                Said::Error => Said::Error,
            },
            Rule::Field(field, operator, right) => {
                let mut error = false;
                for value in selected(resource, field) {
                    match compare(&value, operator, right) {
                        None => error = true,
                        Some(true) => {}
                        Some(false) => return if error { Said::Error } else { Said::False },
                    }
                }
                if error { Said::Error } else { Said::True }
            }
            Rule::Value(expr, operator, right) => match expr.value(resource) {
                None => Said::Error,
                Some(value) => said(compare(&value, operator, right)),
            },
            Rule::Count(field, filter, operator, right) => {
                let mut count = 0;
                for alone in each_alone(resource, field) {
                    match filter.as_ref().map_or(Said::True, |filter| filter.says(&alone)) {
                        Said::True => count += 1,
                        Said::False => {}
                        Said::Error => return Said::Error,
                    }
                }
                said(compare(&json!(count), operator, &json!(right)))
            }
            Rule::Patterns(patterns, operator, right) => {
                let label = &resource["properties"]["label"];
                let count = patterns.iter().filter(|p| label.as_str().is_some_and(|l| like(&low(l), &low(p)))).count();
                said(compare(&json!(count), operator, &json!(right)))
            }
        }
    }
}

fn said(holds: Option<bool>) -> Said {
    match holds {
        None => Said::Error,
        Some(true) => Said::True,
        Some(false) => Said::False,
    }
}

fn spelled(field: &str) -> String {
    if field.starts_with("tags") || field == "location" { field.to_owned() } else { format!("{PREFIX}{field}") }
}

/// Values a field selects: one (null where it is missing), or those of a collection.
fn selected(resource: &Value, field: &str) -> Vec<Value> {
    let properties = &resource["properties"];
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    match field {
        "location" => vec![resource["location"].clone()],
        "tags['a']" => vec![resource["tags"]["a"].clone()],
        "words[*]" => list(&properties["words"]),
        "rules[*]" => list(&properties["rules"]),
        "rules[*].action" => list(&properties["rules"]).iter().map(|rule| rule["action"].clone()).collect(),
        "rules[*].ports[*]" => list(&properties["rules"]).iter().flat_map(|rule| list(&rule["ports"])).collect(),
        plain => vec![properties[plain].clone()],
    }
}

/// The resource once for each member, cut down to that member.
fn each_alone(resource: &Value, field: &str) -> Vec<Value> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let cut = |key: &str, member: Value| {
        let mut alone = resource.clone();
        alone["properties"][key] = json!([member]);
        alone
    };
    match field {
        "words[*]" => list(&resource["properties"]["words"]).into_iter().map(|word| cut("words", word)).collect(),
        "rules[*]" => list(&resource["properties"]["rules"]).into_iter().map(|rule| cut("rules", rule)).collect(),
        "rules[*].ports[*]" => list(&resource["properties"]["rules"])
            .into_iter()
            .flat_map(|rule| {
                list(&rule["ports"]).into_iter().map(move |port| {
                    let mut rule = rule.clone();
                    rule["ports"] = json!([port]);
                    rule
                })
            })
            .map(|rule| cut("rules", rule))
            .collect(),
        other => panic!("no array `{other}`"),
    }
}

fn low(text: &str) -> String {
    text.to_lowercase()
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(low(text)),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

fn same(left: &Value, right: &Value) -> bool {
    if left.is_number() || right.is_number() {
        return number(left).is_some() && number(left) == number(right);
    }
    match (left, right) {
        (Value::Null, Value::Null) => true,
        _ => text(left).is_some() && text(left) == text(right),
    }
}

fn like(text: &str, pattern: &str) -> bool {
    match pattern.chars().next() {
        None => text.is_empty(),
        Some('*') => (0..=text.len()).any(|at| text.is_char_boundary(at) && like(&text[at..], &pattern[1..])),
        Some(c) => text.starts_with(c) && like(&text[c.len_utf8()..], &pattern[c.len_utf8()..]),
    }
}

fn matches(text: &str, pattern: &str) -> bool {
    text.chars().count() == pattern.chars().count()
        && text.chars().zip(pattern.chars()).all(|(t, p)| match p {
            '#' => t.is_ascii_digit(),
            '?' => t.is_alphabetic(),
            '.' => true,
            p => t == p,
        })
}

/// None: the types do not match.
fn compare(left: &Value, operator: &str, right: &Value) -> Option<bool> {
    if let Some(positive) = operator.strip_prefix("not") {
        let mut letters = positive.chars();
        let first = letters.next().unwrap_or(' ').to_lowercase();
        let positive: String = first.chain(letters).collect();
        return compare(left, &positive, right).map(|holds| !holds);
    }
    let cased = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        other => text(other),
    };
    let both = |test: &dyn Fn(&str, &str) -> bool| match (cased(left), cased(right)) {
        (Some(l), Some(r)) => test(&l, &r),
        _ => false,
    };
    Some(match operator {
        "equals" => same(left, right) || left.is_null() && right == "",
        "in" => right.as_array().is_some_and(|items| items.iter().any(|item| same(left, item))),
        "like" => both(&|l, r| like(&low(l), &low(r))),
        "match" => both(&matches),
        "matchInsensitively" => both(&|l, r| matches(&low(l), &low(r))),
        "contains" => both(&|l, r| low(l).contains(&low(r))),
        "exists" => left.is_null() != (right == true),
        "less" | "lessOrEquals" | "greater" | "greaterOrEquals" => {
            if left.is_null() {
                return Some(false);
            }
            let order = if left.is_number() || right.is_number() {
                number(left)?.partial_cmp(&number(right)?)?
            } else {
                // Digits before letters, as the words of the generator need it.
                text(left)?.cmp(&text(right)?)
            };
            if left.is_boolean() || right.is_boolean() {
                return None;
            }
            match operator {
                "less" => order.is_lt(),
                "lessOrEquals" => order.is_le(),
                "greater" => order.is_gt(),
                _ => order.is_ge(),
            }
        }
        other => panic!("no operator `{other}`"),
    })
}
