//! What `field` names: a plain field, a tag, or an alias.
//!
//! Source: *Azure Policy definition structure policy rule* (Fields). `identity.userAssignedIdentities` is in no list
//! but in built-in definitions.

use super::path::unquoted;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Field {
    Name,
    FullName,
    Kind,
    Type,
    Location,
    Id,
    IdentityType,
    UserAssignedIdentities,
    Tags,
    Tag(String),
    /// Anything with a `/`.
    Alias(String),
}

impl Field {
    pub fn parse(text: &str) -> Result<Field, String> {
        let folded = text.to_lowercase();
        Ok(match folded.as_str() {
            "name" => Field::Name,
            "fullname" => Field::FullName,
            "kind" => Field::Kind,
            "type" => Field::Type,
            "location" => Field::Location,
            "id" => Field::Id,
            "identity.type" => Field::IdentityType,
            "identity.userassignedidentities" => Field::UserAssignedIdentities,
            "tags" => Field::Tags,
            _ if folded.starts_with("tags.") => Field::Tag(text.get(5..).unwrap_or("").to_owned()),
            _ if folded.starts_with("tags[") && folded.ends_with(']') => {
                let inner = text.get(5..text.len().saturating_sub(1)).unwrap_or("");
                Field::Tag(unquoted(inner))
            }
            _ if text.contains('/') => Field::Alias(text.to_owned()),
            _ => return Err(format!("field `{text}` is neither a documented field nor an alias")),
        })
    }

    pub fn looks_at_tags(&self) -> bool {
        matches!(self, Field::Tags | Field::Tag(_))
    }
}
