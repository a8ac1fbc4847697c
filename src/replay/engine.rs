//! What the factual run teaches every other run: what is unexplained and held, what a success settled, which grant
//! allowed which call, who made what.

use super::ask::{Part, PartKind};
use super::run::{Run, Stage, run};
use super::stretch::Ends;
use super::token::TokenAnswers;
use crate::causal::{Case, StepLinks, World, links};
use crate::control::{Undo, View};
use crate::effect::{Change, Ending, arm_request, changes, endings, principal_of, sign_in_request};
use crate::model::request::SignInRequest;
use crate::model::{
    Control, Detail, Environment, Event, Fact, Family, Kind, Level, Missing, ObjectId, ResourceId, Timestamp, Word,
    json,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

/// A part of a step that history shows passed and the gates definitely refuse: held in every world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiver {
    pub step: usize,
    /// Name of the part (`Part::name`).
    pub part: String,
    /// The unexplained need, in words.
    pub need: String,
    pub why: String,
    /// What refuses it in fact: the documents, or the reason where no document does.
    pub refusing: BTreeSet<String>,
}

impl Waiver {
    /// Whether a refusal in some world is the one that history passed all the same. A need is held whatever gives it
    /// there; of a gate only the documents that could not be explained are: another one (a lock, a policy put in
    /// force) refuses as it would anybody.
    pub fn covers(&self, part: &Part) -> bool {
        match part.kind {
            PartKind::Gate(_) if part.answer.level < Level::NotCut => refusing(part).is_subset(&self.refusing),
            _ => true,
        }
    }
}

/// The documents that refuse; where none does (nothing allows it), the reason.
fn refusing(part: &Part) -> BTreeSet<String> {
    let documents: BTreeSet<String> = part.answer.clauses.iter().map(|c| c.document.to_lowercase()).collect();
    if documents.is_empty() { BTreeSet::from([part.answer.reason.clone()]) } else { documents }
}

/// What the factual run found out.
#[derive(Clone, Debug, Default)]
pub struct Factual {
    pub unexplained: Vec<Waiver>,
    /// (step, part) → facts that the recorded success settles.
    pub settled: BTreeMap<(usize, String), Missing>,
    /// step → the assignments that allowed it, each with the step that made it (none: the environment's own).
    pub grants: BTreeMap<usize, Vec<(String, Option<usize>)>>,
}

/// The incident with everything replay needs to know about it, ready to be run through any world.
pub struct Engine<'a> {
    pub case: &'a Case,
    /// The world as it was.
    pub world: World,
    links: Vec<StepLinks>,
    step_of_event: Vec<Option<usize>>,
    sign_ins: Vec<(usize, ObjectId)>,
    makers: BTreeMap<ResourceId, usize>,
    assignment_makers: BTreeMap<String, usize>,
    /// Steps that changed a membership, an Entra role, an owner or a permission.
    directory_steps: Vec<usize>,
    /// Sessions and passwords that others than the attacker ended.
    endings: Vec<Ending>,
    ends: Ends,
    pub factual: Factual,
    /// Addresses the attack came from.
    pub addresses: BTreeSet<String>,
    /// When hypothetical requests are made, where there is no attack that tells.
    pub asked_at: Option<Timestamp>,
    pub token_answers: TokenAnswers,
    /// The resources that replay or a latent path may ask about.
    pub view: View,
    undos: Mutex<HashMap<String, Arc<Vec<Undo>>>>,
    classes: Vec<(Vec<Family>, Vec<Kind>)>,
    /// The environment with the parts of one class of these controls in force.
    in_force: Mutex<HashMap<(usize, Vec<String>), Environment>>,
    /// A world whose gate (by number) is compiled for these controls.
    compiled: Mutex<HashMap<(usize, Vec<String>), World>>,
}

impl<'a> Engine<'a> {
    /// Runs history once and learns from it.
    pub fn new(case: &'a Case) -> Engine<'a> {
        let correlated = &case.correlated;
        let mut step_of_event = vec![None; correlated.window_events.len()];
        let mut makers = BTreeMap::new();
        let mut assignment_makers = BTreeMap::new();
        let mut directory_steps = Vec::new();
        let mut sign_ins = Vec::new();
        for (n, step) in correlated.steps.iter().enumerate() {
            for &at in &step.events {
                if let Some(slot) = step_of_event.get_mut(at) {
                    *slot = Some(n);
                }
            }
            if step.failed() {
                continue;
            }
            for event in step.events.iter().filter_map(|at| correlated.window_events.get(*at)) {
                for change in changes(event) {
                    match change {
                        Change::Write { resource, .. } => {
                            makers.entry(resource).or_insert(n);
                        }
                        Change::Insert { kind: Kind::RoleAssignments, key, .. } => {
                            assignment_makers.entry(key).or_insert(n);
                        }
                        Change::Insert { .. }
                        | Change::Remove { .. }
                        | Change::Rotate { .. }
                        | Change::RevokeDelegationKeys { .. }
                        | Change::Member { .. }
                        | Change::DirectoryRole { .. }
                        | Change::Owner { .. } => {}
                    }
                }
            }
            let mut events = step.events.iter().filter_map(|at| correlated.window_events.get(*at));
            if events.any(|e| matches!(e.detail, Detail::Directory(_)) && !changes(e).is_empty()) {
                directory_steps.push(n);
            }
            let first = step.events.first().and_then(|at| correlated.window_events.get(*at));
            if let Some(event) = first
                && matches!(event.detail, Detail::SignIn(_))
                && let Some(principal) = principal_of(&case.environment, &event.actor)
            {
                sign_ins.push((n, principal));
            }
        }
        let mut engine = Engine {
            case,
            world: World::new(case.environment.clone()),
            links: links(case),
            step_of_event,
            sign_ins,
            makers,
            assignment_makers,
            directory_steps,
            endings: Vec::new(),
            ends: Ends::default(),
            factual: Factual::default(),
            addresses: correlated
                .attack()
                .filter_map(|(event, _)| event.source_ip.known().map(|ip| ip.to_string()))
                .collect(),
            asked_at: None,
            token_answers: TokenAnswers::default(),
            view: view(case),
            undos: Mutex::default(),
            classes: crate::control::classes(),
            in_force: Mutex::default(),
            compiled: Mutex::default(),
        };
        let others = correlated.window_events.iter().enumerate().filter(|(at, _)| engine.step_of_event(*at).is_none());
        engine.endings = others
            .filter(|(_, event)| event.outcome == crate::model::Outcome::Success)
            .flat_map(|(_, event)| endings(event))
            .collect();
        engine.ends = Ends::of(&engine);
        engine.learn();
        engine
    }

    /// What ends the stretches of a run.
    pub fn ends(&self) -> &Ends {
        &self.ends
    }

    /// Sessions and passwords that others than the attacker ended in the window.
    pub fn endings(&self) -> &[Ending] {
        &self.endings
    }

    /// All events of a step, in order.
    pub fn events_of(&self, step: usize) -> impl Iterator<Item = &'a Event> {
        let correlated = &self.case.correlated;
        let indices = correlated.steps.get(step).map_or(&[][..], |step| step.events.as_slice());
        indices.iter().filter_map(|at| correlated.window_events.get(*at))
    }

    /// The factual run, again and again until it explains nothing more: what one step's unexplained success makes
    /// possible must not be called unexplained too.
    fn learn(&mut self) {
        loop {
            let history = run(self, &self.world, Stage::Free, &[], false);
            let mut found: Vec<Waiver> = Vec::new();
            let mut settled = BTreeMap::new();
            for (n, step) in history.steps.iter().enumerate() {
                let Some(asked) = step.failure.as_ref().map(|(_, asked)| asked.as_ref()).or(step.first.as_deref())
                else {
                    continue;
                };
                for part in &asked.parts {
                    match part.answer.level {
                        // A recorded success gave everything it was asked for: a prompt the record shows unanswered
                        // is as unexplained as a refusal.
                        // A need that waits for an earlier step is that step's finding.
                        Level::Cut | Level::Challenged if part.via.is_some() => {}
                        Level::Cut | Level::Challenged => found.push(Waiver {
                            step: n,
                            part: part.name(),
                            need: need_in_words(&part.kind),
                            why: part.answer.reason.clone(),
                            refusing: refusing(part),
                        }),
                        Level::Unknown => {
                            settled.insert((n, part.name()), part.answer.missing.clone());
                        }
                        Level::NotCut => {}
                    }
                }
            }
            let mut done = true;
            for waiver in found {
                let known = |w: &&mut Waiver| w.step == waiver.step && w.part == waiver.part;
                match self.factual.unexplained.iter_mut().find(known) {
                    // What others' unexplained successes changed makes another document refuse.
                    Some(earlier) => {
                        done &= waiver.refusing.is_subset(&earlier.refusing);
                        earlier.refusing.extend(waiver.refusing);
                    }
                    None => {
                        done = false;
                        self.factual.unexplained.push(waiver);
                    }
                }
            }
            if done {
                self.factual.settled = settled;
                break;
            }
        }
        self.factual.grants = self.find_grants();
    }

    /// Which assignments allowed each ARM (or OAuth data) call in fact.
    fn find_grants(&self) -> BTreeMap<usize, Vec<(String, Option<usize>)>> {
        let correlated = &self.case.correlated;
        let mut world = self.world.clone();
        let mut grants = BTreeMap::new();
        for (at, event) in correlated.window_events.iter().enumerate() {
            let step = self.step_of_event(at);
            if let Some(step) = step
                && !grants.contains_key(&step)
                && let Some(id) = &self.links(step).principal
            {
                let request = match &event.detail {
                    Detail::Arm(_) => arm_request(&world.env, event).map(|(_, request)| request),
                    Detail::Data(detail) => super::data::data_request(&world.env, event, detail),
                    Detail::SignIn(_) | Detail::Directory(_) | Detail::Alert(_) | Detail::Context(_) => None,
                };
                if let Some(request) = request {
                    let principal = world.principal(id, event.actor.kind);
                    let found = world
                        .rbac()
                        .grants(&principal, &request)
                        .into_iter()
                        .map(|grant| {
                            let key = grant.assignment.to_lowercase();
                            let maker = self.assignment_makers.get(&key).copied();
                            (key, maker)
                        })
                        .collect();
                    grants.insert(step, found);
                }
            }
            if event.outcome == crate::model::Outcome::Success {
                changes(event).iter().for_each(|change| world.apply(change, event));
            }
        }
        grants
    }

    /// The world had the directory changes of earlier steps that failed in this run happened, and the earliest of
    /// those steps; none where every one of them did.
    pub fn had_they_happened(
        &self,
        world: &World,
        steps: &[super::run::StepRun],
        step: usize,
    ) -> Option<(usize, World)> {
        let missed = self.directory_steps.iter().copied().filter(|n| *n < step);
        let missed: Vec<usize> = missed.filter(|n| steps.get(*n).is_none_or(|s| !s.any())).collect();
        let first = missed.first().copied()?;
        let mut then = world.clone();
        for event in missed.iter().filter_map(|n| self.event(*n)) {
            changes(event).iter().for_each(|change| then.apply(change, event));
        }
        Some((first, then))
    }

    pub fn step_of_event(&self, at: usize) -> Option<usize> {
        self.step_of_event.get(at).copied().flatten()
    }

    pub fn links(&self, step: usize) -> &StepLinks {
        // INVARIANT: `links` holds one entry per step.
        &self.links[step]
    }

    pub fn step_id(&self, step: usize) -> &str {
        self.case.correlated.steps.get(step).map_or("", |s| s.id.as_str())
    }

    /// The first event of a step.
    pub fn event(&self, step: usize) -> Option<&'a Event> {
        let correlated = &self.case.correlated;
        correlated.window_events.get(*correlated.steps.get(step)?.events.first()?)
    }

    pub fn waiver_of(&self, step: usize, part: &str) -> Option<&Waiver> {
        self.factual.unexplained.iter().find(|w| w.step == step && w.part == part)
    }

    /// The unexplained need, in words.
    pub fn waiver(&self, step: usize, part: &str) -> Option<&str> {
        self.waiver_of(step, part).map(|w| w.need.as_str())
    }

    pub fn settled(&self, step: usize, part: &str) -> Option<&Missing> {
        self.factual.settled.get(&(step, part.to_owned()))
    }

    pub fn factual_grants(&self, step: usize) -> &[(String, Option<usize>)] {
        self.factual.grants.get(&step).map_or(&[], Vec::as_slice)
    }

    /// The step that made a resource.
    pub fn maker_of(&self, id: &ResourceId) -> Option<usize> {
        self.makers.get(id).copied()
    }

    /// The attack's sign-ins of a principal, with their step.
    pub fn sign_ins_of<'b>(&'b self, principal: &'b ObjectId) -> impl Iterator<Item = (usize, &'a Event)> + 'b {
        self.sign_ins.iter().filter(move |(_, of)| of == principal).filter_map(|(n, _)| Some((*n, self.event(*n)?)))
    }

    pub fn signed_in_principals(&self) -> impl Iterator<Item = &ObjectId> {
        self.sign_ins.iter().map(|(_, principal)| principal)
    }

    /// A sign-in on record, before that time, in which the password was given.
    pub fn password_proven(&self, principal: &ObjectId, at: Timestamp) -> bool {
        self.sign_ins_of(principal).any(|(_, event)| {
            let Detail::SignIn(detail) = &event.detail else { return false };
            let with_password = detail
                .methods
                .known()
                .is_some_and(|methods| methods.iter().any(|m| m.to_lowercase().contains("password")));
            with_password
                && crate::causal::not_after(event.time, at)
                && detail.previously_satisfied == Fact::Known(false)
        })
    }

    /// Whether anything of the principal's ended in the window.
    pub fn has_endings(&self, principal: &ObjectId) -> bool {
        self.endings.iter().any(|ending| ending.principal == *principal)
    }

    /// When a session begun then was ended, if that was before the other moment.
    pub fn session_ended(&self, principal: &ObjectId, begun: Timestamp, at: Timestamp) -> Option<Timestamp> {
        let mut ended = self.endings.iter().filter(|e| e.principal == *principal && begun < e.at && e.at <= at);
        ended.next().map(|e| e.at)
    }

    /// When the password that the attacker knew ceased to be one, if that was before the moment.
    pub fn password_ended(&self, principal: &ObjectId, at: Timestamp) -> Option<Timestamp> {
        let ended = self.endings.iter().filter(|e| e.password && e.principal == *principal && e.at <= at);
        let last = ended.map(|e| e.at).max()?;
        (!self.case.words.learned(Word::Password, principal, last, at)).then_some(last)
    }

    /// Whether a password got then was made another before the other moment.
    pub fn credential_ended(&self, principal: &ObjectId, got: Timestamp, at: Timestamp) -> bool {
        self.endings.iter().any(|e| e.password && e.principal == *principal && got < e.at && e.at <= at)
    }

    /// The latest sign-in of a step by then.
    pub fn last_of(&self, step: usize, at: Timestamp) -> Option<&'a Event> {
        let correlated = &self.case.correlated;
        let mut events = correlated.steps.get(step)?.events.iter().filter_map(|n| correlated.window_events.get(*n));
        events.rfind(|event| crate::causal::not_after(event.time, at))
    }

    /// The session a call rode on, as PIM sees it: the sign-in facts and whether the token carries an MFA claim.
    pub fn session_behind(
        &self,
        step: usize,
        principal: &ObjectId,
        at: Timestamp,
    ) -> Option<(SignInRequest, Fact<bool>)> {
        let linked = self.links.get(step).and_then(|l| l.token.as_ref()).and_then(|t| {
            t.supports.iter().find_map(|s| match s.from {
                crate::causal::SupportFrom::Step(n) => Some(n),
                _ => None,
            })
        });
        let event = match linked.and_then(|n| self.event(n)) {
            Some(event) if matches!(event.detail, Detail::SignIn(_)) => event,
            _ => self.sign_ins_of(principal).filter(|(_, e)| crate::causal::not_after(e.time, at)).last()?.1,
        };
        let Detail::SignIn(detail) = &event.detail else { return None };
        Some((sign_in_request(&self.world.env, event)?, detail.mfa.clone()))
    }

    /// The world with these controls in force from before the first event (those with a later `since` join in the run).
    pub fn world_with(&self, controls: &[&Control]) -> World {
        let mut env = self.world.env.clone();
        // Documents that write the same place are put there in one order, however the controls were named.
        let mut now: Vec<&&Control> = controls.iter().filter(|c| c.since.is_none()).collect();
        now.sort_by(|a, b| a.id.cmp(&b.id));
        let among = |families: &[Family]| -> Vec<String> {
            let touches = |c: &Control| c.parts.iter().any(|p| families.contains(&p.family));
            now.iter().filter(|c| touches(c)).map(|c| c.id.clone()).collect()
        };
        // Families that touch the same documents are put in force together, once for every set that agrees on them.
        for (class, (families, kinds)) in self.classes.iter().enumerate() {
            // What comes first is shared by every set that begins alike.
            let mut ids: Vec<String> = Vec::new();
            let mut so_far: Option<Environment> = None;
            for control in now.iter().filter(|c| c.parts.iter().any(|p| families.contains(&p.family))) {
                ids.push(control.id.clone());
                let make = || {
                    let mut env = so_far.as_ref().unwrap_or(&self.world.env).clone();
                    crate::control::put_parts_in_force(&mut env, control, families, &self.view);
                    env
                };
                let next = match self.in_force.lock() {
                    Ok(mut known) => known.entry((class, ids.clone())).or_insert_with(make).clone(),
                    Err(_) => make(),
                };
                so_far = Some(next);
            }
            if let Some(so_far) = so_far {
                env.adopt(kinds, &so_far);
            }
        }
        let mut world = self.world.with(env);
        // A gate reads what some families write: sets that agree on those share its compiled form.
        let key = [
            among(&[Family::ConditionalAccess]),
            among(&[Family::Pim, Family::Rbac, Family::Lock]),
            among(&[Family::AzurePolicy]),
            among(&[Family::Pim]),
        ];
        if let Ok(mut known) = self.compiled.lock() {
            for (gate, ids) in key.into_iter().enumerate() {
                match known.get(&(gate, ids.clone())) {
                    Some(other) => world.share(gate, other),
                    None => {
                        world.compile(gate);
                        known.insert((gate, ids), world.clone());
                    }
                }
            }
        }
        world
    }

    /// What would take a control away again.
    pub fn undo_of(&self, control: &Control) -> Arc<Vec<Undo>> {
        let make = || Arc::new(crate::control::undo(&self.world.env, control));
        match self.undos.lock() {
            Ok(mut known) => known.entry(control.id.clone()).or_insert_with(make).clone(),
            Err(_) => make(),
        }
    }

    /// The three runs under a set of controls.
    pub fn runs(&self, controls: &[&Control]) -> [Run; 3] {
        let world = self.world_with(controls);
        Stage::ALL.map(|stage| run(self, &world, stage, controls, !controls.is_empty()))
    }
}

/// Resources that an event of the case or a path to a jewel touches, and what those are parts of. A case that names no
/// jewel may be asked about any of its resources.
fn view(case: &Case) -> View {
    if case.jewels.is_empty() {
        return None;
    }
    let mut view = BTreeSet::new();
    let mut look = |id: &ResourceId| {
        let mut at = Some(id.clone());
        while let Some(id) = at {
            at = id.parent();
            if !view.insert(id) {
                break;
            }
        }
    };
    case.jewels.iter().for_each(|(id, _)| look(id));
    let correlated = &case.correlated;
    let baseline = correlated.baseline.classes.iter().map(|class| &class.event);
    for event in correlated.window_events.iter().chain(baseline) {
        match &event.detail {
            Detail::Arm(detail) => look(&detail.resource),
            Detail::Data(detail) => {
                if let Some((id, _)) = crate::effect::account_document(&case.environment, detail) {
                    let inside = detail.container.as_deref().unwrap_or_default();
                    look(&ResourceId::new(&format!("{}/blobServices/default/containers/{inside}", id.spelled())));
                }
            }
            Detail::SignIn(_) | Detail::Directory(_) | Detail::Alert(_) | Detail::Context(_) => {}
        }
    }
    Some(view)
}

fn need_in_words(kind: &PartKind) -> String {
    match kind {
        PartKind::Gate(gate) => format!("passing {}", gate.word()),
        PartKind::Token => "a token".to_owned(),
        PartKind::Session => "a session".to_owned(),
        PartKind::Credential => "a credential".to_owned(),
        PartKind::Privilege => "a role that allows it".to_owned(),
        PartKind::Key => "the key".to_owned(),
        PartKind::Exists(id) if id.resource_group().as_ref() == Some(id) => format!("resource group {}", id.name()),
        PartKind::Exists(id) => {
            let kind = id.resource_type().and_then(|t| t.rsplit('/').next().map(str::to_owned)).unwrap_or_default();
            format!("{kind} {}", id.name())
        }
    }
}

/// Object id → name for print.
pub fn principal_name(engine: &Engine<'_>, id: &ObjectId) -> String {
    let env = &engine.world.env;
    for (kind, field) in
        [(Kind::Users, "userPrincipalName"), (Kind::ServicePrincipals, "displayName"), (Kind::Groups, "displayName")]
    {
        if let Some(name) = env.get(kind, id.as_str()).and_then(|d| json::text(&d.body, field)) {
            return name.to_owned();
        }
    }
    // No export tells: as the logs call it.
    let events = &engine.case.correlated.window_events;
    let called = events.iter().find(|event| event.actor.id.as_ref() == Some(id) && event.actor.upn.is_some());
    called.and_then(|event| event.actor.upn.as_deref()).map_or_else(|| id.to_string(), str::to_owned)
}
