//! Groups, with members and owners where the export expanded them.
//!
//! `$expand=members` hands out at most 20 members an object (Graph "Customize Microsoft Graph responses with query
//! parameters"): a list of exactly that many is not taken to be whole.

use super::document::{graph, is_context, is_graph, key};
use super::{Format, Out, Record};
use crate::model::{Kind, json};
use serde_json::{Value, json};

pub const FORMAT: Format = Format {
    id: "graph-group",
    log: false,
    reads: "groups with their members and owners (Graph, az ad group list)",
    score,
    read,
    empty: |context| is_context(context, &["groups"]).then_some(Kind::Groups),
};

const EXPANDED: usize = 20;

fn score(record: &Record) -> u8 {
    if is_graph(record, &["group"]) {
        return 95;
    }
    if is_graph(record, &["groups"]) && record.has("id") {
        95
    } else if record.has("id")
        && (record.has_all(&["groupTypes", "displayName"]) || record.has_all(&["securityEnabled", "mailEnabled"]))
    {
        85
    } else {
        0
    }
}

fn read(record: &Record, out: &mut Out) -> Result<(), String> {
    let mut body = graph(record);
    let key = key(record, &body, &["displayName"]);
    let more = record.has("members@odata.nextLink");
    let members = take(&mut body, "members");
    let owners = take(&mut body, "owners");
    out.document(Kind::Groups, &key, body);
    if let Some(members) = members {
        let complete = !more && members.len() != EXPANDED;
        let members = json!({ "groupId": key, "members": references(members), "complete": complete });
        out.document_at(Kind::GroupMembers, &key, members, "/members");
    }
    if let Some(owners) = owners {
        let owners = json!({ "objectId": key, "owners": references(owners) });
        out.document_at(Kind::Owners, &key, owners, "/owners");
    }
    Ok(())
}

pub fn take(body: &mut Value, name: &str) -> Option<Vec<Value>> {
    match body.as_object_mut()?.remove(name)? {
        Value::Array(list) => Some(list),
        _ => None,
    }
}

/// Ids and types alone; a list of bare ids is accepted too.
pub fn references(members: Vec<Value>) -> Vec<Value> {
    members
        .iter()
        .filter_map(|member| {
            let id = json::text(member, "id").or(member.as_str())?;
            Some(match json::text(member, "@odata.type") {
                Some(kind) => json!({ "id": id, "@odata.type": kind }),
                None => json!({ "id": id }),
            })
        })
        .collect()
}
