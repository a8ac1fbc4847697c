//! What somebody's roles open at the moment of discovery: the question containment ranks by.
//!
//! Asked of the Azure RBAC gate in the world as the attack left it. A jewel counts as opened where the principal may
//! read it, fetch the keys of what holds it, or grant itself that right.

use super::Filling;
use crate::causal::World;
use crate::effect::changes;
use crate::model::request::ArmRequest;
use crate::model::{ActorKind, Kind, Level, ObjectId, Outcome, ResourceId, Timestamp};

pub struct Reach {
    /// As it was at discovery.
    pub world: World,
    at: Timestamp,
    jewels: Vec<ResourceId>,
}

impl Reach {
    pub fn new(filling: &Filling<'_>) -> Reach {
        let at = filling.incident.discovered_at.unwrap_or(filling.incident.window.to);
        let mut world = filling.engine.world.clone();
        for event in &filling.engine.case.correlated.window_events {
            if event.time <= at && event.outcome == Outcome::Success {
                for change in changes(event) {
                    world.apply(&change, event);
                }
            }
        }
        Reach { world, at, jewels: filling.engine.case.jewels.iter().map(|(id, _)| id.clone()).collect() }
    }

    /// Jewels inside this resource.
    pub fn inside(&self, resource: &ResourceId) -> Vec<String> {
        self.jewels.iter().filter(|jewel| resource.contains(jewel)).map(|jewel| jewel.spelled().to_owned()).collect()
    }

    /// Jewels that the principal's roles open.
    pub fn of(&self, principal: &ObjectId) -> Vec<String> {
        let open = |jewel: &&ResourceId| {
            OPENS.iter().any(|(operation, data)| {
                let provider = operation.split('/').next().unwrap_or_default().to_lowercase();
                let bears = provider == "microsoft.authorization" || jewel.folded().contains(&provider);
                bears && self.may(principal, operation, *data, jewel)
            })
        };
        self.jewels.iter().filter(open).map(|jewel| jewel.spelled().to_owned()).collect()
    }

    /// Whether the operation is allowed there, or would be but for facts nobody recorded.
    pub fn may(&self, principal: &ObjectId, operation: &str, is_data_action: bool, scope: &ResourceId) -> bool {
        may(&self.world, self.at, principal, operation, is_data_action, scope)
    }

    /// The same in the world before the attack: what stays when everything it granted is taken away.
    pub fn could_before(
        &self,
        filling: &Filling<'_>,
        principal: &ObjectId,
        operation: &str,
        scope: &ResourceId,
    ) -> bool {
        may(&filling.engine.world, self.at, principal, operation, false, scope)
    }
}

fn may(
    world: &World,
    at: Timestamp,
    who: &ObjectId,
    operation: &str,
    is_data_action: bool,
    scope: &ResourceId,
) -> bool {
    let machine = world.env.get(Kind::ServicePrincipals, who.as_str()).is_some();
    let kind = if machine { ActorKind::ServicePrincipal } else { ActorKind::User };
    let request = ArmRequest {
        operation: operation.to_owned(),
        is_data_action,
        scope: scope.clone(),
        suboperation: None,
        utc_now: at,
        attributes: Default::default(),
    };
    world.rbac().answer(&world.principal(who, kind), &request).level >= Level::Unknown
}

/// Operations each of which leads to what a jewel holds, and whether it is one of the data plane.
const OPENS: &[(&str, bool)] = &[
    ("Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read", true),
    ("Microsoft.KeyVault/vaults/secrets/getSecret/action", true),
    ("Microsoft.Storage/storageAccounts/listKeys/action", false),
    ("Microsoft.Compute/disks/beginGetAccess/action", false),
    ("Microsoft.Authorization/roleAssignments/write", false),
];
