//! Azure Policy: definitions, initiatives, assignments, exemptions (REST, Resource Graph, `az`, PowerShell, the files of
//! the public policy repository), and the aliases that providers publish.

use super::document::{arm, arm_type, key};
use super::{Format, Out, Record, arm_form, never_empty};
use crate::model::{Kind, json};
use serde_json::{Map, Value};

pub const FORMAT: Format = Format {
    id: "azure-policy",
    log: false,
    reads: "Azure Policy definitions, initiatives, assignments, exemptions and aliases (REST, Resource Graph, az, \
            PowerShell)",
    score,
    read,
    empty: never_empty,
};

fn kind(record: &Record) -> Option<(Kind, u8)> {
    let by_type = match arm_type(record).as_deref() {
        Some("microsoft.authorization/policydefinitions") => Some(Kind::PolicyDefinitions),
        Some("microsoft.authorization/policysetdefinitions") => Some(Kind::PolicySetDefinitions),
        Some("microsoft.authorization/policyassignments") => Some(Kind::PolicyAssignments),
        Some("microsoft.authorization/policyexemptions") => Some(Kind::Exemptions),
        _ => None,
    };
    if let Some(kind) = by_type {
        return Some((kind, 96));
    }
    if record.has("namespace") && record.has("resourceTypes") {
        return Some((Kind::PolicyAliases, 94));
    }
    if record.has_all(&["policyRule", "mode"]) || record.has_all(&["policyRule", "parameters"]) {
        return Some((Kind::PolicyDefinitions, 90));
    }
    let properties = record.sub("properties")?;
    if properties.has("policyRule") {
        Some((Kind::PolicyDefinitions, 92))
    } else if properties.has_all(&["policyDefinitions", "displayName"]) {
        Some((Kind::PolicySetDefinitions, 92))
    } else if properties.has("policyAssignmentId") && properties.has("exemptionCategory") {
        Some((Kind::Exemptions, 92))
    } else if properties.has("policyDefinitionId") && (properties.has("enforcementMode") || properties.has("notScopes"))
    {
        Some((Kind::PolicyAssignments, 90))
    } else {
        None
    }
}

fn score(record: &Record) -> u8 {
    kind(record).map_or(0, |(_, score)| score)
}

fn read(record: &Record, out: &mut Out) -> Result<(), String> {
    let (kind, _) = kind(record).ok_or("not of Azure Policy")?;
    let mut body = arm(record);
    if kind == Kind::PolicyAliases {
        let namespace = json::text(&body, "namespace").ok_or("aliases without a namespace")?.to_owned();
        out.document(kind, &namespace, body);
        return Ok(());
    }
    arm_form::rest(&mut body, true);
    match body.get_mut("properties").and_then(Value::as_object_mut) {
        Some(properties) => in_words(kind, properties)?,
        None => in_words(kind, &mut Map::new())?,
    }
    let key = key(record, &body, &["name", "properties.displayName"]);
    out.document(kind, &key, body);
    Ok(())
}

/// Lists and maps of policy documents; newer PowerShell modules call them by the singular.
const SEVERAL: &[&str] = &[
    "parameters",
    "notScopes",
    "nonComplianceMessages",
    "overrides",
    "resourceSelectors",
    "policyDefinitions",
    "policyDefinitionGroups",
    "policyDefinitionReferenceIds",
];

/// The words and names of the REST form, where PowerShell wrote others.
fn in_words(kind: Kind, properties: &mut Map<String, Value>) -> Result<(), String> {
    for name in SEVERAL {
        let one = name.strip_suffix('s').unwrap_or(name);
        if let Some(value) = properties.remove(one) {
            properties.entry(*name).or_insert(value);
        }
    }
    if kind == Kind::PolicyAssignments
        && let Some(mode) = properties.get_mut("enforcementMode").filter(|mode| mode.is_number())
    {
        // The members of the older module's enumeration, in their order.
        *mode = match mode.as_u64() {
            Some(0) => "Default".into(),
            Some(1) => "DoNotEnforce".into(),
            _ => return Err(format!("`enforcementMode` is `{mode}`, which is no mode")),
        };
    }
    let needed = match kind {
        Kind::PolicyAssignments => "policyDefinitionId",
        Kind::PolicyDefinitions => "policyRule",
        Kind::PolicySetDefinitions => "policyDefinitions",
        Kind::Exemptions => "policyAssignmentId",
        _ => return Ok(()),
    };
    if properties.get(needed).is_none_or(Value::is_null) {
        return Err(format!("`{needed}` is not there: export it with `az policy` or by REST"));
    }
    Ok(())
}
