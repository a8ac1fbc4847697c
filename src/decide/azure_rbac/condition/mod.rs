//! Conditions of Azure ABAC, version 2.0, on role assignments, on permissions of role definitions and on deny
//! assignments (*Azure role assignment condition format and syntax*).
//!
//! The text is parsed once, with a real grammar and places in its errors, and evaluated many times. A condition that
//! does not parse, or is of another version, is unknown and says why.

mod evaluate;
mod lexer;
mod operator;
mod parser;

pub(super) use evaluate::Context;

use super::logic::Logic;
use super::pattern::Patterns;
use crate::model::json;
use operator::{Operator, Quantifier};
use serde_json::Value;
use std::fmt;
use std::sync::Arc;

/// Where a condition's text fails to parse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionError {
    /// In characters, from 1.
    pub position: usize,
    /// One sentence, lower case, no full stop.
    pub message: String,
}

impl ConditionError {
    fn new(text: &str, at: usize, message: impl Into<String>) -> Self {
        let before = text.get(..at).unwrap_or(text);
        ConditionError { position: before.chars().count() + 1, message: message.into() }
    }
}

impl fmt::Display for ConditionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "character {}: {}", self.position, self.message)
    }
}

impl std::error::Error for ConditionError {}

/// `@Request[…]` and its like. The key is folded, the spelling is kept for print.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Attribute {
    key: Box<str>,
    spelled: Box<str>,
}

impl Attribute {
    fn new(source: &str, path: &str) -> Self {
        Attribute { key: attribute_key(source, path).into(), spelled: format!("@{source}[{path}]").into() }
    }
}

/// Attribute names compare without case, tag keys marked `<$key_case_sensitive$>` excepted.
fn attribute_key(source: &str, path: &str) -> String {
    const MARK: &str = "<$key_case_sensitive$>";
    let lower = path.to_ascii_lowercase();
    let folded = match (lower.find(MARK), path.find(':')) {
        (Some(mark), Some(colon)) if colon < mark => {
            let name = path.get(..=colon).unwrap_or_default().to_lowercase();
            format!("{name}{}{MARK}", path.get(colon + 1..mark).unwrap_or_default())
        }
        _ => path.to_lowercase(),
    };
    format!("{}[{folded}]", source.to_ascii_lowercase())
}

/// The folded key of `@Source[path]` as a request's evidence spells it.
fn evidence_key(text: &str) -> Option<String> {
    let (source, rest) = text.trim().strip_prefix('@')?.split_once('[')?;
    Some(attribute_key(source.trim(), rest.strip_suffix(']')?.trim()))
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar {
    Text(Box<str>),
    Number(i64),
    Bool(bool),
    /// Folded, without hyphens.
    Guid(Box<str>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    Attribute(Attribute),
    Values(Vec<Scalar>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Comparison {
    left: Operand,
    /// How the left values and the right values are quantified; none: a plain operator, one value on each side.
    quantifiers: Option<(Quantifier, Quantifier)>,
    operator: Operator,
    right: Operand,
}

#[derive(Clone, Debug)]
pub(super) enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Not(Box<Expression>),
    ActionMatches(Patterns),
    /// Folded.
    SubOperationMatches(Vec<Box<str>>),
    Exists(Attribute),
    Compare(Box<Comparison>),
}

/// A condition as a document carries it.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    body: Result<Expression, Unreadable>,
    /// Mixed `AND` and `OR` without parentheses: ambiguous in the service, read with `AND` binding tighter.
    pub mixed: bool,
}

/// Why a condition cannot be evaluated: the fact that is missing, and the sentence for people.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Unreadable {
    fact: Arc<str>,
    pub says: String,
}

impl Condition {
    /// The condition of a document's `condition` and `conditionVersion`; none where it has none. `owner` names the
    /// document in the missing fact.
    pub fn of(holder: &Value, owner: &str) -> Option<Condition> {
        let text = match json::get(holder, "condition") {
            None | Some(Value::Null) => return None,
            Some(Value::String(text)) if text.trim().is_empty() => return None,
            Some(Value::String(text)) => text,
            Some(_) => return Some(Condition::unreadable(format!("condition of {owner}"), "`condition` is no text")),
        };
        // A condition without a version is 2.0 (*Add or edit Azure role assignment conditions using the REST API*).
        let version = match json::get(holder, "conditionVersion") {
            None | Some(Value::Null) => "2.0".to_owned(),
            Some(Value::String(version)) => version.trim().to_owned(),
            Some(other) => other.to_string(),
        };
        if version != "2.0" {
            let shown = lexer::clip(&version);
            return Some(Condition::unreadable(
                format!("semantics:conditionVersion:{shown}"),
                format!("condition version `{shown}` is not documented"),
            ));
        }
        Some(Condition::parse(text).unwrap_or_else(|error| {
            Condition::unreadable(format!("condition of {owner}"), format!("the condition does not parse, {error}"))
        }))
    }

    pub fn parse(text: &str) -> Result<Condition, ConditionError> {
        let (expression, mixed) = parser::parse(text)?;
        Ok(Condition { body: Ok(expression), mixed })
    }

    fn unreadable(fact: impl Into<Arc<str>>, says: impl Into<String>) -> Condition {
        Condition { body: Err(Unreadable { fact: fact.into(), says: says.into() }), mixed: false }
    }

    /// Why it cannot be evaluated, if so.
    pub fn complaint(&self) -> Option<&Unreadable> {
        self.body.as_ref().err()
    }

    pub fn holds<L: Logic>(&self, context: &Context<'_>) -> L {
        match &self.body {
            Ok(expression) => expression.holds(context),
            Err(unreadable) => L::missing(|| unreadable.fact.to_string()),
        }
    }
}

/// Whether an optional condition holds: none always does.
pub(super) fn holds<L: Logic>(condition: Option<&Condition>, context: &Context<'_>) -> L {
    condition.map_or_else(|| L::of(true), |condition| condition.holds(context))
}

/// Reads a condition's text: what it says about itself, or the place where it fails.
pub fn check(text: &str) -> Result<ConditionSummary, ConditionError> {
    let condition = Condition::parse(text)?;
    Ok(ConditionSummary { mixed_and_or: condition.mixed })
}

/// What can be said of a condition without a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConditionSummary {
    /// `AND` and `OR` stand beside each other without parentheses.
    pub mixed_and_or: bool,
}
