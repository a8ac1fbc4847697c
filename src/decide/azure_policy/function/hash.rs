//! `guid` and `uniqueString`.
//!
//! Source: *String functions for Bicep* (guid): the arguments joined by `-`, hashed as a version 5 UUID under the
//! namespace `11fb06fb-712d-4ddd-98c7-e71bbd588830`. No page says how `uniqueString` hashes: its value is unknown.

use super::{Arguments, Fault, Given, text_argument};

const NAMESPACE: [u8; 16] =
    [0x11, 0xfb, 0x06, 0xfb, 0x71, 0x2d, 0x4d, 0xdd, 0x98, 0xc7, 0xe7, 0x1b, 0xbd, 0x58, 0x88, 0x30];

pub(super) fn guid(arguments: Arguments) -> Given {
    let mut parts = Vec::with_capacity(arguments.len());
    for at in 0..arguments.len() {
        parts.push(text_argument("guid", arguments, at)?);
    }
    let mut input = NAMESPACE.to_vec();
    input.extend_from_slice(parts.join("-").as_bytes());
    let digest = sha1(&input);
    let mut hex = String::with_capacity(36);
    for (at, byte) in digest.iter().take(16).enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            hex.push('-');
        }
        let byte = match at {
            6 => byte & 0x0f | 0x50,
            8 => byte & 0x3f | 0x80,
            _ => *byte,
        };
        hex.push_str(&format!("{byte:02x}"));
    }
    Ok(hex.into())
}

pub(super) fn unique_string(arguments: Arguments) -> Given {
    for at in 0..arguments.len() {
        text_argument("uniqueString", arguments, at)?;
    }
    Err(Fault::Undocumented("function `uniqueString` (its hash is not documented)".to_owned()))
}

/// FIPS 180-4. Not for security: version 5 UUIDs are defined by it.
fn sha1(input: &[u8]) -> [u8; 20] {
    let mut state: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
    let mut padded = input.to_vec();
    padded.push(0x80);
    while padded.len() % 64 != 56 {
        padded.push(0);
    }
    padded.extend_from_slice(&(input.len() as u64 * 8).to_be_bytes());
    for block in padded.chunks(64) {
        let mut words: Vec<u32> =
            block.chunks(4).map(|word| word.iter().fold(0u32, |all, byte| all << 8 | u32::from(*byte))).collect();
        for at in 16..80 {
            let mixed = [3, 8, 14, 16].iter().fold(0, |all, back| all ^ words.get(at - back).copied().unwrap_or(0));
            words.push(mixed.rotate_left(1));
        }
        let [mut a, mut b, mut c, mut d, mut e] = state;
        for (at, word) in words.iter().enumerate() {
            let (mixed, constant) = match at / 20 {
                0 => (b & c | !b & d, 0x5a82_7999u32),
                1 => (b ^ c ^ d, 0x6ed9_eba1),
                2 => (b & c | b & d | c & d, 0x8f1b_bcdc),
                _ => (b ^ c ^ d, 0xca62_c1d6),
            };
            let next = a.rotate_left(5).wrapping_add(mixed).wrapping_add(e).wrapping_add(constant).wrapping_add(*word);
            (a, b, c, d, e) = (next, a, b.rotate_left(30), c, d);
        }
        for (slot, add) in state.iter_mut().zip([a, b, c, d, e]) {
            *slot = slot.wrapping_add(add);
        }
    }
    let mut out = [0; 20];
    for (bytes, word) in out.chunks_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    out
}
