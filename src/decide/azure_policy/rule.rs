//! Evaluates conditions: `allOf`, `anyOf`, `not`, the operators, and `count`.
//!
//! Source: *Azure Policy definition structure policy rule* (Conditions, Count); *Author policies for array properties
//! on Azure resources*: a `field` condition on `[*]` "checks whether all individual values meet the condition", and an
//! array that is missing selects "an empty collection of values".

use super::compare::{self, NoOrder};
use super::condition::{Condition, Count, FieldName, Left, Operator, Over, Test, flag};
use super::evaluate::{Counts, Current, Scene};
use super::field::Field;
use super::limit;
use super::outcome::{Gap, Outcome, Stop};
use super::subject::{Place, Selection};
use serde_json::Value;
use std::borrow::Cow;
use std::cmp::Ordering;

/// A left-hand side: one value, a collection, or a number between two bounds.
enum Operand<'s> {
    One {
        value: Result<Cow<'s, Value>, Gap>,
        region: bool,
    },
    Collection(Vec<Result<Cow<'s, Value>, Gap>>),
    /// Members known to count, and how many more may; none: no bound.
    Tally {
        least: u64,
        most: Option<u64>,
        gap: Option<Gap>,
        failure: Option<String>,
    },
}

impl<'s> Scene<'s> {
    pub fn rule(&self, condition: &'s Condition) -> Outcome<'s> {
        self.condition(condition, &Counts::default())
    }

    fn condition(&self, condition: &'s Condition, counts: &Counts) -> Outcome<'s> {
        if let Err(stop) = self.tick(1) {
            return Outcome::stopped(stop);
        }
        match &condition.test {
            Test::All(items) => self.sequence(condition, items, counts, true),
            Test::Any(items) => self.sequence(condition, items, counts, false),
            Test::Not(inner) => self.condition(inner, counts).negated(),
            Test::Unsupported(fact) => Outcome::unknown(Gap::of(fact.as_str())),
            Test::Compare { left, operator, right } => {
                let outcome = match self.left(left, counts) {
                    Ok(operand) => self.compare(operand, *operator, right, counts),
                    // The right-hand side is evaluated too: where it fails, so does the condition.
                    Err(Stop::Unknown(gap)) => match self.template(right, counts) {
                        Err(Stop::Failed(failure)) => Outcome::failed(failure),
                        Ok(_) | Err(Stop::Unknown(_)) => Outcome::unknown(gap),
                    },
                    Err(Stop::Failed(failure)) => Outcome::failed(failure),
                };
                if outcome.definite() { outcome.because(condition) } else { outcome }
            }
        }
    }

    /// `allOf` (`anyOf`), left to right: an item is looked at only in the cases in which those before it held (did
    /// not), so that an error after the answer is settled does not count.
    fn sequence(&self, whole: &'s Condition, items: &'s [Condition], counts: &Counts, all: bool) -> Outcome<'s> {
        let mut result = Outcome::none();
        let mut carried: Vec<(&'s Condition, &'s Condition)> = Vec::new();
        let mut goes_on = true;
        for item in items {
            let outcome = self.condition(item, counts);
            let (settles, passes) =
                if all { (outcome.can_miss, outcome.can_hold) } else { (outcome.can_hold, outcome.can_miss) };
            if settles || outcome.can_fail {
                result.cause = result.cause.or(outcome.cause);
            }
            if all {
                result.can_miss |= settles
            } else {
                result.can_hold |= settles
            }
            result.can_fail |= outcome.can_fail;
            result.failure = result.failure.or(outcome.failure);
            if !(outcome.can_hold ^ outcome.can_miss) || outcome.can_fail {
                result.facts.extend(outcome.facts);
                result.malformed |= outcome.malformed;
            }
            goes_on = passes;
            if !goes_on {
                break;
            }
            if let Some(cause) = outcome.cause {
                carried.push((item, cause));
            }
        }
        if goes_on {
            if all {
                result.can_hold = true
            } else {
                result.can_miss = true
            }
            if result.definite() {
                result.cause = Some(pick(whole, &carried, items.len()));
            }
        }
        result.settle()
    }

    fn field_of(&self, name: &'s FieldName, counts: &Counts) -> Result<Cow<'s, Field>, Stop> {
        match name {
            FieldName::Fixed(field, _) => Ok(Cow::Borrowed(field)),
            FieldName::Computed(template) => match self.template(template, counts)?.as_ref() {
                Value::String(text) => Field::parse(text).map(Cow::Owned).map_err(Stop::unknown),
                _ => Err(Stop::Failed("a `field` that is not a string".to_owned())),
            },
        }
    }

    fn left(&self, left: &'s Left, counts: &Counts) -> Result<Operand<'s>, Stop> {
        match left {
            Left::Value(template) => Ok(Operand::One { value: Ok(self.template(template, counts)?), region: false }),
            Left::Field(name) => {
                let field = self.field_of(name, counts)?;
                let region = *field == Field::Location;
                let own = |value: Result<Option<&'s Value>, Gap>| {
                    value.map(|value| value.map_or(Cow::Owned(Value::Null), Cow::Borrowed))
                };
                Ok(match self.subject.place(&field, self.aliases) {
                    Place::Value(value) => Operand::One { value: value.map(Cow::Owned), region },
                    Place::Missing { collection: true } => Operand::Collection(Vec::new()),
                    Place::Missing { collection: false } => Operand::One { value: Ok(Cow::Owned(Value::Null)), region },
                    Place::Path { path, by_rule } => match self.subject.select(&path, by_rule, &counts.bound) {
                        Selection::One(value) => Operand::One { value: own(value), region },
                        Selection::Many(members) => {
                            let members = members?;
                            self.tick(members.len() as u64)?;
                            Operand::Collection(members.into_iter().map(|member| own(member.value)).collect())
                        }
                    },
                })
            }
            Left::Count(count) => self.count(count, counts),
        }
    }

    fn count(&self, count: &'s Count, counts: &Counts) -> Result<Operand<'s>, Stop> {
        let mut tally = Tally::default();
        match &count.over {
            Over::Field(name) => {
                let field = self.field_of(name, counts)?;
                let spelled = match (&*field, name) {
                    (_, FieldName::Fixed(_, spelled)) => spelled.clone(),
                    (Field::Alias(alias), FieldName::Computed(_)) if alias.contains("[*]") => alias.clone(),
                    _ => return Err(Stop::unknown("a count over a field that is not an array alias")),
                };
                let members = match self.subject.place(&field, self.aliases) {
                    Place::Value(value) => {
                        let gap = value.err().unwrap_or_default();
                        return Ok(self.unbounded(count, &spelled, gap, counts));
                    }
                    Place::Missing { .. } => Vec::new(),
                    Place::Path { path, by_rule } => match self.subject.select(&path, by_rule, &counts.bound) {
                        Selection::Many(Ok(members)) => members,
                        Selection::Many(Err(gap)) => return Ok(self.unbounded(count, &spelled, gap, counts)),
                        Selection::One(_) => return Err(Stop::unknown("a count over a path without an array")),
                    },
                };
                for member in members {
                    self.tick(1)?;
                    let Some(filter) = &count.filter else {
                        tally.least += 1;
                        continue;
                    };
                    let mut inner = counts.clone();
                    inner.bound.extend(member.within);
                    let value = member.value.map(|value| value.cloned().unwrap_or(Value::Null));
                    inner.current.push(Current { name: spelled.clone(), value });
                    tally.add(self.condition(filter, &inner));
                }
            }
            Over::Value { list, name } => {
                // "When not provided, the index name is implicitly set to "default"."
                let name = name.as_deref().unwrap_or("default");
                let list = match self.template(list, counts) {
                    Ok(list) => list,
                    Err(Stop::Unknown(gap)) => return Ok(self.unbounded(count, name, gap, counts)),
                    Err(failed @ Stop::Failed(_)) => return Err(failed),
                };
                let Value::Array(items) = list.as_ref() else {
                    return Err(Stop::Failed("a count over a value that is not an array".to_owned()));
                };
                // "Nested Value count expressions also include the iteration count of the parent expression."
                let iterations = counts.iterations.max(1).saturating_mul(items.len().max(1));
                if iterations > limit::ITERATIONS {
                    return Err(Stop::Failed(format!("a value count of more than {} iterations", limit::ITERATIONS)));
                }
                for item in items {
                    self.tick(1)?;
                    let Some(filter) = &count.filter else {
                        tally.least += 1;
                        continue;
                    };
                    let mut inner = counts.clone();
                    inner.iterations = iterations;
                    inner.current.push(Current { name: name.to_owned(), value: Ok(item.clone()) });
                    tally.add(self.condition(filter, &inner));
                }
            }
        }
        Ok(tally.operand())
    }

    /// A count over an array that nobody recorded: 0 or more, and it may fail where its condition may fail of a member.
    fn unbounded(&self, count: &'s Count, name: &str, mut gap: Gap, counts: &Counts) -> Operand<'s> {
        if let Some(filter) = &count.filter {
            let mut inner = counts.clone();
            inner.current.push(Current { name: name.to_owned(), value: Err(gap.clone().nullable()) });
            gap.may_fail |= self.condition(filter, &inner).can_fail;
        }
        Operand::Tally { least: 0, most: None, gap: Some(gap), failure: None }
    }

    fn compare(&self, operand: Operand<'s>, operator: Operator, right: &'s Template, counts: &Counts) -> Outcome<'s> {
        let right = match self.template(right, counts) {
            Ok(right) => right,
            Err(Stop::Failed(failure)) => return Outcome::failed(failure),
            Err(Stop::Unknown(gap)) => {
                return match operand {
                    // No member, nothing to compare.
                    Operand::Collection(members) if members.is_empty() => Outcome::known(true),
                    Operand::Tally { failure: Some(failure), .. } => Outcome::failed(failure),
                    Operand::One { .. } | Operand::Collection(_) | Operand::Tally { .. } => Outcome::unknown(gap),
                };
            }
        };
        match operand {
            Operand::One { value, region } => compare_one(value, operator, &right, region),
            Operand::Collection(members) => {
                let mut result = Outcome::known(true);
                for member in members {
                    let outcome = compare_one(member, operator, &right, false);
                    result.can_miss |= outcome.can_miss;
                    result.can_fail |= outcome.can_fail;
                    result.failure = result.failure.or(outcome.failure);
                    result.facts.extend(outcome.facts);
                    if !outcome.can_hold {
                        result.can_hold = false;
                        break;
                    }
                }
                result.settle()
            }
            Operand::Tally { failure: Some(failure), .. } => Outcome::failed(failure),
            Operand::Tally { least, most, gap, failure: None } => {
                let mut outcome = compare_tally(least, most, operator, &right);
                if let Some(gap) = gap {
                    outcome.can_fail |= gap.may_fail;
                    outcome.malformed |= gap.malformed;
                    outcome.facts.extend(gap.facts);
                }
                outcome.settle()
            }
        }
    }
}

use super::template::Template;

/// "k members true, u unknown: the interval [k, k+u]."
#[derive(Default)]
struct Tally {
    least: u64,
    open: u64,
    gap: Option<Gap>,
    failure: Option<String>,
}

impl Tally {
    fn add(&mut self, outcome: Outcome) {
        if outcome.fails() {
            self.failure = self.failure.take().or(outcome.failure).or_else(|| Some("a count".to_owned()));
            return;
        }
        match (outcome.can_hold, outcome.can_miss) {
            (true, false) => self.least += 1,
            (true, true) => self.open += 1,
            (false, _) => {}
        }
        if !outcome.definite() {
            self.gap.get_or_insert_with(Gap::default).absorb(Gap {
                facts: outcome.facts,
                may_fail: outcome.can_fail,
                nullable: false,
                array: false,
                malformed: outcome.malformed,
            });
        }
    }

    fn operand<'s>(self) -> Operand<'s> {
        Operand::Tally { least: self.least, most: Some(self.least + self.open), gap: self.gap, failure: self.failure }
    }
}

/// The part of a composite that settled it: its only item, or the only one that does not merely pick out the resource.
fn pick<'s>(whole: &'s Condition, carried: &[(&'s Condition, &'s Condition)], items: usize) -> &'s Condition {
    let telling: Vec<_> = carried
        .iter()
        .filter(|(item, _)| !matches!(item.plain_field(), Some(Field::Type | Field::Kind | Field::Name)))
        .collect();
    match (telling.as_slice(), carried) {
        ([(_, cause)], _) if carried.len() == items => cause,
        (_, [(_, cause)]) if items == 1 => cause,
        _ => whole,
    }
}

fn compare_one<'s>(left: Result<Cow<'s, Value>, Gap>, operator: Operator, right: &Value, region: bool) -> Outcome<'s> {
    let left = match left {
        Ok(left) => left,
        Err(gap) => {
            // Whatever the value: nothing is in an empty list.
            return match (operator, right) {
                (Operator::In, Value::Array(items)) if items.is_empty() => Outcome::known(false),
                (Operator::NotIn, Value::Array(items)) if items.is_empty() => Outcome::known(true),
                _ => Outcome::unknown(gap),
            };
        }
    };
    let compared = if region {
        holds(&compare::region_value(&left), operator, &compare::region_value(right))
    } else {
        holds(&left, operator, right)
    };
    match compared {
        Ok(holds) => Outcome::known(holds),
        Err(stop) => Outcome::stopped(stop),
    }
}

/// One operator over two known values.
fn holds(left: &Value, operator: Operator, right: &Value) -> Result<bool, Stop> {
    use Operator::*;
    let negated = |holds: bool| Ok(!holds);
    match operator {
        Equals => Ok(equals(left, right)),
        NotEquals => negated(equals(left, right)),
        In => among(left, right),
        NotIn => among(left, right).map(|found| !found),
        Like => pattern(left, right, compare::like),
        NotLike => pattern(left, right, compare::like).map(|found| !found),
        Match => pattern(left, right, |l, r| compare::matches(l, r, true)),
        NotMatch => pattern(left, right, |l, r| compare::matches(l, r, true)).map(|found| !found),
        MatchInsensitively => pattern(left, right, |l, r| compare::matches(l, r, false)),
        NotMatchInsensitively => pattern(left, right, |l, r| compare::matches(l, r, false)).map(|found| !found),
        Contains => contains(left, right),
        NotContains => contains(left, right).map(|found| !found),
        ContainsKey => contains_key(left, right),
        NotContainsKey => contains_key(left, right).map(|found| !found),
        Less => ordered(left, right, Ordering::is_lt),
        LessOrEquals => ordered(left, right, Ordering::is_le),
        Greater => ordered(left, right, Ordering::is_gt),
        GreaterOrEquals => ordered(left, right, Ordering::is_ge),
        Exists => {
            let wanted = match right {
                Value::Bool(wanted) => Some(*wanted),
                Value::String(text) => flag(text),
                Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
            };
            match wanted {
                Some(wanted) => Ok(left.is_null() != wanted),
                None => Err(Stop::Failed("`exists` with neither true nor false".to_owned())),
            }
        }
    }
}

/// A missing field equals the empty string as well: both count as empty (the built-in definition 8c6a50c6 pairs
/// `exists: false` with `equals: ""`).
fn equals(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Null, Value::String(text)) => text.is_empty(),
        _ => compare::equal(left, right),
    }
}

fn among(left: &Value, right: &Value) -> Result<bool, Stop> {
    match right {
        Value::Array(items) => Ok(items.iter().any(|item| compare::equal(left, item))),
        _ => Err(Stop::Failed("`in` with a right-hand side that is not a list".to_owned())),
    }
}

/// `like` and `match`: over the string forms of two scalars; null, arrays and objects match nothing.
fn pattern(left: &Value, right: &Value, fits: impl Fn(&str, &str) -> bool) -> Result<bool, Stop> {
    let Some(right) = compare::text_of(right) else {
        return Err(Stop::Failed("a pattern that is not a string".to_owned()));
    };
    Ok(compare::text_of(left).is_some_and(|left| fits(&left, &right)))
}

/// A substring without case, or a member of an array.
fn contains(left: &Value, right: &Value) -> Result<bool, Stop> {
    match left {
        Value::Null => Ok(false),
        Value::Array(items) => Ok(items.iter().any(|item| compare::equal(item, right))),
        Value::Object(_) => Err(Stop::unknown("`contains` of an object (no page says what it means)")),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            pattern(left, right, |l, r| compare::fold(l).contains(compare::fold(r).as_ref()))
        }
    }
}

fn contains_key(left: &Value, right: &Value) -> Result<bool, Stop> {
    let Some(key) = compare::text_of(right) else {
        return Err(Stop::Failed("`containsKey` with a key that is not a string".to_owned()));
    };
    Ok(left.as_object().is_some_and(|members| members.keys().any(|k| compare::same_text(k, &key))))
}

fn ordered(left: &Value, right: &Value, wanted: fn(Ordering) -> bool) -> Result<bool, Stop> {
    if left.is_null() {
        return Ok(false);
    }
    match compare::order(left, right) {
        Ok(order) => Ok(wanted(order)),
        Err(NoOrder::Mismatch) => Err(Stop::Failed("a comparison of values whose types do not match".to_owned())),
        Err(NoOrder::Culture) => Err(Stop::unknown("culture order of strings beyond ASCII")),
    }
}

/// A number of which only bounds are known: true or false only where every whole number within them gives the same.
fn compare_tally<'s>(least: u64, most: Option<u64>, operator: Operator, right: &Value) -> Outcome<'s> {
    /// Numbers tried one by one; beyond them the ends and the numbers the right-hand side names tell the rest.
    const TRIED: u64 = 64;
    let mut candidates: Vec<u64> = Vec::new();
    let end = most.unwrap_or(u64::MAX >> 12);
    candidates.extend(least..=least.saturating_add(TRIED).min(end));
    candidates.push(end);
    let named = match right {
        Value::Array(items) => items.as_slice(),
        other => std::slice::from_ref(other),
    };
    for item in named {
        let number = item.as_f64().or_else(|| item.as_str().and_then(compare::number_in).and_then(|n| n.as_f64()));
        let Some(number) = number.filter(|n| *n >= 0.0 && *n < (u64::MAX >> 12) as f64) else { continue };
        let whole = number as u64;
        let near = [whole.saturating_sub(1), whole, whole.saturating_add(1)];
        candidates.extend(near.into_iter().filter(|n| (least..=end).contains(n)));
    }
    let mut result = Outcome::none();
    for candidate in candidates {
        match holds(&Value::from(candidate), operator, right) {
            Ok(true) => result.can_hold = true,
            Ok(false) => result.can_miss = true,
            Err(Stop::Failed(failure)) => {
                result.can_fail = true;
                result.failure = Some(failure);
            }
            Err(Stop::Unknown(gap)) => {
                result.can_hold = true;
                result.can_miss = true;
                result.facts.extend(gap.facts);
            }
        }
    }
    result
}
