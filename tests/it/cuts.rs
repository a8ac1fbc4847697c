//! Exact sets against trying all subsets, and against an integer program.

use cutset::cuts::exact::{Set, cheapest_hitting_set, dualize, everything, members, minimal_hitting_sets};
use good_lp::{Expression, Solution, SolverModel, constraint, microlp, variable, variables};
use proptest::prelude::*;

fn hits(set: Set, clauses: &[Set]) -> bool {
    clauses.iter().all(|clause| clause & set != 0)
}

/// The slow truth: every subset, in order of size.
fn all_minimal(n: usize, secure: &dyn Fn(Set) -> bool) -> Vec<Set> {
    let mut subsets: Vec<Set> = (0..1u64 << n).collect();
    subsets.sort_by_key(|s| (s.count_ones(), *s));
    let mut minimal: Vec<Set> = Vec::new();
    for set in subsets {
        if secure(set) && !minimal.iter().any(|m| m & set == *m) {
            minimal.push(set);
        }
    }
    minimal
}

fn weight(set: Set, weights: &[u64]) -> u64 {
    members(set).map(|i| weights[i]).sum()
}

/// The cheapest by an integer program.
fn by_program(clauses: &[Set], weights: &[u64]) -> u64 {
    variables! { problem: }
    let chosen: Vec<_> = weights.iter().map(|_| problem.add(variable().binary())).collect();
    let cost: Expression = chosen.iter().zip(weights).map(|(v, w)| *v * (*w as f64)).sum();
    let mut model = problem.minimise(cost).using(microlp);
    for clause in clauses {
        let sum: Expression = members(*clause).map(|i| Expression::from(chosen[i])).sum();
        model = model.with(constraint!(sum >= 1));
    }
    let solution = model.solve().expect("it has a solution");
    chosen.iter().zip(weights).map(|(v, w)| (solution.value(*v).round() as u64) * w).sum()
}

fn clauses(n: usize) -> impl Strategy<Value = Vec<Set>> {
    prop::collection::vec(1..(1u64 << n), 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn hitting_sets_agree_with_trying_all_subsets(
        (n, clauses, weights) in (1usize..=10).prop_flat_map(|n| (Just(n), clauses(n), prop::collection::vec(1u64..6, n)))
    ) {
        let slow = all_minimal(n, &|set| hits(set, &clauses));
        prop_assert_eq!(&minimal_hitting_sets(&clauses, 64), &slow);
        let cheapest = cheapest_hitting_set(&clauses, &weights).expect("no clause is empty");
        prop_assert!(hits(cheapest, &clauses));
        let best = slow.iter().map(|s| weight(*s, &weights)).min();
        prop_assert_eq!(Some(weight(cheapest, &weights)), best);
    }

    /// The oracle says only yes or no: a cut that needs two controls at once comes out as one set of two.
    #[test]
    fn duality_finds_every_minimal_secure_set(
        // A path is cut when all of one of its cuts are in force.
        (n, paths) in (1usize..=8).prop_flat_map(|n| {
            (Just(n), prop::collection::vec(prop::collection::vec(1..(1u64 << n), 1..4), 1..5))
        })
    ) {
        let secure = |set: Set| paths.iter().all(|cuts| cuts.iter().any(|cut| cut & set == *cut));
        let dual = dualize(everything(n), 0, 64, &mut { secure });
        prop_assert!(!dual.uncovered);
        prop_assert_eq!(&dual.minimal, &all_minimal(n, &secure));
        for clause in &dual.clauses {
            prop_assert!(!secure(clause.insecure));
            prop_assert!(members(clause.outside).all(|i| secure(clause.insecure | 1 << i)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_cheapest_set_agrees_with_an_integer_program(
        clauses in clauses(20), weights in prop::collection::vec(1u64..9, 20)
    ) {
        let cheapest = cheapest_hitting_set(&clauses, &weights).expect("no clause is empty");
        prop_assert_eq!(weight(cheapest, &weights), by_program(&clauses, &weights));
    }
}

#[test]
fn nothing_meets_an_empty_clause() {
    assert!(minimal_hitting_sets(&[0b11, 0], 64).is_empty());
    assert_eq!(cheapest_hitting_set(&[0b11, 0], &[1, 1]), None);
    assert!(dualize(everything(3), 0, 64, &mut |_| false).uncovered);
    assert_eq!(dualize(everything(3), 0, 64, &mut |_| true).minimal, [0]);
}
