//! Known kinds that have no bearing: said by name rather than called unreadable.

use super::document::graph_type;
use super::record::Container;
use super::{Format, Out, Record, never_empty};

pub const FORMAT: Format = Format {
    id: "ignored",
    reads: "known kinds without bearing: listed as `ignored:<kind>`",
    score: |record| kind(record).map_or(0, |(_, score)| score),
    read: |record: &Record, out: &mut Out| {
        out.ignore(kind(record).ok_or("not known")?.0);
        Ok(())
    },
    empty: never_empty,
};

/// Field names that together mark a kind.
const SHAPES: &[(&str, u8, &[&str])] = &[
    ("role-tiering", 95, &["EAMTierLevelName", "TierLevelDefinition"]),
    ("office-activity", 60, &["Operation", "OrganizationId", "Workload"]),
    ("office-activity", 60, &["Operation", "OfficeWorkload", "RecordType"]),
    ("heartbeat", 60, &["Computer", "OSType", "SCAgentChannel"]),
    ("migration-table", 60, &["TenantId", "Organization", "Objects"]),
    ("secure-score", 60, &["currentScore", "maxScore", "controlScores"]),
    ("authentication-methods-policy", 95, &["authenticationMethodConfigurations", "registrationEnforcement"]),
    ("intune", 40, &["deviceManagementApplicabilityRuleOsEdition"]),
    ("error-response", 50, &["error"]),
];

fn kind(record: &Record) -> Option<(&'static str, u8)> {
    if record.context.container == Container::Text {
        return record.has_all(&["query", "tactics"]).then_some(("sentinel-rule", 90));
    }
    if graph_type(record).is_some_and(|t| t.ends_with("authenticationmethodspolicy")) {
        return Some(("authentication-methods-policy", 95));
    }
    SHAPES.iter().find(|(_, _, names)| record.has_all(names)).map(|(kind, score, _)| (*kind, *score))
}
