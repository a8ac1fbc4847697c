//! How policies are put together: applicability of each, what the applicable ones demand, and what the session already
//! meets. Everything is computed over *sets of results still possible*, so that an unknown never hides a certain refusal.
//!
//! Page: *Building a Conditional Access policy* (phases: collect, then enforce; every policy that applies must be
//! satisfied; `block` ends it).

use super::PolicySet;
use super::built_in::BuiltIn;
use super::conditions::CHECKS;
use super::document::Odd;
use super::facts::Facts;
use super::grant::{Control, Operator, Standing};
use super::identity::Who;
use super::logic::{Kleene, Logic};
use super::policy::{Policy, REGISTER_SECURITY_INFO, State, Target};
use super::session;
use crate::model::{Fact, Missing, Truth};

/// A non-empty set of levels that are still possible, one bit a level, mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Possible(u8);

impl Possible {
    pub const fn only(level: u8) -> Possible {
        Possible(1 << level)
    }

    pub fn either(self, other: Possible) -> Possible {
        Possible(self.0 | other.0)
    }

    pub fn holds(self, level: u8) -> bool {
        self.0 & (1 << level) != 0
    }

    pub fn mildest(self) -> u8 {
        self.0.trailing_zeros() as u8
    }

    pub fn certain(self) -> Option<u8> {
        (self.0.count_ones() == 1).then(|| self.mildest())
    }

    /// Both are demanded: the worse of each pair.
    pub fn and(self, other: Possible) -> Possible {
        self.combine(other, u8::max)
    }

    /// One is enough: the milder of each pair.
    pub fn or(self, other: Possible) -> Possible {
        self.combine(other, u8::min)
    }

    fn combine(self, other: Possible, pick: fn(u8, u8) -> u8) -> Possible {
        let mut result = 0;
        for a in 0..4 {
            for b in 0..4 {
                if self.holds(a) && other.holds(b) {
                    result |= 1 << pick(a, b);
                }
            }
        }
        Possible(result)
    }
}

/// Levels of enforcement.
pub(super) const GRANTED: u8 = 0;
pub(super) const INTERRUPTED: u8 = 1;
pub(super) const DENIED: u8 = 2;

/// Levels of outcome.
pub(super) const NOT_APPLICABLE: u8 = 0;
pub(super) const NO_GRANT_CONTROLS: u8 = 1;
pub(super) const CONTROLS_REQUIRED: u8 = 2;
pub(super) const BLOCK: u8 = 3;

/// What a met or unmet demand comes to.
fn enforcement(met: Kleene, interactive: Kleene) -> Possible {
    let unmet = match interactive {
        Kleene::True => Possible::only(INTERRUPTED),
        Kleene::False => Possible::only(DENIED),
        Kleene::Unknown => Possible::only(INTERRUPTED).either(Possible::only(DENIED)),
    };
    match met {
        Kleene::True => Possible::only(GRANTED),
        Kleene::False => unmet,
        Kleene::Unknown => Possible::only(GRANTED).either(unmet),
    }
}

impl<L: Logic> Standing<L> {
    pub fn met(self) -> L {
        self.gate.and(|| self.inner)
    }
}

pub(super) fn possible(standing: Standing<Kleene>) -> Possible {
    let interactive = standing.gate.and(|| standing.interactive);
    enforcement(standing.met(), interactive)
}

/// The facts a standing turns on.
pub(super) fn missing(standing: Standing<Truth>, into: &mut Missing) {
    let Standing { gate, inner, interactive, .. } = standing;
    let met = Logic::and(gate.clone(), || inner);
    if met.is_true() {
        return;
    }
    collect(met, into);
    collect(Logic::and(gate, || interactive), into);
}

pub(super) fn collect(truth: Truth, into: &mut Missing) {
    match truth {
        Truth::True | Truth::False => {}
        Truth::Unknown(facts) => into.extend(facts),
    }
}

/// The policies a question is about: all of a set, or those that target one authentication context.
pub(super) type Selection<'a> = &'a dyn Fn(&Policy) -> bool;

impl Policy {
    /// Each condition's name and value, in the order in which they are worth asking.
    fn conditions<'f, L: Logic + 'f>(&'f self, facts: &'f Facts) -> impl Iterator<Item = (&'static str, L)> + 'f {
        let who = std::iter::once_with(|| (Who::reason(facts), self.who.applies(facts)));
        let target = std::iter::once_with(|| (self.target_reason(), self.targets(facts)));
        let state = std::iter::once_with(|| {
            let state = match &self.state {
                State::Odd(pointer) => L::unknown(|| pointer.clone()),
                State::Enabled | State::ReportOnly | State::Disabled => L::known(true),
            };
            ("", state)
        });
        let others = CHECKS.iter().map(|(name, check)| (*name, self.conditions.check(*check, facts)));
        who.chain(target).chain(others).chain(state)
    }

    pub fn applies_to<L: Logic>(&self, facts: &Facts) -> L {
        if !self.is_evaluated() {
            return L::known(false);
        }
        let mut result = L::known(true);
        for (_, value) in self.conditions::<L>(facts) {
            result = result.and(|| value);
            if result.kleene() == Kleene::False {
                break;
            }
        }
        result
    }

    /// Every condition that is known to be false.
    pub fn reasons(&self, facts: &Facts) -> Vec<&'static str> {
        if !self.is_evaluated() {
            return vec!["policyNotEnabled"];
        }
        let failed = |(name, value): (&'static str, Kleene)| (value == Kleene::False).then_some(name);
        self.conditions::<Kleene>(facts).filter_map(failed).collect()
    }

    /// The outcome it brings where it applies.
    pub fn outcome(&self) -> Possible {
        if self.grant.blocks() {
            return Possible::only(BLOCK);
        }
        let beside = match (self.grant.controls.is_empty(), self.session.is_empty()) {
            (false, _) => CONTROLS_REQUIRED,
            (true, false) => NO_GRANT_CONTROLS,
            (true, true) => NOT_APPLICABLE,
        };
        match self.grant.odd.is_empty() {
            true => Possible::only(beside),
            false => Possible::only(beside).either(Possible::only(CONTROLS_REQUIRED)).either(Possible::only(BLOCK)),
        }
    }
}

impl PolicySet {
    /// Whether a strength that targets the user action stands, for this interrupt, in the place of the strengths of
    /// policies on all resources.
    pub(super) fn strength_is_replaced<L: Logic>(&self, policy: &Policy, facts: &Facts) -> L {
        let registering = matches!(facts.action(), Fact::Known(action) if action == REGISTER_SECURITY_INFO);
        let on_all = match &policy.target {
            Target::Resources(resources) => resources.includes_all(),
            Target::UserActions(..) | Target::Contexts(..) | Target::Odd(_) => false,
        };
        if !(registering && on_all) {
            return L::known(false);
        }
        let others = self.policies.iter().filter(|other| {
            other.may_be_enforced()
                && other.grant.strength().is_some()
                && matches!(other.target, Target::UserActions(..))
        });
        L::any(others, |other| other.applies_to(facts))
    }

    pub(super) fn standing<L: Logic>(&self, policy: &Policy, control: &Control, facts: &Facts) -> Standing<L> {
        control.standing(facts, || self.strength_is_replaced(policy, facts))
    }

    /// What a policy that applies comes to, with what the session carries.
    pub(super) fn demands(&self, policy: &Policy, facts: &Facts) -> Possible {
        if policy.grant.blocks() {
            return Possible::only(DENIED);
        }
        let mut result = self.grants(policy, facts);
        let any = Possible::only(GRANTED).either(Possible::only(INTERRUPTED)).either(Possible::only(DENIED));
        if !policy.grant.odd.is_empty() || !policy.session.odd.is_empty() {
            result = result.and(any).either(result);
        }
        if let Some(frequency) = &policy.session.frequency {
            result = result.and(enforcement(frequency.is_met(facts), Kleene::True));
        }
        if policy.session.token_protection {
            result = result.and(enforcement(self.token_is_protected(facts), Kleene::False));
        }
        result
    }

    pub(super) fn token_is_protected<L: Logic>(&self, facts: &Facts) -> L {
        session::is_bound_or_not_covered(facts, &self.groups)
    }

    fn grants(&self, policy: &Policy, facts: &Facts) -> Possible {
        let each = || policy.grant.controls.iter().map(|control| possible(self.standing(policy, control, facts)));
        let all = || each().reduce(Possible::and).unwrap_or(Possible::only(GRANTED));
        let one = || each().reduce(Possible::or).unwrap_or(Possible::only(GRANTED));
        match policy.grant.operator {
            Operator::And => all(),
            Operator::Or => one(),
            Operator::Odd => all().either(one()),
        }
    }

    /// The facts on which it turns what a policy comes to.
    pub(super) fn missing_of(&self, policy: &Policy, facts: &Facts, into: &mut Missing) {
        let odd = |pointers: &Odd, into: &mut Missing| into.extend(pointers.iter().cloned());
        collect(policy.applies_to::<Truth>(facts), into);
        if policy.grant.blocks() {
            return;
        }
        if self.grants(policy, facts).certain().is_none() {
            for control in &policy.grant.controls {
                missing(self.standing(policy, control, facts), into);
            }
            if policy.grant.operator == Operator::Odd {
                into.insert("/grantControls/operator".into());
            }
        }
        odd(&policy.grant.odd, into);
        odd(&policy.session.odd, into);
        if let Some(frequency) = &policy.session.frequency {
            collect(frequency.is_met(facts), into);
        }
        if policy.session.token_protection {
            collect(self.token_is_protected(facts), into);
        }
    }

    /// What a policy adds to the enforcement, whether or not it applies.
    pub(super) fn contribution(&self, policy: &Policy, facts: &Facts) -> Possible {
        match policy.applies_to::<Kleene>(facts) {
            Kleene::False => Possible::only(GRANTED),
            Kleene::True => self.demands(policy, facts),
            Kleene::Unknown => Possible::only(GRANTED).either(self.demands(policy, facts)),
        }
    }

    /// Everything that is enforced, together.
    pub(super) fn enforced(&self, facts: &Facts, selection: Selection, built_in: bool) -> Possible {
        let mut result = Possible::only(GRANTED);
        for policy in self.policies.iter().filter(|policy| policy.may_be_enforced() && selection(policy)) {
            result = result.and(self.contribution(policy, facts));
        }
        if built_in {
            for gate in BuiltIn::ALL {
                result = result.and(gate.contribution(self, facts));
            }
        }
        result
    }
}
