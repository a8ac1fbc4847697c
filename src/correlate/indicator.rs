//! The indicators and corrections of `incident.json`, ready to be held against events.

use super::identity::Identities;
use super::lead::{Condition, Lead};
use super::link::{Link, Tie};
use super::mark::Marker;
use super::step::Basis;
use crate::model::{Correction, Evidence, Incident, InputError};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// Addresses and networks; the question costs one look-up a prefix length, however many there are.
#[derive(Clone, Debug, Default)]
pub struct Addresses {
    networks: HashMap<(bool, u8), HashSet<IpNet>>,
    /// As `incident.json` spells them.
    spelled: BTreeMap<IpNet, String>,
}

impl Addresses {
    fn parse(texts: &[String], file: &str) -> Result<Self, InputError> {
        let mut addresses = Addresses::default();
        for text in texts {
            let trimmed = text.trim();
            let network = match trimmed.parse::<IpAddr>() {
                Ok(address) => Some(IpNet::from(address.to_canonical())),
                Err(_) => trimmed.parse::<IpNet>().ok().map(|net| net.trunc()),
            };
            let Some(network) = network else {
                return Err(InputError::new(
                    file,
                    format!("`{text}` is no address"),
                    "write an address (`198.51.100.77`) or a network (`198.51.100.0/24`)",
                )
                .at("/indicators/ipAddresses"));
            };
            addresses.networks.entry(kind(network)).or_default().insert(network);
            addresses.spelled.entry(network).or_insert_with(|| trimmed.to_owned());
        }
        Ok(addresses)
    }

    /// The narrowest indicator that holds this address.
    pub fn holding(&self, address: IpAddr) -> Option<IpNet> {
        let address = address.to_canonical();
        let mut found: Option<IpNet> = None;
        for (&(v4, prefix), networks) in &self.networks {
            if v4 != address.is_ipv4() || found.is_some_and(|f| f.prefix_len() >= prefix) {
                continue;
            }
            let network = IpNet::new(address, prefix).map(|net| net.trunc());
            if let Ok(network) = network
                && networks.contains(&network)
            {
                found = Some(network);
            }
        }
        found
    }

    fn spelled(&self) -> impl Iterator<Item = (&IpNet, &str)> {
        self.spelled.iter().map(|(network, text)| (network, text.as_str()))
    }

    fn text(&self, network: &IpNet) -> &str {
        self.spelled.get(network).map_or("", String::as_str)
    }
}

fn kind(network: IpNet) -> (bool, u8) {
    (network.addr().is_ipv4(), network.prefix_len())
}

/// A reviewer's corrections, by file and record.
#[derive(Clone, Debug, Default)]
pub struct Corrections {
    records: HashMap<(Arc<str>, u64), String>,
}

impl Corrections {
    fn parse(corrections: &[Correction], pointer: &str, file: &str) -> Result<Self, InputError> {
        let mut parsed = Corrections::default();
        for (at, correction) in corrections.iter().enumerate() {
            let split = correction.record.rsplit_once('#');
            let Some((record_file, number)) = split.and_then(|(f, n)| Some((f, n.trim().parse::<u64>().ok()?))) else {
                return Err(InputError::new(
                    file,
                    format!("`{}` names no record", correction.record),
                    "write `<file>#<n>`, as `--explain-correlation` prints it",
                )
                .at(format!("{pointer}/{at}/record")));
            };
            let why = correction.why.as_deref().unwrap_or_default().trim().to_owned();
            parsed.records.insert((name(record_file), number), why);
        }
        Ok(parsed)
    }

    /// The reviewer's words on this record.
    pub fn of(&self, evidence: &Evidence) -> Option<&str> {
        if self.records.is_empty() {
            return None;
        }
        self.records.get(&(evidence.file.clone(), evidence.record)).map(String::as_str)
    }

    fn sorted(&self) -> BTreeSet<(Arc<str>, u64)> {
        self.records.keys().cloned().collect()
    }
}

/// `/` between folders, no leading `./`: as evidence names files.
fn name(file: &str) -> Arc<str> {
    let file = file.trim().replace('\\', "/");
    file.strip_prefix("./").unwrap_or(&file).into()
}

/// One indicator, as `incident.json` spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Indicator<'a> {
    Principal(&'a str),
    Session(&'a str),
    Correlation(&'a str),
    Address(&'a str),
}

impl fmt::Display for Indicator<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Indicator::Principal(text) => write!(f, "principal `{text}`"),
            Indicator::Session(text) => write!(f, "session `{text}`"),
            Indicator::Correlation(text) => write!(f, "correlation id `{text}`"),
            Indicator::Address(text) => write!(f, "address `{text}`"),
        }
    }
}

#[derive(Clone, Debug, Default)]
pub struct Seeds {
    pub principals: Vec<String>,
    pub addresses: Addresses,
    pub sessions: Vec<String>,
    pub correlation_ids: Vec<String>,
    pub include: Corrections,
    pub exclude: Corrections,
}

impl Seeds {
    pub fn parse(incident: &Incident) -> Result<Self, InputError> {
        const FILE: &str = "incident.json";
        let indicators = &incident.indicators;
        let seeds = Seeds {
            principals: indicators.principals.clone(),
            addresses: Addresses::parse(&indicators.ip_addresses, FILE)?,
            sessions: indicators.sessions.clone(),
            correlation_ids: indicators.correlation_ids.clone(),
            include: Corrections::parse(&incident.attack.include, "/attack/include", FILE)?,
            exclude: Corrections::parse(&incident.attack.exclude, "/attack/exclude", FILE)?,
        };
        if let Some((file, record)) = seeds.include.sorted().intersection(&seeds.exclude.sorted()).next() {
            return Err(InputError::new(
                FILE,
                format!("`attack` both includes and excludes `{file}#{record}`"),
                "keep the one that the evidence supports",
            )
            .at("/attack"));
        }
        Ok(seeds)
    }

    /// The indicators other than addresses, each with the lead it gives; none where it names nothing at all.
    pub fn leads(&self, identities: &mut Identities, marker: &Marker) -> Vec<(Indicator<'_>, Option<Lead>)> {
        let lead = |link, condition, basis, rank, what: String| Lead {
            link,
            condition,
            from: None,
            basis,
            rank,
            why: format!("{what} is an indicator").into(),
        };
        let mut leads = Vec::new();
        for name in &self.principals {
            let link = identities.named(name).map(|principal| Link::by_principal(marker, principal));
            let found = link.map(|link| lead(link, Condition::Foreign, Basis::Exact, 1, name.trim().to_owned()));
            leads.push((Indicator::Principal(name), found));
        }
        for text in &self.sessions {
            let said = format!("session {}", text.trim());
            let found = Link::by_id(marker, Tie::Session, text)
                .map(|link| lead(link, Condition::Always, Basis::Session, 0, said));
            leads.push((Indicator::Session(text), found));
        }
        for text in &self.correlation_ids {
            let said = format!("correlation id {}", text.trim());
            let found = Link::by_id(marker, Tie::Correlation, text)
                .map(|link| lead(link, Condition::Always, Basis::Exact, 0, said));
            leads.push((Indicator::Correlation(text), found));
        }
        leads
    }

    /// The address indicators that hold none of the networks met.
    pub fn unmet_addresses(&self, met: &BTreeSet<IpNet>) -> Vec<String> {
        let unmet = self.addresses.spelled().filter(|(network, _)| !met.iter().any(|met| network.contains(met)));
        unmet.map(|(_, text)| Indicator::Address(text).to_string()).collect()
    }

    /// Why an address is in, if an indicator holds it.
    pub fn indicated(&self, address: IpAddr) -> Option<Arc<str>> {
        let network = self.addresses.holding(address)?;
        let address = address.to_canonical();
        Some(if network.prefix_len() == network.max_prefix_len() {
            format!("address {address} is an indicator").into()
        } else {
            format!("address {address} lies in {}, an indicator", self.addresses.text(&network)).into()
        })
    }

    /// The records that corrections name and that `met` does not hold, in order, with which list named them.
    pub fn unmet(&self, met: &HashSet<(Arc<str>, u64)>) -> Vec<(&'static str, String)> {
        let lists = [("include", &self.include), ("exclude", &self.exclude)];
        lists
            .into_iter()
            .flat_map(|(list, corrections)| corrections.sorted().into_iter().map(move |record| (list, record)))
            .filter(|(_, record)| !met.contains(record))
            .map(|(list, (file, record))| (list, format!("{file}#{record}")))
            .collect()
    }
}
