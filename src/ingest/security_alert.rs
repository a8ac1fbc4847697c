//! Alerts: the `SecurityAlert` table (whose `Entities` refer to one another by `$id` / `$ref`), Graph `alerts_v2`,
//! its older `alerts`, hunting's `AlertInfo`. Source: "SecurityAlert", "alert resource type" (microsoft.graph.security).

use super::event::{arc, blank, parse_address, said, text_at, time_of};
use super::{Format, Out, Record, never_empty};
use crate::ingest::document::is_graph;
use crate::model::{AlertDetail, Detail, Outcome};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

pub const FORMAT: Format = Format {
    id: "security-alert",
    log: true,
    reads: "alerts (SecurityAlert table, Graph alerts_v2 and alerts)",
    score: |record| form(record).map_or(0, |(_, score)| score),
    read,
    empty: never_empty,
};

enum Form {
    Table,
    Graph,
    Legacy,
}

fn form(record: &Record) -> Option<(Form, u8)> {
    let table = record.text("Type").or(record.context.table.as_deref().map(Into::into));
    if table.is_some_and(|t| t.eq_ignore_ascii_case("SecurityAlert")) || record.has_all(&["SystemAlertId", "AlertName"])
    {
        Some((Form::Table, 98))
    } else if record.has_all(&["vendorInformation", "severity"]) && !record.has("serviceSource") {
        Some((Form::Legacy, 96))
    } else if is_graph(record, &["security.alert", "security/alerts_v2"])
        || record.has_all(&["serviceSource", "severity", "title"])
        || (record.has_all(&["title", "severity", "createdDateTime"])
            && (record.has("evidence") || record.has("providerAlertId") || record.has("detectionSource")))
    {
        Some((Form::Graph, 97))
    } else {
        None
    }
}

fn read(record: &Record, out: &mut Out) -> Result<(), String> {
    match form(record).ok_or("no alert")?.0 {
        Form::Table => table(record, out),
        Form::Graph => graph(record, out),
        Form::Legacy => legacy(record, out),
    }
}

/// Whom and what the alert names.
#[derive(Default)]
struct Named {
    principals: BTreeSet<String>,
    addresses: BTreeSet<IpAddr>,
    resources: BTreeSet<String>,
}

impl Named {
    fn principal(&mut self, text: Option<&str>) {
        if let Some(text) = said(text) {
            self.principals.insert(text.to_lowercase());
        }
    }

    fn address(&mut self, text: Option<&str>) {
        self.addresses.extend(text.and_then(parse_address));
    }

    fn resource(&mut self, text: Option<&str>) {
        if let Some(text) = said(text) {
            self.resources.insert(super::operations::spelled_id(&text));
        }
    }
}

fn table(record: &Record, out: &mut Out) -> Result<(), String> {
    let time = time_of(record, &["StartTime", "StartTimeUtc", "TimeGenerated"])?;
    let end = record.first_text(&["EndTime", "EndTimeUtc"]).and_then(|t| record.time(&t).ok());
    let mut named = Named::default();
    let entities = record.value("Entities").map(|e| resolved(&e)).unwrap_or_default();
    for entity in &entities {
        let kind = text_at(entity, "Type").unwrap_or_default().to_ascii_lowercase();
        match kind.as_str() {
            "account" => {
                let upn = text_at(entity, "UserPrincipalName").map(str::to_owned).or_else(|| {
                    let name = text_at(entity, "Name")?;
                    Some(match text_at(entity, "UPNSuffix") {
                        Some(suffix) if !name.contains('@') => format!("{name}@{suffix}"),
                        _ => name.to_owned(),
                    })
                });
                named.principal(upn.as_deref());
                named.principal(text_at(entity, "AadUserId").or(text_at(entity, "ObjectGuid")));
            }
            "cloud-application" | "oauth-application" | "service-principal" => {
                named.principal(text_at(entity, "AppId").or(text_at(entity, "OAuthAppId")));
            }
            "ip" => named.address(text_at(entity, "Address")),
            "azure-resource" => named.resource(text_at(entity, "ResourceId")),
            "blob-container" | "blob" => named.resource(text_at(entity, "Url").or(text_at(entity, "Uri"))),
            _ => {
                named.address(text_at(entity, "SourceAddress.Address"));
                named.resource(text_at(entity, "ResourceId"));
            }
        }
    }
    named.principal(record.text("CompromisedEntity").as_deref().filter(|c| c.contains('@')));
    named.resource(record.text("ResourceId").as_deref().filter(|r| r.starts_with("/subscriptions/")));
    let words = |name: &str| record.text(name).map(|t| words(&t)).unwrap_or_default();
    let detail = AlertDetail {
        product: product(record),
        title: said(record.first_text(&["DisplayName", "AlertDisplayName", "AlertName"]))
            .ok_or("an alert without a name")?,
        severity: said(record.first_text(&["AlertSeverity", "Severity"])).unwrap_or_else(|| arc("")),
        tactics: words("Tactics"),
        techniques: words("Techniques"),
        description: said(record.text("Description")).unwrap_or_else(|| arc("")),
        principals: Vec::new(),
        addresses: Vec::new(),
        resources: Vec::new(),
        alert_id: said(record.first_text(&["VendorOriginalId", "ProviderAlertId", "SystemAlertId"])),
    };
    put(record, out, time, end, detail, named);
    Ok(())
}

fn product(record: &Record) -> Arc<str> {
    let name = said(record.first_text(&["ProductName", "ProviderName"])).unwrap_or_else(|| arc(""));
    product_name(&name)
}

/// One name a product, whatever the form calls it.
fn product_name(name: &str) -> Arc<str> {
    let folded: String = name.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_ascii_lowercase();
    arc(match folded.as_str() {
        "azureadidentityprotection"
        | "aadidentityprotection"
        | "azureactivedirectoryidentityprotection"
        | "ipc"
        | "microsoftentraidprotection" => "Microsoft Entra ID Protection",
        "azuresecuritycenter"
        | "azuredefender"
        | "microsoftdefenderforcloud"
        | "detectionwarmpathv2"
        | "azuresecuritycenterforiot" => "Microsoft Defender for Cloud",
        "microsoftcloudappsecurity" | "mcas" | "microsoftdefenderforcloudapps" | "office365cloudappsecurity" => {
            "Microsoft Defender for Cloud Apps"
        }
        "microsoftdefenderadvancedthreatprotection" | "mdatp" | "microsoftdefenderforendpoint" => {
            "Microsoft Defender for Endpoint"
        }
        "azureadvancedthreatprotection" | "microsoftdefenderforidentity" => "Microsoft Defender for Identity",
        "microsoft365defender" | "microsoftdefenderxdr" => "Microsoft Defender XDR",
        "azuresentinel" | "asiscustomalertrule" | "asischeduledalerts" | "microsoftsentinel" => "Microsoft Sentinel",
        _ => return arc(name),
    })
}

/// `InitialAccess, Persistence`, `["T1078"]`, `;`-lists.
fn words(text: &str) -> Vec<Arc<str>> {
    if let Value::Array(list) = super::record::decoded(text) {
        return list.iter().filter_map(Value::as_str).map(arc).collect();
    }
    text.split([',', ';']).map(str::trim).filter(|w| !w.is_empty()).map(arc).collect()
}

/// Entities with their `$ref`s put in, one level deep: what an entity refers to is an entity of its own.
fn resolved(entities: &Value) -> Vec<Value> {
    let Some(list) = entities.as_array() else { return Vec::new() };
    let by_id: BTreeMap<&str, &Value> = list.iter().filter_map(|e| Some((e.get("$id")?.as_str()?, e))).collect();
    list.iter()
        .filter(|e| e.get("$ref").is_none())
        .map(|entity| {
            let mut entity = entity.clone();
            if let Some(members) = entity.as_object_mut() {
                for member in members.values_mut() {
                    if let Some(target) = member.get("$ref").and_then(Value::as_str).and_then(|id| by_id.get(id)) {
                        *member = (*target).clone();
                    }
                }
            }
            entity
        })
        .collect()
}

fn graph(record: &Record, out: &mut Out) -> Result<(), String> {
    let time = time_of(record, &["firstActivityDateTime", "createdDateTime", "Timestamp"])?;
    let end = record.text("lastActivityDateTime").and_then(|t| record.time(&t).ok());
    let mut named = Named::default();
    for piece in record.value("evidence").and_then(|e| e.as_array().cloned()).unwrap_or_default() {
        named.principal(text_at(&piece, "userAccount.userPrincipalName"));
        named.principal(text_at(&piece, "userAccount.azureAdUserId"));
        named.principal(text_at(&piece, "appId"));
        named.address(text_at(&piece, "ipAddress"));
        named.resource(text_at(&piece, "resourceId"));
        named.resource(text_at(&piece, "url"));
    }
    let category = said(record.text("category"));
    let detail = AlertDetail {
        product: record.first_text(&["productName", "serviceSource"]).map_or_else(|| arc(""), |n| product_name(&n)),
        title: said(record.text("title")).ok_or("an alert without a title")?,
        severity: capital(&record.text("severity").unwrap_or_default()),
        tactics: category.into_iter().collect(),
        techniques: record
            .first(&["mitreTechniques", "AttackTechniques"])
            .and_then(|t| t.value()?.as_array().cloned())
            .into_iter()
            .flatten()
            .filter_map(|t| t.as_str().map(arc))
            .collect(),
        description: said(record.text("description")).unwrap_or_else(|| arc("")),
        principals: Vec::new(),
        addresses: Vec::new(),
        resources: Vec::new(),
        alert_id: said(record.first_text(&["providerAlertId", "id", "AlertId"])),
    };
    put(record, out, time, end, detail, named);
    Ok(())
}

fn legacy(record: &Record, out: &mut Out) -> Result<(), String> {
    let time = time_of(record, &["eventDateTime", "createdDateTime"])?;
    let mut named = Named::default();
    for state in record.value("userStates").and_then(|e| e.as_array().cloned()).unwrap_or_default() {
        named.principal(text_at(&state, "userPrincipalName"));
        named.principal(text_at(&state, "aadUserId"));
        named.address(text_at(&state, "logonIp"));
    }
    for state in record.value("securityResources").and_then(|e| e.as_array().cloned()).unwrap_or_default() {
        named.resource(text_at(&state, "resource"));
    }
    let vendor = record.value("vendorInformation").unwrap_or(Value::Null);
    let detail = AlertDetail {
        product: product_name(text_at(&vendor, "provider").unwrap_or_default()),
        title: said(record.text("title")).ok_or("an alert without a title")?,
        severity: capital(&record.text("severity").unwrap_or_default()),
        tactics: Vec::new(),
        techniques: Vec::new(),
        description: said(record.text("description")).unwrap_or_else(|| arc("")),
        principals: Vec::new(),
        addresses: Vec::new(),
        resources: Vec::new(),
        alert_id: said(record.text("id")),
    };
    put(record, out, time, None, detail, named);
    Ok(())
}

fn capital(word: &str) -> Arc<str> {
    let mut chars = word.chars();
    arc(chars.next().map(|c| c.to_ascii_uppercase()).into_iter().chain(chars).collect::<String>())
}

fn put(
    record: &Record,
    out: &mut Out,
    time: crate::model::Timestamp,
    end: Option<crate::model::Timestamp>,
    mut detail: AlertDetail,
    named: Named,
) {
    detail.principals = named.principals.into_iter().map(arc).collect();
    detail.addresses = named.addresses.into_iter().collect();
    detail.resources = named.resources.into_iter().map(arc).collect();
    let title = detail.title.clone();
    let id = detail.alert_id.clone();
    let principal = detail.principals.iter().find(|p| p.contains('@')).or(detail.principals.first()).cloned();
    let address = detail.addresses.first().copied();
    let resource = detail.resources.first().cloned();
    let mut event = blank(record, time, &title, "SecurityAlert", Detail::Alert(Box::new(detail)));
    event.end = end.filter(|end| *end > time);
    if let Some(principal) = principal {
        event.actor = super::event::caller(&principal);
    }
    event.source_ip = crate::model::Fact::from(address);
    event.target = resource.clone().unwrap_or(title);
    event.target_id = resource;
    event.outcome = Outcome::Unknown;
    event.record_id = id;
    out.event(event);
}
