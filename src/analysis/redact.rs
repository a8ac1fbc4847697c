//! Persons, addresses and resources under other names, the same name everywhere (`user-1`, `address-1`,
//! `resource-1`, by first appearance). Done on the analysis itself, so that no output can forget it.
//!
//! What is replaced: principals, UPNs and mail addresses; IP addresses; subscriptions, resource groups, resources and
//! their display names. Whole words only, whatever their letter case, wherever they stand. Words of the contract,
//! operations and roles stay.

use super::{Analysis, NodeKind};
use regex::{Regex, RegexBuilder};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Redact {
    pub names: bool,
    pub addresses: bool,
    pub resources: bool,
}

/// The analysis under other names, and who is who: pseudonym → what it stands for.
pub fn redact(analysis: &Analysis, what: Redact) -> Result<(Analysis, BTreeMap<String, String>), String> {
    // The posture's settings are the export's own, ids and all; a redacted analysis is nothing to compare with.
    let analysis = &Analysis { posture: None, ..analysis.clone() };
    let mut value = serde_json::to_value(analysis).map_err(|error| error.to_string())?;
    // A record names whom nothing else names: it cannot be known to be clean.
    if what != Redact::default() {
        value["records"] = Value::Array(Vec::new());
    }
    let mut terms = Terms::default();
    if what.names {
        names(analysis, &mut terms);
    }
    if what.resources {
        resources(analysis, &mut terms);
    }
    let found = Patterns::new()?;
    each(&value, &mut |text| {
        if what.names {
            found.mails(text).for_each(|mail| terms.add(mail, "user"));
        }
        if what.addresses {
            found.addresses(text).for_each(|address| terms.add(address, "address"));
        }
        if what.resources {
            arm_names(text).into_iter().for_each(|name| terms.add(name, "resource"));
        }
    });
    if what.names {
        principals(&value, &mut |id| terms.add(id, "user"));
    }
    let replacer = Replacer::new(&terms)?;
    replace(&mut value, &replacer, "");
    let redacted = serde_json::from_value(value).map_err(|error| error.to_string())?;
    Ok((redacted, terms.given.into_values().map(|(original, name)| (name, original)).collect()))
}

/// Folded term → (as first met, its pseudonym).
#[derive(Default)]
struct Terms {
    given: BTreeMap<String, (String, String)>,
    counts: BTreeMap<&'static str, usize>,
}

impl Terms {
    fn add(&mut self, term: &str, kind: &'static str) {
        let term = term.trim();
        // Too short to tell from a word, or a word every resource id has.
        let common = ["default", "current", "microsoft", "none", "unknown", "user", "key", "blob"];
        let folded = term.to_lowercase();
        if folded.chars().count() < 2 || common.contains(&folded.as_str()) || self.given.contains_key(&folded) {
            return;
        }
        let count = self.counts.entry(kind).or_insert(0);
        *count += 1;
        let name = format!("{kind}-{count}");
        self.given.insert(folded, (term.to_owned(), name));
    }
}

fn names(analysis: &Analysis, terms: &mut Terms) {
    let entries = analysis.incident.entries.iter().chain(&analysis.headline.actors);
    entries.for_each(|name| terms.add(name, "user"));
    for node in analysis.graph.nodes.iter().filter(|node| node.kind == NodeKind::Identity) {
        terms.add(&node.label, "user");
        terms.add(&node.detail, "user");
        if let Some((_, id)) = node.id.split_once(':') {
            terms.add(id, "user");
        }
    }
    let collateral = analysis.controls.iter().flat_map(|control| &control.collateral.who);
    collateral.for_each(|person| terms.add(&person.name, "user"));
    for lateral in &analysis.lateral {
        terms.add(&lateral.caller, "user");
    }
}

fn resources(analysis: &Analysis, terms: &mut Terms) {
    let shown = analysis.headline.stores.iter().chain(analysis.jewels.iter().filter_map(|jewel| jewel.label.as_ref()));
    shown.for_each(|name| terms.add(name, "resource"));
    let sets = &analysis.minimal_control_sets;
    let members = sets.all_paths.iter().flat_map(|set| &set.certificate.members).flat_map(|member| &member.path);
    let paths = analysis.residual_paths.iter().flat_map(|path| &path.steps);
    let hops = members.chain(paths).chain(sets.clauses.iter().flat_map(|clause| &clause.path));
    let named = hops.filter_map(|step| step.to_name.as_ref()).filter(|name| !name.starts_with("the "));
    named.for_each(|name| terms.add(name, "resource"));
    let nodes = analysis.graph.nodes.iter().filter(|n| matches!(n.kind, NodeKind::Resource | NodeKind::Scope));
    nodes.for_each(|node| terms.add(&node.label, "resource"));
    analysis.inventory.iter().for_each(|item| terms.add(&item.name, "resource"));
    analysis.exposure.stores.iter().for_each(|store| terms.add(&store.name, "resource"));
    // Containers that lawful requests read; applications have names of several words.
    let read = analysis.baseline.iter().filter(|class| !class.target.contains([' ', '/']));
    read.for_each(|class| terms.add(&class.target, "resource"));
}

/// Object ids that documents name principals by.
fn principals(value: &Value, add: &mut impl FnMut(&str)) {
    const ONE: &[&str] = &["principal", "to_id", "principalId", "createdBy", "updatedBy", "modifiedBy"];
    const SEVERAL: &[&str] = &["includeUsers", "excludeUsers", "includeGroups", "excludeGroups"];
    let guid = |text: &str| text.len() == 36 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if ONE.contains(&name.as_str()) && guid(text) => add(text),
                    Value::Array(items) if SEVERAL.contains(&name.as_str()) => {
                        items.iter().filter_map(Value::as_str).filter(|text| guid(text)).for_each(&mut *add);
                    }
                    other => principals(other, add),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| principals(item, add)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

struct Patterns {
    mail: Regex,
    address: Regex,
}

impl Patterns {
    fn new() -> Result<Patterns, String> {
        let regex = |pattern: &str| Regex::new(pattern).map_err(|error| error.to_string());
        Ok(Patterns {
            mail: regex(r"[A-Za-z0-9._%+'#-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")?,
            address: regex(r"[0-9A-Fa-f:.]{2,45}")?,
        })
    }

    fn mails<'t>(&self, text: &'t str) -> impl Iterator<Item = &'t str> {
        self.mail.find_iter(text).map(|found| found.as_str())
    }

    fn addresses<'t>(&self, text: &'t str) -> impl Iterator<Item = &'t str> {
        let found = self.address.find_iter(text).map(|found| found.as_str().trim_end_matches(['.', ':']));
        found.filter(|text| match text.contains("::") || text.matches(':').count() == 7 {
            true => text.parse::<Ipv6Addr>().is_ok(),
            false => text.parse::<Ipv4Addr>().is_ok(),
        })
    }
}

/// Names in a resource id: subscription, resource group, resources.
fn arm_names(text: &str) -> Vec<&str> {
    const START: &str = "/subscriptions/";
    let mut found = Vec::new();
    let lower = text.to_ascii_lowercase();
    let mut from = 0;
    while let Some(at) = lower.get(from..).and_then(|rest| rest.find(START)) {
        let start = from + at;
        let id = text.get(start..).unwrap_or_default();
        let end = id.find(|c: char| c.is_whitespace() || "\"'`,;()[]{}<>|?".contains(c)).unwrap_or(id.len());
        let id = id.get(..end).unwrap_or_default();
        let mut segments = id.split('/').skip(1);
        while let (Some(kind), Some(name)) = (segments.next(), segments.next()) {
            // Behind `providers` stands a namespace, which names nothing of anybody's.
            if !kind.eq_ignore_ascii_case("providers") {
                found.push(name);
            }
        }
        from = start + id.len().max(START.len());
    }
    const GROUP: &str = "/managementgroups/";
    for (at, _) in lower.match_indices(GROUP) {
        let name = text.get(at + GROUP.len()..).unwrap_or_default();
        let end = name.find(|c: char| !c.is_alphanumeric() && !"-_.()".contains(c)).unwrap_or(name.len());
        found.extend(name.get(..end).filter(|name| !name.is_empty()));
    }
    found
}

/// Every string of the analysis, in order.
fn each<'v>(value: &'v Value, look: &mut impl FnMut(&'v str)) {
    match value {
        Value::String(text) => look(text),
        Value::Array(items) => items.iter().for_each(|item| each(item, look)),
        Value::Object(fields) => fields.values().for_each(|field| each(field, look)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Fields whose words are the contract's own.
const OURS: &[&str] = &[
    "schema",
    "kind",
    "lane",
    "verdict",
    "mode",
    "plane",
    "family",
    "origin",
    "guarantee",
    "closes",
    "open",
    "basis",
    "state",
    "sha256",
    "format",
    "phase",
    "technique",
    "techniques",
    "tactics",
    "time",
    "end",
    "key",
    "control",
    "doc",
    "source",
    "class",
    "type",
    "operation",
];

fn replace(value: &mut Value, replacer: &Replacer, field: &str) {
    match value {
        Value::String(text) if !OURS.contains(&field) => {
            if let Some(changed) = replacer.apply(text) {
                *text = changed;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, replacer, field)),
        Value::Object(fields) => fields.iter_mut().for_each(|(name, field)| replace(field, replacer, name)),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// All terms at once, the longest first.
struct Replacer<'t> {
    patterns: Vec<Regex>,
    terms: &'t Terms,
}

impl<'t> Replacer<'t> {
    fn new(terms: &'t Terms) -> Result<Replacer<'t>, String> {
        const TOGETHER: usize = 1000;
        let mut sorted: Vec<&String> = terms.given.keys().collect();
        sorted.sort_by_key(|term| (std::cmp::Reverse(term.len()), term.as_str()));
        let pattern = |chunk: &[&String]| {
            let words: Vec<String> = chunk.iter().map(|term| regex::escape(term)).collect();
            RegexBuilder::new(&words.join("|")).case_insensitive(true).size_limit(1 << 28).build()
        };
        let patterns: Result<Vec<Regex>, _> = sorted.chunks(TOGETHER).map(pattern).collect();
        Ok(Replacer { patterns: patterns.map_err(|error| error.to_string())?, terms })
    }

    fn apply(&self, text: &str) -> Option<String> {
        let mut changed: Option<String> = None;
        for pattern in &self.patterns {
            let current = changed.as_deref().unwrap_or(text);
            let mut out = String::new();
            let (mut copied, mut from) = (0, 0);
            while let Some(found) = pattern.find_at(current, from) {
                let (start, end) = (found.start(), found.end());
                let term = self.terms.given.get(&found.as_str().to_lowercase());
                match term.filter(|_| whole(current, start, end)) {
                    Some((_, name)) => {
                        out.push_str(current.get(copied..start).unwrap_or_default());
                        out.push_str(name);
                        copied = end;
                        from = end;
                    }
                    None => {
                        let step = current.get(start..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
                        from = start + step;
                    }
                }
            }
            if copied > 0 {
                out.push_str(current.get(copied..).unwrap_or_default());
                changed = Some(out);
            }
        }
        changed
    }
}

/// Neither end stands within a word.
fn whole(text: &str, start: usize, end: usize) -> bool {
    let before = text.get(..start).and_then(|before| before.chars().next_back());
    let after = text.get(end..).and_then(|after| after.chars().next());
    // An IPv6 address may be the end of a longer one.
    let address = text.get(start..end).is_some_and(|term| term.parse::<Ipv6Addr>().is_ok());
    let joins = |character: Option<char>| character.is_some_and(|c| c.is_alphanumeric() || (address && c == ':'));
    !joins(before) && !joins(after)
}
