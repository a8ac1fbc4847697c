//! How two values compare: equality with coercion, order, `like` and `match`.
//!
//! Source: *Azure Policy definition structure policy rule* (Conditions), read 2026-04: comparisons of strings ignore
//! case except `match`; for `less` and its kin "if the property type doesn't match the condition type, an error is
//! thrown" and strings compare by InvariantCultureIgnoreCase.

use super::date;
use serde_json::{Number, Value};
use std::borrow::Cow;
use std::cmp::Ordering;

/// Lower case, borrowed where it already is.
pub(super) fn fold(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase()) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.to_lowercase())
    }
}

pub(super) fn same_text(left: &str, right: &str) -> bool {
    if left.is_ascii() && right.is_ascii() { left.eq_ignore_ascii_case(right) } else { fold(left) == fold(right) }
}

/// The string form of a scalar; null, arrays and objects have none.
pub(super) fn text_of(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Bool(true) => Some(Cow::Borrowed("true")),
        Value::Bool(false) => Some(Cow::Borrowed("false")),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A string that spells a plain decimal number.
pub(super) fn number_in(text: &str) -> Option<Number> {
    let text = text.trim();
    if !text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'))
        || !text.bytes().any(|b| b.is_ascii_digit())
    {
        return None;
    }
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    text.parse::<f64>().ok().and_then(Number::from_f64)
}

pub(super) fn order_numbers(left: &Number, right: &Number) -> Ordering {
    match (left.as_i128(), right.as_i128()) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => {
            let (a, b) = (left.as_f64().unwrap_or(f64::NAN), right.as_f64().unwrap_or(f64::NAN));
            a.total_cmp(&b)
        }
    }
}

fn same_number(left: &Number, right: &Number) -> bool {
    match (left.as_i128(), right.as_i128()) {
        (Some(a), Some(b)) => a == b,
        _ => left.as_f64() == right.as_f64(),
    }
}

const DEPTH: usize = 128;

/// Equality of conditions: string forms of scalars without case; a numeric string equals the number it spells; arrays
/// and objects member by member.
pub(super) fn equal(left: &Value, right: &Value) -> bool {
    equal_within(left, right, DEPTH)
}

fn equal_within(left: &Value, right: &Value, depth: usize) -> bool {
    if depth == 0 {
        return false;
    }
    match (left, right) {
        (Value::Null, Value::Null) => true,
        (Value::Number(a), Value::Number(b)) => same_number(a, b),
        (Value::String(text), Value::Number(number)) | (Value::Number(number), Value::String(text)) => {
            number_in(text).is_some_and(|spelled| same_number(&spelled, number))
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal_within(a, b, depth - 1))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.iter().any(|(other, b)| same_text(key, other) && equal_within(a, b, depth - 1)))
        }
        _ => match (text_of(left), text_of(right)) {
            (Some(a), Some(b)) => same_text(&a, &b),
            _ => false,
        },
    }
}

/// Equality of the template function `equals` and its kin: with case, without coercion; object keys without case.
pub(super) fn identical(left: &Value, right: &Value) -> bool {
    identical_within(left, right, DEPTH)
}

fn identical_within(left: &Value, right: &Value, depth: usize) -> bool {
    if depth == 0 {
        return false;
    }
    match (left, right) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Number(a), Value::Number(b)) => same_number(a, b),
        (Value::String(a), Value::String(b)) => a == b,
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| identical_within(a, b, depth - 1))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(key, a)| {
                    b.iter().any(|(other, b)| same_text(key, other) && identical_within(a, b, depth - 1))
                })
        }
        _ => false,
    }
}

/// Why two values have no order that we may state.
#[derive(Debug, PartialEq)]
pub(super) enum NoOrder {
    /// The types do not match: the evaluation fails.
    Mismatch,
    /// The order depends on culture tables that we do not hold.
    Culture,
}

/// Order of conditions: two numbers (a numeric string counts beside a number), two dates, or two strings.
pub(super) fn order(left: &Value, right: &Value) -> Result<Ordering, NoOrder> {
    match (left, right) {
        (Value::Number(a), Value::Number(b)) => Ok(order_numbers(a, b)),
        (Value::String(text), Value::Number(number)) => {
            number_in(text).map(|n| order_numbers(&n, number)).ok_or(NoOrder::Mismatch)
        }
        (Value::Number(number), Value::String(text)) => {
            number_in(text).map(|n| order_numbers(number, &n)).ok_or(NoOrder::Mismatch)
        }
        (Value::String(a), Value::String(b)) => match (date::instant(a), date::instant(b)) {
            (Some(a), Some(b)) => Ok(a.cmp(&b)),
            _ => order_text(a, b, false),
        },
        _ => Err(NoOrder::Mismatch),
    }
}

/// The order of ASCII characters under the invariant culture: white space and punctuation, symbols, digits, letters
/// (a letter's two cases beside each other).
const COLLATION: &[u8] = b"\t\n\x0b\x0c\r _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789";

fn rank(byte: u8) -> usize {
    let folded = byte.to_ascii_lowercase();
    match COLLATION.iter().position(|b| *b == folded) {
        Some(at) => at + 1,
        None if folded.is_ascii_lowercase() => COLLATION.len() + 1 + usize::from(folded - b'a'),
        None => 0,
    }
}

/// Culture order of two strings; with case, the lower-case letter comes first where nothing else differs.
// DIFFERENCE: beyond ASCII the platform's order comes from tables that we do not hold; unless the strings are equal
// we say so instead of guessing.
pub(super) fn order_text(left: &str, right: &str, with_case: bool) -> Result<Ordering, NoOrder> {
    if !left.is_ascii() || !right.is_ascii() {
        let same = if with_case { left == right } else { same_text(left, right) };
        return if same { Ok(Ordering::Equal) } else { Err(NoOrder::Culture) };
    }
    let primary = left.bytes().map(rank).cmp(right.bytes().map(rank));
    if primary != Ordering::Equal || !with_case {
        return Ok(primary);
    }
    let upper = |text: &str| text.bytes().map(|b| b.is_ascii_uppercase()).collect::<Vec<_>>();
    Ok(upper(left).cmp(&upper(right)))
}

/// `like`: `*` stands for any run, the rest is literal, anchored, without case. Linear in both lengths: prefix and
/// suffix are fixed, and what lies between two wildcards is found leftmost.
// DIFFERENCE: the documentation allows one wildcard; we give further ones the same meaning.
pub(super) fn like(text: &str, pattern: &str) -> bool {
    let (text, pattern) = (fold(text), fold(pattern));
    let Some((prefix, rest)) = pattern.split_once('*') else {
        return text == pattern;
    };
    let Some(mut text) = text.strip_prefix(prefix) else {
        return false;
    };
    let (middle, suffix) = match rest.rsplit_once('*') {
        Some((middle, suffix)) => (middle, suffix),
        None => ("", rest),
    };
    let Some(within) = text.strip_suffix(suffix) else {
        return false;
    };
    text = within;
    for part in middle.split('*').filter(|part| !part.is_empty()) {
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    true
}

/// `match`: `#` a digit, `?` a letter, `.` any character, all else itself; anchored.
pub(super) fn matches(text: &str, pattern: &str, with_case: bool) -> bool {
    let (text, pattern) =
        if with_case { (Cow::Borrowed(text), Cow::Borrowed(pattern)) } else { (fold(text), fold(pattern)) };
    let mut characters = text.chars();
    for wanted in pattern.chars() {
        let Some(found) = characters.next() else { return false };
        let fits = match wanted {
            '#' => found.is_ascii_digit(),
            '?' => found.is_alphabetic(),
            '.' => true,
            literal => literal == found,
        };
        if !fits {
            return false;
        }
    }
    characters.next().is_none()
}

/// A region as comparisons of `location` see it: "`East US 2` is considered equal to `eastus2`".
pub(super) fn region(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

/// The same for an operand: a string, or the strings of a list.
pub(super) fn region_value(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(region(text)),
        Value::Array(items) => Value::Array(
            items.iter().map(|item| item.as_str().map_or_else(|| item.clone(), |t| Value::String(region(t)))).collect(),
        ),
        other => other.clone(),
    }
}
