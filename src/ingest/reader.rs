//! One file: unpacked, its records given to whoever knows them best, and what became of them counted.

use super::container::{self, Piece};
use super::dates::{Dates, Settled};
use super::operations::Spelling;
use super::record::{Context, Fields, Record};
use super::{CERTAIN, FORMATS, Format, InputFile, Item, Needles, Out, Reading, Rejected, coverage, fold, tables};
use crate::model::Source;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::Read;
use std::rc::Rc;
use std::sync::Arc;

/// How often one reason is listed for one file before the rest is only counted.
const SAME_REASON: u64 = 10;
/// Reasons and kinds told apart in one file; what a hostile file adds beyond is counted under one of them.
const DISTINCT: usize = 100;
/// A file whose first so many records are of no known form, all of them, is left: nothing of ours is in it.
const FOREIGN: u64 = 20_000;

pub struct FileReader<'f> {
    pub reading: &'f mut Reading,
    pub cover: &'f mut coverage::Tally,
    pub folder: &'f mut fold::Folder,
    pub sink: &'f mut dyn FnMut(Item),
    pub needles: Option<&'f Needles>,
    /// Nothing more is wanted of logs: a file that proves to be one is left.
    pub no_logs: &'f Cell<bool>,
}

impl FileReader<'_> {
    pub fn open(&mut self, file: &InputFile) {
        let opened = (file.open)().and_then(|mut reader| {
            let packing = container::packing_of(&mut reader)?;
            Ok((reader, packing))
        });
        let (reader, packing) = match opened {
            Ok(opened) => opened,
            Err(error) => return self.unreadable(&file.name, &error.to_string()),
        };
        let orders = file.orders();
        let dates = |name: &str| Dates::new(orders.get(name).copied().unwrap_or_default());
        if packing != container::Packing::Zip {
            return self.bytes(&file.name, Box::new(reader), dates(&file.name));
        }
        let name = file.name.clone();
        let outcome = container::zip_members::each(reader, &mut |member, bytes| {
            let name = format!("{name}/{member}");
            match bytes {
                Ok(bytes) => self.bytes(&name, bytes, dates(&name)),
                Err(reason) => self.unreadable(&name, &reason),
            }
        });
        if let Err(reason) = outcome {
            self.unreadable(&file.name, &reason);
        }
    }

    fn unreadable(&mut self, name: &str, reason: &str) {
        self.reading.rejected.push(Rejected { file: name.to_owned(), record: 0, reason: reason.to_owned() });
        self.reading.sources.push(Source {
            file: name.to_owned(),
            sha256: String::new(),
            format: "unrecognised".to_owned(),
            records: 0,
            rejected: 1,
            used: 0,
        });
    }

    fn bytes(&mut self, name: &str, reader: Box<dyn Read + '_>, dates: Dates) {
        let hash = container::Hash::default();
        let off = Rc::new(Cell::new(false));
        let hashed = container::Hashed::new(reader, hash.clone(), off.clone());
        let mut state = FileState::new(name, dates);
        let left = state.left.clone();
        let outcome = container::text(Box::new(hashed)).map_err(|e| e.to_string()).and_then(|text| {
            let text = Box::new(Until { inner: text, left });
            let (needles, sifted, no_logs) = (self.needles, state.sifted.clone(), self.no_logs);
            let wanted = |record: &[u8]| {
                let log = sifted.get();
                if log && no_logs.get() {
                    off.set(true);
                    return false;
                }
                !log || needles.is_none_or(|n| n.found(record))
            };
            container::records(text, Some(&wanted), &mut |number, piece, context| {
                state.piece(number, piece, context, self.cover, self.folder, self.sink);
            })
        });
        if let Err(reason) = outcome {
            state.reject(state.records + 1, format!("reading stopped: {reason}"));
        }
        if !self.no_logs.get() {
            self.reading.ambiguous.extend(state.dates.ambiguous(name));
        }
        let (source, rejected) = state.finish(hash.hex());
        self.reading.sources.push(source);
        self.reading.rejected.extend(rejected);
    }
}

/// Ends where the reader of its records has left it.
struct Until<R> {
    inner: R,
    left: Rc<Cell<bool>>,
}

impl<R: Read> Read for Until<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if self.left.get() { Ok(0) } else { self.inner.read(out) }
    }
}

/// Dates in figures with the year last, as a value of their own.
const FIGURES: &str = r#"(?-u)(?:^|["',;\t\s])[0-9]{1,2}[/-][0-9]{1,2}[/-][0-9]{4}(?:[ ,T"';\t]|$)"#;
/// How much of a file is looked at for them.
const HEAD: u64 = 64 << 10;

/// Of each file (or member) that begins with dates in figures: what its dates tell of their order.
pub fn orders(file: &InputFile) -> BTreeMap<String, Settled> {
    let mut orders = BTreeMap::new();
    let Ok(figures) = regex::bytes::Regex::new(FIGURES) else { return orders };
    // What cannot be opened is said when it is read.
    let Ok(mut reader) = (file.open)() else { return orders };
    let mut one = |name: &str, bytes: Box<dyn Read + '_>| {
        let told = order(name, bytes, &figures).map(|told| match (told, file.order) {
            (Settled::Untold | Settled::BothWays, Some(order)) => Settled::By(order),
            (told, _) => told,
        });
        orders.extend(told.map(|told| (name.to_owned(), told)));
    };
    match container::packing_of(&mut reader) {
        Ok(container::Packing::Zip) => {
            let _ = container::zip_members::each(reader, &mut |member, bytes| {
                if let Ok(bytes) = bytes {
                    one(&format!("{}/{member}", file.name), bytes);
                }
            });
        }
        Ok(_) => one(&file.name, Box::new(reader)),
        Err(_) => {}
    }
    orders
}

fn order(name: &str, bytes: Box<dyn Read + '_>, figures: &regex::bytes::Regex) -> Option<Settled> {
    let mut text = container::text(bytes).ok()?;
    let mut head = Vec::new();
    (&mut text).take(HEAD).read_to_end(&mut head).ok()?;
    if !figures.is_match(&head) {
        return None;
    }
    let mut state = FileState::new(name, Dates::default());
    let (mut cover, mut folder) = (coverage::Tally::default(), fold::Folder::default());
    let whole = Until { inner: std::io::Cursor::new(head).chain(text), left: state.left.clone() };
    // What stops it stops the reading proper, which says so.
    let _ = container::records(Box::new(whole), None, &mut |number, piece, context| {
        state.piece(number, piece, context, &mut cover, &mut folder, &mut |_| {});
    });
    Some(state.dates.told())
}

/// What is known of the file being read.
struct FileState {
    file: Arc<str>,
    last: Option<&'static Format>,
    dates: Dates,
    /// Nothing more of it is wanted.
    left: Rc<Cell<bool>>,
    /// The file proved to be a log: records that hold nothing sought may be skipped.
    sifted: Rc<Cell<bool>>,
    spelling: Spelling,
    records: u64,
    used: u64,
    rejected: u64,
    listed: Vec<Rejected>,
    reasons: BTreeMap<String, u64>,
    formats: BTreeMap<&'static str, u64>,
    ignored: BTreeMap<Arc<str>, u64>,
    /// Lists that held nothing, and whose they were.
    empty: BTreeMap<String, u64>,
}

impl FileState {
    fn new(name: &str, dates: Dates) -> Self {
        FileState {
            file: name.into(),
            last: None,
            dates,
            left: Rc::default(),
            sifted: Rc::default(),
            spelling: Spelling::default(),
            records: 0,
            used: 0,
            rejected: 0,
            listed: Vec::new(),
            reasons: BTreeMap::new(),
            formats: BTreeMap::new(),
            ignored: BTreeMap::new(),
            empty: BTreeMap::new(),
        }
    }

    fn reject(&mut self, record: u64, reason: String) {
        self.rejected += 1;
        let mut shape: String = reason.chars().filter(|c| !c.is_ascii_digit()).collect();
        if self.reasons.len() >= DISTINCT && !self.reasons.contains_key(&shape) {
            shape = "other reasons".to_owned();
        }
        let times = self.reasons.entry(shape).or_insert(0);
        *times += 1;
        if *times <= SAME_REASON {
            self.listed.push(Rejected { file: self.file.to_string(), record, reason });
        }
    }

    fn piece(
        &mut self,
        number: u64,
        piece: Piece<'_>,
        context: &Context,
        cover: &mut coverage::Tally,
        folder: &mut fold::Folder,
        sink: &mut dyn FnMut(Item),
    ) {
        if self.left.get() {
            return;
        }
        if self.rejected >= FOREIGN && self.rejected == self.records && self.used == 0 {
            self.left.set(true);
            return self.listed.push(Rejected {
                file: self.file.to_string(),
                record: number,
                reason: format!("none of the first {FOREIGN} records can be read: the rest of the file is left"),
            });
        }
        match piece {
            Piece::Bad(reason) => {
                self.records += 1;
                self.reject(number, reason);
            }
            Piece::Page { more, records } => {
                let log = context.odata.as_deref().and_then(tables::log_of_collection).filter(|_| records == 0);
                if let Some((reader, log)) = log {
                    self.empty.insert(reader.to_owned(), 1);
                    cover.empty_log(log);
                }
                if records == 0 && self.empty.is_empty() {
                    let known = FORMATS.iter().find_map(|f| Some((f, (f.empty)(context)?)));
                    let of = known.map_or("ignored:empty-list", |(format, _)| format.id);
                    *self.empty.entry(of.to_owned()).or_insert(0) += 1;
                    if let Some((_, kind)) = known {
                        cover.page(kind, &self.file, more);
                        sink(Item::Collected { kind, more });
                    }
                }
                cover.end_of_page(&self.file, more);
            }
            Piece::Headed(fields) => {
                let file = self.file.clone();
                let record = Record { number, fields, context, file: &file, dates: &self.dates };
                if let Ok(format) = choose(&record, None)
                    && let Some(log) = tables::log_of(format.id, context.table.as_deref())
                {
                    self.empty.insert(format.id.to_owned(), 1);
                    cover.empty_log(log);
                }
            }
            Piece::Record(fields) => {
                self.records += 1;
                let file = self.file.clone();
                let fields = unwrapped(&fields).unwrap_or(fields);
                let dates = std::mem::take(&mut self.dates);
                let record = Record { number, fields, context, file: &file, dates: &dates };
                self.record(&record, cover, folder, sink);
                self.dates = dates;
            }
        }
    }

    fn record(
        &mut self,
        record: &Record<'_>,
        cover: &mut coverage::Tally,
        folder: &mut fold::Folder,
        sink: &mut dyn FnMut(Item),
    ) {
        let format = match choose(record, self.last) {
            Ok(format) => format,
            Err(reason) => return self.reject(record.number, reason),
        };
        self.last = Some(format);
        self.sifted.set(format.log);
        let mut put = 0_u64;
        let mut reasons: Vec<String> = Vec::new();
        let mut ignored = None;
        let outcome = {
            let mut take = |item: Item| match item {
                Item::Event(event) => {
                    put += 1;
                    cover.event(&event);
                    folder.add(*event, &mut |event| sink(Item::Event(Box::new(event))));
                }
                Item::Part { stage, event } => {
                    put += 1;
                    cover.event(&event);
                    folder.part(stage, *event, &mut |event| sink(Item::Event(Box::new(event))));
                }
                Item::Document { kind, ref key, .. } => {
                    put += 1;
                    cover.document(kind, key, &self.file, record.context.listed);
                    sink(item);
                }
                Item::Collected { kind, more } => {
                    put += 1;
                    cover.page(kind, &self.file, more);
                    sink(Item::Collected { kind, more });
                }
                Item::Ignored { kind } => ignored = Some(kind),
                Item::Rejected { reason, .. } => reasons.push(reason),
            };
            let spelling = &mut self.spelling;
            let mut out = Out { file: self.file.clone(), record: record.number, spelling, put: &mut take };
            (format.read)(record, &mut out)
        };
        if let Err(reason) = outcome {
            reasons.push(reason);
        }
        for reason in reasons {
            self.reject(record.number, reason);
        }
        if let Some(kind) = ignored {
            let full = self.ignored.len() >= DISTINCT && !self.ignored.contains_key(&kind);
            let kind = if full { "other".into() } else { kind };
            *self.ignored.entry(kind).or_insert(0) += 1;
        } else {
            *self.formats.entry(format.id).or_insert(0) += 1;
        }
        self.used += u64::from(put > 0);
    }

    fn finish(mut self, sha256: String) -> (Source, Vec<Rejected>) {
        let most_read = self.formats.iter().max_by_key(|(id, n)| (**n, std::cmp::Reverse(**id))).map(|(id, _)| *id);
        let most_ignored = self.ignored.iter().max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(a.0)));
        let most_ignored = most_ignored.map(|(kind, _)| kind.clone());
        let format = match (most_read, most_ignored) {
            (Some(id), _) => id.to_owned(),
            (None, Some(kind)) => format!("ignored:{kind}"),
            (None, None) => self.empty.keys().next().cloned().unwrap_or_else(|| "unrecognised".to_owned()),
        };
        if self.records == 0 && self.rejected == 0 && format == "unrecognised" {
            self.reject(0, "the file is empty".to_owned());
        }
        for (shape, times) in &self.reasons {
            if *times > SAME_REASON {
                self.listed.push(Rejected {
                    file: self.file.to_string(),
                    record: 0,
                    reason: format!("{} more records: {shape}", times - SAME_REASON),
                });
            }
        }
        let source = Source {
            file: self.file.to_string(),
            sha256,
            format,
            records: self.records,
            rejected: self.rejected,
            used: self.used,
        };
        (source, self.listed)
    }
}

/// The log record inside a detection rule's test case: `{ "rule", "expectedAlert", "log": { ... } }`.
fn unwrapped<'a>(fields: &Fields<'a>) -> Option<Fields<'a>> {
    (fields.len() < 12 && fields.has("log") && fields.has("expectedAlert")).then(|| fields.sub("log")).flatten()
}

/// The format that knows this record best; the one that knew the last record is asked first.
fn choose(record: &Record<'_>, last: Option<&'static Format>) -> Result<&'static Format, String> {
    let readers = tables::readers(record);
    let may = |format: &Format| readers.is_none_or(|ids| ids.contains(&format.id));
    if let Some(last) = last
        && may(last)
        && (readers.is_some_and(|ids| ids.len() == 1) || (last.score)(record) >= CERTAIN)
    {
        return Ok(last);
    }
    let mut best: Option<(&'static Format, u8)> = None;
    let mut tie = None;
    for format in FORMATS.iter().filter(|format| may(format)) {
        let score = (format.score)(record);
        match best {
            _ if score == 0 => {}
            Some((_, top)) if score < top => {}
            Some((other, top)) if score == top => tie = Some((other.id, format.id)),
            _ => {
                best = Some((format, score));
                tie = None;
            }
        }
    }
    match (best, tie) {
        (_, Some((one, other))) => Err(format!("both `{one}` and `{other}` claim this record")),
        (Some((format, _)), None) => Ok(format),
        (None, None) => {
            let mut names: Vec<&str> = record.names().take(6).collect();
            if record.len() > names.len() {
                names.push("...");
            }
            if names.is_empty() {
                return Err("text that is neither JSON nor a table with a heading: export it as JSON or CSV".to_owned());
            }
            Err(format!("no reader knows a record of the form {{{}}}", names.join(", ")))
        }
    }
}
