//! Dates as the policy language writes them: ISO 8601, `yyyy-MM-ddTHH:mm:ss.fffffffZ`.
//!
//! Source: *Azure Policy definition structure policy rule* (Policy functions: utcNow, addDays); *Date functions for
//! ARM templates* for the format strings.

use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};

/// The instant an ISO date or date-time denotes; without an offset UTC is meant.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let digits = |from: usize, to: usize| bytes.get(from..to).is_some_and(|b| b.iter().all(u8::is_ascii_digit));
    let shaped =
        digits(0, 4) && bytes.get(4) == Some(&b'-') && digits(5, 7) && bytes.get(7) == Some(&b'-') && digits(8, 10);
    if !shaped || text.len() > 40 {
        return None;
    }
    if text.len() == 10 {
        return TimeZone::UTC.to_timestamp(text.parse::<civil::Date>().ok()?.at(0, 0, 0, 0)).ok();
    }
    if !matches!(bytes.get(10), Some(b'T' | b't' | b' ')) || text.contains('[') {
        return None;
    }
    let local = || TimeZone::UTC.to_timestamp(text.parse::<civil::DateTime>().ok()?).ok();
    text.parse::<Timestamp>().ok().or_else(local)
}

/// `yyyy-MM-ddTHH:mm:ss.fffffffZ`
pub(super) fn universal(at: Timestamp) -> String {
    let ticks = at.subsec_nanosecond().rem_euclid(1_000_000_000) / 100;
    let seconds = at.strftime("%Y-%m-%dT%H:%M:%S");
    format!("{seconds}.{ticks:07}Z")
}

pub(super) fn add_days(at: Timestamp, days: i64) -> Option<Timestamp> {
    let hours = days.checked_mul(24)?;
    at.checked_add(SignedDuration::try_from_hours(hours)?).ok()
}

/// The .NET format strings that need no culture; none for any other.
pub(super) fn formatted(at: Timestamp, format: &str) -> Option<String> {
    match format {
        "o" | "O" => return Some(universal(at)),
        "u" => return Some(at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()),
        "s" => return Some(at.strftime("%Y-%m-%dT%H:%M:%S").to_string()),
        "d" => return Some(at.strftime("%m/%d/%Y").to_string()),
        _ if format.len() < 2 => return None,
        _ => {}
    }
    let mut out = String::new();
    let mut rest = format;
    while let Some(first) = rest.chars().next() {
        let run = rest.chars().take_while(|c| *c == first).count();
        if first == '\'' {
            let quoted = rest.get(1..)?;
            let end = quoted.find('\'')?;
            out.push_str(quoted.get(..end)?);
            rest = quoted.get(end + 1..)?;
            continue;
        }
        let directive = match (first, run) {
            ('y', 4) => "%Y",
            ('y', 2) => "%y",
            ('M', 2) => "%m",
            ('M', 1) => "%-m",
            ('d', 2) => "%d",
            ('d', 1) => "%-d",
            ('H', 2) => "%H",
            ('H', 1) => "%-H",
            ('m', 2) => "%M",
            ('m', 1) => "%-M",
            ('s', 2) => "%S",
            ('s', 1) => "%-S",
            ('f', 1..=7) => {
                let ticks = format!("{:07}", at.subsec_nanosecond().rem_euclid(1_000_000_000) / 100);
                out.push_str(ticks.get(..run)?);
                rest = rest.get(run..)?;
                continue;
            }
            (letter, _) if letter.is_alphabetic() && !matches!(letter, 'T' | 'Z') => return None,
            (other, _) => {
                out.extend(std::iter::repeat_n(other, run));
                rest = rest.get(run * other.len_utf8()..)?;
                continue;
            }
        };
        out.push_str(&at.strftime(directive).to_string());
        rest = rest.get(run..)?;
    }
    Some(out)
}
