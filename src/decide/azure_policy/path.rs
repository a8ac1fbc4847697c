//! Paths into a resource: `properties.networkAcls.ipRules[*].action`, `tags['cost center']`, `properties.rules[0]`.

use super::compare::same_text;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Segment {
    Key(Box<str>),
    Index(usize),
    /// `[*]`, every member.
    Every,
}

impl Segment {
    fn meets(&self, other: &Segment) -> bool {
        match (self, other) {
            (Segment::Key(a), Segment::Key(b)) => same_text(a, b),
            (Segment::Index(a), Segment::Index(b)) => a == b,
            (Segment::Every | Segment::Index(_), Segment::Every) | (Segment::Every, Segment::Index(_)) => true,
            (Segment::Key(_), Segment::Index(_) | Segment::Every)
            | (Segment::Index(_) | Segment::Every, Segment::Key(_)) => false,
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Path {
    pub segments: Vec<Segment>,
}

impl Path {
    /// Reads the dotted form; a JSON pointer is understood too.
    pub fn parse(text: &str) -> Path {
        let mut segments = Vec::new();
        if let Some(pointer) = text.strip_prefix('/') {
            for part in pointer.split('/') {
                let part = part.replace("~1", "/").replace("~0", "~");
                segments.push(match part.parse::<usize>() {
                    Ok(index) => Segment::Index(index),
                    Err(_) if part == "*" || part == "[*]" => Segment::Every,
                    Err(_) => Segment::Key(part.into()),
                });
            }
            return Path { segments };
        }
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(inner) = rest.strip_prefix('[') {
                let (content, after) = bracketed(inner);
                segments.push(match content.parse::<usize>() {
                    Ok(index) => Segment::Index(index),
                    Err(_) if content == "*" => Segment::Every,
                    Err(_) => Segment::Key(unquoted(content).into()),
                });
                rest = after.strip_prefix('.').unwrap_or(after);
                continue;
            }
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let (key, after) = rest.split_at(end);
            if !key.is_empty() {
                segments.push(Segment::Key(key.into()));
            }
            rest = after.strip_prefix('.').unwrap_or(after);
        }
        Path { segments }
    }

    pub fn keys(keys: &[&str]) -> Path {
        Path { segments: keys.iter().map(|key| Segment::Key((*key).into())).collect() }
    }

    /// This path, or one above it, is `other`.
    pub fn starts_with(&self, other: &[Segment]) -> bool {
        starts_with(&self.segments, other)
    }

    /// One of the two lies above the other, or they are the same.
    pub fn related(&self, other: &[Segment]) -> bool {
        self.segments.iter().zip(other).all(|(a, b)| a.meets(b))
    }

    pub fn has_every(&self) -> bool {
        self.segments.contains(&Segment::Every)
    }
}

pub(super) fn starts_with(path: &[Segment], start: &[Segment]) -> bool {
    path.len() >= start.len() && path.iter().zip(start).all(|(a, b)| a.meets(b))
}

/// Up to the closing bracket, minding quotes.
fn bracketed(text: &str) -> (&str, &str) {
    let mut quoted = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'\'' => quoted = !quoted,
            b']' if !quoted => return (text.get(..at).unwrap_or(""), text.get(at + 1..).unwrap_or("")),
            _ => {}
        }
    }
    match text.rsplit_once(']') {
        Some((inner, after)) => (inner, after),
        None => (text, ""),
    }
}

/// `'it''s'` is `it's`; without quotes the text itself.
pub(super) fn unquoted(text: &str) -> String {
    match text.strip_prefix('\'').and_then(|t| t.strip_suffix('\'')) {
        Some(inner) => inner.replace("''", "'"),
        None => text.to_owned(),
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, segment) in self.segments.iter().enumerate() {
            match segment {
                Segment::Key(key) if at == 0 => f.write_str(key)?,
                Segment::Key(key) => write!(f, ".{key}")?,
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Every => f.write_str("[*]")?,
            }
        }
        Ok(())
    }
}
