//! What was asked, in the environment's own terms: principals and resources by name, the moment, the stranger's address.

use super::class::{Class, classes};
use super::{Asked, RESOURCES};
use crate::analysis::fill::resolve_principal;
use crate::model::{Control, Environment, InputError, Kind, ObjectId, ResourceId, Timestamp, did_you_mean, json};
use crate::replay::Engine;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Who is asked about.
pub struct From {
    pub classes: Vec<Class>,
    pub named: bool,
}

/// What is asked about.
pub struct To {
    pub resources: Vec<ResourceId>,
    /// Whether paths to `resources` are wanted; a blast radius alone names no resource.
    pub pairs: bool,
    pub named: bool,
    /// What a blast radius is counted over.
    pub within_reach: Vec<ResourceId>,
}

pub fn principals(asked: &Asked<'_>) -> Result<From, InputError> {
    let env = &asked.environment;
    if asked.from.is_empty() {
        return Ok(From { classes: classes(env, asked.controls), named: false });
    }
    let mut found: Vec<Class> = Vec::new();
    for name in &asked.from {
        let id = principal(env, name)?;
        if !found.iter().any(|class| class.witness == id) {
            found.push(Class { witness: id, alike: Vec::new() });
        }
    }
    Ok(From { classes: found, named: true })
}

fn principal(env: &Environment, name: &str) -> Result<ObjectId, InputError> {
    if let Some(id) = resolve_principal(env, name) {
        return Ok(id);
    }
    let named: Vec<(&str, ObjectId)> = [Kind::Users, Kind::ServicePrincipals]
        .into_iter()
        .flat_map(|kind| env.of(kind))
        .filter_map(|(key, document)| Some((json::text(&document.body, "displayName")?, ObjectId::new(key))))
        .collect();
    let mut matching = named.iter().filter(|(display, _)| display.eq_ignore_ascii_case(name));
    match (matching.next(), matching.next()) {
        (Some((_, id)), None) => Ok(id.clone()),
        (Some(_), Some(_)) => Err(InputError::new(
            "--from",
            format!("several principals are called `{name}`"),
            "name one by UPN, object id or app id",
        )),
        (None, _) => {
            let upns = env.bodies(Kind::Users).filter_map(|body| json::text(body, "userPrincipalName"));
            let known: Vec<&str> = upns.chain(named.iter().map(|(display, _)| *display)).collect();
            let help = match crate::model::nearest(name, &known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "name it by UPN, display name, object id or app id".to_owned(),
            };
            Err(InputError::new("--from", format!("no principal `{name}` in the snapshot"), help))
        }
    }
}

pub fn resources(asked: &Asked<'_>, limits: &mut Vec<String>) -> Result<To, InputError> {
    let env = &asked.environment;
    let known = resource_ids(env);
    let jewels: Vec<ResourceId> = asked.jewels.iter().map(|(id, _)| ResourceId::new(id)).collect();
    let mut within_reach: Vec<ResourceId> = jewels.clone();
    within_reach.extend(known.iter().filter(|id| !jewels.contains(id)).cloned());
    if !asked.from.is_empty() && asked.to.is_empty() && within_reach.len() > RESOURCES {
        limits.push(format!(
            "the blast radius counts the first {RESOURCES} of {} resources: name others with --to",
            within_reach.len()
        ));
        within_reach.truncate(RESOURCES);
    }
    if asked.to.is_empty() {
        if asked.from.is_empty() && jewels.is_empty() {
            return Err(InputError::new(
                "--to",
                "nothing to reach is named",
                "name a resource with --to, a principal with --from, or crownJewels in incident.json",
            ));
        }
        let pairs = !jewels.is_empty();
        return Ok(To { resources: jewels, pairs, named: false, within_reach });
    }
    let mut resources = Vec::new();
    for name in &asked.to {
        let id = resource(name, &known, &asked.jewels, env)?;
        if !resources.contains(&id) {
            resources.push(id);
        }
    }
    Ok(To {
        within_reach: if asked.from.is_empty() { Vec::new() } else { within_reach },
        resources,
        pairs: true,
        named: true,
    })
}

fn resource_ids(env: &Environment) -> Vec<ResourceId> {
    env.of(Kind::Resources)
        .map(|(key, document)| ResourceId::new(json::text(&document.body, "id").unwrap_or(key)))
        .filter(|id| id.resource_type().is_some())
        .collect()
}

/// By id, by the label of a crown jewel, by its last name, or as `parent/child`.
fn resource(
    name: &str,
    known: &[ResourceId],
    jewels: &[(String, Option<String>)],
    env: &Environment,
) -> Result<ResourceId, InputError> {
    let error = |message: String, help: String| Err(InputError::new("--to", message, help));
    if name.starts_with('/') {
        let id = ResourceId::new(name);
        let mut at = Some(id.clone());
        while let Some(scope) = at {
            if env.resource(&scope).is_some() && scope.resource_type().is_some() {
                return Ok(id);
            }
            at = scope.parent();
        }
        let names: Vec<&str> = known.iter().map(ResourceId::spelled).collect();
        return error(format!("no resource `{name}` in the snapshot"), did_you_mean(name, &names));
    }
    let labelled = jewels.iter().find(|(_, label)| label.as_deref().is_some_and(|l| l.eq_ignore_ascii_case(name)));
    if let Some((id, _)) = labelled {
        return Ok(ResourceId::new(id));
    }
    let tail = format!("/{}", name.to_lowercase());
    let parts: Vec<&str> = name.split('/').collect();
    let matches = |id: &ResourceId| match parts.as_slice() {
        [parent, child] => {
            id.name().eq_ignore_ascii_case(child) && id.folded().contains(&format!("/{}/", parent.to_lowercase()))
        }
        _ => id.folded().ends_with(&tail),
    };
    let ids: BTreeSet<ResourceId> =
        jewels.iter().map(|(id, _)| ResourceId::new(id)).chain(known.iter().cloned()).filter(matches).collect();
    let mut ids = ids.into_iter();
    match (ids.next(), ids.next()) {
        (Some(id), None) => Ok(id),
        (Some(one), Some(other)) => error(
            format!("several resources are called `{name}`"),
            format!("name one by its id: `{}` or `{}`", one.spelled(), other.spelled()),
        ),
        (None, _) => {
            let names: Vec<&str> = known.iter().map(ResourceId::name).collect::<BTreeSet<_>>().into_iter().collect();
            error(format!("no resource `{name}` in the snapshot"), did_you_mean(name, &names))
        }
    }
}

/// The catalogue's candidates and the snapshot's own, as far as they bear on those asked about.
pub fn candidates(env: &Environment, controls: &[Control], from: &From, at: Option<Timestamp>) -> Vec<Control> {
    let mut held: BTreeSet<ObjectId> = from.classes.iter().map(|class| class.witness.clone()).collect();
    for class in &from.classes {
        if let crate::model::Fact::Known(groups) = env.transitive_groups(&class.witness) {
            held.extend(groups);
        }
    }
    let mut all = controls.to_vec();
    all.extend(crate::control::found::candidates(env, &held, at.unwrap_or(Timestamp::UNIX_EPOCH)));
    all
}

pub fn in_force<'c>(controls: &'c [Control], with: &[String]) -> Result<Vec<&'c Control>, InputError> {
    with.iter()
        .map(|id| {
            controls.iter().find(|control| control.id == *id || control.short.as_ref() == Some(id)).ok_or_else(|| {
                let known: Vec<&str> = controls.iter().map(|c| c.id.as_str()).collect();
                InputError::new("--with", format!("no control `{id}`"), did_you_mean(id, &known))
            })
        })
        .collect()
}

/// The latest moment that the snapshot's documents tell of.
pub fn latest(env: &Environment) -> Option<Timestamp> {
    const TIMES: &[&str] = &[
        "createdDateTime",
        "modifiedDateTime",
        "lastUpdatedDateTime",
        "properties.createdOn",
        "properties.updatedOn",
        "properties.createdDateTime",
        "properties.startDateTime",
        "systemData.lastModifiedAt",
        "properties.creationTime",
        "startDateTime",
    ];
    let bodies = Kind::ALL.iter().flat_map(|kind| env.bodies(*kind));
    bodies
        .flat_map(|body| TIMES.iter().filter_map(|field| json::text(body, field)))
        .filter_map(|text| text.parse::<Timestamp>().ok())
        .max()
}

/// An address of the documentation ranges that no named location holds.
pub fn stranger_address(env: &Environment) -> Option<String> {
    const ADDRESSES: &[&str] = &["203.0.113.200", "198.51.100.200", "192.0.2.200", "2001:db8::200", "233.252.0.200"];
    let ranges: Vec<ipnet::IpNet> = env
        .bodies(Kind::NamedLocations)
        .filter_map(|body| json::get(body, "ipRanges").and_then(serde_json::Value::as_array))
        .flatten()
        .filter_map(|range| json::text(range, "cidrAddress")?.parse().ok())
        .collect();
    let outside = |text: &&&str| text.parse::<IpAddr>().is_ok_and(|ip| !ranges.iter().any(|range| range.contains(&ip)));
    ADDRESSES.iter().find(outside).map(|text| (*text).to_owned())
}

pub fn assumes(engine: &Engine<'_>, from: &From) -> Vec<String> {
    let machine = |class: &Class| engine.world.env.get(Kind::ServicePrincipals, class.witness.as_str()).is_some();
    let machines = from.classes.iter().filter(|class| machine(class)).count();
    let knows = match (machines, from.classes.len()) {
        (0, _) => "the attacker knows the password",
        (n, all) if n == all => "the attacker holds a credential of the application",
        _ => "the attacker knows the password, or holds the application's credential",
    };
    let mut assumes = vec![knows.to_owned(), "an unregistered device".to_owned()];
    assumes.push(match engine.addresses.first() {
        Some(address) => format!("an address in no named location ({address})"),
        None => "an address nobody knows: every documentation range is a named location".to_owned(),
    });
    if let Some(at) = engine.asked_at {
        assumes.push(format!("at {}", at.strftime("%-d %B %Y")));
    }
    assumes
}
