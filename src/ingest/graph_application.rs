//! Applications, service principals (managed identities included) and devices, with the owners, app role assignments
//! and federated credentials that an export expanded.

use super::document::{graph, is_context, is_graph, key};
use super::graph_group::{references, take};
use super::{Format, Out, Record};
use crate::model::{Kind, json};
use serde_json::{Value, json};

pub const FORMAT: Format = Format {
    id: "graph-application",
    log: false,
    reads: "applications, service principals and devices (Graph, az ad app list, az ad sp list)",
    score: |record| kind(record).map_or(0, |(_, score)| score),
    read,
    empty: |context| {
        [
            ("applications", Kind::Applications),
            ("serviceprincipals", Kind::ServicePrincipals),
            ("devices", Kind::Devices),
        ]
        .into_iter()
        .find_map(|(name, kind)| is_context(context, &[name]).then_some(kind))
    },
};

fn kind(record: &Record) -> Option<(Kind, u8)> {
    if record.has("createdDateTime") && record.has("conditionalAccessStatus") {
        return None;
    }
    if is_graph(record, &["application", "applications"]) {
        Some((Kind::Applications, 95))
    } else if is_graph(record, &["serviceprincipal", "serviceprincipals", "serviceprinciples"]) {
        Some((Kind::ServicePrincipals, 95))
    } else if is_graph(record, &["device", "devices"]) && record.has("deviceId") {
        Some((Kind::Devices, 95))
    } else if record.has("servicePrincipalType") || record.has_all(&["servicePrincipalNames", "appId"]) {
        Some((Kind::ServicePrincipals, 91))
    } else if record.has_all(&["trustType", "deviceId", "operatingSystem"]) {
        Some((Kind::Devices, 90))
    } else if record.has_all(&["appId", "displayName"])
        && ["identifierUris", "passwordCredentials", "publisherDomain", "signInAudience", "requiredResourceAccess"]
            .iter()
            .any(|name| record.has(name))
    {
        Some((Kind::Applications, 85))
    } else {
        None
    }
}

fn read(record: &Record, out: &mut Out) -> Result<(), String> {
    let (kind, _) = kind(record).ok_or("neither application nor service principal nor device")?;
    let mut body = graph(record);
    let key = key(record, &body, &["appId", "deviceId", "displayName"]);
    let owners = take(&mut body, "owners").or_else(|| take(&mut body, "registeredOwners"));
    let grants = take(&mut body, "appRoleAssignments");
    let federated = take(&mut body, "federatedIdentityCredentials");
    let app = json::text(&body, "appId").map(str::to_owned);
    out.document(kind, &key, body);
    if let Some(owners) = owners {
        let owners = json!({ "objectId": key, "owners": references(owners) });
        out.document_at(Kind::Owners, &key, owners, "/owners");
    }
    for (i, grant) in grants.into_iter().flatten().enumerate() {
        if let Some(id) = json::text(&grant, "id").map(str::to_owned) {
            out.document_at(Kind::AppRoleAssignments, &id, grant, &format!("/appRoleAssignments/{i}"));
        }
    }
    for (i, credential) in federated.into_iter().flatten().enumerate() {
        let pointer = format!("/federatedIdentityCredentials/{i}");
        federated_credential(out, credential, &key, app.as_deref(), &pointer);
    }
    Ok(())
}

/// A federated credential of an application, which it does not name itself.
pub fn federated_credential(out: &mut Out, mut body: Value, application: &str, app: Option<&str>, pointer: &str) {
    let own = json::text(&body, "id").or(json::text(&body, "name")).unwrap_or_default().to_owned();
    if let Some(members) = body.as_object_mut() {
        members.insert("applicationId".to_owned(), application.into());
        if let Some(app) = app {
            members.insert("appId".to_owned(), app.into());
        }
    }
    let key = if super::event::is_guid(&own) { own } else { format!("{application}/{own}") };
    out.document_at(Kind::FederatedCredentials, &key, body, pointer);
}
