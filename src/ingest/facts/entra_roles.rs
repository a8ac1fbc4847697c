//! Built-in Entra roles: template id, name, whether privileged, and the resource actions that change something in the
//! directory or in Intune (*Microsoft Entra built-in roles*).

use super::rows;
use crate::model::{Document, Environment, Evidence, Kind};
use serde_json::json;
use std::sync::Arc;

const TABLE: &str = include_str!("entra_roles.txt");

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntraRole {
    /// Template id.
    pub id: &'static str,
    pub name: &'static str,
    /// Marked privileged by the vendor.
    pub privileged: bool,
    /// Allowed resource actions other than reads.
    pub actions: Vec<String>,
}

/// The role of this template id or of this exact name, any letter case.
pub fn entra_role(id_or_name: &str) -> Option<EntraRole> {
    let by_id = rows::from_row(TABLE, id_or_name).and_then(rows::first);
    let named = |(_, row): &(&str, &str)| head(row).0.eq_ignore_ascii_case(id_or_name.trim());
    by_id.or_else(|| rows::rows(TABLE).find(named)).map(|(id, row)| role(id, row))
}

/// All of them, by template id.
pub fn entra_roles() -> impl Iterator<Item = EntraRole> {
    rows::rows(TABLE).map(|(id, row)| role(id, row))
}

/// Name, and whether privileged.
fn head(row: &str) -> (&str, bool) {
    let line = row.lines().next().unwrap_or_default();
    line.strip_prefix("! ").map_or((line, false), |name| (name, true))
}

fn role(id: &'static str, row: &'static str) -> EntraRole {
    let (name, privileged) = head(row);
    let lines = row.lines().skip(1).filter_map(|line| line.strip_prefix('+'));
    let actions = lines.flat_map(|line| rows::actions(line, "microsoft.", |_| None)).collect();
    EntraRole { id, name, privileged, actions }
}

/// Puts every role definition the export does not hold into the environment: its id and name.
pub(super) fn merge_into(environment: &mut Environment) {
    let file: Arc<str> = "built-in:entra-roles".into();
    for (record, role) in (1u64..).zip(entra_roles()) {
        if environment.get(Kind::DirectoryRoleDefinitions, role.id).is_none() {
            let body = json!({ "id": role.id, "templateId": role.id, "displayName": role.name, "isBuiltIn": true });
            let evidence = Evidence::new(file.clone(), record, "");
            environment.insert(Kind::DirectoryRoleDefinitions, role.id, Document { body: Arc::new(body), evidence });
        }
    }
}
