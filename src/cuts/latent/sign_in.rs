//! Tokens of whoever the attacker acts as.

use super::state::{Fact, State};
use crate::effect::Audience;
use crate::model::{Answer, Collection, Fact as Recorded, Kind, ObjectId};
use crate::replay::{unrecorded_sign_in, ways_to_token};
use std::sync::Arc;

/// What a sign-in is decided by.
const SIGN_IN: &[Kind] = &[
    Kind::ConditionalAccess,
    Kind::NamedLocations,
    Kind::GroupMembers,
    Kind::DirectoryRoles,
    Kind::Users,
    Kind::ServicePrincipals,
];

impl State<'_> {
    /// Tokens of every principal the attacker controls, for every audience that matters.
    pub fn sessions(&mut self) {
        let controlled: Vec<(ObjectId, usize)> = self
            .facts
            .iter()
            .filter_map(|(fact, node)| match fact {
                Fact::Controls(principal) => Some((principal.clone(), *node)),
                _ => None,
            })
            .collect();
        for (principal, known_by) in controlled {
            for audience in [Audience::ResourceManager, Audience::Storage, Audience::KeyVault, Audience::Graph] {
                let fact = Fact::Session(principal.clone(), audience.clone());
                let by = || SIGN_IN.iter().map(|kind| self.world.env.shared(*kind).cloned()).collect::<Vec<_>>();
                let tried = (principal.clone(), audience.clone());
                if self.has(&fact) || self.refused.get(&tried).is_some_and(|before| unchanged(before, &by())) {
                    continue;
                }
                let Some((by, answer)) = self.token(&principal, &audience) else {
                    let by = by();
                    self.refused.insert(tried, by);
                    continue;
                };
                {
                    let mut node = self.node("SignIn", principal.as_str(), audience.application_id(), &by);
                    node.needs.insert(known_by);
                    if let Some(step) = by.strip_prefix("session of ") {
                        let observed =
                            self.nodes.iter().position(|n| n.step.is_some_and(|s| self.engine.step_id(s) == step));
                        node.needs.extend(observed);
                    }
                    node.words = answer.words;
                    node.missing = answer.missing;
                    // Policies taken away on the way here are what lets this sign-in through.
                    node.needs.extend(self.node_of(&Fact::ConditionalAccessGone));
                    self.derive(fact, node);
                }
            }
        }
    }

    /// The first way to a token that this stage lets pass, the surest first.
    fn token(&self, principal: &ObjectId, audience: &Audience) -> Option<(String, Answer)> {
        if self.is_machine_identity(principal) {
            return Some(("token of a managed identity".to_owned(), Answer::allowed("managedIdentity")));
        }
        if self.world.env.get(Kind::ServicePrincipals, principal.as_str()).is_some() {
            let answer = self.workload_answer(principal, audience);
            return self.stage.passes(answer.level).then(|| ("client credential".to_owned(), answer));
        }
        let mut ways = ways_to_token(self.engine, &self.world, &self.run.steps, principal, audience, self.at);
        // A credential made on the way is another than those that were ended.
        let made = self.node_of(&Fact::Controls(principal.clone())).and_then(|node| self.nodes.get(node));
        if made.is_some_and(|node| node.action != "hold") || self.engine.sign_ins_of(principal).next().is_none() {
            let answer = self.stranger_answer(principal, audience);
            ways.push(crate::replay::Way { by: "fresh sign-in with the password".to_owned(), answer });
        }
        ways.into_iter()
            .filter(|way| self.stage.passes(way.answer.level))
            .max_by_key(|way| way.answer.level)
            .map(|way| (way.by, way.answer))
    }

    /// A sign-in by a principal whose sign-ins the attack never made: the facts of the attack's own sign-ins with
    /// that identity.
    fn stranger_answer(&self, principal: &ObjectId, audience: &Audience) -> Answer {
        let template = self.engine.signed_in_principals().find_map(|p| self.engine.sign_ins_of(p).next());
        let Some((_, event)) = template else {
            return unrecorded_sign_in(self.engine, &self.world, principal, audience, self.at);
        };
        let mut event = event.clone();
        event.actor.id = Some(principal.clone());
        event.actor.upn = None;
        let Some(mut request) = crate::effect::sign_in_request(&self.world.env, &event) else {
            return Answer::refused("no sign-in");
        };
        request.target.resource_app_id = Recorded::Known(audience.application_id().to_owned());
        request.target.conditional_access_audiences = Recorded::Known(vec![audience.application_id().to_owned()]);
        request.sign_in_risk_level = Recorded::Unknown;
        request.user_risk_level = Recorded::Unknown;
        let attacker = self.attacker(principal);
        self.world.conditional_access().answer(&request, &attacker, crate::model::request::Stance::Hypothetical)
    }

    fn workload_answer(&self, principal: &ObjectId, audience: &Audience) -> Answer {
        use crate::model::request::{IdentityKind, SignInRequest, Stance, TargetKind};
        let address = self
            .engine
            .signed_in_principals()
            .find_map(|p| self.engine.sign_ins_of(p).next())
            .and_then(|(_, e)| e.source_ip.known().map(|ip| ip.to_string()));
        let mut request =
            SignInRequest::unknown(IdentityKind::ServicePrincipal, principal.clone(), TargetKind::Application);
        request.identity.external_user_type = Recorded::Absent;
        request.identity.single_tenant_in_this_tenant = crate::effect::single_tenant(&self.world.env, principal);
        request.target.resource_app_id = Recorded::Known(audience.application_id().to_owned());
        request.target.authentication_contexts = Recorded::Known(Vec::new());
        request.ip_address = Recorded::from(address);
        request.device = Recorded::Absent;
        let attacker = self.attacker(principal);
        self.world.conditional_access().answer(&request, &attacker, Stance::Hypothetical)
    }
}

fn unchanged(before: &[Option<Arc<Collection>>], now: &[Option<Arc<Collection>>]) -> bool {
    before.iter().zip(now).all(|(a, b)| match (a, b) {
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    })
}
