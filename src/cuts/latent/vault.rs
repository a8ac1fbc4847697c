//! What it takes to read a secret of a vault.
//!
//! Sources: *Azure Key Vault security*, *Azure role-based access control (Azure RBAC) vs. access policies (legacy)*,
//! *Configure Azure Key Vault networking settings*.

use super::state::{Fact, State};
use crate::effect::Audience;
use crate::model::{Kind, ObjectId, ResourceId, json};
use serde_json::Value;

pub fn rules(state: &mut State<'_>, jewel: &ResourceId, vault: &ResourceId) {
    if let Some(known) = state.node_of(&Fact::Key(vault.clone())) {
        let mut node = state.node("SecretGet", vault.spelled(), jewel.spelled(), "read in the attack");
        node.needs.insert(known);
        state.derive(Fact::Data(jewel.clone()), node);
        return;
    }
    let Some(document) = state.world.env.get(Kind::Resources, vault.folded()).cloned() else { return };
    let by_roles = json::path(&document.body, "properties.enableRbacAuthorization").and_then(Value::as_bool);
    for (principal, token) in state.with_session(&Audience::KeyVault) {
        let request = state.request("Microsoft.KeyVault/vaults/secrets/getSecret/action", true, vault);
        if by_roles != Some(false)
            && let Some(allowed) = state.may(&principal, &request)
        {
            let mut node = allowed.into_node(state.node("SecretGet", principal.as_str(), jewel.spelled(), ""));
            node.needs.insert(token);
            if by_roles.is_none() {
                node.missing.insert("resource.properties.enableRbacAuthorization".into());
            }
            state.derive(Fact::Data(jewel.clone()), node);
            return;
        }
        if has_access_policy(&document.body, &principal, state) && by_roles != Some(true) {
            let mut node =
                state.node("SecretGet", principal.as_str(), jewel.spelled(), "an access policy of the vault");
            node.needs.insert(token);
            state.derive(Fact::Data(jewel.clone()), node);
            return;
        }
        // Whoever may write the vault gives themselves an access policy, or switches the permission model.
        let management = state.node_of(&Fact::Session(principal.clone(), Audience::ResourceManager));
        for operation in ["Microsoft.KeyVault/vaults/accessPolicies/write", "Microsoft.KeyVault/vaults/write"] {
            let access_policy_only = operation.ends_with("accessPolicies/write") && by_roles == Some(true);
            let request = state.request(operation, false, vault);
            if !access_policy_only
                && let Some(management) = management
                && let Some(allowed) = state.may(&principal, &request)
            {
                let mut node = allowed.into_node(state.node(operation, principal.as_str(), jewel.spelled(), ""));
                node.needs.extend([token, management]);
                state.derive(Fact::Data(jewel.clone()), node);
                return;
            }
        }
    }
}

fn has_access_policy(vault: &Value, principal: &ObjectId, state: &State<'_>) -> bool {
    let groups = state.world.env.transitive_groups(principal);
    json::path(vault, "properties.accessPolicies").and_then(Value::as_array).into_iter().flatten().any(|policy| {
        let holder = json::text(policy, "objectId").map(ObjectId::new);
        let mine = holder.as_ref().is_some_and(|h| h == principal || groups.known().is_some_and(|g| g.contains(h)));
        let reads = json::path(policy, "permissions.secrets").and_then(Value::as_array).is_some_and(|p| {
            p.iter().any(|v| v.as_str().is_some_and(|v| v.eq_ignore_ascii_case("get") || v.eq_ignore_ascii_case("all")))
        });
        mine && reads
    })
}
