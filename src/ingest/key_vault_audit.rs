//! Key Vault's audit log: `AzureDiagnostics` rows, `AZKVAuditLogs`, diagnostic records (`AuditEvent`).
//! Source: "Azure Key Vault logging".

use super::event::{address, arc, blank, object_id, said, text_at, time_of};
use super::{Format, Out, Record, mask, never_empty};
use crate::ingest::claims::claim;
use crate::model::{Actor, ActorKind, DataDetail, Detail, Fact, Outcome, ResourceId, json};
use serde_json::Value;
use std::collections::BTreeMap;

pub const FORMAT: Format = Format {
    id: "key-vault-audit",
    log: true,
    reads: "Key Vault audit log (AzureDiagnostics, AZKVAuditLogs, diagnostic records)",
    score,
    read,
    empty: never_empty,
};

fn score(record: &Record) -> u8 {
    let table = record.text("Type").or(record.context.table.as_deref().map(Into::into)).unwrap_or_default();
    if table.eq_ignore_ascii_case("AZKVAuditLogs") {
        return 98;
    }
    let vault = record.is("ResourceProvider", "MICROSOFT.KEYVAULT")
        || record.first_text(&["resourceId", "_ResourceId"]).is_some_and(|id| {
            let id = id.to_lowercase();
            id.contains("/providers/microsoft.keyvault/") || id.contains("/providers/microsoft.keyvault%2f")
        });
    let category = record.text("category").unwrap_or_default();
    let data = record.text("operationName").is_some_and(|o| !o.contains('/'));
    if vault && category.eq_ignore_ascii_case("AuditEvent") {
        97
    } else if vault && category.is_empty() && data {
        92
    } else {
        0
    }
}

fn read(record: &Record, out: &mut Out) -> Result<(), String> {
    let properties = record.sub("properties").unwrap_or_default();
    let text = |names: &[&str]| record.first_text(names).or_else(|| properties.first_text(names));
    let time = time_of(record, &["TimeGenerated", "time"])?;
    let action = said(text(&["OperationName"])).ok_or("no OperationName")?;
    let id = text(&["resourceId", "_ResourceId"]);
    let resource = id.as_deref().filter(|i| i.starts_with('/')).map(|i| ResourceId::new(&out.spelled_id(i)));
    let uri = text(&["requestUri"]).map(|u| mask::url(&u)).unwrap_or_default();
    let object_uri = text(&["id_s", "Id", "id"]).filter(|u| u.contains("://")).unwrap_or_else(|| uri.clone().into());
    let host = object_uri.split_once("://").and_then(|(_, rest)| rest.split(['.', '/']).next()).unwrap_or_default();
    let vault =
        resource.as_ref().map(|r| r.name().to_owned()).or_else(|| said(text(&["Resource"])).map(|r| r.to_string()));
    let vault = vault.unwrap_or_else(|| host.to_owned()).to_lowercase();
    if vault.is_empty() {
        return Err("no vault: neither resource id nor uri tells it".to_owned());
    }
    let (kind, name) = object(&object_uri);
    let status = text(&["httpStatusCode"]).and_then(|s| s.parse::<f64>().ok()).map(|s| s as u16);
    let signature = said(text(&["ResultSignature", "ResultType"]));
    let detail = DataDetail {
        service: arc("keyvault"),
        account: arc(&vault),
        resource,
        container: kind.map(arc),
        object: name.map(arc),
        authentication: Fact::Known(arc("OAuth")),
        hash: Fact::Unknown,
        authorization: Vec::new(),
        sas: BTreeMap::new(),
        protocol: Fact::Unknown,
        tls: Fact::from(said(text(&["tlsVersion"]))),
        status: Fact::from(status),
        status_text: Fact::from(signature.clone()),
    };
    let mut event = blank(record, time, &action, "AZKVAuditLogs", Detail::Data(Box::new(detail)));
    event.actor = actor(record);
    event.source_ip = address(text(&["CallerIpAddress", "clientIpAddress"]));
    event.user_agent = Fact::from(said(text(&["clientInfo"])));
    event.target = arc(&vault);
    event.target_id = id.map(|i| out.spelled_id(&i));
    event.outcome = match (status, signature.as_deref()) {
        (Some(s), _) if s < 400 => Outcome::Success,
        (Some(s), _) => Outcome::Failure(arc(s.to_string())),
        (None, Some("OK" | "Success" | "Created")) => Outcome::Success,
        (None, Some(other)) => Outcome::Failure(arc(other)),
        (None, None) => Outcome::Unknown,
    };
    event.correlation_id = said(text(&["CorrelationId"]));
    event.record_id = said(text(&["requestId"])).or(event.correlation_id.clone());
    out.event(event);
    Ok(())
}

/// `https://vault.vault.azure.net/secrets/name/version` → secrets, name.
fn object(uri: &str) -> (Option<&str>, Option<&str>) {
    let path = uri.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
    let mut parts = path.split(['/', '?']).filter(|p| !p.is_empty());
    let kind =
        parts.next().filter(|k| ["secrets", "keys", "certificates", "deletedsecrets", "deletedkeys"].contains(k));
    (kind, kind.and_then(|_| parts.next()))
}

/// The bearer of the token: claims under `identity.claim`, or flattened into `identity_claim_*` columns.
fn actor(record: &Record) -> Actor {
    let identity = record.value("identity").unwrap_or(Value::Null);
    let claims = json::get(&identity, "claim").or(json::get(&identity, "claims")).cloned().unwrap_or(identity);
    let flat = |names: &[&str]| record.first_text(names).map(|t| t.into_owned());
    let id = claim(&claims, "objectidentifier").or(claim(&claims, "oid")).map(str::to_owned).or_else(|| {
        flat(&["identity_claim_oid", "identity_claim_http_schemas_microsoft_com_identity_claims_objectidentifier"])
    });
    let upn = claim(&claims, "upn").or(claim(&claims, "unique_name")).map(str::to_owned).or_else(|| {
        flat(&[
            "identity_claim_upn",
            "identity_claim_http_schemas_xmlsoap_org_ws_2005_05_identity_claims_upn",
            "identity_claim_unique_name",
        ])
    });
    let app = claim(&claims, "appid").map(str::to_owned).or_else(|| flat(&["identity_claim_appid"]));
    let managed = claim(&claims, "xms_mirid").is_some()
        || text_at(&claims, "xms_az_rid").is_some()
        || record.has("identity_claim_xms_mirid") && record.text("identity_claim_xms_mirid").is_some();
    let id = object_id(id);
    let upn = said(upn).map(|u| arc(u.to_lowercase())).filter(|u| u.contains('@'));
    let kind = match (&upn, &id) {
        (Some(_), _) => ActorKind::User,
        (None, Some(_)) if managed => ActorKind::ManagedIdentity,
        (None, Some(_)) => ActorKind::ServicePrincipal,
        (None, None) => ActorKind::Unknown,
    };
    let name = upn.clone().or_else(|| id.as_ref().map(|i| arc(i.as_str()))).unwrap_or_else(|| arc(""));
    let app_id = if kind == ActorKind::User { None } else { said(app) };
    Actor { kind, id, upn, app_id, name }
}
