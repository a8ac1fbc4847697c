//! What the generator needs of the world and must not take from it: numbers that look random, ids that look made,
//! dates without a clock.

use serde_json::Value;

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014). The seed is all it knows.
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Rng(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// From `low` to `high`, both included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = u64::try_from(high - low).expect("low is not above high") + 1;
        low + i64::try_from(self.next() % span).expect("a span of the program's own")
    }

    pub fn one_of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[usize::try_from(self.next() % list.len() as u64).expect("an index")]
    }

    /// True `n` times in `of`.
    pub fn chance(&mut self, n: u64, of: u64) -> bool {
        self.next() % of < n
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Two 64-bit digests of a name (FNV-1a with two offsets, mixed): all made-up ids come from names.
fn digest(name: &str) -> (u64, u64) {
    let fold = |offset: u64| {
        let hash = name.bytes().fold(offset, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3));
        mix(hash)
    };
    (fold(0xcbf2_9ce4_8422_2325), fold(0x6c62_272e_07bb_0142))
}

/// A made-up GUID (version and variant bits of a random one).
pub fn guid(name: &str) -> String {
    let (a, b) = digest(name);
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        a >> 32,
        (a >> 16) & 0xffff,
        a & 0xfff,
        0x8000 | ((b >> 48) & 0x3fff),
        b & 0xffff_ffff_ffff
    )
}

/// 22 characters as unique token identifiers have.
pub fn token_id(name: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (a, b) = digest(&format!("uti/{name}"));
    let mut rng = Rng::new(a ^ b.rotate_left(17));
    (0..22).map(|_| char::from(LETTERS[(rng.next() % 64) as usize])).collect()
}

/// 64 hexadecimal digits, as a SHA-256 of a key looks in a storage log.
pub fn hash(name: &str) -> String {
    let mut rng = Rng::new(digest(&format!("hash/{name}")).0);
    (0..4).map(|_| format!("{:016x}", rng.next())).collect()
}

/// Milliseconds since the epoch, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct At(pub i64);

pub const SECOND: i64 = 1000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

impl At {
    /// A moment of March 2026.
    pub fn march(day: i64, hour: i64, minute: i64, second: i64) -> At {
        // 2026-03-01T00:00:00Z
        const FIRST: i64 = 1_772_323_200 * SECOND;
        At(FIRST + (day - 1) * DAY + hour * HOUR + minute * MINUTE + second * SECOND)
    }

    pub fn plus(self, milliseconds: i64) -> At {
        At(self.0 + milliseconds)
    }

    /// Day of March.
    pub fn day(self) -> i64 {
        (self.0 - At::march(1, 0, 0, 0).0).div_euclid(DAY) + 1
    }

    pub fn seconds(self) -> i64 {
        self.0.div_euclid(SECOND)
    }

    fn clock(self) -> (i64, i64, i64, i64) {
        let rest = self.0.rem_euclid(DAY);
        (rest / HOUR, rest / MINUTE % 60, rest / SECOND % 60, rest % SECOND)
    }

    /// `2026-03-21T03:12:18.114Z`, with seven digits as Log Analytics writes them.
    pub fn iso(self) -> String {
        let (h, m, s, ms) = self.clock();
        format!("2026-03-{:02}T{h:02}:{m:02}:{s:02}.{ms:03}0000Z", self.day())
    }

    /// `3/21/2026, 3:22:30.114 AM`, as the portal's CSV writes it.
    pub fn portal(self) -> String {
        let (h, m, s, ms) = self.clock();
        let twelve = if h % 12 == 0 { 12 } else { h % 12 };
        let half = if h < 12 { "AM" } else { "PM" };
        format!("3/{}/2026, {twelve}:{m:02}:{s:02}.{ms:03} {half}", self.day())
    }

    /// Monday is 0. 2 March 2026 is a Monday.
    pub fn weekday(self) -> i64 {
        (self.day() - 2).rem_euclid(7)
    }
}

/// Compact JSON with the keys of every object in order: the bytes do not turn on how a map was built.
pub fn line(value: &Value) -> String {
    let mut out = String::new();
    write(value, None, 0, &mut out);
    out
}

/// The same, indented by two.
pub fn pretty(value: &Value) -> String {
    let mut out = String::new();
    write(value, Some(2), 0, &mut out);
    out.push('\n');
    out
}

fn write(value: &Value, indent: Option<usize>, depth: usize, out: &mut String) {
    let fresh = |out: &mut String, depth: usize| {
        if let Some(width) = indent {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', width * depth));
        }
    };
    match value {
        Value::Object(map) if !map.is_empty() => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            out.push('{');
            for (n, key) in keys.into_iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                fresh(out, depth + 1);
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                if indent.is_some() {
                    out.push(' ');
                }
                write(&map[key], indent, depth + 1, out);
            }
            fresh(out, depth);
            out.push('}');
        }
        Value::Array(list) if !list.is_empty() => {
            let flat = list.iter().all(|v| !v.is_object() && !v.is_array());
            out.push('[');
            for (n, member) in list.iter().enumerate() {
                if n > 0 {
                    out.push_str(if flat && indent.is_some() { ", " } else { "," });
                }
                if !flat {
                    fresh(out, depth + 1);
                }
                write(member, indent, depth + 1, out);
            }
            if !flat {
                fresh(out, depth);
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

/// One CSV cell: quoted where it must be.
pub fn cell(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}
