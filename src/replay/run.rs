//! One two-valued run of the incident through one world.

use super::ask::{Asked, ask, baseline_passes};
use super::engine::Engine;
use super::stretch::{Stretch, Stretches};
use crate::causal::World;
use crate::effect::changes;
use crate::model::{Answer, Control, Environment, Level, Outcome, Timestamp};
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// Which of the three runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Unlisted words are lacked, unknown is refused.
    Pessimist,
    /// Unlisted words are lacked, unknown is allowed.
    FactsFree,
    /// Unlisted words are held, unknown is allowed.
    Free,
}

impl Stage {
    pub const ALL: [Stage; 3] = [Stage::Pessimist, Stage::FactsFree, Stage::Free];

    pub fn passes(self, level: Level) -> bool {
        match self {
            Stage::Pessimist => level >= Level::NotCut,
            Stage::FactsFree => level >= Level::Unknown,
            Stage::Free => level >= Level::Challenged,
        }
    }

    /// The level of what is allowed in none of the runs before and refused in this one.
    pub fn refusing(self) -> Level {
        match self {
            Stage::Pessimist => Level::Unknown,
            Stage::FactsFree => Level::Challenged,
            Stage::Free => Level::Cut,
        }
    }
}

/// What came of one step in one run.
#[derive(Clone, Debug, Default)]
pub struct StepRun {
    /// One per event of the step: did it succeed?
    pub passed: Vec<bool>,
    /// How the first event that did not succeed failed, and when.
    pub failure: Option<(Timestamp, Arc<Asked>)>,
    /// How the first event went, whatever came of it.
    pub first: Option<Arc<Asked>>,
    /// At the first failure: what would have let the attacker take the failing control away.
    pub undo: Option<super::verdict::Undoing>,
}

impl StepRun {
    pub fn any(&self) -> bool {
        self.passed.iter().any(|passed| *passed)
    }

    pub fn all(&self) -> bool {
        !self.passed.is_empty() && self.passed.iter().all(|passed| *passed)
    }
}

/// One run: what came of each step, and the world it left behind.
pub struct Run {
    pub stage: Stage,
    pub steps: Vec<StepRun>,
    /// What it began with.
    pub start: Environment,
    pub world: World,
    /// The moments a latent path may start from, in order; the last one is the end, with the world it left behind.
    pub stretches: Vec<Stretch>,
    /// What the searches that start from here have in common.
    ground: OnceLock<Arc<dyn Any + Send + Sync>>,
}

impl Run {
    /// A value worked out from the world this run left, made for the first search and shared by the others.
    pub fn ground<T: Any + Send + Sync>(&self, make: impl Fn() -> T) -> Arc<T> {
        let shared = self.ground.get_or_init(|| Arc::new(make()));
        shared.clone().downcast::<T>().unwrap_or_else(|_| Arc::new(make()))
    }
}

/// Runs the whole window. `controls` are those in force (their documents are in `world` already, save where a control
/// has a `since` that comes later). With `explain`, the first failure of a step says what would undo the control.
pub fn run(engine: &Engine<'_>, world: &World, stage: Stage, controls: &[&Control], explain: bool) -> Run {
    let case = engine.case;
    let correlated = &case.correlated;
    let mut world = world.clone();
    let start = world.env.clone();
    let mut steps: Vec<StepRun> = vec![StepRun::default(); correlated.steps.len()];
    let mut later: Vec<&Control> = controls.iter().copied().filter(|c| c.since.is_some()).collect();
    later.sort_by_key(|c| c.since);
    let ends = |step: usize| engine.links(step).principal.as_ref().is_some_and(|p| engine.has_endings(p));
    let mut kept: BTreeMap<usize, (u64, Arc<Asked>)> = BTreeMap::new();
    let mut stretches = Stretches::new(engine.ends());
    for (at, event) in correlated.window_events.iter().enumerate() {
        stretches.before(event, engine.step_of_event(at).is_some(), at, &world);
        while let Some(control) = later.first()
            && let Some(since) = control.since.filter(|since| *since <= event.time)
        {
            stretches.close(since, at, &world);
            let mut env = world.env.clone();
            crate::control::put_in_force(&mut env, control, &engine.view);
            world = world.with(env);
            later.remove(0);
        }
        let Some(step) = engine.step_of_event(at) else {
            if event.outcome == Outcome::Success {
                let effects = changes(event);
                if !effects.is_empty() && baseline_passes(&world, event, stage) {
                    for change in &effects {
                        stretches.change(change, event, at, &world);
                        world.apply(change, event);
                    }
                }
            }
            continue;
        };
        if correlated.steps[step].failed() || correlated.steps[step].context {
            continue;
        }
        let fresh = match kept.get(&step) {
            // What ends by the clock is asked again at every event.
            Some((version, asked)) if *version == world.version && !ends(step) => asked.clone(),
            _ => {
                let asked = Arc::new(ask(engine, &world, &steps, step, event));
                kept.insert(step, (world.version, asked.clone()));
                asked
            }
        };
        let passed = fresh.passes(stage);
        let outcome = &mut steps[step];
        outcome.passed.push(passed);
        if outcome.first.is_none() {
            outcome.first = Some(fresh.clone());
        }
        if passed {
            for change in changes(event) {
                stretches.change(&change, event, at, &world);
                world.apply(&change, event);
            }
        } else if outcome.failure.is_none() {
            let documents: Vec<String> = fresh
                .parts
                .iter()
                .filter(|p| !stage.passes(p.answer.level))
                .flat_map(|p| &p.answer.clauses)
                .map(|clause| clause.document.to_lowercase())
                .collect();
            outcome.failure = Some((event.time, fresh));
            if explain {
                let moment =
                    super::verdict::Moment { engine, world: &world, steps: &steps, step, at: event.time, stage };
                let undo = super::verdict::undoing(&moment, controls, &documents);
                steps[step].undo = undo;
            }
        }
    }
    let stretches = stretches.end(correlated.window_events.len(), &world);
    Run { stage, steps, start, world, stretches, ground: OnceLock::new() }
}

/// An answer with the facts that a recorded success settled taken out: unknown for nothing else is allowed.
pub(super) fn settle(mut answer: Answer, settled: Option<&crate::model::Missing>) -> Answer {
    if answer.level == Level::Unknown
        && let Some(settled) = settled
    {
        answer.missing.retain(|fact| !settled.contains(fact));
        if answer.missing.is_empty() {
            answer.level = Level::NotCut;
        }
    }
    answer
}
