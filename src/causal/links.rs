//! The world-independent links of the causal graph: which sign-in issued a token, which session a silent request rode
//! on, which listing gave a key, what must exist.

use super::Case;
use crate::correlate::Step;
use crate::effect::{Audience, Capability, Carried, account_document, principal_of, signer_of, yields};
use crate::model::{ActorKind, Detail, Event, Fact, ObjectId, ResourceId, Timestamp, Word};
use jiff::Span;
use std::collections::BTreeMap;

/// Where a capability came from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SupportFrom {
    Environment,
    /// `incident.json`, or proven by a successful use of it.
    Held(Word),
    /// Index of an earlier step.
    Step(usize),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Support {
    pub from: SupportFrom,
    /// What it is, in words.
    pub by: String,
    /// `exact`, `session`, `assumed`, `environment`, `held`.
    pub basis: &'static str,
}

/// A token of a principal for an audience. Any way to it will do: `supports` are the observed ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenLink {
    pub principal: ObjectId,
    pub audience: Audience,
    pub supports: Vec<Support>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyLink {
    pub account: ResourceId,
    pub supports: Vec<Support>,
    /// What the link takes for granted, printed with every verdict that needs it.
    pub assumes: Option<String>,
    /// The steps that gave it, and when.
    pub taken: Vec<(usize, Timestamp)>,
}

/// Everything a step needs that does not depend on the world it is replayed in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StepLinks {
    pub principal: Option<ObjectId>,
    pub token: Option<TokenLink>,
    /// A silent token request needs that very session: the step it rode on.
    pub session: Option<Support>,
    /// A sign-in with a credential needs one: any of these.
    pub credential: Vec<Support>,
    pub key: Option<KeyLink>,
    /// Resource group, parent of a child resource.
    pub exists: Vec<ResourceId>,
}

/// Clock skew allowed between products (design: two minutes).
pub fn skew() -> Span {
    Span::new().minutes(2)
}

/// `a` is usable at `b`.
pub fn not_after(a: Timestamp, b: Timestamp) -> bool {
    b.checked_add(skew()).is_ok_and(|limit| a <= limit)
}

/// The links of every step, by step index.
pub fn links(case: &Case) -> Vec<StepLinks> {
    let steps = &case.correlated.steps;
    let identities = identities(case);
    steps.iter().enumerate().map(|(at, step)| of_step(case, &identities, at, step)).collect()
}

/// Which principals ran on which resource at any time of the incident: before it, by what a write set and got back,
/// and, for what the attack made, by the snapshot taken afterwards.
fn identities(case: &Case) -> Carried {
    let mut carried = Carried::of(&case.environment);
    carried.extend(Carried::of(&case.exported));
    for event in &case.correlated.window_events {
        let Detail::Arm(detail) = &event.detail else { continue };
        for body in [&detail.request_body, &detail.response_body].into_iter().filter_map(Fact::known) {
            carried.note(&case.exported, &detail.resource, body);
        }
    }
    carried
}

fn first_event<'a>(case: &'a Case, step: &Step) -> Option<&'a Event> {
    case.correlated.window_events.get(*step.events.first()?)
}

fn of_step(case: &Case, identities: &Carried, at: usize, step: &Step) -> StepLinks {
    let mut links = StepLinks::default();
    let Some(event) = first_event(case, step) else { return links };
    let asking = Asking { case, identities, at, event };
    let env = &case.environment;
    let principal = step.principal.clone().or_else(|| principal_of(env, &event.actor));
    links.principal = principal.clone();
    match &event.detail {
        Detail::SignIn(detail) => {
            let silent = matches!(detail.previously_satisfied, Fact::Known(true));
            if silent {
                links.session = session_support(case, at, event, principal.as_ref());
            }
            if links.session.is_none() {
                links.credential = principal.as_ref().map_or_else(Vec::new, |p| credential_supports(asking, p));
            }
        }
        Detail::Arm(detail) => {
            links.token = principal.as_ref().map(|p| token(asking, p, Audience::ResourceManager));
            links.exists = must_exist(&detail.resource, &event.action);
        }
        Detail::Directory(_) => {
            links.token = principal.as_ref().map(|p| token(asking, p, Audience::Graph));
        }
        Detail::Data(detail) => {
            let authentication = detail.authentication.known().map(|a| a.to_string()).unwrap_or_default();
            let signer = signer_of(detail);
            match authentication.as_str() {
                "SAS" if signer.is_some() => {
                    links.principal = signer.clone();
                    if let (Some((account, _)), Some(signer)) = (account_document(env, detail), signer) {
                        links.key = delegation_key(case, at, event, &signer, account);
                        if links.key.is_none() {
                            // Nobody was seen asking for the key: whoever did had a token of the signer.
                            links.token = Some(token(asking, &signer, Audience::Storage));
                        }
                    }
                }
                "AccountKey" | "SAS" => {
                    if let Some((account, _)) = account_document(env, detail) {
                        links.key = Some(key(case, at, event, account));
                    }
                }
                "OAuth" => {
                    let vault = detail.service.eq_ignore_ascii_case("keyvault");
                    let audience = if vault { Audience::KeyVault } else { Audience::Storage };
                    links.token = principal.as_ref().map(|p| token(asking, p, audience));
                }
                _ => {}
            }
        }
        Detail::Alert(_) | Detail::Context(_) => {}
    }
    links
}

/// A write needs the resource group (or the parent of a child resource) to be there.
fn must_exist(resource: &ResourceId, operation: &str) -> Vec<ResourceId> {
    if !operation.to_ascii_lowercase().ends_with("/write") {
        return Vec::new();
    }
    let mut needed: Vec<ResourceId> = Vec::new();
    if let Some(group) = resource.resource_group()
        && group != *resource
    {
        needed.push(group);
    }
    let extension = resource.folded().contains("/providers/microsoft.authorization/")
        || resource.folded().contains("/providers/microsoft.insights/diagnosticsettings/");
    if !extension
        && let Some(parent) = above(resource)
        && !needed.contains(&parent)
        && parent.subscription().is_some_and(|s| s != parent)
        && !parent.folded().ends_with("/default")
    {
        needed.push(parent);
    }
    needed
}

/// The parent; of a child that has a type and no name (the draft of a runbook), what it is the draft of.
fn above(resource: &ResourceId) -> Option<ResourceId> {
    let tail = resource.spelled().rsplit_once("/providers/").map_or("", |(_, tail)| tail);
    if tail.split('/').count().is_multiple_of(2) {
        return resource.spelled().rsplit_once('/').map(|(parent, _)| ResourceId::new(parent));
    }
    resource.parent()
}

/// Sign-in steps of the attack before a step, with their audience.
fn sign_ins_before<'a>(
    case: &'a Case,
    at: usize,
    event: &'a Event,
    principal: &'a ObjectId,
) -> impl Iterator<Item = (usize, &'a Step, &'a Event, Audience)> {
    case.correlated.steps.iter().enumerate().filter_map(move |(n, step)| {
        let signed_in = first_event(case, step)?;
        let Detail::SignIn(detail) = &signed_in.detail else { return None };
        let resource = detail.resource_id.known().or(detail.app_id.known())?;
        let same = principal_of(&case.environment, &signed_in.actor).as_ref() == Some(principal);
        (n != at && same && !step.failed() && not_after(signed_in.time, event.time))
            .then(|| (n, step, signed_in, Audience::of_application(resource)))
    })
}

/// The step whose links are looked for.
#[derive(Clone, Copy)]
struct Asking<'a> {
    case: &'a Case,
    /// Who ran on which resource.
    identities: &'a Carried,
    at: usize,
    event: &'a Event,
}

fn token(asking: Asking<'_>, principal: &ObjectId, audience: Audience) -> TokenLink {
    let Asking { case, at, event, .. } = asking;
    let mut supports = Vec::new();
    let mut assumed = Vec::new();
    for (n, step, signed_in, issued_for) in sign_ins_before(case, at, event, principal) {
        let both = |a: &Option<std::sync::Arc<str>>, b: &Option<std::sync::Arc<str>>| a.is_some() && a == b;
        let by = |how: &str| format!("token of {} ({how})", step.id);
        if both(&event.token_id, &signed_in.token_id) {
            supports.push(Support { from: SupportFrom::Step(n), by: by("token id"), basis: "exact" });
        } else if issued_for == audience && both(&event.session_id, &signed_in.session_id) {
            supports.push(Support { from: SupportFrom::Step(n), by: by("session id"), basis: "session" });
        } else if issued_for == audience {
            let how = "same principal and audience, earlier";
            assumed.push(Support { from: SupportFrom::Step(n), by: by(how), basis: "assumed" });
        }
    }
    supports.extend(assumed);
    supports.extend(identity_supports(asking, principal));
    TokenLink { principal: principal.clone(), audience, supports }
}

/// Code on a resource that carries the identity gives its tokens.
fn identity_supports(asking: Asking<'_>, principal: &ObjectId) -> Vec<Support> {
    let Asking { case, identities, at, event } = asking;
    if !matches!(event.actor.kind, ActorKind::ManagedIdentity | ActorKind::ServicePrincipal) {
        return Vec::new();
    }
    let ran = |capability: &Capability| match capability {
        Capability::Execution { resource } => identities.carries(resource, principal),
        _ => false,
    };
    givers(case, at, event, &ran)
        .into_iter()
        .map(|(n, step, earlier)| {
            let resource = yields(&case.environment, earlier).into_iter().find(|y| ran(&y.capability));
            let name = match resource.map(|y| y.capability) {
                Some(Capability::Execution { resource }) => resource.name().to_owned(),
                _ => String::new(),
            };
            from_step(n, format!("code on {name} ({})", step.id))
        })
        .collect()
}

fn session_support(case: &Case, at: usize, event: &Event, principal: Option<&ObjectId>) -> Option<Support> {
    let principal = principal?;
    let mut same_session = None;
    let mut any = None;
    for (n, step, signed_in, _) in sign_ins_before(case, at, event, principal) {
        if n >= at {
            continue;
        }
        if event.session_id.is_some() && event.session_id == signed_in.session_id {
            same_session.get_or_insert(Support {
                from: SupportFrom::Step(n),
                by: format!("session of {} (session id)", step.id),
                basis: "session",
            });
        } else {
            any.get_or_insert(Support {
                from: SupportFrom::Step(n),
                by: format!("session of {} (same principal, earlier)", step.id),
                basis: "assumed",
            });
        }
    }
    same_session.or(any)
}

fn credential_supports(asking: Asking<'_>, principal: &ObjectId) -> Vec<Support> {
    let Asking { case, at, event, .. } = asking;
    let made = |capability: &Capability| match capability {
        Capability::Credential { principal: of } => of == principal || registered_as(case, of, principal),
        _ => false,
    };
    let mut supports: Vec<Support> = givers(case, at, event, &made)
        .into_iter()
        .map(|(n, step, _)| from_step(n, format!("credential made at {}", step.id)))
        .collect();
    supports.extend(identity_supports(asking, principal));
    if supports.is_empty() {
        supports.push(held_credential(case, event, principal));
    }
    supports
}

/// One the attacker brought along.
fn held_credential(case: &Case, event: &Event, principal: &ObjectId) -> Support {
    let word = match event.actor.kind {
        ActorKind::ServicePrincipal => Word::ClientSecret,
        ActorKind::ManagedIdentity => Word::ManagedIdentityToken,
        ActorKind::User | ActorKind::Credential | ActorKind::Unknown => Word::Password,
    };
    let listed = case.words.for_principal(principal, event.time).holds.contains(&word);
    let by = if listed { "incident.json".to_owned() } else { "the success on record shows it".to_owned() };
    Support { from: SupportFrom::Held(word), by, basis: "held" }
}

/// The application object and the service principal that share an application id.
fn registered_as(case: &Case, application: &ObjectId, service_principal: &ObjectId) -> bool {
    use crate::model::{Kind, json};
    let app_id = |kind: Kind, id: &ObjectId| {
        case.environment.get(kind, id.as_str()).and_then(|d| json::text(&d.body, "appId")).map(str::to_lowercase)
    };
    let registered = app_id(Kind::Applications, application);
    registered.is_some() && registered == app_id(Kind::ServicePrincipals, service_principal)
}

/// A user delegation SAS: the step that asked for the key in the signer's name, the latest before the use.
fn delegation_key(case: &Case, at: usize, event: &Event, signer: &ObjectId, account: ResourceId) -> Option<KeyLink> {
    let gave = |capability: &Capability| match capability {
        Capability::DelegationKey { principal, account: of } => principal == signer && *of == account,
        _ => false,
    };
    let asked = givers(case, at, event, &gave);
    let (_, last, _) = asked.last()?;
    let assumes =
        format!("the key that signed the SAS used at {} was the one asked for at {}", case_id(case, at), last.id);
    Some(KeyLink {
        supports: asked.iter().map(|(n, step, _)| from_step(*n, format!("delegation key of {}", step.id))).collect(),
        taken: asked.iter().map(|(n, _, e)| (*n, e.time)).collect(),
        assumes: Some(assumes),
        account,
    })
}

fn case_id(case: &Case, at: usize) -> &str {
    case.correlated.steps.get(at).map_or("", |step| step.id.as_str())
}

fn from_step(n: usize, by: String) -> Support {
    Support { from: SupportFrom::Step(n), by, basis: "assumed" }
}

/// Steps before an event that yielded such a capability, in time order.
fn givers<'a>(
    case: &'a Case,
    at: usize,
    event: &Event,
    gave: &dyn Fn(&Capability) -> bool,
) -> Vec<(usize, &'a Step, &'a Event)> {
    let steps = case.correlated.steps.iter().enumerate().filter(|(n, s)| *n != at && !s.failed());
    steps
        .filter_map(|(n, step)| Some((n, step, first_event(case, step)?)))
        .filter(|(_, _, earlier)| not_after(earlier.time, event.time))
        .filter(|(_, _, earlier)| yields(&case.environment, earlier).iter().any(|y| gave(&y.capability)))
        .collect()
}

/// Same account, listed before: by address and time. Key hashes tell two keys apart, never who took one.
fn key(case: &Case, at: usize, event: &Event, account: ResourceId) -> KeyLink {
    let gave = |capability: &Capability| match capability {
        Capability::StorageKey { account: of } | Capability::Sas { resource: of } => *of == account,
        _ => false,
    };
    let listings = givers(case, at, event, &gave);
    let word = match &event.detail {
        Detail::Data(d) if d.authentication.known().is_some_and(|a| a.as_ref() == "SAS") => Word::Sas,
        _ => Word::StorageAccountKey,
    };
    let mut supports: Vec<Support> =
        listings.iter().map(|(n, step, _)| from_step(*n, format!("key listed at {}", step.id))).collect();
    let holds: BTreeMap<Word, ()> = case
        .entries
        .iter()
        .flat_map(|p| case.words.for_principal(p, event.time).holds)
        .map(|word| (word, ()))
        .collect();
    if holds.contains_key(&word) {
        supports.push(Support { from: SupportFrom::Held(word), by: "incident.json".to_owned(), basis: "held" });
    }
    // Later uses of the same key from the same address rest on the same link: named by the first use.
    let (first_use, first) = case
        .correlated
        .steps
        .iter()
        .find_map(|step| {
            let other = first_event(case, step)?;
            let alike = !step.failed() && same_key(other, event) && other.source_ip == event.source_ip;
            alike.then_some((step, other))
        })
        .unwrap_or((&case.correlated.steps[at], event));
    let before = listings.iter().rfind(|(_, _, earlier)| not_after(earlier.time, first.time)).or(listings.first());
    let assumes = before.map(|(_, step, earlier)| {
        let mut why = Vec::new();
        if first.source_ip.known().is_some() && first.source_ip == earlier.source_ip {
            why.push("same address".to_owned());
        }
        let seconds = first.time.duration_since(earlier.time).as_secs();
        why.push(format!("{seconds} seconds"));
        if unseen_hash(case, first) {
            why.push("hash unseen before".to_owned());
        }
        format!("the key used at {} was the one listed at {} ({})", first_use.id, step.id, why.join(", "))
    });
    KeyLink { account, supports, assumes, taken: listings.iter().map(|(n, _, e)| (*n, e.time)).collect() }
}

/// Two uses of one key of one account, by hash.
fn same_key(a: &Event, b: &Event) -> bool {
    match (&a.detail, &b.detail) {
        (Detail::Data(a), Detail::Data(b)) => {
            a.hash.known().is_some() && a.hash == b.hash && a.account.eq_ignore_ascii_case(&b.account)
        }
        _ => false,
    }
}

fn unseen_hash(case: &Case, event: &Event) -> bool {
    let hash = |event: &Event| match &event.detail {
        Detail::Data(detail) => detail.hash.known().cloned(),
        Detail::SignIn(_) | Detail::Arm(_) | Detail::Directory(_) | Detail::Alert(_) | Detail::Context(_) => None,
    };
    let Some(used) = hash(event) else { return false };
    !case.correlated.baseline.classes.iter().any(|class| hash(&class.event).as_ref() == Some(&used))
}
