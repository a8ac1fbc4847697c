//! Whom a policy selects: users by id, group, directory role, guest type; workload identities.
//!
//! Pages: *Conditional Access: Users, groups, agents, and workload identities*, *Authentication and Conditional Access
//! for External ID* (guest types), *Conditional Access for workload identities*, and Graph's `conditionalAccessUsers`,
//! `conditionalAccessGuestsOrExternalUsers`, `conditionalAccessClientApplications`.

use super::conditions::{ClientApps, LegacyMail};
use super::document::{Odd, Reader, empty, is_guid};
use super::facts::{External, Facts, Listed};
use super::logic::Logic;
use super::policy::Ids;
use crate::model::request::IdentityKind;
use crate::model::{Fact, json};
use serde_json::Value;
use std::sync::Arc;

/// `*GuestsOrExternalUsers`: types, and the home tenants they may come from.
#[derive(Clone, Debug, PartialEq)]
struct Guests {
    /// `guestOrExternalUserTypes`, lower case.
    types: Vec<String>,
    homes: Homes,
    odd: Odd,
}

#[derive(Clone, Debug, PartialEq)]
enum Homes {
    All,
    /// Tenant ids, lower case.
    Enumerated(Vec<String>),
}

/// One half (include or exclude) of an assignment; its selectors are ORed.
#[derive(Clone, Debug, Default, PartialEq)]
struct Selectors {
    all: bool,
    /// The legacy `GuestsOrExternalUsers` word: every guest and external type.
    any_guest: bool,
    users: Vec<u32>,
    groups: Vec<u32>,
    roles: Vec<u32>,
    guests: Option<Guests>,
    odd: Odd,
}

/// Workload identities that `clientApplications` selects.
#[derive(Clone, Debug, Default, PartialEq)]
struct Workload {
    include_all: bool,
    include: Vec<u32>,
    exclude_all: bool,
    exclude: Vec<u32>,
    include_odd: Odd,
    exclude_odd: Odd,
    /// Attribute filters and selectors for agents: not supported.
    unsupported: Odd,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Who {
    include: Selectors,
    exclude: Selectors,
    workload: Option<Workload>,
    /// Assignments of a newer kind: whom they add or take away is unknown.
    unsupported: Odd,
    /// Policies for Exchange ActiveSync with all users, guests or roles take in all users.
    mail: LegacyMail,
}

const USERS: &str = "/conditions/users";
const CLIENT_APPLICATIONS: &str = "/conditions/clientApplications";

impl Who {
    pub fn compile(reader: &mut Reader, conditions: &Value, ids: &mut Ids, client_apps: &ClientApps) -> Who {
        let mut unsupported = Odd::new();
        let workload = workload(reader, conditions, ids, &mut unsupported);
        let (mut include, mut exclude) = (Selectors::default(), Selectors::default());
        match json::get(conditions, "users") {
            Some(users @ Value::Object(_)) => {
                include = Selectors::compile(reader, users, "include", ids);
                exclude = Selectors::compile(reader, users, "exclude", ids);
                let known = [
                    "includeUsers",
                    "excludeUsers",
                    "includeGroups",
                    "excludeGroups",
                    "includeRoles",
                    "excludeRoles",
                    "includeGuestsOrExternalUsers",
                    "excludeGuestsOrExternalUsers",
                ];
                reader.unknown_members(users, &known, USERS, &mut unsupported);
            }
            Some(Value::Null) => {}
            None if workload.is_some() => {}
            None | Some(_) => include.odd.push(reader.complain(USERS, "there are no users to select")),
        }
        if json::get(conditions, "agents").is_some_and(|agents| !empty(agents)) {
            unsupported.push(reader.complain("/conditions/agents", "selectors for agents are not supported"));
        }
        let widened = include.all || include.any_guest || include.guests.is_some() || !include.roles.is_empty();
        let mail = if widened { client_apps.legacy_mail() } else { LegacyMail::NotSelected };
        Who { include, exclude, workload, unsupported, mail }
    }

    /// The condition's name in `analysisReasons`.
    pub fn reason(facts: &Facts) -> &'static str {
        match facts.kind() {
            IdentityKind::User => "users",
            IdentityKind::ServicePrincipal | IdentityKind::ManagedIdentity => "workloadIdentities",
        }
    }

    pub fn applies<L: Logic>(&self, facts: &Facts) -> L {
        match (facts.kind(), &self.workload) {
            // A user policy never applies to a workload identity, nor the reverse.
            (IdentityKind::User, Some(_)) => L::known(false),
            (IdentityKind::User, None) => {
                let unsupported = || L::any(&self.unsupported, |pointer| L::unknown(|| pointer.clone()));
                self.includes::<L>(facts)
                    .or(unsupported)
                    .and(|| self.exclude.matches::<L>(facts).negate())
                    .and(|| unsupported().negate())
            }
            (IdentityKind::ServicePrincipal, Some(workload)) => workload.applies(facts),
            (IdentityKind::ServicePrincipal, None) => {
                L::any(&self.unsupported, |pointer| L::unknown(|| pointer.clone()))
            }
            // Managed identities are not covered by policy.
            (IdentityKind::ManagedIdentity, _) => L::known(false),
        }
    }

    fn includes<L: Logic>(&self, facts: &Facts) -> L {
        let widened = || match self.mail {
            LegacyMail::NotSelected => L::known(false),
            LegacyMail::Only => L::known(true),
            LegacyMail::AmongOthers => facts.is_exchange_active_sync(),
        };
        self.include.matches::<L>(facts).or(widened)
    }
}

impl Selectors {
    fn compile(reader: &mut Reader, users: &Value, half: &str, ids: &mut Ids) -> Selectors {
        let mut selectors = Selectors::default();
        let (key, mut odd) = (format!("{half}Users"), Odd::new());
        for entry in reader.list(users, &key, &format!("{USERS}/{key}"), &mut odd) {
            match entry.text {
                word if word.eq_ignore_ascii_case("All") => selectors.all = true,
                word if word.eq_ignore_ascii_case("None") => {}
                word if word.eq_ignore_ascii_case("GuestsOrExternalUsers") => selectors.any_guest = true,
                id if is_guid(id) => selectors.users.push(ids.intern(id)),
                name => odd.push(reader.complain(&entry.pointer, format!("`{name}` is not an object id"))),
            }
        }
        for (what, groups) in [("Groups", true), ("Roles", false)] {
            let key = format!("{half}{what}");
            for entry in reader.list(users, &key, &format!("{USERS}/{key}"), &mut odd) {
                match entry.text {
                    id if is_guid(id) && groups => selectors.groups.push(ids.intern(id)),
                    id if is_guid(id) => selectors.roles.push(ids.intern(id)),
                    name => odd.push(reader.complain(&entry.pointer, format!("`{name}` is not an id"))),
                }
            }
        }
        let key = format!("{half}GuestsOrExternalUsers");
        let pointer = format!("{USERS}/{key}");
        selectors.guests =
            reader.object(users, &key, &pointer, &mut odd).map(|guests| Guests::compile(reader, guests, &pointer));
        selectors.odd = odd;
        selectors
    }

    fn matches<L: Logic>(&self, facts: &Facts) -> L {
        let every = || match (self.all, facts.external()) {
            (false, _) => L::known(false),
            // Open: these users have no object in the directory.
            (true, External::Type(kind)) if kind == "b2bdirectconnectuser" => {
                L::missing("semantics:allUsersDirectConnect")
            }
            (true, External::Type(_) | External::Internal) => L::known(true),
            (true, External::Unknown) => L::missing("signIn.identity.externalUserType"),
        };
        let guest = || match (self.any_guest, facts.external()) {
            (false, _) | (true, External::Internal) => L::known(false),
            (true, External::Type(_)) => L::known(true),
            (true, External::Unknown) => L::missing("signIn.identity.externalUserType"),
        };
        let typed = || match &self.guests {
            Some(guests) => guests.matches(facts),
            None => L::known(false),
        };
        L::known(facts.user().is_some_and(|user| self.users.contains(&user)))
            .or(every)
            .or(guest)
            .or(|| listed(&self.groups, facts.groups(), "signIn.identity.transitiveGroupIds"))
            .or(|| listed(&self.roles, facts.roles(), "signIn.identity.directoryRoleTemplateIds"))
            .or(typed)
            .or(|| L::any(&self.odd, |pointer| L::unknown(|| pointer.clone())))
    }
}

fn listed<L: Logic>(selected: &[u32], held: &Listed, name: &'static str) -> L {
    match held {
        _ if selected.is_empty() => L::known(false),
        Listed::Known(held) => L::known(selected.iter().any(|id| held.contains(*id as usize))),
        Listed::Unknown => L::missing(name),
    }
}

impl Guests {
    fn compile(reader: &mut Reader, guests: &Value, pointer: &str) -> Guests {
        let mut odd = Odd::new();
        let at = format!("{pointer}/guestOrExternalUserTypes");
        let types = reader.flags(guests, "guestOrExternalUserTypes", &at, &mut odd);
        let types = types.into_iter().map(|entry| entry.text.to_ascii_lowercase()).collect();
        let at = format!("{pointer}/externalTenants");
        // Not configured: every tenant.
        let homes = match reader.object(guests, "externalTenants", &at, &mut odd) {
            None => Homes::All,
            Some(tenants) => match json::text(tenants, "membershipKind").unwrap_or_default().trim() {
                kind if kind.eq_ignore_ascii_case("all") => Homes::All,
                kind if kind.eq_ignore_ascii_case("enumerated") => {
                    let members = reader.list(tenants, "members", &format!("{at}/members"), &mut odd);
                    Homes::Enumerated(members.into_iter().map(|entry| entry.text.to_ascii_lowercase()).collect())
                }
                kind => {
                    let message = format!("`{kind}` is no membership that this gate knows");
                    odd.push(reader.complain(&format!("{at}/membershipKind"), message));
                    Homes::All
                }
            },
        };
        Guests { types, homes, odd }
    }

    fn matches<L: Logic>(&self, facts: &Facts) -> L {
        let odd = || L::any(&self.odd, |pointer| L::unknown(|| pointer.clone()));
        let kind: L = match facts.external() {
            External::Internal => L::known(false),
            External::Type(kind) => L::known(self.types.contains(kind)),
            External::Unknown if self.types.is_empty() => L::known(false),
            External::Unknown => L::missing("signIn.identity.externalUserType"),
        };
        let home = || match (&self.homes, facts.home_tenant()) {
            (Homes::All, _) => L::known(true),
            (Homes::Enumerated(members), Fact::Known(home)) => L::known(members.iter().any(|m| m == home)),
            (Homes::Enumerated(_), Fact::Absent) => L::known(false),
            (Homes::Enumerated(_), Fact::Unknown) => L::missing("signIn.identity.homeTenantId"),
        };
        // What cannot be read may select more or fewer than what can.
        kind.and(home).or(odd).and(|| odd().negate())
    }
}

fn workload(reader: &mut Reader, conditions: &Value, ids: &mut Ids, unsupported: &mut Odd) -> Option<Workload> {
    let mut here = Odd::new();
    let applications = reader.object(conditions, "clientApplications", CLIENT_APPLICATIONS, unsupported)?;
    let mut workload = Workload::default();
    for (key, include) in [("includeServicePrincipals", true), ("excludeServicePrincipals", false)] {
        let mut odd = Odd::new();
        for entry in reader.list(applications, key, &format!("{CLIENT_APPLICATIONS}/{key}"), &mut odd) {
            let (all, list) = match include {
                true => (&mut workload.include_all, &mut workload.include),
                false => (&mut workload.exclude_all, &mut workload.exclude),
            };
            match entry.text {
                word if word.eq_ignore_ascii_case("ServicePrincipalsInMyTenant") => *all = true,
                word if word.eq_ignore_ascii_case("None") => {}
                id if is_guid(id) => list.push(ids.intern(id)),
                name => odd.push(reader.complain(&entry.pointer, format!("`{name}` is not an object id"))),
            }
        }
        match include {
            true => workload.include_odd = odd,
            false => workload.exclude_odd = odd,
        }
    }
    let known = ["includeServicePrincipals", "excludeServicePrincipals"];
    reader.unknown_members(applications, &known, CLIENT_APPLICATIONS, &mut here);
    workload.unsupported = here;
    let selects = workload.include_all
        || !workload.include.is_empty()
        || !workload.include_odd.is_empty()
        || !workload.unsupported.is_empty();
    selects.then_some(workload)
}

impl Workload {
    /// In scope are service principals of applications that are registered in this tenant and used in it alone.
    fn applies<L: Logic>(&self, facts: &Facts) -> L {
        let odd = |pointers: &[Arc<str>]| L::any(pointers, |pointer| L::unknown(|| pointer.clone()));
        let id = facts.user();
        let included = L::known(self.include_all || id.is_some_and(|id| self.include.contains(&id)))
            .or(|| odd(&self.include_odd))
            .or(|| odd(&self.unsupported));
        let excluded = || {
            L::known(self.exclude_all || id.is_some_and(|id| self.exclude.contains(&id)))
                .or(|| odd(&self.exclude_odd))
                .or(|| odd(&self.unsupported))
        };
        let in_scope = || match facts.single_tenant() {
            Fact::Known(single) => L::known(*single),
            Fact::Absent => L::known(false),
            Fact::Unknown => L::missing("signIn.identity.singleTenantInThisTenant"),
        };
        included.and(|| excluded().negate()).and(in_scope)
    }
}
