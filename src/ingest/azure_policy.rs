//! Azure Policy: definitions, initiatives, assignments, exemptions (REST, Resource Graph, `az`, the files of the
//! public policy repository), and the aliases that providers publish.

use super::document::{arm, arm_type, key};
use super::{Format, Out, Record, never_empty};
use crate::model::{Kind, json};
use serde_json::{Map, Value};

pub const FORMAT: Format = Format {
    id: "azure-policy",
    log: false,
    reads: "Azure Policy definitions, initiatives, assignments, exemptions and aliases (REST, Resource Graph, az)",
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
    if json::get(&body, "properties").is_none() {
        nest(&mut body);
    }
    let key = key(record, &body, &["name", "properties.displayName"]);
    out.document(kind, &key, body);
    Ok(())
}

/// `az policy ... list` flattens `properties`: all but what ARM keeps outside goes back in.
fn nest(body: &mut Value) {
    let Some(members) = body.as_object_mut() else { return };
    let mut properties = Map::new();
    for (name, value) in std::mem::take(members) {
        let outside = ["id", "name", "type", "location", "identity", "sku", "systemData", "resourceGroup", "tenantId"];
        if outside.contains(&name.as_str()) {
            members.insert(name, value);
        } else {
            properties.insert(name, value);
        }
    }
    members.insert("properties".to_owned(), Value::Object(properties));
}
