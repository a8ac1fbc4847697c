//! Exact sets at the sizes a large tenant brings: 60 candidates with 2,000 paths, and all minimal sets of 24.

use cutset::cuts::exact::{Set, cheapest_hitting_set, minimal_hitting_sets};
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

/// Fixed pseudo-random clauses of `least..=most` members among `n` (a multiplicative generator, no seed from outside).
fn clauses(n: u64, count: usize, least: u64, most: u64) -> Vec<Set> {
    let mut state = 0x2026_0321_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    (0..count)
        .map(|_| {
            let size = least + next() % (most - least + 1);
            let mut clause: Set = 0;
            while u64::from(clause.count_ones()) < size {
                clause |= 1 << (next() % n);
            }
            clause
        })
        .collect()
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn cheapest_of_60_with_2000_clauses_of_3_to_8(bencher: Bencher) {
    let clauses = clauses(60, 2000, 3, 8);
    let weights: Vec<u64> = (0..60).map(|i| 1 + i % 5).collect();
    bencher.bench(|| cheapest_hitting_set(black_box(&clauses), black_box(&weights)));
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn cheapest_of_60_with_2000_clauses_of_5_to_12(bencher: Bencher) {
    let clauses = clauses(60, 2000, 5, 12);
    let weights: Vec<u64> = (0..60).map(|i| 1 + i % 5).collect();
    bencher.bench(|| cheapest_hitting_set(black_box(&clauses), black_box(&weights)));
}

#[divan::bench]
fn all_minimal_of_24_with_38_clauses(bencher: Bencher) {
    let clauses = clauses(24, 38, 3, 8);
    bencher.bench(|| minimal_hitting_sets(black_box(&clauses), 64));
}
