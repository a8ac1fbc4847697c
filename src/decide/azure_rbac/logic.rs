//! One evaluation, read twice: quickly as plain Kleene values in the hot loop, and with the missing facts named where
//! somebody asks why. Both readings run the same code, so they cannot part.

use crate::model::Truth;
use std::sync::Arc;

/// Three-valued truth without the names: copies, never allocates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kleene {
    False,
    Unknown,
    True,
}

/// What an evaluation is read as.
pub(super) trait Logic: Clone {
    fn of(value: bool) -> Self;
    /// Unknown; the fact's name is made only where names are kept.
    fn missing(fact: impl FnOnce() -> String) -> Self;
    fn and(self, other: Self) -> Self;
    fn or(self, other: Self) -> Self;
    fn not(self) -> Self;
    fn kleene(&self) -> Kleene;

    /// Conjunction whose second part is not looked at where the first is a certain no.
    fn and_then(self, other: impl FnOnce() -> Self) -> Self {
        if self.kleene() == Kleene::False { self } else { self.and(other()) }
    }

    /// Conjunction; stops at the first certain no.
    fn all(parts: impl Iterator<Item = Self>) -> Self {
        let mut whole = Self::of(true);
        for part in parts {
            whole = whole.and(part);
            if whole.kleene() == Kleene::False {
                break;
            }
        }
        whole
    }

    /// Disjunction; stops at the first certain yes.
    fn any(parts: impl Iterator<Item = Self>) -> Self {
        let mut whole = Self::of(false);
        for part in parts {
            whole = whole.or(part);
            if whole.kleene() == Kleene::True {
                break;
            }
        }
        whole
    }
}

impl Logic for Kleene {
    fn of(value: bool) -> Self {
        if value { Kleene::True } else { Kleene::False }
    }

    fn missing(_: impl FnOnce() -> String) -> Self {
        Kleene::Unknown
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Kleene::False, _) | (_, Kleene::False) => Kleene::False,
            (Kleene::True, rest) | (rest, Kleene::True) => rest,
            (Kleene::Unknown, Kleene::Unknown) => Kleene::Unknown,
        }
    }

    fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }

    fn not(self) -> Self {
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
    fn of(value: bool) -> Self {
        Truth::from(value)
    }

    fn missing(fact: impl FnOnce() -> String) -> Self {
        Truth::missing(Arc::from(fact()))
    }

    fn and(self, other: Self) -> Self {
        Truth::and(self, other)
    }

    fn or(self, other: Self) -> Self {
        Truth::or(self, other)
    }

    fn not(self) -> Self {
        Truth::not(self)
    }

    fn kleene(&self) -> Kleene {
        match self {
            Truth::True => Kleene::True,
            Truth::False => Kleene::False,
            Truth::Unknown(_) => Kleene::Unknown,
        }
    }
}
