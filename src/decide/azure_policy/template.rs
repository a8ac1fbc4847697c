//! A JSON value of a definition in which strings may be expressions.

use super::Complaint;
use super::expression::{self, Expression, Spelled};
use serde_json::Value;

#[derive(Clone, Debug)]
pub(super) enum Template {
    Literal(Value),
    Expression(Expression),
    List(Vec<Template>),
    Object(Vec<(String, Template)>),
    /// Could not be read; the complaint that says so.
    Unsupported(String),
}

/// Bound on the nesting of definitions; the platform's own is far below.
pub(super) const DEPTH: usize = 100;

/// Collects what of one document is not supported.
pub(super) struct Reader<'a> {
    pub definition: &'a str,
    pub complaints: Vec<Complaint>,
}

impl Reader<'_> {
    /// Notes a complaint and gives the fact it makes missing.
    pub fn complain(&mut self, pointer: &str, construct: impl Into<String>) -> String {
        let construct = construct.into();
        let fact = format!("policy definition `{}` at {pointer}: {construct}", self.definition);
        self.complaints.push(Complaint {
            definition: self.definition.to_owned(),
            pointer: pointer.to_owned(),
            construct,
        });
        fact
    }

    pub fn template(&mut self, value: &Value, pointer: &str) -> Template {
        self.template_within(value, pointer, DEPTH)
    }

    fn template_within(&mut self, value: &Value, pointer: &str, depth: usize) -> Template {
        if depth == 0 {
            return Template::Unsupported(self.complain(pointer, format!("a value nested deeper than {DEPTH}")));
        }
        match value {
            Value::String(text) => match expression::spelled(text) {
                Spelled::Literal(literal) => Template::Literal(Value::String(literal.to_owned())),
                Spelled::Expression(inner) => match expression::parse(inner) {
                    Ok(parsed) => Template::Expression(parsed),
                    Err(construct) => Template::Unsupported(self.complain(pointer, construct)),
                },
            },
            Value::Array(items) => {
                let items: Vec<_> = items
                    .iter()
                    .enumerate()
                    .map(|(at, item)| self.template_within(item, &format!("{pointer}/{at}"), depth - 1))
                    .collect();
                if items.iter().all(|item| matches!(item, Template::Literal(_))) {
                    return Template::Literal(Value::Array(items.into_iter().filter_map(Template::literal).collect()));
                }
                Template::List(items)
            }
            Value::Object(members) => {
                let members: Vec<_> = members
                    .iter()
                    .map(|(key, item)| {
                        let within = format!("{pointer}/{}", escape(key));
                        (key.clone(), self.template_within(item, &within, depth - 1))
                    })
                    .collect();
                if members.iter().all(|(_, item)| matches!(item, Template::Literal(_))) {
                    let members = members.into_iter().filter_map(|(key, item)| Some((key, item.literal()?)));
                    return Template::Literal(Value::Object(members.collect()));
                }
                Template::Object(members)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Template::Literal(value.clone()),
        }
    }
}

impl Template {
    fn literal(self) -> Option<Value> {
        match self {
            Template::Literal(value) => Some(value),
            Template::Expression(_) | Template::List(_) | Template::Object(_) | Template::Unsupported(_) => None,
        }
    }

    /// Visits every expression within.
    pub fn walk(&self, visit: &mut dyn FnMut(&Expression)) {
        match self {
            Template::Literal(_) | Template::Unsupported(_) => {}
            Template::Expression(expression) => expression.walk(visit),
            Template::List(items) => items.iter().for_each(|item| item.walk(visit)),
            Template::Object(members) => members.iter().for_each(|(_, item)| item.walk(visit)),
        }
    }
}

/// One step of a JSON pointer.
pub(super) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
