//! Who reaches a resource: everybody in the directory, in kinds of principals that every gate treats alike.
//!
//! One search a kind, each from the same ground; whoever somebody without a way can come to act as has none either (what
//! they can do is part of what that somebody can do), so those are not asked.

use super::class::Class;
use super::{Pair, Paths, ReachedBy, World, pair};
use crate::cuts::latent::{State, search};
use crate::model::{ObjectId, ResourceId};
use crate::replay::Engine;
use std::collections::BTreeSet;

/// Kinds of principals whose path is listed hop by hop.
const LISTED: usize = 60;

/// The open pairs; those that are closed are counted.
pub fn reachers(
    engine: &Engine<'_>,
    world: &World,
    classes: &[Class],
    to: &ResourceId,
    result: &mut Paths,
    limits: &mut Vec<String>,
) {
    let mut without: BTreeSet<ObjectId> = BTreeSet::new();
    let (mut kinds, mut principals, mut of) = (0, 0, 0);
    for class in classes {
        of += 1 + class.alike.len();
        if without.contains(&class.witness) {
            continue;
        }
        let mut state = State::new(engine, &world.free, std::slice::from_ref(to));
        state.hold(&class.witness);
        search(&mut state);
        if !state.all_reached() {
            without.extend(state.principals());
            continue;
        }
        kinds += 1;
        principals += 1 + class.alike.len();
        pair(engine, world, class, to, None, kinds <= LISTED, result);
    }
    if kinds > LISTED {
        limits.push(format!(
            "paths are listed for the first {LISTED} of {kinds} kinds of principals that reach {}: name others with --from",
            to.name()
        ));
    }
    result.reached_by.push(ReachedBy { to: to.spelled().to_owned(), principals, kinds, of });
}

/// Of the pairs to a resource, each with its class.
pub fn open_pairs<'r>(classes: &'r [Class], to: &ResourceId, result: &'r Paths) -> Vec<(&'r Class, &'r Pair)> {
    let of = result.pairs.iter().filter(|pair| pair.to == to.spelled());
    of.filter_map(|pair| Some((classes.iter().find(|class| class.witness.as_str() == pair.from_id)?, pair))).collect()
}
