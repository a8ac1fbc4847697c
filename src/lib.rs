//! cutset replays an Azure or Entra incident under controls that were not in force, and proves which of them would
//! have cut which step, which path would still have been open, and which smallest set of controls closes them all.
//!
//! ```text
//! exports ─▶ ingest ─▶ Environment ─┐
//! logs    ─▶ ingest ─▶ Events ─▶ correlate ─▶ Timeline ─▶ causal ─▶ replay ×controls ─▶ cuts ─▶ analysis ─▶ render
//! policies ─▶ control ─────────────────────────────────────▲
//! ```
//!
//! | room | for | deliberately does not know |
//! |---|---|---|
//! | [`model`] | the field's words as types | any other room |
//! | [`effect`] | operation → the requests its gates are asked, what it changes and yields | gates' rules, log formats |
//! | [`ingest`] | foreign bytes → environment and events | what a fact is good for |
//! | [`correlate`] | events → timeline and baseline, each with its why | gates, controls |
//! | [`decide`] | (environment, request) → decision | which log told it, which control asks |
//! | [`control`] | native document → changed environment | what the change decides |
//! | [`causal`] | needs, supports, yields of each step | how a gate decides |
//! | [`replay`] | factual and counterfactual runs | sets of controls and how they are searched |
//! | [`cuts`] | cut conditions, latent paths, exact sets, certificates | how results are shown |
//! | [`analysis`] | the contract `analysis.json` | how bytes were read |
//! | [`render`] | analysis → text and pictures | everything but the analysis |
//! | [`cli`] | files, arguments, exit codes | nothing; it alone touches the world |
//!
//! Arrows point up this list only; `tests/it/arrows.rs` holds them.

pub mod analysis;
pub mod causal;
pub mod cli;
pub mod control;
pub mod correlate;
pub mod cuts;
pub mod decide;
pub mod effect;
pub mod ingest;
pub mod model;
pub mod render;
pub mod replay;
