//! Which events change the state that gates read, and what each change touches.
//!
//! Azure names operations `<provider>/<type>/<verb>`, verbs `read`, `write`, `delete` and `action` (learn.microsoft.com,
//! "Understand Azure role definitions", control and data actions). An `action` may be anything; those whose name says
//! that they only list, read or check change nothing. A write below `/providers/Microsoft.Authorization` (assignment,
//! lock, policy) binds the scope it hangs on and all below it.

use super::identity::Identities;
use crate::model::{Detail, Event, Outcome, ResourceId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// Whether a successful event of this kind alters what a gate would read later. An outcome that nobody recorded may
/// have been a success.
pub fn changes_state(event: &Event) -> bool {
    let may_have_succeeded = match event.outcome {
        Outcome::Success | Outcome::Unknown => true,
        Outcome::Failure(_) | Outcome::Interrupted(_) => false,
    };
    may_have_succeeded
        && match &event.detail {
            Detail::Arm(_) => operation_changes(&event.action),
            Detail::Directory(_) => true,
            Detail::Data(_) => {
                let action = event.action.to_ascii_lowercase();
                matches!(
                    action.as_str(),
                    "setcontaineracl"
                        | "setblobserviceproperties"
                        | "createcontainer"
                        | "deletecontainer"
                        | "vaultput"
                        | "vaultpatch"
                        | "vaultdelete"
                )
            }
            Detail::SignIn(_) | Detail::Alert(_) | Detail::Context(_) => false,
        }
}

fn operation_changes(action: &str) -> bool {
    let action = action.to_ascii_lowercase();
    let mut parts = action.rsplit('/');
    match parts.next() {
        Some("write" | "delete") => true,
        Some("action") => {
            let name = parts.next().unwrap_or_default();
            !["list", "get", "read", "check", "validate", "generate", "fetch", "query", "search", "whatif", "audit"]
                .iter()
                .any(|verb| name.starts_with(verb))
        }
        // `read`, and names of other making: what we cannot place may have changed something.
        Some("read") => false,
        Some(_) | None => true,
    }
}

/// The scope on which an assignment, lock or policy hangs; the resource itself for everything else.
pub fn bound_scope(resource: &ResourceId) -> ResourceId {
    match resource.folded().find("/providers/microsoft.authorization/") {
        Some(0) => ResourceId::new("/"),
        Some(at) => resource.spelled().get(..at).map_or_else(|| resource.clone(), ResourceId::new),
        None => resource.clone(),
    }
}

/// When something changed, by what it touches.
#[derive(Debug, Default)]
pub struct Changes {
    /// By folded scope.
    scopes: BTreeMap<String, BTreeSet<Timestamp>>,
    /// By label of the principal whose standing a directory operation changed.
    principals: BTreeMap<String, BTreeSet<Timestamp>>,
    /// Tenant-wide settings: conditional access and the like.
    tenant: BTreeSet<Timestamp>,
}

impl Changes {
    pub fn note(&mut self, event: &Event, identities: &Identities) {
        match &event.detail {
            Detail::Arm(detail) => {
                let scope = bound_scope(&detail.resource);
                self.scopes.entry(scope.folded().to_owned()).or_default().insert(event.time);
                // A change of an account's part touches requests to the account as a whole.
                let mut above = scope.parent();
                while let Some(resource) = above {
                    if !resource.folded().contains("/providers/") {
                        break;
                    }
                    self.scopes.entry(resource.folded().to_owned()).or_default().insert(event.time);
                    above = resource.parent();
                }
            }
            Detail::Data(detail) => {
                let account = identities.account_of(detail).name.into_owned();
                self.scopes.entry(account).or_default().insert(event.time);
            }
            Detail::Directory(detail) => {
                for target in &detail.targets {
                    if target.kind.eq_ignore_ascii_case("policy") {
                        self.tenant.insert(event.time);
                    }
                    for name in [&target.id, &target.upn].into_iter().flatten() {
                        if let Some(principal) = identities.find(name) {
                            let label = identities.label(principal).as_ref().to_owned();
                            self.principals.entry(label).or_default().insert(event.time);
                        }
                    }
                }
                if detail.category.as_deref().is_some_and(|c| c.eq_ignore_ascii_case("policy")) {
                    self.tenant.insert(event.time);
                }
            }
            Detail::SignIn(_) | Detail::Alert(_) | Detail::Context(_) => {}
        }
    }

    /// Whether something that these requests turn on changed from one time to the other (both included; at one and the
    /// same instant nothing can fall between).
    pub fn between(&self, touched: &Touched, from: Timestamp, to: Timestamp) -> bool {
        if from >= to {
            return false;
        }
        let falls = |times: &BTreeSet<Timestamp>| times.range(from..=to).next().is_some();
        touched.scopes.iter().any(|scope| self.scopes.get(scope).is_some_and(falls))
            || touched.principal.as_ref().is_some_and(|p| self.principals.get(p).is_some_and(falls))
            || (touched.sign_in && falls(&self.tenant))
    }
}

/// What a request turns on.
#[derive(Debug, Default)]
pub struct Touched {
    scopes: Vec<String>,
    principal: Option<String>,
    sign_in: bool,
}

impl Touched {
    /// `who`: what its actor is called.
    pub fn by(event: &Event, who: &str, identities: &Identities) -> Self {
        let mut touched = Touched { principal: Some(who.to_owned()), ..Touched::default() };
        let mut below = |resource: &ResourceId| {
            touched.scopes.push("/".to_owned());
            let mut at = Some(resource.clone());
            while let Some(scope) = at {
                touched.scopes.push(scope.folded().to_owned());
                at = scope.parent();
            }
        };
        match &event.detail {
            Detail::Arm(detail) => below(&detail.resource),
            Detail::Data(detail) => {
                let account = identities.account_of(detail);
                if let Some(resource) = &account.resource {
                    below(resource);
                }
                touched.scopes.push(account.name.into_owned());
            }
            Detail::SignIn(_) => touched.sign_in = true,
            Detail::Directory(_) | Detail::Alert(_) | Detail::Context(_) => {}
        }
        touched
    }
}
