//! The field's words as types. This room knows no other room: no log format, no gate, no output.
//!
//! Every other room speaks in these types, so a change here is a change everywhere; the words are those of the
//! project's vocabulary (environment, principal, scope, event, step, capability, need, support, control, gate, verdict).

mod answer;
mod control;
mod document;
mod environment;
mod event;
mod evidence;
mod fact;
mod id;
mod incident;
mod input_error;
pub mod json;
pub mod request;
mod truth;
mod word;

pub use answer::{Answer, Clause, Level};
pub use control::{Apply, Control, ControlResult, Family, Origin, Part, PimScope};
pub use document::{Collected, Collection, Document, Kind};
pub use environment::{Environment, Tenant};
pub use event::{
    Actor, ActorKind, AlertDetail, AppliedPolicy, ArmDetail, AuditTarget, Authorization, DataDetail, Detail,
    DirectoryDetail, Event, Outcome, SignInCategory, SignInDetail,
};
pub use evidence::{Evidence, Source};
pub use fact::Fact;
pub use id::{ObjectId, ResourceId};
pub use incident::{
    Attack, AttackerWords, Correction, DateOrder, HeldWord, Incident, Indicators, Jewel, MandatoryMfa, TenantFacts,
    Window,
};
pub use input_error::{InputError, did_you_mean, from_json, nearest};
pub use truth::{Missing, Truth};
pub use word::{Attacker, Word};

pub use jiff::Timestamp;
