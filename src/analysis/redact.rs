//! Persons, addresses and resources under other names, the same name everywhere (`user-1`, `address-1`,
//! `resource-1`, by first appearance). Done on the analysis itself, so that no output can forget it.
//!
//! What is replaced: principals, UPNs and mail addresses; IP addresses; subscriptions, resource groups, resources and
//! their display names. Whole words only, whatever their letter case, wherever they stand. Words of the contract,
//! operations, roles and the ids of shipped controls stay; a control of the tenant's own is renamed wherever it is
//! referred to.

use super::{Analysis, NodeKind};
use crate::model::Origin;
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
    // A record, or what an alert tells at length, names whom nothing else names: it cannot be known to be clean.
    if what != Redact::default() {
        value["records"] = Value::Array(Vec::new());
        told(&mut value);
    }
    let mut terms = Terms::default();
    // What the project ships under an id is nobody's secret, and a verdict is found by it.
    for control in analysis.controls.iter().filter(|control| control.origin == Origin::Catalogue) {
        terms.given.insert(control.id.to_lowercase(), (control.id.clone(), control.id.clone()));
    }
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
    if what.resources {
        // Workspaces have ids that no resource id holds.
        for command in analysis.preservation.iter().map(|item| item.command.as_str()) {
            found.guids(command).for_each(|id| terms.add(id, "resource"));
        }
    }
    if what.names {
        principals(&value, &mut |id| terms.add(id, "user"));
    }
    let replacer = Replacer::new(&terms)?;
    replace(&mut value, &replacer, "");
    let redacted = serde_json::from_value(value).map_err(|error| error.to_string())?;
    let mut who: BTreeMap<String, String> = BTreeMap::new();
    for (original, name) in terms.given.values().filter(|(original, name)| original != name) {
        // Of one who has several names the first that was met.
        if terms.first.get(name).is_none_or(|first| first == original) {
            who.insert(name.clone(), original.clone());
        }
    }
    Ok((redacted, who))
}

/// Folded term → (as first met, its pseudonym).
#[derive(Default)]
struct Terms {
    given: BTreeMap<String, (String, String)>,
    counts: BTreeMap<&'static str, usize>,
    /// Pseudonym → the name it was given for.
    first: BTreeMap<String, String>,
}

impl Terms {
    /// One thing under several names: one pseudonym.
    fn together(&mut self, names: &[&str], kind: &'static str) {
        let known = names.iter().find_map(|name| self.given.get(&name.trim().to_lowercase()));
        let mut name = known.filter(|(original, name)| original != name).map(|(_, name)| name.clone());
        for term in names {
            match &name {
                None => {
                    self.add(term, kind);
                    name = self.given.get(&term.trim().to_lowercase()).map(|(_, name)| name.clone());
                }
                Some(name) if usable(term) => {
                    let term = term.trim();
                    self.given.entry(term.to_lowercase()).or_insert_with(|| (term.to_owned(), name.clone()));
                }
                Some(_) => {}
            }
        }
    }

    fn add(&mut self, term: &str, kind: &'static str) {
        let term = term.trim();
        let folded = term.to_lowercase();
        if !usable(term) || self.given.contains_key(&folded) {
            return;
        }
        let count = self.counts.entry(kind).or_insert(0);
        *count += 1;
        let name = format!("{kind}-{count}");
        self.first.insert(name.clone(), term.to_owned());
        self.given.insert(folded, (term.to_owned(), name));
    }
}

/// Neither too short to tell from a word, nor a word every resource id has.
fn usable(term: &str) -> bool {
    const COMMON: &[&str] = &["default", "current", "microsoft", "none", "unknown", "user", "key", "blob"];
    let folded = term.trim().to_lowercase();
    folded.chars().count() >= 2 && !COMMON.contains(&folded.as_str())
}

/// What alerts tell at length is left out.
fn told(value: &mut Value) {
    let leave_out = |alerts: Option<&mut Value>| {
        for alert in alerts.and_then(Value::as_array_mut).into_iter().flatten() {
            if alert["description"].as_str().is_some_and(|text| !text.is_empty()) {
                alert["description"] = Value::String("left out".to_owned());
            }
        }
    };
    for step in value["steps"].as_array_mut().into_iter().flatten() {
        leave_out(step.get_mut("alerts"));
    }
    leave_out(value.get_mut("alerts"));
}

fn names(analysis: &Analysis, terms: &mut Terms) {
    let entries = analysis.incident.entries.iter().chain(&analysis.headline.actors);
    entries.for_each(|name| terms.add(name, "user"));
    for identity in &analysis.identities {
        terms.together(&[&identity.principal, &identity.id], "user");
    }
    for node in analysis.graph.nodes.iter().filter(|node| node.kind == NodeKind::Identity) {
        let id = node.id.split_once(':').map_or("", |(_, id)| id);
        terms.together(&[&node.label, &node.detail, id], "user");
    }
    // Incidents are called after those whom they befell.
    terms.together(&[&analysis.incident.id, analysis.incident.name.as_deref().unwrap_or_default()], "incident");
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
    guid: Regex,
}

impl Patterns {
    fn new() -> Result<Patterns, String> {
        let regex = |pattern: &str| Regex::new(pattern).map_err(|error| error.to_string());
        Ok(Patterns {
            mail: regex(r"[A-Za-z0-9._%+'#-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")?,
            address: regex(r"[0-9A-Fa-f:.]{2,45}")?,
            guid: regex(r"\b[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\b")?,
        })
    }

    fn mails<'t>(&self, text: &'t str) -> impl Iterator<Item = &'t str> {
        self.mail.find_iter(text).map(|found| found.as_str())
    }

    fn guids<'t>(&self, text: &'t str) -> impl Iterator<Item = &'t str> {
        self.guid.find_iter(text).map(|found| found.as_str())
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
