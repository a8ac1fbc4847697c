//! Compressed or not, whatever the encoding: UTF-8 without a byte order mark comes out.
//!
//! Compression is told by its magic number, encodings by a byte order mark or, without one, by where the zero bytes
//! stand (a third of published Conditional Access exports are UTF-16 LE). Bombs are bounded by ratio and in the whole.

use encoding_rs::{Decoder, UTF_16BE, UTF_16LE};
use std::io::{self, Read};

/// What a compressed file may unpack to in the whole.
pub const UNPACKED_LIMIT: u64 = 32 << 30;
/// Beyond this much, a ratio above [`RATIO_LIMIT`] is a bomb.
const RATIO_FREE: u64 = 64 << 20;
const RATIO_LIMIT: u64 = 400;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    Plain,
    Gzip,
    Zstd,
    Zip,
}

pub fn packing(head: &[u8]) -> Packing {
    match head {
        [0x1f, 0x8b, ..] => Packing::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Packing::Zstd,
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Packing::Zip,
        _ => Packing::Plain,
    }
}

/// Fills a buffer as far as the reader has bytes.
pub fn read_up_to(reader: &mut dyn Read, wanted: usize) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    reader.take(wanted as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// Unpacks gzip and zstd (one inside the other at most twice) and transcodes.
pub fn text<'r>(mut reader: Box<dyn Read + 'r>) -> io::Result<Box<dyn Read + 'r>> {
    for _ in 0..2 {
        let head = read_up_to(&mut reader, 4)?;
        let kind = packing(&head);
        let whole: Box<dyn Read + 'r> = Box::new(io::Cursor::new(head).chain(reader));
        reader = match kind {
            Packing::Gzip => {
                let (counted, read) = Counted::new(whole);
                Box::new(Bounded::new(flate2::read::MultiGzDecoder::new(counted), read))
            }
            Packing::Zstd => {
                let (counted, read) = Counted::new(whole);
                let mut decoder = zstd::stream::read::Decoder::new(counted)?;
                // A frame may ask for a window of gigabytes; 128 MiB is what the format's own tool allows unasked.
                decoder.window_log_max(27)?;
                Box::new(Bounded::new(decoder, read))
            }
            Packing::Plain | Packing::Zip => return transcoded(whole),
        };
    }
    transcoded(reader)
}

fn transcoded<'r>(mut reader: Box<dyn Read + 'r>) -> io::Result<Box<dyn Read + 'r>> {
    let head = read_up_to(&mut reader, 512)?;
    let (decoder, mark) = match head.as_slice() {
        [0xef, 0xbb, 0xbf, ..] => (None, 3),
        [0xff, 0xfe, ..] => (Some(UTF_16LE.new_decoder_without_bom_handling()), 2),
        [0xfe, 0xff, ..] => (Some(UTF_16BE.new_decoder_without_bom_handling()), 2),
        bytes => (by_zero_bytes(bytes), 0),
    };
    let rest = head.get(mark..).unwrap_or_default().to_vec();
    let whole = io::Cursor::new(rest).chain(reader);
    Ok(match decoder {
        None => Box::new(whole),
        Some(decoder) => Box::new(Transcode {
            inner: Box::new(whole),
            decoder,
            raw: vec![0; 64 << 10],
            ready: Vec::new(),
            at: 0,
            done: false,
        }),
    })
}

/// Text of mostly ASCII letters in UTF-16 has every other byte zero.
fn by_zero_bytes(head: &[u8]) -> Option<Decoder> {
    let pairs = head.len() / 2;
    if pairs < 2 {
        return None;
    }
    let zeros = |parity: usize| head.iter().skip(parity).step_by(2).filter(|b| **b == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    if odd * 10 > pairs * 7 && even * 10 < pairs {
        Some(UTF_16LE.new_decoder_without_bom_handling())
    } else if even * 10 > pairs * 7 && odd * 10 < pairs {
        Some(UTF_16BE.new_decoder_without_bom_handling())
    } else {
        None
    }
}

struct Transcode<'r> {
    inner: Box<dyn Read + 'r>,
    decoder: Decoder,
    raw: Vec<u8>,
    ready: Vec<u8>,
    at: usize,
    done: bool,
}

impl Read for Transcode<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.ready.len() {
            if self.done {
                return Ok(0);
            }
            let n = self.inner.read(&mut self.raw)?;
            self.done = n == 0;
            self.ready.resize(n * 3 + 16, 0);
            let raw = self.raw.get(..n).unwrap_or_default();
            let (_, _, written, _) = self.decoder.decode_to_utf8(raw, &mut self.ready, self.done);
            self.ready.truncate(written);
            self.at = 0;
        }
        let ready = self.ready.get(self.at..).unwrap_or_default();
        let n = ready.len().min(out.len());
        if let (Some(to), Some(from)) = (out.get_mut(..n), ready.get(..n)) {
            to.copy_from_slice(from);
        }
        self.at += n;
        Ok(n)
    }
}

/// Counts what is read from the packed side.
struct Counted<R> {
    inner: R,
    read: std::rc::Rc<std::cell::Cell<u64>>,
}

impl<R: Read> Counted<R> {
    fn new(inner: R) -> (Self, std::rc::Rc<std::cell::Cell<u64>>) {
        let read = std::rc::Rc::new(std::cell::Cell::new(0));
        (Counted { inner, read: read.clone() }, read)
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(out)?;
        self.read.set(self.read.get() + n as u64);
        Ok(n)
    }
}

/// Stops a bomb: too much in the whole, or too much for what was read.
pub struct Bounded<R> {
    inner: R,
    packed: std::rc::Rc<std::cell::Cell<u64>>,
    unpacked: u64,
}

impl<R: Read> Bounded<R> {
    pub fn new(inner: R, packed: std::rc::Rc<std::cell::Cell<u64>>) -> Self {
        Bounded { inner, packed, unpacked: 0 }
    }

    pub fn of_size(inner: R, packed: u64) -> Self {
        Bounded { inner, packed: std::rc::Rc::new(std::cell::Cell::new(packed)), unpacked: 0 }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(out)?;
        self.unpacked += n as u64;
        let ratio = self.unpacked / self.packed.get().max(1);
        if self.unpacked > UNPACKED_LIMIT || (self.unpacked > RATIO_FREE && ratio > RATIO_LIMIT) {
            return Err(io::Error::other(format!(
                "unpacks to more than {} times its size, like a bomb: reading stopped after {} MiB",
                RATIO_LIMIT,
                self.unpacked >> 20
            )));
        }
        Ok(n)
    }
}
