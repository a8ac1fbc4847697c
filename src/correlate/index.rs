//! Which events carry which link, both ways, by number.

use super::identity::Principal;
use super::lead::World;
use super::link::{self, Link};
use crate::model::Event;
use std::collections::HashMap;

#[derive(Debug, Default)]
pub struct Index {
    numbers: HashMap<Link, u32>,
    by_number: Vec<Link>,
    /// Links of event `n`: `links[starts[n]..starts[n + 1]]`.
    starts: Vec<usize>,
    links: Vec<u32>,
    /// Events of link `n`, in order: `events[first[n]..first[n + 1]]`.
    first: Vec<usize>,
    events: Vec<u32>,
}

impl Index {
    pub fn new(events: &[Event], principals: &[Option<Principal>], world: &World<'_>) -> Index {
        let mut index = Index { starts: vec![0], ..Index::default() };
        for (at, event) in events.iter().enumerate() {
            let principal = principals.get(at).copied().flatten();
            let Index { numbers, by_number, links, .. } = &mut index;
            let own = links.len();
            link::each(event, principal, world.identities, world.past, world.marker, &mut |link| {
                let number = *numbers.entry(link).or_insert_with(|| {
                    by_number.push(link);
                    u32::try_from(by_number.len() - 1).unwrap_or(u32::MAX)
                });
                if !links.iter().skip(own).any(|known| *known == number) {
                    links.push(number);
                }
            });
            index.starts.push(index.links.len());
        }
        index.turn_round();
        index
    }

    /// A counting sort: how many events each link has, where its events begin, and then which they are.
    fn turn_round(&mut self) {
        let mut next = vec![0usize; self.by_number.len() + 1];
        for link in &self.links {
            if let Some(count) = next.get_mut(*link as usize + 1) {
                *count += 1;
            }
        }
        for at in 1..next.len() {
            let before = next.get(at - 1).copied().unwrap_or_default();
            if let Some(count) = next.get_mut(at) {
                *count += before;
            }
        }
        self.first = next.clone();
        self.events = vec![0; self.links.len()];
        for (event, own) in self.starts.windows(2).enumerate() {
            let [start, end] = own else { continue };
            for link in self.links.get(*start..*end).unwrap_or_default() {
                if let Some(place) = next.get_mut(*link as usize) {
                    if let Some(slot) = self.events.get_mut(*place) {
                        *slot = u32::try_from(event).unwrap_or(u32::MAX);
                    }
                    *place += 1;
                }
            }
        }
    }

    pub fn links(&self) -> usize {
        self.by_number.len()
    }

    pub fn number(&self, link: &Link) -> Option<u32> {
        self.numbers.get(link).copied()
    }

    /// The `n`th link of an event, with its number.
    pub fn link_of(&self, event: usize, n: usize) -> Option<(u32, Link)> {
        let (start, end) = (self.starts.get(event)?, self.starts.get(event + 1)?);
        let number = *self.links.get(*start..*end)?.get(n)?;
        Some((number, *self.by_number.get(number as usize)?))
    }

    /// How many events carry a link.
    pub fn carriers(&self, number: u32) -> usize {
        self.of_number(number).len()
    }

    /// The events that carry a link, in order.
    pub fn carrying(&self, link: &Link) -> impl Iterator<Item = usize> {
        let events = self.number(link).map_or(&[][..], |number| self.of_number(number));
        events.iter().map(|at| *at as usize)
    }

    fn of_number(&self, number: u32) -> &[u32] {
        let bounds = self.first.get(number as usize).zip(self.first.get(number as usize + 1));
        bounds.and_then(|(start, end)| self.events.get(*start..*end)).unwrap_or_default()
    }
}
