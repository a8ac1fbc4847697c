//! Who is eligible for a role and who holds it through PIM: schedule instances (and schedules) of Entra roles (Graph)
//! and Azure roles (ARM).

use super::document::{arm, arm_type, graph, graph_type, is_context, key};
use super::{Format, Out, Record};
use crate::model::Kind;

pub const FORMAT: Format = Format {
    id: "pim-schedule",
    log: false,
    reads: "PIM eligibilities and active assignments (Graph and ARM schedule instances)",
    score,
    read,
    empty: |context| {
        if is_context(context, &["roleeligibilityscheduleinstances", "roleeligibilityschedules"]) {
            Some(Kind::PimEligibilities)
        } else {
            is_context(context, &["roleassignmentscheduleinstances"]).then_some(Kind::PimInstances)
        }
    },
};

fn kind(record: &Record) -> Option<(Kind, u8)> {
    let name = arm_type(record).filter(|t| t.starts_with("microsoft.authorization/")).or_else(|| graph_type(record))?;
    let last = name.rsplit('/').next().unwrap_or(&name);
    Some(match last {
        "roleeligibilityscheduleinstances"
        | "unifiedroleeligibilityscheduleinstance"
        | "roleeligibilityschedules"
        | "unifiedroleeligibilityschedule" => (Kind::PimEligibilities, 97),
        "roleassignmentscheduleinstances"
        | "unifiedroleassignmentscheduleinstance"
        | "roleassignmentschedules"
        | "unifiedroleassignmentschedule" => (Kind::PimInstances, 97),
        _ => return None,
    })
}

fn by_shape(record: &Record) -> Option<(Kind, u8)> {
    if !record.has_all(&["principalId", "roleDefinitionId", "memberType"]) {
        return None;
    }
    if record.has("roleEligibilityScheduleId") {
        Some((Kind::PimEligibilities, 93))
    } else if record.has("roleAssignmentScheduleId") || record.has("assignmentType") {
        Some((Kind::PimInstances, 93))
    } else {
        None
    }
}

fn score(record: &Record) -> u8 {
    kind(record).or_else(|| by_shape(record)).map_or(0, |(_, score)| score)
}

fn read(record: &Record, out: &mut Out) -> Result<(), String> {
    let (kind, _) = kind(record).or_else(|| by_shape(record)).ok_or("no PIM schedule")?;
    let body = if record.has("properties") { arm(record) } else { graph(record) };
    let key = key(record, &body, &["name"]);
    out.document(kind, &key, body);
    Ok(())
}
