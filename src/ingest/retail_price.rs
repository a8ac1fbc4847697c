//! Prices: items of the Azure Retail Prices API.

use super::{Format, Out, Record, never_empty};
use crate::model::Kind;

pub const FORMAT: Format = Format {
    id: "retail-price",
    log: false,
    reads: "prices (Azure Retail Prices API)",
    score: |record| if record.has_all(&["retailPrice", "meterName", "armRegionName"]) { 95 } else { 0 },
    read,
    empty: never_empty,
};

fn read(record: &Record, out: &mut Out) -> Result<(), String> {
    let body = record.whole();
    let part = |name: &str| record.text(name).unwrap_or_default();
    let key = format!("{}/{}/{}/{}", part("meterId"), part("skuId"), part("type"), part("tierMinimumUnits"));
    out.document(Kind::Prices, &key, body);
    Ok(())
}
