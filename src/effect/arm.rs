//! Control-plane record + environment → what Azure RBAC and Azure Policy are asked.

use super::principal::{arm_principal, principal_of};
use crate::model::request::{ArmPrincipal, ArmRequest, PolicyContext, PolicyRequest};
use crate::model::{ArmDetail, Detail, Environment, Event, Fact, Kind, ResourceId, Timestamp, json};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The caller and the call; none where the record names no caller.
pub fn arm_request(env: &Environment, event: &Event) -> Option<(ArmPrincipal, ArmRequest)> {
    let Detail::Arm(detail) = &event.detail else { return None };
    let id = principal_of(env, &event.actor)?;
    let principal = arm_principal(env, &id, event.actor.kind);
    Some((principal, request_of(&event.action, detail, event.time)))
}

fn request_of(operation: &str, detail: &ArmDetail, at: Timestamp) -> ArmRequest {
    ArmRequest {
        operation: operation.to_owned(),
        is_data_action: false,
        scope: detail.resource.clone(),
        suboperation: None,
        utc_now: at,
        attributes: delegation_attributes(operation, detail),
    }
}

/// `@Request[Microsoft.Authorization/roleAssignments:…]` for a write, from the request body.
/// Source: *Delegate Azure role assignment management using conditions*.
fn delegation_attributes(operation: &str, detail: &ArmDetail) -> BTreeMap<String, Option<Vec<Value>>> {
    let mut attributes = BTreeMap::new();
    if !operation.eq_ignore_ascii_case("Microsoft.Authorization/roleAssignments/write") {
        return attributes;
    }
    let Fact::Known(body) = &detail.request_body else { return attributes };
    for (name, path) in [
        ("RoleDefinitionId", "properties.roleDefinitionId"),
        ("PrincipalId", "properties.principalId"),
        ("PrincipalType", "properties.principalType"),
    ] {
        if let Some(value) = json::text(body, path) {
            let value = value.rsplit('/').next().unwrap_or(value);
            attributes
                .insert(format!("@Request[Microsoft.Authorization/roleAssignments:{name}]"), Some(vec![json!(value)]));
        }
    }
    attributes
}

/// Members of a resource that a request body may carry; what an unrecorded body leaves unknown.
const BODY: &[&str] =
    &["location", "tags", "kind", "sku", "identity", "properties", "plan", "zones", "extendedLocation"];

/// What Azure Policy is asked about a write or a delete; none for reads and actions.
pub fn policy_request(env: &Environment, operation: &str, detail: &ArmDetail) -> Option<PolicyRequest> {
    let verb = operation.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let method = match verb.as_str() {
        "write" => "PUT",
        "delete" => "DELETE",
        "action" => "POST",
        _ => return None,
    };
    let current = env.resource(&detail.resource);
    let mut unknown_paths = Vec::new();
    let mut resource = match (&detail.request_body, current, method) {
        (Fact::Known(Value::Object(body)), _, "PUT") => Value::Object(body.clone()),
        (Fact::Absent, _, "PUT") => Value::Object(Map::new()),
        (_, Some(current), "PUT") => {
            // The location of a resource never changes; everything else may have.
            unknown_paths = BODY.iter().filter(|m| **m != "location").map(|m| (*m).to_owned()).collect();
            let mut kept = Map::new();
            if let Some(location) = json::get(&current.body, "location") {
                kept.insert("location".to_owned(), location.clone());
            } else {
                unknown_paths.push("location".to_owned());
            }
            Value::Object(kept)
        }
        (_, None, "PUT") => {
            unknown_paths = BODY.iter().map(|m| (*m).to_owned()).collect();
            Value::Object(Map::new())
        }
        (_, Some(current), _) => current.body.as_ref().clone(),
        (_, None, _) => Value::Object(Map::new()),
    };
    resource["id"] = json!(detail.resource.spelled());
    resource["name"] = json!(detail.resource.name());
    if let Some(kind) = detail.resource.resource_type() {
        resource["type"] = json!(kind);
    }
    Some(PolicyRequest {
        method: method.to_owned(),
        operation: operation.to_owned(),
        resource_id: detail.resource.clone(),
        api_version: None,
        resource,
        changed_paths: None,
        unknown_paths,
    })
}

/// What the policy functions about the surroundings return.
pub fn policy_context(env: &Environment, resource: &ResourceId, claims: &Fact<Value>, at: Timestamp) -> PolicyContext {
    let subscription = resource.subscription();
    let group = resource.resource_group();
    let group_body = group.as_ref().and_then(|id| env.get(Kind::Containers, id.folded())).map(|d| d.body.as_ref());
    let resource_group = match (&group, group_body) {
        (Some(_), Some(body)) => body.clone(),
        (Some(id), None) => json!({ "name": id.name() }),
        (None, _) => Value::Null,
    };
    PolicyContext {
        utc_now: at,
        resource_group,
        subscription: subscription
            .as_ref()
            .map_or(Value::Null, |id| json!({ "id": id.spelled(), "subscriptionId": id.name() })),
        management_group_ancestors: subscription.as_ref().and_then(|id| match env.management_groups(id) {
            Fact::Known(chain) => Some(chain),
            Fact::Unknown | Fact::Absent => None,
        }),
        request_context: match claims {
            Fact::Known(claims) => Some(json!({ "identity": claims })),
            Fact::Unknown | Fact::Absent => None,
        },
        related_resources: None,
    }
}
