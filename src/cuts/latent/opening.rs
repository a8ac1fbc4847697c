//! What of a storage account, and of its containers, an attacker who may write them opens again. Each opening is asked
//! on its own: a write that leaves keys off satisfies a policy on keys and opens the network all the same.
//!
//! Sources: *Prevent Shared Key authorization*, *Configure Azure Storage firewalls and virtual networks*, *Configure
//! anonymous read access for containers and blobs*.

use super::azure::{insert, policy_allows};
use super::state::{Fact, State, home};
use crate::effect::container_document;
use crate::model::{Kind, ObjectId, ResourceId, json};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// One way in that a property of the account (or of a container) shuts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Opening {
    Networks,
    Keys,
    Anonymous,
}

impl Opening {
    pub const ALL: [Opening; 3] = [Opening::Networks, Opening::Keys, Opening::Anonymous];

    fn words(self) -> &'static str {
        match self {
            Opening::Networks => "allow every network again",
            Opening::Keys => "allow keys again",
            Opening::Anonymous => "allow anonymous reading",
        }
    }

    /// The account with this open.
    pub fn open(self, body: &mut Value) {
        match self {
            Opening::Networks => {
                body["properties"]["publicNetworkAccess"] = json!("Enabled");
                body["properties"]["networkAcls"] = json!({ "defaultAction": "Allow", "bypass": "AzureServices",
                    "ipRules": [], "virtualNetworkRules": [] });
            }
            Opening::Keys => body["properties"]["allowSharedKeyAccess"] = json!(true),
            Opening::Anonymous => body["properties"]["allowBlobPublicAccess"] = json!(true),
        }
    }

    fn shut(self, body: &mut Value) {
        match self {
            Opening::Networks => body["properties"]["networkAcls"] = json!({ "defaultAction": "Deny" }),
            Opening::Keys => body["properties"]["allowSharedKeyAccess"] = json!(false),
            Opening::Anonymous => body["properties"]["allowBlobPublicAccess"] = json!(false),
        }
    }

    /// Bodies that open this: as the account is otherwise, with keys and anonymous reading off, with all else shut.
    fn bodies(self, account: &Value) -> [Value; 3] {
        let shutting = |others: &[Opening]| {
            let mut body = account.clone();
            others.iter().filter(|other| **other != self).for_each(|other| other.shut(&mut body));
            self.open(&mut body);
            body
        };
        [shutting(&[]), shutting(&[Opening::Keys, Opening::Anonymous]), shutting(&Opening::ALL)]
    }
}

pub fn open_accounts(state: &mut State<'_>, principal: &ObjectId, token: usize, account: &ResourceId) {
    let operation = "Microsoft.Storage/storageAccounts/write";
    for opening in Opening::ALL {
        let fact = Fact::Opened(account.clone(), opening);
        if state.has(&fact) || state.is_banned(operation, account.spelled()) {
            continue;
        }
        let Some(document) = state.world.env.get(Kind::Resources, account.folded()) else { return };
        let mut opened = document.body.as_ref().clone();
        let bodies = opening.bodies(&opened);
        opening.open(&mut opened);
        let request = state.request(operation, false, account);
        let Some(allowed) = state.may(principal, &request) else { return };
        let passing = bodies.into_iter().find_map(|body| policy_allows(state, operation, account, body));
        let Some(deleted) = passing else { continue };
        let why = format!("{}, by {}", opening.words(), allowed.why);
        let mut node = allowed.into_node(state.node(operation, principal.as_str(), account.spelled(), &why));
        node.needs.insert(token);
        node.needs.extend(deleted);
        insert(state, Kind::Resources, account.folded(), opened);
        state.derive(fact, node);
    }
}

/// The container a jewel is or lies in, where its account is that.
pub fn container_of(jewel: &ResourceId, account: &ResourceId) -> Option<ResourceId> {
    let below = format!("{}/blobservices/default/containers/", account.folded());
    let name = jewel.folded().strip_prefix(&below)?.split('/').next().filter(|name| !name.is_empty())?;
    Some(ResourceId::new(&format!("{}/blobServices/default/containers/{name}", account.spelled())))
}

/// A jewel's container opened to everybody; worth it only where its account lets, or can be made to let, anybody in.
pub fn open_containers(state: &mut State<'_>, principal: &ObjectId, token: usize) {
    let operation = "Microsoft.Storage/storageAccounts/blobServices/containers/write";
    for jewel in state.jewels.clone() {
        let account = home(&jewel);
        let Some(container) = container_of(&jewel, &account) else { continue };
        let fact = Fact::Opened(container.clone(), Opening::Anonymous);
        let private = container_document(&state.world.env, &account, container.name())
            .is_some_and(|level| json::text(&level, "publicAccess").is_some_and(|l| l.eq_ignore_ascii_case("none")));
        if !private || state.has(&fact) || state.is_banned(operation, container.spelled()) {
            continue;
        }
        let Some(document) = state.world.env.get(Kind::Resources, container.folded()) else { continue };
        let mut body = document.body.as_ref().clone();
        body["properties"]["publicAccess"] = json!("Container");
        let request = state.request(operation, false, &container);
        let Some(allowed) = state.may(principal, &request) else { continue };
        let Some(deleted) = policy_allows(state, operation, &container, body.clone()) else { continue };
        let why = format!("open the container to everybody, by {}", allowed.why);
        let mut node = allowed.into_node(state.node(operation, principal.as_str(), container.spelled(), &why));
        node.needs.insert(token);
        node.needs.extend(deleted);
        insert(state, Kind::Resources, container.folded(), body);
        state.derive(fact, node);
    }
}

/// The fewest openings of the account that make it answer as well as with all of them; their nodes.
pub fn needed(
    state: &State<'_>,
    account: &ResourceId,
    before: &Value,
    as_good: &dyn Fn(&Value) -> bool,
) -> BTreeSet<usize> {
    let made: Vec<(Opening, usize)> = Opening::ALL
        .into_iter()
        .filter_map(|opening| Some((opening, state.node_of(&Fact::Opened(account.clone(), opening))?)))
        .collect();
    let mut choices: Vec<u32> = (0..1_u32 << made.len()).collect();
    choices.sort_by_key(|choice| choice.count_ones());
    for choice in choices {
        let chosen = || made.iter().enumerate().filter(|(at, _)| choice & (1 << at) != 0).map(|(_, one)| *one);
        let mut body = before.clone();
        chosen().for_each(|(opening, _)| opening.open(&mut body));
        if as_good(&body) {
            return chosen().map(|(_, node)| node).collect();
        }
    }
    made.into_iter().map(|(_, node)| node).collect()
}
