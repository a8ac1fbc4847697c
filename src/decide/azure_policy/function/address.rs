//! Functions on IP addresses and ranges.
//!
//! Source: *Azure Policy definition structure policy rule* (ipRangeContains: "Empty ranges, or mixing between IP
//! families isn't allowed and results in evaluation failure"); *CIDR functions for ARM templates*, read 2026-04.

use super::{Arguments, Fault, Given, fails, text_argument, whole_argument};
use ipnet::IpNet;
use serde_json::{Value, json};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// First and last address as numbers, and whether they are IPv6.
fn bounds(text: &str) -> Option<(bool, u128, u128)> {
    let text = text.trim();
    if let Some((first, last)) = text.split_once('-') {
        let (first, last): (IpAddr, IpAddr) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        let same_family = first.is_ipv6() == last.is_ipv6() && number(first) <= number(last);
        return same_family.then(|| (first.is_ipv6(), number(first), number(last)));
    }
    if text.contains('/') {
        let network: IpNet = text.parse().ok()?;
        return Some((network.addr().is_ipv6(), number(network.network()), number(network.broadcast())));
    }
    let address: IpAddr = text.parse().ok()?;
    Some((address.is_ipv6(), number(address), number(address)))
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(u32::from(v4)),
        IpAddr::V6(v6) => u128::from(v6),
    }
}

fn address(v6: bool, number: u128) -> Option<IpAddr> {
    if v6 {
        Some(Ipv6Addr::from(number).into())
    } else {
        u32::try_from(number).ok().map(|number| Ipv4Addr::from(number).into())
    }
}

pub(super) fn ip_range_contains(arguments: Arguments) -> Given {
    let mut ranges = Vec::new();
    for at in 0..2 {
        let text = text_argument("ipRangeContains", arguments, at)?;
        match bounds(text) {
            Some(range) => ranges.push(range),
            None => return fails(format!("ipRangeContains: `{text}` is no address, CIDR range or range of addresses")),
        }
    }
    match ranges.as_slice() {
        [(outer_v6, from, to), (inner_v6, first, last)] if outer_v6 == inner_v6 => {
            Ok((from <= first && last <= to).into())
        }
        _ => fails("ipRangeContains: an IPv4 beside an IPv6 range"),
    }
}

fn network(name: &str, arguments: Arguments) -> Result<IpNet, Fault> {
    let text = text_argument(name, arguments, 0)?;
    match text.trim().parse::<IpNet>() {
        Ok(network) => Ok(network),
        Err(_) => fails(format!("{name}: `{text}` is not a CIDR range")),
    }
}

pub(super) fn parse_cidr(arguments: Arguments) -> Given {
    let network = network("parseCidr", arguments)?;
    let v6 = network.addr().is_ipv6();
    let (first, last) = (number(network.network()), number(network.broadcast()));
    let spell = |number: u128| address(v6, number).map_or(Value::Null, |address| address.to_string().into());
    let mut parsed = json!({
        "network": network.network().to_string(),
        "netmask": network.netmask().to_string(),
        "cidr": network.prefix_len(),
        "firstUsable": spell(if first == last { first } else { first + 1 }),
        "lastUsable": spell(if first == last || v6 { last } else { last - 1 }),
    });
    if let (false, Some(members)) = (v6, parsed.as_object_mut()) {
        members.insert("broadcast".to_owned(), spell(last));
    }
    Ok(parsed)
}

pub(super) fn cidr_subnet(arguments: Arguments) -> Given {
    let network = network("cidrSubnet", arguments)?;
    let (length, index) = (whole_argument("cidrSubnet", arguments, 1)?, whole_argument("cidrSubnet", arguments, 2)?);
    let v6 = network.addr().is_ipv6();
    let width = if v6 { 128 } else { 32 };
    let parts = u8::try_from(length)
        .ok()
        .filter(|length| (network.prefix_len()..=width).contains(length))
        .zip(u128::try_from(index).ok());
    let subnet = parts.and_then(|(length, index)| {
        let size = 1u128.checked_shl(u32::from(width - length)).unwrap_or(0);
        let count = 1u128.checked_shl(u32::from(length - network.prefix_len())).unwrap_or(u128::MAX);
        let start = number(network.network()).checked_add(index.checked_mul(size)?)?;
        (index < count).then(|| address(v6, start)).flatten().map(|start| format!("{start}/{length}"))
    });
    match subnet {
        Some(subnet) => Ok(subnet.into()),
        None => fails(format!("cidrSubnet: no subnet {index} of length {length} in {network}")),
    }
}

pub(super) fn cidr_host(arguments: Arguments) -> Given {
    let network = network("cidrHost", arguments)?;
    let index = whole_argument("cidrHost", arguments, 1)?;
    let v6 = network.addr().is_ipv6();
    let (first, last) = (number(network.network()), number(network.broadcast()));
    // Index 0 is the first usable address.
    let host = u128::try_from(index).ok().and_then(|index| {
        let offset = if first == last { index } else { index.checked_add(1)? };
        first.checked_add(offset).filter(|host| *host <= last)
    });
    match host.and_then(|host| address(v6, host)) {
        Some(host) => Ok(host.to_string().into()),
        None => fails(format!("cidrHost: no host {index} in {network}")),
    }
}
