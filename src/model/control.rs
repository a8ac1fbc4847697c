//! A control: native documents and what they are put in force on. Never a label such as "MFA".

use super::{InputError, Missing, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Kinds of controls; the word is the catalogue's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    ConditionalAccess,
    AzurePolicy,
    ResourcePatch,
    Pim,
    Rbac,
    Lock,
}

impl Family {
    pub fn word(self) -> &'static str {
        match self {
            Family::ConditionalAccess => "conditional-access",
            Family::AzurePolicy => "azure-policy",
            Family::ResourcePatch => "resource-patch",
            Family::Pim => "pim",
            Family::Rbac => "rbac",
            Family::Lock => "lock",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    Catalogue,
    Snapshot,
    User,
}

/// Whom a `pim` part governs: exact role names or ids, principals, scopes; `["$all"]` is every one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PimScope {
    pub roles: Vec<String>,
    pub principals: Vec<String>,
    pub scopes: Vec<String>,
}

/// What a part's documents are put in force on (`apply` of the catalogue).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Apply {
    /// Resource type, for `resource-patch` and `lock`.
    pub resource_type: Option<String>,
    /// `["$all"]` or scope ids; none: the documents say.
    pub scopes: Vec<String>,
    /// `(pointer, equals)`
    pub filter: Option<(String, Value)>,
    pub pim: PimScope,
}

/// Documents of one family. `$parameters` are filled where `incident.json` fills them; the names of those that are
/// not filled are in `unfilled` (and still stand as `"$name"` in the document).
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    pub family: Family,
    pub documents: Vec<Value>,
    pub apply: Apply,
    pub unfilled: Missing,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Control {
    pub id: String,
    /// Heads the column in the terminal summary, at most four letters.
    pub short: Option<String>,
    pub title: String,
    pub origin: Origin,
    pub parts: Vec<Part>,
    /// Relative cost of putting it in force, from 1.
    pub effort: u32,
    pub licence: Vec<String>,
    pub recommendations: Vec<String>,
    pub mitigations: Vec<String>,
    /// `(benchmark, controls)`, e.g. `("MCSB", ["IM-7"])`.
    pub benchmarks: Vec<(String, Vec<String>)>,
    /// When it came into force; none: before the first event.
    pub since: Option<Timestamp>,
    /// For controls found in the snapshot: why it did not stop the attack, each reason that is lifted.
    pub why_it_did_not_stop: Vec<String>,
    /// File names of its documents, for print.
    pub files: Vec<String>,
}

impl Control {
    /// The family of its parts, or `bundle` where they are several.
    pub fn family_word(&self) -> &'static str {
        match self.parts.as_slice() {
            [only] => only.family.word(),
            _ => "bundle",
        }
    }
}

/// What `control` returns where a document cannot be read.
pub type ControlResult<T> = Result<T, InputError>;
