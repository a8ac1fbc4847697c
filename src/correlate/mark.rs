//! Short marks of long contents: 128 bits from two keyed hashes, so that no one who writes log records can make two
//! contents share a mark. A mark is only ever compared, never printed: its keys differ from run to run.

use std::hash::{BuildHasher, DefaultHasher, Hasher, RandomState};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark(u64, u64);

#[derive(Clone, Debug, Default)]
pub struct Marker {
    left: RandomState,
    right: RandomState,
}

impl Marker {
    pub fn of(&self, content: impl FnOnce(&mut Both)) -> Mark {
        let mut both = Both(self.left.build_hasher(), self.right.build_hasher());
        content(&mut both);
        Mark(both.0.finish(), both.1.finish())
    }
}

/// Feeds both hashes at once.
pub struct Both(DefaultHasher, DefaultHasher);

impl Both {
    /// Text without regard to ASCII letter case.
    pub fn folded(&mut self, text: &str) {
        let mut buffer = [0u8; 64];
        for chunk in text.as_bytes().chunks(buffer.len()) {
            if let Some(part) = buffer.get_mut(..chunk.len()) {
                part.copy_from_slice(chunk);
                part.make_ascii_lowercase();
                self.write(part);
            }
        }
        self.write_u8(0xff);
    }
}

impl Hasher for Both {
    fn finish(&self) -> u64 {
        self.0.finish()
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
        self.1.write(bytes);
    }
}
