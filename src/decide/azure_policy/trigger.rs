//! Which request triggers what.
//!
//! Source: *Azure Policy definitions effect basics*: "Azure Policy's first evaluation is for requests to create or update
//! a resource"; "PATCH requests that only modify tags related fields restricts policy evaluation to policies containing
//! conditions that inspect tags related fields". *What is applicability in Azure Policy?*: "Azure Policy does not evaluate
//! resources under the Microsoft.Resources resource provider, except for subscriptions and resource groups".
//! *denyAction effect*: "The only supported action today is DELETE".

use super::capability::NEVER_ACTION_DENIED;
use super::definition::{Definition, TagUse};
use super::effect::Effect;
use super::path::{Path, Segment};
use super::subject::Subject;
use crate::model::Truth;
use crate::model::request::PolicyRequest;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Write,
    Delete,
    /// Reads and actions: policy evaluates nothing.
    Other,
    Unknown,
}

impl Method {
    pub fn of(request: &PolicyRequest) -> Method {
        match request.method.to_ascii_uppercase().as_str() {
            "PUT" | "PATCH" => Method::Write,
            "DELETE" => Method::Delete,
            "POST" | "GET" | "HEAD" | "OPTIONS" => Method::Other,
            _ => Method::Unknown,
        }
    }
}

/// Whether this kind of request makes the platform evaluate the definition for that effect.
pub(super) fn triggers(
    method: Method,
    effect: Effect,
    definition: &Definition,
    request: &PolicyRequest,
    subject: &Subject,
) -> Truth {
    if effect == Effect::Provider {
        return Truth::False;
    }
    let of_type = subject.resource_type.as_deref().unwrap_or("").to_lowercase();
    match method {
        Method::Other => Truth::False,
        Method::Unknown => Truth::missing("method of the request"),
        Method::Delete => (effect == Effect::DenyAction && !NEVER_ACTION_DENIED.contains(&of_type.as_str())).into(),
        Method::Write if effect == Effect::DenyAction || unevaluated(&of_type) => Truth::False,
        Method::Write => tags_only(definition, request),
    }
}

fn unevaluated(folded_type: &str) -> bool {
    let evaluated = [
        "microsoft.resources/subscriptions",
        "microsoft.resources/subscriptions/resourcegroups",
        "microsoft.resources/resourcegroups",
    ];
    folded_type.starts_with("microsoft.resources/") && !evaluated.contains(&folded_type)
}

fn tags_only(definition: &Definition, request: &PolicyRequest) -> Truth {
    if !request.method.eq_ignore_ascii_case("PATCH") || definition.looks_at_tags == TagUse::Yes {
        return Truth::True;
    }
    match (&request.changed_paths, definition.looks_at_tags) {
        (None, _) => Truth::missing("what the PATCH request changes"),
        (Some(paths), of) if !paths.is_empty() && paths.iter().all(|path| under_tags(path)) => match of {
            TagUse::No => Truth::False,
            TagUse::Yes => Truth::True,
            TagUse::Computed => Truth::missing(format!("whether `{}` inspects a tag", definition.title)),
        },
        (Some(_), _) => Truth::True,
    }
}

fn under_tags(path: &str) -> bool {
    matches!(Path::parse(path).segments.first(), Some(Segment::Key(key)) if key.eq_ignore_ascii_case("tags"))
}
