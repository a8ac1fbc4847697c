//! Permissions granted to applications: app role assignments, delegated permission grants; federated credentials that
//! an export lists by themselves.

use super::document::{graph, is_context, is_graph, key};
use super::graph_application::federated_credential;
use super::{Format, Out, Record};
use crate::model::Kind;

pub const FORMAT: Format = Format {
    id: "graph-grant",
    log: false,
    reads: "app role assignments, delegated permission grants, federated credentials (Graph)",
    score: |record| kind(record).map_or(0, |(_, score)| score),
    read,
    empty: |context| {
        [
            ("approleassignments", Kind::AppRoleAssignments),
            ("approleassignedto", Kind::AppRoleAssignments),
            ("oauth2permissiongrants", Kind::PermissionGrants),
            ("federatedidentitycredentials", Kind::FederatedCredentials),
        ]
        .into_iter()
        .find_map(|(name, kind)| is_context(context, &[name]).then_some(kind))
    },
};

fn kind(record: &Record) -> Option<(Kind, u8)> {
    if is_graph(record, &["approleassignment", "approleassignments", "approleassignedto"])
        || record.has_all(&["appRoleId", "principalId", "resourceId"])
    {
        Some((Kind::AppRoleAssignments, 95))
    } else if is_graph(record, &["oauth2permissiongrant", "oauth2permissiongrants"])
        || record.has_all(&["clientId", "consentType", "resourceId", "scope"])
    {
        Some((Kind::PermissionGrants, 95))
    } else if is_graph(record, &["federatedidentitycredential", "federatedidentitycredentials"])
        || (record.has_all(&["issuer", "subject", "audiences"]) && !record.has("properties"))
    {
        Some((Kind::FederatedCredentials, 94))
    } else {
        None
    }
}

fn read(record: &Record, out: &mut Out) -> Result<(), String> {
    let (kind, _) = kind(record).ok_or("no grant")?;
    let body = graph(record);
    if kind == Kind::FederatedCredentials {
        // `#applications('<id>')/federatedIdentityCredentials` tells whose it is.
        let context = record.context.odata.as_deref().or(record.context.uri.as_deref()).unwrap_or_default();
        let application = context.split_once("('").and_then(|(_, rest)| rest.split_once("')")).map(|(id, _)| id);
        let own = record.first_text(&["applicationId", "appId"]);
        let application =
            application.or(own.as_deref()).ok_or("a federated credential that does not say of which application")?;
        federated_credential(out, body, application, None, "");
        return Ok(());
    }
    let key = key(record, &body, &[]);
    out.document(kind, &key, body);
    Ok(())
}
