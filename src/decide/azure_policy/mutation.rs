//! The members that change a request: what they would write, how they conflict, and what comes of each.
//!
//! All rules are evaluated on the request as sent, and the writes are applied together, so that the order of the
//! assignments changes nothing. Source: *Azure Policy definitions modify effect* (conflictEffect) and *append effect*.

use super::assignment::{Enforcement, Member};
use super::change::{Action, Planned, Write, apply, plan};
use super::decision::{Change, Judgement, State};
use super::definition::Definition;
use super::effect::Effect;
use super::effective::Effects;
use super::evaluate::Counts;
use super::judge::{Question, after_rule, enforced};
use super::outcome::Stop;
use super::path::Path;
use super::subject::Subject;
use crate::model::{Missing, Truth};

/// What `modify` does when it cannot write or another definition writes the same.
#[derive(Clone, Debug, PartialEq)]
enum Conflict {
    Deny,
    Audit,
    Disabled,
    Unknown(Missing),
}

/// One member that modifies or appends.
pub(super) struct Mutation<'s> {
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

/// One possible effect of one member.
pub(super) struct Case<'s> {
    pub at: usize,
    pub effect: Effect,
    pub definition: &'s Definition,
    pub doubt: &'s Missing,
    pub effects: &'s Effects,
}

/// Evaluates a rule that may change the request, and what it would write.
pub(super) fn mutate<'s>(question: &Question, member: &'s Member, case: &Case, subject: &Subject) -> Mutation<'s> {
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
        let operations = match effect {
            Effect::Append => &definition.details.additions,
            _ => &definition.details.operations,
        };
        let unread = definition.details.unsupported.clone();
        let unread = unread.or_else(|| operations.is_empty().then(|| format!("operations of `{}`", definition.title)));
        if let Some(fact) = unread {
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
        let planned: Vec<Planned> = operations.iter().map(|operation| plan(scene, operation, refuses)).collect();
        mutation(judgement, planned, conflict, holds && doubt.is_empty(), doubt)
    })
}

/// Settles conflicts among the mutations, changes the resource, and judges each.
pub(super) fn settle(
    mutations: Vec<Mutation>,
    original: &Subject,
) -> (Vec<(usize, Effect, Judgement)>, Subject, Vec<Change>) {
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
