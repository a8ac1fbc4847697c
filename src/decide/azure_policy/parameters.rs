//! Parameter values: "assignment, else default".
//!
//! Source: *Azure Policy definition structure parameters*; *initiative definition structure* (Passing a parameter value
//! to a policy definition): the members of an initiative may have expressions over the initiative's parameters.

use super::compare::fold;
use super::evaluate::{Counts, Scene};
use super::outcome::{Evaluated, Gap, Stop};
use super::template::{Reader, Template, escape};
use crate::model::json;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// One declared parameter.
#[derive(Debug)]
pub(super) struct Parameter {
    pub default: Option<Value>,
    pub allowed: Option<Vec<Value>>,
}

/// Declared parameters by folded name.
pub(super) type Declared = BTreeMap<String, Parameter>;

impl Reader<'_> {
    pub fn declared(&mut self, parameters: Option<&Value>, pointer: &str) -> Declared {
        let mut declared = Declared::new();
        let Some(parameters) = parameters.filter(|parameters| !parameters.is_null()) else {
            return declared;
        };
        let Some(members) = parameters.as_object() else {
            self.complain(pointer, "`parameters` that is not an object");
            return declared;
        };
        for (name, body) in members {
            if !body.is_object() {
                self.complain(
                    &format!("{pointer}/{}", escape(name)),
                    format!("parameter `{name}` that is not an object"),
                );
            }
            let allowed = json::get(body, "allowedValues").and_then(Value::as_array).cloned();
            let default = json::get(body, "defaultValue").cloned();
            declared.insert(fold(name).into_owned(), Parameter { default, allowed });
        }
        declared
    }
}

/// Where the values of one document's parameters come from.
#[derive(Debug)]
pub(super) struct Supply<'s> {
    pub declared: &'s Declared,
    pub given: Given<'s>,
}

#[derive(Debug)]
pub(super) enum Given<'s> {
    /// The assignment's `parameters` were not collected.
    Uncollected { assignment: &'s str },
    /// By folded name.
    Values { assignment: &'s str, values: &'s BTreeMap<String, Value> },
    /// A member of an initiative.
    Member { templates: &'s BTreeMap<String, Template>, outer: &'s Supply<'s> },
}

impl<'s> Supply<'s> {
    pub fn get(&'s self, name: &str, scene: &Scene<'s>) -> Evaluated<'s> {
        let folded = fold(name);
        let given = match &self.given {
            Given::Uncollected { assignment } => {
                return Err(Stop::unknown(format!("parameter `{name}` of policy assignment `{assignment}`")));
            }
            Given::Values { values, .. } => values.get(folded.as_ref()).map(|value| Ok(Cow::Borrowed(value))),
            Given::Member { templates, outer } => templates.get(folded.as_ref()).map(|template| {
                let outside = Scene { supply: outer, ..*scene };
                outside.template(template, &Counts::default())
            }),
        };
        let default = || self.declared.get(folded.as_ref()).and_then(|parameter| parameter.default.as_ref());
        match given {
            Some(value) => value,
            None => default().map(Cow::Borrowed).ok_or_else(|| {
                let gap = Gap::of(format!("parameter `{name}` of policy assignment `{}`", self.assignment()));
                Stop::Unknown(Gap { malformed: true, ..gap })
            }),
        }
    }

    fn assignment(&self) -> &'s str {
        match &self.given {
            Given::Uncollected { assignment } | Given::Values { assignment, .. } => assignment,
            Given::Member { outer, .. } => outer.assignment(),
        }
    }

    /// What a parameter may be while its value is unknown: its allowed values, if it has any.
    pub fn allowed(&self, name: &str) -> Option<&'s [Value]> {
        self.declared.get(fold(name).as_ref())?.allowed.as_deref()
    }
}
