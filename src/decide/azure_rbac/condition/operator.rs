//! The comparison operators of conditions, by word, and what each says of one pair of values
//! (*Azure role assignment condition format and syntax*, the sections on comparison operators).

use super::Scalar;
use crate::model::Timestamp;
use std::cmp::Ordering;

/// `ForAnyOf…` or `ForAllOf…`: how one side's values are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantifier {
    Any,
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Equals,
    LessThan,
    LessThanEquals,
    GreaterThan,
    GreaterThanEquals,
}

impl Order {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Order::Equals => ordering.is_eq(),
            Order::LessThan => ordering.is_lt(),
            Order::LessThanEquals => ordering.is_le(),
            Order::GreaterThan => ordering.is_gt(),
            Order::GreaterThanEquals => ordering.is_ge(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strings {
    Equals,
    StartsWith,
    Like,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Strings { relation: Strings, ignore_case: bool },
    Numeric(Order),
    DateTime(Order),
    Bool,
    Guid,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Operator {
    kind: Kind,
    negated: bool,
}

/// A value on either side of an operator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Operated<'a> {
    Text(&'a str),
    Number(i64),
    Bool(bool),
    /// Folded, without hyphens.
    Guid(&'a str),
    Time(Timestamp),
    /// A value that no operator takes: an object, a list, a fraction.
    Other,
}

impl<'a> From<&'a Scalar> for Operated<'a> {
    fn from(scalar: &'a Scalar) -> Self {
        match scalar {
            Scalar::Text(text) => Operated::Text(text),
            Scalar::Number(number) => Operated::Number(*number),
            Scalar::Bool(value) => Operated::Bool(*value),
            Scalar::Guid(guid) => Operated::Guid(guid),
        }
    }
}

impl Operator {
    /// The operator of a word such as `ForAnyOfAnyValues:GuidEquals`, any letter case.
    pub fn parse(word: &str) -> Option<(Option<(Quantifier, Quantifier)>, Operator)> {
        let word = word.to_ascii_lowercase();
        let Some((quantifier, operator)) = word.split_once(':') else {
            return Operator::plain(&word).map(|operator| (None, operator));
        };
        let quantifiers = match quantifier {
            "foranyofanyvalues" => (Quantifier::Any, Quantifier::Any),
            "forallofanyvalues" => (Quantifier::All, Quantifier::Any),
            "foranyofallvalues" => (Quantifier::Any, Quantifier::All),
            "forallofallvalues" => (Quantifier::All, Quantifier::All),
            _ => return None,
        };
        Operator::plain(operator).map(|operator| (Some(quantifiers), operator))
    }

    fn plain(word: &str) -> Option<Operator> {
        let strings = |relation, negated| {
            let ignore_case = word.ends_with("ignorecase");
            Some(Operator { kind: Kind::Strings { relation, ignore_case }, negated })
        };
        if word.starts_with("string") {
            return match word.strip_suffix("ignorecase").unwrap_or(word) {
                "stringequals" => strings(Strings::Equals, false),
                "stringnotequals" => strings(Strings::Equals, true),
                "stringstartswith" => strings(Strings::StartsWith, false),
                "stringnotstartswith" => strings(Strings::StartsWith, true),
                "stringlike" => strings(Strings::Like, false),
                "stringnotlike" => strings(Strings::Like, true),
                _ => None,
            };
        }
        let (kind, relation): (fn(Order) -> Kind, &str) = if let Some(relation) = word.strip_prefix("numeric") {
            (Kind::Numeric, relation)
        } else if let Some(relation) = word.strip_prefix("datetime") {
            (Kind::DateTime, relation)
        } else {
            return match word {
                "boolequals" => Some(Operator { kind: Kind::Bool, negated: false }),
                "boolnotequals" => Some(Operator { kind: Kind::Bool, negated: true }),
                "guidequals" => Some(Operator { kind: Kind::Guid, negated: false }),
                "guidnotequals" => Some(Operator { kind: Kind::Guid, negated: true }),
                _ => None,
            };
        };
        let (order, negated) = match relation {
            "equals" => (Order::Equals, false),
            "notequals" => (Order::Equals, true),
            "lessthan" => (Order::LessThan, false),
            "lessthanequals" => (Order::LessThanEquals, false),
            "greaterthan" => (Order::GreaterThan, false),
            "greaterthanequals" => (Order::GreaterThanEquals, false),
            _ => return None,
        };
        Some(Operator { kind: kind(order), negated })
    }

    /// What it says of one pair; none where a value is of another kind than the operator compares.
    pub fn pair(self, left: Operated<'_>, right: Operated<'_>) -> Option<bool> {
        let holds = match self.kind {
            Kind::Strings { relation, ignore_case } => strings(relation, ignore_case, left, right)?,
            Kind::Numeric(order) => match (left, right) {
                (Operated::Number(left), Operated::Number(right)) => order.holds(left.cmp(&right)),
                _ => return None,
            },
            Kind::DateTime(order) => order.holds(time(left)?.cmp(&time(right)?)),
            Kind::Bool => match (left, right) {
                (Operated::Bool(left), Operated::Bool(right)) => left == right,
                _ => return None,
            },
            Kind::Guid => guid(left)?.eq(guid(right)?),
        };
        Some(holds != self.negated)
    }
}

fn strings(relation: Strings, ignore_case: bool, left: Operated<'_>, right: Operated<'_>) -> Option<bool> {
    let (Operated::Text(left), Operated::Text(right)) = (left, right) else { return None };
    if ignore_case && !(left.is_ascii() && right.is_ascii() && relation == Strings::Equals) {
        return compare(relation, &left.to_lowercase(), &right.to_lowercase());
    }
    if ignore_case {
        return Some(left.eq_ignore_ascii_case(right));
    }
    compare(relation, left, right)
}

fn compare(relation: Strings, left: &str, right: &str) -> Option<bool> {
    match relation {
        Strings::Equals => Some(left == right),
        Strings::StartsWith => Some(left.starts_with(right)),
        Strings::Like => like(right, left),
    }
}

fn time(value: Operated<'_>) -> Option<Timestamp> {
    match value {
        Operated::Time(time) => Some(time),
        Operated::Text(text) => text.trim().parse().ok(),
        Operated::Number(_) | Operated::Bool(_) | Operated::Guid(_) | Operated::Other => None,
    }
}

/// The letters and digits of a GUID, folded, without hyphens; a path that ends in one is none.
fn guid(value: Operated<'_>) -> Option<impl Iterator<Item = u8>> {
    let text = match value {
        Operated::Text(text) | Operated::Guid(text) => text.trim().trim_start_matches('{').trim_end_matches('}'),
        Operated::Number(_) | Operated::Bool(_) | Operated::Time(_) | Operated::Other => return None,
    };
    let letters = || text.bytes().filter(|b| *b != b'-').map(|b| b.to_ascii_lowercase());
    (!text.contains('/')).then(letters)
}

/// Past this many steps the answer is not sought: evidence and text may both be hostile.
const LIKE_BUDGET: usize = 1 << 24;

/// `*` is any run, `?` one character, a backslash takes the next character as it is. None past the budget.
fn like(pattern: &str, text: &str) -> Option<bool> {
    #[derive(Clone, Copy, PartialEq)]
    enum Piece {
        Run,
        One,
        Only(char),
    }
    if pattern.len().saturating_mul(text.len()) > LIKE_BUDGET {
        return None;
    }
    let mut pieces = Vec::new();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        pieces.push(match letter {
            '*' => Piece::Run,
            '?' => Piece::One,
            '\\' => Piece::Only(letters.next().unwrap_or('\\')),
            other => Piece::Only(other),
        });
    }
    let text: Vec<char> = text.chars().collect();
    // Greedy, with one way back: to the latest run, one character further.
    let (mut at, mut piece, mut back) = (0, 0, None);
    while at < text.len() {
        match pieces.get(piece) {
            Some(Piece::Run) => {
                back = Some((at, piece));
                piece += 1;
                continue;
            }
            Some(Piece::One) => {
                (at, piece) = (at + 1, piece + 1);
                continue;
            }
            Some(Piece::Only(letter)) if text.get(at) == Some(letter) => {
                (at, piece) = (at + 1, piece + 1);
                continue;
            }
            Some(Piece::Only(_)) | None => {}
        }
        match back {
            Some((from, run)) => {
                back = Some((from + 1, run));
                (at, piece) = (from + 1, run + 1);
            }
            None => return Some(false),
        }
    }
    Some(pieces.get(piece..).unwrap_or_default().iter().all(|piece| *piece == Piece::Run))
}
