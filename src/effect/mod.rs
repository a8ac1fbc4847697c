//! Operation → the requests its gates are asked, what a success changes in the environment, and what it yields.
//!
//! One table read both ways: forwards by replay, backwards by rewind. Deliberately knows no gate's rules and no log
//! format: it turns an event of any product into the requests of `model::request`.

mod arm;
mod audience;
mod capability;
mod change;
mod data;
mod directory;
mod directory_change;
mod ending;
mod execution;
mod identity;
mod principal;
mod sign_in;

pub use arm::{arm_request, policy_context, policy_request};
pub use audience::Audience;
pub use capability::{Capability, Yielded, yields};
pub use change::{Change, changes, delegation_keys_revoked};
pub use data::{
    DataOperation, account_document, container_document, data_operation, exports_disk, signer_of, storage_request,
    vault_operation,
};
pub use directory::{directory_roles_for, owners_may, permission_allows};
pub use directory_change::{is_understood, told};
pub use ending::{Ending, endings};
pub use execution::{ADMINISTRATOR_LOGIN, Host, concerns_code, host, hosts, runs_on};
pub use identity::{Carried, assigned, named, own_identity, principals as identities_of};
pub use principal::{active_directory_roles, arm_principal, principal_of};
pub use sign_in::{sign_in_request, sign_in_request_of, single_tenant};
