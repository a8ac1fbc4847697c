//! A request, prepared once: folded, with its verb and everything that covers its scope.

use super::condition::Context;
use super::pattern::fold;
use super::scope::{Hierarchy, Target};
use crate::model::request::ArmRequest;

pub(super) struct Asked<'a> {
    pub request: &'a ArmRequest,
    /// Folded.
    pub operation: &'a str,
    pub target: Target<'a>,
    pub context: Context<'a>,
}

impl<'a> Asked<'a> {
    /// `operation` is the request's own, folded by [`folded`].
    pub fn new(request: &'a ArmRequest, operation: &'a str, hierarchy: &'a Hierarchy) -> Self {
        let target = Target::new(&request.scope, hierarchy);
        Asked { request, operation, target, context: Context::new(request, operation) }
    }

    /// The last segment of the operation's name: `read`, `write`, `delete` or `action`.
    pub fn verb(&self) -> &str {
        self.operation.rsplit('/').next().unwrap_or(self.operation)
    }
}

/// The folded name of a request's operation.
pub(super) fn folded(request: &ArmRequest) -> String {
    fold(request.operation.trim())
}
