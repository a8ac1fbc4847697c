//! Authentication contexts, as PIM asks for them: only the policies that target the context are evaluated.
//!
//! Page: *Configure Microsoft Entra role settings in Privileged Identity Management* (on activation, require an
//! authentication context): where no policy of the tenant targets it, MFA is required as a backup; where one does but is
//! off, report-only or excludes the user, nothing is asked.

use super::answer::Registration;
use super::evaluate::{Possible, possible};
use super::facts::Facts;
use super::grant::mfa;
use super::logic::Kleene;
use super::policy::{Policy, Target};
use super::reach::Hands;
use super::{Decision, Enforcement, PolicySet};
use crate::model::request::{SignInRequest, Stance};
use crate::model::{Answer, Attacker, Fact, Truth};
use std::sync::Arc;

#[derive(Clone, Debug, PartialEq)]
pub struct ContextAnswer {
    /// The policies that target the context, whatever their state.
    pub policies: Vec<Arc<str>>,
    /// No policy targets it: MFA is required instead.
    pub backup_mfa: bool,
    /// Over these policies alone; with the backup, over none.
    pub decision: Decision,
    /// What is met, the backup included. None: unknown.
    pub enforcement: Option<Enforcement>,
    pub answer: Answer,
}

fn names(policy: &Policy, context: &str) -> bool {
    match &policy.target {
        // What cannot be read may be this context.
        Target::Contexts(contexts, odd) => contexts.iter().any(|c| c == context) || !odd.is_empty(),
        Target::UserActions(..) | Target::Resources(_) | Target::Odd(_) => false,
    }
}

impl PolicySet {
    /// Whether any policy, whatever its state, targets the context.
    pub fn targets_context(&self, context: &str) -> Truth {
        let context = context.trim().to_ascii_lowercase();
        let truths = self.policies.iter().map(|policy| match &policy.target {
            Target::Contexts(contexts, _) if contexts.contains(&context) => Truth::True,
            Target::Contexts(_, odd) if !odd.is_empty() => Truth::Unknown(odd.iter().cloned().collect()),
            Target::Contexts(..) | Target::UserActions(..) | Target::Resources(_) | Target::Odd(_) => Truth::False,
        });
        truths.fold(Truth::False, Truth::or)
    }

    /// The policies that target the context, and no others, on a sign-in that asks for it.
    pub fn context_decision(&self, context: &str, request: &SignInRequest) -> Decision {
        let context = context.trim().to_ascii_lowercase();
        let mut request = request.clone();
        request.target.authentication_contexts = Fact::Known(vec![context.clone()]);
        self.decide_over(&Facts::new(self, &request), &|policy| names(policy, &context), false)
    }

    /// Ids of the policies that target `c1`..`c99`, whatever their state.
    pub fn context_policies(&self, context: &str) -> Vec<&str> {
        let context = context.trim().to_ascii_lowercase();
        self.policies.iter().filter(|policy| names(policy, &context)).map(|policy| &*policy.id).collect()
    }

    /// The request is evaluated as one that asks for the context. (Who activates a role has not got it yet: leave it out
    /// of the request's active roles.)
    pub fn context_answer(
        &self,
        context: &str,
        request: &SignInRequest,
        attacker: &Attacker,
        stance: Stance,
    ) -> ContextAnswer {
        let context = context.trim().to_ascii_lowercase();
        let mut request = request.clone();
        request.target.authentication_contexts = Fact::Known(vec![context.clone()]);
        let facts = Facts::new(self, &request);
        let selection = |policy: &Policy| names(policy, &context);
        let policies: Vec<Arc<str>> =
            self.policies.iter().filter(|policy| selection(policy)).map(|policy| policy.id.clone()).collect();
        let decision = self.decide_over(&facts, &selection, false);
        let hands = Hands { attacker, stance };
        let backup_mfa = policies.is_empty();
        let (enforcement, answer) = match backup_mfa {
            true => {
                let met: Possible = possible(mfa::<Kleene>(&facts));
                (met.certain().map(Enforcement::of), self.backup_mfa(&facts, hands))
            }
            false => (decision.enforcement, self.answer_over(&facts, hands, Registration::Asked, &selection, false)),
        };
        ContextAnswer { policies, backup_mfa, decision, enforcement, answer }
    }
}
