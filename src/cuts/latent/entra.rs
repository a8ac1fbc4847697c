//! Rules of the directory: passwords reset, credentials added, groups joined, roles granted, guards changed.
//!
//! Sources: *Microsoft Entra built-in roles* (the password-reset matrix *Who can reset passwords*), *Microsoft Graph
//! permissions reference*, and the edge kinds that public graph collectors define (`AZAddSecret`, `AZAddMembers`,
//! `AZResetPassword`, `AZOwns`, `AZMGGrantRole`, ...).

use super::estate::Estate;
use super::state::{Fact, Room, State};
use crate::effect::{Audience, directory_roles_for};
use crate::model::{Document, Evidence, Fact as Recorded, Kind, Level, ObjectId, json};
use crate::replay::{directory_answer, directory_role_name, unseen_eligibility};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";
const PRIVILEGED_AUTHENTICATION: &str = "7be44c8a-adaf-4e2a-84d6-ab2649e08a13";

pub fn rules(state: &mut State<'_>) {
    let estate = state.estate.clone();
    for (principal, token) in state.with_session(&Audience::Graph) {
        if !state.stirs(Room::Entra, &principal) {
            continue;
        }
        reset_passwords(state, &estate, &principal, token);
        add_credentials(state, &estate, &principal, token);
        join_groups(state, &estate, &principal, token);
        grant_role(state, &principal, token);
        change_conditional_access(state, &principal, token);
    }
}

/// A directory operation, by a role, by an app permission of the service principal, or by owning the object.
fn right(state: &State<'_>, principal: &ObjectId, operation: &str, object: Option<&ObjectId>) -> Option<Right> {
    if let Some(object) = object
        && owns(state, principal, object)
    {
        return Some(Right { why: "owner".to_owned(), ..Right::default() });
    }
    if state.estate.permits(principal, operation) {
        return Some(Right { why: "Microsoft Graph application permission".to_owned(), ..Right::default() });
    }
    let by_role = |world| directory_answer(state.engine, world, usize::MAX, principal, operation, state.at);
    let mut answer = by_role(&state.world);
    if answer.level < Level::Unknown && by_role(&state.engine.world).level == Level::NotCut {
        answer = unseen_eligibility(&state.world.env, principal).unwrap_or(answer);
    }
    if !state.stage.passes(answer.level) {
        return None;
    }
    let granted = directory_roles_for(operation)
        .into_iter()
        .flatten()
        .find_map(|role| state.node_of(&Fact::DirectoryRole(principal.clone(), (*role).to_owned())));
    let env = &state.world.env;
    let role = answer.clauses.iter().find_map(|clause| directory_role_name(env, &clause.document));
    let mut right =
        Right { why: role.unwrap_or_else(|| "an eligible Entra role, activated".to_owned()), ..Right::default() };
    right.needs.extend(granted);
    let held = answer.clauses.first().map(|clause| clause.document.to_lowercase()).unwrap_or_default();
    let mine = |body: &Value| {
        json::text(body, "principalId").is_some_and(|id| ObjectId::new(id) == *principal)
            && json::text(body, "roleDefinitionId").is_some_and(|id| id.eq_ignore_ascii_case(&held))
    };
    right.evidence.extend(env.of(Kind::DirectoryRoles).find(|(_, d)| mine(&d.body)).map(|(_, d)| d.evidence.clone()));
    right.words = answer.words;
    right.missing = answer.missing;
    Some(right)
}

#[derive(Default)]
struct Right {
    why: String,
    needs: BTreeSet<usize>,
    words: BTreeSet<crate::model::Word>,
    missing: crate::model::Missing,
    evidence: Vec<Evidence>,
}

fn owns(state: &State<'_>, principal: &ObjectId, object: &ObjectId) -> bool {
    state.world.env.get(Kind::Owners, object.as_str()).is_some_and(|document| {
        json::get(&document.body, "owners")
            .and_then(Value::as_array)
            .is_some_and(|o| o.iter().any(|o| json::text(o, "id").is_some_and(|id| ObjectId::new(id) == *principal)))
    })
}

fn add(state: &mut State<'_>, fact: Fact, operation: &str, from: &ObjectId, to: &str, token: usize, right: Right) {
    let mut node = state.node(operation, from.as_str(), to, &right.why);
    node.needs = right.needs;
    node.needs.insert(token);
    node.words = right.words;
    node.missing = right.missing;
    node.evidence = right.evidence;
    state.derive(fact, node);
}

fn reset_passwords(state: &mut State<'_>, estate: &Estate, principal: &ObjectId, token: usize) {
    let operation = "Reset user password";
    if state.is_never(operation) || right(state, principal, operation, None).is_none() {
        return;
    }
    for target in estate.users() {
        if target == principal
            || state.has(&Fact::Controls(target.clone()))
            || state.is_banned(operation, target.as_str())
            || !may_reset(state, principal, target)
        {
            continue;
        }
        if let Some(right) = right(state, principal, operation, None) {
            add(state, Fact::Controls(target.clone()), operation, principal, target.as_str(), token, right);
        }
    }
}

/// Secrets on service principals and their applications, by a role, a permission, or owning either.
fn add_credentials(state: &mut State<'_>, estate: &Estate, principal: &ObjectId, token: usize) {
    let operation = "Add service principal credentials";
    if state.is_never(operation) {
        return;
    }
    let targets: BTreeSet<ObjectId> = if right(state, principal, operation, None).is_some() {
        estate.machines().clone()
    } else {
        estate.owned_by(principal).flat_map(|owned| service_principals_of(&state.world.env, owned)).collect()
    };
    for target in targets {
        if target == *principal
            || state.has(&Fact::Controls(target.clone()))
            || state.is_banned(operation, target.as_str())
        {
            continue;
        }
        let Some(document) = state.world.env.get(Kind::ServicePrincipals, target.as_str()) else { continue };
        let is = |kind: &str| {
            json::text(&document.body, "servicePrincipalType").is_some_and(|t| t.eq_ignore_ascii_case(kind))
        };
        if is("ManagedIdentity") {
            continue;
        }
        let applications = json::text(&document.body, "appId")
            .map(|app| state.world.env.keys_with(Kind::Applications, "appId", app))
            .unwrap_or_default();
        let found = right(state, principal, operation, Some(&target)).or_else(|| {
            applications.first().and_then(|app| right(state, principal, operation, Some(&ObjectId::new(app))))
        });
        if let Some(right) = found {
            add(state, Fact::Controls(target.clone()), operation, principal, target.as_str(), token, right);
        }
    }
}

/// A service principal itself, or those of an application.
fn service_principals_of(env: &crate::model::Environment, owned: &ObjectId) -> Vec<ObjectId> {
    if env.get(Kind::ServicePrincipals, owned.as_str()).is_some() {
        return vec![owned.clone()];
    }
    let app = env.get(Kind::Applications, owned.as_str()).and_then(|d| json::text(&d.body, "appId"));
    let keys = app.map(|app| env.keys_with(Kind::ServicePrincipals, "appId", app)).unwrap_or_default();
    keys.iter().map(|key| ObjectId::new(key)).collect()
}

/// Limited administrators reset only users without privileged roles and outside role-assignable groups; Global and
/// Privileged Authentication Administrators reset everybody.
fn may_reset(state: &State<'_>, principal: &ObjectId, target: &ObjectId) -> bool {
    let roles = |of: &ObjectId| match crate::effect::active_directory_roles(&state.world.env, of) {
        Recorded::Known(roles) => Some(roles),
        Recorded::Unknown | Recorded::Absent => None,
    };
    let unlimited = roles(principal).is_none_or(|held| {
        held.iter().any(|r| r.as_str() == GLOBAL_ADMINISTRATOR || r.as_str() == PRIVILEGED_AUTHENTICATION)
    });
    if unlimited {
        return true;
    }
    let plain = roles(target).is_none_or(|held| held.iter().all(|r| LIMITED_TARGETS.contains(&r.as_str())));
    let role_assignable = state.world.env.transitive_groups(target).known().is_some_and(|groups| {
        groups.iter().any(|group| {
            state
                .world
                .env
                .get(Kind::Groups, group.as_str())
                .and_then(|d| json::get(&d.body, "isAssignableToRole"))
                .and_then(Value::as_bool)
                == Some(true)
        })
    });
    plain && !role_assignable
}

/// Roles whose holders limited administrators may still reset: Directory Readers, Guest Inviter, Message Center Reader,
/// Reports Reader, Usage Summary Reports Reader, Password Administrator's and Helpdesk's own peers.
/// Source: *Microsoft Entra built-in roles*, section *Who can reset passwords*.
const LIMITED_TARGETS: &[&str] = &[
    "88d8e3e3-8f55-4a1e-953a-9b9898b8876b",
    "95e79109-95c0-4d8e-aee3-d01accf2d47b",
    "790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b",
    "4a5d8f65-41da-4de4-8968-e035b65339cf",
    "75934031-6c7e-415a-99d7-48dbd49e875e",
    "729827e3-9c14-49f7-bb1b-9608f156bbb8",
    "966707d0-3269-4727-9be2-8c3a10f19b9d",
];

fn join_groups(state: &mut State<'_>, estate: &Estate, principal: &ObjectId, token: usize) {
    if state.is_never("Add member to group") {
        return;
    }
    let any = ["Add member to group", "Add member to role"];
    let groups: BTreeSet<ObjectId> = if any.iter().any(|operation| right(state, principal, operation, None).is_some()) {
        estate.groups().clone()
    } else {
        estate.owned_by(principal).filter(|owned| estate.groups().contains(owned)).cloned().collect()
    };
    for group in groups {
        join(state, principal, token, &group);
    }
}

fn join(state: &mut State<'_>, principal: &ObjectId, token: usize, group: &ObjectId) {
    let fact = Fact::Member(principal.clone(), group.clone());
    if state.has(&fact) {
        return;
    }
    let document = state.world.env.get(Kind::Groups, group.as_str()).map(|d| d.body.clone());
    let flag = |name: &str| document.as_ref().and_then(|d| json::get(d, name)).and_then(Value::as_bool);
    let dynamic = document
        .as_ref()
        .and_then(|d| json::get(d, "groupTypes"))
        .and_then(Value::as_array)
        .is_some_and(|types| types.iter().any(|t| t.as_str() == Some("DynamicMembership")));
    if dynamic {
        return;
    }
    let operation = "Add member to group";
    // Groups that can hold Entra roles are for Global and Privileged Role Administrators, and for their owners.
    let asked = if flag("isAssignableToRole") == Some(true) && !owns(state, principal, group) {
        "Add member to role"
    } else {
        operation
    };
    if state.is_banned(operation, group.as_str()) {
        return;
    }
    let Some(right) = right(state, principal, asked, Some(group)) else { return };
    let mut env = state.world.env.clone();
    let current = env.get(Kind::GroupMembers, group.as_str()).map(|d| d.body.as_ref().clone());
    let mut next = current.unwrap_or_else(|| json!({ "groupId": group.as_str(), "members": [] }));
    if let Some(members) = next.get_mut("members").and_then(Value::as_array_mut) {
        members.push(json!({ "id": principal.as_str() }));
    }
    let evidence = Evidence::new("latent", 1, "");
    env.insert(Kind::GroupMembers, group.as_str(), Document { body: Arc::new(next), evidence });
    state.world = state.world.with(env);
    add(state, fact, operation, principal, group.as_str(), token, right);
}

fn grant_role(state: &mut State<'_>, principal: &ObjectId, token: usize) {
    let fact = Fact::DirectoryRole(principal.clone(), GLOBAL_ADMINISTRATOR.to_owned());
    if state.has(&fact) {
        return;
    }
    let operation = "Add member to role";
    if state.is_banned(operation, GLOBAL_ADMINISTRATOR) {
        return;
    }
    // Whoever may grant app roles grants themselves the one that grants directory roles.
    let by = [operation, "Add app role assignment to service principal"];
    let Some(right) = by.into_iter().find_map(|operation| right(state, principal, operation, None)) else { return };
    let key = format!("latent-{GLOBAL_ADMINISTRATOR}-{principal}");
    let body = json!({ "id": key, "principalId": principal.as_str(), "roleDefinitionId": GLOBAL_ADMINISTRATOR,
        "directoryScopeId": "/" });
    let mut env = state.world.env.clone();
    let evidence = Evidence::new("latent", 1, "");
    env.insert(Kind::DirectoryRoles, &key, Document { body: Arc::new(body), evidence });
    state.world = state.world.with(env);
    add(state, fact, operation, principal, GLOBAL_ADMINISTRATOR, token, right);
}

fn change_conditional_access(state: &mut State<'_>, principal: &ObjectId, token: usize) {
    if state.has(&Fact::ConditionalAccessGone) {
        return;
    }
    let operation = "Update conditional access policy";
    if state.is_banned(operation, "conditional access") {
        return;
    }
    let Some(right) = right(state, principal, operation, None) else { return };
    let mut env = state.world.env.clone();
    let policies: Vec<String> = env.of(Kind::ConditionalAccess).map(|(key, _)| key.to_owned()).collect();
    for key in policies {
        env.remove(Kind::ConditionalAccess, &key);
    }
    state.world = state.world.with(env);
    add(state, Fact::ConditionalAccessGone, operation, principal, "conditional access", token, right);
}
