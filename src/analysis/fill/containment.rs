//! What the attacker still holds at discovery, ranked by what each opens now, and the command that takes it away.
//!
//! Keys, SAS and added credentials come first: no session is behind them, so nothing done to the user stops them.
//! Sources: *Revoke user access in Microsoft Entra ID*, *Manage storage account access keys*, *Grant limited access to
//! Azure Storage resources using shared access signatures*, *Managed identities: token caching* (up to 24 hours).

use super::super::contract::{Analysis, Containment};
use super::commands::{graph, ids, quoted, rest};
use super::reach::Reach;
use super::{Filling, done, names};
use crate::effect::{Capability, yields};
use crate::model::{AuditTarget, Detail, Event, Evidence, Kind, ObjectId, Outcome, ResourceId, Timestamp, json};
use std::collections::{BTreeMap, BTreeSet};

/// What is held, in the order in which it is to be taken away where it opens as much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Held {
    /// Account keys, SAS, secrets, credentials of applications: they need no sign-in.
    Bearer,
    Session,
    Account,
    /// Rights in the directory and ways to sign in again.
    Directory,
    Machine,
    Grant,
    Resource,
}

struct Row {
    held: Held,
    item: Containment,
    /// Key, SAS or secret of this resource.
    of: Option<ResourceId>,
    /// Sessions, credentials and rights of this principal.
    principal: Option<ObjectId>,
}

/// Steps and evidence one thing is held from.
#[derive(Default)]
struct From {
    steps: Vec<String>,
    evidence: Vec<Evidence>,
    last: Option<Timestamp>,
}

impl From {
    fn add(&mut self, step: &str, event: &Event) {
        self.steps.push(step.to_owned());
        self.evidence.push(event.evidence.clone());
        self.last = self.last.max(Some(event.time));
    }
}

#[derive(Default)]
struct Holdings {
    keys: BTreeMap<ResourceId, From>,
    sas: BTreeMap<ResourceId, From>,
    /// Keys that sign SAS in a principal's name.
    delegation: BTreeMap<(ResourceId, ObjectId), From>,
    secrets: BTreeMap<ResourceId, (From, BTreeSet<String>)>,
    sessions: BTreeMap<ObjectId, From>,
    machines: BTreeMap<ResourceId, From>,
    grants: Vec<(ResourceId, Option<ObjectId>, String, From)>,
    made: Vec<(ResourceId, From)>,
    directory: Vec<(String, Event)>,
}

pub fn fill(filling: &Filling<'_>, analysis: &mut Analysis) {
    let reach = Reach::new(filling);
    let held = holdings(filling);
    let mut rows: Vec<Row> = Vec::new();
    for (account, from) in &held.keys {
        rows.push(keys(filling, &reach, account, from));
    }
    for (resource, from) in &held.sas {
        rows.push(sas(filling, &reach, resource, from));
    }
    for ((account, principal), from) in &held.delegation {
        rows.push(delegation(filling, &reach, account, principal, from));
    }
    for (resource, (from, names)) in &held.secrets {
        rows.push(secrets(filling, &reach, resource, from, names));
    }
    for (principal, from) in &held.sessions {
        rows.extend(principal_rows(filling, &reach, principal, from));
    }
    for (step, event) in &held.directory {
        rows.extend(directory(filling, &reach, step, event));
    }
    let made: BTreeSet<&ResourceId> = held.made.iter().map(|(id, _)| id).collect();
    for (machine, from) in held.machines.iter().filter(|(id, _)| !made.contains(id)) {
        rows.push(stopped(filling, &reach, machine, from));
    }
    for (id, principal, role, from) in &held.grants {
        rows.push(grant(filling, &reach, id, principal.as_ref(), role, from));
    }
    // What was made last hangs on what was made before it.
    for (id, from) in held.made.iter().rev() {
        rows.push(deleted(filling, id, from));
    }
    rows.sort_by_key(|row| {
        let bearer_of_little = row.held == Held::Bearer && row.item.opens.is_empty();
        let held = if bearer_of_little { Held::Directory } else { row.held };
        (!row.item.live, held, std::cmp::Reverse(row.item.opens.len()))
    });
    for (n, row) in rows.iter_mut().enumerate() {
        row.item.rank = u32::try_from(n + 1).unwrap_or(u32::MAX);
    }
    let survivors: Vec<Vec<String>> = rows.iter().map(|row| survive(filling, &reach, row, &rows)).collect();
    analysis.containment = rows
        .into_iter()
        .zip(survivors)
        .map(|(mut row, survivors)| {
            row.item.still_works.extend(survivors);
            row.item
        })
        .collect();
}

fn holdings(filling: &Filling<'_>) -> Holdings {
    let env = &filling.engine.world.env;
    let mut held = Holdings::default();
    for (n, step, event) in done(filling) {
        let mut granted = false;
        for yielded in yields(env, event) {
            match yielded.capability {
                Capability::StorageKey { account } => held.keys.entry(account).or_default().add(&step.id, event),
                Capability::Sas { resource } => held.sas.entry(resource).or_default().add(&step.id, event),
                Capability::Secret { resource } => {
                    let (from, names) = held.secrets.entry(resource).or_default();
                    from.add(&step.id, event);
                    if let Detail::Data(data) = &event.detail {
                        let correlated = &filling.engine.case.correlated;
                        let events = step.events.iter().filter_map(|at| correlated.window_events.get(*at));
                        let of = |event: &Event| match &event.detail {
                            Detail::Data(data) => data.object.as_deref().map(str::to_owned),
                            _ => None,
                        };
                        names.extend(events.filter_map(of).chain(data.object.as_deref().map(str::to_owned)));
                    }
                }
                Capability::Session { principal, .. } => {
                    held.sessions.entry(principal).or_default().add(&step.id, event);
                }
                Capability::Execution { resource } => held.machines.entry(resource).or_default().add(&step.id, event),
                Capability::AzureRole { principal, role, scope: _ } => {
                    if let Detail::Arm(detail) = &event.detail {
                        granted = true;
                        let mut from = From::default();
                        from.add(&step.id, event);
                        let role = names::azure_role(env, &role);
                        held.grants.push((detail.resource.clone(), Some(principal), role, from));
                    }
                }
                Capability::DelegationKey { principal, account } => {
                    held.delegation.entry((account, principal)).or_default().add(&step.id, event);
                }
                // Said with the directory operation that added it.
                Capability::Credential { .. } => {}
            }
        }
        let operation = step.action.to_lowercase();
        match &event.detail {
            Detail::Directory(_) => held.directory.push((step.id.clone(), event.clone())),
            Detail::Arm(detail) if operation == "microsoft.authorization/roleassignments/write" && !granted => {
                let mut from = From::default();
                from.add(&step.id, event);
                held.grants.push((detail.resource.clone(), None, "a role".to_owned(), from));
            }
            Detail::Arm(detail) if operation.ends_with("/write") => {
                let rights = operation.starts_with("microsoft.authorization/")
                    && !operation.starts_with("microsoft.authorization/policyexemptions/")
                    && !operation.starts_with("microsoft.authorization/roledefinitions/");
                let new =
                    filling.engine.maker_of(&detail.resource) == Some(n) && env.resource(&detail.resource).is_none();
                if !rights && (new || operation.starts_with("microsoft.authorization/")) {
                    let mut from = From::default();
                    from.add(&step.id, event);
                    held.made.push((detail.resource.clone(), from));
                }
            }
            Detail::Arm(_) | Detail::Data(_) | Detail::SignIn(_) | Detail::Alert(_) | Detail::Context(_) => {}
        }
    }
    held
}

fn item(action: String, command: String, short: String, from: &From) -> Containment {
    Containment {
        action,
        command,
        short,
        live: true,
        steps: from.steps.clone(),
        evidence: from.evidence.clone(),
        ..Containment::default()
    }
}

/// Successful events between what was taken and discovery, by somebody else than the attacker or by anybody.
fn after<'a>(filling: &'a Filling<'_>, since: Option<Timestamp>, lawful: bool) -> impl Iterator<Item = &'a Event> {
    let correlated = &filling.engine.case.correlated;
    let until = filling.incident.discovered_at.unwrap_or(filling.incident.window.to);
    correlated
        .window_events
        .iter()
        .zip(correlated.memberships.iter().map(Option::is_some).chain(std::iter::repeat(false)))
        .filter(move |(event, attack)| {
            Some(event.time) > since && event.time <= until && event.outcome == Outcome::Success && !(lawful && *attack)
        })
        .map(|(event, _)| event)
}

/// Locks that refuse the action: every lock refuses a deletion, only `ReadOnly` a POST or a change (*Lock your
/// resources to protect your infrastructure*).
fn locked(filling: &Filling<'_>, id: &ResourceId, deletion: bool) -> Vec<String> {
    let env = &filling.engine.world.env;
    env.of(Kind::Locks)
        .filter(|(_, lock)| {
            deletion
                || json::text(&lock.body, "properties.level")
                    .is_some_and(|level| level.eq_ignore_ascii_case("ReadOnly"))
        })
        .filter(|(key, _)| {
            crate::control::extension_scope_of(&ResourceId::new(key)).is_some_and(|scope| scope.contains(id))
        })
        .map(|(key, _)| format!("lock {}", ResourceId::new(key).name()))
        .collect()
}

fn keys(filling: &Filling<'_>, reach: &Reach, account: &ResourceId, from: &From) -> Row {
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

fn sas(filling: &Filling<'_>, reach: &Reach, resource: &ResourceId, from: &From) -> Row {
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
fn delegation(filling: &Filling<'_>, reach: &Reach, account: &ResourceId, principal: &ObjectId, from: &From) -> Row {
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

fn secrets(filling: &Filling<'_>, reach: &Reach, resource: &ResourceId, from: &From, read: &BTreeSet<String>) -> Row {
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

/// The sessions of a user and the account itself; a workload has no sessions to revoke, only tokens that run out.
fn principal_rows(filling: &Filling<'_>, reach: &Reach, principal: &ObjectId, from: &From) -> Vec<Row> {
    let env = &filling.engine.world.env;
    let name = names::principal(filling, principal);
    let opens = reach.of(principal);
    let row = |held, item| Row { held, item, of: None, principal: Some(principal.clone()) };
    if let Some(document) = env.get(Kind::ServicePrincipals, principal.as_str()) {
        let managed = json::text(&document.body, "servicePrincipalType").is_some_and(|t| t == "ManagedIdentity");
        let url = graph(&format!("servicePrincipals/{principal}"));
        let command = format!("{} --body '{{\"accountEnabled\":false}}'", rest("patch", &url));
        let mut item = item(format!("Disable {name}"), command, format!("disable {name}"), from);
        item.capability = format!("tokens of {name}");
        item.opens = opens;
        item.why = "no new token is issued to a disabled service principal".to_owned();
        let hours = if managed { "24 hours: they are cached that long" } else { "about an hour" };
        item.still_works = vec![format!("access tokens already issued, for up to {hours}")];
        return vec![row(Held::Account, item)];
    }
    let synced = env.get(Kind::Users, principal.as_str()).and_then(|d| json::get(&d.body, "onPremisesSyncEnabled"));
    let done_by = |words: &[&str]| -> Option<&Event> {
        after(filling, from.last, true).find(|event| match &event.detail {
            Detail::Directory(detail) => {
                let action = event.action.to_lowercase();
                words.iter().any(|word| action.contains(word))
                    && detail.targets.iter().any(|t| t.id.as_deref().is_some_and(|id| ObjectId::new(id) == *principal))
            }
            _ => false,
        })
    };
    let user = quoted(principal.as_str());
    let revoked = done_by(&[
        "revoke sign in sessions",
        "stsrefreshtoken",
        "revoke all refresh tokens",
        "reset user password",
        "reset password",
    ]);
    let mut sessions = item(
        format!("Revoke the sessions of {name} and reset the password"),
        format!(
            "az ad user update --id {user} --password '<new password>' --force-change-password-next-sign-in true && {}",
            rest("post", &graph(&format!("users/{principal}/revokeSignInSessions")))
        ),
        "revoke sessions".to_owned(),
        from,
    );
    sessions.capability = format!("sessions and password of {name}");
    sessions.opens = opens.clone();
    sessions.live = revoked.is_none();
    sessions.why = match revoked {
        None => "a refresh token renews itself until sessions are revoked, and the password signs in again".to_owned(),
        Some(_) => "sessions were revoked since".to_owned(),
    };
    sessions.evidence.extend(revoked.map(|event| event.evidence.clone()));
    if synced.and_then(serde_json::Value::as_bool) == Some(true) {
        sessions.blocked_by.push("the user is synchronised from on-premises: reset the password there".to_owned());
    }
    sessions.still_works = vec!["access tokens already issued, for about an hour".to_owned()];
    let off = done_by(&["disable account"]);
    let mut account = item(
        format!("Disable {name}"),
        format!("az ad user update --id {user} --account-enabled false"),
        "disable account".to_owned(),
        from,
    );
    account.capability = format!("account of {name}");
    account.opens = opens;
    account.live = off.is_none();
    account.why = match off {
        None => "no new token is issued to a disabled account".to_owned(),
        Some(_) => "the account was disabled since".to_owned(),
    };
    account.evidence.extend(off.map(|event| event.evidence.clone()));
    account.still_works = vec!["access tokens already issued, for about an hour".to_owned()];
    vec![row(Held::Session, sessions), row(Held::Account, account)]
}

fn target<'e>(event: &'e Event, kinds: &[&str]) -> Option<&'e AuditTarget> {
    let Detail::Directory(detail) = &event.detail else { return None };
    detail.targets.iter().find(|t| kinds.iter().any(|kind| t.kind.eq_ignore_ascii_case(kind)))
}

/// Rights in the directory and ways to sign in that the attack added.
fn directory(filling: &Filling<'_>, reach: &Reach, step: &str, event: &Event) -> Option<Row> {
    let mut from = From::default();
    from.add(step, event);
    let id = |t: Option<&AuditTarget>| t.and_then(|t| t.id.as_deref()).map(ObjectId::new);
    let shown = |t: Option<&AuditTarget>| {
        t.and_then(|t| t.upn.as_deref().or(t.name.as_deref()).or(t.id.as_deref())).unwrap_or("it").to_owned()
    };
    let user = target(event, &["User"]);
    let application = target(event, &["Application", "ServicePrincipal"]);
    let operation = event.action.trim().to_lowercase();
    let someone = user.or(application);
    let who = id(someone)?;
    let (action, command, short, held) = match operation.as_str() {
        "add service principal credentials" | "update application – certificates and secrets management" => {
            let path = match target(event, &["Application"]) {
                Some(_) => "applications",
                None => "servicePrincipals",
            };
            let key = added_key(event).unwrap_or_else(|| "<keyId>".to_owned());
            let url = graph(&format!("{path}/{who}/removePassword"));
            let command = format!("{} --body {}", rest("post", &url), quoted(&format!("{{\"keyId\":\"{key}\"}}")));
            (
                format!("Remove the credential added to {}", shown(application)),
                command,
                "remove credential",
                Held::Bearer,
            )
        }
        "add federated identity credential" => {
            let url = graph(&format!("applications/{who}/federatedIdentityCredentials"));
            let command =
                format!("{} && {}", rest("get", &url), rest("delete", &format!("{url}/<id of the credential>")));
            (
                format!("Remove the federated credential added to {}", shown(application)),
                command,
                "remove federation",
                Held::Bearer,
            )
        }
        "add user" | "invite external user" => {
            let command = format!("az ad user update --id {} --account-enabled false", quoted(who.as_str()));
            (format!("Disable {}, whom the attack added", shown(user)), command, "disable added user", Held::Bearer)
        }
        "reset user password" | "reset password (by admin)" => {
            let command = format!(
                "az ad user update --id {} --password '<new password>' --force-change-password-next-sign-in true && {}",
                quoted(who.as_str()),
                rest("post", &graph(&format!("users/{who}/revokeSignInSessions")))
            );
            (
                format!("Reset the password of {}, which the attack set", shown(user)),
                command,
                "reset password",
                Held::Bearer,
            )
        }
        "user registered security info"
        | "admin registered temporary access pass method for user"
        | "admin registered security info" => {
            let url = graph(&format!("users/{who}/authentication/methods"));
            let command = format!("{} && {}", rest("get", &url), rest("delete", &format!("{url}/<id of the method>")));
            (
                format!("Remove the sign-in method registered for {}", shown(user)),
                command,
                "remove sign-in method",
                Held::Directory,
            )
        }
        "add member to role"
        | "add eligible member to role"
        | "add eligible member to role in pim completed (permanent)"
        | "add member to role completed (pim activation)" => {
            let url = graph(&format!("roleManagement/directory/roleAssignments?$filter=principalId eq '{who}'"));
            let drop = graph("roleManagement/directory/roleAssignments/<id of the assignment>");
            let command = format!("{} && {}", rest("get", &url), rest("delete", &drop));
            (
                format!("Take the directory role back from {}", shown(someone)),
                command,
                "remove directory role",
                Held::Directory,
            )
        }
        "add member to group" => {
            let group = id(target(event, &["Group"]))?;
            let command = format!(
                "az ad group member remove --group {} --member-id {}",
                quoted(group.as_str()),
                quoted(who.as_str())
            );
            let name = shown(target(event, &["Group"]));
            (format!("Take {} out of {name}", shown(someone)), command, "remove from group", Held::Directory)
        }
        "consent to application"
        | "add delegated permission grant"
        | "add app role assignment to service principal"
        | "add app role assignment grant to user" => {
            let url = graph(&format!("servicePrincipals/{who}"));
            let command = format!("{} --body '{{\"accountEnabled\":false}}'", rest("patch", &url));
            (
                format!("Disable {}, which got permissions", shown(application)),
                command,
                "disable application",
                Held::Bearer,
            )
        }
        "add owner to application" | "add owner to service principal" => {
            let of = id(application)?;
            let kind = if target(event, &["Application"]).is_some() { "applications" } else { "servicePrincipals" };
            let command = rest("delete", &graph(&format!("{kind}/{of}/owners/{who}/$ref")));
            (
                format!("Remove {} as owner of {}", shown(user), shown(application)),
                command,
                "remove owner",
                Held::Directory,
            )
        }
        "register device" | "add registered owner to device" | "add device" => {
            let device = id(target(event, &["Device"])).unwrap_or_else(|| who.clone());
            let url = graph(&format!("devices/{device}"));
            let command = format!("{} --body '{{\"accountEnabled\":false}}'", rest("patch", &url));
            (
                format!("Disable the device {}", shown(target(event, &["Device"]))),
                command,
                "disable device",
                Held::Directory,
            )
        }
        _ => return None,
    };
    let mut item = item(action, command, short.to_owned(), &from);
    item.capability = format!("{} at {step}", event.action.trim());
    item.opens = reach.of(&who);
    item.why = "it was added by the attack and outlives every session".to_owned();
    let _ = filling;
    Some(Row { held, item, of: None, principal: Some(who) })
}

/// Key id of the credential an application got, where the audit record tells it.
fn added_key(event: &Event) -> Option<String> {
    let Detail::Directory(detail) = &event.detail else { return None };
    let modified = detail.targets.iter().flat_map(|t| &t.modified);
    let text =
        modified.filter(|(name, _)| name.contains("KeyDescription")).map(|(_, (_, new))| new.to_string()).next()?;
    let at = text.find("KeyIdentifier=")? + "KeyIdentifier=".len();
    let id: String = text.get(at..)?.chars().take_while(|c| c.is_ascii_hexdigit() || *c == '-').collect();
    (id.len() == 36).then_some(id)
}

/// A machine that stood before, on which code was run.
fn stopped(filling: &Filling<'_>, reach: &Reach, machine: &ResourceId, from: &From) -> Row {
    let identity = filling.engine.world.env.resource(machine).and_then(|d| json::text(&d.body, "identity.principalId"));
    let vm = machine.resource_type().is_some_and(|t| is_machine(&t));
    let command = match vm {
        true => format!("az vm deallocate {}", ids(machine)),
        false => format!("az resource show {}", ids(machine)),
    };
    let mut item = item(
        format!("Isolate {} once its disks are kept", machine.name()),
        command,
        format!("isolate {}", machine.name()),
        from,
    );
    item.capability = format!("code on {}", machine.name());
    item.opens = identity.map(|id| reach.of(&ObjectId::new(id))).unwrap_or_default();
    item.why = "the attacker ran code there".to_owned();
    item.still_works = match identity {
        Some(_) => vec!["tokens of its managed identity, for up to 24 hours: they are cached that long".to_owned()],
        None => Vec::new(),
    };
    Row { held: Held::Machine, item, of: Some(machine.clone()), principal: identity.map(ObjectId::new) }
}

pub fn is_machine(kind: &str) -> bool {
    kind.eq_ignore_ascii_case("Microsoft.Compute/virtualMachines")
}

pub fn removed<'a>(filling: &'a Filling<'_>, id: &ResourceId, from: Option<Timestamp>) -> Option<&'a Event> {
    after(filling, from, false).find(|event| {
        event.action.to_lowercase().ends_with("/delete")
            && matches!(&event.detail, Detail::Arm(detail) if detail.resource.contains(id))
    })
}

fn grant(
    filling: &Filling<'_>,
    reach: &Reach,
    id: &ResourceId,
    principal: Option<&ObjectId>,
    role: &str,
    from: &From,
) -> Row {
    let gone = removed(filling, id, from.last);
    let who = principal.map(|p| names::principal(filling, p));
    let step = from.steps.join(", ");
    let of = who.as_deref().map(|who| format!(" of {who}")).unwrap_or_default();
    let mut item = item(
        format!("Remove the role assignment made at {step}: {role}{of}"),
        format!("az role assignment delete {}", ids(id)),
        "remove the grant".to_owned(),
        from,
    );
    item.capability = format!("{role}{of}, granted at {step}");
    item.live = gone.is_none();
    item.opens = principal.map(|p| reach.of(p)).unwrap_or_default();
    item.blocked_by = locked(filling, id, true);
    item.why = match gone {
        None => "a grant outlives the session that made it".to_owned(),
        Some(_) => "it was removed since".to_owned(),
    };
    item.evidence.extend(gone.map(|event| event.evidence.clone()));
    Row { held: Held::Grant, item, of: Some(id.clone()), principal: principal.cloned() }
}

fn deleted(filling: &Filling<'_>, id: &ResourceId, from: &From) -> Row {
    let kind = id.resource_type().unwrap_or_default();
    let lower = kind.to_lowercase();
    let machine = is_machine(&kind);
    let gone = removed(filling, id, from.last);
    let what = kind.rsplit('/').next().unwrap_or_default().to_owned();
    let mut item = item(
        format!("Delete {} ({what})", id.name()),
        match machine {
            true => format!("az vm delete {} --yes", ids(id)),
            false => format!("az resource delete {}", ids(id)),
        },
        format!("delete {}", id.name()),
        from,
    );
    item.capability = format!("{} ({what})", id.name());
    item.live = gone.is_none();
    item.blocked_by = locked(filling, id, true);
    item.why = match (gone, machine, lower.as_str()) {
        (Some(_), _, _) => "it was deleted since".to_owned(),
        (None, true, _) => "made by the attack and still running up cost; keep its disks first".to_owned(),
        (None, false, "microsoft.network/networksecuritygroups/securityrules") => {
            "a rule that the attack added lets traffic in".to_owned()
        }
        (None, false, _) => "made by the attack".to_owned(),
    };
    if machine {
        item.still_works =
            vec!["its disks, network card and address stay, and cost, until they are deleted too".to_owned()];
    }
    item.evidence.extend(gone.map(|event| event.evidence.clone()));
    Row { held: if machine { Held::Machine } else { Held::Resource }, item, of: Some(id.clone()), principal: None }
}

/// What of the other things held goes on working after this one is gone.
fn survive(filling: &Filling<'_>, reach: &Reach, row: &Row, rows: &[Row]) -> Vec<String> {
    let live = |other: &&Row| other.item.live && other.item.rank != row.item.rank;
    let said = |other: &Row| format!("{} ({})", other.item.capability, other.item.rank);
    let mut found = Vec::new();
    match row.held {
        Held::Session | Held::Account | Held::Directory => {
            found.extend(rows.iter().filter(live).filter(|o| o.held == Held::Bearer).map(said));
            found.extend(rows.iter().filter(live).filter(|o| o.held == Held::Machine).map(said));
        }
        Held::Bearer => {
            if let Some(resource) = &row.of {
                let kind = resource.resource_type().unwrap_or_default();
                let (operation, what) = match kind.to_lowercase().as_str() {
                    "microsoft.compute/disks" | "microsoft.compute/snapshots" => {
                        ("beginGetAccess", "can take another one")
                    }
                    "microsoft.web/sites" | "microsoft.web/sites/slots" => ("publishxml", "can read the new ones"),
                    _ => ("listKeys", "can list the new ones"),
                };
                let again = |other: &&Row| {
                    matches!(other.held, Held::Session | Held::Account)
                        && other
                            .principal
                            .as_ref()
                            .is_some_and(|p| reach.may(p, &format!("{kind}/{operation}/action"), false, resource))
                };
                let lister = rows.iter().filter(live).find(again);
                found.extend(lister.map(|o| format!("{}: {what}", said(o))));
            }
        }
        Held::Grant => {
            found.extend(rows.iter().filter(live).filter(|o| o.held == Held::Bearer).map(said));
            let scope = row.of.as_ref().and_then(crate::control::extension_scope_of);
            // Whoever made the grant may be able to make it again by what they held before.
            for other in rows.iter().filter(live).filter(|o| o.held == Held::Session) {
                if let (Some(principal), Some(scope)) = (&other.principal, &scope)
                    && reach.could_before(filling, principal, "Microsoft.Authorization/roleAssignments/write", scope)
                {
                    found.push(format!("{}: can grant it again, by a role held before the attack", said(other)));
                }
            }
        }
        Held::Machine | Held::Resource => {}
    }
    found
}
