//! Functions on numbers and booleans, and the comparison functions.
//!
//! Source: *Numeric functions*, *Logical functions* and *Comparison functions for ARM templates*, read 2026-04.

use super::super::compare::{NoOrder, number_in, order_numbers, order_text};
use super::super::condition::flag;
use super::{Arguments, Fault, Given, argument, fails, kind, whole_argument};
use serde_json::{Number, Value};
use std::cmp::Ordering;

fn whole(name: &str, arguments: Arguments, with: fn(i64, i64) -> Option<i64>) -> Given {
    let (a, b) = (whole_argument(name, arguments, 0)?, whole_argument(name, arguments, 1)?);
    match with(a, b) {
        Some(result) => Ok(result.into()),
        None => fails(format!("{name}: {a} and {b} have no such result")),
    }
}

pub(super) fn add(arguments: Arguments) -> Given {
    whole("add", arguments, i64::checked_add)
}

pub(super) fn sub(arguments: Arguments) -> Given {
    whole("sub", arguments, i64::checked_sub)
}

pub(super) fn mul(arguments: Arguments) -> Given {
    whole("mul", arguments, i64::checked_mul)
}

/// "The integer that is used to divide. Can't be 0."
pub(super) fn div(arguments: Arguments) -> Given {
    whole("div", arguments, i64::checked_div)
}

pub(super) fn modulo(arguments: Arguments) -> Given {
    whole("mod", arguments, i64::checked_rem)
}

pub(super) fn int(arguments: Arguments) -> Given {
    match argument(arguments, 0) {
        Value::String(text) => match text.trim().parse::<i64>() {
            Ok(number) => Ok(number.into()),
            Err(_) => fails(format!("int: `{text}` is not a whole number")),
        },
        Value::Number(number) => match number.as_i64() {
            Some(number) => Ok(number.into()),
            None => Err(Fault::Undocumented(format!("int({number})"))),
        },
        other => fails(format!("int: {} is neither a string nor a number", kind(other))),
    }
}

pub(super) fn float(arguments: Arguments) -> Given {
    match argument(arguments, 0) {
        Value::String(text) => match number_in(text) {
            Some(number) => Ok(Value::Number(number)),
            None => fails(format!("float: `{text}` is not a number")),
        },
        number @ Value::Number(_) => Ok(number.clone()),
        other => fails(format!("float: {} is neither a string nor a number", kind(other))),
    }
}

pub(super) fn bool(arguments: Arguments) -> Given {
    match argument(arguments, 0) {
        Value::Bool(value) => Ok((*value).into()),
        Value::String(text) => match flag(text.trim()) {
            Some(value) => Ok(value.into()),
            None => fails(format!("bool: `{text}` is neither true nor false")),
        },
        Value::Number(number) => match number.as_i64() {
            Some(number) => Ok((number != 0).into()),
            None => Err(Fault::Undocumented(format!("bool({number})"))),
        },
        other => fails(format!("bool: {} is neither a string nor a number", kind(other))),
    }
}

pub(super) fn not(arguments: Arguments) -> Given {
    match argument(arguments, 0) {
        Value::Bool(value) => Ok((!value).into()),
        other => fails(format!("not: {} is not a boolean", kind(other))),
    }
}

pub(super) fn yes(_: Arguments) -> Given {
    Ok(true.into())
}

pub(super) fn no(_: Arguments) -> Given {
    Ok(false.into())
}

pub(super) fn null(_: Arguments) -> Given {
    Ok(Value::Null)
}

/// Two numbers, or two strings with case (`greater('A', 'a')` is true).
fn compared(name: &str, arguments: Arguments, wanted: fn(Ordering) -> bool) -> Given {
    let order = match (argument(arguments, 0), argument(arguments, 1)) {
        (Value::Number(a), Value::Number(b)) => order_numbers(a, b),
        (Value::String(a), Value::String(b)) => match order_text(a, b, true) {
            Ok(order) => order,
            Err(NoOrder::Culture | NoOrder::Mismatch) => {
                return Err(Fault::Undocumented(format!("{name} of strings beyond ASCII")));
            }
        },
        (a, b) => return fails(format!("{name}: {} beside {}", kind(a), kind(b))),
    };
    Ok(wanted(order).into())
}

pub(super) fn less(arguments: Arguments) -> Given {
    compared("less", arguments, Ordering::is_lt)
}

pub(super) fn less_or_equals(arguments: Arguments) -> Given {
    compared("lessOrEquals", arguments, Ordering::is_le)
}

pub(super) fn greater(arguments: Arguments) -> Given {
    compared("greater", arguments, Ordering::is_gt)
}

pub(super) fn greater_or_equals(arguments: Arguments) -> Given {
    compared("greaterOrEquals", arguments, Ordering::is_ge)
}

/// "An array of integers or a comma-separated list of integers."
fn extreme(name: &str, arguments: Arguments, keep: fn(i64, i64) -> i64) -> Given {
    let listed: Vec<&Value> = match (arguments.len(), argument(arguments, 0)) {
        (1, Value::Array(items)) => items.iter().collect(),
        _ => arguments.iter().map(|value| value.as_ref()).collect(),
    };
    let mut result: Option<i64> = None;
    for value in listed {
        match value.as_i64() {
            Some(number) => result = Some(result.map_or(number, |so_far| keep(so_far, number))),
            None => return fails(format!("{name}: {} is not a whole number", kind(value))),
        }
    }
    match result {
        Some(number) => Ok(number.into()),
        None => fails(format!("{name}: no numbers")),
    }
}

pub(super) fn max(arguments: Arguments) -> Given {
    extreme("max", arguments, i64::max)
}

pub(super) fn min(arguments: Arguments) -> Given {
    extreme("min", arguments, i64::min)
}

/// "The sum of startIndex and count should be no greater than 2147483647"; "count ... no larger than 10000".
pub(super) fn range(arguments: Arguments) -> Given {
    let (start, count) = (whole_argument("range", arguments, 0)?, whole_argument("range", arguments, 1)?);
    let end = start.checked_add(count).filter(|end| *end <= i64::from(i32::MAX));
    match end {
        Some(end) if (0..=10_000).contains(&count) => {
            Ok(Value::Array((start..end).map(|n| Value::Number(Number::from(n))).collect()))
        }
        _ => fails(format!("range: {count} numbers from {start}")),
    }
}
