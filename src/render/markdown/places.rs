//! Ids as names, wherever the analysis knows one: no reader can do anything with a GUID.

use crate::analysis::{Analysis, NodeKind};
use std::collections::BTreeMap;

pub(super) struct Places {
    /// Folded id → name.
    known: BTreeMap<String, String>,
}

impl Places {
    pub fn of(analysis: &Analysis) -> Places {
        let mut known = BTreeMap::new();
        for node in &analysis.graph.nodes {
            let Some((_, id)) = node.id.split_once(':') else { continue };
            let name = match node.kind {
                NodeKind::Role if node.detail.is_empty() => node.label.clone(),
                NodeKind::Role => format!("{} at {}", node.label, node.detail),
                NodeKind::Identity | NodeKind::Scope => node.label.clone(),
                NodeKind::Resource | NodeKind::Credential | NodeKind::Address => continue,
            };
            known.entry(id.to_lowercase()).or_insert(name);
        }
        for step in &analysis.steps {
            if let Some(id) = step.target_id.as_deref().filter(|id| !id.starts_with('/') && **id != step.target) {
                known.entry(id.to_lowercase()).or_insert_with(|| step.target.clone());
            }
        }
        Places { known }
    }

    /// `rg-production/proddata/customer-data`, `Contributor at Northgate Production`, `Azure Storage`.
    pub fn name(&self, id: &str) -> String {
        let folded = id.trim_end_matches('/').to_lowercase();
        if let Some(name) = self.known.get(&folded) {
            return name.clone();
        }
        if !folded.starts_with("/subscriptions/") {
            return id.to_owned();
        }
        let segments: Vec<&str> = id.trim_matches('/').split('/').collect();
        // Kind and name by turns; behind `providers` stands a namespace, which names nothing.
        let mut names: Vec<&str> = Vec::new();
        let mut at = 2;
        while let Some(kind) = segments.get(at) {
            if kind.eq_ignore_ascii_case("providers") {
                at += 2;
                continue;
            }
            if let Some(name) = segments.get(at + 1)
                && *name != "default"
            {
                names.push(name);
            }
            at += 2;
        }
        match names.is_empty() {
            true => "the subscription".to_owned(),
            false => names.join("/"),
        }
    }

    /// A sentence with the ids in it as names.
    pub fn readable(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for (n, word) in text.split(' ').enumerate() {
            if n > 0 {
                out.push(' ');
            }
            let bare = word.trim_end_matches([',', ';', '.', ':', ')']);
            let tail = word.get(bare.len()..).unwrap_or_default();
            match bare.starts_with("/subscriptions/") || self.known.contains_key(&bare.to_lowercase()) {
                true => out.push_str(&self.name(bare)),
                false => out.push_str(bare),
            }
            out.push_str(tail);
        }
        out
    }
}
