//! The laws of verdicts, on every case of `tests/cases/` that expects something and on Northgate's silent variant,
//! against the slow truth: every subset of the candidates, each in a world made from nothing, document by document,
//! with every gate compiled anew; and a latent path searched for at every moment of the window.

use crate::cases::case_files;
use crate::support;
use cutset::analysis::{Analysis, Guarantee, prepare};
use cutset::causal::{Case, World};
use cutset::control::put_in_force;
use cutset::cuts::exact::{Set, everything, members};
use cutset::cuts::{LISTED, Oracle, latent};
use cutset::model::{Control, Level};
use cutset::replay::{Engine, Run, Stage, Stretch, baseline_passes, run};
use std::collections::{BTreeMap, BTreeSet};

/// All subsets of at most this many controls are tried.
const MOST: usize = 8;

struct Slow<'a> {
    engine: &'a Engine<'a>,
    case: &'a Case,
    controls: &'a [Control],
}

impl Slow<'_> {
    fn run(&self, set: Set, stage: Stage) -> Run {
        let with: Vec<&Control> = members(set).map(|i| &self.controls[i]).collect();
        let mut order = with.clone();
        order.sort_by_key(|control| &control.id);
        let mut env = self.case.environment.clone();
        for control in order.iter().filter(|c| c.since.is_none()) {
            put_in_force(&mut env, control, &None);
        }
        run(self.engine, &World::new(env), stage, &with, false)
    }

    /// The level of every step by the definition: allowed in the first run, else in the second, else in the third.
    fn levels(&self, set: Set) -> Vec<Level> {
        let runs = Stage::ALL.map(|stage| self.run(set, stage));
        let any = |stage: usize, step: usize| runs[stage].steps[step].passed.contains(&true);
        let steps = self.case.correlated.steps.iter().enumerate();
        steps
            .map(|(n, step)| match step.failed() || step.context {
                true => Level::NotCut,
                false if any(0, n) => Level::NotCut,
                false if any(1, n) => Level::Unknown,
                false if any(2, n) => Level::Challenged,
                false => Level::Cut,
            })
            .collect()
    }

    fn open(&self, set: Set, stage: Stage) -> Vec<bool> {
        let run = self.run(set, stage);
        self.case.jewels.iter().map(|(jewel, _)| latent::reach(self.engine, &run, jewel).is_some()).collect()
    }
}

/// Whether each jewel is reached from what the attacker held just before some event, or some token's end: every one of
/// those moments looked at, each in a world made from the start's documents by the changes that happened in this run.
fn at_any_moment(slow: &Slow, set: Set, stage: Stage) -> Vec<bool> {
    let run = slow.run(set, stage);
    let correlated = &slow.case.correlated;
    let events = &correlated.window_events;
    let step_of = |at: usize| correlated.steps.iter().position(|step| step.events.contains(&at));
    let begins = (0..events.len()).find(|at| step_of(*at).is_some()).unwrap_or(0);
    let mut env = run.start.clone();
    let mut moments: Vec<(usize, cutset::model::Timestamp, cutset::model::Environment)> = Vec::new();
    for (at, event) in events.iter().enumerate() {
        let happened = match step_of(at) {
            Some(n) => {
                let nth = correlated.steps[n].events.iter().position(|other| *other == at).expect("one of them");
                run.steps[n].passed.get(nth) == Some(&true)
            }
            None => {
                event.outcome == cutset::model::Outcome::Success
                    && baseline_passes(&World::new(env.clone()), event, stage)
            }
        };
        if at > begins {
            moments.push((at, event.time, env.clone()));
        }
        if happened {
            cutset::effect::changes(event).iter().for_each(|change| change.apply(&mut env, event));
        }
    }
    // A token that outlives its session ends between two events.
    let clock: Vec<cutset::model::Timestamp> = (0..correlated.steps.len())
        .flat_map(|n| slow.engine.events_of(n))
        .flat_map(|event| [60, 90].map(|minutes| event.time + jiff::SignedDuration::from_mins(minutes)))
        .collect();
    for time in clock {
        if let Some((at, _, env)) = moments.iter().find(|(_, until, _)| *until >= time).cloned() {
            moments.push((at, time, env));
        }
    }
    let mut found = vec![false; slow.case.jewels.len()];
    let mut look = |from, until, events, env: &cutset::model::Environment| {
        let stretch = Stretch { from, until, events, world: World::new(env.clone()) };
        for (slot, (jewel, _)) in found.iter_mut().zip(&slow.case.jewels) {
            let wanted = std::slice::from_ref(jewel);
            let mut state = latent::State::within(slow.engine, &run, &stretch, wanted, latent::Limit::Nothing);
            latent::search(&mut state);
            *slot |= state.path_to(jewel).is_some();
        }
    };
    for (at, until, env) in &moments {
        look(cutset::model::Timestamp::MIN, Some(*until), *at, env);
    }
    let last = events.last().map_or(cutset::model::Timestamp::MIN, |event| event.time);
    look(last, None, events.len(), &env);
    found
}

/// Inclusion-minimal subsets that the test passes, by trying all in order of size.
fn minimal(sets: &[Set], holds: &dyn Fn(Set) -> bool) -> Vec<Set> {
    let mut ordered = sets.to_vec();
    ordered.sort_by_key(|set| (set.count_ones(), *set));
    let mut found: Vec<Set> = Vec::new();
    for set in ordered {
        if holds(set) && !found.iter().any(|known| known & set == *known) {
            found.push(set);
        }
    }
    found.retain(|set| set.count_ones() as usize <= LISTED);
    found
}

fn ids(controls: &[Control], set: Set) -> Vec<String> {
    members(set).map(|i| controls[i].id.clone()).collect()
}

fn check(name: &str, only: &[&str]) {
    let folder = support::materialize(name);
    let shipped: Vec<String> = only.iter().map(|id| (*id).to_owned()).collect();
    let files = case_files(folder.path(), &shipped);
    let (analysis, _) = cutset::analyze(&files, false).unwrap_or_else(|error| panic!("{name}: {error}"));
    let loaded = cutset::load(&files).unwrap_or_else(|error| panic!("{name}: {error}"));
    let (case, controls) = prepare(&mut loaded.input(false));
    if controls.is_empty() || controls.len() > MOST {
        return;
    }
    let engine = Engine::new(&case);
    let slow = Slow { engine: &engine, case: &case, controls: &controls };
    let jewels: Vec<_> = case.jewels.iter().map(|(id, _)| id.clone()).collect();
    let mut oracle = Oracle::new(&engine, &controls, jewels);
    let all = everything(controls.len());
    let subsets: Vec<Set> = (0..=all).collect();
    let of = |list: &[String]| -> Set {
        controls.iter().enumerate().filter(|(_, c)| list.contains(&c.id)).fold(0, |set, (i, _)| set | 1 << i)
    };
    let candidates = of(&analysis.minimal_control_sets.candidates);
    let switches = of(&analysis.minimal_control_sets.switches);
    let mut levels: BTreeMap<Set, Vec<Level>> = BTreeMap::new();
    let mut open: BTreeMap<(Set, Stage), Vec<bool>> = BTreeMap::new();
    for set in &subsets {
        let found = slow.levels(*set);
        assert_eq!(oracle.levels(*set), found, "{name}: levels under {:?}", ids(&controls, *set));
        // The order in which controls are named is nothing.
        let backwards: Vec<&Control> =
            members(*set).map(|i| &controls[i]).collect::<Vec<_>>().into_iter().rev().collect();
        let runs = engine.runs(&backwards);
        let verdicts: Vec<Level> = cutset::replay::verdicts(&engine, runs.each_ref()).iter().map(|v| v.level).collect();
        assert_eq!(verdicts, found, "{name}: the order of {:?}", ids(&controls, *set));
        levels.insert(*set, found);
        for stage in [Stage::FactsFree, Stage::Free] {
            let found = slow.open(*set, stage);
            assert_eq!(oracle.reached(*set, stage), found, "{name}: paths under {:?} {stage:?}", ids(&controls, *set));
            // Every event of a long window looked at, in worlds made from nothing, is for the small cases.
            let short = slow.case.correlated.window_events.len() <= 50;
            let whole = controls.iter().all(|control| control.since.is_none());
            if short && whole && (set.count_ones() <= 1 || *set == all) {
                let naive = at_any_moment(&slow, *set, stage);
                assert_eq!(found, naive, "{name}: at any moment under {:?} {stage:?}", ids(&controls, *set));
            }
            open.insert((*set, stage), found);
        }
    }
    // Without a control everything is as it was.
    assert!(levels[&0].iter().all(|level| *level == Level::NotCut), "{name}: {:?}", levels[&0]);
    // Within a branch, adding a control never raises a verdict and opens no path.
    for set in subsets.iter().filter(|set| *set & !candidates == 0) {
        for i in members(candidates & !switches & !set) {
            let more = set | 1 << i;
            let raised = levels[set].iter().zip(&levels[&more]).any(|(less, more)| more > less);
            assert!(!raised, "{name}: {} beside {:?} raises a verdict", controls[i].id, ids(&controls, *set));
            for stage in [Stage::FactsFree, Stage::Free] {
                let opened =
                    open[&(*set, stage)].iter().zip(&open[&(more, stage)]).any(|(before, after)| !before && *after);
                assert!(!opened, "{name}: {} beside {:?} opens a path", controls[i].id, ids(&controls, *set));
            }
        }
    }
    let subsets: Vec<Set> = subsets.into_iter().filter(|set| set & !candidates == 0).collect();
    compare(name, &case, &controls, &analysis, &subsets, &levels, &open);
}

/// What is listed is what trying all subsets finds.
fn compare(
    name: &str,
    case: &Case,
    controls: &[Control],
    analysis: &Analysis,
    subsets: &[Set],
    levels: &BTreeMap<Set, Vec<Level>>,
    open: &BTreeMap<(Set, Stage), Vec<bool>>,
) {
    let listed = |sets: Vec<Set>| sets.into_iter().map(|set| ids(controls, set)).collect::<BTreeSet<_>>();
    for (at, (jewel, _)) in case.jewels.iter().enumerate() {
        let closed = |stage: Stage| move |set: Set| !open[&(set, stage)][at];
        let proven = minimal(subsets, &closed(Stage::Free));
        let lacking: Vec<Set> =
            minimal(subsets, &closed(Stage::FactsFree)).into_iter().filter(|set| !closed(Stage::Free)(*set)).collect();
        for (guarantee, slow) in [(Guarantee::Closed, proven), (Guarantee::ClosedIfLacking, lacking)] {
            let found: BTreeSet<Vec<String>> = analysis
                .minimal_control_sets
                .all_paths
                .iter()
                .filter(|set| set.guarantee == guarantee && set.jewel.eq_ignore_ascii_case(jewel.spelled()))
                .map(|set| set.set.clone())
                .collect();
            assert_eq!(found, listed(slow), "{name}: {guarantee:?} sets of {jewel}");
        }
    }
    for (n, step) in analysis.steps.iter().enumerate().filter(|(_, step)| step.outcome == "success") {
        let slow = minimal(subsets, &|set| levels[&set][n] == Level::Cut);
        let found: BTreeSet<Vec<String>> = step.cut_by.iter().cloned().collect();
        assert_eq!(found, listed(slow), "{name}: cut_by of {}", step.id);
    }
}

#[test]
fn every_subset_of_a_small_case() {
    let mut folders: Vec<_> =
        std::fs::read_dir(support::root().join("tests/cases")).expect("cases").flatten().collect();
    folders.sort_by_key(std::fs::DirEntry::file_name);
    for folder in folders.into_iter().filter(|folder| folder.path().join("expected.json").is_file()) {
        let expected = support::json(&folder.path().join("expected.json"));
        let shipped = expected["controls"].as_array().into_iter().flatten().filter_map(|id| id.as_str());
        check(&folder.file_name().to_string_lossy(), &shipped.collect::<Vec<_>>());
    }
}

#[test]
fn every_subset_of_four_controls_of_northgate() {
    check(
        "northgate-silent",
        &["azure-management-mfa", "allowed-locations", "storage-disable-shared-key", "pim-privileged-roles"],
    );
}
