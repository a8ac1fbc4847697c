//! What each candidate cuts: path by path, pair by pair, and of a blast radius.

use super::asked::{From, To};
use super::class::Class;
use super::radius::blast;
use super::reachers::open_pairs;
use super::{Cell, Pair, Paths, Row, World};
use crate::analysis::contract::Closes;
use crate::cuts::latent::{Limit, Path};
use crate::model::{Control, ResourceId};
use crate::replay::Engine;
use std::collections::BTreeSet;

/// Searches this table may cost, and resources of a blast radius it is counted over.
const SEARCHES: usize = 6_000;
const RADIUS: usize = 200;

pub fn rows(
    engine: &Engine<'_>,
    controls: &[Control],
    in_force: &[&Control],
    from: &From,
    to: &To,
    result: &Paths,
    limits: &mut Vec<String>,
) -> Vec<Row> {
    let mut open: Vec<(&Pair, (&Class, &ResourceId))> = Vec::new();
    for to in &to.resources {
        let pairs = open_pairs(&from.classes, to, result);
        open.extend(pairs.into_iter().filter(|(_, p)| p.open != Closes::Closed).map(|(c, p)| (p, (c, to))));
    }
    let candidates: Vec<&Control> =
        controls.iter().filter(|control| !in_force.iter().any(|other| other.id == control.id)).collect();
    let most = (SEARCHES / (2 * candidates.len()).max(1)).max(1);
    if open.len() > most {
        limits.push(format!("what candidates cut is counted over the first {most} of {} open pairs", open.len()));
        open.truncate(most);
    }
    let mut within: Vec<ResourceId> = result
        .blast_radius
        .iter()
        .flat_map(|blast| blast.reaches.iter().map(|reached| ResourceId::new(&reached.to)))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let mut before: usize = result.blast_radius.iter().map(|blast| blast.reaches.len()).sum();
    if within.len() > RADIUS {
        limits.push(format!(
            "what candidates cut of the blast radius is counted over {RADIUS} of {} resources",
            within.len()
        ));
        within.truncate(RADIUS);
        let kept = |reached: &&super::Reached| within.iter().any(|id| id.spelled() == reached.to);
        before = result.blast_radius.iter().map(|blast| blast.reaches.iter().filter(kept).count()).sum();
    }
    let mut rows = Vec::new();
    for control in candidates {
        let mut with = in_force.to_vec();
        with.push(control);
        let world = World::under(engine, &with);
        let mut row = Row {
            control: control.id.clone(),
            title: control.title.clone(),
            short: control.short.clone(),
            effort: control.effort,
            paths: Vec::new(),
            closed: 0,
            closed_if_lacking: 0,
            unknown: 0,
            of: open.len(),
            words: Vec::new(),
            missing: Vec::new(),
            reaches: None,
        };
        let (mut words, mut facts) = (BTreeSet::new(), BTreeSet::new());
        let mut changes = false;
        for (pair, (class, resource)) in &open {
            let (closes, path) = world.open(engine, &class.witness, resource, &Limit::Nothing);
            let cell = cell(pair.open, &pair.missing, closes, path.as_ref());
            row.closed += usize::from(cell == Cell::Closed);
            row.closed_if_lacking += usize::from(cell == Cell::ClosedIfLacking);
            row.unknown += usize::from(cell == Cell::Unknown);
            if cell == Cell::ClosedIfLacking {
                words.extend(path.iter().flat_map(|p| &p.words).map(|word| word.as_str().to_owned()));
            }
            if cell == Cell::Unknown {
                let new = path.iter().flat_map(|p| &p.missing).map(|fact| fact.to_string());
                facts.extend(new.filter(|fact| !pair.missing.contains(fact)));
            }
            changes |= cell != Cell::NotClosed;
            for listed in result.paths.iter().filter(|listed| pair.paths.contains(&listed.id)) {
                let left = match closes {
                    Closes::Closed => Cell::Closed,
                    Closes::ClosedIfLacking | Closes::NotClosed => {
                        let operations = listed.steps.iter();
                        let limit = Limit::Exactly(
                            operations
                                .map(|s| (s.action.clone(), s.to_id.clone().unwrap_or_else(|| s.to.clone())))
                                .collect(),
                        );
                        let (closes, path) = world.open(engine, &class.witness, resource, &limit);
                        self::cell(listed.open, &listed.missing, closes, path.as_ref())
                    }
                };
                changes |= left != Cell::NotClosed;
                row.paths.push(left);
            }
        }
        row.missing = facts.into_iter().collect();
        row.words = words.into_iter().collect();
        if open.is_empty() && before > 0 {
            let after: usize = from
                .classes
                .iter()
                .map(|class| blast(engine, &world, &class.witness, &within, &mut Vec::new()))
                .map(|after| after.reaches.iter().filter(|reached| reached.open == Closes::NotClosed).count())
                .sum();
            changes |= after < before;
            row.reaches = Some(after);
        }
        if changes {
            rows.push(row);
        }
    }
    let cut = |row: &Row| row.paths.iter().filter(|cell| **cell == Cell::Closed).count();
    rows.sort_by(|a, b| {
        (b.closed, b.closed_if_lacking, cut(b))
            .cmp(&(a.closed, a.closed_if_lacking, cut(a)))
            .then_with(|| a.reaches.cmp(&b.reaches))
            .then_with(|| (a.effort, &a.control).cmp(&(b.effort, &b.control)))
    });
    rows
}

/// What is left, seen from how open it was; a fact that mattered before already is nothing new.
fn cell(before: Closes, known: &[String], now: Closes, path: Option<&Path>) -> Cell {
    let new = path.is_some_and(|path| path.missing.iter().any(|fact| !known.contains(&fact.to_string())));
    match (before, now) {
        (_, Closes::Closed) => Cell::Closed,
        (Closes::NotClosed, Closes::ClosedIfLacking) => Cell::ClosedIfLacking,
        (_, Closes::ClosedIfLacking | Closes::NotClosed) if new => Cell::Unknown,
        (_, Closes::ClosedIfLacking | Closes::NotClosed) => Cell::NotClosed,
    }
}
