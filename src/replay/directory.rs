//! Whether somebody may do a directory operation: by owning the object, by an application permission, by an Entra role
//! that is active or can be activated.

use super::ask::{Part, PartKind, activate};
use super::engine::Engine;
use super::run::StepRun;
use super::token::{is_holder, unseen_eligibility};
use crate::causal::World;
use crate::effect::{active_directory_roles, directory_roles_for, owners_may, permission_allows};
use crate::model::{
    Answer, Clause, Collected, Detail, DirectoryDetail, Environment, Event, Fact, Kind, Level, ObjectId, Timestamp,
    json,
};
use serde_json::Value;

/// The right a recorded directory operation needs.
pub(super) fn directory_right(
    engine: &Engine<'_>,
    world: &World,
    steps: &[StepRun],
    step: usize,
    event: &Event,
) -> Option<Part> {
    let Detail::Directory(detail) = &event.detail else { return None };
    let principal = engine.links(step).principal.clone()?;
    let answer = right(engine, world, step, &principal, event, detail);
    let mut part = Part { kind: PartKind::Privilege, answer, via: None, assumes: Vec::new(), held: None };
    if part.answer.level < Level::NotCut
        && let Some((via, then)) = engine.had_they_happened(world, steps, step)
        && right(engine, &then, step, &principal, event, detail).level == Level::NotCut
    {
        part.via = Some(via);
        part.answer.reason = format!("{} did not happen: no right", engine.step_id(via));
    }
    Some(part)
}

fn right(
    engine: &Engine<'_>,
    world: &World,
    step: usize,
    principal: &ObjectId,
    event: &Event,
    detail: &DirectoryDetail,
) -> Answer {
    let operation = event.action.trim();
    // The surest of the three; a role is asked last, since an eligible one may need an activation.
    let mut open: Vec<Answer> = Vec::new();
    for answer in
        [by_ownership(&world.env, principal, operation, detail), by_permission(&world.env, principal, operation)]
    {
        match answer {
            Some(answer) if answer.level == Level::NotCut => return answer,
            Some(answer) => open.push(answer),
            None => {}
        }
    }
    let by_role = directory_answer(engine, world, step, principal, operation, event.time);
    if by_role.level < Level::Unknown {
        open.extend(unseen_eligibility(&world.env, principal));
    }
    open.into_iter().fold(by_role, |best, answer| if answer.level > best.level { answer } else { best })
}

/// By owning the object; unknown where nobody recorded its owners.
fn by_ownership(env: &Environment, principal: &ObjectId, operation: &str, detail: &DirectoryDetail) -> Option<Answer> {
    if !owners_may(operation) {
        return None;
    }
    let mut unknown: Option<Answer> = None;
    for target in &detail.targets {
        let owned = ["application", "serviceprincipal", "group"].iter().any(|k| target.kind.eq_ignore_ascii_case(k));
        let Some(id) = target.id.as_deref().map(ObjectId::new).filter(|_| owned) else { continue };
        match env.get(Kind::Owners, id.as_str()) {
            Some(document) => {
                let owners = json::get(&document.body, "owners").and_then(Value::as_array);
                let mut owners = owners.into_iter().flatten().filter_map(|o| json::text(o, "id"));
                if owners.any(|owner| ObjectId::new(owner) == *principal) {
                    return Some(Answer::allowed("owner").because(Clause {
                        document: id.as_str().to_owned(),
                        pointer: "/owners".to_owned(),
                        says: format!("owning the object is enough for `{operation}`"),
                        source: "Overview of enterprise application ownership in Microsoft Entra ID".to_owned(),
                    }));
                }
            }
            None if env.collected(Kind::Owners) == Collected::Whole => {}
            None => {
                let answer = unknown.get_or_insert_with(|| Answer::of(Level::Unknown, "owner"));
                answer.missing.insert(format!("owners:{id}").into());
            }
        }
    }
    unknown
}

/// By a Microsoft Graph application permission of a service principal; unknown where nobody recorded them.
fn by_permission(env: &Environment, principal: &ObjectId, operation: &str) -> Option<Answer> {
    let granted = env.bodies(Kind::AppRoleAssignments).find(|body| {
        json::text(body, "principalId").is_some_and(|id| ObjectId::new(id) == *principal)
            && json::text(body, "appRoleId").is_some_and(|role| permission_allows(role, operation))
    });
    let Some(granted) = granted else {
        env.get(Kind::ServicePrincipals, principal.as_str())?;
        if env.collected(Kind::AppRoleAssignments) == Collected::Whole {
            return None;
        }
        let mut open = Answer::of(Level::Unknown, "applicationPermission");
        open.missing.insert(format!("appRoleAssignments:{principal}").into());
        return Some(open);
    };
    Some(Answer::allowed("applicationPermission").because(Clause {
        document: json::text(granted, "id").unwrap_or_default().to_owned(),
        pointer: "/appRoleId".to_owned(),
        says: format!("a Microsoft Graph application permission allows `{operation}`"),
        source: "Microsoft Graph permissions reference".to_owned(),
    }))
}

/// Whether the principal may do a directory operation: by an active role, or by activating an eligible one.
pub fn directory_answer(
    engine: &Engine<'_>,
    world: &World,
    step: usize,
    principal: &ObjectId,
    operation: &str,
    at: Timestamp,
) -> Answer {
    let unknown = |fact: String| {
        let mut answer = Answer::of(Level::Unknown, "directoryRight");
        answer.missing.insert(fact.into());
        answer
    };
    let Some(allowing) = directory_roles_for(operation) else {
        return unknown(format!("directoryRight:{operation}"));
    };
    let active = match active_directory_roles(&world.env, principal) {
        Fact::Known(active) => active,
        Fact::Unknown | Fact::Absent => return unknown("directoryRoles".to_owned()),
    };
    if let Some(role) = allowing.iter().find(|role| active.contains(&ObjectId::new(role))) {
        return Answer::allowed("directoryRole").because(Clause {
            document: (*role).to_owned(),
            pointer: String::new(),
            says: format!("an active directory role allows `{operation}`"),
            source: "Microsoft Entra built-in roles".to_owned(),
        });
    }
    let groups = world.env.transitive_groups(principal);
    let mut best: Option<Answer> = None;
    for (key, holder, role, scope) in super::token::entra_eligibilities(&world.env).iter() {
        let mine = is_holder(&world.env, principal, &groups, holder);
        if mine != Fact::Known(false) && allowing.contains(&role.as_str()) {
            let mut answer = activate(engine, world, step, at, principal, role, scope, key);
            if mine.is_unknown() && answer.level >= Level::Unknown {
                answer.level = Level::Unknown;
                answer.missing.insert(format!("groupMembers:{holder}").into());
            }
            if best.as_ref().is_none_or(|b| answer.level > b.level) {
                best = Some(answer);
            }
        }
    }
    best.unwrap_or_else(|| Answer::refused("no directory role allows it"))
}
