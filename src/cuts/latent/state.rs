//! What the attacker has reached so far, and how.

use super::azure::is_above_subscriptions;
use super::estate::Estate;
use crate::causal::World;
use crate::effect::Audience;
use crate::model::request::{ArmPrincipal, ArmRequest};
use crate::model::{
    ActorKind, Answer, Attacker, Collection, Evidence, Kind, Level, Missing, ObjectId, ResourceId, Timestamp, Word,
    json,
};
use crate::replay::{Engine, Run, Stage, Stretch, scope_name, unseen_right};
use std::collections::{BTreeMap, BTreeSet};
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
    /// Since when it was open: what history did on the way had to happen first.
    pub from: Option<Timestamp>,
    /// Until when; none: it still was at the end of the window.
    pub until: Option<Timestamp>,
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
    /// A key that signs SAS in the name of a principal.
    DelegationKey(ObjectId, ResourceId),
    Execution(ResourceId),
    /// One of several operations that it takes together.
    Prepared(ResourceId, &'static str),
    /// A resource may be written back to what serves the attacker.
    Opened(ResourceId, super::opening::Opened),
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
    pub(super) run: &'a Run,
    /// As it was at that moment of the run.
    pub before: World,
    /// With everything the attacker could have changed by now.
    pub world: World,
    pub jewels: Vec<ResourceId>,
    pub at: Timestamp,
    /// How many events of the window had happened.
    pub(super) events: usize,
    /// The stretch it stands for.
    span: (Option<Timestamp>, Option<Timestamp>),
    pub(super) nodes: Vec<Node>,
    pub(super) facts: BTreeMap<Fact, usize>,
    pub(super) limit: Limit,
    exhaustive: bool,
    /// Where rules look.
    pub estate: Arc<Estate>,
    homes: Vec<ResourceId>,
    /// Somebody the attacker acts as may be able to grant roles.
    pub grants: bool,
    /// Who has tried to give what else to whom, and where; the version of the world at the end of it.
    pub granting: BTreeMap<(ObjectId, ObjectId, ResourceId), u64>,
    /// Number of facts and version of the world when a room last began to have its say about a principal.
    settled: BTreeMap<(Room, ObjectId), (usize, u64, bool)>,
    /// Tokens that were refused, and the documents they were refused by.
    pub(super) refused: BTreeMap<(ObjectId, Audience), Vec<Option<Arc<Collection>>>>,
}

/// Rules that are asked principal by principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Room {
    Azure,
    Entra,
}

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

impl Node {
    /// What the gate's answer turns on, the path turns on.
    pub fn turning_on(mut self, answer: Answer) -> Node {
        self.words.extend(answer.words);
        self.missing.extend(answer.missing);
        self
    }
}

impl<'a> State<'a> {
    /// At the end of the window.
    pub fn new(engine: &'a Engine<'a>, run: &'a Run, jewels: &[ResourceId]) -> State<'a> {
        match run.stretches.last() {
            Some(last) => State::within(engine, run, last, jewels, Limit::Nothing),
            None => State::started(engine, run, &run.world, None, jewels, Limit::Nothing),
        }
    }

    /// At the end of a stretch of the window, using no operation that the limit forbids.
    pub fn within(
        engine: &'a Engine<'a>,
        run: &'a Run,
        stretch: &Stretch,
        jewels: &[ResourceId],
        limit: Limit,
    ) -> State<'a> {
        // Compiled here, where every search from this stretch finds them.
        (0..4).for_each(|gate| stretch.world.compile(gate));
        State::started(engine, run, &stretch.world, Some(stretch), jewels, limit)
    }

    fn started(
        engine: &'a Engine<'a>,
        run: &'a Run,
        world: &World,
        stretch: Option<&Stretch>,
        jewels: &[ResourceId],
        limit: Limit,
    ) -> State<'a> {
        let correlated = &engine.case.correlated;
        let attack = correlated.steps.iter().map(|s| s.end).max();
        let window = attack.and(correlated.window_events.last().map(|event| event.time));
        let last = attack.max(window).or(engine.asked_at).unwrap_or(Timestamp::UNIX_EPOCH);
        let mut homes: Vec<ResourceId> = jewels.iter().map(ResourceId::home).collect();
        homes.sort();
        homes.dedup();
        let mut state = State {
            engine,
            stage: run.stage,
            run,
            before: world.clone(),
            world: world.clone(),
            jewels: jewels.to_vec(),
            at: stretch.map_or(last, |stretch| stretch.at(last)),
            events: stretch.map_or(usize::MAX, |stretch| stretch.events),
            span: (stretch.map(|stretch| stretch.from), stretch.and_then(|stretch| stretch.until)),
            nodes: Vec::new(),
            facts: BTreeMap::new(),
            limit,
            exhaustive: false,
            // The end of the window is where most searches start from: they share what is read of it.
            estate: match stretch.is_none_or(|stretch| stretch.until.is_none()) {
                true => run.ground(|| Estate::of(&run.start, &run.world.env)),
                false => Arc::new(Estate::of(&run.start, &world.env)),
            },
            homes,
            grants: false,
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

    /// Whether a machine identity is wanted, though it hold nothing: somebody may grant roles, and none is at hand. What
    /// refuses a token to a person does not reach it.
    pub fn wants_machine(&self) -> bool {
        let machine = |fact: &Fact| matches!(fact, Fact::Controls(principal) if self.is_machine_identity(principal));
        self.grants && !self.facts.keys().any(machine)
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

    /// Something that was done and is of no use any more.
    pub(super) fn remember(&mut self, node: Node) {
        if !self.nodes.iter().any(|known| known.step == node.step) {
            self.nodes.push(node);
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

    /// Those scopes where some assignment of the principal's could count; all, where that is not known. What lies below
    /// a scope stands together, its id being how theirs begin.
    pub fn covered(&self, principal: &ObjectId, scopes: &BTreeSet<ResourceId>) -> BTreeSet<ResourceId> {
        let caller = self.caller(principal);
        let Some(held) = self.world.rbac().scopes_held(&caller) else { return scopes.clone() };
        if held.iter().any(|scope| is_above_subscriptions(scope)) {
            return scopes.clone();
        }
        let below = held.iter().flat_map(|own| {
            let near = scopes.range((*own).clone()..).take_while(|scope| scope.folded().starts_with(own.folded()));
            near.filter(|scope| own.contains(scope))
        });
        below.cloned().collect()
    }

    /// Resource groups in which the principal may hold something: of the jewels, of what is near, of their own scopes.
    pub fn groups_at_hand(&self, principal: &ObjectId, near: Option<&ResourceId>) -> BTreeSet<ResourceId> {
        let mut groups: BTreeSet<ResourceId> =
            self.homes.iter().chain(near).filter_map(ResourceId::resource_group).collect();
        let caller = self.caller(principal);
        let held = self.world.rbac().scopes_held(&caller).unwrap_or_default();
        groups.extend(held.into_iter().filter_map(ResourceId::resource_group));
        self.covered(principal, &groups)
    }

    /// Code runs somewhere: the first place, by id.
    pub fn placed(&self) -> Option<usize> {
        let (fact, node) = self.facts.range(Fact::Execution(ResourceId::new(""))..).next()?;
        matches!(fact, Fact::Execution(_)).then_some(*node)
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
        self.world.principal(principal, self.kind_of(principal))
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
        let mut answer = self.world.rbac().answer(&caller, request);
        if answer.level < Level::Unknown && self.was_allowed(principal, request) {
            // What took the role away leaves an eligibility that nobody exported; without one it opens nothing.
            answer = unseen_right(&self.world, &caller, request).unwrap_or(answer);
        }
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

    /// Whether the principal could do it before anything was taken away.
    fn was_allowed(&self, principal: &ObjectId, request: &ArmRequest) -> bool {
        let history = &self.engine.world;
        let caller = history.principal(principal, self.kind_of(principal));
        history.rbac().answer(&caller, request).level == Level::NotCut
    }

    fn kind_of(&self, principal: &ObjectId) -> ActorKind {
        let machine = self.world.env.get(Kind::ServicePrincipals, principal.as_str()).is_some()
            || self.is_machine_identity(principal);
        if machine { ActorKind::ServicePrincipal } else { ActorKind::User }
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
        let mut path = Path { from: self.span.0, until: self.span.1, ..Path::default() };
        for node in wanted.iter().filter_map(|at| self.nodes.get(*at)) {
            path.words.extend(node.words.iter().copied());
            path.missing.extend(node.missing.iter().cloned());
            let done = node.step.and_then(|step| self.engine.event(step)).map(|event| event.time);
            path.from = path.from.max(done);
            if node.action != "hold" {
                path.nodes.push(node.clone());
            }
        }
        Some(path)
    }
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
