//! Functions on strings. Positions and lengths count UTF-16 units, as .NET does.
//!
//! Source: *String functions for ARM templates*, read 2026-04.

use super::super::compare::fold;
use super::{Arguments, Fault, Given, argument, fails, kind, text_argument, whole_argument};
use serde_json::{Number, Value};

/// How `concat`, `join`, `format` and `string` write a scalar.
pub(super) fn spell(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(true) => Some("True".to_owned()),
        Value::Bool(false) => Some("False".to_owned()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

pub(super) fn concat(arguments: Arguments) -> Given {
    if argument(arguments, 0).is_array() {
        let mut all = Vec::new();
        for value in arguments {
            match value.as_ref() {
                Value::Array(items) => all.extend(items.iter().cloned()),
                other => return fails(format!("concat: {} beside an array", kind(other))),
            }
        }
        return Ok(Value::Array(all));
    }
    let mut out = String::new();
    for value in arguments {
        match spell(value) {
            Some(text) => out.push_str(&text),
            None => return fails(format!("concat: {} beside a string", kind(value))),
        }
    }
    Ok(Value::String(out))
}

pub(super) fn join(arguments: Arguments) -> Given {
    let Value::Array(items) = argument(arguments, 0) else {
        return fails(format!("join: argument 1 is {}, not an array", kind(argument(arguments, 0))));
    };
    let delimiter = text_argument("join", arguments, 1)?;
    let mut parts = Vec::with_capacity(items.len());
    for item in items {
        match spell(item) {
            Some(text) => parts.push(text),
            None => return fails(format!("join: a member that is {}", kind(item))),
        }
    }
    Ok(Value::String(parts.join(delimiter)))
}

pub(super) fn ends_with(arguments: Arguments) -> Given {
    let (text, end) = (text_argument("endsWith", arguments, 0)?, text_argument("endsWith", arguments, 1)?);
    Ok(fold(text).ends_with(fold(end).as_ref()).into())
}

pub(super) fn starts_with(arguments: Arguments) -> Given {
    let (text, start) = (text_argument("startsWith", arguments, 0)?, text_argument("startsWith", arguments, 1)?);
    Ok(fold(text).starts_with(fold(start).as_ref()).into())
}

pub(super) fn to_lower(arguments: Arguments) -> Given {
    Ok(text_argument("toLower", arguments, 0)?.to_lowercase().into())
}

pub(super) fn to_upper(arguments: Arguments) -> Given {
    Ok(text_argument("toUpper", arguments, 0)?.to_uppercase().into())
}

pub(super) fn trim(arguments: Arguments) -> Given {
    Ok(text_argument("trim", arguments, 0)?.trim().into())
}

pub(super) fn replace(arguments: Arguments) -> Given {
    let text = text_argument("replace", arguments, 0)?;
    let old = text_argument("replace", arguments, 1)?;
    let new = text_argument("replace", arguments, 2)?;
    if old.is_empty() {
        return fails("replace: the string to replace is empty");
    }
    // A short string with many occurrences can grow without bound; the platform's own limit is checked after the call.
    let grown = text.matches(old).count().saturating_mul(new.len().saturating_sub(old.len()));
    if text.len().saturating_add(grown) > super::super::limit::STRING * 4 {
        return fails("replace: the result is longer than the limit of a function");
    }
    Ok(text.replace(old, new).into())
}

pub(super) fn split(arguments: Arguments) -> Given {
    let text = text_argument("split", arguments, 0)?;
    let delimiters: Vec<&str> = match argument(arguments, 1) {
        Value::String(delimiter) => vec![delimiter],
        Value::Array(items) => {
            let mut delimiters = Vec::new();
            for item in items {
                match item {
                    Value::String(delimiter) => delimiters.push(delimiter.as_str()),
                    other => return fails(format!("split: a delimiter that is {}", kind(other))),
                }
            }
            delimiters
        }
        other => return fails(format!("split: argument 2 is {}, not a string", kind(other))),
    };
    let delimiters: Vec<&str> = delimiters.into_iter().filter(|d| !d.is_empty()).collect();
    super::affordable("split", text.len(), delimiters.len())?;
    let mut parts = Vec::new();
    let (mut start, mut at) = (0, 0);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        match delimiters.iter().find(|delimiter| rest.starts_with(**delimiter)) {
            Some(delimiter) => {
                parts.push(Value::String(text.get(start..at).unwrap_or("").to_owned()));
                at += delimiter.len();
                start = at;
            }
            None => at += rest.chars().next().map_or(1, char::len_utf8),
        }
    }
    parts.push(Value::String(text.get(start..).unwrap_or("").to_owned()));
    Ok(Value::Array(parts))
}

pub(super) fn string(arguments: Arguments) -> Given {
    let value = argument(arguments, 0);
    match value {
        Value::Null => Err(Fault::Undocumented("string(null)".to_owned())),
        Value::Array(_) | Value::Object(_) => Ok(Value::String(value.to_string())),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(Value::String(spell(value).unwrap_or_default())),
    }
}

pub(super) fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

pub(super) fn text_of_units(units: &[u16]) -> Value {
    Value::String(String::from_utf16_lossy(units))
}

/// "The function fails when the substring extends beyond the end of the string, or when length is less than zero."
pub(super) fn substring(arguments: Arguments) -> Given {
    let text = units(text_argument("substring", arguments, 0)?);
    let start = whole_argument("substring", arguments, 1)?;
    let from = usize::try_from(start).ok().filter(|from| *from <= text.len());
    let Some(from) = from else {
        return fails(format!("substring: start {start} of a string of {} characters", text.len()));
    };
    let to = match arguments.get(2) {
        None => Some(text.len()),
        Some(_) => {
            let length = whole_argument("substring", arguments, 2)?;
            usize::try_from(length).ok().and_then(|length| from.checked_add(length))
        }
    };
    match to.and_then(|to| text.get(from..to)) {
        Some(part) => Ok(text_of_units(part)),
        None => fails(format!("substring: beyond the end of a string of {} characters", text.len())),
    }
}

pub(super) fn index_of(arguments: Arguments) -> Given {
    position("indexOf", arguments, false)
}

pub(super) fn last_index_of(arguments: Arguments) -> Given {
    position("lastIndexOf", arguments, true)
}

/// In a string without case; in an array by the array functions' own comparison.
fn position(name: &str, arguments: Arguments, last: bool) -> Given {
    if let Value::Array(items) = argument(arguments, 0) {
        let wanted = argument(arguments, 1);
        let same = |item: &Value| super::super::compare::identical(item, wanted);
        let found = if last { items.iter().rposition(same) } else { items.iter().position(same) };
        return Ok(found.map_or(-1, |at| i64::try_from(at).unwrap_or(i64::MAX)).into());
    }
    let text = text_argument(name, arguments, 0)?;
    let wanted = fold(text_argument(name, arguments, 1)?).into_owned();
    // Folded a character at a time, so that positions are those of the original.
    let mut folded = String::with_capacity(text.len());
    let mut starts = Vec::with_capacity(text.len());
    let mut unit = 0i64;
    for character in text.chars() {
        let lower: String = character.to_lowercase().collect();
        starts.extend(std::iter::repeat_n(unit, lower.len()));
        folded.push_str(&lower);
        unit += i64::try_from(character.len_utf16()).unwrap_or(1);
    }
    starts.push(unit);
    let found = if last { folded.rfind(&wanted) } else { folded.find(&wanted) };
    Ok(found.and_then(|at| starts.get(at).copied()).unwrap_or(-1).into())
}

/// "If the original string is longer than the number of characters to pad, no characters are added."
pub(super) fn pad_left(arguments: Arguments) -> Given {
    let value = argument(arguments, 0);
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        other => return fails(format!("padLeft: argument 1 is {}, not a string or number", kind(other))),
    };
    let total = whole_argument("padLeft", arguments, 1)?;
    let padding = match arguments.get(2) {
        None => " ",
        Some(_) => text_argument("padLeft", arguments, 2)?,
    };
    if padding.encode_utf16().count() != 1 {
        return fails(format!("padLeft: `{padding}` is not a single character"));
    }
    let missing = total.saturating_sub(i64::try_from(units(&text).len()).unwrap_or(i64::MAX));
    if missing > super::super::limit::STRING as i64 {
        return fails("padLeft: the result is longer than the limit of a function");
    }
    Ok(Value::String(padding.repeat(usize::try_from(missing).unwrap_or(0)) + &text))
}

/// "It uses the same formatting options as the System.String.Format method in .NET."
pub(super) fn format(arguments: Arguments) -> Given {
    let pattern = text_argument("format", arguments, 0)?;
    let mut out = String::new();
    let mut rest = pattern;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let (brace, after) = from.split_at(1);
        if let Some(after) = after.strip_prefix(brace) {
            out.push_str(brace);
            rest = after;
            continue;
        }
        let Some(end) = after.find('}').filter(|_| brace == "{") else {
            return fails(format!("format: a lone `{brace}` in `{pattern}`"));
        };
        let (item, after) = after.split_at(end);
        rest = after.get(1..).unwrap_or("");
        let (head, spec) = item.split_once(':').map_or((item, None), |(head, spec)| (head, Some(spec)));
        let (index, alignment) = head.split_once(',').map_or((head, None), |(index, align)| (index, Some(align)));
        let Ok(index) = index.trim().parse::<usize>() else {
            return fails(format!("format: `{{{item}}}` names no argument"));
        };
        let Some(value) = index.checked_add(1).and_then(|index| arguments.get(index)) else {
            return fails(format!("format: argument {index} is not given"));
        };
        let text = format_item(value, spec)?;
        let width = match alignment {
            None => 0,
            Some(width) => match width.trim().parse::<i32>() {
                Ok(width) if width.unsigned_abs() < 10_000 => width,
                _ => return fails(format!("format: alignment `{width}`")),
            },
        };
        let padding = (width.unsigned_abs() as usize).saturating_sub(units(&text).len());
        let padding = " ".repeat(padding);
        out.push_str(&if width < 0 { text + &padding } else { padding + &text });
        if out.len() > super::super::limit::STRING * 4 {
            return fails("format: the result is longer than the limit of a function");
        }
    }
    out.push_str(rest);
    Ok(Value::String(out))
}

fn format_item(value: &Value, spec: Option<&str>) -> Result<String, Fault> {
    match (value, spec) {
        (Value::Null, _) => Ok(String::new()),
        (Value::String(_) | Value::Bool(_), _) | (Value::Number(_), None | Some("")) => {
            Ok(spell(value).unwrap_or_default())
        }
        (Value::Number(number), Some(spec)) => format_number(number, spec),
        (Value::Array(_) | Value::Object(_), _) => Err(Fault::Undocumented(format!("format of {}", kind(value)))),
    }
}

fn format_number(number: &Number, spec: &str) -> Result<String, Fault> {
    let undocumented = || Fault::Undocumented(format!("format with `{spec}`"));
    let letter = spec.chars().next().filter(char::is_ascii_alphabetic).ok_or_else(undocumented)?;
    let digits = match spec.get(1..) {
        None | Some("") => None,
        Some(digits) => Some(digits.parse::<usize>().ok().filter(|d| *d <= 99).ok_or_else(undocumented)?),
    };
    let whole = number.as_i64().ok_or_else(undocumented)?;
    let sign = if whole < 0 { "-" } else { "" };
    let magnitude = whole.unsigned_abs().to_string();
    let decimals = |places: usize| if places == 0 { String::new() } else { format!(".{}", "0".repeat(places)) };
    Ok(match letter.to_ascii_uppercase() {
        'D' => format!("{sign}{magnitude:0>width$}", width = digits.unwrap_or(0)),
        'F' => format!("{sign}{magnitude}{}", decimals(digits.unwrap_or(2))),
        'N' => {
            let mut grouped = String::new();
            for (at, digit) in magnitude.chars().enumerate() {
                if at > 0 && (magnitude.len() - at).is_multiple_of(3) {
                    grouped.push(',');
                }
                grouped.push(digit);
            }
            // The page's own example prints `{0:N0}` of 8175133 as `8,175,133`.
            format!("{sign}{grouped}{}", decimals(digits.unwrap_or(2)))
        }
        'X' => {
            let hex = if letter == 'X' { format!("{whole:X}") } else { format!("{whole:x}") };
            format!("{hex:0>width$}", width = digits.unwrap_or(0))
        }
        'G' if digits.is_none() => format!("{sign}{magnitude}"),
        _ => return Err(undocumented()),
    })
}
