//! Role definitions: elements of permissions, each on its own.
//!
//! An element allows an operation if some `actions` pattern matches and no `notActions` pattern does; `notActions`
//! subtracts inside its element and denies nothing. Control operations look at `actions`, data operations at
//! `dataActions` alone. A role is the union of its elements (*Understand Azure role definitions*). Deny assignments
//! carry the same elements.

use super::condition::{self, Condition, Context};
use super::logic::{Kleene, Logic};
use super::pattern::Patterns;
use crate::model::{ObjectId, json};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

#[derive(Clone, Debug)]
struct Element {
    actions: Patterns,
    not_actions: Patterns,
    data_actions: Patterns,
    not_data_actions: Patterns,
    condition: Option<Condition>,
    /// Where it stands in the document.
    position: usize,
    /// Some part of it could not be read: what it allows is not known.
    broken: bool,
}

/// The elements of one document.
#[derive(Clone, Debug)]
pub(super) struct Permissions {
    elements: Vec<Element>,
    /// The missing fact where elements could not be read.
    fact: Arc<str>,
}

/// What the elements say of a request, apart and together.
pub(super) struct Allowed<L> {
    /// By their patterns alone.
    pub actions: L,
    /// With each element's own condition.
    pub whole: L,
}

impl Permissions {
    /// None where the document has no list of permissions.
    pub fn of(document: &Value, owner: &str, complain: &mut dyn FnMut(String, String)) -> Option<Permissions> {
        let list = property(document, "permissions")?.as_array()?;
        let elements = list
            .iter()
            .enumerate()
            .map(|(position, element)| Element::of(element, position, owner, complain))
            .collect();
        Some(Permissions { elements, fact: format!("permissions of {owner}").into() })
    }

    pub fn allow<L: Logic>(&self, operation: &str, data: bool, context: &Context<'_>) -> Allowed<L> {
        let (mut actions, mut whole) = (L::of(false), L::of(false));
        for element in &self.elements {
            let matched: L = element.allows(operation, data, &self.fact);
            if matched.kleene() == Kleene::False {
                continue;
            }
            whole = whole.or(matched.clone().and_then(|| condition::holds(element.condition.as_ref(), context)));
            actions = actions.or(matched);
        }
        Allowed { actions, whole }
    }

    /// Whether the patterns let the operation pass, conditions aside; unreadable ones may.
    pub fn may_name(&self, operation: &str, data: bool) -> bool {
        self.elements.iter().any(|element| element.allows::<Kleene>(operation, data, &self.fact) != Kleene::False)
    }

    pub fn is_readable(&self) -> bool {
        self.elements.iter().all(|element| !element.broken)
    }

    /// Pointers to the conditions of elements whose patterns match.
    pub fn conditions(&self, operation: &str, data: bool) -> Vec<String> {
        let of_operation = |element: &&Element| {
            let allows: Kleene = element.allows(operation, data, &self.fact);
            element.condition.is_some() && allows != Kleene::False
        };
        self.elements.iter().filter(of_operation).map(|e| format!("/permissions/{}/condition", e.position)).collect()
    }

    /// Whether some condition of it mixes `AND` and `OR` without parentheses.
    pub fn mixed(&self) -> bool {
        self.elements.iter().any(|element| element.condition.as_ref().is_some_and(|condition| condition.mixed))
    }
}

impl Element {
    fn of(element: &Value, position: usize, owner: &str, complain: &mut dyn FnMut(String, String)) -> Element {
        let mut broken = !element.is_object();
        let mut patterns = |name: &str| -> Patterns {
            let texts: Vec<&str> = match json::get(element, name) {
                None | Some(Value::Null) => Vec::new(),
                Some(Value::Array(list)) => {
                    let texts: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
                    broken |= texts.len() != list.len();
                    texts
                }
                Some(_) => {
                    broken = true;
                    Vec::new()
                }
            };
            Patterns::new(texts.into_iter())
        };
        let (actions, not_actions) = (patterns("actions"), patterns("notActions"));
        let (data_actions, not_data_actions) = (patterns("dataActions"), patterns("notDataActions"));
        let condition = Condition::of(element, owner);
        let pointer = format!("/permissions/{position}");
        if let Some(why) = condition.as_ref().and_then(Condition::complaint) {
            complain(format!("{pointer}/condition"), why.says.clone());
        }
        if broken {
            complain(pointer, "the permissions are no lists of texts".to_owned());
        }
        Element { actions, not_actions, data_actions, not_data_actions, condition, position, broken }
    }

    fn allows<L: Logic>(&self, operation: &str, data: bool, fact: &Arc<str>) -> L {
        if self.broken {
            return L::missing(|| fact.to_string());
        }
        let (yes, no) =
            if data { (&self.data_actions, &self.not_data_actions) } else { (&self.actions, &self.not_actions) };
        yes.matches::<L>(operation).and_then(|| no.matches::<L>(operation).not())
    }
}

#[derive(Clone, Debug)]
pub(super) struct Role {
    /// As the definition spells it.
    pub id: Arc<str>,
    pub name: Option<Arc<str>>,
    pub permissions: Permissions,
}

/// Role definitions by bare GUID: a definition is named by its id at any scope.
#[derive(Clone, Debug, Default)]
pub(super) struct Roles {
    all: HashMap<ObjectId, Arc<Role>>,
    /// Answers of [`Roles::naming`], for as long as no definition changes.
    named: Arc<Mutex<Named>>,
}

/// Key, name, and which of the operations asked for its permissions name, for every role that names any.
pub(super) type Naming = Arc<Vec<(ObjectId, String, u128)>>;

type Named = HashMap<Vec<(String, bool)>, Naming>;

impl Roles {
    pub fn naming(&self, operations: &[(String, bool)]) -> Naming {
        if let Ok(known) = self.named.lock()
            && let Some(naming) = known.get(operations)
        {
            return naming.clone();
        }
        let named = |permissions: &Permissions| {
            let asked = operations.iter().take(128).enumerate();
            asked.filter(|(_, (name, data))| permissions.may_name(name, *data)).fold(0, |mask, (at, _)| mask | 1 << at)
        };
        let mut roles: Vec<(ObjectId, String, u128)> = self
            .all
            .iter()
            .map(|(key, role)| {
                let name = role.name.as_deref().unwrap_or(key.as_str()).to_owned();
                (key.clone(), name, named(&role.permissions))
            })
            .filter(|(_, _, mask)| *mask != 0)
            .collect();
        roles.sort_by(|a, b| (b.2.count_ones(), &a.1, &a.0).cmp(&(a.2.count_ones(), &b.1, &b.0)));
        let naming = Arc::new(roles);
        if let Ok(mut known) = self.named.lock() {
            known.insert(operations.to_vec(), naming.clone());
        }
        naming
    }

    pub fn get(&self, key: &ObjectId) -> Option<&Arc<Role>> {
        self.all.get(key)
    }

    /// Puts a definition in; the later one of the same GUID wins. Its key where it could be read.
    pub fn insert(&mut self, document: &Value, complain: &mut dyn FnMut(&str, String, String)) -> Option<ObjectId> {
        self.named = Arc::default();
        let id = json::text(document, "id").or_else(|| json::text(document, "name")).unwrap_or_default();
        let Some(key) = role_key(id) else {
            complain(id, String::new(), "a role definition without an id".to_owned());
            return None;
        };
        let mut told = |pointer, says| complain(id, pointer, says);
        let Some(permissions) = Permissions::of(document, &role_fact(&key), &mut told) else {
            complain(id, "/permissions".to_owned(), "a role definition without a list of permissions".to_owned());
            self.all.remove(&key);
            return Some(key);
        };
        let name = property(document, "roleName").and_then(Value::as_str).map(Arc::from);
        self.all.insert(key.clone(), Arc::new(Role { id: id.into(), name, permissions }));
        Some(key)
    }
}

/// The GUID at the end of a role definition's id, wherever it is defined.
pub(super) fn role_key(id: &str) -> Option<ObjectId> {
    let last = id.trim().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    (!last.is_empty()).then(|| ObjectId::new(last))
}

pub(super) fn role_fact(key: &ObjectId) -> String {
    format!("roleDefinition:{key}")
}

/// A member of `properties`, or of the document itself where an export flattened it.
pub(super) fn property<'a>(document: &'a Value, name: &str) -> Option<&'a Value> {
    json::get(document, "properties")
        .and_then(|properties| json::get(properties, name))
        .or_else(|| json::get(document, name))
        .filter(|value| !value.is_null())
}
