//! `cutset paths`: the architect's view, no incident needed. Paths from principals to resources, choke points, blast
//! radius, and what candidates cut of them.

use super::contract::PathStep;
use super::fill::{path_steps, principal_name_of};
use crate::causal::{Case, Words};
use crate::correlate::{Baseline, Correlated, Identities};
use crate::cuts::latent::{Path, State, search};
use crate::model::{Control, Environment, InputError, Jewel, Kind, ObjectId, ResourceId, json};
use crate::replay::{Engine, Stage};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Everything asked.
pub struct Asked<'a> {
    pub environment: Environment,
    pub controls: &'a [Control],
    /// Principals by UPN, object id or app id; none: every one that holds a role.
    pub from: Vec<String>,
    /// Resource ids or names.
    pub to: Vec<String>,
    pub with: Vec<String>,
    /// Crown jewels, where `to` names nothing.
    pub jewels: Vec<String>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct Paths {
    pub with: Vec<String>,
    pub paths: Vec<Open>,
    /// Operations on every open path to a resource.
    pub choke_points: Vec<Choke>,
    /// Per principal: what it can reach from here.
    pub blast_radius: Vec<Blast>,
    /// Per candidate: how many of these paths it closes.
    pub cut_by: Vec<Cut>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Open {
    pub from: String,
    pub to: String,
    pub steps: Vec<PathStep>,
    /// Facts it turns on.
    pub missing: Vec<String>,
    pub words: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Choke {
    pub to: String,
    pub action: String,
    pub on: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct Blast {
    pub from: String,
    /// Resources within reach, of those asked about.
    pub reaches: Vec<String>,
    /// Principals it can come to act as.
    pub becomes: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Cut {
    pub control: String,
    pub closes: usize,
    pub of: usize,
}

/// A case with nobody in it yet.
fn empty(environment: &Environment, entry: &ObjectId, jewels: &[ResourceId]) -> Case {
    let identities = Identities::new(environment, &BTreeMap::new());
    Case {
        correlated: Correlated {
            steps: Vec::new(),
            alerts: Vec::new(),
            baseline: Baseline::default(),
            window_events: Vec::new(),
            memberships: Vec::new(),
            later_changes: Vec::new(),
            warnings: Vec::new(),
            identities,
        },
        environment: environment.clone(),
        words: Words::password_of(entry),
        entries: vec![entry.clone()],
        jewels: jewels
            .iter()
            .map(|id| (id.clone(), Jewel { id: id.spelled().to_owned(), label: None, personal_data: None }))
            .collect(),
        aliases: BTreeMap::new(),
    }
}

fn principals(asked: &Asked<'_>) -> Result<Vec<ObjectId>, InputError> {
    let env = &asked.environment;
    if asked.from.is_empty() {
        let mut holders: BTreeSet<ObjectId> = BTreeSet::new();
        for kind in [Kind::RoleAssignments, Kind::DirectoryRoles, Kind::PimEligibilities] {
            for body in env.bodies(kind) {
                let holder = json::text(body, "properties.principalId").or_else(|| json::text(body, "principalId"));
                holders.extend(holder.map(ObjectId::new));
            }
        }
        return Ok(holders.into_iter().filter(|id| env.get(Kind::Users, id.as_str()).is_some()).collect());
    }
    asked
        .from
        .iter()
        .map(|name| {
            super::fill::resolve_principal(env, name).ok_or_else(|| {
                InputError::new(
                    "--from",
                    format!("no principal `{name}` in the snapshot"),
                    "name it by UPN, object id or app id",
                )
            })
        })
        .collect()
}

fn resources(asked: &Asked<'_>) -> Result<Vec<ResourceId>, InputError> {
    let env = &asked.environment;
    let names = if asked.to.is_empty() { &asked.jewels } else { &asked.to };
    if names.is_empty() {
        return Err(InputError::new(
            "--to",
            "nothing to reach is named",
            "name a resource, or crownJewels in incident.json",
        ));
    }
    names
        .iter()
        .map(|name| {
            if name.starts_with('/') {
                return Ok(ResourceId::new(name));
            }
            env.of(Kind::Resources)
                .map(|(key, d)| ResourceId::new(json::text(&d.body, "id").unwrap_or(key)))
                .find(|id| id.name().eq_ignore_ascii_case(name))
                .ok_or_else(|| {
                    InputError::new("--to", format!("no resource `{name}` in the snapshot"), "name it by its id")
                })
        })
        .collect()
}

pub fn paths(asked: &Asked<'_>) -> Result<Paths, InputError> {
    let from = principals(asked)?;
    let to = resources(asked)?;
    let in_force = asked
        .with
        .iter()
        .map(|id| {
            asked.controls.iter().find(|c| c.id == *id).ok_or_else(|| {
                let known: Vec<&str> = asked.controls.iter().map(|c| c.id.as_str()).collect();
                let near = crate::model::nearest(id, &known).unwrap_or("none");
                InputError::new("--with", format!("no control `{id}`"), format!("did you mean `{near}`?"))
            })
        })
        .collect::<Result<Vec<&Control>, InputError>>()?;
    let mut result = Paths { with: asked.with.clone(), ..Paths::default() };
    let mut closed: BTreeMap<&str, usize> = asked.controls.iter().map(|c| (c.id.as_str(), 0)).collect();
    for principal in &from {
        let case = empty(&asked.environment, principal, &to);
        let engine = Engine::new(&case);
        let reach = |controls: &[&Control]| -> (Vec<Option<Path>>, BTreeSet<ObjectId>) {
            let world = engine.world_with(controls);
            let run = crate::replay::run(&engine, &world, Stage::FactsFree, controls, false);
            let mut state = State::new(&engine, &run, &to);
            state.exhaustive();
            search(&mut state);
            (to.iter().map(|jewel| state.path_to(jewel)).collect(), state.principals())
        };
        let (found, becomes) = reach(&in_force);
        let name = principal_name_of(&engine, principal);
        let open: Vec<(&ResourceId, &Path)> =
            to.iter().zip(&found).filter_map(|(jewel, path)| Some((jewel, path.as_ref()?))).collect();
        result.blast_radius.push(Blast {
            from: name.clone(),
            reaches: open.iter().map(|(jewel, _)| jewel.spelled().to_owned()).collect(),
            becomes: becomes.iter().filter(|id| *id != principal).map(|id| principal_name_of(&engine, id)).collect(),
        });
        for (jewel, path) in &open {
            result.paths.push(Open {
                from: name.clone(),
                to: jewel.spelled().to_owned(),
                steps: path_steps(&engine, path),
                missing: path.missing.iter().map(|m| m.to_string()).collect(),
                words: path.words.iter().map(|w| w.as_str().to_owned()).collect(),
            });
        }
        if open.is_empty() {
            continue;
        }
        for control in asked.controls {
            let mut with = in_force.clone();
            with.push(control);
            let (then, _) = reach(&with);
            let shut = found.iter().zip(&then).filter(|(was, is)| was.is_some() && is.is_none()).count();
            *closed.entry(control.id.as_str()).or_default() += shut;
        }
    }
    result.paths.sort_by(|a, b| (a.steps.len(), &a.from, &a.to).cmp(&(b.steps.len(), &b.from, &b.to)));
    result.choke_points = chokes(&result.paths);
    let of = result.paths.len();
    result.cut_by = closed
        .into_iter()
        .filter(|(_, closes)| *closes > 0)
        .map(|(control, closes)| Cut { control: control.to_owned(), closes, of })
        .collect();
    result.cut_by.sort_by(|a, b| b.closes.cmp(&a.closes).then_with(|| a.control.cmp(&b.control)));
    Ok(result)
}

/// Operations that lie on every open path to a resource, where there are several.
fn chokes(paths: &[Open]) -> Vec<Choke> {
    let mut found = Vec::new();
    let targets: BTreeSet<&String> = paths.iter().map(|p| &p.to).collect();
    for to in targets {
        let here: Vec<&Open> = paths.iter().filter(|p| p.to == *to).collect();
        let Some(first) = here.first().filter(|_| here.len() > 1) else { continue };
        for step in &first.steps {
            let everywhere = here.iter().all(|p| p.steps.iter().any(|s| s.action == step.action && s.to == step.to));
            if everywhere && step.action != "SignIn" {
                found.push(Choke { to: to.clone(), action: step.action.clone(), on: step.to.clone() });
            }
        }
    }
    found
}
