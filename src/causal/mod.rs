//! What each step needs, what supports each need, and what it yields: a graph of AND needs and OR supports.
//!
//! [`World`] is an environment with its compiled gates. [`Case`] is everything replay is told once. [`links`] finds the
//! world-independent part of the graph (which sign-in issued the token, which listing gave the key, what must exist);
//! which grants allow a call is asked of the deciders, in whatever world replay is in. This room never re-implements
//! what a gate decides.

mod case;
mod links;
mod world;

pub use case::{Case, Words};
pub use links::{KeyLink, StepLinks, Support, SupportFrom, TokenLink, links, not_after};
pub use world::World;
