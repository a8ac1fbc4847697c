//! The page a proof is written on: labels and texts within the width, ids replaced by names, evidence as places.

use crate::analysis::{Analysis, PathStep, Step};
use crate::model::Evidence;
use crate::render::text::{hops, name_of, plain, wrap_all};
use std::collections::{BTreeMap, BTreeSet};

pub(super) struct Page<'a> {
    pub(super) analysis: &'a Analysis,
    pub(super) width: usize,
    pub(super) out: Vec<String>,
    /// Object id → name, of principals.
    pub(super) called: BTreeMap<String, String>,
}

fn is_guid(text: &str) -> bool {
    text.len() == 36 && text.matches('-').count() == 4 && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

/// Ids inside a literal of a document, by their first letters.
fn short_ids(part: &str) -> String {
    let letters: Vec<char> = part.chars().collect();
    let (mut text, mut at) = (String::new(), 0);
    while let Some(letter) = letters.get(at) {
        let id: Option<String> = letters.get(at..at + 36).map(|id| id.iter().collect());
        match id.filter(|id| is_guid(id)) {
            Some(id) => {
                text.extend(id.chars().take(8).chain(['…']));
                at += 36;
            }
            None => {
                text.push(*letter);
                at += 1;
            }
        }
    }
    text
}

/// A reason of a gate in words: `sharedKeyDisabled` is `shared key disabled`.
pub(in crate::render::terminal) fn reason(code: &str) -> String {
    let code = plain(code);
    let said = match code.as_str() {
        "ok" | "roleAssignment" => "nothing refuses it",
        "notApplicable" => "no policy reaches it",
        "application" => "the policy does not reach this application",
        "block" => "blocked outright",
        "mfa" => "multifactor authentication is asked for",
        "compliantDevice" => "a compliant device is demanded",
        "denied" => "a policy denies the write",
        "network" => "the network rules refuse the address",
        "noMatchingAssignment" => "no role assignment allows it",
        "failedInFact" => "it failed in fact",
        "unknown" => "it turns on facts nobody recorded",
        "Approval_EndUser_Assignment" => "the activation waits for an approver",
        "AuthenticationContext_EndUser_Assignment" => "the activation asks for an authentication context",
        "MfaRule" | "Enablement_EndUser_Assignment" => "the activation asks for more",
        other if other.starts_with("authenticationStrength:") => "an authentication strength is demanded",
        _ => "",
    };
    if !said.is_empty() {
        return said.to_owned();
    }
    if code.contains(' ') {
        return code;
    }
    let mut words = String::new();
    for letter in code.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(if letter == '_' { ' '.to_lowercase() } else { letter.to_lowercase() });
    }
    words
}

/// A word of the attacker's as one says it.
pub(super) fn word(word: &str) -> String {
    reason(word)
}

pub(super) fn place(evidence: &Evidence) -> String {
    match evidence.pointer.is_empty() {
        true => format!("{}, record {}", plain(&evidence.file), evidence.record),
        false => format!("{}, record {}, {}", plain(&evidence.file), evidence.record, plain(&evidence.pointer)),
    }
}
impl Page<'_> {
    pub(super) fn say(&mut self, label: &str, text: &str) {
        let text = self.named(&plain(text));
        self.out.extend(wrap_all(label, 11, &text, self.width));
    }

    /// The text with ids of documents and principals replaced by what they are called, or left out beside a name.
    pub(super) fn named(&self, text: &str) -> String {
        let word = |part: &str| part.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned();
        let mut said: Vec<String> = Vec::new();
        for part in text.split(' ') {
            if let Some(at) = part.find("/subscriptions/").or_else(|| part.find("/providers/")) {
                let path: String = part[at..].chars().take_while(|c| !"`'\",;()".contains(*c)).collect();
                said.push(part.replace(&path, &name_of(&path)));
                continue;
            }
            let id = word(part);
            if !is_guid(&id) {
                said.push(short_ids(part));
                continue;
            }
            let bare = part.replace(&id, "");
            match self.called.get(&id.to_lowercase()) {
                // `policy X (id): result`
                _ if bare.starts_with("()") => {
                    if let Some(last) = said.last_mut() {
                        last.push_str(bare.trim_start_matches("()"));
                    }
                }
                Some(name) => said.push(part.replace(&id, name)),
                None => said.push(part.replace(&id, &format!("{}…", id.get(..8).unwrap_or_default()))),
            }
        }
        said.join(" ")
    }

    /// To be copied as it stands, however long.
    pub(super) fn command(&mut self, text: &str) {
        self.out.push(format!("  $ {}", plain(text)));
    }

    pub(super) fn line(&mut self, text: &str) {
        self.out.extend(wrap_all("", 0, text, self.width));
    }

    pub(super) fn gap(&mut self) {
        if self.out.last().is_some_and(|line| !line.is_empty()) {
            self.out.push(String::new());
        }
    }

    pub(super) fn facts(&mut self, evidence: &[Evidence]) {
        for one in evidence {
            self.out.extend(wrap_all("  fact", 11, &place(one), self.width));
        }
    }

    pub(super) fn head(&mut self, step: &Step) {
        let time = step.time.strftime("%-d %b %Y %H:%M:%S UTC");
        let target = name_of(&step.target);
        let what =
            if step.short.contains(&target) { plain(&step.short) } else { format!("{} {target}", plain(&step.short)) };
        self.line(&format!("{}  {time}  {what}", step.id));
        self.say("action", &format!("{} by {} on {target}", step.action, step.actor));
    }

    pub(super) fn hops(&mut self, steps: &[PathStep]) {
        self.out.extend(hops(steps, self.width, 2));
        let evidence: Vec<Evidence> = steps.iter().flat_map(|step| step.evidence.iter().cloned()).collect();
        let mut seen = BTreeSet::new();
        let evidence: Vec<Evidence> = evidence.into_iter().filter(|e| seen.insert(e.clone())).collect();
        self.facts(&evidence);
    }
}

/// `gate: code` of a certificate in words.
pub(super) fn closing(why: &str) -> String {
    match why.split_once(": ") {
        Some((gate, code)) => format!("{} ({})", reason(code), plain(gate)),
        None => reason(why),
    }
}

pub(super) fn or_none(text: &str) -> String {
    if text.is_empty() { "nothing".to_owned() } else { text.to_owned() }
}
