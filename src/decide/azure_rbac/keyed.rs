//! A hash for looking up ids, two hundred groups a decision: short, and keyed at random against chosen collisions.
//! Nothing ever iterates over what it orders.

use std::hash::{BuildHasher, Hasher, RandomState};

const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

#[derive(Clone, Debug)]
pub(super) struct Keyed {
    key: u64,
}

impl Default for Keyed {
    fn default() -> Self {
        Keyed { key: RandomState::new().hash_one(ODD) | 1 }
    }
}

impl BuildHasher for Keyed {
    type Hasher = Mixer;

    fn build_hasher(&self) -> Mixer {
        Mixer { state: self.key, key: self.key }
    }
}

pub(super) struct Mixer {
    state: u64,
    key: u64,
}

impl Mixer {
    /// Both halves of the product: every bit of the input reaches every bit of the state.
    fn mix(&mut self, word: u64) {
        let product = u128::from(self.state ^ word ^ ODD) * u128::from(self.key.rotate_left(23) | 1);
        let (low, high) = (product as u64, (product >> 64) as u64);
        self.state = low ^ high;
    }
}

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        let mut chunks = bytes.chunks_exact(8);
        for chunk in &mut chunks {
            self.mix(chunk.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)));
        }
        let rest = chunks.remainder();
        self.mix(rest.iter().fold(rest.len() as u64, |word, byte| word << 8 | u64::from(*byte)));
    }

    fn finish(&self) -> u64 {
        let product = u128::from(self.state) * u128::from(ODD);
        product as u64 ^ (product >> 64) as u64
    }
}
