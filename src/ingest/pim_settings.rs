//! What PIM asks of an activation: role-management policies and their assignments, Graph and ARM.
//!
//! The rules are in the policy, whose role only the assignment tells. Exports that keep the two apart (or list the
//! rules alone) are joined when the environment is built.

use super::document::{arm, arm_type, graph, graph_type, is_context, is_graph, key};
use super::environment::POLICY_PIECE;
use super::{Format, Out, Record};
use crate::model::{Kind, json};
use serde_json::json;

pub const FORMAT: Format = Format {
    id: "pim-settings",
    log: false,
    reads: "PIM role-management policies, their assignments and rules (Graph and ARM)",
    score,
    read,
    empty: |context| is_context(context, &["rolemanagementpolicyassignments"]).then_some(Kind::PimSettings),
};

enum Form {
    Assignment,
    Policy,
    Rule,
}

fn form(record: &Record) -> Option<(Form, u8)> {
    match arm_type(record).as_deref() {
        Some(
            "microsoft.authorization/rolemanagementpolicyassignments"
            | "microsoft.authorization/rolemanagementpolicyassignment",
        ) => return Some((Form::Assignment, 97)),
        Some("microsoft.authorization/rolemanagementpolicies" | "microsoft.authorization/rolemanagementpolicy") => {
            return Some((Form::Policy, 97));
        }
        _ => {}
    }
    if is_graph(record, &["unifiedrolemanagementpolicyassignment", "rolemanagementpolicyassignments"])
        || record.has_all(&["policyId", "scopeId", "roleDefinitionId"])
    {
        Some((Form::Assignment, 96))
    } else if rule(record) {
        Some((Form::Rule, 96))
    } else if is_graph(record, &["unifiedrolemanagementpolicy", "rolemanagementpolicies"])
        || record.has_all(&["isOrganizationDefault", "scopeId", "scopeType"])
    {
        Some((Form::Policy, 95))
    } else {
        None
    }
}

fn rule(record: &Record) -> bool {
    let typed = graph_type(record).is_some_and(|t| t.starts_with("unifiedrolemanagementpolicy") && t.ends_with("rule"));
    typed
        || (record.has_all(&["id", "target"])
            && record.text("ruleType").is_some_and(|t| t.starts_with("RoleManagementPolicy")))
}

fn score(record: &Record) -> u8 {
    form(record).map_or(0, |(_, score)| score)
}

fn read(record: &Record, out: &mut Out) -> Result<(), String> {
    let (form, _) = form(record).ok_or("no role-management policy")?;
    let body = if record.has("properties") { arm(record) } else { graph(record) };
    let key = key(record, &body, &["name"]);
    match form {
        Form::Assignment => out.document(Kind::PimSettings, &key, body),
        Form::Policy => out.document(Kind::PimSettings, &format!("{POLICY_PIECE}{key}"), body),
        Form::Rule => {
            // `.../roleManagementPolicies('<id>')/rules` tells whose rule it is.
            let context = record.context.odata.as_deref().or(record.context.uri.as_deref()).unwrap_or_default();
            let policy = context
                .split_once("('")
                .and_then(|(_, rest)| rest.split_once("')"))
                .map(|(id, _)| id)
                .ok_or("a rule of a role-management policy, in a list that does not say of which")?;
            let id = json::text(&body, "id").unwrap_or_default().to_owned();
            let piece = json!({ "id": policy, "rules": [body] });
            let _ = id;
            out.document(Kind::PimSettings, &format!("{POLICY_PIECE}{policy}"), piece);
        }
    }
    Ok(())
}
