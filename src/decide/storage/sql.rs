//! SQL: is a password of any use, and does the firewall let the caller in.
//!
//! Source: *Microsoft Entra-only authentication with Azure SQL*, *Azure SQL Database and Azure Synapse IP firewall
//! rules*, *Connectivity settings for Azure SQL Database and Azure Synapse Analytics*.

use super::neighbour::{Circumstances, Condition, child};
use super::network::Caller;
use super::resource::Resource;
use crate::model::{Fact, ResourceId, Truth, json};
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr};

const ENTRA_ONLY: &str = "properties.administrators.azureADOnlyAuthentication";

pub(super) fn conditions(server: &Resource, circumstances: &Circumstances) -> Vec<Condition> {
    let of_child = match child(circumstances, "azureADOnlyAuthentications", "Default") {
        Fact::Known(policy) => json::path(policy, "properties.azureADOnlyAuthentication").and_then(Value::as_bool),
        Fact::Absent | Fact::Unknown => None,
    };
    // Off unless turned on (documented default).
    let passwords = match of_child {
        Some(only) => Truth::from(!only),
        None => server.unless(ENTRA_ONLY, true, Truth::True),
    };
    let source = "Microsoft Entra-only authentication with Azure SQL";
    let clause = server.clause(ENTRA_ONLY, "`true` ends every login by password", source);
    let mut conditions = vec![Condition { reason: "entraOnlyAuthentication", truth: passwords, clause }];
    if let Some(caller) = circumstances.caller {
        let source = "Azure SQL Database and Azure Synapse IP firewall rules";
        let clause = server.clause("", "firewall rules, private endpoints and `publicNetworkAccess` decide", source);
        conditions.push(Condition { reason: "network", truth: reaches(server, caller, circumstances), clause });
    }
    conditions
}

fn reaches(server: &Resource, caller: &Caller, circumstances: &Circumstances) -> Truth {
    const ACCESS: &str = "properties.publicNetworkAccess";
    let private = caller.via_private_endpoint.map_or_else(|| Truth::missing("request.viaPrivateEndpoint"), Truth::from);
    let public = match server.word(ACCESS) {
        Fact::Known(word) if word == "disabled" => Truth::False,
        Fact::Known(word) if word == "enabled" => Truth::True,
        Fact::Absent => Truth::True,
        Fact::Known(_) | Fact::Unknown => Truth::missing(ACCESS),
    };
    let Some(children) = circumstances.children else {
        return private.or(public.and(Truth::missing("firewallRules")));
    };
    let admitted = children.iter().fold(Truth::False, |truth, child| {
        let id = ResourceId::new(json::text(child, "id").unwrap_or_default());
        let kind = id.resource_type().unwrap_or_default().to_lowercase();
        let text = |at: &str| json::text(child, at).unwrap_or_default();
        truth.or(if kind.ends_with("/firewallrules") {
            rule(text("properties.startIpAddress"), text("properties.endIpAddress"), caller)
        } else if kind.ends_with("/virtualnetworkrules") {
            match &caller.subnet {
                Some(subnet) => text("properties.virtualNetworkSubnetId").eq_ignore_ascii_case(subnet).into(),
                None => match caller.ip.map(super::network::is_private) {
                    Some(true) | None => Truth::missing("request.subnetId"),
                    Some(false) => Truth::False,
                },
            }
        } else {
            Truth::False
        })
    });
    private.or(public.and(admitted))
}

/// `0.0.0.0` to `0.0.0.0` (*AllowAllWindowsAzureIps*) admits whoever calls from Azure, of any tenant.
fn rule(first: &str, last: &str, caller: &Caller) -> Truth {
    let (Ok(first), Ok(last)) = (first.trim().parse::<Ipv4Addr>(), last.trim().parse::<Ipv4Addr>()) else {
        return Truth::missing("firewallRules");
    };
    match caller.ip {
        _ if first.is_unspecified() && last.is_unspecified() => Truth::missing("request.callerInAzure"),
        Some(IpAddr::V4(ip)) => (first <= ip && ip <= last).into(),
        Some(IpAddr::V6(_)) => Truth::False,
        None => Truth::missing("request.callerIp"),
    }
}
