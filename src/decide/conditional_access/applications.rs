//! What a policy targets: resources, user actions, authentication contexts.
//!
//! Pages: *Conditional Access: Target resources*, *Enforcement of policies that have resource exclusions* (low-privilege
//! scopes), *Conditional Access: Authentication flows* (Device Registration Service), and Graph's
//! `conditionalAccessApplications`.

use super::application_groups::{ApplicationGroup, DEVICE_REGISTRATION};
use super::audiences::{Audience, Audiences, is_confidential};
use super::document::{Odd, Reader, is_guid};
use super::facts::Facts;
use super::logic::Logic;
use super::policy::{Ids, Policy, REGISTER_DEVICE, REGISTER_SECURITY_INFO, Target};
use super::tenant::BaselineScopes;
use crate::model::request::TargetKind;
use crate::model::{Fact, json};
use serde_json::Value;

#[derive(Clone, Debug, PartialEq)]
enum Selector {
    All,
    Group(ApplicationGroup),
    Application(u32),
}

impl Selector {
    fn matches<L: Logic>(&self, audience: &Audience) -> L {
        match self {
            Selector::All => L::known(true),
            Selector::Group(group) => audience.is_in(*group),
            Selector::Application(number) => audience.is(*number),
        }
    }
}

/// `applicationFilter`: a rule over custom security attributes of the resource, which no request tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Filter {
    None,
    Include,
    Exclude,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Resources {
    include: Vec<Selector>,
    exclude: Vec<Selector>,
    include_odd: Odd,
    exclude_odd: Odd,
    filter: Filter,
    /// Keys of a newer kind: what they add or take away is unknown.
    unsupported: Odd,
    device_registration: Option<u32>,
}

impl Default for Resources {
    /// Nothing.
    fn default() -> Self {
        Resources {
            include: Vec::new(),
            exclude: Vec::new(),
            include_odd: Odd::new(),
            exclude_odd: Odd::new(),
            filter: Filter::None,
            unsupported: Odd::new(),
            device_registration: None,
        }
    }
}

const AT: &str = "/conditions/applications";

impl Resources {
    pub fn compile(reader: &mut Reader, applications: &Value, ids: &mut Ids, odd: &mut Odd) -> Resources {
        let mut resources = Resources { device_registration: Some(ids.intern(DEVICE_REGISTRATION)), ..Self::default() };
        for (key, include) in [("includeApplications", true), ("excludeApplications", false)] {
            let (mut selectors, mut odd) = (Vec::new(), Odd::new());
            for entry in reader.list(applications, key, &format!("{AT}/{key}"), &mut odd) {
                match entry.text {
                    word if word.eq_ignore_ascii_case("None") => {}
                    word if word.eq_ignore_ascii_case("All") => selectors.push(Selector::All),
                    word => match (ApplicationGroup::named(word), is_guid(word)) {
                        (Some(group), _) => selectors.push(Selector::Group(group)),
                        (None, true) => selectors.push(Selector::Application(ids.intern(word))),
                        (None, false) => {
                            odd.push(reader.complain(&entry.pointer, format!("`{word}` is not an application id")));
                        }
                    },
                }
            }
            match include {
                true => (resources.include, resources.include_odd) = (selectors, odd),
                false => (resources.exclude, resources.exclude_odd) = (selectors, odd),
            }
        }
        resources.filter =
            match reader.object(applications, "applicationFilter", &format!("{AT}/applicationFilter"), odd) {
                None => Filter::None,
                Some(filter) => match json::text(filter, "mode").unwrap_or_default().trim() {
                    mode if mode.eq_ignore_ascii_case("include") => Filter::Include,
                    mode if mode.eq_ignore_ascii_case("exclude") => Filter::Exclude,
                    mode => {
                        let message = format!("`{mode}` is no mode of a filter");
                        odd.push(reader.complain(&format!("{AT}/applicationFilter/mode"), message));
                        Filter::Exclude
                    }
                },
            };
        let known = [
            "includeApplications",
            "excludeApplications",
            "includeUserActions",
            "includeAuthenticationContextClassReferences",
            "applicationFilter",
        ];
        reader.unknown_members(applications, &known, AT, odd);
        resources.unsupported = std::mem::take(odd);
        resources
    }

    /// Selects anything: then this is what the policy is about.
    pub fn selects(&self) -> bool {
        !(self.include.is_empty() && self.include_odd.is_empty()) || self.filter == Filter::Include
    }

    pub fn includes_all(&self) -> bool {
        self.include.contains(&Selector::All)
    }

    fn includes<L: Logic>(&self, audience: &Audience) -> L {
        let listed = L::any(&self.include, |selector| selector.matches(audience));
        let listed = listed.or(|| L::any(&self.include_odd, |pointer| L::unknown(|| pointer.clone())));
        match self.filter {
            Filter::Include => L::missing("servicePrincipal.customSecurityAttributes"),
            Filter::None | Filter::Exclude => listed,
        }
    }

    fn excludes<L: Logic>(&self, audience: &Audience) -> L {
        self.listed_as_excluded::<L>(audience).or(|| match self.filter {
            Filter::Exclude => L::missing("servicePrincipal.customSecurityAttributes"),
            Filter::None | Filter::Include => L::known(false),
        })
    }

    fn listed_as_excluded<L: Logic>(&self, audience: &Audience) -> L {
        L::any(&self.exclude, |selector| selector.matches(audience))
            .or(|| L::any(&self.exclude_odd, |pointer| L::unknown(|| pointer.clone())))
    }

    fn applies<L: Logic>(&self, facts: &Facts) -> L {
        let audiences = facts.audiences();
        let ordinary = || {
            L::any(&audiences.list, |audience| {
                self.includes::<L>(audience).and(|| self.excludes::<L>(audience).negate())
            })
        };
        let has_exclusions = !(self.exclude.is_empty() && self.exclude_odd.is_empty());
        let applies = match self.includes_all() && has_exclusions {
            true => audiences
                .only_baseline::<L>(&facts.request().target)
                .choose(|| self.applies_to_baseline(facts, audiences), ordinary),
            false => ordinary(),
        };
        let unsupported = || L::any(&self.unsupported, |pointer| L::unknown(|| pointer.clone()));
        applies.or(unsupported).and(|| unsupported().negate())
    }

    /// All resources with exclusions, asked for low-privilege scopes alone.
    fn applies_to_baseline<L: Logic>(&self, facts: &Facts, audiences: &Audiences) -> L {
        let target = &facts.request().target;
        // As which application the request is seen; `legacy`: as none.
        let seen = || match &facts.tenant().baseline_scopes {
            Fact::Known(BaselineScopes::Legacy) => L::known(false),
            Fact::Known(BaselineScopes::Directory) => self.excludes::<L>(&audiences.directory).negate(),
            // To exclude the application keeps the legacy behaviour.
            Fact::Known(BaselineScopes::CustomResource(id)) => self.excludes::<L>(&facts.application(id)).negate(),
            Fact::Unknown | Fact::Absent => L::unknown(|| facts.tenant_fact("baselineScopes")),
        };
        let excluded = || match &audiences.client {
            Some(client) => self.excludes::<L>(client),
            None => L::missing("signIn.target.clientAppId"),
        };
        let confidential = || {
            let if_excluded = || audiences.asks_directory_scope::<L>().and(seen);
            excluded().choose(if_excluded, || L::known(true))
        };
        let applies = is_confidential::<L>(target).choose(confidential, seen);
        match self.filter {
            Filter::Include => applies.and(|| L::missing("servicePrincipal.customSecurityAttributes")),
            Filter::None | Filter::Exclude => applies,
        }
    }

    /// Whether a policy on resources is in scope of a user action.
    fn applies_to_action<L: Logic>(&self, facts: &Facts, has_flows: bool) -> L {
        let odd = || L::any(&self.include_odd, |pointer| L::unknown(|| pointer.clone()));
        let all = || match (self.filter, self.includes_all()) {
            (Filter::Include, _) => L::missing("servicePrincipal.customSecurityAttributes"),
            (Filter::None | Filter::Exclude, all) => L::known(all).or(odd),
        };
        let service = self.device_registration;
        let names_service = |selectors: &[Selector]| {
            selectors.iter().any(|s| matches!(s, Selector::Application(n) if Some(*n) == service))
        };
        match facts.action() {
            Fact::Known(action) if action == REGISTER_SECURITY_INFO => all(),
            Fact::Known(action) if action == REGISTER_DEVICE => {
                let excluded = names_service(&self.exclude) || self.exclude.contains(&Selector::All);
                L::known(!excluded).and(|| L::known(names_service(&self.include)).or(all)).and(|| match has_flows {
                    true => L::known(true),
                    // Open.
                    false => L::missing("semantics:allResourcesOnDeviceRegistration"),
                })
            }
            // An action this gate has no rule for.
            Fact::Known(_) | Fact::Unknown => all().and(|| L::missing("signIn.target.userAction")),
            Fact::Absent => L::known(false),
        }
    }
}

impl Policy {
    /// The condition's name in `analysisReasons`.
    pub fn target_reason(&self) -> &'static str {
        match &self.target {
            Target::UserActions(..) => "userActions",
            Target::Contexts(..) => "authenticationContext",
            Target::Resources(_) | Target::Odd(_) => "application",
        }
    }

    pub fn targets<L: Logic>(&self, facts: &Facts) -> L {
        let odd = |pointers: &Odd| L::any(pointers, |pointer| L::unknown(|| pointer.clone()));
        match (&self.target, facts.request().target.kind) {
            // No token request, no evaluation.
            (_, TargetKind::None) => L::known(false),
            (Target::Odd(pointers), TargetKind::Application | TargetKind::UserAction) => odd(pointers),
            (Target::UserActions(..), TargetKind::Application) => L::known(false),
            (Target::UserActions(actions, pointers), TargetKind::UserAction) => match facts.action() {
                Fact::Known(action) => L::known(actions.contains(action)),
                Fact::Absent => L::known(false),
                Fact::Unknown => L::missing("signIn.target.userAction"),
            }
            .or(|| odd(pointers)),
            // Only where the request asks for the context.
            (Target::Contexts(..), TargetKind::UserAction) => L::known(false),
            (Target::Contexts(contexts, pointers), TargetKind::Application) => match facts.contexts() {
                Fact::Known(asked) => L::known(contexts.iter().any(|context| asked.contains(context))),
                Fact::Absent => L::known(false),
                Fact::Unknown => L::missing("signIn.target.authenticationContexts"),
            }
            .or(|| odd(pointers)),
            (Target::Resources(resources), TargetKind::Application) => resources.applies(facts),
            (Target::Resources(resources), TargetKind::UserAction) => {
                resources.applies_to_action(facts, self.conditions.flows.is_some())
            }
        }
    }
}
