//! The one reader of times, for every spelling the exports use.
//!
//! The zone rule: **a time without a zone is UTC.** All the platforms' logs are kept in UTC; where an export drops the
//! zone (the portal's CSV, `2019-01-11 06:31:40`) it is still that. A heading that names another zone
//! (`TimeGenerated [UTC+02:00]`) is believed; one that says `[Local Time]` does not tell which, and such a time is
//! refused.
//!
//! `8/22/2022` can only be month/day and `22/8/2022` only day/month; what `3/4/2026` is, the file as a whole tells
//! ([`super::dates`]), else it is read as month/day, the portal's form, and said so. `21.03.2026` has the day first.
//! A date alone is its midnight. A number is an epoch in seconds, milliseconds, microseconds or nanoseconds, whichever
//! puts it between 1990 and 2100. A year has four digits.
//!
//! More than nine digits of fraction are cut off; a leap second is the last second of its minute.

use crate::model::{DateOrder, Timestamp};
use jiff::civil;
use jiff::tz::Offset;

/// Reads a time; the error is the text that is none. Where month and day can be either, the month is first.
pub fn parse(text: &str) -> Result<Timestamp, String> {
    read(text, Offset::UTC).map(|read| read.at(DateOrder::MonthFirst)).unwrap_or_else(|| Err(none(text)))
}

/// What a text can mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// Year first, a month's name, a number: there is one way to read it.
    One(Timestamp),
    /// Month and day in figures before the year, of which only one order gives a date.
    Told(DateOrder, Timestamp),
    /// Both orders give a date, and different ones.
    Either { month_first: Timestamp, day_first: Timestamp },
}

impl Read {
    /// The moment, if the text is of that order where it can be of either.
    pub fn at(self, order: DateOrder) -> Result<Timestamp, String> {
        Ok(match (self, order) {
            (Read::One(time) | Read::Told(_, time), _) => time,
            (Read::Either { month_first, .. }, DateOrder::MonthFirst) => month_first,
            (Read::Either { day_first, .. }, DateOrder::DayFirst) => day_first,
        })
    }
}

pub(super) fn none(text: &str) -> String {
    let year = text.trim().split([' ', ',', 'T']).next().and_then(|date| date.rsplit(['/', '-']).next());
    let short =
        text.trim().contains('/') && year.is_some_and(|y| y.len() == 2 && y.bytes().all(|b| b.is_ascii_digit()));
    let why = if short { ": its year has two digits, so export it with ISO times" } else { "" };
    format!("`{}` is no time{why}", shorten(text))
}

pub(super) fn shorten(text: &str) -> String {
    let mut short: String = text.trim().chars().take(40).collect();
    if short.len() < text.trim().len() {
        short.push('…');
    }
    short
}

/// Reads a text; one that names no zone is in `zone`.
pub fn read(text: &str, zone: Offset) -> Option<Read> {
    let text = text.trim();
    if let Some(inside) = text.strip_prefix("/Date(").and_then(|t| t.strip_suffix(")/")) {
        let end = inside.char_indices().skip(1).find(|(_, c)| matches!(c, '+' | '-')).map_or(inside.len(), |(i, _)| i);
        return Timestamp::from_millisecond(inside.get(..end)?.parse().ok()?).ok().map(Read::One);
    }
    if text.starts_with('{') {
        // What Windows PowerShell makes of a date: `{ "value": "/Date(...)/", "DateTime": "Saturday, ..." }`.
        let whole: serde_json::Value = serde_json::from_str(text).ok()?;
        return read(crate::model::json::text(&whole, "value").filter(|v| !v.starts_with('{'))?, zone);
    }
    if text.len() >= 9 && text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return epoch(text).map(Read::One);
    }
    let mut cursor = Cursor { rest: text };
    let date = cursor.date()?;
    let (time, afternoon) = cursor.clock()?;
    let offset = cursor.zone(zone)?;
    if !cursor.rest.is_empty() {
        return None;
    }
    let hour = match afternoon {
        None => time.hour,
        Some(_) if time.hour == 0 || time.hour > 12 => return None,
        Some(pm) => time.hour % 12 + if pm { 12 } else { 0 },
    };
    let moment = |year, month, day| {
        let (second, nanosecond) = (time.second.min(59), time.nanosecond);
        let moment = civil::DateTime::new(year, month, day, hour, time.minute, second, nanosecond).ok()?;
        offset.to_timestamp(moment).ok()
    };
    match date {
        Date::Certain(year, month, day) => moment(year, month, day).map(Read::One),
        Date::Figures(year, first, second) => match (moment(year, first, second), moment(year, second, first)) {
            (Some(month_first), Some(day_first)) if month_first == day_first => Some(Read::One(month_first)),
            (Some(month_first), Some(day_first)) => Some(Read::Either { month_first, day_first }),
            (Some(time), None) => Some(Read::Told(DateOrder::MonthFirst, time)),
            (None, Some(time)) => Some(Read::Told(DateOrder::DayFirst, time)),
            (None, None) => None,
        },
    }
}

/// Seconds between 1990 and 2100.
const PLAUSIBLE: std::ops::Range<i128> = 631_152_000..4_102_444_800;

fn epoch(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if whole.len() > 20 || fraction.contains('.') {
        return None;
    }
    let number: i128 = whole.parse().ok()?;
    // What is shorter counts in other units from another year (.NET's ticks, a file's time on Windows).
    if (100_000_000_000_000_000..1_000_000_000_000_000_000).contains(&number) {
        return None;
    }
    let unit = [1, 1_000, 1_000_000, 1_000_000_000].into_iter().find(|unit| PLAUSIBLE.contains(&(number / unit)))?;
    let mut nanoseconds = number * (1_000_000_000 / unit);
    let mut worth = 1_000_000_000 / unit;
    for digit in fraction.bytes() {
        worth /= 10;
        nanoseconds += i128::from(digit - b'0') * worth;
    }
    Timestamp::from_nanosecond(nanoseconds).ok()
}

enum Date {
    Certain(i16, i8, i8),
    /// Year, and the two figures before it in their order.
    Figures(i16, i8, i8),
}

const MONTHS: &[&str] = &[
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const DAYS: &[&str] = &["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

struct Clock {
    hour: i8,
    minute: i8,
    second: i8,
    nanosecond: i32,
}

struct Cursor<'a> {
    rest: &'a str,
}

impl Cursor<'_> {
    fn number(&mut self, most: usize) -> Option<i32> {
        let digits = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.rest.split_at_checked(digits)?;
        self.rest = rest;
        number.parse().ok()
    }

    fn take(&mut self, c: char) -> bool {
        match self.rest.strip_prefix(c) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn blanks(&mut self) {
        // A narrow no-break space stands before AM and PM in newer locale data.
        self.rest = self.rest.trim_start_matches([' ', '\u{a0}', '\u{202f}', '\u{2009}', ',']);
    }

    fn digits(&self) -> usize {
        self.rest.bytes().take_while(u8::is_ascii_digit).count()
    }

    /// A year in four digits.
    fn year(&mut self) -> Option<i16> {
        if self.digits() < 4 {
            return None;
        }
        i16::try_from(self.number(4)?).ok()
    }

    fn figure(&mut self) -> Option<i8> {
        i8::try_from(self.number(2)?).ok()
    }

    /// One of these words in English, whole or its first three letters.
    fn word(&mut self, words: &[&str]) -> Option<usize> {
        let letters = self.rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (word, rest) = self.rest.split_at_checked(letters)?;
        let is = |known: &&str| {
            word.eq_ignore_ascii_case(known) || known.get(..3).is_some_and(|short| word.eq_ignore_ascii_case(short))
        };
        let found = words.iter().position(is)?;
        self.rest = rest;
        Some(found)
    }

    /// `2021-04-28`, `2021/04/28`, `20210428T`, `4/28/2021`, `28.04.2021`, `Wed, 28 Apr 2021`, `28-Apr-2021`,
    /// `Apr 28, 2021`.
    fn date(&mut self) -> Option<Date> {
        if self.word(DAYS).is_some() {
            self.take('.');
            self.blanks();
        }
        let digits = self.digits();
        if digits == 8 && self.rest.as_bytes().get(8).is_some_and(|b| matches!(b, b'T' | b't')) {
            return Some(Date::Certain(self.year()?, self.figure()?, self.figure()?));
        }
        if digits == 4 {
            let year = self.year()?;
            let separator = ['-', '/', '.'].into_iter().find(|c| self.take(*c))?;
            let month = self.figure()?;
            self.take(separator).then_some(())?;
            return Some(Date::Certain(year, month, self.figure()?));
        }
        if digits == 0 {
            let month = i8::try_from(self.word(MONTHS)? + 1).ok()?;
            self.take('.');
            self.blanks();
            let day = self.figure()?;
            self.blanks();
            return Some(Date::Certain(self.year()?, month, day));
        }
        let first = self.figure()?;
        let separator = ['/', '-', '.', ' '].into_iter().find(|c| self.take(*c))?;
        if let Some(month) = self.word(MONTHS) {
            self.take('.');
            (self.take(separator) || separator == '.').then_some(())?;
            return Some(Date::Certain(self.year()?, i8::try_from(month + 1).ok()?, first));
        }
        let second = self.figure()?;
        (separator != ' ' && self.take(separator)).then_some(())?;
        let year = self.year()?;
        Some(match separator {
            '.' => Date::Certain(year, second, first),
            _ => Date::Figures(year, first, second),
        })
    }

    /// `T09:41:00.123` or ` 9:41 PM`, or nothing.
    fn clock(&mut self) -> Option<(Clock, Option<bool>)> {
        let midnight = Clock { hour: 0, minute: 0, second: 0, nanosecond: 0 };
        if self.rest.is_empty() {
            return Some((midnight, None));
        }
        if !self.take('T') && !self.take('t') {
            self.rest.starts_with([' ', ',', '\u{a0}', '\u{202f}', '\u{2009}']).then_some(())?;
            self.blanks();
            if self.take('@') {
                self.blanks();
            }
        }
        let hour = self.figure()?;
        let colons = self.take(':');
        if !colons && self.digits() < 2 {
            return None;
        }
        let minute = self.figure()?;
        let (mut second, mut nanosecond) = (0, 0);
        if self.take(':') || (!colons && self.digits() == 2) {
            second = self.figure().filter(|s| (0..=60).contains(s))?;
            // A decimal comma is one only where a digit follows.
            let comma = self.rest.strip_prefix(',').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
            if self.take('.') || (comma && self.take(',')) {
                let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
                let (fraction, rest) = self.rest.split_at_checked(digits)?;
                self.rest = rest;
                for i in 0..9 {
                    let digit = fraction.as_bytes().get(i).map_or(0, |b| i32::from(b - b'0'));
                    nanosecond = nanosecond * 10 + digit;
                }
            }
        }
        if self.rest.starts_with(',') {
            return None;
        }
        let mark = self.rest;
        self.blanks();
        let half = [("am", false), ("pm", true), ("a.m.", false), ("p.m.", true)]
            .into_iter()
            .rfind(|(word, _)| self.rest.get(..word.len()).is_some_and(|rest| rest.eq_ignore_ascii_case(word)));
        let afternoon = half.map(|(_, pm)| pm);
        self.rest = half.map_or(Some(mark), |(word, _)| self.rest.get(word.len()..))?;
        Some((Clock { hour, minute, second, nanosecond }, afternoon))
    }

    /// `Z`, `UTC`, `GMT`, `+02:00`, `+0200`, `-05`, or nothing: the zone that holds for all.
    fn zone(&mut self, unsaid: Offset) -> Option<Offset> {
        self.blanks();
        let bracketed = self.take('(');
        for name in ["UTC", "GMT", "Z"] {
            if self.rest.get(..name.len()).is_some_and(|r| r.eq_ignore_ascii_case(name)) {
                self.rest = self.rest.get(name.len()..)?;
                if bracketed && !self.take(')') {
                    return None;
                }
                if name == "Z" || self.rest.is_empty() {
                    return Some(Offset::UTC);
                }
                break;
            }
        }
        let sign = if self.take('+') {
            1
        } else if self.take('-') || self.take('\u{2212}') {
            -1
        } else {
            return Some(unsaid);
        };
        let hours = self.number(2)?;
        self.take(':');
        let minutes = if self.rest.is_empty() { 0 } else { self.number(2)? };
        if hours > 14 || minutes > 59 {
            return None;
        }
        Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
    }
}

/// The zone that a column's heading names in brackets: `[UTC]`, `[UTC+02:00]`, `[GMT-5]`; none where it does not say.
pub fn zone_named(heading: &str) -> Option<Offset> {
    let mut cursor = Cursor { rest: heading.trim() };
    for name in ["UTC", "GMT"] {
        if cursor.rest.get(..name.len()).is_some_and(|r| r.eq_ignore_ascii_case(name)) {
            cursor.rest = cursor.rest.get(name.len()..)?.trim_start();
            if cursor.rest.is_empty() {
                return Some(Offset::UTC);
            }
            let short = cursor.rest.len() == 2;
            let padded = if short { cursor.rest.replace(['+', '-'], "") } else { String::new() };
            if short && padded.len() == 1 {
                let sign = if cursor.rest.starts_with('-') { -1 } else { 1 };
                return Offset::from_seconds(sign * padded.parse::<i32>().ok()? * 3600).ok();
            }
            let zone = cursor.zone(Offset::UTC)?;
            return cursor.rest.is_empty().then_some(zone);
        }
    }
    None
}
