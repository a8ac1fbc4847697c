//! What PIM asks of conditional access, answered by the policies of the same world.

use crate::decide::conditional_access::{Enforcement as Enforced, PolicySet};
use crate::decide::pim::{Enforcement, StepUp};
use crate::model::request::{SignInRequest, Stance};
use crate::model::{Answer, Attacker, Missing, Truth};

pub struct Contexts<'a>(pub &'a PolicySet);

impl StepUp for Contexts<'_> {
    fn targeted(&self, context: &str) -> Truth {
        self.0.targets_context(context)
    }

    fn enforce(&self, context: &str, sign_in: &SignInRequest) -> Enforcement {
        match self.0.context_decision(context, sign_in).enforcement {
            Some(Enforced::Granted) => Enforcement::Granted,
            Some(Enforced::Interrupted) => Enforcement::Interrupted,
            Some(Enforced::Denied) => Enforcement::Denied,
            None => Enforcement::Unknown(Missing::from(["signIn".into()])),
        }
    }

    fn answer(&self, context: &str, sign_in: &SignInRequest, attacker: &Attacker, stance: Stance) -> Answer {
        self.0.context_answer(context, sign_in, attacker, stance).answer
    }
}
