//! JSON documents and their envelopes, and JSON lines.

use super::source::{Cut, Source};
use super::{Piece, Receive, Wanted};
use crate::ingest::record::{Container, Context, Fields};
use serde_json::value::RawValue;
use std::sync::Arc;

/// Names that stand beside the list in an envelope and in no record of ours alone.
const BESIDE: &[&str] = &[
    "value",
    "data",
    "tables",
    "records",
    "items",
    "results",
    "schema",
    "stats",
    "count",
    "totalrecords",
    "total_records",
    "skip_token",
    "$skiptoken",
    "skiptoken",
    "facets",
    "resulttruncated",
    "result_truncated",
    "nextlink",
    "nextpagelink",
    "meta",
    "request",
    "response",
    "error",
    "billingcurrency",
    "customerentityid",
    "customerentitytype",
    "render",
    "statistics",
    "datasources",
];

fn beside(name: &str) -> bool {
    name.starts_with('@') || name.starts_with("odata.") || BESIDE.iter().any(|b| b.eq_ignore_ascii_case(name))
}

/// Names whose value holds the records.
fn holds(name: &str) -> bool {
    ["value", "data", "tables", "records", "items", "results", "response"].iter().any(|n| n.eq_ignore_ascii_case(name))
}

/// Whether a member beside the list says that there is more of it elsewhere.
fn says_more(name: &str, json: &[u8]) -> bool {
    let named = ["@odata.nextLink", "nextLink", "NextPageLink", "$skipToken", "skip_token"]
        .iter()
        .any(|n| n.eq_ignore_ascii_case(name));
    let truncated = ["resultTruncated", "result_truncated"].iter().any(|n| n.eq_ignore_ascii_case(name));
    (named && !matches!(json, b"null" | b"\"\"")) || (truncated && matches!(json, b"true" | b"\"true\""))
}

struct Walk<'w, 's> {
    wanted: Option<&'w Wanted<'w>>,
    receive: &'w mut Receive<'s>,
    number: u64,
    /// Lists in lists and envelopes in envelopes, at the cursor.
    depth: u32,
}

/// Envelopes nest a little (a recorded response that holds a list); what nests deeper is one record.
const NESTED: u32 = 4;

impl Walk<'_, '_> {
    fn bad(&mut self, reason: impl Into<String>, context: &Context) {
        self.number += 1;
        (self.receive)(self.number, Piece::Bad(reason.into()), context);
    }

    fn take(&mut self, json: &[u8], context: &Context) {
        self.number += 1;
        if self.wanted.is_some_and(|wanted| !wanted(json)) {
            return;
        }
        match Fields::parse(json) {
            Ok(fields) => (self.receive)(self.number, Piece::Record(fields), context),
            Err(reason) => (self.receive)(self.number, Piece::Bad(reason), context),
        }
    }

    fn page(&mut self, more: bool, records: u64, context: &Context) {
        (self.receive)(self.number, Piece::Page { more, records }, context);
    }

    /// The elements of the array at the cursor.
    fn array(&mut self, source: &mut Source<'_>, context: &Context) -> u64 {
        let before = self.number;
        // Whether the first of them was a frame of Data Explorer's.
        let mut framed = None;
        source.skip(1);
        loop {
            match source.peek() {
                None => {
                    self.bad("the file ends inside a list", context);
                    break;
                }
                Some(b']') => {
                    source.skip(1);
                    break;
                }
                Some(b',') => source.skip(1),
                Some(b'{') if framed != Some(false) && is_frame(source) => {
                    framed = Some(true);
                    let context = Context { container: Container::Table, listed: true, ..context.clone() };
                    self.table(source, &context);
                }
                Some(b'{') => match source.value() {
                    Ok(json) => {
                        // The slice borrows the source, which the walk does not touch.
                        framed = Some(false);
                        self.number += 1;
                        if self.wanted.is_some_and(|wanted| !wanted(json)) {
                            continue;
                        }
                        let piece = Fields::parse(json).map_or_else(Piece::Bad, Piece::Record);
                        (self.receive)(self.number, piece, context);
                    }
                    Err(cut) => self.bad(cut.reason(), context),
                },
                Some(b'[') if self.depth < NESTED => {
                    // A list of lists: several pages pasted together.
                    self.depth += 1;
                    self.array(source, context);
                    self.depth -= 1;
                }
                Some(b'}') => {
                    source.skip(1);
                    self.bad("a stray `}` between records", context);
                }
                Some(_) => {
                    let value = source.value();
                    // A Graph collection of plain values is one, if of no use.
                    match value.map(std::str::from_utf8) {
                        Ok(Ok(json)) if context.odata.is_some() && serde_json::from_str::<&RawValue>(json).is_ok() => {
                            self.number += 1;
                            (self.receive)(self.number, Piece::Record(Fields::scalar(json)), context);
                        }
                        Ok(Ok("")) => {
                            source.skip(1);
                            self.bad("not a JSON object", context);
                        }
                        Ok(_) | Err(_) => self.bad("not a JSON object", context),
                    }
                }
            }
        }
        self.number - before
    }

    /// The rows of the array at the cursor, as records under these column names.
    fn rows(&mut self, source: &mut Source<'_>, names: &[String], context: &Context) -> u64 {
        let before = self.number;
        source.skip(1);
        loop {
            match source.peek() {
                None => {
                    self.bad("the file ends inside a table", context);
                    break;
                }
                Some(b']') => {
                    source.skip(1);
                    break;
                }
                Some(b',') => source.skip(1),
                Some(_) => {
                    self.number += 1;
                    let piece = match source.value() {
                        Ok([]) => {
                            source.skip(1);
                            Piece::Bad("a stray bracket between rows".to_owned())
                        }
                        Ok(json) if self.wanted.is_some_and(|wanted| !wanted(json)) => continue,
                        Ok(json) => match serde_json::from_slice::<Vec<&RawValue>>(json) {
                            Ok(values) if values.len() == names.len() => Piece::Record(Fields::row(names, &values)),
                            Ok(values) => {
                                Piece::Bad(format!("{} cells in a table of {} columns", values.len(), names.len()))
                            }
                            Err(error) => Piece::Bad(format!("not a row: {error}")),
                        },
                        Err(cut) => Piece::Bad(cut.reason()),
                    };
                    (self.receive)(self.number, piece, context);
                }
            }
        }
        self.number - before
    }

    /// The object at the cursor: an envelope if all that comes before its list is of the kind that stands beside one,
    /// else a record of its own.
    fn object(&mut self, source: &mut Source<'_>, context: &Context) {
        let mut seen: Vec<(String, String)> = Vec::new();
        let mut offset = 1;
        let envelope = loop {
            if self.depth >= NESTED {
                break None;
            }
            let Some((byte, at)) = source.peek_at(offset) else { break None };
            match byte {
                b',' => offset = at + 1,
                b'"' => {
                    let Ok(length) = source.measure(at) else { break None };
                    let Ok(name) = serde_json::from_slice::<String>(source.slice(at, length)) else { break None };
                    let Some((b':', colon)) = source.peek_at(at + length) else { break None };
                    let Some((start, value_at)) = source.peek_at(colon + 1) else { break None };
                    if !beside(&name) {
                        break None;
                    }
                    if holds(&name) && matches!(start, b'[' | b'{') {
                        break Some((name, start, value_at));
                    }
                    let Ok(length) = source.measure(value_at) else { break None };
                    let json = String::from_utf8_lossy(source.slice(value_at, length)).into_owned();
                    seen.push((name, json));
                    offset = value_at + length;
                }
                _ => break None,
            }
        };
        let Some((name, start, value_at)) = envelope else {
            match source.value() {
                Ok(json) => {
                    self.number += 1;
                    if self.wanted.is_some_and(|wanted| !wanted(json)) {
                        return;
                    }
                    let piece = Fields::parse(json).map_or_else(Piece::Bad, Piece::Record);
                    (self.receive)(self.number, piece, context);
                }
                Err(cut) => self.bad(cut.reason(), context),
            }
            return;
        };
        let mut context = context.clone();
        let mut more = false;
        let mut remember = |name: &str, json: &str, more: &mut bool| {
            *more |= says_more(name, json.as_bytes());
            if name.eq_ignore_ascii_case("@odata.context") || name.eq_ignore_ascii_case("odata.metadata") {
                context.odata = serde_json::from_str::<String>(json).ok().map(Arc::from);
            }
            if name.eq_ignore_ascii_case("request") {
                context.uri = Fields::parse_str(json)
                    .ok()
                    .and_then(|f| f.first_text(&["uri", "url"]).map(|u| Arc::from(u.as_ref())));
            }
        };
        for (name, json) in &seen {
            remember(name, json, &mut more);
        }
        source.skip(value_at);
        let mut records = 0;
        let table = name.eq_ignore_ascii_case("tables");
        let mut pages = true;
        match start {
            b'[' if table => self.tables(source, &context),
            b'[' => {
                context.listed = true;
                records = self.array(source, &context);
            }
            _ if name.eq_ignore_ascii_case("data") && is_table(source) => {
                context.listed = true;
                context.container = Container::Table;
                records = self.table(source, &context);
            }
            _ => {
                pages = false;
                self.depth += 1;
                self.object(source, &context);
                self.depth -= 1;
            }
        }
        // What comes behind the list.
        loop {
            match source.peek() {
                None => {
                    self.bad("the file ends inside its envelope", &context);
                    break;
                }
                Some(b'}') => {
                    source.skip(1);
                    break;
                }
                Some(b',' | b':') => source.skip(1),
                Some(b'"') => {
                    let Ok(name) = source.value().map(|v| serde_json::from_slice::<String>(v).unwrap_or_default())
                    else {
                        continue;
                    };
                    if source.peek() == Some(b':') {
                        source.skip(1);
                    }
                    if source.peek().is_some_and(|b| !matches!(b, b'}' | b',')) {
                        if holds(&name) && source.peek() == Some(b'[') && pages && !table {
                            records += self.array(source, &context);
                        } else if let Ok(json) = source.value() {
                            more |= says_more(&name, json);
                        }
                    }
                }
                Some(_) => {
                    if source.value().map(<[u8]>::is_empty) != Ok(false) {
                        source.skip(1);
                    }
                }
            }
        }
        if pages {
            self.page(more, records, &context);
        }
    }

    /// `[{"name","columns","rows"}]`
    fn tables(&mut self, source: &mut Source<'_>, context: &Context) {
        source.skip(1);
        loop {
            match source.peek() {
                None => return self.bad("the file ends inside a list of tables", context),
                Some(b']') => return source.skip(1),
                Some(b'{') => {
                    let context = Context { container: Container::Table, listed: true, ..context.clone() };
                    self.table(source, &context);
                }
                Some(_) => source.skip(1),
            }
        }
    }

    /// `{"name","columns":[{"name","type"}],"rows":[[...]]}`
    fn table(&mut self, source: &mut Source<'_>, context: &Context) -> u64 {
        let mut context = context.clone();
        let mut names: Vec<String> = Vec::new();
        let mut records = 0;
        let mut aside = false;
        source.skip(1);
        loop {
            match source.peek() {
                None => {
                    self.bad("the file ends inside a table", &context);
                    return records;
                }
                Some(b'}') => {
                    source.skip(1);
                    return records;
                }
                Some(b'"') => {
                    let Ok(name) = source.value().map(|v| serde_json::from_slice::<String>(v).unwrap_or_default())
                    else {
                        continue;
                    };
                    if source.peek() == Some(b':') {
                        source.skip(1);
                    }
                    match (name.to_ascii_lowercase().as_str(), source.peek()) {
                        ("columns", Some(b'[')) => {
                            if let Ok(json) = source.value() {
                                names = columns(json);
                                aside |= SERVICE.iter().any(|own| names == *own);
                            }
                        }
                        ("rows", Some(b'[')) if aside => source.discard_value(),
                        ("rows", Some(b'[')) if !names.is_empty() => {
                            let rows = self.rows(source, &names, &context);
                            records += rows;
                            if rows == 0 {
                                let heading = Fields::cells(&names, names.iter().map(|_| ""));
                                (self.receive)(self.number, Piece::Headed(heading), &context);
                            }
                        }
                        ("name" | "tablename", Some(b'"')) => {
                            if let Ok(json) = source.value() {
                                let name = serde_json::from_slice::<String>(json).ok();
                                context.table = name.filter(|n| !UNNAMED.contains(&n.as_str())).map(Arc::from);
                            }
                        }
                        // What Data Explorer says beside its answer: how the query went.
                        ("tablekind", Some(b'"')) => {
                            aside |= source.value().is_ok_and(|kind| kind != b"\"PrimaryResult\"");
                        }
                        ("rows", Some(b'[')) => {
                            self.bad("rows of a table whose columns are not named before", &context);
                            source.discard_value();
                        }
                        (_, Some(b'}' | b',') | None) => {}
                        (_, Some(_)) => source.discard_value(),
                    }
                }
                Some(_) => source.skip(1),
            }
        }
    }
}

/// Names of tables that tell nothing of what is in them.
const UNNAMED: &[&str] = &["PrimaryResult", "Table_0", "Table_1", "Table_2", "Table_3"];

/// The columns of tables that Data Explorer's older answer adds to the one asked for.
const SERVICE: &[&[&str]] = &[
    &["Value"],
    &["Ordinal", "Kind", "Name", "Id", "PrettyName"],
    &[
        "Timestamp",
        "Severity",
        "SeverityName",
        "StatusCode",
        "StatusDescription",
        "Count",
        "RequestId",
        "ActivityId",
        "SubActivityId",
        "ClientActivityId",
    ],
];

/// The object at the cursor is a frame of Data Explorer's answer (`FrameType`, then a table or news of one).
fn is_frame(source: &mut Source<'_>) -> bool {
    let Some((b'"', at)) = source.peek_at(1) else { return false };
    source.measure(at).is_ok_and(|length| source.slice(at, length) == b"\"FrameType\"")
}

/// The object at the cursor begins with the columns or rows of a table.
fn is_table(source: &mut Source<'_>) -> bool {
    let Some((b'"', at)) = source.peek_at(1) else { return false };
    let Ok(length) = source.measure(at) else { return false };
    matches!(source.slice(at, length), b"\"columns\"" | b"\"rows\"")
}

fn columns(json: &[u8]) -> Vec<String> {
    let Ok(columns) = serde_json::from_slice::<Vec<serde_json::Value>>(json) else { return Vec::new() };
    let name = |c: &serde_json::Value| {
        let name = ["name", "ColumnName"].iter().find_map(|n| crate::model::json::text(c, n)).or(c.as_str());
        Fields::column(name.unwrap_or_default())
    };
    columns.iter().map(name).collect()
}

/// One or more JSON documents, one after the other.
pub fn documents(source: &mut Source<'_>, wanted: Option<&Wanted<'_>>, receive: &mut Receive<'_>) {
    let mut walk = Walk { wanted, receive, number: 0, depth: 0 };
    let context = Context::default();
    loop {
        match source.peek() {
            None => return,
            Some(b'[') => {
                let context = Context { listed: true, ..context.clone() };
                let records = walk.array(source, &context);
                walk.page(false, records, &context);
            }
            Some(b'{') => walk.object(source, &context),
            Some(b',') => source.skip(1),
            Some(_) => {
                walk.bad("text that is no JSON", &context);
                source.skip(1);
                source.skip_to(b"{[");
            }
        }
    }
}

/// A JSON object a line; a line may itself be an envelope (`{"records":[...]}`).
pub fn lines(source: &mut Source<'_>, wanted: Option<&Wanted<'_>>, receive: &mut Receive<'_>) {
    let mut walk = Walk { wanted, receive, number: 0, depth: 0 };
    let context = Context { container: Container::Lines, listed: true, ..Context::default() };
    while let Some(line) = source.line() {
        match line {
            Ok([]) => {}
            Ok(line) => {
                if envelope_line(line) {
                    let mut inner = Source::new(Box::new(line));
                    walk.object(&mut inner, &context);
                } else {
                    walk.take(line, &context);
                }
            }
            Err(cut @ (Cut::TooLong | Cut::Truncated)) => walk.bad(cut.reason(), &context),
        }
    }
}

/// The first name of the line is one that stands in an envelope.
fn envelope_line(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(b"{").map(<[u8]>::trim_ascii_start).and_then(|r| r.strip_prefix(b"\"")) else {
        return false;
    };
    let end = rest.iter().take(40).position(|b| *b == b'"').unwrap_or(0);
    std::str::from_utf8(rest.get(..end).unwrap_or_default()).is_ok_and(|name| !name.is_empty() && beside(name))
}
