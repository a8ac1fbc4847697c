//! The tenant's own *What If* evaluation, asked and answered in its own words: our anchor in a real tenant.
//!
//! Pages: *Evaluate Conditional Access policies* and the resource types it names (Microsoft Graph beta, 2025-03). It knows
//! no claims, so there is no enforcement; what it is not told it fills with defaults on which its pages disagree, so every
//! fact is to be sent.

use super::Decision;
use crate::model::request::{Device, IdentityKind, SignInRequest, SignInTarget, TargetKind};
use crate::model::{Fact, InputError, ObjectId, Truth, json};
use serde_json::{Map, Value, json};

/// A request for `POST /identity/conditionalAccess/evaluate`, and the facts it lacks because nobody recorded them: the
/// answer rests on the tool's defaults for those.
pub fn request(sign_in: &SignInRequest) -> (Value, Vec<&'static str>) {
    let id = sign_in.identity.id.as_str();
    let identity = match sign_in.identity.kind {
        IdentityKind::User => json!({ "@odata.type": "#microsoft.graph.userSignIn", "userId": id }),
        IdentityKind::ServicePrincipal | IdentityKind::ManagedIdentity => {
            json!({ "@odata.type": "#microsoft.graph.servicePrincipalSignIn", "servicePrincipalId": id })
        }
    };
    let mut missing = Vec::new();
    let mut conditions = Map::new();
    let facts: [(&'static str, &'static str, &Fact<String>); 8] = [
        ("clientAppType", "signIn.clientAppType", &sign_in.client_app_type),
        ("devicePlatform", "signIn.devicePlatform", &sign_in.device_platform),
        ("ipAddress", "signIn.ipAddress", &sign_in.ip_address),
        ("country", "signIn.country", &sign_in.country),
        ("signInRiskLevel", "signIn.signInRiskLevel", &sign_in.sign_in_risk_level),
        ("userRiskLevel", "signIn.userRiskLevel", &sign_in.user_risk_level),
        ("servicePrincipalRiskLevel", "signIn.servicePrincipalRiskLevel", &sign_in.service_principal_risk_level),
        ("insiderRiskLevel", "signIn.insiderRiskLevel", &sign_in.insider_risk_level),
    ];
    for (key, name, fact) in facts {
        match fact {
            Fact::Known(word) => drop(conditions.insert(key.to_owned(), json!(word))),
            Fact::Absent => {}
            Fact::Unknown => missing.push(name),
        }
    }
    match &sign_in.transfer_method {
        Fact::Known(method) if !method.eq_ignore_ascii_case("none") => {
            conditions.insert("authenticationFlow".into(), json!({ "transferMethod": method }));
        }
        Fact::Known(_) | Fact::Absent => {}
        Fact::Unknown => missing.push("signIn.transferMethod"),
    }
    match &sign_in.device {
        Fact::Known(device) => drop(conditions.insert("deviceInfo".into(), device_info(device))),
        Fact::Absent => {}
        Fact::Unknown => missing.push("signIn.device"),
    }
    let request = json!({
        "signInIdentity": identity, "signInContext": context(&sign_in.target, &mut missing),
        "signInConditions": conditions, "appliedPoliciesOnly": false
    });
    (request, missing)
}

/// What is asked for: one action, one context or one application.
fn context(target: &SignInTarget, missing: &mut Vec<&'static str>) -> Value {
    if let (TargetKind::UserAction, Fact::Known(action)) = (target.kind, &target.user_action) {
        let word = match super::policy::user_action(action).as_str() {
            super::policy::REGISTER_SECURITY_INFO => "registerSecurityInformation".to_owned(),
            super::policy::REGISTER_DEVICE => "registerOrJoinDevices".to_owned(),
            other => other.to_owned(),
        };
        return json!({ "@odata.type": "#microsoft.graph.userActionContext", "userAction": word });
    }
    if let Some(context) = target.authentication_contexts.known().and_then(|contexts| contexts.first()) {
        return json!({ "@odata.type": "#microsoft.graph.authContext", "authenticationContextValue": context });
    }
    let audience = target.conditional_access_audiences.known().and_then(|audiences| audiences.first());
    let applications: Vec<&String> = audience.or(target.resource_app_id.known()).into_iter().collect();
    if applications.is_empty() {
        missing.push("signIn.target.resourceAppId");
    }
    json!({ "@odata.type": "#microsoft.graph.applicationContext", "includeApplications": applications })
}

/// `ownership` there is `deviceOwnership` in a rule; what a rule cannot read is not sent.
fn device_info(device: &Device) -> Value {
    let kept = device.iter().filter(|(key, value)| {
        !value.is_null()
            && !["isRegistered", "isManagedByIntune", "inPrivate"].iter().any(|own| own.eq_ignore_ascii_case(key))
    });
    kept.map(|(key, value)| match key.eq_ignore_ascii_case("deviceOwnership") {
        true => ("ownership".to_owned(), value.clone()),
        false => (key.clone(), value.clone()),
    })
    .collect::<Map<String, Value>>()
    .into()
}

/// A What If request as a sign-in. What it does not say is unknown here: none of the tool's defaults is taken over.
pub fn read(request: &Value) -> Result<SignInRequest, InputError> {
    let nothing = Value::Null;
    let part = |key: &str| json::get(request, key).unwrap_or(&nothing);
    let text = |object: &Value, key: &str| json::text(object, key).map(str::to_owned);
    let (identity, context, conditions) = (part("signInIdentity"), part("signInContext"), part("signInConditions"));
    let (kind, id) = match (text(identity, "userId"), text(identity, "servicePrincipalId")) {
        (Some(id), _) => (IdentityKind::User, id),
        (None, Some(id)) => (IdentityKind::ServicePrincipal, id),
        (None, None) => {
            let help = "write `userId` or `servicePrincipalId`";
            return Err(InputError::new("", "`signInIdentity` names nobody", help));
        }
    };
    let action = text(context, "userAction");
    let value = text(context, "authenticationContextValue");
    let application = json::get(context, "includeApplications").and_then(Value::as_array).and_then(|list| list.first());
    let device = json::get(conditions, "deviceInfo").and_then(Value::as_object).map(|info| {
        let renamed = info.iter().filter(|(key, _)| !key.starts_with('@')).map(|(key, value)| {
            let key = if key.eq_ignore_ascii_case("ownership") { "deviceOwnership" } else { key };
            (key.to_owned(), value.clone())
        });
        renamed.collect::<Device>()
    });
    let fact = |key: &str| -> Fact<String> { text(conditions, key).into() };
    let target = if action.is_some() { TargetKind::UserAction } else { TargetKind::Application };
    let unknown = SignInRequest::unknown(kind, ObjectId::new(&id), target);
    Ok(SignInRequest {
        target: SignInTarget {
            resource_app_id: application.and_then(Value::as_str).map(str::to_owned).into(),
            authentication_contexts: Fact::Known(value.into_iter().collect()),
            user_action: action.into(),
            ..unknown.target
        },
        // `all` says nothing of the client.
        client_app_type: fact("clientAppType").known().filter(|word| !word.eq_ignore_ascii_case("all")).cloned().into(),
        device_platform: fact("devicePlatform")
            .known()
            .filter(|word| !word.eq_ignore_ascii_case("all"))
            .cloned()
            .into(),
        ip_address: fact("ipAddress"),
        country: fact("country"),
        sign_in_risk_level: fact("signInRiskLevel"),
        user_risk_level: fact("userRiskLevel"),
        service_principal_risk_level: fact("servicePrincipalRiskLevel"),
        insider_risk_level: fact("insiderRiskLevel"),
        transfer_method: text(conditions, "authenticationFlow.transferMethod").into(),
        device: device.into(),
        ..unknown
    })
}

/// `policyApplies` and `analysisReasons` of a policy: our *unknown* is `notEnoughInformation` there.
fn result(applies: &Truth, reasons: &[&'static str]) -> (bool, &'static str) {
    match applies {
        Truth::True => (true, "notSet"),
        Truth::False => (false, reasons.first().copied().unwrap_or("notSet")),
        Truth::Unknown(_) => (false, "notEnoughInformation"),
    }
}

/// The answer in the tool's form (a collection of `whatIfAnalysisResult`), without the policies' bodies. It looks at
/// enabled and report-only policies alone.
pub fn response(decision: &Decision) -> Value {
    let value: Vec<Value> = decision
        .policies
        .iter()
        .filter(|policy| !policy.analysis_reasons.contains(&"policyNotEnabled"))
        .map(|policy| {
            let (applies, reason) = result(&policy.applies, &policy.analysis_reasons);
            json!({ "id": &*policy.id, "displayName": &*policy.name, "policyApplies": applies, "analysisReasons": reason })
        })
        .collect();
    json!({ "value": value })
}

/// Where a tenant's answer and ours differ: policy, theirs, ours. The tool gives the first reason in an order that is not
/// documented, so one of ours is enough; where we say unknown there is nothing to compare.
pub fn differences(recorded: &Value, decision: &Decision) -> Vec<(String, String, String)> {
    let results = json::get(recorded, "value").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut found = Vec::new();
    for one in results {
        let Some(policy) = json::text(one, "id").and_then(|id| decision.policy(id)) else { continue };
        let theirs = json::get(one, "policyApplies").and_then(Value::as_bool);
        let reason = json::text(one, "analysisReasons").unwrap_or_default();
        let (ours, our_reason) = result(&policy.applies, &policy.analysis_reasons);
        let agree = match (&policy.applies, theirs) {
            (Truth::Unknown(_), _) | (_, None) => true,
            (Truth::True, Some(applies)) => applies,
            (Truth::False, Some(true)) => false,
            (Truth::False, Some(false)) => {
                reason == "notEnoughInformation"
                    || policy.analysis_reasons.iter().any(|r| r.eq_ignore_ascii_case(reason))
            }
        };
        if !agree {
            let word = |applies: bool, reason: &str| format!("policyApplies {applies}, {reason}");
            found.push((policy.id.to_string(), word(theirs == Some(true), reason), word(ours, our_reason)));
        }
    }
    found
}
