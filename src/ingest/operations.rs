//! Provider operations in the provider's own letter case.
//!
//! Log Analytics writes `OperationNameValue` in upper case; a step is named as the provider spells it
//! (`Microsoft.Compute/virtualMachines/write`). The table holds the operations that built-in roles and the capability
//! table name; one that is in neither is spelled as the record itself spells it elsewhere (`authorization.action`,
//! `properties.message`), and failing that as the log does.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

const KNOWN: &str = include_str!("operations.txt");

struct Table {
    operations: HashMap<String, String>,
    /// Types, providers included, by folded spelling.
    types: HashMap<String, &'static str>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table { operations: HashMap::new(), types: HashMap::new() };
    for line in KNOWN.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        let Some(name) = words.next() else { continue };
        for verb in words {
            let operation = format!("{name}/{verb}");
            table.operations.insert(operation.to_ascii_lowercase(), operation);
        }
        let mut end = name.len();
        while let Some(part) = name.get(..end).filter(|n| !n.is_empty()) {
            table.types.entry(part.to_ascii_lowercase()).or_insert(part);
            end = part.rfind('/').unwrap_or(0);
        }
    }
    table
});

/// The provider's spelling of an operation; `other` are spellings of the same record to fall back on.
pub fn spelled<'s>(operation: &'s str, other: impl IntoIterator<Item = Option<&'s str>>) -> String {
    let folded = operation.trim().to_ascii_lowercase();
    if let Some(known) = TABLE.operations.get(&folded) {
        return known.clone();
    }
    let mixed =
        |text: &str| text.bytes().any(|b| b.is_ascii_lowercase()) && text.bytes().any(|b| b.is_ascii_uppercase());
    let better = other.into_iter().flatten().find(|o| o.eq_ignore_ascii_case(&folded) && mixed(o));
    better.unwrap_or(operation.trim()).to_owned()
}

/// The provider's spelling of a resource type or of a provider.
pub fn resource_type(name: &str) -> Option<&'static str> {
    TABLE.types.get(&name.to_ascii_lowercase()).copied()
}

/// A resource id with its keywords, provider and types in the provider's letter case; names stay as they are, unless
/// the log wrote the whole id in upper case: then they are in lower case, as in those that write it so.
pub fn spelled_id(id: &str) -> String {
    let id = id.trim().trim_end_matches('/');
    let shouted = id.starts_with('/') && !id.bytes().any(|b| b.is_ascii_lowercase());
    let id = if shouted { id.to_ascii_lowercase() } else { id.to_owned() };
    let mut segments: Vec<String> = id.split('/').map(str::to_owned).collect();
    let mut at = 1;
    while at < segments.len() {
        let Some(segment) = segments.get(at).map(|s| s.to_ascii_lowercase()) else { break };
        let keyword = match segment.as_str() {
            "subscriptions" => "subscriptions",
            "resourcegroups" => "resourceGroups",
            "providers" => "providers",
            _ => "",
        };
        if keyword.is_empty() {
            at += 2;
            continue;
        }
        if let Some(s) = segments.get_mut(at) {
            *s = keyword.to_owned();
        }
        if keyword != "providers" {
            at += 2;
            continue;
        }
        // `providers/<namespace>/<type>/<name>/<type>/<name>...` up to the next `providers`.
        let mut name = segments.get(at + 1).cloned().unwrap_or_default();
        if let (Some(known), Some(s)) = (resource_type(&name), segments.get_mut(at + 1)) {
            *s = known.to_owned();
        }
        at += 2;
        while segments.get(at).is_some_and(|s| !s.eq_ignore_ascii_case("providers")) {
            if let Some(s) = segments.get_mut(at) {
                name = format!("{name}/{s}");
                if let Some(known) = resource_type(&name) {
                    *s = known.rsplit('/').next().unwrap_or(known).to_owned();
                }
            }
            at += 2;
        }
    }
    segments.join("/")
}

/// Ids spelled before: a log names few resources many times.
#[derive(Default)]
pub struct Spelling {
    ids: HashMap<String, Arc<str>>,
}

impl Spelling {
    const KEPT: usize = 2_000;

    pub fn id(&mut self, id: &str) -> Arc<str> {
        if let Some(known) = self.ids.get(id) {
            return known.clone();
        }
        let spelled: Arc<str> = spelled_id(id).into();
        if self.ids.len() >= Spelling::KEPT {
            self.ids.clear();
        }
        if id.len() < 1024 {
            self.ids.insert(id.to_owned(), spelled.clone());
        }
        spelled
    }
}
