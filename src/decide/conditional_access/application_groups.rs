//! Which applications stand behind one entry of a policy's target list: *Windows Azure Service Management API*,
//! *Microsoft Admin Portals*, *Office 365*.
//!
//! Pages: *Conditional Access: Target resources* (2026-01) names the members, *Apps included in Conditional Access
//! Office 365 app suite* (2024-12) those of the suite; both name most of them without an id. So an id that the table
//! knows nowhere is neither in nor out: only a tenant's own application is in no group for certain.

use super::logic::Kleene;
use std::collections::{BTreeMap, BTreeSet};

/// Azure Resource Manager, and the group that contains it.
pub const AZURE_MANAGEMENT: &str = "797f4846-ba00-4fd7-ba43-dac1f8f63013";
pub const ADMIN_PORTALS: &str = "MicrosoftAdminPortals";
pub const OFFICE_365: &str = "Office365";

pub(super) const AZURE_PORTAL: &str = "c44b4083-3bb0-49c1-b47d-974e53cbdf3c";
pub(super) const MICROSOFT_365_PORTAL: &str = "00000006-0000-0ff1-ce00-000000000000";
pub(super) const EXCHANGE: &str = "00000002-0000-0ff1-ce00-000000000000";
pub(super) const SHAREPOINT: &str = "00000003-0000-0ff1-ce00-000000000000";
pub(super) const GRAPH: &str = "00000003-0000-0000-c000-000000000000";
/// Windows Azure Active Directory: in `All`, and in nothing that can be selected singly.
pub(super) const DIRECTORY: &str = "00000002-0000-0000-c000-000000000000";
/// Device Registration Service.
pub(super) const DEVICE_REGISTRATION: &str = "01cb2876-7ebd-4aa4-9cc9-d28bd4d359a9";

const AZURE_DATA_LAKE: &str = "e9f49c6b-5ce5-44c8-925d-015017e9f7ad";

/// Ids the table knows without listing them in a group: Storage, Key Vault, SQL (derived: the page lists the members and
/// these are not among them), Microsoft Graph (its PowerShell is documented not to be covered), Azure DevOps (documented:
/// no longer covered), the directory.
const IN_NO_GROUP: [&str; 6] = [
    "e406a681-f3d4-42a8-90b6-c2b029497af1",
    "cfa8b339-82a2-471a-a3c9-0fc0be7a4093",
    "022907d3-0f1b-48f7-badc-1ba6abab6d66",
    GRAPH,
    "499b84ac-1321-427f-aa17-267ca6975798",
    DIRECTORY,
];

const MEMBERS: [(&str, &[&str]); 3] = [
    (AZURE_MANAGEMENT, &[AZURE_MANAGEMENT, AZURE_PORTAL, AZURE_DATA_LAKE]),
    (ADMIN_PORTALS, &[AZURE_PORTAL]),
    (OFFICE_365, &[EXCHANGE, SHAREPOINT]),
];

/// The three groups, by position; a tenant may know more members than the documentation names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ApplicationGroup {
    AzureManagement,
    AdminPortals,
    Office365,
}

impl ApplicationGroup {
    pub(super) const ALL: [ApplicationGroup; 3] =
        [ApplicationGroup::AzureManagement, ApplicationGroup::AdminPortals, ApplicationGroup::Office365];

    fn id(self) -> &'static str {
        match self {
            ApplicationGroup::AzureManagement => AZURE_MANAGEMENT,
            ApplicationGroup::AdminPortals => ADMIN_PORTALS,
            ApplicationGroup::Office365 => OFFICE_365,
        }
    }

    /// The group that this entry of a target list names.
    pub(super) fn named(entry: &str) -> Option<ApplicationGroup> {
        ApplicationGroup::ALL.into_iter().find(|group| group.id().eq_ignore_ascii_case(entry))
    }
}

/// Membership as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationGroups {
    members: BTreeMap<ApplicationGroup, BTreeSet<String>>,
    named: BTreeSet<String>,
}

impl Default for ApplicationGroups {
    /// What the documentation names.
    fn default() -> Self {
        let mut groups = ApplicationGroups { members: BTreeMap::new(), named: BTreeSet::new() };
        groups.named.extend(IN_NO_GROUP.iter().map(|id| (*id).to_owned()));
        for (name, members) in MEMBERS {
            if let Some(group) = ApplicationGroup::named(name) {
                members.iter().for_each(|id| groups.insert(group, id));
            }
        }
        groups
    }
}

impl ApplicationGroups {
    /// Adds a member that a tenant has seen (application id).
    pub fn insert(&mut self, group: ApplicationGroup, application_id: &str) {
        let id = application_id.trim().to_ascii_lowercase();
        self.members.entry(group).or_default().insert(id.clone());
        self.named.insert(id);
    }

    /// Whether the table names this id at all.
    pub(super) fn names(&self, folded_id: &str) -> bool {
        self.named.contains(folded_id)
    }

    /// `folded_id` is lower case.
    pub(super) fn contains(&self, group: ApplicationGroup, folded_id: &str, tenant_owned: bool) -> Kleene {
        if self.members.get(&group).is_some_and(|members| members.contains(folded_id)) {
            Kleene::True
        } else if tenant_owned || self.names(folded_id) {
            Kleene::False
        } else {
            Kleene::Unknown
        }
    }
}
