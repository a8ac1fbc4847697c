//! Outputs: every renderer over hand-written, generated and hostile analyses.

use cutset::analysis::si;

#[test]
fn sizes_have_three_digits_rounded_half_up() {
    for (bytes, text) in [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (1499, "1.5 kB"),
        (2_450_000_000, "2.45 GB"),
        (2_304_512_000, "2.3 GB"),
        (145_488_000, "145 MB"),
        (145_500_000, "146 MB"),
        (999_499_999, "999 MB"),
        (999_500_000, "1 GB"),
        (1_005_000, "1.01 MB"),
        (u64::MAX, "18.4 EB"),
    ] {
        assert_eq!(si(bytes), text, "{bytes}");
    }
}
