//! Ids and what they are called: applications, Graph application permissions, Defender for Cloud assessments.

use super::rows;

const APPLICATIONS: &str = include_str!("applications.txt");
const GRAPH_PERMISSIONS: &str = include_str!("graph_permissions.txt");
const ASSESSMENTS: &str = include_str!("assessments.txt");

/// What sign-in logs call an application of Microsoft's.
pub fn application_name(app_id: &str) -> Option<&'static str> {
    value(APPLICATIONS, app_id)?.split('|').next()
}

/// The id of an application of Microsoft's, by any of its names and any letter case.
pub fn application_id(name: &str) -> Option<&'static str> {
    let named = |(_, names): &(&str, &str)| names.split('|').any(|known| known.eq_ignore_ascii_case(name.trim()));
    rows::rows(APPLICATIONS).find(named).map(|(id, _)| id)
}

/// The value (`Directory.ReadWrite.All`) of a Graph application permission's id.
pub fn graph_permission(id: &str) -> Option<&'static str> {
    value(GRAPH_PERMISSIONS, id)
}

/// The id of a Graph application permission, by its value, any letter case.
pub fn graph_permission_id(value: &str) -> Option<&'static str> {
    rows::rows(GRAPH_PERMISSIONS).find(|(_, known)| known.eq_ignore_ascii_case(value.trim())).map(|(id, _)| id)
}

/// The display name of a Defender for Cloud assessment's key.
pub fn assessment(key: &str) -> Option<&'static str> {
    value(ASSESSMENTS, key)
}

fn value(table: &'static str, id: &str) -> Option<&'static str> {
    rows::from_row(table, id).and_then(rows::first).map(|(_, value)| value)
}
