//! The grammar of conditions:
//!
//! ```text
//! or      = and { ("OR" | "||") and }
//! and     = not { ("AND" | "&&") not }
//! not     = { "!" | "NOT" } primary
//! primary = "(" or ")" | "ActionMatches" texts | "SubOperationMatches" texts
//!         | ("Exists" | "NotExists") attribute | operand operator operand
//! operand = attribute | 'text' | number | true | false | guid | "{" [ value { "," value } ] "}"
//! ```

use super::lexer::{Lexer, Placed, Token, clip};
use super::operator::Operator;
use super::{Attribute, Comparison, ConditionError, Expression, Operand, Scalar};
use crate::decide::azure_rbac::pattern::{Patterns, fold};

/// The service refuses conditions long before this; a reader of hostile input must stop somewhere.
const DEEPEST: usize = 200;

/// The expression, and whether `AND` and `OR` are mixed without parentheses.
pub(super) fn parse(text: &str) -> Result<(Expression, bool), ConditionError> {
    let mut parser = Parser { lexer: Lexer::new(text), next: None, mixed: false };
    parser.advance()?;
    let expression = parser.or(0)?;
    match parser.next {
        None => Ok((expression, parser.mixed)),
        Some((at, _)) => Err(parser.lexer.error(at, "the condition should end here, or go on with AND or OR")),
    }
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    next: Option<Placed<'a>>,
    mixed: bool,
}

impl<'a> Parser<'a> {
    fn advance(&mut self) -> Result<Option<Placed<'a>>, ConditionError> {
        let following = self.lexer.next()?;
        Ok(std::mem::replace(&mut self.next, following))
    }

    /// Takes the token if it is this one.
    fn takes(&mut self, token: &Token<'_>) -> Result<bool, ConditionError> {
        let there = self.next.as_ref().is_some_and(|(_, next)| next == token);
        if there {
            self.advance()?;
        }
        Ok(there)
    }

    fn expect(&mut self, token: &Token<'_>, what: &str) -> Result<(), ConditionError> {
        if self.takes(token)? { Ok(()) } else { Err(self.error(what)) }
    }

    fn error(&self, message: impl Into<String>) -> ConditionError {
        let at = self.next.as_ref().map_or_else(|| self.lexer.at(), |(at, _)| *at);
        self.lexer.error(at, message)
    }

    fn or(&mut self, depth: usize) -> Result<Expression, ConditionError> {
        if depth > DEEPEST {
            return Err(self.error(format!("parentheses are nested more than {DEEPEST} deep")));
        }
        let mut terms = Vec::new();
        let mut grouped = false;
        loop {
            let (term, several) = self.and(depth)?;
            grouped |= several;
            terms.push(term);
            if !self.takes(&Token::Or)? {
                break;
            }
        }
        self.mixed |= grouped && terms.len() > 1;
        Ok(single(terms, Expression::Any))
    }

    /// The conjunction, and whether it has several terms.
    fn and(&mut self, depth: usize) -> Result<(Expression, bool), ConditionError> {
        let mut terms = vec![self.not(depth)?];
        while self.takes(&Token::And)? {
            terms.push(self.not(depth)?);
        }
        let several = terms.len() > 1;
        Ok((single(terms, Expression::All), several))
    }

    fn not(&mut self, depth: usize) -> Result<Expression, ConditionError> {
        let mut negated = false;
        while self.takes(&Token::Not)? {
            negated = !negated;
        }
        let primary = self.primary(depth)?;
        Ok(if negated { Expression::Not(Box::new(primary)) } else { primary })
    }

    fn primary(&mut self, depth: usize) -> Result<Expression, ConditionError> {
        if self.takes(&Token::Open)? {
            let inner = self.or(depth + 1)?;
            self.expect(&Token::Close, "a `)` is missing here")?;
            return Ok(inner);
        }
        if let Some((at, Token::Word(word))) = self.next {
            if word.eq_ignore_ascii_case("ActionMatches") {
                self.advance()?;
                let texts = self.texts()?;
                return Ok(Expression::ActionMatches(Patterns::new(texts.into_iter())));
            }
            if word.eq_ignore_ascii_case("SubOperationMatches") {
                self.advance()?;
                return Ok(Expression::SubOperationMatches(
                    self.texts()?.into_iter().map(|t| fold(t).into()).collect(),
                ));
            }
            let exists = word.eq_ignore_ascii_case("Exists");
            if exists || word.eq_ignore_ascii_case("NotExists") {
                self.advance()?;
                let Some((_, Token::Attribute { source, path })) = self.next else {
                    return Err(self.error(format!("`{word}` asks for an attribute")));
                };
                self.advance()?;
                let found = Expression::Exists(Attribute::new(source, path));
                return Ok(if exists { found } else { Expression::Not(Box::new(found)) });
            }
            if !word.eq_ignore_ascii_case("true") && !word.eq_ignore_ascii_case("false") {
                return Err(self.lexer.error(at, format!("`{}` is neither a function nor a value", clip(word))));
            }
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Expression, ConditionError> {
        let left = self.operand("an expression is missing here")?;
        let Some((at, Token::Word(word))) = self.next else {
            return Err(self.error("an operator is missing here"));
        };
        let Some((quantifiers, operator)) = Operator::parse(word) else {
            return Err(self.lexer.error(at, format!("`{}` is no operator", clip(word))));
        };
        self.advance()?;
        let right = self.operand("a value is missing here")?;
        Ok(Expression::Compare(Box::new(Comparison { left, quantifiers, operator, right })))
    }

    fn operand(&mut self, missing: &str) -> Result<Operand, ConditionError> {
        if let Some((_, Token::Attribute { source, path })) = self.next {
            self.advance()?;
            return Ok(Operand::Attribute(Attribute::new(source, path)));
        }
        if !self.takes(&Token::OpenSet)? {
            return Ok(Operand::Values(vec![self.scalar(missing)?]));
        }
        let mut values = Vec::new();
        if self.takes(&Token::CloseSet)? {
            return Ok(Operand::Values(values));
        }
        loop {
            values.push(self.scalar("a value is missing here")?);
            if self.takes(&Token::CloseSet)? {
                return Ok(Operand::Values(values));
            }
            self.expect(&Token::Comma, "a `,` or `}` is missing here")?;
        }
    }

    fn scalar(&mut self, missing: &str) -> Result<Scalar, ConditionError> {
        let scalar = match &self.next {
            Some((_, Token::Text(text))) => Scalar::Text((*text).into()),
            Some((_, Token::Number(number))) => Scalar::Number(*number),
            Some((_, Token::Guid(guid))) => Scalar::Guid(guid.replace('-', "").to_ascii_lowercase().into()),
            Some((_, Token::Word(word))) if word.eq_ignore_ascii_case("true") => Scalar::Bool(true),
            Some((_, Token::Word(word))) if word.eq_ignore_ascii_case("false") => Scalar::Bool(false),
            Some((_, Token::Word(word))) => {
                return Err(self.error(format!("`{}` is no value: texts stand in single quotes", clip(word))));
            }
            _ => return Err(self.error(missing)),
        };
        self.advance()?;
        Ok(scalar)
    }

    /// `{'a', 'b'}`, at least one.
    fn texts(&mut self) -> Result<Vec<&'a str>, ConditionError> {
        self.expect(&Token::OpenSet, "a `{` is missing here")?;
        let mut texts = Vec::new();
        loop {
            let Some((_, Token::Text(text))) = self.next else {
                return Err(self.error("a text in single quotes is missing here"));
            };
            texts.push(text);
            self.advance()?;
            if self.takes(&Token::CloseSet)? {
                return Ok(texts);
            }
            self.expect(&Token::Comma, "a `,` or `}` is missing here")?;
        }
    }
}

fn single(mut terms: Vec<Expression>, several: fn(Vec<Expression>) -> Expression) -> Expression {
    match (terms.len(), terms.pop()) {
        (1, Some(only)) => only,
        (_, Some(last)) => {
            terms.push(last);
            several(terms)
        }
        (_, None) => several(terms),
    }
}
