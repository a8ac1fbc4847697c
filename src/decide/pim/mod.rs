//! Privileged Identity Management: did a principal hold a role at a time, and would an activation have been provisioned.
//!
//! Both planes (Microsoft Entra roles, Azure roles) and PIM for Groups. A [`Pim`] is compiled once from instances and
//! role settings and answers many requests. An *eligibility* never grants anything; only an *assignment* instance does.
//! Deliberately does not know what a role permits, nor whether a plain role-assignment export holds the role.
//!
//! Source: pages of *Privileged Identity Management documentation* (Microsoft Entra ID Governance) and the Graph and
//! ARM references of role management, named with each rule.

mod activate;
mod answer;
mod approval;
mod ask;
mod check;
mod holds;
mod instance;
mod settings;
mod step_up;
mod vectors;

pub use activate::{Decision, Outcome};
pub use holds::{Held, Holding, How};
pub use instance::{Instance, Plane};
pub use settings::Settings;
pub use step_up::{Enforcement, StepUp};

use super::Gate;
use crate::model::{Collected, Environment, Kind, ObjectId};
use instance::Instances;
use serde_json::Value;
use settings::AllSettings;
use std::collections::BTreeMap;

pub const GATE: Gate = Gate { id: "pim", decide_file: vectors::decide_file };

/// Documents of one kind, and whether they are all there are: what is not among some of them is unknown.
#[derive(Clone, Debug, Default)]
pub struct Listing<'a> {
    pub documents: Vec<&'a Value>,
    pub whole: bool,
}

impl<'a> Listing<'a> {
    pub fn whole(documents: Vec<&'a Value>) -> Self {
        Listing { documents, whole: true }
    }

    pub fn not_collected() -> Self {
        Listing::default()
    }

    pub fn of(environment: &'a Environment, kind: Kind) -> Self {
        let whole = match environment.collected(kind) {
            Collected::Whole => true,
            Collected::No | Collected::Partial => false,
        };
        Listing { documents: environment.bodies(kind).collect(), whole }
    }
}

/// Instances and role settings, ready to decide.
#[derive(Clone, Debug)]
pub struct Pim {
    assignments: Instances,
    eligibilities: Instances,
    settings: AllSettings,
    /// Folded subscription id -> folded management group scopes above it, nearest first.
    ancestors: BTreeMap<String, Vec<String>>,
}

impl Pim {
    /// `assignments` and `eligibilities` are schedule *instances* (Graph, ARM, or of groups), `settings` are
    /// role-management policy assignments (Graph expanded, or ARM) and, where these only name one, the policies.
    pub fn compile(assignments: &Listing, eligibilities: &Listing, settings: &Listing) -> Pim {
        Pim {
            assignments: Instances::compile(assignments, "snapshot.roleAssignmentScheduleInstances"),
            eligibilities: Instances::compile(eligibilities, "snapshot.roleEligibilityScheduleInstances"),
            settings: AllSettings::compile(settings),
            ancestors: BTreeMap::new(),
        }
    }

    pub fn of(environment: &Environment) -> Pim {
        let mut pim = Pim::compile(
            &Listing::of(environment, Kind::PimInstances),
            &Listing::of(environment, Kind::PimEligibilities),
            &Listing::of(environment, Kind::PimSettings),
        );
        for (key, _) in environment.of(Kind::Containers) {
            let id = crate::model::ResourceId::new(key);
            if let crate::model::Fact::Known(groups) = environment.management_groups(&id) {
                pim.hierarchy(id.folded(), &groups);
            }
        }
        pim
    }

    /// Tells the management groups above a subscription, by name, nearest first.
    pub fn hierarchy(&mut self, subscription: &str, management_groups: &[String]) {
        let scopes = management_groups
            .iter()
            .map(|name| format!("/providers/microsoft.management/managementgroups/{}", name.to_lowercase()))
            .collect();
        self.ancestors.insert(subscription.to_lowercase(), scopes);
    }

    /// The settings of that role at that very scope (directory roles have one set per role, whatever the scope).
    pub fn settings(&self, role: &str, scope: &str) -> Option<&Settings> {
        self.settings.find(role, scope)
    }

    /// What the principal, or one of the groups, is eligible for, at any time.
    pub fn eligibilities(&self, principal: &ObjectId, groups: &[ObjectId]) -> Vec<&Instance> {
        self.eligibilities.of(principal, groups)
    }

    /// Assignment instances of the principal, or of one of the groups, at any time.
    pub fn assignments(&self, principal: &ObjectId, groups: &[ObjectId]) -> Vec<&Instance> {
        self.assignments.of(principal, groups)
    }
}
