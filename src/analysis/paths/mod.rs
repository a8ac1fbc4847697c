//! `cutset paths`: the architect's view, no incident needed. Paths from principals to resources, choke points, blast
//! radius, who reaches a resource, and what candidates cut of all that.
//!
//! Nobody has signed in here, so the attacker is taken to be somebody who knows the password (or holds the credential)
//! of the principal asked about, on a device nobody registered, from an address in no named location. Whatever a limit
//! leaves out is said in `limits`.

mod asked;
mod class;
pub mod posture;
mod radius;
mod reachers;
mod table;

use super::contract::{Closes, PathStep};
use super::fill::{path_steps, principal_name_of};
use crate::causal::{Case, Words};
use crate::correlate::{Baseline, Correlated, Identities};
use crate::cuts::latent::{Limit, Path, RULES, RULES_VERSION, uncollected};
use crate::cuts::{Bounds, MinimalPaths, minimal_paths, path_within};
use crate::model::{Control, Environment, InputError, ObjectId, ResourceId, Timestamp};
use crate::replay::{Engine, Run, Stage};
use serde::Serialize;
use std::collections::BTreeMap;

/// Paths listed for a pair unless more are asked for.
pub const PATHS: usize = 16;
/// Resources of a blast radius.
const RESOURCES: usize = 100_000;

/// Everything asked.
pub struct Asked<'a> {
    pub environment: Environment,
    pub controls: &'a [Control],
    /// Principals by UPN, name, object id or app id; none: every one that holds something.
    pub from: Vec<String>,
    /// Resource ids or names.
    pub to: Vec<String>,
    pub with: Vec<String>,
    /// Crown jewels, id and label: what is meant where neither side is named.
    pub jewels: Vec<(String, Option<String>)>,
    /// When; without it the latest moment the snapshot tells of.
    pub at: Option<Timestamp>,
    /// At most so many paths a pair.
    pub most: usize,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct Paths {
    pub with: Vec<String>,
    /// What the attacker is taken to be.
    pub assumes: Vec<String>,
    /// From whom to what, and how open. Where nobody is named: of those alone who get there.
    pub pairs: Vec<Pair>,
    /// Where nobody is named: how many get to each resource.
    pub reached_by: Vec<ReachedBy>,
    /// Of each pair: all minimal ones, shortest first, where both ends were named; the shortest otherwise.
    pub paths: Vec<Open>,
    /// Operations that lie on every open path of everybody asked about to a resource.
    pub choke_points: Vec<Choke>,
    /// What each principal can reach and come to act as.
    pub blast_radius: Vec<Blast>,
    /// What each candidate cuts of the above; those that cut nothing are left out.
    pub controls: Vec<Row>,
    pub claim: String,
    /// What a limit left out.
    pub limits: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct ReachedBy {
    pub to: String,
    /// Principals that get there, whether or not it takes words they may lack.
    pub principals: usize,
    /// In so many kinds that every gate treats alike.
    pub kinds: usize,
    /// Principals asked about: everybody.
    pub of: usize,
}

#[derive(Clone, Debug, Serialize)]
pub struct Pair {
    pub from: String,
    pub from_id: String,
    /// Principals that every gate treats as it treats `from`.
    pub alike: Vec<String>,
    pub to: String,
    pub open: Closes,
    /// With `closed-if-lacking`: what the attacker would have to hold.
    pub words: Vec<String>,
    /// Facts that the shortest path turns on.
    pub missing: Vec<String>,
    /// Ids of its paths.
    pub paths: Vec<String>,
    /// Whether `paths` are all minimal ones.
    pub whole: bool,
}

#[derive(Clone, Debug, Serialize)]
pub struct Open {
    pub id: String,
    pub from: String,
    pub to: String,
    pub open: Closes,
    pub steps: Vec<PathStep>,
    pub words: Vec<String>,
    /// Facts it turns on.
    pub missing: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Choke {
    pub to: String,
    pub action: String,
    pub on: String,
    /// What `on` is called, where its id does not end in a name.
    pub on_name: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Blast {
    pub from: String,
    /// Resources asked about.
    pub of: usize,
    pub reaches: Vec<Reached>,
    /// Principals it can come to act as.
    pub becomes: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Reached {
    pub to: String,
    pub open: Closes,
    /// Operations of the path found.
    pub operations: usize,
    pub words: Vec<String>,
    pub missing: Vec<String>,
}

/// What a candidate does.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub control: String,
    pub title: String,
    pub short: Option<String>,
    pub effort: u32,
    /// Path by path, in the order of `paths`: what is left of it.
    pub paths: Vec<Cell>,
    /// Pairs that are closed under it, and those closed if the attacker lacks `words`.
    pub closed: usize,
    pub closed_if_lacking: usize,
    /// Pairs that are closed unless a fact in `missing`, which nobody recorded, opens them.
    pub unknown: usize,
    pub of: usize,
    pub words: Vec<String>,
    pub missing: Vec<String>,
    /// Resources still within the blast radius, of those that were.
    pub reaches: Option<usize>,
}

/// What a candidate leaves of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cell {
    Closed,
    /// For an attacker who lacks a word.
    ClosedIfLacking,
    /// Unless a fact that did not matter before opens it.
    Unknown,
    NotClosed,
}

/// A case with nobody in it yet.
pub fn empty(environment: Environment) -> Case {
    let identities = Identities::new(&environment, &BTreeMap::new());
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
        exported: environment.clone(),
        environment,
        words: Words::password(),
        entries: Vec::new(),
        jewels: Vec::new(),
        aliases: BTreeMap::new(),
    }
}

/// The runs of one world in which paths are sought: certain or but for facts, and with every word held.
struct World {
    facts_free: Run,
    free: Run,
}

impl World {
    fn under(engine: &Engine<'_>, controls: &[&Control]) -> World {
        let world = engine.world_with(controls);
        let run = |stage| crate::replay::run(engine, &world, stage, controls, false);
        World { facts_free: run(Stage::FactsFree), free: run(Stage::Free) }
    }

    /// How open it is from one to the other, and the run that tells.
    fn open(&self, engine: &Engine<'_>, from: &ObjectId, to: &ResourceId, limit: &Limit) -> (Closes, Option<Path>) {
        if let Some(path) = path_within(engine, &self.facts_free, from, to, limit.clone()) {
            return (Closes::NotClosed, Some(path));
        }
        match path_within(engine, &self.free, from, to, limit.clone()) {
            Some(path) => (Closes::ClosedIfLacking, Some(path)),
            None => (Closes::Closed, None),
        }
    }

    fn run(&self, open: Closes) -> &Run {
        match open {
            Closes::NotClosed => &self.facts_free,
            Closes::ClosedIfLacking | Closes::Closed => &self.free,
        }
    }
}

pub fn paths(asked: Asked<'_>) -> Result<Paths, InputError> {
    let mut limits = Vec::new();
    let to = asked::resources(&asked, &mut limits)?;
    let from = asked::principals(&asked)?;
    let Asked { environment, controls, with, at, most, .. } = asked;
    let at = at.or_else(|| asked::latest(&environment));
    let controls = asked::candidates(&environment, controls, &from, at);
    let in_force = asked::in_force(&controls, &with)?;
    let address = asked::stranger_address(&environment);
    let case = empty(environment);
    let mut engine = Engine::new(&case);
    engine.asked_at = at;
    engine.addresses.extend(address);
    let world = World::under(&engine, &in_force);
    let mut result = Paths { with, assumes: asked::assumes(&engine, &from), ..Paths::default() };
    let named = to.named && from.named && from.classes.len() * to.resources.len() <= 4;
    if to.pairs {
        for class in from.classes.iter().filter(|_| from.named) {
            for resource in &to.resources {
                pair(&engine, &world, class, resource, named.then_some(most), true, &mut result);
            }
        }
        for resource in to.resources.iter().filter(|_| !from.named) {
            reachers::reachers(&engine, &world, &from.classes, resource, &mut result, &mut limits);
        }
        for pair in result.pairs.iter().filter(|pair| named && !pair.whole) {
            limits.push(format!(
                "{} to {}: the first {} minimal paths; --most asks for more",
                pair.from,
                ResourceId::new(&pair.to).name(),
                pair.paths.len()
            ));
        }
        result.choke_points = chokes(&engine, &world, &from.classes, &to.resources, &result);
    }
    if from.named && !to.named {
        for class in &from.classes {
            result.blast_radius.push(radius::blast(&engine, &world, &class.witness, &to.within_reach, &mut limits));
        }
    }
    result.controls = table::rows(&engine, &controls, &in_force, &from, &to, &result, &mut limits);
    let missing = match uncollected(&case.environment).as_slice() {
        [] => "all kinds the rules read were collected".to_owned(),
        kinds => format!("not collected: {}", kinds.join(", ")),
    };
    result.claim = format!("as far as the {} rules of table v{RULES_VERSION} know; {missing}", RULES.len());
    result.limits = limits;
    Ok(result)
}

fn pair(
    engine: &Engine<'_>,
    world: &World,
    class: &class::Class,
    to: &ResourceId,
    all: Option<usize>,
    listed: bool,
    result: &mut Paths,
) {
    let (open, shortest) = world.open(engine, &class.witness, to, &Limit::Nothing);
    let bounds = match all {
        Some(most) => Bounds { paths: most.max(1), searches: most.max(1).saturating_mul(40), choke_points: false },
        None => Bounds { paths: 1, searches: 1, choke_points: false },
    };
    let found = match open {
        Closes::Closed => MinimalPaths { whole: true, ..MinimalPaths::default() },
        Closes::NotClosed | Closes::ClosedIfLacking if !listed => MinimalPaths::default(),
        Closes::NotClosed | Closes::ClosedIfLacking => {
            minimal_paths(engine, world.run(open), &class.witness, to, bounds)
        }
    };
    let from = principal_name_of(engine, &class.witness);
    let first = found.paths.first().or(shortest.as_ref());
    let mut pair = Pair {
        from: from.clone(),
        from_id: class.witness.to_string(),
        alike: class.alike.iter().map(|id| principal_name_of(engine, id)).collect(),
        to: to.spelled().to_owned(),
        open,
        words: words(first),
        missing: missing(first),
        paths: Vec::new(),
        whole: found.whole,
    };
    for path in &found.paths {
        let id = format!("p{}", result.paths.len() + 1);
        pair.paths.push(id.clone());
        result.paths.push(Open {
            id,
            from: from.clone(),
            to: to.spelled().to_owned(),
            open,
            steps: path_steps(engine, path),
            words: words(Some(path)),
            missing: missing(Some(path)),
        });
    }
    result.pairs.push(pair);
}

fn words(path: Option<&Path>) -> Vec<String> {
    path.into_iter().flat_map(|p| &p.words).map(|word| word.as_str().to_owned()).collect()
}

fn missing(path: Option<&Path>) -> Vec<String> {
    path.into_iter().flat_map(|p| &p.missing).map(|fact| fact.to_string()).collect()
}

/// What lies on every open path to a resource, of all that reach it. Exact: without it nobody reaches.
fn chokes(engine: &Engine<'_>, world: &World, from: &[class::Class], to: &[ResourceId], result: &Paths) -> Vec<Choke> {
    let mut found = Vec::new();
    for resource in to {
        let mut open = reachers::open_pairs(from, resource, result);
        open.retain(|(_, pair)| pair.open != Closes::Closed);
        let shortest = |pair: &Pair| result.paths.iter().find(|path| pair.paths.first() == Some(&path.id));
        let key = |step: &PathStep| (step.action.clone(), step.to_id.clone().unwrap_or_else(|| step.to.clone()));
        let Some(first) = open.first().and_then(|(_, pair)| shortest(pair)) else { continue };
        let mut seen = std::collections::BTreeSet::new();
        for step in &first.steps {
            let operation = key(step);
            let on_each = || {
                open.iter()
                    .all(|(_, pair)| shortest(pair).is_none_or(|path| path.steps.iter().any(|s| key(s) == operation)))
            };
            let needed = || {
                let without = Limit::Without([operation.clone()].into());
                open.iter().all(|(class, pair)| {
                    path_within(engine, world.run(pair.open), &class.witness, resource, without.clone()).is_none()
                })
            };
            if seen.insert(operation.clone()) && on_each() && needed() {
                found.push(Choke {
                    to: resource.spelled().to_owned(),
                    action: step.action.clone(),
                    on: step.to.clone(),
                    on_name: step.to_name.clone(),
                });
            }
        }
    }
    found
}
