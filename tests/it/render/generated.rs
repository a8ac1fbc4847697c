//! Analyses of a given size out of a seed: attacks with roles, keys, residual paths and a quiet rest.

use cutset::analysis::{Analysis, Basis, Closes, Control, Edge, EdgeKind, Node, NodeKind, ResidualPath, Step, Verdict};
use cutset::model::Level;

/// A small generator of our own: the same numbers everywhere.
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Numbers(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound.max(1)
    }
}

const NAMES: &[&str] = &[
    "proddata",
    "vm-temp-01",
    "kv-payments-prod-westeurope",
    "admin@northgateeng.com",
    "a",
    "Storage Blob Data Contributor",
    "sql-ledger-0001/databases/transactions_2026",
    "Ülker İşletme Grubu",
    "東京-本番-データ",
    "7f1d3c52-0a0b-4b53-9a59-0a7c1b1fb0de",
];

/// An attack over `nodes` nodes that goes from identity to identity, each with a few roles.
pub fn analysis(nodes: usize, seed: u64) -> Analysis {
    generate(nodes, seed, 5)
}

/// The same with everything joined at random: the worst a layout can be given.
pub fn tangle(nodes: usize, seed: u64) -> Analysis {
    generate(nodes, seed, 1)
}

/// One step in `order` leaves the course of the attack.
fn generate(nodes: usize, seed: u64, order: usize) -> Analysis {
    let mut numbers = Numbers::new(seed);
    let mut analysis = Analysis { schema: Analysis::SCHEMA.to_owned(), ..Analysis::default() };
    analysis.incident.title = Some("Generated incident".to_owned());
    for (id, short) in [("control-a", Some("loc")), ("control-b", Some("key")), ("control-c", None)] {
        analysis.controls.push(control(id, short));
    }
    let resources = (nodes * (55 + numbers.below(25)) / 100).clamp(2, nodes - 3);
    let identities = ((nodes - resources) * 6 / 10).max(2);
    let roles = (nodes - resources - identities).max(1);
    let name = |numbers: &mut Numbers, number: usize| {
        format!(
            "{}{}",
            NAMES[numbers.below(NAMES.len())],
            if number < 4 { String::new() } else { format!("-{number}") }
        )
    };
    for number in 0..identities {
        let kind = match number {
            0 => NodeKind::Address,
            _ if numbers.below(4) == 0 => NodeKind::Credential,
            _ => NodeKind::Identity,
        };
        let mut node = Node::new(format!("identity-{number}"), kind, name(&mut numbers, number));
        node.entry = number == 0;
        node.detail = if numbers.below(2) == 0 { String::new() } else { "service principal of the pipeline".into() };
        analysis.graph.nodes.push(node);
    }
    for number in 0..roles {
        let mut node = Node::new(format!("role-{number}"), NodeKind::Role, name(&mut numbers, number));
        node.detail = "rg-production".into();
        analysis.graph.nodes.push(node);
    }
    for number in 0..resources {
        let kind = if numbers.below(6) == 0 { NodeKind::Scope } else { NodeKind::Resource };
        let mut node = Node::new(format!("resource-{number}"), kind, name(&mut numbers, number));
        node.class = "Microsoft.Compute/virtualMachines".into();
        node.detail = if numbers.below(3) == 0 { String::new() } else { "rg-production".into() };
        node.jewel = numbers.below(12) == 0;
        node.unexplained = numbers.below(15) == 0;
        analysis.graph.nodes.push(node);
    }
    for resource in 0..resources {
        let step = format!("s{}", analysis.steps.len() + 1);
        analysis.steps.push(make_step(&step, &mut numbers));
        let mut identity = 1 + resource * (identities - 1) / resources;
        let mut role = identity * roles / identities + numbers.below(2);
        if numbers.below(order) == 0 {
            (identity, role) = (1 + numbers.below(identities - 1), numbers.below(roles));
        }
        let role = role.min(roles - 1);
        let (identity, role, target) =
            (format!("identity-{identity}"), format!("role-{role}"), format!("resource-{resource}"));
        match numbers.below(6) {
            0 => edge(&mut analysis, &identity, &target, EdgeKind::Step, Some(&step)),
            _ => {
                edge(&mut analysis, &identity, &role, EdgeKind::Step, Some(&step));
                edge(&mut analysis, &role, &target, EdgeKind::Step, Some(&step));
            }
        }
        match numbers.below(8) {
            0 => edge(&mut analysis, &target, &identity, EdgeKind::Yields, Some(&step)),
            1 => edge(&mut analysis, &role, &target, EdgeKind::Latent, None),
            2 if resource > 0 => {
                let parent = format!("resource-{}", numbers.below(resource));
                edge(&mut analysis, &parent, &target, EdgeKind::Contains, None);
            }
            _ => {}
        }
    }
    for identity in 1..identities {
        let step = format!("s{}", analysis.steps.len() + 1);
        analysis.steps.push(make_step(&step, &mut numbers));
        let before = if numbers.below(3) == 0 { 0 } else { identity - 1 };
        edge(
            &mut analysis,
            &format!("identity-{before}"),
            &format!("identity-{identity}"),
            EdgeKind::Step,
            Some(&step),
        );
    }
    for role in 0..roles {
        let identity = format!("identity-{}", 1 + numbers.below(identities - 1));
        edge(&mut analysis, &identity, &format!("role-{role}"), EdgeKind::Assignment, None);
    }
    analysis.residual_paths.push(ResidualPath {
        with: vec!["control-b".into()],
        to: "resource-0".into(),
        steps: Vec::new(),
        cut_by: vec![vec!["control-a".into()]],
        id: "p1".into(),
        open: Some(Closes::NotClosed),
        words: Vec::new(),
        missing: Vec::new(),
        short: "another way".into(),
        conditions: Vec::new(),
        from: None,
        until: None,
    });
    analysis
}

fn edge(analysis: &mut Analysis, from: &str, to: &str, kind: EdgeKind, step: Option<&str>) {
    let mut edge = Edge::new(format!("e{}", analysis.graph.edges.len() + 1), from, to, kind);
    edge.step = step.map(str::to_owned);
    edge.basis = Some(Basis::Exact);
    if kind == EdgeKind::Latent {
        edge.paths = vec!["p1".into()];
        edge.label = "grant a data role, then read".into();
    }
    analysis.graph.edges.push(edge);
}

fn control(id: &str, short: Option<&str>) -> Control {
    let value = serde_json::json!({
        "id": id, "title": format!("Title of {id}, long enough to be cut somewhere"), "family": "lock",
        "origin": "catalogue", "effort": 2, "requires": { "licence": [] }, "cuts_directly": [], "cuts": [],
        "challenges": [], "first_cut": null, "bytes_prevented": 0, "loosening": null, "closes": "not-closed",
        "words": [], "residual_paths": 0, "short": short,
        "collateral": { "evaluated": 0, "cut": 0, "challenged": 0, "unknown": 0, "who": [] },
    });
    serde_json::from_value(value).expect("a control")
}

fn make_step(id: &str, numbers: &mut Numbers) -> Step {
    let minute = 10 + numbers.below(49);
    let action = ["listKeys", "create a virtual machine in another region", "GetBlob x847", "SecretGet"];
    let value = serde_json::json!({
        "id": id, "key": id, "time": format!("2026-03-21T03:{minute}:00Z"), "end": "2026-03-21T04:00:00Z",
        "phase": "Collection", "technique": [], "action": action[numbers.below(4)], "actor": "admin", "source_ip": null,
        "target": "target", "count": 1, "bytes": numbers.below(3) * 1_234_567, "outcome": "success", "needs": [],
        "yields": [], "verdicts": [], "cut_by": [], "alerts": [], "why_in": "", "evidence": [],
    });
    let mut step: Step = serde_json::from_value(value).expect("a step");
    for control in ["control-a", "control-b", "control-c"] {
        let level = [Level::Cut, Level::Challenged, Level::Unknown, Level::NotCut][numbers.below(4)];
        let mut verdict = Verdict::new(control, level);
        if level == Level::Challenged {
            verdict.words = vec!["secondFactor".into()];
        }
        step.verdicts.push(verdict);
    }
    step
}
