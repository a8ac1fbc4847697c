//! One step in one world: every gate asked, every need looked up.

use super::data::{data_parts, data_request};
use super::engine::Engine;
use super::run::{Stage, StepRun, settle};
use super::stretch::{LONGEST, SHORTEST};
use super::token::{is_holder, unseen_eligibility, ways_to_token};
use crate::causal::{Support, SupportFrom, World};
use crate::effect::{arm_request, policy_context, policy_request, sign_in_request};
use crate::model::request::{ActivationRequest, ArmPrincipal, ArmRequest, SessionFacts, Stance};
use crate::model::{
    Answer, ArmDetail, Collected, Detail, Environment, Event, Fact, Kind, Level, ObjectId, ResourceId, Timestamp, Word,
    json,
};
use serde_json::json;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GateName {
    ConditionalAccess,
    Pim,
    AzureRbac,
    AzurePolicy,
    Storage,
}

impl GateName {
    pub fn word(self) -> &'static str {
        match self {
            GateName::ConditionalAccess => "conditional-access",
            GateName::Pim => "pim",
            GateName::AzureRbac => "azure-rbac",
            GateName::AzurePolicy => "azure-policy",
            GateName::Storage => "storage",
        }
    }
}

/// A gate that is asked, or something the step needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PartKind {
    Gate(GateName),
    Token,
    Session,
    Credential,
    /// A grant that allows the call.
    Privilege,
    Key,
    Exists(ResourceId),
}

/// One of the things a step is the minimum over.
#[derive(Clone, Debug)]
pub struct Part {
    pub kind: PartKind,
    pub answer: Answer,
    /// The earlier step whose yield failed, where that is why.
    pub via: Option<usize>,
    pub assumes: Vec<String>,
    /// What cannot be explained and is held all the same.
    pub held: Option<String>,
}

impl Part {
    pub(super) fn gate(gate: GateName, answer: Answer) -> Part {
        Part { kind: PartKind::Gate(gate), answer, via: None, assumes: Vec::new(), held: None }
    }

    fn need(kind: PartKind, answer: Answer, via: Option<usize>) -> Part {
        Part { kind, answer, via, assumes: Vec::new(), held: None }
    }

    /// A name for the need or gate, stable across worlds.
    pub fn name(&self) -> String {
        match &self.kind {
            PartKind::Gate(gate) => gate.word().to_owned(),
            PartKind::Token => "token".to_owned(),
            PartKind::Session => "session".to_owned(),
            PartKind::Credential => "credential".to_owned(),
            PartKind::Privilege => "privilege".to_owned(),
            PartKind::Key => "key".to_owned(),
            PartKind::Exists(id) => format!("exists({})", id.folded()),
        }
    }
}

/// All parts of one step in one world.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub parts: Vec<Part>,
}

impl Asked {
    pub fn passes(&self, stage: Stage) -> bool {
        self.parts.iter().all(|part| stage.passes(part.answer.level))
    }
}

/// Asks everything about a step. Parts that the factual run could not explain are held; facts that a recorded success
/// settled are settled.
pub fn ask(engine: &Engine<'_>, world: &World, steps: &[StepRun], step: usize, event: &Event) -> Asked {
    let mut parts = raw(engine, world, steps, step, event);
    for part in &mut parts {
        let name = part.name();
        if let Some(waiver) = engine.waiver_of(step, &name) {
            part.held = Some(waiver.need.clone());
            if waiver.covers(part) {
                part.answer = Answer::allowed("unexplained");
                part.via = None;
                // A role that nothing explains is still stopped by what stops every role.
                let stopped = match part.kind {
                    PartKind::Gate(GateName::AzureRbac | GateName::Pim) | PartKind::Privilege => {
                        with_every_role(engine, world, step, event)
                    }
                    _ => None,
                };
                let Some(answer) = stopped else { continue };
                let whole = Part { held: part.held.clone(), ..Part::gate(GateName::AzureRbac, answer) };
                if waiver.covers(&whole) {
                    continue;
                }
                *part = whole;
            }
        }
        let answer = std::mem::replace(&mut part.answer, Answer::allowed(""));
        part.answer = settle(answer, engine.settled(step, &name));
    }
    Asked { parts }
}

/// What Azure RBAC says of a step's call by somebody who holds every role there; none where that is a plain yes.
fn with_every_role(engine: &Engine<'_>, world: &World, step: usize, event: &Event) -> Option<Answer> {
    let request = match &event.detail {
        Detail::Arm(_) => arm_request(&world.env, event)?.1,
        Detail::Data(detail) => data_request(&world.env, event, detail)?,
        Detail::SignIn(_) | Detail::Directory(_) | Detail::Alert(_) | Detail::Context(_) => return None,
    };
    let principal = world.principal(engine.links(step).principal.as_ref()?, event.actor.kind);
    whoever_asks(world, &principal, &request)
}

/// What Azure RBAC says of a call whatever role the caller came by; none where that is a plain yes.
fn whoever_asks(world: &World, principal: &ArmPrincipal, request: &ArmRequest) -> Option<Answer> {
    let role = "/providers/Microsoft.Authorization/roleDefinitions/every-role";
    let definition = json!({ "id": role, "name": "every-role", "properties": { "roleName": "every role",
        "assignableScopes": ["/"], "permissions": [{ "actions": ["*"], "dataActions": ["*"] }] } });
    let assignment = json!({ "id": "/providers/Microsoft.Authorization/roleAssignments/every-role",
        "name": "every-role", "properties": { "roleDefinitionId": role, "principalId": principal.id.as_str(),
        "scope": "/" } });
    let rbac = world.rbac().with_role_definition(&definition).with_assignment(&assignment);
    let answer = rbac.answer(principal, request);
    match answer.level {
        Level::NotCut => None,
        Level::Cut => matches!(answer.reason.as_str(), "lock" | "denyAssignment").then_some(answer),
        Level::Challenged | Level::Unknown => Some(answer),
    }
}

/// What an eligibility that nobody exported would decide about a call; none where there is none, or where a lock or a
/// deny assignment refuses whoever activates what.
pub fn unseen_right(world: &World, principal: &ArmPrincipal, request: &ArmRequest) -> Option<Answer> {
    let mut unseen = unseen_eligibility(&world.env, &principal.id)?;
    let Some(whoever) = whoever_asks(world, principal, request) else { return Some(unseen) };
    unseen.missing.extend(whoever.missing);
    (whoever.level == Level::Unknown).then_some(unseen)
}

pub(super) fn passed(steps: &[StepRun], step: usize) -> bool {
    steps.get(step).is_some_and(StepRun::any)
}

fn raw(engine: &Engine<'_>, world: &World, steps: &[StepRun], step: usize, event: &Event) -> Vec<Part> {
    let links = engine.links(step);
    let mut parts = Vec::new();
    if let Some(session) = &links.session {
        parts.push(from_support(engine, steps, PartKind::Session, session, links.principal.as_ref(), event.time));
    }
    // Any of several credentials will do; where none was obtained, the earliest step that failed says why.
    let lives = |support: &&Support| match support.from {
        SupportFrom::Step(n) => passed(steps, n),
        SupportFrom::Environment | SupportFrom::Held(_) => true,
    };
    if let Some(credential) = links.credential.iter().find(lives).or(links.credential.first()) {
        let whose = links.principal.as_ref();
        parts.push(from_support(engine, steps, PartKind::Credential, credential, whose, event.time));
    }
    if let Some(token) = &links.token {
        parts.push(token_part(engine, world, steps, token, event.time));
    }
    if let Some(key) = &links.key {
        parts.push(key_part(engine, steps, key));
    }
    for id in &links.exists {
        parts.push(exists_part(engine, world, steps, id));
    }
    match &event.detail {
        Detail::SignIn(_) => {
            if let (Some(request), Some(principal)) = (sign_in_request(&world.env, event), &links.principal) {
                let attacker = engine.case.words.for_principal(principal, event.time);
                let answer = world.conditional_access().answer(&request, &attacker, Stance::Observed);
                parts.push(Part::gate(GateName::ConditionalAccess, answer));
            }
        }
        Detail::Arm(detail) => arm_parts(engine, world, steps, step, event, detail, &mut parts),
        Detail::Data(detail) => data_parts(engine, world, steps, step, event, detail, &mut parts),
        Detail::Directory(_) => {
            parts.extend(super::directory::directory_right(engine, world, steps, step, event));
        }
        Detail::Alert(_) | Detail::Context(_) => {}
    }
    parts
}

/// A need with one support. A session ends when it is revoked, a password when it is another.
fn from_support(
    engine: &Engine<'_>,
    steps: &[StepRun],
    kind: PartKind,
    support: &Support,
    principal: Option<&ObjectId>,
    at: Timestamp,
) -> Part {
    let ended = match (&support.from, principal) {
        (SupportFrom::Step(n), Some(principal)) if kind == PartKind::Session && passed(steps, *n) => {
            engine.last_of(*n, at).and_then(|event| engine.session_ended(principal, event.time, at))
        }
        (SupportFrom::Held(Word::Password), Some(principal)) => engine.password_ended(principal, at),
        _ => None,
    };
    if let Some(ended) = ended {
        return Part::need(kind, Answer::refused(format!("it ended at {ended}")), None);
    }
    match &support.from {
        SupportFrom::Step(n) if !passed(steps, *n) => {
            let answer = Answer::refused(format!("{} did not happen", engine.step_id(*n)));
            let mut part = Part::need(kind, answer, Some(*n));
            if support.basis == "assumed" {
                part.assumes.push(support.by.clone());
            }
            part
        }
        SupportFrom::Step(_) | SupportFrom::Environment | SupportFrom::Held(_) => {
            Part::need(kind, Answer::allowed(support.by.clone()), None)
        }
    }
}

/// Whether the token that a sign-in step gave is still one. Without a revocation the session goes on by refresh; after
/// one, an access token lives until it expires: 60 to 90 minutes, at random (*Configurable token lifetimes*).
pub fn token_lives(engine: &Engine<'_>, principal: &ObjectId, step: usize, at: Timestamp) -> Answer {
    let issued = engine.last_of(step, at).filter(|event| matches!(event.detail, Detail::SignIn(_)));
    let Some(issued) = issued else { return Answer::allowed("token") };
    let Some(ended) = engine.session_ended(principal, issued.time, at) else { return Answer::allowed("token") };
    let age = at.duration_since(issued.time);
    if age <= SHORTEST {
        Answer::allowed("token")
    } else if age <= LONGEST {
        let mut answer = Answer::of(Level::Unknown, "tokenLifetime");
        answer.missing.insert(format!("token lifetime of {}", engine.step_id(step)).into());
        answer
    } else {
        Answer::refused(format!("sessions ended at {ended}, and the token of {} expired", engine.step_id(step)))
    }
}

fn token_of(engine: &Engine<'_>, principal: &ObjectId, step: usize, support: &Support, at: Timestamp) -> Answer {
    let answer = token_lives(engine, principal, step, at);
    match answer.level {
        Level::NotCut => Answer::allowed(support.by.clone()),
        Level::Cut | Level::Challenged | Level::Unknown => answer,
    }
}

fn token_part(
    engine: &Engine<'_>,
    world: &World,
    steps: &[StepRun],
    link: &crate::causal::TokenLink,
    at: Timestamp,
) -> Part {
    let observed: Vec<(usize, &Support)> = link
        .supports
        .iter()
        .filter_map(|s| match s.from {
            SupportFrom::Step(n) => Some((n, s)),
            SupportFrom::Environment | SupportFrom::Held(_) => None,
        })
        .collect();
    let held = observed.iter().filter(|(n, _)| passed(steps, *n));
    let held = held.map(|(n, support)| token_of(engine, &link.principal, *n, support, at)).max_by_key(|a| a.level);
    if let Some(answer) = &held
        && answer.level == Level::NotCut
    {
        return Part::need(PartKind::Token, answer.clone(), None);
    }
    let via = observed.iter().map(|(n, _)| *n).filter(|n| !passed(steps, *n)).min();
    let ways = ways_to_token(engine, world, steps, &link.principal, &link.audience, at);
    let best = ways.into_iter().map(|way| way.answer).chain(held).max_by_key(|answer| answer.level);
    let mut part = match best {
        Some(answer) => Part::need(PartKind::Token, answer, via),
        None => Part::need(PartKind::Token, Answer::refused("no way to the token"), via),
    };
    if let Some((_, support)) = observed.first()
        && support.basis == "assumed"
    {
        part.assumes.push(support.by.clone());
    }
    part
}

fn key_part(engine: &Engine<'_>, steps: &[StepRun], link: &crate::causal::KeyLink) -> Part {
    let held = link.supports.iter().any(|s| matches!(s.from, SupportFrom::Held(_)));
    let live = link.supports.iter().any(|s| matches!(s.from, SupportFrom::Step(n) if passed(steps, n)));
    if held || live {
        return Part::need(PartKind::Key, Answer::allowed("key"), None);
    }
    let via = link.supports.iter().find_map(|s| match s.from {
        SupportFrom::Step(n) => Some(n),
        SupportFrom::Environment | SupportFrom::Held(_) => None,
    });
    let reason = match via {
        Some(n) => format!("{} did not happen: no key", engine.step_id(n)),
        None => "nothing on record gave the key".to_owned(),
    };
    let mut part = Part::need(PartKind::Key, Answer::refused(reason), via);
    part.assumes.extend(link.assumes.clone());
    part
}

/// Existence of a resource group or parent, in this world's environment.
fn exists_part(engine: &Engine<'_>, world: &World, steps: &[StepRun], id: &ResourceId) -> Part {
    let kind = PartKind::Exists(id.clone());
    if world.env.resource(id).is_some() {
        return Part::need(kind, Answer::allowed("exists"), None);
    }
    if let Some(maker) = engine.maker_of(id)
        && !passed(steps, maker)
    {
        let answer = Answer::refused(format!("{} did not make it", engine.step_id(maker)));
        return Part::need(kind, answer, Some(maker));
    }
    let container = id.resource_group().as_ref() == Some(id);
    let of = if container { Kind::Containers } else { Kind::Resources };
    match world.env.collected(of) {
        Collected::Whole => {
            let what = if container { "resource group" } else { "resource" };
            let reason = format!("{what} {} is in no snapshot and no record creates it", id.name());
            Part::need(kind, Answer::refused(reason), None)
        }
        Collected::No | Collected::Partial => {
            let mut answer = Answer::of(Level::Unknown, "not collected");
            answer.missing.insert(format!("{}:{}", of.as_str(), id.folded()).into());
            Part::need(kind, answer, None)
        }
    }
}

fn arm_parts(
    engine: &Engine<'_>,
    world: &World,
    steps: &[StepRun],
    step: usize,
    event: &Event,
    detail: &ArmDetail,
    parts: &mut Vec<Part>,
) {
    if let Some((_, request)) = arm_request(&world.env, event)
        && let Some(id) = &engine.links(step).principal
    {
        let principal = world.principal(id, event.actor.kind);
        parts.extend(privilege(engine, world, steps, step, event, &principal, &request));
    }
    if let Some(request) = policy_request(&world.env, &event.action, detail) {
        let context = policy_context(&world.env, &detail.resource, &detail.claims, event.time);
        parts.push(Part::gate(GateName::AzurePolicy, world.policy().answer(&request, &context)));
    }
    parts.extend(super::data::export(world, event, detail));
}

/// The grant a call needs: assignments in force, else an activation through PIM.
pub(super) fn privilege(
    engine: &Engine<'_>,
    world: &World,
    steps: &[StepRun],
    step: usize,
    event: &Event,
    principal: &ArmPrincipal,
    request: &ArmRequest,
) -> Vec<Part> {
    let rbac = world.rbac();
    let answer = rbac.answer(principal, request);
    if answer.level == Level::NotCut {
        return vec![Part::gate(GateName::AzureRbac, answer)];
    }
    if answer.level == Level::Cut && matches!(answer.reason.as_str(), "lock" | "denyAssignment") {
        return vec![Part::gate(GateName::AzureRbac, answer)];
    }
    let unseen = || unseen_right(world, principal, request);
    let activated = activation(engine, world, step, event, principal, request);
    if let Some(activation) = activated {
        let answer = if activation.level >= answer.level {
            Part::gate(GateName::Pim, activation)
        } else {
            Part::gate(GateName::AzureRbac, answer)
        };
        return match unseen().filter(|_| answer.answer.level < Level::Unknown) {
            Some(unseen) => vec![Part::gate(GateName::Pim, unseen)],
            None => vec![answer],
        };
    }
    // No grant: was the grant that allowed it in fact the attack's own, and is that why it is not there?
    let factual = engine.factual_grants(step);
    let held = |env: &Environment, id: &str| env.get(Kind::RoleAssignments, id).is_some();
    let taken_away =
        factual.iter().any(|(id, maker)| maker.is_none() && held(&engine.world.env, id) && !held(&world.env, id));
    let never_made = factual.iter().filter_map(|(_, maker)| *maker).filter(|n| !passed(steps, *n)).min();
    // Nor what the attack did in the directory: a group joined, an Entra role got.
    let never_made = never_made.or_else(|| {
        let (via, then) = engine.had_they_happened(world, steps, step)?;
        let caller = then.principal(&principal.id, event.actor.kind);
        (then.rbac().answer(&caller, request).level == Level::NotCut).then_some(via)
    });
    match never_made {
        // It rests on what the attack made, unless an eligibility gave the same.
        Some(via) if !taken_away => {
            let reason = format!("{} did not happen: no role", engine.step_id(via));
            let refused = Answer { level: answer.level, reason, ..answer };
            let refused = unseen().filter(|_| refused.level < Level::Unknown).unwrap_or(refused);
            vec![Part::need(PartKind::Privilege, refused, Some(via))]
        }
        _ => {
            let answer = unseen().filter(|_| answer.level < Level::Unknown).unwrap_or(answer);
            vec![Part::gate(GateName::AzureRbac, answer)]
        }
    }
}

/// The best activation that would give the grant: the minimum of what PIM and what RBAC then say.
fn activation(
    engine: &Engine<'_>,
    world: &World,
    step: usize,
    event: &Event,
    principal: &ArmPrincipal,
    request: &ArmRequest,
) -> Option<Answer> {
    let groups = world.env.transitive_groups(&principal.id);
    let mut best: Option<Answer> = None;
    for (eligibility, holder, role, scope) in super::token::azure_eligibilities(&world.env).iter() {
        // Where nobody knows, Azure RBAC below says which membership is missing.
        if is_holder(&world.env, &principal.id, &groups, holder) == Fact::Known(false) {
            continue;
        }
        let id = format!("{}/providers/Microsoft.Authorization/roleAssignments/activated", scope.spelled());
        let virtual_assignment = json!({ "id": id, "name": "activated", "properties": {
            "roleDefinitionId": format!("/providers/Microsoft.Authorization/roleDefinitions/{role}"),
            "principalId": holder.as_str(), "scope": scope.spelled() } });
        let then = world.rbac().with_assignment(&virtual_assignment).answer(principal, request);
        if then.level == Level::Cut {
            continue;
        }
        let mut answer = activate(engine, world, step, event.time, &principal.id, role, scope, eligibility);
        if answer.level < Level::Unknown
            && let Some(used) = lawful_use(engine, world, principal, &virtual_assignment, role, scope, event.time)
        {
            let mut open = Answer::of(Level::Unknown, "an activation could have been live");
            open.missing.insert(format!("activation live at {used}").into());
            open.clauses = answer.clauses.clone();
            answer = open;
        }
        let joint = if then.level < answer.level { then } else { answer };
        if best.as_ref().is_none_or(|b| joint.level > b.level) {
            best = Some(joint);
        }
    }
    best
}

#[allow(clippy::too_many_arguments)]
pub(super) fn activate(
    engine: &Engine<'_>,
    world: &World,
    step: usize,
    at: Timestamp,
    principal: &ObjectId,
    role: &str,
    scope: &ResourceId,
    eligibility: &str,
) -> Answer {
    let request = activation_request(engine, world, step, at, principal, role, scope, eligibility);
    let attacker = engine.case.words.for_principal(principal, at);
    world.pim().answer(&request, &Some(world.conditional_access()), &attacker, Stance::Hypothetical)
}

/// The activation somebody would ask for, in the session they have.
#[allow(clippy::too_many_arguments)]
pub(super) fn activation_request(
    engine: &Engine<'_>,
    world: &World,
    step: usize,
    at: Timestamp,
    principal: &ObjectId,
    role: &str,
    scope: &ResourceId,
    eligibility: &str,
) -> ActivationRequest {
    let session = engine.session_behind(step, principal, at);
    let definition = format!("/providers/Microsoft.Authorization/roleDefinitions/{role}");
    // Justification, ticket and a shorter duration are the attacker's to supply.
    let ticket = json!({ "ticketNumber": "1", "ticketSystem": "supplied by the attacker" });
    let schedule = json!({ "startDateTime": at.to_string(),
        "expiration": { "type": "AfterDuration", "duration": "PT30M", "endDateTime": null } });
    let directory = !scope.folded().starts_with("/subscriptions/") && !scope.folded().starts_with("/providers/");
    ActivationRequest {
        request: if directory && !eligibility.starts_with('/') {
            json!({ "action": "selfActivate", "principalId": principal.as_str(), "roleDefinitionId": role,
                "directoryScopeId": scope.spelled(), "justification": "supplied by the attacker",
                "ticketInfo": ticket, "scheduleInfo": schedule })
        } else {
            json!({ "properties": {
            "requestType": "SelfActivate", "principalId": principal.as_str(), "roleDefinitionId": definition,
            "linkedRoleEligibilityScheduleId": eligibility,
            "justification": "supplied by the attacker", "ticketInfo": ticket, "scheduleInfo": schedule } })
        },
        scope: Some(scope.spelled().to_owned()),
        session: SessionFacts {
            mfa_claim: session.as_ref().map_or(Fact::Unknown, |(_, mfa)| mfa.clone()),
            sign_in: session.map(|(sign_in, _)| sign_in),
        },
        approval: Fact::Absent,
        at,
        transitive_group_ids: world.env.transitive_groups(principal).map(|g| g.into_iter().collect()),
    }
}

/// What activating a role would be answered, a lawful activation that could be live included.
pub fn activation_answer(
    engine: &Engine<'_>,
    world: &World,
    principal: &ObjectId,
    role: &str,
    scope: &ResourceId,
    eligibility: &str,
    at: Timestamp,
) -> Answer {
    activate(engine, world, usize::MAX, at, principal, role, scope, eligibility)
}

/// A lawful use of the role by the same principal within `maximumDuration` before the step: its time.
fn lawful_use(
    engine: &Engine<'_>,
    world: &World,
    principal: &ArmPrincipal,
    assignment: &serde_json::Value,
    role: &str,
    scope: &ResourceId,
    at: Timestamp,
) -> Option<Timestamp> {
    let longest = world.pim().settings(role, scope.spelled())?.maximum_duration()?;
    let from = at.checked_sub(longest).ok()?;
    let id = json::text(assignment, "id").unwrap_or_default();
    let with = world.rbac().with_assignment(assignment);
    engine
        .case
        .correlated
        .baseline
        .uses(principal.id.as_str())
        .filter(|(time, _)| *time >= from && *time < at)
        .find_map(|(time, class)| {
            let (_, request) = arm_request(&world.env, &class.event)?;
            with.grants(principal, &request).iter().any(|g| g.assignment.eq_ignore_ascii_case(id)).then_some(time)
        })
}

/// Whether a baseline change of state happens in this world: its caller's session is taken as given.
pub fn baseline_passes(world: &World, event: &Event, stage: Stage) -> bool {
    let mut lowest = Level::NotCut;
    if let (Detail::Arm(detail), Some((principal, request))) = (&event.detail, arm_request(&world.env, event)) {
        let answer = world.rbac().answer(&principal, &request);
        // A lawful owner activates what became eligible: only a lock or a deny assignment refuses.
        if answer.level == Level::Cut && matches!(answer.reason.as_str(), "lock" | "denyAssignment") {
            lowest = lowest.min(answer.level);
        }
        if let Some(request) = policy_request(&world.env, &event.action, detail) {
            let context = policy_context(&world.env, &detail.resource, &detail.claims, event.time);
            lowest = lowest.min(world.policy().answer(&request, &context).level);
        }
    }
    stage.passes(lowest)
}
