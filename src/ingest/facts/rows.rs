//! Rows of a table: lines that begin with a GUID, sorted by it. Found by bisection, without reading the rest.

use memchr::memchr;

/// Length of a GUID with hyphens.
const GUID: usize = 36;

/// Where the first row at or after this byte begins; the table's length where there is none.
fn next_row(table: &str, from: usize) -> usize {
    let bytes = table.as_bytes();
    let mut at = from;
    if at > 0 && bytes.get(at - 1) != Some(&b'\n') {
        at += memchr(b'\n', bytes.get(at..).unwrap_or_default()).map_or(bytes.len(), |newline| newline + 1);
    }
    while at < bytes.len() {
        if bytes.get(at + 8) == Some(&b'-') && bytes.get(at).is_some_and(u8::is_ascii_hexdigit) {
            return at;
        }
        at += memchr(b'\n', bytes.get(at..).unwrap_or_default()).map_or(bytes.len(), |newline| newline + 1);
    }
    bytes.len()
}

/// The table from the row of this id on; without letter case.
pub(super) fn from_row<'a>(table: &'a str, id: &str) -> Option<&'a str> {
    let id = id.trim().to_ascii_lowercase();
    let (mut low, mut high) = (0, table.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let at = next_row(table, middle);
        if at >= high {
            high = middle;
            continue;
        }
        match table.get(at..at + GUID)?.cmp(id.as_str()) {
            std::cmp::Ordering::Less => low = at + 1,
            std::cmp::Ordering::Equal => return table.get(at..),
            std::cmp::Ordering::Greater => high = middle,
        }
    }
    None
}

/// Every row with the text up to the next: the GUID, and what follows it.
pub(super) fn rows(table: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut at = next_row(table, 0);
    std::iter::from_fn(move || {
        let end = next_row(table, at + 1);
        let row = split(table.get(at..end)?)?;
        at = end;
        Some(row)
    })
}

/// The row at the head of a table's rest, up to the next row.
pub(super) fn first(table: &str) -> Option<(&str, &str)> {
    split(table.get(..next_row(table, 1))?)
}

fn split(row: &str) -> Option<(&str, &str)> {
    Some((row.get(..GUID)?, row.get(GUID + 1..)?.trim_end_matches('\n')))
}

/// The words of a line of actions: a digit n begins one that shares its first n segments with the one before, `@`
/// stands for `publisher`, `=x` for what `macros` says.
pub(super) fn actions<'a>(
    line: &'a str,
    publisher: &'a str,
    macros: impl Fn(&str) -> Option<&'a str>,
) -> impl Iterator<Item = String> {
    let mut before = String::with_capacity(128);
    line.split(' ').filter(|word| !word.is_empty()).map(move |word| {
        let mut letters = word.chars();
        let (first, rest) = (letters.next(), letters.as_str());
        match (first, first.and_then(|digit| digit.to_digit(10))) {
            (Some('='), _) => return macros(rest).unwrap_or(word).to_owned(),
            (_, Some(shared)) => {
                let end = before.match_indices('/').nth((shared as usize).saturating_sub(1));
                let end = end.map_or(before.len(), |(at, _)| at);
                before.truncate(end);
                before.push('/');
            }
            (Some('@'), None) => {
                before.clear();
                before.push_str(publisher);
            }
            (_, None) => {
                before.clear();
                before.push_str(word);
                return before.clone();
            }
        }
        before.push_str(rest);
        before.clone()
    })
}
