//! Azure regions by any of their names: `westeurope`, `West Europe`, `(Europe) West Europe`, `EU West` on a bill.

const TABLE: &str = include_str!("regions.txt");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    pub name: &'static str,
    pub display_name: &'static str,
    pub geography: &'static str,
    pub geography_group: &'static str,
    /// As bills and the Retail Prices API call it.
    pub meter_name: Option<&'static str>,
}

/// The region of this name, without regard to blanks, hyphens and letter case.
pub fn region(name: &str) -> Option<Region> {
    let wanted = folded(name);
    let called = |known: &str| folded(known) == wanted;
    regions().find(|r| called(r.name) || called(r.display_name) || r.meter_name.is_some_and(called))
}

/// All of them, by name.
pub fn regions() -> impl Iterator<Item = Region> {
    TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut columns = line.split('\t');
        Some(Region {
            name: columns.next()?,
            display_name: columns.next()?,
            geography: columns.next()?,
            geography_group: columns.next()?,
            meter_name: columns.next(),
        })
    })
}

/// Letters and digits alone; what stands in parentheses in front is the geography, not the name.
fn folded(name: &str) -> String {
    let name = name.trim();
    let name = name.strip_prefix('(').and_then(|rest| rest.split_once(')')).map_or(name, |(_, rest)| rest);
    name.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect()
}
