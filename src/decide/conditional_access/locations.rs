//! Where a sign-in comes from: named locations by address range, country, compliant network; what is trusted.
//!
//! Page: *Conditional Access: Network assignment*, and Graph's `namedLocation` and its kinds. The address is the one
//! Entra saw; ranges compare within one address family.

use super::document::{Odd, Reader, empty, is_guid, kind_of};
use super::facts::Facts;
use super::logic::{Kleene, Logic};
use super::tenant::{TenantSettings, cidr};
use crate::model::{Fact, json};
use ipnet::IpNet;
use serde_json::Value;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Fixed id of the Global Secure Access network.
const COMPLIANT_NETWORK: &str = "3d46dbda-8382-466a-856d-eb00cbc6b910";

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Ranges {
        ranges: Vec<IpNet>,
        /// Some range could not be read.
        incomplete: bool,
    },
    Country {
        /// Upper case.
        codes: Vec<String>,
        include_unknown: Fact<bool>,
        /// The Authenticator's position decides, never the address.
        by_position: bool,
        incomplete: bool,
    },
    CompliantNetwork,
    /// Named by a policy and not in the snapshot, or of a kind that is not known.
    Unknown,
}

#[derive(Clone, Debug, PartialEq)]
struct Location {
    /// Lower case.
    id: Arc<str>,
    kind: Kind,
    trusted: Fact<bool>,
}

/// All named locations, numbered; those that only policies name are there too.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct LocationIndex {
    locations: Vec<Location>,
    by_id: HashMap<String, usize>,
}

impl LocationIndex {
    pub fn compile(documents: &[&Value]) -> LocationIndex {
        let mut index = LocationIndex::default();
        for document in documents {
            let Some(id) = json::text(document, "id").map(str::trim).filter(|id| !id.is_empty()) else { continue };
            let at = index.intern(id);
            let (kind, trusted) = (kind(document), flag(json::get(document, "isTrusted")));
            if let Some(location) = index.locations.get_mut(at) {
                (location.kind, location.trusted) = (kind, trusted);
            }
        }
        index
    }

    fn intern(&mut self, id: &str) -> usize {
        let folded = id.to_ascii_lowercase();
        let kind = if folded == COMPLIANT_NETWORK { Kind::CompliantNetwork } else { Kind::Unknown };
        let next = self.locations.len();
        let id: Arc<str> = folded.as_str().into();
        let at = *self.by_id.entry(folded).or_insert(next);
        if at == next {
            self.locations.push(Location { id, kind, trusted: Fact::Absent });
        }
        at
    }

    pub fn len(&self) -> usize {
        self.locations.len()
    }

    fn matches<L: Logic>(&self, at: usize, facts: &Facts) -> L {
        match self.locations.get(at) {
            Some(location) => location.matches(facts),
            None => L::known(false),
        }
    }

    /// In an address range that is marked trusted, or among the MFA trusted IPs (which are IPv4).
    pub fn is_trusted<L: Logic>(&self, facts: &Facts, tenant: &TenantSettings) -> L {
        let named = L::any(&self.locations, |location| match (&location.kind, &location.trusted) {
            (Kind::Ranges { .. }, Fact::Known(true)) => location.matches(facts),
            (Kind::Ranges { .. }, Fact::Unknown) => location.matches::<L>(facts).and(|| location.missing()),
            (Kind::Ranges { .. }, Fact::Known(false) | Fact::Absent) => L::known(false),
            // Only address ranges can be trusted.
            (Kind::Country { .. } | Kind::CompliantNetwork | Kind::Unknown, _) => L::known(false),
        });
        let elsewhere = || match tenant.named_locations_partial {
            true => L::missing("namedLocations"),
            false => L::known(false),
        };
        let service_settings = || match (&tenant.mfa_trusted_ips, facts.address()) {
            (_, Fact::Known(IpAddr::V6(_))) => L::known(false),
            (Fact::Known(ranges), Fact::Known(address)) => L::known(ranges.iter().any(|r| r.contains(address))),
            (Fact::Absent, _) => L::known(false),
            (Fact::Known(ranges), Fact::Unknown | Fact::Absent) => match ranges.is_empty() {
                true => L::known(false),
                false => L::missing("signIn.ipAddress"),
            },
            (Fact::Unknown, Fact::Known(_)) => L::unknown(|| facts.tenant_fact("mfaTrustedIps")),
            (Fact::Unknown, Fact::Unknown | Fact::Absent) => {
                L::missing("signIn.ipAddress").and(|| L::unknown(|| facts.tenant_fact("mfaTrustedIps")))
            }
        };
        named.or(service_settings).or(elsewhere)
    }

    /// Whether there is any address in what `AllTrusted` means.
    fn some_trusted<L: Logic>(&self, tenant: &TenantSettings, facts: &Facts) -> L {
        let named = L::any(&self.locations, |location| match (&location.kind, &location.trusted) {
            (Kind::Ranges { .. }, Fact::Known(true)) => location.some_address(),
            (Kind::Ranges { .. }, Fact::Unknown) => location.missing(),
            (Kind::Ranges { .. }, Fact::Known(false) | Fact::Absent) => L::known(false),
            (Kind::Country { .. } | Kind::CompliantNetwork | Kind::Unknown, _) => L::known(false),
        });
        named
            .or(|| match &tenant.mfa_trusted_ips {
                Fact::Known(ranges) => L::known(!ranges.is_empty()),
                Fact::Absent => L::known(false),
                Fact::Unknown => L::unknown(|| facts.tenant_fact("mfaTrustedIps")),
            })
            .or(|| match tenant.named_locations_partial {
                true => L::missing("namedLocations"),
                false => L::known(false),
            })
    }
}

impl Location {
    fn missing<L: Logic>(&self) -> L {
        L::unknown(|| format!("namedLocation:{}", self.id).into())
    }

    fn matches<L: Logic>(&self, facts: &Facts) -> L {
        match &self.kind {
            Kind::Ranges { ranges, incomplete } => {
                let inside = match facts.address() {
                    Fact::Known(address) => L::known(ranges.iter().any(|range| range.contains(address))),
                    Fact::Unknown | Fact::Absent if ranges.is_empty() && !incomplete => L::known(false),
                    Fact::Unknown | Fact::Absent => L::missing("signIn.ipAddress"),
                };
                inside.or(|| if *incomplete { self.missing() } else { L::known(false) })
            }
            Kind::Country { codes, include_unknown, by_position, incomplete } => {
                let (country, name) = match by_position {
                    true => (facts.gps_country(), "signIn.gpsCountry"),
                    false => (facts.country(), facts.country_fact()),
                };
                let inside = match country {
                    Fact::Known(code) => L::known(codes.contains(code)),
                    // On record to map to no country.
                    Fact::Absent => match include_unknown {
                        Fact::Known(include) => L::known(*include),
                        // Documented default.
                        Fact::Absent => L::known(false),
                        Fact::Unknown => self.missing(),
                    },
                    Fact::Unknown => L::missing(name),
                };
                inside.or(|| if *incomplete { self.missing() } else { L::known(false) })
            }
            Kind::CompliantNetwork => match facts.compliant_network() {
                Fact::Known(inside) => L::known(*inside),
                Fact::Absent => L::known(false),
                Fact::Unknown => self.missing(),
            },
            Kind::Unknown => self.missing(),
        }
    }

    /// Some address is inside, as far as an address decides at all.
    fn some_address<L: Logic>(&self) -> L {
        match &self.kind {
            Kind::Ranges { ranges, incomplete } => match (ranges.is_empty(), incomplete) {
                (false, _) => L::known(true),
                (true, true) => self.missing(),
                (true, false) => L::known(false),
            },
            Kind::Country { by_position: true, .. } | Kind::CompliantNetwork => L::known(false),
            Kind::Country { codes, include_unknown, by_position: false, incomplete } => {
                match (codes.is_empty(), include_unknown, incomplete) {
                    (false, _, _) | (true, Fact::Known(true), _) => L::known(true),
                    (true, Fact::Unknown, _) | (true, _, true) => self.missing(),
                    (true, Fact::Known(false) | Fact::Absent, false) => L::known(false),
                }
            }
            Kind::Unknown => self.missing(),
        }
    }

    /// Inside whatever address the request comes from.
    fn whatever_address<L: Logic>(&self, facts: &Facts) -> L {
        match &self.kind {
            // INVARIANT: no list of ranges or countries covers both address families and the unmapped addresses.
            Kind::Ranges { .. } | Kind::Country { by_position: false, .. } => L::known(false),
            Kind::Country { by_position: true, .. } | Kind::CompliantNetwork => self.matches(facts),
            Kind::Unknown => self.missing(),
        }
    }
}

fn flag(value: Option<&Value>) -> Fact<bool> {
    match value {
        Some(Value::Bool(value)) => Fact::Known(*value),
        // Documented default: false.
        None | Some(Value::Null) => Fact::Absent,
        Some(_) => Fact::Unknown,
    }
}

fn kind(document: &Value) -> Kind {
    let stated = json::get(document, "@odata.type").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    let of = |name: &str, member: &str| stated.ends_with(name) || (stated.is_empty() && has(document, member));
    if of("compliantnetworknamedlocation", "compliantNetworkType") {
        return Kind::CompliantNetwork;
    }
    if of("ipnamedlocation", "ipRanges") {
        let mut incomplete = false;
        let mut ranges = Vec::new();
        let items = match json::get(document, "ipRanges") {
            Some(Value::Array(items)) => items.as_slice(),
            None | Some(Value::Null) => &[],
            Some(_) => {
                incomplete = true;
                &[]
            }
        };
        for item in items {
            match json::text(item, "cidrAddress").or(item.as_str()).and_then(cidr) {
                Some(range) => ranges.push(range),
                None => incomplete = true,
            }
        }
        return Kind::Ranges { ranges, incomplete };
    }
    if of("countrynamedlocation", "countriesAndRegions") {
        let mut incomplete = false;
        let mut codes = Vec::new();
        match json::get(document, "countriesAndRegions") {
            Some(Value::Array(items)) => items.iter().for_each(|item| match item.as_str() {
                Some(code) => codes.push(code.trim().to_ascii_uppercase()),
                None => incomplete = true,
            }),
            None | Some(Value::Null) => {}
            Some(_) => incomplete = true,
        }
        let by_position = match json::get(document, "countryLookupMethod") {
            Some(Value::String(method)) if method.eq_ignore_ascii_case("authenticatorAppGps") => true,
            Some(Value::String(method)) if method.eq_ignore_ascii_case("clientIpAddress") => false,
            // Documented default: by address.
            None | Some(Value::Null) => false,
            Some(_) => return Kind::Unknown,
        };
        let include_unknown = flag(json::get(document, "includeUnknownCountriesAndRegions"));
        return Kind::Country { codes, include_unknown, by_position, incomplete };
    }
    Kind::Unknown
}

fn has(document: &Value, member: &str) -> bool {
    json::get(document, member).is_some()
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Half {
    all: bool,
    all_trusted: bool,
    named: Vec<usize>,
    odd: Odd,
}

/// `conditions.locations`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct LocationCondition {
    include: Half,
    exclude: Half,
}

impl LocationCondition {
    pub fn compile(reader: &mut Reader, conditions: &Value, index: &mut LocationIndex) -> Option<LocationCondition> {
        const AT: &str = "/conditions/locations";
        let mut condition = LocationCondition::default();
        let locations = match json::get(conditions, "locations") {
            None | Some(Value::Null) => return None,
            Some(locations @ Value::Object(_)) if empty(locations) => return None,
            Some(locations @ Value::Object(_)) => locations,
            Some(other) => {
                let message = format!("expected an object, found {}", kind_of(other));
                condition.include.odd.push(reader.complain(AT, message));
                return Some(condition);
            }
        };
        let mut half = |key: &str| {
            let mut half = Half::default();
            let mut odd = Odd::new();
            for entry in reader.list(locations, key, &format!("{AT}/{key}"), &mut odd) {
                match entry.text {
                    word if word.eq_ignore_ascii_case("All") => half.all = true,
                    word if word.eq_ignore_ascii_case("AllTrusted") => half.all_trusted = true,
                    id if is_guid(id) => half.named.push(index.intern(id)),
                    name => odd.push(reader.complain(&entry.pointer, format!("`{name}` is no named location's id"))),
                }
            }
            half.odd = odd;
            half
        };
        (condition.include, condition.exclude) = (half("includeLocations"), half("excludeLocations"));
        reader.unknown_members(locations, &["includeLocations", "excludeLocations"], AT, &mut condition.exclude.odd);
        if condition.include == Half::default() {
            condition.include.odd.push(reader.complain(&format!("{AT}/includeLocations"), "no location is included"));
        }
        Some(condition)
    }

    pub fn matches<L: Logic>(&self, facts: &Facts) -> L {
        self.include.matches::<L>(facts).and(|| self.exclude.matches::<L>(facts).negate())
    }

    /// Whether some other address would make the condition false, all else being as it is.
    pub fn some_address_escapes<L: Logic>(&self, facts: &Facts) -> L {
        self.include.whatever_address::<L>(facts).negate().or(|| self.exclude.some_address(facts))
    }
}

impl Half {
    fn matches<L: Logic>(&self, facts: &Facts) -> L {
        let (index, tenant) = (facts.locations(), facts.tenant());
        L::known(self.all)
            .or(|| L::any(&self.named, |at| facts.remembered(*at, |facts| index.matches(*at, facts))))
            .or(|| match self.all_trusted {
                true => facts.remembered(index.len(), |facts| index.is_trusted(facts, tenant)),
                false => L::known(false),
            })
            .or(|| L::any(&self.odd, |pointer| L::unknown(|| pointer.clone())))
    }

    fn some_address<L: Logic>(&self, facts: &Facts) -> L {
        let (index, tenant) = (facts.locations(), facts.tenant());
        L::known(self.all)
            .or(|| {
                L::any(&self.named, |at| match index.locations.get(*at) {
                    Some(location) => location.some_address(),
                    None => L::known(false),
                })
            })
            .or(|| if self.all_trusted { index.some_trusted(tenant, facts) } else { L::known(false) })
            .or(|| L::any(&self.odd, |pointer| L::unknown(|| pointer.clone())))
    }

    fn whatever_address<L: Logic>(&self, facts: &Facts) -> L {
        let index = facts.locations();
        L::known(self.all)
            .or(|| {
                L::any(&self.named, |at| match index.locations.get(*at) {
                    Some(location) => location.whatever_address(facts),
                    None => L::known(false),
                })
            })
            .or(|| L::any(&self.odd, |pointer| L::unknown(|| pointer.clone())))
    }
}

/// What a location came to for this request; asked by many policies, computed once.
pub(super) type Remembered = std::cell::Cell<Option<Kleene>>;
