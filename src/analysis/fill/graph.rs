//! `graph`: identities, roles and resources as a directed graph, with environment, observed and latent edges told
//! apart. Only what lies on a step, holds it up, or lies on a residual path; the rest of the estate is not drawn.

use super::super::contract::{Analysis, Basis, Edge, EdgeKind, Graph, Node, NodeKind};
use super::{Filling, names};
use crate::causal::SupportFrom;
use crate::correlate::Step;
use crate::effect::{Capability, account_document, yields};
use crate::model::{Detail, Event, Kind, ObjectId, ResourceId, json};
use petgraph::graph::{DiGraph, NodeIndex};
use std::collections::BTreeMap;

struct Drawing<'a> {
    filling: &'a Filling<'a>,
    graph: DiGraph<Node, Edge>,
    index: BTreeMap<String, NodeIndex>,
    edges: u32,
}

pub fn fill(filling: &Filling<'_>, analysis: &mut Analysis) {
    let mut drawing = Drawing { filling, graph: DiGraph::new(), index: BTreeMap::new(), edges: 0 };
    for (n, step) in filling.engine.case.correlated.steps.iter().enumerate() {
        if let Some(event) = filling.engine.event(n) {
            drawing.step(n, step, event);
        }
    }
    drawing.environment();
    drawing.latent(analysis);
    let mut nodes: Vec<Node> = drawing.graph.node_weights().cloned().collect();
    nodes.sort_by(|a, b| a.id.cmp(&b.id));
    let mut edges: Vec<Edge> = drawing.graph.edge_weights().cloned().collect();
    edges.sort_by_key(|e| e.id.trim_start_matches('e').parse::<u64>().unwrap_or(u64::MAX));
    analysis.graph = Graph { nodes, edges };
}

impl Drawing<'_> {
    fn put(&mut self, node: Node) -> String {
        let id = node.id.clone();
        if !self.index.contains_key(&id) {
            let at = self.graph.add_node(node);
            self.index.insert(id.clone(), at);
        }
        id
    }

    fn edge(&mut self, from: &str, to: &str, kind: EdgeKind, step: Option<&str>, label: &str, basis: Option<Basis>) {
        let (Some(a), Some(b)) = (self.index.get(from).copied(), self.index.get(to).copied()) else { return };
        let same = self.graph.edges_connecting(a, b).any(|e| {
            let e = e.weight();
            e.kind == kind && e.step.as_deref() == step && (kind != EdgeKind::Latent || e.label == label)
        });
        if same {
            return;
        }
        self.edges += 1;
        let mut edge = Edge::new(format!("e{}", self.edges), from, to, kind);
        edge.step = step.map(str::to_owned);
        edge.label = label.to_owned();
        edge.basis = basis;
        self.graph.add_edge(a, b, edge);
    }

    fn address(&mut self, ip: &str, country: Option<&str>) -> String {
        let mut node = Node::new(format!("address:{ip}"), NodeKind::Address, ip);
        node.class = "address".to_owned();
        node.detail = country.unwrap_or_default().to_owned();
        node.entry = true;
        self.put(node)
    }

    fn identity(&mut self, id: &ObjectId) -> String {
        let env = &self.filling.engine.world.env;
        let mut node = Node::new(format!("identity:{id}"), NodeKind::Identity, names::principal(self.filling, id));
        let user = env.get(Kind::Users, id.as_str());
        node.class = if user.is_some() { "user" } else { "servicePrincipal" }.to_owned();
        let document = user.or_else(|| env.get(Kind::ServicePrincipals, id.as_str()));
        let display = document.and_then(|d| json::text(&d.body, "displayName")).unwrap_or_default();
        node.detail = if display == node.label { String::new() } else { display.to_owned() };
        node.evidence = document.map(|d| d.evidence.clone()).into_iter().collect();
        self.put(node)
    }

    fn resource(&mut self, id: &ResourceId, created: bool) -> String {
        let env = &self.filling.engine.world.env;
        let document = env.resource(id);
        let kind = id.resource_type().unwrap_or_default();
        let scope = matches!(
            kind.as_str(),
            "Microsoft.Resources/subscriptions" | "Microsoft.Resources/subscriptions/resourceGroups"
        ) || id.folded().starts_with("/providers/microsoft.management/")
            || id.folded() == "/";
        let node_kind = if scope { NodeKind::Scope } else { NodeKind::Resource };
        let label = if scope { names::scope(env, id) } else { id.name().to_owned() };
        let mut node = Node::new(format!("resource:{}", id.folded()), node_kind, label);
        node.class = match kind.as_str() {
            "Microsoft.Storage/storageAccounts/blobServices/containers" => "blob container".to_owned(),
            _ => kind,
        };
        node.detail = if scope {
            if id.subscription().as_ref() == Some(id) { "subscription".to_owned() } else { String::new() }
        } else if node.class == "blob container" {
            id.parent().and_then(|p| p.parent()).map(|p| p.name().to_owned()).unwrap_or_default()
        } else {
            id.resource_group().map(|g| g.name().to_owned()).unwrap_or_default()
        };
        node.created = created;
        let jewels = &self.filling.engine.case.jewels;
        node.jewel = jewels.iter().any(|(jewel, _)| jewel == id);
        node.unexplained = !created
            && document.is_none()
            && self.filling.engine.factual.unexplained.iter().any(|w| w.part == format!("exists({})", id.folded()));
        node.evidence = document.map(|d| d.evidence.clone()).into_iter().collect();
        self.put(node)
    }

    fn role(&mut self, assignment: &str, role: &str, scope: &ResourceId, created: bool) -> String {
        let env = &self.filling.engine.world.env;
        let mut node =
            Node::new(format!("role:{}", assignment.to_lowercase()), NodeKind::Role, names::azure_role(env, role));
        node.class = "Azure role".to_owned();
        node.detail = names::scope(env, scope);
        node.created = created;
        self.put(node)
    }

    fn credential(&mut self, account: &ResourceId) -> String {
        let id = format!("credential:{}", account.folded());
        let mut node = Node::new(id, NodeKind::Credential, format!("{} key", account.name()));
        node.class = "accountKey".to_owned();
        node.detail = "account key".to_owned();
        self.put(node)
    }

    /// The role that allowed a step, as a node.
    fn role_of(&mut self, n: usize) -> Option<(String, Basis)> {
        let grants = self.filling.engine.factual_grants(n).to_vec();
        let (assignment, maker) = grants.first()?;
        match maker {
            Some(step) => {
                let event = self.filling.engine.event(*step)?;
                let granted =
                    yields(&self.filling.engine.world.env, event).into_iter().find_map(|y| match y.capability {
                        Capability::AzureRole { role, scope, .. } => Some((role, scope)),
                        _ => None,
                    })?;
                Some((self.role(assignment, &granted.0, &granted.1, true), Basis::Exact))
            }
            None => {
                let env = &self.filling.engine.world.env;
                let body = env.get(Kind::RoleAssignments, assignment)?.body.clone();
                let role = json::text(&body, "properties.roleDefinitionId")?.to_owned();
                let scope = crate::control::extension_scope(&body, "Microsoft.Authorization/roleAssignments")?;
                Some((self.role(assignment, &role, &scope, false), Basis::Environment))
            }
        }
    }

    fn step(&mut self, n: usize, step: &Step, event: &Event) {
        let id = Some(step.id.as_str());
        let principal = self.filling.engine.links(n).principal.clone();
        match &event.detail {
            Detail::SignIn(_) => {
                let Some(principal) = principal else { return };
                let to = self.identity(&principal);
                if let Some(ip) = step.source_ip.known() {
                    let from = self.address(&ip.to_string(), event.country.known().map(String::as_str));
                    self.edge(&from, &to, EdgeKind::Step, id, "", None);
                }
            }
            Detail::Arm(detail) => {
                let extension = crate::control::extension_scope_of(&detail.resource);
                let created = step.action.to_lowercase().ends_with("/write")
                    && self.filling.engine.maker_of(&detail.resource) == Some(n)
                    && self.filling.engine.world.env.resource(&detail.resource).is_none();
                let target = match &extension {
                    Some(scope) => self.resource(scope, false),
                    None => self.resource(&detail.resource, created),
                };
                let Some(principal) = principal else { return };
                let from = self.identity(&principal);
                match self.role_of(n) {
                    Some((role, basis)) => {
                        self.edge(&from, &role, EdgeKind::Step, id, "", Some(basis));
                        self.edge(&role, &target, EdgeKind::Step, id, "", None);
                    }
                    None => self.edge(&from, &target, EdgeKind::Step, id, "", None),
                }
                for yielded in yields(&self.filling.engine.world.env, event) {
                    match yielded.capability {
                        Capability::AzureRole { role, scope, .. } => {
                            let made = self.role(detail.resource.folded(), &role, &scope, true);
                            self.edge(&target, &made, EdgeKind::Yields, id, "grants", Some(Basis::Exact));
                        }
                        Capability::StorageKey { account } => {
                            let key = self.credential(&account);
                            self.edge(&target, &key, EdgeKind::Yields, id, "key", Some(Basis::Assumed));
                        }
                        Capability::Session { .. }
                        | Capability::Sas { .. }
                        | Capability::DelegationKey { .. }
                        | Capability::Execution { .. }
                        | Capability::Credential { .. }
                        | Capability::Secret { .. } => {}
                    }
                }
            }
            Detail::Data(detail) => {
                let account = account_document(&self.filling.engine.world.env, detail).map(|(id, _)| id);
                let touched = step
                    .target_id
                    .as_deref()
                    .filter(|t| t.starts_with('/'))
                    .map(ResourceId::new)
                    .or_else(|| account.clone());
                let Some(touched) = touched else { return };
                let to = self.resource(&touched, false);
                let keyed = self.filling.engine.links(n).key.is_some();
                if keyed && let Some(account) = account {
                    let from = self.credential(&account);
                    let listed = self
                        .filling
                        .engine
                        .links(n)
                        .key
                        .as_ref()
                        .is_some_and(|k| k.supports.iter().any(|s| matches!(s.from, SupportFrom::Step(_))));
                    let basis = if listed { Basis::Assumed } else { Basis::Unexplained };
                    self.edge(&from, &to, EdgeKind::Step, id, "", Some(basis));
                } else if let Some(principal) = principal {
                    let from = self.identity(&principal);
                    match self.role_of(n) {
                        Some((role, basis)) => {
                            self.edge(&from, &role, EdgeKind::Step, id, "", Some(basis));
                            self.edge(&role, &to, EdgeKind::Step, id, "", None);
                        }
                        None => self.edge(&from, &to, EdgeKind::Step, id, "", None),
                    }
                } else if let Some(ip) = step.source_ip.known() {
                    let from = self.address(&ip.to_string(), event.country.known().map(String::as_str));
                    self.edge(&from, &to, EdgeKind::Step, id, "", None);
                }
            }
            Detail::Directory(detail) => {
                let Some(principal) = principal else { return };
                let from = self.identity(&principal);
                for target in &detail.targets {
                    let Some(target_id) = &target.id else { continue };
                    let object = ObjectId::new(target_id);
                    let to = self.identity(&object);
                    if to != from {
                        self.edge(&from, &to, EdgeKind::Step, id, &step.action, None);
                    }
                }
            }
            Detail::Alert(_) | Detail::Context(_) => {}
        }
    }

    /// Roles that the attacked principals hold, and what contains what is drawn.
    fn environment(&mut self) {
        let engine = self.filling.engine;
        let env = &engine.world.env;
        let principals: Vec<ObjectId> =
            self.index.keys().filter_map(|id| id.strip_prefix("identity:")).map(ObjectId::new).collect();
        for principal in principals {
            let groups = env.transitive_groups(&principal);
            let held: Vec<(String, String, ResourceId, ObjectId)> = env
                .of(Kind::RoleAssignments)
                .filter_map(|(key, document)| {
                    let holder = ObjectId::new(json::text(&document.body, "properties.principalId")?);
                    let mine = holder == principal || groups.known().is_some_and(|g| g.contains(&holder));
                    let role = json::text(&document.body, "properties.roleDefinitionId")?.to_owned();
                    let scope =
                        crate::control::extension_scope(&document.body, "Microsoft.Authorization/roleAssignments")?;
                    mine.then(|| (key.to_owned(), role, scope, holder))
                })
                .take(12)
                .collect();
            for (key, role, scope, holder) in held {
                let from = self.identity(&principal);
                let node = self.role(&key, &role, &scope, false);
                let at = self.resource(&scope, false);
                if holder == principal {
                    self.edge(&from, &node, EdgeKind::Assignment, None, "", Some(Basis::Environment));
                } else {
                    let mut group = Node::new(
                        format!("identity:{holder}"),
                        NodeKind::Identity,
                        names::principal(self.filling, &holder),
                    );
                    group.class = "group".to_owned();
                    let group = self.put(group);
                    self.edge(&from, &group, EdgeKind::Member, None, "member of", Some(Basis::Environment));
                    self.edge(&group, &node, EdgeKind::Assignment, None, "", Some(Basis::Environment));
                }
                self.edge(&node, &at, EdgeKind::Assignment, None, "", Some(Basis::Environment));
            }
        }
        let drawn: Vec<ResourceId> =
            self.index.keys().filter_map(|id| id.strip_prefix("resource:")).map(ResourceId::new).collect();
        for id in &drawn {
            let above = drawn
                .iter()
                .filter(|other| *other != id && other.contains(id))
                .max_by_key(|other| other.folded().len());
            if let Some(above) = above {
                let (from, to) = (format!("resource:{}", above.folded()), format!("resource:{}", id.folded()));
                self.edge(&from, &to, EdgeKind::Contains, None, "", Some(Basis::Environment));
            }
        }
    }

    /// The detours of the residual paths: from who acts to what is reached, labelled with what they do.
    fn latent(&mut self, analysis: &Analysis) {
        for path in &analysis.residual_paths {
            let Some(actor) = path.steps.iter().find(|s| s.step.is_none() && s.action != "SignIn") else { continue };
            let from = super::resolve_principal(&self.filling.engine.world.env, &actor.from)
                .map(|id| format!("identity:{id}"))
                .or_else(|| {
                    self.index
                        .contains_key(&format!("resource:{}", actor.from.to_lowercase()))
                        .then(|| format!("resource:{}", actor.from.to_lowercase()))
                });
            let Some(from) = from else { continue };
            let to = self.resource(&ResourceId::new(&path.to), false);
            let label = path.short.trim_start_matches("attacker ").to_owned();
            self.edge(&from, &to, EdgeKind::Latent, None, &label, None);
            let (Some(a), Some(b)) = (self.index.get(&from).copied(), self.index.get(&to).copied()) else { continue };
            let edges: Vec<_> = self.graph.edges_connecting(a, b).map(|e| petgraph::visit::EdgeRef::id(&e)).collect();
            for edge in edges {
                if let Some(weight) = self.graph.edge_weight_mut(edge)
                    && weight.kind == EdgeKind::Latent
                    && weight.label == label
                    && !weight.paths.contains(&path.id)
                {
                    weight.paths.push(path.id.clone());
                }
            }
        }
    }
}
