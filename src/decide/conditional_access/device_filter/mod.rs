//! The condition *filter for devices*: a rule over the device's properties, evaluated in three values.
//!
//! Page: *Conditional Access: Filter for devices* (2025-05). Names and strings compare without case (inferred).

mod evaluate;
mod parse;

pub use parse::{Comparison, Expression, Literal, MAX_LENGTH, Operator, Property, SyntaxError, parse};

use super::document::{Odd, Reader, empty, kind_of};
use super::facts::Facts;
use super::logic::Logic;
use crate::model::json;
use serde_json::Value;
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Include,
    Exclude,
}

/// `conditions.devices`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct DeviceCondition {
    /// None: what decides is in `odd`.
    filter: Option<(Mode, Expression)>,
    odd: Odd,
}

impl DeviceCondition {
    /// `unsupported` takes what stands beside the filter and is not known.
    pub fn compile(reader: &mut Reader, conditions: &Value, unsupported: &mut Odd) -> Option<DeviceCondition> {
        const AT: &str = "/conditions/devices";
        let devices = reader.object(conditions, "devices", AT, unsupported)?;
        for key in ["includeDevices", "includeDeviceStates"] {
            // `All` is what these held before the filter replaced them.
            let everything = |value: &Value| {
                let items = value.as_array();
                items.is_some_and(|items| {
                    items.iter().all(|i| i.as_str().is_some_and(|word| word.eq_ignore_ascii_case("All")))
                })
            };
            if json::get(devices, key).is_some_and(|value| !empty(value) && !everything(value)) {
                let message = "device states are deprecated and not supported";
                unsupported.push(reader.complain(&format!("{AT}/{key}"), message));
            }
        }
        let known = ["deviceFilter", "includeDevices", "includeDeviceStates"];
        reader.unknown_members(devices, &known, AT, unsupported);
        let mut odd = Odd::new();
        let at = format!("{AT}/deviceFilter");
        let filter = match json::get(devices, "deviceFilter") {
            None | Some(Value::Null) => return None,
            Some(filter @ Value::Object(_)) => filter,
            Some(other) => {
                odd.push(reader.complain(&at, format!("expected an object, found {}", kind_of(other))));
                return Some(DeviceCondition { filter: None, odd });
            }
        };
        let mode = match json::text(filter, "mode").unwrap_or_default().trim() {
            mode if mode.eq_ignore_ascii_case("include") => Some(Mode::Include),
            mode if mode.eq_ignore_ascii_case("exclude") => Some(Mode::Exclude),
            mode => {
                odd.push(reader.complain(&format!("{at}/mode"), format!("`{mode}` is no mode of a filter")));
                None
            }
        };
        let rule = match json::text(filter, "rule").map(parse) {
            Some(Ok(rule)) => Some(rule),
            Some(Err(error)) => {
                odd.push(reader.complain(&format!("{at}/rule"), error.to_string()));
                None
            }
            None => {
                odd.push(reader.complain(&format!("{at}/rule"), "there is no rule"));
                None
            }
        };
        Some(DeviceCondition { filter: mode.zip(rule), odd })
    }

    /// Include: applies where the rule is true; exclude: where it is not.
    pub fn matches<L: Logic>(&self, facts: &Facts) -> L {
        let odd = || L::any(&self.odd, |pointer: &Arc<str>| L::unknown(|| pointer.clone()));
        match &self.filter {
            Some((Mode::Include, rule)) => evaluate::holds(rule, facts.device()),
            Some((Mode::Exclude, rule)) => evaluate::holds::<L>(rule, facts.device()).negate(),
            None => odd(),
        }
    }
}
