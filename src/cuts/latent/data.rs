//! Rules of the data plane: what it takes to read a jewel of each kind.
//!
//! Sources: *Authorize access to data in Azure Storage*, *Azure Key Vault security*, *Disk Encryption and export*
//! (`beginGetAccess`), and each service's page on local authentication.

use super::execution::credential;
use super::state::{Fact, State};
use super::vault;
use crate::decide::storage::{self, Credential};
use crate::effect::{Audience, container_document};
use crate::model::request::{DataAuthentication, Stance, StorageRequest};
use crate::model::{Answer, Kind, Level, ObjectId, ResourceId, json};
use crate::replay::outcome;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What reads the content of each storage service: the segment below the account, the service, one of its operations,
/// the data action.
const SERVICES: &[(&str, &str, &str, &str)] = &[
    ("blobservices", "blob", "GetBlob", "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read"),
    ("fileservices", "file", "GetFile", "Microsoft.Storage/storageAccounts/fileServices/fileshares/files/read"),
    ("queueservices", "queue", "PeekMessages", "Microsoft.Storage/storageAccounts/queueServices/queues/messages/read"),
    ("tableservices", "table", "QueryEntities", "Microsoft.Storage/storageAccounts/tableServices/tables/entities/read"),
];

/// Keys of other services, by resource type (lower case): the operations that hand them out.
/// Source: each service's *resource provider operations*; a type that is not here is asked for `listKeys`.
const KEYS: &[(&str, &[&str])] = &[
    (
        "microsoft.documentdb/databaseaccounts",
        &[
            "Microsoft.DocumentDB/databaseAccounts/listKeys/action",
            "Microsoft.DocumentDB/databaseAccounts/readonlykeys/action",
            "Microsoft.DocumentDB/databaseAccounts/listConnectionStrings/action",
        ],
    ),
    (
        "microsoft.servicebus/namespaces",
        &[
            "Microsoft.ServiceBus/namespaces/authorizationRules/listKeys/action",
            "Microsoft.ServiceBus/namespaces/queues/authorizationRules/listKeys/action",
            "Microsoft.ServiceBus/namespaces/topics/authorizationRules/listKeys/action",
        ],
    ),
    (
        "microsoft.eventhub/namespaces",
        &[
            "Microsoft.EventHub/namespaces/authorizationRules/listKeys/action",
            "Microsoft.EventHub/namespaces/eventhubs/authorizationRules/listKeys/action",
        ],
    ),
    ("microsoft.relay/namespaces", &["Microsoft.Relay/namespaces/authorizationRules/listKeys/action"]),
    (
        "microsoft.search/searchservices",
        &[
            "Microsoft.Search/searchServices/listAdminKeys/action",
            "Microsoft.Search/searchServices/listQueryKeys/action",
        ],
    ),
    ("microsoft.containerregistry/registries", &["Microsoft.ContainerRegistry/registries/listCredentials/action"]),
    ("microsoft.operationalinsights/workspaces", &["Microsoft.OperationalInsights/workspaces/sharedKeys/action"]),
];

/// Other writes that hand a resource over: the administrator of a database server.
const TAKEOVER: &[(&str, &str)] = &[
    ("microsoft.sql/servers", "Microsoft.Sql/servers/administrators/write"),
    ("microsoft.sql/managedinstances", "Microsoft.Sql/managedInstances/administrators/write"),
    ("microsoft.dbforpostgresql/flexibleservers", "Microsoft.DBforPostgreSQL/flexibleServers/administrators/write"),
    ("microsoft.dbformysql/flexibleservers", "Microsoft.DBforMySQL/flexibleServers/administrators/write"),
    ("microsoft.documentdb/databaseaccounts", "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments/write"),
];

/// Operations of these rules on a jewel and its home, with whether each is a data action.
pub fn operations(jewel: &ResourceId) -> Vec<(String, bool)> {
    let home = jewel.home();
    let spelled = home.resource_type().unwrap_or_default();
    let owned = |operations: &[&str]| operations.iter().map(|o| ((*o).to_owned(), false)).collect::<Vec<_>>();
    match spelled.to_lowercase().as_str() {
        "microsoft.storage/storageaccounts" => {
            let mut all = owned(super::azure::KEYS);
            all.extend(owned(&[
                "Microsoft.Storage/storageAccounts/write",
                "Microsoft.Storage/storageAccounts/blobServices/containers/write",
            ]));
            all.extend(services(jewel, &home).map(|(.., action)| ((*action).to_owned(), true)));
            all
        }
        "microsoft.keyvault/vaults" => vault::OPERATIONS.iter().map(|(o, data)| ((*o).to_owned(), *data)).collect(),
        "microsoft.compute/disks" | "microsoft.compute/snapshots" => {
            owned(&[DISK, SNAPSHOT, COPY, "Microsoft.Compute/disks/write"])
        }
        kind => {
            let mut all: Vec<(String, bool)> = keys(kind, &spelled).into_iter().map(|o| (o, false)).collect();
            all.push((format!("{spelled}/write"), false));
            all.extend(TAKEOVER.iter().filter(|(of, _)| *of == kind).map(|(_, o)| ((*o).to_owned(), false)));
            all
        }
    }
}

fn keys(kind: &str, spelled: &str) -> Vec<String> {
    match KEYS.iter().find(|(of, _)| *of == kind) {
        Some((_, operations)) => operations.iter().map(|o| (*o).to_owned()).collect(),
        None => vec![format!("{spelled}/listKeys/action")],
    }
}

pub fn rules(state: &mut State<'_>) {
    for jewel in state.jewels.clone() {
        if state.has(&Fact::Data(jewel.clone())) {
            continue;
        }
        let home = jewel.home();
        let kind = home.resource_type().map(|t| t.to_lowercase()).unwrap_or_default();
        match kind.as_str() {
            "microsoft.storage/storageaccounts" => {
                content_with_entra(state, &jewel, &home);
                blobs_with_delegation(state, &jewel, &home);
                data_with_key(state, &jewel, &home);
                blobs_anonymously(state, &jewel, &home);
            }
            "microsoft.keyvault/vaults" => vault::rules(state, &jewel, &home),
            "microsoft.compute/disks" | "microsoft.compute/snapshots" => disk(state, &jewel, &home),
            other => control(state, &jewel, &home, other),
        }
    }
}

fn storage_request(state: &State<'_>, address: Option<String>, kind: &str, service: &str) -> StorageRequest {
    let operation =
        SERVICES.iter().find(|(_, of, ..)| *of == service).map_or("GetBlob", |(_, _, operation, _)| *operation);
    StorageRequest {
        service: service.to_owned(),
        operation: operation.to_owned(),
        needed_permission: Some("r".to_owned()),
        resource_type: Some("o".to_owned()),
        time: state.at,
        via_private_endpoint: address.as_ref().map(|_| false),
        caller_ip: address,
        subnet_id: None,
        trusted_service: Some(false),
        protocol: Some("https".to_owned()),
        // The client is the attacker's choice.
        tls_version: Some("1.3".to_owned()),
        auth: DataAuthentication {
            kind: Some(kind.to_owned()),
            key_name: Some("key1".to_owned()),
            key_obtained: Some(state.at),
            ..DataAuthentication::default()
        },
    }
}

/// The best of what the storage gate says over the addresses the attacker could come from; with code on some resource,
/// also from a place in the network that nothing on record tells.
fn storage_answer(
    state: &State<'_>,
    account: &ResourceId,
    container: &Value,
    kind: &str,
    service: &str,
    rbac: Option<Level>,
) -> Option<(Answer, BTreeSet<usize>)> {
    let document = state.world.env.get(Kind::Resources, account.folded())?;
    let unknown: Vec<String> =
        state.world.env.unknown_paths(Kind::Resources, account.folded()).map(str::to_owned).collect();
    let attacker = state.engine.case.entries.first().map_or_else(Default::default, |p| state.attacker(p));
    let decide = |address: Option<String>, body: &Value| {
        let request = storage_request(state, address, kind, service);
        storage::answer(body, container, &request, rbac.map(outcome), &unknown, &attacker, Stance::Hypothetical)
    };
    let over = |body: &Value| -> Option<Answer> {
        if state.engine.addresses.is_empty() {
            return Some(decide(None, body));
        }
        state.engine.addresses.iter().map(|a| decide(Some(a.clone()), body)).max_by_key(|a| a.level)
    };
    // The first of the best: what opens the least stands first.
    let mut best: Option<(Answer, Option<usize>)> = None;
    let states = super::opening::states(state, account, &document.body);
    for (body, node) in &states {
        let answer = over(body)?;
        if best.as_ref().is_none_or(|(known, _)| answer.level > known.level) {
            best = Some((answer, *node));
        }
    }
    let (mut best, node) = best?;
    let mut needs: BTreeSet<usize> = node.into_iter().collect();
    if !state.stage.passes(best.level)
        && let Some(execution) = state.placed()
    {
        for (within, node) in &states {
            let inside = decide(None, within);
            if inside.level > best.level {
                best = inside;
                needs = node.iter().copied().chain([execution]).collect();
            }
        }
    }
    Some((best, needs))
}

fn container_of(state: &State<'_>, jewel: &ResourceId, account: &ResourceId) -> Value {
    let name = jewel.folded().strip_prefix(&format!("{}/blobservices/default/containers/", account.folded()));
    name.and_then(|n| n.split('/').next())
        .and_then(|n| container_document(&state.world.env, account, n))
        .unwrap_or_else(|| json!({}))
}

/// The services a jewel is content of: the one it lies in, or all of an account.
fn services(
    jewel: &ResourceId,
    account: &ResourceId,
) -> impl Iterator<Item = &'static (&'static str, &'static str, &'static str, &'static str)> {
    let below = jewel.folded().strip_prefix(account.folded()).unwrap_or_default().trim_start_matches('/').to_owned();
    let segment = below.split('/').next().unwrap_or_default().to_owned();
    SERVICES.iter().filter(move |(of, ..)| segment.is_empty() || *of == segment)
}

fn content_with_entra(state: &mut State<'_>, jewel: &ResourceId, account: &ResourceId) {
    for (principal, token) in state.with_session(&Audience::Storage) {
        if services(jewel, account).any(|row| content_by_right(state, jewel, account, row, &principal, token, "")) {
            return;
        }
    }
}

/// A user delegation SAS outlives the sign-in of its signer, whose roles count when it is used.
fn blobs_with_delegation(state: &mut State<'_>, jewel: &ResourceId, account: &ResourceId) {
    let held = state.facts().filter_map(|(fact, node)| match fact {
        Fact::DelegationKey(signer, of) if of == account => Some((signer.clone(), node)),
        _ => None,
    });
    let Some(row) = services(jewel, account).find(|(_, service, ..)| *service == "blob") else { return };
    for (signer, key) in held.collect::<Vec<_>>() {
        if content_by_right(state, jewel, account, row, &signer, key, "with a SAS signed by the delegation key") {
            return;
        }
    }
}

/// Reads of a service by somebody's data role: with a token of theirs, or with what a token once gave.
fn content_by_right(
    state: &mut State<'_>,
    jewel: &ResourceId,
    account: &ResourceId,
    (_, service, operation, action): &(&str, &str, &str, &str),
    principal: &ObjectId,
    by: usize,
    why: &str,
) -> bool {
    let request = state.request(action, true, jewel);
    let Some(allowed) = state.may(principal, &request) else { return false };
    let container = container_of(state, jewel, account);
    let answer = storage_answer(state, account, &container, "OAuth", service, Some(Level::NotCut));
    let Some((answer, needs)) = answer.filter(|(answer, _)| state.stage.passes(answer.level)) else { return false };
    let mut node = allowed.into_node(state.node(operation, principal.as_str(), jewel.spelled(), why));
    node.needs.insert(by);
    node.needs.extend(needs);
    state.derive(Fact::Data(jewel.clone()), node.turning_on(answer));
    true
}

fn data_with_key(state: &mut State<'_>, jewel: &ResourceId, account: &ResourceId) {
    let Some(key) = state.node_of(&Fact::Key(account.clone())) else { return };
    let container = container_of(state, jewel, account);
    let service = services(jewel, account).next();
    let (service, operation) = service.map_or(("blob", "GetBlob"), |(_, service, operation, _)| (*service, *operation));
    let answer = storage_answer(state, account, &container, "AccountKey", service, None);
    let Some((answer, needs)) = answer else { return };
    if state.stage.passes(answer.level) {
        let mut node = state.node(operation, account.spelled(), jewel.spelled(), "with the account key");
        node.needs.insert(key);
        node.needs.extend(needs);
        state.derive(Fact::Data(jewel.clone()), node.turning_on(answer));
    }
}

/// Where the container's level is on record; nobody's token is needed.
fn blobs_anonymously(state: &mut State<'_>, jewel: &ResourceId, account: &ResourceId) {
    let Some(id) = super::opening::container_of(jewel, account) else { return };
    let level = |env: &crate::model::Environment| {
        let container = container_document(env, account, id.name())?;
        json::text(&container, "publicAccess").map(str::to_lowercase)
    };
    let Some(now) = level(&state.world.env) else { return };
    let container = container_of(state, jewel, account);
    let Some((answer, needs)) = storage_answer(state, account, &container, "Anonymous", "blob", None) else { return };
    if state.stage.passes(answer.level) {
        let mut node = state.node("GetBlob", account.spelled(), jewel.spelled(), "anonymously");
        node.needs.extend(needs);
        if level(&state.before.env).as_ref() != Some(&now) {
            node.needs.extend(state.node_of(&Fact::Opened(id, super::opening::Opened::CONTAINER)));
        }
        state.derive(Fact::Data(jewel.clone()), node.turning_on(answer));
    }
}

const DISK: &str = "Microsoft.Compute/disks/beginGetAccess/action";
const SNAPSHOT: &str = "Microsoft.Compute/snapshots/beginGetAccess/action";
/// Asked of the downloader where the disk wants a token besides the link.
const DOWNLOAD: &str = "Microsoft.Compute/disks/download/action";
const COPY: &str = "Microsoft.Compute/snapshots/write";

/// A disk or snapshot exported by a link, or a copy of a disk made and exported.
fn disk(state: &mut State<'_>, jewel: &ResourceId, disk: &ResourceId) {
    let snapshot = disk.resource_type().is_some_and(|t| t.eq_ignore_ascii_case("Microsoft.Compute/snapshots"));
    let (operation, write) = match snapshot {
        true => (SNAPSHOT, COPY),
        false => (DISK, "Microsoft.Compute/disks/write"),
    };
    let Some(document) = state.world.env.get(Kind::Resources, disk.folded()).cloned() else { return };
    for (principal, token) in state.with_session(&Audience::ResourceManager) {
        if let Some(allowed) = state.may(&principal, &state.request(operation, false, disk)) {
            let mut node = allowed.into_node(state.node(operation, principal.as_str(), jewel.spelled(), ""));
            node.needs.insert(token);
            let download = state.request(DOWNLOAD, true, disk);
            let downloads = Some(outcome(state.world.rbac().answer(&state.caller(&principal), &download).level));
            let mut answer = credential(state, disk, &document.body, Credential::DiskSas, downloads);
            if !state.stage.passes(answer.level) {
                // Whoever may write the disk allows its export again.
                let mut opened = document.body.as_ref().clone();
                opened["properties"]["networkAccessPolicy"] = json!("AllowAll");
                opened["properties"]["publicNetworkAccess"] = json!("Enabled");
                opened["properties"]["dataAccessAuthMode"] = json!("None");
                if let Some(reopen) = state.may(&principal, &state.request(write, false, disk))
                    && let Some(deleted) = super::azure::policy_allows(state, write, disk, opened.clone())
                {
                    node = reopen.into_node(node);
                    node.needs.extend(deleted);
                    answer = credential(state, disk, &opened, Credential::DiskSas, downloads);
                }
            }
            if state.stage.passes(answer.level) {
                state.derive(Fact::Data(jewel.clone()), node.turning_on(answer));
                return;
            }
        }
        if !snapshot && copy_disk(state, jewel, disk, &principal, token) {
            return;
        }
    }
}

/// Source: *Create a snapshot of a virtual hard disk*; a snapshot has network settings of its own.
fn copy_disk(state: &mut State<'_>, jewel: &ResourceId, disk: &ResourceId, principal: &ObjectId, token: usize) -> bool {
    let read = state.request("Microsoft.Compute/disks/read", false, disk);
    let Some(read) = state.may(principal, &read) else { return false };
    for group in state.groups_at_hand(principal, Some(disk)) {
        let copy = ResourceId::new(&format!("{}/providers/Microsoft.Compute/snapshots/copy", group.spelled()));
        if state.is_banned(COPY, disk.spelled()) {
            return false;
        }
        let Some(write) = state.may(principal, &state.request(COPY, false, &copy)) else { continue };
        let Some(export) = state.may(principal, &state.request(SNAPSHOT, false, &copy)) else { continue };
        let body = json!({ "id": copy.spelled(), "name": "copy", "type": "Microsoft.Compute/snapshots", "properties": {
            "creationData": { "createOption": "Copy", "sourceResourceId": disk.spelled() },
            "networkAccessPolicy": "AllowAll", "publicNetworkAccess": "Enabled" } });
        let Some(deleted) = super::azure::policy_allows(state, COPY, &copy, body) else { continue };
        let mut first = write.into_node(state.node(COPY, principal.as_str(), disk.spelled(), ""));
        first = read.into_node(first);
        first.needs.insert(token);
        first.needs.extend(deleted);
        let fact = Fact::Prepared(disk.clone(), COPY);
        state.derive(fact.clone(), first);
        let mut node = export.into_node(state.node(SNAPSHOT, principal.as_str(), jewel.spelled(), ""));
        node.needs.insert(token);
        node.needs.extend(state.node_of(&fact));
        state.derive(Fact::Data(jewel.clone()), node);
        return state.has(&Fact::Data(jewel.clone()));
    }
    false
}

/// Any other resource is lost to whoever may write it, use its keys, become its administrator, or run code on it.
fn control(state: &mut State<'_>, jewel: &ResourceId, home: &ResourceId, kind: &str) {
    if let Some(execution) = state.node_of(&Fact::Execution(home.clone())) {
        let mut node = state.node("execution", home.spelled(), jewel.spelled(), "code on the resource");
        node.needs.insert(execution);
        state.derive(Fact::Data(jewel.clone()), node);
        return;
    }
    let spelled = home.resource_type().unwrap_or_else(|| kind.to_owned());
    let keys = keys(kind, &spelled);
    let takeover = TAKEOVER.iter().filter(|(of, _)| *of == kind).map(|(_, operation)| (*operation).to_owned());
    let operations: Vec<String> = keys.iter().cloned().chain([format!("{spelled}/write")]).chain(takeover).collect();
    let document = state.world.env.get(Kind::Resources, home.folded()).map(|d| d.body.clone());
    for (principal, token) in state.with_session(&Audience::ResourceManager) {
        for operation in &operations {
            let Some(allowed) = state.may(&principal, &state.request(operation, false, home)) else { continue };
            let use_of = match (&document, keys.contains(operation)) {
                (_, false) => Answer::allowed("usable"),
                (Some(body), true) => credential(state, home, body, Credential::LocalKey, None),
                (None, true) => {
                    let mut unknown = Answer::of(Level::Unknown, "usable");
                    unknown.missing.insert(format!("resource:{}", home.name()).into());
                    unknown
                }
            };
            if !state.stage.passes(use_of.level) {
                continue;
            }
            let mut node = allowed.into_node(state.node(operation, principal.as_str(), jewel.spelled(), ""));
            node.needs.insert(token);
            state.derive(Fact::Data(jewel.clone()), node.turning_on(use_of));
            return;
        }
    }
}
