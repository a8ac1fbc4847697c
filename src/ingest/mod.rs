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

mod arm_form;
mod claims;
pub mod collect;
pub mod container;
mod coverage;
mod dates;
mod document;
mod environment;
mod event;
mod excerpt;
pub mod facts;
mod fold;
mod identity;
mod mask;
mod operations;
mod reader;
pub mod record;
mod sign_in_words;
mod tables;
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
pub use dates::Ambiguous;
pub use environment::{Builder, environment, environment_and_events, environment_of_all, events};
pub use excerpt::excerpts;
pub use fold::Stage;
pub use record::{Context, Fields, Record};

use crate::model::{Collected, DateOrder, Document, Event, Evidence, Kind, Source};
use operations::Spelling;
use reader::FileReader;
use std::cell::{Cell, OnceCell};
use std::collections::BTreeMap;
use std::io::{Read, Seek};
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
    /// Of its dates, where they do not tell by themselves.
    pub order: Option<DateOrder>,
    orders: OnceCell<BTreeMap<String, dates::Settled>>,
}

impl InputFile {
    pub fn new(name: &str, open: impl Fn() -> std::io::Result<Box<dyn ReadSeek>> + 'static) -> InputFile {
        InputFile { name: name.to_owned(), open: Box::new(open), order: None, orders: OnceCell::new() }
    }

    fn orders(&self) -> &BTreeMap<String, dates::Settled> {
        self.orders.get_or_init(|| reader::orders(self))
    }

    /// A file in memory.
    pub fn bytes(name: &str, bytes: impl Into<Arc<[u8]>>) -> InputFile {
        let bytes: Arc<[u8]> = bytes.into();
        InputFile::new(name, move || Ok(Box::new(std::io::Cursor::new(bytes.clone()))))
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
    spelling: &'o mut Spelling,
    put: &'o mut dyn FnMut(Item),
}

impl Out<'_> {
    /// The record, further in (a JSON pointer; empty: the whole record).
    pub fn evidence(&self, pointer: &str) -> Evidence {
        Evidence::new(self.file.clone(), self.record, pointer)
    }

    /// The id as the provider spells it.
    pub fn spelled_id(&mut self, id: &str) -> Arc<str> {
        self.spelling.id(id)
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
    /// Files whose dates can be read either way.
    pub ambiguous: Vec<Ambiguous>,
    /// How many pieces of a snapshot were met.
    pub documents: u64,
}

impl Reading {
    /// What a second reading tells, of files whose logs the first one passed over. What only all documents together
    /// told stays.
    pub fn with_logs(&mut self, second: Reading) {
        let joined = Kind::GroupMembers.as_str();
        let members = self.coverage.iter().find(|row| row.what == joined).map(|row| row.state);
        self.sources = second.sources;
        self.rejected = second.rejected;
        self.coverage = second.coverage;
        self.complaints.extend(second.complaints);
        self.ambiguous = second.ambiguous;
        for row in self.coverage.iter_mut().filter(|row| row.what == joined) {
            row.state = members.unwrap_or(row.state);
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Rejected {
    pub file: String,
    pub record: u64,
    pub reason: String,
}

/// Reads all files; items go to `sink` as they come, events after folding.
pub fn read(files: &[InputFile], sink: &mut dyn FnMut(Item)) -> Reading {
    read_filtered(files, None, sink)
}

/// As [`read`], but records of a log in which no needle occurs are skipped unparsed (they count neither as records nor
/// as rejected). Needles compare without case of ASCII letters. Snapshot files are read whole.
pub fn read_filtered(files: &[InputFile], needles: Option<&Needles>, sink: &mut dyn FnMut(Item)) -> Reading {
    read_until(files, needles, &Cell::new(false), sink)
}

/// As [`read_filtered`]; from the moment `no_logs` is set, files that prove to be logs are left after their first
/// records, and the reading says nothing about logs any more.
fn read_until(
    files: &[InputFile],
    needles: Option<&Needles>,
    no_logs: &Cell<bool>,
    sink: &mut dyn FnMut(Item),
) -> Reading {
    let mut documents = 0;
    let sink: &mut dyn FnMut(Item) = &mut |item| {
        documents += u64::from(matches!(item, Item::Document { .. }));
        sink(item);
    };
    let mut reading = Reading::default();
    let mut order: Vec<&InputFile> = files.iter().collect();
    order.sort_by(|a, b| a.name.cmp(&b.name));
    let mut cover = coverage::Tally::default();
    let mut folder = fold::Folder::default();
    for file in order {
        let mut files =
            FileReader { reading: &mut reading, cover: &mut cover, folder: &mut folder, sink, needles, no_logs };
        files.open(file);
    }
    folder.finish(&mut |event| sink(Item::Event(Box::new(event))));
    reading.coverage = cover.rows();
    reading.collected = cover.all();
    reading.documents = documents;
    for (log, times) in folder.twice.iter().filter(|_| !no_logs.get()) {
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
