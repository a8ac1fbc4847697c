//! What a condition says of one request.
//!
//! An attribute that is not in the evidence is unknown; one that is known to be absent makes its comparison false and
//! `Exists` false. A value of another kind than the operator compares, or several values under a plain operator, is
//! unknown.

use super::operator::{Operated, Quantifier};
use super::{Attribute, Comparison, Expression, Operand, evidence_key};
use crate::decide::azure_rbac::logic::Logic;
use crate::model::request::ArmRequest;
use serde_json::Value;
use std::cell::OnceCell;
use std::collections::BTreeMap;

/// Past this many pairs a cross product is not computed: text and evidence may both be hostile.
const PAIRS: usize = 1 << 22;

/// The request as conditions see it.
pub(in crate::decide::azure_rbac) struct Context<'a> {
    request: &'a ArmRequest,
    /// Folded.
    operation: &'a str,
    suboperation: Option<String>,
    /// Evidence by folded key; folded only once a condition asks.
    attributes: OnceCell<BTreeMap<String, Option<&'a [Value]>>>,
}

impl<'a> Context<'a> {
    pub fn new(request: &'a ArmRequest, operation: &'a str) -> Self {
        let suboperation = request.suboperation.as_deref().map(str::to_lowercase);
        Context { request, operation, suboperation, attributes: OnceCell::new() }
    }

    fn values(&self, attribute: &Attribute) -> Values<'_> {
        let evidence = self.attributes.get_or_init(|| {
            let mut folded = BTreeMap::new();
            for (key, values) in &self.request.attributes {
                if let Some(key) = evidence_key(key) {
                    folded.entry(key).or_insert(values.as_deref());
                }
            }
            folded
        });
        match (evidence.get(attribute.key.as_ref()), attribute.key.as_ref()) {
            (Some(Some(values)), _) => Values::Known(values.iter().map(operated).collect()),
            (Some(None), _) => Values::Absent,
            (None, "environment[utcnow]") => Values::Known(vec![Operated::Time(self.request.utc_now)]),
            // The form conditions had before `SubOperationMatches`.
            (None, "request[suboperation]") => match &self.request.suboperation {
                Some(suboperation) => Values::Known(vec![Operated::Text(suboperation)]),
                None => Values::Absent,
            },
            (None, _) => Values::Unknown,
        }
    }
}

enum Values<'a> {
    Unknown,
    /// On record that there is none.
    Absent,
    Known(Vec<Operated<'a>>),
}

fn operated(value: &Value) -> Operated<'_> {
    match value {
        Value::String(text) => Operated::Text(text),
        Value::Bool(value) => Operated::Bool(*value),
        Value::Number(number) => number.as_i64().map_or(Operated::Other, Operated::Number),
        Value::Null | Value::Array(_) | Value::Object(_) => Operated::Other,
    }
}

impl Expression {
    pub fn holds<L: Logic>(&self, context: &Context<'_>) -> L {
        match self {
            Expression::All(terms) => L::all(terms.iter().map(|term| term.holds(context))),
            Expression::Any(terms) => L::any(terms.iter().map(|term| term.holds(context))),
            Expression::Not(term) => term.holds::<L>(context).not(),
            Expression::ActionMatches(patterns) => patterns.matches(context.operation),
            Expression::SubOperationMatches(words) => L::of(
                context.suboperation.as_deref().is_some_and(|word| words.iter().any(|known| known.as_ref() == word)),
            ),
            Expression::Exists(attribute) => match context.values(attribute) {
                Values::Unknown => L::missing(|| attribute.spelled.to_string()),
                Values::Absent => L::of(false),
                Values::Known(_) => L::of(true),
            },
            Expression::Compare(comparison) => comparison.holds(context),
        }
    }
}

impl Comparison {
    fn holds<L: Logic>(&self, context: &Context<'_>) -> L {
        let (left, right) = (self.left.values(context), self.right.values(context));
        let unknown = |operand: &Operand| operand.fact();
        let (left, right) = match (left, right) {
            (Values::Absent, _) | (_, Values::Absent) => return L::of(false),
            (Values::Unknown, Values::Unknown) => {
                return L::missing(|| unknown(&self.left)).and(L::missing(|| unknown(&self.right)));
            }
            (Values::Unknown, Values::Known(_)) => return L::missing(|| unknown(&self.left)),
            (Values::Known(_), Values::Unknown) => return L::missing(|| unknown(&self.right)),
            (Values::Known(left), Values::Known(right)) => (left, right),
        };
        let pair = |left: Operated<'_>, right: Operated<'_>| match self.operator.pair(left, right) {
            Some(holds) => L::of(holds),
            None => L::missing(|| format!("{} of the kind its operator compares", self.named())),
        };
        let Some((over_left, over_right)) = self.quantifiers else {
            return match (left.as_slice(), right.as_slice()) {
                ([left], [right]) => pair(*left, *right),
                _ => L::missing(|| format!("{} with one value", self.named())),
            };
        };
        if left.len().saturating_mul(right.len()) > PAIRS {
            return L::missing(|| format!("{} with fewer values", self.named()));
        }
        quantified(over_left, &left, |left| quantified(over_right, &right, |right| pair(*left, *right)))
    }

    /// The operand that evidence, rather than the condition's own text, tells.
    fn named(&self) -> String {
        match &self.left {
            Operand::Attribute(_) => self.left.fact(),
            Operand::Values(_) => self.right.fact(),
        }
    }
}

/// Over no value at all *any* is false and *all* is true.
fn quantified<T, L: Logic>(quantifier: Quantifier, values: &[T], holds: impl Fn(&T) -> L) -> L {
    match quantifier {
        Quantifier::Any => L::any(values.iter().map(holds)),
        Quantifier::All => L::all(values.iter().map(holds)),
    }
}

impl Operand {
    fn values<'v>(&'v self, context: &'v Context<'_>) -> Values<'v> {
        match self {
            Operand::Attribute(attribute) => context.values(attribute),
            Operand::Values(values) => Values::Known(values.iter().map(Operated::from).collect()),
        }
    }

    fn fact(&self) -> String {
        match self {
            Operand::Attribute(attribute) => attribute.spelled.to_string(),
            Operand::Values(_) => "a value of the condition".to_owned(),
        }
    }
}
