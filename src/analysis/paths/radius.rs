//! Blast radius: everything one principal reaches.
//!
//! Each resource is asked about by a search of its own; first as an attacker who holds every word, since what is closed
//! to that one is closed to all. The more a principal can come to act as, the more a search costs: then fewer resources
//! are asked about, and the limit is said.

use super::{Blast, Reached, World, missing, words};
use crate::analysis::contract::Closes;
use crate::analysis::fill::principal_name_of;
use crate::cuts::latent::{Limit, State, search};
use crate::cuts::path_within;
use crate::model::{ObjectId, ResourceId};
use crate::replay::Engine;

/// Principals times resources that are asked about.
const WORK: usize = 40_000;
/// Resources that are asked about whatever it costs.
const LEAST: usize = 400;

/// `limits`: what was left out.
pub fn blast(
    engine: &Engine<'_>,
    world: &World,
    from: &ObjectId,
    resources: &[ResourceId],
    limits: &mut Vec<String>,
) -> Blast {
    let mut whole = State::new(engine, &world.facts_free, &[]);
    whole.hold(from);
    whole.exhaustive();
    search(&mut whole);
    let becomes = whole.principals();
    let most = (WORK / becomes.len().max(1)).max(LEAST);
    if resources.len() > most {
        limits.push(format!(
            "the blast radius of {} counts {most} of {} resources: name others with --to",
            principal_name_of(engine, from),
            resources.len()
        ));
    }
    let mut reaches = Vec::new();
    for resource in resources.iter().take(most) {
        let Some(possible) = path_within(engine, &world.free, from, resource, Limit::Nothing) else { continue };
        let (open, path) = match path_within(engine, &world.facts_free, from, resource, Limit::Nothing) {
            Some(path) => (Closes::NotClosed, path),
            None => (Closes::ClosedIfLacking, possible),
        };
        reaches.push(Reached {
            to: resource.spelled().to_owned(),
            open,
            operations: path.nodes.len(),
            words: words(Some(&path)),
            missing: missing(Some(&path)),
        });
    }
    Blast {
        from: principal_name_of(engine, from),
        of: resources.len().min(most),
        reaches,
        becomes: becomes.iter().filter(|id| *id != from).map(|id| principal_name_of(engine, id)).collect(),
    }
}
