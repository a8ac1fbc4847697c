//! The built-in tables: what the platform publishes and an export may lack. Each has its date and its source; the
//! user's own export always wins.
//!
//! The tables are compact text beside this file, compiled in and read only as far as somebody asks. Their headers say
//! how they are made and written.

mod azure_roles;
mod entra_roles;
mod names;
mod regions;
mod rows;

pub use azure_roles::{azure_role, azure_roles};
pub use entra_roles::{EntraRole, entra_role, entra_roles};
pub use names::{application_id, application_name, assessment, graph_permission, graph_permission_id};
pub use regions::{Region, region, regions};

/// One built-in table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    pub id: &'static str,
    /// As of when its source is.
    pub date: &'static str,
    pub source: &'static str,
    pub rows: usize,
}

/// All built-in tables, by id.
pub const TABLES: &[Table] = &[
    Table {
        id: "applications",
        date: "2026-11-24",
        source: "Verify first-party Microsoft applications in sign-in reports (learn.microsoft.com), and public lists",
        rows: 78,
    },
    Table {
        id: "azure-roles",
        date: "2026-08-22",
        source: "github.com/iann0036/iam-dataset azure/built-in-roles-raw.json",
        rows: 928,
    },
    Table {
        id: "defender-assessments",
        date: "2026-04-29",
        source: "github.com/Azure/azure-policy built-in-policies/policyDefinitions",
        rows: 63,
    },
    Table {
        id: "entra-roles",
        date: "2026-08-21",
        source: "github.com/Cloud-Architekt/AzurePrivilegedIAM Classification",
        rows: 145,
    },
    Table {
        id: "graph-permissions",
        date: "2026-11-24",
        source: "github.com/merill/microsoft-info _info/GraphAppRoles.json",
        rows: 716,
    },
    Table {
        id: "regions",
        date: "2026-08-21",
        source: "github.com/Azure/terraform-azurerm-avm-utl-regions, and the Azure Retail Prices API",
        rows: 62,
    },
];

/// Puts the built-in roles, Azure's and Entra's, into the environment; the export's own always win.
pub fn merge_into(environment: &mut crate::model::Environment) {
    azure_roles::merge_into(environment);
    entra_roles::merge_into(environment);
}
