//! The one reader of times, for every spelling the exports use.
//!
//! The zone rule: **a time without a zone is UTC.** All the platforms' logs are kept in UTC; where an export drops the
//! zone (the portal's CSV, `2019-01-11 06:31:40`) it is still that. `8/22/2022` is month/day/year: the portal's and
//! PowerShell's form; day/month/year is never guessed, so a thirteenth month is an error and not the thirteenth.
//! A date alone is its midnight. A number is an epoch: seconds, or milliseconds from 10^11 on (JWT `iat`, `exp`).
//!
//! More than nine digits of fraction are cut off; a leap second is the last second of its minute.

use crate::model::Timestamp;
use jiff::civil;
use jiff::tz::Offset;

/// Reads a time; the error is the text that is none.
pub fn parse(text: &str) -> Result<Timestamp, String> {
    read(text.trim()).ok_or_else(|| {
        let why = if day_first(text.trim()) { DAY_FIRST } else { "" };
        format!("`{}` is no time{why}", shorten(text))
    })
}

const DAY_FIRST: &str = ": such dates are read as month/day/year, so if this file writes the day first its other times \
                         are wrong as well: export it with ISO times";

/// Whether the text begins like a date with the month behind the day.
fn day_first(text: &str) -> bool {
    let mut parts = text.splitn(3, '/').map(|part| part.parse::<u8>().ok());
    matches!((parts.next(), parts.next()), (Some(Some(13..=31)), Some(Some(1..=12))))
}

fn shorten(text: &str) -> String {
    let mut short: String = text.trim().chars().take(40).collect();
    if short.len() < text.trim().len() {
        short.push('…');
    }
    short
}

fn read(text: &str) -> Option<Timestamp> {
    if let Some(inside) = text.strip_prefix("/Date(").and_then(|t| t.strip_suffix(")/")) {
        let end = inside.char_indices().skip(1).find(|(_, c)| matches!(c, '+' | '-')).map_or(inside.len(), |(i, _)| i);
        return Timestamp::from_millisecond(inside.get(..end)?.parse().ok()?).ok();
    }
    if text.len() >= 9 && text.bytes().all(|b| b.is_ascii_digit()) {
        let number: i64 = text.parse().ok()?;
        return if number < 100_000_000_000 {
            Timestamp::from_second(number).ok()
        } else {
            Timestamp::from_millisecond(number).ok()
        };
    }
    let mut cursor = Cursor { rest: text };
    let date = cursor.date()?;
    let (time, afternoon) = cursor.clock()?;
    let offset = cursor.zone()?;
    if !cursor.rest.is_empty() {
        return None;
    }
    let hour = match afternoon {
        None => time.hour,
        Some(_) if time.hour == 0 || time.hour > 12 => return None,
        Some(pm) => time.hour % 12 + if pm { 12 } else { 0 },
    };
    let moment =
        civil::DateTime::new(date.0, date.1, date.2, hour, time.minute, time.second.min(59), time.nanosecond).ok()?;
    offset.to_timestamp(moment).ok()
}

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
        self.rest = self.rest.trim_start_matches([' ', '\u{a0}', '\u{202f}', ',']);
    }

    /// `2021-04-28`, `2021/04/28` or `4/28/2021`.
    fn date(&mut self) -> Option<(i16, i8, i8)> {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (year, month, day);
        if digits == 4 {
            year = self.number(4)?;
            let separator = if self.take('-') { '-' } else { self.take('/').then_some('/')? };
            month = self.number(2)?;
            self.take(separator).then_some(())?;
            day = self.number(2)?;
        } else {
            month = self.number(2)?;
            self.take('/').then_some(())?;
            day = self.number(2)?;
            self.take('/').then_some(())?;
            year = self.number(4)?;
        }
        Some((i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?))
    }

    /// `T09:41:00.123` or ` 9:41 PM`, or nothing.
    fn clock(&mut self) -> Option<(Clock, Option<bool>)> {
        let midnight = Clock { hour: 0, minute: 0, second: 0, nanosecond: 0 };
        if self.rest.is_empty() {
            return Some((midnight, None));
        }
        if !self.take('T') && !self.take('t') {
            self.rest.starts_with([' ', ',', '\u{a0}', '\u{202f}']).then_some(())?;
            self.blanks();
        }
        let hour = i8::try_from(self.number(2)?).ok()?;
        self.take(':').then_some(())?;
        let minute = i8::try_from(self.number(2)?).ok()?;
        let (mut second, mut nanosecond) = (0, 0);
        if self.take(':') {
            second = i8::try_from(self.number(2)?).ok().filter(|s| (0..=60).contains(s))?;
            if self.take('.') {
                let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
                let (fraction, rest) = self.rest.split_at_checked(digits)?;
                self.rest = rest;
                for i in 0..9 {
                    let digit = fraction.as_bytes().get(i).map_or(0, |b| i32::from(b - b'0'));
                    nanosecond = nanosecond * 10 + digit;
                }
            }
        }
        let mark = self.rest;
        self.blanks();
        let afternoon = match self.rest.get(..2) {
            Some(m) if m.eq_ignore_ascii_case("am") => Some(false),
            Some(m) if m.eq_ignore_ascii_case("pm") => Some(true),
            _ => None,
        };
        self.rest = if afternoon.is_some() { self.rest.get(2..)? } else { mark };
        Some((Clock { hour, minute, second, nanosecond }, afternoon))
    }

    /// `Z`, `UTC`, `GMT`, `+02:00`, `+0200`, `-05`, or nothing: UTC.
    fn zone(&mut self) -> Option<Offset> {
        self.blanks();
        for name in ["UTC", "GMT", "Z"] {
            if self.rest.get(..name.len()).is_some_and(|r| r.eq_ignore_ascii_case(name)) {
                self.rest = self.rest.get(name.len()..)?;
                return Some(Offset::UTC);
            }
        }
        let sign = if self.take('+') {
            1
        } else if self.take('-') || self.take('\u{2212}') {
            -1
        } else {
            return Some(Offset::UTC);
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
