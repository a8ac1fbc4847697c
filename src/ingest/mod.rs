//! Foreign bytes → environment and events. Each file is recognised by its content, never by its name, and read a
//! record at a time; each fact keeps where it was read. What cannot be read is reported with file, record and reason.
//!
//! ```text
//! bytes ─ container (compression, encoding, envelope) ─▶ Record ─ FORMATS (the best score reads it) ─▶ Item
//!   Item::Event ─ fold (duplicates, Start/Accept/Success) ─▶ Event      Item::Document ─ merge, join ─▶ Environment
//! ```
//!
//! A format scores *records*, so that a file which mixes kinds (an Event Hub capture, a Resource Graph export) is read
//! record by record by whoever knows each; a tie is an error that names both. This room does not know what a fact is
//! good for.
//!
//! The built-in fact tables are in `facts`; the user's own export always wins over them.

mod claims;
pub mod collect;
pub mod container;
mod coverage;
mod document;
mod environment;
mod event;
pub mod facts;
mod fold;
mod identity;
mod mask;
mod operations;
pub mod record;
mod sign_in_words;
pub mod time;

mod azure_activity;
mod azure_policy;
mod azure_resource;
mod azure_role;
mod azurehound;
mod conditional_access;
mod defender_xdr;
mod directory_role;
mod entra_audit;
mod entra_sign_in;
mod graph_activity;
mod graph_application;
mod graph_grant;
mod graph_group;
mod graph_user;
mod ignored;
mod key_vault_audit;
mod pim_schedule;
mod pim_settings;
mod plain_timeline;
mod registration_details;
mod retail_price;
mod risk_detection;
mod security_alert;
mod storage_log;
mod tenant_policy;

pub use coverage::{Coverage, State, declare};
pub use environment::{Builder, environment, environment_and_events, events};
pub use fold::Stage;
pub use record::{Context, Fields, Record};

use crate::model::{Collected, Document, Event, Evidence, Kind, Source};
use container::Piece;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{Read, Seek};
use std::rc::Rc;
use std::sync::Arc;

/// What a file must be able to do: archives keep their table of contents at the end.
pub trait ReadSeek: Read + Seek {}
impl<T: Read + Seek> ReadSeek for T {}

/// One file of a case. It can be opened again.
pub struct InputFile {
    /// Relative to the case, `/` between folders.
    pub name: String,
    #[allow(clippy::type_complexity)]
    pub open: Box<dyn Fn() -> std::io::Result<Box<dyn ReadSeek>>>,
}

impl InputFile {
    /// A file in memory.
    pub fn bytes(name: &str, bytes: impl Into<Arc<[u8]>>) -> InputFile {
        let bytes: Arc<[u8]> = bytes.into();
        InputFile { name: name.to_owned(), open: Box::new(move || Ok(Box::new(std::io::Cursor::new(bytes.clone())))) }
    }
}

/// What a reader hands over for a record.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    Document {
        kind: Kind,
        key: String,
        document: Document,
    },
    Event(Box<Event>),
    /// One record of an operation that has several; readers hand it over, `read` folds it into an event.
    Part {
        stage: Stage,
        event: Box<Event>,
    },
    /// The record says so much about how whole a collection is: a page of it, with more elsewhere or not.
    Collected {
        kind: Kind,
        more: bool,
    },
    /// Known, and without bearing.
    Ignored {
        kind: Arc<str>,
    },
    Rejected {
        record: u64,
        reason: String,
    },
}

/// One form of log or snapshot record.
pub struct Format {
    /// Also this format's file name here (`-` as `_`) and its folder under `tests/formats/`.
    pub id: &'static str,
    /// A log, whose records may be skipped unread when they hold nothing sought; never so a snapshot.
    pub log: bool,
    /// What it reads, in a line.
    pub reads: &'static str,
    /// How sure a record is of this format, 0 for not at all. From [`CERTAIN`] on no other is asked.
    pub score: fn(&Record) -> u8,
    /// Hands over what the record holds; the error is why it cannot be read.
    pub read: fn(&Record, &mut Out) -> Result<(), String>,
    /// The kind an empty collection of this format stands for, told by its `@odata.context`.
    pub empty: fn(&Context) -> Option<Kind>,
}

/// A score that leaves no doubt.
pub const CERTAIN: u8 = 90;

pub const FORMATS: &[Format] = &[
    azure_activity::FORMAT,
    azure_policy::FORMAT,
    azure_resource::FORMAT,
    azure_role::FORMAT,
    azurehound::FORMAT,
    conditional_access::FORMAT,
    defender_xdr::FORMAT,
    directory_role::FORMAT,
    entra_audit::FORMAT,
    entra_sign_in::FORMAT,
    graph_activity::FORMAT,
    graph_application::FORMAT,
    graph_grant::FORMAT,
    graph_group::FORMAT,
    graph_user::FORMAT,
    ignored::FORMAT,
    key_vault_audit::FORMAT,
    pim_schedule::FORMAT,
    pim_settings::FORMAT,
    plain_timeline::FORMAT,
    registration_details::FORMAT,
    retail_price::FORMAT,
    risk_detection::FORMAT,
    security_alert::FORMAT,
    storage_log::FORMAT,
    tenant_policy::FORMAT,
];

/// For formats that have no collection to be empty.
fn never_empty(_: &Context) -> Option<Kind> {
    None
}

/// Where a reader puts what it finds.
pub struct Out<'o> {
    file: Arc<str>,
    record: u64,
    put: &'o mut dyn FnMut(Item),
}

impl Out<'_> {
    /// The record, further in (a JSON pointer; empty: the whole record).
    pub fn evidence(&self, pointer: &str) -> Evidence {
        Evidence::new(self.file.clone(), self.record, pointer)
    }

    pub fn document(&mut self, kind: Kind, key: &str, body: serde_json::Value) {
        self.document_at(kind, key, body, "");
    }

    pub fn document_at(&mut self, kind: Kind, key: &str, body: serde_json::Value, pointer: &str) {
        let document = Document { body: Arc::new(body), evidence: self.evidence(pointer) };
        (self.put)(Item::Document { kind, key: key.to_lowercase(), document });
    }

    pub fn event(&mut self, event: Event) {
        (self.put)(Item::Event(Box::new(event)));
    }

    pub fn part(&mut self, stage: Stage, event: Event) {
        (self.put)(Item::Part { stage, event: Box::new(event) });
    }

    pub fn collected(&mut self, kind: Kind, more: bool) {
        (self.put)(Item::Collected { kind, more });
    }

    /// The kind in characters fit to print: what a record says of itself is anybody's text.
    pub fn ignore(&mut self, kind: &str) {
        let fit = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let kind: String = kind.chars().filter(fit).take(60).collect();
        (self.put)(Item::Ignored { kind: kind.to_ascii_lowercase().into() });
    }
}

/// What was read, apart from the items themselves.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// In order of name.
    pub sources: Vec<Source>,
    pub rejected: Vec<Rejected>,
    pub coverage: Vec<Coverage>,
    /// How whole each kind of the snapshot is.
    pub collected: BTreeMap<Kind, Collected>,
    /// What a reviewer should know about the reading that is no rejected record.
    pub complaints: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Rejected {
    pub file: String,
    pub record: u64,
    pub reason: String,
}

/// How often one reason is listed for one file before the rest is only counted.
const SAME_REASON: u64 = 10;
/// Reasons and kinds told apart in one file; what a hostile file adds beyond is counted under one of them.
const DISTINCT: usize = 100;

/// Reads all files; items go to `sink` as they come, events after folding.
pub fn read(files: &[InputFile], sink: &mut dyn FnMut(Item)) -> Reading {
    read_filtered(files, None, sink)
}

/// As [`read`], but records of a log in which no needle occurs are skipped unparsed (they count neither as records nor
/// as rejected). Needles compare without case of ASCII letters. Snapshot files are read whole.
pub fn read_filtered(files: &[InputFile], needles: Option<&Needles>, sink: &mut dyn FnMut(Item)) -> Reading {
    let mut reading = Reading::default();
    let mut order: Vec<&InputFile> = files.iter().collect();
    order.sort_by(|a, b| a.name.cmp(&b.name));
    let mut cover = coverage::Tally::default();
    let mut folder = fold::Folder::default();
    for file in order {
        let mut files = FileReader { reading: &mut reading, cover: &mut cover, folder: &mut folder, sink, needles };
        files.open(file);
    }
    folder.finish(&mut |event| sink(Item::Event(Box::new(event))));
    reading.coverage = cover.rows();
    reading.collected = cover.all();
    for (log, times) in &folder.twice {
        reading.complaints.push(format!("{times} records of {log} were met twice and count once"));
    }
    reading.rejected.sort();
    reading
}

/// What a log record must hold to be parsed.
pub struct Needles {
    finders: Vec<regex::bytes::Regex>,
}

impl Needles {
    pub fn new<'n>(needles: impl IntoIterator<Item = &'n str>) -> Needles {
        let alternatives: Vec<String> = needles.into_iter().filter(|n| !n.is_empty()).map(regex::escape).collect();
        let pattern = format!("(?i-u){}", alternatives.join("|"));
        Needles { finders: regex::bytes::Regex::new(&pattern).into_iter().collect() }
    }

    fn found(&self, record: &[u8]) -> bool {
        self.finders.is_empty() || self.finders.iter().any(|f| f.is_match(record))
    }
}

struct FileReader<'f> {
    reading: &'f mut Reading,
    cover: &'f mut coverage::Tally,
    folder: &'f mut fold::Folder,
    sink: &'f mut dyn FnMut(Item),
    needles: Option<&'f Needles>,
}

impl FileReader<'_> {
    fn open(&mut self, file: &InputFile) {
        let opened = (file.open)().and_then(|mut reader| {
            let packing = container::packing_of(&mut reader)?;
            Ok((reader, packing))
        });
        let (reader, packing) = match opened {
            Ok(opened) => opened,
            Err(error) => return self.unreadable(&file.name, &error.to_string()),
        };
        if packing != container::Packing::Zip {
            return self.bytes(&file.name, Box::new(reader));
        }
        let name = file.name.clone();
        let outcome = container::zip_members::each(reader, &mut |member, bytes| {
            let name = format!("{name}/{member}");
            match bytes {
                Ok(bytes) => self.bytes(&name, bytes),
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

    fn bytes(&mut self, name: &str, reader: Box<dyn Read + '_>) {
        let hash = container::Hash::default();
        let hashed = container::Hashed::new(reader, hash.clone());
        let mut state = FileState::new(name);
        let outcome = container::text(Box::new(hashed)).map_err(|e| e.to_string()).and_then(|text| {
            let (needles, sifted) = (self.needles, state.sifted.clone());
            let wanted = |record: &[u8]| !sifted.get() || needles.is_none_or(|n| n.found(record));
            let filter: Option<&container::Wanted<'_>> = if needles.is_some() { Some(&wanted) } else { None };
            container::records(text, filter, &mut |number, piece, context| {
                state.piece(number, piece, context, self.cover, self.folder, self.sink);
            })
        });
        if let Err(reason) = outcome {
            state.reject(state.records + 1, format!("reading stopped: {reason}"));
        }
        let (source, rejected) = state.finish(hash.hex());
        self.reading.sources.push(source);
        self.reading.rejected.extend(rejected);
    }
}

/// What is known of the file being read.
struct FileState {
    file: Arc<str>,
    last: Option<&'static Format>,
    /// The file proved to be a log: records that hold nothing sought may be skipped.
    sifted: Rc<Cell<bool>>,
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
    fn new(name: &str) -> Self {
        FileState {
            file: name.into(),
            last: None,
            sifted: Rc::default(),
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
        match piece {
            Piece::Bad(reason) => {
                self.records += 1;
                self.reject(number, reason);
            }
            Piece::Page { more, records } => {
                if records == 0 {
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
            Piece::Record(fields) => {
                self.records += 1;
                let file = self.file.clone();
                let fields = unwrapped(&fields).unwrap_or(fields);
                let record = Record { number, fields, context, file: &file };
                self.record(&record, cover, folder, sink);
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
            let mut out = Out { file: self.file.clone(), record: record.number, put: &mut take };
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
    if let Some(last) = last
        && (last.score)(record) >= CERTAIN
    {
        return Ok(last);
    }
    let mut best: Option<(&'static Format, u8)> = None;
    let mut tie = None;
    for format in FORMATS {
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
            Err(format!("no reader knows a record of the form {{{}}}", names.join(", ")))
        }
    }
}
