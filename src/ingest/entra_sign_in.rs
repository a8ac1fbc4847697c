//! Entra sign-ins of all six categories: Log Analytics tables, Graph, diagnostic records, and the CSV downloads of both
//! portals. Source: "signIn resource type", "SigninLogs" and its sisters.

use super::event::{address, arc, blank, country, object_id, said};
use super::record::{Cell, elements, nested};
use super::{Fields, Format, Out, Record, never_empty, sign_in_words as words};
use crate::ingest::document::{camel, is_graph};
use crate::model::{
    Actor, ActorKind, AppliedPolicy, Detail, Fact, Outcome, SignInCategory, SignInDetail, Timestamp, json,
};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::sync::Arc;

pub const FORMAT: Format = Format {
    id: "entra-sign-in",
    log: true,
    reads: "Entra sign-ins, six categories (Log Analytics, Graph, diagnostic records, portal CSV)",
    score,
    read,
    empty: never_empty,
};

const CATEGORIES: &[(&str, &str, &str, SignInCategory)] = &[
    ("SignInLogs", "SigninLogs", "interactiveUser", SignInCategory::Interactive),
    (
        "NonInteractiveUserSignInLogs",
        "AADNonInteractiveUserSignInLogs",
        "nonInteractiveUser",
        SignInCategory::NonInteractive,
    ),
    (
        "ServicePrincipalSignInLogs",
        "AADServicePrincipalSignInLogs",
        "servicePrincipal",
        SignInCategory::ServicePrincipal,
    ),
    ("ManagedIdentitySignInLogs", "AADManagedIdentitySignInLogs", "managedIdentity", SignInCategory::ManagedIdentity),
    (
        "MicrosoftServicePrincipalSignInLogs",
        "MicrosoftServicePrincipalSignInLogs",
        "",
        SignInCategory::MicrosoftServicePrincipal,
    ),
    ("ADFSSignInLogs", "ADFSSignInLogs", "", SignInCategory::Adfs),
];

fn named(word: &str) -> Option<SignInCategory> {
    CATEGORIES
        .iter()
        .find(|(category, table, event, _)| {
            word.eq_ignore_ascii_case(category)
                || word.eq_ignore_ascii_case(table)
                || (!event.is_empty() && word.eq_ignore_ascii_case(event))
        })
        .map(|(.., category)| *category)
}

fn log(category: SignInCategory) -> &'static str {
    CATEGORIES.iter().find(|(.., c)| *c == category).map_or("SigninLogs", |(_, table, ..)| table)
}

fn score(record: &Record) -> u8 {
    let table = record.text("Type").or(record.context.table.as_deref().map(Into::into));
    if table.is_some_and(|t| named(&t).is_some()) || record.text("category").is_some_and(|c| named(&c).is_some()) {
        return 98;
    }
    if is_graph(record, &["signin", "auditlogs/signins"]) || portal(record) {
        return 97;
    }
    let core =
        record.has_all(&["appDisplayName", "correlationId"]) || record.has_all(&["appId", "conditionalAccessStatus"]);
    let result = ["conditionalAccessStatus", "ResultType", "deviceDetail", "signInEventTypes", "uniqueTokenIdentifier"]
        .iter()
        .any(|name| record.has(name));
    let whose = record.has("userPrincipalName") || record.has("servicePrincipalId");
    if core && result && whose && !record.has("riskEventType") { 93 } else { 0 }
}

/// The CSV the Entra portal downloads, with display names for columns.
fn portal(record: &Record) -> bool {
    record.has_all(&["Date (UTC)", "Request ID", "Application", "Status"])
}

/// A record's fields: those under `properties` of a diagnostic record before its own.
struct View<'v, 'a> {
    inner: Option<Fields<'a>>,
    outer: &'v Fields<'a>,
}

impl<'a> View<'_, 'a> {
    fn cell(&self, names: &[&str]) -> Option<Cell<'a>> {
        self.inner.as_ref().and_then(|i| i.first(names)).or_else(|| self.outer.first(names))
    }

    fn text(&self, names: &[&str]) -> Option<Cow<'a, str>> {
        self.cell(names)?.text()
    }

    fn said(&self, names: &[&str]) -> Option<Arc<str>> {
        said(self.text(names))
    }

    fn fact(&self, names: &[&str]) -> Fact<Arc<str>> {
        Fact::from(self.said(names))
    }

    fn value(&self, names: &[&str]) -> Option<Value> {
        self.cell(names)?.value()
    }

    fn list(&self, names: &[&str]) -> Option<Vec<Value>> {
        match self.value(names)? {
            Value::Array(list) => Some(list),
            Value::String(text) if !text.is_empty() => Some(vec![Value::String(text)]),
            _ => None,
        }
    }

    fn has(&self, name: &str) -> bool {
        self.inner.as_ref().is_some_and(|i| i.has(name)) || self.outer.has(name)
    }
}

fn read(record: &Record, out: &mut Out) -> Result<(), String> {
    let inner = record.sub("properties").filter(|p| p.len() > 3);
    let view = View { inner, outer: &record.fields };
    let details = view.cell(&["authenticationDetails"]).and_then(Cell::list).unwrap_or_default();
    let time = moment(record, &view, &details)?;
    let category = category(record, &view);
    let code = error_code(&view);
    let location = view.cell(&["LocationDetails", "location"]).and_then(Cell::object);
    let device = view.cell(&["deviceDetail"]).and_then(Cell::object);
    let steps = words::steps(&details);
    let requirement =
        view.said(&["authenticationRequirement", "Authentication requirement"]).map(|r| match r.as_ref() {
            "Single-factor authentication" => arc("singleFactorAuthentication"),
            "Multifactor authentication" | "Multi-factor authentication" => arc("multiFactorAuthentication"),
            _ => r,
        });
    let agent = view.said(&["userAgent", "User agent"]);
    let system = nested(device.as_deref()).text("operatingSystem").map(Cow::into_owned);
    let system = system.or_else(|| view.text(&["Operating System"]).map(Cow::into_owned));
    let incoming = view.text(&["incomingTokenType", "Incoming token type"]).map(|t| token_word(&t));
    let resource_id = view.said(&["ResourceIdentity", "Resource ID"]).or_else(|| {
        // The tables' `ResourceId` is the tenant's; Graph's is the application's.
        view.said(&["resourceId"])
            .filter(|id| !id.starts_with('/'))
            .or_else(|| said(record.text("resourceId")).filter(|id| !id.starts_with('/')))
    });
    let resource_name = view.said(&["resourceDisplayName", "Resource"]).filter(|n| n.as_ref() != "Microsoft.aadiam");
    let succeeded = code == Some(0);
    let mfa = mfa(requirement.as_deref(), steps.as_ref(), succeeded);
    let protocol = view.text(&["authenticationProtocol", "Authentication Protocol"]);
    let detail = SignInDetail {
        category,
        app_id: view.fact(&["appId", "Application ID"]),
        app_name: view.fact(&["appDisplayName", "Application"]),
        resource_id: Fact::from(resource_id.clone()),
        resource_name: Fact::from(resource_name.clone()),
        audiences: Fact::from(
            view.list(&["conditionalAccessAudiences"]).map(|list| {
                list.iter().filter_map(|a| a.as_str().or(json::text(a, "applicationId"))).map(arc).collect()
            }),
        ),
        scopes: Fact::Unknown,
        client_app_type: Fact::from(view.text(&["clientAppUsed", "Client app"]).and_then(|c| words::client_app(&c))),
        platform: Fact::from(match system.as_deref() {
            Some(system) => words::platform(system),
            None => agent.as_deref().and_then(words::platform),
        }),
        device: device_fact(&view, device.as_deref()),
        sign_in_risk: risk(&view, "riskLevelDuringSignIn"),
        user_risk: risk(&view, "riskLevelAggregated"),
        requirement: Fact::from(requirement),
        mfa: Fact::from(mfa),
        methods: Fact::from(steps.as_ref().and_then(|s| s.combination.clone()).map(|c| vec![c])),
        previously_satisfied: Fact::from(previously(steps.as_ref(), incoming.as_deref())),
        incoming_token: Fact::from(incoming),
        transfer_method: Fact::from(protocol.as_deref().map(transfer)),
        original_transfer_method: Fact::from(
            view.text(&["originalTransferMethod", "Original transfer method"])
                .filter(|t| !t.is_empty())
                .map(|t| transfer(&t)),
        ),
        authentication_contexts: Fact::from(view.list(&["authenticationContextClassReferences"]).map(|list| {
            list.iter().filter_map(|c| json::text(c, "id").or(c.as_str())).map(|c| arc(c.to_lowercase())).collect()
        })),
        user_type: Fact::from(view.said(&["userType", "User type"]).map(|t| arc(t.to_lowercase()))),
        home_tenant: view.fact(&["homeTenantId", "Home tenant ID"]),
        resource_tenant: view.fact(&["resourceTenantId", "Resource tenant ID"]),
        applied_policies: Fact::from(
            view.cell(&["appliedConditionalAccessPolicies", "ConditionalAccessPolicies"])
                .and_then(Cell::list)
                .map(|list| policies(&list)),
        ),
        conditional_access_status: Fact::from(
            view.said(&["conditionalAccessStatus", "Conditional Access"]).map(|s| ca_status(&s)),
        ),
        error_code: Fact::from(code),
        credential_key_id: view.fact(&["servicePrincipalCredentialKeyId"]),
        federated_credential_id: view.fact(&["federatedCredentialId", "Federated Token Id"]),
    };
    let action = match category {
        SignInCategory::Interactive | SignInCategory::NonInteractive | SignInCategory::Adfs => "SignIn",
        SignInCategory::ServicePrincipal | SignInCategory::MicrosoftServicePrincipal => "SignIn.ServicePrincipal",
        SignInCategory::ManagedIdentity => "SignIn.ManagedIdentity",
    };
    let mut event = blank(record, time, action, log(category), Detail::SignIn(Box::new(detail)));
    event.actor = actor(&view, category);
    event.source_ip = address(view.text(&["ipAddress", "callerIpAddress", "IP address"]));
    let place = nested(location.as_deref()).text("countryOrRegion").map(Cow::into_owned).or_else(|| {
        let plain = record.text("location").filter(|l| !l.starts_with('{'))?;
        Some(plain.rsplit(',').next().unwrap_or(&plain).to_owned())
    });
    event.country = country(place);
    event.user_agent = Fact::from(agent);
    event.target = resource_name.or(resource_id.clone()).unwrap_or_else(|| arc(""));
    event.target_id = resource_id;
    event.outcome = match code {
        Some(0) => Outcome::Success,
        Some(code) if words::interrupts(code) => Outcome::Interrupted(arc(code.to_string())),
        Some(code) => Outcome::Failure(arc(code.to_string())),
        None => Outcome::Unknown,
    };
    event.correlation_id = view.said(&["correlationId", "Correlation ID"]);
    event.session_id = view.said(&["sessionId", "Session ID"]);
    event.token_id = view.said(&["uniqueTokenIdentifier", "Unique token identifier"]);
    event.record_id = view.said(&["id", "Request ID"]);
    out.event(event);
    Ok(())
}

fn moment(record: &Record, view: &View<'_, '_>, details: &str) -> Result<Timestamp, String> {
    if let Some(text) = view.text(&["createdDateTime", "TimeGenerated", "time", "Date (UTC)", "p_event_time"]) {
        return record.time(&text);
    }
    // An export without its time columns still tells when the first step was taken.
    let first = elements(details).first().and_then(|e| Fields::parse_str(e.get()).ok());
    let step = first.and_then(|step| step.text("authenticationStepDateTime"));
    let none = || Err("no time: none of createdDateTime, TimeGenerated, time is filled".to_owned());
    step.map_or_else(none, |text| record.time(&text))
}

fn category(record: &Record, view: &View<'_, '_>) -> SignInCategory {
    let table = record.text("Type").or(record.context.table.as_deref().map(Into::into));
    let category = record.text("category").and_then(|c| named(&c)).or(table.and_then(|t| named(&t)));
    let event = || {
        let types = view.list(&["signInEventTypes"])?;
        types.iter().filter_map(Value::as_str).find_map(named)
    };
    if let Some(category) = category.or_else(event) {
        return category;
    }
    let user = view.said(&["userId", "User ID", "userPrincipalName"]).is_some();
    if !user && view.said(&["servicePrincipalId", "Service principal ID"]).is_some() {
        let managed =
            view.said(&["managedIdentityType", "Managed Identity type"]).is_some_and(|t| t.as_ref() != "none");
        return if managed { SignInCategory::ManagedIdentity } else { SignInCategory::ServicePrincipal };
    }
    match view.text(&["isInteractive"]).as_deref() {
        Some(word) if word.eq_ignore_ascii_case("false") => SignInCategory::NonInteractive,
        _ => SignInCategory::Interactive,
    }
}

fn error_code(view: &View<'_, '_>) -> Option<i64> {
    let status = view.cell(&["status"]).and_then(Cell::object);
    let nested = nested(status.as_deref()).text("errorCode").and_then(|c| c.trim().parse().ok());
    let column = || view.text(&["ResultType", "Sign-in error code"])?.trim().parse().ok();
    let word = || view.text(&["Status"]).filter(|s| s.eq_ignore_ascii_case("success")).map(|_| 0);
    nested.or_else(column).or_else(word)
}

fn actor(view: &View<'_, '_>, category: SignInCategory) -> Actor {
    let app_id = view.said(&["appId", "Application ID"]);
    match category {
        SignInCategory::ServicePrincipal
        | SignInCategory::ManagedIdentity
        | SignInCategory::MicrosoftServicePrincipal => {
            let id = object_id(view.text(&["servicePrincipalId", "Service principal ID"]));
            let name = view.said(&["servicePrincipalName", "Service principal name", "appDisplayName"]);
            let kind = if category == SignInCategory::ManagedIdentity {
                ActorKind::ManagedIdentity
            } else {
                ActorKind::ServicePrincipal
            };
            let shown =
                name.or_else(|| id.as_ref().map(|i| arc(i.as_str()))).or(app_id.clone()).unwrap_or_else(|| arc(""));
            Actor { kind, id, upn: None, app_id, name: shown }
        }
        SignInCategory::Interactive | SignInCategory::NonInteractive | SignInCategory::Adfs => {
            let id = object_id(view.text(&["userId", "User ID"]));
            let upn = view
                .said(&["userPrincipalName", "Username"])
                .map(|u| arc(u.to_lowercase()))
                .filter(|u| u.contains('@'));
            let name = upn.clone().or_else(|| view.said(&["userDisplayName", "User", "Identity"]));
            let shown = name.or_else(|| id.as_ref().map(|i| arc(i.as_str()))).unwrap_or_else(|| arc(""));
            Actor { kind: ActorKind::User, id, upn, app_id: None, name: shown }
        }
    }
}

fn risk(view: &View<'_, '_>, name: &str) -> Fact<Arc<str>> {
    // `none` is a level here, so the words that stand for nothing elsewhere do not apply.
    let level = view.text(&[name]).map(|t| t.trim().to_ascii_lowercase());
    Fact::from(level.filter(|l| !matches!(l.as_str(), "" | "hidden" | "unknownfuturevalue")).map(arc))
}

/// The token carries an MFA claim: by its steps, or because it was required and the sign-in succeeded. A single-factor
/// request inside a session may carry one that nobody asked for: unknown.
fn mfa(requirement: Option<&str>, steps: Option<&words::Steps>, succeeded: bool) -> Option<bool> {
    if steps.is_some_and(|s| s.multi) {
        return Some(true);
    }
    match requirement {
        Some(r) if r.eq_ignore_ascii_case("multiFactorAuthentication") => succeeded.then_some(true),
        Some(r) if r.eq_ignore_ascii_case("singleFactorAuthentication") => {
            let fresh = steps.is_some_and(|s| s.previously == Some(false) && s.combination.is_some());
            fresh.then_some(false)
        }
        _ => None,
    }
}

fn previously(steps: Option<&words::Steps>, incoming: Option<&str>) -> Option<bool> {
    let token = incoming
        .is_some_and(|t| t.eq_ignore_ascii_case("primaryRefreshToken") || t.eq_ignore_ascii_case("refreshToken"));
    match steps.and_then(|s| s.previously) {
        Some(yes) => Some(yes),
        None if token => Some(true),
        None => None,
    }
}

/// `Primary Refresh Token` and `primaryRefreshToken` are one word.
fn token_word(text: &str) -> Arc<str> {
    let joined: String = text.split([' ', ',']).filter(|w| !w.is_empty()).collect();
    let mut chars = joined.chars();
    let first = chars.next().map(|c| c.to_ascii_lowercase());
    arc(first.into_iter().chain(chars).collect::<String>())
}

fn transfer(protocol: &str) -> Arc<str> {
    let word: String = protocol.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_ascii_lowercase();
    arc(match word.as_str() {
        "devicecode" | "devicecodeflow" => "deviceCodeFlow",
        "authenticationtransfer" => "authenticationTransfer",
        _ => "none",
    })
}

fn ca_status(text: &str) -> Arc<str> {
    let word: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    arc(match word.to_ascii_lowercase().as_str() {
        "0" | "success" => "success",
        "1" | "failure" => "failure",
        "2" | "notapplied" => "notApplied",
        _ => return arc(text),
    })
}

fn policies(list: &str) -> Vec<AppliedPolicy> {
    elements(list)
        .iter()
        .filter_map(|e| Fields::parse_str(e.get()).ok())
        .map(|policy| {
            let text = |name: &str| arc(policy.text(name).unwrap_or_default());
            let controls = policy.list("enforcedGrantControls").unwrap_or_default();
            let controls: Vec<String> = serde_json::from_str(&controls).unwrap_or_default();
            AppliedPolicy {
                id: text("id"),
                name: text("displayName"),
                result: text("result"),
                grant_controls: controls.iter().map(arc).collect(),
            }
        })
        .collect()
}

/// The device by Graph's names. A record that shows an empty device id says that Entra recognised no device: absent.
fn device_fact(view: &View<'_, '_>, device: Option<&str>) -> Fact<Value> {
    if nested(device).get("deviceId").is_some_and(Cell::is_empty) {
        return Fact::Absent;
    }
    let mut members = match device.and_then(|d| serde_json::from_str(d.trim()).ok()) {
        // PowerShell writes the names in PascalCase.
        Some(Value::Object(members)) => members.into_iter().map(|(name, v)| (camel(&name), v)).collect(),
        _ if view.has("Device ID") => portal_device(view),
        _ => return Fact::Unknown,
    };
    let id = members.get("deviceId").map(|v| v.as_str().unwrap_or_default());
    if id.is_some_and(|id| id.trim().is_empty() || id == "{PII Removed}") {
        return Fact::Absent;
    }
    if let Some(Value::String(text)) = members.get("trustType") {
        match words::trust(text) {
            Some(word) => members.insert("trustType".to_owned(), word.into()),
            None => members.remove("trustType"),
        };
    }
    members.retain(|_, v| !v.is_null());
    for name in ["isCompliant", "isManaged"] {
        if let Some(Value::String(text)) = members.get(name) {
            let flag = Value::Bool(text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("yes"));
            members.insert(name.to_owned(), flag);
        }
    }
    if members.is_empty() { Fact::Unknown } else { Fact::Known(Value::Object(members)) }
}

fn portal_device(view: &View<'_, '_>) -> Map<String, Value> {
    let columns = [
        ("Device ID", "deviceId"),
        ("Operating System", "operatingSystem"),
        ("Compliant", "isCompliant"),
        ("Managed", "isManaged"),
        ("Join Type", "trustType"),
    ];
    columns
        .iter()
        .map(|(column, name)| ((*name).to_owned(), view.text(&[column]).map_or(Value::Null, |t| t.into_owned().into())))
        .map(|(name, value)| if name == "deviceId" && value.is_null() { (name, "".into()) } else { (name, value) })
        .collect()
}
