//! Latent paths: forward from what the attacker held to the crown jewels, by rules over capabilities.
//!
//! A least model of Horn rules: a rule's premises are capabilities and its gates are the deciders, asked in a world that
//! carries what the attacker has already changed (roles granted, locks deleted, properties written back). Every
//! operation adds to what the attacker can do and none takes away, so the order of rules changes only which path is
//! found first. Nothing is made for each principal × resource: rules look only at the scopes above the jewels, at
//! resources that carry identities, and at principals that hold something there.
//!
//! A run is searched once for every stretch of the window in which nothing a path could use was taken away
//! ([`Stretch`](crate::replay::Stretch)), from what the attacker held by its end: a path that was open at any moment is
//! open, and says until when.
//!
//! Kinds that were not collected open no path; the claim names them ([`RULES`], [`uncollected`]).

mod azure;
mod data;
mod entra;
mod estate;
mod execution;
mod grant;
mod guard;
mod held;
mod opening;
mod sign_in;
mod state;
mod vault;

pub use state::{Limit, Node, Path, State};

use crate::model::{Collected, Environment, Kind, ObjectId, ResourceId};
use crate::replay::{Engine, Run};
use std::collections::BTreeSet;

/// Names of the rules, as the claim counts them.
pub const RULES: &[&str] = &[
    "observed session",
    "hypothetical sign-in",
    "activate an eligible Azure role",
    "activate an eligible Entra role",
    "grant an Azure role, to oneself, a machine, an application or whom a condition names",
    "assign an Azure role through PIM",
    "become eligible for an Azure role",
    "weaken the rules of an activation",
    "redefine a custom role",
    "elevate access",
    "list or renew account keys, or have a SAS signed",
    "write a storage account",
    "open a container to everybody",
    "delete a lock",
    "delete a policy assignment, stop its enforcement, or exempt from it",
    "run code on a virtual machine, in Azure or connected to it",
    "run code on an app",
    "run a runbook",
    "edit a workflow",
    "deployment script with an identity",
    "attach an identity",
    "make something with an identity of its own",
    "token of a managed identity",
    "write a vault's access",
    "open a vault's network",
    "read a secret by a deployment",
    "export a disk",
    "copy a disk and export the copy",
    "read blobs with Entra ID",
    "read data with a key",
    "read blobs with a user delegation SAS",
    "read blobs anonymously",
    "read secrets",
    "keys of another service",
    "become administrator of a database server",
    "control of a resource",
    "reset a password",
    "add a credential to an application",
    "own an application",
    "add a member to a group",
    "own a group",
    "grant an Entra role",
    "grant an app role",
    "change conditional access",
];

/// Version of the rule table, printed with every claim.
pub const RULES_VERSION: &str = "2026-11";

/// Kinds whose absence the claim must name.
pub fn uncollected(env: &Environment) -> Vec<&'static str> {
    [
        Kind::RoleAssignments,
        Kind::DirectoryRoles,
        Kind::GroupMembers,
        Kind::Owners,
        Kind::Applications,
        Kind::ServicePrincipals,
        Kind::AppRoleAssignments,
        Kind::FederatedCredentials,
        Kind::Resources,
        Kind::Locks,
        Kind::DenyAssignments,
        Kind::PimEligibilities,
    ]
    .into_iter()
    .filter(|kind| env.collected(*kind) == Collected::No)
    .map(Kind::as_str)
    .collect()
}

/// The principals the attacker acts as or could come to act as, at any moment of one run.
pub fn principals(engine: &Engine<'_>, run: &Run, jewels: &[ResourceId]) -> BTreeSet<ObjectId> {
    let mut found = BTreeSet::new();
    for stretch in &run.stretches {
        let mut state = State::within(engine, run, stretch, jewels, Limit::Nothing);
        state.exhaustive();
        search(&mut state);
        found.extend(state.principals());
    }
    found
}

/// Whether (and how) a jewel is reached in one run's stage.
pub fn reach(engine: &Engine<'_>, run: &Run, jewel: &ResourceId) -> Option<Path> {
    reach_within(engine, run, std::slice::from_ref(jewel), &Limit::Nothing, None).pop().flatten()
}

/// Whether (and how) each jewel is reached.
pub fn reach_all(engine: &Engine<'_>, run: &Run, jewels: &[ResourceId]) -> Vec<Option<Path>> {
    reach_within(engine, run, jewels, &Limit::Nothing, None)
}

/// Whether (and how) each jewel is reached at some moment, the latest at which it is. `held`: somebody the attacker acts
/// as from the start.
pub fn reach_within(
    engine: &Engine<'_>,
    run: &Run,
    jewels: &[ResourceId],
    limit: &Limit,
    held: Option<&ObjectId>,
) -> Vec<Option<Path>> {
    let mut paths: Vec<Option<Path>> = jewels.iter().map(|_| None).collect();
    for stretch in run.stretches.iter().rev() {
        let open: Vec<(usize, ResourceId)> =
            jewels.iter().cloned().enumerate().filter(|(at, _)| paths.get(*at).is_some_and(Option::is_none)).collect();
        if open.is_empty() {
            break;
        }
        let wanted: Vec<ResourceId> = open.iter().map(|(_, jewel)| jewel.clone()).collect();
        let mut state = State::within(engine, run, stretch, &wanted, limit.clone());
        held.into_iter().for_each(|principal| state.hold(principal));
        search(&mut state);
        for (at, jewel) in open {
            if let Some(slot) = paths.get_mut(at) {
                *slot = state.path_to(&jewel);
            }
        }
    }
    paths
}

/// Rounds of all rules until nothing is added. Shorter paths first: what a round adds is used from the next round on.
pub fn search(state: &mut State<'_>) {
    loop {
        let before = state.size();
        state.sessions();
        data::rules(state);
        if state.all_reached() {
            return;
        }
        azure::rules(state);
        entra::rules(state);
        if state.size() == before {
            return;
        }
    }
}
