//! The words of sign-in logs, translated to those that conditional access and authentication strengths use.

use super::event::{arc, said};
use super::record::{Fields, elements};
use std::sync::Arc;

/// `clientAppUsed` → client app type of a policy. Everything that is named after a legacy protocol is `other`
/// ("Conditional Access: Conditions", client apps).
pub fn client_app(used: &str) -> Option<Arc<str>> {
    let used = used.trim().to_ascii_lowercase();
    Some(arc(match used.as_str() {
        "" | "unknown" => return None,
        "browser" => "browser",
        "mobile apps and desktop clients" => "mobileAppsAndDesktopClients",
        "exchange activesync" => "exchangeActiveSync",
        _ => "other",
    }))
}

/// `operatingSystem` of a record, or a user agent, → device platform.
pub fn platform(system: &str) -> Option<Arc<str>> {
    let system = system.to_ascii_lowercase();
    let known = [
        ("windows phone", "windowsPhone"),
        ("windows", "windows"),
        ("android", "android"),
        ("iphone", "iOS"),
        ("ipad", "iOS"),
        ("ios", "iOS"),
        ("mac os", "macOS"),
        ("macos", "macOS"),
        ("macintosh", "macOS"),
        ("linux", "linux"),
        ("ubuntu", "linux"),
        ("chrome os", "unsupported"),
        ("chromeos", "unsupported"),
        ("cros", "unsupported"),
    ];
    known.iter().find(|(word, _)| system.contains(word)).map(|(_, platform)| arc(platform))
}

/// `trustType` of a record → what device filters compare with.
pub fn trust(text: &str) -> Option<&'static str> {
    let text = text.to_ascii_lowercase();
    if text.contains("hybrid") || text == "serverad" {
        Some("ServerAD")
    } else if text.contains("registered") || text == "workplace" {
        Some("Workplace")
    } else if text.contains("joined") || text == "azuread" {
        Some("AzureAD")
    } else {
        None
    }
}

/// A method as the steps name it → the word of `allowedCombinations`.
fn method(step: &str, detail: &str) -> Option<&'static str> {
    let step = step.to_ascii_lowercase();
    let detail = detail.to_ascii_lowercase();
    Some(if step.contains("previously satisfied") || step.is_empty() {
        return None;
    } else if step.contains("temporary access pass") {
        if detail.contains("multi") { "temporaryAccessPassMultiUse" } else { "temporaryAccessPassOneTime" }
    } else if step.contains("passwordless") {
        "deviceBasedPush"
    } else if step == "password" || step.contains("password in the cloud") || step.contains("password hash") {
        "password"
    } else if step.contains("fido") || step.contains("passkey") {
        "fido2"
    } else if step.contains("windows hello") {
        "windowsHelloForBusiness"
    } else if step.contains("certificate") {
        if step.contains("single") || detail.contains("single") {
            "x509CertificateSingleFactor"
        } else {
            "x509CertificateMultiFactor"
        }
    } else if step.contains("text message") || step.contains("sms") {
        "sms"
    } else if step.contains("phone call") || step.contains("voice") {
        "voice"
    } else if step.contains("app notification") || step.contains("authenticator") {
        "microsoftAuthenticatorPush"
    } else if step.contains("hardware") {
        "hardwareOath"
    } else if step.contains("oath") || step.contains("verification code") {
        "softwareOath"
    } else if step.contains("federated") {
        "federatedSingleFactor"
    } else {
        return None;
    })
}

/// What the steps of an authentication tell.
#[derive(Default)]
pub struct Steps {
    /// The combination used: `password`, `password,microsoftAuthenticatorPush`, `fido2`.
    pub combination: Option<Arc<str>>,
    /// First factor satisfied by an earlier sign-in; none: no step tells.
    pub previously: Option<bool>,
    /// The steps show a second factor, or one that is two in one.
    pub multi: bool,
}

pub fn steps(details: &str) -> Option<Steps> {
    let list: Vec<Fields<'_>> = elements(details).iter().filter_map(|e| Fields::parse_str(e.get()).ok()).collect();
    if list.is_empty() {
        return None;
    }
    let mut found = Steps::default();
    let mut used: Vec<&str> = Vec::new();
    // Whether a second factor was satisfied before, in a record that shows no first.
    let mut alone = None;
    for step in &list {
        let text = |name: &str| step.text(name).unwrap_or_default();
        let succeeded = match step.text("succeeded").as_deref() {
            Some(word) if word.eq_ignore_ascii_case("true") => Some(true),
            Some(word) if word.eq_ignore_ascii_case("false") => Some(false),
            _ => None,
        };
        let result = text("authenticationStepResultDetail").to_ascii_lowercase();
        let requirement = text("authenticationStepRequirement").to_ascii_lowercase();
        let satisfied = text("authenticationMethod").eq_ignore_ascii_case("Previously satisfied")
            || result.contains("satisfied by claim in the token");
        let second = requirement.contains("multi") || result.contains("mfa requirement satisfied");
        if second {
            found.multi |= succeeded == Some(true) || (succeeded.is_none() && result.contains("satisfied"));
            alone = alone.or(Some(satisfied));
        } else {
            found.previously = Some(satisfied || found.previously == Some(true));
        }
        if succeeded == Some(false) {
            continue;
        }
        let word = method(&text("authenticationMethod"), &text("authenticationMethodDetail"));
        if let Some(word) = word.filter(|w| !used.contains(w)) {
            used.push(word);
        }
    }
    found.previously = found.previously.or(alone.filter(|satisfied| *satisfied));
    found.multi |= used.len() > 1
        || used
            .iter()
            .any(|w| ["fido2", "windowsHelloForBusiness", "x509CertificateMultiFactor", "deviceBasedPush"].contains(w));
    found.combination = said(Some(used.join(",")));
    Some(found)
}

/// Codes that ask for something more and neither refuse nor grant ("Microsoft Entra authentication and authorization
/// error codes").
pub fn interrupts(code: i64) -> bool {
    const CODES: &[i64] = &[
        16000, 16001, 50058, 50072, 50074, 50076, 50079, 50097, 50125, 50127, 50129, 50140, 50158, 50199, 50203, 51006,
        65001,
    ];
    CODES.contains(&code)
}
