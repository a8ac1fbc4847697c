//! Items as JSON, for cases to name what they expect: a fact nobody recorded is `"?"`, a recorded absence `null`.

use cutset::ingest::Item;
use cutset::model::{Actor, ActorKind, Authorization, Detail, Event, Fact, Outcome, SignInCategory, Timestamp};
use serde_json::{Map, Value, json};

pub fn item(item: &Item) -> Option<Value> {
    Some(match item {
        Item::Document { kind, key, document } => json!({
            "document": kind.as_str(), "key": key, "body": document.body.as_ref(),
            "record": document.evidence.record, "pointer": document.evidence.pointer.as_ref(),
        }),
        Item::Event(e) => event(e),
        Item::Collected { kind, more } => json!({ "collected": kind.as_str(), "more": more }),
        Item::Part { .. } | Item::Ignored { .. } | Item::Rejected { .. } => return None,
    })
}

fn fact<T>(fact: &Fact<T>, show: impl Fn(&T) -> Value) -> Value {
    match fact {
        Fact::Unknown => json!("?"),
        Fact::Absent => Value::Null,
        Fact::Known(value) => show(value),
    }
}

fn text<T: ToString>(value: &Fact<T>) -> Value {
    fact(value, |v| json!(v.to_string()))
}

fn list<T: ToString>(value: &Fact<Vec<T>>) -> Value {
    fact(value, |v| v.iter().map(|x| json!(x.to_string())).collect())
}

fn time(value: Timestamp) -> Value {
    json!(value.to_string())
}

fn actor(actor: &Actor) -> Value {
    let kind = match actor.kind {
        ActorKind::User => "user",
        ActorKind::ServicePrincipal => "servicePrincipal",
        ActorKind::ManagedIdentity => "managedIdentity",
        ActorKind::Credential => "credential",
        ActorKind::Unknown => "unknown",
    };
    json!({
        "kind": kind, "id": actor.id.as_ref().map(|i| i.as_str()), "upn": actor.upn.as_deref(),
        "appId": actor.app_id.as_deref(), "name": actor.name.as_ref(),
    })
}

/// An event without its evidence, which is what two spellings of one record have in common.
pub fn event(event: &Event) -> Value {
    let outcome = match &event.outcome {
        Outcome::Success => "success".to_owned(),
        Outcome::Failure(code) => format!("failure {code}"),
        Outcome::Interrupted(code) => format!("interrupted {code}"),
        Outcome::Unknown => "unknown".to_owned(),
    };
    json!({
        "time": time(event.time), "end": event.end.map(time), "action": event.action.as_ref(),
        "actor": actor(&event.actor), "sourceIp": text(&event.source_ip), "country": text(&event.country),
        "userAgent": text(&event.user_agent), "target": event.target.as_ref(),
        "targetId": event.target_id.as_deref(), "outcome": outcome, "count": event.count, "bytes": event.bytes,
        "sessionId": event.session_id.as_deref(), "correlationId": event.correlation_id.as_deref(),
        "tokenId": event.token_id.as_deref(), "recordId": event.record_id.as_deref(), "log": event.log,
        "detail": detail(&event.detail),
    })
}

fn authorization(a: &Authorization) -> Value {
    json!({
        "action": a.action.as_deref(), "scope": a.scope.as_deref(),
        "roleAssignmentId": a.role_assignment_id.as_deref(), "roleDefinitionId": a.role_definition_id.as_deref(),
        "principalId": a.principal_id.as_ref().map(|i| i.as_str()), "principalType": a.principal_type.as_deref(),
    })
}

fn detail(detail: &Detail) -> Value {
    match detail {
        Detail::SignIn(d) => {
            let category = match d.category {
                SignInCategory::Interactive => "interactive",
                SignInCategory::NonInteractive => "nonInteractive",
                SignInCategory::ServicePrincipal => "servicePrincipal",
                SignInCategory::ManagedIdentity => "managedIdentity",
                SignInCategory::MicrosoftServicePrincipal => "microsoftServicePrincipal",
                SignInCategory::Adfs => "adfs",
            };
            let policies = fact(&d.applied_policies, |list| {
                list.iter().map(|p| json!({ "id": p.id.as_ref(), "result": p.result.as_ref() })).collect()
            });
            json!({
                "category": category, "appId": text(&d.app_id), "appName": text(&d.app_name),
                "resourceId": text(&d.resource_id), "resourceName": text(&d.resource_name),
                "audiences": list(&d.audiences), "clientAppType": text(&d.client_app_type),
                "platform": text(&d.platform), "device": fact(&d.device, Value::clone),
                "signInRisk": text(&d.sign_in_risk), "userRisk": text(&d.user_risk),
                "requirement": text(&d.requirement), "mfa": fact(&d.mfa, |b| json!(b)), "methods": list(&d.methods),
                "previouslySatisfied": fact(&d.previously_satisfied, |b| json!(b)),
                "incomingToken": text(&d.incoming_token), "transferMethod": text(&d.transfer_method),
                "originalTransferMethod": text(&d.original_transfer_method),
                "authenticationContexts": list(&d.authentication_contexts), "userType": text(&d.user_type),
                "homeTenant": text(&d.home_tenant), "resourceTenant": text(&d.resource_tenant),
                "appliedPolicies": policies, "conditionalAccessStatus": text(&d.conditional_access_status),
                "errorCode": fact(&d.error_code, |c| json!(c)), "credentialKeyId": text(&d.credential_key_id),
                "federatedCredentialId": text(&d.federated_credential_id),
            })
        }
        Detail::Arm(d) => json!({
            "resource": d.resource.spelled(), "authorization": d.authorization.as_ref().map(authorization),
            "requestBody": fact(&d.request_body, Value::clone), "responseBody": fact(&d.response_body, Value::clone),
            "claims": fact(&d.claims, Value::clone), "status": fact(&d.status, |s| json!(s)),
        }),
        Detail::Data(d) => json!({
            "service": d.service.as_ref(), "account": d.account.as_ref(),
            "resource": d.resource.as_ref().map(|r| r.spelled()), "container": d.container.as_deref(),
            "object": d.object.as_deref(), "authentication": text(&d.authentication), "hash": text(&d.hash),
            "authorization": d.authorization.iter().map(authorization).collect::<Vec<_>>(), "sas": &d.sas,
            "protocol": text(&d.protocol), "tls": text(&d.tls), "status": fact(&d.status, |s| json!(s)),
            "statusText": text(&d.status_text),
        }),
        Detail::Directory(d) => json!({
            "category": d.category.as_deref(), "service": d.service.as_deref(), "additional": &d.additional,
            "targets": d.targets.iter().map(|t| {
                let modified: Map<String, Value> =
                    t.modified.iter().map(|(k, (old, new))| (k.clone(), json!({ "old": old, "new": new }))).collect();
                json!({
                    "kind": t.kind.as_ref(), "id": t.id.as_deref(), "name": t.name.as_deref(),
                    "upn": t.upn.as_deref(), "modified": modified,
                })
            }).collect::<Vec<_>>(),
        }),
        Detail::Alert(d) => json!({
            "product": d.product.as_ref(), "title": d.title.as_ref(), "severity": d.severity.as_ref(),
            "tactics": d.tactics, "techniques": d.techniques, "description": d.description.as_ref(),
            "principals": d.principals, "addresses": d.addresses, "resources": d.resources,
            "alertId": d.alert_id.as_deref(),
        }),
        Detail::Context(d) => json!(d),
    }
}
