//! Sign-ins: one struct a sign-in, and the row Log Analytics makes of it (`SigninLogs`, and
//! `AADNonInteractiveUserSignInLogs`, whose same columns are strings).

use super::estate::*;
use super::kit::{At, guid, line, token_id};
use serde_json::{Value, json};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// Joined and compliant.
    Company,
    /// Known not to be registered.
    Unmanaged,
    /// The record has no device detail at all.
    Unrecorded,
}

#[derive(Clone)]
pub struct SignIn {
    pub at: At,
    /// What the made-up ids of this record come from.
    pub key: String,
    pub person: &'static Person,
    pub app: (&'static str, &'static str),
    pub resource: (&'static str, &'static str),
    pub address: String,
    pub country: &'static str,
    pub device: Device,
    pub agent: &'static str,
    pub client: &'static str,
    pub risk: &'static str,
    pub mfa: Option<&'static str>,
    /// `Some`: a silent request inside the session of that key.
    pub silent_in: Option<String>,
    /// Blocked by the legacy authentication policy.
    pub blocked: bool,
}

pub const EDGE: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/134.0.0.0 Safari/537.36 Edg/134.0.0.0";
pub const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:136.0) Gecko/20100101 Firefox/136.0";

impl SignIn {
    /// A person at work, on the usual device, at the place where the day finds them.
    pub fn usual(
        at: At,
        key: String,
        person: &'static Person,
        app: (&'static str, &'static str),
        resource: (&'static str, &'static str),
    ) -> SignIn {
        let mfa = match person.team {
            Team::Emergency => Some("FIDO2 security key"),
            _ if person.global_administrator() => Some("Mobile app notification"),
            _ => None,
        };
        SignIn {
            at,
            key,
            person,
            app,
            resource,
            address: person.address(at.day()),
            country: person.country(at.day()),
            device: if person.own_device { Device::Unmanaged } else { Device::Company },
            agent: EDGE,
            client: "Browser",
            risk: "none",
            mfa,
            silent_in: None,
            blocked: false,
        }
    }

    pub fn token(&self) -> String {
        token_id(&self.key)
    }

    pub fn session(&self) -> String {
        guid(&format!("session/{}", self.silent_in.as_ref().unwrap_or(&self.key)))
    }

    fn device_detail(&self) -> Option<Value> {
        let (os, browser) =
            if self.agent == FIREFOX { ("Linux", "Firefox 136.0") } else { ("Windows10", "Edge 134.0.0") };
        match self.device {
            Device::Company => Some(json!({ "deviceId": guid(&format!("device/{}", self.person.alias)),
                "displayName": format!("NG-LT-{:03}", self.person.host), "operatingSystem": os, "browser": browser,
                "isCompliant": true, "isManaged": true, "trustType": "Azure AD joined" })),
            Device::Unmanaged => Some(json!({ "deviceId": "", "displayName": "", "operatingSystem": os,
                "browser": browser, "isCompliant": false, "isManaged": false, "trustType": "" })),
            Device::Unrecorded => None,
        }
    }

    /// What the platform recorded for each policy of the tenant.
    fn policies(&self) -> (Value, &'static str) {
        let none: [&str; 0] = [];
        let entry = |id: String, name: &str, control: &str, result: &str| {
            let controls: &[&str] = if result.ends_with("otApplied") { &none } else { &[control] };
            json!({ "id": id, "displayName": name, "enforcedGrantControls": controls, "enforcedSessionControls": none,
                "result": result })
        };
        let management = self.resource.0 == app::ARM.0 || self.resource.0 == app::PORTAL.0;
        // The one record without a device detail came from the usual laptop: the platform knew, the export does not.
        let device = match (management, self.device) {
            (false, _) => "reportOnlyNotApplied",
            (true, Device::Company | Device::Unrecorded) => "reportOnlySuccess",
            (true, Device::Unmanaged) => "reportOnlyFailure",
        };
        let administrator = self.person.global_administrator();
        let list = json!([
            entry(policy::legacy(), policy::LEGACY, "Block", if self.blocked { "failure" } else { "notApplied" }),
            entry(
                policy::global_admins(),
                policy::GLOBAL_ADMINS,
                "Mfa",
                if administrator { "success" } else { "notApplied" }
            ),
            entry(policy::device(), policy::DEVICE, "RequireCompliantDevice", device),
        ]);
        (
            list,
            if self.blocked {
                "failure"
            } else if administrator {
                "success"
            } else {
                "notApplied"
            },
        )
    }

    fn authentication(&self) -> Value {
        let step = |method: &str, detail: &str, result: &str, requirement: &str| {
            json!({ "authenticationStepDateTime": self.at.iso(), "authenticationMethod": method,
                "authenticationMethodDetail": detail, "succeeded": true, "authenticationStepResultDetail": result,
                "authenticationStepRequirement": requirement })
        };
        if self.silent_in.is_some() {
            return json!([step(
                "Previously satisfied",
                "",
                "First factor requirement satisfied by claim in the token",
                "Primary authentication"
            )]);
        }
        match self.mfa {
            Some("FIDO2 security key") => {
                json!([step(
                    "FIDO2 security key",
                    "Emergency key 1",
                    "MFA completed in Azure AD",
                    "Multifactor authentication"
                )])
            }
            Some(method) => json!([
                step("Password", "Password in the cloud", "Correct password", "Primary authentication"),
                step(method, "Authenticator", "MFA completed in Azure AD", "Multifactor authentication"),
            ]),
            None => json!([step("Password", "Password in the cloud", "Correct password", "Primary authentication")]),
        }
    }

    pub fn row(&self) -> Value {
        let none: [&str; 0] = [];
        let (policies, status) = self.policies();
        let city = match self.country {
            "FR" => "Lyon",
            "US" => "Ashburn",
            _ => "Leeds",
        };
        let silent = self.silent_in.is_some();
        let code = if self.blocked { 53003 } else { 0 };
        let mut row = json!({
            "TimeGenerated": self.at.iso(), "Type": "SigninLogs",
            "TenantId": guid("workspace"),
            "Category": "SignInLogs", "Id": guid(&format!("signin/{}", self.key)),
            "CorrelationId": guid(&format!("correlation/{}", self.key)), "SessionId": self.session(),
            "UniqueTokenIdentifier": self.token(), "UserId": self.person.id(),
            "UserPrincipalName": self.person.upn(), "UserDisplayName": self.person.name, "UserType": "Member",
            "HomeTenantId": tenant(), "ResourceTenantId": tenant(),
            "AppId": self.app.0, "AppDisplayName": self.app.1, "ResourceIdentity": self.resource.0,
            "ResourceDisplayName": self.resource.1, "ConditionalAccessAudiences": [self.resource.0],
            "IPAddress": self.address, "Location": self.country,
            "LocationDetails": { "city": city, "countryOrRegion": self.country },
        });
        let rest = json!({
            "ClientAppUsed": self.client, "UserAgent": self.agent, "IsInteractive": !silent,
            "AuthenticationProtocol": "none", "OriginalTransferMethod": "none",
            "IncomingTokenType": if silent { "refreshToken" } else { "none" },
            "ResultType": code.to_string(), "Status": { "errorCode": code,
                "failureReason": if self.blocked { "Access has been blocked by Conditional Access policies." } else { "Other." } },
            "RiskLevelDuringSignIn": self.risk, "RiskLevelAggregated": self.risk,
            "RiskState": if self.risk == "none" { "none" } else { "atRisk" },
            "RiskEventTypes_V2": if self.risk == "none" { json!(none) } else { json!(["unfamiliarFeatures"]) },
            "AuthenticationRequirement": if self.mfa.is_some() { "multiFactorAuthentication" } else { "singleFactorAuthentication" },
            "AuthenticationDetails": self.authentication(), "AuthenticationContextClassReferences": none,
            "ConditionalAccessStatus": status, "ConditionalAccessPolicies": policies,
            "TokenProtectionStatusDetails": { "signInSessionStatus": "unbound" },
        });
        if let (Value::Object(row), Value::Object(rest)) = (&mut row, rest) {
            row.extend(rest);
        }
        if let Some(device) = self.device_detail() {
            row["DeviceDetail"] = device;
        }
        if silent {
            row["Type"] = json!("AADNonInteractiveUserSignInLogs");
            row["Category"] = json!("NonInteractiveUserSignInLogs");
            // In this table the dynamic columns of the other are strings.
            for column in [
                "AuthenticationDetails",
                "ConditionalAccessPolicies",
                "DeviceDetail",
                "LocationDetails",
                "Status",
                "RiskEventTypes_V2",
                "ConditionalAccessAudiences",
                "AuthenticationContextClassReferences",
                "TokenProtectionStatusDetails",
            ] {
                row[column] = json!(line(&row[column]));
            }
        }
        row
    }
}
