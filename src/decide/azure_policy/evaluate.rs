//! Evaluates template expressions over one request.

use super::alias::AliasTable;
use super::compare::same_text;
use super::date;
use super::expression::Expression;
use super::field::Field;
use super::function::{self, Call, Entry, Fault, Special};
use super::limit;
use super::outcome::{Evaluated, Gap, Stop};
use super::parameters::Supply;
use super::subject::{Bound, Place, Selection, Subject};
use super::template::Template;
use crate::model::json;
use crate::model::request::{PolicyContext, PolicyRequest};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::cell::Cell;

/// Everything a rule may look at.
pub(super) struct Scene<'s> {
    /// The resource that `field` conditions read.
    pub subject: &'s Subject,
    /// The resource that the `field()` function reads: "the resource evaluated by the `if` condition".
    pub origin: &'s Subject,
    pub aliases: &'s AliasTable,
    pub supply: &'s Supply<'s>,
    pub request: &'s PolicyRequest,
    pub context: &'s PolicyContext,
    /// What `policy()` returns.
    pub policy: &'s Value,
    pub steps: &'s Cell<u64>,
}

/// The counts around an expression, innermost last.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    pub bound: Vec<Bound>,
    pub current: Vec<Current>,
    /// Iterations of the value counts around.
    pub iterations: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Current {
    /// Index name, or the counted alias.
    pub name: String,
    pub value: Result<Value, Gap>,
}

/// Whether a function fails for every kind of value that its unknown arguments may have.
fn hopeless(entry: &Entry, arguments: &[Evaluated]) -> bool {
    let none = Value::Array(Vec::new());
    let kinds =
        [Value::from(""), Value::from("a"), Value::from(1), Value::from(true), none.clone(), Value::Object(Map::new())];
    kinds.iter().all(|kind| {
        let fill = |argument: &'_ Evaluated<'_>| -> Value {
            match argument {
                Ok(known) => known.as_ref().clone(),
                Err(Stop::Unknown(gap)) if gap.array => none.clone(),
                Err(Stop::Unknown(_) | Stop::Failed(_)) => kind.clone(),
            }
        };
        let filled: Vec<Cow<Value>> = arguments.iter().map(|argument| Cow::Owned(fill(argument))).collect();
        matches!((entry.run)(&filled), Err(Fault::Fails(_)))
    })
}

impl<'s> Scene<'s> {
    pub fn tick(&self, steps: u64) -> Result<(), Stop> {
        let spent = self.steps.get().saturating_add(steps);
        self.steps.set(spent);
        if spent > limit::STEPS {
            return Err(Stop::unknown(format!("result of an evaluation of more than {} steps", limit::STEPS)));
        }
        Ok(())
    }

    pub fn template(&self, template: &'s Template, counts: &Counts) -> Evaluated<'s> {
        match template {
            Template::Literal(value) => Ok(Cow::Borrowed(value)),
            Template::Expression(expression) => self.expression(expression, counts),
            Template::Unsupported(fact) => Err(Stop::unknown(fact.as_str())),
            Template::List(items) => {
                let values = self.together(items.iter().map(|item| self.template(item, counts)))?;
                Ok(Cow::Owned(Value::Array(values.into_iter().map(Cow::into_owned).collect())))
            }
            Template::Object(members) => {
                let values = self.together(members.iter().map(|(_, item)| self.template(item, counts)))?;
                let keys = members.iter().map(|(key, _)| key.clone());
                Ok(Cow::Owned(Value::Object(keys.zip(values.into_iter().map(Cow::into_owned)).collect())))
            }
        }
    }

    /// All of them: a failure stops the evaluation whatever else is unknown.
    fn together(&self, values: impl Iterator<Item = Evaluated<'s>>) -> Result<Vec<Cow<'s, Value>>, Stop> {
        let mut all = Vec::new();
        let mut gap: Option<Gap> = None;
        for value in values {
            match value {
                Ok(value) => all.push(value),
                Err(Stop::Failed(failure)) => return Err(Stop::Failed(failure)),
                Err(Stop::Unknown(missing)) => gap.get_or_insert_with(Gap::default).absorb(missing),
            }
        }
        gap.map_or(Ok(all), |gap| Err(Stop::Unknown(gap)))
    }

    pub fn expression(&self, expression: &'s Expression, counts: &Counts) -> Evaluated<'s> {
        self.tick(1)?;
        match expression {
            Expression::Text(text) => Ok(Cow::Owned(Value::String(text.clone()))),
            Expression::Number(number) => Ok(Cow::Owned(Value::from(*number))),
            Expression::Member { of, key } => self.member(of, key, counts),
            Expression::Call { call: Call::Special(special), arguments } => self.special(*special, arguments, counts),
            Expression::Call { call: Call::Pure(entry), arguments } => {
                let values: Vec<Evaluated<'s>> = arguments.iter().map(|a| self.expression(a, counts)).collect();
                let values = match self.together(values.iter().cloned()) {
                    Ok(values) => values,
                    Err(Stop::Unknown(mut gap)) => {
                        gap.may_fail |= entry.partial || gap.nullable && !entry.takes_null || hopeless(entry, &values);
                        gap.nullable = entry.gives_null;
                        gap.array = false;
                        return Err(Stop::Unknown(gap));
                    }
                    Err(failed @ Stop::Failed(_)) => return Err(failed),
                };
                for value in &values {
                    self.within_limits(value)?;
                }
                match (entry.run)(&values) {
                    Ok(value) => {
                        self.within_limits(&value)?;
                        Ok(Cow::Owned(value))
                    }
                    Err(Fault::Fails(failure)) => Err(Stop::Failed(failure)),
                    Err(Fault::Undocumented(what)) => Err(Stop::unknown(what)),
                }
            }
        }
    }

    fn within_limits(&self, value: &Value) -> Result<(), Stop> {
        let nodes = limit::measure(value).map_err(Stop::Failed)?;
        self.tick(nodes as u64 / 16)
    }

    /// "A property that a known object lacks is null."
    fn member(&self, of: &'s Expression, key: &'s Expression, counts: &Counts) -> Evaluated<'s> {
        let key = self.expression(key, counts)?;
        if let (Expression::Call { call: Call::Special(special), .. }, Value::String(name)) = (of, key.as_ref())
            && let Some(value) = self.partly_known(*special, name)
        {
            return value;
        }
        let of = match self.expression(of, counts) {
            Ok(of) => of,
            Err(Stop::Unknown(mut gap)) => {
                gap.may_fail |= gap.nullable;
                return Err(Stop::Unknown(gap));
            }
            Err(failed @ Stop::Failed(_)) => return Err(failed),
        };
        match (of.as_ref(), key.as_ref()) {
            (Value::Object(_), Value::String(name)) => Ok(match of {
                Cow::Borrowed(of) => json::get(of, name).map_or(Cow::Owned(Value::Null), Cow::Borrowed),
                Cow::Owned(of) => Cow::Owned(json::get(&of, name).cloned().unwrap_or(Value::Null)),
            }),
            (Value::Array(items), Value::Number(index)) => {
                let item = index.as_u64().and_then(|i| usize::try_from(i).ok()).and_then(|i| items.get(i)).cloned();
                item.map(Cow::Owned)
                    .ok_or_else(|| Stop::Failed(format!("index {index} of an array of {} members", items.len())))
            }
            (_, key) => Err(Stop::Failed(format!("`{key}` of a value that has no such member"))),
        }
    }

    /// Members of the objects of the request of which we may know one and not the other.
    fn partly_known(&self, special: Special, name: &str) -> Option<Evaluated<'s>> {
        let known = |value: Value| Some(Ok(Cow::Owned(value)));
        let missing = |what: &str| Some(Err(Stop::unknown(format!("{what}().{name}"))));
        match special {
            Special::RequestContext => match &self.context.request_context {
                Some(Value::Null) => missing("requestContext"),
                Some(_) => None,
                None if name.eq_ignore_ascii_case("apiVersion") => match &self.request.api_version {
                    Some(version) => known(Value::from(version.as_str())),
                    None => missing("requestContext"),
                },
                None => missing("requestContext"),
            },
            Special::ResourceGroup => {
                let group = self.origin.id.resource_group();
                if let Some(value) = json::get(&self.context.resource_group, name).filter(|value| !value.is_null()) {
                    return Some(Ok(Cow::Borrowed(value)));
                }
                match name.to_ascii_lowercase().as_str() {
                    "id" => group.map(|id| Ok(Cow::Owned(id.spelled().into()))).or_else(|| missing("resourceGroup")),
                    "name" => group.map(|id| Ok(Cow::Owned(id.name().into()))).or_else(|| missing("resourceGroup")),
                    "tags" if self.context.resource_group.is_object() => known(Value::Object(Map::new())),
                    "type" => known("Microsoft.Resources/resourceGroups".into()),
                    "location" => missing("resourceGroup"),
                    _ if self.context.resource_group.is_object() => known(Value::Null),
                    _ => missing("resourceGroup"),
                }
            }
            Special::Subscription => {
                if let Some(value) = json::get(&self.context.subscription, name).filter(|value| !value.is_null()) {
                    return Some(Ok(Cow::Borrowed(value)));
                }
                let id = self.origin.id.subscription();
                match name.to_ascii_lowercase().as_str() {
                    "id" => id.map(|id| Ok(Cow::Owned(id.spelled().into()))).or_else(|| missing("subscription")),
                    "subscriptionid" => {
                        id.map(|id| Ok(Cow::Owned(id.name().into()))).or_else(|| missing("subscription"))
                    }
                    // Every subscription has these, so that an export without them says nothing.
                    "displayname" | "tenantid" => missing("subscription"),
                    "tags" if self.context.subscription.is_object() => known(Value::Object(Map::new())),
                    _ if self.context.subscription.is_object() => known(Value::Null),
                    _ => missing("subscription"),
                }
            }
            Special::Parameters
            | Special::Field
            | Special::Current
            | Special::Policy
            | Special::UtcNow
            | Special::If
            | Special::And
            | Special::Or
            | Special::Coalesce => None,
        }
    }

    fn special(&self, special: Special, arguments: &'s [Expression], counts: &Counts) -> Evaluated<'s> {
        let whole = |value: &'s Value, what: &str| match value {
            Value::Object(_) => Ok(Cow::Borrowed(value)),
            _ => Err(Stop::unknown(what)),
        };
        match special {
            Special::Parameters => {
                let name = self.text_argument("parameters", arguments, counts)?;
                self.supply.get(&name, self)
            }
            Special::Field => {
                let name = self.text_argument("field", arguments, counts)?;
                let field = Field::parse(&name).map_err(Stop::unknown)?;
                self.read_value(self.origin, &field, counts)
            }
            Special::Current => self.current(arguments, counts),
            Special::RequestContext => match &self.context.request_context {
                Some(value) => whole(value, "requestContext()"),
                None => Err(Stop::unknown("requestContext().identity")),
            },
            Special::ResourceGroup => whole(&self.context.resource_group, "resourceGroup()"),
            Special::Subscription => whole(&self.context.subscription, "subscription()"),
            Special::Policy => Ok(Cow::Borrowed(self.policy)),
            Special::UtcNow => {
                if arguments.is_empty() {
                    return Ok(Cow::Owned(date::universal(self.context.utc_now).into()));
                }
                let format = self.text_argument("utcNow", arguments, counts)?;
                match function::formatted("utcNow", self.context.utc_now, &format) {
                    Ok(text) => Ok(Cow::Owned(text)),
                    Err(Fault::Fails(failure)) => Err(Stop::Failed(failure)),
                    Err(Fault::Undocumented(what)) => Err(Stop::unknown(what)),
                }
            }
            Special::If => self.chosen(arguments, counts),
            Special::And => self.logical("and", arguments, counts, false),
            Special::Or => self.logical("or", arguments, counts, true),
            Special::Coalesce => {
                let mut gap: Option<Gap> = None;
                for argument in arguments {
                    match self.expression(argument, counts) {
                        Ok(value) if gap.is_none() && !value.is_null() => return Ok(value),
                        Ok(value) if !value.is_null() => break,
                        Ok(_) => {}
                        Err(Stop::Unknown(missing)) => gap.get_or_insert_with(Gap::default).absorb(missing),
                        Err(failed @ Stop::Failed(_)) if gap.is_none() => return Err(failed),
                        Err(Stop::Failed(_)) => gap.get_or_insert_with(Gap::default).may_fail = true,
                    }
                }
                gap.map_or(Ok(Cow::Owned(Value::Null)), |gap| Err(Stop::Unknown(gap)))
            }
        }
    }

    fn text_argument(&self, name: &str, arguments: &'s [Expression], counts: &Counts) -> Result<String, Stop> {
        let Some(argument) = arguments.first() else {
            return Err(Stop::Failed(format!("{name}: an argument is missing")));
        };
        match self.expression(argument, counts)?.as_ref() {
            Value::String(text) => Ok(text.clone()),
            _ => Err(Stop::Failed(format!("{name}: its argument is not a string"))),
        }
    }

    /// "When the condition is True, only the true value is evaluated."
    fn chosen(&self, arguments: &'s [Expression], counts: &Counts) -> Evaluated<'s> {
        let [condition, yes, no] = arguments else {
            return Err(Stop::Failed("if: an argument is missing".to_owned()));
        };
        match self.expression(condition, counts) {
            Ok(value) => match value.as_ref() {
                Value::Bool(true) => self.expression(yes, counts),
                Value::Bool(false) => self.expression(no, counts),
                _ => Err(Stop::Failed("if: its condition is not a boolean".to_owned())),
            },
            Err(Stop::Unknown(mut gap)) => {
                let (yes, no) = (self.expression(yes, counts), self.expression(no, counts));
                let settled = !gap.may_fail && matches!((&yes, &no), (Ok(yes), Ok(no)) if yes == no);
                for branch in [&yes, &no] {
                    gap.array = false;
                    match branch {
                        Ok(value) => gap.nullable |= value.is_null(),
                        Err(Stop::Unknown(missing)) => gap.absorb(missing.clone()),
                        Err(Stop::Failed(_)) => gap.may_fail = true,
                    }
                }
                if settled { yes } else { Err(Stop::Unknown(gap)) }
            }
            Err(failed @ Stop::Failed(_)) => Err(failed),
        }
    }

    /// `and` and `or`, left to right; `decides` is the value that settles the answer.
    // DIFFERENCE: the pages do not say whether arguments after the deciding one are evaluated; ours are not.
    fn logical(&self, name: &str, arguments: &'s [Expression], counts: &Counts, decides: bool) -> Evaluated<'s> {
        let mut gap: Option<Gap> = None;
        for argument in arguments {
            match self.expression(argument, counts) {
                Ok(value) => match value.as_ref() {
                    Value::Bool(value) if *value == decides => match gap {
                        Some(gap) if gap.may_fail => return Err(Stop::Unknown(gap)),
                        _ => return Ok(Cow::Owned(decides.into())),
                    },
                    Value::Bool(_) => {}
                    _ if gap.is_none() => return Err(Stop::Failed(format!("{name}: an argument is not a boolean"))),
                    _ => gap.get_or_insert_with(Gap::default).may_fail = true,
                },
                Err(Stop::Unknown(missing)) => gap.get_or_insert_with(Gap::default).absorb(missing),
                Err(failed @ Stop::Failed(_)) if gap.is_none() => return Err(failed),
                Err(Stop::Failed(_)) => gap.get_or_insert_with(Gap::default).may_fail = true,
            }
        }
        match gap {
            Some(mut gap) => {
                gap.nullable = false;
                Err(Stop::Unknown(gap))
            }
            None => Ok(Cow::Owned((!decides).into())),
        }
    }

    /// `current()`, `current('index name')`, `current('alias[*]')`, `current('alias[*].property')`.
    fn current(&self, arguments: &'s [Expression], counts: &Counts) -> Evaluated<'s> {
        let own = |value: &Result<Value, Gap>| value.clone().map(Cow::Owned).map_err(Stop::Unknown);
        if arguments.is_empty() {
            return match counts.current.last() {
                Some(current) => own(&current.value),
                None => Err(Stop::unknown("current() outside a count")),
            };
        }
        let name = self.text_argument("current", arguments, counts)?;
        if let Some(current) = counts.current.iter().rev().find(|current| same_text(&current.name, &name)) {
            return own(&current.value);
        }
        match Field::parse(&name) {
            Ok(field @ Field::Alias(_)) if !counts.bound.is_empty() => self.read_current(self.subject, &field, counts),
            Ok(_) | Err(_) => Err(Stop::unknown(format!("current('{name}') outside a count of that name"))),
        }
    }

    /// A property of the member that a count looks at; null where it is missing.
    fn read_current(&self, subject: &'s Subject, field: &Field, counts: &Counts) -> Evaluated<'s> {
        match subject.place(field, self.aliases) {
            Place::Value(value) => Ok(Cow::Owned(value?)),
            Place::Missing { .. } => Ok(Cow::Owned(Value::Null)),
            Place::Path { path, by_rule } => match subject.select(&path, by_rule, &counts.bound) {
                Selection::One(value) => Ok(value?.map_or(Cow::Owned(Value::Null), Cow::Borrowed)),
                Selection::Many(members) => {
                    let mut members = members?;
                    let open = members.iter().any(|member| {
                        member.within.iter().any(|array| !counts.bound.iter().any(|bound| bound.array == array.array))
                    });
                    if open {
                        return self.listed(members);
                    }
                    match members.pop() {
                        Some(member) => Ok(member.value?.map_or(Cow::Owned(Value::Null), Cow::Borrowed)),
                        None => Ok(Cow::Owned(Value::Null)),
                    }
                }
            },
        }
    }

    fn listed(&self, members: Vec<super::subject::Selected<'s>>) -> Evaluated<'s> {
        let values = members.into_iter().map(|member| Ok(member.value?.map_or(Cow::Owned(Value::Null), Cow::Borrowed)));
        let values = self.together(values)?;
        Ok(Cow::Owned(Value::Array(values.into_iter().map(Cow::into_owned).collect())))
    }

    /// What the `field()` function returns: `""` for a missing property, `[]` for a missing array alias.
    fn read_value(&self, subject: &'s Subject, field: &Field, counts: &Counts) -> Evaluated<'s> {
        let missing = || Cow::Owned(Value::String(String::new()));
        match subject.place(field, self.aliases) {
            Place::Value(value) => Ok(Cow::Owned(value?)),
            Place::Missing { collection: true } => Ok(Cow::Owned(Value::Array(Vec::new()))),
            Place::Missing { collection: false } => Ok(missing()),
            Place::Path { path, by_rule } => {
                let bound: &[Bound] = if std::ptr::eq(subject, self.subject) { &counts.bound } else { &[] };
                match subject.select(&path, by_rule, bound) {
                    Selection::One(Ok(value)) => Ok(value.map_or_else(missing, Cow::Borrowed)),
                    Selection::One(Err(mut gap)) => {
                        gap.nullable = false;
                        Err(Stop::Unknown(gap))
                    }
                    Selection::Many(members) => {
                        let members = members.map_err(|gap| Gap { nullable: false, array: true, ..gap })?;
                        self.tick(members.len() as u64)?;
                        self.listed(members)
                    }
                }
            }
        }
    }
}
