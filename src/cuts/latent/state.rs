//! What the attacker has reached so far, and how.

use super::estate::Estate;
use super::grant::Nothing;
use crate::causal::World;
use crate::effect::{Audience, Capability, yields};
use crate::model::request::{ArmPrincipal, ArmRequest};
use crate::model::{
    ActorKind, Answer, Attacker, Collection, Detail, Evidence, Fact as Recorded, Kind, Level, Missing, ObjectId,
    ResourceId, Timestamp, Word, json,
};
use crate::replay::{Engine, Run, Stage, scope_name, unrecorded_sign_in, ways_to_token};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

/// One operation of a path.
#[derive(Clone, Debug)]
pub struct Node {
    /// The platform's operation name.
    pub action: String,
    /// Principal or resource id.
    pub from: String,
    pub to: String,
    /// By which right.
    pub why: String,
    /// The observed step it repeats.
    pub step: Option<usize>,
    /// Nodes it builds on.
    pub needs: BTreeSet<usize>,
    pub words: BTreeSet<Word>,
    pub missing: Missing,
    /// Where the right was read.
    pub evidence: Vec<Evidence>,
}

/// Operations in order, from what the attacker held to the jewel.
#[derive(Clone, Debug, Default)]
pub struct Path {
    pub nodes: Vec<Node>,
    pub words: BTreeSet<Word>,
    pub missing: Missing,
}

/// What a rule may derive; the value is the node that derived it first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    Session(ObjectId, Audience),
    /// The attacker can act as this principal (password known, secret added, token of a managed identity).
    Controls(ObjectId),
    Key(ResourceId),
    Execution(ResourceId),
    /// One of several operations that it takes together.
    Prepared(ResourceId, &'static str),
    /// A resource may be written back to what serves the attacker.
    Opened(ResourceId, super::opening::Opening),
    LockGone(String),
    PolicyGone(String),
    ConditionalAccessGone,
    /// A role assignment made on the way, by key.
    Granted(String),
    /// Rules of activation at a scope ask nothing any more.
    Weakened(ResourceId),
    /// A custom role, by its GUID, that now allows everything.
    Redefined(String),
    DirectoryRole(ObjectId, String),
    Member(ObjectId, ObjectId),
    Data(ResourceId),
}

pub struct State<'a> {
    pub engine: &'a Engine<'a>,
    pub stage: Stage,
    run: &'a Run,
    /// As the run left it.
    pub before: World,
    /// With everything the attacker could have changed by now.
    pub world: World,
    pub jewels: Vec<ResourceId>,
    pub at: Timestamp,
    nodes: Vec<Node>,
    facts: BTreeMap<Fact, usize>,
    limit: Limit,
    exhaustive: bool,
    /// Where rules look.
    pub estate: Rc<Estate>,
    homes: Vec<ResourceId>,
    /// Somebody the attacker acts as may be able to grant roles.
    pub grants: bool,
    /// Roles that name an operation on the way.
    pub useful: Option<Arc<Vec<(ObjectId, String, u128)>>>,
    /// Who has tried to give what else to whom, and where; the version of the world at the end of it.
    pub granting: BTreeMap<(ObjectId, ObjectId, ResourceId), u64>,
    /// Number of facts and version of the world when a room last began to have its say about a principal.
    settled: BTreeMap<(Room, ObjectId), (usize, u64, bool)>,
    /// Tokens that were refused, and the documents they were refused by.
    refused: BTreeMap<(ObjectId, Audience), Vec<Option<Arc<Collection>>>>,
}

/// Rules that are asked principal by principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Room {
    Azure,
    Entra,
}

/// What a sign-in is decided by.
const SIGN_IN: &[Kind] = &[
    Kind::ConditionalAccess,
    Kind::NamedLocations,
    Kind::GroupMembers,
    Kind::DirectoryRoles,
    Kind::Users,
    Kind::ServicePrincipals,
];

/// Which operations a search may use.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    #[default]
    Nothing,
    /// All but these (action, to): how other detours are found.
    Without(BTreeSet<(String, String)>),
    /// These alone, and these observed steps: whether a path is still open. Sign-ins are free.
    Only { operations: BTreeSet<(String, String)>, steps: BTreeSet<usize> },
    /// These alone, sign-ins among them.
    Exactly(BTreeSet<(String, String)>),
    /// These and these observed steps alone, sign-ins among both: a certified path as it stands.
    Walk { operations: BTreeSet<(String, String)>, steps: BTreeSet<usize> },
}

impl Limit {
    /// A path and nothing else.
    pub fn to(path: &Path) -> Limit {
        Limit::Only {
            operations: path
                .nodes
                .iter()
                .filter(|n| n.step.is_none())
                .map(|n| (n.action.clone(), n.to.to_lowercase()))
                .collect(),
            steps: path.nodes.iter().filter_map(|n| n.step).collect(),
        }
    }

    fn forbids(&self, action: &str, to: &str) -> bool {
        match self {
            Limit::Nothing => false,
            Limit::Without(banned) => banned.iter().any(|(a, t)| a == action && t.eq_ignore_ascii_case(to)),
            Limit::Exactly(operations) | Limit::Walk { operations, .. } => {
                action != "hold" && !operations.iter().any(|(a, t)| a == action && t.eq_ignore_ascii_case(to))
            }
            Limit::Only { operations, .. } => {
                action != "hold" && action != "SignIn" && !operations.contains(&(action.to_owned(), to.to_lowercase()))
            }
        }
    }
}

impl<'a> State<'a> {
    pub fn new(engine: &'a Engine<'a>, run: &'a Run, jewels: &[ResourceId]) -> State<'a> {
        State::within(engine, run, jewels, Limit::Nothing)
    }

    /// As [`State::new`], using no operation that the limit forbids.
    pub fn within(engine: &'a Engine<'a>, run: &'a Run, jewels: &[ResourceId], limit: Limit) -> State<'a> {
        let correlated = &engine.case.correlated;
        let at = correlated.steps.iter().map(|s| s.end).max().or(engine.asked_at).unwrap_or(Timestamp::UNIX_EPOCH);
        let mut homes: Vec<ResourceId> = jewels.iter().map(home).collect();
        homes.sort();
        homes.dedup();
        let mut state = State {
            engine,
            stage: run.stage,
            run,
            before: run.world.clone(),
            world: run.world.clone(),
            jewels: jewels.to_vec(),
            at,
            nodes: Vec::new(),
            facts: BTreeMap::new(),
            limit,
            exhaustive: false,
            estate: Rc::new(Estate::of(&run.start, &run.world.env)),
            homes,
            grants: false,
            useful: None,
            granting: BTreeMap::new(),
            settled: BTreeMap::new(),
            refused: BTreeMap::new(),
        };
        state.observed();
        state
    }

    pub fn size(&self) -> usize {
        self.facts.len() + usize::from(self.grants)
    }

    /// Whether one who holds nothing is wanted: somebody may grant roles, and none of the kind is at hand.
    pub fn wants(&self, nothing: Nothing) -> bool {
        let is = |principal: &ObjectId| match nothing {
            Nothing::Machine => self.is_machine_identity(principal),
            Nothing::Application => {
                !self.is_machine_identity(principal)
                    && self.world.env.get(Kind::ServicePrincipals, principal.as_str()).is_some()
            }
        };
        self.grants && !self.facts.keys().any(|fact| matches!(fact, Fact::Controls(principal) if is(principal)))
    }

    /// Conditional access never reaches managed identities (*Conditional Access for workload identities*).
    pub fn is_machine_identity(&self, principal: &ObjectId) -> bool {
        match self.world.env.get(Kind::ServicePrincipals, principal.as_str()) {
            Some(document) => json::text(&document.body, "servicePrincipalType")
                .is_some_and(|t| t.eq_ignore_ascii_case("ManagedIdentity")),
            None => self.estate.is_carried(principal),
        }
    }

    /// Where the attacker could come from, as a caller of a data plane: the addresses on record.
    pub fn callers(&self, entra: bool) -> Vec<crate::decide::storage::Caller> {
        let addresses = self.engine.addresses.iter().filter_map(|address| address.parse().ok());
        addresses.map(|ip| crate::decide::storage::Caller::public(ip, entra)).collect()
    }

    pub fn has(&self, fact: &Fact) -> bool {
        self.facts.contains_key(fact)
    }

    pub fn node_of(&self, fact: &Fact) -> Option<usize> {
        self.facts.get(fact).copied()
    }

    /// Facts of a shape, in order.
    pub fn facts(&self) -> impl Iterator<Item = (&Fact, usize)> {
        self.facts.iter().map(|(fact, node)| (fact, *node))
    }

    /// Adds a fact with the operation that gave it; does nothing where it is known.
    pub fn derive(&mut self, fact: Fact, node: Node) {
        if !self.facts.contains_key(&fact) && (node.step.is_some() || !self.is_banned(&node.action, &node.to)) {
            self.nodes.push(node);
            self.facts.insert(fact, self.nodes.len() - 1);
        }
    }

    /// Rules that change the world ask before they do.
    pub fn is_banned(&self, action: &str, to: &str) -> bool {
        self.limit.forbids(action, to)
    }

    /// Another way than this operation is looked for.
    pub fn is_avoided(&self, action: &str, to: &str) -> bool {
        matches!(&self.limit, Limit::Without(_)) && self.limit.forbids(action, to)
    }

    /// No path of the limit has this operation anywhere.
    pub fn is_never(&self, action: &str) -> bool {
        match &self.limit {
            Limit::Nothing | Limit::Without(_) => false,
            Limit::Only { operations, .. } | Limit::Exactly(operations) | Limit::Walk { operations, .. } => {
                !operations.iter().any(|(of, _)| of == action)
            }
        }
    }

    /// The resources the jewels live on.
    pub fn homes(&self) -> &Vec<ResourceId> {
        &self.homes
    }

    /// Those scopes of the list where some assignment of the principal's could count; all, where that is not known.
    pub fn covered<'s>(&self, principal: &ObjectId, scopes: impl Iterator<Item = &'s ResourceId>) -> Vec<ResourceId> {
        let caller = self.caller(principal);
        let Some(held) = self.world.rbac().scopes_held(&caller) else { return scopes.cloned().collect() };
        let above = |scope: &ResourceId| scope.folded() == "/" || scope.folded().starts_with("/providers/");
        if held.iter().any(|scope| above(scope)) {
            return scopes.cloned().collect();
        }
        scopes.filter(|scope| held.iter().any(|own| own.contains(scope))).cloned().collect()
    }

    /// Whether anything happened since this room last began to have its say about the principal; it begins now.
    pub fn stirs(&mut self, room: Room, principal: &ObjectId) -> bool {
        let now = (self.facts.len(), self.world.version, self.grants);
        self.settled.insert((room, principal.clone()), now) != Some(now)
    }

    pub fn all_reached(&self) -> bool {
        !self.exhaustive && self.jewels.iter().all(|jewel| self.has(&Fact::Data(jewel.clone())))
    }

    /// Goes on after the jewels are reached: everything that could be done is wanted.
    pub fn exhaustive(&mut self) {
        self.exhaustive = true;
    }

    /// The attacker can act as this principal from the start.
    pub fn hold(&mut self, principal: &ObjectId) {
        let node = self.node("hold", principal.as_str(), principal.as_str(), "held by the attacker");
        self.derive(Fact::Controls(principal.clone()), node);
    }

    pub fn attacker(&self, principal: &ObjectId) -> Attacker {
        self.engine.case.words.for_principal(principal, self.at)
    }

    /// What the attack itself obtained in this run.
    fn observed(&mut self) {
        let correlated = &self.engine.case.correlated;
        for (n, step) in correlated.steps.iter().enumerate() {
            let Some(event) = self.engine.event(n) else { continue };
            let outside = match &self.limit {
                Limit::Only { steps, .. } => !steps.contains(&n) && !matches!(event.detail, Detail::SignIn(_)),
                Limit::Walk { steps, .. } => !steps.contains(&n),
                Limit::Nothing | Limit::Without(_) | Limit::Exactly(_) => false,
            };
            if outside || step.failed() || step.context || !self.run.steps.get(n).is_some_and(|s| s.any()) {
                continue;
            }
            let principal = self.engine.links(n).principal.clone();
            let from = principal.as_ref().map_or_else(|| step.actor.name.to_string(), ObjectId::to_string);
            let node = Node {
                action: step.action.to_string(),
                from,
                to: step.target_id.as_deref().unwrap_or(&step.target).to_owned(),
                why: format!("observed as {}", step.id),
                step: Some(n),
                needs: self.observed_needs(n),
                words: turns_on(self.run, n).flat_map(|answer| answer.words.iter().copied()).collect(),
                missing: turns_on(self.run, n).flat_map(|answer| answer.missing.iter().cloned()).collect(),
                evidence: vec![event.evidence.clone()],
            };
            for yielded in yields(&self.engine.world.env, event) {
                let fact = match yielded.capability {
                    Capability::Session { principal, audience } => Fact::Session(principal, audience),
                    Capability::StorageKey { account } => Fact::Key(account),
                    Capability::Sas { resource } => Fact::Key(resource),
                    // Signs in the name of somebody whose token reads all the same.
                    Capability::DelegationKey { .. } => continue,
                    Capability::Execution { resource } => Fact::Execution(resource),
                    Capability::Credential { principal } => Fact::Controls(principal),
                    Capability::Secret { resource } => Fact::Key(resource),
                    Capability::AzureRole { .. } => match &event.detail {
                        Detail::Arm(detail) => Fact::Granted(detail.resource.folded().to_owned()),
                        _ => continue,
                    },
                };
                self.derive(fact, node.clone());
            }
            if let Detail::Data(detail) = &event.detail
                && crate::effect::data_operation(&event.action).is_some_and(|row| row.reads)
                && let Some((account, _)) = crate::effect::account_document(&self.world.env, detail)
            {
                let container = detail
                    .container
                    .as_deref()
                    .map(|c| ResourceId::new(&format!("{}/blobServices/default/containers/{c}", account.spelled())));
                let touched = container.unwrap_or_else(|| account.clone());
                for jewel in self.jewels.clone() {
                    if jewel == touched || jewel.contains(&touched) {
                        self.derive(Fact::Data(jewel), node.clone());
                    }
                }
            }
        }
        let entries = self.engine.case.entries.clone();
        for entry in entries {
            let held = self.attacker(&entry).holds;
            let known = held
                .iter()
                .any(|w| matches!(w, Word::Password | Word::SessionCookie | Word::RefreshToken | Word::ClientSecret));
            if known || self.engine.password_proven(&entry, self.at) {
                let node = self.node("hold", entry.as_str(), entry.as_str(), "held by the attacker");
                self.derive(Fact::Controls(entry), node);
            }
        }
    }

    /// Nodes of the steps that an observed step built on.
    fn observed_needs(&self, n: usize) -> BTreeSet<usize> {
        let links = self.engine.links(n);
        let mut steps: BTreeSet<usize> = BTreeSet::new();
        let supports = links
            .token
            .iter()
            .flat_map(|t| &t.supports)
            .chain(links.key.iter().flat_map(|k| &k.supports))
            .chain(links.session.iter())
            .chain(links.credential.iter());
        for support in supports {
            if let crate::causal::SupportFrom::Step(step) = support.from {
                steps.insert(step);
            }
        }
        steps.extend(self.engine.factual_grants(n).iter().filter_map(|(_, maker)| *maker));
        self.nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| node.step.is_some_and(|s| steps.contains(&s)))
            .map(|(at, _)| at)
            .collect()
    }

    /// The observed steps that these were built on, they included.
    pub fn steps_behind(&self, steps: &BTreeSet<usize>) -> BTreeSet<usize> {
        let of = |(at, node): (usize, &Node)| node.step.is_some_and(|step| steps.contains(&step)).then_some(at);
        let mut open: Vec<usize> = self.nodes.iter().enumerate().filter_map(of).collect();
        let mut seen: BTreeSet<usize> = BTreeSet::new();
        while let Some(at) = open.pop() {
            if seen.insert(at)
                && let Some(node) = self.nodes.get(at)
            {
                open.extend(node.needs.iter().copied());
            }
        }
        seen.into_iter().filter_map(|at| self.nodes.get(at)?.step).collect()
    }

    /// A node with nothing attached.
    pub fn node(&self, action: &str, from: &str, to: &str, why: &str) -> Node {
        Node {
            action: action.to_owned(),
            from: from.to_owned(),
            to: to.to_owned(),
            why: why.to_owned(),
            step: None,
            needs: BTreeSet::new(),
            words: BTreeSet::new(),
            missing: Missing::new(),
            evidence: Vec::new(),
        }
    }

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
        let mut ways = ways_to_token(self.engine, &self.world, &self.run.steps, principal, audience, self.at, false);
        if self.engine.sign_ins_of(principal).next().is_none() {
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

    /// Principals with a token for an audience, each with the node of that token.
    pub fn with_session(&self, audience: &Audience) -> Vec<(ObjectId, usize)> {
        self.facts
            .iter()
            .filter_map(|(fact, node)| match fact {
                Fact::Session(principal, of) if of == audience => Some((principal.clone(), *node)),
                _ => None,
            })
            .collect()
    }

    /// Everybody the attacker acts as.
    pub fn principals(&self) -> BTreeSet<ObjectId> {
        self.facts
            .keys()
            .filter_map(|fact| match fact {
                Fact::Controls(principal) | Fact::Session(principal, _) => Some(principal.clone()),
                _ => None,
            })
            .collect()
    }

    pub fn caller(&self, principal: &ObjectId) -> ArmPrincipal {
        let machine = self.world.env.get(Kind::ServicePrincipals, principal.as_str()).is_some()
            || self.is_machine_identity(principal);
        let kind = if machine { ActorKind::ServicePrincipal } else { ActorKind::User };
        self.world.principal(principal, kind)
    }

    pub fn request(&self, operation: &str, is_data_action: bool, scope: &ResourceId) -> ArmRequest {
        ArmRequest {
            operation: operation.to_owned(),
            is_data_action,
            scope: scope.clone(),
            suboperation: None,
            utc_now: self.at,
            attributes: Default::default(),
        }
    }

    /// Whether the principal may do the operation now; with what it builds on.
    pub fn may(&self, principal: &ObjectId, request: &ArmRequest) -> Option<Allowed> {
        let caller = self.caller(principal);
        let answer = self.world.rbac().answer(&caller, request);
        if !self.stage.passes(answer.level) {
            return None;
        }
        let mut needs = BTreeSet::new();
        let mut grants = self.world.rbac().grants(&caller, request);
        let made = |g: &crate::decide::azure_rbac::Grant| {
            let role = g.role_definition.rsplit('/').next().unwrap_or(&g.role_definition).to_lowercase();
            self.node_of(&Fact::Granted(g.assignment.to_lowercase())).or(self.node_of(&Fact::Redefined(role)))
        };
        // The attacker's own right first, then what they made of it.
        if let Some(at) = grants.iter().position(|g| made(g).is_none()) {
            grants.swap(0, at);
        } else {
            needs.extend(grants.first().and_then(made));
        }
        let by_group = grants.iter().find_map(|g| self.node_of(&Fact::Member(principal.clone(), g.principal.clone())));
        needs.extend(by_group);
        if !request.is_data_action && !self.stage.passes(self.before.rbac().answer(&caller, request).level) {
            needs.extend(self.facts.iter().filter_map(|(f, n)| matches!(f, Fact::LockGone(_)).then_some(*n)));
        }
        let why = grants.first().map_or_else(
            || answer.reason.clone(),
            |g| {
                let role = g.role_name.clone().unwrap_or_else(|| g.role_definition.clone());
                format!("{role} at {}", scope_name(&self.world.env, &g.scope))
            },
        );
        let assignment = |id: &str| self.before.env.get(Kind::RoleAssignments, id).map(|d| d.evidence.clone());
        let evidence = grants.first().and_then(|grant| assignment(&grant.assignment)).into_iter().collect();
        Some(Allowed { why, needs, words: answer.words, missing: answer.missing, evidence })
    }

    /// The steps of the path to a jewel, in order.
    pub fn path_to(&self, jewel: &ResourceId) -> Option<Path> {
        let last = self.node_of(&Fact::Data(jewel.clone()))?;
        let mut wanted: BTreeSet<usize> = BTreeSet::new();
        let mut open = vec![last];
        while let Some(at) = open.pop() {
            if wanted.insert(at)
                && let Some(node) = self.nodes.get(at)
            {
                open.extend(node.needs.iter().copied());
            }
        }
        let mut path = Path::default();
        for node in wanted.iter().filter_map(|at| self.nodes.get(*at)) {
            path.words.extend(node.words.iter().copied());
            path.missing.extend(node.missing.iter().cloned());
            if node.action != "hold" {
                path.nodes.push(node.clone());
            }
        }
        Some(path)
    }
}

/// The resource a jewel lives on: the account of a container, the vault, the resource itself.
pub fn home(jewel: &ResourceId) -> ResourceId {
    let mut at = jewel.clone();
    loop {
        let kind = at.resource_type().map(|t| t.to_lowercase()).unwrap_or_default();
        if kind.matches('/').count() <= 1 {
            return at;
        }
        match at.parent() {
            Some(parent) => at = parent,
            None => return at,
        }
    }
}

fn unchanged(before: &[Option<Arc<Collection>>], now: &[Option<Arc<Collection>>]) -> bool {
    before.iter().zip(now).all(|(a, b)| match (a, b) {
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    })
}

/// What an allowed call builds on.
pub struct Allowed {
    pub why: String,
    pub needs: BTreeSet<usize>,
    pub words: BTreeSet<Word>,
    pub missing: Missing,
    pub evidence: Vec<Evidence>,
}

impl Allowed {
    /// Puts it into a node.
    pub fn into_node(self, mut node: Node) -> Node {
        if node.why.is_empty() {
            node.why = self.why;
        }
        node.needs.extend(self.needs);
        node.words.extend(self.words);
        node.missing.extend(self.missing);
        node.evidence.extend(self.evidence);
        node
    }
}

/// The answers that an observed step passes on in this run although they are not plain yeses.
fn turns_on(run: &Run, n: usize) -> impl Iterator<Item = &Answer> {
    let asked = run.steps.get(n).and_then(|s| s.first.as_deref());
    asked.into_iter().flat_map(|a| &a.parts).map(|p| &p.answer).filter(|answer| answer.level < Level::NotCut)
}
