//! Three-valued conditions, evaluated in one of two ways by the same code: as a bare value (fast, nothing allocated),
//! or as a [`Truth`] that names the facts it turns on (only where the bare value came out unknown).

use crate::model::Truth;
use std::sync::Arc;

/// A truth value without the names of what is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kleene {
    False,
    Unknown,
    True,
}

/// What a condition is computed in. Connectives are Kleene's: `False` decides a conjunction and `True` a disjunction,
/// whatever is unknown beside it; only the operands that leave the result unknown contribute names.
pub(super) trait Logic: Sized {
    fn known(value: bool) -> Self;
    fn unknown(fact: impl FnOnce() -> Arc<str>) -> Self;
    fn and(self, other: impl FnOnce() -> Self) -> Self;
    fn or(self, other: impl FnOnce() -> Self) -> Self;
    fn negate(self) -> Self;
    fn kleene(&self) -> Kleene;

    /// `self` if it is decided; where it is not, the two branches may still agree.
    fn choose(self, then: impl FnOnce() -> Self, otherwise: impl FnOnce() -> Self) -> Self {
        match self.kleene() {
            Kleene::True => then(),
            Kleene::False => otherwise(),
            Kleene::Unknown => {
                let (then, otherwise) = (then(), otherwise());
                match (then.kleene(), otherwise.kleene()) {
                    (Kleene::True, Kleene::True) | (Kleene::False, Kleene::False) => then,
                    // Unknown by `self`, and by whichever branch is not decided either.
                    (Kleene::Unknown, Kleene::Unknown) => self.and(|| then).and(|| otherwise),
                    (Kleene::Unknown, _) => self.and(|| then),
                    (_, Kleene::Unknown) => self.and(|| otherwise),
                    (Kleene::True, Kleene::False) | (Kleene::False, Kleene::True) => self,
                }
            }
        }
    }

    fn any<I: IntoIterator>(items: I, mut each: impl FnMut(I::Item) -> Self) -> Self {
        let mut result = Self::known(false);
        for item in items {
            result = result.or(|| each(item));
            if result.kleene() == Kleene::True {
                break;
            }
        }
        result
    }

    fn missing(fact: &'static str) -> Self {
        Self::unknown(|| fact.into())
    }
}

impl Logic for Kleene {
    fn known(value: bool) -> Self {
        if value { Kleene::True } else { Kleene::False }
    }

    fn unknown(_fact: impl FnOnce() -> Arc<str>) -> Self {
        Kleene::Unknown
    }

    fn and(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Kleene::False => Kleene::False,
            Kleene::True => other(),
            Kleene::Unknown => match other() {
                Kleene::False => Kleene::False,
                Kleene::True | Kleene::Unknown => Kleene::Unknown,
            },
        }
    }

    fn or(self, other: impl FnOnce() -> Self) -> Self {
        self.negate().and(|| other().negate()).negate()
    }

    fn negate(self) -> Self {
        match self {
            Kleene::False => Kleene::True,
            Kleene::Unknown => Kleene::Unknown,
            Kleene::True => Kleene::False,
        }
    }

    fn kleene(&self) -> Kleene {
        *self
    }
}

impl Logic for Truth {
    fn known(value: bool) -> Self {
        Truth::from(value)
    }

    fn unknown(fact: impl FnOnce() -> Arc<str>) -> Self {
        Truth::missing(fact())
    }

    fn and(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Truth::False => Truth::False,
            decided => Truth::and(decided, other()),
        }
    }

    fn or(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Truth::True => Truth::True,
            decided => Truth::or(decided, other()),
        }
    }

    fn negate(self) -> Self {
        self.not()
    }

    fn kleene(&self) -> Kleene {
        match self {
            Truth::True => Kleene::True,
            Truth::False => Kleene::False,
            Truth::Unknown(_) => Kleene::Unknown,
        }
    }
}
