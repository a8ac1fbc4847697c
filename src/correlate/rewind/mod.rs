//! A snapshot taken after the attack, taken back to before it.
//!
//! Every state change on record from the window's beginning to the snapshot is undone, last first: what it made is
//! taken out, what it removed or overwrote is put back where some record holds it, and called unknown where none does.
//! Lawful changes are undone too, since replay does them again at their time; `attack` tells them apart. Azure
//! operations are undone by the effect table ([`arm`]), directory operations by what the audit log says of old values
//! ([`directory`]).

mod arm;
mod directory;
mod pointer;

use super::change::changes_state;
use super::lead::named;
use super::order;
use super::step::Correlated;
use crate::model::{Collected, Document, Environment, Event, Evidence, Incident, Kind, Timestamp};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What was done to one document of the snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// The event made it: it is not there before.
    TakenOut,
    /// The event removed it: it is there before.
    PutBack,
    /// The event overwrote something in it, and a record holds the old value.
    Restored,
    /// The event overwrote something in it, and no record holds the old value.
    MadeUnknown,
}

impl Act {
    pub fn as_str(self) -> &'static str {
        match self {
            Act::TakenOut => "taken out",
            Act::PutBack => "put back",
            Act::Restored => "restored",
            Act::MadeUnknown => "made unknown",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    pub act: Act,
    pub kind: Kind,
    /// Of the document; empty where the whole kind is now only partly known.
    pub key: String,
    /// JSON pointer inside the document; empty: the whole.
    pub pointer: String,
    /// The operation, and the record of it.
    pub action: Arc<str>,
    pub by: Evidence,
    /// Whether it was the attack that did it.
    pub attack: bool,
    /// Where the snapshot held it, or where the old value was read.
    pub found: Option<Evidence>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Rewound {
    pub environment: Environment,
    /// Last change first, as they were undone.
    pub taken: Vec<Taken>,
    /// What had to be assumed about when the snapshot was taken; none where `incident.json` says it.
    pub assumption: Option<String>,
}

impl Rewound {
    fn untouched(environment: &Environment, assumption: Option<String>) -> Rewound {
        Rewound { environment: environment.clone(), taken: Vec::new(), assumption }
    }
}

/// The environment as it was when the window began. Untouched if the snapshot is older than that.
pub fn rewind(incident: &Incident, environment: &Environment, correlated: &Correlated) -> Rewound {
    let from = incident.window.from;
    let (until, assumption) = match incident.snapshot_taken_at {
        Some(taken) if taken <= from => return Rewound::untouched(environment, None),
        Some(taken) => (taken, None),
        None => match proof_of_lateness(environment, correlated) {
            Some(proof) => (Timestamp::MAX, Some(proof)),
            None => {
                let text = "the snapshot is taken to be older than the attack: it holds nothing that the attack made";
                return Rewound::untouched(environment, Some(text.to_owned()));
            }
        },
    };
    let within = correlated.window_events.iter().zip(correlated.memberships.iter().map(Option::is_some));
    let later = correlated.later_changes.iter().map(|event| (event, false));
    let mut changes: Vec<(&Event, bool)> = within
        .chain(later)
        .filter(|(event, _)| changes_state(event) && event.time >= from && event.time <= until)
        .collect();
    changes.sort_by(|a, b| order::compare(b.0, a.0));
    let mut rewinding = Rewinding::new(environment, correlated);
    for (event, attack) in changes {
        rewinding.event = Some((event, attack));
        arm::undo(event, &mut rewinding);
        directory::undo(event, &mut rewinding);
    }
    Rewound { environment: rewinding.environment, taken: rewinding.taken, assumption }
}

/// Something in the snapshot that the attack made.
fn proof_of_lateness(environment: &Environment, correlated: &Correlated) -> Option<String> {
    let rewinding = Rewinding::new(environment, correlated);
    correlated.attack().filter(|(event, _)| changes_state(event)).find_map(|(event, _)| {
        let (kind, key) = arm::made(event, &rewinding).or_else(|| directory::made(event, &rewinding))?;
        let document = environment.get(kind, &key)?;
        Some(format!(
            "the snapshot is taken to be later than the attack: {} holds `{key}`, which {} at {} made",
            document.evidence.file,
            event.action.trim(),
            named(&event.evidence)
        ))
    })
}

/// The environment on its way back.
struct Rewinding<'a> {
    environment: Environment,
    past: arm::Writes<'a>,
    taken: Vec<Taken>,
    event: Option<(&'a Event, bool)>,
}

impl<'a> Rewinding<'a> {
    fn new(environment: &Environment, correlated: &'a Correlated) -> Rewinding<'a> {
        Rewinding {
            environment: environment.clone(),
            past: arm::Writes::of(correlated),
            taken: Vec::new(),
            event: None,
        }
    }

    fn note(&mut self, act: Act, kind: Kind, key: &str, pointer: &str, found: Option<Evidence>) {
        if let Some((event, attack)) = self.event {
            self.taken.push(Taken {
                act,
                kind,
                key: key.to_owned(),
                pointer: pointer.to_owned(),
                action: event.action.clone(),
                by: event.evidence.clone(),
                attack,
                found,
            });
        }
    }

    /// Takes a document out that the event made.
    fn take_out(&mut self, kind: Kind, key: &str) {
        if let Some(document) = self.environment.remove(kind, key) {
            self.note(Act::TakenOut, kind, key, "", Some(document.evidence));
        }
    }

    /// Takes out every document of a kind that `made` recognises.
    fn take_out_where(&mut self, kind: Kind, made: impl Fn(&Value) -> bool) {
        let keys: BTreeSet<String> = self
            .environment
            .of(kind)
            .filter(|(_, document)| made(&document.body))
            .map(|(key, _)| key.to_owned())
            .collect();
        for key in keys {
            self.take_out(kind, &key);
        }
    }

    /// Puts a document back that the event removed; what no record tells of it is unknown.
    fn put_back(&mut self, kind: Kind, key: &str, body: Value, unknown: &[&str], found: Option<Evidence>) {
        let Some((event, _)) = self.event else { return };
        let evidence = found.clone().unwrap_or_else(|| event.evidence.clone());
        self.environment.insert(kind, key, Document { body: Arc::new(body), evidence });
        for pointer in unknown {
            self.environment.mark_unknown(kind, key, pointer);
        }
        self.note(Act::PutBack, kind, key, "", found);
    }

    /// Changes a document that stays; `None` takes the value away.
    fn restore(&mut self, kind: Kind, key: &str, pointer: &str, old: Option<&Value>, found: Option<Evidence>) {
        if self.edit(kind, key, |body| pointer::put(body, pointer, old.cloned())) {
            self.environment.mark_known(kind, key, pointer);
            self.note(Act::Restored, kind, key, pointer, found);
        }
    }

    /// Nobody knows what stood here.
    fn forget(&mut self, kind: Kind, key: &str, pointer: &str) {
        if self.environment.get(kind, key).is_none() {
            return;
        }
        if !pointer.is_empty() {
            self.edit(kind, key, |body| pointer::put(body, pointer, None));
        }
        self.environment.mark_unknown(kind, key, pointer);
        self.note(Act::MadeUnknown, kind, key, pointer, None);
    }

    /// Something of this kind was there that no record describes: what is not in the snapshot is unknown.
    fn know_in_part(&mut self, kind: Kind) {
        if self.environment.collected(kind) == Collected::Whole {
            self.environment.set_collected(kind, Collected::Partial);
        }
        self.note(Act::MadeUnknown, kind, "", "", None);
    }

    fn edit(&mut self, kind: Kind, key: &str, change: impl FnOnce(&mut Value)) -> bool {
        let Some(document) = self.environment.get(kind, key) else { return false };
        let (mut body, evidence) = (document.body.as_ref().clone(), document.evidence.clone());
        change(&mut body);
        self.environment.insert(kind, key, Document { body: Arc::new(body), evidence });
        true
    }
}
