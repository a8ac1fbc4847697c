//! A buffered byte source that hands out whole lines and whole JSON values without copying them.
//!
//! A value is found by counting brackets outside strings, without recursion and without parsing: what is between the
//! brackets is for the reader of the record to judge. Memory is bounded by the longest single record, and that by
//! [`RECORD_LIMIT`].

use memchr::{memchr, memchr2};
use std::io::Read;

/// The longest record that is read; a longer one is skipped and reported.
pub const RECORD_LIMIT: usize = 64 << 20;
/// How much of a file is looked at to recognise it.
pub const HEAD: usize = 64 << 10;
const CHUNK: usize = 256 << 10;
/// Most members of an archive are no longer than this.
const SMALL: usize = 8 << 10;

pub struct Source<'r> {
    inner: Box<dyn Read + 'r>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    finished: bool,
    /// Why reading stopped before the end of the file.
    pub failure: Option<String>,
}

/// Why a record could not be cut out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    Truncated,
    TooLong,
}

impl Cut {
    pub fn reason(self) -> String {
        match self {
            Cut::Truncated => "the file ends in the middle of this record".to_owned(),
            Cut::TooLong => format!("longer than {} MiB", RECORD_LIMIT >> 20),
        }
    }
}

impl<'r> Source<'r> {
    pub fn new(inner: Box<dyn Read + 'r>) -> Self {
        Source { inner, buffer: vec![0; SMALL], start: 0, end: 0, finished: false, failure: None }
    }

    fn window(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Reads more behind what is buffered; false at the end of the file.
    fn more(&mut self) -> bool {
        if self.finished {
            return false;
        }
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            let wanted = (self.buffer.len() * 2).min(RECORD_LIMIT + CHUNK);
            self.buffer.resize(wanted.max(self.end + SMALL).max(CHUNK), 0);
        }
        loop {
            let Some(free) = self.buffer.get_mut(self.end..) else { return false };
            match self.inner.read(free) {
                Ok(0) => {
                    self.finished = true;
                    return false;
                }
                Ok(n) => {
                    self.end += n;
                    return true;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failure = Some(error.to_string());
                    self.finished = true;
                    return false;
                }
            }
        }
    }

    /// The first bytes not yet consumed, at least `wanted` of them unless the file ends, and whether it ended.
    pub fn head(&mut self, wanted: usize) -> (&[u8], bool) {
        while self.end - self.start < wanted && self.more() {}
        (self.buffer.get(self.start..self.end).unwrap_or_default(), self.finished)
    }

    /// The next byte after white space, left where it is.
    pub fn peek(&mut self) -> Option<u8> {
        loop {
            match self.window().iter().position(|b| !b.is_ascii_whitespace()) {
                Some(at) => {
                    self.start += at;
                    return self.buffer.get(self.start).copied();
                }
                None => {
                    self.start = self.end;
                    if !self.more() {
                        return None;
                    }
                }
            }
        }
    }

    pub fn skip(&mut self, bytes: usize) {
        self.start = (self.start + bytes).min(self.end);
    }

    /// Skips to the next byte that is one of these, white space or not.
    pub fn skip_to(&mut self, stops: &[u8]) -> Option<u8> {
        loop {
            match self.window().iter().position(|b| stops.contains(b)) {
                Some(at) => {
                    self.start += at;
                    return self.buffer.get(self.start).copied();
                }
                None => {
                    self.start = self.end;
                    if !self.more() {
                        return None;
                    }
                }
            }
        }
    }

    /// The next line without its end; none at the end of the file.
    pub fn line(&mut self) -> Option<Result<&[u8], Cut>> {
        let mut scanned = 0;
        loop {
            if let Some(at) = self.window().get(scanned..).and_then(|rest| memchr(b'\n', rest)) {
                let from = self.start;
                let to = from + scanned + at;
                self.start = to + 1;
                return Some(Ok(trim(self.buffer.get(from..to).unwrap_or_default())));
            }
            scanned = self.end - self.start;
            if scanned > RECORD_LIMIT {
                self.skip_to(b"\n");
                self.skip(1);
                return Some(Err(Cut::TooLong));
            }
            if !self.more() {
                let from = self.start;
                self.start = self.end;
                if scanned == 0 {
                    return None;
                }
                return Some(Ok(trim(self.buffer.get(from..self.end).unwrap_or_default())));
            }
        }
    }

    /// Length of the JSON value that starts `offset` bytes behind the cursor, which stays where it is.
    pub fn measure(&mut self, offset: usize) -> Result<usize, Cut> {
        let mut scan = Scan::default();
        loop {
            let window = self.window();
            if let Some(length) = scan.run(window.get(offset..).unwrap_or_default()) {
                return Ok(length);
            }
            if scan.at > RECORD_LIMIT {
                return Err(Cut::TooLong);
            }
            if !self.more() {
                return scan.at_end().ok_or(Cut::Truncated);
            }
        }
    }

    /// Takes the JSON value at the cursor. What is too long or truncated is consumed all the same.
    pub fn value(&mut self) -> Result<&[u8], Cut> {
        match self.measure(0) {
            Ok(length) => {
                let from = self.start;
                self.start += length;
                Ok(self.buffer.get(from..from + length).unwrap_or_default())
            }
            Err(Cut::Truncated) => {
                self.start = self.end;
                Err(Cut::Truncated)
            }
            Err(Cut::TooLong) => {
                self.discard_value();
                Err(Cut::TooLong)
            }
        }
    }

    /// Skips the JSON value at the cursor without keeping it.
    pub fn discard_value(&mut self) {
        let mut scan = Scan::default();
        loop {
            let before = scan.at;
            if scan.run_from(self.window()) {
                let used = scan.at - before;
                self.start += used;
                return;
            }
            self.start = self.end;
            if !self.more() {
                return;
            }
        }
    }

    /// `length` bytes `offset` behind the cursor, as far as buffered.
    pub fn slice(&self, offset: usize, length: usize) -> &[u8] {
        self.window().get(offset..offset + length).unwrap_or_default()
    }

    /// The byte `offset` behind the cursor after white space, and its offset.
    pub fn peek_at(&mut self, mut offset: usize) -> Option<(u8, usize)> {
        loop {
            match self.window().get(offset) {
                Some(b) if b.is_ascii_whitespace() => offset += 1,
                Some(b) => return Some((*b, offset)),
                None => {
                    if offset > RECORD_LIMIT || !self.more() {
                        return None;
                    }
                }
            }
        }
    }

    /// What is left, as a reader.
    pub fn rest(self) -> impl Read + 'r {
        let left = self.window().to_vec();
        std::io::Cursor::new(left).chain(self.inner)
    }
}

fn trim(line: &[u8]) -> &[u8] {
    line.trim_ascii()
}

/// Where a value ends: brackets are counted outside strings.
#[derive(Default)]
struct Scan {
    at: usize,
    depth: usize,
    in_string: bool,
    escaped: bool,
    scalar: bool,
}

impl Scan {
    /// Scans `all` from where the last call stopped; the length of the value once its end is found.
    fn run(&mut self, all: &[u8]) -> Option<usize> {
        let rest = all.get(self.at..)?;
        self.run_from(rest).then_some(self.at)
    }

    /// Scans the next bytes; true when the value ends inside them (`at` then counts up to its end).
    fn run_from(&mut self, bytes: &[u8]) -> bool {
        let mut i = 0;
        while let Some(&byte) = bytes.get(i) {
            if self.in_string {
                if self.escaped {
                    self.escaped = false;
                    i += 1;
                    continue;
                }
                match bytes.get(i..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
                    None => {
                        self.at += bytes.len();
                        return false;
                    }
                    Some(ahead) => {
                        i += ahead;
                        if bytes.get(i) == Some(&b'\\') {
                            self.escaped = true;
                        } else {
                            self.in_string = false;
                            if self.depth == 0 {
                                self.at += i + 1;
                                return true;
                            }
                        }
                        i += 1;
                        continue;
                    }
                }
            }
            match byte {
                b'"' if self.scalar => {
                    self.at += i;
                    return true;
                }
                b'"' => self.in_string = true,
                b'{' | b'[' if self.scalar => {
                    self.at += i;
                    return true;
                }
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    if self.depth <= 1 {
                        // A closing bracket right where a value should stand ends nothing of ours.
                        self.at += if self.depth == 1 { i + 1 } else { i };
                        return true;
                    }
                    self.depth -= 1;
                }
                b',' | b' ' | b'\n' | b'\r' | b'\t' if self.scalar => {
                    self.at += i;
                    return true;
                }
                _ if self.depth == 0 => self.scalar = true,
                _ => {}
            }
            i += 1;
        }
        self.at += bytes.len();
        false
    }

    /// A bare scalar may end with the file.
    fn at_end(&self) -> Option<usize> {
        (self.scalar && self.depth == 0 && !self.in_string).then_some(self.at)
    }
}
