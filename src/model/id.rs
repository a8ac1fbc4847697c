//! Ids, folded once where they are made: Azure and Entra compare all of them without case.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Object id of a principal: lower case, with dashes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String")]
pub struct ObjectId(Arc<str>);

impl ObjectId {
    /// Accepts any letter case, and GUIDs without dashes (as `authorization.evidence` spells them).
    pub fn new(text: &str) -> Self {
        let text = text.trim().trim_start_matches('{').trim_end_matches('}').to_ascii_lowercase();
        if text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            let dashed = [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-");
            return ObjectId(dashed.into());
        }
        ObjectId(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for ObjectId {
    fn from(text: String) -> Self {
        ObjectId::new(&text)
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Id of an Azure scope or resource: equality, order and hash ignore case; the first spelling met is kept for print.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct ResourceId {
    folded: Arc<str>,
    spelled: Arc<str>,
}

impl ResourceId {
    pub fn new(text: &str) -> Self {
        let trimmed = text.trim().trim_end_matches('/');
        let trimmed = if trimmed.is_empty() { "/" } else { trimmed };
        ResourceId { folded: fold(trimmed).into(), spelled: trimmed.into() }
    }

    /// Lower case; what every comparison uses.
    pub fn folded(&self) -> &str {
        &self.folded
    }

    /// As the export spelled it.
    pub fn spelled(&self) -> &str {
        &self.spelled
    }

    /// Equal, or an ancestor by whole path segments (`/` contains everything). Management groups contain
    /// subscriptions by hierarchy, not by path: ask the environment for that.
    pub fn contains(&self, other: &ResourceId) -> bool {
        let (a, b) = (self.folded(), other.folded());
        a == "/" || a == b || (b.len() > a.len() && b.starts_with(a) && b.as_bytes()[a.len()] == b'/')
    }

    /// The resource that this is, or is a part of: the account of a container, the vault of a secret.
    pub fn home(&self) -> ResourceId {
        let mut at = self.clone();
        loop {
            let kind = at.resource_type().unwrap_or_default();
            if kind.matches('/').count() <= 1 {
                return at;
            }
            match at.parent() {
                Some(parent) => at = parent,
                None => return at,
            }
        }
    }

    /// `/subscriptions/<id>` of this id.
    pub fn subscription(&self) -> Option<ResourceId> {
        self.prefix("subscriptions", 2)
    }

    /// `/subscriptions/<id>/resourceGroups/<name>` of this id.
    pub fn resource_group(&self) -> Option<ResourceId> {
        self.subscription()?;
        let segments: Vec<&str> = self.folded().split('/').collect();
        (segments.get(3) == Some(&"resourcegroups")).then(|| self.prefix("subscriptions", 4)).flatten()
    }

    fn prefix(&self, first: &str, segments: usize) -> Option<ResourceId> {
        let mut parts = self.spelled.split('/').skip(1);
        let taken: Vec<&str> = parts.by_ref().take(segments).collect();
        (taken.len() == segments && taken[0].eq_ignore_ascii_case(first))
            .then(|| ResourceId::new(&format!("/{}", taken.join("/"))))
    }

    /// `Microsoft.Storage/storageAccounts/blobServices/containers`: provider and type segments after the last
    /// `/providers/`; resource groups and subscriptions have their documented types.
    pub fn resource_type(&self) -> Option<String> {
        let lower = self.folded();
        let Some(at) = lower.rfind("/providers/") else {
            let n = lower.split('/').filter(|s| !s.is_empty()).count();
            return match n {
                2 if lower.starts_with("/subscriptions/") => Some("Microsoft.Resources/subscriptions".into()),
                4 if self.resource_group().is_some() => Some("Microsoft.Resources/subscriptions/resourceGroups".into()),
                _ => None,
            };
        };
        let rest: Vec<&str> = self.spelled[at + "/providers/".len()..].split('/').collect();
        let mut name = String::from(*rest.first()?);
        for segment in rest.iter().skip(1).step_by(2) {
            name.push('/');
            name.push_str(segment);
        }
        (rest.len() > 1).then_some(name)
    }

    /// Last segment.
    pub fn name(&self) -> &str {
        self.spelled.rsplit('/').next().unwrap_or_else(|| self.spelled())
    }

    /// One segment pair up: the resource group of a resource, the parent of a child resource, the subscription of a
    /// resource group; nothing above a subscription or management group (that is the hierarchy's to tell).
    pub fn parent(&self) -> Option<ResourceId> {
        if !self.folded().starts_with('/') {
            return None;
        }
        let segments: Vec<&str> = self.spelled.split('/').skip(1).collect();
        if segments.len() <= 2 {
            return None;
        }
        let mut keep = segments.len() - 2;
        // INVARIANT: `…/providers/<namespace>/<type>/<name>`: a top-level resource sheds `providers/<namespace>` too.
        if keep >= 2 && segments[keep - 2].eq_ignore_ascii_case("providers") {
            keep -= 2;
        }
        (keep > 0).then(|| ResourceId::new(&format!("/{}", segments[..keep].join("/"))))
    }
}

/// Lower case, character by character.
// INVARIANT: the folded text is as long as the spelled one, so that a place found in one may be cut in the other; the
// few letters whose lower case is longer stay as they are.
fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let lower = |c: char| {
        let mut lower = c.to_lowercase();
        match (lower.next(), lower.next()) {
            (Some(one), None) if one.len_utf8() == c.len_utf8() => one,
            (_, _) => c,
        }
    };
    text.chars().map(lower).collect()
}

impl PartialEq for ResourceId {
    fn eq(&self, other: &Self) -> bool {
        self.folded == other.folded
    }
}
impl Eq for ResourceId {}
impl PartialOrd for ResourceId {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for ResourceId {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.folded.cmp(&other.folded)
    }
}
impl std::hash::Hash for ResourceId {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.folded.hash(state);
    }
}
impl From<String> for ResourceId {
    fn from(text: String) -> Self {
        ResourceId::new(&text)
    }
}
impl From<ResourceId> for String {
    fn from(id: ResourceId) -> Self {
        id.spelled.as_ref().to_owned()
    }
}
impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spelled)
    }
}
