//! How records are packed: JSON documents and their envelopes, JSON lines, CSV, other text; compressed or not, in
//! whatever encoding. Told by content, never by name.
//!
//! Envelopes: an array; `{"value":[]}` (Graph, ARM); `{"data":[]}` (Resource Graph, AzureHound, whose `meta` comes
//! last) and its older `{"data":{"columns","rows"}}`; `{"tables":[{"columns","rows"}]}` (the query API);
//! `{"records":[]}` (Event Hub); `{"Items":[]}` (Retail Prices); a recorded `{"request","response"}`. Every record is
//! numbered from 1 in file order, so that evidence can point at it.

mod csv_rows;
mod decode;
mod hash;
mod json;
mod source;
pub mod zip_members;

pub use decode::{Packing, packing, text};
pub use hash::{Hash, Hashed};
pub use source::{HEAD, RECORD_LIMIT};

use super::record::{Container, Context, Fields};
use source::Source;
use std::io::{Read, Seek};

/// How a file is packed, told by its first bytes; the reader stands at its start again.
pub fn packing_of<R: Read + Seek + ?Sized>(mut reader: &mut R) -> std::io::Result<Packing> {
    let head = decode::read_up_to(&mut reader, 4)?;
    reader.rewind()?;
    Ok(packing(&head))
}

/// What a container hands over.
pub enum Piece<'a> {
    Record(Fields<'a>),
    /// The columns of a table without rows.
    Headed(Fields<'a>),
    /// Could not be cut out or is no object.
    Bad(String),
    /// The end of an envelope: whether more pages follow (`@odata.nextLink`, `$skipToken`), and which collection it
    /// was, even if it held nothing.
    Page {
        more: bool,
        records: u64,
    },
}

/// Receives pieces; the number counts records and bad pieces from 1.
pub type Receive<'s> = dyn FnMut(u64, Piece<'_>, &Context) + 's;

/// A needle search over the raw bytes of a record; false: skip the record unparsed.
pub type Wanted<'s> = dyn Fn(&[u8]) -> bool + 's;

/// Reads all records of decoded text. The error is why reading stopped early.
pub fn records(
    reader: Box<dyn Read + '_>,
    wanted: Option<&Wanted<'_>>,
    receive: &mut Receive<'_>,
) -> Result<(), String> {
    let mut source = Source::new(reader);
    // White space in front says nothing, however much there is of it.
    source.peek();
    if source.head(HEAD).0.starts_with(b"#TYPE ") {
        // Windows PowerShell's `Export-Csv` names the type of its objects above the heading.
        source.skip_to(b"\n");
        source.skip(1);
    }
    let (head, ended) = source.head(HEAD);
    match sniff(head, ended) {
        Shape::Empty => {}
        Shape::Binary => {
            let reason = match packing(head) {
                Packing::Zip => "an archive in an archive is not read: unpack it",
                Packing::Gzip | Packing::Zstd => "compressed more than twice: unpack it",
                Packing::Plain => "neither JSON nor text",
            };
            receive(1, Piece::Bad(reason.to_owned()), &Context::default());
        }
        Shape::Document => json::documents(&mut source, wanted, receive),
        Shape::Lines => json::lines(&mut source, wanted, receive),
        Shape::Csv(delimiter) => return csv_rows::read(source, delimiter, wanted, receive),
        Shape::Text => {
            let text = String::from_utf8_lossy(head).into_owned();
            let names: Vec<String> = text.lines().filter_map(yaml_key).collect();
            let cells: Vec<&str> = names.iter().map(|_| "present").collect();
            let context = Context { container: Container::Text, ..Context::default() };
            receive(1, Piece::Record(Fields::cells(&names, cells.into_iter())), &context);
        }
    }
    source.failure.map_or(Ok(()), Err)
}

#[derive(Debug, PartialEq, Eq)]
enum Shape {
    Empty,
    Document,
    Lines,
    Csv(u8),
    Text,
    Binary,
}

fn sniff(head: &[u8], whole: bool) -> Shape {
    let Some(first) = head.iter().find(|b| !b.is_ascii_whitespace()) else {
        return Shape::Empty;
    };
    let json = matches!(first, b'{' | b'[');
    if !json && head.iter().filter(|b| **b < 9 || (14..32).contains(*b)).count() * 50 > head.len() {
        return Shape::Binary;
    }
    if *first == b'[' {
        return Shape::Document;
    }
    if is_lines(head, whole) {
        return Shape::Lines;
    }
    if *first == b'{' {
        return Shape::Document;
    }
    if let Some(delimiter) = delimiter(head) {
        return Shape::Csv(delimiter);
    }
    Shape::Text
}

/// Objects one a line: most whole lines parse by themselves.
fn is_lines(head: &[u8], whole: bool) -> bool {
    let mut lines: Vec<&[u8]> = head.split(|b| *b == b'\n').map(<[u8]>::trim_ascii).collect();
    let cut = if whole { None } else { lines.pop() };
    let lines: Vec<&[u8]> = lines.into_iter().filter(|l| !l.is_empty()).take(32).collect();
    let parse = |line: &&&[u8]| line.starts_with(b"{") && serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok();
    let good = lines.iter().filter(parse).count();
    let follows = cut.is_some_and(|c| c.starts_with(b"{"));
    good > 0 && (lines.len() > 1 || follows) && good * 2 >= lines.len()
}

/// The character between the names of a heading that looks like one.
fn delimiter(head: &[u8]) -> Option<u8> {
    let end = head.iter().position(|b| *b == b'\n').unwrap_or(head.len());
    let heading = std::str::from_utf8(head.get(..end)?).ok()?;
    let delimiter = [b',', b';', b'\t'].into_iter().max_by_key(|d| heading.bytes().filter(|b| b == d).count())?;
    let names: Vec<&str> = heading.split(delimiter as char).map(bare).collect();
    let plausible =
        |name: &&&str| name.len() <= 80 && name.chars().all(|c| c.is_alphanumeric() || " _-.[]$()/@#*".contains(c));
    (names.len() > 1
        && names.iter().filter(plausible).count() == names.len()
        && names.iter().any(|n| n.starts_with(|c: char| c.is_ascii_alphabetic() || c == '$')))
    .then_some(delimiter)
}

/// A name without quotes and without the zone in brackets behind it.
fn bare(name: &str) -> &str {
    let name = name.trim().trim_matches('"');
    match name.strip_suffix(']').and_then(|name| name.rsplit_once('[')) {
        Some((name, zone)) if zone.len() < 40 => name,
        Some(_) | None => name,
    }
}

fn yaml_key(line: &str) -> Option<String> {
    let (name, _) = line.split_once(':')?;
    (!name.is_empty() && name.len() < 60 && name.chars().all(|c| c.is_alphanumeric() || c == '_'))
        .then(|| name.to_owned())
}
