//! The storage gate, held to its vectors.

mod naive;
mod neighbours;

use crate::support;
use cutset::decide::storage::answer;
use cutset::model::request::{Stance, StorageRequest};
use cutset::model::{Attacker, Level, Word};
use serde_json::json;
use std::collections::BTreeSet;

#[test]
fn vectors() {
    support::passing_only_grows("storage");
}

/// The observed request came from where it came; another one would come from the attacker's best address.
#[test]
fn a_firewall_turns_on_the_address_only_where_the_attacker_may_choose_it() {
    let account = json!({ "id": "/a", "properties": { "networkAcls": { "defaultAction": "Deny",
        "ipRules": [{ "value": "203.0.113.0/24" }] } } });
    let request: StorageRequest = serde_json::from_value(json!({ "service": "blob", "operation": "GetBlob",
        "neededPermission": "r", "resourceType": "o", "time": "2026-03-21T03:22:30Z", "callerIp": "198.51.100.77",
        "viaPrivateEndpoint": false, "protocol": "https", "tlsVersion": "1.2",
        "auth": { "type": "AccountKey", "keyName": "key1" } }))
    .expect("a request");
    let nobody = Attacker::default();
    let word = BTreeSet::from([Word::AllowedEgressAddress]);
    let holds = Attacker { holds: word.clone(), ..Attacker::default() };
    let lacks = Attacker { lacks: word.clone(), ..Attacker::default() };
    let ask = |attacker, stance| answer(&account, &json!(null), &request, None, &[], attacker, stance);
    let level = |attacker, stance| ask(attacker, stance).level;
    assert_eq!(level(&nobody, Stance::Observed), Level::Cut);
    assert_eq!(level(&holds, Stance::Observed), Level::Cut);
    assert_eq!(level(&lacks, Stance::Hypothetical), Level::Cut);
    assert_eq!(level(&holds, Stance::Hypothetical), Level::NotCut);
    let open = ask(&nobody, Stance::Hypothetical);
    assert_eq!((open.level, open.words), (Level::Challenged, word));
    let closed = json!({ "id": "/a", "properties": { "publicNetworkAccess": "Disabled" } });
    assert_eq!(answer(&closed, &json!(null), &request, None, &[], &holds, Stance::Hypothetical).level, Level::Cut);
    let clause = &ask(&nobody, Stance::Observed).clauses[0];
    assert_eq!((clause.document.as_str(), clause.pointer.as_str()), ("/a", "/properties/networkAcls"));
}
