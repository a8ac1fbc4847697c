//! Machines, role assignments and resources that the attack made or ran code on.

use super::super::commands::{ids, quoted, rest};
use super::super::reach::Reach;
use super::super::{Filling, names};
use super::{From, Held, Row, after, item, locked};
use crate::model::{Detail, Event, ObjectId, ResourceId, Timestamp, json};

/// A machine that stood before, on which code was run.
pub(super) fn stopped(filling: &Filling<'_>, reach: &Reach, machine: &ResourceId, from: &From) -> Row {
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

pub(super) fn grant(
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

pub(super) fn deleted(filling: &Filling<'_>, id: &ResourceId, from: &From) -> Row {
    let kind = id.resource_type().unwrap_or_default();
    let lower = kind.to_lowercase();
    let machine = is_machine(&kind);
    let gone = removed(filling, id, from.last);
    let what = kind.rsplit('/').next().unwrap_or_default().to_owned();
    let (action, command) = automation(id, &lower).unwrap_or_else(|| {
        let command = match machine {
            true => format!("az vm delete {} --yes", ids(id)),
            false => format!("az resource delete {}", ids(id)),
        };
        (format!("Delete {} ({what})", id.name()), command)
    });
    let mut item = item(action, command, format!("delete {}", id.name()), from);
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

pub(super) const ELEVATED: &str = "take back elevated access";

/// *Elevate access to manage all Azure subscriptions*: the role stands at the root, outside every subscription.
pub(super) fn elevated(filling: &Filling<'_>, reach: &Reach, principal: &ObjectId, from: &From) -> Row {
    let who = names::principal(filling, principal);
    let mut item = item(
        format!("Take User Access Administrator at the root back from {who}"),
        format!(
            "az role assignment delete --assignee {} --role 'User Access Administrator' --scope '/'",
            quoted(principal.as_str())
        ),
        ELEVATED.to_owned(),
        from,
    );
    item.capability = format!("User Access Administrator of {who} at the root");
    item.opens = reach.of(principal);
    item.why = "it grants every role everywhere, and outlives the session that took it".to_owned();
    Row { held: Held::Grant, item, of: None, principal: Some(principal.clone()) }
}

/// What the service stops or takes back where it deletes nothing (*Automation REST: Job - Stop, Runbook Draft - Undo
/// Edit*).
fn automation(id: &ResourceId, kind: &str) -> Option<(String, String)> {
    const VERSION: &str = "api-version=2023-11-01";
    let arm = |path: &str| rest("post", &format!("https://management.azure.com{path}?{VERSION}"));
    let spelled = id.spelled().trim_end_matches('/');
    match kind {
        "microsoft.automation/automationaccounts/jobs" => {
            Some((format!("Stop the job {}", id.name()), arm(&format!("{spelled}/stop"))))
        }
        "microsoft.automation/automationaccounts/runbooks/draft" => {
            let runbook = id.parent().map(|parent| parent.name().to_owned()).unwrap_or_default();
            Some((format!("Undo the draft of {runbook}"), arm(&format!("{spelled}/undoEdit"))))
        }
        _ => None,
    }
}
