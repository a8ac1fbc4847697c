//! The effects by name.
//!
//! Source: *Azure Policy definitions effect basics* (list, order of evaluation). Names are read in any letter case.

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Effect {
    Disabled,
    Append,
    Modify,
    Deny,
    Audit,
    Manual,
    AuditIfNotExists,
    DeployIfNotExists,
    DenyAction,
    /// Effects of resource provider modes: never evaluated by Resource Manager.
    Provider,
}

impl Effect {
    pub fn read(word: &str) -> Option<Effect> {
        Some(match word.to_ascii_lowercase().as_str() {
            "disabled" => Effect::Disabled,
            "append" => Effect::Append,
            "modify" => Effect::Modify,
            "deny" => Effect::Deny,
            "audit" => Effect::Audit,
            "manual" => Effect::Manual,
            "auditifnotexists" => Effect::AuditIfNotExists,
            "deployifnotexists" => Effect::DeployIfNotExists,
            "denyaction" => Effect::DenyAction,
            "mutate"
            | "addtonetworkgroup"
            | "enforceopaconstraint"
            | "enforceregopolicy"
            | "enforcesetting"
            | "auditaction" => Effect::Provider,
            _ => return None,
        })
    }

    pub fn if_not_exists(self) -> bool {
        matches!(self, Effect::AuditIfNotExists | Effect::DeployIfNotExists)
    }

    pub fn word(self) -> &'static str {
        match self {
            Effect::Disabled => "disabled",
            Effect::Append => "append",
            Effect::Modify => "modify",
            Effect::Deny => "deny",
            Effect::Audit => "audit",
            Effect::Manual => "manual",
            Effect::AuditIfNotExists => "auditIfNotExists",
            Effect::DeployIfNotExists => "deployIfNotExists",
            Effect::DenyAction => "denyAction",
            Effect::Provider => "an effect of a resource provider mode",
        }
    }
}
