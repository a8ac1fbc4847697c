//! Rules of Azure roles: activated, granted, taken by elevating access.
//!
//! Sources: *Azure built-in roles*, *Assign Azure roles using Azure Resource Manager*, *Delegate Azure role assignment
//! management to others with conditions*, *Elevate access to manage all Azure subscriptions and management groups*.

use super::azure::{insert, is_above_subscriptions, policy_allows};
use super::state::{Fact, State};
use crate::effect::Audience;
use crate::model::request::{ArmPrincipal, ArmRequest};
use crate::model::{Document, Kind, ObjectId, ResourceId, json};
use crate::replay::{activation_answer, azure_eligibilities, azure_role_name};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const OWNER: &str = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635";
const USER_ACCESS_ADMINISTRATOR: &str = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9";
const BLOB_DATA_READER: &str = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1";
const KEY_VAULT_ADMINISTRATOR: &str = "00482a5a-887f-4fb3-b363-3b7fe8e74483";

/// The scopes above each jewel. A role helps there, and where identities that hold something can be had.
pub fn scopes(state: &State<'_>) -> BTreeSet<ResourceId> {
    let mut scopes = BTreeSet::new();
    state.homes().iter().for_each(|id| super::estate::add_with_above(&state.world.env, id, &mut scopes));
    scopes
}

fn assign(state: &mut State<'_>, key: &str, role: &str, principal: &ObjectId, scope: &ResourceId) {
    let body = json!({ "id": key, "name": key.rsplit('/').next(), "properties": {
        "roleDefinitionId": format!("/providers/Microsoft.Authorization/roleDefinitions/{role}"),
        "principalId": principal.as_str(), "scope": scope.spelled() } });
    insert(state, Kind::RoleAssignments, key, body);
}

fn assignment_key(scope: &ResourceId, name: &str) -> String {
    let base = scope.folded().trim_end_matches('/');
    format!("{base}/providers/microsoft.authorization/roleassignments/{name}").to_lowercase()
}

pub fn activate_roles(state: &mut State<'_>, principal: &ObjectId, token: usize) {
    let groups = state.world.env.transitive_groups(principal);
    for (eligibility, holder, role, scope) in azure_eligibilities(&state.world.env).iter() {
        let in_group = groups.known().is_some_and(|g| g.contains(holder));
        if holder != principal && !in_group {
            continue;
        }
        let key = assignment_key(scope, &format!("activated-{role}-{holder}"));
        if state.has(&Fact::Granted(key.clone())) {
            continue;
        }
        let answer = activation_answer(state.engine, &state.world, principal, role, scope, eligibility, state.at);
        let operation = ASSIGN;
        if state.is_banned(operation, scope.spelled()) {
            continue;
        }
        // Whoever may change the rules of the role first takes out what stands in the way.
        let weakened = match state.stage.passes(answer.level) {
            true => None,
            false => match weaken(state, principal, token, scope) {
                Some(node) => Some(node),
                None => continue,
            },
        };
        let called = azure_role_name(&state.world.env, role).unwrap_or_else(|| role.clone());
        let mut node = state.node(operation, principal.as_str(), scope.spelled(), &format!("eligible for {called}"));
        node.needs.insert(token);
        node.needs.extend(state.node_of(&Fact::Granted(eligibility.clone())));
        match weakened {
            Some(weakened) => drop(node.needs.insert(weakened)),
            None => {
                node.words = answer.words;
                node.missing = answer.missing;
            }
        }
        assign(state, &key, role, principal, scope);
        state.derive(Fact::Granted(key), node);
    }
}

/// Rules of activation at a scope, weakened; the node that does it.
fn weaken(state: &mut State<'_>, principal: &ObjectId, token: usize, scope: &ResourceId) -> Option<usize> {
    let fact = Fact::Weakened(scope.clone());
    if !state.has(&fact) && !state.is_banned(RULES, scope.spelled()) {
        let allowed = state.may(principal, &state.request(RULES, false, scope))?;
        let why = format!("ask nothing at activation, by {}", allowed.why);
        let mut node = allowed.into_node(state.node(RULES, principal.as_str(), scope.spelled(), &why));
        node.needs.insert(token);
        state.derive(fact.clone(), node);
    }
    state.node_of(&fact)
}

/// Whoever may write eligibilities makes themselves eligible for what is worth having.
pub fn make_eligible(state: &mut State<'_>, principal: &ObjectId, token: usize, scopes: &BTreeSet<ResourceId>) {
    if state.is_never(ELIGIBLE) {
        return;
    }
    let caller = state.caller(principal);
    for scope in state.covered(principal, scopes) {
        let request = state.request(ELIGIBLE, false, &scope);
        let could = state.world.rbac().could(&caller, &request).is_some();
        // Who may grant outright needs no detour.
        let grants = state.request(WRITE, false, &ResourceId::new(&assignment_key(&scope, "probe")));
        if !could || state.is_banned(ELIGIBLE, scope.spelled()) || state.may(principal, &grants).is_some() {
            continue;
        }
        for (role, name) in best(state, &scope) {
            let key = format!("{}/eligible-{role}-{principal}", scope.folded().trim_end_matches('/'));
            if state.has(&Fact::Granted(key.clone())) {
                continue;
            }
            let Some(allowed) = state.may(principal, &request) else { break };
            let why = format!("become eligible for {name}, by {}", allowed.why);
            let mut node = allowed.into_node(state.node(ELIGIBLE, principal.as_str(), scope.spelled(), &why));
            node.needs.insert(token);
            let body = json!({ "id": key, "properties": { "principalId": principal.as_str(), "scope": scope.spelled(),
                "roleDefinitionId": format!("/providers/Microsoft.Authorization/roleDefinitions/{role}") } });
            insert(state, Kind::PimEligibilities, &key, body);
            state.derive(Fact::Granted(key), node);
        }
    }
}

pub fn elevate(state: &mut State<'_>, principal: &ObjectId, token: usize) {
    let root = ResourceId::new("/");
    let key = assignment_key(&root, &format!("elevated-{principal}"));
    if state.has(&Fact::Granted(key.clone())) || state.is_banned("Microsoft.Authorization/elevateAccess/action", "/") {
        return;
    }
    let request = state.request("Microsoft.Authorization/elevateAccess/action", false, &root);
    if let Some(allowed) = state.may(principal, &request) {
        let node =
            state.node("Microsoft.Authorization/elevateAccess/action", principal.as_str(), "/", "Global Administrator");
        let mut node = allowed.into_node(node);
        node.needs.insert(token);
        assign(state, &key, USER_ACCESS_ADMINISTRATOR, principal, &root);
        state.derive(Fact::Granted(key), node);
    }
}

/// The roles tried first: the data roles of the jewels below the scope, and Owner.
fn best(state: &State<'_>, scope: &ResourceId) -> Vec<(ObjectId, String)> {
    let mut roles: Vec<(&str, &str)> = Vec::new();
    for home in state.homes() {
        let kind = home.resource_type().map(|t| t.to_lowercase()).unwrap_or_default();
        let below = scope.contains(home) || is_above_subscriptions(scope);
        match kind.as_str() {
            "microsoft.storage/storageaccounts" if below => roles.push((BLOB_DATA_READER, "Storage Blob Data Reader")),
            "microsoft.keyvault/vaults" if below => roles.push((KEY_VAULT_ADMINISTRATOR, "Key Vault Administrator")),
            _ => {}
        }
    }
    roles.push((OWNER, "Owner"));
    roles.dedup();
    roles.into_iter().map(|(role, name)| (ObjectId::new(role), name.to_owned())).collect()
}

/// Operations of these rules on the way to the jewels, with whether each is a data action.
fn on_the_way(state: &State<'_>) -> Vec<(String, bool)> {
    let mut operations: Vec<(String, bool)> = [
        WRITE,
        REDEFINE,
        "Microsoft.Authorization/locks/delete",
        "Microsoft.Authorization/policyAssignments/delete",
        "Microsoft.Authorization/policyAssignments/write",
        "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write",
        "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
    ]
    .iter()
    .map(|operation| ((*operation).to_owned(), false))
    .collect();
    let ways = crate::effect::hosts().iter().flat_map(|host| host.ways).copied().flatten();
    operations.extend(ways.map(|way| ((*way).to_owned(), *way == crate::effect::ADMINISTRATOR_LOGIN)));
    operations.extend(state.jewels.iter().flat_map(super::data::operations));
    operations.sort();
    operations.dedup();
    operations
}

/// To whom the principal would grant: themselves; one of each kind that they act as; whom a condition of theirs names.
fn grantees(state: &State<'_>, principal: &ObjectId, conditions: &[String]) -> Vec<ObjectId> {
    let mut grantees = vec![principal.clone()];
    let controlled: Vec<&ObjectId> = state
        .facts()
        .filter_map(|(fact, _)| match fact {
            Fact::Controls(other) if other != principal => Some(other),
            _ => None,
        })
        .collect();
    let first =
        |kind: Kindred| controlled.iter().find(|other| kindred(state, other) == kind).map(|other| (*other).clone());
    grantees.extend([Kindred::Machine, Kindred::Application].into_iter().filter_map(first));
    let data = [Audience::Storage, Audience::KeyVault];
    let lacks = |audience: &&Audience| !state.has(&Fact::Session(principal.clone(), (*audience).clone()));
    for audience in data.iter().filter(lacks) {
        let person = |(other, _): &(ObjectId, usize)| kindred(state, other) == Kindred::Person;
        grantees.extend(state.with_session(audience).into_iter().find(person).map(|(other, _)| other));
    }
    let env = &state.world.env;
    for condition in conditions {
        for named in guids(condition).map(ObjectId::new) {
            let holds = |of: &ObjectId| env.transitive_groups(of).known().is_some_and(|groups| groups.contains(&named));
            if controlled.contains(&&named) || holds(principal) || controlled.iter().any(|other| holds(other)) {
                grantees.push(named);
            }
        }
    }
    let mut seen = BTreeSet::new();
    grantees.retain(|grantee| seen.insert(grantee.clone()));
    grantees
}

/// Conditions of the assignments by which the caller may or might grant there.
fn conditions(state: &State<'_>, caller: &ArmPrincipal, probe: &ArmRequest) -> Vec<String> {
    let env = &state.world.env;
    let mut conditions = Vec::new();
    for grant in state.world.rbac().grants(caller, probe) {
        let assignment = env.get(Kind::RoleAssignments, &grant.assignment.to_lowercase());
        let own = |d: &Document| {
            json::text(&d.body, "properties.condition").or_else(|| json::text(&d.body, "condition")).map(str::to_owned)
        };
        conditions.extend(assignment.and_then(own));
    }
    conditions
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kindred {
    Machine,
    Application,
    Person,
}

fn kindred(state: &State<'_>, principal: &ObjectId) -> Kindred {
    if state.is_machine_identity(principal) {
        return Kindred::Machine;
    }
    match state.world.env.get(Kind::ServicePrincipals, principal.as_str()) {
        Some(_) => Kindred::Application,
        None => Kindred::Person,
    }
}

/// GUIDs in a text.
fn guids(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_ascii_hexdigit() && c != '-');
    words.filter(|word| word.len() == 36 && word.bytes().filter(|byte| *byte == b'-').count() == 4)
}

const WRITE: &str = "Microsoft.Authorization/roleAssignments/write";
/// Activates an eligibility, or assigns actively through PIM, whose service then writes the assignment.
const ASSIGN: &str = "Microsoft.Authorization/roleAssignmentScheduleRequests/write";
const ELIGIBLE: &str = "Microsoft.Authorization/roleEligibilityScheduleRequests/write";
const RULES: &str = "Microsoft.Authorization/roleManagementPolicies/write";

pub fn grant_roles(state: &mut State<'_>, principal: &ObjectId, token: usize, scopes: &BTreeSet<ResourceId>) {
    if state.is_never(WRITE) && state.is_never(ASSIGN) {
        return;
    }
    // Control of a scope is control of everything below: what is owned above needs no grant further down, save where a
    // jewel lives.
    let homes = state.homes().clone();
    let near = |scope: &ResourceId| homes.iter().any(|home| scope.contains(home)) || is_above_subscriptions(scope);
    let mut owned: Vec<ResourceId> = Vec::new();
    let caller = state.caller(principal);
    let mut worth = state.covered(principal, scopes);
    worth.extend(state.covered(principal, state.estate.scopes()));
    for scope in worth {
        if !near(&scope) && owned.iter().any(|above| above.contains(&scope)) {
            continue;
        }
        let probe = state.request(WRITE, false, &ResourceId::new(&assignment_key(&scope, "probe")));
        // One detour, whichever of the two it is.
        if [WRITE, ASSIGN].iter().any(|operation| state.is_avoided(operation, scope.spelled())) {
            continue;
        }
        let by_pim = state.request(ASSIGN, false, &scope);
        let could = state.world.rbac().could(&caller, &probe).or(state.world.rbac().could(&caller, &by_pim));
        let Some(conditioned) = could else { continue };
        state.grants = true;
        let conditions = conditions(state, &caller, &probe);
        for grantee in grantees(state, principal, &conditions) {
            let giving = Giving { principal, token, scope: &scope, grantee: &grantee, conditioned };
            let mut control = false;
            for (role, name) in best(state, &scope) {
                let given = grant(state, &giving, &role, &name);
                control |= given == Given::Yes && role.as_str() == OWNER;
            }
            grant_others(state, &giving);
            if control && grantee == *principal {
                owned.push(scope.clone());
            }
        }
    }
}

/// Whoever may not give the best may give less: each role that adds an operation on the way to those given before.
fn grant_others(state: &mut State<'_>, giving: &Giving<'_>) {
    let operations = on_the_way(state);
    let roles = state.world.rbac().roles_naming(&operations);
    let best = best(state, giving.scope);
    let given = |role: &ObjectId| state.has(&Fact::Granted(giving.key(role)));
    let mask_of = |wanted: &dyn Fn(&ObjectId) -> bool| {
        roles.iter().filter(|(role, ..)| wanted(role)).fold(0, |all: u128, (_, _, mask)| all | mask)
    };
    let mut covered = mask_of(&|role| best.iter().any(|(one, _)| one == role) && given(role));
    // To whoever owns the scope no way into a machine is missing.
    let login = operations.iter().position(|(operation, _)| operation == crate::effect::ADMINISTRATOR_LOGIN);
    if given(&ObjectId::new(OWNER)) {
        covered |= login.map_or(0, |at| 1 << at);
    }
    let tried = (giving.principal.clone(), giving.grantee.clone(), giving.scope.clone());
    if mask_of(&|_| true) & !covered == 0 || state.granting.get(&tried) == Some(&state.world.version) {
        return;
    }
    covered |= mask_of(&given);
    for (role, name, mask) in roles.iter() {
        if mask & !covered == 0 {
            continue;
        }
        match grant(state, giving, role, name) {
            Given::Yes => covered |= mask,
            // Without a condition the right does not turn on what is given.
            Given::NoRight if !giving.conditioned => break,
            Given::NoRight | Given::Policy => {}
        }
    }
    state.granting.insert(tried, state.world.version);
}

/// Who would give whom something, and where.
struct Giving<'g> {
    principal: &'g ObjectId,
    token: usize,
    scope: &'g ResourceId,
    grantee: &'g ObjectId,
    /// Some right to grant turns on what is given to whom.
    conditioned: bool,
}

/// What came of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Given {
    /// Now or before.
    Yes,
    NoRight,
    Policy,
}

impl Giving<'_> {
    fn key(&self, role: &ObjectId) -> String {
        assignment_key(self.scope, &format!("granted-{role}-{}", self.grantee))
    }
}

fn grant(state: &mut State<'_>, giving: &Giving<'_>, role: &ObjectId, name: &str) -> Given {
    let Giving { principal, token, scope, grantee, .. } = *giving;
    let key = giving.key(role);
    if state.has(&Fact::Granted(key.clone())) {
        return Given::Yes;
    }
    let mut request = state.request(WRITE, false, &ResourceId::new(&key));
    let attribute = |n: &str| format!("@Request[Microsoft.Authorization/roleAssignments:{n}]");
    let kind = match state.world.env.get(Kind::Groups, grantee.as_str()) {
        Some(_) => json!("Group"),
        None => json!(state.caller(grantee).kind),
    };
    request.attributes.insert(attribute("RoleDefinitionId"), Some(vec![json!(role.as_str())]));
    request.attributes.insert(attribute("PrincipalId"), Some(vec![json!(grantee.as_str())]));
    request.attributes.insert(attribute("PrincipalType"), Some(vec![kind.clone()]));
    let by_pim = state.request(ASSIGN, false, scope);
    let right = |operation: &'static str, request: &ArmRequest| {
        let allowed = match state.is_banned(operation, scope.spelled()) {
            true => None,
            false => state.may(principal, request),
        };
        allowed.map(|allowed| (operation, allowed))
    };
    let Some((operation, allowed)) = right(WRITE, &request).or_else(|| right(ASSIGN, &by_pim)) else {
        return Given::NoRight;
    };
    let body = json!({ "properties": {
        "roleDefinitionId": format!("{}/providers/Microsoft.Authorization/roleDefinitions/{role}",
            scope.subscription().map(|s| s.spelled().to_owned()).unwrap_or_default()),
        "principalId": grantee.as_str(), "principalType": kind } });
    let Some(deleted) = policy_allows(state, WRITE, &ResourceId::new(&key), body) else { return Given::Policy };
    let to = match grantee == principal {
        true => String::new(),
        false => format!(" to {}", crate::replay::principal_name(state.engine, grantee)),
    };
    let why = format!("grant {name}{to}, by {}", allowed.why);
    let mut node = allowed.into_node(state.node(operation, principal.as_str(), scope.spelled(), &why));
    node.needs.insert(token);
    node.needs.extend(deleted);
    // Who is granted something has to be had first.
    node.needs.extend(state.node_of(&Fact::Controls(grantee.clone())).filter(|_| grantee != principal));
    assign(state, &key, role.as_str(), grantee, scope);
    state.derive(Fact::Granted(key), node);
    Given::Yes
}

const REDEFINE: &str = "Microsoft.Authorization/roleDefinitions/write";

/// A custom role that the principal holds, made to allow everything: it takes the right at every scope the role can be
/// assigned at. Source: *Azure custom roles* (who can create, delete, update, or view a custom role).
pub fn redefine_roles(state: &mut State<'_>, principal: &ObjectId, token: usize) {
    if state.is_never(REDEFINE) {
        return;
    }
    let caller = state.caller(principal);
    let mut held: BTreeSet<String> = BTreeSet::new();
    for role in state.world.rbac().roles_held(&caller) {
        let probe = state.request(REDEFINE, false, role.scope);
        if state.world.rbac().could(&caller, &probe).is_some() {
            held.extend(state.world.rbac().roles_held(&caller).map(|held| last(held.role).to_lowercase()));
            break;
        }
    }
    if held.is_empty() {
        return;
    }
    let custom: Vec<(String, std::sync::Arc<Value>)> = state
        .world
        .env
        .of(Kind::RoleDefinitions)
        .filter(|(key, _)| held.contains(last(key)))
        .map(|(key, document)| (key.to_owned(), document.body.clone()))
        .collect();
    for (key, body) in custom {
        let role = last(&key).to_owned();
        let fact = Fact::Redefined(role.clone());
        if state.has(&fact) {
            continue;
        }
        let properties = json::get(&body, "properties").unwrap_or(&body);
        let word = |name: &str| json::text(properties, name).or_else(|| json::text(&body, name));
        let custom =
            [word("type"), word("roleType")].into_iter().flatten().any(|t| t.eq_ignore_ascii_case("CustomRole"));
        let scopes: Vec<ResourceId> = json::get(properties, "assignableScopes")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(ResourceId::new)
            .collect();
        if !custom || scopes.is_empty() {
            continue;
        }
        let mut rights = Vec::new();
        // Who may grant has no need of it.
        let place = scopes.first().map(|scope| ResourceId::new(&assignment_key(scope, "probe")));
        if place.is_some_and(|place| state.may(principal, &state.request(WRITE, false, &place)).is_some()) {
            continue;
        }
        for scope in &scopes {
            let id = format!("{}/providers/Microsoft.Authorization/roleDefinitions/{role}", scope.spelled());
            rights.extend(state.may(principal, &state.request(REDEFINE, false, &ResourceId::new(&id))));
        }
        let Some(place) =
            scopes.first().filter(|place| rights.len() == scopes.len() && !state.is_banned(REDEFINE, place.spelled()))
        else {
            continue;
        };
        let mut changed = body.as_ref().clone();
        let everything = json!([{ "actions": ["*"], "notActions": [], "dataActions": ["*"], "notDataActions": [] }]);
        match changed.get_mut("properties") {
            Some(properties) => properties["permissions"] = everything,
            None => changed["permissions"] = everything,
        }
        let why = format!("let the custom role {} do everything", word("roleName").unwrap_or(&role));
        let mut node = state.node(REDEFINE, principal.as_str(), place.spelled(), &why);
        for right in rights {
            node = right.into_node(node);
        }
        node.needs.insert(token);
        insert(state, Kind::RoleDefinitions, &key, changed);
        state.derive(fact, node);
    }
}

fn last(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}
