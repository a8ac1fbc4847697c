//! The template expression language: `[concat('a', parameters('b').c[0])]`, parsed.
//!
//! Source: *Syntax and expressions in ARM templates*; limits from *Azure Policy definition structure policy rule*
//! (81,920 characters, 128 arguments, 64 nested functions). An expression we cannot read is reported with the place
//! and never guessed at.

use super::function::{self, Call};

const LENGTH: usize = 81_920;
const ARGUMENTS: usize = 128;
const DEPTH: usize = 64;

#[derive(Clone, Debug)]
pub(super) enum Expression {
    Text(String),
    Number(i64),
    Call {
        call: Call,
        arguments: Vec<Expression>,
    },
    /// `.name` or `[key]`
    Member {
        of: Box<Expression>,
        key: Box<Expression>,
    },
}

/// What a JSON string means: itself, or an expression.
pub(super) enum Spelled<'a> {
    Literal(&'a str),
    Expression(&'a str),
}

/// "A string starting with `[` and ending in `]` is an expression, `[[` escapes a literal `[`."
pub(super) fn spelled(text: &str) -> Spelled<'_> {
    if let Some(rest) = text.strip_prefix('[') {
        if rest.starts_with('[') {
            return Spelled::Literal(rest);
        }
        if let Some(inner) = rest.strip_suffix(']') {
            return Spelled::Expression(inner);
        }
    }
    Spelled::Literal(text)
}

/// Parses what stands between the outer brackets. The error names the construct.
pub(super) fn parse(text: &str) -> Result<Expression, String> {
    if text.len() > LENGTH {
        return Err(format!("an expression of {} characters (the limit is {LENGTH})", text.len()));
    }
    let mut parser = Parser { text, at: 0 };
    let expression = parser.expression(0)?;
    parser.space();
    match parser.rest().chars().next() {
        None => Ok(expression),
        Some(other) => Err(format!("`{other}` at character {} of an expression", parser.at + 1)),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn eat(&mut self, wanted: char) -> bool {
        self.space();
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn expect(&mut self, wanted: char) -> Result<(), String> {
        if self.eat(wanted) {
            return Ok(());
        }
        let found = self.rest().chars().next().map_or_else(|| "the end".to_owned(), |c| format!("`{c}`"));
        Err(format!("{found} where an expression wants `{wanted}` (character {})", self.at + 1))
    }

    fn expression(&mut self, depth: usize) -> Result<Expression, String> {
        if depth > DEPTH {
            return Err(format!("an expression nested deeper than {DEPTH}"));
        }
        let mut expression = self.primary(depth)?;
        let mut steps = 0;
        loop {
            let key = if self.eat('.') {
                self.space();
                Expression::Text(self.identifier()?.to_owned())
            } else if self.eat('[') {
                let key = self.expression(depth + 1)?;
                self.expect(']')?;
                key
            } else {
                return Ok(expression);
            };
            steps += 1;
            if steps > DEPTH {
                return Err(format!("more than {DEPTH} property accesses in a row"));
            }
            expression = Expression::Member { of: Box::new(expression), key: Box::new(key) };
        }
    }

    fn primary(&mut self, depth: usize) -> Result<Expression, String> {
        self.space();
        let rest = self.rest();
        match rest.chars().next() {
            None => Err("an empty expression".to_owned()),
            Some('\'') => self.text_literal(),
            Some('(') => {
                self.at += 1;
                let inner = self.expression(depth + 1)?;
                self.expect(')')?;
                Ok(inner)
            }
            Some(c) if c.is_ascii_digit() || c == '-' || c == '+' => {
                let signed = usize::from(!c.is_ascii_digit());
                let digits = rest.bytes().skip(signed).take_while(u8::is_ascii_digit).count();
                let literal = rest.get(..signed + digits).unwrap_or("");
                let number = literal.parse().map_err(|_| format!("number `{literal}` in an expression"))?;
                self.at += literal.len();
                Ok(Expression::Number(number))
            }
            Some(_) => {
                let name = self.identifier()?;
                if !self.eat('(') {
                    return Err(format!("`{name}` without parentheses in an expression"));
                }
                let mut arguments = Vec::new();
                if !self.eat(')') {
                    loop {
                        arguments.push(self.expression(depth + 1)?);
                        if arguments.len() > ARGUMENTS {
                            return Err(format!("function `{name}` with more than {ARGUMENTS} arguments"));
                        }
                        if !self.eat(',') {
                            break;
                        }
                    }
                    self.expect(')')?;
                }
                Ok(Expression::Call { call: function::find(name, arguments.len())?, arguments })
            }
        }
    }

    fn identifier(&mut self) -> Result<&'a str, String> {
        let rest = self.rest();
        let length = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '$'))).unwrap_or(rest.len());
        match rest.get(..length) {
            Some(name) if !name.is_empty() => {
                self.at += length;
                Ok(name)
            }
            _ => {
                let found = rest.chars().next().map_or_else(|| "the end".to_owned(), |c| format!("`{c}`"));
                Err(format!("{found} where an expression wants a name (character {})", self.at + 1))
            }
        }
    }

    /// `'it''s'`
    fn text_literal(&mut self) -> Result<Expression, String> {
        let rest = self.rest().get(1..).unwrap_or("");
        let mut out = String::new();
        let mut from = 0;
        while let Some(quote) = rest.get(from..).and_then(|r| r.find('\'')).map(|at| from + at) {
            out.push_str(rest.get(from..quote).unwrap_or(""));
            if rest.get(quote + 1..).is_some_and(|r| r.starts_with('\'')) {
                out.push('\'');
                from = quote + 2;
                continue;
            }
            self.at += 1 + quote + 1;
            return Ok(Expression::Text(out));
        }
        Err("a string literal without its closing quote".to_owned())
    }
}

impl Expression {
    /// Visits this expression and all within it.
    pub fn walk(&self, visit: &mut dyn FnMut(&Expression)) {
        visit(self);
        match self {
            Expression::Text(_) | Expression::Number(_) => {}
            Expression::Call { arguments, .. } => arguments.iter().for_each(|argument| argument.walk(visit)),
            Expression::Member { of, key } => {
                of.walk(visit);
                key.walk(visit);
            }
        }
    }
}
