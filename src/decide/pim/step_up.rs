//! What PIM asks of conditional access: the policies that target an authentication context, at the activation's own
//! sign-in. The only place where the one gate meets the other.
//!
//! Source: *Configure Microsoft Entra role settings in Privileged Identity Management* (On activation, require
//! Microsoft Entra Conditional Access authentication context).

use super::ask::Ask;
use crate::decide::conditional_access::{self, PolicySet};
use crate::model::request::{ActivationRequest, Claims, IdentityKind, SignInRequest, Stance, TargetKind};
use crate::model::{Answer, Attacker, Fact, Level, Missing, ObjectId, Truth};

/// What the policies on a context make of a sign-in.
#[derive(Clone, Debug, PartialEq)]
pub enum Enforcement {
    /// Satisfied, or none applies.
    Granted,
    /// Something interactive is outstanding.
    Interrupted,
    /// Blocked, or something is asked that cannot be given interactively.
    Denied,
    Unknown(Missing),
}

pub trait StepUp {
    /// Whether a policy of the tenant, in whatever state, targets the context.
    fn targeted(&self, context: &str) -> Truth;
    /// Those policies, and no others, on this sign-in. Facts are named `signIn...`, as conditional access names them.
    fn enforce(&self, context: &str, sign_in: &SignInRequest) -> Enforcement;
    fn answer(&self, context: &str, sign_in: &SignInRequest, attacker: &Attacker, stance: Stance) -> Answer;
}

/// The tenant's policies; `None` where they were not collected.
impl StepUp for Option<&PolicySet> {
    fn targeted(&self, context: &str) -> Truth {
        self.map_or_else(|| Truth::missing(POLICIES), |policies| policies.targets_context(context))
    }

    fn enforce(&self, context: &str, sign_in: &SignInRequest) -> Enforcement {
        let Some(policies) = self else { return Enforcement::Unknown(Missing::from([POLICIES.into()])) };
        let decision = policies.context_decision(context, sign_in);
        match decision.enforcement {
            Some(conditional_access::Enforcement::Granted) => Enforcement::Granted,
            Some(conditional_access::Enforcement::Interrupted) => Enforcement::Interrupted,
            Some(conditional_access::Enforcement::Denied) => Enforcement::Denied,
            None => Enforcement::Unknown(decision.missing),
        }
    }

    fn answer(&self, context: &str, sign_in: &SignInRequest, attacker: &Attacker, stance: Stance) -> Answer {
        match self {
            Some(policies) => policies.context_answer(context, sign_in, attacker, stance).answer,
            None => Answer { missing: Missing::from([POLICIES.into()]), ..Answer::of(Level::Unknown, "context") },
        }
    }
}

const POLICIES: &str = "snapshot.conditionalAccessPolicies";

/// The session's sign-in, asking for the role's context, while the principal has not yet the role.
pub(super) fn sign_in(asked: &ActivationRequest, ask: &Ask, mfa: &Truth, context: &str) -> SignInRequest {
    let mut sign_in = asked.session.sign_in.clone().unwrap_or_else(|| unrecorded(ask));
    sign_in.target.authentication_contexts = Fact::Known(vec![context.to_owned()]);
    if sign_in.identity.transitive_group_ids.is_unknown() {
        sign_in.identity.transitive_group_ids = asked.transitive_group_ids.clone();
    }
    if let (Fact::Known(roles), Ok(role)) = (&mut sign_in.identity.directory_role_template_ids, &ask.role) {
        roles.retain(|held| held.as_str() != role);
    }
    let mfa = match mfa {
        Truth::True => Fact::Known(true),
        Truth::False => Fact::Known(false),
        Truth::Unknown(_) => Fact::Unknown,
    };
    match &mut sign_in.claims {
        Fact::Known(claims) if claims.mfa.is_unknown() => claims.mfa = mfa,
        Fact::Known(_) | Fact::Absent => {}
        Fact::Unknown => sign_in.claims = Fact::Known(Claims { mfa, ..Claims::default() }),
    }
    sign_in
}

/// A sign-in of which only the user is on record.
fn unrecorded(ask: &Ask) -> SignInRequest {
    let id = ask.principal.as_ref().cloned().unwrap_or_else(|_| ObjectId::new(""));
    SignInRequest::unknown(IdentityKind::User, id, TargetKind::Application)
}
