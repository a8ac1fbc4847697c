//! What a set of controls would have done to everybody else: the baseline decided under it, once per class of like
//! requests, and counted.
//!
//! A lawful user holds what prompts ask for and has to be asked: `challenged`. A refusal nothing can answer is `cut`.
//! What the gates could not tell of the request as it was made is settled by its recorded success.

use super::ask::GateName;
use super::engine::Engine;
use super::run::settle;
use super::token::{azure_eligibilities, is_holder};
use crate::causal::World;
use crate::correlate::Class;
use crate::decide::storage;
use crate::effect::{
    account_document, arm_request, container_document, policy_context, policy_request, principal_of, sign_in_request,
    storage_request,
};
use crate::model::request::{ArmPrincipal, ArmRequest, Stance};
use crate::model::{Answer, Attacker, Control, Detail, Fact, Family, Kind, Level, Missing, Outcome};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

/// Counts of requests by what would have become of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collateral {
    pub evaluated: u64,
    pub cut: u64,
    pub challenged: u64,
    pub unknown: u64,
    /// The facts the unknown ones turn on.
    pub missing: BTreeSet<String>,
    /// Indices of baseline classes that are touched, with what becomes of them.
    pub touched: Vec<(usize, Level)>,
}

/// A class, and the controls of a set that its gates read.
type Asked = (usize, Vec<String>);

/// What every class is answered in the world as it was: computed once.
pub struct Lawful {
    factual: Vec<BTreeMap<GateName, Missing>>,
    /// What became of a class under the controls that its gates read: other controls of a set change nothing about it.
    known: Mutex<BTreeMap<Asked, (Level, Missing)>>,
}

impl Lawful {
    pub fn new(engine: &Engine<'_>) -> Lawful {
        let classes = &engine.case.correlated.baseline.classes;
        let factual = classes
            .iter()
            .map(|class| {
                answers(engine, &engine.world, class, None)
                    .into_iter()
                    .filter(|(_, answer)| answer.level < Level::NotCut)
                    // A request that succeeded although the gate refuses is unexplained: never credited to a control.
                    .map(|(gate, answer)| (gate, answer.missing))
                    .collect()
            })
            .collect();
        Lawful { factual, known: Mutex::default() }
    }

    /// The baseline under a set of controls.
    pub fn under(&self, engine: &Engine<'_>, controls: &[&Control]) -> Collateral {
        let families: BTreeSet<Family> = controls.iter().flat_map(|c| &c.parts).map(|p| p.family).collect();
        let world = engine.world_with(controls);
        let mut collateral = Collateral::default();
        for (at, class) in engine.case.correlated.baseline.classes.iter().enumerate() {
            if class.event.outcome != Outcome::Success {
                continue;
            }
            collateral.evaluated += class.count;
            if !concerns(&families, class) {
                continue;
            }
            let (lowest, missing) = self.level(engine, &world, at, class, controls);
            match lowest {
                Level::Cut => collateral.cut += class.count,
                Level::Challenged => collateral.challenged += class.count,
                Level::Unknown => {
                    collateral.unknown += class.count;
                    collateral.missing.extend(missing.iter().map(|m| m.to_string()));
                }
                Level::NotCut => continue,
            }
            collateral.touched.push((at, lowest));
        }
        collateral
    }

    fn level(
        &self,
        engine: &Engine<'_>,
        world: &World,
        at: usize,
        class: &Class,
        controls: &[&Control],
    ) -> (Level, Missing) {
        let reads = reads(class);
        let of = |c: &&&Control| c.parts.iter().any(|part| reads.contains(&part.family));
        let key = (at, controls.iter().filter(of).map(|c| c.id.clone()).collect());
        if let Ok(known) = self.known.lock()
            && let Some(found) = known.get(&key)
        {
            return found.clone();
        }
        let mut lowest = Level::NotCut;
        let mut missing = Missing::new();
        for (gate, answer) in answers(engine, world, class, Some(&engine.world)) {
            let before = self.factual.get(at).and_then(|f| f.get(&gate));
            let held = before.is_some_and(|m| m.is_empty());
            let answer = settle(answer, before);
            if !held && answer.level < Level::NotCut {
                if answer.level == Level::Unknown {
                    missing.extend(answer.missing.iter().cloned());
                }
                lowest = lowest.min(answer.level);
            }
        }
        if let Ok(mut known) = self.known.lock() {
            known.insert(key, (lowest, missing.clone()));
        }
        (lowest, missing)
    }
}

/// Whether any of the families is asked about such a request.
fn concerns(families: &BTreeSet<Family>, class: &Class) -> bool {
    let any = |wanted: &[Family]| wanted.iter().any(|family| families.contains(family));
    match &class.event.detail {
        Detail::SignIn(_) => any(&[Family::ConditionalAccess]),
        Detail::Arm(_) => any(&[Family::AzurePolicy, Family::Pim, Family::Rbac, Family::Lock]),
        Detail::Data(_) => any(&[Family::ResourcePatch, Family::Rbac, Family::Pim]),
        Detail::Directory(_) => any(&[Family::Pim]),
        Detail::Alert(_) | Detail::Context(_) => false,
    }
}

/// Families that write what the gates of such a request read: roles and groups are facts of a sign-in, an activation
/// asks conditional access, a policy reads the resource as it is.
fn reads(class: &Class) -> &'static [Family] {
    match &class.event.detail {
        Detail::SignIn(_) => &[Family::ConditionalAccess, Family::Pim, Family::Rbac],
        Detail::Data(_) => &[Family::ResourcePatch, Family::Rbac, Family::Pim, Family::ConditionalAccess],
        Detail::Arm(_) | Detail::Directory(_) | Detail::Alert(_) | Detail::Context(_) => &[
            Family::ConditionalAccess,
            Family::AzurePolicy,
            Family::ResourcePatch,
            Family::Pim,
            Family::Rbac,
            Family::Lock,
        ],
    }
}

fn answers(engine: &Engine<'_>, world: &World, class: &Class, was: Option<&World>) -> Vec<(GateName, Answer)> {
    let event = &class.event;
    let anybody = Attacker::default();
    let mut found = Vec::new();
    match &event.detail {
        Detail::SignIn(_) => {
            if let Some(request) = sign_in_request(&world.env, event) {
                let answer = world.conditional_access().answer(&request, &anybody, Stance::Observed);
                found.push((GateName::ConditionalAccess, answer));
            }
        }
        Detail::Arm(detail) => {
            if let Some((_, request)) = arm_request(&world.env, event)
                && let Some(id) = principal_of(&world.env, &event.actor)
            {
                let principal = world.principal(&id, event.actor.kind);
                found.push(privilege(engine, world, was, class, &principal, &request));
            }
            if let Some(request) = policy_request(&world.env, &event.action, detail) {
                let context = policy_context(&world.env, &detail.resource, &detail.claims, event.time);
                found.push((GateName::AzurePolicy, world.policy().answer(&request, &context)));
            }
        }
        Detail::Data(detail) => {
            let Some((account, document)) = account_document(&world.env, detail) else { return found };
            let mut rbac = None;
            if let (Some(request), Some(id)) =
                (super::data::data_request(&world.env, event, detail), principal_of(&world.env, &event.actor))
            {
                let principal = world.principal(&id, event.actor.kind);
                let (gate, answer) = privilege(engine, world, was, class, &principal, &request);
                rbac = Some(answer.level);
                found.push((gate, answer));
            }
            if detail.service.eq_ignore_ascii_case("keyvault") {
                return found;
            }
            let container = detail
                .container
                .as_deref()
                .and_then(|name| container_document(&world.env, &account, name))
                .unwrap_or_else(|| json!({}));
            let unknown: Vec<String> =
                world.env.unknown_paths(Kind::Resources, account.folded()).map(str::to_owned).collect();
            let request = storage_request(event, detail, None);
            let decided = rbac.map(super::data::outcome);
            found.push((
                GateName::Storage,
                storage::answer(&document.body, &container, &request, decided, &unknown, &anybody, Stance::Observed),
            ));
        }
        Detail::Directory(_) | Detail::Alert(_) | Detail::Context(_) => {}
    }
    found
}

/// A grant in force, or the activation that would give it: a lawful owner activates, and is asked for what the rules
/// ask.
fn privilege(
    engine: &Engine<'_>,
    world: &World,
    was: Option<&World>,
    class: &Class,
    principal: &ArmPrincipal,
    request: &ArmRequest,
) -> (GateName, Answer) {
    let answer = world.rbac().answer(principal, request);
    if answer.level == Level::NotCut || matches!(answer.reason.as_str(), "lock" | "denyAssignment") {
        return (GateName::AzureRbac, answer);
    }
    // History allowed nothing either (an export that lacks the assignment): the control changes nothing.
    if let Some(was) = was
        && was.rbac().answer(principal, request).level == answer.level
    {
        return (GateName::AzureRbac, Answer::allowed("as before"));
    }
    let anybody = Attacker::default();
    let groups = world.env.transitive_groups(&principal.id);
    let mut best: Option<Answer> = None;
    for (eligibility, holder, role, scope) in azure_eligibilities(&world.env).iter() {
        let mine = is_holder(&world.env, &principal.id, &groups, holder);
        if mine == Fact::Known(false) {
            continue;
        }
        let id = format!("{}/providers/Microsoft.Authorization/roleAssignments/activated", scope.spelled());
        let assignment = json!({ "id": id, "name": "activated", "properties": {
            "roleDefinitionId": format!("/providers/Microsoft.Authorization/roleDefinitions/{role}"),
            "principalId": holder.as_str(), "scope": scope.spelled() } });
        if world.rbac().with_assignment(&assignment).answer(principal, request).level == Level::Cut {
            continue;
        }
        let request = super::ask::activation_request(
            engine,
            world,
            usize::MAX,
            class.first,
            &principal.id,
            role,
            scope,
            eligibility,
        );
        let given = world.pim().answer(&request, &Some(world.conditional_access()), &anybody, Stance::Hypothetical);
        // Even an activation that asks for nothing more is one more step for the owner.
        let mut asked = if given.level == Level::NotCut { Answer::of(Level::Challenged, "activation") } else { given };
        if mine.is_unknown() && asked.level > Level::Cut {
            asked = Answer::of(Level::Unknown, "groupMembers");
            asked.missing.insert(format!("groupMembers:{holder}").into());
        }
        if best.as_ref().is_none_or(|b| asked.level > b.level) {
            best = Some(asked);
        }
    }
    best.map_or((GateName::AzureRbac, answer), |activation| (GateName::Pim, activation))
}
