//! A fact that may be recorded, recorded as absent, or not recorded at all. *Absent is not unknown.*

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// In JSON: a missing key is `Unknown` (put `#[serde(default)]` on the field), `null` is `Absent`, a value is `Known`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fact<T> {
    /// Nobody recorded it.
    #[default]
    Unknown,
    /// It is on record that there is none.
    Absent,
    Known(T),
}

impl<T> Fact<T> {
    pub fn known(&self) -> Option<&T> {
        match self {
            Fact::Known(value) => Some(value),
            Fact::Unknown | Fact::Absent => None,
        }
    }

    pub fn is_unknown(&self) -> bool {
        matches!(self, Fact::Unknown)
    }

    pub fn as_ref(&self) -> Fact<&T> {
        match self {
            Fact::Unknown => Fact::Unknown,
            Fact::Absent => Fact::Absent,
            Fact::Known(value) => Fact::Known(value),
        }
    }

    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Fact<U> {
        match self {
            Fact::Unknown => Fact::Unknown,
            Fact::Absent => Fact::Absent,
            Fact::Known(value) => Fact::Known(f(value)),
        }
    }
}

impl<T> From<Option<T>> for Fact<T> {
    /// `None` is *unknown*: an optional column that a record lacks says nothing.
    fn from(value: Option<T>) -> Self {
        match value {
            Some(value) => Fact::Known(value),
            None => Fact::Unknown,
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Fact<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Option::<T>::deserialize(deserializer)? {
            Some(value) => Fact::Known(value),
            None => Fact::Absent,
        })
    }
}

impl<T: Serialize> Serialize for Fact<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Fact::Known(value) => value.serialize(serializer),
            Fact::Unknown | Fact::Absent => serializer.serialize_none(),
        }
    }
}

impl<T: schemars::JsonSchema> schemars::JsonSchema for Fact<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Option::<T>::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Option::<T>::json_schema(generator)
    }

    fn inline_schema() -> bool {
        Option::<T>::inline_schema()
    }
}
