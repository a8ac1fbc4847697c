//! The condition language of `policyRule.if`, compiled: `allOf`, `anyOf`, `not`, and conditions over `field`, `value`
//! and `count`. Keys are read in any letter case.
//!
//! Source: *Azure Policy definition structure policy rule*. What is not in that page is a complaint with its pointer,
//! and a condition that is unknown.

use super::field::Field;
use super::template::{DEPTH, Reader, Template, escape};
use serde_json::{Map, Value};

#[derive(Debug)]
pub(super) struct Condition {
    /// JSON pointer in the definition.
    pub pointer: String,
    pub test: Test,
}

#[derive(Debug)]
pub(super) enum Test {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Compare {
        left: Left,
        operator: Operator,
        right: Template,
    },
    /// The fact that a construct we do not read makes missing.
    Unsupported(String),
}

#[derive(Debug)]
pub(super) enum Left {
    Field(FieldName),
    Value(Template),
    Count(Count),
}

#[derive(Debug)]
pub(super) enum FieldName {
    Fixed(Field, String),
    /// `[concat('tags[', parameters('tagName'), ']')]`
    Computed(Template),
}

#[derive(Debug)]
pub(super) struct Count {
    pub over: Over,
    pub filter: Option<Box<Condition>>,
}

#[derive(Debug)]
pub(super) enum Over {
    Field(FieldName),
    Value { list: Template, name: Option<String> },
}

macro_rules! operators {
    ($($name:ident = $word:literal,)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Operator { $($name,)* }

        impl Operator {
            /// Any letter case; the built-in definitions write `Like`, `notequals`, `ContainsKey`.
            fn find(key: &str) -> Option<Operator> {
                $(if key.eq_ignore_ascii_case($word) { return Some(Operator::$name); })*
                None
            }

            pub fn word(self) -> &'static str {
                match self { $(Operator::$name => $word,)* }
            }
        }
    };
}

operators! {
    Equals = "equals",
    NotEquals = "notEquals",
    Like = "like",
    NotLike = "notLike",
    Match = "match",
    NotMatch = "notMatch",
    MatchInsensitively = "matchInsensitively",
    NotMatchInsensitively = "notMatchInsensitively",
    Contains = "contains",
    NotContains = "notContains",
    In = "in",
    NotIn = "notIn",
    ContainsKey = "containsKey",
    NotContainsKey = "notContainsKey",
    Less = "less",
    LessOrEquals = "lessOrEquals",
    Greater = "greater",
    GreaterOrEquals = "greaterOrEquals",
    Exists = "exists",
}

impl Reader<'_> {
    pub fn condition(&mut self, value: &Value, pointer: &str) -> Condition {
        self.condition_within(value, pointer, DEPTH)
    }

    fn condition_within(&mut self, value: &Value, pointer: &str, depth: usize) -> Condition {
        let test = match value {
            _ if depth == 0 => self.refuse(pointer, format!("a condition nested deeper than {DEPTH}")),
            Value::Object(members) => self.test(members, pointer, depth),
            _ => self.refuse(pointer, "a condition that is not an object"),
        };
        Condition { pointer: pointer.to_owned(), test }
    }

    fn refuse(&mut self, pointer: &str, construct: impl Into<String>) -> Test {
        Test::Unsupported(self.complain(pointer, construct))
    }

    fn test(&mut self, members: &Map<String, Value>, pointer: &str, depth: usize) -> Test {
        let at = |key: &str| format!("{pointer}/{}", escape(key));
        if let Some((key, value)) = members.iter().find(|(key, _)| is_logical(key)) {
            if let Some((other, _)) = members.iter().find(|(other, _)| *other != key) {
                return self.refuse(&at(other), format!("`{other}` beside `{key}`"));
            }
            let within = at(key);
            if key.eq_ignore_ascii_case("not") {
                return Test::Not(Box::new(self.condition_within(value, &within, depth - 1)));
            }
            let Value::Array(items) = value else {
                return self.refuse(&within, format!("`{key}` that is not a list"));
            };
            let items = items
                .iter()
                .enumerate()
                .map(|(i, item)| self.condition_within(item, &format!("{within}/{i}"), depth - 1))
                .collect();
            return if key.eq_ignore_ascii_case("allOf") { Test::All(items) } else { Test::Any(items) };
        }
        let (mut left, mut right) = (None, None);
        for (key, value) in members {
            let within = at(key);
            let duplicate = if let Some(operator) = Operator::find(key) {
                right.replace((operator, self.template(value, &within), within.clone())).is_some()
            } else if key.eq_ignore_ascii_case("field") {
                left.replace(self.field(value, &within).map(Left::Field)).is_some()
            } else if key.eq_ignore_ascii_case("value") {
                left.replace(Ok(Left::Value(self.template(value, &within)))).is_some()
            } else if key.eq_ignore_ascii_case("count") {
                left.replace(self.count(value, &within, depth - 1).map(Left::Count)).is_some()
            } else {
                return self.refuse(&within, format!("condition key `{key}`"));
            };
            if duplicate {
                return self.refuse(&within, format!("a condition with `{key}` and another of its kind"));
            }
        }
        match (left, right) {
            (Some(Ok(left)), Some((operator, right, within))) => {
                if let Some(construct) = misfit(operator, &right) {
                    return self.refuse(&within, construct);
                }
                Test::Compare { left, operator, right }
            }
            (Some(Err(fact)), Some(_)) => Test::Unsupported(fact),
            (Some(_), None) => self.refuse(pointer, "a condition without an operator"),
            (None, _) => self.refuse(pointer, "a condition without `field`, `value` or `count`"),
        }
    }

    fn field(&mut self, value: &Value, pointer: &str) -> Result<FieldName, String> {
        let Value::String(spelled) = value else {
            return Err(self.complain(pointer, "a `field` that is not a string"));
        };
        match self.template(value, pointer) {
            Template::Literal(Value::String(text)) => match Field::parse(&text) {
                Ok(field) => Ok(FieldName::Fixed(field, text)),
                Err(construct) => Err(self.complain(pointer, construct)),
            },
            Template::Unsupported(fact) => Err(fact),
            computed @ Template::Expression(_) => Ok(FieldName::Computed(computed)),
            Template::Literal(_) | Template::List(_) | Template::Object(_) => {
                Err(self.complain(pointer, format!("field `{spelled}`")))
            }
        }
    }

    pub fn field_name(&mut self, value: &Value, pointer: &str) -> Result<FieldName, String> {
        self.field(value, pointer)
    }

    fn count(&mut self, value: &Value, pointer: &str, depth: usize) -> Result<Count, String> {
        let Value::Object(members) = value else {
            return Err(self.complain(pointer, "a `count` that is not an object"));
        };
        let (mut field, mut list, mut name, mut filter) = (None, None, None, None);
        for (key, value) in members {
            let within = format!("{pointer}/{}", escape(key));
            match key.to_ascii_lowercase().as_str() {
                "field" => field = Some((self.field(value, &within)?, within)),
                "value" => list = Some(self.template(value, &within)),
                "name" => match value {
                    Value::String(text) => name = Some(text.clone()),
                    _ => return Err(self.complain(&within, "a count `name` that is not a string")),
                },
                "where" if depth > 0 => filter = Some(Box::new(self.condition_within(value, &within, depth - 1))),
                "where" => return Err(self.complain(&within, format!("a condition nested deeper than {DEPTH}"))),
                _ => return Err(self.complain(&within, format!("count key `{key}`"))),
            }
        }
        let over = match (field, list) {
            (Some((FieldName::Fixed(field, spelled), within)), None) => {
                if !(matches!(field, Field::Alias(_)) && spelled.contains("[*]")) {
                    return Err(self.complain(&within, format!("count over `{spelled}`, which is not an array alias")));
                }
                Over::Field(FieldName::Fixed(field, spelled))
            }
            (Some((computed, _)), None) => Over::Field(computed),
            (None, Some(list)) => Over::Value { list, name },
            (Some(_), Some(_)) => return Err(self.complain(pointer, "a count over both `field` and `value`")),
            (None, None) => return Err(self.complain(pointer, "a count without `field` or `value`")),
        };
        Ok(Count { over, filter })
    }
}

fn is_logical(key: &str) -> bool {
    ["allOf", "anyOf", "not"].iter().any(|word| key.eq_ignore_ascii_case(word))
}

/// A literal right-hand side that the operator cannot take.
fn misfit(operator: Operator, right: &Template) -> Option<String> {
    let Template::Literal(value) = right else { return None };
    let fits = match operator {
        Operator::In | Operator::NotIn => value.is_array(),
        Operator::Exists => value.is_boolean() || value.as_str().is_some_and(|text| flag(text).is_some()),
        Operator::Like
        | Operator::NotLike
        | Operator::Match
        | Operator::NotMatch
        | Operator::MatchInsensitively
        | Operator::NotMatchInsensitively
        | Operator::Contains
        | Operator::NotContains
        | Operator::ContainsKey
        | Operator::NotContainsKey => !value.is_array() && !value.is_object() && !value.is_null(),
        Operator::Equals
        | Operator::NotEquals
        | Operator::Less
        | Operator::LessOrEquals
        | Operator::Greater
        | Operator::GreaterOrEquals => true,
    };
    (!fits).then(|| format!("`{}` with a right-hand side of a type it does not take", operator.word()))
}

/// `"true"` and `"false"` in any letter case.
pub(super) fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

impl Condition {
    /// Visits this condition and all within it, those of `count.where` included.
    pub fn walk<'c>(&'c self, visit: &mut dyn FnMut(&'c Condition)) {
        visit(self);
        match &self.test {
            Test::All(items) | Test::Any(items) => items.iter().for_each(|item| item.walk(visit)),
            Test::Not(inner) => inner.walk(visit),
            Test::Compare { left: Left::Count(count), .. } => {
                if let Some(filter) = &count.filter {
                    filter.walk(visit);
                }
            }
            Test::Compare { left: Left::Field(_) | Left::Value(_), .. } | Test::Unsupported(_) => {}
        }
    }

    /// A literal compared with a literal.
    pub fn is_constant(&self) -> bool {
        matches!(&self.test, Test::Compare { left: Left::Value(Template::Literal(_)), right: Template::Literal(_), .. })
    }

    /// The field a condition is about, where it is about one plain field.
    pub fn plain_field(&self) -> Option<&Field> {
        match &self.test {
            Test::Compare { left: Left::Field(FieldName::Fixed(field, _)), .. } => Some(field),
            Test::Compare { .. } | Test::All(_) | Test::Any(_) | Test::Not(_) | Test::Unsupported(_) => None,
        }
    }
}
