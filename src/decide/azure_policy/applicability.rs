//! Whether a resource is *applicable* to a definition: what tells `notApplicable` from `compliant` in a report. It never
//! changes a decision.
//!
//! Source: *What is applicability in Azure Policy?*: "Azure Policy evaluates only `type`, `name`, and `kind` conditions
//! in the policy rule `if` expression and treats other conditions as true (or false when negated)." A condition that
//! looks at nothing (`{ "value": "false", "equals": "true" }`, the rule of the static regulatory definitions) is what it
//! is: those apply to no resource.

use super::condition::{Condition, Test};
use super::definition::{Definition, Leaves};
use super::evaluate::Scene;
use super::field::Field;
use super::outcome::{all, any};
use crate::model::Truth;

/// Which kinds of leaves count; the others are taken as they would be if they held.
#[derive(Clone, Copy)]
struct Counted {
    types: bool,
    names: bool,
    kinds: bool,
}

pub(super) fn applicable<'s>(scene: &Scene<'s>, definition: &'s Definition) -> Truth {
    let Leaves { types, names, kinds, others } = definition.leaves;
    let counted = match (types, names, kinds, others) {
        // "When the if conditions consist of only kind (name) conditions: the policy is applicable to all resources."
        (false, true, false, false) | (false, false, true, false) => return Truth::True,
        // "... of only type and kind (name) conditions: only type conditions are considered."
        (true, true, false, false) | (true, false, true, false) => Counted { types: true, names: false, kinds: false },
        _ => Counted { types: true, names: true, kinds: true },
    };
    reaches(scene, &definition.rule, counted, false)
}

fn reaches<'s>(scene: &Scene<'s>, condition: &'s Condition, counted: Counted, negated: bool) -> Truth {
    match &condition.test {
        Test::All(items) => all(items.iter().map(|item| reaches(scene, item, counted, negated))),
        Test::Any(items) => any(items.iter().map(|item| reaches(scene, item, counted, negated))),
        Test::Not(inner) => reaches(scene, inner, counted, !negated).not(),
        Test::Compare { .. } | Test::Unsupported(_) => {
            let counts = match condition.plain_field() {
                Some(Field::Type) => counted.types,
                Some(Field::Name) => counted.names,
                Some(Field::Kind) => counted.kinds,
                Some(_) | None => false,
            };
            if !counts && !condition.is_constant() {
                return (!negated).into();
            }
            let outcome = scene.rule(condition);
            if outcome.holds() {
                Truth::True
            } else if outcome.misses() {
                Truth::False
            } else {
                Truth::Unknown(outcome.facts)
            }
        }
    }
}
