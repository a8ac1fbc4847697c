//! What grants without a role assignment: the directory role that may elevate access, and classic administrators.
//!
//! `elevateAccess` is authorised by the *directory* role Global Administrator alone, active at that time (*Elevate
//! access to manage all Azure subscriptions and management groups*); no role assignment grants it, whatever its
//! patterns.
//!
//! Classic administrators equal Owner of their subscription until they retired on 31 August 2024. From then on Azure
//! gave the remaining ones an Owner assignment, and from May 2026 none is left (*Azure classic subscription
//! administrators*): between the two dates a classic administrator without an Owner assignment in the snapshot is
//! unknown.

use super::asked::Asked;
use super::assignment::{Assignments, name_of};
use super::logic::Logic;
use super::principal::Caller;
use super::role::property;
use super::scope::scope_of_id;
use crate::model::{ObjectId, ResourceId, Timestamp, json};
use serde_json::Value;
use std::sync::Arc;

/// Global Administrator.
pub(super) const ELEVATOR: &str = "62e90394-69f5-4237-9190-012177145e10";
pub(super) const OWNER: &str = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635";

pub(super) fn is_elevation(operation: &str) -> bool {
    operation == "microsoft.authorization/elevateaccess/action"
}

/// Whether the caller's directory roles authorise elevation.
pub(super) fn may_elevate<L: Logic>(caller: &Caller<'_>) -> L {
    match &caller.principal.entra_roles {
        Some(roles) => L::of(roles.iter().any(|role| role.as_str() == ELEVATOR)),
        None => L::missing(|| "entraRoles".to_owned()),
    }
}

/// 31 August 2024.
const RETIRED: Timestamp = Timestamp::constant(1_725_062_400, 0);
/// 1 May 2026.
const GONE: Timestamp = Timestamp::constant(1_777_593_600, 0);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Era {
    /// They equal Owner.
    InForce,
    /// Retired, perhaps not yet replaced by an Owner assignment.
    Retired,
    Gone,
}

pub(super) fn era(time: Timestamp) -> Era {
    if time < RETIRED {
        Era::InForce
    } else if time < GONE {
        Era::Retired
    } else {
        Era::Gone
    }
}

/// What a classic role allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Power {
    Owner,
    /// The account administrator pays the bill; it is no administrator of the subscription.
    None,
    Unknown,
}

#[derive(Clone, Debug)]
pub(super) struct Classic {
    pub id: Arc<str>,
    pub name: Arc<str>,
    pub scope: Option<ResourceId>,
    email: Option<Box<str>>,
    power: Power,
}

impl Classic {
    pub fn of(document: &Value, complain: &mut dyn FnMut(&str, String, String)) -> Classic {
        let id = json::text(document, "id").unwrap_or_default();
        let text = |name: &str| property(document, name).and_then(Value::as_str);
        let email = text("emailAddress").map(str::trim).filter(|email| !email.is_empty()).map(Box::from);
        let scope = scope_of_id(id, "classicAdministrators");
        if scope.is_none() || email.is_none() {
            let says = "a classic administrator without a subscription in its id or without an address";
            complain(id, String::new(), says.to_owned());
        }
        Classic { id: id.into(), name: name_of(document, id), scope, email, power: power(text("role")) }
    }

    /// Whether it is the caller and stands for Owner over the target.
    pub fn grants<L: Logic>(&self, caller: &Caller<'_>, asked: &Asked<'_>, assignments: &Assignments) -> L {
        if asked.request.is_data_action || is_elevation(asked.operation) {
            return L::of(false);
        }
        let era = era(asked.request.utc_now);
        let scope = match &self.scope {
            _ if era == Era::Gone => return L::of(false),
            Some(scope) => asked.target.covered_by(scope),
            None => L::missing(|| format!("scope of classicAdministrator:{}", self.name)),
        };
        let same = || match (&self.email, &caller.principal.user_principal_name) {
            (Some(email), Some(name)) => L::of(email.to_lowercase() == name.trim().to_lowercase()),
            (None, _) => L::missing(|| format!("emailAddress of classicAdministrator:{}", self.name)),
            // Classic administrators are users.
            (Some(_), None) if caller.principal.kind.eq_ignore_ascii_case("ServicePrincipal") => L::of(false),
            (Some(_), None) => L::missing(|| "userPrincipalName".to_owned()),
        };
        let power = || match self.power {
            Power::Owner => L::of(true),
            Power::None => L::of(false),
            Power::Unknown => L::missing(|| format!("role of classicAdministrator:{}", self.name)),
        };
        let in_force = || match era {
            Era::InForce => L::of(true),
            Era::Retired if self.has_owner(caller, assignments) => L::of(false),
            Era::Retired => L::missing(|| "roleAssignments".to_owned()),
            Era::Gone => L::of(false),
        };
        scope.and_then(power).and_then(same).and_then(in_force)
    }

    /// Whether the snapshot holds the Owner assignment that Azure gave in its place.
    fn has_owner(&self, caller: &Caller<'_>, assignments: &Assignments) -> bool {
        let owner = ObjectId::new(OWNER);
        assignments
            .of_principal(std::iter::once(&caller.principal.id))
            .iter()
            .any(|assignment| assignment.role_key.as_ref() == Some(&owner) && assignment.scope == self.scope)
    }
}

/// ARM joins roles with `;`: `ServiceAdministrator;AccountAdministrator`, `CoAdministrator`.
fn power(role: Option<&str>) -> Power {
    let mut power = Power::None;
    for word in role.unwrap_or_default().split(';') {
        let letters: String = word.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
        match letters.to_ascii_lowercase().as_str() {
            "serviceadministrator" | "coadministrator" => return Power::Owner,
            "accountadministrator" => {}
            _ => power = Power::Unknown,
        }
    }
    power
}

/// The list as exported; none where it was not collected.
#[derive(Clone, Debug, Default)]
pub(super) struct Classics {
    pub collected: bool,
    pub all: Vec<Classic>,
}

impl Classics {
    pub fn new(documents: Option<&[&Value]>, complain: &mut dyn FnMut(&str, String, String)) -> Self {
        let all = documents.unwrap_or_default().iter().map(|document| Classic::of(document, complain)).collect();
        Classics { collected: documents.is_some(), all }
    }

    /// Where the list was not collected: whether the caller may have been a classic administrator. After they retired,
    /// an export that lacks them lacks nothing.
    pub fn perhaps<L: Logic>(&self, caller: &Caller<'_>, asked: &Asked<'_>) -> L {
        let possible = !self.collected
            && era(asked.request.utc_now) == Era::InForce
            && !asked.request.is_data_action
            && !is_elevation(asked.operation)
            && asked.target.in_subscription()
            && !caller.principal.kind.eq_ignore_ascii_case("ServicePrincipal");
        if possible { L::missing(|| "classicAdministrators".to_owned()) } else { L::of(false) }
    }
}
