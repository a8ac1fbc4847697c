//! The compiled policies of a snapshot, and one decision.
//!
//! Source: *Azure Policy definitions effect basics* (Order of evaluation, Layering policy definitions): append and
//! modify change the request first, deny and audit see the result; every assignment is evaluated on its own and "the
//! net result of layering policy definitions is considered to be cumulative most restrictive".

use super::assignment::{Library, Member};
use super::decision::{Change, Decision, Judgement, MemberDecision, Ruling, State};
use super::effect::Effect;
use super::judge::{Gate, Question, common, enforced};
use super::mutation::{Case, mutate, settle};
use super::scope::Exemption;
use super::subject::Subject;
use super::trigger::Method;
use super::{AliasTable, Complaint, PolicyInput};
use crate::model::request::{PolicyContext, PolicyRequest};
use crate::model::{Missing, Truth};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Policies compiled once; decides many requests. Cheap to clone.
#[derive(Clone, Debug)]
pub struct PolicyEngine {
    inner: Arc<Compiled>,
    /// There may be assignments that are not among the members.
    in_part: bool,
}

#[derive(Debug)]
struct Compiled {
    /// In the order of their assignments' ids, so that the order of the input changes nothing. None: not collected.
    members: Option<Vec<Member>>,
    exemptions: Option<Vec<Exemption>>,
    aliases: AliasTable,
    complaints: Vec<Complaint>,
}

impl PolicyEngine {
    pub fn compile(input: PolicyInput) -> PolicyEngine {
        let mut library = Library::default();
        for document in input.definitions.iter().chain(&input.set_definitions) {
            library.add(document);
        }
        let members = input.assignments.map(|assignments| {
            let mut members: Vec<Member> = assignments.iter().flat_map(|document| library.members(document)).collect();
            members.sort_by(|a, b| (&a.assignment.id, &a.key).cmp(&(&b.assignment.id, &b.key)));
            let mut seen: BTreeMap<String, usize> = BTreeMap::new();
            for member in &members {
                *seen.entry(member.key.clone()).or_default() += 1;
            }
            // Assignments of one name at several scopes go by their ids.
            for member in &mut members {
                if seen.get(&member.key).is_some_and(|times| *times > 1) {
                    let id = member.assignment.id.spelled().to_owned();
                    member.key = match &member.part {
                        Some(part) => format!("{id}/{}", part.reference),
                        None => id,
                    };
                }
            }
            members
        });
        let exemptions = input.exemptions.map(|documents| documents.into_iter().map(Exemption::read).collect());
        PolicyEngine {
            inner: Arc::new(Compiled { members, exemptions, aliases: input.aliases, complaints: library.complaints }),
            in_part: false,
        }
    }

    /// Of assignments that were not collected whole: those that are there refuse; what none of them refuses is unknown.
    pub fn in_part(self) -> PolicyEngine {
        PolicyEngine { in_part: true, ..self }
    }

    /// What of the definitions is not supported: such definitions decide `unknown`.
    pub fn complaints(&self) -> &[Complaint] {
        &self.inner.complaints
    }

    pub fn decide(&self, request: &PolicyRequest, context: &PolicyContext) -> Decision {
        let mut decision = self.decide_known(request, context);
        if self.in_part && decision.ruling != Ruling::Denied && Method::of(request) != Method::Other {
            decision.ruling = Ruling::Unknown;
            decision.missing.insert("policy assignments".into());
        }
        decision
    }

    fn decide_known(&self, request: &PolicyRequest, context: &PolicyContext) -> Decision {
        let compiled = self.inner.as_ref();
        let method = Method::of(request);
        let Some(members) = &compiled.members else {
            let missing = Missing::from(["policy assignments".into()]);
            let ruling = if method == Method::Other { Ruling::Allowed } else { Ruling::Unknown };
            let missing = if method == Method::Other { Missing::new() } else { missing };
            return Decision { ruling, states: BTreeMap::new(), changes: Vec::new(), members: Vec::new(), missing };
        };
        let question = Question {
            request,
            context,
            method,
            aliases: &compiled.aliases,
            exemptions: compiled.exemptions.as_deref(),
        };
        let original = Subject::new(
            request.resource_id.clone(),
            request.resource.clone(),
            request.api_version.clone(),
            &request.unknown_paths,
        );
        let gates: Vec<Gate> = members.iter().map(|member| question.gate(member, &original)).collect();
        let mut judgements: Vec<Option<Judgement>> = members.iter().map(|_| None).collect();
        let mut mutations = Vec::new();
        for (at, (gate, member)) in gates.iter().zip(members).enumerate() {
            let settled = match gate {
                Gate::Settled(judgement) => Some(judgement.clone()),
                Gate::Open { doubt, effects, .. } if effects.failure.is_some() => {
                    let failed =
                        Judgement { failure: effects.failure.clone(), ..Judgement::of(State::Error).blocking() };
                    Some(enforced(failed.doubted(doubt), member))
                }
                Gate::Open { definition, doubt, effects } => {
                    for effect in [Effect::Modify, Effect::Append] {
                        if effects.candidates.contains(&effect) {
                            let case = Case { at, effect, definition, doubt, effects };
                            mutations.push(mutate(&question, member, &case, &original));
                        }
                    }
                    None
                }
            };
            if let Some(slot) = judgements.get_mut(at) {
                *slot = settled;
            }
        }
        let (mutated, subject, changes) = settle(mutations, &original);
        for (at, (gate, member)) in gates.iter().zip(members).enumerate() {
            let Gate::Open { definition, doubt, effects } = gate else { continue };
            let Some(slot) = judgements.get_mut(at).filter(|slot| slot.is_none()) else { continue };
            let mut each = Vec::new();
            for effect in &effects.candidates {
                let mutation = mutated.iter().find(|(of, by, _)| *of == at && by == effect).map(|(_, _, j)| j.clone());
                each.push(match mutation {
                    Some(judgement) => judgement,
                    None => question.judge(member, definition, *effect, &subject).doubted(doubt),
                });
            }
            *slot = Some(match each.len() {
                1 => each.pop().unwrap_or_else(|| Judgement::of(State::Unknown)),
                _ => common(each, effects),
            });
        }
        finish(members, judgements, changes)
    }
}

fn finish(members: &[Member], judgements: Vec<Option<Judgement>>, changes: Vec<Change>) -> Decision {
    let mut decision = Decision {
        ruling: Ruling::Allowed,
        states: BTreeMap::new(),
        changes,
        members: Vec::new(),
        missing: Missing::new(),
    };
    for (member, judgement) in members.iter().zip(judgements) {
        let judgement = judgement.unwrap_or_else(|| Judgement::of(State::Unknown));
        match (&judgement.blocks, decision.ruling) {
            (Truth::True, _) => decision.ruling = Ruling::Denied,
            (Truth::Unknown(_), Ruling::Allowed) => decision.ruling = Ruling::Unknown,
            (Truth::Unknown(_) | Truth::False, _) => {}
        }
        if let Truth::Unknown(facts) = &judgement.blocks {
            decision.missing.extend(facts.iter().cloned());
        }
        decision.states.insert(member.key.clone(), judgement.state);
        let title = member.definition.as_ref().map_or(member.definition_id.as_str(), |d| d.title.as_str());
        decision.members.push(MemberDecision {
            key: member.key.clone(),
            assignment_id: member.assignment.id.spelled().to_owned(),
            definition_id: member.definition_id.clone(),
            title: title.to_owned(),
            effect: judgement.effect.map(Effect::word),
            state: judgement.state,
            blocks: judgement.blocks,
            missing: judgement.missing,
            cause: judgement.cause,
            failure: judgement.failure,
        });
    }
    if decision.ruling != Ruling::Unknown {
        decision.missing.clear();
    }
    decision
}
