//! The graph that every diagram is drawn from: identities, roles, resources, and three kinds of edges told apart:
//! environment (assignment, member, contains), observed (step, yields), latent.

use super::Basis;
use crate::model::Evidence;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Graph {
    pub nodes: Vec<Node>,
    pub edges: Vec<Edge>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NodeKind {
    Identity,
    Role,
    Resource,
    Credential,
    Scope,
    Address,
}

impl NodeKind {
    pub fn word(self) -> &'static str {
        match self {
            NodeKind::Identity => "identity",
            NodeKind::Role => "role",
            NodeKind::Resource => "resource",
            NodeKind::Credential => "credential",
            NodeKind::Scope => "scope",
            NodeKind::Address => "address",
        }
    }

    /// Addresses and credentials stand with the identities, scopes with the resources.
    pub fn lane(self) -> Lane {
        match self {
            NodeKind::Identity | NodeKind::Credential | NodeKind::Address => Lane::Identities,
            NodeKind::Role => Lane::Roles,
            NodeKind::Resource | NodeKind::Scope => Lane::Resources,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Lane {
    Identities,
    Roles,
    Resources,
}

impl Lane {
    pub fn word(self) -> &'static str {
        match self {
            Lane::Identities => "identities",
            Lane::Roles => "roles",
            Lane::Resources => "resources",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Node {
    /// Stable: the folded id of what it stands for, with the kind in front where that could clash.
    pub id: String,
    pub kind: NodeKind,
    pub label: String,
    pub lane: Lane,
    /// A crown jewel.
    pub jewel: bool,
    /// What kind of thing: `user`, `managedIdentity`, `Microsoft.Compute/virtualMachines`, `Azure role`, …
    #[serde(default)]
    pub class: String,
    /// Second line in a diagram: scope of a role, resource group, display name.
    #[serde(default)]
    pub detail: String,
    /// Things folded into this node; 0 and 1 are the thing itself.
    #[serde(default)]
    pub count: u64,
    /// The attacker's way in.
    #[serde(default)]
    pub entry: bool,
    /// Made by the attack.
    #[serde(default)]
    pub created: bool,
    /// Stands in no snapshot and no record creates it.
    #[serde(default)]
    pub unexplained: bool,
    #[serde(default)]
    pub evidence: Vec<Evidence>,
}

impl Node {
    pub fn new(id: impl Into<String>, kind: NodeKind, label: impl Into<String>) -> Self {
        Node {
            id: id.into(),
            kind,
            label: label.into(),
            lane: kind.lane(),
            jewel: false,
            class: String::new(),
            detail: String::new(),
            count: 1,
            entry: false,
            created: false,
            unexplained: false,
            evidence: Vec::new(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EdgeKind {
    /// Observed: part of how a step went.
    Step,
    /// Environment: a role assignment.
    Assignment,
    /// Environment: member of a group.
    Member,
    /// Environment: scope contains scope or resource.
    Contains,
    /// Observed: what a step handed the attacker.
    Yields,
    /// Possible, not observed: part of a residual path.
    Latent,
}

impl EdgeKind {
    pub fn word(self) -> &'static str {
        match self {
            EdgeKind::Step => "step",
            EdgeKind::Assignment => "assignment",
            EdgeKind::Member => "member",
            EdgeKind::Contains => "contains",
            EdgeKind::Yields => "yields",
            EdgeKind::Latent => "latent",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Edge {
    pub id: String,
    /// Node ids.
    pub from: String,
    pub to: String,
    pub kind: EdgeKind,
    /// The step it belongs to (`step`, `yields`).
    pub step: Option<String>,
    pub basis: Option<Basis>,
    /// What it does, in a few words (`latent`: the rule; environment: `Reader`, `member of`).
    #[serde(default)]
    pub label: String,
    /// Ids of the residual paths it lies on.
    #[serde(default)]
    pub paths: Vec<String>,
    #[serde(default)]
    pub evidence: Vec<Evidence>,
}

impl Edge {
    pub fn new(id: impl Into<String>, from: impl Into<String>, to: impl Into<String>, kind: EdgeKind) -> Self {
        Edge {
            id: id.into(),
            from: from.into(),
            to: to.into(),
            kind,
            step: None,
            basis: None,
            label: String::new(),
            paths: Vec::new(),
            evidence: Vec::new(),
        }
    }
}
