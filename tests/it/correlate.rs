//! Correlation: each folder of `tests/correlate/` is a case (`case.json`), and laws that hold for all of them.

mod case;
mod cases;
mod example;
mod laws;
