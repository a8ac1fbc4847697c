//! Policies of the tenant around conditional access: named locations, authentication strengths, security defaults,
//! cross-tenant access, device registration, authorization policy.

use super::document::{context_name, graph, graph_type, key};
use super::{Format, Out, Record};
use crate::ingest::Context;
use crate::model::Kind;

pub const FORMAT: Format = Format {
    id: "tenant-policy",
    log: false,
    reads: "named locations, authentication strengths, security defaults, cross-tenant access, device registration \
            and authorization policies (Graph)",
    score,
    read,
    empty: |context: &Context| context.odata.as_deref().and_then(context_name).and_then(|name| by_type(&name)),
};

fn by_type(name: &str) -> Option<Kind> {
    let last = name.rsplit('/').next().unwrap_or(name);
    Some(match last {
        "namedlocation"
        | "namedlocations"
        | "ipnamedlocation"
        | "countrynamedlocation"
        | "compliantnetworknamedlocation" => Kind::NamedLocations,
        "authenticationstrengthpolicy" | "authenticationstrengthpolicies" => Kind::AuthenticationStrengths,
        "identitysecuritydefaultsenforcementpolicy" => Kind::SecurityDefaults,
        "crosstenantaccesspolicy"
        | "crosstenantaccesspolicyconfigurationpartner"
        | "crosstenantaccesspolicyconfigurationdefault" => Kind::CrossTenantAccess,
        "partners" | "default" if name.contains("crosstenantaccesspolicy") => Kind::CrossTenantAccess,
        "deviceregistrationpolicy" => Kind::DeviceRegistrationPolicy,
        "authorizationpolicy" => Kind::AuthorizationPolicy,
        _ => return None,
    })
}

fn kind(record: &Record) -> Option<(Kind, u8)> {
    if let Some(kind) = graph_type(record).and_then(|t| by_type(&t)) {
        return Some((kind, 95));
    }
    let id = record.text("id").unwrap_or_default();
    if record.has("ipRanges") || record.has("countriesAndRegions") {
        Some((Kind::NamedLocations, 90))
    } else if record.has("allowedCombinations") {
        Some((Kind::AuthenticationStrengths, 90))
    } else if record.has("isEnabled") && id == "00000000-0000-0000-0000-000000000005" {
        Some((Kind::SecurityDefaults, 95))
    } else if record.has_all(&["azureADRegistration", "azureADJoin"]) || id == "deviceRegistrationPolicy" {
        Some((Kind::DeviceRegistrationPolicy, 95))
    } else if id == "authorizationPolicy" || record.has("defaultUserRolePermissions") {
        Some((Kind::AuthorizationPolicy, 90))
    } else if record.has("b2bCollaborationInbound") || record.has("inboundTrust") {
        Some((Kind::CrossTenantAccess, 90))
    } else {
        None
    }
}

fn score(record: &Record) -> u8 {
    kind(record).map_or(0, |(_, score)| score)
}

fn read(record: &Record, out: &mut Out) -> Result<(), String> {
    let (kind, _) = kind(record).ok_or("not a policy of the tenant")?;
    let body = graph(record);
    let key = key(record, &body, &["tenantId", "displayName"]);
    out.document(kind, &key, body);
    Ok(())
}
