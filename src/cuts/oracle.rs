//! The oracle behind every search: one joint replay and one latent search with all documents of a set in force,
//! remembered by set.

use super::exact::{Set, members};
use super::latent::{Path, reach_all};
use crate::causal::World;
use crate::model::{Control, Level, ResourceId};
use crate::replay::{Engine, Run, Stage, run};
use std::collections::HashMap;

pub struct Oracle<'a> {
    pub engine: &'a Engine<'a>,
    pub controls: &'a [Control],
    pub jewels: Vec<ResourceId>,
    levels: HashMap<Set, Vec<Level>>,
    reached: HashMap<(Set, Stage), Vec<bool>>,
    runs: HashMap<(Set, Stage), std::rc::Rc<Run>>,
    worlds: HashMap<Set, World>,
}

impl<'a> Oracle<'a> {
    pub fn new(engine: &'a Engine<'a>, controls: &'a [Control], jewels: Vec<ResourceId>) -> Oracle<'a> {
        Oracle {
            engine,
            controls,
            jewels,
            levels: HashMap::new(),
            reached: HashMap::new(),
            runs: HashMap::new(),
            worlds: HashMap::new(),
        }
    }

    pub fn in_force(&self, set: Set) -> Vec<&'a Control> {
        members(set).filter_map(|i| self.controls.get(i)).collect()
    }

    pub fn run(&mut self, set: Set, stage: Stage) -> std::rc::Rc<Run> {
        if let Some(known) = self.runs.get(&(set, stage)) {
            return known.clone();
        }
        let controls = self.in_force(set);
        // Runs and worlds are worth their memory only for as long as the search stays near.
        if self.worlds.len() > 128 {
            self.worlds.clear();
        }
        let world = self.worlds.entry(set).or_insert_with(|| self.engine.world_with(&controls)).clone();
        let done = std::rc::Rc::new(run(self.engine, &world, stage, &controls, false));
        if self.runs.len() > 256 {
            self.runs.clear();
        }
        self.runs.insert((set, stage), done.clone());
        done
    }

    /// The level of every step under the set: the highest of its events'.
    pub fn levels(&mut self, set: Set) -> Vec<Level> {
        if let Some(known) = self.levels.get(&set) {
            return known.clone();
        }
        let runs = Stage::ALL.map(|stage| self.run(set, stage));
        let steps = &self.engine.case.correlated.steps;
        let levels: Vec<Level> = (0..steps.len())
            .map(|n| {
                if steps[n].failed() || steps[n].context {
                    return Level::NotCut;
                }
                let any = |at: usize| runs.get(at).is_some_and(|r| r.steps.get(n).is_some_and(|s| s.any()));
                match (any(0), any(1), any(2)) {
                    (true, _, _) => Level::NotCut,
                    (false, true, _) => Level::Unknown,
                    (false, false, true) => Level::Challenged,
                    (false, false, false) => Level::Cut,
                }
            })
            .collect();
        self.levels.insert(set, levels.clone());
        levels
    }

    /// Whether each jewel is reached under the set in that stage.
    pub fn reached(&mut self, set: Set, stage: Stage) -> Vec<bool> {
        if let Some(known) = self.reached.get(&(set, stage)) {
            return known.clone();
        }
        let paths = self.paths(set, stage);
        let reached: Vec<bool> = paths.iter().map(Option::is_some).collect();
        self.reached.insert((set, stage), reached.clone());
        reached
    }

    /// A path to each jewel that is reached.
    pub fn paths(&mut self, set: Set, stage: Stage) -> Vec<Option<Path>> {
        let run = self.run(set, stage);
        reach_all(self.engine, &run, &self.jewels)
    }
}
