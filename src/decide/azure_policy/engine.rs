//! The compiled policies of a snapshot, and one decision.
//!
//! Source: *Azure Policy definitions effect basics* (Order of evaluation, Layering policy definitions): append and
//! modify change the request first, deny and audit see the result; every assignment is evaluated on its own and "the
//! net result of layering policy definitions is considered to be cumulative most restrictive".

use super::assignment::{Enforcement, Library, Member};
use super::change::{Action, Planned, Write, apply, plan};
use super::decision::{Change, Decision, Judgement, MemberDecision, Ruling, State};
use super::definition::{Definition, Verb};
use super::effect::Effect;
use super::evaluate::Counts;
use super::judge::{Effects, Gate, Question, after_rule, common, enforced};
use super::outcome::Stop;
use super::path::Path;
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
}

#[derive(Debug)]
struct Compiled {
    /// In the order of their assignments' ids, so that the order of the input changes nothing. None: not collected.
    members: Option<Vec<Member>>,
    exemptions: Option<Vec<Exemption>>,
    aliases: AliasTable,
    complaints: Vec<Complaint>,
}

/// What `modify` does when it cannot write or another definition writes the same.
#[derive(Clone, Debug, PartialEq)]
enum Conflict {
    Deny,
    Audit,
    Disabled,
    Unknown(Missing),
}

/// One member that modifies or appends.
struct Mutation<'s> {
    at: usize,
    effect: Effect,
    /// The rule certainly matches and the assignment is certainly in force.
    certain: bool,
    doubt: Missing,
    judgement: Judgement,
    planned: Vec<Planned>,
    conflict: Conflict,
    member: &'s Member,
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
        }
    }

    /// What of the definitions is not supported: such definitions decide `unknown`.
    pub fn complaints(&self) -> &[Complaint] {
        &self.inner.complaints
    }

    pub fn decide(&self, request: &PolicyRequest, context: &PolicyContext) -> Decision {
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

/// One possible effect of one member.
struct Case<'s> {
    at: usize,
    effect: Effect,
    definition: &'s Definition,
    doubt: &'s Missing,
    effects: &'s Effects,
}

/// Evaluates a rule that may change the request, and what it would write.
fn mutate<'s>(question: &Question, member: &'s Member, case: &Case, subject: &Subject) -> Mutation<'s> {
    let Case { at, effect, definition, .. } = *case;
    let mut doubt = case.doubt.clone();
    if case.effects.candidates.len() > 1 {
        doubt.extend(case.effects.facts.iter().cloned());
    }
    let mutation = |judgement: Judgement, planned: Vec<Planned>, conflict: Conflict, certain: bool, doubt: Missing| {
        Mutation { at, effect, certain, doubt, judgement, planned, conflict, member }
    };
    let idle = |judgement: Judgement, doubt: Missing| mutation(judgement, Vec::new(), Conflict::Audit, false, doubt);
    if let Some(settled) = question.before_rule(definition, effect, subject, &mut doubt) {
        return idle(settled.doubted(&doubt), doubt);
    }
    question.with_scene(member, definition, subject, |scene| {
        let outcome = scene.rule(&definition.rule);
        let (may_match, holds) = (outcome.can_hold, outcome.holds());
        if !holds {
            doubt.extend(outcome.facts.iter().cloned());
        }
        let judgement = after_rule(scene, definition, effect, outcome);
        if !may_match || member.assignment.enforcement == Enforcement::DoNotEnforce {
            return idle(enforced(judgement.doubted(case.doubt), member), doubt);
        }
        if let Enforcement::Unknown(fact) = &member.assignment.enforcement {
            doubt.insert(fact.as_str().into());
        }
        if let Some(fact) = &definition.details.unsupported {
            let facts = Missing::from([fact.as_str().into()]);
            let unknown = Judgement::unknown(facts.clone(), Truth::Unknown(facts)).doubted(&doubt);
            return idle(enforced(unknown, member), doubt);
        }
        let conflict = match &definition.details.conflict {
            // "Default value is deny."
            None => Conflict::Deny,
            Some(template) => match scene.template(template, &Counts::default()) {
                Ok(value) => match value.as_str().unwrap_or("").to_ascii_lowercase().as_str() {
                    "deny" => Conflict::Deny,
                    "audit" => Conflict::Audit,
                    "disabled" => Conflict::Disabled,
                    _ => Conflict::Unknown(Missing::from(["meaning of conflictEffect".into()])),
                },
                Err(Stop::Unknown(gap)) => Conflict::Unknown(gap.facts),
                Err(Stop::Failed(failure)) => Conflict::Unknown(Missing::from([failure.into()])),
            },
        };
        let refuses = !matches!(conflict, Conflict::Audit | Conflict::Disabled);
        let operations = match effect {
            Effect::Append => &definition.details.additions,
            _ => &definition.details.operations,
        };
        let mut planned: Vec<Planned> = operations
            .iter()
            .filter(|operation| (operation.verb == Verb::Append) == (effect == Effect::Append))
            .map(|operation| plan(scene, operation, refuses))
            .collect();
        if operations.is_empty() {
            let facts = Missing::from([format!("operations of `{}`", definition.title).into()]);
            planned.push(Planned::Unknown { path: None, facts, may_refuse: false });
        }
        mutation(judgement, planned, conflict, holds && doubt.is_empty(), doubt)
    })
}

/// Settles conflicts among the mutations, changes the resource, and judges each.
fn settle(mutations: Vec<Mutation>, original: &Subject) -> (Vec<(usize, Effect, Judgement)>, Subject, Vec<Change>) {
    let mut subject = original.clone();
    let mut changes = Vec::new();
    let mut judged = Vec::new();
    let rivals: Vec<Rivalry> = mutations.iter().map(|mutation| rivalry(mutation, &mutations)).collect();
    for (mutation, rivalry) in mutations.iter().zip(&rivals) {
        if mutation.planned.is_empty() {
            judged.push((mutation.at, mutation.effect, mutation.judgement.clone()));
            continue;
        }
        let (judgement, applied) = judge_mutation(mutation, rivalry);
        let refused = judgement.blocks.is_true();
        for planned in &mutation.planned {
            match planned {
                Planned::Write(write) if mutation.certain && applied && rivalry.unsure.is_empty() => {
                    if !refused {
                        apply(&mut subject, write);
                        changes.push(Change { path: write.path.to_string(), value: write.value().cloned() });
                    }
                }
                Planned::Write(write) if applied => {
                    let facts = mutation.doubt.iter().chain(&rivalry.unsure);
                    forget(&mut subject, &write.path, facts.map(|fact| fact.to_string()), mutation);
                }
                Planned::Unknown { path: Some(path), facts, .. } => {
                    forget(&mut subject, path, facts.iter().map(|fact| fact.to_string()), mutation);
                }
                Planned::Unknown { path: None, facts, .. } => {
                    // It may write anything.
                    forget(&mut subject, &Path::default(), facts.iter().map(|fact| fact.to_string()), mutation);
                }
                Planned::Write(_)
                | Planned::Skipped
                | Planned::Unneeded
                | Planned::Conflict
                | Planned::Refused
                | Planned::NotApplicable
                | Planned::Failed(_) => {}
            }
        }
        judged.push((mutation.at, mutation.effect, judgement));
    }
    (judged, subject, changes)
}

fn forget(subject: &mut Subject, path: &Path, facts: impl Iterator<Item = String>, mutation: &Mutation) {
    let mut any = false;
    for fact in facts {
        any = true;
        subject.mark_unknown(fact, path.clone());
    }
    if !any {
        let fact = format!("what policy assignment `{}` writes to `{path}`", mutation.member.assignment.name);
        subject.mark_unknown(fact, path.clone());
    }
}

/// How a mutation stands to others that write the same property.
#[derive(Default)]
struct Rivalry {
    /// Two with `deny` conflict: the request is refused.
    refused: bool,
    /// Loses to another, or all audit: none of its operations are applied.
    yields: bool,
    /// Facts on which a conflict turns.
    unsure: Missing,
    may_refuse: bool,
}

fn written(mutation: &Mutation) -> Vec<(String, bool, Option<Write>)> {
    let spell = |path: &Path| path.to_string().to_lowercase();
    mutation
        .planned
        .iter()
        .filter_map(|planned| match planned {
            Planned::Write(write) => Some((spell(&write.path), mutation.certain, Some(write.clone()))),
            Planned::Unknown { path: Some(path), .. } => Some((spell(path), false, None)),
            _ => None,
        })
        .collect()
}

/// "The policy definition with deny takes precedence. Policy definitions with audit skip all operations. If more than
/// one policy definition has the effect deny, the request is denied as a conflict. If all policy definitions have
/// audit, then none of the operations of the conflicting policy definitions are processed."
fn rivalry(mutation: &Mutation, all: &[Mutation]) -> Rivalry {
    let mut rivalry = Rivalry::default();
    for other in all {
        if other.at == mutation.at {
            continue;
        }
        for (path, certain, own) in written(mutation) {
            for (theirs, their_certain, their) in written(other) {
                if path != theirs {
                    continue;
                }
                let sure = certain && their_certain;
                let unsure = || -> Missing { mutation.doubt.iter().chain(&other.doubt).cloned().collect() };
                match (mutation.effect, other.effect) {
                    (Effect::Append, Effect::Append) => {
                        let differ = match (&own, &their) {
                            (Some(a), Some(b)) => !adds(a) && !adds(b) && a.action != b.action,
                            _ => true,
                        };
                        if differ && sure {
                            rivalry.refused = true;
                        } else if differ {
                            rivalry.may_refuse = true;
                            rivalry.unsure.extend(unsure());
                        }
                    }
                    (Effect::Append, _) | (_, Effect::Append) => {
                        let same = own.as_ref().map(Write::value) == their.as_ref().map(Write::value) && own.is_some();
                        if !same {
                            rivalry.may_refuse = true;
                            rivalry.unsure.insert(format!("order of append and modify on `{path}`").into());
                        }
                    }
                    _ => match (&mutation.conflict, &other.conflict) {
                        (Conflict::Unknown(facts), _) | (_, Conflict::Unknown(facts)) => {
                            rivalry.may_refuse = true;
                            rivalry.unsure.extend(facts.iter().cloned());
                            rivalry.unsure.extend(unsure());
                        }
                        (Conflict::Deny, Conflict::Deny) if sure => rivalry.refused = true,
                        (Conflict::Deny, Conflict::Deny) => {
                            rivalry.may_refuse = true;
                            rivalry.unsure.extend(unsure());
                        }
                        (Conflict::Deny, Conflict::Audit | Conflict::Disabled) => {}
                        (Conflict::Audit | Conflict::Disabled, _) if sure => rivalry.yields = true,
                        (Conflict::Audit | Conflict::Disabled, _) => rivalry.unsure.extend(unsure()),
                    },
                }
            }
        }
    }
    rivalry
}

fn adds(write: &Write) -> bool {
    matches!(write.action, Action::AddMember(_))
}

/// The judgement of a mutation whose rule matches or may match, and whether its operations are applied.
fn judge_mutation(mutation: &Mutation, rivalry: &Rivalry) -> (Judgement, bool) {
    let base = &mutation.judgement;
    let with =
        |state: State| Judgement { cause: base.cause.clone(), effect: Some(mutation.effect), ..Judgement::of(state) };
    let planned = &mutation.planned;
    let failure = planned.iter().find_map(|p| match p {
        Planned::Failed(failure) => Some(failure.clone()),
        _ => None,
    });
    let conflicts = planned.contains(&Planned::Conflict);
    let writes = planned.iter().any(|p| matches!(p, Planned::Write(_)));
    let mut missing = rivalry.unsure.clone();
    let mut may_refuse = rivalry.may_refuse;
    for item in planned {
        if let Planned::Unknown { facts, may_refuse: refuses, .. } = item {
            missing.extend(facts.iter().cloned());
            may_refuse |= refuses;
        }
    }
    let mut applied = false;
    let mut judgement = if let Some(failure) = failure {
        Judgement { failure: Some(failure), ..with(State::Error).blocking() }
    } else if planned.contains(&Planned::Refused) || rivalry.refused || conflicts && mutation.conflict == Conflict::Deny
    {
        with(State::Denied).blocking()
    } else if planned.contains(&Planned::NotApplicable) {
        with(State::NotApplicable)
    } else if let (true, Conflict::Unknown(facts)) = (conflicts, &mutation.conflict) {
        Judgement::unknown(facts.clone(), Truth::Unknown(facts.clone()))
    } else if rivalry.yields {
        with(if mutation.conflict == Conflict::Disabled { State::Disabled } else { State::Audited })
    } else {
        applied = true;
        match (mutation.effect, writes) {
            (Effect::Append, _) => with(State::Appended),
            (_, true) => with(State::Modified),
            (_, false) if conflicts && mutation.conflict == Conflict::Disabled => with(State::Disabled),
            (_, false) => with(State::Audited),
        }
    };
    if !missing.is_empty() && !judgement.blocks.is_true() {
        let blocks = if may_refuse { Truth::Unknown(missing.clone()) } else { judgement.blocks.clone() };
        judgement = Judgement { cause: judgement.cause, ..Judgement::unknown(missing, blocks) };
    }
    if mutation.certain {
        return (judgement, applied);
    }
    // The rule may match: what it would come to, or nothing, or what its own doubt says.
    let mut doubted = judgement.doubted(&mutation.doubt);
    doubted.state = if base.state == State::Error { State::Error } else { State::Unknown };
    if let (Truth::False, Truth::Unknown(facts)) = (&doubted.blocks, &base.blocks) {
        doubted.blocks = Truth::Unknown(facts.clone());
    }
    doubted.effect = Some(mutation.effect);
    (doubted, applied)
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
