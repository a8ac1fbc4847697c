//! A policy, compiled: what Graph's `conditionalAccessPolicy` says, with ids interned and words parsed, so that it
//! decides many requests. Compilation does not fail: what it cannot read decides *unknown*, named by JSON pointer.
//!
//! Pages: *conditionalAccessPolicy resource type* (Microsoft Graph) and the resource types it is made of.

use super::Complaint;
use super::applications::Resources;
use super::conditions::Conditions;
use super::document::{Odd, Reader};
use super::grant::Grant;
use super::identity::Who;
use super::locations::LocationIndex;
use super::session::Session;
use crate::model::json;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;

/// `state`. Page: *What is Conditional Access report-only mode?*
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Evaluated and enforced.
    Enabled,
    /// Evaluated, never enforced.
    ReportOnly,
    /// Not evaluated.
    Disabled,
    /// A word that is none of these.
    Odd(Arc<str>),
}

/// What the policy is about: exactly one of three.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Target {
    /// Folded as [`user_action`] does.
    UserActions(Vec<String>, Odd),
    /// `c1`..`c99`, lower case.
    Contexts(Vec<String>, Odd),
    Resources(Resources),
    /// Several at once, or not readable at all.
    Odd(Odd),
}

/// Ids that policies name, numbered. (Looked up, never iterated: hash order shows nowhere.)
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Ids(HashMap<Box<str>, u32>);

impl Ids {
    pub fn intern(&mut self, id: &str) -> u32 {
        let next = self.0.len() as u32;
        *self.0.entry(id.to_ascii_lowercase().into()).or_insert(next)
    }

    /// None where no policy names the id. `folded` is lower case.
    pub fn get(&self, folded: &str) -> Option<u32> {
        self.0.get(folded).copied()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Policy {
    /// As the export spells it; `#<n>` where it has none.
    pub id: Arc<str>,
    pub name: Arc<str>,
    pub state: State,
    pub who: Who,
    pub target: Target,
    pub conditions: Conditions,
    pub grant: Grant,
    pub session: Session,
}

impl Policy {
    /// Evaluated at all? A report-only policy on user actions is not.
    pub fn is_evaluated(&self) -> bool {
        match (&self.state, &self.target) {
            (State::Disabled, _) | (State::ReportOnly, Target::UserActions(..)) => false,
            (State::Enabled | State::Odd(_) | State::ReportOnly, _) => true,
        }
    }

    /// Enforced if it applies (perhaps, where its state is not readable).
    pub fn may_be_enforced(&self) -> bool {
        match self.state {
            State::Enabled | State::Odd(_) => true,
            State::ReportOnly | State::Disabled => false,
        }
    }
}

/// What all policies of a set are compiled against.
pub(super) struct Compiler<'a> {
    pub ids: &'a mut Ids,
    pub locations: &'a mut LocationIndex,
    pub complaints: &'a mut Vec<Complaint>,
}

const CONDITIONS: [&str; 15] = [
    "users",
    "clientApplications",
    "agents",
    "applications",
    "userRiskLevels",
    "signInRiskLevels",
    "servicePrincipalRiskLevels",
    "insiderRiskLevels",
    "clientAppTypes",
    "platforms",
    "locations",
    "devices",
    "deviceStates",
    "authenticationFlows",
    "times",
];

impl Compiler<'_> {
    pub fn policy(&mut self, n: usize, document: &Value) -> Policy {
        let id = json::text(document, "id").map(str::trim).filter(|id| !id.is_empty());
        let id: Arc<str> = id.map_or_else(|| format!("#{n}").into(), Into::into);
        let name: Arc<str> = json::text(document, "displayName").unwrap_or(&id).into();
        let mut reader = Reader { policy: &id, complaints: self.complaints };
        let state = state(&mut reader, document);
        let nothing = Value::Null;
        let mut odd = Odd::new();
        let conditions = match json::get(document, "conditions") {
            Some(conditions @ Value::Object(_)) => conditions,
            _ => {
                odd.push(reader.complain("/conditions", "there are no conditions to evaluate"));
                &nothing
            }
        };
        if odd.is_empty() {
            reader.unknown_members(conditions, &CONDITIONS, "/conditions", &mut odd);
        }
        if json::get(document, "partialEnablementStrategy").is_some_and(|strategy| !strategy.is_null()) {
            odd.push(reader.complain("/partialEnablementStrategy", "a policy that is rolled out in part"));
        }
        let target = target(&mut reader, conditions, self.ids);
        let on_device_registration = match &target {
            Target::UserActions(actions, _) => actions.iter().any(|action| action == REGISTER_DEVICE),
            Target::Contexts(..) | Target::Resources(_) | Target::Odd(_) => false,
        };
        let compiled = Conditions::compile(&mut reader, conditions, self.locations, on_device_registration, odd);
        Policy {
            who: Who::compile(&mut reader, conditions, self.ids, &compiled.client_apps),
            conditions: compiled,
            target,
            state,
            grant: Grant::compile(&mut reader, document),
            session: Session::compile(&mut reader, document),
            name,
            id: id.clone(),
        }
    }
}

fn state(reader: &mut Reader, document: &Value) -> State {
    let word = json::text(document, "state").unwrap_or_default().trim();
    for (known, state) in [
        ("enabled", State::Enabled),
        ("enabledForReportingButNotEnforced", State::ReportOnly),
        ("disabled", State::Disabled),
    ] {
        if word.eq_ignore_ascii_case(known) {
            return state;
        }
    }
    State::Odd(reader.complain("/state", format!("`{word}` is no state of a policy that this gate knows")))
}

pub(super) const REGISTER_SECURITY_INFO: &str = "urn:user:registersecurityinfo";
pub(super) const REGISTER_DEVICE: &str = "urn:user:registerdevice";

/// Graph's policies and its What If request spell the user actions differently.
pub(super) fn user_action(word: &str) -> String {
    let word = word.trim().to_ascii_lowercase();
    match word.as_str() {
        "registersecurityinformation" | "registersecurityinfo" => REGISTER_SECURITY_INFO.to_owned(),
        "registerorjoindevices" | "registerdevice" => REGISTER_DEVICE.to_owned(),
        _ => word,
    }
}

fn target(reader: &mut Reader, conditions: &Value, ids: &mut Ids) -> Target {
    const AT: &str = "/conditions/applications";
    let applications = match json::get(conditions, "applications") {
        Some(applications @ Value::Object(_)) => applications,
        // Recorded to be none: nothing is targeted.
        Some(Value::Null) => return Target::Resources(Resources::default()),
        None | Some(_) => return Target::Odd(vec![reader.complain(AT, "there is nothing that the policy targets")]),
    };
    let mut odd = Odd::new();
    let mut list = |key: &str, odd: &mut Odd| -> Vec<String> {
        let entries = reader.list(applications, key, &format!("{AT}/{key}"), odd);
        entries.into_iter().map(|entry| entry.text.to_ascii_lowercase()).collect()
    };
    let (mut action_odd, mut context_odd) = (Odd::new(), Odd::new());
    let actions: Vec<String> =
        list("includeUserActions", &mut action_odd).iter().map(|action| user_action(action)).collect();
    let contexts = list("includeAuthenticationContextClassReferences", &mut context_odd);
    let resources = Resources::compile(reader, applications, ids, &mut odd);
    let has_actions = !(actions.is_empty() && action_odd.is_empty());
    let has_contexts = !(contexts.is_empty() && context_odd.is_empty());
    match (has_actions, has_contexts, resources.selects()) {
        (false, false, _) => Target::Resources(resources),
        (true, false, false) => Target::UserActions(actions, action_odd),
        (false, true, false) => Target::Contexts(contexts, context_odd),
        (true, true, _) | (true, _, true) | (_, true, true) => {
            Target::Odd(vec![reader.complain(AT, "user actions, contexts and resources exclude one another")])
        }
    }
}
