//! Conditional access policies: Graph collections and single objects, EntraExporter and IntuneManagement files,
//! PowerShell's PascalCase.

use super::document::{graph, is_context, is_graph, key};
use super::{Format, Out, Record};
use crate::model::Kind;

pub const FORMAT: Format = Format {
    id: "conditional-access",
    log: false,
    reads: "conditional access policies (Graph, EntraExporter, IntuneManagement)",
    score,
    read,
    empty: |context| is_context(context, &["conditionalaccess/policies"]).then_some(Kind::ConditionalAccess),
};

fn score(record: &Record) -> u8 {
    if is_graph(record, &["conditionalaccesspolicy", "conditionalaccess/policies"]) {
        96
    } else if record.has_all(&["conditions", "state"]) && (record.has("grantControls") || record.has("sessionControls"))
    {
        92
    } else {
        0
    }
}

fn read(record: &Record, out: &mut Out) -> Result<(), String> {
    let body = graph(record);
    let key = key(record, &body, &["displayName"]);
    out.document(Kind::ConditionalAccess, &key, body);
    Ok(())
}
