//! Conditional Access: (policies, named locations, tenant settings, sign-in facts, claims held) → decision.
//!
//! Two layers. *Applicability* of each policy is true, false (with every condition known to be false) or unknown (with
//! every missing fact): what Graph's *What If* answers. *Enforcement* is what the applicable enabled policies demand and
//! whether the session already meets it. All connectives are Kleene's; exclusion always wins; the demands of all
//! policies add up.
//!
//! | file | rules |
//! |---|---|
//! | `policy`, `document` | compiling a policy; what cannot be read decides *unknown* by its JSON pointer |
//! | `identity` | users, groups, roles, guests, workload identities |
//! | `applications`, `audiences`, `application_groups` | what is targeted, and what a token request is for |
//! | `conditions`, `locations`, `device_filter` | the other conditions |
//! | `grant`, `strength`, `session` | controls, and when they are met |
//! | `built_in` | security defaults, mandatory MFA |
//! | `evaluate`, `decision`, `error_codes` | putting policies together |
//! | `answer`, `reach`, `wording` | what it means to an attacker, and the clause that says so |
//! | `calibration`, `what_if`, `context` | comparison with a log and with the tenant's own tool; contexts for PIM |
//!
//! Pages: Microsoft's documentation of Conditional Access, each cited by title where its rule stands. Where a page is
//! silent the file says *derived*, *inferred* or *open*; what is open decides *unknown* and is named `semantics:<what>`.

mod answer;
mod application_groups;
mod applications;
mod audiences;
mod built_in;
mod calibration;
mod conditions;
mod context;
mod decision;
pub mod device_filter;
mod document;
mod error_codes;
mod evaluate;
mod facts;
mod file;
mod grant;
mod identity;
mod locations;
mod logic;
mod policy;
mod reach;
mod session;
mod strength;
mod tenant;
pub mod what_if;
mod wording;

pub use application_groups::{ADMIN_PORTALS, AZURE_MANAGEMENT, ApplicationGroup, ApplicationGroups, OFFICE_365};
pub use calibration::RecordedResult;
pub use context::ContextAnswer;
pub use decision::{Decision, Enforcement, Outcome, PolicyDecision, Required};
pub use file::{read_attacker, read_request};
pub use logic::Kleene;
pub use tenant::{BaselineScopes, InboundTrust, TenantSettings};

use super::Gate;
use locations::LocationIndex;
use policy::{Compiler, Ids, Policy};
use serde_json::Value;
use std::sync::Arc;

pub const GATE: Gate = Gate { id: "conditional-access", decide_file: file::decide_file };

/// Something of a policy that this gate does not support: whatever turns on it is unknown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Complaint {
    /// Id of the policy.
    pub policy: Arc<str>,
    /// JSON pointer into it.
    pub pointer: Arc<str>,
    pub message: String,
}

/// The policies of a tenant, compiled once to decide many sign-ins.
#[derive(Clone, Debug)]
pub struct PolicySet {
    tenant: TenantSettings,
    ids: Ids,
    groups: ApplicationGroups,
    locations: LocationIndex,
    policies: Vec<Policy>,
    complaints: Vec<Complaint>,
}

impl PolicySet {
    /// `named_locations` are Graph `namedLocation`s, `policies` Graph `conditionalAccessPolicy`s, as exported.
    pub fn compile(tenant: &TenantSettings, named_locations: &[&Value], policies: &[&Value]) -> PolicySet {
        PolicySet::compile_with(tenant, named_locations, policies, ApplicationGroups::default())
    }

    /// With members of Microsoft's application groups that the tenant knows besides those that are documented.
    pub fn compile_with(
        tenant: &TenantSettings,
        named_locations: &[&Value],
        policies: &[&Value],
        groups: ApplicationGroups,
    ) -> PolicySet {
        let (mut ids, mut complaints) = (Ids::default(), Vec::new());
        let mut locations = LocationIndex::compile(named_locations);
        for role in built_in::ADMINISTRATORS.iter().chain(&built_in::SYNCHRONISATION) {
            ids.intern(role);
        }
        let mut compiler = Compiler { ids: &mut ids, locations: &mut locations, complaints: &mut complaints };
        let policies = policies.iter().enumerate().map(|(n, policy)| compiler.policy(n, policy)).collect();
        PolicySet { tenant: tenant.clone(), ids, groups, locations, policies, complaints }
    }

    /// What in which policy is not supported, in the order of the policies.
    pub fn complaints(&self) -> &[Complaint] {
        &self.complaints
    }

    /// Ids of the policies, in their order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.policies.iter().map(|policy| &*policy.id)
    }
}
