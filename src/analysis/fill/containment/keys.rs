//! What opens data with no sign-in behind it: account keys, SAS, delegation keys, secrets.

use super::super::commands::{ids, quoted, rest};
use super::super::reach::Reach;
use super::super::{Filling, names};
use super::{From, Held, Row, after, item, locked};
use crate::model::{Detail, Evidence, ObjectId, ResourceId, json};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn keys(filling: &Filling<'_>, reach: &Reach, account: &ResourceId, from: &From) -> Row {
    // Both keys renewed by somebody else since: only then is nothing live.
    let mut renewed: BTreeMap<String, Evidence> = BTreeMap::new();
    for event in after(filling, from.last, true) {
        if event.action.to_lowercase().ends_with("/regeneratekey/action")
            && let Detail::Arm(detail) = &event.detail
            && detail.resource == *account
            && let Some(name) = detail.request_body.known().and_then(|body| json::text(body, "keyName"))
        {
            renewed.insert(name.to_lowercase(), event.evidence.clone());
        }
    }
    let name = quoted(account.name());
    let group = account.resource_group().map(|g| quoted(g.name())).unwrap_or_default();
    let renew =
        |key: &str| format!("az storage account keys renew --resource-group {group} --account-name {name} --key {key}");
    let mut item = item(
        format!("Rotate both keys of {}", account.name()),
        format!("{} && {}", renew("primary"), renew("secondary")),
        format!("rotate {} keys", account.name()),
        from,
    );
    item.live = renewed.len() < 2;
    item.capability = format!("account keys of {}", account.name());
    item.opens = reach.inside(account);
    item.blocked_by = locked(filling, account, false);
    item.why = match renewed.len() {
        0 => format!(
            "a key listed at {} works until it is rotated, from anywhere the account lets in, whatever becomes of the user",
            from.steps.join(", ")
        ),
        1 => "one key was renewed since it was listed, the other was not".to_owned(),
        _ => "both keys were renewed since they were listed".to_owned(),
    };
    item.evidence.extend(renewed.into_values());
    Row { held: Held::Bearer, item, of: Some(account.clone()), principal: None }
}

pub(super) fn sas(filling: &Filling<'_>, reach: &Reach, resource: &ResourceId, from: &From) -> Row {
    let kind = resource.resource_type().map(|t| t.to_lowercase()).unwrap_or_default();
    let name = quoted(resource.name());
    let group = resource.resource_group().map(|g| quoted(g.name())).unwrap_or_default();
    let command = match kind.as_str() {
        "microsoft.compute/disks" => format!("az disk revoke-access --resource-group {group} --name {name}"),
        "microsoft.compute/snapshots" => format!("az snapshot revoke-access --resource-group {group} --name {name}"),
        _ => ["primary", "secondary"]
            .map(|key| {
                format!("az storage account keys renew --resource-group {group} --account-name {name} --key {key}")
            })
            .join(" && "),
    };
    let ended = after(filling, from.last, false).find(|event| {
        event.action.to_lowercase().ends_with("/endgetaccess/action")
            && matches!(&event.detail, Detail::Arm(detail) if detail.resource == *resource)
    });
    let mut item = item(
        format!("Revoke the SAS on {}", resource.name()),
        command,
        format!("revoke SAS on {}", resource.name()),
        from,
    );
    item.live = ended.is_none();
    item.capability = format!("shared access signature on {}", resource.name());
    item.opens = reach.inside(resource);
    item.blocked_by = locked(filling, resource, false);
    item.why = match ended {
        None => "whoever has the URL reads until it expires or what signed it is taken away".to_owned(),
        Some(_) => "access was ended since".to_owned(),
    };
    item.evidence.extend(ended.map(|event| event.evidence.clone()));
    Row { held: Held::Bearer, item, of: Some(resource.clone()), principal: None }
}

/// SAS signed with a user delegation key work for as long as that key does, seven days at most (*Create a user
/// delegation SAS*).
pub(super) fn delegation(
    filling: &Filling<'_>,
    reach: &Reach,
    account: &ResourceId,
    principal: &ObjectId,
    from: &From,
) -> Row {
    let name = quoted(account.name());
    let group = account.resource_group().map(|g| quoted(g.name())).unwrap_or_default();
    let who = names::principal(filling, principal);
    let mut item = item(
        format!("Revoke the user delegation keys of {}", account.name()),
        format!("az storage account revoke-delegation-keys --resource-group {group} --name {name}"),
        format!("revoke delegation keys of {}", account.name()),
        from,
    );
    item.capability = format!("delegation key of {who} on {}", account.name());
    item.opens = reach.inside(account);
    item.blocked_by = locked(filling, account, false);
    item.why = "SAS signed with it work for up to seven days, without a sign-in".to_owned();
    Row { held: Held::Bearer, item, of: Some(account.clone()), principal: Some(principal.clone()) }
}

pub(super) fn secrets(
    filling: &Filling<'_>,
    reach: &Reach,
    resource: &ResourceId,
    from: &From,
    read: &BTreeSet<String>,
) -> Row {
    let kind = resource.resource_type().map(|t| t.to_lowercase()).unwrap_or_default();
    let name = quoted(resource.name());
    let group = resource.resource_group().map(|g| quoted(g.name())).unwrap_or_default();
    let (action, command) = match kind.as_str() {
        "microsoft.keyvault/vaults" => {
            let set = |secret: &str| {
                format!("az keyvault secret set --vault-name {name} --name {} --value '<new value>'", quoted(secret))
            };
            let command = match read.is_empty() {
                true => format!("az keyvault secret list --vault-name {name} --output table"),
                false => read.iter().take(20).map(|secret| set(secret)).collect::<Vec<_>>().join(" && "),
            };
            (format!("Replace the secrets read from {} where they are used", resource.name()), command)
        }
        "microsoft.web/sites" | "microsoft.web/sites/slots" => (
            format!("Reset the publishing credentials of {}", resource.name()),
            rest("post", &format!("https://management.azure.com{}/newpassword?api-version=2023-12-01", resource.spelled())),
        ),
        "microsoft.documentdb/databaseaccounts" => (
            format!("Rotate the keys of {}", resource.name()),
            ["primary", "secondary", "primaryReadonly", "secondaryReadonly"]
                .map(|key| format!("az cosmosdb keys regenerate --resource-group {group} --name {name} --key-kind {key}"))
                .join(" && "),
        ),
        "microsoft.cognitiveservices/accounts" => (
            format!("Rotate the keys of {}", resource.name()),
            ["key1", "key2"]
                .map(|key| {
                    format!("az cognitiveservices account keys regenerate --resource-group {group} --name {name} --key-name {key}")
                })
                .join(" && "),
        ),
        _ => (
            format!("Rotate the keys of {}", resource.name()),
            format!("az resource invoke-action --action regenerateKey {} --request-body '<the key to renew>'", ids(resource)),
        ),
    };
    let mut item = item(action, command, format!("rotate secrets of {}", resource.name()), from);
    item.capability = format!("secrets of {}", resource.name());
    item.opens = reach.inside(resource);
    // Whoever may publish code to an application acts as its identity.
    let document = filling.engine.world.env.resource(resource);
    if let Some(identity) = document.and_then(|d| json::text(&d.body, "identity.principalId")) {
        item.opens
            .extend(reach.of(&ObjectId::new(identity)).into_iter().filter(|_| kind.starts_with("microsoft.web/")));
        item.opens.sort();
        item.opens.dedup();
    }
    item.why = "what was read is known to the attacker until it is replaced".to_owned();
    Row { held: Held::Bearer, item, of: Some(resource.clone()), principal: None }
}
