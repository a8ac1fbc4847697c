//! Secrets never enter an event: signatures and codes in URLs, tokens and keys in bodies.

use serde_json::Value;

/// What stands in the place of a secret.
pub const MASK: &str = "***";

/// Query parameters whose value is a secret.
const PARAMETERS: &[&str] = &[
    "sig",
    "code",
    "token",
    "access_token",
    "id_token",
    "refresh_token",
    "client_secret",
    "client_assertion",
    "assertion",
    "password",
    "sas",
    "key",
    "subscription-key",
    "state",
    "session_state",
];

/// Members of a body whose value is a secret.
const MEMBERS: &[&str] = &[
    "customdata",
    "userdata",
    "password",
    "adminpassword",
    "administratorloginpassword",
    "secret",
    "secrettext",
    "clientsecret",
    "accesstoken",
    "refreshtoken",
    "accountkey",
    "primarykey",
    "secondarykey",
    "primarymasterkey",
    "secondarymasterkey",
    "storageaccountkey",
    "sastoken",
    "connectionstring",
    "primaryconnectionstring",
    "secondaryconnectionstring",
    "accesssas",
    "protectedsettings",
    "keydata",
    "privatekey",
    "pfxblob",
    "certificatedata",
    "publishingpassword",
    "licensekey",
];

/// The URL with the values of secret parameters masked.
pub fn url(text: &str) -> String {
    let Some((before, query)) = text.split_once('?') else { return text.to_owned() };
    let masked: Vec<String> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) if !value.is_empty() && is_parameter(name) => format!("{name}={MASK}"),
            Some(_) | None => pair.to_owned(),
        })
        .collect();
    format!("{before}?{}", masked.join("&"))
}

fn is_parameter(name: &str) -> bool {
    PARAMETERS.iter().any(|p| p.eq_ignore_ascii_case(name))
}

/// Masks secret members, and secret parameters of URLs, wherever they stand.
pub fn body(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                let folded = name.to_ascii_lowercase();
                if MEMBERS.contains(&folded.as_str()) && !member.is_null() && !member.is_boolean() {
                    *member = Value::String(MASK.to_owned());
                } else {
                    body(member);
                }
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(body),
        Value::String(text) => {
            if text.contains('?') && text.contains('=') {
                *text = url(text);
            }
            for secret in ["AccountKey=", "SharedAccessKey=", "SharedAccessSignature=", "Password=", "Bearer "] {
                if let Some(at) = text.find(secret) {
                    let start = at + secret.len();
                    let end = text.get(start..).and_then(|r| r.find([';', '"', ' '])).map_or(text.len(), |e| start + e);
                    text.replace_range(start..end, MASK);
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
