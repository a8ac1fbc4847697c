//! Events → timeline and baseline, each event with its why; and a late snapshot rewound to before the attack.
//!
//! The walk: [`Correlator::observe`] folds what lies outside the window at once ([`baseline`]) and keeps what lies
//! inside; [`Correlator::finish`] finds the attack's events from the indicators ([`indicator`]), widens until nothing
//! is added ([`widen`], along the links of [`link`]), folds runs of like events into steps ([`fold`]) and pins alerts
//! ([`pin`]). [`rewind()`] takes the attack's doings out of a snapshot that was taken after it.
//!
//! Deliberately knows no gate and no control: it says *which* requests were the attack's, never what became of them
//! under other rules. The order in which events arrive changes nothing in what comes out.

pub mod baseline;
mod change;
mod correlator;
mod explain;
mod fold;
mod identity;
mod index;
mod indicator;
mod lead;
mod link;
mod mark;
mod order;
mod pin;
mod reread;
mod rewind;
mod step;
mod widen;

pub use baseline::{Baseline, Class};
pub use change::changes_state;
pub use correlator::{Correlator, correlate};
pub use explain::{Explained, LeftOut, explain, explained, left_out};
pub use identity::{Identities, is_guid};
pub use pin::PinnedAlert;
pub use rewind::{Act, Rewound, Taken, rewind};
pub use step::{Basis, Correlated, Membership, Step};
