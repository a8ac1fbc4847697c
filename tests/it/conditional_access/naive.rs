//! A second evaluator: small, slow, over the JSON as it stands, one rule a line. It knows the world of `generate` only
//! (no Microsoft Graph, no newer selectors, nothing misspelt).

use super::generate::{ARM, EXCHANGE};
use ipnet::IpNet;
use serde_json::Value;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Kleene's third value is `None`.
type Three = Option<bool>;

fn and(items: impl IntoIterator<Item = Three>) -> Three {
    let items: Vec<Three> = items.into_iter().collect();
    match (items.contains(&Some(false)), items.contains(&None)) {
        (true, _) => Some(false),
        (false, true) => None,
        (false, false) => Some(true),
    }
}

fn not(value: Three) -> Three {
    value.map(|value| !value)
}

fn or(items: impl IntoIterator<Item = Three>) -> Three {
    not(and(items.into_iter().map(not)))
}

fn list<'a>(value: &'a Value, pointer: &str) -> Vec<&'a str> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Some member of the fact's list is selected; nobody selected needs no fact.
fn meets(selected: &[&str], fact: Option<&Value>) -> Three {
    match fact {
        _ if selected.is_empty() => Some(false),
        None => None,
        Some(held) => {
            Some(held.as_array().into_iter().flatten().any(|id| selected.contains(&id.as_str().unwrap_or(""))))
        }
    }
}

fn users_half(users: &Value, half: &str, s: &Value) -> Three {
    let who = list(users, &format!("/{half}Users"));
    let kind = s.pointer("/identity/externalUserType");
    let all = match kind {
        _ if !who.contains(&"All") => Some(false),
        Some(kind) if kind == "b2bDirectConnectUser" => None,
        Some(_) => Some(true),
        None => None,
    };
    let guest = if who.contains(&"GuestsOrExternalUsers") { kind.map(|kind| !kind.is_null()) } else { Some(false) };
    let typed = &users[format!("{half}GuestsOrExternalUsers")];
    let typed = if typed.is_null() {
        Some(false)
    } else {
        let types: Vec<&str> = typed["guestOrExternalUserTypes"].as_str().unwrap_or("").split(',').collect();
        let tenants = &typed["externalTenants"];
        let home = match (tenants["membershipKind"] == "all", s.pointer("/identity/homeTenantId")) {
            (true, _) => Some(true),
            (false, None) => None,
            (false, Some(home)) => Some(list(tenants, "/members").contains(&home.as_str().unwrap_or(""))),
        };
        and([kind.map(|kind| kind.as_str().is_some_and(|kind| types.contains(&kind))), home])
    };
    or([
        Some(who.contains(&s["identity"]["id"].as_str().unwrap_or(""))),
        all,
        guest,
        typed,
        meets(&list(users, &format!("/{half}Groups")), s.pointer("/identity/transitiveGroupIds")),
        meets(&list(users, &format!("/{half}Roles")), s.pointer("/identity/directoryRoleTemplateIds")),
    ])
}

fn who(policy: &Value, s: &Value) -> Three {
    let (c, kind) = (&policy["conditions"], s["identity"]["kind"].as_str().unwrap_or(""));
    let workload = &c["clientApplications"];
    if workload.is_null() {
        let types = list(c, "/clientAppTypes");
        let mail = types.iter().filter(|word| ["exchangeActiveSync", "easSupported"].contains(word)).count();
        let wide = ["All", "GuestsOrExternalUsers"].iter().any(|word| list(c, "/users/includeUsers").contains(word))
            || !list(c, "/users/includeRoles").is_empty()
            || !c["users"]["includeGuestsOrExternalUsers"].is_null();
        let by_mail = match (wide, mail, mail == types.len()) {
            (false, _, _) | (_, 0, _) => Some(false),
            (true, _, true) => Some(true),
            (true, _, false) => s.get("clientAppType").map(|client| client == "exchangeActiveSync"),
        };
        let included = or([users_half(&c["users"], "include", s), by_mail]);
        return and([Some(kind == "user"), included, not(users_half(&c["users"], "exclude", s))]);
    }
    let id = s["identity"]["id"].as_str().unwrap_or("");
    let selected = list(workload, "/includeServicePrincipals");
    and([
        Some(kind == "servicePrincipal"),
        Some(selected.contains(&"ServicePrincipalsInMyTenant") || selected.contains(&id)),
        Some(!list(workload, "/excludeServicePrincipals").contains(&id)),
        s.pointer("/identity/singleTenantInThisTenant").map(|single| single == true),
    ])
}

fn selects(entry: &str, app: Option<&str>, owned_by_microsoft: Option<bool>) -> Three {
    let group = |members: &[&str]| match app {
        None => None,
        Some(app) if members.contains(&app) => Some(true),
        Some(ARM | EXCHANGE) => Some(false),
        Some(_) if owned_by_microsoft == Some(false) => Some(false),
        Some(_) => None,
    };
    match entry {
        "All" => Some(true),
        "None" => Some(false),
        "Office365" => group(&[EXCHANGE]),
        "MicrosoftAdminPortals" => group(&[]),
        ARM => group(&[ARM]),
        id => app.map(|app| app == id),
    }
}

fn what(policy: &Value, s: &Value) -> Three {
    let a = &policy["conditions"]["applications"];
    let (actions, contexts) = (list(a, "/includeUserActions"), list(a, "/includeAuthenticationContextClassReferences"));
    let action = s["target"]["kind"] == "userAction";
    let asked = s.pointer("/target/userAction").and_then(Value::as_str);
    if !actions.is_empty() {
        return if action { asked.map(|asked| actions.contains(&asked)) } else { Some(false) };
    }
    if !contexts.is_empty() {
        return if action { Some(false) } else { meets(&contexts, s.pointer("/target/authenticationContexts")) };
    }
    let (include, exclude) = (list(a, "/includeApplications"), list(a, "/excludeApplications"));
    if action {
        let flows = !policy["conditions"]["authenticationFlows"].is_null();
        return match (include.contains(&"All"), asked) {
            (false, _) => Some(false),
            (true, Some("urn:user:registersecurityinfo")) => Some(true),
            (true, Some("urn:user:registerdevice")) if flows => Some(true),
            (true, _) => None,
        };
    }
    let app = s.pointer("/target/resourceAppId").and_then(Value::as_str);
    let owned = s.pointer("/target/ownedByMicrosoft").and_then(Value::as_bool);
    let any = |entries: Vec<&str>| or(entries.into_iter().map(|entry| selects(entry, app, owned)));
    and([any(include), not(any(exclude))])
}

fn listed(selected: &Value, fact: Option<&Value>) -> Three {
    match selected.as_array() {
        None => Some(true),
        Some(levels) => fact.map(|level| levels.contains(level)),
    }
}

fn platform(policy: &Value, s: &Value) -> Three {
    let p = &policy["conditions"]["platforms"];
    let half = |key: &str| {
        let words = list(p, key);
        match s.get("devicePlatform").and_then(Value::as_str) {
            _ if words.contains(&"all") => Some(true),
            _ if words.is_empty() => Some(false),
            None => None,
            Some(platform) => Some(words.contains(&platform)),
        }
    };
    if p.is_null() { Some(true) } else { and([half("/includePlatforms"), not(half("/excludePlatforms"))]) }
}

fn client(policy: &Value, s: &Value) -> Three {
    let types = list(&policy["conditions"], "/clientAppTypes");
    let supported = s.get("devicePlatform").map(|platform| platform != "unsupported");
    or(types.into_iter().map(|kind| match (kind, s.get("clientAppType").and_then(Value::as_str)) {
        ("all", _) => Some(true),
        (_, None) => None,
        ("easSupported", Some(client)) => and([Some(client == "exchangeActiveSync"), supported]),
        (kind, Some(client)) => Some(kind == client),
    }))
}

fn inside(ranges: Vec<&str>, s: &Value) -> Three {
    if ranges.is_empty() {
        return Some(false);
    }
    let address: IpAddr = s.get("ipAddress")?.as_str()?.parse().ok()?;
    Some(ranges.into_iter().any(|range| range.parse::<IpNet>().is_ok_and(|range| range.contains(&address))))
}

fn place(entry: &str, vector: &Value) -> Three {
    let (s, all) = (&vector["signIn"], vector["namedLocations"].as_array().expect("locations"));
    let ranges = |location: &Value| {
        inside(
            location["ipRanges"].as_array().into_iter().flatten().filter_map(|r| r["cidrAddress"].as_str()).collect(),
            s,
        )
    };
    match entry {
        "All" => Some(true),
        "AllTrusted" => {
            let trusted = all.iter().filter(|location| location["isTrusted"] == true).map(ranges);
            let v6 = s.get("ipAddress").and_then(Value::as_str).is_some_and(|address| address.contains(':'));
            let service = match vector.pointer("/tenant/mfaTrustedIps") {
                _ if v6 => Some(false),
                None => None,
                Some(_) => inside(list(vector, "/tenant/mfaTrustedIps"), s),
            };
            or(trusted.chain([service]))
        }
        id => {
            let location = all.iter().find(|location| location["id"] == id)?;
            match location.get("ipRanges") {
                Some(_) => ranges(location),
                None => s.get("country").map(|country| match country.as_str() {
                    Some(code) => list(location, "/countriesAndRegions").contains(&code),
                    None => location["includeUnknownCountriesAndRegions"] == true,
                }),
            }
        }
    }
}

fn location(policy: &Value, vector: &Value) -> Three {
    let l = &policy["conditions"]["locations"];
    let any = |key: &str| or(list(l, key).into_iter().map(|entry| place(entry, vector)));
    if l.is_null() { Some(true) } else { and([any("/includeLocations"), not(any("/excludeLocations"))]) }
}

fn flow(policy: &Value, s: &Value) -> Three {
    let flows = &policy["conditions"]["authenticationFlows"];
    let methods: Vec<&str> = flows["transferMethods"].as_str().unwrap_or("").split(',').collect();
    let uses = |fact: &str| s.get(fact).map(|method| methods.contains(&method.as_str().unwrap_or("")));
    if flows.is_null() { Some(true) } else { or([uses("transferMethod"), uses("originalTransferMethod")]) }
}

/// `device.<property> <operator> "<text>"`
fn device(policy: &Value, s: &Value) -> Three {
    let filter = &policy["conditions"]["devices"]["deviceFilter"];
    if filter.is_null() {
        return Some(true);
    }
    let words: Vec<&str> = filter["rule"].as_str().unwrap_or("").split(' ').collect();
    let property = words[0].trim_start_matches("device.");
    let text = words[2].trim_matches('"').to_lowercase();
    let negative = ["-ne", "-notContains"].contains(&words[1]);
    let matches = |value: &str, whole: bool| match words[1] {
        "-eq" | "-ne" => value == text,
        "-startsWith" => value.starts_with(&text),
        _ if whole => value == text,
        _ => value.contains(&text),
    };
    let holds = |value: &Value| match value {
        Value::Array(items) => items.iter().any(|item| matches(&item.as_str().unwrap_or("").to_lowercase(), true)),
        other => matches(&other.as_str().unwrap_or("").to_lowercase(), false),
    };
    let rule = match s.get("device") {
        None => None,
        Some(device) if device.is_null() || device["isRegistered"] == false => Some(negative),
        Some(device) => {
            let value = device.get(property).map(|value| holds(value) != negative);
            let flag = |name: &str, yes: Value| device.get(name).map(|value| *value == yes);
            let readable = or([
                flag("isManagedByIntune", true.into()),
                flag("isCompliant", true.into()),
                flag("trustType", "ServerAD".into()),
            ]);
            match (property.starts_with("extension"), negative) {
                (false, _) => value,
                (true, false) => and([readable, value]),
                (true, true) => {
                    if readable == Some(true) {
                        value
                    } else {
                        None
                    }
                }
            }
        }
    };
    if filter["mode"] == "include" { rule } else { not(rule) }
}

/// Every condition with its name, in no order.
fn conditions(policy: &Value, vector: &Value) -> Vec<(&'static str, Three)> {
    let (c, s) = (&policy["conditions"], &vector["signIn"]);
    let joining = list(c, "/applications/includeUserActions").contains(&"urn:user:registerdevice");
    let unless_joining = |value: Three| if joining { Some(true) } else { value };
    let a = &c["applications"];
    let target = match (
        list(a, "/includeUserActions").is_empty(),
        list(a, "/includeAuthenticationContextClassReferences").is_empty(),
    ) {
        (false, _) => "userActions",
        (true, false) => "authenticationContext",
        (true, true) => "application",
    };
    vec![
        (if s["identity"]["kind"] == "user" { "users" } else { "workloadIdentities" }, who(policy, s)),
        (target, what(policy, s)),
        ("userRisk", listed(&c["userRiskLevels"], s.get("userRiskLevel"))),
        ("signInRisk", listed(&c["signInRiskLevels"], s.get("signInRiskLevel"))),
        ("devicePlatform", platform(policy, s)),
        ("clientApps", unless_joining(client(policy, s))),
        ("location", location(policy, vector)),
        ("authenticationFlow", flow(policy, s)),
        ("devices", unless_joining(device(policy, s))),
    ]
}

/// Whether a policy applies, and every condition known to be false.
pub fn applies(policy: &Value, vector: &Value) -> (Three, BTreeSet<&'static str>) {
    let on_actions = !list(policy, "/conditions/applications/includeUserActions").is_empty();
    if policy["state"] == "disabled" || (policy["state"] != "enabled" && on_actions) {
        return (Some(false), BTreeSet::from(["policyNotEnabled"]));
    }
    let all = conditions(policy, vector);
    let failed = all.iter().filter(|(_, value)| *value == Some(false)).map(|(name, _)| *name).collect();
    (and(all.into_iter().map(|(_, value)| value)), failed)
}

/// 0 granted, 1 interrupted, 2 denied.
type Levels = BTreeSet<u8>;

fn combine(sets: Vec<Levels>, pick: fn(u8, u8) -> u8) -> Levels {
    let pairs = |a: Levels, b: Levels| a.iter().flat_map(|x| b.iter().map(move |y| pick(*x, *y))).collect();
    sets.into_iter().reduce(pairs).unwrap_or(BTreeSet::from([0]))
}

/// Met, or what an unmet one comes to, for each value its unknowns can take.
fn levels(gate: Three, met: Three, interactive: Three) -> Levels {
    let mut result = Levels::new();
    let both = |value: Three| value.map_or(vec![false, true], |value| vec![value]);
    for gate in both(gate) {
        for met in both(met) {
            for interactive in both(interactive) {
                result.insert(match (gate && met, gate && interactive) {
                    (true, _) => 0,
                    (false, true) => 1,
                    (false, false) => 2,
                });
            }
        }
    }
    result
}

fn control(word: &str, grant: &Value, replaced: Three, vector: &Value) -> Levels {
    let s = &vector["signIn"];
    let claim = |name: &str| s.get("claims").and_then(|claims| claims.get(name));
    let modern =
        s.get("clientAppType").map(|client| !["exchangeActiveSync", "other"].contains(&client.as_str().unwrap_or("")));
    let kind = s.pointer("/identity/externalUserType");
    let elsewhere = kind.map(|kind| !kind.is_null() && kind != "internalGuest");
    let direct = kind.map(|kind| kind == "b2bDirectConnectUser");
    let trust = |name: &str| vector.pointer(&format!("/tenant/inboundTrust/{name}")).map(|value| *value == true);
    let at_home = claim("mfaPerformedIn").map(|place| place == "home");
    let counts = not(and([elsewhere, at_home, not(trust("isMfaAccepted"))]));
    let challenge = not(and([direct, not(trust("isMfaAccepted"))]));
    let yes = |name: &str| claim(name).map(|value| *value == true);
    let device = |met: &dyn Fn(&Value) -> Three, setting: &str| {
        let code = s.get("transferMethod").map(|method| method == "deviceCodeFlow");
        let browser = s.get("clientAppType").map(|client| client == "browser");
        let met = match s.get("device") {
            None => None,
            Some(device) if device.is_null() || device["isRegistered"] == false => Some(false),
            Some(device) => {
                let private = and([browser, device.get("inPrivate").map(|private| *private == true)]);
                and([met(device), not(private)])
            }
        };
        levels(and([modern, not(code), or([not(elsewhere), trust(setting)])]), met, Some(false))
    };
    match word {
        "mfa" => levels(modern, and([yes("mfa"), counts]), challenge),
        "compliantDevice" => {
            device(&|device| device.get("isCompliant").map(|value| *value == true), "isCompliantDeviceAccepted")
        }
        "domainJoinedDevice" => device(
            &|device| device.get("trustType").map(|value| value == "ServerAD"),
            "isHybridAzureADJoinedDeviceAccepted",
        ),
        "approvedApplication" => levels(and([modern, not(elsewhere)]), yes("approvedApplication"), Some(false)),
        "passwordChange" => levels(and([modern, not(elsewhere)]), yes("passwordChanged"), Some(true)),
        "terms" => levels(
            modern,
            claim("termsOfUseAccepted").map(|accepted| !accepted.as_array().expect("a list").is_empty()),
            Some(true),
        ),
        "strength" => {
            let allowed = list(grant, "/authenticationStrength/allowedCombinations");
            let used = match (claim("methods"), yes("mfa")) {
                (Some(used), _) => {
                    Some(used.as_array().into_iter().flatten().any(|m| allowed.contains(&m.as_str().unwrap_or(""))))
                }
                (None, Some(false)) => Some(false),
                (None, _) => None,
            };
            levels(modern, or([and([used, counts]), replaced]), challenge)
        }
        other => panic!("`{other}` is not in this world"),
    }
}

/// What an applicable policy comes to.
fn demands(policy: &Value, vector: &Value) -> Levels {
    let grant = &policy["grantControls"];
    let mut words = list(grant, "/builtInControls");
    if words.contains(&"block") {
        return BTreeSet::from([2]);
    }
    words.extend(grant["authenticationStrength"].is_object().then_some("strength"));
    words.extend((!list(grant, "/termsOfUse").is_empty()).then_some("terms"));
    let on_all = list(policy, "/conditions/applications/includeApplications").contains(&"All");
    let registering = vector["signIn"]["target"]["userAction"] == "urn:user:registersecurityinfo";
    let others = vector["policies"].as_array().into_iter().flatten().filter(|other| {
        let on_action = !list(other, "/conditions/applications/includeUserActions").is_empty();
        other["state"] == "enabled" && other["grantControls"]["authenticationStrength"].is_object() && on_action
    });
    let replaced = if on_all && registering { or(others.map(|other| applies(other, vector).0)) } else { Some(false) };
    let sets = words.into_iter().map(|word| control(word, grant, replaced, vector)).collect();
    let granted = combine(sets, if grant["operator"] == "AND" { u8::max } else { u8::min });
    let fresh = vector.pointer("/signIn/claims/lastAuthenticationAgeMinutes").map(|age| age.as_f64() <= Some(240.0));
    let frequency = match policy["sessionControls"]["signInFrequency"].is_object() {
        true => levels(Some(true), fresh, Some(true)),
        false => BTreeSet::from([0]),
    };
    combine(vec![granted, frequency], u8::max)
}

fn enforced(vector: &Value) -> impl Iterator<Item = &Value> {
    vector["policies"].as_array().into_iter().flatten().filter(|policy| policy["state"] == "enabled")
}

fn together(vector: &Value, each: impl Fn(&Value) -> Levels) -> Levels {
    let sets = enforced(vector).map(|policy| match applies(policy, vector).0 {
        Some(false) => BTreeSet::from([0]),
        Some(true) => each(policy),
        None => each(policy).into_iter().chain([0]).collect(),
    });
    combine(sets.collect(), u8::max)
}

pub fn enforcement(vector: &Value) -> Levels {
    together(vector, |policy| demands(policy, vector))
}

/// 0 notApplicable, 1 noGrantControls, 2 controlsRequired, 3 block.
pub fn outcome(vector: &Value) -> Levels {
    together(vector, |policy| {
        let grant = &policy["grantControls"];
        let controls = list(grant, "/builtInControls");
        let any = !controls.is_empty()
            || grant["authenticationStrength"].is_object()
            || !list(grant, "/termsOfUse").is_empty();
        BTreeSet::from([match (controls.contains(&"block"), any, policy["sessionControls"].is_object()) {
            (true, _, _) => 3,
            (false, true, _) => 2,
            (false, false, true) => 1,
            (false, false, false) => 0,
        }])
    })
}
