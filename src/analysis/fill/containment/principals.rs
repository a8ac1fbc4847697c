//! Sessions and accounts, and what the attack added in the directory: credentials, ways to sign in, rights.

use super::super::commands::{graph, quoted, rest};
use super::super::reach::Reach;
use super::super::{Filling, names};
use super::{From, Held, Row, after, item};
use crate::model::{AuditTarget, Detail, Event, Kind, ObjectId, json};

/// The sessions of a user and the account itself; a workload has no sessions to revoke, only tokens that run out.
pub(super) fn principal_rows(filling: &Filling<'_>, reach: &Reach, principal: &ObjectId, from: &From) -> Vec<Row> {
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
pub(super) fn directory(filling: &Filling<'_>, reach: &Reach, step: &str, event: &Event) -> Option<Row> {
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
            let known = added_key(event);
            let list = match known {
                Some(_) => String::new(),
                None => format!(
                    "{} && ",
                    rest("get", &graph(&format!("{path}/{who}?$select=passwordCredentials,keyCredentials")))
                ),
            };
            let (key, certificate) = known.unwrap_or_else(|| ("<keyId>".to_owned(), false));
            let url = graph(&format!("{path}/{who}/removePassword"));
            // `removePassword` takes passwords alone; `removeKey` asks for a proof signed with the key to remove.
            let command = match (certificate, path) {
                (false, _) => {
                    format!("{} --body {}", rest("post", &url), quoted(&format!("{{\"keyId\":\"{key}\"}}")))
                }
                (true, "applications") => {
                    format!(
                        "az ad app credential delete --id {} --key-id {} --cert",
                        quoted(who.as_str()),
                        quoted(&key)
                    )
                }
                (true, _) => {
                    format!("az ad sp credential delete --id {} --key-id {} --cert", quoted(who.as_str()), quoted(&key))
                }
            };
            (
                format!("Remove the credential added to {}", shown(application)),
                format!("{list}{command}"),
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
    item.opens = reach.of(&acting(filling, &who));
    item.why = "it was added by the attack and outlives every session".to_owned();
    Some(Row { held, item, of: None, principal: Some(who) })
}

/// Who gets the roles of an application: its service principal.
fn acting(filling: &Filling<'_>, id: &ObjectId) -> ObjectId {
    let env = &filling.engine.world.env;
    let Some(app) = env.get(Kind::Applications, id.as_str()).and_then(|d| json::text(&d.body, "appId")) else {
        return id.clone();
    };
    let own = env.keys_with(Kind::ServicePrincipals, "appId", app);
    own.first().map_or_else(|| id.clone(), |key| ObjectId::new(key))
}

/// Key id of the credential an application got, where the audit record tells it, and whether it is a certificate.
fn added_key(event: &Event) -> Option<(String, bool)> {
    let Detail::Directory(detail) = &event.detail else { return None };
    let modified = detail.targets.iter().flat_map(|t| &t.modified);
    let (old, new) = modified.filter(|(name, _)| name.contains("KeyDescription")).map(|(_, change)| change).next()?;
    let (old, new) = (old.to_string(), new.to_string());
    // The property holds every credential of the application: the one that was not there before.
    const START: &str = "KeyIdentifier=";
    let id = |part: &str| part.chars().take_while(|c| c.is_ascii_hexdigit() || *c == '-').collect::<String>();
    let added = new.split(START).skip(1).find(|part| !old.contains(&id(part)))?;
    let key = id(added);
    (key.len() == 36).then(|| (key, added.contains("KeyType=Asymmetric")))
}
