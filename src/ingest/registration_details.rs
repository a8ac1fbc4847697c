//! Who has registered which authentication methods: Graph `userRegistrationDetails`.

use super::document::{graph, is_context, is_graph, key};
use super::{Format, Out, Record};
use crate::model::Kind;

pub const FORMAT: Format = Format {
    id: "registration-details",
    log: false,
    reads: "authentication methods registered by users (Graph userRegistrationDetails)",
    score,
    read,
    empty: |context| is_context(context, &["userregistrationdetails"]).then_some(Kind::RegistrationDetails),
};

fn score(record: &Record) -> u8 {
    if is_graph(record, &["userregistrationdetails"]) || record.has_all(&["isMfaRegistered", "isMfaCapable"]) {
        96
    } else if record.has_all(&["isMfaRegistered", "userPrincipalName"]) {
        92
    } else {
        0
    }
}

fn read(record: &Record, out: &mut Out) -> Result<(), String> {
    let body = graph(record);
    let key = key(record, &body, &["userPrincipalName"]);
    out.document(Kind::RegistrationDetails, &key, body);
    Ok(())
}
