//! Judges one member: the gates before the rule in the order in which they are asked, the rule, and what its effect
//! makes of the outcome.
//!
//! Order: method, scope, resource provider mode, exemption, effect `disabled`, kind of request, Indexed mode, rule. A
//! gate that is unknown does not end the walk: if a later one settles that nothing is blocked, it has no influence.

use super::alias::AliasTable;
use super::applicability::applicable;
use super::assignment::{Enforcement, Member};
use super::decision::{Cause, Judgement, State};
use super::definition::{Definition, Mode};
use super::effect::Effect;
use super::effective::{Effects, effects};
use super::evaluate::{Counts, Scene};
use super::existence::exists;
use super::outcome::{Outcome, Stop, any};
use super::parameters::{Given, Supply};
use super::path::Path;
use super::says::says;
use super::scope::Exemption;
use super::subject::{Selection, Subject};
use super::trigger::{Method, triggers};
use crate::model::request::{PolicyContext, PolicyRequest};
use crate::model::{Missing, ResourceId, Truth, json};
use serde_json::Value;
use std::cell::Cell;

/// What does not change between members.
pub(super) struct Question<'s> {
    pub request: &'s PolicyRequest,
    pub context: &'s PolicyContext,
    pub method: Method,
    pub aliases: &'s AliasTable,
    pub exemptions: Option<&'s [Exemption]>,
}

/// The gates before the effect.
pub(super) enum Gate<'s> {
    Settled(Judgement),
    Open { definition: &'s Definition, doubt: Missing, effects: Effects },
}

impl<'s> Question<'s> {
    pub fn gate(&self, member: &'s Member, subject: &'s Subject) -> Gate<'s> {
        let settled = |state: State, doubt: &Missing| Gate::Settled(Judgement::of(state).doubted(doubt));
        let mut doubt = Missing::new();
        if self.method == Method::Other {
            return settled(State::NotEvaluated, &doubt);
        }
        match member.assignment.range.contains(subject, self.context) {
            Truth::False => return settled(State::OutOfScope, &doubt),
            Truth::True => {}
            Truth::Unknown(facts) => doubt.extend(facts),
        }
        if let Ok(definition) = &member.definition
            && definition.mode == Mode::Provider
        {
            return settled(State::NotEvaluated, &doubt);
        }
        match self.exempt(member, subject) {
            Truth::True => return settled(State::Exempt, &doubt),
            Truth::False => {}
            Truth::Unknown(facts) => doubt.extend(facts),
        }
        let definition = match &member.definition {
            Ok(definition) => definition,
            Err(fact) => {
                let facts = Missing::from([fact.as_str().into()]);
                let blocks = match member.assignment.enforcement {
                    Enforcement::DoNotEnforce => Truth::False,
                    Enforcement::Default | Enforcement::Unknown(_) => Truth::Unknown(facts.clone()),
                };
                return Gate::Settled(Judgement::unknown(facts, blocks).doubted(&doubt));
            }
        };
        let effects = self.with_scene(member, definition, subject, |scene| effects(scene, member, definition));
        if effects.candidates == [Effect::Disabled] && effects.failure.is_none() {
            let mut judgement = Judgement::of(State::Disabled);
            judgement.effect = Some(Effect::Disabled);
            return Gate::Settled(judgement.doubted(&doubt));
        }
        Gate::Open { definition, doubt, effects }
    }

    fn exempt(&self, member: &Member, subject: &Subject) -> Truth {
        match self.exemptions {
            None => Truth::missing("policy exemptions"),
            Some(exemptions) => {
                any(exemptions.iter().filter(|e| e.covers(member)).map(|e| e.honoured(subject, self.context)))
            }
        }
    }

    /// Builds what a rule may look at.
    pub fn with_scene<T>(
        &self,
        member: &Member,
        definition: &Definition,
        subject: &Subject,
        then: impl for<'x> FnOnce(&Scene<'x>) -> T,
    ) -> T {
        let assignment = &member.assignment;
        let given = match &assignment.parameters {
            Some(values) => Given::Values { assignment: &assignment.name, values },
            None => Given::Uncollected { assignment: &assignment.name },
        };
        let steps = Cell::new(0);
        let scene = |supply| Scene {
            subject,
            origin: subject,
            aliases: self.aliases,
            supply,
            request: self.request,
            context: self.context,
            policy: &member.policy,
            steps: &steps,
        };
        match &member.part {
            None => {
                let supply = Supply { declared: &definition.parameters, given };
                then(&scene(&supply))
            }
            Some(part) => {
                let outer = Supply { declared: &part.declared, given };
                let given = Given::Member { templates: &part.parameters, outer: &outer };
                let supply = Supply { declared: &definition.parameters, given };
                then(&scene(&supply))
            }
        }
    }

    /// Judges a member for one effect that neither modifies nor appends.
    pub fn judge(&self, member: &Member, definition: &Definition, effect: Effect, subject: &Subject) -> Judgement {
        if effect == Effect::Disabled {
            return Judgement::of(State::Disabled);
        }
        let mut doubt = Missing::new();
        if let Some(settled) = self.before_rule(definition, effect, subject, &mut doubt) {
            return settled.doubted(&doubt);
        }
        let group_deletion =
            effect == Effect::DenyAction && subject.is_type("microsoft.resources/subscriptions/resourcegroups");
        let judgement = if group_deletion {
            self.group_deletion(member, definition)
        } else {
            self.with_scene(member, definition, subject, |scene| {
                if effect == Effect::DenyAction {
                    match names_delete(scene, definition) {
                        Truth::True => {}
                        Truth::False => return Judgement::of(State::NotEvaluated),
                        Truth::Unknown(facts) => {
                            return Judgement::unknown(facts.clone(), Truth::Unknown(facts));
                        }
                    }
                }
                let outcome = scene.rule(&definition.rule);
                after_rule(scene, definition, effect, outcome)
            })
        };
        enforced(judgement.doubted(&doubt), member)
    }

    /// Kind of request and Indexed mode.
    pub fn before_rule(
        &self,
        definition: &Definition,
        effect: Effect,
        subject: &Subject,
        doubt: &mut Missing,
    ) -> Option<Judgement> {
        match triggers(self.method, effect, definition, self.request, subject) {
            Truth::True => {}
            Truth::False => return Some(Judgement::of(State::NotEvaluated)),
            Truth::Unknown(facts) => doubt.extend(facts),
        }
        let group_deletion =
            self.method == Method::Delete && subject.is_type("microsoft.resources/subscriptions/resourcegroups");
        if definition.mode == Mode::Indexed && !group_deletion {
            match indexed(subject, self.aliases) {
                Truth::True => {}
                Truth::False => return Some(Judgement::of(State::NotApplicable)),
                Truth::Unknown(facts) => doubt.extend(facts),
            }
        }
        None
    }

    /// "Only policies that have the cascadeBehaviors set to deny in the policy rule block a resource group deletion.
    /// Policy doesn't block removal of resources that don't support location and tags nor any policy with mode:all."
    fn group_deletion(&self, member: &Member, definition: &Definition) -> Judgement {
        if definition.mode == Mode::All {
            return Judgement::of(State::NotEvaluated);
        }
        let group = &self.request.resource_id;
        let listed = self.context.related_resources.as_deref();
        let here = Subject::new(group.clone(), self.request.resource.clone(), None, &[]);
        let mut doubt = Missing::new();
        let settled = self.with_scene(member, definition, &here, |scene| {
            match names_delete(scene, definition) {
                Truth::True => {}
                Truth::False => return Some(State::NotEvaluated),
                Truth::Unknown(facts) => doubt.extend(facts),
            }
            match &definition.details.cascade {
                None => None,
                Some(cascade) => match scene.template(cascade, &Counts::default()) {
                    Ok(value) => match value.as_str() {
                        Some(word) if word.eq_ignore_ascii_case("deny") => None,
                        Some(word) if word.eq_ignore_ascii_case("allow") => Some(State::NotEvaluated),
                        Some(_) | None => {
                            doubt.insert("meaning of cascadeBehaviors".into());
                            None
                        }
                    },
                    Err(Stop::Unknown(gap)) => {
                        doubt.extend(gap.facts);
                        None
                    }
                    Err(Stop::Failed(_)) => Some(State::Error),
                },
            }
        });
        match settled {
            Some(State::Error) => return Judgement::of(State::Error).blocking().doubted(&doubt),
            Some(state) => return Judgement::of(state).doubted(&doubt),
            None => {}
        }
        let Some(listed) = listed else {
            let facts = Missing::from(["resources of the resource group".into()]);
            return Judgement::unknown(facts.clone(), Truth::Unknown(facts)).doubted(&doubt);
        };
        let mut judgements = Vec::new();
        for body in listed {
            let id = ResourceId::new(json::text(body, "id").unwrap_or("/"));
            if id == *group || !group.contains(&id) {
                continue;
            }
            let subject = Subject::new(id, body.clone(), None, &[]);
            let mut unsure = Missing::new();
            match indexed(&subject, self.aliases) {
                Truth::True => {}
                Truth::False => continue,
                Truth::Unknown(facts) => unsure.extend(facts),
            }
            judgements.push(self.with_scene(member, definition, &subject, |scene| {
                let outcome = scene.rule(&definition.rule);
                after_rule(scene, definition, Effect::DenyAction, outcome).doubted(&unsure)
            }));
        }
        let worst = |judgement: &Judgement| match &judgement.blocks {
            Truth::True => 0,
            Truth::Unknown(_) => 1,
            Truth::False => 2,
        };
        let nothing = Judgement::of(State::Compliant);
        let mut chosen = judgements.into_iter().min_by_key(worst).unwrap_or(nothing);
        if chosen.state == State::NotApplicable {
            chosen.state = State::Compliant;
        }
        chosen.doubted(&doubt)
    }
}

/// `details.actionNames`; "Supported action names are: delete".
fn names_delete<'s>(scene: &Scene<'s>, definition: &'s Definition) -> Truth {
    let Some(names) = &definition.details.action_names else {
        return Truth::missing(format!("`actionNames` of `{}`", definition.title));
    };
    match scene.template(names, &Counts::default()) {
        Ok(value) => match value.as_ref() {
            Value::Array(items) => {
                items.iter().any(|item| item.as_str().is_some_and(|word| word.eq_ignore_ascii_case("delete"))).into()
            }
            _ => Truth::missing(format!("`actionNames` of `{}`", definition.title)),
        },
        Err(Stop::Unknown(gap)) => Truth::Unknown(gap.facts),
        Err(Stop::Failed(_)) => Truth::missing(format!("`actionNames` of `{}`", definition.title)),
    }
}

/// Whether the resource's type carries tags and a location, or at least the body carries a location.
fn indexed(subject: &Subject, aliases: &AliasTable) -> Truth {
    let name = match subject.type_name() {
        Ok(name) => name,
        Err(gap) => return Truth::Unknown(gap.facts),
    };
    if let Some(supports) = aliases.supports_tags_and_location(name) {
        return supports.into();
    }
    let carries = match subject.select(&Path::keys(&["location"]), false, &[]) {
        Selection::One(Ok(found)) => found.is_some(),
        Selection::One(Err(_)) | Selection::Many(_) => false,
    };
    if carries { Truth::True } else { Truth::missing(format!("whether `{name}` supports tags and location")) }
}

/// What an effect makes of the rule's outcome, were the assignment enforced.
pub(super) fn after_rule<'s>(
    scene: &Scene<'s>,
    definition: &'s Definition,
    effect: Effect,
    outcome: Outcome<'s>,
) -> Judgement {
    let mut judgement = if outcome.fails() {
        // "A failed evaluation is an implicit deny", whatever the effect.
        Judgement { failure: outcome.failure.clone(), ..Judgement::of(State::Error).blocking() }
    } else if outcome.holds() {
        match effect {
            Effect::Deny => Judgement::of(State::Denied).blocking(),
            Effect::DenyAction => Judgement::of(State::ActionDenied).blocking(),
            Effect::Audit | Effect::Manual => Judgement::of(State::Audited),
            Effect::AuditIfNotExists | Effect::DeployIfNotExists => related(scene, definition),
            Effect::Modify => Judgement::of(State::Modified),
            Effect::Append => Judgement::of(State::Appended),
            Effect::Disabled => Judgement::of(State::Disabled),
            Effect::Provider => Judgement::of(State::NotEvaluated),
        }
    } else if outcome.misses() {
        if effect.if_not_exists() {
            // "When the if evaluates to false, the policy isn't applicable."
            Judgement::of(State::NotApplicable)
        } else {
            match applicable(scene, definition) {
                Truth::True => Judgement::of(State::Compliant),
                Truth::False => Judgement::of(State::NotApplicable),
                Truth::Unknown(facts) => Judgement::unknown(facts, Truth::False),
            }
        }
    } else {
        let refuses = matches!(effect, Effect::Deny | Effect::DenyAction);
        let blocks = if refuses && !outcome.can_miss {
            // It matches or fails: either way the request is refused.
            Truth::True
        } else if refuses || outcome.can_fail || outcome.malformed {
            Truth::Unknown(outcome.facts.clone())
        } else {
            Truth::False
        };
        let state = if outcome.malformed { State::Error } else { State::Unknown };
        Judgement { state, ..Judgement::unknown(outcome.facts.clone(), blocks) }
    };
    judgement.effect = Some(effect);
    judgement.cause =
        outcome.cause.map(|condition| Cause { pointer: condition.pointer.clone(), says: says(scene, condition) });
    judgement
}

fn related<'s>(scene: &Scene<'s>, definition: &'s Definition) -> Judgement {
    let Some(existence) = &definition.details.existence else {
        return Judgement::unknown(
            Missing::from([format!("`details` of `{}`", definition.title).into()]),
            Truth::False,
        );
    };
    match exists(scene, existence) {
        Ok(Truth::True) => Judgement::of(State::Compliant),
        Ok(Truth::False) => Judgement::of(State::Audited),
        Ok(Truth::Unknown(facts)) => Judgement::unknown(facts, Truth::False),
        // Evaluated after the resource provider has answered: nothing is left to refuse.
        Err(failure) => Judgement { failure: Some(failure), ..Judgement::of(State::Error) },
    }
}

/// What `enforcementMode` leaves of it.
pub(super) fn enforced(mut judgement: Judgement, member: &Member) -> Judgement {
    match &member.assignment.enforcement {
        Enforcement::Default => judgement,
        Enforcement::DoNotEnforce => {
            judgement.blocks = Truth::False;
            if judgement.state.matched() {
                judgement.state = State::NotEnforced;
            }
            judgement
        }
        Enforcement::Unknown(fact) => {
            let facts = Missing::from([fact.as_str().into()]);
            if judgement.state.matched() || judgement.state == State::Error {
                judgement.doubted(&facts)
            } else {
                judgement
            }
        }
    }
}

/// What several possible effects have in common.
pub(super) fn common(judgements: Vec<Judgement>, effects: &Effects) -> Judgement {
    let mut judgements = judgements.into_iter();
    let Some(first) = judgements.next() else {
        return Judgement::unknown(effects.facts.clone(), Truth::Unknown(effects.facts.clone()));
    };
    let rest: Vec<Judgement> = judgements.collect();
    let everyone = || std::iter::once(&first).chain(&rest);
    let blocks = if everyone().all(|j| j.blocks.is_true()) {
        Truth::True
    } else if everyone().all(|j| j.blocks.is_false()) {
        Truth::False
    } else {
        let mut facts = effects.facts.clone();
        for judgement in everyone() {
            if let Truth::Unknown(missing) = &judgement.blocks {
                facts.extend(missing.iter().cloned());
            }
        }
        Truth::Unknown(facts)
    };
    let same = everyone().all(|j| j.state == first.state);
    let mut missing = effects.facts.clone();
    missing.extend(everyone().flat_map(|j| j.missing.iter().cloned()));
    let state = match (same, effects.malformed) {
        (true, _) => first.state,
        (false, true) => State::Error,
        (false, false) => State::Unknown,
    };
    let blocks =
        if effects.malformed && blocks.is_false() && !same { Truth::Unknown(effects.facts.clone()) } else { blocks };
    let missing = if same && state != State::Unknown { Missing::new() } else { missing };
    Judgement { state, blocks, missing, cause: first.cause, failure: first.failure, effect: None }
}
