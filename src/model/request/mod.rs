//! What each gate is asked. `effect` makes these from events, the vectors of `tests/vectors/` are read into the same
//! types, and `decide` knows nothing else of where a request came from.

mod activation;
mod arm;
mod policy;
mod sign_in;
mod storage;

pub use activation::{ActivationRequest, ApprovalGiven, RoleQuery, SessionFacts};
pub use arm::{ArmPrincipal, ArmRequest};
pub use policy::{PolicyContext, PolicyRequest};
pub use sign_in::{
    Claims, ClientKind, Device, Identity, IdentityKind, SignInRequest, SignInTarget, Stance, TargetKind,
};
pub use storage::{DataAuthentication, StorageRequest};
