//! Which applications a token request is compared with: its audiences, never a public client.
//!
//! Page: *Conditional Access: Target resources*. Microsoft Graph is an umbrella: the services behind the scopes are
//! evaluated. The log's `conditionalAccessAudiences` says which they were; without it the scopes tell some of them
//! (derived); behind any other scope the audience is unknown.

use super::application_groups::{ApplicationGroup, ApplicationGroups, DIRECTORY, EXCHANGE, GRAPH, SHAREPOINT};
use super::logic::{Kleene, Logic};
use super::policy::Ids;
use crate::model::Fact;
use crate::model::request::{ClientKind, IdentityKind, SignInRequest, SignInTarget};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Audience {
    Application {
        /// Lower case.
        id: String,
        number: Option<u32>,
        /// By position in [`ApplicationGroup::ALL`].
        member: [Kleene; 3],
    },
    /// A service behind Microsoft Graph that nothing recorded tells; the facts that would.
    BehindGraph(Vec<&'static str>),
    /// The request's resource is not on record.
    Unrecorded,
}

impl Audience {
    pub fn application(id: &str, tenant_owned: bool, ids: &Ids, groups: &ApplicationGroups) -> Audience {
        let id = id.trim().to_ascii_lowercase();
        let member = ApplicationGroup::ALL.map(|group| groups.contains(group, &id, tenant_owned));
        Audience::Application { number: ids.get(&id), id, member }
    }

    pub fn is_in<L: Logic>(&self, group: ApplicationGroup) -> L {
        match self {
            Audience::Application { id, member, .. } => match member[group as usize] {
                Kleene::True => L::known(true),
                Kleene::False => L::known(false),
                Kleene::Unknown => L::unknown(|| format!("applicationGroupMembership:{id}").into()),
            },
            Audience::BehindGraph(_) => match group {
                // No service behind Graph is Azure Resource Manager or a portal.
                ApplicationGroup::AzureManagement | ApplicationGroup::AdminPortals => L::known(false),
                ApplicationGroup::Office365 => self.unknown(),
            },
            Audience::Unrecorded => self.unknown(),
        }
    }

    pub fn is<L: Logic>(&self, application: u32) -> L {
        match self {
            Audience::Application { number, .. } => L::known(*number == Some(application)),
            Audience::BehindGraph(_) | Audience::Unrecorded => self.unknown(),
        }
    }

    pub fn has_id<L: Logic>(&self, wanted: &[&str]) -> L {
        match self {
            Audience::Application { id, .. } => L::known(wanted.contains(&id.as_str())),
            Audience::BehindGraph(_) | Audience::Unrecorded => self.unknown(),
        }
    }

    fn unknown<L: Logic>(&self) -> L {
        match self {
            Audience::BehindGraph(names) => names.iter().fold(L::known(true), |all, name| all.and(|| L::missing(name))),
            Audience::Unrecorded | Audience::Application { .. } => L::missing("signIn.target.resourceAppId"),
        }
    }
}

/// What a scope over Microsoft Graph or the directory asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    OpenIdConnect,
    /// Low-privilege for every client.
    Baseline,
    /// Low-privilege for confidential clients only.
    ConfidentialBaseline,
    Mail,
    Files,
    Beyond,
}

fn scope(text: &str) -> Scope {
    let text = text.rsplit('/').next().unwrap_or(text).to_ascii_lowercase();
    match text.as_str() {
        "email" | "offline_access" | "openid" | "profile" => Scope::OpenIdConnect,
        "user.read" | "people.read" => Scope::Baseline,
        "user.read.all" | "user.readbasic.all" | "people.read.all" | "groupmember.read.all" | "member.read.hidden" => {
            Scope::ConfidentialBaseline
        }
        other => match other.split_once('.').map(|(service, _)| service) {
            Some("mail" | "mailboxsettings" | "calendars" | "contacts") => Scope::Mail,
            Some("files" | "sites") => Scope::Files,
            Some(_) | None => Scope::Beyond,
        },
    }
}

fn scopes(target: &SignInTarget) -> Fact<Vec<Scope>> {
    target.scopes.as_ref().map(|scopes| scopes.iter().flat_map(|text| text.split_whitespace()).map(scope).collect())
}

pub(super) fn is_confidential<L: Logic>(target: &SignInTarget) -> L {
    match &target.client_kind {
        Fact::Known(ClientKind::Confidential) => L::known(true),
        Fact::Known(ClientKind::Public) => L::known(false),
        Fact::Unknown | Fact::Absent => L::missing("signIn.target.clientKind"),
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Audiences {
    pub list: Vec<Audience>,
    /// The client itself, for policies that exclude it.
    pub client: Option<Audience>,
    pub directory: Audience,
    /// The resource is Microsoft Graph or the directory, and so is every recorded audience.
    over_directory: bool,
    scopes: Fact<Vec<Scope>>,
}

impl Audiences {
    pub fn of(request: &SignInRequest, ids: &Ids, groups: &ApplicationGroups) -> Audiences {
        let target = &request.target;
        let tenant_owned = matches!(target.owned_by_microsoft, Fact::Known(false));
        let application = |id: &str, owned: bool| Audience::application(id, owned, ids, groups);
        let recorded = match &target.conditional_access_audiences {
            Fact::Known(audiences) => audiences.as_slice(),
            Fact::Absent | Fact::Unknown => &[],
        };
        let resource = target.resource_app_id.as_ref().map(|id| id.trim().to_ascii_lowercase());
        let is_resource = |id: &str| matches!(&resource, Fact::Known(r) if r.eq_ignore_ascii_case(id.trim()));
        let scopes = scopes(target);
        let client = target.client_app_id.known().map(|id| application(id, tenant_owned && is_resource(id)));
        let list = match (&resource, recorded) {
            (_, [_, ..]) => recorded.iter().map(|id| application(id, tenant_owned && is_resource(id))).collect(),
            (Fact::Known(id), []) if id == GRAPH => behind_graph(target, &scopes, ids, groups),
            (Fact::Known(id), []) => vec![application(id, tenant_owned)],
            // No resource but the client itself: an ID token.
            (Fact::Absent, []) => match (&client, is_confidential::<Kleene>(target)) {
                (Some(client), Kleene::True) => vec![client.clone()],
                _ => vec![Audience::Unrecorded],
            },
            (Fact::Unknown, []) => vec![Audience::Unrecorded],
        };
        let over = |id: &str| id.eq_ignore_ascii_case(GRAPH) || id.eq_ignore_ascii_case(DIRECTORY);
        let over_directory = request.identity.kind == IdentityKind::User
            && matches!(&resource, Fact::Known(id) if over(id))
            && recorded.iter().all(|id| over(id.trim()));
        Audiences { list, client, directory: application(DIRECTORY, false), over_directory, scopes }
    }

    /// Only low-privilege scopes of Microsoft Graph or the directory are asked for.
    pub fn only_baseline<L: Logic>(&self, target: &SignInTarget) -> L {
        match (&self.scopes, self.over_directory) {
            (_, false) | (Fact::Absent, true) => L::known(false),
            (Fact::Unknown, true) => L::missing("signIn.target.scopes"),
            (Fact::Known(scopes), true) if scopes.is_empty() => L::known(false),
            (Fact::Known(scopes), true) => L::any(scopes, |scope| match scope {
                Scope::OpenIdConnect | Scope::Baseline => L::known(false),
                Scope::ConfidentialBaseline => is_confidential::<L>(target).negate(),
                Scope::Mail | Scope::Files | Scope::Beyond => L::known(true),
            })
            .negate(),
        }
    }

    /// Asks for more than the scopes of OpenID Connect.
    pub fn asks_directory_scope<L: Logic>(&self) -> L {
        match &self.scopes {
            Fact::Known(scopes) => L::known(scopes.iter().any(|scope| *scope != Scope::OpenIdConnect)),
            Fact::Absent => L::known(false),
            Fact::Unknown => L::missing("signIn.target.scopes"),
        }
    }
}

fn behind_graph(
    target: &SignInTarget,
    scopes: &Fact<Vec<Scope>>,
    ids: &Ids,
    groups: &ApplicationGroups,
) -> Vec<Audience> {
    let application = |id: &str| Audience::application(id, false, ids, groups);
    let mut names = vec!["signIn.target.conditionalAccessAudiences"];
    let scopes = match scopes {
        Fact::Known(scopes) if !scopes.is_empty() => scopes,
        Fact::Known(_) | Fact::Absent => return vec![Audience::BehindGraph(names)],
        Fact::Unknown => {
            names.push("signIn.target.scopes");
            return vec![Audience::BehindGraph(names)];
        }
    };
    let (mut mail, mut files, mut beyond) = (false, false, Kleene::False);
    for scope in scopes {
        match scope {
            Scope::OpenIdConnect | Scope::Baseline => {}
            Scope::ConfidentialBaseline => {
                beyond = beyond.or(|| is_confidential::<Kleene>(target).negate());
            }
            Scope::Mail => mail = true,
            Scope::Files => files = true,
            Scope::Beyond => beyond = Kleene::True,
        }
    }
    let mut list = Vec::new();
    list.extend(mail.then(|| application(EXCHANGE)));
    list.extend(files.then(|| application(SHAREPOINT)));
    match beyond {
        Kleene::True => list.push(Audience::BehindGraph(names)),
        Kleene::Unknown if list.is_empty() => {
            names.push("signIn.target.clientKind");
            list.push(Audience::BehindGraph(names));
        }
        // Beside others, a scope that may be low-privilege may add none.
        Kleene::Unknown => list.push(Audience::BehindGraph(vec!["signIn.target.clientKind"])),
        Kleene::False => {}
    }
    if list.is_empty() {
        // Low-privilege scopes alone are the directory; with `openid` a confidential client asks for a token for itself.
        list.push(application(DIRECTORY));
        let own = scopes.contains(&Scope::OpenIdConnect) && is_confidential::<Kleene>(target) == Kleene::True;
        if let Some(id) = target.client_app_id.known().filter(|_| own) {
            let id = id.trim().to_ascii_lowercase();
            list.push(Audience::application(&id, !groups.names(&id), ids, groups));
        }
    }
    list
}
