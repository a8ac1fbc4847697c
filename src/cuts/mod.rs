//! Cut conditions, latent and residual paths, exact sets, certificates. Replay is the only oracle.

pub mod exact;
pub mod latent;
mod minimal_paths;
mod oracle;
mod residual;
mod sets;
mod switch;

pub use minimal_paths::{Bounds, MinimalPaths, Operation, minimal_paths, operations, path_within};
pub use oracle::Oracle;
pub use residual::{Residual, residual, way_left, way_within};
pub use sets::{ClauseFound, Found, Guarantee, JewelSets, LISTED, all, all_paths, conditions, observed};
pub use switch::{MOST, switches};
