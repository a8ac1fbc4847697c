//! One principal or resource, however a record names it: UPN, object id, app id, letter case.

use crate::model::{ActorKind, Detail, Environment, Event, Kind, ObjectId, ResourceId, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What many events are looked up in.
pub struct Index<'e> {
    environment: &'e Environment,
    by_upn: BTreeMap<String, ObjectId>,
}

impl<'e> Index<'e> {
    pub fn new(environment: &'e Environment) -> Self {
        let by_upn = environment
            .of(Kind::Users)
            .filter_map(|(id, d)| Some((json::text(&d.body, "userPrincipalName")?.to_lowercase(), ObjectId::new(id))))
            .collect();
        Index { environment, by_upn }
    }

    /// Gives an event the environment's spelling of its target, and its actor the ids the environment knows.
    pub fn respell(&self, event: &mut Event) {
        if let Detail::Arm(arm) = &mut event.detail {
            let spelled = spelled(self.environment, &arm.resource);
            if event.target.to_lowercase() == arm.resource.folded() {
                event.target = spelled.spelled().into();
            }
            arm.resource = spelled;
        }
        let actor = &mut event.actor;
        if actor.id.is_none() {
            actor.id = actor.upn.as_deref().and_then(|upn| self.by_upn.get(upn).cloned());
        }
        if actor.upn.is_none()
            && let Some(user) = actor.id.as_ref().and_then(|id| self.environment.get(Kind::Users, id.as_str()))
            && let Some(upn) = json::text(&user.body, "userPrincipalName")
        {
            let upn: Arc<str> = upn.to_lowercase().into();
            actor.name = upn.clone();
            actor.upn = Some(upn);
            actor.kind = ActorKind::User;
        }
    }
}

/// The environment's spelling of a resource, or of the nearest of its parents that it holds.
fn spelled(environment: &Environment, id: &ResourceId) -> ResourceId {
    let mut at = Some(id.clone());
    while let Some(part) = at {
        let known = environment
            .resource(&part)
            .and_then(|d| json::text(&d.body, "id"))
            .filter(|known| known.to_lowercase() == part.folded());
        if let Some(known) = known {
            let rest = id.spelled().get(known.len()..).unwrap_or_default();
            return ResourceId::new(&format!("{known}{rest}"));
        }
        at = part.parent();
    }
    id.clone()
}
