//! Ways to a token other than the observed sign-in, each one hypothetical request asked of the same gate. *A token is
//! acquired, not signed in for*: cutting the observed sign-in cuts the session for that audience only if every other
//! way the attacker held is refused too.
//!
//! A hypothetical request ranges over what the attacker chooses (client, platform); addresses and devices are those
//! of the attack's own sign-ins, since nothing else is known to be held; risk, a fact of nature, stays unknown.

use super::engine::Engine;
use super::run::{StepRun, settle};
use crate::causal::World;
use crate::decide::conditional_access::PolicySet;
use crate::effect::{Audience, sign_in_request};
use crate::model::request::{Claims, SignInRequest, Stance};
use crate::model::{
    Answer, Attacker, Collected, Environment, Fact, Kind, Level, ObjectId, ResourceId, Timestamp, Word, json,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// One way to a token and what the gates say to it.
#[derive(Clone, Debug)]
pub struct Way {
    /// In words: `fresh sign-in with the password`, `session of s2`.
    pub by: String,
    pub answer: Answer,
}

/// Clients an attacker may choose from, as Conditional Access tells them apart.
const CLIENTS: &[&str] = &["browser", "mobileAppsAndDesktopClients"];
/// Platforms: read off the user agent, which the caller writes.
const PLATFORMS: &[&str] = &["windows", "macOS", "linux", "iOS", "android", "unsupported"];

/// Every way the attacker held at that time, in the world given. What had been revoked by then is none.
pub fn ways_to_token(
    engine: &Engine<'_>,
    world: &World,
    steps: &[StepRun],
    principal: &ObjectId,
    audience: &Audience,
    at: Timestamp,
) -> Vec<Way> {
    let over = |begun: Timestamp| engine.session_ended(principal, begun, at).is_some();
    let another_password = engine.password_ended(principal, at).is_some();
    let words = engine.case.words.for_principal(principal, at);
    let mut ways = Vec::new();
    for (n, event) in engine.sign_ins_of(principal) {
        if !crate::causal::not_after(event.time, at) {
            continue;
        }
        let Some(template) = sign_in_request(&world.env, event) else { continue };
        let settled = engine.settled(n, "conditional-access");
        let mut push = |by: String, claims: Claims| {
            let answer = engine.token_answers.of(world, &template, audience, claims, &words);
            ways.push(Way { by, answer: settle(answer, settled) });
        };
        let last = engine.last_of(n, at).map_or(event.time, |event| event.time);
        let lived = steps.get(n).is_some_and(StepRun::any) && !over(last);
        if lived && let Fact::Known(claims) = &template.claims {
            push(format!("session of {}", engine.step_id(n)), claims.clone());
        }
        let password = words.holds.contains(&Word::Password) || engine.password_proven(principal, at);
        if password && !another_password {
            let fresh = Claims {
                mfa: Fact::Known(false),
                methods: Fact::Known(vec!["password".to_owned()]),
                last_authentication_age_minutes: Fact::Known(0.0),
                ..Claims::default()
            };
            push("fresh sign-in with the password".to_owned(), fresh);
        }
        for word in [Word::SessionCookie, Word::RefreshToken] {
            let taken_back = engine
                .session_ended(principal, Timestamp::MIN, at)
                .is_some_and(|end| !engine.case.words.learned(word, principal, end, at));
            if words.holds.contains(&word) && !taken_back {
                let mfa = words.holds.contains(&Word::MfaClaim);
                let stolen = Claims { mfa: Fact::Known(mfa), ..Claims::default() };
                push(format!("stolen {}", word.as_str()), stolen);
            }
        }
    }
    ways
}

/// What was asked, of whom, and the answer.
type Decided = (SignInRequest, Attacker, Answer);

/// Answers to hypothetical requests, kept by the policies they were asked of: worlds that differ in nothing a sign-in
/// reads ask the same ones over and over, and so do people whom no policy tells apart.
#[derive(Default)]
pub struct TokenAnswers(Mutex<Vec<Answered>>);

/// One set of policies, with every request it answered.
struct Answered {
    policies: Arc<PolicySet>,
    /// Every text in a policy, lower case: whoever is named stands there.
    named: BTreeSet<String>,
    answers: BTreeMap<(ObjectId, Audience), Vec<Decided>>,
}

impl Answered {
    /// The request as one of anybody whom the policies tell from others by the same things.
    fn anybody(&self, mut request: SignInRequest) -> SignInRequest {
        let named = |id: &ObjectId| self.named.contains(id.as_str());
        if !named(&request.identity.id) {
            request.identity.id = ObjectId::new("anybody");
        }
        if let Fact::Known(groups) = &mut request.identity.transitive_group_ids {
            groups.retain(named);
        }
        request
    }
}

/// Sets of policies remembered at once.
const REMEMBERED: usize = 64;

impl TokenAnswers {
    /// The most that any choice of client and platform gets.
    pub(super) fn of(
        &self,
        world: &World,
        template: &SignInRequest,
        audience: &Audience,
        claims: Claims,
        words: &Attacker,
    ) -> Answer {
        let policies = world.shared_conditional_access();
        let request = hypothetical(template, audience, claims);
        let Ok(mut answered) = self.0.lock() else { return best_choice(&policies, request, words) };
        let at = match answered.iter().position(|known| Arc::ptr_eq(&known.policies, &policies)) {
            Some(at) => at,
            None => {
                if answered.len() >= REMEMBERED {
                    answered.remove(0);
                }
                let mut named = BTreeSet::new();
                world.env.bodies(Kind::ConditionalAccess).for_each(|policy| texts(policy, 0, &mut named));
                answered.push(Answered { policies: policies.clone(), named, answers: BTreeMap::new() });
                answered.len() - 1
            }
        };
        let Some(known) = answered.get_mut(at) else { return best_choice(&policies, request, words) };
        let request = known.anybody(request);
        let answers = known.answers.entry((request.identity.id.clone(), audience.clone())).or_default();
        if let Some((_, _, answer)) = answers.iter().find(|(r, w, _)| w == words && *r == request) {
            return answer.clone();
        }
        let answer = best_choice(&policies, request.clone(), words);
        answers.push((request, words.clone(), answer.clone()));
        answer
    }
}

/// Every text of a document, lower case.
fn texts(value: &serde_json::Value, depth: usize, found: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::String(text) => {
            found.insert(text.to_lowercase());
        }
        serde_json::Value::Array(items) if depth < 64 => items.iter().for_each(|item| texts(item, depth + 1, found)),
        serde_json::Value::Object(members) if depth < 64 => {
            members.values().for_each(|inner| texts(inner, depth + 1, found));
        }
        serde_json::Value::Array(_)
        | serde_json::Value::Object(_)
        | serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_) => {}
    }
}

/// The sign-in as the attacker would make it for another audience, with what is held.
fn hypothetical(template: &SignInRequest, audience: &Audience, claims: Claims) -> SignInRequest {
    let mut request = template.clone();
    let observed = template.target.resource_app_id.known().map(|id| Audience::of_application(id));
    if observed.as_ref() != Some(audience) {
        request.target.resource_app_id = Fact::Known(audience.application_id().to_owned());
        request.target.conditional_access_audiences = Fact::Known(vec![audience.application_id().to_owned()]);
        request.target.scopes = Fact::Unknown;
    }
    request.claims = Fact::Known(claims);
    // Facts of nature: what risk another sign-in would have been given is nobody's to choose.
    request.sign_in_risk_level = Fact::Unknown;
    request.user_risk_level = Fact::Unknown;
    request
}

/// The most that any choice of client and platform gets.
fn best_choice(policies: &PolicySet, mut request: SignInRequest, words: &Attacker) -> Answer {
    let mut best = policies.answer(&request, words, Stance::Hypothetical);
    for client in CLIENTS {
        for platform in PLATFORMS {
            if best.level == Level::NotCut {
                return best;
            }
            request.client_app_type = Fact::Known((*client).to_owned());
            request.device_platform = Fact::Known((*platform).to_owned());
            let answer = policies.answer(&request, words, Stance::Hypothetical);
            if answer.level > best.level {
                best = answer;
            }
        }
    }
    best
}

/// An eligibility: (id, holder, role GUID, scope).
pub type Eligibility = (String, ObjectId, String, ResourceId);

/// Whether the principal is the holder of an eligibility, or in the group that is; unknown where nobody recorded who is
/// in what may be a group.
pub(super) fn is_holder(
    env: &Environment,
    principal: &ObjectId,
    groups: &Fact<BTreeSet<ObjectId>>,
    holder: &ObjectId,
) -> Fact<bool> {
    let somebody =
        |id: &ObjectId| [Kind::Users, Kind::ServicePrincipals].iter().any(|kind| env.get(*kind, id.as_str()).is_some());
    match groups {
        _ if holder == principal => Fact::Known(true),
        Fact::Known(groups) => Fact::Known(groups.contains(holder)),
        Fact::Unknown | Fact::Absent if somebody(holder) => Fact::Known(false),
        Fact::Unknown | Fact::Absent => Fact::Unknown,
    }
}

/// What an eligibility that nobody exported would decide: whoever holds one activates what was taken from them. None
/// where eligibilities were collected, be it as an empty list, and for a machine, which is never eligible (*Assign
/// eligibility for Azure resource roles*: users and groups).
pub fn unseen_eligibility(env: &Environment, principal: &ObjectId) -> Option<Answer> {
    if env.get(Kind::ServicePrincipals, principal.as_str()).is_some() {
        return None;
    }
    match env.collected(Kind::PimEligibilities) {
        Collected::Whole => None,
        Collected::No | Collected::Partial => {
            let mut answer = Answer::of(Level::Unknown, "eligibilitiesNotCollected");
            answer.missing.insert(format!("pimEligibilities:{principal}").into());
            Some(answer)
        }
    }
}

/// Azure eligibilities of the environment.
pub fn azure_eligibilities(env: &Environment) -> Arc<Vec<Eligibility>> {
    env.derived(Kind::PimEligibilities, "azure", |documents| {
        let read = |(key, document): (&str, &crate::model::Document)| {
            let body = &document.body;
            let holder = ObjectId::new(json::text(body, "properties.principalId")?);
            let role = json::text(body, "properties.roleDefinitionId")?;
            let scope = ResourceId::new(json::text(body, "properties.scope")?);
            let id = json::text(body, "id").unwrap_or(key).to_owned();
            Some((id, holder, role.rsplit('/').next().unwrap_or(role).to_lowercase(), scope))
        };
        documents.iter().filter_map(read).collect()
    })
}

/// Entra eligibilities of the environment, the scope a directory scope.
pub(super) fn entra_eligibilities(env: &Environment) -> Arc<Vec<Eligibility>> {
    env.derived(Kind::PimEligibilities, "entra", |documents| {
        let read = |(key, document): (&str, &crate::model::Document)| {
            let body = &document.body;
            let holder = ObjectId::new(json::text(body, "principalId")?);
            let role = json::text(body, "roleDefinitionId")?;
            let scope = ResourceId::new(json::text(body, "directoryScopeId")?);
            Some((key.to_owned(), holder, role.rsplit('/').next().unwrap_or(role).to_lowercase(), scope))
        };
        documents.iter().filter_map(read).collect()
    })
}
