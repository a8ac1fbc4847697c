//! The Azure Policy gate: its vectors, its definitions, its laws.

mod hostile;
mod laws;
mod naive;
mod samples;
mod shared;
mod vectors;
