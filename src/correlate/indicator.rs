//! The indicators and corrections of `incident.json`, ready to be held against events.

use crate::model::{Correction, Evidence, Incident, InputError};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
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

    pub fn spelled(&self) -> impl Iterator<Item = (&IpNet, &str)> {
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
