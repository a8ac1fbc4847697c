//! The posture of one export: every minimal path from given principals to given resources, and the settings that such
//! paths hang on.

use super::{World, asked, empty, missing, words};
use crate::analysis::contract::{Closes, Lacked, Posture, PosturePair, PosturePath, Setting, Stated};
use crate::analysis::fill::{path_steps, principal_name_of};
use crate::causal::Words;
use crate::cuts::latent::{Limit, Path, uncollected};
use crate::cuts::{Bounds, MinimalPaths, minimal_paths, operations, path_within};
use crate::model::{Collected, Environment, Fact, Kind, ObjectId, ResourceId, Tenant, Word, json};
use crate::replay::{Engine, Stage, azure_role_name, directory_role_name, scope_name};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

const BOUNDS: Bounds = Bounds { paths: 32, searches: 1_500, choke_points: false };
/// Documents kept of an export.
const SETTINGS: usize = 5_000;

/// The posture of the environment.
pub fn posture(
    environment: &Environment,
    from: &[ObjectId],
    to: &[ResourceId],
    lacks: &[Lacked],
    collected: &[String],
) -> Posture {
    with_engine(environment, lacks, |engine| {
        let world = World::under(engine, &[]);
        let pairs = from.iter().flat_map(|from| to.iter().map(move |to| (from, to)));
        let pairs = pairs.map(|(from, to)| pair(engine, &world, from, to)).collect();
        let mut settings = settings(environment, to);
        let left_out = settings.len().saturating_sub(SETTINGS) as u64;
        settings.truncate(SETTINGS);
        let mut not_collected: BTreeSet<&str> = uncollected(environment).into_iter().collect();
        for kind in [Kind::Users, Kind::ConditionalAccess, Kind::NamedLocations, Kind::PolicyAssignments] {
            if environment.collected(kind) == Collected::No {
                not_collected.insert(kind.as_str());
            }
        }
        Posture {
            pairs,
            stated: stated(environment, collected),
            lacks: lacks.to_vec(),
            settings,
            settings_left_out: left_out,
            not_collected: not_collected.into_iter().map(str::to_owned).collect(),
        }
    })
}

/// The earlier posture's questions asked of a later environment. Where the later export comes without an incident of
/// its own, what the earlier one stated about the tenant holds on.
pub fn posture_like(old: &Posture, mut environment: Environment, without_incident: bool) -> (Posture, Environment) {
    let mut collected = Vec::new();
    if without_incident {
        let stated = &old.stated;
        collected.clone_from(&stated.collected);
        let networks = |texts: &Vec<String>| texts.iter().filter_map(|text| text.parse().ok()).collect::<Vec<_>>();
        environment.tenant = Tenant {
            mfa_trusted_ips: Fact::from(stated.mfa_trusted_ips.as_ref().map(networks)),
            security_defaults: Fact::from(stated.security_defaults),
            mandatory_mfa_portals: Fact::from(stated.mandatory_mfa_portals),
            baseline_scopes: Fact::from(stated.baseline_scopes.clone()),
        };
        for word in &stated.collected {
            if let Some(kind) = Kind::ALL.iter().find(|kind| kind.as_str().eq_ignore_ascii_case(word)) {
                environment.set_collected(*kind, Collected::Whole);
            }
        }
    }
    let mut from: Vec<ObjectId> = Vec::new();
    let mut to: Vec<ResourceId> = Vec::new();
    for pair in &old.pairs {
        let (who, what) = (ObjectId::new(&pair.from_id), ResourceId::new(&pair.to));
        if !from.contains(&who) {
            from.push(who);
        }
        if !to.contains(&what) {
            to.push(what);
        }
    }
    (posture(&environment, &from, &to, &old.lacks, &collected), environment)
}

fn stated(environment: &Environment, collected: &[String]) -> Stated {
    let tenant = &environment.tenant;
    Stated {
        mfa_trusted_ips: tenant.mfa_trusted_ips.known().map(|ips| ips.iter().map(ToString::to_string).collect()),
        security_defaults: tenant.security_defaults.known().copied(),
        mandatory_mfa_portals: tenant.mandatory_mfa_portals.known().copied(),
        baseline_scopes: tenant.baseline_scopes.known().cloned(),
        collected: collected.to_vec(),
    }
}

fn with_engine<T>(environment: &Environment, lacks: &[Lacked], ask: impl FnOnce(&Engine<'_>) -> T) -> T {
    let environment = environment.clone();
    let (at, address) = (asked::latest(&environment), asked::stranger_address(&environment));
    let mut case = empty(environment);
    case.words = Words::password().lacking(
        lacks.iter().filter_map(|lacked| Some((Word::parse(&lacked.word)?, lacked.of.as_deref().map(ObjectId::new)))),
    );
    let mut engine = Engine::new(&case);
    engine.asked_at = at;
    engine.addresses.extend(address);
    ask(&engine)
}

fn pair(engine: &Engine<'_>, world: &World, from: &ObjectId, to: &ResourceId) -> PosturePair {
    let (open, _) = world.open(engine, from, to, &Limit::Nothing);
    let none = || MinimalPaths { whole: true, ..MinimalPaths::default() };
    let certain = match open {
        Closes::NotClosed => minimal_paths(engine, &world.facts_free, from, to, BOUNDS),
        Closes::ClosedIfLacking | Closes::Closed => none(),
    };
    let possible = match open {
        Closes::Closed => none(),
        Closes::NotClosed | Closes::ClosedIfLacking => minimal_paths(engine, &world.free, from, to, BOUNDS),
    };
    let listed: Vec<_> = certain.paths.iter().map(operations).collect();
    let of = |path: &Path| PosturePath {
        steps: path_steps(engine, path),
        words: words(Some(path)),
        missing: missing(Some(path)),
    };
    let more = possible.paths.iter().filter(|path| {
        let all = operations(path);
        !listed.iter().any(|known| known.is_subset(&all))
    });
    PosturePair {
        from: principal_name_of(engine, from),
        from_id: from.to_string(),
        to: to.spelled().to_owned(),
        open,
        if_held: more.map(of).collect(),
        paths: certain.paths.iter().map(of).collect(),
        whole: certain.whole && possible.whole,
    }
}

/// Whether the operations still reach the resource in an environment; `held` asks it of an attacker who holds every
/// word not lacked.
pub fn still_open(
    environment: &Environment,
    lacks: &[Lacked],
    from: &ObjectId,
    to: &ResourceId,
    path: &PosturePath,
    held: bool,
) -> bool {
    with_engine(environment, lacks, |engine| {
        let stage = if held { Stage::Free } else { Stage::FactsFree };
        let run = crate::replay::run(engine, &engine.world, stage, &[], false);
        let operations = path.steps.iter().map(|step| (step.action.clone(), super::super::fill::target_id(step)));
        path_within(engine, &run, from, to, Limit::Exactly(operations.collect())).is_some()
    })
}

/// Kinds of documents that paths hang on.
const KINDS: &[Kind] = &[
    Kind::ConditionalAccess,
    Kind::NamedLocations,
    Kind::SecurityDefaults,
    Kind::RoleAssignments,
    Kind::DenyAssignments,
    Kind::Locks,
    Kind::PolicyAssignments,
    Kind::Exemptions,
    Kind::PimSettings,
    Kind::PimEligibilities,
    Kind::DirectoryRoles,
    Kind::AppRoleAssignments,
    Kind::GroupMembers,
    Kind::Owners,
    Kind::FederatedCredentials,
    Kind::RegistrationDetails,
    Kind::Resources,
];

/// When and by whom, not what.
fn volatile(key: &str) -> bool {
    let key = key.to_lowercase();
    key.ends_with("datetime") && !key.starts_with("start") && !key.starts_with("end")
        || [
            "createdon",
            "createdby",
            "updatedon",
            "updatedby",
            "etag",
            "systemdata",
            "provisioningstate",
            "changedtime",
        ]
        .contains(&key.as_str())
}

fn settings(env: &Environment, jewels: &[ResourceId]) -> Vec<Setting> {
    let mut found = Vec::new();
    for kind in KINDS {
        for (key, document) in env.of(*kind) {
            if document.evidence.file.starts_with("built-in:") {
                continue;
            }
            let body = &document.body;
            let id = ResourceId::new(json::text(body, "id").unwrap_or(key));
            let home = jewels.iter().any(|jewel| id.contains(jewel));
            // Of resources: those above the jewels whole, of others only what identity they carry.
            let only_identity = *kind == Kind::Resources && !home;
            if only_identity && json::get(body, "identity").is_none() {
                continue;
            }
            let mut leaves = Vec::new();
            flatten(body, "", 0, &mut leaves);
            let name = called(env, *kind, key, body);
            let mut values = BTreeMap::new();
            for (pointer, value) in leaves {
                let plain = *kind != Kind::Resources
                    || pointer.starts_with("/identity")
                    || pointer.starts_with("/properties")
                    || matches!(pointer.as_str(), "/id" | "/name" | "/type");
                if plain && (!only_identity || !pointer.starts_with("/properties")) {
                    values.insert(pointer, value);
                }
            }
            found.push(Setting { kind: kind.as_str().to_owned(), document: key.to_owned(), name, values });
        }
    }
    found
}

fn called(env: &Environment, kind: Kind, key: &str, body: &Value) -> String {
    let text = |field: &str| json::text(body, field);
    let holder = text("properties.principalId").or(text("principalId"));
    let who = || holder.map_or_else(|| "nobody".to_owned(), |id| principal(env, id));
    match kind {
        Kind::RoleAssignments | Kind::PimEligibilities | Kind::DirectoryRoles => {
            let role = text("properties.roleDefinitionId").or(text("roleDefinitionId")).unwrap_or_default();
            let named = azure_role_name(env, role).or_else(|| directory_role_name(env, role.rsplit('/').next()?));
            let scope =
                match text("properties.scope").or_else(|| key.split("/providers/microsoft.authorization").next()) {
                    Some(scope) if scope.starts_with('/') && kind != Kind::DirectoryRoles => {
                        format!(" at {}", scope_name(env, &ResourceId::new(scope)))
                    }
                    Some(_) | None => String::new(),
                };
            format!("{}{scope} for {}", named.unwrap_or_else(|| role.to_owned()), who())
        }
        Kind::GroupMembers | Kind::Owners | Kind::RegistrationDetails => principal(env, key),
        Kind::AppRoleAssignments => format!("{} for {}", text("appRoleId").unwrap_or_default(), who()),
        _ => {
            let named = text("properties.displayName").or(text("displayName")).or(text("name"));
            named.map_or_else(|| ResourceId::new(key).name().to_owned(), str::to_owned)
        }
    }
}

/// A principal, group or application by its id.
pub fn principal(env: &Environment, id: &str) -> String {
    for (kind, field) in [
        (Kind::Users, "userPrincipalName"),
        (Kind::ServicePrincipals, "displayName"),
        (Kind::Groups, "displayName"),
        (Kind::Applications, "displayName"),
    ] {
        if let Some(name) = env.get(kind, id).and_then(|document| json::text(&document.body, field)) {
            return name.to_owned();
        }
    }
    id.to_owned()
}

/// Objects nest; a list of plain values is one leaf, sorted, since its order says nothing; other lists by number.
fn flatten(value: &Value, pointer: &str, depth: usize, out: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(map) if !map.is_empty() && depth < 32 => {
            for (key, inner) in map.iter().filter(|(key, _)| !volatile(key)) {
                flatten(inner, &format!("{pointer}/{}", escape(key)), depth + 1, out);
            }
        }
        Value::Array(items) if !items.iter().all(small) && depth < 32 => {
            for (n, inner) in items.iter().enumerate() {
                flatten(inner, &format!("{pointer}/{n}"), depth + 1, out);
            }
        }
        Value::Array(items) => {
            let mut items = items.clone();
            items.sort_by_key(Value::to_string);
            out.push((pointer.to_owned(), Value::Array(items)));
        }
        Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            out.push((pointer.to_owned(), value.clone()));
        }
    }
}

/// A plain value, or an object of a few: a member, an address range.
fn small(item: &Value) -> bool {
    match item {
        Value::Object(map) => map.len() <= 3 && map.values().all(|value| !value.is_object() && !value.is_array()),
        Value::Array(_) => false,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Sets a leaf, making what stands above it, or takes it out.
pub fn put(document: &mut Value, pointer: &str, value: Option<Value>) {
    let parts: Vec<String> =
        pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
    if parts.len() <= 64 {
        set(document, &parts, value);
    }
}

fn set(at: &mut Value, parts: &[String], value: Option<Value>) {
    let Some((first, rest)) = parts.split_first() else {
        *at = value.unwrap_or(Value::Null);
        return;
    };
    if let (Value::Array(items), Ok(n)) = (&mut *at, first.parse::<usize>()) {
        while items.len() <= n && items.len() < 10_000 {
            items.push(Value::Null);
        }
        if let Some(slot) = items.get_mut(n) {
            set(slot, rest, value);
        }
        return;
    }
    if !at.is_object() {
        *at = Value::Object(Map::new());
    }
    let Some(map) = at.as_object_mut() else { return };
    if rest.is_empty() && value.is_none() {
        map.remove(first);
        return;
    }
    let slot = map.entry(first.clone()).or_insert(Value::Null);
    // A number below a fresh place makes a list of it.
    if slot.is_null() && rest.first().is_some_and(|next| next.parse::<usize>().is_ok()) {
        *slot = Value::Array(Vec::new());
    }
    set(slot, rest, value);
}

/// The settings by document: kind and key → name and leaves.
pub type Documents<'s> = BTreeMap<(&'s str, &'s str), (&'s str, &'s BTreeMap<String, Value>)>;

pub fn by_document(settings: &[Setting]) -> Documents<'_> {
    let mut documents: Documents<'_> = BTreeMap::new();
    for setting in settings {
        let key = (setting.kind.as_str(), setting.document.as_str());
        documents.insert(key, (setting.name.as_str(), &setting.values));
    }
    documents
}
