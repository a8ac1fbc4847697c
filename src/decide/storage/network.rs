//! Network rules: may this caller reach the public endpoint, or did it come over a private one.
//!
//! The rules bind every kind of authorization, and no control-plane call. Callers in Azure of the same region, or over
//! a service endpoint, show private addresses, which address rules never match.
//!
//! Source: *Azure Storage firewall rules*, *Use private endpoints for Azure Storage*, *Network Security Perimeter for
//! Azure Storage*; the same shape of rules in *Configure Azure Key Vault networking settings*.

use super::resource::Resource;
use crate::model::{Fact, Truth, json};
use ipnet::IpNet;
use serde_json::Value;
use std::net::IpAddr;

/// Where a request comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Caller {
    pub ip: Option<IpAddr>,
    pub via_private_endpoint: Option<bool>,
    /// None with a public address: no subnet.
    pub subnet: Option<String>,
    /// A trusted Microsoft service.
    pub trusted_service: Option<bool>,
    /// Authorised by an Entra token.
    pub entra: Truth,
    /// A resource instance whose identity calls, where that is on record.
    pub instance: Fact<String>,
}

impl Caller {
    /// Somebody on the public internet with an Entra token or without.
    pub fn public(ip: IpAddr, entra: bool) -> Caller {
        Caller {
            ip: Some(ip),
            via_private_endpoint: Some(false),
            subnet: None,
            trusted_service: Some(false),
            entra: entra.into(),
            instance: Fact::Absent,
        }
    }

    /// Whether the address is one of Azure's inside or of a private network.
    fn private(&self) -> Truth {
        self.ip.map_or_else(|| Truth::missing("request.callerIp"), |ip| is_private(ip).into())
    }
}

/// RFC 1918, 100.64.0.0/10, fc00::/7, and what never leaves a machine or link. (Documentation ranges count as public.)
pub(super) fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            ip.is_private()
                || ip.is_loopback()
                || ip.is_link_local()
                || (ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64)
        }
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => is_private(IpAddr::V4(ip)),
            None => ip.is_unique_local() || ip.is_loopback() || ip.is_unicast_link_local(),
        },
    }
}

/// An address as logs write it: with a port, or mapped into IPv6.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare =
        text.parse::<IpAddr>().ok().or_else(|| text.parse::<std::net::SocketAddr>().map(|socket| socket.ip()).ok())?;
    Some(bare.to_canonical())
}

/// `address`, `address/prefix` or `first-last`.
pub(super) fn in_range(ip: IpAddr, range: &str) -> Option<bool> {
    let range = range.trim();
    if let Some((first, last)) = range.split_once('-') {
        let (first, last): (IpAddr, IpAddr) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        let comparable = ip.is_ipv4() == first.is_ipv4() && ip.is_ipv4() == last.is_ipv4();
        return Some(comparable && first <= ip && ip <= last);
    }
    match range.parse::<IpNet>() {
        Ok(net) => Some(net.contains(&ip)),
        Err(_) => range.parse::<IpAddr>().ok().map(|only| only == ip),
    }
}

pub(super) const NETWORK: &str = "Azure Storage firewall rules";

/// Whether the network lets the caller in, and the property that says so. `acls` is the path of the rules.
pub(super) fn reaches(resource: &Resource, caller: &Caller, acls: &str) -> (Truth, String) {
    const ACCESS: &str = "properties.publicNetworkAccess";
    let private = match caller.via_private_endpoint {
        Some(private) => private.into(),
        None => match resource.get("properties.privateEndpointConnections") {
            // An export that lists the connections, and none.
            Fact::Known(Value::Array(connections)) if connections.is_empty() => Truth::False,
            Fact::Known(_) | Fact::Absent | Fact::Unknown => Truth::missing("request.viaPrivateEndpoint"),
        },
    };
    if private.is_true() {
        return (Truth::True, "properties.privateEndpointConnections".to_owned());
    }
    let (public, decides) = match resource.word(ACCESS) {
        Fact::Known(word) if word == "disabled" => (Truth::False, ACCESS),
        Fact::Known(word) if word == "securedbyperimeter" => (perimeter(resource, caller, acls), ACCESS),
        Fact::Known(word) if word == "enabled" => (own_rules(resource, caller, acls), acls),
        // The documented default is `Enabled`.
        Fact::Absent => (own_rules(resource, caller, acls), acls),
        // Whichever of the three it is, they differ.
        Fact::Known(_) | Fact::Unknown => (Truth::missing(ACCESS), ACCESS),
    };
    (private.or(public), decides.to_owned())
}

/// The perimeter's inbound rules in enforced mode; in transition (learning) mode the resource's own rules still admit.
fn perimeter(resource: &Resource, caller: &Caller, acls: &str) -> Truth {
    const AT: &str = "properties.networkSecurityPerimeterConfigurations";
    let Fact::Known(Value::Array(configurations)) = resource.get(AT) else {
        return Truth::missing(AT);
    };
    let mut admitted = Truth::False;
    for configuration in configurations {
        let body = json::get(configuration, "properties").unwrap_or(configuration);
        let mode = json::text(body, "resourceAssociation.accessMode").or(json::text(body, "accessMode"));
        let rules = json::path(body, "profile.accessRules").and_then(Value::as_array);
        let inbound =
            rules.into_iter().flatten().fold(Truth::False, |truth, rule| truth.or(perimeter_rule(rule, caller)));
        admitted = admitted.or(match mode.map(str::to_lowercase).as_deref() {
            Some("enforced") => inbound,
            Some("learning" | "transition" | "audit") => inbound.or(own_rules(resource, caller, acls)),
            Some(_) | None => Truth::missing(format!("{AT}.accessMode")),
        });
    }
    if configurations.is_empty() { Truth::missing(AT) } else { admitted }
}

fn perimeter_rule(rule: &Value, caller: &Caller) -> Truth {
    let body = json::get(rule, "properties").unwrap_or(rule);
    if json::text(body, "direction").is_some_and(|d| d.eq_ignore_ascii_case("Outbound")) {
        return Truth::False;
    }
    let prefixes = json::get(body, "addressPrefixes").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let subscriptions = json::get(body, "subscriptions").and_then(Value::as_array).is_some_and(|s| !s.is_empty());
    let by_address = any_address(prefixes.iter().filter_map(Value::as_str), caller);
    // A rule on subscriptions admits identities of theirs, and nobody recorded whose identity this is.
    let by_subscription = if subscriptions {
        caller.entra.clone().and(Truth::missing("request.callerSubscription"))
    } else {
        Truth::False
    };
    by_address.or(by_subscription)
}

/// Whether the caller's public address is in one of the ranges.
fn any_address<'a>(ranges: impl Iterator<Item = &'a str>, caller: &Caller) -> Truth {
    let mut ranges = ranges.peekable();
    if ranges.peek().is_none() {
        return Truth::False;
    }
    let Some(ip) = caller.ip else { return Truth::missing("request.callerIp") };
    if is_private(ip) {
        return Truth::False;
    }
    ranges.fold(Truth::False, |truth, range| {
        truth.or(in_range(ip, range).map_or_else(|| Truth::missing("properties.networkAcls.ipRules"), Truth::from))
    })
}

/// `networkAcls` of the resource itself.
fn own_rules(resource: &Resource, caller: &Caller, acls: &str) -> Truth {
    let at = |key: &str| format!("{acls}.{key}");
    let open = match resource.word(&at("defaultAction")) {
        Fact::Known(word) => (word != "deny").into(),
        // No rules, or rules without a default: the documented default is `Allow`.
        Fact::Absent => Truth::True,
        Fact::Unknown => Truth::missing(acls),
    };
    if open.is_true() {
        return open;
    }
    let rules =
        |key: &str| resource.list(&at(key)).map(|rules| rules.iter().filter(|rule| allows(rule)).collect::<Vec<_>>());
    let unknown = || Truth::missing(acls);
    let by_address = match (rules("ipRules"), rules("ipv6Rules")) {
        (Fact::Known(mut four), Fact::Known(six)) => {
            four.extend(six);
            any_address(four.iter().filter_map(|rule| range_of(rule)), caller)
        }
        (Fact::Unknown | Fact::Absent, _) | (_, Fact::Unknown | Fact::Absent) => match caller.private() {
            Truth::True => Truth::False,
            Truth::False | Truth::Unknown(_) => unknown(),
        },
    };
    let by_subnet = match (&caller.subnet, rules("virtualNetworkRules")) {
        (_, Fact::Known(rules)) if rules.is_empty() => Truth::False,
        (Some(subnet), Fact::Known(rules)) => {
            rules.iter().any(|rule| subnet_of(rule).is_some_and(|id| id.eq_ignore_ascii_case(subnet))).into()
        }
        (Some(_), Fact::Unknown | Fact::Absent) => unknown(),
        // A public address is in no subnet.
        (None, Fact::Known(_)) => caller.private().and(Truth::missing("request.subnetId")),
        (None, Fact::Unknown | Fact::Absent) => caller.private().and(unknown()),
    };
    let by_instance = match rules("resourceAccessRules") {
        Fact::Known(rules) if rules.is_empty() => Truth::False,
        Fact::Known(rules) => match &caller.instance {
            Fact::Known(id) => rules.iter().any(|rule| instance_matches(rule, id)).into(),
            Fact::Absent => Truth::False,
            Fact::Unknown => Truth::missing("request.resourceInstance"),
        },
        Fact::Unknown | Fact::Absent => match &caller.instance {
            Fact::Absent => Truth::False,
            Fact::Known(_) | Fact::Unknown => unknown(),
        },
    };
    let by_trust = match (caller.trusted_service, bypass(resource, &at("bypass"))) {
        (Some(false), _) | (_, Truth::False) => Truth::False,
        (Some(true), bypass) => bypass,
        (None, bypass) => bypass.and(Truth::missing("request.trustedService")),
    };
    let by_identity = caller.entra.clone().and(by_instance.or(by_trust));
    open.or(by_address).or(by_subnet).or(by_identity)
}

fn allows(rule: &Value) -> bool {
    json::text(rule, "action").is_none_or(|action| action.eq_ignore_ascii_case("Allow"))
}

fn range_of(rule: &Value) -> Option<&str> {
    ["value", "iPAddressOrRange", "addressRange"].iter().find_map(|key| json::text(rule, key)).or(rule.as_str())
}

fn subnet_of(rule: &Value) -> Option<&str> {
    ["id", "virtualNetworkResourceId", "subnet.id"].iter().find_map(|key| json::text(rule, key))
}

/// A rule's resource id may end in `*`: every instance of the type below it.
fn instance_matches(rule: &Value, id: &str) -> bool {
    let Some(wanted) = json::text(rule, "resourceId") else { return false };
    let (wanted, id) = (wanted.to_lowercase(), id.to_lowercase());
    match wanted.strip_suffix('*') {
        Some(prefix) => id.starts_with(prefix),
        None => wanted == id,
    }
}

/// Absent: the documented default is `AzureServices`.
fn bypass(resource: &Resource, at: &str) -> Truth {
    match resource.word(at) {
        Fact::Known(words) => words.split(',').any(|word| word.trim() == "azureservices").into(),
        Fact::Absent => Truth::True,
        Fact::Unknown => Truth::missing(at),
    }
}
