//! What stays open, told once: paths by what the attacker would do and what shuts it, the widest first.

use crate::analysis::{Analysis, PathStep, ResidualPath};
use crate::model::{Evidence, Word};
use serde::Serialize;
use std::collections::BTreeMap;

/// Told in full; the rest is counted.
const SHOWN: usize = 12;

#[derive(Serialize)]
pub(super) struct Residual {
    pub shown: Vec<Open>,
    pub rest: usize,
}

/// One thing the attacker would do.
#[derive(Serialize)]
pub(super) struct Open {
    /// Ids of the paths it stands for.
    pub ids: Vec<String>,
    pub short: String,
    pub to: String,
    /// The steps; a path that differs in those observed alone is another row here.
    pub ways: Vec<Vec<Run>>,
    /// Where the steps were read.
    pub evidence: Vec<Evidence>,
    /// What is in force while it stays open, and what it turns on.
    pub with: Vec<Under>,
    /// Sets that close it, each joined later; the cheapest first.
    pub shut: Vec<Vec<String>>,
    /// How many more sets close it.
    pub more: usize,
}

#[derive(Clone, PartialEq, Eq, Serialize)]
pub(super) struct Under {
    pub set: Vec<String>,
    pub words: Vec<String>,
    pub missing: Vec<String>,
}

/// Observed steps in a row, or one that the attacker did not take.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub(super) struct Run {
    pub seen: Vec<Seen>,
    pub hop: Option<Hop>,
}

#[derive(Clone, PartialEq, Eq, Serialize)]
pub(super) struct Seen {
    pub id: String,
    pub short: String,
}

#[derive(Clone, PartialEq, Eq, Serialize)]
pub(super) struct Hop {
    pub from: String,
    pub action: String,
    pub to: String,
    pub why: String,
}

pub(super) fn residual(analysis: &Analysis) -> Residual {
    let effort = |set: &Vec<String>| -> u32 {
        set.iter().filter_map(|id| analysis.control(id)).map(|control| control.effort).sum()
    };
    let mut found: Vec<Open> = Vec::new();
    for path in &analysis.residual_paths {
        let mut shut = path.cut_by.clone();
        shut.sort_by_key(|set| (set.len(), effort(set), set.clone()));
        let way = runs(analysis, &path.steps);
        let under = Under { set: path.with.clone(), words: path.words.clone(), missing: path.missing.clone() };
        let at = found.iter().position(|open| open.to == path.to && open.short == said(path) && open.shut == shut);
        match at.and_then(|at| found.get_mut(at)) {
            Some(open) => {
                open.ids.push(path.id.clone());
                open.with.push(under);
                if !open.ways.contains(&way) {
                    open.ways.push(way);
                }
                let new: Vec<Evidence> = read(path).filter(|item| !open.evidence.contains(item)).cloned().collect();
                open.evidence.extend(new);
            }
            None => found.push(Open {
                ids: vec![path.id.clone()],
                short: said(path),
                to: path.to.clone(),
                ways: vec![way],
                evidence: read(path).cloned().collect(),
                with: vec![under],
                shut,
                more: 0,
            }),
        }
    }
    // What stays open in spite of the most controls comes first; what turns on a word or a fact after what does not.
    for open in &mut found {
        open.with.sort_by_key(|under| (under.words.len() + under.missing.len(), under.set.clone()));
    }
    let sure = |open: &Open| open.with.iter().filter(|u| u.words.is_empty() && u.missing.is_empty()).count();
    found.sort_by_key(|open| {
        let length = open.ways.first().map_or(0, Vec::len);
        (std::cmp::Reverse((sure(open), open.with.len())), open.shut.len(), length, open.ids.clone())
    });
    const SETS: usize = 4;
    for open in &mut found {
        open.more = open.shut.len().saturating_sub(SETS);
        open.shut.truncate(SETS);
    }
    let rest = found.len().saturating_sub(SHOWN);
    found.truncate(SHOWN);
    Residual { shown: found, rest }
}

fn said(path: &ResidualPath) -> String {
    match path.short.as_str() {
        "as observed" | "" => "the attack as it was".to_owned(),
        other => other.to_owned(),
    }
}

fn read(path: &ResidualPath) -> impl Iterator<Item = &Evidence> {
    path.steps.iter().flat_map(|step| step.evidence.iter().take(1))
}

fn runs(analysis: &Analysis, steps: &[PathStep]) -> Vec<Run> {
    let shorts: BTreeMap<&str, &str> = analysis
        .steps
        .iter()
        .map(|step| (step.id.as_str(), if step.short.is_empty() { step.action.as_str() } else { &step.short }))
        .collect();
    let mut found: Vec<Run> = Vec::new();
    for step in steps {
        let hop = |step: &PathStep| Hop {
            from: step.from.clone(),
            action: step.action.clone(),
            to: step.to_name.clone().unwrap_or_else(|| step.to.clone()),
            why: step.why.clone(),
        };
        let Some(id) = &step.step else {
            found.push(Run { seen: Vec::new(), hop: Some(hop(step)) });
            continue;
        };
        let seen = Seen { id: id.clone(), short: shorts.get(id.as_str()).copied().unwrap_or_default().to_owned() };
        match found.last_mut() {
            Some(run) if run.hop.is_none() => run.seen.push(seen),
            Some(_) | None => found.push(Run { seen: vec![seen], hop: None }),
        }
    }
    found
}

/// A word of the contract as a reader says it: `a second factor`.
pub(super) fn phrase(word: &str) -> &str {
    match Word::parse(word) {
        Some(Word::Password) => "the password",
        Some(Word::SecondFactor) => "a second factor",
        Some(Word::SessionCookie) => "a session cookie",
        Some(Word::MfaClaim) => "an MFA claim",
        Some(Word::RefreshToken) => "a refresh token",
        Some(Word::DeviceCode) => "a device code",
        Some(Word::VictimCooperation) => "the victim's cooperation",
        Some(Word::ManagedDevice) => "a managed device",
        Some(Word::DeviceKey) => "a device key",
        Some(Word::CodeExecutionOnCompliantDevice) => "code on a compliant device",
        Some(Word::AllowedEgressAddress) => "an allowed address",
        Some(Word::Fido2) => "a security key",
        Some(Word::TicketSystem) => "the ticket system",
        Some(Word::PrivilegedRoleAdministrator) => "Privileged Role Administrator",
        Some(Word::ClientSecret) => "a client secret",
        Some(Word::ManagedIdentityToken) => "a managed identity's token",
        Some(Word::StorageAccountKey) => "a storage account key",
        Some(Word::Sas) => "a SAS",
        Some(Word::Approver) => "an approver",
        None => word,
    }
}
