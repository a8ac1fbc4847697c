//! Which effect is in force: the definition's, after the assignment's overrides; several where a fact is missing.
//!
//! Source: *Azure Policy assignment structure* (Overrides). An unknown effect counts as whatever its allowed values let
//! it be.

use super::assignment::Member;
use super::definition::Definition;
use super::effect::Effect;
use super::evaluate::{Counts, Scene};
use super::expression::Expression;
use super::function::{Call, Special};
use super::outcome::Stop;
use super::says::spell;
use super::template::Template;
use crate::model::{Missing, Truth};

/// What the effect may be.
#[derive(Clone, Debug, Default)]
pub(super) struct Effects {
    pub candidates: Vec<Effect>,
    /// The facts the choice turns on; empty where there is one.
    pub facts: Missing,
    pub malformed: bool,
    /// The effect's expression fails.
    pub failure: Option<String>,
}

/// Effects the overrides and the definition leave possible.
pub(super) fn effects<'s>(scene: &Scene<'s>, member: &Member, definition: &'s Definition) -> Effects {
    let reference = member.part.as_ref().map(|part| part.reference.as_str());
    let mut effects = own_effects(scene, definition);
    // "Evaluated in the order in which they're specified": the last that holds counts.
    for item in &member.assignment.overrides {
        let holds = item.selector.holds(scene.subject, reference);
        let (candidates, facts) = match &item.effect {
            Ok(effect) => (vec![*effect], Missing::new()),
            Err(fact) => (possible(definition, EVERY), Missing::from([fact.as_str().into()])),
        };
        match holds {
            Truth::False => {}
            Truth::True => effects = Effects { candidates, facts, malformed: false, failure: None },
            Truth::Unknown(unsure) => {
                effects.candidates.extend(candidates);
                effects.facts.extend(unsure);
                effects.facts.extend(facts);
            }
        }
    }
    effects.candidates.sort();
    effects.candidates.dedup();
    effects
}

/// The effects an unknown effect may be, as far as the definition has what they need.
fn possible(definition: &Definition, among: &[Effect]) -> Vec<Effect> {
    let details = &definition.details;
    let has = |effect: &Effect| match effect {
        Effect::Modify => !details.operations.is_empty(),
        Effect::Append => !details.additions.is_empty(),
        Effect::AuditIfNotExists | Effect::DeployIfNotExists => details.existence.is_some(),
        Effect::DenyAction => details.action_names.is_some(),
        Effect::Disabled | Effect::Deny | Effect::Audit | Effect::Manual | Effect::Provider => true,
    };
    among.iter().copied().filter(has).collect()
}

const EVERY: &[Effect] = &[
    Effect::Disabled,
    Effect::Append,
    Effect::Modify,
    Effect::Deny,
    Effect::Audit,
    Effect::Manual,
    Effect::AuditIfNotExists,
    Effect::DeployIfNotExists,
    Effect::DenyAction,
];

fn own_effects<'s>(scene: &Scene<'s>, definition: &'s Definition) -> Effects {
    match scene.template(&definition.effect, &Counts::default()) {
        Ok(value) => {
            let effect = value.as_str().and_then(Effect::read);
            match effect {
                Some(effect) => Effects { candidates: vec![effect], ..Effects::default() },
                None => Effects {
                    candidates: possible(definition, EVERY),
                    facts: Missing::from([
                        format!("meaning of effect `{}` of `{}`", spell(&value), definition.title).into()
                    ]),
                    ..Effects::default()
                },
            }
        }
        Err(Stop::Failed(failure)) => Effects { failure: Some(failure), ..Effects::default() },
        Err(Stop::Unknown(gap)) => {
            let allowed: Option<Vec<Effect>> = parameter_of(&definition.effect)
                .and_then(|name| scene.supply.allowed(name))
                .map(|values| values.iter().filter_map(|value| value.as_str().and_then(Effect::read)).collect());
            let candidates = allowed.filter(|a| !a.is_empty()).unwrap_or_else(|| possible(definition, EVERY));
            Effects { candidates, facts: gap.facts, malformed: gap.malformed, failure: None }
        }
    }
}

/// `[parameters('effect')]`
fn parameter_of(template: &Template) -> Option<&str> {
    let Template::Expression(Expression::Call { call: Call::Special(Special::Parameters), arguments }) = template
    else {
        return None;
    };
    match arguments.first() {
        Some(Expression::Text(name)) => Some(name),
        Some(Expression::Number(_) | Expression::Call { .. } | Expression::Member { .. }) | None => None,
    }
}
