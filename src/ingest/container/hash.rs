//! SHA-256 of a file as it streams by.

use sha2::{Digest, Sha256};
use std::cell::{Cell, RefCell};
use std::fmt::Write;
use std::io::{self, Read};
use std::rc::Rc;

#[derive(Clone, Default)]
pub struct Hash {
    state: Rc<RefCell<Sha256>>,
}

impl Hash {
    pub fn hex(&self) -> String {
        let digest = self.state.borrow().clone().finalize();
        let mut hex = String::with_capacity(64);
        for byte in digest.iter() {
            let _ = write!(hex, "{byte:02x}");
        }
        hex
    }
}

/// Hashes what is read, and on drop what was left unread, so that the hash is the file's; unless reading was called
/// off.
pub struct Hashed<R: Read> {
    inner: R,
    hash: Hash,
    ended: bool,
    off: Rc<Cell<bool>>,
}

/// How much of an unread rest is hashed on drop; a pipe that never ends must not hold us.
const REST: u64 = 64 << 30;

impl<R: Read> Hashed<R> {
    /// Once `off` is set the file ends where it is.
    pub fn new(inner: R, hash: Hash, off: Rc<Cell<bool>>) -> Self {
        Hashed { inner, hash, ended: false, off }
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.off.get() {
            self.ended = true;
            return Ok(0);
        }
        let n = self.inner.read(out).inspect_err(|_| self.ended = true)?;
        self.ended |= n == 0;
        self.hash.state.borrow_mut().update(out.get(..n).unwrap_or_default());
        Ok(n)
    }
}

impl<R: Read> Drop for Hashed<R> {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let mut chunk = vec![0; 256 << 10];
        let mut left = REST;
        while !self.ended && left > 0 {
            match self.read(&mut chunk) {
                Ok(n) => left = left.saturating_sub(n as u64),
                Err(_) => return,
            }
        }
    }
}
