//! The template functions a policy rule may call. One entry a function: its name, how many arguments it takes, what it
//! does; names are read in any letter case.
//!
//! Source: *ARM template functions* and *Azure Policy definition structure policy rule* (Policy functions: which are
//! not available, and which only exist there). A function that fails makes the evaluation fail; a point that no page
//! settles is unknown, named.

mod address;
mod collection;
mod encoding;
mod hash;
mod number;
mod text;

use super::date;
use serde_json::Value;
use std::borrow::Cow;

pub(super) type Arguments<'a, 's> = &'a [Cow<'s, Value>];

/// Why a function gives no value.
#[derive(Debug, PartialEq)]
pub(super) enum Fault {
    /// The platform reports an error: the evaluation fails.
    Fails(String),
    /// No page says what happens.
    Undocumented(String),
}

pub(super) type Given = Result<Value, Fault>;

#[derive(Debug)]
pub(super) struct Entry {
    pub name: &'static str,
    least: usize,
    most: usize,
    pub run: fn(Arguments) -> Given,
    /// Fails for some arguments of the right types.
    pub partial: bool,
    /// Does not fail for null.
    pub takes_null: bool,
    /// May give null.
    pub gives_null: bool,
}

/// Functions that need more than their arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Special {
    Parameters,
    Field,
    Current,
    RequestContext,
    ResourceGroup,
    Subscription,
    Policy,
    UtcNow,
    If,
    And,
    Or,
    Coalesce,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Call {
    Special(Special),
    Pure(&'static Entry),
}

const MANY: usize = usize::MAX;

const SPECIAL: &[(&str, usize, usize, Special)] = &[
    ("parameters", 1, 1, Special::Parameters),
    ("field", 1, 1, Special::Field),
    ("current", 0, 1, Special::Current),
    ("requestContext", 0, 0, Special::RequestContext),
    ("resourceGroup", 0, 0, Special::ResourceGroup),
    ("subscription", 0, 0, Special::Subscription),
    ("policy", 0, 0, Special::Policy),
    ("utcNow", 0, 1, Special::UtcNow),
    ("if", 3, 3, Special::If),
    ("and", 2, MANY, Special::And),
    ("or", 2, MANY, Special::Or),
    ("coalesce", 1, MANY, Special::Coalesce),
];

const fn total(name: &'static str, least: usize, most: usize, run: fn(Arguments) -> Given) -> Entry {
    Entry { name, least, most, run, partial: false, takes_null: false, gives_null: false }
}

const fn partial(name: &'static str, least: usize, most: usize, run: fn(Arguments) -> Given) -> Entry {
    Entry { name, least, most, run, partial: true, takes_null: false, gives_null: false }
}

const fn lenient(name: &'static str, least: usize, most: usize, run: fn(Arguments) -> Given) -> Entry {
    Entry { name, least, most, run, partial: false, takes_null: true, gives_null: false }
}

const fn or_null(entry: Entry) -> Entry {
    Entry { gives_null: true, ..entry }
}

static PURE: &[Entry] = &[
    partial("add", 2, 2, number::add),
    partial("addDays", 2, 3, add_days),
    lenient("array", 1, 1, collection::array),
    total("base64", 1, 1, encoding::base64),
    or_null(partial("base64ToJson", 1, 1, encoding::base64_to_json)),
    partial("base64ToString", 1, 1, encoding::base64_to_string),
    partial("bool", 1, 1, number::bool),
    partial("cidrHost", 2, 2, address::cidr_host),
    partial("cidrSubnet", 3, 3, address::cidr_subnet),
    total("concat", 1, MANY, text::concat),
    total("contains", 2, 2, collection::contains),
    lenient("createArray", 0, MANY, collection::create_array),
    lenient("createObject", 0, MANY, collection::create_object),
    total("dataUri", 1, 1, encoding::data_uri),
    partial("dataUriToString", 1, 1, encoding::data_uri_to_string),
    partial("div", 2, 2, number::div),
    lenient("empty", 1, 1, collection::empty),
    total("endsWith", 2, 2, text::ends_with),
    lenient("equals", 2, 2, collection::equals),
    lenient("false", 0, 0, number::no),
    or_null(total("first", 1, 1, collection::first)),
    total("flatten", 1, 1, collection::flatten),
    partial("float", 1, 1, number::float),
    partial("format", 1, MANY, text::format),
    total("greater", 2, 2, number::greater),
    total("greaterOrEquals", 2, 2, number::greater_or_equals),
    total("guid", 1, MANY, hash::guid),
    or_null(partial("indexFromEnd", 2, 2, collection::index_from_end)),
    total("indexOf", 2, 2, text::index_of),
    partial("int", 1, 1, number::int),
    total("intersection", 2, MANY, collection::intersection),
    partial("ipRangeContains", 2, 2, address::ip_range_contains),
    total("items", 1, 1, collection::items),
    total("join", 2, 2, text::join),
    or_null(partial("json", 1, 1, encoding::json)),
    or_null(total("last", 1, 1, collection::last)),
    total("lastIndexOf", 2, 2, text::last_index_of),
    total("length", 1, 1, collection::length),
    total("less", 2, 2, number::less),
    total("lessOrEquals", 2, 2, number::less_or_equals),
    partial("max", 1, MANY, number::max),
    partial("min", 1, MANY, number::min),
    partial("mod", 2, 2, number::modulo),
    partial("mul", 2, 2, number::mul),
    total("not", 1, 1, number::not),
    lenient("null", 0, 0, number::null),
    total("objectKeys", 1, 1, collection::object_keys),
    partial("padLeft", 2, 3, text::pad_left),
    partial("parseCidr", 1, 1, address::parse_cidr),
    partial("range", 2, 2, number::range),
    partial("replace", 3, 3, text::replace),
    total("shallowMerge", 1, 1, collection::shallow_merge),
    total("skip", 2, 2, collection::skip),
    total("split", 2, 2, text::split),
    total("startsWith", 2, 2, text::starts_with),
    total("string", 1, 1, text::string),
    partial("sub", 2, 2, number::sub),
    partial("substring", 2, 3, text::substring),
    total("take", 2, 2, collection::take),
    total("toLower", 1, 1, text::to_lower),
    total("toUpper", 1, 1, text::to_upper),
    total("trim", 1, 1, text::trim),
    lenient("true", 0, 0, number::yes),
    or_null(lenient("tryGet", 2, MANY, collection::try_get)),
    or_null(lenient("tryIndexFromEnd", 2, 2, collection::try_index_from_end)),
    total("union", 2, MANY, collection::union),
    total("uniqueString", 1, MANY, hash::unique_string),
    partial("uri", 2, 2, encoding::uri),
    total("uriComponent", 1, 1, encoding::uri_component),
    total("uriComponentToString", 1, 1, encoding::uri_component_to_string),
];

/// "All Resource Manager template functions are available to use within a policy rule, except ..."
const UNAVAILABLE: &[&str] = &[
    "copyIndex",
    "dateTimeAdd",
    "dateTimeFromEpoch",
    "dateTimeToEpoch",
    "deployment",
    "environment",
    "extensionResourceId",
    "filter",
    "lambda",
    "lambdaVariables",
    "managementGroup",
    "map",
    "mapValues",
    "groupBy",
    "newGuid",
    "pickZones",
    "providers",
    "reduce",
    "reference",
    "references",
    "resourceId",
    "sort",
    "subscriptionResourceId",
    "tenant",
    "tenantResourceId",
    "toObject",
    "variables",
];

/// The function of that name, if it takes that many arguments. The error names what is wrong.
pub(super) fn find(name: &str, arguments: usize) -> Result<Call, String> {
    let special = SPECIAL.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name));
    let pure = PURE.iter().find(|entry| entry.name.eq_ignore_ascii_case(name));
    let (call, least, most) = match (special, pure) {
        (Some((_, least, most, special)), _) => (Call::Special(*special), *least, *most),
        (None, Some(entry)) => (Call::Pure(entry), entry.least, entry.most),
        (None, None) => {
            let listing = name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("list"));
            let known = listing || UNAVAILABLE.iter().any(|known| known.eq_ignore_ascii_case(name));
            let which = if known { "that policy rules do not have" } else { "that we do not know" };
            return Err(format!("function `{name}` {which}"));
        }
    };
    if (least..=most).contains(&arguments) {
        Ok(call)
    } else {
        Err(format!("function `{name}` with {arguments} arguments"))
    }
}

/// Names of all functions, for the tests that want a case for each.
pub fn names() -> Vec<&'static str> {
    SPECIAL.iter().map(|(name, ..)| *name).chain(PURE.iter().map(|entry| entry.name)).collect()
}

pub(super) fn fails<T>(message: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Fails(message.into()))
}

/// The argument at `at`; arity was checked when the definition was compiled.
fn argument<'a, 's>(arguments: Arguments<'a, 's>, at: usize) -> &'a Value
where
    's: 'a,
{
    arguments.get(at).map_or(&Value::Null, |value| value.as_ref())
}

/// Refuses work beyond what any honest document asks for.
// DIFFERENCE: the platform states no such bound.
fn affordable(name: &str, one: usize, other: usize) -> Result<(), Fault> {
    const PAIRS: usize = 20_000_000;
    if one.saturating_mul(other) > PAIRS {
        return Err(Fault::Undocumented(format!("result of {name} over more than {PAIRS} pairs")));
    }
    Ok(())
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// A string argument; anything else fails.
fn text_argument<'a>(name: &str, arguments: Arguments<'a, '_>, at: usize) -> Result<&'a str, Fault> {
    match argument(arguments, at) {
        Value::String(text) => Ok(text),
        other => fails(format!("{name}: argument {} is {}, not a string", at + 1, kind(other))),
    }
}

/// A whole-number argument; anything else fails.
fn whole_argument(name: &str, arguments: Arguments, at: usize) -> Result<i64, Fault> {
    let value = argument(arguments, at);
    match value.as_i64() {
        Some(number) => Ok(number),
        None => fails(format!("{name}: argument {} is {}, not a whole number", at + 1, kind(value))),
    }
}

/// `addDays(dateTime, numberOfDaysToAdd)`
fn add_days(arguments: Arguments) -> Given {
    let text = text_argument("addDays", arguments, 0)?;
    let days = whole_argument("addDays", arguments, 1)?;
    let Some(at) = date::instant(text) else {
        return fails(format!("addDays: `{text}` is not an ISO 8601 date-time"));
    };
    let Some(moved) = date::add_days(at, days) else {
        return fails(format!("addDays: {days} days from `{text}` is beyond the calendar"));
    };
    match arguments.get(2) {
        None => Ok(Value::String(date::universal(moved))),
        Some(_) => formatted("addDays", moved, text_argument("addDays", arguments, 2)?),
    }
}

pub(super) fn formatted(name: &str, at: jiff::Timestamp, format: &str) -> Given {
    match date::formatted(at, format) {
        Some(text) => Ok(Value::String(text)),
        None => Err(Fault::Undocumented(format!("{name} with the format `{format}`"))),
    }
}
