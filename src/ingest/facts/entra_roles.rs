//! Built-in Entra roles: template id, name, whether privileged, and the resource actions that change something in the
//! directory or in Intune (*Microsoft Entra built-in roles*).

use super::rows;

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
