//! The environment's documents: the platform's own JSON, in one canonical form a kind, each with its evidence.

use super::Evidence;
use imbl::OrdMap;
use serde_json::Value;
use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// Kinds of documents a snapshot holds. The word is the one `coverage[].what` and `incident.json`'s
        /// `collected` use. The canonical form of each kind is the vendor's REST form (ARM with `properties`, Graph
        /// camelCase), whatever the export looked like.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($(#[$doc])* $name,)* }

        impl Kind {
            pub const ALL: &'static [Kind] = &[$(Kind::$name,)*];

            pub fn as_str(self) -> &'static str {
                match self { $(Kind::$name => $word,)* }
            }
        }
    };
}

kinds! {
    /// Graph `user`.
    Users = "users",
    /// Graph `group`.
    Groups = "groups",
    /// `{ "groupId", "members": [ { "id", "@odata.type"? } ], "complete": bool }`, direct members; key: group id.
    GroupMembers = "groupMembers",
    /// `{ "objectId", "owners": [ { "id" } ] }`, of groups, applications, service principals; key: object id.
    Owners = "owners",
    /// Graph `servicePrincipal` (managed identities included: `servicePrincipalType`).
    ServicePrincipals = "servicePrincipals",
    /// Graph `application`.
    Applications = "applications",
    /// Graph `device`.
    Devices = "devices",
    /// Graph `unifiedRoleAssignment` (active directory roles; `roleDefinitionId` is the template id).
    DirectoryRoles = "directoryRoles",
    /// Graph `unifiedRoleDefinition`.
    DirectoryRoleDefinitions = "directoryRoleDefinitions",
    /// Graph `appRoleAssignment`.
    AppRoleAssignments = "appRoleAssignments",
    /// Graph `oAuth2PermissionGrant`.
    PermissionGrants = "permissionGrants",
    /// Graph `federatedIdentityCredential` with `applicationId` added.
    FederatedCredentials = "federatedCredentials",
    /// ARM `Microsoft.Authorization/roleDefinitions`.
    RoleDefinitions = "roleDefinitions",
    /// ARM `Microsoft.Authorization/roleAssignments`.
    RoleAssignments = "roleAssignments",
    /// ARM `Microsoft.Authorization/denyAssignments`.
    DenyAssignments = "denyAssignments",
    /// ARM `Microsoft.Authorization/locks`.
    Locks = "locks",
    /// Graph `unifiedRoleAssignmentScheduleInstance` or ARM `roleAssignmentScheduleInstances` (has `properties`).
    PimInstances = "pimInstances",
    /// Graph `unifiedRoleEligibilityScheduleInstance` or ARM `roleEligibilityScheduleInstances`.
    PimEligibilities = "pimEligibilities",
    /// Graph `unifiedRoleManagementPolicyAssignment` (expanded) or ARM `roleManagementPolicyAssignments`.
    PimSettings = "pimSettings",
    /// Graph `conditionalAccessPolicy`.
    ConditionalAccess = "conditionalAccess",
    /// Graph `namedLocation`.
    NamedLocations = "namedLocations",
    /// Graph `authenticationStrengthPolicy`.
    AuthenticationStrengths = "authenticationStrengths",
    /// Graph `identitySecurityDefaultsEnforcementPolicy`.
    SecurityDefaults = "securityDefaults",
    /// Graph cross-tenant access policy and partner configurations.
    CrossTenantAccess = "crossTenantAccess",
    /// Graph `deviceRegistrationPolicy`.
    DeviceRegistrationPolicy = "deviceRegistrationPolicy",
    /// Graph `authorizationPolicy`.
    AuthorizationPolicy = "authorizationPolicy",
    /// Graph `userRegistrationDetails`.
    RegistrationDetails = "registrationDetails",
    /// ARM `policyDefinitions`.
    PolicyDefinitions = "policyDefinitions",
    /// ARM `policySetDefinitions`.
    PolicySetDefinitions = "policySetDefinitions",
    /// ARM `policyAssignments`.
    PolicyAssignments = "policyAssignments",
    /// ARM `policyExemptions`.
    Exemptions = "exemptions",
    /// `GET /providers?$expand=resourceTypes/aliases` entries; key: namespace.
    PolicyAliases = "policyAliases",
    /// ARM resources (anything with an ARM id that no other kind takes).
    Resources = "resources",
    /// Subscriptions, resource groups, management groups (ARM or `resourcecontainers` form; a subscription's
    /// `properties.managementGroupAncestorsChain` tells the hierarchy, nearest first).
    Containers = "resourceContainers",
    /// ARM `Microsoft.Security/assessments`.
    Assessments = "assessments",
    /// ARM `Microsoft.Security/assessmentMetadata`.
    AssessmentMetadata = "assessmentMetadata",
    /// ARM `Microsoft.Insights/diagnosticSettings`.
    DiagnosticSettings = "diagnosticSettings",
    /// ARM `Microsoft.Security/pricings`.
    Pricings = "pricings",
    /// Retail Prices items.
    Prices = "prices",
}

/// One document and where it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    pub body: Arc<Value>,
    pub evidence: Evidence,
}

/// Whether the export held this kind whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Collected {
    /// In no file: a fact of this kind is unknown.
    #[default]
    No,
    /// Some of it: what is there is known, what is not is unknown.
    Partial,
    /// Whole: what is not there does not exist.
    Whole,
}

/// All documents of a kind, by key: the folded `id` of the document (see `Kind` for those without one). Two exports
/// of the same object are one document; the later read wins and keeps what only the earlier one held.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Collection {
    pub collected: Collected,
    /// Persistent: a world with one document changed shares all the others.
    pub documents: OrdMap<Arc<str>, Document>,
    pub(super) derived: Derived,
}

impl Collection {
    /// A value worked out from the documents, made when first asked, shared by every world that has the same
    /// collection, and gone once a document changes. `name` tells values of one type apart.
    pub fn derived<T: Any + Send + Sync>(&self, name: &'static str, make: impl FnOnce(&Collection) -> T) -> Arc<T> {
        let key = (TypeId::of::<T>(), name);
        let known = self.derived.0.lock().ok().and_then(|known| known.get(&key).cloned());
        if let Some(known) = known.and_then(|value| value.downcast::<T>().ok()) {
            return known;
        }
        let made = Arc::new(make(self));
        if let Ok(mut known) = self.derived.0.lock() {
            known.insert(key, made.clone());
        }
        made
    }

    /// The documents with their keys, in key order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Document)> {
        self.documents.iter().map(|(key, document)| (key.as_ref(), document))
    }
}

/// What was worked out from a collection. Never part of equality, and a collection that is about to change has none.
#[derive(Debug, Default)]
pub(super) struct Derived(Mutex<BTreeMap<Named, Arc<dyn Any + Send + Sync>>>);

/// Type and name of a derived value.
type Named = (TypeId, &'static str);

impl Clone for Derived {
    fn clone(&self) -> Self {
        Derived::default()
    }
}

impl PartialEq for Derived {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
