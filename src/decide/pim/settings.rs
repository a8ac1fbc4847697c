//! Role settings: the rules of a role-management policy, by what they bind.
//!
//! A rule binds by its `target` (caller, level, operations); its id, `<Kind>_<Caller>_<Level>`, says the same where a
//! document leaves the target out. Graph and ARM spell the same rules, so both are read with one pair of eyes.
//!
//! Source: *List rules (for a role management policy)*, *Overview of role management through the privileged identity
//! management (PIM) API* (Microsoft Graph), *Role Management Policies* (ARM, 2020-10-01), *Configure Azure resource
//! role settings in Privileged Identity Management* (settings are of one role at one scope and are not inherited).

use super::Listing;
use super::instance::{Plane, field, group_scope, role_key};
use crate::model::{Fact, Missing, ObjectId, ResourceId, json};
use jiff::Span;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The fact that a setting which the export lacks is.
pub(super) const FACT: &str = "snapshot.policyAssignments";

/// A value of a rule, or the fact that is missing.
pub(super) type Setting<T> = Result<T, Arc<str>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    Expiration,
    Enablement,
    Approval,
    AuthenticationContext,
    Notification,
}

impl Kind {
    fn parse(word: &str) -> Option<Kind> {
        let word = word.to_lowercase();
        let all = [
            (Kind::AuthenticationContext, "authenticationcontext"),
            (Kind::Expiration, "expiration"),
            (Kind::Enablement, "enablement"),
            (Kind::Approval, "approval"),
            (Kind::Notification, "notification"),
        ];
        all.into_iter().find(|(_, name)| word.contains(name)).map(|(kind, _)| kind)
    }
}

/// Whom a rule binds, and for which kind of schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Binding {
    /// `EndUser`, `Assignment`: self-activation.
    Activation,
    /// `Admin`, `Assignment`.
    AdminAssignment,
    /// `Admin`, `Eligibility`.
    AdminEligibility,
}

impl Binding {
    fn parse(caller: &str, level: &str) -> Option<Binding> {
        match (caller.to_lowercase().as_str(), level.to_lowercase().as_str()) {
            ("enduser", "assignment") => Some(Binding::Activation),
            ("admin", "assignment") => Some(Binding::AdminAssignment),
            ("admin", "eligibility") => Some(Binding::AdminEligibility),
            (_, _) => None,
        }
    }

    /// The canonical id of the rule.
    pub fn rule_id(self, kind: Kind) -> String {
        let kind = match kind {
            Kind::Expiration => "Expiration",
            Kind::Enablement => "Enablement",
            Kind::Approval => "Approval",
            Kind::AuthenticationContext => "AuthenticationContext",
            Kind::Notification => "Notification",
        };
        let whom = match self {
            Binding::Activation => "EndUser_Assignment",
            Binding::AdminAssignment => "Admin_Assignment",
            Binding::AdminEligibility => "Admin_Eligibility",
        };
        format!("{kind}_{whom}")
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Enabled {
    MultiFactorAuthentication,
    Justification,
    Ticketing,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Demand {
    Expiration { required: Setting<bool>, maximum: Setting<Option<Arc<str>>> },
    Enablement { enabled: Setting<BTreeSet<Enabled>>, unknown: Missing },
    Approval { required: Setting<bool>, approvers: Approvers },
    Context { enabled: Setting<bool>, claim: Setting<Arc<str>> },
    Notification,
}

/// Who may approve.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Approvers {
    pub users: BTreeSet<ObjectId>,
    /// Groups or managers are named too.
    pub others: bool,
}

impl Approvers {
    pub fn named(&self) -> bool {
        self.others || !self.users.is_empty()
    }

    /// Whether this person may be one, as far as the rule says.
    pub fn may_be(&self, person: &ObjectId) -> bool {
        self.others || self.users.is_empty() || self.users.contains(person)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rule {
    pub id: String,
    pub kind: Kind,
    pub binding: Binding,
    /// Pointer into the settings document.
    pub pointer: String,
    pub demand: Demand,
}

/// The settings of one role at one scope.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Id of the policy assignment.
    pub document: String,
    pub plane: Plane,
    pub role: String,
    pub scope: ResourceId,
    pub(super) rules: Vec<Rule>,
}

impl Settings {
    pub(super) fn of(&self, kind: Kind, binding: Binding) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(move |rule| rule.kind == kind && rule.binding == binding)
    }

    /// Longest activation, where one is set: how long an activation made before a time may still be live at it.
    pub fn maximum_duration(&self) -> Option<Span> {
        self.of(Kind::Expiration, Binding::Activation).find_map(|rule| match &rule.demand {
            Demand::Expiration { maximum: Ok(Some(text)), .. } => text.parse().ok(),
            Demand::Expiration { .. } => None,
            Demand::Enablement { .. } | Demand::Approval { .. } | Demand::Context { .. } | Demand::Notification => None,
        })
    }

    /// Ids of the rules that tell somebody of an activation.
    pub fn notifications(&self) -> Vec<&str> {
        self.of(Kind::Notification, Binding::Activation).map(|rule| rule.id.as_str()).collect()
    }
}

/// A parameter that nobody filled is the missing fact itself.
fn unfilled(value: &Value) -> Option<Arc<str>> {
    let text = value.as_str()?.strip_prefix('$')?;
    (!text.starts_with('$')).then(|| format!("parameter `{text}`").into())
}

fn flag(body: &Value, key: &str) -> Setting<bool> {
    match json::get(body, key) {
        Some(Value::Bool(set)) => Ok(*set),
        Some(other) => Err(unfilled(other).unwrap_or_else(|| FACT.into())),
        None => Err(FACT.into()),
    }
}

fn words(body: &Value, key: &str) -> Fact<Vec<String>> {
    match json::get(body, key) {
        Some(Value::Array(words)) => {
            Fact::Known(words.iter().filter_map(Value::as_str).map(str::to_lowercase).collect())
        }
        Some(Value::Null) => Fact::Absent,
        Some(_) | None => Fact::Unknown,
    }
}

fn demand(kind: Kind, body: &Value) -> Demand {
    match kind {
        Kind::Expiration => Demand::Expiration {
            required: flag(body, "isExpirationRequired"),
            maximum: match json::get(body, "maximumDuration") {
                Some(Value::Null) => Ok(None),
                Some(text @ Value::String(duration)) => match unfilled(text) {
                    Some(fact) => Err(fact),
                    None if duration.parse::<Span>().is_ok() => Ok(Some(duration.as_str().into())),
                    None => Err(FACT.into()),
                },
                Some(_) | None => Err(FACT.into()),
            },
        },
        Kind::Enablement => {
            let mut unknown = Missing::new();
            // ARM writes null where Graph writes an empty list.
            let enabled = match words(body, "enabledRules") {
                Fact::Absent => Ok(BTreeSet::new()),
                Fact::Unknown => Err(json::get(body, "enabledRules").and_then(unfilled).unwrap_or_else(|| FACT.into())),
                Fact::Known(words) => Ok(words
                    .iter()
                    .filter_map(|word| match word.as_str() {
                        "multifactorauthentication" => Some(Enabled::MultiFactorAuthentication),
                        "justification" => Some(Enabled::Justification),
                        "ticketing" => Some(Enabled::Ticketing),
                        other => {
                            unknown.insert(format!("semantics:enabledRule:{other}").into());
                            None
                        }
                    })
                    .collect()),
            };
            Demand::Enablement { enabled, unknown }
        }
        Kind::Approval => {
            let setting = json::get(body, "setting").unwrap_or(&Value::Null);
            Demand::Approval { required: flag(setting, "isApprovalRequired"), approvers: approvers(setting) }
        }
        Kind::AuthenticationContext => Demand::Context {
            enabled: flag(body, "isEnabled"),
            claim: match json::get(body, "claimValue") {
                Some(text @ Value::String(claim)) => match unfilled(text) {
                    Some(fact) => Err(fact),
                    None => Ok(claim.as_str().into()),
                },
                Some(_) | None => Err(FACT.into()),
            },
        },
        Kind::Notification => Demand::Notification,
    }
}

fn approvers(setting: &Value) -> Approvers {
    let mut found = Approvers::default();
    let stages = json::get(setting, "approvalStages").and_then(Value::as_array);
    for stage in stages.into_iter().flatten() {
        for key in ["primaryApprovers", "escalationApprovers"] {
            for approver in json::get(stage, key).and_then(Value::as_array).into_iter().flatten() {
                let user = json::text(approver, "userId").or_else(|| {
                    let user = json::text(approver, "userType").is_some_and(|t| t.eq_ignore_ascii_case("User"));
                    json::text(approver, "id").filter(|_| user)
                });
                match user {
                    Some(id) => drop(found.users.insert(ObjectId::new(id))),
                    None => found.others = true,
                }
            }
        }
    }
    found
}

fn rule(body: &Value, pointer: String) -> Option<Rule> {
    let id = json::text(body, "id").unwrap_or_default();
    let kind = ["@odata.type", "ruleType"]
        .iter()
        .find_map(|key| json::get(body, key).and_then(Value::as_str).and_then(Kind::parse))
        .or_else(|| id.split('_').next().and_then(Kind::parse))?;
    let of_id: Vec<&str> = id.rsplitn(3, '_').collect();
    let (level, caller) = match of_id.as_slice() {
        [level, caller, _] => (*level, *caller),
        _ => ("", ""),
    };
    let caller = json::text(body, "target.caller").unwrap_or(caller);
    let level = json::text(body, "target.level").unwrap_or(level);
    let binding = Binding::parse(caller, level)?;
    let operations = json::get(body, "target").map_or(Fact::Absent, |target| words(target, "operations"));
    let binds = match operations.known().map(Vec::as_slice) {
        None | Some([]) => true,
        Some(words) => words.iter().any(|word| match binding {
            Binding::Activation => ["all", "activate"].contains(&word.as_str()),
            Binding::AdminAssignment | Binding::AdminEligibility => ["all", "assign"].contains(&word.as_str()),
        }),
    };
    let id = if id.is_empty() { binding.rule_id(kind) } else { id.to_owned() };
    binds.then(|| Rule { id, kind, binding, pointer, demand: demand(kind, body) })
}

/// Where a document keeps its rules; the effective ones first.
const RULES: [&str; 7] = [
    "properties.effectiveRules",
    "properties.policy.effectiveRules",
    "properties.policy.rules",
    "properties.rules",
    "policy.effectiveRules",
    "policy.rules",
    "rules",
];

fn rules_of(document: &Value) -> Option<Vec<Rule>> {
    let (at, rules) = RULES.iter().find_map(|at| {
        let rules = json::path(document, at)?.as_array()?;
        (!rules.is_empty()).then_some((at, rules))
    })?;
    let base = format!("/{}", at.replace('.', "/"));
    Some(rules.iter().enumerate().filter_map(|(n, body)| rule(body, format!("{base}/{n}"))).collect())
}

/// All settings of an export, by role and scope.
#[derive(Clone, Debug, Default)]
pub(super) struct AllSettings {
    of: BTreeMap<(String, String), Settings>,
}

impl AllSettings {
    pub fn compile(listing: &Listing) -> AllSettings {
        let mut policies: BTreeMap<String, Vec<Rule>> = BTreeMap::new();
        for document in &listing.documents {
            let named =
                json::text(document, "roleDefinitionId").or(json::text(document, "properties.roleDefinitionId"));
            if let (None, Some(id), Some(rules)) = (named, json::text(document, "id"), rules_of(document)) {
                policies.insert(id.to_lowercase(), rules);
            }
        }
        let mut all = AllSettings::default();
        for document in &listing.documents {
            if let Some(settings) = settings(document, &policies) {
                all.of.insert((settings.role.clone(), settings.scope.folded().to_owned()), settings);
            }
        }
        all
    }

    pub fn find(&self, role: &str, scope: &str) -> Option<&Settings> {
        let scope = ResourceId::new(scope);
        // One set a directory role, at `/`, whatever the directory scope.
        let directory = !["/subscriptions/", "/providers/", "/groups/"].iter().any(|p| scope.folded().starts_with(p));
        let scope = if directory { "/" } else { scope.folded() };
        self.of.get(&(role_key(role), scope.to_owned()))
    }
}

fn settings(document: &Value, policies: &BTreeMap<String, Vec<Rule>>) -> Option<Settings> {
    let body = json::get(document, "properties").filter(|p| p.is_object()).unwrap_or(document);
    let role = role_key(field(body, "roleDefinitionId").known()?);
    let id = json::text(document, "id").or_else(|| json::text(document, "name")).unwrap_or_default();
    let (plane, scope) = if std::ptr::eq(body, document) {
        let scope = field(body, "scopeId");
        match json::text(body, "scopeType").is_some_and(|kind| kind.eq_ignore_ascii_case("Group")) {
            true => (Plane::Group, group_scope(scope.known()?)),
            false => (Plane::Directory, ResourceId::new("/")),
        }
    } else {
        let folded = id.to_lowercase();
        let of_id = folded.find("/providers/microsoft.authorization/").and_then(|at| id.get(..at));
        (Plane::Azure, ResourceId::new(field(body, "scope").known().copied().or(of_id)?))
    };
    let linked = || policies.get(&json::text(body, "policyId")?.to_lowercase()).cloned();
    let rules = rules_of(document).or_else(linked).unwrap_or_default();
    Some(Settings { document: id.to_owned(), plane, role, scope, rules })
}
