//! What the attack itself held at the end of a stretch of the window: what its steps had obtained by then and nobody had
//! ended, and what the attacker came with.

use super::state::{Fact, Limit, Node, State};
use crate::effect::{Capability, Yielded, yields};
use crate::model::{Answer, Detail, Environment, Event, Kind, Level, ObjectId, ResourceId, Timestamp, Truth, Word};
use crate::replay::{Run, token_lives};
use std::collections::BTreeSet;

impl<'a> State<'a> {
    /// What the attack itself had obtained in this run by now, and still has.
    pub(super) fn observed(&mut self) {
        let correlated = &self.engine.case.correlated;
        for (n, step) in correlated.steps.iter().enumerate() {
            let Some(event) = self.latest(n) else { continue };
            let outside = match &self.limit {
                Limit::Only { steps, .. } => !steps.contains(&n) && !matches!(event.detail, Detail::SignIn(_)),
                Limit::Walk { steps, .. } => !steps.contains(&n),
                Limit::Nothing | Limit::Without(_) | Limit::Exactly(_) => false,
            };
            if outside || step.failed() || step.context {
                continue;
            }
            let principal = self.engine.links(n).principal.clone();
            let from = principal.as_ref().map_or_else(|| step.actor.name.to_string(), ObjectId::to_string);
            let node = Node {
                action: step.action.to_string(),
                from,
                to: step.target_id.as_deref().unwrap_or(&step.target).to_owned(),
                why: format!("observed as {}", step.id),
                step: Some(n),
                needs: self.observed_needs(n),
                words: turns_on(self.run, n).flat_map(|answer| answer.words.iter().copied()).collect(),
                missing: turns_on(self.run, n).flat_map(|answer| answer.missing.iter().cloned()).collect(),
                evidence: vec![event.evidence.clone()],
            };
            for yielded in yields(&self.engine.world.env, event) {
                let alive = self.alive(n, event, &yielded);
                if !self.stage.passes(alive.level) {
                    // It is gone; that it was had explains what was done with it.
                    self.remember(node.clone());
                    continue;
                }
                let fact = match yielded.capability {
                    Capability::Session { principal, audience } => Fact::Session(principal, audience),
                    Capability::StorageKey { account } => Fact::Key(account),
                    Capability::Sas { resource } => Fact::Key(resource),
                    Capability::DelegationKey { principal, account } => Fact::DelegationKey(principal, account),
                    Capability::Execution { resource } => Fact::Execution(resource),
                    Capability::Credential { principal } => Fact::Controls(principal),
                    Capability::Secret { resource } => Fact::Key(resource),
                    Capability::AzureRole { .. } => match &event.detail {
                        Detail::Arm(detail) => Fact::Granted(detail.resource.folded().to_owned()),
                        _ => continue,
                    },
                };
                let mut node = node.clone();
                node.missing.extend(alive.missing);
                self.derive(fact, node);
            }
            if let Detail::Data(detail) = &event.detail
                && crate::effect::data_operation(&event.action).is_some_and(|row| row.reads)
                && let Some((account, _)) = crate::effect::account_document(&self.world.env, detail)
            {
                let container = detail
                    .container
                    .as_deref()
                    .map(|c| ResourceId::new(&format!("{}/blobServices/default/containers/{c}", account.spelled())));
                let touched = container.unwrap_or_else(|| account.clone());
                for jewel in self.jewels.clone() {
                    if jewel == touched || jewel.contains(&touched) {
                        self.derive(Fact::Data(jewel), node.clone());
                    }
                }
            }
        }
        for entry in self.engine.case.entries.clone() {
            if self.still_has(&entry) {
                let node = self.node("hold", entry.as_str(), entry.as_str(), "held by the attacker");
                self.derive(Fact::Controls(entry), node);
            }
        }
    }

    /// The latest event of a step that had happened by now in this run.
    fn latest(&self, n: usize) -> Option<&'a Event> {
        let correlated = &self.engine.case.correlated;
        let passed = &self.run.steps.get(n)?.passed;
        let events = correlated.steps.get(n)?.events.iter().zip(passed);
        let happened = events.filter(|(at, passed)| **passed && **at < self.events);
        correlated.window_events.get(*happened.last()?.0)
    }

    /// Something that the attacker came with and nobody has ended.
    fn still_has(&self, entry: &ObjectId) -> bool {
        let held = self.attacker(entry).holds;
        let password = held.contains(&Word::Password) || self.engine.password_proven(entry, self.at);
        let ended = self.engine.session_ended(entry, Timestamp::MIN, self.at);
        let kept = |word: Word| ended.is_none_or(|end| self.engine.case.words.learned(word, entry, end, self.at));
        held.contains(&Word::ClientSecret)
            || (password && self.engine.password_ended(entry, self.at).is_none())
            || [Word::SessionCookie, Word::RefreshToken].into_iter().any(|word| held.contains(&word) && kept(word))
    }

    /// Whether what a step gave is still of use.
    fn alive(&self, n: usize, event: &Event, given: &Yielded) -> Answer {
        if given.until.is_some_and(|until| until <= self.at) {
            return Answer::refused("it has expired");
        }
        match &given.capability {
            Capability::Session { principal, .. } => token_lives(self.engine, principal, n, self.at),
            // A listing gives both keys; which one signed a SAS is told nowhere.
            Capability::StorageKey { account } => {
                let either = ["key1", "key2"].map(|name| self.key_lives(account, Some(name), event.time));
                either.into_iter().max_by_key(|answer| answer.level).unwrap_or_else(|| Answer::refused("no key"))
            }
            Capability::Sas { resource } => self.key_lives(resource, None, event.time),
            Capability::Execution { resource } => {
                let was = |env: &Environment| env.resource(resource).is_some();
                let earlier = self.run.stretches.iter().filter(|stretch| stretch.events < self.events);
                let gone = !was(&self.before.env)
                    && (was(&self.run.start) || earlier.into_iter().any(|stretch| was(&stretch.world.env)));
                if gone { Answer::refused("it was deleted") } else { Answer::allowed("execution") }
            }
            Capability::Credential { principal } if self.engine.credential_ended(principal, event.time, self.at) => {
                Answer::refused("it was made another")
            }
            Capability::AzureRole { .. } => match &event.detail {
                Detail::Arm(detail)
                    if self.before.env.get(Kind::RoleAssignments, detail.resource.folded()).is_none() =>
                {
                    Answer::refused("it was taken away")
                }
                _ => Answer::allowed("role"),
            },
            Capability::DelegationKey { account, .. } => {
                let account = self.before.env.get(Kind::Resources, account.folded());
                let revoked = account.and_then(|document| crate::effect::delegation_keys_revoked(&document.body));
                match revoked {
                    Some(revoked) if event.time < revoked => Answer::refused("delegationKeyRevoked"),
                    Some(_) | None => Answer::allowed("held"),
                }
            }
            Capability::Credential { .. } | Capability::Secret { .. } => Answer::allowed("held"),
        }
    }

    fn key_lives(&self, account: &ResourceId, name: Option<&str>, got: Timestamp) -> Answer {
        let Some(document) = self.before.env.get(Kind::Resources, account.folded()) else {
            let mut unknown = Answer::of(Level::Unknown, "keyRotated");
            unknown.missing.insert(format!("resource:{}", account.name()).into());
            return unknown;
        };
        let unknown: Vec<String> =
            self.before.env.unknown_paths(Kind::Resources, account.folded()).map(str::to_owned).collect();
        match crate::decide::storage::key_lives(&document.body, &unknown, name, got, self.at) {
            Truth::True => Answer::allowed("key"),
            Truth::False => Answer::refused("keyRotated"),
            Truth::Unknown(missing) => Answer { missing, ..Answer::of(Level::Unknown, "keyRotated") },
        }
    }

    /// Nodes of the steps that an observed step built on.
    fn observed_needs(&self, n: usize) -> BTreeSet<usize> {
        let links = self.engine.links(n);
        let mut steps: BTreeSet<usize> = BTreeSet::new();
        let supports = links
            .token
            .iter()
            .flat_map(|t| &t.supports)
            .chain(links.key.iter().flat_map(|k| &k.supports))
            .chain(links.session.iter())
            .chain(links.credential.iter());
        for support in supports {
            if let crate::causal::SupportFrom::Step(step) = support.from {
                steps.insert(step);
            }
        }
        steps.extend(self.engine.factual_grants(n).iter().filter_map(|(_, maker)| *maker));
        self.nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| node.step.is_some_and(|s| steps.contains(&s)))
            .map(|(at, _)| at)
            .collect()
    }
}

/// The answers that an observed step passes on in this run although they are not plain yeses.
fn turns_on(run: &Run, n: usize) -> impl Iterator<Item = &Answer> {
    let asked = run.steps.get(n).and_then(|s| s.first.as_deref());
    asked.into_iter().flat_map(|a| &a.parts).map(|p| &p.answer).filter(|answer| answer.level < Level::NotCut)
}
