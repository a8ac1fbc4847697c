//! `cutset decide conditional-access`: files in the shape of the gate's vectors.
//!
//! In the place of `signIn`, `whatIf` may hold a request of the tenant's own What If tool: then the answer carries that
//! tool's answer, as it should be, under the same name.
//!
//! The request is read leniently: keys without case, and a value of the wrong kind is a fact nobody recorded (it is named
//! by its path like any other). Only what makes it no request at all is an error.

use super::{PolicySet, TenantSettings, what_if};
use crate::decide::vectors;
use crate::model::request::{Claims, ClientKind, Identity, IdentityKind, SignInRequest, SignInTarget, TargetKind};
use crate::model::{Attacker, Fact, InputError, ObjectId, Word, json};
use serde_json::{Map, Value, json};

const HELP: &str = "the shape is that of the gate's file of vectors";

pub(super) fn decide_file(file: &Value) -> Result<Vec<Value>, InputError> {
    vectors(file)?.iter().enumerate().map(|(n, vector)| decide_one(vector, &format!("/vectors/{n}"))).collect()
}

fn decide_one(vector: &Value, at: &str) -> Result<Value, InputError> {
    let list = |key: &str| match json::get(vector, key) {
        Some(Value::Array(items)) => Ok(Some(items.iter().collect::<Vec<&Value>>())),
        None | Some(Value::Null) => Ok(None),
        Some(_) => Err(InputError::new("", format!("`{key}` is not an array"), HELP).at(format!("{at}/{key}"))),
    };
    let Some(policies) = list("policies")? else {
        return Err(InputError::new("", "there is no `policies` array", HELP).at(at));
    };
    let locations = list("namedLocations")?;
    let mut tenant = TenantSettings::read(json::get(vector, "tenant"));
    tenant.named_locations_partial = locations.is_none();
    let set = PolicySet::compile(&tenant, &locations.unwrap_or_default(), &policies);
    let (request, from_tool) = match (json::get(vector, "signIn"), json::get(vector, "whatIf")) {
        (Some(sign_in @ Value::Object(_)), _) => {
            (read_request(sign_in).map_err(|error| error.at(format!("{at}/signIn")))?, false)
        }
        (None, Some(asked @ Value::Object(_))) => {
            (what_if::read(asked).map_err(|error| error.at(format!("{at}/whatIf")))?, true)
        }
        (_, _) => return Err(InputError::new("", "there is no `signIn` object", HELP).at(at)),
    };
    let decision = set.decide(&request);
    let mut answer = Map::new();
    answer.insert("id".into(), json::get(vector, "id").cloned().unwrap_or(Value::Null));
    answer.extend(decision.to_json());
    if from_tool {
        answer.insert("whatIf".into(), what_if::response(&decision));
    }
    let mut notes = Vec::new();
    if let Some(stated @ Value::Object(_)) = json::get(vector, "attacker") {
        let (attacker, unknown) = read_attacker(stated);
        answer.insert("verdict".into(), json!(set.verdict(&request, &attacker).level.word()));
        notes.extend(unknown.into_iter().map(|word| format!("`{word}` is no word of the attacker's")));
    }
    let unsupported: Vec<Value> = set
        .complaints_of(&decision)
        .map(|c| json!({ "policyId": &*c.policy, "pointer": &*c.pointer, "message": c.message }))
        .collect();
    if !unsupported.is_empty() {
        answer.insert("explanations".into(), Value::Array(unsupported));
    }
    if !notes.is_empty() {
        answer.insert("notes".into(), json!(notes));
    }
    Ok(Value::Object(answer))
}

/// `{ "holds", "lacks" }`: the attacker, and what is no word. (`sessionWithMfaClaim` is `sessionCookie` and `mfaClaim` in
/// one.)
pub fn read_attacker(stated: &Value) -> (Attacker, Vec<String>) {
    let mut unknown = Vec::new();
    let mut words = |key: &str| {
        let items = json::get(stated, key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let mut words = std::collections::BTreeSet::new();
        for item in items {
            let Some(text) = item.as_str().or_else(|| json::text(item, "what")) else {
                unknown.push(item.to_string());
                continue;
            };
            match Word::ALL.iter().find(|word| word.as_str().eq_ignore_ascii_case(text.trim())) {
                Some(word) => drop(words.insert(*word)),
                None if text.eq_ignore_ascii_case("sessionWithMfaClaim") => {
                    words.extend([Word::SessionCookie, Word::MfaClaim]);
                }
                None => unknown.push(text.to_owned()),
            }
        }
        words
    };
    let (holds, lacks) = (words("holds"), words("lacks"));
    (Attacker { holds, lacks }, unknown)
}

fn fact<T>(object: &Value, key: &str, read: impl FnOnce(&Value) -> Option<T>) -> Fact<T> {
    match json::get(object, key) {
        None => Fact::Unknown,
        Some(Value::Null) => Fact::Absent,
        Some(value) => read(value).into(),
    }
}

fn text(object: &Value, key: &str) -> Fact<String> {
    fact(object, key, |value| value.as_str().map(str::to_owned))
}

fn flag(object: &Value, key: &str) -> Fact<bool> {
    fact(object, key, Value::as_bool)
}

fn texts(object: &Value, key: &str) -> Fact<Vec<String>> {
    fact(object, key, |value| value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect())
}

fn ids(object: &Value, key: &str) -> Fact<Vec<ObjectId>> {
    fact(object, key, |value| value.as_array()?.iter().map(|item| item.as_str().map(ObjectId::new)).collect())
}

/// A `signIn` object of the vectors.
pub fn read_request(sign_in: &Value) -> Result<SignInRequest, InputError> {
    let nothing = Value::Null;
    let target = json::get(sign_in, "target").unwrap_or(&nothing);
    let kind = match json::text(target, "kind").unwrap_or_default().trim() {
        word if word.eq_ignore_ascii_case("application") => TargetKind::Application,
        word if word.eq_ignore_ascii_case("userAction") => TargetKind::UserAction,
        word if word.eq_ignore_ascii_case("none") => TargetKind::None,
        word => {
            let message = format!("`target.kind` is `{word}`");
            return Err(InputError::new("", message, "write `application`, `userAction` or `none`"));
        }
    };
    let identity = json::get(sign_in, "identity").unwrap_or(&nothing);
    let identity_kind = match json::text(identity, "kind").unwrap_or_default().trim() {
        word if word.eq_ignore_ascii_case("user") => IdentityKind::User,
        word if word.eq_ignore_ascii_case("servicePrincipal") => IdentityKind::ServicePrincipal,
        word if word.eq_ignore_ascii_case("managedIdentity") => IdentityKind::ManagedIdentity,
        // A key or a SAS: no identity is asked for.
        _ if kind == TargetKind::None => IdentityKind::User,
        word => {
            let message = format!("`identity.kind` is `{word}`");
            return Err(InputError::new("", message, "write `user`, `servicePrincipal` or `managedIdentity`"));
        }
    };
    Ok(SignInRequest {
        identity: Identity {
            kind: identity_kind,
            id: ObjectId::new(json::text(identity, "id").unwrap_or_default()),
            external_user_type: text(identity, "externalUserType"),
            home_tenant_id: text(identity, "homeTenantId"),
            transitive_group_ids: ids(identity, "transitiveGroupIds"),
            directory_role_template_ids: ids(identity, "directoryRoleTemplateIds"),
            single_tenant_in_this_tenant: flag(identity, "singleTenantInThisTenant"),
            is_mfa_registered: flag(identity, "isMfaRegistered"),
        },
        target: SignInTarget {
            kind,
            client_app_id: text(target, "clientAppId"),
            client_kind: fact(target, "clientKind", |value| match value.as_str()? {
                word if word.eq_ignore_ascii_case("public") => Some(ClientKind::Public),
                word if word.eq_ignore_ascii_case("confidential") => Some(ClientKind::Confidential),
                _ => None,
            }),
            resource_app_id: text(target, "resourceAppId"),
            scopes: match json::get(target, "scopes") {
                Some(Value::String(scopes)) => Fact::Known(vec![scopes.clone()]),
                _ => texts(target, "scopes"),
            },
            conditional_access_audiences: texts(target, "conditionalAccessAudiences"),
            owned_by_microsoft: flag(target, "ownedByMicrosoft"),
            authentication_contexts: texts(target, "authenticationContexts"),
            user_action: text(target, "userAction"),
            authorization: text(target, "authorization"),
        },
        client_app_type: text(sign_in, "clientAppType"),
        device_platform: text(sign_in, "devicePlatform"),
        ip_address: text(sign_in, "ipAddress"),
        country: text(sign_in, "country"),
        gps_country: text(sign_in, "gpsCountry"),
        sign_in_risk_level: text(sign_in, "signInRiskLevel"),
        user_risk_level: text(sign_in, "userRiskLevel"),
        service_principal_risk_level: text(sign_in, "servicePrincipalRiskLevel"),
        insider_risk_level: text(sign_in, "insiderRiskLevel"),
        transfer_method: text(sign_in, "transferMethod"),
        original_transfer_method: text(sign_in, "originalTransferMethod"),
        compliant_network: flag(sign_in, "compliantNetwork"),
        device: fact(sign_in, "device", |value| value.as_object().cloned()),
        claims: match json::get(sign_in, "claims") {
            None => Fact::Unknown,
            Some(Value::Null) => Fact::Absent,
            Some(claims @ Value::Object(_)) => Fact::Known(read_claims(claims)),
            Some(_) => Fact::Unknown,
        },
    })
}

fn read_claims(claims: &Value) -> Claims {
    Claims {
        mfa: flag(claims, "mfa"),
        mfa_performed_in: text(claims, "mfaPerformedIn"),
        methods: texts(claims, "methods"),
        terms_of_use_accepted: texts(claims, "termsOfUseAccepted"),
        password_changed: flag(claims, "passwordChanged"),
        approved_application: flag(claims, "approvedApplication"),
        compliant_application: flag(claims, "compliantApplication"),
        last_authentication_age_minutes: fact(claims, "lastAuthenticationAgeMinutes", Value::as_f64),
        session_binding: text(claims, "sessionBinding"),
        other: Map::new(),
    }
}
