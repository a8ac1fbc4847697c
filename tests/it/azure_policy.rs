//! The Azure Policy gate: its vectors, its definitions, its laws.

mod answers;
mod hostile;
mod laws;
mod naive;
mod samples;
mod shared;
mod vectors;
