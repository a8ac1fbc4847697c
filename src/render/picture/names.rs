//! Short names of controls, and ids that every format accepts.

use crate::analysis::{Analysis, EdgeKind, Step};
use crate::render::text::{fit_columns, plain};
use std::collections::BTreeMap;

/// What a mark calls a control: its `short`, else a number.
pub struct Names {
    names: BTreeMap<String, (String, String)>,
}

impl Names {
    pub fn of(analysis: &Analysis) -> Names {
        let mut number = 0;
        let mut names = BTreeMap::new();
        for control in &analysis.controls {
            let short = control.short.as_deref().map(|s| fit_columns(&plain(s), 4)).filter(|s| !s.is_empty());
            let name = short.unwrap_or_else(|| {
                number += 1;
                format!("#{number}")
            });
            names.insert(control.id.clone(), (name, plain(&control.title)));
        }
        Names { names }
    }

    pub fn short(&self, control: &str) -> String {
        self.names.get(control).map_or_else(|| fit_columns(&plain(control), 12), |(name, _)| name.clone())
    }

    pub fn title(&self, control: &str) -> String {
        self.names.get(control).map_or_else(|| plain(control), |(_, title)| title.clone())
    }

    /// `loc = Azure management only from trusted locations`
    pub fn note(&self, control: &str) -> String {
        format!("{} = {}", self.short(control), self.title(control))
    }
}

/// What a step acts on, in a word: the last part of an id or, where that is a bare GUID (a role assignment), what the
/// step's last edge leads to.
pub fn target(analysis: &Analysis, step: &Step) -> String {
    let last = step.target.rsplit('/').next().unwrap_or(&step.target);
    let guid = last.len() == 36 && last.split('-').map(str::len).eq([8, 4, 4, 4, 12]);
    if guid {
        let edges = &analysis.graph.edges;
        let edge = edges.iter().rfind(|e| e.kind == EdgeKind::Step && e.step.as_deref() == Some(step.id.as_str()));
        let node = edge.and_then(|edge| analysis.graph.nodes.iter().find(|node| node.id == edge.to));
        if let Some(label) = node.map(|node| plain(&node.label)).filter(|label| !label.is_empty()) {
            return label;
        }
    }
    plain(if step.target.starts_with('/') { last } else { &step.target })
}

/// Ids made of letters, digits and `-`, unique.
#[derive(Default)]
pub(super) struct Ids {
    given: BTreeMap<String, u32>,
}

impl Ids {
    pub fn make(&mut self, prefix: &str, text: &str) -> String {
        let mut id = format!("{prefix}-");
        // The end tells resource ids apart, and names of ten thousand characters are cut.
        let skip = text.chars().count().saturating_sub(400);
        for character in text.chars().skip(skip) {
            if character.is_ascii_alphanumeric() {
                id.push(character.to_ascii_lowercase());
            } else if !id.ends_with('-') {
                id.push('-');
            }
        }
        let id = if id.len() > 64 { format!("{prefix}-{}", &id[id.len() - 60..]) } else { id };
        let id = id.trim_end_matches('-').to_owned();
        let times = self.given.entry(id.clone()).or_insert(0);
        *times += 1;
        match *times {
            1 => id,
            n => self.make(prefix, &format!("{text}.{n}")),
        }
    }
}

/// `secondFactor` as a person says it.
pub(super) fn word(word: &str) -> String {
    let mut said = String::new();
    for character in plain(word).chars() {
        if character.is_ascii_uppercase() {
            said.push(' ');
        }
        said.push(character.to_ascii_lowercase());
    }
    said
}
