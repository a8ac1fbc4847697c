//! CSV: quoted line breaks, a byte order mark (already gone), any of three delimiters.

use super::source::{RECORD_LIMIT, Source};
use super::{Piece, Receive, Wanted};
use crate::ingest::record::{Container, Context, Fields, Zone};
use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// Ends the input when one record alone takes more than [`RECORD_LIMIT`]: an unclosed quote.
struct Leashed<R> {
    inner: R,
    run: Rc<Cell<usize>>,
}

impl<R: Read> Read for Leashed<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.run.get() > RECORD_LIMIT {
            return Err(io::Error::other(format!("a quote is never closed: longer than {} MiB", RECORD_LIMIT >> 20)));
        }
        let n = self.inner.read(out)?;
        self.run.set(self.run.get() + n);
        Ok(n)
    }
}

pub fn read(
    source: Source<'_>,
    delimiter: u8,
    wanted: Option<&Wanted<'_>>,
    receive: &mut Receive<'_>,
) -> Result<(), String> {
    let run = Rc::new(Cell::new(0));
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .delimiter(delimiter)
        .buffer_capacity(256 << 10)
        .from_reader(Leashed { inner: source.rest(), run: run.clone() });
    let headings: Vec<String> = match reader.byte_headers() {
        Ok(names) => names.iter().map(|n| String::from_utf8_lossy(n).into_owned()).collect(),
        Err(error) => return Err(error.to_string()),
    };
    let names: Vec<String> = headings.iter().map(|heading| Fields::column(heading)).collect();
    let zone = headings.iter().find_map(|heading| Zone::of_heading(heading));
    let context = Context { container: Container::Csv, listed: true, zone, ..Context::default() };
    let mut row = csv::ByteRecord::new();
    let mut number = 0;
    loop {
        run.set(0);
        match reader.read_byte_record(&mut row) {
            Ok(false) => break,
            Ok(true) => {}
            Err(error) => {
                receive(number + 1, Piece::Bad(error.to_string()), &context);
                return Ok(());
            }
        }
        number += 1;
        if row.len() == 1 && row.get(0).is_some_and(<[u8]>::is_empty) {
            continue;
        }
        if wanted.is_some_and(|wanted| !wanted(row.as_slice())) {
            continue;
        }
        if row.len() > names.len() {
            let reason = format!("{} cells under {} names", row.len(), names.len());
            receive(number, Piece::Bad(reason), &context);
            continue;
        }
        match std::str::from_utf8(row.as_slice()) {
            Err(error) => {
                receive(number, Piece::Bad(format!("not UTF-8 at byte {}", error.valid_up_to())), &context);
            }
            Ok(text) => {
                let cells = (0..row.len()).map(|i| row.range(i).and_then(|r| text.get(r)).unwrap_or_default());
                receive(number, Piece::Record(Fields::cells(&names, cells)), &context);
            }
        }
    }
    if number == 0 {
        receive(0, Piece::Headed(Fields::cells(&names, names.iter().map(|_| ""))), &context);
    }
    receive(number, Piece::Page { more: false, records: number }, &context);
    Ok(())
}
