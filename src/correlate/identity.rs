//! Who is who: UPN, object id, application id, GUIDs without dashes and any letter case come to one principal.
//!
//! The environment tells most of it (Graph `user`, `servicePrincipal`, `application`); the logs tell the rest, where a
//! successful record carries two names of one actor. Also the names people say for resources (`incident.json`'s
//! `aliases`), and which account a bare account name means.

use crate::model::{Actor, ActorKind, DataDetail, Environment, Event, Kind, ObjectId, Outcome, ResourceId, json};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// A principal by number; numbers mean nothing outside this run and are never printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Principal(u32);

#[derive(Clone, Debug, Default)]
pub struct Identities {
    names: HashMap<Arc<str>, u32>,
    parent: Vec<u32>,
    /// By root: the principal's object id, or the best name there is.
    label: Vec<Arc<str>>,
    /// By root: told by the environment, so that two such never become one.
    told: Vec<bool>,
    /// Pairs of names the logs hold to be one principal's.
    links: BTreeSet<(Arc<str>, Arc<str>)>,
    aliases: BTreeMap<String, Arc<str>>,
    /// Storage accounts and vaults by name.
    accounts: BTreeMap<String, ResourceId>,
}

impl Identities {
    pub fn new(environment: &Environment, aliases: &BTreeMap<String, String>) -> Self {
        let mut identities = Identities::default();
        for (name, meant) in aliases {
            identities.aliases.insert(name.to_lowercase(), meant.to_lowercase().into());
        }
        for (key, document) in environment.of(Kind::Users) {
            let id = json::text(&document.body, "id").unwrap_or(key);
            identities.tell(id, json::text(&document.body, "userPrincipalName"));
        }
        for (key, document) in environment.of(Kind::ServicePrincipals) {
            let id = json::text(&document.body, "id").unwrap_or(key);
            identities.tell(id, json::text(&document.body, "appId"));
        }
        for (key, document) in environment.of(Kind::Applications) {
            // An application object is its service principal's twin: whoever changes one commands the other.
            let id = json::text(&document.body, "id").unwrap_or(key);
            if let Some(app) = json::text(&document.body, "appId").and_then(usable) {
                let (id, app) = (identities.intern(&fold(id)), identities.intern(&app));
                identities.unite(id, app);
            }
        }
        for (_, document) in environment.of(Kind::Resources) {
            let Some(id) = json::text(&document.body, "id").map(ResourceId::new) else { continue };
            let kind = id.resource_type().unwrap_or_default().to_ascii_lowercase();
            if matches!(kind.as_str(), "microsoft.storage/storageaccounts" | "microsoft.keyvault/vaults") {
                identities.accounts.insert(id.name().to_lowercase(), id);
            }
        }
        identities
    }

    fn tell(&mut self, id: &str, other: Option<&str>) {
        let Some(id) = usable(id) else { return };
        let at = self.intern(&id);
        let root = self.root(at);
        if let Some(label) = self.label.get_mut(root as usize) {
            *label = id;
        }
        if let Some(told) = self.told.get_mut(root as usize) {
            *told = true;
        }
        if let Some(other) = other.and_then(usable) {
            let other = self.intern(&other);
            self.unite(at, other);
        }
    }

    /// Notes what one record says about its actor's names. Refused and interrupted sign-ins are not asked: their names
    /// are what somebody typed.
    pub fn learn(&mut self, event: &Event) {
        if event.outcome != Outcome::Success {
            return;
        }
        let actor = &event.actor;
        let other = match actor.kind {
            ActorKind::User => actor.upn.as_deref(),
            ActorKind::ServicePrincipal | ActorKind::ManagedIdentity => actor.app_id.as_deref(),
            ActorKind::Credential | ActorKind::Unknown => None,
        };
        if let (Some(id), Some(other)) = (actor.id.as_ref().and_then(|id| usable(id.as_str())), other.and_then(usable))
            && id != other
        {
            self.links.insert((id, other));
        }
    }

    /// Joins what [`Identities::learn`] noted, in an order of its own.
    pub fn settle(&mut self) {
        let links = std::mem::take(&mut self.links);
        for (id, other) in &links {
            let (id, other) = (self.intern(id), self.intern(other));
            self.unite(id, other);
        }
        for at in 0..self.parent.len() {
            let root = self.shorten(at as u32);
            if let Some(parent) = self.parent.get_mut(at) {
                *parent = root;
            }
        }
        // Backwards, so that the smallest object id of a class is what it is called.
        for (id, _) in links.iter().rev() {
            let Some(root) = self.names.get(id).map(|&at| self.root(at) as usize) else { continue };
            if self.told.get(root) == Some(&false)
                && let Some(label) = self.label.get_mut(root)
            {
                *label = id.clone();
            }
        }
    }

    fn intern(&mut self, name: &Arc<str>) -> u32 {
        if let Some(&at) = self.names.get(name) {
            return at;
        }
        let at = u32::try_from(self.parent.len()).unwrap_or(u32::MAX);
        self.names.insert(name.clone(), at);
        self.parent.push(at);
        self.label.push(name.clone());
        self.told.push(false);
        at
    }

    fn root(&self, mut at: u32) -> u32 {
        while let Some(&up) = self.parent.get(at as usize) {
            if up == at {
                break;
            }
            at = up;
        }
        at
    }

    /// The root, with every second step of the way there made shorter.
    fn shorten(&mut self, mut at: u32) -> u32 {
        loop {
            let up = self.parent.get(at as usize).copied().unwrap_or(at);
            if up == at {
                return at;
            }
            let above = self.parent.get(up as usize).copied().unwrap_or(up);
            if let Some(parent) = self.parent.get_mut(at as usize) {
                *parent = above;
            }
            at = above;
        }
    }

    fn unite(&mut self, a: u32, b: u32) {
        let (a, b) = (self.shorten(a), self.shorten(b));
        let told = |at: u32| self.told.get(at as usize).copied() == Some(true);
        if a == b || (told(a) && told(b)) {
            return;
        }
        let (keep, drop) = if told(b) { (b, a) } else { (a, b) };
        if let Some(parent) = self.parent.get_mut(drop as usize) {
            *parent = keep;
        }
    }

    /// The principal of that name, whichever of its names it is; a name never met is a principal of its own.
    pub fn named(&mut self, name: &str) -> Option<Principal> {
        let at = self.intern(&usable(name)?);
        Some(Principal(self.root(at)))
    }

    /// The principal of that name, if anybody has met it.
    pub fn find(&self, name: &str) -> Option<Principal> {
        self.names.get(&usable(name)?).map(|&at| Principal(self.root(at)))
    }

    /// Who acted; none for a bare key, SAS or anonymous caller.
    pub fn actor(&mut self, actor: &Actor) -> Option<Principal> {
        let name = actor_name(actor)?;
        self.named(&name)
    }

    /// Like [`Identities::actor`], without taking note of a name never met.
    pub fn known_actor(&self, actor: &Actor) -> Option<Principal> {
        self.find(&actor_name(actor)?)
    }

    /// Object id where known, else the folded UPN or application id.
    pub fn label(&self, principal: Principal) -> Arc<str> {
        self.label.get(principal.0 as usize).cloned().unwrap_or_default()
    }

    /// The label of an actor, the same for all its names.
    pub fn principal(&self, actor: &Actor) -> Option<Arc<str>> {
        match self.known_actor(actor) {
            Some(principal) => Some(self.label(principal)),
            None => actor_name(actor).and_then(|name| usable(&name)),
        }
    }

    /// A name that no log row of others can change: the environment's object id, else what the record itself says.
    pub fn stable_name(&self, actor: &Actor) -> Arc<str> {
        if let Some(principal) = self.known_actor(actor)
            && self.told.get(principal.0 as usize) == Some(&true)
        {
            return self.label(principal);
        }
        let id = actor.id.as_ref().map(|id| id.as_str());
        let names = [actor.upn.as_deref(), actor.app_id.as_deref(), id, Some(&*actor.name)];
        names.into_iter().flatten().find_map(usable).unwrap_or_default()
    }

    /// The actor's object id, where the environment or a log tells it.
    pub fn object_id(&self, actor: &Actor) -> Option<ObjectId> {
        let label = self.principal(actor)?;
        let own = actor.id.as_ref().is_some_and(|id| id.as_str() == label.as_ref());
        let told = self.find(&label).is_some_and(|p| self.told.get(p.0 as usize) == Some(&true));
        let user = actor.kind == ActorKind::User && is_guid(&label);
        (own || told || user).then(|| ObjectId::new(&label))
    }

    /// An account's or vault's name, folded: the last segment of a resource id, and the real name for a spoken one.
    pub fn account(&self, name: &str) -> Arc<str> {
        let name = name.trim_end_matches('/').rsplit('/').next().unwrap_or(name).to_lowercase();
        self.aliases.get(&name).cloned().unwrap_or_else(|| name.into())
    }

    /// The account or vault of a data record, as the environment spells it where it holds it.
    pub fn account_of<'a>(&'a self, detail: &'a DataDetail) -> Account<'a> {
        let recorded = detail.resource.as_ref();
        let name = match recorded.map(|resource| account_level(resource.folded())) {
            Some(level) => Cow::Borrowed(level.rsplit('/').next().unwrap_or(level)),
            None => folded(detail.account.rsplit('/').next().unwrap_or(&detail.account)),
        };
        let name = match self.aliases.get(name.as_ref()) {
            Some(meant) => Cow::Borrowed(meant.as_ref()),
            None => name,
        };
        let resource = match (self.accounts.get(name.as_ref()), recorded) {
            (Some(known), _) => Some(Cow::Borrowed(known)),
            (None, Some(recorded)) => {
                let level = account_level(recorded.folded());
                if level.len() == recorded.folded().len() {
                    Some(Cow::Borrowed(recorded))
                } else {
                    recorded.spelled().get(..level.len()).map(|text| Cow::Owned(ResourceId::new(text)))
                }
            }
            (None, None) => None,
        };
        Account { name, resource }
    }
}

/// A storage account or vault.
pub struct Account<'a> {
    /// Folded.
    pub name: Cow<'a, str>,
    pub resource: Option<Cow<'a, ResourceId>>,
}

/// `…/storageaccounts/<name>` or `…/vaults/<name>` of a folded id that may name a part of it
/// (`…/blobservices/default`); the id itself where it is neither.
fn account_level(id: &str) -> &str {
    let start = ["/storageaccounts/", "/vaults/"].iter().find_map(|part| Some(id.find(part)? + part.len()));
    let end = start.and_then(|start| Some(start + id.get(start..)?.find('/')?));
    end.and_then(|end| id.get(..end)).unwrap_or(id)
}

fn folded(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|b| b.is_ascii_uppercase() || !b.is_ascii()) {
        Cow::Owned(text.to_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

/// What an actor is called in the record, surest name first.
fn actor_name(actor: &Actor) -> Option<Arc<str>> {
    let by_id = actor.id.as_ref().map(|id| Arc::<str>::from(id.as_str())).filter(|id| usable(id).is_some());
    let name = match actor.kind {
        ActorKind::Credential => return by_id.or_else(|| actor.upn.clone()).or_else(|| actor.app_id.clone()),
        ActorKind::User => by_id.or_else(|| actor.upn.clone()),
        ActorKind::ServicePrincipal | ActorKind::ManagedIdentity => by_id.or_else(|| actor.app_id.clone()),
        ActorKind::Unknown => by_id.or_else(|| actor.upn.clone()).or_else(|| actor.app_id.clone()),
    };
    name.or_else(|| Some(actor.name.clone()))
}

/// Folded; none for what names nobody (empty, the zero GUID).
fn usable(name: &str) -> Option<Arc<str>> {
    let folded = fold(name);
    let nobody = folded.is_empty() || folded.bytes().all(|b| matches!(b, b'0' | b'-'));
    (!nobody).then_some(folded)
}

/// Lower case, GUIDs with dashes.
pub fn fold(name: &str) -> Arc<str> {
    ObjectId::new(name).as_str().to_lowercase().into()
}

pub fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}
