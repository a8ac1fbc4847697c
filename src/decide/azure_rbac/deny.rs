//! Deny assignments: they win over every role (*Understand Azure deny assignments*).
//!
//! Only the platform writes them, says the page (deployment stacks, managed applications, blueprints); API version
//! 2024-07-01-preview of `Microsoft.Authorization/denyAssignments` takes them from users, with an effect. An effect
//! other than `enforced` never blocks; none means enforced.

use super::asked::Asked;
use super::assignment::name_of;
use super::condition::{self, Condition};
use super::logic::{Kleene, Logic};
use super::principal::{Caller, Entry};
use super::role::{Permissions, property};
use super::scope::{ScopeIndex, scope_of_id};
use crate::model::{ResourceId, json};
use serde_json::Value;
use std::sync::Arc;

/// What an assignment does where it matches.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Effect {
    Enforced,
    /// `audit`, or a word we do not know: blocks nothing.
    Other(Box<str>),
}

#[derive(Clone, Debug)]
pub(super) struct Deny {
    pub id: Arc<str>,
    pub name: Arc<str>,
    pub scope: Option<ResourceId>,
    /// None: it is written in a way we cannot read.
    only_this_scope: Option<bool>,
    /// None: the document names nobody.
    principals: Option<Vec<Entry>>,
    excluded: Vec<Entry>,
    /// None: the document has no list.
    permissions: Option<Permissions>,
    pub condition: Option<Condition>,
    effect: Effect,
    /// Made by the platform, as the document says.
    pub system: bool,
}

/// What a deny assignment says of a request, by parts; all of them must hold.
pub(super) struct Factors<L> {
    pub scope: L,
    pub principal: L,
    pub actions: L,
    pub whole: L,
}

impl Deny {
    pub fn of(document: &Value, complain: &mut dyn FnMut(&str, String, String)) -> Deny {
        let id = json::text(document, "id").unwrap_or_default();
        let owner = format!("denyAssignment:{}", name_of(document, id));
        let entries = |name: &str| {
            let list = property(document, name)?.as_array()?;
            Some(list.iter().map(Entry::of).collect::<Vec<_>>())
        };
        let scope = property(document, "scope").and_then(Value::as_str).map(ResourceId::new);
        let scope = scope.or_else(|| scope_of_id(id, "denyAssignments"));
        // Documented default: false.
        let only_this_scope = match property(document, "doNotApplyToChildScopes") {
            None => Some(false),
            Some(Value::Bool(value)) => Some(*value),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Some(true),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Some(false),
            Some(_) => None,
        };
        let effect = match property(document, "denyAssignmentEffect").map(|effect| effect.as_str().unwrap_or("?")) {
            None => Effect::Enforced,
            Some(word) if word.trim().eq_ignore_ascii_case("enforced") => Effect::Enforced,
            Some(word) => Effect::Other(word.into()),
        };
        let principals = entries("principals");
        let permissions = Permissions::of(document, &owner, &mut |pointer, says| complain(id, pointer, says));
        let condition = Condition::of(json::get(document, "properties").unwrap_or(document), &owner);
        for (found, pointer) in [
            (scope.is_some(), "/properties/scope"),
            (only_this_scope.is_some(), "/properties/doNotApplyToChildScopes"),
            (principals.is_some(), "/properties/principals"),
            (permissions.is_some(), "/properties/permissions"),
        ] {
            if !found {
                complain(id, pointer.to_owned(), "a deny assignment that does not say this".to_owned());
            }
        }
        if let Some(why) = condition.as_ref().and_then(Condition::complaint) {
            complain(id, "/properties/condition".to_owned(), why.says.clone());
        }
        Deny {
            id: id.into(),
            name: name_of(document, id),
            scope,
            only_this_scope,
            principals,
            excluded: entries("excludePrincipals").unwrap_or_default(),
            permissions,
            condition,
            effect,
            system: property(document, "isSystemProtected").and_then(Value::as_bool).is_some_and(|system| system),
        }
    }

    /// Whether it says where, for whom and what.
    pub fn is_readable(&self) -> bool {
        let named = |entries: &[Entry]| entries.iter().all(|entry| entry.id.is_some());
        self.scope.is_some()
            && self.only_this_scope.is_some()
            && self.principals.as_deref().is_some_and(named)
            && named(&self.excluded)
            && self.permissions.as_ref().is_some_and(Permissions::is_readable)
    }

    pub fn is_enforced(&self) -> bool {
        self.effect == Effect::Enforced
    }

    pub fn factors<L: Logic>(&self, caller: &Caller<'_>, asked: &Asked<'_>) -> Factors<L> {
        let unread = |what: &str| L::missing(|| format!("{what} of denyAssignment:{}", self.name));
        let scope = match (&self.scope, self.only_this_scope) {
            (Some(scope), Some(false)) => asked.target.covered_by(scope),
            (Some(scope), Some(true)) => L::of(asked.target.is_exactly(scope)),
            (Some(scope), None) => asked.target.covered_by::<L>(scope).and_then(|| unread("doNotApplyToChildScopes")),
            (None, _) => unread("scope"),
        };
        let principal = scope.clone().and_then(|| match &self.principals {
            Some(principals) => {
                let named = L::any(principals.iter().map(|entry| entry.holds(caller)));
                named.and_then(|| L::any(self.excluded.iter().map(|entry| entry.holds::<L>(caller))).not())
            }
            None => unread("principals"),
        });
        if principal.kleene() == Kleene::False {
            return Factors { scope, principal: L::of(false), actions: L::of(false), whole: L::of(false) };
        }
        let (actions, allowed) = match &self.permissions {
            Some(permissions) => {
                let allowed = permissions.allow(asked.operation, asked.request.is_data_action, &asked.context);
                (allowed.actions, allowed.whole)
            }
            None => (unread("permissions"), unread("permissions")),
        };
        let own = allowed.and_then(|| condition::holds(self.condition.as_ref(), &asked.context));
        // INVARIANT: `principal` was made from `scope`, so it holds the scope's doubts too.
        let whole = principal.clone().and(own);
        Factors { scope, principal, actions, whole }
    }
}

/// All of them, or none where they were not collected.
#[derive(Clone, Debug, Default)]
pub(super) struct Denies {
    pub collected: bool,
    all: Vec<Deny>,
    index: ScopeIndex,
}

impl Denies {
    pub fn new(documents: Option<&[&Value]>, complain: &mut dyn FnMut(&str, String, String)) -> Self {
        let all: Vec<Deny> =
            documents.unwrap_or_default().iter().map(|document| Deny::of(document, complain)).collect();
        let mut index = ScopeIndex::default();
        for (at, deny) in all.iter().enumerate() {
            let Ok(at) = u32::try_from(at) else { break };
            index.insert(deny.scope.as_ref(), at);
        }
        Denies { collected: documents.is_some(), all, index }
    }

    /// Those that may block, in the order of the export.
    pub fn candidates(&self, asked: &Asked<'_>) -> impl Iterator<Item = &Deny> {
        let found = if self.all.is_empty() { Vec::new() } else { self.index.candidates(&asked.target) };
        found.into_iter().filter_map(|at| self.all.get(at as usize))
    }
}
