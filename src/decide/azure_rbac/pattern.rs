//! Patterns over operation names: `*` is any run of characters, slashes included, anchored at both ends, without case
//! (*Understand Azure role definitions*, "Role definition").
//!
//! Built-in roles use `Microsoft.KeyVault/vaults/*/read` and are documented as covering the vault itself, which the
//! literal reading does not. Where only the reading that lets `/*/` stand for a single `/` matches, the answer is
//! unknown (*zero-segment wildcard*).

use super::logic::Logic;

/// The fact that nobody wrote down: whether `/*/` also stands for `/`.
pub(super) const ZERO_SEGMENT: &str = "semantics:zeroSegmentWildcard";

/// Past this many steps the relaxed reading is not tried but called possible: input may be hostile.
const RELAXED_BUDGET: usize = 1 << 20;

/// A list of patterns, folded and sorted for looking up: most of them hold no wildcard.
#[derive(Clone, Debug, Default)]
pub(super) struct Patterns {
    exact: Box<[Box<str>]>,
    globs: Box<[Box<str>]>,
}

impl Patterns {
    pub fn new<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let (mut globs, mut exact): (Vec<Box<str>>, Vec<Box<str>>) = (Vec::new(), Vec::new());
        for text in texts {
            let text: Box<str> = fold(text.trim()).into();
            if text.contains('*') { globs.push(text) } else { exact.push(text) }
        }
        exact.sort_unstable();
        exact.dedup();
        globs.sort_by_key(|glob| str::len(glob));
        Patterns { exact: exact.into(), globs: globs.into() }
    }

    /// `operation` is folded already.
    pub fn matches<L: Logic>(&self, operation: &str) -> L {
        if self.exact.binary_search_by(|exact| exact.as_ref().cmp(operation)).is_ok()
            || self.globs.iter().any(|pattern| glob(pattern, operation))
        {
            return L::of(true);
        }
        if self.globs.iter().any(|pattern| relaxed(pattern, operation)) {
            return L::missing(|| ZERO_SEGMENT.to_owned());
        }
        L::of(false)
    }
}

/// Operation names, patterns and suboperations compare without case.
pub(super) fn fold(text: &str) -> String {
    text.to_lowercase()
}

/// Leftmost match of each piece between stars: linear in the text.
fn glob(pattern: &str, text: &str) -> bool {
    let Some((prefix, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(text) = text.strip_prefix(prefix) else { return false };
    let Some((middle, suffix)) = rest.rsplit_once('*') else { return text.ends_with(rest) };
    let Some(mut text) = text.strip_suffix(suffix) else { return false };
    for piece in middle.split('*').filter(|piece| !piece.is_empty()) {
        let Some(at) = memchr::memmem::find(text.as_bytes(), piece.as_bytes()) else { return false };
        text = &text[at + piece.len()..];
    }
    true
}

/// Whether the text matches where each `/*/` may also stand for one `/`.
fn relaxed(pattern: &str, text: &str) -> bool {
    let Some(first) = memchr::memmem::find(pattern.as_bytes(), b"/*/") else { return false };
    let prefix = pattern.split('*').next().unwrap_or_default();
    let suffix = pattern.rsplit('*').next().unwrap_or_default();
    if first + 1 < prefix.len() || !text.starts_with(prefix) || !text.ends_with(suffix) {
        return false;
    }
    if pattern.len().saturating_mul(text.len()) > RELAXED_BUDGET {
        return true;
    }
    let pattern = pattern.as_bytes();
    // INVARIANT: `now[i]` says that the text read so far matches the first `i` bytes of the pattern.
    let close = |states: &mut [bool]| {
        for i in 0..pattern.len() {
            if states[i] && pattern[i] == b'*' {
                states[i + 1] = true;
                if i > 0 && pattern[i - 1] == b'/' && pattern.get(i + 1) == Some(&b'/') {
                    states[i + 2] = true;
                }
            }
        }
    };
    let mut now = vec![false; pattern.len() + 1];
    now[0] = true;
    close(&mut now);
    for byte in text.bytes() {
        let mut next = vec![false; pattern.len() + 1];
        for i in 0..pattern.len() {
            if now[i] && pattern[i] == b'*' {
                next[i] = true;
            } else if now[i] && pattern[i] == byte {
                next[i + 1] = true;
            }
        }
        close(&mut next);
        now = next;
    }
    now[pattern.len()]
}
