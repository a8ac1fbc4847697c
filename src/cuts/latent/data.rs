//! Rules of the data plane: what it takes to read a jewel of each kind.
//!
//! Sources: *Authorize access to data in Azure Storage*, *Azure Key Vault security*, *Disk Encryption and export*
//! (`beginGetAccess`), and each service's page on local authentication.

use super::state::{Fact, State, home};
use crate::decide::storage;
use crate::effect::{Audience, container_document};
use crate::model::request::{DataAuthentication, Stance, StorageRequest};
use crate::model::{Answer, Kind, Level, ResourceId, json};
use crate::replay::outcome;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const BLOB_READ: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read";

pub fn rules(state: &mut State<'_>) {
    for jewel in state.jewels.clone() {
        if state.has(&Fact::Data(jewel.clone())) {
            continue;
        }
        let home = home(&jewel);
        let kind = home.resource_type().map(|t| t.to_lowercase()).unwrap_or_default();
        match kind.as_str() {
            "microsoft.storage/storageaccounts" => {
                blobs_with_entra(state, &jewel, &home);
                data_with_key(state, &jewel, &home);
                blobs_anonymously(state, &jewel, &home);
            }
            "microsoft.keyvault/vaults" => super::vault::rules(state, &jewel, &home),
            "microsoft.compute/disks" | "microsoft.compute/snapshots" => disk(state, &jewel, &home),
            other => control(state, &jewel, &home, other),
        }
    }
}

fn storage_request(state: &State<'_>, address: Option<String>, kind: &str) -> StorageRequest {
    StorageRequest {
        service: "blob".to_owned(),
        operation: "GetBlob".to_owned(),
        needed_permission: Some("r".to_owned()),
        resource_type: Some("o".to_owned()),
        time: state.at,
        via_private_endpoint: address.as_ref().map(|_| false),
        caller_ip: address,
        subnet_id: None,
        trusted_service: Some(false),
        protocol: Some("https".to_owned()),
        tls_version: Some("1.2".to_owned()),
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
    rbac: Option<Level>,
) -> Option<(Answer, BTreeSet<usize>)> {
    let document = state.world.env.get(Kind::Resources, account.folded())?;
    let unknown: Vec<String> =
        state.world.env.unknown_paths(Kind::Resources, account.folded()).map(str::to_owned).collect();
    let attacker = state.engine.case.entries.first().map_or_else(Default::default, |p| state.attacker(p));
    let decide = |address: Option<String>, body: &Value| {
        let request = storage_request(state, address, kind);
        storage::answer(body, container, &request, rbac.map(outcome), &unknown, &attacker, Stance::Hypothetical)
    };
    let over = |body: &Value| -> Option<Answer> {
        if state.engine.addresses.is_empty() {
            return Some(decide(None, body));
        }
        state.engine.addresses.iter().map(|a| decide(Some(a.clone()), body)).max_by_key(|a| a.level)
    };
    let mut best = over(&document.body)?;
    let mut needs = BTreeSet::new();
    let before = state.before.env.get(Kind::Resources, account.folded());
    if let Some(before) = before
        && over(&before.body).is_some_and(|answer| answer.level < best.level)
    {
        let as_good = |body: &Value| over(body).is_some_and(|answer| answer.level >= best.level);
        needs.extend(super::opening::needed(state, account, &before.body, &as_good));
    }
    if !state.stage.passes(best.level)
        && let Some(execution) = state.facts().find(|(f, _)| matches!(f, Fact::Execution(_))).map(|(_, n)| n)
    {
        let inside = decide(None, &document.body);
        if inside.level > best.level {
            best = inside;
            needs.insert(execution);
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

fn blobs_with_entra(state: &mut State<'_>, jewel: &ResourceId, account: &ResourceId) {
    for (principal, token) in state.with_session(&Audience::Storage) {
        let request = state.request(BLOB_READ, true, jewel);
        let Some(allowed) = state.may(&principal, &request) else { continue };
        let container = container_of(state, jewel, account);
        let Some((answer, needs)) = storage_answer(state, account, &container, "OAuth", Some(Level::NotCut)) else {
            continue;
        };
        if !state.stage.passes(answer.level) {
            continue;
        }
        let mut node = allowed.into_node(state.node("GetBlob", principal.as_str(), jewel.spelled(), ""));
        node.needs.insert(token);
        node.needs.extend(needs);
        node.missing.extend(answer.missing);
        node.words.extend(answer.words);
        state.derive(Fact::Data(jewel.clone()), node);
        return;
    }
}

fn data_with_key(state: &mut State<'_>, jewel: &ResourceId, account: &ResourceId) {
    let Some(key) = state.node_of(&Fact::Key(account.clone())) else { return };
    let container = container_of(state, jewel, account);
    let Some((answer, needs)) = storage_answer(state, account, &container, "AccountKey", None) else { return };
    if state.stage.passes(answer.level) {
        let mut node = state.node("GetBlob", account.spelled(), jewel.spelled(), "with the account key");
        node.needs.insert(key);
        node.needs.extend(needs);
        node.missing.extend(answer.missing);
        node.words.extend(answer.words);
        state.derive(Fact::Data(jewel.clone()), node);
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
    let Some((answer, needs)) = storage_answer(state, account, &container, "Anonymous", None) else { return };
    if state.stage.passes(answer.level) {
        let mut node = state.node("GetBlob", account.spelled(), jewel.spelled(), "anonymously");
        node.needs.extend(needs);
        if level(&state.before.env).as_ref() != Some(&now) {
            node.needs.extend(state.node_of(&Fact::Opened(id, super::opening::Opening::Anonymous)));
        }
        node.missing.extend(answer.missing);
        node.words.extend(answer.words);
        state.derive(Fact::Data(jewel.clone()), node);
    }
}

fn disk(state: &mut State<'_>, jewel: &ResourceId, disk: &ResourceId) {
    let snapshot = disk.resource_type().is_some_and(|t| t.eq_ignore_ascii_case("Microsoft.Compute/snapshots"));
    let operation = if snapshot {
        "Microsoft.Compute/snapshots/beginGetAccess/action"
    } else {
        "Microsoft.Compute/disks/beginGetAccess/action"
    };
    let denied = state
        .world
        .env
        .get(Kind::Resources, disk.folded())
        .and_then(|d| json::text(&d.body, "properties.networkAccessPolicy"))
        .is_some_and(|p| p.eq_ignore_ascii_case("DenyAll"));
    for (principal, token) in state.with_session(&Audience::ResourceManager) {
        let request = state.request(operation, false, disk);
        let write = state.request(
            if snapshot { "Microsoft.Compute/snapshots/write" } else { "Microsoft.Compute/disks/write" },
            false,
            disk,
        );
        let Some(allowed) = state.may(&principal, &request) else { continue };
        let mut node = allowed.into_node(state.node(operation, principal.as_str(), jewel.spelled(), ""));
        node.needs.insert(token);
        if denied {
            // The same who may write the disk allows network access again.
            let Some(reopen) = state.may(&principal, &write) else { continue };
            node = reopen.into_node(node);
        }
        state.derive(Fact::Data(jewel.clone()), node);
        return;
    }
}

/// Any other resource is lost to whoever may write it, list its keys, or run code on it.
fn control(state: &mut State<'_>, jewel: &ResourceId, home: &ResourceId, kind: &str) {
    if let Some(execution) = state.node_of(&Fact::Execution(home.clone())) {
        let mut node = state.node("execution", home.spelled(), jewel.spelled(), "code on the resource");
        node.needs.insert(execution);
        state.derive(Fact::Data(jewel.clone()), node);
        return;
    }
    let spelled = home.resource_type().unwrap_or_else(|| kind.to_owned());
    for (principal, token) in state.with_session(&Audience::ResourceManager) {
        for operation in [format!("{spelled}/listKeys/action"), format!("{spelled}/write")] {
            let request = state.request(&operation, false, home);
            if let Some(allowed) = state.may(&principal, &request) {
                let mut node = allowed.into_node(state.node(&operation, principal.as_str(), jewel.spelled(), ""));
                node.needs.insert(token);
                state.derive(Fact::Data(jewel.clone()), node);
                return;
            }
        }
    }
}
