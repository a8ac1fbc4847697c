//! Factual and counterfactual runs of the incident: a verdict a step, calibration, collateral.
//!
//! Attack success is one of four values, and the chain is exactly three two-valued runs ([`Stage`]): *pessimist* (words
//! nobody listed are lacked, unknown is refused), *facts-free* (lacked, unknown is allowed), *free* (held, allowed).
//! Each run threads the environment through all events of the window in time order; an event's effects apply only if
//! it succeeded in that run. What the factual run cannot explain is held in every world; what a recorded success
//! settles is settled in every world.

mod ask;
pub mod calibration;
pub mod collateral;
mod data;
mod directory;
mod engine;
mod names;
mod run;
mod stranger;
mod stretch;
mod token;
mod verdict;

pub use ask::{Asked, GateName, Part, PartKind, activation_answer, baseline_passes, token_lives, unseen_right};
pub use data::outcome;
pub use directory::directory_answer;
pub use engine::{Engine, Factual, Waiver, principal_name};
pub use names::{azure_role_name, directory_role_name, known_name, scope_name};
pub use run::{Run, Stage, StepRun, run};
pub use stranger::unrecorded_sign_in;
pub use stretch::{Ends, Stretch};
pub use token::{Way, azure_eligibilities, unseen_eligibility, ways_to_token};
pub use verdict::{Counts, Undoing, Verdict, holds_token, loosened, verdicts};
