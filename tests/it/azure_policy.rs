//! The Azure Policy gate: its vectors, its definitions, its laws.

mod samples;
mod shared;
mod vectors;
