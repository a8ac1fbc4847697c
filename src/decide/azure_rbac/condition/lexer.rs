//! Words of a condition's text, each with its place.

use super::ConditionError;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token<'a> {
    Open,
    Close,
    OpenSet,
    CloseSet,
    Comma,
    Not,
    And,
    Or,
    /// `'…'`, up to the next quote: there is no escape for a quote.
    Text(&'a str),
    /// `@Source[path]`
    Attribute {
        source: &'a str,
        path: &'a str,
    },
    Number(i64),
    Guid(&'a str),
    Word(&'a str),
}

/// One token and the byte where it starts.
pub(super) type Placed<'a> = (usize, Token<'a>);

pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    pub fn new(text: &'a str) -> Self {
        Lexer { text, at: 0 }
    }

    pub fn at(&self) -> usize {
        self.at
    }

    /// The next token; none at the end.
    pub fn next(&mut self) -> Result<Option<Placed<'a>>, ConditionError> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.at += rest.len() - rest.trim_start().len();
        let start = self.at;
        let rest = self.text.get(start..).unwrap_or_default();
        let Some(first) = rest.chars().next() else { return Ok(None) };
        let (token, length) = match first {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '{' => (Token::OpenSet, 1),
            '}' => (Token::CloseSet, 1),
            ',' => (Token::Comma, 1),
            '!' => (Token::Not, 1),
            '&' if rest.starts_with("&&") => (Token::And, 2),
            '|' if rest.starts_with("||") => (Token::Or, 2),
            '\'' => self.quoted(start, rest)?,
            '@' => self.attribute(start, rest)?,
            '-' => self.bare(start, rest)?,
            other if other.is_ascii_alphanumeric() => self.bare(start, rest)?,
            other => return Err(self.error(start, format!("`{other}` has no meaning here"))),
        };
        self.at = start + length;
        Ok(Some((start, token)))
    }

    pub fn error(&self, at: usize, message: impl Into<String>) -> ConditionError {
        ConditionError::new(self.text, at, message)
    }

    fn quoted(&self, start: usize, rest: &'a str) -> Result<(Token<'a>, usize), ConditionError> {
        let inner = rest.get(1..).unwrap_or_default();
        match inner.split_once('\'') {
            Some((text, _)) => Ok((Token::Text(text), text.len() + 2)),
            None => Err(self.error(start, "the quote that starts here never ends")),
        }
    }

    fn attribute(&self, start: usize, rest: &'a str) -> Result<(Token<'a>, usize), ConditionError> {
        let inner = rest.get(1..).unwrap_or_default();
        let Some((source, tail)) = inner.split_once('[') else {
            return Err(self.error(start, "an attribute is written `@Source[name]`"));
        };
        let Some((path, _)) = tail.split_once(']') else {
            return Err(self.error(start, "the bracket of this attribute never ends"));
        };
        let length = 1 + source.len() + 1 + path.len() + 1;
        let (source, path) = (source.trim(), path.trim());
        let known = ["Request", "Resource", "Principal", "Environment"];
        if !known.iter().any(|name| name.eq_ignore_ascii_case(source)) {
            let shown: String = source.chars().take(40).collect();
            return Err(self.error(start, format!("`@{shown}` is no source of attributes")));
        }
        if path.is_empty() {
            return Err(self.error(start, "the attribute has no name"));
        }
        Ok((Token::Attribute { source, path }, length))
    }

    /// Keywords, operators, numbers and GUIDs: a run of letters, digits and `-_.:`.
    fn bare(&self, start: usize, rest: &'a str) -> Result<(Token<'a>, usize), ConditionError> {
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':')))
            .unwrap_or(rest.len());
        let run = rest.get(..end).unwrap_or_default();
        let token = if is_guid(run) {
            Token::Guid(run)
        } else if run.bytes().all(|b| b.is_ascii_digit() || b == b'-' || b == b'.') {
            match run.parse() {
                Ok(number) => Token::Number(number),
                Err(_) => return Err(self.error(start, format!("`{}` is no integer", clip(run)))),
            }
        } else if run.eq_ignore_ascii_case("and") {
            Token::And
        } else if run.eq_ignore_ascii_case("or") {
            Token::Or
        } else if run.eq_ignore_ascii_case("not") {
            Token::Not
        } else {
            Token::Word(run)
        };
        Ok((token, end))
    }
}

/// With or without hyphens: some built-in conditions have none.
fn is_guid(run: &str) -> bool {
    match run.len() {
        32 => run.bytes().all(|b| b.is_ascii_hexdigit()),
        36 => run.bytes().enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        }),
        _ => false,
    }
}

/// User text in a message, cut short.
pub(super) fn clip(text: &str) -> String {
    text.chars().take(40).collect()
}
