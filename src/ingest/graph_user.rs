//! Users, as Graph, `az ad user list` and PowerShell give them.

use super::document::{graph, is_context, is_graph, key};
use super::{Format, Out, Record};
use crate::model::Kind;

pub const FORMAT: Format = Format {
    id: "graph-user",
    log: false,
    reads: "users (Graph, az ad user list, Get-MgUser)",
    score,
    read,
    empty: |context| is_context(context, &["users"]).then_some(Kind::Users),
};

fn score(record: &Record) -> u8 {
    if is_graph(record, &["user"]) {
        return 95;
    }
    let other = ["appId", "activityDateTime", "riskLevel", "isMfaRegistered", "kind", "AlertName"];
    if !record.has("userPrincipalName") || other.iter().any(|name| record.has(name)) {
        return 0;
    }
    if is_graph(record, &["users"]) {
        95
    } else if record.has_all(&["id", "displayName"]) {
        80
    } else if record.has("displayName") && record.len() < 40 {
        60
    } else {
        0
    }
}

fn read(record: &Record, out: &mut Out) -> Result<(), String> {
    let body = graph(record);
    let key = key(record, &body, &["userPrincipalName"]);
    out.document(Kind::Users, &key, body);
    Ok(())
}
