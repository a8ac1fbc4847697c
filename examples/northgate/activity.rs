//! The activity log: one struct an operation, and the two or three rows Log Analytics makes of it (`AzureActivity`,
//! operation names in upper case; Start, Accept, Success with one correlation id).

use super::estate::*;
use super::kit::{At, HOUR, SECOND, guid, line};
use serde_json::{Map, Value, json};

/// Who calls, with the sign-in that issued the token.
#[derive(Clone)]
pub enum Caller {
    User { person: &'static Person, token: String, signed_in: At, method: &'static str },
    Workload(&'static str),
}

impl Caller {
    fn name(&self) -> String {
        match self {
            Caller::User { person, .. } => person.upn(),
            Caller::Workload(key) => workload_id(key),
        }
    }
}

/// The assignment the platform named as the one that let the call through.
#[derive(Clone)]
pub struct Grant {
    pub assignment: String,
    pub role: &'static str,
    pub scope: String,
    pub principal: String,
    pub kind: &'static str,
}

impl From<Assignment> for Grant {
    fn from(a: Assignment) -> Grant {
        Grant { assignment: a.name(), role: a.role, scope: a.scope, principal: a.principal, kind: a.kind }
    }
}

#[derive(Clone)]
pub struct Operation {
    pub at: At,
    pub key: String,
    pub caller: Caller,
    pub address: String,
    /// In the provider's letter case.
    pub name: &'static str,
    pub resource: String,
    pub grant: Grant,
    pub body: Option<Value>,
    pub response: Option<Value>,
}

impl Operation {
    fn method(&self) -> &'static str {
        match self.name.rsplit('/').next() {
            Some("write") => "PUT",
            Some("delete") => "DELETE",
            _ => "POST",
        }
    }

    /// Long-running writes are accepted first.
    fn stages(&self) -> &'static [(&'static str, &'static str, i64)] {
        let long = ["Microsoft.Compute/", "Microsoft.Network/", "Microsoft.Resources/"]
            .iter()
            .any(|p| self.name.starts_with(p));
        if long {
            &[("Start", "", 0), ("Accept", "Accepted (HTTP Status Code: 202)", 1), ("Success", "", 9)]
        } else {
            &[("Start", "", 0), ("Success", "OK (HTTP Status Code: 200)", 1)]
        }
    }

    fn claims(&self) -> Value {
        match &self.caller {
            Caller::User { person, token, signed_in, method } => json!({
                "aud": "https://management.core.windows.net/", "iss": format!("https://sts.windows.net/{}/", tenant()),
                "iat": signed_in.seconds().to_string(), "nbf": signed_in.seconds().to_string(),
                "exp": signed_in.plus(HOUR + 300 * SECOND).seconds().to_string(), "appid": app::PORTAL.0, "appidacr": "2",
                "ipaddr": self.address, "name": person.name, "ver": "1.0", "xms_tcdt": "1673863200",
                "http://schemas.microsoft.com/identity/claims/tenantid": tenant(),
                "http://schemas.microsoft.com/identity/claims/objectidentifier": person.id(),
                "http://schemas.microsoft.com/identity/claims/scope": "user_impersonation",
                "http://schemas.microsoft.com/claims/authnmethodsreferences": method,
                "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn": person.upn(),
                "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name": person.upn(), "uti": token }),
            Caller::Workload(key) => json!({
                "aud": "https://management.azure.com/", "iss": format!("https://sts.windows.net/{}/", tenant()),
                "iat": self.at.plus(-30 * SECOND).seconds().to_string(),
                "exp": self.at.plus(HOUR).seconds().to_string(), "appid": workload_app(key), "appidacr": "2",
                "idtyp": "app", "ver": "1.0",
                "http://schemas.microsoft.com/identity/claims/tenantid": tenant(),
                "http://schemas.microsoft.com/identity/claims/objectidentifier": workload_id(key) }),
        }
    }

    /// Rows as `az monitor log-analytics query` prints them: every value a string.
    pub fn rows(&self, with_body: bool) -> Vec<(At, Value)> {
        let dashless = |id: &str| id.replace('-', "");
        let correlation = guid(&format!("activity/{}", self.key));
        let provider = self.name.split('/').next().unwrap_or_default();
        let group = self.resource.split('/').nth(4).unwrap_or_default();
        let authorization = json!({ "action": self.name, "scope": self.resource, "evidence": {
            "role": self.grant.role, "roleAssignmentScope": self.grant.scope,
            "roleAssignmentId": dashless(&self.grant.assignment), "roleDefinitionId": dashless(role_id(self.grant.role)),
            "principalId": dashless(&self.grant.principal), "principalType": self.grant.kind } });
        let http = json!({ "clientRequestId": guid(&format!("request/{}", self.key)), "clientIpAddress": self.address,
            "method": self.method() });
        let hierarchy = format!("{}/mg-northgate/{}", tenant(), subscription());
        self.stages()
            .iter()
            .map(|(stage, sub_status, after)| {
                let at = self.at.plus(after * SECOND);
                let mut properties = Map::new();
                properties.insert("eventCategory".into(), json!("Administrative"));
                properties.insert("entity".into(), json!(self.resource));
                properties.insert("message".into(), json!(self.name));
                properties.insert("hierarchy".into(), json!(hierarchy));
                if *stage == "Start"
                    && with_body
                    && let Some(body) = &self.body
                {
                    properties.insert("requestbody".into(), json!(line(body)));
                }
                if *stage == "Success" {
                    properties
                        .insert("statusCode".into(), json!(if self.method() == "PUT" { "Created" } else { "OK" }));
                    if let Some(response) = &self.response {
                        properties.insert("responseBody".into(), json!(line(response)));
                    }
                }
                let row = json!({ "TableName": "PrimaryResult", "Type": "AzureActivity", "TenantId": guid("workspace"),
                    "TimeGenerated": at.iso(), "EventSubmissionTimestamp": at.plus(90 * SECOND).iso(),
                    "OperationNameValue": self.name.to_uppercase(), "ActivityStatusValue": stage,
                    "ActivitySubstatusValue": sub_status, "CategoryValue": "Administrative", "Level": "Informational",
                    "Caller": self.caller.name(), "CallerIpAddress": self.address, "CorrelationId": correlation,
                    "OperationId": correlation, "EventDataId": guid(&format!("event/{}/{stage}", self.key)),
                    "ResourceGroup": group.to_uppercase(), "ResourceProviderValue": provider.to_uppercase(),
                    "SubscriptionId": subscription(), "_ResourceId": self.resource.to_lowercase(), "ResourceId": "",
                    "Hierarchy": hierarchy, "Authorization": line(&authorization), "Claims": line(&self.claims()),
                    "HTTPRequest": line(&http), "Properties": line(&Value::Object(properties)) });
                (at, row)
            })
            .collect()
    }
}
