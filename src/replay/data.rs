//! The data plane of a step: what Azure RBAC is asked of a data request, and what the account or the vault then says.

use super::ask::{GateName, Part, PartKind, passed, privilege};
use super::engine::Engine;
use super::run::StepRun;
use crate::causal::{SupportFrom, World};
use crate::decide::azure_rbac::Outcome;
use crate::decide::storage;
use crate::effect::{
    account_document, container_document, data_operation, signer_of, storage_request, vault_operation,
};
use crate::model::request::{ArmRequest, Stance};
use crate::model::{Answer, ArmDetail, Collected, DataDetail, Environment, Event, Fact, Kind, Level, ResourceId, json};
use serde_json::json;

pub(super) fn data_parts(
    engine: &Engine<'_>,
    world: &World,
    steps: &[StepRun],
    step: usize,
    event: &Event,
    detail: &DataDetail,
    parts: &mut Vec<Part>,
) {
    let links = engine.links(step);
    let account = account_document(&world.env, detail);
    let Some((account_id, document)) = account else {
        if let Collected::No | Collected::Partial = world.env.collected(Kind::Resources) {
            let mut answer = Answer::of(Level::Unknown, "not collected");
            answer.missing.insert(format!("resource:{}", detail.account).into());
            parts.push(Part::gate(GateName::Storage, answer));
        }
        return;
    };
    let vault = detail.service.eq_ignore_ascii_case("keyvault");
    let mut rbac = None;
    if let (Some(principal), Some(request)) = (&links.principal, data_request(&world.env, event, detail)) {
        let principal = world.principal(principal, event.actor.kind);
        let found = privilege(engine, world, steps, step, event, &principal, &request);
        rbac = found.iter().map(|p| p.answer.level).min();
        parts.extend(found);
    }
    // The grant that an earlier step would have made is a need of its own: without it that step is why, and no gate.
    let ungranted = parts
        .iter()
        .any(|part| part.kind == PartKind::Privilege && part.via.is_some() && part.answer.level == Level::Cut);
    if vault {
        if let Some(principal) = &links.principal {
            // Access policies and roles are two models: a role that is lacking refuses only where roles are asked.
            if json::path(&document.body, "properties.enableRbacAuthorization").and_then(serde_json::Value::as_bool)
                != Some(true)
            {
                parts.retain(|p| {
                    !matches!(p.kind, PartKind::Privilege | PartKind::Gate(GateName::AzureRbac | GateName::Pim))
                });
            }
            let groups = world.env.transitive_groups(principal).map(|g| g.into_iter().collect());
            let caller = caller(event);
            let mut request = storage::key_vault::VaultRequest {
                operation: &event.action,
                principal,
                groups: &groups,
                application: Fact::Unknown,
                caller: &caller,
                rbac: rbac.map(outcome),
            };
            let unknown: Vec<String> =
                world.env.unknown_paths(Kind::Resources, account_id.folded()).map(str::to_owned).collect();
            let mut answer = storage::key_vault::answer(&document.body, &request, &unknown);
            if ungranted && answer.level == Level::Cut {
                request.rbac = Some(Outcome::Allowed);
                answer = storage::key_vault::answer(&document.body, &request, &unknown);
            }
            let answer = of_resource(answer, account_id.name());
            parts.push(Part::gate(GateName::Storage, answer));
        }
        return;
    }
    let container = detail
        .container
        .as_deref()
        .and_then(|name| container_document(&world.env, &account_id, name))
        .unwrap_or_else(|| json!({}));
    // The latest that was taken in this world outlives the others. Whether there is a key at all is the need's to say:
    // the gate is asked about one as young as the request.
    let taken = links.key.iter().flat_map(|k| &k.taken).filter(|(n, _)| passed(steps, *n)).map(|(_, at)| *at).max();
    let held = links.key.iter().flat_map(|k| &k.supports).any(|s| matches!(s.from, SupportFrom::Held(_)));
    let obtained = taken.or(if held { None } else { Some(event.time) });
    let mut request = storage_request(event, detail, obtained);
    request.auth.keys_revoked_at = crate::effect::delegation_keys_revoked(&document.body);
    if signer_of(detail).is_some() {
        request.auth.signed_key_start = request.auth.signed_key_start.or(obtained);
    }
    let unknown: Vec<String> =
        world.env.unknown_paths(Kind::Resources, account_id.folded()).map(str::to_owned).collect();
    let decided = rbac.map(outcome);
    let whose = links.principal.as_ref().or(engine.case.entries.first());
    let attacker = whose.map_or_else(Default::default, |p| engine.case.words.for_principal(p, event.time));
    let decide = |request: &crate::model::request::StorageRequest, decided: Option<Outcome>| {
        let answer =
            storage::answer(&document.body, &container, request, decided, &unknown, &attacker, Stance::Observed);
        of_resource(answer, account_id.name())
    };
    let mut answer = decide(&request, decided);
    if let Some(key) = parts.iter_mut().find(|p| p.kind == PartKind::Key)
        && answer.level == Level::Cut
        && matches!(answer.reason.as_str(), "keyRotated" | "delegationKeyRevoked")
    {
        // What was taken ended when the key was made anew: it is the key that is lacking.
        key.answer = answer;
        request.auth.key_obtained = Some(event.time);
        request.auth.signed_key_start = Some(event.time);
        answer = decide(&request, decided);
    }
    if ungranted && answer.level == Level::Cut && answer.reason == "rbac" {
        answer = decide(&request, Some(Outcome::Allowed));
    }
    parts.push(Part::gate(GateName::Storage, answer));
}

/// The gate names the properties of the account or vault it was given; which one that is, only the step can say.
fn of_resource(mut answer: Answer, name: &str) -> Answer {
    let of_this = |fact: &str| fact == "properties" || fact.starts_with("properties.");
    if answer.missing.iter().any(|fact| of_this(fact)) {
        let spelled = answer.missing.iter().map(|fact| match of_this(fact) {
            true => format!("resource:{name}/{fact}").into(),
            false => fact.clone(),
        });
        answer.missing = spelled.collect();
    }
    answer
}

/// What Azure RBAC is asked about a data request with an Entra token, or of the signer of a user delegation SAS; none
/// for account keys, what they signed, and anonymous callers.
pub(super) fn data_request(env: &Environment, event: &Event, detail: &DataDetail) -> Option<ArmRequest> {
    let vault = detail.service.eq_ignore_ascii_case("keyvault");
    let by_name = signer_of(detail).is_some() || detail.authentication.known().is_some_and(|a| a.as_ref() == "OAuth");
    if !vault && !by_name {
        return None;
    }
    let (account, _) = account_document(env, detail)?;
    let (action, is_data_action, suboperation) = if vault {
        (vault_operation(&event.action)?, true, None)
    } else {
        data_operation(&event.action).map(|row| (row.action, row.is_data_action, row.suboperation))?
    };
    Some(ArmRequest {
        operation: action.to_owned(),
        is_data_action,
        scope: data_scope(&account, detail),
        suboperation: suboperation.map(str::to_owned),
        utc_now: event.time,
        attributes: Default::default(),
    })
}

/// A level as the storage gate takes Azure RBAC's answer.
pub fn outcome(level: Level) -> Outcome {
    match level {
        Level::NotCut => Outcome::Allowed,
        Level::Cut => Outcome::Denied,
        Level::Unknown | Level::Challenged => Outcome::Unknown,
    }
}

/// Resource id of the container (or the account) a data record acts on.
pub(super) fn data_scope(account: &ResourceId, detail: &DataDetail) -> ResourceId {
    match (&detail.container, detail.service.as_ref()) {
        (Some(container), "blob") => {
            ResourceId::new(&format!("{}/blobServices/default/containers/{container}", account.spelled()))
        }
        _ => account.clone(),
    }
}

/// Where an event came from, as the network rules of a data plane see it.
fn caller(event: &Event) -> storage::Caller {
    match event.source_ip.known() {
        Some(ip) => storage::Caller::public(*ip, true),
        None => storage::Caller {
            ip: None,
            via_private_endpoint: None,
            subnet: None,
            trusted_service: None,
            entra: true.into(),
            instance: Fact::Unknown,
        },
    }
}

/// What a disk or a snapshot says to its export: the link is of no use where its network settings refuse it.
/// Source: *Restrict managed disks from being imported or exported*.
pub(super) fn export(world: &World, event: &Event, detail: &ArmDetail) -> Option<Part> {
    if !crate::effect::exports_disk(&event.action) {
        return None;
    }
    let document = world.env.get(Kind::Resources, detail.resource.folded())?;
    let unknown: Vec<String> =
        world.env.unknown_paths(Kind::Resources, detail.resource.folded()).map(str::to_owned).collect();
    let caller = caller(event);
    let circumstances = storage::Circumstances {
        caller: Some(&caller),
        // Who fetched the disk over the link, and with which token, no log of the control plane says.
        rbac: None,
        children: None,
        unknown_paths: &unknown,
    };
    let answer = storage::usable(storage::Credential::DiskSas, &document.body, &circumstances);
    Some(Part::gate(GateName::Storage, answer))
}
