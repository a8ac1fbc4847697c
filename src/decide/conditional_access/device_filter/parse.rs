//! The rule's grammar, that of dynamic membership rules:
//!
//! ```text
//! or         := and ( '-or' and )*
//! and        := not ( '-and' not )*
//! not        := '-not'? primary
//! primary    := '(' or ')' | 'device.' property operator value
//! value      := '"' text '"' | True | False | '[' '"' text '"', ... ']'
//! ```
//!
//! Page: *Conditional Access: Filter for devices*; a double quote inside a text is written `` `" `` (*Manage rules for
//! dynamic membership groups*).

use std::fmt;

/// Longest rule the platform takes.
pub const MAX_LENGTH: usize = 3072;

/// Deepest nesting this parser follows; the platform's rule editor makes one level.
const MAX_DEPTH: usize = 64;

/// Why a rule does not parse, and at which character (from 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    pub position: usize,
    pub message: String,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the rule does not parse at character {}: {}", self.position, self.message)
    }
}

impl std::error::Error for SyntaxError {}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    Or(Vec<Expression>),
    And(Vec<Expression>),
    Not(Box<Expression>),
    Compare(Comparison),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    pub property: Property,
    pub operator: Operator,
    pub literal: Literal,
}

/// Texts are lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    Text(String),
    List(Vec<String>),
}

/// A property by its Graph name, and whether it is a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Property {
    pub name: &'static str,
    pub collection: bool,
    /// Readable on managed, compliant or hybrid joined devices only.
    pub extension: bool,
}

const fn plain(name: &'static str) -> Property {
    Property { name, collection: false, extension: false }
}

const fn collection(name: &'static str) -> Property {
    Property { name, collection: true, extension: false }
}

const fn extension(name: &'static str) -> Property {
    Property { name, collection: false, extension: true }
}

const PROPERTIES: [Property; 29] = [
    plain("deviceId"),
    plain("displayName"),
    plain("deviceOwnership"),
    plain("enrollmentProfileName"),
    plain("isCompliant"),
    plain("manufacturer"),
    plain("mdmAppId"),
    plain("model"),
    plain("operatingSystem"),
    plain("operatingSystemVersion"),
    collection("physicalIds"),
    plain("profileType"),
    collection("systemLabels"),
    plain("trustType"),
    extension("extensionAttribute1"),
    extension("extensionAttribute2"),
    extension("extensionAttribute3"),
    extension("extensionAttribute4"),
    extension("extensionAttribute5"),
    extension("extensionAttribute6"),
    extension("extensionAttribute7"),
    extension("extensionAttribute8"),
    extension("extensionAttribute9"),
    extension("extensionAttribute10"),
    extension("extensionAttribute11"),
    extension("extensionAttribute12"),
    extension("extensionAttribute13"),
    extension("extensionAttribute14"),
    extension("extensionAttribute15"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    Eq,
    Ne,
    StartsWith,
    NotStartsWith,
    EndsWith,
    NotEndsWith,
    Contains,
    NotContains,
    In,
    NotIn,
}

const OPERATORS: [(&str, Operator); 10] = [
    ("-eq", Operator::Eq),
    ("-ne", Operator::Ne),
    ("-startsWith", Operator::StartsWith),
    ("-notStartsWith", Operator::NotStartsWith),
    ("-endsWith", Operator::EndsWith),
    ("-notEndsWith", Operator::NotEndsWith),
    ("-contains", Operator::Contains),
    ("-notContains", Operator::NotContains),
    ("-in", Operator::In),
    ("-notIn", Operator::NotIn),
];

impl Operator {
    /// The operator this one negates, and whether it does.
    pub fn positive(self) -> (Operator, bool) {
        match self {
            Operator::Ne => (Operator::Eq, true),
            Operator::NotStartsWith => (Operator::StartsWith, true),
            Operator::NotEndsWith => (Operator::EndsWith, true),
            Operator::NotContains => (Operator::Contains, true),
            Operator::NotIn => (Operator::In, true),
            Operator::Eq | Operator::StartsWith | Operator::EndsWith | Operator::Contains | Operator::In => {
                (self, false)
            }
        }
    }

    fn takes_a_list(self) -> bool {
        match self {
            Operator::In | Operator::NotIn => true,
            Operator::Eq
            | Operator::Ne
            | Operator::StartsWith
            | Operator::NotStartsWith
            | Operator::EndsWith
            | Operator::NotEndsWith
            | Operator::Contains
            | Operator::NotContains => false,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Open,
    Close,
    OpenList,
    CloseList,
    Comma,
    /// Lower case.
    Text(String),
    /// `-and`, `device.model`, `True`, ...
    Word(String),
}

pub fn parse(rule: &str) -> Result<Expression, SyntaxError> {
    if rule.chars().count() > MAX_LENGTH {
        let message = format!("a rule has at most {MAX_LENGTH} characters");
        return Err(SyntaxError { position: MAX_LENGTH + 1, message });
    }
    let (tokens, end) = tokens(rule)?;
    let mut parser = Parser { tokens, at: 0, depth: 0, end };
    let expression = parser.or()?;
    match parser.peek() {
        None => Ok(expression),
        Some(_) => Err(parser.error("expected `-and`, `-or` or the end of the rule")),
    }
}

fn tokens(rule: &str) -> Result<(Vec<(usize, Token)>, usize), SyntaxError> {
    let mut tokens = Vec::new();
    let mut chars = rule.chars().enumerate().peekable();
    let mut end = 1;
    while let Some((n, c)) = chars.next() {
        let position = n + 1;
        end = position + 1;
        let token = match c {
            c if c.is_whitespace() => continue,
            '(' => Token::Open,
            ')' => Token::Close,
            '[' => Token::OpenList,
            ']' => Token::CloseList,
            ',' => Token::Comma,
            '"' => {
                let mut text = String::new();
                loop {
                    match chars.next() {
                        None => return Err(SyntaxError { position, message: "the text has no closing quote".into() }),
                        Some((_, '"')) => break,
                        Some((_, '`')) => match chars.next_if(|(_, next)| matches!(next, '"' | '`')) {
                            Some((_, quoted)) => text.push(quoted),
                            None => text.push('`'),
                        },
                        Some((_, other)) => text.push(other),
                    }
                }
                Token::Text(text.to_lowercase())
            }
            first => {
                let mut word = String::from(first);
                while let Some((_, next)) = chars.next_if(|(_, c)| c.is_alphanumeric() || matches!(c, '.' | '_' | '-'))
                {
                    word.push(next);
                }
                Token::Word(word)
            }
        };
        tokens.push((position, token));
    }
    Ok((tokens, end.max(rule.chars().count() + 1)))
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    at: usize,
    depth: usize,
    end: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(_, token)| token)
    }

    fn error(&self, message: impl Into<String>) -> SyntaxError {
        let position = self.tokens.get(self.at).map_or(self.end, |(position, _)| *position);
        SyntaxError { position, message: message.into() }
    }

    fn takes(&mut self, word: &str) -> bool {
        let taken = matches!(self.peek(), Some(Token::Word(next)) if next.eq_ignore_ascii_case(word));
        self.at += usize::from(taken);
        taken
    }

    fn or(&mut self) -> Result<Expression, SyntaxError> {
        let first = self.and()?;
        let mut parts = vec![first];
        while self.takes("-or") {
            parts.push(self.and()?);
        }
        Ok(single(parts, Expression::Or))
    }

    fn and(&mut self) -> Result<Expression, SyntaxError> {
        let first = self.not()?;
        let mut parts = vec![first];
        while self.takes("-and") {
            parts.push(self.not()?);
        }
        Ok(single(parts, Expression::And))
    }

    fn not(&mut self) -> Result<Expression, SyntaxError> {
        match self.takes("-not") {
            true => Ok(Expression::Not(Box::new(self.primary()?))),
            false => self.primary(),
        }
    }

    /// INVARIANT: recursion goes one level a parenthesis, and `MAX_DEPTH` bounds those.
    fn primary(&mut self) -> Result<Expression, SyntaxError> {
        match self.peek() {
            Some(Token::Open) if self.depth == MAX_DEPTH => {
                Err(self.error(format!("more than {MAX_DEPTH} parentheses inside one another")))
            }
            Some(Token::Open) => {
                self.at += 1;
                self.depth += 1;
                let inner = self.or()?;
                self.depth -= 1;
                match self.peek() {
                    Some(Token::Close) => {
                        self.at += 1;
                        Ok(inner)
                    }
                    _ => Err(self.error("expected `)`")),
                }
            }
            Some(Token::Word(word)) => {
                let lower = word.to_ascii_lowercase();
                let Some(name) = lower.strip_prefix("device.") else {
                    return Err(self.error(format!("expected `device.<property>`, found `{word}`")));
                };
                let Some(property) = PROPERTIES.iter().find(|known| known.name.eq_ignore_ascii_case(name)) else {
                    return Err(self.error(format!("`{word}` is no property a filter can read")));
                };
                self.at += 1;
                self.comparison(*property)
            }
            Some(_) => Err(self.error("expected `device.<property>` or `(`")),
            None => Err(self.error("expected `device.<property>` or `(`, found the end of the rule")),
        }
    }

    fn comparison(&mut self, property: Property) -> Result<Expression, SyntaxError> {
        let operator = match self.peek() {
            Some(Token::Word(word)) => {
                OPERATORS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, operator)| *operator)
            }
            _ => None,
        };
        let Some(operator) = operator else {
            let names: Vec<&str> = OPERATORS.iter().map(|(name, _)| *name).collect();
            return Err(self.error(format!("expected an operator: {}", names.join(", "))));
        };
        self.at += 1;
        let literal = match (self.peek(), operator.takes_a_list()) {
            (Some(Token::OpenList), true) => Literal::List(self.list()?),
            (_, true) => return Err(self.error("expected a list such as `[\"a\", \"b\"]`")),
            (Some(Token::Text(text)), false) => Literal::Text(text.clone()),
            (Some(Token::Word(word)), false)
                if word.eq_ignore_ascii_case("true") || word.eq_ignore_ascii_case("false") =>
            {
                Literal::Text(word.to_ascii_lowercase())
            }
            (_, false) => return Err(self.error("expected a text in double quotes, `True` or `False`")),
        };
        if let Literal::Text(_) = literal {
            self.at += 1;
        }
        Ok(Expression::Compare(Comparison { property, operator, literal }))
    }

    fn list(&mut self) -> Result<Vec<String>, SyntaxError> {
        let mut items = Vec::new();
        self.at += 1;
        loop {
            match self.peek() {
                Some(Token::Text(text)) => items.push(text.clone()),
                _ => return Err(self.error("expected a text in double quotes")),
            }
            self.at += 1;
            match self.peek() {
                Some(Token::Comma) => self.at += 1,
                Some(Token::CloseList) => {
                    self.at += 1;
                    return Ok(items);
                }
                _ => return Err(self.error("expected `,` or `]`")),
            }
        }
    }
}

fn single(mut parts: Vec<Expression>, many: fn(Vec<Expression>) -> Expression) -> Expression {
    match (parts.len(), parts.pop()) {
        (1, Some(only)) => only,
        (_, Some(last)) => {
            parts.push(last);
            many(parts)
        }
        (_, None) => many(parts),
    }
}
