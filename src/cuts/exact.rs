//! Exact hitting sets over at most 64 candidates, as bit sets.
//!
//! A clause is a set of candidates of which at least one must be in force. [`minimal_hitting_sets`] lists all
//! inclusion-minimal sets that meet every clause; [`cheapest_hitting_set`] finds one of least weight. Both are exact;
//! the tests hold them to trying all subsets and to an integer program.

/// A set of candidates: bit `i` is candidate `i`.
pub type Set = u64;

/// Members of a set, lowest first.
pub fn members(mut set: Set) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        if set == 0 {
            return None;
        }
        let at = set.trailing_zeros() as usize;
        set &= set - 1;
        Some(at)
    })
}

/// All candidates of `n`.
pub fn everything(n: usize) -> Set {
    if n >= 64 { Set::MAX } else { (1 << n) - 1 }
}

/// Clauses without those that another clause implies (a superset asks nothing more).
pub fn reduce(clauses: &[Set]) -> Vec<Set> {
    let mut sorted: Vec<Set> = clauses.to_vec();
    sorted.sort_unstable_by_key(|c| (c.count_ones(), *c));
    sorted.dedup();
    let mut kept: Vec<Set> = Vec::new();
    for clause in sorted {
        if !kept.iter().any(|k| k & clause == *k) {
            kept.push(clause);
        }
    }
    kept
}

/// All inclusion-minimal hitting sets of at most `most` members, in ascending order of (size, bits).
///
/// Branches on the uncovered clause with the fewest candidates left; a member stays only while some clause is met by
/// it alone, so that every set found is minimal and found once (Murakami and Uno's *critical hyperedges*).
pub fn minimal_hitting_sets(clauses: &[Set], most: usize) -> Vec<Set> {
    let clauses = reduce(clauses);
    let mut found = Vec::new();
    if clauses.first() == Some(&0) {
        return found;
    }
    let mut search = Minimal { clauses: &clauses, most, found: &mut found };
    search.branch(0, Set::MAX);
    found.sort_unstable_by_key(|s| (s.count_ones(), *s));
    found.dedup();
    found
}

struct Minimal<'a> {
    clauses: &'a [Set],
    most: usize,
    found: &'a mut Vec<Set>,
}

impl Minimal<'_> {
    fn branch(&mut self, chosen: Set, allowed: Set) {
        let mut best: Option<Set> = None;
        let mut critical: Set = 0;
        for clause in self.clauses {
            let met = clause & chosen;
            if met == 0 {
                let open = clause & allowed;
                if open == 0 {
                    return;
                }
                if best.is_none_or(|b| open.count_ones() < b.count_ones()) {
                    best = Some(open);
                }
            } else if met & (met - 1) == 0 {
                critical |= met;
            }
        }
        if critical != chosen {
            return;
        }
        let Some(open) = best else {
            self.found.push(chosen);
            return;
        };
        if chosen.count_ones() as usize >= self.most {
            return;
        }
        let mut allowed = allowed;
        for member in members(open) {
            allowed &= !(1 << member);
            self.branch(chosen | 1 << member, allowed);
        }
    }
}

/// A hitting set of least weight (`weights[i]` for candidate `i`), the one with the smallest bits among equals that
/// the search meets; none if some clause is empty.
///
/// Branch and bound: the lower bound adds, over disjoint uncovered clauses, the lightest member of each.
pub fn cheapest_hitting_set(clauses: &[Set], weights: &[u64]) -> Option<Set> {
    let clauses = reduce(clauses);
    if clauses.first() == Some(&0) {
        return None;
    }
    let weight = |i: usize| weights.get(i).copied().unwrap_or(1);
    let greedy = greedy(&clauses, &weight);
    let mut search = Cheapest { weights, best: greedy, best_weight: members(greedy).map(weight).sum() };
    search.branch(&clauses, 0, 0, Set::MAX);
    Some(search.best)
}

fn greedy(clauses: &[Set], weight: &dyn Fn(usize) -> u64) -> Set {
    let mut open: Vec<Set> = clauses.to_vec();
    let mut chosen = 0;
    while !open.is_empty() {
        let all = open.iter().fold(0, |a, c| a | c);
        let hits = |i: usize| open.iter().filter(|c| *c & (1 << i) != 0).count() as u64;
        // Most clauses per weight; compared by cross product, so that no rounding decides.
        let best = members(all)
            .max_by(|a, b| (hits(*a) * weight(*b).max(1)).cmp(&(hits(*b) * weight(*a).max(1))).then(b.cmp(a)));
        let Some(best) = best else { break };
        chosen |= 1 << best;
        open.retain(|c| c & (1 << best) == 0);
    }
    // Drop what became needless.
    for i in members(chosen) {
        let without = chosen & !(1 << i);
        if clauses.iter().all(|c| c & without != 0) {
            chosen = without;
        }
    }
    chosen
}

struct Cheapest<'a> {
    weights: &'a [u64],
    best: Set,
    best_weight: u64,
}

impl Cheapest<'_> {
    fn weight(&self, i: usize) -> u64 {
        self.weights.get(i).copied().unwrap_or(1)
    }

    /// A lower bound on what the open clauses still cost, and the reduced cost of each candidate: by dual ascent, each
    /// clause in turn takes the least that is left of its members' weights. Taking a candidate costs at least the bound
    /// and its reduced cost.
    fn bound(&self, clauses: &[Set]) -> (u64, [u64; 64]) {
        let mut left = [0; 64];
        for (i, slot) in left.iter_mut().enumerate() {
            *slot = self.weight(i);
        }
        let mut bound = 0;
        for clause in clauses {
            let least = members(*clause).map(|i| left[i]).min().unwrap_or(0);
            if least > 0 {
                bound += least;
                members(*clause).for_each(|i| left[i] -= least);
            }
        }
        (bound, left)
    }

    fn branch(&mut self, open: &[Set], chosen: Set, spent: u64, allowed: Set) {
        if spent >= self.best_weight {
            return;
        }
        if open.is_empty() {
            self.best = chosen;
            self.best_weight = spent;
            return;
        }
        let mut allowed = allowed;
        let mut clauses: Vec<Set> = open.iter().map(|clause| clause & allowed).collect();
        loop {
            clauses.sort_unstable_by_key(|clause| clause.count_ones());
            if clauses.first() == Some(&0) {
                return;
            }
            let (bound, reduced) = self.bound(&clauses);
            if spent + bound >= self.best_weight {
                return;
            }
            // Whoever cannot be in a lighter set than the best known is out.
            let all = clauses.iter().fold(0, |all, clause| all | clause);
            let out =
                members(all).filter(|i| spent + bound + reduced[*i] >= self.best_weight).fold(0, |o, i| o | 1 << i);
            if out == 0 {
                break;
            }
            allowed &= !out;
            clauses.iter_mut().for_each(|clause| *clause &= allowed);
        }
        let open = clauses;
        let Some(pick) = open.first().copied() else { return };
        let mut order: Vec<(u64, usize, usize)> = members(pick)
            .map(|i| {
                let hits = open.iter().filter(|c| *c & (1 << i) != 0).count();
                (self.weight(i), usize::MAX - hits, i)
            })
            .collect();
        order.sort_unstable();
        for (_, _, i) in order {
            let rest: Vec<Set> = open.iter().copied().filter(|c| c & (1 << i) == 0).collect();
            self.branch(&rest, chosen | 1 << i, spent + self.weight(i), allowed & !(1 << i));
            allowed &= !(1 << i);
        }
    }
}

/// A clause with its proof: all of `insecure` in force, the path is open; so one of `outside` must be in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clause {
    pub outside: Set,
    pub insecure: Set,
}

/// What the search over a monotone oracle found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dual {
    pub clauses: Vec<Clause>,
    /// Inclusion-minimal secure sets of at most the asked size.
    pub minimal: Vec<Set>,
    /// All candidates together are insecure.
    pub uncovered: bool,
    /// Inclusion-minimal sets beyond that size, as far as counted.
    pub truncated: u64,
}

/// Beyond the listed size, minimal sets are counted only up to this many members.
const COUNTED: usize = 8;

/// All inclusion-minimal secure sets among `candidates`, by implicit hitting sets: from an insecure set grow a maximal
/// insecure one; the candidates outside it are a clause. `secure` must be monotone on subsets of `candidates` united
/// with `base` (those always in force).
pub fn dualize(candidates: Set, base: Set, most: usize, secure: &mut dyn FnMut(Set) -> bool) -> Dual {
    let mut dual = Dual::default();
    if !secure(base | candidates) {
        dual.uncovered = true;
        return dual;
    }
    let mut confirmed: Vec<Set> = Vec::new();
    // Whoever is secure alone is in no insecure set: an insecure set is grown among the others.
    let alone: Set = members(candidates).filter(|i| secure(base | 1 << i)).fold(0, |set, i| set | 1 << i);
    loop {
        let outside: Vec<Set> = dual.clauses.iter().map(|c| c.outside).collect();
        let sets = minimal_hitting_sets(&outside, most);
        let mut grew = false;
        for set in &sets {
            if confirmed.contains(set) {
                continue;
            }
            // A clause found in this round may already refute it.
            if dual.clauses.iter().any(|c| c.outside & set == 0) {
                continue;
            }
            if secure(base | set) {
                confirmed.push(*set);
            } else {
                dual.clauses.push(grow(candidates, candidates & !alone, base, *set, secure));
                grew = true;
            }
        }
        if !grew {
            // Longer sets must be refuted too, or the clauses are not all of them.
            let longer = minimal_hitting_sets(&outside, most.max(COUNTED));
            let mut beyond = 0;
            for set in longer.iter().filter(|s| s.count_ones() as usize > most) {
                if dual.clauses.iter().any(|c| c.outside & set == 0) {
                    continue;
                }
                if secure(base | set) {
                    beyond += 1;
                } else {
                    dual.clauses.push(grow(candidates, candidates & !alone, base, *set, secure));
                    grew = true;
                }
            }
            if !grew {
                dual.minimal = sets;
                dual.truncated = beyond;
                return dual;
            }
        }
    }
}

/// Grows a maximal insecure set. Whole blocks first: most candidates change nothing about one question, and a block
/// that may be added whole costs one call.
fn grow(candidates: Set, among: Set, base: Set, from: Set, secure: &mut dyn FnMut(Set) -> bool) -> Clause {
    let mut insecure = from;
    let mut blocks: Vec<Vec<usize>> = vec![members(among & !from).collect()];
    while let Some(block) = blocks.pop() {
        let whole = block.iter().fold(insecure, |set, i| set | 1 << i);
        if block.is_empty() || whole == insecure {
            continue;
        }
        if !secure(base | whole) {
            insecure = whole;
        } else if block.len() > 1 {
            let (first, second) = block.split_at(block.len() / 2);
            // INVARIANT: blocks are tried in ascending order, so that the result does not depend on how they split.
            blocks.push(second.to_vec());
            blocks.push(first.to_vec());
        }
    }
    Clause { outside: candidates & !insecure, insecure: insecure | base }
}
