//! What of a storage account, and of its containers, an attacker who may write them opens again.
//!
//! Exact: Azure Policy judges the account as a write would leave it, so every account that one write could leave is a
//! state of its own ([`Opened`]): which ways in it opens, and what it does with the others. A policy that refuses two of
//! them together leaves each alone, one that refuses each alone but not both lets both through. A read is asked of each
//! state the policies let be; it never takes from two.
//!
//! Sources: *Prevent Shared Key authorization*, *Configure Azure Storage firewalls and virtual networks*, *Configure
//! anonymous read access for containers and blobs*, *Azure Policy definition structure policy rule*.

use super::azure::{insert, policy_allows};
use super::state::{Fact, State};
use crate::effect::container_document;
use crate::model::{Kind, ObjectId, ResourceId, json};
use serde_json::{Value, json};

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
}

/// What a write leaves the other ways in as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Others {
    AsTheyAre,
    /// Keys and anonymous reading shut: what policies on accounts ask most.
    KeysAndAnonymousShut,
    AllShut,
}

/// A state that one write leaves an account (or a container) in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Opened {
    /// How many ways in it opens: the fewer the better.
    ways: u8,
    opens: [bool; 3],
    others: Others,
}

impl Opened {
    /// Every state, those that open the least first.
    fn all() -> impl Iterator<Item = Opened> {
        let mut all = Vec::new();
        for pick in 1..1_u8 << Opening::ALL.len() {
            let opens = [0, 1, 2].map(|bit| pick & (1 << bit) != 0);
            for others in [Others::AsTheyAre, Others::KeysAndAnonymousShut, Others::AllShut] {
                all.push(Opened { ways: pick.count_ones() as u8, opens, others });
            }
        }
        all.sort();
        all.into_iter()
    }

    /// Of a container: open to everybody.
    pub const CONTAINER: Opened = Opened { ways: 1, opens: [false, false, true], others: Others::AsTheyAre };

    /// Of a vault: open to every network.
    pub const NETWORKS: Opened = Opened { ways: 1, opens: [true, false, false], others: Others::AsTheyAre };

    fn openings(self) -> impl Iterator<Item = (Opening, bool)> {
        Opening::ALL.into_iter().zip(self.opens)
    }

    /// The account as the write leaves it.
    pub fn body(self, account: &Value) -> Value {
        let mut body = account.clone();
        for (opening, opens) in self.openings() {
            let shuts = match self.others {
                Others::AsTheyAre => false,
                Others::KeysAndAnonymousShut => opening != Opening::Networks,
                Others::AllShut => true,
            };
            if opens {
                opening.open(&mut body);
            } else if shuts {
                opening.shut(&mut body);
            }
        }
        body
    }

    fn words(self) -> String {
        let words: Vec<&str> = self.openings().filter(|(_, opens)| *opens).map(|(o, _)| o.words()).collect();
        words.join(" and ")
    }
}

pub fn open_accounts(state: &mut State<'_>, principal: &ObjectId, token: usize, account: &ResourceId) {
    let operation = "Microsoft.Storage/storageAccounts/write";
    if state.is_never(operation) || state.is_banned(operation, account.spelled()) {
        return;
    }
    let Some(document) = state.world.env.get(Kind::Resources, account.folded()) else { return };
    let now = document.body.clone();
    let shut = |opening: Opening| {
        let mut open = now.as_ref().clone();
        opening.open(&mut open);
        open != *now
    };
    let shut: Vec<bool> = Opening::ALL.into_iter().map(shut).collect();
    let request = state.request(operation, false, account);
    if state.may(principal, &request).is_none() {
        return;
    }
    for opened in Opened::all() {
        // What is open as it is need not be opened.
        let needless = opened.opens.iter().zip(&shut).any(|(opens, shut)| *opens && !shut);
        let fact = Fact::Opened(account.clone(), opened);
        if needless || state.has(&fact) {
            continue;
        }
        let Some(deleted) = policy_allows(state, operation, account, opened.body(&now)) else { continue };
        let Some(allowed) = state.may(principal, &request) else { return };
        let why = format!("{}, by {}", opened.words(), allowed.why);
        let mut node = allowed.into_node(state.node(operation, principal.as_str(), account.spelled(), &why));
        node.needs.insert(token);
        node.needs.extend(deleted);
        state.derive(fact, node);
    }
}

/// The states an account can be put in by now, each with the node that does; as it is comes first, with none.
pub fn states(state: &State<'_>, account: &ResourceId, now: &Value) -> Vec<(Value, Option<usize>)> {
    let mut all = vec![(now.clone(), None)];
    let made = state.facts().filter_map(|(fact, node)| match fact {
        Fact::Opened(of, opened) if of == account => Some((opened.body(now), Some(node))),
        _ => None,
    });
    all.extend(made);
    all
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
        let account = jewel.home();
        let Some(container) = container_of(&jewel, &account) else { continue };
        let fact = Fact::Opened(container.clone(), Opened::CONTAINER);
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
